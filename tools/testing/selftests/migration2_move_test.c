// SPDX-License-Identifier: GPL-2.0
/*
 * Moves by migration v2: from one vGPU to another, with the engine at work and
 * the VMM writing VRAM in pre-copy; and what a target makes of streams that
 * are not for it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "context.h"
#include "effort.h"
#include "guest_state.h"
#include "migration2.h"
#include "rig.h"
#include "stream_edit.h"

#define PAGE	RIG_PAGE
#define MIB	(1024 * 1024ULL)

/* What the engine has to do in a move; long enough not to be done by its end. */
#define BUSY_COMMANDS	40

FIXTURE(move) {
	struct rig source;
	struct rig target;
	int from;
	int to;
	int fd;
	struct mig_stream stream;
};

FIXTURE_SETUP(move)
{
	memset(&self->stream, 0, sizeof(self->stream));
	self->fd = -1;
	ASSERT_EQ(0, rig_create(&self->source));
	ASSERT_EQ(0, rig_create(&self->target));
	ASSERT_EQ(0, rig_open(&self->source));
	ASSERT_EQ(0, rig_open(&self->target));
	self->from = self->source.vmm.vfio.device;
	self->to = self->target.vmm.vfio.device;
}

FIXTURE_TEARDOWN(move)
{
	if (self->fd >= 0)
		close(self->fd);
	mig_stream_free(&self->stream);
	rig_destroy(&self->target);
	rig_destroy(&self->source);
}

/* The VMM's part: guest memory and the ring, which nobody writes any more. */
static void move_memory(const struct rig *source, const struct rig *target)
{
	memcpy(target->vmm.ram.mem, source->vmm.ram.mem, FIXTURE_RAM_SIZE);
	memcpy(target->ring_ram.mem, source->ring_ram.mem, RIG_RING_SIZE);
}

static bool same_vram(struct rig *a, struct rig *b)
{
	const __u64 size = a->vmm.gpu.vram_size;
	void *left = gpu_vram_map(&a->vmm.gpu);
	void *right = gpu_vram_map(&b->vmm.gpu);
	bool same = left && right && !memcmp(left, right, size);

	if (left)
		munmap(left, size);
	if (right)
		munmap(right, size);
	return same;
}

TEST_F(move, a_stopped_device_moves_whole)
{
	struct guest_state state;
	const char *differs;

	rig_close(&self->source);
	ASSERT_EQ(0, fixture_open(&self->source.vmm));
	self->from = self->source.vmm.vfio.device;
	ASSERT_EQ(0, guest_state_fill(&self->source.vmm, 3));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	ASSERT_EQ(0, guest_state_take(&state, &self->source.vmm));
	ASSERT_EQ(0, mig_load(self->to, &self->stream, 32768));
	differs = guest_state_check(&self->target.vmm, &state);
	EXPECT_EQ(NULL, differs) TH_LOG("%s", differs ?: "");
	guest_state_free(&state);
}

/* The stream is that of the region: each front end takes the other's. */
TEST_F(move, streams_of_the_region_and_of_data_fds_are_the_same)
{
	struct context context;

	rig_close(&self->source);
	ASSERT_EQ(0, fixture_open(&self->source.vmm));
	self->from = self->source.vmm.vfio.device;
	ASSERT_EQ(0, guest_state_fill(&self->source.vmm, 3));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	ASSERT_EQ(0, devstate_load(&self->target.vmm.state, self->stream.data,
				   self->stream.length));
	ASSERT_EQ(0, context_save(&self->target.vmm.state, &context));
	ASSERT_EQ(0, vfio_reset(self->from));
	free(self->stream.data);
	self->stream.data = context.data;
	self->stream.length = context.length;
	ASSERT_EQ(0, mig_load(self->from, &self->stream, 4096));
	EXPECT_TRUE(same_vram(&self->source, &self->target));
}

/* Rounds of pre-copy while a ring full of commands runs. */
static int precopy_at_work(int fd, struct rig *rig, struct mig_stream *stream,
			   unsigned char *vram)
{
	int round, ret = 0;

	for (round = 0; round < 6 && !ret; round++) {
		/* by a mapping, by the region, by the engine */
		vram[13 * MIB + round * PAGE] = round + 1;
		vram[13 * MIB] = round + 1;
		ret = gpu_vram_write(&rig->vmm.gpu, 14 * MIB, &round,
				     sizeof(round));
		if (!ret)
			ret = mig_drain_some(fd, stream, 60000, 4 * MIB);
		if (ret == 1 || ret == -ENOMSG)
			ret = 0;
	}
	return ret;
}

