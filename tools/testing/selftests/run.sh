#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs selftests, inside the VM: run.sh MODULES PROGRAMS TEST...
# MODULES is the build folder of the running kernel, PROGRAMS that of the tests.
#
# For each program the modules are loaded before and unloaded after: a test
# that leaves a reference behind fails. So does one whose plan is not met, one
# that leaves trouble in the kernel log and, where the kernel can tell, one that
# leaks memory. What the programs said is in /results/TEST.log; here, one TAP
# stream comes out.
set -u

modules=$1
programs=$2
shift 2
here=$(cd "$(dirname "$0")" && pwd)
find_trouble=$here/../vm/find-trouble
results=${RESULTS:-/results}
kmemleak=/sys/kernel/debug/kmemleak
kcsan=/sys/kernel/debug/kcsan
# A scan takes longer than most programs. Where time is short, those at the end have
# to do: a report names the program in any case.
leaks_every=6
[ "${MVGPU_EFFORT:-}" != brief ] || leaks_every=1000
unscanned=()
# Stays loaded, and so does what a program that was ended left in it.
type1_limit=/sys/module/vfio_iommu_type1/parameters/dma_entry_limit
number=0
failed=0
# What the program said since its last result.
said=()
export MVGPU_MODULES=$modules
# What limits follow.
slowness=1
[ ! -w "$kmemleak" ] || slowness=4
[ ! -w "$kcsan" ] || slowness=20
export MVGPU_SLOWNESS=$slowness

# In the order in which they are loaded.
drivers=(drivers/vfio_dirty/vfio_dirty.ko drivers/mdev_migration/mdev_migration.ko
	drivers/mvgpu/mvgpu.ko)
pintest=tools/testing/modules/pintest.ko
sample=samples/mdev-sample/mdev_sample.ko
files=()

pass()
{
	number=$((number + 1))
	echo "ok $number $1"
}

fail()
{
	number=$((number + 1))
	failed=$((failed + 1))
	echo "not ok $number $1"
}

load()
{
	local file

	for file in "${files[@]}"; do
		insmod "$modules/$file" || return
	done
}

unload()
{
	local i name status=0

	for ((i = ${#files[@]} - 1; i >= 0; i--)); do
		name=$(basename "${files[i]}" .ko)
		[ ! -e "/sys/module/$name" ] || rmmod "$name" || status=1
	done
	return "$status"
}

# fail, after the last of what the program said.
fail_telling()
{
	printf '# %s\n' "${said[@]}" | tail -n 20
	fail "$1"
}

# Gives the results of a program numbers of ours. Nonzero if its plan, a line
# "1..N", is missing, empty or not met.
retell()
{
	local line plan=0 count=0

	said=()
	while IFS= read -r line; do
		if [[ $line =~ ^1\.\.([0-9]+) ]]; then
			plan=${BASH_REMATCH[1]}
		elif [[ $line =~ ^ok\ [0-9]+\ *(.*) ]]; then
			count=$((count + 1))
			pass "$test: ${BASH_REMATCH[1]}"
			said=()
		elif [[ $line =~ ^not\ ok\ [0-9]+\ *(.*) ]]; then
			count=$((count + 1))
			fail_telling "$test: ${BASH_REMATCH[1]}"
			said=()
		else
			said+=("${line#\# }")
		fi
	done
	[ "$plan" -gt 0 ] && [ "$count" -eq "$plan" ]
}

# Whatever the program left running would hold the modules.
run_one()
{
	local status program started failed_before=$failed

	files=("${drivers[@]}")
	# They use the other modules, which some tests want to unload.
	[[ $test != dirty_* ]] || files+=("$pintest")
	[[ $test != mdev_sample_* ]] || files+=("$sample")
	echo "selftest: $test" >/dev/kmsg
	if ! load; then
		unload
		fail "$test: the modules can be loaded"
		return
	fi

	started=$SECONDS
	program=("$programs/$test")
	[[ $test != *.sh ]] || program=("$here/$test" "$programs")
	timeout -k 10 "${TEST_TIMEOUT:-300}" "${program[@]}" \
		>"$results/$test.log" 2>&1
	status=$?
	if retell <"$results/$test.log"; then
		# 4 is a program that skipped all it has.
		[ "$status" -eq 0 ] || [ "$status" -eq 4 ] ||
			[ "$failed" -gt "$failed_before" ] ||
			fail_telling "$test: exit status is $status"
	else
		fail_telling "$test: all tests ran (exit status $status)"
	fi

	[ "$(cat "$type1_limit")" = "$limit" ] || echo "$limit" >"$type1_limit"
	if unload; then
		pass "$test: the modules can be unloaded"
	else
		fail "$test: the modules can be unloaded"
	fi
	if dmesg | sed -n "/selftest: $test\$/,\$p" | "$find_trouble" |
			head -n 5 | sed 's/^/# /' | grep .; then
		fail "$test: the kernel log is clean"
	else
		pass "$test: the kernel log is clean"
	fi
	unscanned+=("$test")
	if [ -w "$kmemleak" ] && [ "${#unscanned[@]}" -ge "$leaks_every" ]; then
		check_leaks
	fi
	echo "# $test took $((SECONDS - started)) s" >&2
}

# kmemleak reports what it sees for the second time and is older than 5 seconds:
# at the latest with the next programs, and one more scan comes at the end. Each
# report names the program in "comm".
check_leaks()
{
	local name="nothing leaked in ${unscanned[*]:-all}, or in those before"
	local leaks=$results/$number.leaks

	unscanned=()
	echo scan >"$kmemleak"
	cat "$kmemleak" >"$leaks"
	if [ -s "$leaks" ]; then
		head -n 30 "$leaks" | sed 's/^/# /'
		fail "$name"
	else
		pass "$name"
	fi
	echo clear >"$kmemleak"
}

needed=$(for file in "${drivers[@]}" "$pintest" "$sample"; do
	modinfo -F depends "$modules/$file"
done | tr ',' '\n' | grep -vxE 'vfio_dirty|mdev_migration|mvgpu|' | sort -u)
# shellcheck disable=SC2086 # one word each
modprobe -a vfio_iommu_type1 $needed || exit 1
limit=$(cat "$type1_limit")
[ ! -w "$kmemleak" ] || echo clear >"$kmemleak"
# One access of 500 is watched, not of 4000: only our modules matter.
if [ -w "$kcsan" ]; then
	echo 500 >/sys/module/kcsan/parameters/skip_watch
	echo on >"$kcsan"
fi

echo "TAP version 13"
for test; do
	run_one
done
if [ -w "$kmemleak" ]; then
	[ "${#unscanned[@]}" -eq 0 ] || check_leaks
	sleep 6
	check_leaks
fi
echo "1..$number"
[ "$number" -gt 0 ] && [ "$failed" -eq 0 ]
