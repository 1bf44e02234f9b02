// SPDX-License-Identifier: GPL-2.0
/*
 * The two forms of the dirty bitmap's ioctl, byte for byte: the 2018
 * proposal's, which clears nothing, and upstream's beside it. Needs pintest.ko.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <linux/vfio_device_state.h>

#include "dirty.h"
#include "kselftest_harness.h"
#include "stock.h"

#define PAGE	DIRTY_PAGE
#define GIB	0x40000000ULL
#define LOW	(5 * GIB)
#define HIGH	(9 * GIB)
#define PAGES	300LL
#define GUARD	0xa5
#define START	VFIO_IOMMU_DIRTY_PAGES_FLAG_START
#define STOP	VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP
#define GET	VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP

FIXTURE(ioctl)
{
	struct dirty_rig rig;
	unsigned char *mem;
	int container;
};

FIXTURE_SETUP(ioctl)
{
	int ret = dirty_rig_open(&self->rig);

	if (ret == -ENODEV)
		SKIP(return, "pintest is not loaded");
	ASSERT_EQ(0, ret);
	self->container = self->rig.vfio.container;
	self->mem = dirty_memory(2 * PAGES * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, vfio_map_dma(self->container, LOW, self->mem,
				  PAGES * PAGE, DIRTY_RW));
	ASSERT_EQ(0, vfio_map_dma(self->container, HIGH,
				  self->mem + PAGES * PAGE, PAGES * PAGE,
				  DIRTY_RW));
}

FIXTURE_TEARDOWN(ioctl)
{
	dirty_rig_destroy(&self->rig);
}

/* The device writes a byte to a page. */
static long touch(struct dirty_rig *rig, __u64 iova)
{
	char byte = 1;

	return dirty_rw(rig, iova, &byte, 1, PINTEST_WRITE);
}

static int query(int container, __u64 iova, __u64 pages, void *arg)
{
	struct vfio_iommu_get_dirty_bitmap *bitmap = arg;

	bitmap->start_addr = iova;
	bitmap->page_nr = pages;
	return ioctl(container, VFIO_IOMMU_GET_DIRTY_BITMAP, arg) ? -errno : 0;
}

static int upstream(int container, __u32 argsz, __u32 flags)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		unsigned char rest[64];
	} arg = { .head.argsz = argsz, .head.flags = flags };

	return ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg) ? -errno : 0;
}

TEST_F(ioctl, is_announced)
{
	EXPECT_EQ(1, vfio_check_extension(self->container,
					  VFIO_DIRTY_GET_DIRTY_BITMAP_EXT));
}

/* Every size around word edges: whole words are written, and not one byte more */
TEST_F(ioctl, sizes_and_guards)
{
	unsigned char buffer[256];
	__u64 pages, i;

	ASSERT_EQ(0, touch(&self->rig, LOW));
	ASSERT_EQ(0, touch(&self->rig, LOW + 63 * PAGE));
	ASSERT_EQ(0, touch(&self->rig, LOW + 64 * PAGE));
	ASSERT_EQ(0, touch(&self->rig, LOW + 299 * PAGE));

	for (pages = 1; pages <= 400; pages++) {
		size_t bytes = dirty_bytes(pages);

		memset(buffer, GUARD, sizeof(buffer));
		ASSERT_EQ(0, query(self->container, LOW, pages, buffer));
		for (i = 0; i < bytes * 8; i++)
			ASSERT_EQ(i < pages && (i == 0 || i == 63 || i == 64 ||
						i == 299),
				  dirty_bit(buffer + 16, i));
		for (i = 16 + bytes; i < sizeof(buffer); i++)
			ASSERT_EQ(GUARD, buffer[i]);
	}
}

/* Every start: bit 0 is that of the first page asked for. */
TEST_F(ioctl, starts)
{
	unsigned char buffer[64];
	__u64 first;

	ASSERT_EQ(0, touch(&self->rig, HIGH + 100 * PAGE));
	for (first = 0; first <= 100; first++) {
		ASSERT_EQ(0, query(self->container, HIGH + first * PAGE, 128,
				   buffer));
		ASSERT_TRUE(dirty_bit(buffer + 16, 100 - first));
		ASSERT_EQ(1, dirty_count(buffer + 16, 128));
	}
	/* from below the mapping */
	ASSERT_EQ(0, query(self->container, HIGH - 17 * PAGE, 128, buffer));
	EXPECT_TRUE(dirty_bit(buffer + 16, 117));
	EXPECT_EQ(1, dirty_count(buffer + 16, 128));
}

