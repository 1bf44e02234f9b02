// SPDX-License-Identifier: GPL-2.0
/*
 * mdev_sample, the sample of a driver on the migration library: that it does
 * what its registers say, and moves as any device of such a driver must.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "lib/context.h"
#include "lib/effort.h"
#include "lib/fixture.h"
#include "lib/stream_edit.h"
#include "lib/timers.h"

#define START	VFIO_DEVICE_STATE_START
#define STOP	VFIO_DEVICE_STATE_STOP

#define PAGE	4096
#define PERIOD_US	(MDEV_SAMPLE_PERIOD_NS / 1000)
#define GOLDEN	SELFTESTS_DATA "/golden/mdev-sample-1.bin"

static long long now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void nap_us(long us)
{
	const struct timespec time = { .tv_nsec = us * 1000 };

	nanosleep(&time, NULL);
}

FIXTURE(sample) {
	struct timer timers[TIMERS];
	struct timer *source;
	struct timer *target;
};

FIXTURE_SETUP(sample)
{
	self->source = &self->timers[0];
	self->target = &self->timers[1];
	ASSERT_EQ(0, timers_create(self->timers))
		TH_LOG("no devices: is mdev_sample loaded?");
	ASSERT_NE(0, self->source->state.size)
		TH_LOG("the device has no device-state region");
}

FIXTURE_TEARDOWN(sample)
{
	timers_destroy(self->timers);
}

TEST_F(sample, is_a_device_of_its_own_kind)
{
	struct vfio_device_info dev;
	struct vfio_region_info *info;

	ASSERT_EQ(0, vfio_get_device_info(self->source->vfio.device, &dev));
	EXPECT_EQ(VFIO_DEVICE_FLAGS_RESET, dev.flags);
	EXPECT_EQ(2, dev.num_regions);
	EXPECT_EQ(0, dev.num_irqs);
	EXPECT_EQ(1, self->source->state.index);
	ASSERT_EQ(0, vfio_get_region_info(self->source->vfio.device, 0, &info));
	EXPECT_EQ(PAGE, info->size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
		  info->flags);
	free(info);
	EXPECT_EQ(-EINVAL, vfio_get_region_info(self->source->vfio.device, 2,
						&info));
}

TEST_F(sample, registers_are_0_when_opened)
{
	EXPECT_TRUE(timer_is_reset(self->source));
}

TEST_F(sample, scratch_registers_keep_what_is_written)
{
	const struct sample *regs = &self->source->sample;
	unsigned int reg;

	for (reg = MDEV_SAMPLE_SCRATCH; reg < MDEV_SAMPLE_REGS; reg++)
		ASSERT_EQ(0, sample_write(regs, reg, 0x01020304 * reg));
	for (reg = MDEV_SAMPLE_SCRATCH; reg < MDEV_SAMPLE_REGS; reg++)
		ASSERT_EQ(0x01020304 * reg, timer_get(self->source, reg));
}

TEST_F(sample, other_registers_keep_what_they_can)
{
	const struct sample *regs = &self->source->sample;

	ASSERT_EQ(0, devstate_stop(&self->source->state));
	ASSERT_EQ(0, sample_write(regs, MDEV_SAMPLE_LEFT, 5));
	EXPECT_EQ(0, timer_get(self->source, MDEV_SAMPLE_LEFT));
	ASSERT_EQ(0, sample_write(regs, MDEV_SAMPLE_TICKS, 5));
	EXPECT_EQ(0, timer_get(self->source, MDEV_SAMPLE_TICKS));
	ASSERT_EQ(0, sample_write(regs, MDEV_SAMPLE_CONTROL, ~0U));
	EXPECT_EQ(1, timer_get(self->source, MDEV_SAMPLE_CONTROL));
}

TEST_F(sample, accesses_are_of_one_register)
{
	static const struct {
		__u64 offset;
		size_t len;
	} bad[] = {
		{ 0, 1 }, { 0, 2 }, { 0, 8 }, { 0, PAGE }, { 1, 4 }, { 2, 4 },
		{ PAGE - 2, 4 }, { PAGE, 4 }, { 1ULL << 39, 4 },
		{ 2ULL << 40, 4 }, { 1ULL << 62, 4 },
	};
	__u8 data[PAGE] = {};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		off_t at = self->source->sample.offset + (off_t)bad[i].offset;

		EXPECT_EQ(-EINVAL, vfio_pread(self->source->vfio.device, data,
					      bad[i].len, at))
			TH_LOG("%zu bytes at %#llx", bad[i].len, bad[i].offset);
		EXPECT_EQ(-EINVAL, vfio_pwrite(self->source->vfio.device, data,
					       bad[i].len, at))
			TH_LOG("%zu bytes at %#llx", bad[i].len, bad[i].offset);
	}
	EXPECT_TRUE(timer_is_reset(self->source));
}

TEST_F(sample, bad_memory_is_efault)
{
	const struct timer *timer = self->source;

	EXPECT_EQ(-EFAULT, vfio_pread(timer->vfio.device, (void *)8, 4,
				      timer->sample.offset));
	EXPECT_EQ(-EFAULT, vfio_pwrite(timer->vfio.device, (void *)8, 4,
				       timer->sample.offset));
	EXPECT_TRUE(timer_is_reset(timer));
}

TEST_F(sample, ticks_while_it_runs)
{
	EXPECT_EQ(0, timer_run(self->source, 1, 5));
	EXPECT_LE(5, timer_get(self->source, MDEV_SAMPLE_TICKS));
}

TEST_F(sample, stands_while_it_is_switched_off)
{
	__u32 regs[2][MDEV_SAMPLE_REGS];

	ASSERT_EQ(0, timer_run(self->source, 1, 2));
	ASSERT_EQ(0, sample_write(&self->source->sample, MDEV_SAMPLE_CONTROL, 0));
	ASSERT_EQ(0, sample_read_all(&self->source->sample, regs[0]));
	nap_us(5 * PERIOD_US);
	ASSERT_EQ(0, sample_read_all(&self->source->sample, regs[1]));
	EXPECT_EQ(0, memcmp(regs[0], regs[1], sizeof(regs[0])));
	EXPECT_GE(MDEV_SAMPLE_PERIOD_NS, regs[0][MDEV_SAMPLE_LEFT]);
}

TEST_F(sample, stands_while_it_is_stopped)
{
	__u32 regs[2][MDEV_SAMPLE_REGS];

	ASSERT_EQ(0, timer_run(self->source, 1, 2));
	ASSERT_EQ(0, devstate_stop(&self->source->state));
	ASSERT_EQ(0, sample_read_all(&self->source->sample, regs[0]));
	nap_us(5 * PERIOD_US);
	ASSERT_EQ(0, sample_read_all(&self->source->sample, regs[1]));
	EXPECT_EQ(0, memcmp(regs[0], regs[1], sizeof(regs[0])));
	ASSERT_EQ(0, devstate_start(&self->source->state));
	EXPECT_EQ(0, sample_wait(&self->source->sample,
				 regs[0][MDEV_SAMPLE_TICKS], TIMER_WAIT_MS));
}

TEST_F(sample, switched_on_while_stopped_ticks_when_started)
{
	ASSERT_EQ(0, devstate_stop(&self->source->state));
	ASSERT_EQ(0, sample_write(&self->source->sample, MDEV_SAMPLE_CONTROL, 1));
	nap_us(3 * PERIOD_US);
	EXPECT_EQ(0, timer_get(self->source, MDEV_SAMPLE_TICKS));
	ASSERT_EQ(0, devstate_start(&self->source->state));
	EXPECT_EQ(0, sample_wait(&self->source->sample, 0, TIMER_WAIT_MS));
}

/* Mostly it runs for less than a period: each time less of that must be left. */
TEST_F(sample, ticks_although_stopped_all_the_time)
{
	const struct devstate *state = &self->source->state;
	__u32 ticks, left = 0, ticks_before = 0, left_before;

	ASSERT_EQ(0, timer_run(self->source, 1, 0));
	do {
		left_before = left;
		ASSERT_EQ(0, devstate_stop(state));
		ticks = timer_get(self->source, MDEV_SAMPLE_TICKS);
		left = timer_get(self->source, MDEV_SAMPLE_LEFT);
		ASSERT_EQ(0, devstate_start(state));
		if (ticks == ticks_before)
			ASSERT_GT(left_before, left);
		ticks_before = ticks;
	} while (ticks < 5);
}