TEST_F_TIMEOUT(move, a_device_at_work_loses_nothing, 600)
{
	struct rig *source = &self->source, *target = &self->target;
	unsigned char *vram = gpu_vram_map(&source->vmm.gpu);
	struct gpu_queue_state queue;
	unsigned int i;
	int ret;

	ASSERT_NE(NULL, vram);
	rig_pattern(vram + 8 * MIB, 4 * MIB, 5);
	for (i = 1; i <= BUSY_COMMANDS; i++) {
		union gpu_command fill = gpu_fill(RIG_VRAM + i % 4 * MIB,
						  1, MIB / 4, 4, i);

		ASSERT_EQ(0, gpu_ring_put(&source->ring, &fill));
	}
	ASSERT_EQ(0, gpu_ring_kick(&source->ring));
	ASSERT_EQ(0, mig_set(self->from, MIG_PRE_COPY, &self->fd));
	ret = precopy_at_work(self->fd, source, &self->stream, vram);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(0, mig_set(self->from, MIG_PRE_COPY_P2P, NULL));
	EXPECT_EQ(0, mig_set(self->from, MIG_STOP_COPY, NULL));
	EXPECT_EQ(0, gpu_queue_state(&source->vmm.gpu, 0, &queue));
	EXPECT_EQ(MVGPU_QUEUE_BUSY, queue.status)
		TH_LOG("the engine was done before the device stood");
	EXPECT_EQ(0, mig_drain(self->fd, &self->stream, 1 << 20));
	EXPECT_EQ(0, mig_set(self->from, MIG_STOP, NULL));
	munmap(vram, source->vmm.gpu.vram_size);

	move_memory(source, target);
	ASSERT_EQ(0, mig_load(self->to, &self->stream, 32768));
	EXPECT_TRUE(same_vram(source, target));
	ASSERT_EQ(0, mig_set(self->to, MIG_RUNNING, NULL));
	ASSERT_EQ(0, rig_wait(target));
	/* the source goes on as if nothing had been, to the same end */
	ASSERT_EQ(0, mig_set(self->from, MIG_RUNNING, NULL));
	ASSERT_EQ(0, rig_wait(source));
	EXPECT_TRUE(same_vram(source, target));
}

TEST_F_TIMEOUT(move, ten_hops_with_work_on_the_way, 600)
{
	struct rig *rigs[] = { &self->source, &self->target };
	unsigned char data[4096];
	int hop;

	for (hop = 0; hop < 10; hop++) {
		struct rig *from = rigs[hop % 2], *to = rigs[(hop + 1) % 2];
		int out = from->vmm.vfio.device, in = to->vmm.vfio.device;
		struct mig_stream stream = {};
		int fd;

		/* the target takes the ring over where the source left it */
		ASSERT_EQ(0, rig_run(from, gpu_fill(RIG_VRAM + hop * PAGE, 4096,
						    1, 0, 0x01010101 *
							  (hop + 1))));
		ASSERT_EQ(0, mig_set(out, MIG_PRE_COPY, &fd));
		ASSERT_EQ(-ENOMSG, mig_drain(fd, &stream, 5000));
		ASSERT_EQ(0, rig_run(from, gpu_fill(RIG_VRAM + 8 * MIB, 4096, 1,
						    0, hop)));
		ASSERT_EQ(0, mig_set(out, MIG_STOP_COPY, NULL));
		ASSERT_EQ(0, mig_drain(fd, &stream, 5000));
		close(fd);
		move_memory(from, to);
		to->ring.tail = from->ring.tail;
		ASSERT_EQ(0, vfio_reset(in));
		ASSERT_EQ(0, mig_load(in, &stream, 3333));
		ASSERT_EQ(0, mig_set(in, MIG_RUNNING, NULL));
		mig_stream_free(&stream);
	}
	for (hop = 0; hop < 10; hop++) {
		ASSERT_EQ(0, gpu_vram_read(&rigs[0]->vmm.gpu, hop * PAGE, data,
					   sizeof(data)));
		EXPECT_TRUE(rig_all(data, sizeof(data), hop + 1))
			TH_LOG("what was written at hop %d", hop);
	}
}

