#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/check.sh [--long|--debug|--kcsan]: all checks and tests, on the newest
# installed kernel of each series and on a debug kernel; what "make check" calls.
# Two lanes run at a time. The log of each is build/logs/LANE.log. Green only if
# every lane ran all it planned.
#
# --long does all that takes long, --debug and --kcsan the selftests alone, on
# one of the kernels of tools/kernel/build.sh.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
# shellcheck source=tools/lanes.sh
. tools/lanes.sh

mode=${1:-}
profile=check
series=(6.12 6.1)
flavour=kasan
unit_target=check
effort=
debug_effort=quick
case $mode in
--long)
	unit_target="check-long"
	effort=whole
	debug_effort=
	;;
--debug | --kcsan)
	profile=debug
	series=()
	debug_effort=
	[ "$mode" = --debug ] || flavour=kcsan debug_effort=quick
	;;
esac
# Also for the checks that look at the modules: no rebuild between lanes.
export CONFIG_VFIO_DIRTY_PINTEST=m

build()
{
	local kver

	for kver in "${kernels[@]}"; do
		make -j2 KVER="$kver" modules || return
	done
	make -j2 KDIR="$debug_kernel/lib/modules/$debug_release/build" modules &&
		make -j2 selftests
}

# selftests LANE KERNEL EFFORT TEST...: starts a lane. The debug kernel needs
# more of everything.
selftests()
{
	local name=$1 kernel=$2 kver=$2 effort=$3
	local options=(--iommu --timeout 1800) seconds=300
	shift 3

	if [ "$kernel" = "$debug_kernel" ]; then
		kver=$debug_release
		options=(--iommu --timeout 7200 --mem 4096)
		seconds=1800
	elif [ -n "$effort" ]; then
		options=(--iommu --timeout 7200)
		seconds=3600
	fi
	start "$name-$kver" tools/testing/vm/run.sh "$kernel" "${options[@]}" \
		--log "$logs/vm-$name-$kver" -- env MVGPU_EFFORT="$effort" \
		TEST_TIMEOUT="$seconds" tools/testing/selftests/run.sh \
		"$top/build/$kver" "$top/build/selftests" "$@"
}

checks()
{
	local kver check

	for kver in "${kernels[@]}"; do
		start "vm-selfcheck-$kver" tools/testing/vm/selfcheck.sh "$kver"
	done
	start unit make -C tools/testing/unit OUTPUT="$top/build/unit" "$unit_target"
	for check in w1-sparse w1-next checkpatch btf compat-golden kernel-doc \
			shellcheck sizes spdx symbols type1-compat uapi-headers; do
		start "$check" env KVERS="${kernels[*]}" "tools/checks/$check.sh"
	done
}

tools/deps "$profile" || exit 1
kernels=()
for kver in "${series[@]}"; do
	kernels+=("$(tools/kernels --boot "$kver")") || exit 1
done
debug_kernel=$(tools/kernel/build.sh "$flavour") || exit 1
debug_release=$(cat "$debug_kernel/release") || exit 1
[ "$profile" = debug ] || tools/kernel/next.sh >/dev/null || exit 1

lanes_begin
say "building for ${kernels[*]} $debug_release"
if ! build >"$logs/build.log" 2>&1; then
	tail -n 30 "$logs/build.log"
	say "the build failed, see build/logs/build.log"
	echo "0 passed, 1 failed, 0 skipped"
	exit 1
fi

say "running the tests; each line is a lane that ended"
read -ra tests < <(make -s -C tools/testing/selftests OUTPUT="$top/build/selftests" list)
# The longest first.
selftests selftests "$debug_kernel" "$debug_effort" "${tests[@]}"
[ "$mode" != --long ] ||
	selftests sweep "$debug_kernel" whole fault_sweep_test
for kver in "${kernels[@]}"; do
	selftests selftests "$kver" "$effort" "${tests[@]}"
done
[ "$profile" = debug ] || checks
lanes_end
