#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The client of samples/qemu/ is there twice, as files to read and as a series for
# QEMU: both are the same text, and the series applies to Debian's source without
# fuzz. Whether each step builds, samples/qemu/build.sh tells.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

qemu=samples/qemu
patches=("$qemu"/patches/*.patch)
files=("$qemu"/device-state*.[ch])

# All that the series creates can be had without QEMU.
mkdir "$check_work/made" "$check_work/source"
for patch in "${patches[@]}"; do
	awk '/^diff --git / { on = /hw\/vfio\/device-state/ } on' "$patch" |
		patch -p1 -F0 -s -f -d "$check_work/made" || echo "$patch"
done >"$check_work/complaints" 2>&1
for file in "${files[@]}"; do
	diff -u "$file" "$check_work/made/hw/vfio/${file##*/}"
done >>"$check_work/complaints" 2>&1
[ "$(find "$check_work/made" -type f | wc -l)" -eq ${#files[@]} ] ||
	echo "the series makes other files than ${files[*]}" \
		>>"$check_work/complaints"
check_result "the files are what the series makes" "$check_work/complaints"

source=$("$qemu/build.sh" --source 2>"$check_work/said")
status=$?
if [ "$status" -eq 3 ]; then
	check_skip "the series applies" "$(tail -n 1 "$check_work/said")"
	check_end
fi
if [ "$status" -ne 0 ] || [ ! -d "$source/hw/vfio" ]; then
	echo "status $status" >>"$check_work/said"
	check_result "the source of QEMU" "$check_work/said"
	check_end
fi
cp -r "$source/hw" "$check_work/source"
for patch in "${patches[@]}"; do
	patch -p1 -F0 -s -f -d "$check_work/source" -i "$top/$patch" ||
		echo "$patch"
done >"$check_work/complaints" 2>&1
check_result "the series applies to QEMU $(cat "$source/version")" \
	"$check_work/complaints"
check_end
