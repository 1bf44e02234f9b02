#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tables of functions are const in the modules: whoever can write to one calls
# what it likes. So none is defined without const, and none is part of a structure.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

check_files .c .h | grep -E '^(drivers|include|samples/mdev-sample|tools/testing/modules)/' \
	>"$check_work/files"

# The lines of a file that define such a table, or have one by value.
xargs grep -HnE '^[[:space:]]*(static )?struct [a-z0-9_]*(_ops|_operations|_group) [a-z0-9_]+(\[[^]]*\])?( =|;)' \
	<"$check_work/files" >"$check_work/complaints"
check_result "$(wc -l <"$check_work/files") files" "$check_work/complaints"
check_end
