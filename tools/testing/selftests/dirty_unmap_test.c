// SPDX-License-Identifier: GPL-2.0
/*
 * Unmaps that wait, and unmaps that fail: what is mapped meanwhile stays, and
 * nobody who uses a mapping that stays notices. Needs pintest.ko.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dirty.h"
#include "kselftest_harness.h"
#include "tasks.h"
#include "userfault.h"

#define PAGE	DIRTY_PAGE
#define IOVA	0x140000000ULL
#define RW	(PINTEST_READ | PINTEST_WRITE)

FIXTURE(unmap)
{
	struct dirty_rig rig;
	int container;
	unsigned char *mem;
};

FIXTURE_SETUP(unmap)
{
	ASSERT_EQ(0, dirty_rig_open(&self->rig));
	self->container = self->rig.vfio.container;
	self->mem = dirty_memory(1024 * PAGE);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(unmap)
{
	dirty_rig_destroy(&self->rig);
}

/* A call on another thread. */
struct call {
	struct dirty_rig *rig;
	__u64 iova;
	__u64 size;
	void *bitmap;
	pthread_t thread;
	pid_t tid;
	bool done;
	long long ret;
};

static void call_ends(struct call *call, long long ret)
{
	call->ret = ret;
	__atomic_store_n(&call->done, true, __ATOMIC_RELEASE);
}

static bool call_is_over(struct call *call)
{
	return __atomic_load_n(&call->done, __ATOMIC_ACQUIRE);
}

static void *call_unmap(void *arg)
{
	struct call *call = arg;
	int container = call->rig->vfio.container;

	call_ends(call, call->bitmap ?
		  dirty_unmap(container, call->iova, call->size, call->bitmap) :
		  vfio_unmap_dma(container, call->iova, call->size));
	return NULL;
}

static void *call_write(void *arg)
{
	struct call *call = arg;
	unsigned char byte = 1;

	__atomic_store_n(&call->tid, gettid(), __ATOMIC_RELEASE);
	call_ends(call, dirty_rw(call->rig, call->iova, &byte, 1,
				 PINTEST_WRITE));
	return NULL;
}

static void *call_pin(void *arg)
{
	struct call *call = arg;

	__atomic_store_n(&call->tid, gettid(), __ATOMIC_RELEASE);
	call_ends(call, dirty_pin(call->rig, call->iova, 1, RW));
	return NULL;
}

/* Wait until a call sleeps in the kernel: it waits for an unmap. */
static bool call_waits(struct call *call)
{
	pid_t tid;

	while (!(tid = __atomic_load_n(&call->tid, __ATOMIC_ACQUIRE)))
		usleep(1000);
	while (!call_is_over(call)) {
		if (task_state(tid) == 'D')
			return true;
		usleep(1000);
	}
	return false;
}

/* An unmap of 32 pages, of which 8 are mapped, waits for a slow driver. */
static int start_slow_unmap(struct dirty_rig *rig, struct call *unmap,
			    unsigned char *mem)
{
	*unmap = (struct call) { .rig = rig, .iova = IOVA, .size = 32 * PAGE };
	if (vfio_map_dma(rig->vfio.container, IOVA + 16 * PAGE, mem, 8 * PAGE,
			 DIRTY_RW))
		return __LINE__;
	if (dirty_pin(rig, IOVA + 16 * PAGE, 1, RW) != 1)
		return __LINE__;
	if (dirty_set(rig, PINTEST_STUBBORN, 2))
		return __LINE__;
	if (pthread_create(&unmap->thread, NULL, call_unmap, unmap))
		return __LINE__;
	while (dirty_set(rig, PINTEST_CALLS, 0) < 1)
		usleep(1000);
	return 0;
}

