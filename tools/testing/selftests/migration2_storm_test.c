// SPDX-License-Identifier: GPL-2.0
/*
 * All that can be done to a vGPU that is moved, at once, by threads that know
 * nothing of each other: both front ends, data fds, reset, the engine and
 * mappings of VRAM. Each call gets an answer that it may get, and afterwards the
 * device works.
 */
#include <errno.h>
#include <pthread.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "effort.h"
#include "migration2.h"
#include "rig.h"

#define STORM_PART	100000	/* most bytes of a read or write */
#define FDS	4
#define ROUNDS	3000	/* of each thread, with normal effort */

/**
 * struct storm - what the threads share
 * @rig: the vGPU
 * @vram: mapped
 * @stream: one that it takes
 * @rounds: of each thread
 * @lock: of @fds
 * @fds: data fds, dead ones too; -1 where there is none
 */
struct storm {
	struct rig rig;
	unsigned char *vram;
	struct mig_stream stream;
	unsigned int rounds;
	pthread_mutex_t lock;
	int fds[FDS];
};

struct storm_thread {
	struct storm *storm;
	unsigned int seed;
	int error;
};

static unsigned int next(struct storm_thread *thread, unsigned int below)
{
	return rand_r(&thread->seed) / 7 % below;
}

/* Another fd in a place; the old one is closed, whoever uses it. */
static void put_fd(struct storm_thread *thread, int fd)
{
	int *place = &thread->storm->fds[next(thread, FDS)];
	int old;

	pthread_mutex_lock(&thread->storm->lock);
	old = *place;
	*place = fd;
	pthread_mutex_unlock(&thread->storm->lock);
	if (old >= 0)
		close(old);
}

/* A duplicate, so that it is not another file by the time it is used. */
static int get_fd(struct storm_thread *thread)
{
	int fd;

	pthread_mutex_lock(&thread->storm->lock);
	fd = thread->storm->fds[next(thread, FDS)];
	if (fd >= 0)
		fd = dup(fd);
	pthread_mutex_unlock(&thread->storm->lock);
	return fd;
}

static void *set_states(void *arg)
{
	struct storm_thread *thread = arg;
	const int device = thread->storm->rig.vmm.vfio.device;
	unsigned int i;
	int fd, ret;

	for (i = 0; i < thread->storm->rounds && !thread->error; i++) {
		ret = mig_set(device, next(thread, MIG_NR_STATES + 1), &fd);
		if (!ret && fd >= 0)
			put_fd(thread, fd);
		else if (ret && ret != -EINVAL && ret != -EBUSY &&
			 ret != -EBADMSG && ret != -ENODEV &&
			 ret != -EOPNOTSUPP && ret != -EOVERFLOW)
			thread->error = ret;
		if (!thread->error && mig_get(device) < 0)
			thread->error = mig_get(device);
		if (!thread->error && mig_data_size(device) <= 0)
			thread->error = -ERANGE;
	}
	return NULL;
}

/* One of the things that are done with data fds. */
static int use_fd(struct storm_thread *thread, int fd)
{
	const struct mig_stream *stream = &thread->storm->stream;
	const size_t part = next(thread, STORM_PART) + 1;
	__u8 data[STORM_PART];
	struct mig_info info;

	switch (next(thread, 5)) {
	case 0:
		return mig_info(fd, &info);
	case 1:
		return mig_poll(fd, POLLIN | POLLOUT) < 0 ? -EPROTO : 0;
	case 2:
		return mig_fill(fd, stream, 0, part);
	default:
		return mig_read(fd, data, part);
	}
}

static void *use_fds(void *arg)
{
	struct storm_thread *thread = arg;
	unsigned int i;
	int fd, ret;

	for (i = 0; i < thread->storm->rounds && !thread->error; i++) {
		fd = get_fd(thread);
		if (fd < 0)
			continue;
		ret = use_fd(thread, fd);
		close(fd);
		/* not for this fd or state; no more; gone; written to
		 * behind what was read; a mixed-up stream
		 */
		if (ret < 0 && ret != -EBADF && ret != -ENOTTY &&
		    ret != -EINVAL && ret != -ENOMSG && ret != -ENODEV &&
		    ret != -ESTALE && ret != -EBADMSG && ret != -EOPNOTSUPP &&
		    ret != -EOVERFLOW)
			thread->error = ret;
	}
	return NULL;
}

