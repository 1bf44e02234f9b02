// SPDX-License-Identifier: GPL-2.0
/*
 * The data fds of migration v2: ends, poll, figures that have to be honest,
 * tracking of VRAM, memory that cannot be reached, and fds whose device is gone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"
#include "stream_edit.h"
#include "tasks.h"

#define PAGE	RIG_PAGE
#define MIB	(1024 * 1024ULL)

/* What a page in pre-copy takes beside its bytes, and a round. */
#define FRAME	24
#define MARK	16

FIXTURE(file) {
	struct rig rig;
	int device;
	int fd;
	unsigned char *vram;
	struct mig_stream stream;
};

FIXTURE_SETUP(file)
{
	memset(&self->stream, 0, sizeof(self->stream));
	self->fd = -1;
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->device = self->rig.vmm.vfio.device;
	self->vram = gpu_vram_map(&self->rig.vmm.gpu);
	ASSERT_NE(NULL, self->vram);
}

FIXTURE_TEARDOWN(file)
{
	if (self->fd >= 0)
		close(self->fd);
	munmap(self->vram, 16 * MIB);
	mig_stream_free(&self->stream);
	rig_destroy(&self->rig);
}

/* Pre-copy up to where there is no more for now; bytes that came, or -errno. */
static long long drain(int fd, struct mig_stream *stream)
{
	size_t before = stream->length ?: MIG_PREFIX;
	int ret = mig_drain(fd, stream, 1 << 20);

	return ret == -ENOMSG ? (long long)(stream->length - before) :
	       ret ? ret : -EPROTO;
}

TEST_F(file, ends_are_enomsg_and_0)
{
	__u8 byte;

	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	EXPECT_LT(0, drain(self->fd, &self->stream));
	EXPECT_EQ(-ENOMSG, mig_read(self->fd, &byte, 1));
	EXPECT_EQ(0, mig_set(self->device, MIG_PRE_COPY_P2P, NULL));
	EXPECT_EQ(-ENOMSG, mig_read(self->fd, &byte, 1));
	EXPECT_EQ(0, mig_set(self->device, MIG_STOP_COPY, NULL));
	EXPECT_EQ(0, mig_drain(self->fd, &self->stream, 4096));
	EXPECT_EQ(0, mig_read(self->fd, &byte, 1));
	EXPECT_EQ(0, mig_set(self->device, MIG_STOP, NULL));
	EXPECT_EQ(-ENODEV, mig_read(self->fd, &byte, 1));
}

TEST_F(file, an_idle_device_sends_little_and_pins_nothing)
{
	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	EXPECT_GT(256, drain(self->fd, &self->stream));
	ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, NULL));
	EXPECT_GT(65536, mig_data_size(self->device));
	EXPECT_EQ(0, mig_drain(self->fd, &self->stream, 1 << 20));
	EXPECT_GT(65536 + 256, self->stream.length);
}

TEST_F(file, zeros_and_what_was_never_written_cost_nothing)
{
	unsigned char *vram = self->vram;
	long long bytes;

	/* allocated by reading, by writing zeros, and by writing */
	EXPECT_EQ(0, __atomic_load_n(&vram[3 * MIB], __ATOMIC_RELAXED));
	__atomic_store_n(&vram[4 * MIB], 0, __ATOMIC_RELAXED);
	__atomic_store_n(&vram[5 * MIB], 1, __ATOMIC_RELAXED);
	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	bytes = drain(self->fd, &self->stream);
	EXPECT_LE(PAGE, bytes);
	EXPECT_GT(PAGE + 256, bytes);
	/* a mebibyte of zeros, written by the engine */
	ASSERT_EQ(0, rig_run(&self->rig,
			     gpu_fill(RIG_VRAM + 8 * MIB, MIB, 1, 0, 0)));
	bytes = drain(self->fd, &self->stream);
	EXPECT_LT(0, bytes);
	EXPECT_GT(PAGE, bytes);
}

/* The three ways in which VRAM is written. */
static int write_vram(struct rig *rig, unsigned char *vram, int way, __u64 at,
		      unsigned char value)
{
	switch (way) {
	case 0:
		__atomic_store_n(&vram[at], value, __ATOMIC_RELAXED);
		return 0;
	case 1:
		return gpu_vram_write(&rig->vmm.gpu, at, &value, 1);
	default:
		return rig_run(rig, gpu_fill(RIG_VRAM + at, 1, 1, 0, value));
	}
}

