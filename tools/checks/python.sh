#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every Python file is clean for pyflakes, and its lines have 80 characters at
# most.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

for file in $(check_files .py); do
	{
		pyflakes3 "$file" 2>&1
		awk -v file="$file" 'length > 80 {
			print file ":" FNR ": a line of " length " characters"
		}' "$file"
	} >"$check_work/complaints"
	check_result "$file" "$check_work/complaints"
done
check_end
