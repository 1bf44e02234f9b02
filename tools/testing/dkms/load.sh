#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/dkms/load.sh FOLDER VERSION: inside the VM, gives the running
# kernel the modules of FOLDER, with the lists that depmod made when DKMS installed
# them, lets modprobe load them by these, and creates a vGPU.
set -eux

uuid=c56bc0de-0d4a-4d56-8a53-000000000001
cp -r "$1"/. "/lib/modules/$(uname -r)"
modprobe mvgpu
for name in vfio_dirty mdev_migration mvgpu; do
	[ "$(cat /sys/module/$name/version)" = "$2" ]
done
echo $uuid >/sys/class/mvgpu/mvgpu/mdev_supported_types/mvgpu-small/create
[ -e /sys/bus/mdev/devices/$uuid/iommu_group ]
echo 1 >/sys/bus/mdev/devices/$uuid/remove
modprobe -r mvgpu
[ ! -e /sys/module/vfio_dirty ]