TEST_F(file, a_page_that_is_written_comes_once_a_round)
{
	struct mig_info info;
	int way, round, i;

	for (way = 0; way < 3; way++) {
		ASSERT_EQ(0, write_vram(&self->rig, self->vram, way,
					way * MIB, 1));
	}
	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	EXPECT_LT(0, drain(self->fd, &self->stream));
	for (round = 0; round < 5; round++) {
		for (way = 0; way < 3; way++) {
			for (i = 1; i < 20; i++) {
				ASSERT_EQ(0, write_vram(&self->rig, self->vram,
							way, way * MIB + 7 * i,
							round + i));
			}
			ASSERT_EQ(0, mig_info(self->fd, &info));
			EXPECT_EQ(0ULL, info.initial);
			EXPECT_EQ(PAGE + FRAME, info.dirty)
				TH_LOG("round %d, way %d", round, way);
			EXPECT_EQ(MARK + FRAME + PAGE,
				  drain(self->fd, &self->stream))
				TH_LOG("round %d, way %d", round, way);
			ASSERT_EQ(0, mig_info(self->fd, &info));
			EXPECT_EQ(0ULL, info.initial + info.dirty);
		}
	}
}

/* The engine notes neighbouring writes together; nothing has an end at 0. */
TEST_F(file, a_write_from_byte_0_on_is_tracked_after_any_other)
{
	struct mig_info info;
	int round;

	for (round = 0; round < 2; round++)
		ASSERT_EQ(0, write_vram(&self->rig, self->vram, 2,
					round * 3 * MIB, 1));
	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	EXPECT_LT(0, drain(self->fd, &self->stream));
	for (round = 2; round < 4; round++) {
		ASSERT_EQ(0, write_vram(&self->rig, self->vram, 2, 3 * MIB,
					round));
		EXPECT_LT(0, drain(self->fd, &self->stream));
		ASSERT_EQ(0, write_vram(&self->rig, self->vram, 2, 0, round));
		ASSERT_EQ(0, mig_info(self->fd, &info));
		EXPECT_EQ(PAGE + FRAME, info.dirty);
		EXPECT_LT(0, drain(self->fd, &self->stream));
	}
}

TEST_F(file, initial_bytes_fall_to_0_and_are_what_comes)
{
	__u64 last, first, read = 0;
	struct mig_info info;
	__u8 data[50000];
	ssize_t got;

	rig_pattern(self->vram, MIB, 3);
	rig_pattern(self->vram + 9 * MIB, 3 * PAGE, 4);
	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	ASSERT_EQ(0, mig_info(self->fd, &info));
	EXPECT_EQ(0ULL, info.dirty);
	first = info.initial;
	last = first;
	EXPECT_LE(MIB + 3 * PAGE, first);
	while ((got = mig_read(self->fd, data, sizeof(data))) > 0) {
		read += got;
		ASSERT_EQ(0, mig_info(self->fd, &info));
		EXPECT_GT(last, info.initial);
		EXPECT_EQ(0ULL, info.dirty);
		last = info.initial;
	}
	EXPECT_EQ(-ENOMSG, got);
	EXPECT_EQ(0ULL, last);
	EXPECT_LE(read, first);
	/* the frames of pages that have neighbours are not needed */
	EXPECT_LE(first - read, (MIB / PAGE + 3) * FRAME);
}

TEST_F(file, data_size_falls_and_is_what_comes)
{
	long long idle = mig_data_size(self->device);
	long long last, now;
	__u8 data[50000];

	EXPECT_LT(0, idle);
	rig_pattern(self->vram, MIB, 3);
	last = mig_data_size(self->device);
	EXPECT_LE(idle + (long long)MIB, last);
	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	while (mig_read(self->fd, data, sizeof(data)) > 0) {
		now = mig_data_size(self->device);
		EXPECT_GT(last, now);
		last = now;
	}
	EXPECT_GT(idle, last);
	self->vram[0]++;
	self->vram[PAGE]++;
	now = mig_data_size(self->device);
	EXPECT_EQ((long long)(2 * (PAGE + FRAME)), now - last);
	ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, NULL));
	EXPECT_GE(now, mig_data_size(self->device));
	now = mig_data_size(self->device);
	EXPECT_EQ(0, mig_drain(self->fd, &self->stream, 4096));
	/* a round's mark more, and the frame of a neighbour less */
	EXPECT_EQ((size_t)now + MARK - FRAME, self->stream.length - MIG_PREFIX);
	EXPECT_EQ(1, mig_data_size(self->device));
}

TEST_F(file, info_is_of_precopy_alone)
{
	struct mig_info info = {};

	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	EXPECT_EQ(0, mig_info(self->fd, &info));
	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY_P2P, NULL));
	EXPECT_EQ(0, mig_info(self->fd, &info));
	ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, NULL));
	EXPECT_EQ(-EINVAL, mig_info(self->fd, &info));
	ASSERT_EQ(0, mig_set(self->device, MIG_STOP, NULL));
	EXPECT_EQ(-ENODEV, mig_info(self->fd, &info));
}

