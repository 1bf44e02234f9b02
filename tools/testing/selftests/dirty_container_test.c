// SPDX-License-Identifier: GPL-2.0
/*
 * Which containers vfio_dirty serves, what it says of itself, and the rules of
 * mapping and unmapping. Needs pintest.ko.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/vfio_device_state.h>

#include "dirty.h"
#include "effort.h"
#include "kselftest_harness.h"
#include "stock.h"

#define PAGE	DIRTY_PAGE
#define READ	VFIO_DMA_MAP_FLAG_READ
#define WRITE	VFIO_DMA_MAP_FLAG_WRITE
#define VADDR	VFIO_DMA_MAP_FLAG_VADDR
#define ALL	VFIO_DMA_UNMAP_FLAG_ALL
#define BITMAP	VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP
#define EXT	VFIO_DIRTY_GET_DIRTY_BITMAP_EXT

FIXTURE(container)
{
	struct dirty_rig rig;
	unsigned char *mem;
	int container;
};

FIXTURE_SETUP(container)
{
	int ret = dirty_rig_open(&self->rig);

	if (ret == -ENODEV)
		SKIP(return, "pintest is not loaded");
	ASSERT_EQ(0, ret);
	self->container = self->rig.vfio.container;
	self->mem = dirty_memory(16 * PAGE);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(container)
{
	dirty_rig_destroy(&self->rig);
}

static int map(int container, __u64 iova, void *mem, __u64 size, __u32 flags)
{
	return vfio_map_dma(container, iova, mem, size, flags);
}

static long long unmap(int container, __u64 iova, __u64 size, __u32 flags)
{
	struct vfio_iommu_type1_dma_unmap arg = {
		.argsz = sizeof(arg),
		.flags = flags,
		.iova = iova,
		.size = size,
	};

	return ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg) ? -errno :
	       (long long)arg.size;
}

TEST_F(container, extensions)
{
	static const int yes[] = { VFIO_TYPE1_IOMMU, VFIO_TYPE1v2_IOMMU,
				   VFIO_DMA_CC_IOMMU, VFIO_UNMAP_ALL };
	unsigned int i;
	int fresh;

	for (i = 0; i < 4; i++)
		EXPECT_EQ(1, vfio_check_extension(self->container, yes[i]));
	EXPECT_EQ(0, vfio_check_extension(self->container, VFIO_UPDATE_VADDR));
	EXPECT_EQ(0, vfio_check_extension(self->container,
					  VFIO_SPAPR_TCE_IOMMU));
	EXPECT_EQ(0, vfio_check_extension(self->container, 1000));
	EXPECT_EQ(1, vfio_check_extension(self->container, EXT));

	fresh = vfio_open_container();
	ASSERT_LE(0, fresh);
	EXPECT_EQ(1, vfio_check_extension(fresh, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(1, vfio_check_extension(fresh, VFIO_UNMAP_ALL));
	EXPECT_EQ(0, vfio_check_extension(fresh, VFIO_DMA_CC_IOMMU));
	EXPECT_EQ(0, vfio_check_extension(fresh, EXT));
}

TEST_F(container, unknown_ioctls)
{
	EXPECT_EQ(-1, ioctl(self->container, VFIO_IOMMU_ENABLE, 0));
	EXPECT_EQ(ENOTTY, errno);
	EXPECT_EQ(-1, ioctl(self->container, _IO(VFIO_TYPE, VFIO_BASE + 90)));
	EXPECT_EQ(ENOTTY, errno);
}

/* Capabilities of GET_INFO: see what stock says of a container of mdevs. */
TEST_F(container, info)
{
	unsigned char buffer[256];
	struct vfio_iommu_type1_info *info = (void *)buffer;
	struct vfio_iommu_type1_info_cap_migration *migration;
	struct vfio_iommu_type1_info_dma_avail *avail;
	__u32 argsz, whole = 0;

	for (argsz = 0; argsz < 16; argsz++) {
		info->argsz = argsz;
		EXPECT_EQ(-1, ioctl(self->container, VFIO_IOMMU_GET_INFO,
				    info));
		EXPECT_EQ(EINVAL, errno);
	}
	for (argsz = 16; argsz <= sizeof(buffer); argsz++) {
		memset(buffer, 0xee, sizeof(buffer));
		info->argsz = argsz;
		ASSERT_EQ(0, ioctl(self->container, VFIO_IOMMU_GET_INFO,
				   info));
		EXPECT_EQ(VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS,
			  info->flags);
		EXPECT_EQ(-PAGE, info->iova_pgsizes);
		if (whole && argsz >= whole)
			continue;
		if (info->argsz == argsz) {
			whole = argsz;
			continue;
		}
		/* what is needed is said, and nothing behind argsz written */
		EXPECT_LT(argsz, info->argsz);
		if (argsz >= 24)
			EXPECT_EQ(0, info->cap_offset);
		EXPECT_EQ(0xee, buffer[argsz > 24 ? 24 : argsz]);
	}
	/* 68 on 6.1, which does not pad */
	EXPECT_TRUE(whole == 72 || whole == 68);

	EXPECT_EQ(24, info->cap_offset);
	migration = (void *)(buffer + info->cap_offset);
	EXPECT_EQ(VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION, migration->header.id);
	EXPECT_EQ(1, migration->header.version);
	EXPECT_EQ(0, migration->flags);
	EXPECT_EQ(PAGE, migration->pgsize_bitmap);
	EXPECT_EQ(256U << 20, migration->max_dirty_bitmap_size);
	avail = (void *)(buffer + migration->header.next);
	EXPECT_EQ(VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL, avail->header.id);
	EXPECT_EQ(1, avail->header.version);
	EXPECT_EQ(65535, avail->avail);
	EXPECT_EQ(0, avail->header.next);
}

