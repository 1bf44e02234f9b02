#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The mutants of tools/testing/mutants/ can be planted: each says what it is, changes
# a few lines at most, applies to the tree as it is, and names tests that exist. Whether
# these notice it is found out by "make mutants".

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tools/testing/mutants/lib.sh
. tools/testing/mutants/lib.sh

# The sources of the tests, without blanks: a macro and the name may be on two lines.
squeezed()
{
	tr -d ' \t\n' <"$1"
}

# check_test TEST: complains of what is no test.
check_test()
{
	local source name=${1##*.}

	source=$(mutants_source "$1")
	if [ -z "$source" ]; then
		echo "there is no program for $1"
		return
	fi
	[[ $1 == *.sh || $1 != *.* ]] && return
	squeezed "$source" |
		grep -qE "(TEST(_F|_F_TIMEOUT|_TIMEOUT)?|UNIT_TEST)\(([a-z0-9_]+,)?${name}[,)]" ||
		echo "$source has no test $name"
}

check_mutant()
{
	local file=tools/testing/mutants/$1.patch tests lines
	[ -n "$(mutants_field "$1" mutant)" ] || echo "no line 'mutant:'"
	read -ra tests < <(mutants_field "$1" test)
	[ "${#tests[@]}" -gt 0 ] || echo "no line 'test:'"
	for test in "${tests[@]}"; do
		check_test "$test"
	done
	for sign in + -; do
		lines=$(sed '1,/^@@/d' "$file" | grep -c "^[$sign]")
		[ "$lines" -le 4 ] || echo "$lines lines with '$sign'"
	done
	mutants_patch . "$1" --dry-run
}

for name in $(mutants_all); do
	check_mutant "$name" 2>&1 | sed "s/^/$name: /"
done >"$check_work/complaints"
check_result "$(mutants_all | wc -l) mutants" "$check_work/complaints"
check_end
