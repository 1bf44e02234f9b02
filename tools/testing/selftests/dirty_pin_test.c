// SPDX-License-Identifier: GPL-2.0
/*
 * Pins, copies and marks through vfio_dirty: which pages are dirty when, what
 * is refused, who pays, and that unmapping waits for the device. Needs
 * pintest.ko.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dirty.h"
#include "effort.h"
#include "kselftest_harness.h"
#include "stock.h"

#define PAGE	DIRTY_PAGE
#define IOVA	0x140000000ULL
#define PAGES	200LL
#define RW	(PINTEST_READ | PINTEST_WRITE)

FIXTURE(pin)
{
	struct dirty_rig rig;
	unsigned char *mem;
	unsigned char bitmap[32];
	int container;
};

FIXTURE_SETUP(pin)
{
	int ret = dirty_rig_open(&self->rig);

	if (ret == -ENODEV)
		SKIP(return, "pintest is not loaded");
	ASSERT_EQ(0, ret);
	self->container = self->rig.vfio.container;
	self->mem = dirty_memory(PAGES * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA, self->mem,
				  PAGES * PAGE, DIRTY_RW));
}

FIXTURE_TEARDOWN(pin)
{
	dirty_rig_destroy(&self->rig);
}

static long written(struct _test_data_pin *self)
{
	if (dirty_written(self->container, IOVA, PAGES, self->bitmap))
		return -1;
	return dirty_count(self->bitmap, PAGES);
}

static long dirty(struct _test_data_pin *self)
{
	memset(self->bitmap, 0, sizeof(self->bitmap));
	if (dirty_get(self->container, IOVA, PAGES * PAGE, self->bitmap))
		return -1;
	return dirty_count(self->bitmap, PAGES);
}

TEST_F(pin, the_device_sees_the_memory)
{
	self->mem[3 * PAGE + 5] = 1;
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA + 3 * PAGE, 1, RW));
	ASSERT_EQ(0, dirty_poke(&self->rig, IOVA + 3 * PAGE + 5, 99));
	EXPECT_EQ(99, self->mem[3 * PAGE + 5]);
}

TEST_F(pin, only_write_pins_are_written)
{
	ASSERT_EQ(60, dirty_pin(&self->rig, IOVA, 60, PINTEST_READ));
	EXPECT_EQ(0, written(self));
	ASSERT_EQ(70, dirty_pin(&self->rig, IOVA + 50 * PAGE, 70,
				PINTEST_WRITE));
	EXPECT_EQ(70, written(self));
	EXPECT_FALSE(dirty_bit(self->bitmap, 49));
	EXPECT_TRUE(dirty_bit(self->bitmap, 50));
	EXPECT_TRUE(dirty_bit(self->bitmap, 119));
	EXPECT_FALSE(dirty_bit(self->bitmap, 120));

	dirty_unpin(&self->rig, IOVA, PAGES);
	dirty_unpin(&self->rig, IOVA, PAGES);
	EXPECT_EQ(70, written(self));

	ASSERT_EQ(PAGES * PAGE, vfio_unmap_dma(self->container, IOVA,
					       PAGES * PAGE));
	EXPECT_EQ(0, written(self));
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA, self->mem,
				  PAGES * PAGE, DIRTY_RW));
	EXPECT_EQ(0, written(self));
}

TEST_F(pin, tracking_counts_what_is_pinned)
{
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA + PAGE, 1, RW));
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA + 9 * PAGE, 1, PINTEST_READ));
	ASSERT_EQ(0, dirty_start(self->container));
	EXPECT_EQ(1, dirty(self));
	EXPECT_TRUE(dirty_bit(self->bitmap, 1));
	EXPECT_EQ(1, dirty(self));
	ASSERT_EQ(2, dirty_pin(&self->rig, IOVA + 130 * PAGE, 2, RW));
	EXPECT_EQ(3, dirty(self));
	EXPECT_EQ(3, dirty(self));
	dirty_unpin(&self->rig, IOVA, PAGES);
	EXPECT_EQ(3, dirty(self));
	EXPECT_EQ(0, dirty(self));
	EXPECT_EQ(3, written(self));

	/* a run of tracking begins clean */
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA + 2 * PAGE, 1, RW));
	dirty_unpin(&self->rig, IOVA + 2 * PAGE, 1);
	ASSERT_EQ(0, dirty_stop(self->container));
	ASSERT_EQ(0, dirty_start(self->container));
	EXPECT_EQ(0, dirty(self));
	EXPECT_EQ(4, written(self));
}