TEST_F_TIMEOUT(move, in_every_small_cut_of_reads, 600)
{
	struct mig_stream cut_stream = {};
	size_t cut, part;

	ASSERT_EQ(0, rig_run(&self->source, gpu_fill(RIG_VRAM, 4096, 1, 0, 7)));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	part = effort_part(self->stream.length);
	for (cut = 1; cut < 5000; cut = effort_next(cut)) {
		ASSERT_EQ(0, mig_set(self->from, MIG_STOP_COPY, &self->fd));
		ASSERT_LE(0, mig_drain_some(self->fd, &cut_stream, cut, part));
		ASSERT_EQ(0, mig_drain(self->fd, &cut_stream, 1 << 20));
		mig_seal(&cut_stream);
		ASSERT_EQ(self->stream.length, cut_stream.length);
		ASSERT_EQ(0, memcmp(self->stream.data, cut_stream.data,
				    cut_stream.length)) TH_LOG("cut %zu", cut);
		mig_stream_free(&cut_stream);
		ASSERT_EQ(0, mig_set(self->from, MIG_STOP, NULL));
		close(self->fd);
	}
	self->fd = -1;
}

/* The first part of a stream in small pieces, the rest in one. */
static int load_cut(int device, const struct mig_stream *stream, size_t part,
		    size_t cut)
{
	const struct mig_stream head = {
		.data = stream->data, .length = MIG_PREFIX + part,
	};
	int fd, ret;

	ret = mig_set(device, MIG_RESUMING, &fd);
	if (ret)
		return ret;
	ret = mig_fill(fd, &head, 0, cut);
	if (!ret)
		ret = mig_fill(fd, stream, part, 1 << 20);
	close(fd);
	return ret ? ret : mig_set(device, MIG_STOP, NULL);
}

TEST_F_TIMEOUT(move, in_every_small_cut_of_writes, 600)
{
	size_t cut, part;

	ASSERT_EQ(0, rig_run(&self->source, gpu_fill(RIG_VRAM, 4096, 1, 0, 7)));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	part = effort_part(self->stream.length - MIG_PREFIX);
	for (cut = 1; cut < 5000; cut = effort_next(cut)) {
		ASSERT_EQ(0, load_cut(self->to, &self->stream, part, cut))
			TH_LOG("cut %zu", cut);
		ASSERT_TRUE(same_vram(&self->source, &self->target))
			TH_LOG("cut %zu", cut);
	}
}

/* What a paused QEMU does: no state but RESUMING for long. */
TEST_F(move, received_data_survives_the_close_of_the_data_fd)
{
	__u16 command;

	ASSERT_EQ(0, rig_run(&self->source, gpu_fill(RIG_VRAM, 4096, 1, 0, 7)));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	ASSERT_EQ(0, mig_set(self->to, MIG_RESUMING, &self->fd));
	ASSERT_EQ(0, mig_fill(self->fd, &self->stream, 0, 1 << 20));
	close(self->fd);
	self->fd = -1;
	/* config space comes later, and is the VMM's */
	ASSERT_EQ(0, vfio_config_read(self->to, 4, &command, 2));
	EXPECT_EQ(6, command & 6);
	EXPECT_EQ(0, vfio_config_write(self->to, 4, &command, 2));
	EXPECT_EQ(MIG_RESUMING, mig_get(self->to));
	ASSERT_EQ(0, mig_set(self->to, MIG_RUNNING_P2P, NULL));
	ASSERT_EQ(0, mig_set(self->to, MIG_RUNNING, NULL));
	EXPECT_TRUE(same_vram(&self->source, &self->target));
	move_memory(&self->source, &self->target);
	self->target.ring.tail = self->source.ring.tail;
	EXPECT_EQ(0, rig_run(&self->target,
			     gpu_fill(RIG_VRAM, 4096, 1, 0, 8)));
}

TEST_F(move, what_the_vmm_writes_after_the_stream_stays)
{
	const __u16 command = 2;
	__u16 now;

	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	ASSERT_EQ(0, mig_set(self->to, MIG_RESUMING, &self->fd));
	ASSERT_EQ(0, mig_fill(self->fd, &self->stream, 0, 1 << 20));
	ASSERT_EQ(0, vfio_config_write(self->to, 4, &command, 2));
	ASSERT_EQ(0, mig_set(self->to, MIG_RUNNING, NULL));
	ASSERT_EQ(0, vfio_config_read(self->to, 4, &now, 2));
	EXPECT_EQ(command, now);
}

