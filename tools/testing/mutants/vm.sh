#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs tests against mutants, inside the VM: vm.sh PLAN MODULES PROGRAMS SECONDS
#
# A line of PLAN is NAME TEST: the modules are those in MODULES/NAME. To
# /results/verdicts goes "begin NAME TEST", then "green NAME TEST", "red NAME TEST
# why" or "broken NAME TEST why". With the kernel in no state for the next one, or
# behind a line that ends in "last", it ends: what is left is for another boot.
set -u

plan=$1
modules=$2
programs=$3
seconds=$4
here=$(cd "$(dirname "$0")" && pwd)
selftests=$here/../selftests
verdicts=/results/verdicts
wrappers=/run/mutants
export MVGPU_EFFORT=quick TEST_TIMEOUT=$seconds

tell()
{
	echo "$*" >>"$verdicts"
	sync "$verdicts"
}

# wrapper TEST: a program of that name that runs this test alone.
wrapper()
{
	local program=${1%%.*} filter=

	[ "$1" = "$program" ] || filter="-t ${1##*.}"
	printf '#!/bin/sh\nexec "%s" %s\n' "$programs/$program" "$filter" >"$wrappers/$1"
	chmod +x "$wrappers/$1"
}

# The tasks that no signal has ended, and where they wait.
blocked()
{
	ps -eo stat=,comm=,wchan= | awk '$1 ~ /^D/ { printf "%s in %s; ", $2, $3 }'
}

# Bad page, died, warned, soft lockup: nobody looks at what comes after.
spoiled()
{
	local taint

	read -r taint </proc/sys/kernel/tainted
	((taint & (1 << 5 | 1 << 7 | 1 << 9 | 1 << 14))) ||
		[ -e /sys/module/vfio_dirty ] || [ -e /sys/module/mdev_migration ]
}

# judge NAME TEST STATUS OUTPUT
judge()
{
	local no

	no=$(grep -a '^not ok' "$4" | head -n 1 | sed 's/^not ok [0-9]* *//')
	if [[ $no == *": the modules can be loaded" ]]; then
		tell "broken $1 $2 the modules cannot be loaded"
	elif [[ $no =~ ": all tests ran (exit status "([0-9]+) &&
			! ${BASH_REMATCH[1]} =~ ^(124|137)$ ]]; then
		# the program died: of what, nobody knows
		tell "broken $1 $2 ${no#"$2: "}"
	elif [ -n "$no" ]; then
		tell "red $1 $2 ${no#"$2: "}"
	elif [ "$3" -eq 0 ]; then
		tell "green $1 $2"
	else
		tell "broken $1 $2 $(tail -n 1 "$4")"
	fi
}

# run NAME TEST: nonzero if the kernel is of no use any more.
run()
{
	local name=$1 test=$2 folder=$wrappers stuck pid i
	export RESULTS=/results/$name

	mkdir -p "$RESULTS"
	if [[ $test == *.sh ]]; then
		folder=$programs
	else
		wrapper "$test"
	fi
	# A test may have left it with a parameter that is not the usual.
	rmmod vfio_iommu_type1 2>/dev/null
	tell "begin $name $test"
	echo "mutant: $name $test" >/dev/kmsg
	setsid "$selftests/run.sh" "$modules/$name" "$folder" "$test" \
		>"$RESULTS/$test.tap" 2>&1 </dev/null &
	pid=$!
	for ((i = 0; i < seconds + 30; i++)); do
		kill -0 "$pid" 2>/dev/null || break
		sleep 1
	done
	if kill -0 "$pid" 2>/dev/null; then
		echo w >/proc/sysrq-trigger
		# Nothing that is stuck may be a machine that is slow.
		stuck=$(blocked)
		tell "$([ -n "$stuck" ] && echo red || echo broken) $name $test hangs: $stuck"
		return 1
	fi
	wait "$pid"
	judge "$name" "$test" $? "$RESULTS/$test.tap"
	! spoiled
}

mkdir -p "$wrappers"
: >"$verdicts"
while read -r name test last; do
	run "$name" "$test" || break
	[ -z "$last" ] || break
done <"$plan"
exit 0
