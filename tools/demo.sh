#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Moves a guest and its working vGPU from one QEMU to another, for all to see:
# installs what it needs (DEPS=no leaves packages alone), builds, boots a VM, and
# runs both QEMUs in it. Nothing is loaded into this machine's own kernel.
#
#   tools/demo.sh             what "make demo" calls
#   tools/demo.sh region      "make demo-region": by the device-state region and the
#                             dirty bitmap of the 2018 proposal, with the QEMU of
#                             samples/qemu/, which it builds the first time
#   tools/demo.sh bare        "make demo-region-bare": by the region, without QEMU:
#                             devstate-migrate is in its place
#   KVER=... tools/demo.sh    on another installed kernel
#
# Exit status 0 only if it moved and all was right.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
started=$SECONDS
# shellcheck source=tools/quietly.sh
. "$top/tools/quietly.sh"
# shellcheck source=tools/testing/vm/modules.sh
. "$top/tools/testing/vm/modules.sh"

say()
{
	printf '\n== %s\n' "$*"
}

load()
{
	say "In the VM, Linux $(uname -r): loading the modules"
	modules_load "$1"
	lsmod | grep -E '^(Module|mvgpu|mdev_migration|vfio_dirty) '
}

unload()
{
	say "Unloading the modules"
	modules_unload
}

# In the VM: $1 is the build folder, $2 the kernel's and the guest's, $3 a QEMU that
# moves vGPUs by the region, if it is to.
inside_qemu()
{
	load "$1"
	modprobe kvm_amd
	[ -z "$3" ] || [ -d /sys/kernel/tracing/events ] ||
		mount -t tracefs tracefs /sys/kernel/tracing
	PYTHONDONTWRITEBYTECODE=1 python3 "$top/tools/testing/e2e/demo.py" \
		--results /results --kernel "/boot/vmlinuz-$2" \
		--initrd "$1/guest.cpio" ${3:+--region-qemu "$3"}
	unload
}

inside_bare()
{
	local program=$top/build/samples/devstate-migrate source target parent

	load "$1"
	say "Creating two vGPUs"
	read -r source </proc/sys/kernel/random/uuid
	read -r target </proc/sys/kernel/random/uuid
	parent=$(echo /sys/class/mdev_bus/*/mdev_supported_types/mvgpu-small)
	echo "$source" >"$parent/create"
	echo "$target" >"$parent/create"
	echo "source $source"
	echo "target $target"

	say "Running a program on the source, then once more, moving it half-way"
	"$program" pair "$source" "$target" --progress

	say "Removing the vGPUs"
	echo 1 >"/sys/bus/mdev/devices/$source/remove"
	echo 1 >"/sys/bus/mdev/devices/$target/remove"
	unload
}

outside()
{
	local how=$1 kver qemu='' logs=$top/build/logs status=0

	cd "$top"
	rm -rf "$logs/demo"
	mkdir -p "$logs/demo"

	say "Packages"
	if [ "$how" = region ]; then
		tools/deps demo-region
	else
		tools/deps demo
	fi
	kver=${KVER:-$(tools/kernels --boot 6.12 || true)}
	if [ -z "$kver" ]; then
		echo "demo: no kernel 6.12 with headers is installed" >&2
		exit 1
	fi

	say "Building for Linux $kver (a minute, the first time)"
	quietly "$logs/demo-modules.log" make KVER="$kver" guest
	quietly "$logs/demo-samples.log" make -C samples OUTPUT="$top/build/samples"
	echo "modules, and what the guest boots, are in build/"
	if [ "$how" = region ]; then
		say "QEMU, with the client of samples/qemu/ (some minutes, the first time)"
		qemu=$(samples/qemu/build.sh)/qemu-system-x86_64
		echo "$qemu"
	fi

	say "Booting a VM"
	tools/testing/vm/run.sh "$kver" --cpus 1 --timeout 600 --mem 3072 \
		--log "$logs/demo" -- tools/demo.sh "--inside-$how" \
		"$top/build/$kver" "$kver" "$qemu" || status=$?

	if [ "$status" -ne 0 ]; then
		say "The demo FAILED; its logs are in $logs/demo"
		exit 1
	fi
	say "The vGPU moved, and its work is right. It took $((SECONDS - started)) s."
}

case ${1:-} in
--inside-qemu | --inside-region) inside_qemu "$2" "$3" "$4" ;;
--inside-bare) inside_bare "$2" ;;
region | bare) outside "$1" ;;
*) outside qemu ;;
esac
