// SPDX-License-Identifier: GPL-2.0
/*
 * The sample of a driver on the migration library, by migration v2: a device
 * without memory, whose pre-copy is no more than what lets a target refuse it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "effort.h"
#include "migration2.h"
#include "rig.h"
#include "timers.h"

/* Header, and a compatibility section of one number. */
#define BEGIN_BYTES	(64 + 16 + 4)

FIXTURE(sample) {
	struct timer timers[TIMERS];
	struct timer *source;
	struct timer *target;
	int from;
	int to;
	int fd;
	struct mig_stream stream;
};

FIXTURE_SETUP(sample)
{
	memset(&self->stream, 0, sizeof(self->stream));
	self->fd = -1;
	self->source = &self->timers[0];
	self->target = &self->timers[1];
	ASSERT_EQ(0, timers_create(self->timers))
		TH_LOG("no devices: is mdev_sample loaded?");
	self->from = self->source->vfio.device;
	self->to = self->target->vfio.device;
}

FIXTURE_TEARDOWN(sample)
{
	if (self->fd >= 0)
		close(self->fd);
	mig_stream_free(&self->stream);
	timers_destroy(self->timers);
}

TEST_F(sample, precopy_is_the_beginning_alone)
{
	struct mig_info info;

	ASSERT_EQ(0, mig_set(self->from, MIG_PRE_COPY, &self->fd));
	ASSERT_EQ(0, mig_info(self->fd, &info));
	EXPECT_EQ(BEGIN_BYTES, info.initial);
	EXPECT_EQ(0ULL, info.dirty);
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 10));
	EXPECT_EQ(MIG_PREFIX + BEGIN_BYTES, self->stream.length);
	ASSERT_EQ(0, mig_info(self->fd, &info));
	EXPECT_EQ(0ULL, info.initial + info.dirty);
}

TEST_F(sample, goes_on_at_the_target_where_it_stopped)
{
	__u32 ticks;

	ASSERT_EQ(0, timer_run(self->source, 3, 3));
	ASSERT_EQ(0, mig_set(self->from, MIG_PRE_COPY, &self->fd));
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 10));
	ticks = timer_get(self->source, MDEV_SAMPLE_TICKS);
	EXPECT_EQ(0, sample_wait(&self->source->sample, ticks, TIMER_WAIT_MS))
		TH_LOG("it does not run in pre-copy");
	ASSERT_EQ(0, mig_set(self->from, MIG_PRE_COPY_P2P, NULL));
	ASSERT_EQ(0, mig_set(self->from, MIG_STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 10));
	ticks = timer_get(self->source, MDEV_SAMPLE_TICKS);
	ASSERT_EQ(0, mig_load(self->to, &self->stream, 7));
	EXPECT_TRUE(timers_same(self->source, self->target));
	ASSERT_EQ(0, mig_set(self->to, MIG_RUNNING, NULL));
	EXPECT_EQ(0, sample_wait(&self->target->sample, ticks, TIMER_WAIT_MS));
	EXPECT_LT(ticks, timer_get(self->target, MDEV_SAMPLE_TICKS));
	EXPECT_EQ(ticks, timer_get(self->source, MDEV_SAMPLE_TICKS));
}

TEST_F(sample, moves_in_every_small_cut)
{
	unsigned int cut;

	ASSERT_EQ(0, timer_run(self->source, 5, 2));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	for (cut = 1; cut <= 128; cut = effort_next(cut)) {
		ASSERT_EQ(0, mig_load(self->to, &self->stream, cut))
			TH_LOG("%u bytes at a time", cut);
		ASSERT_TRUE(timers_same(self->source, self->target))
			TH_LOG("%u bytes at a time", cut);
	}
}

TEST_F(sample, what_is_cut_short_is_refused_and_leaves_it_reset)
{
	size_t length = BEGIN_BYTES + 20;

	ASSERT_EQ(0, timer_run(self->source, 5, 2));
	ASSERT_EQ(0, timer_run(self->target, 6, 1));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	self->stream.length = MIG_PREFIX + length;
	EXPECT_EQ(-EINVAL, mig_load(self->to, &self->stream, 1000));
	EXPECT_EQ(MIG_ERROR, mig_get(self->to));
	EXPECT_TRUE(timer_is_reset(self->target));
	EXPECT_EQ(0, vfio_reset(self->to));
	EXPECT_EQ(0, timer_run(self->target, 6, 1));
}

/* Each is told from the first bytes that the other sends. */
TEST_F(sample, a_vgpu_and_a_timer_refuse_each_other_in_precopy)
{
	struct mig_stream other = {};
	struct rig rig;
	int device;

	ASSERT_EQ(0, rig_create(&rig));
	ASSERT_EQ(0, fixture_open(&rig.vmm));
	device = rig.vmm.vfio.device;
	ASSERT_EQ(0, mig_set(self->from, MIG_PRE_COPY, &self->fd));
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 4096));
	close(self->fd);
	ASSERT_EQ(0, mig_set(device, MIG_PRE_COPY, &self->fd));
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &other, 4096));
	close(self->fd);
	ASSERT_EQ(0, mig_set(self->to, MIG_RESUMING, &self->fd));
	EXPECT_EQ(-ENODEV, mig_fill(self->fd, &other, 0, 4096));
	close(self->fd);
	ASSERT_EQ(0, mig_set(device, MIG_RESUMING, &self->fd));
	EXPECT_EQ(-ENODEV, mig_fill(self->fd, &self->stream, 0, 4096));
	mig_stream_free(&other);
	rig_destroy(&rig);
}

TEST_HARNESS_MAIN