TEST_F(ioctl, nothing_is_cleared)
{
	unsigned char buffer[64];
	int i;

	ASSERT_EQ(0, touch(&self->rig, LOW + 7 * PAGE));
	ASSERT_EQ(0, dirty_start(self->container));
	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, query(self->container, LOW, 64, buffer));
		EXPECT_EQ(1, dirty_count(buffer + 16, 64));
		ASSERT_EQ(0, dirty_get(self->container, LOW, PAGES * PAGE,
				       buffer));
	}
}

/* One query over both mappings, the hole between, and what is around. */
TEST_F(ioctl, holes)
{
	__u64 first = LOW - GIB, pages = 6 * GIB / PAGE, i;
	unsigned char *buffer = malloc(16 + dirty_bytes(pages) + 8);
	__u64 gap = (HIGH - LOW) / PAGE, base = GIB / PAGE;

	ASSERT_NE(NULL, buffer);
	ASSERT_EQ(0, touch(&self->rig, LOW));
	ASSERT_EQ(0, touch(&self->rig, LOW + (PAGES - 1) * PAGE));
	ASSERT_EQ(0, touch(&self->rig, HIGH));
	ASSERT_EQ(0, touch(&self->rig, HIGH + (PAGES - 1) * PAGE));
	memset(buffer, 0xff, 16 + dirty_bytes(pages) + 8);
	ASSERT_EQ(0, query(self->container, first, pages, buffer));
	EXPECT_TRUE(dirty_bit(buffer + 16, base));
	EXPECT_TRUE(dirty_bit(buffer + 16, base + PAGES - 1));
	EXPECT_TRUE(dirty_bit(buffer + 16, base + gap));
	EXPECT_TRUE(dirty_bit(buffer + 16, base + gap + PAGES - 1));
	EXPECT_EQ(4, dirty_count(buffer + 16, pages));
	for (i = 0; i < 8; i++)
		EXPECT_EQ(0xff, buffer[16 + dirty_bytes(pages) + i]);
	free(buffer);
}

TEST_F(ioctl, numbers_of_pages)
{
	__u64 most = (1ULL << 31) - 1;
	size_t bytes = 16 + dirty_bytes(most);
	unsigned char *buffer = dirty_memory(bytes + PAGE);

	ASSERT_NE(NULL, buffer);
	EXPECT_EQ(-EINVAL, query(self->container, LOW, 0, buffer));
	EXPECT_EQ(-EINVAL, query(self->container, LOW, 1ULL << 31, buffer));
	EXPECT_EQ(-EINVAL, query(self->container, LOW, ~0ULL, buffer));
	ASSERT_EQ(0, touch(&self->rig, HIGH + PAGE));
	buffer[bytes] = GUARD;
	ASSERT_EQ(0, query(self->container, 0, most, buffer));
	EXPECT_TRUE(dirty_bit(buffer + 16, HIGH / PAGE + 1));
	EXPECT_EQ(1, dirty_count(buffer + 16, 16 * GIB / PAGE));
	EXPECT_EQ(GUARD, buffer[bytes]);
	munmap(buffer, bytes + PAGE);
}

TEST_F(ioctl, the_end_of_the_address_space)
{
	unsigned char buffer[64];

	ASSERT_EQ(0, vfio_map_dma(self->container, -PAGE, self->mem, PAGE,
				  DIRTY_RW));
	ASSERT_EQ(0, touch(&self->rig, -PAGE));
	EXPECT_EQ(0, query(self->container, -PAGE, 1, buffer));
	EXPECT_EQ(1, buffer[16]);
	EXPECT_EQ(0, query(self->container, -3 * PAGE, 3, buffer));
	EXPECT_EQ(4, buffer[16]);
	EXPECT_EQ(-EINVAL, query(self->container, -PAGE, 2, buffer));
	EXPECT_EQ(-EINVAL, query(self->container, -PAGE, 1U << 30, buffer));
}

