#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Files of at most 700 lines, functions of less than 60: what a reader can
# keep in mind. Relies on kernel style: a body begins with "{" and ends with
# "}" in the first column.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

longest_file=700
longest_function=60

for file in $(check_files .c .h .py .sh .rst); do
	lines=$(wc -l <"$file")
	[ "$lines" -le "$longest_file" ] || echo "$file: $lines lines"
done >"$check_work/complaints"
check_result "files" "$check_work/complaints"

# shellcheck disable=SC2046 # names without blanks
awk -v most="$longest_function" '
	FNR == 1 { inside = 0 }
	/^[a-zA-Z].*\(/ { name = $0 }
	/^{/ { inside = 1; first = FNR }
	/^}/ && inside {
		if (FNR - first - 1 >= most)
			print FILENAME ":" first ": " FNR - first - 1 " lines: " name
		inside = 0
	}' $(check_files .c .h) >"$check_work/complaints"
check_result "functions" "$check_work/complaints"
check_end