TEST_F(sample, makes_no_tick_up)
{
	const struct devstate *state = &self->source->state;
	unsigned int i, rounds = effort_rounds(300);
	long long ran, from;

	ASSERT_EQ(0, devstate_stop(state));
	ASSERT_EQ(0, sample_write(&self->source->sample, MDEV_SAMPLE_CONTROL, 1));
	for (i = 0, ran = 0; i < rounds; i++) {
		from = now_us();
		ASSERT_EQ(0, devstate_start(state));
		nap_us(i % 3 * 1000);
		ASSERT_EQ(0, devstate_stop(state));
		ran += now_us() - from;
		nap_us(1000);
	}
	/* The first comes when it is switched on. */
	EXPECT_GE(ran / PERIOD_US + 1,
		  timer_get(self->source, MDEV_SAMPLE_TICKS));
	EXPECT_LE(1, timer_get(self->source, MDEV_SAMPLE_TICKS));
}

TEST_F(sample, reset_puts_0_everywhere_and_lets_it_run)
{
	ASSERT_EQ(0, timer_run(self->source, 1, 2));
	ASSERT_EQ(0, vfio_reset(self->source->vfio.device));
	EXPECT_TRUE(timer_is_reset(self->source));
	ASSERT_EQ(0, timer_run(self->source, 1, 2));
	ASSERT_EQ(0, devstate_stop(&self->source->state));
	ASSERT_EQ(0, vfio_reset(self->source->vfio.device));
	EXPECT_EQ(START, context_run_control(&self->source->state));
	EXPECT_TRUE(timer_is_reset(self->source));
	EXPECT_EQ(0, timer_run(self->source, 1, 2));
}

