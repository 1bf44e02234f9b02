#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/layout knows the kernels that the tests run on, and refuses any other
# struct vfio_iommu_driver_ops: of made-up kernels, of which there is only a
# vfio_iommu_type1 module with a table of such members, and of a made-up header
# of ours.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

members="open release ioctl attach_group detach_group pin_pages unpin_pages
	register_device unregister_device dma_rw group_iommu_domain"

# kernel NAME MEMBER...: a build tree that holds the module; 0 is a member that
# the kernel has and type1 does not fill in.
kernel()
{
	local folder=$check_work/$1/drivers/vfio member
	shift

	mkdir -p "$folder"
	{
		echo 'extern int __this_module;'
		for member; do
			[ "$member" = 0 ] ||
				echo "static void vfio_iommu_type1_$member(void) { }"
		done
		echo 'static const struct { const char *name; void *owner;'
		echo "void (*members[$#])(void); } vfio_iommu_driver_ops_type1"
		echo '__attribute__((used)) = { "made-up", &__this_module, {'
		printf 'vfio_iommu_type1_%s,\n' "$@" | sed 's/.*_0,/0,/'
		echo '} };'
	} >"$check_work/table.c"
	gcc -O1 -fno-pie -c -o "$folder/vfio_iommu_type1.ko" "$check_work/table.c"
}

# refused NAME WORDS: what tools/layout says of the kernel has these words.
refused()
{
	tools/layout "$check_work/$1" made-up >"$check_work/said" 2>&1
	case $?,$(cat "$check_work/said") in
	1,"mvgpu: made-up: "*"$2"*) : >"$check_work/complaints" ;;
	*) { echo "not refused for '$2':"; cat "$check_work/said"; } >"$check_work/complaints" ;;
	esac
	check_result "refuses $1" "$check_work/complaints"
}

accepted()
{
	tools/layout "$2" "$3" >"$check_work/complaints" 2>&1 ||
		echo "refused" >>"$check_work/complaints"
	check_result "accepts $1" "$check_work/complaints"
}

for kver in $(check_kernels); do
	accepted "$kver" "/lib/modules/$kver/build" "$kver"
done

# shellcheck disable=SC2086 # one word each
{
	kernel as-6.1 $members notify
	kernel as-6.12 $members
	kernel packed $members
	xz "$check_work/packed/drivers/vfio/vfio_iommu_type1.ko"
	kernel inserted ${members/dma_rw/inserted dma_rw}
	kernel inserted-and-not-filled-in ${members/dma_rw/0 dma_rw}
	kernel first-inserted inserted $members
	kernel appended $members appended
	kernel appended-and-not-filled-in $members 0
	kernel appended-to-6.1 $members notify appended
	kernel removed ${members/unpin_pages/}
	kernel renamed ${members/dma_rw/dma_copy}
	kernel swapped ${members/register_device/} register_device
	kernel without-table $members
}
objcopy --strip-all "$check_work/without-table/drivers/vfio/vfio_iommu_type1.ko" 2>/dev/null
mkdir -p "$check_work/without-module"

for name in as-6.1 as-6.12 packed; do
	accepted "$name" "$check_work/$name" made-up
done
refused inserted "one more is inserted"
refused inserted-and-not-filled-in "one more is unknown"
refused first-inserted "one more is inserted"
refused appended "one more is appended"
refused appended-and-not-filled-in "one more is unknown"
refused appended-to-6.1 "one more is appended"
refused removed "missing is unpin_pages"
refused renamed "missing is dma_rw"
refused swapped "one more is register_device"
refused without-table "no vfio_iommu_driver_ops_type1"
refused without-module "install linux-image-made-up"

# The same from our side, through all that asks.
cp -r --parents Kbuild VERSION dkms.conf drivers/compat tools/kernels tools/layout \
	"$check_work"
sed -i 's/^\tint (\*dma_rw)/\tint (*planted)(void);\n&/' \
	"$check_work/drivers/compat/vfio_iommu_driver.h"
for kver in $(check_kernels); do
	said="mvgpu: $kver: its struct vfio_iommu_driver_ops .* missing is planted"
	{
		make -C "/lib/modules/$kver/build" M="$check_work" 2>&1 |
			grep -q "$said" || echo "the build does not say: $said"
		"$check_work/tools/kernels" --why-not "$kver" |
			grep -q "$said" || echo "dkms.conf is not told: $said"
	} >"$check_work/complaints"
	check_result "a member of ours that $kver lacks stops the build" \
		"$check_work/complaints"
done
check_end