TEST_F(ioctl, faults_change_nothing)
{
	unsigned char *buffer = dirty_memory(4 * PAGE), good[64];

	ASSERT_NE(NULL, buffer);
	ASSERT_EQ(0, munmap(buffer + 3 * PAGE, PAGE));
	ASSERT_EQ(0, touch(&self->rig, LOW + 5 * PAGE));
	EXPECT_EQ(-EFAULT, ioctl(self->container, VFIO_IOMMU_GET_DIRTY_BITMAP,
				 buffer + 3 * PAGE) ? -errno : 0);
	EXPECT_EQ(-EFAULT, ioctl(self->container, VFIO_IOMMU_GET_DIRTY_BITMAP,
				 NULL) ? -errno : 0);
	/* the header ends at the hole, the bitmap runs into it */
	EXPECT_EQ(-EFAULT, query(self->container, LOW, 1,
				 buffer + 3 * PAGE - 16));
	EXPECT_EQ(-EFAULT, query(self->container, LOW, 65,
				 buffer + 3 * PAGE - 24));
	EXPECT_EQ(0, query(self->container, LOW, 64, buffer + 3 * PAGE - 24));
	EXPECT_EQ(-EFAULT, query(self->container, LOW, 64 * 8 * 1024,
				 buffer + PAGE));
	ASSERT_EQ(0, query(self->container, LOW, 64, good));
	EXPECT_EQ(0x20, good[16]);
	EXPECT_EQ(1, dirty_count(good + 16, 64));
}

/* The argument need not be aligned. */
TEST_F(ioctl, an_unaligned_argument)
{
	unsigned char buffer[128];
	int shift;

	ASSERT_EQ(0, touch(&self->rig, LOW + 70 * PAGE));
	for (shift = 1; shift < 8; shift++) {
		struct vfio_iommu_get_dirty_bitmap head = {
			.start_addr = LOW,
			.page_nr = 80,
		};

		memset(buffer, GUARD, sizeof(buffer));
		memcpy(buffer + shift, &head, sizeof(head));
		ASSERT_EQ(0, ioctl(self->container,
				   VFIO_IOMMU_GET_DIRTY_BITMAP,
				   buffer + shift));
		EXPECT_EQ(1, dirty_count(buffer + shift + 16, 128));
		EXPECT_TRUE(dirty_bit(buffer + shift + 16, 70));
		EXPECT_EQ(GUARD, buffer[shift + 32]);
		EXPECT_EQ(GUARD, buffer[shift - 1]);
	}
}

/* A first word whose low 12 bits are not 0 is upstream's argsz. */
TEST_F(ioctl, the_rule_for_the_number)
{
	unsigned char buffer[64];

	EXPECT_EQ(-EINVAL, query(self->container, 3 * GIB + 8, 1, buffer));
	EXPECT_EQ(0, upstream(self->container, 8, START));
	EXPECT_EQ(0, upstream(self->container, 8, STOP));
	/* argsz 0 and 4096 are addresses, with page_nr 0 behind */
	EXPECT_EQ(-EINVAL, upstream(self->container, 0, START));
	EXPECT_EQ(-EINVAL, upstream(self->container, 4096, START));
	memset(buffer, GUARD, sizeof(buffer));
	EXPECT_EQ(0, query(self->container, 0, 1, buffer));
	EXPECT_EQ(0, dirty_count(buffer + 16, 64));
	EXPECT_EQ(0, query(self->container, 4096, 1, buffer));
}

TEST_F(ioctl, upstream_arguments)
{
	EXPECT_EQ(-EINVAL, upstream(self->container, 7, START));
	EXPECT_EQ(-EINVAL, upstream(self->container, 8, 0));
	EXPECT_EQ(-EINVAL, upstream(self->container, 8, 8));
	EXPECT_EQ(-EINVAL, upstream(self->container, 8, START | STOP));
	EXPECT_EQ(-EINVAL, upstream(self->container, 8, START | GET));
	EXPECT_EQ(-EINVAL, upstream(self->container, 8, GET));
	EXPECT_EQ(-EINVAL, upstream(self->container, 47, GET));
	EXPECT_EQ(-EINVAL, upstream(self->container, 48, GET));
	EXPECT_EQ(0, upstream(self->container, 8, STOP));
	EXPECT_EQ(0, upstream(self->container, 4095, START));
	EXPECT_EQ(0, upstream(self->container, 8, START));
	EXPECT_EQ(0, upstream(self->container, 8, STOP));
	EXPECT_EQ(0, upstream(self->container, 8, STOP));
}

/* GET with one field changed. */
static int get_with(int container, struct vfio_iommu_type1_dirty_bitmap_get get)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get get;
	} arg = { { .argsz = sizeof(arg), .flags = GET }, get };

	return ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg) ? -errno : 0;
}