/* All that a source sends before its guest is stopped. */
TEST_F(move, another_type_is_refused_while_the_source_runs)
{
	struct rig other;
	ssize_t ret;

	ASSERT_EQ(0, rig_create_type(&other, "mvgpu-medium"));
	ASSERT_EQ(0, fixture_open(&other.vmm));
	ASSERT_EQ(0, mig_set(other.vmm.vfio.device, MIG_PRE_COPY, &self->fd));
	ASSERT_EQ(-ENOMSG, mig_drain(self->fd, &self->stream, 4096));
	close(self->fd);
	ASSERT_EQ(0, mig_set(self->to, MIG_RESUMING, &self->fd));
	ret = mig_fill(self->fd, &self->stream, 0, 1 << 20);
	EXPECT_EQ(-ENODEV, ret);
	EXPECT_EQ(-ENODEV, mig_fill(self->fd, &self->stream, 0, 1));
	EXPECT_EQ(MIG_RESUMING, mig_get(self->to));
	EXPECT_EQ(-ENODEV, mig_set(self->to, MIG_RUNNING_P2P, NULL));
	EXPECT_EQ(MIG_ERROR, mig_get(self->to));
	EXPECT_EQ(0, vfio_reset(self->to));
	EXPECT_EQ(MIG_RUNNING, mig_get(self->to));
	/* the source knows nothing of it */
	EXPECT_EQ(0, mig_set(other.vmm.vfio.device, MIG_RUNNING, NULL));
	rig_destroy(&other);
}

/* The compatibility section, with something in it that does not fit. */
TEST_F(move, another_hardware_is_refused_while_the_source_runs)
{
	struct stream stream;
	struct stream_bytes bytes;

	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	ASSERT_EQ(NULL, stream_parse(&stream, self->stream.data,
				     self->stream.length));
	/* the version of the hardware is the last of its numbers */
	stream_put32(stream.sections[0].payload + 16, 0x00ff0000);
	bytes = stream_build(&stream);
	ASSERT_EQ(0, mig_set(self->to, MIG_RESUMING, &self->fd));
	EXPECT_EQ(-ENODEV, mig_write(self->fd, bytes.data + MIG_PREFIX,
				     STREAM_HEADER + STREAM_SECTION_HEADER +
				     stream.sections[0].length));
	EXPECT_EQ(-ENODEV, mig_set(self->to, MIG_STOP, NULL));
	free(bytes.data);
	stream_free(&stream);
}

TEST_F_TIMEOUT(move, streams_cut_short_are_refused_everywhere, 600)
{
	size_t length, full;

	ASSERT_EQ(0, rig_run(&self->source, gpu_fill(RIG_VRAM, 4096, 1, 0, 7)));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	full = self->stream.length;
	for (length = MIG_PREFIX; length < full;
	     length += effort_step(37)) {
		self->stream.length = length;
		ASSERT_EQ(-EINVAL, mig_load(self->to, &self->stream, 1 << 20))
			TH_LOG("%zu of %zu bytes", length, full);
		ASSERT_EQ(MIG_ERROR, mig_get(self->to));
		ASSERT_EQ(0, vfio_reset(self->to));
	}
	self->stream.length = full;
	EXPECT_EQ(0, mig_load(self->to, &self->stream, 1 << 20));
}

TEST_F_TIMEOUT(move, streams_with_a_byte_changed_are_refused, 600)
{
	size_t at;
	int ret;

	ASSERT_EQ(0, rig_run(&self->source, gpu_fill(RIG_VRAM, 4096, 1, 0, 7)));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	for (at = MIG_PREFIX; at < self->stream.length;
	     at += effort_step(37)) {
		self->stream.data[at] ^= 0x10;
		ret = mig_load(self->to, &self->stream, 1 << 20);
		self->stream.data[at] ^= 0x10;
		ASSERT_GT(0, ret) TH_LOG("byte %zu", at);
		/* refused in the middle, it waits to be told the end */
		mig_set(self->to, MIG_STOP, NULL);
		ASSERT_EQ(MIG_ERROR, mig_get(self->to)) TH_LOG("byte %zu", at);
		ASSERT_EQ(0, vfio_reset(self->to));
	}
	EXPECT_EQ(0, mig_load(self->to, &self->stream, 1 << 20));
}

TEST_F(move, bytes_behind_the_end_are_refused)
{
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	ASSERT_EQ(0, mig_set(self->to, MIG_RESUMING, &self->fd));
	ASSERT_EQ(0, mig_fill(self->fd, &self->stream, 0, 1 << 20));
	EXPECT_EQ(-EINVAL, mig_write(self->fd, "x", 1));
	EXPECT_EQ(-EINVAL, mig_set(self->to, MIG_RUNNING, NULL));
	EXPECT_EQ(MIG_ERROR, mig_get(self->to));
}

