#!/bin/busybox sh
# SPDX-License-Identifier: GPL-2.0
#
# shellcheck shell=dash
#
# First process of the guest, in its initramfs: loads the drivers, starts a
# workload for each vGPU, and a shell. Both talk through virtio-serial ports:
# workloadN has that of /dev/mvgpuN, or one without a vGPU; shell runs what
# comes in, line by line. With "driver=later" on the kernel's command line the
# vGPU is left without one.

/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys

for module in /modules/*.ko; do
	case "$(cat /proc/cmdline) $module" in
	*driver=later*mvgpu_guest.ko) continue ;;
	esac
	insmod "$module" || echo "guest: cannot load $module"
done

# The device file of a port.
port()
{
	for name in /sys/class/virtio-ports/*/name; do
		if [ "$(cat "$name")" = "$1" ]; then
			echo "/dev/$(basename "$(dirname "$name")")"
		fi
	done
}

# A port comes with an interrupt, a little after its driver.
shell=
while [ -z "$shell" ]; do
	shell=$(port shell)
	[ -n "$shell" ] || usleep 20000
done

for n in 0 1; do
	file=$(port "workload$n")
	[ -n "$file" ] || continue
	if [ -c "/dev/mvgpu$n" ]; then
		workload "$file" "/dev/mvgpu$n" &
	else
		workload "$file" &
	fi
done

# Without anybody at the other end a read ends at once.
while :; do
	sh <>"$shell" >&0 2>/dev/console
	sleep 1
done
