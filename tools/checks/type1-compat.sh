#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Each difference from stock type1 that dirty_type1_test expects has its reason
# in Documentation/type1-compat.rst, and none is described there that is not
# tested.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

# The last string of an entry, and the terms of the definition lists.
sed -n '/^type1_differences\|^const struct/,$ { /^\t\t"[a-z0-9-]*",$/ { N; /\n\t},$/ s/^\t\t"\(.*\)",\n.*/\1/p } }' \
	tools/testing/selftests/lib/type1_differences.c | sort -u >"$check_work/tested"
# shellcheck disable=SC2016 # literally
sed -n 's/^``\([a-z0-9-]*\)``$/\1/p' Documentation/type1-compat.rst |
	sort >"$check_work/described"
diff "$check_work/tested" "$check_work/described" >"$check_work/complaints"
[ -s "$check_work/tested" ] || echo "no differences found" >"$check_work/complaints"
check_result "differences are described, and those alone" "$check_work/complaints"
check_end