/* Write the source's stream with zeros in a round of their own; the answer. */
static int load_zeros(int to, const struct mig_stream *good, __u64 offset,
		      __u32 length)
{
	struct mig_stream edited = {};
	struct stream_bytes bytes;
	struct stream stream;
	__u8 payload[12];
	int ret;

	if (stream_parse(&stream, good->data, good->length))
		return -EPROTO;
	stream_put64(payload, offset);
	stream_put32(payload + 8, length);
	stream_append(&stream, 4, 1, 0, NULL, 0);
	stream_append(&stream, 5, 1, 0, payload, sizeof(payload));
	bytes = stream_build(&stream);
	edited.data = bytes.data;
	edited.length = bytes.length;
	ret = mig_load(to, &edited, 5000);
	free(bytes.data);
	stream_free(&stream);
	return ret;
}

TEST_F(move, zeros_of_a_later_round_count_and_are_no_more_than_a_chunk)
{
	static const struct {
		__u64 offset;
		__u32 length;
	} bad[] = {
		{ 0, 17 * PAGE }, { 0, 0 }, { 0, PAGE + 1 }, { 1, PAGE },
		{ 16 * MIB, PAGE }, { 16 * MIB - PAGE, 2 * PAGE },
		{ -PAGE, 2 * PAGE }, { 0, 0xfffff000 },
	};
	unsigned char data[17 * PAGE];
	unsigned int i;

	ASSERT_EQ(0, rig_run(&self->source,
			     gpu_fill(RIG_VRAM, 17 * PAGE, 1, 0, 0x07070707)));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		EXPECT_EQ(-EINVAL, load_zeros(self->to, &self->stream,
					      bad[i].offset, bad[i].length))
			TH_LOG("%u", i);
		ASSERT_EQ(0, vfio_reset(self->to));
	}
	ASSERT_EQ(0, load_zeros(self->to, &self->stream, 0, 16 * PAGE));
	ASSERT_EQ(0, gpu_vram_read(&self->target.vmm.gpu, 0, data,
				   sizeof(data)));
	EXPECT_TRUE(rig_all(data, 16 * PAGE, 0));
	EXPECT_TRUE(rig_all(data + 16 * PAGE, PAGE, 7));
}

/* A source whose sums are right may still want what a device cannot be. */
TEST_F_TIMEOUT(move, hostile_state_is_refused_or_can_be_run, 600)
{
	unsigned int round, rounds = effort_rounds(300);
	struct stream good;
	unsigned int seed = 1;

	ASSERT_EQ(0, rig_run(&self->source, gpu_fill(RIG_VRAM, 4096, 1, 0, 7)));
	ASSERT_EQ(0, mig_save(self->from, &self->stream));
	ASSERT_EQ(NULL, stream_parse(&good, self->stream.data,
				     self->stream.length));
	for (round = 0; round < rounds; round++) {
		struct stream_section *section;
		struct mig_stream bad = {};
		struct stream_bytes bytes;
		__u8 *byte, old;
		int ret;

		section = &good.sections[rand_r(&seed) % good.nr];
		if (!section->length)
			continue;
		byte = section->payload + rand_r(&seed) % section->length;
		old = *byte;
		*byte ^= 1 << rand_r(&seed) % 8;
		bytes = stream_build(&good);
		bad.data = bytes.data;
		bad.length = bytes.length;
		ret = mig_load(self->to, &bad, 1 << 20);
		if (ret)
			mig_set(self->to, MIG_STOP, NULL);
		else
			ret = mig_set(self->to, MIG_RUNNING, NULL);
		ASSERT_EQ(ret ? MIG_ERROR : MIG_RUNNING, mig_get(self->to))
			TH_LOG("round %u: %d", round, ret);
		ASSERT_EQ(0, vfio_reset(self->to));
		free(bytes.data);
		*byte = old;
	}
	EXPECT_EQ(0, mig_load(self->to, &self->stream, 1 << 20));
	stream_free(&good);
}

/* The other way to memory, without the region and without pins. */
TEST_F(move, a_device_on_stock_type1_moves_too)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct rig source = {}, target = {};

	ASSERT_EQ(0, fixture_claim("none", claim));
	EXPECT_EQ(0, rig_create(&source));
	EXPECT_EQ(0, rig_create(&target));
	EXPECT_EQ(0, rig_open(&source));
	EXPECT_EQ(0, rig_open(&target));
	ASSERT_EQ(0, fixture_claim(claim, NULL));
	EXPECT_EQ(0ULL, source.vmm.state.size);
	EXPECT_EQ(0, rig_run(&source, gpu_fill(RIG_VRAM, MIB, 1, 0, 7)));
	EXPECT_EQ(0, mig_save(source.vmm.vfio.device, &self->stream));
	EXPECT_EQ(0, mig_load(target.vmm.vfio.device, &self->stream, 4096));
	EXPECT_TRUE(same_vram(&source, &target));
	rig_destroy(&source);
	rig_destroy(&target);
}

TEST_HARNESS_MAIN