TEST_F(container, map_arguments)
{
	struct vfio_iommu_type1_dma_map arg = {
		.argsz = sizeof(arg) - 1,
		.flags = READ,
		.vaddr = (unsigned long)self->mem,
		.size = PAGE,
	};
	int c = self->container;
	void *mem = self->mem;

	EXPECT_EQ(-1, ioctl(c, VFIO_IOMMU_MAP_DMA, &arg));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-1, ioctl(c, VFIO_IOMMU_MAP_DMA, NULL));
	EXPECT_EQ(EFAULT, errno);
	EXPECT_EQ(-EINVAL, map(c, 0, mem, PAGE, 0));
	EXPECT_EQ(-EINVAL, map(c, 0, mem, PAGE, 8 | READ));
	EXPECT_EQ(-EINVAL, map(c, 0, mem, PAGE, READ | VADDR));
	EXPECT_EQ(-ENOENT, map(c, 0, mem, PAGE, VADDR));
	EXPECT_EQ(-EINVAL, map(c, 0, mem, 0, READ));
	EXPECT_EQ(-EINVAL, map(c, 0, mem, PAGE + 1, READ));
	EXPECT_EQ(-EINVAL, map(c, 1, mem, PAGE, READ));
	EXPECT_EQ(-EINVAL, map(c, 0, (char *)mem + 1, PAGE, READ));
	EXPECT_EQ(stock_wraps(), map(c, -PAGE, mem, 2 * PAGE, READ));
	EXPECT_EQ(stock_wraps(), map(c, 0, (void *)-PAGE, 2 * PAGE, READ));

	EXPECT_EQ(0, map(c, PAGE, mem, 4 * PAGE, READ | WRITE));
	EXPECT_EQ(-EINVAL, map(c, PAGE, mem, 4 * PAGE, VADDR));
	EXPECT_EQ(-EEXIST, map(c, PAGE, mem, 4 * PAGE, READ));
	EXPECT_EQ(-EEXIST, map(c, 0, mem, 2 * PAGE, READ));
	EXPECT_EQ(-EEXIST, map(c, 4 * PAGE, mem, 2 * PAGE, READ));
	EXPECT_EQ(-EEXIST, map(c, 2 * PAGE, mem, PAGE, READ));
	EXPECT_EQ(-EEXIST, map(c, 0, mem, 16 * PAGE, READ));
	EXPECT_EQ(0, map(c, 0, mem, PAGE, WRITE));
	EXPECT_EQ(0, map(c, 5 * PAGE, mem, PAGE, READ));
	/* memory need not be there, and may be of any size */
	EXPECT_EQ(0, map(c, 1ULL << 40, (void *)(1ULL << 50), 1ULL << 50,
			 READ));
}

TEST_F(container, unmap_arguments)
{
	struct vfio_iommu_type1_dma_unmap arg = { .argsz = sizeof(arg) - 1 };
	int c = self->container;

	EXPECT_EQ(-1, ioctl(c, VFIO_IOMMU_UNMAP_DMA, &arg));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(-EINVAL, unmap(c, 0, PAGE, 8));
	EXPECT_EQ(-EINVAL, unmap(c, 0, 0, BITMAP | ALL));
	EXPECT_EQ(-EINVAL, unmap(c, 0, PAGE, BITMAP));
	EXPECT_EQ(-EBUSY, unmap(c, 0, PAGE, VFIO_DMA_UNMAP_FLAG_VADDR));
	EXPECT_EQ(-EINVAL, unmap(c, 0, PAGE, ALL));
	EXPECT_EQ(-EINVAL, unmap(c, PAGE, 0, ALL));
	EXPECT_EQ(-EINVAL, unmap(c, 0, 0, 0));
	EXPECT_EQ(-EINVAL, unmap(c, 1, PAGE, 0));
	EXPECT_EQ(-EINVAL, unmap(c, 0, PAGE + 1, 0));
	EXPECT_EQ(stock_wraps(), unmap(c, -PAGE, 2 * PAGE, 0));
	EXPECT_EQ(0, unmap(c, 0, PAGE, 0));
	EXPECT_EQ(0, unmap(c, 0, 0, ALL));
}