TEST_F(unmap, leaves_what_was_mapped_across_its_start_meanwhile)
{
	unsigned char byte = 1;
	struct call unmap;

	ASSERT_EQ(0, start_slow_unmap(&self->rig, &unmap, self->mem));
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA - 4 * PAGE,
				  self->mem + 64 * PAGE, 8 * PAGE, DIRTY_RW));
	ASSERT_EQ(0, pthread_join(unmap.thread, NULL));
	EXPECT_EQ(8 * PAGE, unmap.ret);
	EXPECT_EQ(0, dirty_rw(&self->rig, IOVA - 2 * PAGE, &byte, 1,
			      PINTEST_WRITE));
	EXPECT_EQ(0, dirty_rw(&self->rig, IOVA + 2 * PAGE, &byte, 1,
			      PINTEST_WRITE));
	EXPECT_EQ(-EINVAL, dirty_rw(&self->rig, IOVA + 16 * PAGE, &byte, 1,
				    PINTEST_WRITE));
}

TEST_F(unmap, leaves_what_was_mapped_across_its_end_meanwhile)
{
	unsigned char byte = 1;
	struct call unmap;

	ASSERT_EQ(0, start_slow_unmap(&self->rig, &unmap, self->mem));
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA + 28 * PAGE,
				  self->mem + 64 * PAGE, 8 * PAGE, DIRTY_RW));
	ASSERT_EQ(0, pthread_join(unmap.thread, NULL));
	EXPECT_EQ(8 * PAGE, unmap.ret);
	EXPECT_EQ(0, dirty_rw(&self->rig, IOVA + 28 * PAGE, &byte, 1,
			      PINTEST_WRITE));
}

/* The driver may wait for a copy before it unpins. */
TEST_F(unmap, lets_copies_through_while_the_driver_is_asked)
{
	unsigned char byte = 1;
	struct call unmap;

	ASSERT_EQ(0, start_slow_unmap(&self->rig, &unmap, self->mem));
	EXPECT_EQ(0, dirty_rw(&self->rig, IOVA + 16 * PAGE, &byte, 1,
			      PINTEST_WRITE));
	EXPECT_FALSE(call_is_over(&unmap));
	ASSERT_EQ(0, pthread_join(unmap.thread, NULL));
	EXPECT_EQ(8 * PAGE, unmap.ret);
}

/* It may hold a lock, too, that its dma_unmap wants. */
TEST_F(unmap, lets_pins_through_while_the_driver_is_asked)
{
	struct call unmap;

	ASSERT_EQ(0, start_slow_unmap(&self->rig, &unmap, self->mem));
	EXPECT_EQ(1, dirty_pin(&self->rig, IOVA + 17 * PAGE, 1, RW));
	ASSERT_EQ(0, pthread_join(unmap.thread, NULL));
	EXPECT_EQ(8 * PAGE, unmap.ret);
	EXPECT_EQ(0, dirty_locked());
}

static void *call_close(void *arg)
{
	struct call *call = arg;

	__atomic_store_n(&call->tid, gettid(), __ATOMIC_RELEASE);
	vfio_close_device(&call->rig->vfio);
	call_ends(call, 0);
	return NULL;
}

/* The driver's dma_unmap runs: its device does not go under it. */
TEST_F(unmap, of_a_device_that_is_closed_ends_first)
{
	struct call unmap = { .rig = &self->rig, .iova = IOVA };
	struct call closer = { .rig = &self->rig };
	struct dirty_rig other;

	unmap.size = PAGE;
	ASSERT_EQ(0, dirty_rig_open(&other));
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA, self->mem, PAGE,
				  DIRTY_RW));
	ASSERT_EQ(1, dirty_pin(&self->rig, IOVA, 1, RW));
	ASSERT_EQ(0, dirty_set(&other, PINTEST_HOLD, 1));
	ASSERT_EQ(0, pthread_create(&unmap.thread, NULL, call_unmap, &unmap));
	while (dirty_set(&self->rig, PINTEST_CALLS, 0) < 1)
		usleep(1000);
	ASSERT_EQ(0, pthread_create(&closer.thread, NULL, call_close, &closer));
	EXPECT_TRUE(call_waits(&closer));
	ASSERT_EQ(0, dirty_set(&other, PINTEST_HOLD, 0));
	ASSERT_EQ(0, pthread_join(closer.thread, NULL));
	ASSERT_EQ(0, pthread_join(unmap.thread, NULL));
	EXPECT_EQ(PAGE, unmap.ret);
	dirty_rig_destroy(&other);
}