TEST_F(file, poll_says_whether_there_is_something)
{
	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	EXPECT_EQ(POLLIN, mig_poll(self->fd, POLLIN));
	EXPECT_LT(0, drain(self->fd, &self->stream));
	EXPECT_EQ(0, mig_poll(self->fd, POLLIN));
	self->vram[0]++;
	EXPECT_EQ(POLLIN, mig_poll(self->fd, POLLIN));
	EXPECT_LT(0, drain(self->fd, &self->stream));
	EXPECT_EQ(0, mig_poll(self->fd, POLLIN));
	ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, NULL));
	EXPECT_EQ(POLLIN, mig_poll(self->fd, POLLIN));
	EXPECT_EQ(0, mig_drain(self->fd, &self->stream, 1 << 20));
	EXPECT_EQ(POLLIN, mig_poll(self->fd, POLLIN));
	ASSERT_EQ(0, mig_set(self->device, MIG_STOP, NULL));
	EXPECT_TRUE(mig_poll(self->fd, POLLIN) & POLLHUP);
	close(self->fd);
	ASSERT_EQ(0, mig_set(self->device, MIG_RESUMING, &self->fd));
	EXPECT_EQ(POLLOUT, mig_poll(self->fd, POLLIN | POLLOUT));
}

struct waiter {
	int fd;
	pid_t tid;
	pthread_t thread;
};

/* Nothing else wakes it: it waits without an end. */
static void *wait_readable(void *arg)
{
	struct waiter *waiter = arg;
	struct pollfd pollfd = { .fd = waiter->fd, .events = POLLIN };

	__atomic_store_n(&waiter->tid, gettid(), __ATOMIC_RELEASE);
	return (void *)(long)poll(&pollfd, 1, -1);
}

/* It is asleep when this returns: what comes then has to wake it. */
static int waiter_start(struct waiter *waiter, int fd)
{
	pid_t tid;

	*waiter = (struct waiter){ .fd = fd };
	if (pthread_create(&waiter->thread, NULL, wait_readable, waiter))
		return -EAGAIN;
	while (!(tid = __atomic_load_n(&waiter->tid, __ATOMIC_ACQUIRE)) ||
	       !task_sleeps_in(tid, SYS_poll))
		sched_yield();
	return 0;
}

TEST_F(file, poll_is_woken_by_each_way_of_writing_and_by_the_end)
{
	struct waiter waiter;
	void *result;
	int way;

	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	for (way = 0; way < 6; way++) {
		ASSERT_LE(0, drain(self->fd, &self->stream));
		ASSERT_EQ(0, waiter_start(&waiter, self->fd));
		EXPECT_EQ(0, way < 3 ? write_vram(&self->rig, self->vram, way,
						  way * MIB, 1) :
			     way == 3 ? mig_set(self->device, MIG_STOP_COPY,
						NULL) :
			     way == 4 ? vfio_reset(self->device) :
			     (rig_close(&self->rig), 0));
		ASSERT_EQ(0, pthread_join(waiter.thread, &result));
		EXPECT_EQ(1, (long)result) TH_LOG("way %d", way);
		if (way == 3 || way == 4) {
			close(self->fd);
			ASSERT_EQ(0, mig_set(self->device, MIG_RUNNING, NULL));
			ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY,
					     &self->fd));
		}
	}
}

TEST_F(file, tracking_ends_with_the_transfer)
{
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
		self->vram[0]++;
		ASSERT_LT((long long)PAGE, drain(self->fd, &self->stream));
		ASSERT_EQ(0, mig_set(self->device, i ? MIG_RUNNING_P2P :
				     MIG_RUNNING, NULL));
		EXPECT_EQ(-ENODEV, drain(self->fd, &self->stream));
		close(self->fd);
		/* all is as it was: another transfer begins with all of VRAM */
		ASSERT_EQ(0, vfio_reset(self->device));
	}
	self->fd = -1;
}

/* Memory that cannot be reached. */
static void *no_memory(void)
{
	return mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

TEST_F(file, bytes_that_got_lost_end_the_stream)
{
	void *nowhere = no_memory();
	__u8 byte;

	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	EXPECT_EQ(-EFAULT, mig_read(self->fd, nowhere, 16));
	EXPECT_EQ(-EFAULT, mig_read(self->fd, &byte, 1));
	EXPECT_EQ(0, mig_set(self->device, MIG_RUNNING, NULL));
	munmap(nowhere, PAGE);
}

TEST_F(file, a_write_from_nowhere_changes_nothing)
{
	void *nowhere = no_memory();

	ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, &self->fd));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 4096));
	close(self->fd);
	ASSERT_EQ(0, mig_set(self->device, MIG_RESUMING, &self->fd));
	EXPECT_EQ(-EFAULT, mig_write(self->fd, nowhere, 16));
	EXPECT_EQ(0, mig_fill(self->fd, &self->stream, 0, 4096));
	EXPECT_EQ(0, mig_set(self->device, MIG_RUNNING, NULL));
	munmap(nowhere, PAGE);
}