TEST_F(pin, that_ends_leaves_its_neighbour_dirty)
{
	ASSERT_EQ(2, dirty_pin(&self->rig, IOVA, 2, RW));
	ASSERT_EQ(0, dirty_start(self->container));
	EXPECT_EQ(2, dirty(self));
	dirty_unpin(&self->rig, IOVA, 1);
	/* one may have been written since, one may be now */
	EXPECT_EQ(2, dirty(self));
	EXPECT_EQ(1, dirty(self));
	EXPECT_TRUE(dirty_bit(self->bitmap, 1));
}

TEST_F(pin, explicit_marks)
{
	ASSERT_EQ(0, dirty_set(&self->rig, PINTEST_EXPLICIT, 1));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(100, dirty_pin(&self->rig, IOVA, 100, RW));
	EXPECT_EQ(0, dirty(self));
	EXPECT_EQ(0, written(self));

	ASSERT_EQ(0, dirty_mark(&self->rig, IOVA + 10 * PAGE - 1, 2));
	EXPECT_EQ(2, written(self));
	EXPECT_EQ(2, dirty(self));
	EXPECT_TRUE(dirty_bit(self->bitmap, 9));
	EXPECT_TRUE(dirty_bit(self->bitmap, 10));
	EXPECT_EQ(0, dirty(self));
	dirty_unpin(&self->rig, IOVA, 100);
	EXPECT_EQ(0, dirty(self));
	EXPECT_EQ(2, written(self));

	EXPECT_EQ(-EINVAL, dirty_mark(&self->rig, IOVA, 0));
	EXPECT_EQ(-EINVAL, dirty_mark(&self->rig, IOVA - 1, 2));
	EXPECT_EQ(-EINVAL, dirty_mark(&self->rig, ~0ULL, 2));
	EXPECT_EQ(-EINVAL, dirty_mark(&self->rig, IOVA + PAGES * PAGE - 1, 2));
	/* what is mapped of a range is marked all the same */
	EXPECT_EQ(4, written(self));

	/* a pin of a driver that does not mark counts again */
	ASSERT_EQ(0, dirty_set(&self->rig, PINTEST_EXPLICIT, 0));
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA + 50 * PAGE, 1, RW));
	EXPECT_EQ(5, written(self));
}

TEST_F(pin, one_driver_of_a_device_marks)
{
	ASSERT_EQ(0, dirty_set(&self->rig, PINTEST_EXPLICIT, 1));
	EXPECT_EQ(-EBUSY, dirty_set(&self->rig, PINTEST_TWICE, 0));
	ASSERT_EQ(0, dirty_set(&self->rig, PINTEST_EXPLICIT, 0));
	ASSERT_EQ(0, dirty_set(&self->rig, PINTEST_EXPLICIT, 1));
}

TEST_F(pin, mark_over_several_mappings)
{
	void *more = dirty_memory(3 * PAGE);

	ASSERT_NE(NULL, more);
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA + PAGES * PAGE, more,
				  3 * PAGE, DIRTY_RW));
	ASSERT_EQ(0, dirty_set(&self->rig, PINTEST_EXPLICIT, 1));
	ASSERT_EQ(4, dirty_pin(&self->rig, IOVA + (PAGES - 2) * PAGE, 4, RW));
	ASSERT_EQ(0, dirty_mark(&self->rig, IOVA + (PAGES - 1) * PAGE,
				2 * PAGE));
	ASSERT_EQ(0, dirty_written(self->container, IOVA + (PAGES - 2) * PAGE,
				   5, self->bitmap));
	EXPECT_EQ(0x6, self->bitmap[0]);
}

static void check_rw(struct __test_metadata *_metadata,
		     struct _test_data_pin *self, __u32 who)
{
	unsigned char data[3 * PAGE], back[3 * PAGE];
	__u64 at = IOVA + 20 * PAGE + 100;