/* Of several mappings, those before the one that fails are gone. */
TEST_F(unmap, that_fails_keeps_the_mapping_and_its_bits)
{
	unsigned char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	__u64 *bitmap = (__u64 *)(map + PAGE) - 1, word = 0;
	unsigned char byte = 1;

	ASSERT_EQ(0, mprotect(map + PAGE, PAGE, PROT_NONE));
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA, self->mem, 64 * PAGE,
				  DIRTY_RW));
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA + 64 * PAGE,
				  self->mem + 64 * PAGE, 64 * PAGE, DIRTY_RW));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, dirty_rw(&self->rig, IOVA + 5 * PAGE, &byte, 1,
			      PINTEST_WRITE));
	ASSERT_EQ(0, dirty_rw(&self->rig, IOVA + 66 * PAGE, &byte, 1,
			      PINTEST_WRITE));
	ASSERT_EQ(-EFAULT, dirty_unmap(self->container, IOVA, 128 * PAGE,
				       bitmap));
	EXPECT_EQ(1ULL << 5, *bitmap);
	EXPECT_EQ(-EINVAL, dirty_rw(&self->rig, IOVA, &byte, 1, PINTEST_READ));
	EXPECT_EQ(0, dirty_rw(&self->rig, IOVA + 64 * PAGE, &byte, 1,
			      PINTEST_READ));
	ASSERT_EQ(64 * PAGE, dirty_unmap(self->container, IOVA + 64 * PAGE,
					 64 * PAGE, &word));
	EXPECT_EQ(1ULL << 2, word);
}

/* An unmap is about to end, and waits for the memory of its bitmap. */
static int start_stuck_unmap(struct dirty_rig *rig, struct call *unmap,
			     unsigned char *mem)
{
	unsigned char byte = 1;
	int fd;

	*unmap = (struct call) { .rig = rig, .iova = IOVA, .size = 64 * PAGE };
	if (vfio_map_dma(rig->vfio.container, IOVA, mem, 64 * PAGE, DIRTY_RW))
		return -__LINE__;
	/* the next copy takes no allocation */
	if (dirty_rw(rig, IOVA, &byte, 1, PINTEST_WRITE))
		return -__LINE__;
	if (dirty_start(rig->vfio.container))
		return -__LINE__;
	unmap->bitmap = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = userfault_open(unmap->bitmap, PAGE);
	if (fd < 0)
		return fd;
	if (pthread_create(&unmap->thread, NULL, call_unmap, unmap))
		return -__LINE__;
	return userfault_wait(fd, NULL) ? -__LINE__ : fd;
}

/* The unmap fails: who waited for its end goes on with the mapping. */
TEST_F(unmap, that_fails_is_waited_for)
{
	struct call unmap, write = { .rig = &self->rig, .iova = IOVA };
	struct call pin = { .rig = &self->rig, .iova = IOVA + PAGE };
	int fd;

	fd = start_stuck_unmap(&self->rig, &unmap, self->mem);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pthread_create(&write.thread, NULL, call_write, &write));
	ASSERT_EQ(0, pthread_create(&pin.thread, NULL, call_pin, &pin));
	EXPECT_TRUE(call_waits(&write));
	EXPECT_TRUE(call_waits(&pin));
	ASSERT_EQ(0, munmap(unmap.bitmap, PAGE));
	/* wakes who waits for it */
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, pthread_join(unmap.thread, NULL));
	ASSERT_EQ(0, pthread_join(write.thread, NULL));
	ASSERT_EQ(0, pthread_join(pin.thread, NULL));
	EXPECT_EQ(-EFAULT, unmap.ret);
	EXPECT_EQ(0, write.ret);
	EXPECT_EQ(1, pin.ret);
}

