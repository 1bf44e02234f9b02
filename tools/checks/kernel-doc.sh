#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every kernel-doc comment of the modules and headers says what it must.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

linux=$(tools/linux-files) || exit 1

for file in $(check_files .c .h | grep -E '^((drivers|include|samples/mdev-sample)/|samples/guest/[^/]*$)'); do
	perl "$linux/scripts/kernel-doc" -none -Wall "$file" \
		>"$check_work/complaints" 2>&1
	check_result "$file" "$check_work/complaints"
done
check_end