/* VRAM as the buffer: its faults need the device. */
TEST_F(file, vram_may_be_the_buffer)
{
	ssize_t got;

	rig_pattern(self->vram, 4 * PAGE, 5);
	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	got = mig_read(self->fd, self->vram + 8 * MIB, MIB);
	EXPECT_LT((ssize_t)(4 * PAGE), got);
	EXPECT_EQ(0, memcmp(self->vram + 8 * MIB, "MDEVSTRM", 8));
	ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, NULL));
	EXPECT_EQ(0, mig_drain(self->fd, &self->stream, 1 << 20));
	close(self->fd);
	ASSERT_EQ(0, mig_set(self->device, MIG_RESUMING, &self->fd));
	EXPECT_EQ(-EINVAL, mig_write(self->fd, self->vram, MIB));
}

TEST_F(file, old_data_fds_stay_dead_beside_a_new_one)
{
	__u8 byte;
	int old;

	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &old));
	ASSERT_EQ(0, mig_set(self->device, MIG_RUNNING, NULL));
	ASSERT_EQ(0, mig_set(self->device, MIG_PRE_COPY, &self->fd));
	EXPECT_EQ(-ENODEV, mig_read(old, &byte, 1));
	close(old);
	EXPECT_EQ(1, mig_read(self->fd, &byte, 1));
	EXPECT_EQ('M', byte);
}

TEST_F(file, is_dead_once_the_device_is_closed_and_gone)
{
	static const int states[] = { MIG_PRE_COPY, MIG_STOP_COPY,
				      MIG_RESUMING };
	struct mig_info info = {};
	unsigned int i;
	__u8 byte = 0;

	for (i = 0; i < 3; i++) {
		struct rig rig;
		int fd;

		ASSERT_EQ(0, rig_create(&rig));
		ASSERT_EQ(0, rig_open(&rig));
		ASSERT_EQ(0, mig_set(rig.vmm.vfio.device, states[i], &fd));
		rig_close(&rig);
		EXPECT_EQ(-ENODEV, i == 2 ? mig_write(fd, &byte, 1) :
					    mig_read(fd, &byte, 1));
		ASSERT_EQ(0, rig_open(&rig));
		EXPECT_EQ(-ENODEV, i == 2 ? mig_write(fd, &byte, 1) :
					    mig_read(fd, &byte, 1));
		rig_destroy(&rig);
		EXPECT_EQ(-ENODEV, i == 2 ? mig_write(fd, &byte, 1) :
					    mig_read(fd, &byte, 1));
		EXPECT_EQ(i < 2 ? -ENODEV : -ENOTTY, mig_info(fd, &info));
		EXPECT_TRUE(mig_poll(fd, POLLIN) & POLLHUP);
		close(fd);
	}
}

/* The end of a device in the middle of everything. */
struct storm {
	struct rig *rig;
	int fd;
	bool load;
	const struct mig_stream *stream;
};

static void *storm_run(void *arg)
{
	struct storm *storm = arg;
	__u8 data[3000];
	ssize_t ret;

	do {
		ret = storm->load ? mig_fill(storm->fd, storm->stream, 0, 777) :
				    mig_read(storm->fd, data, sizeof(data));
	} while (ret != -ENODEV);
	return NULL;
}

TEST_F_TIMEOUT(file, a_device_can_go_while_its_data_fds_are_used, 300)
{
	int round, i;

	rig_pattern(self->vram, MIB, 1);
	ASSERT_EQ(0, mig_set(self->device, MIG_STOP_COPY, &self->fd));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 1 << 20));
	for (round = 0; round < 20; round++) {
		struct storm storm = { .load = round % 2,
				       .stream = &self->stream };
		pthread_t threads[2];
		struct rig rig;

		ASSERT_EQ(0, rig_create(&rig));
		ASSERT_EQ(0, rig_open(&rig));
		ASSERT_EQ(0, mig_set(rig.vmm.vfio.device, storm.load ?
				     MIG_RESUMING : MIG_STOP_COPY, &storm.fd));
		for (i = 0; i < 2; i++) {
			ASSERT_EQ(0, pthread_create(&threads[i], NULL,
						    storm_run, &storm));
		}
		ASSERT_EQ(0, round % 4 < 2 ?
			  vfio_reset(rig.vmm.vfio.device) : 0);
		rig_destroy(&rig);
		for (i = 0; i < 2; i++)
			ASSERT_EQ(0, pthread_join(threads[i], NULL));
		close(storm.fd);
	}
}

TEST_HARNESS_MAIN