/* It goes through: the mapping is gone for whoever waited. */
TEST_F(unmap, that_ends_well_is_waited_for)
{
	struct call unmap, write = { .rig = &self->rig, .iova = IOVA };
	int fd;

	fd = start_stuck_unmap(&self->rig, &unmap, self->mem);
	ASSERT_LE(0, fd);
	ASSERT_EQ(0, pthread_create(&write.thread, NULL, call_write, &write));
	EXPECT_TRUE(call_waits(&write));
	ASSERT_EQ(0, userfault_fill(fd, unmap.bitmap));
	ASSERT_EQ(0, pthread_join(unmap.thread, NULL));
	ASSERT_EQ(0, pthread_join(write.thread, NULL));
	EXPECT_EQ(64 * PAGE, unmap.ret);
	EXPECT_EQ(-EINVAL, write.ret);
}

/* Nobody ever fills the memory: a signal ends both. */
TEST_F(unmap, that_never_ends_and_who_waits_for_it_can_be_killed)
{
	struct call unmap, write = { .rig = &self->rig, .iova = IOVA };
	pid_t pid = fork();

	ASSERT_LE(0, pid);
	if (!pid) {
		if (start_stuck_unmap(&self->rig, &unmap, self->mem) < 0)
			_exit(1);
		if (pthread_create(&write.thread, NULL, call_write, &write) ||
		    !call_waits(&write))
			_exit(2);
		kill(getpid(), SIGKILL);
		_exit(3);
	}
	EXPECT_EQ(SIGKILL, task_ended(pid));
	EXPECT_EQ(64 * PAGE, vfio_unmap_dma(self->container, IOVA, 64 * PAGE));
}

/* What somebody does again and again while another unmaps in vain. */
struct busy {
	struct dirty_rig *rig;
	int stop;
	long good;
	long bad;
};

static void *keep_writing(void *arg)
{
	struct busy *busy = arg;
	unsigned char byte = 1;

	while (!__atomic_load_n(&busy->stop, __ATOMIC_RELAXED)) {
		if (dirty_rw(busy->rig, IOVA, &byte, 1, PINTEST_WRITE))
			busy->bad++;
		else
			busy->good++;
	}
	return NULL;
}

static void *keep_pinning(void *arg)
{
	struct busy *busy = arg;

	while (!__atomic_load_n(&busy->stop, __ATOMIC_RELAXED)) {
		if (dirty_pin(busy->rig, IOVA + PAGE, 2, RW) != 2)
			busy->bad++;
		else
			busy->good++;
		dirty_unpin(busy->rig, IOVA + PAGE, 2);
	}
	return NULL;
}

TEST_F(unmap, that_fails_again_and_again_is_not_noticed)
{
	struct busy writer = { .rig = &self->rig }, pinner = writer;
	pthread_t threads[2];
	unsigned int i;

	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA, self->mem, 64 * PAGE,
				  DIRTY_RW));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, pthread_create(&threads[0], NULL, keep_writing, &writer));
	ASSERT_EQ(0, pthread_create(&threads[1], NULL, keep_pinning, &pinner));
	for (i = 0; i < 1000; i++)
		EXPECT_EQ(-EFAULT, dirty_unmap(self->container, IOVA,
					       64 * PAGE, (void *)8));
	__atomic_store_n(&writer.stop, 1, __ATOMIC_RELAXED);
	__atomic_store_n(&pinner.stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
	EXPECT_EQ(0, writer.bad);
	EXPECT_EQ(0, pinner.bad);
	EXPECT_LT(0, writer.good);
	EXPECT_LT(0, pinner.good);
	EXPECT_EQ(0, dirty_locked());
}

TEST_HARNESS_MAIN
