// SPDX-License-Identifier: GPL-2.0
/*
 * DMA logging by the device (VFIO_DEVICE_FEATURE_DMA_LOGGING_*): exactly what the
 * engine wrote to guest memory since the last report, on a container that
 * vfio_dirty serves, where it pins, and on the kernel's own type1, where it does
 * not. Kernels whose core has no bitmap to report with do not offer it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"

#define PAGE	RIG_PAGE
#define PAGES	(RIG_RAM_SIZE / PAGE)
#define WORDS	(PAGES / 64)

FIXTURE(logging)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct rig rig;
	int device;
	__u64 *bitmap;
};

FIXTURE_VARIANT(logging)
{
	const char *claim;
};

FIXTURE_VARIANT_ADD(logging, served)
{
	.claim = "users",
};

FIXTURE_VARIANT_ADD(logging, stock)
{
	.claim = "none",
};

static int start(int device)
{
	return mig_log_start(device, RIG_RAM_IOVA, RIG_RAM_SIZE);
}

FIXTURE_SETUP(logging)
{
	ASSERT_EQ(0, fixture_claim(variant->claim, self->claim));
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->device = self->rig.vmm.vfio.device;
	self->bitmap = calloc(WORDS, sizeof(*self->bitmap));
	ASSERT_NE(NULL, self->bitmap);
	if (!mig_log_available(self->device))
		SKIP(return, "this kernel's vfio core cannot report: no CONFIG_IOMMUFD_DRIVER");
}

FIXTURE_TEARDOWN(logging)
{
	free(self->bitmap);
	rig_destroy(&self->rig);
	fixture_claim(self->claim, NULL);
}

/* All pages of guest memory: the first that is wrong, or -1, or -errno < -1. */
static long compare(int device, __u64 *bitmap, __u64 first, __u64 end)
{
	__u64 page;
	int ret;

	memset(bitmap, 0, WORDS * sizeof(*bitmap));
	ret = mig_log_report(device, RIG_RAM_IOVA, RIG_RAM_SIZE, bitmap);
	if (ret)
		return ret < -1 ? ret : -EPERM;
	for (page = 0; page < PAGES; page++)
		if ((bitmap[page / 64] >> page % 64 & 1) !=
		    (page >= first && page < end))
			return page;

	return -1;
}

static int fill(struct rig *rig, __u64 page, __u64 bytes)
{
	return rig_run(rig, gpu_fill(RIG_RAM + page * PAGE, bytes, 1, 0, 7));
}

TEST_F(logging, reports_what_was_written_and_forgets_it)
{
	ASSERT_EQ(0, start(self->device));
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 0, 0));
	ASSERT_EQ(0, fill(&self->rig, 100, 300 * PAGE));
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 100, 400));
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 0, 0));
	EXPECT_EQ(0, mig_log_stop(self->device));
}

TEST_F(logging, a_fence_is_a_write_of_its_page)
{
	ASSERT_EQ(0, start(self->device));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fence(RIG_RAM + 7 * PAGE, 1)));
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 7, 8));
}

TEST_F(logging, what_is_read_is_not_written)
{
	ASSERT_EQ(0, start(self->device));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_VRAM, RIG_RAM, 64 * PAGE,
						  1, 0, 0)));
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 0, 0));
}

TEST_F(logging, a_report_of_a_part_leaves_the_rest)
{
	__u64 word;

	ASSERT_EQ(0, start(self->device));
	ASSERT_EQ(0, fill(&self->rig, 10, 100 * PAGE));
	word = 0;
	ASSERT_EQ(0, mig_log_report(self->device, RIG_RAM_IOVA, 64 * PAGE,
				    &word));
	EXPECT_EQ(~0ULL << 10, word);
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 64, 110));
}

TEST_F(logging, begins_with_its_start_and_ends_with_its_stop)
{
	ASSERT_EQ(0, fill(&self->rig, 0, 8 * PAGE));
	ASSERT_EQ(0, start(self->device));
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 0, 0));
	ASSERT_EQ(0, fill(&self->rig, 0, 8 * PAGE));
	ASSERT_EQ(0, mig_log_stop(self->device));
	ASSERT_EQ(0, start(self->device));
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 0, 0));
}

TEST_F(logging, is_started_once_and_read_while_started)
{
	EXPECT_EQ(-EINVAL, mig_log_report(self->device, RIG_RAM_IOVA,
					  RIG_RAM_SIZE, self->bitmap));
	ASSERT_EQ(0, start(self->device));
	EXPECT_EQ(-EINVAL, start(self->device));
	EXPECT_EQ(0, mig_log_stop(self->device));
	EXPECT_EQ(0, mig_log_stop(self->device));
}

TEST_F(logging, goes_on_over_a_reset)
{
	ASSERT_EQ(0, start(self->device));
	ASSERT_EQ(0, fill(&self->rig, 3, PAGE));
	ASSERT_EQ(0, vfio_reset(self->device));
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 3, 4));
}

TEST_F(logging, ends_with_the_open)
{
	ASSERT_EQ(0, start(self->device));
	ASSERT_EQ(0, fill(&self->rig, 0, 8 * PAGE));
	rig_close(&self->rig);
	ASSERT_EQ(0, rig_open(&self->rig));
	self->device = self->rig.vmm.vfio.device;
	ASSERT_EQ(0, start(self->device));
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 0, 0));
}

/* Memory that is there, and cannot be written: it may have been, in part. */
TEST_F(logging, a_write_that_failed_is_one)
{
	unsigned char *page = ram_at(&self->rig.vmm.ram, 5 * PAGE);

	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ));
	ASSERT_EQ(0, start(self->device));
	EXPECT_EQ(-EIO, fill(&self->rig, 5, PAGE));
	EXPECT_EQ(-1, compare(self->device, self->bitmap, 5, 6));
	ASSERT_EQ(0, mprotect(page, PAGE, PROT_READ | PROT_WRITE));
}

TEST_HARNESS_MAIN
