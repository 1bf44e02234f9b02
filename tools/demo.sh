#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Moves a vGPU with work in flight, for all to see: installs what it needs
# (DEPS=no leaves packages alone), builds, boots a VM, and runs
# devstate-migrate in it. Nothing is loaded into this machine's own kernel.
#
#   tools/demo.sh             what "make demo" calls
#   KVER=... tools/demo.sh    on another installed kernel
#
# Exit status 0 only if the vGPU moved and all was right.
set -euo pipefail

top=$(cd "$(dirname "$0")/.." && pwd)
started=$SECONDS

say()
{
	printf '\n== %s\n' "$*"
}

# Shows what a step wrote only if it went wrong.
quietly()
{
	local log=$1
	shift
	if ! "$@" >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		echo "demo: failed, see $log" >&2
		exit 1
	fi
}

# From the build folder, and what they need from the kernel's own modules.
load()
{
	local files=("$1/dirty/vfio_dirty.ko" "$1/migration/mdev_migration.ko"
		"$1/mvgpu/mvgpu.ko") needed file

	needed=$(modinfo -F depends "${files[@]}" | tr ',' '\n' |
		grep -vxE 'vfio_dirty|mdev_migration|mvgpu|' | sort -u)
	# shellcheck disable=SC2086 # one word each
	modprobe -a vfio_iommu_type1 $needed
	for file in "${files[@]}"; do
		insmod "$file"
	done
}

# In the VM: $1 holds the modules, $2 is devstate-migrate.
inside()
{
	local modules=$1 program=$2 source target parent

	say "In the VM, Linux $(uname -r): loading the modules"
	load "$modules"
	lsmod | grep -E '^(Module|mvgpu|mdev_migration|vfio_dirty) '

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

	say "Removing the vGPUs and unloading the modules"
	echo 1 >"/sys/bus/mdev/devices/$source/remove"
	echo 1 >"/sys/bus/mdev/devices/$target/remove"
	rmmod mvgpu mdev_migration vfio_dirty
}

outside()
{
	local kver logs=$top/build/logs status=0

	cd "$top"
	mkdir -p "$logs/demo"

	say "Packages"
	tools/deps demo
	kver=${KVER:-$(tools/kernels --boot 6.12 || true)}
	if [ -z "$kver" ]; then
		echo "demo: no kernel 6.12 with headers is installed" >&2
		exit 1
	fi

	say "Building for Linux $kver (a minute, the first time)"
	quietly "$logs/demo-modules.log" make KVER="$kver" modules
	quietly "$logs/demo-samples.log" make -C samples OUTPUT="$top/build/samples"
	echo "modules and devstate-migrate are in build/"

	say "Booting a VM"
	tools/testing/vm/run.sh "$kver" --timeout 300 --log "$logs/demo" -- \
		tools/demo.sh --inside "$top/build/$kver/drivers" \
		"$top/build/samples/devstate-migrate" || status=$?

	if [ "$status" -ne 0 ]; then
		say "The demo FAILED; its logs are in $logs/demo"
		exit 1
	fi
	say "The vGPU moved, and its work is right. It took $((SECONDS - started)) s."
}

if [ "${1:-}" = --inside ]; then
	inside "$2" "$3"
else
	outside
fi
