# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced, inside the VM: loads modules from a build folder, and unloads them.

# modules_insert FILE...: in this order, after what they need from the kernel's own.
modules_insert()
{
	local needed file

	needed=$(modinfo -F depends "$@" | tr ',' '\n' |
		grep -vxE 'vfio_dirty|mdev_migration|mvgpu|' | sort -u)
	# shellcheck disable=SC2086 # one word each
	modprobe -a vfio_iommu_type1 $needed || return
	for file in "$@"; do
		insmod "$file" || return
	done
}

# modules_load FOLDER
modules_load()
{
	modules_insert "$1/drivers/vfio_dirty/vfio_dirty.ko" \
		"$1/drivers/mdev_migration/mdev_migration.ko" \
		"$1/drivers/mvgpu/mvgpu.ko"
}

modules_unload()
{
	rmmod mvgpu && rmmod mdev_migration && rmmod vfio_dirty
}