	memset(data, 0x5a, sizeof(data));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, dirty_rw(&self->rig, at, data, 2 * PAGE,
			      PINTEST_WRITE | who));
	EXPECT_EQ(0, memcmp(data, self->mem + 20 * PAGE + 100, 2 * PAGE));
	EXPECT_EQ(0, self->mem[20 * PAGE + 99]);
	EXPECT_EQ(0, self->mem[22 * PAGE + 100]);
	EXPECT_EQ(3, written(self));
	EXPECT_EQ(3, dirty(self));
	EXPECT_TRUE(dirty_bit(self->bitmap, 20));
	EXPECT_EQ(0, dirty(self));
	ASSERT_EQ(0, dirty_rw(&self->rig, at, back, 2 * PAGE,
			      PINTEST_READ | who));
	EXPECT_EQ(0, memcmp(data, back, 2 * PAGE));
	EXPECT_EQ(0, dirty(self));

	/* a copy that fails marks what it wrote, and no more */
	ASSERT_EQ(0, munmap(self->mem + 41 * PAGE, PAGE));
	EXPECT_EQ(-EFAULT, dirty_rw(&self->rig, IOVA + 40 * PAGE, data,
				    2 * PAGE, PINTEST_WRITE | who));
	EXPECT_EQ(0x5a, self->mem[40 * PAGE]);
	EXPECT_EQ(1, dirty(self));
	EXPECT_TRUE(dirty_bit(self->bitmap, 40));
	EXPECT_EQ(-EFAULT, dirty_rw(&self->rig, IOVA + 41 * PAGE, data, 1,
				    PINTEST_WRITE | who));
	EXPECT_EQ(0, dirty(self));

	EXPECT_EQ(-EINVAL, dirty_rw(&self->rig, IOVA + PAGES * PAGE, data, 1,
				    PINTEST_WRITE | who));
	EXPECT_EQ(-EINVAL, dirty_rw(&self->rig, IOVA + PAGES * PAGE - 1, data,
				    2, PINTEST_WRITE | who));
	EXPECT_EQ(1, dirty(self));
}

TEST_F(pin, rw_as_the_process)
{
	check_rw(_metadata, self, 0);
}

TEST_F(pin, rw_as_a_kernel_thread)
{
	check_rw(_metadata, self, PINTEST_KTHREAD);
}

TEST_F(pin, rights)
{
	char byte = 0;

	ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem, PAGE,
				  VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(0, vfio_map_dma(self->container, PAGE, self->mem, PAGE,
				  VFIO_DMA_MAP_FLAG_WRITE));
	EXPECT_EQ(1, dirty_pin(&self->rig, 0, 1, PINTEST_READ));
	EXPECT_EQ(-EPERM, dirty_pin(&self->rig, 0, 1, PINTEST_WRITE));
	EXPECT_EQ(-EPERM, dirty_pin(&self->rig, 0, 1, RW));
	EXPECT_EQ(1, dirty_pin(&self->rig, PAGE, 1, PINTEST_WRITE));
	EXPECT_EQ(-EPERM, dirty_pin(&self->rig, PAGE, 1, RW));
	EXPECT_EQ(0, dirty_rw(&self->rig, 0, &byte, 1, PINTEST_READ));
	EXPECT_EQ(-EPERM, dirty_rw(&self->rig, 0, &byte, 1, PINTEST_WRITE));
	EXPECT_EQ(-EPERM, dirty_rw(&self->rig, PAGE, &byte, 1, PINTEST_READ));
	EXPECT_EQ(-EPERM, dirty_rw(&self->rig, PAGE, &byte, 1, PINTEST_WRITE));
}

TEST_F(pin, refusals)
{
	__u64 end = IOVA + PAGES * PAGE;
	void *none;

	EXPECT_EQ(-EINVAL, dirty_pin(&self->rig, end, 1, RW));
	EXPECT_EQ(-EINVAL, dirty_pin(&self->rig, end - PAGE, 2, RW));
	EXPECT_EQ(-EINVAL, dirty_pin(&self->rig, IOVA - PAGE, 2, RW));
	EXPECT_EQ(-EINVAL, dirty_pin(&self->rig, IOVA - 1, 1, RW));
	EXPECT_EQ(-EINVAL, dirty_pin(&self->rig, IOVA - PAGE / 2, 1, RW));
	EXPECT_EQ(stock_wraps(), dirty_pin(&self->rig, -PAGE, 2, RW));
	EXPECT_EQ(-EINVAL, dirty_pin(&self->rig, IOVA, 0, RW));
	EXPECT_EQ(-E2BIG, dirty_pin(&self->rig, IOVA, 513, RW));
	/* the device never had the first page of the request that failed */
	EXPECT_EQ(0, written(self));

	none = mmap(NULL, 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
		    -1, 0);
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, none, 2 * PAGE,
				  DIRTY_RW));
	EXPECT_EQ(-EFAULT, dirty_pin(&self->rig, 0, 1, RW));
	ASSERT_EQ(0, munmap(none, 2 * PAGE));
	EXPECT_EQ(-EFAULT, dirty_pin(&self->rig, 0, 2, RW));
	EXPECT_EQ(2 * PAGE, vfio_unmap_dma(self->container, 0, 2 * PAGE));
	EXPECT_EQ(0, dirty_locked());
}