TEST_F(sample, next_opener_finds_nothing_of_the_last)
{
	ASSERT_EQ(0, timer_run(self->source, 1, 2));
	ASSERT_EQ(0, devstate_stop(&self->source->state));
	timer_close(self->source);
	ASSERT_EQ(0, timer_open(self->source));
	EXPECT_EQ(START, context_run_control(&self->source->state));
	EXPECT_TRUE(timer_is_reset(self->source));
	EXPECT_EQ(0, timer_run(self->source, 1, 2));
}

TEST_F(sample, writes_no_guest_memory)
{
	__u64 bitmap[4] = { ~0ULL, ~0ULL, ~0ULL, ~0ULL };
	struct ram ram;
	unsigned int i;

	ASSERT_EQ(0, ram_create(&ram, 256 * PAGE));
	ASSERT_EQ(0, ram_map(&ram, self->source->vfio.container, 0));
	ASSERT_EQ(0, timer_run(self->source, 1, 2));
	ASSERT_EQ(0, devstate_bitmap(self->source->vfio.container, 0, 256,
				     bitmap));
	for (i = 0; i < ARRAY_SIZE(bitmap); i++)
		EXPECT_EQ(0, bitmap[i]);
	EXPECT_EQ(0, ram_unmap(&ram, self->source->vfio.container));
	ram_destroy(&ram);
}

TEST_F(sample, register_write_makes_a_context_stale)
{
	const struct devstate *state = &self->source->state;
	struct context context;
	__u8 byte;

	ASSERT_EQ(0, devstate_stop(state));
	ASSERT_EQ(1, devstate_pread(state, &byte, 1, 1));
	ASSERT_EQ(1, devstate_pread(state, &byte, 1, 200));
	ASSERT_EQ(0, sample_write(&self->source->sample, MDEV_SAMPLE_SCRATCH, 7));
	EXPECT_EQ(-ESTALE, devstate_pread(state, &byte, 1, 201));
	ASSERT_EQ(0, context_save(state, &context));
	ASSERT_EQ(0, devstate_load(&self->target->state, context.data,
				   context.length));
	EXPECT_EQ(7, timer_get(self->target, MDEV_SAMPLE_SCRATCH));
	context_free(&context);
}