TEST_F(container, unmap_ranges)
{
	int c = self->container;

	/* pages 2..5 and 8..9 */
	ASSERT_EQ(0, map(c, 2 * PAGE, self->mem, 4 * PAGE, READ));
	ASSERT_EQ(0, map(c, 8 * PAGE, self->mem, 2 * PAGE, READ));
	EXPECT_EQ(-EINVAL, unmap(c, 3 * PAGE, 3 * PAGE, 0));
	EXPECT_EQ(-EINVAL, unmap(c, 2 * PAGE, 3 * PAGE, 0));
	EXPECT_EQ(-EINVAL, unmap(c, 3 * PAGE, PAGE, 0));
	EXPECT_EQ(-EINVAL, unmap(c, 0, 9 * PAGE, 0));
	EXPECT_EQ(0, unmap(c, 6 * PAGE, 2 * PAGE, 0));
	EXPECT_EQ(6 * PAGE, unmap(c, 0, 10 * PAGE, 0));
	EXPECT_EQ(0, unmap(c, 0, 10 * PAGE, 0));

	ASSERT_EQ(0, map(c, 2 * PAGE, self->mem, 4 * PAGE, READ));
	ASSERT_EQ(0, map(c, -2 * PAGE, self->mem, 2 * PAGE, READ));
	EXPECT_EQ(-EINVAL, unmap(c, -PAGE, PAGE, 0));
	EXPECT_EQ(6 * PAGE, unmap(c, 0, 0, ALL));
	ASSERT_EQ(0, map(c, -2 * PAGE, self->mem, 2 * PAGE, READ));
	EXPECT_EQ(2 * PAGE, unmap(c, -16 * PAGE, 16 * PAGE, 0));
}

TEST_F(container, the_limit_on_mappings)
{
	struct dirty_rig other;
	char old[64];
	__u64 i;
	int c;

	ASSERT_EQ(0, dirty_param("dma_entry_limit", "3", old));
	EXPECT_EQ(0, dirty_rig_open(&other));
	EXPECT_EQ(0, dirty_param("dma_entry_limit", old, NULL));
	c = other.vfio.container;
	for (i = 0; i < 3; i++) {
		EXPECT_EQ(3 - i, dirty_available(c));
		EXPECT_EQ(0, map(c, 2 * i * PAGE, self->mem, PAGE, READ));
	}
	EXPECT_EQ(0, dirty_available(c));
	EXPECT_EQ(-ENOSPC, map(c, 100 * PAGE, self->mem, PAGE, READ));
	EXPECT_EQ(-EEXIST, map(c, 0, self->mem, PAGE, READ));
	EXPECT_EQ(PAGE, unmap(c, 0, PAGE, 0));
	EXPECT_EQ(0, map(c, 100 * PAGE, self->mem, PAGE, READ));
	EXPECT_EQ(3 * PAGE, unmap(c, 0, 0, ALL));
	EXPECT_EQ(3, dirty_available(c));
	dirty_rig_destroy(&other);
}

/* As many as there may be by default, where that does not take too long. */
TEST_F(container, many_mappings)
{
	const __u64 most = effort_some(65535);
	struct dirty_rig other;
	char old[64], limit[32];
	__u64 i;
	int c;

	EXPECT_EQ(65535, dirty_available(self->container));
	snprintf(limit, sizeof(limit), "%llu", (unsigned long long)most);
	ASSERT_EQ(0, dirty_param("dma_entry_limit", limit, old));
	EXPECT_EQ(0, dirty_rig_open(&other));
	EXPECT_EQ(0, dirty_param("dma_entry_limit", old, NULL));
	c = other.vfio.container;
	for (i = 0; i < most; i++)
		ASSERT_EQ(0, map(c, (i * 7919 % most) * 2 * PAGE, self->mem,
				 PAGE, READ | WRITE));
	EXPECT_EQ(-ENOSPC, map(c, 1ULL << 40, self->mem, PAGE, READ));
	EXPECT_EQ(0, dirty_available(c));
	EXPECT_EQ(most * PAGE, unmap(c, 0, 0, ALL));
	EXPECT_EQ(most, dirty_available(c));
	dirty_rig_destroy(&other);
}