static void *use_region(void *arg)
{
	struct storm_thread *thread = arg;
	struct devstate *state = &thread->storm->rig.vmm.state;
	unsigned int i;
	__u8 data[5000];
	int ret;

	for (i = 0; i < thread->storm->rounds && !thread->error; i++) {
		switch (next(thread, 4)) {
		case 0:
			ret = devstate_stop(state);
			break;
		case 1:
			ret = devstate_start(state);
			break;
		default:
			ret = devstate_pread(state, data, sizeof(data),
					     1 + next(thread, 2) * 3000);
		}
		if (ret < 0 && ret != -EBUSY && ret != -EINVAL &&
		    ret != -ESTALE)
			thread->error = ret;
	}
	return NULL;
}

static void *reset(void *arg)
{
	struct storm_thread *thread = arg;
	unsigned int i;

	for (i = 0; i < thread->storm->rounds / 8 && !thread->error; i++)
		thread->error = vfio_reset(thread->storm->rig.vmm.vfio.device);
	return NULL;
}

/* What a guest does, which is reset in the middle of everything. */
static void *work(void *arg)
{
	struct storm_thread *thread = arg;
	struct rig *rig = &thread->storm->rig;
	unsigned char *vram = thread->storm->vram;
	unsigned int i;

	for (i = 0; i < thread->storm->rounds && !thread->error; i++) {
		union gpu_command fill = gpu_fill(RIG_VRAM, 1 << 16, 1, 0, i);

		if (i % 16 == 0)
			thread->error = rig_setup(rig);
		if (!thread->error)
			thread->error = gpu_ring_put(&rig->ring, &fill);
		if (!thread->error)
			thread->error = gpu_ring_kick(&rig->ring);
		__atomic_store_n(&vram[next(thread, 16 << 20)], i,
				 __ATOMIC_RELAXED);
	}
	return NULL;
}

FIXTURE(storm) {
	struct storm storm;
};

FIXTURE_SETUP(storm)
{
	struct storm *storm = &self->storm;
	int i;

	memset(storm, 0, sizeof(*storm));
	for (i = 0; i < FDS; i++)
		storm->fds[i] = -1;
	pthread_mutex_init(&storm->lock, NULL);
	storm->rounds = effort_rounds(ROUNDS);
	ASSERT_EQ(0, rig_create(&storm->rig));
	ASSERT_EQ(0, rig_open(&storm->rig));
	storm->vram = gpu_vram_map(&storm->rig.vmm.gpu);
	ASSERT_NE(NULL, storm->vram);
	rig_pattern(storm->vram, 1 << 17, 1);
	ASSERT_EQ(0, mig_save(storm->rig.vmm.vfio.device, &storm->stream));
	ASSERT_EQ(0, vfio_reset(storm->rig.vmm.vfio.device));
}

FIXTURE_TEARDOWN(storm)
{
	int i;

	for (i = 0; i < FDS; i++)
		if (self->storm.fds[i] >= 0)
			close(self->storm.fds[i]);
	munmap(self->storm.vram, self->storm.rig.vmm.gpu.vram_size);
	mig_stream_free(&self->storm.stream);
	rig_destroy(&self->storm.rig);
}

TEST_F_TIMEOUT(storm, all_at_once, 1200)
{
	static const struct {
		const char *name;
		void *(*run)(void *arg);
	} threads[] = {
		{ "set", set_states }, { "set too", set_states },
		{ "data fds", use_fds }, { "data fds too", use_fds },
		{ "region", use_region }, { "reset", reset }, { "work", work },
	};
	const unsigned int nr = sizeof(threads) / sizeof(*threads);
	struct rig *rig = &self->storm.rig;
	struct storm_thread arg[16];
	pthread_t ids[16];
	unsigned int i;

	for (i = 0; i < nr; i++) {
		arg[i] = (struct storm_thread){ .storm = &self->storm,
						.seed = 77 * i + 1 };
		ASSERT_EQ(0, pthread_create(&ids[i], NULL, threads[i].run,
					    &arg[i]));
	}
	for (i = 0; i < nr; i++) {
		pthread_join(ids[i], NULL);
		EXPECT_EQ(0, arg[i].error) TH_LOG("%s", threads[i].name);
	}
	ASSERT_EQ(0, vfio_reset(rig->vmm.vfio.device));
	ASSERT_EQ(MIG_RUNNING, mig_get(rig->vmm.vfio.device));
	ASSERT_EQ(0, mig_load(rig->vmm.vfio.device, &self->storm.stream, 5000));
	EXPECT_TRUE(rig_has_pattern(self->storm.vram, 1 << 17, 1));
	ASSERT_EQ(0, vfio_reset(rig->vmm.vfio.device));
	ASSERT_EQ(0, rig_setup(rig));
	EXPECT_EQ(0, rig_run(rig, gpu_fill(RIG_VRAM, 4096, 1, 0, 5)));
}

TEST_HARNESS_MAIN