/* A moved device is the same in all registers, and counts on from there. */
TEST_F(sample, goes_on_at_the_target_where_it_stopped)
{
	struct context context;
	__u32 ticks;

	ASSERT_EQ(0, timer_run(self->source, 3, 3));
	ASSERT_EQ(0, timer_run(self->target, 4, 1));
	ASSERT_EQ(0, devstate_stop(&self->source->state));
	ASSERT_EQ(0, context_save(&self->source->state, &context));
	ASSERT_EQ(0, devstate_load(&self->target->state, context.data,
				   context.length));
	EXPECT_TRUE(timers_same(self->source, self->target));
	EXPECT_TRUE(context_is_saved(&self->target->state, &context));
	ticks = timer_get(self->source, MDEV_SAMPLE_TICKS);
	ASSERT_EQ(0, devstate_start(&self->target->state));
	EXPECT_EQ(0, sample_wait(&self->target->sample, ticks, TIMER_WAIT_MS));
	EXPECT_LT(ticks, timer_get(self->target, MDEV_SAMPLE_TICKS));
	EXPECT_EQ(ticks, timer_get(self->source, MDEV_SAMPLE_TICKS));
	context_free(&context);
}

TEST_F(sample, moves_in_every_small_cut)
{
	struct context context;
	unsigned int cut;
	__u8 *data;

	ASSERT_EQ(0, timer_run(self->source, 5, 2));
	ASSERT_EQ(0, devstate_stop(&self->source->state));
	ASSERT_EQ(0, context_save(&self->source->state, &context));
	data = malloc(context.length);
	ASSERT_NE(NULL, data);
	for (cut = 1; cut <= 128; cut = effort_next(cut)) {
		ASSERT_EQ(0, context_read(&self->source->state, data,
					  context.length, 1, cut));
		ASSERT_EQ(0, memcmp(data, context.data, context.length))
			TH_LOG("read %u bytes at a time", cut);
		ASSERT_EQ(0, vfio_reset(self->target->vfio.device));
		ASSERT_EQ(0, context_write(&self->target->state, data,
					   context.length, 1, cut));
		ASSERT_TRUE(timers_same(self->source, self->target))
			TH_LOG("wrote %u bytes at a time", cut);
		ASSERT_EQ(0, devstate_start(&self->target->state));
	}
	free(data);
	context_free(&context);
}

/* Streams of released formats load for ever, and are what is written. */
TEST_F(sample, golden_context)
{
	static __u8 golden[2 * PAGE];
	struct context context;
	ssize_t len;
	int fd;

	ASSERT_EQ(0, devstate_stop(&self->source->state));
	ASSERT_EQ(0, timer_run(self->source, 0x01020304, 0));
	ASSERT_EQ(0, context_save(&self->source->state, &context));
	/* Only for a format that was not released yet. */
	if (getenv("MVGPU_GOLDEN_WRITE")) {
		fd = open(getenv("MVGPU_GOLDEN_WRITE"),
			  O_CREAT | O_WRONLY | O_TRUNC, 0644);
		ASSERT_EQ((ssize_t)context.length,
			  write(fd, context.data, context.length));
		close(fd);
	}

	fd = open(GOLDEN, O_RDONLY | O_CLOEXEC);
	ASSERT_LE(0, fd);
	len = read(fd, golden, sizeof(golden));
	close(fd);
	EXPECT_EQ((ssize_t)context.length, len);
	EXPECT_EQ(0, memcmp(golden, context.data, context.length));
	ASSERT_EQ(0, devstate_load(&self->target->state, golden, len));
	EXPECT_TRUE(timers_same(self->source, self->target));
	EXPECT_EQ(0, devstate_start(&self->target->state));
	context_free(&context);
}

/* A context of the source, taken apart, and a target that runs. */
FIXTURE(refuse) {
	struct timer timers[TIMERS];
	struct timer *target;
	struct context context;
	struct stream stream;
	__u8 *regs;		/* payload in the stream */
};

FIXTURE_SETUP(refuse)
{
	int nr;

	self->target = &self->timers[1];
	ASSERT_EQ(0, timers_create(self->timers));
	ASSERT_EQ(0, timer_run(self->timers, 7, 1));
	ASSERT_EQ(0, timer_run(self->target, 8, 1));
	ASSERT_EQ(0, devstate_stop(&self->timers[0].state));
	ASSERT_EQ(0, context_save(&self->timers[0].state, &self->context));
	ASSERT_EQ(NULL, stream_parse(&self->stream, self->context.data,
				     self->context.length));
	nr = stream_find(&self->stream, 0x100, 0);
	ASSERT_LE(0, nr);
	self->regs = self->stream.sections[nr].payload;
}

FIXTURE_TEARDOWN(refuse)
{
	stream_free(&self->stream);
	context_free(&self->context);
	timers_destroy(self->timers);
}

