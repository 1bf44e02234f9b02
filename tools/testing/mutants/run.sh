#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/mutants/run.sh [NAME...]: do the tests notice what is wrong? Plants
# each mutant in a copy of the tree, one after the other, builds what changed, and
# runs the tests named for it, which must be red. What "make mutants" calls. TAP; ok
# is a mutant that was killed. Before that, the same tests must be green.
#
# Many share a VM: the modules of each lie in a folder of their own, and are loaded in
# turn. After one that leaves the kernel no good, or takes it along, another VM goes
# on. To be killed is more than to be silent: a result that is not ok, or a task that
# hangs, or a line of the kernel log says how it died.
set -u

here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tools/testing/mutants/lib.sh
. "$here/lib.sh"
top=$mutants_top
work=$top/build/mutants
tree=$work/tree
out=$work/out
planted=$work/planted
# For one test; those on the debug kernel get five times as much.
seconds=120
number=0
killed=0
failed=0
declare -A fault
unset BUILD KDIR KVER OUTPUT MAKEFLAGS MFLAGS MAKELEVEL
export CONFIG_VFIO_DIRTY_PINTEST=m CONFIG_MDEV_SAMPLE=m

die()
{
	echo "mutants: $*" >&2
	exit 1
}

result()
{
	number=$((number + 1))
	echo "$1 $number $2${3:+ # $3}"
}

# The user's tree is only read. What earlier runs built is good, but for what they
# had planted.
copy_tree()
{
	rm -rf "$tree"
	mkdir -p "$tree" "$work/modules" "$work/logs"
	: >>"$planted"
	(cd "$top" && cp -a Kbuild Kconfig Makefile VERSION dkms.conf Documentation \
		drivers include samples tools "$tree") || die "cannot copy the tree"
	while read -r file; do
		[ ! -e "$tree/$file" ] || touch "$tree/$file"
	done <"$planted"
}

# plant NAME, pull NAME: nonzero if it does not apply.
plant()
{
	sed -n 's|^+++ b/\([^	]*\).*|\1|p' "$mutants/$1.patch" >>"$planted"
	mutants_patch "$tree" "$1" >"$work/logs/$1.patch" 2>&1
}

pull()
{
	mutants_patch "$tree" "$1" -R >"$work/logs/$1.patch" 2>&1 ||
		die "$1 cannot be taken out of $tree again"
}

# kernel_set KERNEL: a series or a flavour.
kernel_set()
{
	if [[ $1 == [0-9]* ]]; then
		kernel=$(tools/kernels --boot "$1") || die "no kernel $1 is installed"
		release=$kernel
		target=(KVER="$release")
		vm_options=(--iommu)
		limit=$seconds
	else
		kernel=$(tools/kernel/build.sh "$1") || die "no kernel $1"
		release=$(cat "$kernel/release")
		target=(KDIR="$kernel/lib/modules/$release/build")
		vm_options=(--iommu --mem 4096)
		limit=$((5 * seconds))
	fi
}

# build_modules NAME: to a folder of that name. Without type information, which takes
# half of the time.
build_modules()
{
	local folder=$work/modules/$release/$1 file

	make -j2 -C "$tree" "${target[@]}" BUILD="$out" \
		CONFIG_DEBUG_INFO_BTF_MODULES= modules \
		>"$work/logs/$1-$release.build" 2>&1 || return
	rm -rf "$folder"
	for file in drivers/vfio_dirty/vfio_dirty.ko drivers/mdev_migration/mdev_migration.ko \
			drivers/mvgpu/mvgpu.ko tools/testing/modules/pintest.ko \
			samples/mdev-sample/mdev_sample.ko; do
		install -D "$out/$release/$file" "$folder/$file" || return
	done
}

build_selftests()
{
	make -j2 -C "$tree" BUILD="$out" selftests >"$work/logs/selftests.build" 2>&1 ||
		die "the selftests do not build: $work/logs/selftests.build"
}

