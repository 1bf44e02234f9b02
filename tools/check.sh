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
mapfile -t series < <(tools/kernels --tested)
flavour=kasan
unit_target=check
effort=
debug_effort=brief
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
export CONFIG_VFIO_DIRTY_PINTEST=m CONFIG_MDEV_SAMPLE=m

build()
{
	local kver

	for kver in "${kernels[@]}"; do
		make -j2 KVER="$kver" modules || return
	done
	make -j2 KDIR="$debug_kernel/lib/modules/$debug_release/build" modules &&
		make -j2 selftests && make -j2 KVER="$guest_kver" guest
}

# Guests on stock QEMU: on each kernel, and on both backends.
guests()
{
	local kver

	if [ "$mode" = --long ]; then
		e2e e2e "$debug_kernel" 14400 --iommufd -- long
		for kver in "${kernels[@]}"; do
			e2e e2e "$kver" 7200 -- long
		done
		e2e e2e-type1 "$guest_kver" 7200 --claim none -- long
		return
	fi
	e2e e2e "$debug_kernel" 1800 --iommufd -- short
	for kver in "${kernels[@]}"; do
		if [ "$kver" = "$guest_kver" ]; then
			e2e e2e "$kver" 1800 -- check
		else
			e2e e2e "$kver" 900 -- short
		fi
	done
	e2e e2e-type1 "$guest_kver" 900 --claim none -- short
}

# Guests on the QEMU of samples/qemu/, moved by the device-state region: all cases
# on 6.12 with --long, one move each elsewhere then.
region_guests()
{
	local kver with=(--region-qemu "$region_qemu")

	if [ -z "$region_qemu" ]; then
		start e2e-region printf '1..1\nok 1 - %s # SKIP %s\n' \
			"guests move by the device-state region" \
			"the source of QEMU cannot be had"
	elif [ "$mode" = --long ]; then
		e2e e2e-region "$debug_kernel" 3600 "${with[@]}" -- region-short
		for kver in "${kernels[@]}"; do
			if [ "$kver" = "$guest_kver" ]; then
				e2e e2e-region "$kver" 7200 "${with[@]}" -- region
			else
				e2e e2e-region "$kver" 1800 "${with[@]}" -- region-short
			fi
		done
	else
		e2e e2e-region "$guest_kver" 900 "${with[@]}" -- region-check
	fi
}

# selftests LANE KERNEL EFFORT TEST...: starts a lane. The debug kernel needs
# more of everything.
selftests()
{
	local name=$1 kernel=$2 kver=$2 effort=$3
	local options=(--iommu --timeout 3600) seconds=600
	shift 3

	if [ "$kernel" = "$debug_kernel" ]; then
		kver=$debug_release
		options=(--iommu --timeout 7200 --mem 4096)
		seconds=1800
	elif [ -n "$effort" ]; then
		options=(--iommu --timeout 7200)
		seconds=3600
	fi
	[ "$name" != movable ] || options+=(--movable 1024)
	start "$name-$kver" tools/testing/vm/run.sh "$kernel" "${options[@]}" \
		--log "$logs/vm-$name-$kver" -- env MVGPU_EFFORT="$effort" \
		TEST_TIMEOUT="$seconds" tools/testing/selftests/run.sh \
		"$top/build/$kver" "$top/build/selftests" "$@"
}

# Prints each of the tests behind how long it takes on the debug kernel, in seconds,
# about.
weigh()
{
	local test

	for test; do
		case $test in
		devstate_migrate_test.sh) echo "200 $test" ;;
		dirty_type1_test) echo "190 $test" ;;
		devstate_stream_test) echo "130 $test" ;;
		devstate_load_test) echo "110 $test" ;;
		dirty_reload_test | migration2_move_test) echo "80 $test" ;;
		devstate_context_test | mdev_sample_migrate_test.sh | \
			module_lifetime_test) echo "60 $test" ;;
		devstate_hostile_test | dirty_model_test | dirty_pin_test | \
			engine_test | mdevctl_test.sh | queue_test | \
			queues_test | storm_test) echo "45 $test" ;;
		*) echo "20 $test" ;;
		esac
	done
}

checks()
{
	local kver check

	# What it looks at is the same on each.
	for kver in "${kernels[@]}"; do
		if [ "$kver" = "$guest_kver" ] || [ "$mode" = --long ]; then
			start "vm-selfcheck-$kver" tools/testing/vm/selfcheck.sh "$kver"
		fi
	done
	start unit make -C tools/testing/unit OUTPUT="$top/build/unit" "$unit_target"
	start dkms env KVERS="${kernels[*]}" tools/testing/dkms/run.sh
	for check in w1-sparse w1-next checkpatch btf compat-golden const-ops \
			kernel-doc layers layout locked make mutants python \
			qemu-series shellcheck sizes spdx symbols type1-compat \
			uapi-headers; do
		start "$check" env KVERS="${kernels[*]}" "tools/checks/$check.sh"
	done
}

tools/deps "$profile" || exit 1
kernels=()
for kver in "${series[@]}"; do
	kernels+=("$(tools/kernels --boot "$kver")") || exit 1
done
guest_kver=$(tools/kernels --boot 6.12) || exit 1
debug_kernel=$(tools/kernel/build.sh "$flavour") || exit 1
debug_release=$(cat "$debug_kernel/release") || exit 1
region_qemu=
if [ "$profile" != debug ]; then
	tools/kernel/next.sh >/dev/null || exit 1
	# 3: its source cannot be had.
	region_qemu=$(samples/qemu/build.sh) || [ $? -eq 3 ] || exit 1
	region_qemu=${region_qemu:+$region_qemu/qemu-system-x86_64}
fi

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
# The longest first, in two VMs, as most of its time is that of one CPU. The
# comparison with stock type1 and the samples' moves are of the kernels that people
# have.
halves=("" "")
loads=(0 0)
while read -r weight test; do
	if [ -z "$mode" ] && [[ $test =~ ^dirty_type1_test$|_migrate_test\.sh$ ]]; then
		continue
	fi
	i=$((loads[0] > loads[1]))
	halves[i]+=" $test"
	loads[i]=$((loads[i] + weight))
done < <(weigh "${tests[@]}" | sort -k 1,1nr -k 2)
for i in 0 1; do
	# shellcheck disable=SC2086 # one word each
	selftests "selftests-$((i + 1))" "$debug_kernel" "$debug_effort" ${halves[i]}
done
[ "$mode" != --long ] ||
	selftests sweep "$debug_kernel" whole fault_sweep_test
# What goes on and on need not do so on every kernel.
for kver in "${kernels[@]}"; do
	lane_effort=$effort
	[ "$kver" = "$guest_kver" ] || lane_effort=${effort:-quick}
	selftests selftests "$kver" "$lane_effort" "${tests[@]}"
	selftests movable "$kver" "${effort:-quick}" movable_test
done
if [ "$profile" != debug ]; then
	guests
	region_guests
	checks
fi
lanes_end