/* Load bytes: -errno by which they were refused; 0 if taken; 1 if all is odd. */
static int load(struct timer *target, const __u8 *data, size_t length)
{
	const struct devstate *state = &target->state;
	int ret = context_write(state, data, length, 1, CONTEXT_UNCUT);

	if (context_run_control(state) != STOP)
		return 1;
	if (!ret)
		return devstate_start(state) ? 1 : 0;
	/* Refused: stopped, and as after reset. */
	if (!timer_is_reset(target) || devstate_start(state) != -EINVAL)
		return 1;
	if (devstate_stop(state) || devstate_start(state))
		return 1;
	return timer_run(target, 8, 1) ? 1 : ret;
}

static int load_stream(struct timer *target, const struct stream *stream)
{
	struct stream_bytes bytes = stream_build(stream);
	int ret = load(target, bytes.data, bytes.length);

	free(bytes.data);
	return ret;
}

TEST_F(refuse, nothing_of_a_good_one)
{
	EXPECT_EQ(0, load_stream(self->target, &self->stream));
}

TEST_F(refuse, another_type)
{
	memset(self->stream.header + STREAM_HEADER_TYPE, 0, 32);
	memcpy(self->stream.header + STREAM_HEADER_TYPE, "another", 7);
	EXPECT_EQ(-ENODEV, load_stream(self->target, &self->stream));
}

TEST_F(refuse, another_period)
{
	int nr = stream_find(&self->stream, STREAM_COMPAT, 0);

	stream_put32(self->stream.sections[nr].payload,
		     MDEV_SAMPLE_PERIOD_NS + 1);
	EXPECT_EQ(-ENODEV, load_stream(self->target, &self->stream));
	stream_put32(self->stream.sections[nr].payload, MDEV_SAMPLE_PERIOD_NS);
	stream_resize(&self->stream.sections[nr], 8);
	EXPECT_EQ(-ENODEV, load_stream(self->target, &self->stream));
	stream_resize(&self->stream.sections[nr], 3);
	EXPECT_EQ(-ENODEV, load_stream(self->target, &self->stream));
}

TEST_F(refuse, registers_that_cannot_be)
{
	stream_put32(self->regs + 4 * MDEV_SAMPLE_CONTROL, 2);
	EXPECT_EQ(-EINVAL, load_stream(self->target, &self->stream));
	stream_put32(self->regs + 4 * MDEV_SAMPLE_CONTROL, 1);
	stream_put32(self->regs + 4 * MDEV_SAMPLE_LEFT,
		     MDEV_SAMPLE_PERIOD_NS + 1);
	EXPECT_EQ(-EINVAL, load_stream(self->target, &self->stream));
	stream_put32(self->regs + 4 * MDEV_SAMPLE_LEFT, MDEV_SAMPLE_PERIOD_NS);
	EXPECT_EQ(0, load_stream(self->target, &self->stream));
}

TEST_F(refuse, another_number_of_registers)
{
	int nr = stream_find(&self->stream, 0x100, 0);

	stream_resize(&self->stream.sections[nr], PAGE - 4);
	EXPECT_EQ(-EINVAL, load_stream(self->target, &self->stream));
	stream_resize(&self->stream.sections[nr], PAGE + 4);
	EXPECT_EQ(-EOVERFLOW, load_stream(self->target, &self->stream));
	stream_resize(&self->stream.sections[nr], 0);
	EXPECT_EQ(-EINVAL, load_stream(self->target, &self->stream));
	stream_remove(&self->stream, nr);
	EXPECT_EQ(-EINVAL, load_stream(self->target, &self->stream));
}

TEST_F(refuse, sections_it_does_not_know)
{
	int nr = stream_find(&self->stream, 0x100, 0);

	stream_append(&self->stream, 0x101, 1, STREAM_OPTIONAL, "optional", 8);
	EXPECT_EQ(0, load_stream(self->target, &self->stream));
	self->stream.sections[nr].version = 2;
	EXPECT_EQ(-EOPNOTSUPP, load_stream(self->target, &self->stream));
	self->stream.sections[nr].version = 1;
	stream_append(&self->stream, 0x102, 1, 0, "mandatory", 9);
	EXPECT_EQ(-EOPNOTSUPP, load_stream(self->target, &self->stream));
}