TEST_F(container, claim)
{
	struct dirty_rig other;
	char old[64];
	int fresh;

	EXPECT_EQ(-EINVAL, dirty_param("claim", "some", old));
	EXPECT_EQ(-EINVAL, dirty_param("claim", "\n", NULL));
	ASSERT_EQ(0, dirty_param("claim", "none", NULL));
	EXPECT_EQ(0, dirty_rig_open(&other));
	/* stock serves it: no form of ours, and nothing marked */
	EXPECT_EQ(0, vfio_check_extension(other.vfio.container, EXT));
	EXPECT_EQ(1, vfio_check_extension(other.vfio.container,
					  VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(-ENODEV, dirty_set(&other, PINTEST_EXPLICIT, 1));
	EXPECT_EQ(0, map(other.vfio.container, 0, self->mem, PAGE,
			 READ | WRITE));
	EXPECT_EQ(1, dirty_pin(&other, 0, 1, PINTEST_WRITE));
	dirty_rig_destroy(&other);
	/* what is served stays so */
	EXPECT_EQ(1, vfio_check_extension(self->container, EXT));

	EXPECT_EQ(0, dirty_param("claim", "all\n", NULL));
	EXPECT_EQ(0, dirty_rig_open(&other));
	EXPECT_EQ(1, vfio_check_extension(other.vfio.container, EXT));
	dirty_rig_destroy(&other);

	EXPECT_EQ(0, dirty_param("claim", "users", NULL));
	fresh = vfio_open_container();
	EXPECT_EQ(1, vfio_check_extension(fresh, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, dirty_rig_open(&other));
	EXPECT_EQ(1, vfio_check_extension(other.vfio.container, EXT));
	dirty_rig_destroy(&other);
	EXPECT_EQ(0, dirty_param("claim", old, NULL));
}

TEST_F(container, a_group_joins_and_leaves)
{
	struct dirty_rig other;

	ASSERT_EQ(0, map(self->container, 0, self->mem, 4 * PAGE,
			 READ | WRITE));
	ASSERT_EQ(0, dirty_rig_create(&other));
	ASSERT_EQ(0, vfio_open_shared(&other.vfio, self->container,
				      other.uuid));
	EXPECT_EQ(1, dirty_pin(&other, 0, 1, PINTEST_WRITE));
	vfio_close_device(&other.vfio);
	other.vfio.container = -1;
	/* mappings stay with the container */
	EXPECT_EQ(1, dirty_pin(&self->rig, PAGE, 1, PINTEST_WRITE));
	EXPECT_EQ(4 * PAGE, unmap(self->container, 0, 0, ALL));
	dirty_rig_destroy(&other);
}

TEST_F(container, a_container_begins_anew)
{
	struct vfio_client *vfio = &self->rig.vfio;
	unsigned char bitmap[8];

	ASSERT_EQ(0, map(vfio->container, 0, self->mem, PAGE, READ | WRITE));
	ASSERT_EQ(1, dirty_pin(&self->rig, 0, 1, PINTEST_WRITE));
	ASSERT_EQ(0, dirty_start(vfio->container));
	vfio_close_device(vfio);
	EXPECT_EQ(-EINVAL, map(vfio->container, 0, self->mem, PAGE, READ));
	EXPECT_EQ(0, dirty_locked());

	vfio->group = vfio_open_group(self->rig.uuid);
	ASSERT_EQ(0, vfio_group_set_container(vfio->group, vfio->container));
	ASSERT_EQ(0, vfio_set_iommu(vfio->container, VFIO_TYPE1v2_IOMMU));
	vfio->device = vfio_open_device(vfio->group, self->rig.uuid);
	ASSERT_LE(0, vfio->device);
	EXPECT_EQ(-EINVAL, dirty_get(vfio->container, 0, PAGE, bitmap));
	ASSERT_EQ(0, dirty_written(vfio->container, 0, 64, bitmap));
	EXPECT_EQ(0, dirty_count(bitmap, 64));
	EXPECT_EQ(0, map(vfio->container, 0, self->mem, PAGE, READ));
}

/* The container's file may go first: the group keeps all alive. */
TEST_F(container, the_file_is_closed_first)
{
	ASSERT_EQ(0, map(self->container, 0, self->mem, PAGE, READ | WRITE));
	close(self->rig.vfio.container);
	self->rig.vfio.container = -1;
	EXPECT_EQ(1, dirty_pin(&self->rig, 0, 1, PINTEST_WRITE));
	EXPECT_EQ(4, dirty_locked());
	vfio_close(&self->rig.vfio);
	EXPECT_EQ(0, dirty_locked());
}

TEST_HARNESS_MAIN