/* All three requests, and that nothing came of them. */
TEST_F(ioctl, a_range_that_wraps)
{
	unsigned char bitmap[64] = {};
	const struct vfio_iommu_type1_dirty_bitmap_get get = {
		.iova = -PAGE,
		.size = 2 * PAGE,
		.bitmap = { .pgsize = PAGE, .size = 64, .data = (void *)bitmap },
	};
	const int wraps = stock_wraps();

	ASSERT_NE(0, wraps);
	ASSERT_EQ(0, dirty_start(self->container));
	EXPECT_EQ(wraps, vfio_map_dma(self->container, -PAGE, self->mem,
				      2 * PAGE, DIRTY_RW));
	EXPECT_EQ(wraps, vfio_map_dma(self->container, 0, (void *)-PAGE,
				      2 * PAGE, DIRTY_RW));
	EXPECT_EQ(wraps, vfio_unmap_dma(self->container, -PAGE, 2 * PAGE));
	EXPECT_EQ(wraps, vfio_unmap_dma(self->container, LOW, -LOW + PAGE));
	EXPECT_EQ(wraps, dirty_unmap(self->container, -PAGE, 2 * PAGE, bitmap));
	EXPECT_EQ(wraps, get_with(self->container, get));
	EXPECT_EQ(PAGES * PAGE, vfio_unmap_dma(self->container, LOW,
					       PAGES * PAGE));
	/* which ends where the space ends, and does not wrap */
	EXPECT_EQ(PAGES * PAGE, vfio_unmap_dma(self->container, PAGE, -PAGE));
}

TEST_F(ioctl, upstream_get_arguments)
{
	unsigned char bitmap[64] = {};
	const struct vfio_iommu_type1_dirty_bitmap_get good = {
		.iova = LOW,
		.size = PAGES * PAGE,
		.bitmap = { .pgsize = PAGE, .size = 64, .data = (void *)bitmap },
	};
	struct vfio_iommu_type1_dirty_bitmap_get get = good;

	EXPECT_EQ(-EINVAL, get_with(self->container, good));
	ASSERT_EQ(0, dirty_start(self->container));
	EXPECT_EQ(0, get_with(self->container, good));

	get.iova = LOW + 1;
	EXPECT_EQ(-EINVAL, get_with(self->container, get));
	get.iova = LOW + PAGE;
	EXPECT_EQ(-EINVAL, get_with(self->container, get));
	get.iova = -PAGE;
	EXPECT_EQ(stock_wraps(), get_with(self->container, get));
	get = good;
	get.size = 0;
	EXPECT_EQ(-EINVAL, get_with(self->container, get));
	get.size = PAGE / 2;
	EXPECT_EQ(-EINVAL, get_with(self->container, get));
	get.size = (PAGES - 1) * PAGE;
	EXPECT_EQ(-EINVAL, get_with(self->container, get));
	get = good;
	get.bitmap.pgsize = 2 * PAGE;
	EXPECT_EQ(-EINVAL, get_with(self->container, get));
	get.bitmap.pgsize = 0;
	EXPECT_EQ(-EINVAL, get_with(self->container, get));
	get = good;
	get.bitmap.size = 39;
	EXPECT_EQ(-EINVAL, get_with(self->container, get));
	get.bitmap.size = 40;
	EXPECT_EQ(0, get_with(self->container, get));
	get.bitmap.size = 0;
	EXPECT_EQ(-EINVAL, get_with(self->container, get));
	get.bitmap.size = (256UL << 20) + 1;
	EXPECT_EQ(-EINVAL, get_with(self->container, get));
	get = good;
	get.bitmap.data = NULL;
	EXPECT_EQ(-EFAULT, get_with(self->container, get));
	/* a hole */
	get.iova = 7 * GIB;
	EXPECT_EQ(0, get_with(self->container, get));
}

TEST_F(ioctl, upstream_get_clears)
{
	unsigned char bitmap[64] = {};

	ASSERT_EQ(0, touch(&self->rig, LOW));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, dirty_get(self->container, LOW, PAGES * PAGE, bitmap));
	EXPECT_EQ(0, dirty_count(bitmap, PAGES));
	ASSERT_EQ(0, touch(&self->rig, LOW + 77 * PAGE));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, dirty_get(self->container, LOW, PAGES * PAGE, bitmap));
	EXPECT_EQ(1, dirty_count(bitmap, PAGES));
	EXPECT_TRUE(dirty_bit(bitmap, 77));
	ASSERT_EQ(0, dirty_get(self->container, LOW, PAGES * PAGE, bitmap));
	EXPECT_EQ(0, dirty_count(bitmap, PAGES));
}