TEST_F(refuse, memory_that_it_does_not_have)
{
	stream_append_memory(&self->stream, 0, PAGE, 1);
	EXPECT_EQ(-EINVAL, load_stream(self->target, &self->stream));
}

TEST_F(refuse, damage_of_any_byte)
{
	unsigned int step = effort_step(7);
	__u64 at;

	for (at = 0; at < self->context.length; at += step) {
		int ret;

		self->context.data[at] ^= 0x10;
		ret = load(self->target, self->context.data,
			   self->context.length);
		self->context.data[at] ^= 0x10;
		ASSERT_GT(0, ret) TH_LOG("byte %llu: %d", at, ret);
	}
}

TEST_F(refuse, payload_is_checked)
{
	/* The end mark has 28 bytes; in front of it are the registers. */
	self->context.data[self->context.length - 29] ^= 1;
	EXPECT_EQ(-EBADMSG, load(self->target, self->context.data,
				 self->context.length));
}

TEST_F(refuse, a_vgpu_and_a_timer_each_other)
{
	struct context context;
	struct fixture fixture;

	ASSERT_EQ(0, fixture_create_open(&fixture));
	ASSERT_EQ(0, context_fill_save(&fixture.vmm[0], 3, &context));
	/* As much of it as the timer's region holds. */
	EXPECT_EQ(-ENODEV, load(self->target, context.data, PAGE));
	EXPECT_EQ(-ENODEV, devstate_load(&fixture.vmm[0].state,
					 self->context.data,
					 self->context.length));
	context_free(&context);
	fixture_destroy(&fixture);
}

/* What the threads of a storm share. */
struct storm {
	struct timer *timer;
	unsigned int rounds;
	int error;
};

static void *storm_run(void *arg)
{
	struct storm *storm = arg;
	unsigned int i;

	for (i = 0; i < storm->rounds && !storm->error; i++) {
		storm->error = devstate_set_run(&storm->timer->state, i % 2);
		if (!storm->error && i % 16 == 15)
			storm->error = vfio_reset(storm->timer->vfio.device);
	}
	return NULL;
}

static void *storm_registers(void *arg)
{
	struct storm *storm = arg;
	unsigned int i;

	for (i = 0; i < storm->rounds && !storm->error; i++)
		storm->error = sample_write(&storm->timer->sample,
					    i % 8, i / 8 % 2);
	return NULL;
}

static void *storm_save(void *arg)
{
	struct storm *storm = arg;
	struct context context;
	unsigned int i;
	int ret;

	for (i = 0; i < storm->rounds && !storm->error; i++) {
		ret = context_save(&storm->timer->state, &context);
		if (!ret)
			context_free(&context);
		else if (ret != -EBUSY && ret != -ESTALE)
			storm->error = ret;
	}
	return NULL;
}

TEST_F(sample, survives_all_at_once)
{
	void *(*const threads[])(void *) = {
		storm_run, storm_registers, storm_save,
	};
	struct storm storms[ARRAY_SIZE(threads)];
	pthread_t ids[ARRAY_SIZE(threads)];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		storms[i] = (struct storm) {
			.timer = self->source,
			.rounds = effort_rounds(2000),
		};
		ASSERT_EQ(0, pthread_create(&ids[i], NULL, threads[i],
					    &storms[i]));
	}
	for (i = 0; i < ARRAY_SIZE(threads); i++) {
		pthread_join(ids[i], NULL);
		EXPECT_EQ(0, storms[i].error) TH_LOG("thread %zu", i);
	}
	ASSERT_EQ(0, vfio_reset(self->source->vfio.device));
	EXPECT_TRUE(timer_is_reset(self->source));
	EXPECT_EQ(0, timer_run(self->source, 1, 2));
}

/* Behind a container that vfio_dirty does not serve. */
TEST_F(sample, works_unserved_and_does_not_move)
{
	char claim[FIXTURE_CLAIM_SIZE];
	int ret;

	timer_close(self->source);
	ASSERT_EQ(0, fixture_claim("none", claim));
	ret = timer_open(self->source);
	EXPECT_EQ(0, fixture_claim(claim, NULL));
	ASSERT_EQ(0, ret);
	EXPECT_EQ(0, self->source->state.size);
	EXPECT_EQ(0, timer_run(self->source, 1, 2));
}

TEST_HARNESS_MAIN
