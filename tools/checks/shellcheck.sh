#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every shell script is clean for shellcheck; they are found by its first line.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

scripts=$(find . \( -path ./.git -o -path ./build \) -prune -o -type f -print |
	while read -r file; do
		case $(head -c 64 "$file" | head -n 1 | tr -d '\0') in
		'#!'*sh*) echo "${file#./}" ;;
		esac
	done | sort)

for file in $scripts tools/checks/lib.sh; do
	shellcheck -x "$file" >"$check_work/complaints" 2>&1
	check_result "$file" "$check_work/complaints"
done
check_end
