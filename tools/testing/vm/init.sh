#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck shell=dash
#
# First process of the VM, in the initramfs: loads what the root file system
# needs, puts a tmpfs over the machine's own files, mounts the share for the
# results and goes on with the script found there.

/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys

for module in /modules/*.ko; do
	insmod "$module" || echo "vm: cannot load $module"
done

mkdir -p /lower /upper /newroot
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,ro,cache=loose \
	mount_root /lower || exec poweroff -f
mount -t tmpfs -o size=80% tmpfs /upper
mkdir -p /upper/data /upper/work
mount -t overlay -o lowerdir=/lower,upperdir=/upper/data,workdir=/upper/work \
	overlay /newroot || exec poweroff -f

mkdir -p /newroot/results /newroot/proc /newroot/sys /newroot/dev
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,cache=none \
	mount_results /newroot/results || exec poweroff -f
mount --move /dev /newroot/dev
mount --move /proc /newroot/proc
mount --move /sys /newroot/sys

exec switch_root /newroot /bin/bash /results/.vm/stage2
