// SPDX-License-Identifier: GPL-2.0
/*
 * Pins and the memory behind them: a device has the very pages that the CPU goes
 * on to use, and only what exceeds the limit is refused for that. Needs pintest.ko.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dirty.h"
#include "effort.h"
#include "kselftest_harness.h"

#define PAGE	DIRTY_PAGE
#define RW	(PINTEST_READ | PINTEST_WRITE)

FIXTURE(memory)
{
	struct dirty_rig rig;
	int container;
	unsigned char *mem;
};

FIXTURE_SETUP(memory)
{
	ASSERT_EQ(0, dirty_rig_open(&self->rig));
	self->container = self->rig.vfio.container;
	self->mem = dirty_memory(64 * PAGE);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(memory)
{
	dirty_rig_destroy(&self->rig);
}

/* The device sees what the CPU writes after the pin: it has that very page. */
static void check_seen(struct __test_metadata *_metadata,
		       struct dirty_rig *rig, unsigned char *mem)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		(void)__atomic_load_n(mem + i * PAGE, __ATOMIC_RELAXED);
	ASSERT_EQ(0, vfio_map_dma(rig->vfio.container, 0, mem, 4 * PAGE,
				  VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(4, dirty_pin(rig, 0, 4, PINTEST_READ));
	for (i = 0; i < 4; i++) {
		mem[i * PAGE] = 0x40 + i;
		EXPECT_EQ(0x40 + i, dirty_peek(rig, i * PAGE));
	}
	EXPECT_EQ(4 * 4, dirty_locked());
	EXPECT_EQ(4 * PAGE, vfio_unmap_dma(rig->vfio.container, 0, 4 * PAGE));
}

TEST_F(memory, memory_that_was_only_read_before_is_seen)
{
	unsigned char *mem = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, (void *)mem);
	check_seen(_metadata, &self->rig, mem);
	munmap(mem, 4 * PAGE);
}

TEST_F(memory, a_private_file_that_was_only_read_before_is_seen)
{
	int fd = memfd_create("pin", MFD_CLOEXEC);
	unsigned char *mem;

	ASSERT_LE(0, fd);
	ASSERT_EQ(0, ftruncate(fd, 4 * PAGE));
	mem = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	ASSERT_NE(MAP_FAILED, (void *)mem);
	check_seen(_metadata, &self->rig, mem);
	munmap(mem, 4 * PAGE);
	close(fd);
}

/* Memory that the process itself may not read is not there for its devices. */
TEST_F(memory, memory_without_access_is_not_pinned_for_reading)
{
	void *none = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);

	ASSERT_EQ(0, vfio_map_dma(self->container, 0, none, PAGE,
				  VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(-EFAULT, dirty_pin(&self->rig, 0, 1, PINTEST_READ));
}

struct churn {
	struct dirty_rig *rig;
	unsigned long rounds;
	int bad;
};

static unsigned int churn_rounds(void)
{
	return effort_some(5000);
}

/* Pin the same page, whose last reference the other thread may be about to drop. */
static void *churn_last_page(void *data)
{
	struct churn *churn = data;
	unsigned int i;

	for (i = 0; i < churn_rounds(); i++) {
		if (dirty_pin(churn->rig, 0, 1, RW) != 1) {
			churn->bad++;
			continue;
		}
		churn->rounds++;
		dirty_unpin(churn->rig, 0, 1);
	}
	return NULL;
}

/* What is on its way in or out counts twice for a moment: that is no excess. */
TEST_F_TIMEOUT(memory, two_share_the_last_page_of_the_limit, 120)
{
	struct churn churn[2] = {
		{ .rig = &self->rig }, { .rig = &self->rig },
	};
	pthread_t thread[2];
	unsigned int i;

	EXPECT_EQ(0, dirty_limit_memlock(PAGE));
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem, 64 * PAGE,
				  DIRTY_RW));
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, churn_last_page,
					    &churn[i]));
	for (i = 0; i < 2; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, churn[i].bad);
		EXPECT_EQ(churn_rounds(), churn[i].rounds);
	}
	EXPECT_EQ(0, dirty_locked());
}

