// SPDX-License-Identifier: GPL-2.0
/*
 * Defects of vfio_iommu_type1 that vfio_dirty does not have, as listed in
 * Documentation/type1-compat.rst. Each test runs on both: on vfio_dirty it
 * passes if all is right, on type1 if the defect shows. Should a kernel have
 * mended it, the test says so and is skipped there.
 *
 * What would take the kernel down with it runs on vfio_dirty alone: see
 * dirty_pin_test.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "dirty.h"
#include "kselftest_harness.h"

#define PAGE	DIRTY_PAGE

#define MENDED	"vfio_iommu_type1 of this kernel has it right"

FIXTURE(defect)
{
	struct dirty_rig rig;
	char claim[64];
	unsigned char *mem;
	int container;
};

FIXTURE_VARIANT(defect)
{
	bool is_type1;
};

FIXTURE_VARIANT_ADD(defect, vfio_dirty) { .is_type1 = false };
FIXTURE_VARIANT_ADD(defect, type1) { .is_type1 = true };

FIXTURE_SETUP(defect)
{
	self->mem = dirty_memory(256 * PAGE);
	ASSERT_NE(NULL, self->mem);
	memset(self->mem, 1, 256 * PAGE);
	ASSERT_EQ(0, dirty_param("claim", variant->is_type1 ? "none" : "all",
				 self->claim));
	ASSERT_EQ(0, dirty_rig_open(&self->rig));
	self->container = self->rig.vfio.container;
}

FIXTURE_TEARDOWN(defect)
{
	dirty_rig_destroy(&self->rig);
	dirty_param("claim", self->claim, NULL);
}

/* A copy writes a page and fails at the next: the first one is dirty. */
TEST_F(defect, partial_rw_loses_what_was_written)
{
	bool right;
	static unsigned char data[2 * DIRTY_PAGE];
	__u64 bitmap = 0;

	ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem, 2 * PAGE,
				  DIRTY_RW));
	ASSERT_EQ(0, mprotect(self->mem + PAGE, PAGE, PROT_NONE));
	ASSERT_EQ(0, dirty_start(self->container));
	memset(data, 7, sizeof(data));
	ASSERT_EQ(-EFAULT, dirty_rw(&self->rig, 0, data, sizeof(data),
				    PINTEST_WRITE));
	ASSERT_EQ(7, self->mem[PAGE - 1]);
	ASSERT_EQ(0, dirty_get(self->container, 0, 2 * PAGE, &bitmap));
	right = bitmap == 1;
	if (variant->is_type1 && right)
		SKIP(return, MENDED);
	EXPECT_EQ(!variant->is_type1, right);
}

/* A query into memory that is not there: nothing may become clean or move. */
TEST_F(defect, failing_query_moves_the_bits)
{
	bool right;
	__u64 bitmap = 0;
	char byte = 1;

	ASSERT_EQ(0, vfio_map_dma(self->container, 3 * PAGE, self->mem,
				  61 * PAGE, DIRTY_RW));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, dirty_rw(&self->rig, 7 * PAGE, &byte, 1, PINTEST_WRITE));
	ASSERT_EQ(-EFAULT, dirty_get(self->container, 0, 64 * PAGE, NULL));
	ASSERT_EQ(0, dirty_get(self->container, 0, 64 * PAGE, &bitmap));
	right = bitmap == 1ULL << 7;
	if (variant->is_type1 && right)
		SKIP(return, MENDED);
	EXPECT_EQ(!variant->is_type1, right);
}

/* Once read, the pages of a mapping that begins inside a word are clean. */
TEST_F(defect, unaligned_mapping_invents_bits)
{
	bool right;
	static unsigned char data[3 * DIRTY_PAGE];
	__u64 bitmap = 0;

	ASSERT_EQ(0, vfio_map_dma(self->container, 13 * PAGE, self->mem,
				  3 * PAGE, DIRTY_RW));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, dirty_rw(&self->rig, 13 * PAGE, data, sizeof(data),
			      PINTEST_WRITE));
	ASSERT_EQ(0, dirty_get(self->container, 0, 64 * PAGE, &bitmap));
	ASSERT_EQ(0xe000, bitmap);
	bitmap = 0;
	ASSERT_EQ(0, dirty_get(self->container, 13 * PAGE, 64 * PAGE,
			       &bitmap));
	right = bitmap == 0;
	if (variant->is_type1 && right)
		SKIP(return, MENDED);
	EXPECT_EQ(!variant->is_type1, right);
}

/* What the caller left in its bitmap does not become dirty. */
TEST_F(defect, bits_of_the_callers_bitmap_stay)
{
	bool right;
	__u64 bitmap = ~0ULL;

	ASSERT_EQ(0, vfio_map_dma(self->container, 3 * PAGE, self->mem,
				  10 * PAGE, DIRTY_RW));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, dirty_get(self->container, 0, 64 * PAGE, &bitmap));
	bitmap = 0;
	ASSERT_EQ(0, dirty_get(self->container, 0, 64 * PAGE, &bitmap));
	right = bitmap == 0;
	if (variant->is_type1 && right)
		SKIP(return, MENDED);
	EXPECT_EQ(!variant->is_type1, right);
}

TEST_F(defect, last_page_cannot_be_unmapped)
{
	bool right;

	ASSERT_EQ(0, vfio_map_dma(self->container, -PAGE, self->mem, PAGE,
				  DIRTY_RW));
	right = vfio_unmap_dma(self->container, -PAGE, PAGE) ==        PAGE;
	if (variant->is_type1 && right)
		SKIP(return, MENDED);
	EXPECT_EQ(!variant->is_type1, right);
}

/* While the last page is mapped, all the others can be unmapped at once. */
TEST_F(defect, last_page_keeps_all_others_mapped)
{
	bool right;
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};

	ASSERT_EQ(0, vfio_map_dma(self->container, -PAGE, self->mem, PAGE,
				  DIRTY_RW));
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem, PAGE,
				  DIRTY_RW));
	ASSERT_EQ(0, ioctl(self->container, VFIO_IOMMU_UNMAP_DMA, &unmap));
	right = unmap.size == 2 * PAGE;
	if (variant->is_type1 && right)
		SKIP(return, MENDED);
	EXPECT_EQ(!variant->is_type1, right);
}

/*
 * The page below a mapping is not mapped, wherever in it the address lies. With
 * dirty tracking on, type1 would also write outside its bitmap.
 */
TEST_F(defect, pin_reaches_below_a_mapping)
{
	bool right;
	long ret;

	ASSERT_EQ(0, vfio_map_dma(self->container, 16 * PAGE, self->mem + PAGE,
				  PAGE, DIRTY_RW));
	ret = dirty_pin(&self->rig, 16 * PAGE - 0x800, 1, PINTEST_READ);
	dirty_unpin(&self->rig, 16 * PAGE - 0x800, 1);
	right = ret == -EINVAL;
	if (variant->is_type1 && right)
		SKIP(return, MENDED);
	EXPECT_EQ(!variant->is_type1, right);
}

TEST_HARNESS_MAIN
