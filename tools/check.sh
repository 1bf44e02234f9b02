#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/check.sh [--long|--debug]: all checks and tests, on the newest installed
# kernel of each series; what "make check" calls. Two lanes run at a time. The
# log of each is build/logs/LANE.log. Green only if every lane ran all it planned.
#
# With --debug, the selftests alone, on the kernel of tools/kernel/build.sh kasan;
# MVGPU_FAULT_ALL=1 then fails every point of failure there is, not a sample.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
logs=$top/build/logs
started=$SECONDS
mode=${1:-}
unit_target=check
lanes_at_once=2
# Seconds for each test program.
test_timeout=300
# Fuzzing takes its time only when asked to.
[ "$mode" != --long ] || unit_target="check-long"
# Also for the checks that look at the modules: no rebuild between lanes.
export CONFIG_VFIO_DIRTY_PINTEST=m

say()
{
	printf '[%4d s] %s\n' "$((SECONDS - started))" "$*"
}

# shellcheck disable=SC2317 # called by the trap
stop_lanes()
{
	trap - EXIT
	jobs -p | xargs -r kill 2>/dev/null
	wait
}
trap stop_lanes EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# Passed, failed, skipped and planned by a TAP log, which may hold several plans.
count()
{
	awk '/^1\.\.[0-9]+/ { split($1, plan, /\.\./); planned += plan[2] }
		/^ok [0-9]+/ { if (/# SKIP/) skipped++; else passed++ }
		/^not ok [0-9]+/ { failed++ }
		END { print passed + 0, failed + 0, skipped + 0, planned + 0 }' "$1"
}

# Runs in the background; leaves LANE.log and LANE.sum.
lane()
{
	local name=$1 log=$logs/$1.log status from=$SECONDS
	local passed failed skipped planned
	shift

	# In a session of its own, to be ended with all its children.
	setsid "$@" >"$log" 2>&1 </dev/null &
	trap 'kill -- -$! 2>/dev/null; wait; exit 143' TERM
	wait $!
	status=$?

	read -r passed failed skipped planned < <(count "$log")
	if [ $((passed + failed + skipped)) -ne "$planned" ] || [ "$planned" -eq 0 ] ||
			{ [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; }; then
		failed=$((failed + 1))
		echo "not ok - $name: ran all it planned (exit status $status)" >>"$log"
	fi
	echo "$passed $failed $skipped" >"$logs/$name.sum"
	if [ "$failed" -eq 0 ]; then
		say "$name: $passed passed, $skipped skipped, in $((SECONDS - from)) s"
	else
		say "$name: $failed FAILED, $passed passed, see ${log#"$top"/}"
		grep -a '^not ok' "$log" | head -n 20 | sed 's/^/           /'
	fi
}

# Waits for a free place.
start()
{
	while [ "$(jobs -rp | wc -l)" -ge "$lanes_at_once" ]; do
		wait -n
	done
	lane "$@" &
}

# What make takes to build for the debug kernel or an installed one.
target()
{
	if [ "$mode" = --debug ]; then
		echo "KDIR=$debug_kernel/lib/modules/$1/build"
	else
		echo "KVER=$1"
	fi
}

build()
{
	local kver

	for kver; do
		make -j2 "$(target "$kver")" modules || return
	done
	make -j2 selftests
}

# selftests KERNEL KVER [run.sh option]...: starts the lane of a kernel.
selftests()
{
	local kernel=$1 kver=$2
	shift 2

	start "selftests-$kver" tools/testing/vm/run.sh "$kernel" "$@" \
		--log "$logs/vm-$kver" -- env TEST_TIMEOUT="$test_timeout" \
		MVGPU_FAULT_ALL="${MVGPU_FAULT_ALL:-}" \
		tools/testing/selftests/run.sh \
		"$top/build/$kver" "$top/build/selftests" "${tests[@]}"
}

lanes()
{
	local kver check

	# The longest first.
	for kver in "${kernels[@]}"; do
		selftests "$kver" "$kver" --timeout 1200
	done
	for kver in "${kernels[@]}"; do
		start "vm-selfcheck-$kver" tools/testing/vm/selfcheck.sh "$kver"
	done
	start unit make -C tools/testing/unit OUTPUT="$top/build/unit" "$unit_target"
	for check in w1-sparse checkpatch btf compat-golden kernel-doc shellcheck \
			sizes spdx symbols uapi-headers; do
		start "$check" env KVERS="${kernels[*]}" "tools/checks/$check.sh"
	done
}

kernels=()
if [ "$mode" = --debug ]; then
	tools/deps debug || exit 1
	debug_kernel=$(tools/kernel/build.sh kasan) || exit 1
	kernels+=("$(cat "$debug_kernel/release")") || exit 1
else
	tools/deps check || exit 1
	for series in 6.12 6.1; do
		kernels+=("$(tools/kernels --boot "$series")") || exit 1
	done
fi
mkdir -p "$logs"
rm -f "$logs"/*.log "$logs"/*.sum

say "building for ${kernels[*]}"
if ! build "${kernels[@]}" >"$logs/build.log" 2>&1; then
	tail -n 30 "$logs/build.log"
	say "the build failed, see build/logs/build.log"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi

say "running the tests; each line is a lane that ended"
read -ra tests < <(make -s -C tools/testing/selftests OUTPUT="$top/build/selftests" list)
if [ "$mode" = --debug ]; then
	test_timeout=900
	selftests "$debug_kernel" "${kernels[0]}" --mem 4096 --timeout 2400
else
	lanes
fi
while [ "$(jobs -rp | wc -l)" -gt 0 ]; do
	wait -n
done

passed=0 failed=0 skipped=0
for sum in "$logs"/*.sum; do
	read -r p f s <"$sum"
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
if [ "$failed" -ne 0 ]; then
	echo "failed:"
	grep -a '^not ok' "$logs"/*.log | sed 's|.*/\([^/]*\)\.log:not ok [0-9-]* *|  \1: |'
fi
say "done; logs are in build/logs"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
