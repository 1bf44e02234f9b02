#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The headers of the ABI are of use to any program: they stand alone, in old C
# and in C++, and no structure has a hole that a compiler fills as it likes.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

for header in include/uapi/linux/*.h; do
	echo "#include <linux/$(basename "$header")>" >"$check_work/one.c"
	cp "$check_work/one.c" "$check_work/one.cc"
	{
		gcc -std=c90 -Wall -Wextra -Wpadded -Werror -fsyntax-only \
			-Iinclude/uapi "$check_work/one.c"
		g++ -std=c++98 -Wall -Wextra -Wno-long-long -Werror \
			-fsyntax-only -Iinclude/uapi "$check_work/one.cc"
	} >"$check_work/complaints" 2>&1
	check_result "$header" "$check_work/complaints"
done
check_end