/* The first page of two was pinned, and given back: no device ever had it. */
TEST_F(pin, that_fails_makes_nothing_dirty)
{
	ASSERT_EQ(0, dirty_start(self->container));
	EXPECT_EQ(-EINVAL, dirty_pin(&self->rig, IOVA + (PAGES - 1) * PAGE, 2,
				     RW));
	EXPECT_EQ(0, written(self));
	EXPECT_EQ(0, dirty(self));
}

/* A copy ends with the last IOVA, and does not go on at the first. */
TEST_F(pin, a_copy_does_not_wrap)
{
	unsigned char data[2 * DIRTY_PAGE] = { 0x5a };

	ASSERT_EQ(0, vfio_map_dma(self->container, -PAGE, self->mem, PAGE,
				  DIRTY_RW));
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem + PAGE, PAGE,
				  DIRTY_RW));
	EXPECT_EQ(-EINVAL, dirty_rw(&self->rig, -PAGE, data, sizeof(data),
				    PINTEST_WRITE));
	EXPECT_EQ(-EINVAL, dirty_rw(&self->rig, -1, data, 2, PINTEST_WRITE));
	EXPECT_EQ(-EINVAL, dirty_rw(&self->rig, -PAGE, data, sizeof(data),
				    PINTEST_READ));
	EXPECT_EQ(0, self->mem[0]);
	EXPECT_EQ(0, dirty_rw(&self->rig, -PAGE, data, PAGE, PINTEST_WRITE));
	EXPECT_EQ(0x5a, self->mem[0]);
}

TEST_F(pin, an_unaligned_address)
{
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA + 0x800, 1, RW));
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA, 1, RW));
	EXPECT_EQ(1, written(self));
	EXPECT_EQ(4, dirty_locked());
	dirty_unpin(&self->rig, IOVA + 0x800, 1);
	EXPECT_EQ(4, dirty_locked());
	dirty_unpin(&self->rig, IOVA, 1);
	EXPECT_EQ(0, dirty_locked());
}

TEST_F(pin, the_last_page_of_the_address_space)
{
	ASSERT_EQ(0, vfio_map_dma(self->container, -PAGE, self->mem, PAGE,
				  DIRTY_RW));
	ASSERT_EQ(1, dirty_pin(&self->rig, -PAGE, 1, RW));
	ASSERT_EQ(0, dirty_written(self->container, -PAGE, 1, self->bitmap));
	EXPECT_EQ(1, self->bitmap[0]);
	EXPECT_EQ(PAGE, vfio_unmap_dma(self->container, -PAGE, PAGE));
	EXPECT_EQ(1, dirty_set(&self->rig, PINTEST_CALLS, 0));
}

TEST_F(pin, big_requests)
{
	size_t size = 600 * PAGE;
	unsigned char *mem = dirty_memory(size);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, mem, size, DIRTY_RW));
	ASSERT_EQ(512, dirty_pin(&self->rig, 5 * PAGE, 512, RW));
	EXPECT_EQ(512 * 4, dirty_locked());
	ASSERT_EQ(0, dirty_poke(&self->rig, 5 * PAGE, 1));
	ASSERT_EQ(0, dirty_poke(&self->rig, 516 * PAGE, 2));
	EXPECT_EQ(1, mem[5 * PAGE]);
	EXPECT_EQ(2, mem[516 * PAGE]);
	/* some pinned, some not */
	ASSERT_EQ(512, dirty_pin(&self->rig, 80 * PAGE, 512, RW));
	EXPECT_EQ(587 * 4, dirty_locked());
	dirty_unpin(&self->rig, 5 * PAGE, 512);
	EXPECT_EQ(512 * 4, dirty_locked());
	EXPECT_EQ(size, vfio_unmap_dma(self->container, 0, size));
	EXPECT_EQ(0, dirty_locked());
}

