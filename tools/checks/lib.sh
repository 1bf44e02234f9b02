# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the checks beside it: each prints one TAP stream, with a result
# for each thing looked at and what is wrong as comments above a "not ok", and
# exits with 0 only if it looked at something and all is well.

set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
check=$(basename "$0" .sh)
check_number=0
check_failed=0
check_work=$(mktemp -d "${TMPDIR:-/tmp}/mvgpu-check.XXXXXX")
trap 'rm -rf "$check_work"' EXIT
trap 'exit 143' INT TERM HUP
cd "$top" || exit 1
echo "TAP version 13"

# check_result NAME FILE: FILE holds the complaints; empty is good.
check_result()
{
	check_number=$((check_number + 1))
	if [ -s "$2" ]; then
		head -n 30 "$2" | sed 's/^/# /'
		echo "not ok $check_number $check: $1"
		check_failed=1
	else
		echo "ok $check_number $check: $1"
	fi
}

check_skip()
{
	check_number=$((check_number + 1))
	echo "ok $check_number $check: $1 # SKIP $2"
}

# check_complaints LOG STATUS: what a run of make that builds modules had to say.
check_complaints()
{
	[ "$2" -eq 0 ] || echo "make failed with $2"
	grep -vE '^ +(CC|CHECK|LD|AR|MODPOST|BTF|MKDIR) ' "$1" |
		grep -vE '^make(\[[0-9]\])?: (Entering|Leaving) directory|^$'
}

check_end()
{
	echo "1..$check_number"
	[ "$check_number" -gt 0 ] && [ "$check_failed" -eq 0 ]
	exit
}

# The project's files whose names end in one of the given ways.
check_files()
{
	local ending names=()

	for ending; do
		names+=(-o -name "*$ending")
	done
	find . \( -path ./.git -o -path ./build \) -prune -o \
		-type f \( "${names[@]:1}" \) ! -name '*.mod.c' -print | sed 's|^\./||' | sort
}

# Kernels to check against, newest of each series: KVERS if given, else both.
check_kernels()
{
	local series

	for series in ${KVERS:-$(tools/kernels --tested)}; do
		if [ -e "/lib/modules/$series/build" ]; then
			echo "$series"
		else
			tools/kernels "$series" || echo "missing-$series"
		fi
	done
}
