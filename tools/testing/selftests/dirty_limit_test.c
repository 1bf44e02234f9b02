// SPDX-License-Identifier: GPL-2.0
/*
 * How many mappings a container may have: what vfio_iommu_type1's parameter
 * says, more or less than usual, unless vfio_dirty's own says otherwise; and a
 * line that names the one that counts. Needs pintest.ko.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/vfio_device_state.h>

#include "dirty.h"
#include "effort.h"
#include "klog.h"
#include "kselftest_harness.h"
#include "modules.h"

#define PAGE	DIRTY_PAGE
#define MANY	70000
/* Lines of one place in the code within five seconds. */
#define BURST	10

FIXTURE(limit)
{
	struct dirty_rig rig;
	char usual[64];
	void *mem;
};

static int type1_set(const char *value, char old[64])
{
	return module_param("vfio_iommu_type1", "dma_entry_limit", value, old);
}

FIXTURE_SETUP(limit)
{
	int ret = dirty_rig_create(&self->rig);

	if (ret == -ENODEV)
		SKIP(return, "pintest is not loaded");
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, type1_set("65535", self->usual));
	ASSERT_EQ(0, dirty_param("dma_entry_limit", "type1", NULL));
	self->mem = dirty_memory(PAGE);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(limit)
{
	type1_set(self->usual, NULL);
	dirty_param("dma_entry_limit", "type1", NULL);
	dirty_rig_destroy(&self->rig);
}

/* What is in effect, as vfio_dirty's parameter tells. */
static unsigned long effect(void)
{
	char text[64] = "";
	int fd = open("/sys/module/vfio_dirty/parameters/dma_entry_limit",
		      O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) < 0)
		text[0] = 0;
	close(fd);
	return strtoul(text, NULL, 10);
}

static int map(const struct dirty_rig *rig, void *mem, __u64 n)
{
	return vfio_map_dma(rig->vfio.container, 2 * n * PAGE, mem, PAGE,
			    DIRTY_RW);
}

/* How many mappings a container takes until it says ENOSPC, or -errno. */
static long fill(const struct dirty_rig *rig, void *mem)
{
	long n;
	int ret;

	for (n = 0; n <= 2 * MANY; n++) {
		ret = map(rig, mem, n);
		if (ret)
			return ret == -ENOSPC ? n : ret;
	}
	return -E2BIG;
}

/* Open a container of vfio_dirty. */
static int open_served(struct dirty_rig *rig)
{
	int ret = vfio_open(&rig->vfio, rig->uuid);

	if (!ret && vfio_check_extension(rig->vfio.container,
					 VFIO_DIRTY_GET_DIRTY_BITMAP_EXT) != 1)
		ret = -EXDEV;
	return ret;
}

static long open_and_fill(struct dirty_rig *rig, void *mem)
{
	int ret = open_served(rig);

	return ret ? ret : fill(rig, mem);
}

/* Filled, or in part where that takes too long. */
TEST_F_TIMEOUT(limit, a_higher_one_of_type1_is_honoured, 240)
{
	const long some = effort_some(MANY);
	long n;

	EXPECT_EQ(65535, effect());
	ASSERT_EQ(0, type1_set("70000", NULL));
	EXPECT_EQ(MANY, effect());
	ASSERT_EQ(0, open_served(&self->rig));
	for (n = 0; n < some; n++)
		ASSERT_EQ(0, map(&self->rig, self->mem, n));
	EXPECT_EQ(MANY - some, dirty_available(self->rig.vfio.container));
	if (some == MANY)
		EXPECT_EQ(-ENOSPC, map(&self->rig, self->mem, MANY));
	/* One that goes makes room for one. */
	EXPECT_EQ(PAGE, vfio_unmap_dma(self->rig.vfio.container, 0, PAGE));
	EXPECT_EQ(0, map(&self->rig, self->mem, MANY));
	EXPECT_EQ(MANY - some, dirty_available(self->rig.vfio.container));
}

TEST_F(limit, a_lower_one_of_type1_is_honoured_and_named)
{
	const char *line = "vfio_iommu_type1.dma_entry_limit";
	int before = klog_lines("vfio_dirty:", line);

	ASSERT_LE(0, before);
	ASSERT_EQ(0, type1_set("3", NULL));
	EXPECT_EQ(3, open_and_fill(&self->rig, self->mem));
	EXPECT_EQ(before + 1, klog_lines("vfio_dirty:", line));
	/* It counts for those that are opened later. */
	ASSERT_EQ(0, type1_set("5", NULL));
	EXPECT_EQ(-ENOSPC, map(&self->rig, self->mem, 3));
	vfio_close(&self->rig.vfio);
	EXPECT_EQ(5, open_and_fill(&self->rig, self->mem));
}

TEST_F(limit, our_own_goes_before_it_and_is_named)
{
	const char *line = "vfio_dirty.dma_entry_limit";
	int before = klog_lines("vfio_dirty:", line);

	ASSERT_LE(0, before);
	ASSERT_EQ(0, type1_set("3", NULL));
	ASSERT_EQ(0, dirty_param("dma_entry_limit", "5", NULL));
	EXPECT_EQ(5, effect());
	EXPECT_EQ(5, open_and_fill(&self->rig, self->mem));
	EXPECT_EQ(before + 1, klog_lines("vfio_dirty:", line));
	vfio_close(&self->rig.vfio);
	ASSERT_EQ(0, dirty_param("dma_entry_limit", "0", NULL));
	EXPECT_EQ(0, open_and_fill(&self->rig, self->mem));
	vfio_close(&self->rig.vfio);
	ASSERT_EQ(0, dirty_param("dma_entry_limit", "type1", NULL));
	EXPECT_EQ(3, effect());
	EXPECT_EQ(3, open_and_fill(&self->rig, self->mem));
}

TEST_F(limit, nonsense_is_refused_and_changes_nothing)
{
	ASSERT_EQ(0, dirty_param("dma_entry_limit", "5", NULL));
	EXPECT_EQ(-EINVAL, dirty_param("dma_entry_limit", "many", NULL));
	EXPECT_EQ(-EINVAL, dirty_param("dma_entry_limit", "-1", NULL));
	EXPECT_EQ(-ERANGE, dirty_param("dma_entry_limit", "4294967296", NULL));
	EXPECT_EQ(5, effect());
	EXPECT_EQ(0, dirty_param("dma_entry_limit", "4294967295", NULL));
	EXPECT_EQ(4294967295, effect());
}

/* A program that tries for ever. */
TEST_F(limit, the_log_is_not_flooded)
{
	int before = klog_lines("vfio_dirty:", "dma_entry_limit allowed"), i;

	ASSERT_LE(0, before);
	ASSERT_EQ(0, type1_set("1", NULL));
	ASSERT_EQ(1, open_and_fill(&self->rig, self->mem));
	for (i = 0; i < 1000; i++)
		ASSERT_EQ(-ENOSPC, map(&self->rig, self->mem, 1));
	/* Two intervals may have been begun. */
	EXPECT_GE(before + 2 * BURST, klog_lines("vfio_dirty:",
						 "dma_entry_limit allowed"));
}

TEST_HARNESS_MAIN