TEST_F(pin, unmapping_calls_the_device)
{
	ASSERT_EQ(7, dirty_pin(&self->rig, IOVA, 7, RW));
	EXPECT_EQ(7 * 4, dirty_locked());
	EXPECT_EQ(PAGES * PAGE,
		  vfio_unmap_dma(self->container, IOVA, PAGES * PAGE));
	EXPECT_EQ(1, dirty_set(&self->rig, PINTEST_CALLS, 0));
	EXPECT_EQ(0, dirty_locked());
	EXPECT_EQ(-EINVAL, dirty_pin(&self->rig, IOVA, 1, RW));
}

TEST_F(pin, a_slow_device_is_asked_again)
{
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA, 1, RW));
	ASSERT_EQ(0, dirty_set(&self->rig, PINTEST_STUBBORN, 2));
	EXPECT_EQ(PAGES * PAGE,
		  vfio_unmap_dma(self->container, IOVA, PAGES * PAGE));
	EXPECT_EQ(3, dirty_set(&self->rig, PINTEST_CALLS, 0));
}

TEST_F(pin, a_device_that_does_not_unpin)
{
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA, 1, RW));
	ASSERT_EQ(0, dirty_set(&self->rig, PINTEST_STUBBORN, 1000));
	EXPECT_EQ(-EBUSY,
		  vfio_unmap_dma(self->container, IOVA, PAGES * PAGE));
	/* all is as before */
	EXPECT_EQ(1, written(self));
	EXPECT_EQ(1, dirty_pin(&self->rig, IOVA + PAGE, 1, RW));
	ASSERT_EQ(0, dirty_set(&self->rig, PINTEST_STUBBORN, 0));
	EXPECT_EQ(PAGES * PAGE,
		  vfio_unmap_dma(self->container, IOVA, PAGES * PAGE));
}

TEST_F(pin, pins_that_are_left_at_close)
{
	struct dirty_rig other;

	ASSERT_EQ(0, dirty_rig_create(&other));
	ASSERT_EQ(0, vfio_open_shared(&other.vfio, self->container,
				      other.uuid));
	ASSERT_EQ(3, dirty_pin(&other, IOVA, 3, RW));
	ASSERT_EQ(0, dirty_set(&other, PINTEST_LEAK, 1));
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA + 100 * PAGE, 1, RW));
	ASSERT_EQ(0, dirty_set(&self->rig, PINTEST_LEAK, 1));
	vfio_close_device(&other.vfio);
	EXPECT_EQ(4 * 4, dirty_locked());
	vfio_close(&self->rig.vfio);
	EXPECT_EQ(0, dirty_locked());
	other.vfio.container = -1;
	dirty_rig_destroy(&other);
}

TEST_F(pin, both_devices_are_called)
{
	struct dirty_rig other;

	ASSERT_EQ(0, dirty_rig_create(&other));
	ASSERT_EQ(0, vfio_open_shared(&other.vfio, self->container,
				      other.uuid));
	ASSERT_EQ(3, dirty_pin(&other, IOVA, 3, RW));
	ASSERT_EQ(3, dirty_pin(&self->rig, IOVA + PAGE, 3, RW));
	EXPECT_EQ(4 * 4, dirty_locked());
	EXPECT_EQ(PAGES * PAGE,
		  vfio_unmap_dma(self->container, IOVA, PAGES * PAGE));
	EXPECT_EQ(1, dirty_set(&other, PINTEST_CALLS, 0));
	EXPECT_EQ(1, dirty_set(&self->rig, PINTEST_CALLS, 0));
	EXPECT_EQ(0, dirty_locked());
	vfio_close_device(&other.vfio);
	other.vfio.container = -1;
	dirty_rig_destroy(&other);
}

