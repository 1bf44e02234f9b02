# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced: what a mutant's file says. A mutant is NAME.patch: a line "mutant:" with
# what is wrong in it, lines "test:" with the tests that must notice, maybe a line
# "kernel:" with what they run on, or "last:" with why the VM is of no use after it
# although it does not show, and the patch.

mutants=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mutants_top=$(cd "$mutants/../../.." && pwd)

# The names of all, in order.
mutants_all()
{
	find "$mutants" -name '*.patch' -printf '%f\n' | sed 's/\.patch$//' | sort
}

# mutants_field NAME FIELD: what its lines "FIELD:" say, in one line.
mutants_field()
{
	sed -n "/^--- /q; s/^$2: *//p" "$mutants/$1.patch" | paste -sd " "
}

# Where its tests run: a series, or a kernel of tools/kernel/build.sh.
mutants_kernel()
{
	local kernel

	kernel=$(mutants_field "$1" kernel)
	echo "${kernel:-6.12}"
}

# A test is PROGRAM, PROGRAM.TEST or PROGRAM.FIXTURE.TEST. The source of its program; nothing if there is
# none.
mutants_source()
{
	local program=${1%%.*}

	[[ $1 != *.sh ]] || program=$1
	find "$mutants_top/tools/testing/selftests" "$mutants_top/tools/testing/unit" \
		\( -name "$program" -o -name "$program.c" \) -type f | head -n 1
}

# Is it one of those that need no VM?
mutants_is_unit()
{
	[[ $(mutants_source "$1") == */unit/* ]]
}

# mutants_patch TREE NAME OPTION...: quietly, unless it fails.
mutants_patch()
{
	local tree=$1 name=$2
	shift 2

	patch -d "$tree" -p1 -F0 --force --silent --no-backup-if-mismatch -r - "$@" \
		<"$mutants/$name.patch"
}