/* Mappings that begin and end within words, and a buffer full of ones. */
TEST_F(ioctl, upstream_unaligned_mappings)
{
	unsigned char bitmap[16];
	__u64 base = 2 * GIB, i;

	/* pages 3..9 and 12..69 of 128 */
	ASSERT_EQ(0, vfio_map_dma(self->container, base + 3 * PAGE, self->mem,
				  7 * PAGE, DIRTY_RW));
	ASSERT_EQ(0, vfio_map_dma(self->container, base + 12 * PAGE, self->mem,
				  58 * PAGE, DIRTY_RW));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, touch(&self->rig, base + 9 * PAGE));
	ASSERT_EQ(0, touch(&self->rig, base + 12 * PAGE));
	ASSERT_EQ(0, touch(&self->rig, base + 69 * PAGE));

	memset(bitmap, 0xff, sizeof(bitmap));
	ASSERT_EQ(0, dirty_get(self->container, base, 128 * PAGE, bitmap));
	for (i = 0; i < 128; i++) {
		bool mapped = (i >= 3 && i <= 9) || (i >= 12 && i <= 69);

		/* what is not mapped stays as the caller left it */
		EXPECT_EQ(!mapped || i == 9 || i == 12 || i == 69,
			  dirty_bit(bitmap, i));
	}
	/* the caller's ones were not taken for dirty pages */
	memset(bitmap, 0, sizeof(bitmap));
	ASSERT_EQ(0, dirty_get(self->container, base, 128 * PAGE, bitmap));
	EXPECT_EQ(0, dirty_count(bitmap, 128));
}

TEST_F(ioctl, upstream_get_that_fails_loses_nothing)
{
	__u64 pages = 3 * 32768, size = pages * PAGE, i;
	unsigned char *mem = dirty_memory(size), *bitmap;
	const __u64 at[] = { 0, 4, 32767, 32768, 40000, pages - 1 };

	bitmap = dirty_memory(4 * PAGE);
	ASSERT_NE(NULL, mem);
	ASSERT_NE(NULL, bitmap);
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, mem, size, DIRTY_RW));
	ASSERT_EQ(0, dirty_start(self->container));
	for (i = 0; i < 6; i++)
		ASSERT_EQ(0, touch(&self->rig, at[i] * PAGE));

	/* the last third of the bitmap cannot be written; then none of it */
	ASSERT_EQ(0, mprotect(bitmap + 2 * PAGE, PAGE, PROT_NONE));
	EXPECT_EQ(-EFAULT, dirty_get(self->container, 0, size, bitmap));
	ASSERT_EQ(0, mprotect(bitmap, 3 * PAGE, PROT_NONE));
	EXPECT_EQ(-EFAULT, dirty_get(self->container, 0, size, bitmap));

	ASSERT_EQ(0, mprotect(bitmap, 3 * PAGE, PROT_READ | PROT_WRITE));
	memset(bitmap, 0, 3 * PAGE);
	ASSERT_EQ(0, dirty_get(self->container, 0, size, bitmap));
	for (i = 0; i < 6; i++)
		EXPECT_TRUE(dirty_bit(bitmap, at[i]));
	EXPECT_EQ(6, dirty_count(bitmap, pages));
	ASSERT_EQ(0, dirty_get(self->container, 0, size, bitmap));
	EXPECT_EQ(0, dirty_count(bitmap, pages));
}

TEST_F(ioctl, unmap_with_bitmap)
{
	unsigned char bitmap[48] = {};

	EXPECT_EQ(-EINVAL, dirty_unmap(self->container, LOW, PAGES * PAGE,
				       bitmap));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, touch(&self->rig, LOW + 3 * PAGE));
	/* what the device lets go of only now is in it too */
	ASSERT_EQ(2, dirty_pin(&self->rig, LOW + 298 * PAGE, 2,
			       PINTEST_WRITE));
	ASSERT_EQ(0, dirty_get(self->container, LOW, PAGES * PAGE, bitmap));
	EXPECT_EQ(3, dirty_count(bitmap, PAGES));
	memset(bitmap, 0, sizeof(bitmap));

	EXPECT_EQ(-EFAULT, dirty_unmap(self->container, LOW, PAGES * PAGE,
				       NULL));
	EXPECT_EQ(PAGES * PAGE, dirty_unmap(self->container, LOW, PAGES * PAGE,
					    bitmap));
	EXPECT_EQ(2, dirty_count(bitmap, PAGES));
	EXPECT_TRUE(dirty_bit(bitmap, 298));
	EXPECT_TRUE(dirty_bit(bitmap, 299));
	EXPECT_EQ(0, dirty_unmap(self->container, LOW, PAGES * PAGE, bitmap));
}

TEST_HARNESS_MAIN