/* One device's exact marks do not hide what the other one may have written. */
TEST_F(pin, one_marks_and_one_does_not)
{
	struct dirty_rig other;

	ASSERT_EQ(0, dirty_rig_create(&other));
	ASSERT_EQ(0, vfio_open_shared(&other.vfio, self->container,
				      other.uuid));
	ASSERT_EQ(0, dirty_set(&other, PINTEST_EXPLICIT, 1));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(2, dirty_pin(&other, IOVA, 2, RW));
	EXPECT_EQ(0, dirty(self));
	ASSERT_EQ(2, dirty_pin(&self->rig, IOVA + PAGE, 2, RW));
	EXPECT_EQ(2, dirty(self));
	dirty_unpin(&self->rig, IOVA + PAGE, 2);
	EXPECT_EQ(2, dirty(self));
	/* the exact device still holds page 1: nobody knows whose pin it is */
	EXPECT_EQ(1, dirty(self));
	dirty_unpin(&other, IOVA, 2);
	EXPECT_EQ(1, dirty(self));
	EXPECT_EQ(0, dirty(self));
	vfio_close_device(&other.vfio);
	other.vfio.container = -1;
	dirty_rig_destroy(&other);
}

TEST_F(pin, the_limit_on_locked_memory)
{
	EXPECT_EQ(0, dirty_limit_memlock(4 * PAGE));
	/* the mapping of before has the right to exceed it */
	EXPECT_EQ(8, dirty_pin(&self->rig, IOVA, 8, RW));
	EXPECT_EQ(8 * 4, dirty_locked());
	dirty_unpin(&self->rig, IOVA, 8);

	ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem, 64 * PAGE,
				  DIRTY_RW));
	EXPECT_EQ(-ENOMEM, dirty_pin(&self->rig, 0, 5, RW));
	EXPECT_EQ(0, dirty_locked());
	EXPECT_EQ(4, dirty_pin(&self->rig, 0, 4, RW));
	EXPECT_EQ(4 * 4, dirty_locked());
	EXPECT_EQ(-ENOMEM, dirty_pin(&self->rig, 10 * PAGE, 1, RW));
	/* again costs nothing */
	EXPECT_EQ(4, dirty_pin(&self->rig, 0, 4, RW));
	EXPECT_EQ(64 * PAGE, vfio_unmap_dma(self->container, 0, 64 * PAGE));
	EXPECT_EQ(0, dirty_locked());
}

TEST_F(pin, memory_of_a_process_that_is_gone)
{
	char byte = 1;
	int status;
	pid_t pid;

	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA, 1, RW));
	pid = fork();
	if (!pid) {
		void *mem = dirty_memory(4 * PAGE);
		int ret = vfio_map_dma(self->container, 0, mem, 4 * PAGE,
				       DIRTY_RW);

		if (!ret && dirty_pin(&self->rig, 0, 1, RW) != 1)
			ret = 1;
		if (!ret && dirty_locked() != 4)
			ret = 2;
		/* the parent's memory is not ours to copy to */
		if (!ret && dirty_rw(&self->rig, IOVA, &byte, 1,
				     PINTEST_WRITE) != -EFAULT)
			ret = 3;
		if (!ret && dirty_rw(&self->rig, IOVA, &byte, 1,
				     PINTEST_WRITE | PINTEST_KTHREAD))
			ret = 4;
		_exit(ret);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(1, self->mem[0]);
	EXPECT_EQ(4, dirty_locked());
	EXPECT_EQ(-ENODEV, dirty_pin(&self->rig, PAGE, 1, RW));
	EXPECT_EQ(-EPERM, dirty_rw(&self->rig, PAGE, &byte, 1, PINTEST_READ));
	EXPECT_EQ(4 * PAGE, vfio_unmap_dma(self->container, 0, 4 * PAGE));
}

TEST_F(pin, untouched_memory_mapped_for_reading)
{
	unsigned char *mem = dirty_memory(16 * PAGE);

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, mem, 16 * PAGE,
				  VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(16, dirty_pin(&self->rig, 0, 16, PINTEST_READ));
	dirty_unpin(&self->rig, 0, 16);
	ASSERT_EQ(16, dirty_pin(&self->rig, 0, 16, PINTEST_READ));
	EXPECT_EQ(16 * PAGE, vfio_unmap_dma(self->container, 0, 16 * PAGE));
	EXPECT_EQ(0, dirty_locked());
}

struct churn {
	struct dirty_rig *rig;
	int container;
	int stop;
	unsigned long rounds;
	int bad;
};