/* What one container has on its way is no excess in another, either. */
TEST_F_TIMEOUT(memory, two_containers_share_the_limit, 120)
{
	struct dirty_rig other;
	struct churn churn[3] = {
		{ .rig = &self->rig }, { .rig = &self->rig }, { .rig = &other },
	};
	pthread_t thread[3];
	unsigned int i;

	ASSERT_EQ(0, dirty_rig_open(&other));
	EXPECT_EQ(0, dirty_limit_memlock(2 * PAGE));
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem, PAGE,
				  DIRTY_RW));
	ASSERT_EQ(0, vfio_map_dma(other.vfio.container, 0, self->mem + PAGE,
				  PAGE, DIRTY_RW));
	for (i = 0; i < 3; i++)
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, churn_last_page,
					    &churn[i]));
	for (i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, churn[i].bad) TH_LOG("thread %u", i);
	}
	EXPECT_EQ(0, dirty_locked());
	dirty_rig_destroy(&other);
}

/**
 * struct meeting - a thread that pins 64 pages, again and again
 * @rig: the device
 * @iova: of the first page
 * @stop: set when it is to end
 * @refused: how often that was for the limit
 * @bad: how often it failed otherwise
 */
struct meeting {
	struct dirty_rig *rig;
	__u64 iova;
	int stop;
	unsigned long refused;
	unsigned long bad;
};

static void *meet_the_limit(void *data)
{
	struct meeting *meeting = data;
	long ret;

	while (!__atomic_load_n(&meeting->stop, __ATOMIC_RELAXED)) {
		ret = dirty_pin(meeting->rig, meeting->iova, 64, RW);
		if (ret == 64)
			dirty_unpin(meeting->rig, meeting->iova, 64);
		else if (ret == -ENOMEM)
			meeting->refused++;
		else if (ret != -EINVAL)
			meeting->bad++;
	}
	return NULL;
}

/* Who is refused, who pins and who unmaps do not wait for each other for ever. */
TEST_F_TIMEOUT(memory, the_limit_is_met_beside_unmaps, 120)
{
	struct meeting meeting[3] = {};
	const unsigned int rounds = effort_some(300);
	pthread_t thread[3];
	unsigned char *mem;
	unsigned int i;

	EXPECT_EQ(0, dirty_limit_memlock(100 * PAGE));
	mem = dirty_memory(256 * PAGE);
	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, mem, 256 * PAGE,
				  DIRTY_RW));
	ASSERT_EQ(0, dirty_start(self->container));
	for (i = 0; i < 3; i++) {
		/* the second and the third want the same pages */
		meeting[i].rig = &self->rig;
		meeting[i].iova = (i + 1) / 2 * 64 * PAGE;
		ASSERT_EQ(0, pthread_create(&thread[i], NULL, meet_the_limit,
					    &meeting[i]));
	}
	for (i = 0; i < rounds; i++) {
		EXPECT_EQ(-EFAULT, dirty_unmap(self->container, 0, 256 * PAGE,
					       (void *)8));
		EXPECT_EQ(256 * PAGE, vfio_unmap_dma(self->container, 0,
						     256 * PAGE));
		EXPECT_EQ(0, vfio_map_dma(self->container, 0, mem, 256 * PAGE,
					  DIRTY_RW));
	}
	for (i = 0; i < 3; i++)
		__atomic_store_n(&meeting[i].stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 3; i++) {
		pthread_join(thread[i], NULL);
		EXPECT_EQ(0, meeting[i].bad);
	}
	EXPECT_EQ(0, dirty_locked());
	munmap(mem, 256 * PAGE);
}

#define HUGE_PAGE	(2L << 20)

static int reserve_huge_pages(const char *number)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY | O_CLOEXEC);
	ssize_t ret = write(fd, number, strlen(number));

	close(fd);
	return ret < 0 ? -errno : 0;
}

/* Private huge pages, which the process itself may no longer write. */
TEST_F(memory, huge_pages_are_pinned_for_reading)
{
	unsigned char *mem;

	if (reserve_huge_pages("4"))
		SKIP(return, "no huge pages (CONFIG_HUGETLBFS)");
	mem = mmap(NULL, HUGE_PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (mem == MAP_FAILED)
		SKIP(return, "no memory for a huge page");
	mem[0] = 0x40;
	ASSERT_EQ(0, mprotect(mem, HUGE_PAGE, PROT_READ));
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, mem, HUGE_PAGE,
				  VFIO_DMA_MAP_FLAG_READ));
	EXPECT_EQ(1, dirty_pin(&self->rig, 0, 1, PINTEST_READ));
	EXPECT_EQ(0x40, dirty_peek(&self->rig, 0));
	EXPECT_EQ(HUGE_PAGE, vfio_unmap_dma(self->container, 0, HUGE_PAGE));
	munmap(mem, HUGE_PAGE);
	reserve_huge_pages("0");
}

TEST_HARNESS_MAIN
