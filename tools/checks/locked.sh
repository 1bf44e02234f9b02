#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A function whose name ends in _locked asserts that the lock is held.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

# locked_silent FILE: those of its functions that do not.
locked_silent()
{
	awk '{ line[FNR] = $0 }
		/^{/ {
			name = ""
			asserts = 0
			for (i = FNR - 1; i > 0 && line[i] !~ /^$|^[}#]|\*\/$/; i--)
				if (match(line[i], /[a-z0-9_]+_locked\(/))
					name = substr(line[i], RSTART, RLENGTH)
		}
		/(lockdep_assert_held|mmap_assert_locked)\(/ { asserts = 1 }
		/^}/ {
			if (name != "" && !asserts)
				print FILENAME ": " name ") does not say which lock"
			name = ""
		}' "$1"
}

looked=0
while read -r file; do
	looked=$((looked + $(grep -cE '_locked\(' "$file")))
	locked_silent "$file"
done < <(check_files .c .h | grep -E '^(drivers|samples|tools/testing/modules)/') \
	>"$check_work/complaints"
[ "$looked" -gt 100 ] || echo "looked at $looked lines only" >>"$check_work/complaints"
check_result "$looked lines" "$check_work/complaints"
check_end