/* Open and close a device. */
static void *churn_device(void *data)
{
	struct churn *churn = data;

	while (!__atomic_load_n(&churn->stop, __ATOMIC_RELAXED)) {
		if (vfio_open_shared(&churn->rig->vfio, churn->container,
				     churn->rig->uuid))
			churn->bad++;
		vfio_close_device(&churn->rig->vfio);
		churn->rounds++;
	}
	return NULL;
}

/* Two devices of a container: one comes and goes, one is told to unpin. */
TEST_F_TIMEOUT(pin, opening_a_device_against_unmap, 120)
{
	struct dirty_rig other;
	struct churn churn = { .rig = &other, .container = self->container };
	const unsigned int rounds = effort_some(1500);
	unsigned int i;
	pthread_t thread;

	ASSERT_EQ(0, dirty_rig_create(&other));
	ASSERT_EQ(0, pthread_create(&thread, NULL, churn_device, &churn));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem,
					  4 * PAGE, DIRTY_RW));
		ASSERT_EQ(4, dirty_pin(&self->rig, 0, 4, RW));
		ASSERT_EQ(4 * PAGE, vfio_unmap_dma(self->container, 0,
						   4 * PAGE));
	}
	churn.stop = 1;
	pthread_join(thread, NULL);
	EXPECT_EQ(0, churn.bad);
	EXPECT_LT(0, churn.rounds);
	EXPECT_EQ(0, dirty_locked());
	other.vfio.container = -1;
	dirty_rig_destroy(&other);
}

static void *churn_ioctl(void *data)
{
	struct churn *churn = data;
	unsigned char bitmap[8];

	while (!__atomic_load_n(&churn->stop, __ATOMIC_RELAXED)) {
		dirty_written(churn->container, IOVA, 64, bitmap);
		dirty_start(churn->container);
		vfio_unmap_dma(churn->container, IOVA, PAGE);
		churn->rounds++;
	}
	return NULL;
}

/* Ioctls of a container whose last group goes. */
TEST_F_TIMEOUT(pin, ioctls_against_the_last_close, 120)
{
	struct churn churn = { .container = self->container };
	const unsigned int rounds = effort_some(300);
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(0, pthread_create(&thread, NULL, churn_ioctl, &churn));
	for (i = 0; i < rounds; i++) {
		struct vfio_client *vfio = &self->rig.vfio;
		int ret;

		vfio_close_device(vfio);
		vfio->group = vfio_open_group(self->rig.uuid);
		ASSERT_LE(0, vfio->group);
		ASSERT_EQ(0, vfio_group_set_container(vfio->group,
						      vfio->container));
		ASSERT_EQ(0, vfio_set_iommu(vfio->container,
					    VFIO_TYPE1v2_IOMMU));
		vfio->device = vfio_open_device(vfio->group, self->rig.uuid);
		ASSERT_LE(0, vfio->device);
		ret = vfio_map_dma(vfio->container, IOVA, self->mem, PAGE,
				   DIRTY_RW);
		ASSERT_EQ(0, ret);
	}
	churn.stop = 1;
	pthread_join(thread, NULL);
	EXPECT_LT(0, churn.rounds);
}

static void *churn_pins(void *data)
{
	struct churn *churn = data;

	while (!__atomic_load_n(&churn->stop, __ATOMIC_RELAXED)) {
		long ret = dirty_pin(churn->rig, 0, 40, RW);

		if (ret != 40 && ret != -EINVAL)
			churn->bad = ret ?: 1;
		if (ret == 40)
			churn->rounds++;
		dirty_unpin(churn->rig, 0, 40);
	}
	return NULL;
}

/* Pins of two threads while the mapping comes and goes. */
TEST_F_TIMEOUT(pin, pins_against_unmap, 120)
{
	struct churn churn[2] = {
		{ .rig = &self->rig }, { .rig = &self->rig },
	};
	const unsigned int rounds = effort_some(1000);
	pthread_t thread[2];
	unsigned int i;

	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, churn_pins,
					    &churn[i]));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem,
					  64 * PAGE, DIRTY_RW));
		usleep(i % 8 * 200);
		ASSERT_EQ(64 * PAGE, vfio_unmap_dma(self->container, 0,
						    64 * PAGE));
	}
	for (i = 0; i < 2; i++) {
		churn[i].stop = 1;
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, churn[i].bad);
		EXPECT_LT(0, churn[i].rounds);
	}
	EXPECT_EQ(0, dirty_locked());
}

TEST_HARNESS_MAIN