# unit_run NAME TEST: sets verdict and why.
unit_run()
{
	local program=${2%%.*} log=$work/logs/$1-$2.log status no wanted=

	[ "$program" = "$2" ] || wanted=" ${2##*.}\$"
	verdict=broken
	why="does not compile: $log"
	make -C "$tree/tools/testing/unit" OUTPUT="$out/unit" "$out/unit/$program" \
		>"$log" 2>&1 || return
	timeout -k 5 "$seconds" "$out/unit/$program" >"$log" 2>&1
	status=$?
	no=$(grep -a '^not ok' "$log" | grep -a "$wanted" | head -n 1 | sed 's/^not ok [0-9]* *//')
	verdict=red
	if [ "$status" -eq 0 ]; then
		verdict=green
		why=
	elif [ -n "$no" ]; then
		why=$no
	elif [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
		why="no end within $seconds s"
	elif ! why=$(grep -aE 'Sanitizer|runtime error' "$log" | head -n 1) || [ -z "$why" ]; then
		verdict=broken
		why="exit status $status: $log"
	fi
}

# note NAME TEST VERDICT WHY: what a test says of a mutant, or of none ("base").
note()
{
	if [ "$1" = base ]; then
		if [ "$3" = green ]; then
			result ok "$2 is green without a mutant"
		else
			fault[$2]=1
			failed=$((failed + 1))
			result "not ok" "$2 is green without a mutant" "$3: $4"
		fi
	elif [ -n "${fault[$2]:-}" ]; then
		failed=$((failed + 1))
		result "not ok" "$1 by $2" "the test is not green without it"
	elif [ "$3" = red ]; then
		killed=$((killed + 1))
		result ok "$1 by $2" "$4"
	else
		failed=$((failed + 1))
		[ "$3" != green ] || set -- "$1" "$2" lived "$(mutants_field "$1" mutant)"
		result "not ok" "$1 by $2" "$3: $4"
	fi
}

# How the VM ended in the midst of a test: a line of the kernel log after its mark.
cause_of_death()
{
	tr -d '\r' <"$3/console.log" | sed -n "/mutant: $1 $2\$/,\$p" |
		"$top/tools/testing/vm/find-trouble" | head -n 1
}

# vm_round PLAN ROUND: boots once, and leaves in PLAN what is yet to be run.
vm_round()
{
	local plan=$1 log=$work/logs/vm-$release-$2 verdict name test why cause
	local count open=""

	count=$(wc -l <"$plan")
	tools/testing/vm/run.sh "$kernel" "${vm_options[@]}" --quiet --log "$log" \
		--timeout $((300 + count * limit)) -- "$tree/tools/testing/mutants/vm.sh" \
		"$plan" "$work/modules/$release" "$out/selftests" "$limit" \
		>"$log.out" 2>&1
	while read -r verdict name test why; do
		if [ "$verdict" = begin ]; then
			open="$name $test"
			continue
		fi
		open=
		note "$name" "$test" "$verdict" "$why"
		sed -Ei "\|^$name $test( last)?\$|d" "$plan"
	done < <(cat "$log/verdicts" 2>/dev/null)
	if [ -n "$open" ]; then
		# shellcheck disable=SC2086 # two words
		cause=$(cause_of_death $open "$log")
		# shellcheck disable=SC2086 # two words
		if [ -n "$cause" ]; then
			note $open red "took the VM along: $cause"
		else
			note $open broken "the VM ended, and nothing says why: $log"
		fi
		sed -Ei "\|^$open( last)?\$|d" "$plan"
	fi
	[ "$(wc -l <"$plan")" -lt "$count" ]
}

# prepare NAME TEST...: builds it for the VM, or runs it here.
prepare()
{
	local name=$1 test built="" last=""
	shift

	[ "$name" = base ] || [ -z "$(mutants_field "$name" last)" ] || last=" last"

	for test; do
		if mutants_is_unit "$test"; then
			unit_run "$name" "$test"
			note "$name" "$test" "$verdict" "$why"
		elif [ -n "$built" ] || build_modules "$name"; then
			built=1
			echo "$name $test$last" >>"$plan"
		else
			note "$name" "$test" broken "does not compile: $work/logs/$name-$release.build"
		fi
	done
}

# batch KERNEL NAME...: all mutants for a kernel.
batch()
{
	local name round=1 tests
	kernel_set "$1"
	shift
	plan=$work/plan-$release
	: >"$plan"

	mapfile -t tests < <(for name; do mutants_field "$name" test; done |
		tr ' ' '\n' | sort -u)
	prepare base "${tests[@]}"
	for name; do
		read -ra tests < <(mutants_field "$name" test)
		if plant "$name"; then
			prepare "$name" "${tests[@]}"
			pull "$name"
		else
			note "$name" "${tests[0]}" broken "does not apply: $work/logs/$name.patch"
		fi
	done
	[ ! -s "$plan" ] || build_selftests
	sort -s -k3 -o "$plan" "$plan"
	while [ -s "$plan" ] && vm_round "$plan" "$round"; do
		round=$((round + 1))
	done
	[ ! -s "$plan" ] || while read -r name test _; do
		note "$name" "$test" broken "no VM ran it: $work/logs/vm-$release-$round.out"
	done < <(cat "$plan")
}

cd "$top" || exit 1
command -v patch >/dev/null || die "patch is not installed"
[ $# -gt 0 ] || mapfile -t names < <(mutants_all)
[ $# -eq 0 ] || names=("$@")
for name in "${names[@]}"; do
	[ -e "$mutants/$name.patch" ] || die "there is no $name.patch"
done

tools/outdir make "$work" || exit 1
exec 8>"$work/lock"
flock -n 8 || die "another run is under way"
copy_tree
echo "TAP version 13"
for kernel_name in $(for name in "${names[@]}"; do mutants_kernel "$name"; done | sort -u); do
	chosen=()
	for name in "${names[@]}"; do
		[ "$(mutants_kernel "$name")" != "$kernel_name" ] || chosen+=("$name")
	done
	batch "$kernel_name" "${chosen[@]}"
done
echo "1..$number"
echo "# ${#names[@]} mutants: $killed times killed, $failed not"
[ "$killed" -gt 0 ] && [ "$failed" -eq 0 ]
