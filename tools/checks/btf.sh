#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The declaration of struct vfio_iommu_driver_ops in drivers/compat/ has the
# members that a kernel's vfio module was built with, of the same types at the same
# places, by its type information. tools/layout, which every build calls, sees the
# places alone, but needs no type information.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

# Offset and declaration of each member, from what pahole prints.
members()
{
	sed -nE 's/^\t(.*;) +\/\* +([0-9]+) +8 .*/\2 \1/p' | tr -s ' '
}

for kver in $(check_kernels); do
	module=$(modinfo -k "$kver" -n vfio 2>/dev/null)
	base=/lib/modules/$kver/build/vmlinux
	if [ ! -r "$base" ]; then
		check_skip "$kver" "no type information in its headers"
		continue
	fi
	case $module in
	*.xz) xz -dc "$module" >"$check_work/vfio.ko" ;;
	*) cp "$module" "$check_work/vfio.ko" ;;
	esac
	pahole --btf_base "$base" -C vfio_iommu_driver_ops "$check_work/vfio.ko" \
		2>/dev/null | members >"$check_work/theirs"

	make KVER="$kver" BUILD="${BUILD:-$top/build}" >"$check_work/log" 2>&1
	pahole --btf_base "$base" -C vfio_iommu_driver_ops \
		"${BUILD:-$top/build}/$kver/drivers/vfio_dirty/vfio_dirty.ko" \
		2>/dev/null | members | grep -vF '(*notify)(' >"$check_work/ours"
	{
		[ "$(wc -l <"$check_work/theirs")" -ge 12 ] ||
			echo "no type information found in $module"
		diff -u "$check_work/theirs" "$check_work/ours"
	} >"$check_work/complaints"
	check_result "$kver vfio_iommu_driver_ops" "$check_work/complaints"
done
check_end
