// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts whose checksums are right and whose contents are not: a sender that
 * wants the device in a state of its own. Each is taken or refused, what was
 * taken can be run and saved, and the device works afterwards.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "lib/context.h"
#include "lib/effort.h"
#include "lib/fixture.h"
#include "lib/guest_state.h"
#include "lib/receiver.h"
#include "lib/stream_edit.h"

#define ROUNDS		700	/* of each kind, with normal effort */
#define PAGE		MVGPU_PAGE_SIZE

/* Pages that a command of the source fills; more than a chunk by far. */
#define BUSY_PAGES	2048
#define BUSY_COMMANDS	8

FIXTURE(hostile) {
	struct receiver receiver;
	__u64 random;
};

FIXTURE_VARIANT(hostile)
{
	__u32 id;
};

FIXTURE_VARIANT_ADD(hostile, config) { .id = MVGPU_STREAM_CONFIG, };
FIXTURE_VARIANT_ADD(hostile, gtt) { .id = MVGPU_STREAM_GTT, };
FIXTURE_VARIANT_ADD(hostile, queues) { .id = MVGPU_STREAM_QUEUES, };

/* Give it much to do and stop it; the ring is guest_state_fill()'s. */
static int busy_stop(struct receiver *receiver, struct gpu_queue_state *queue)
{
	const struct gpu *gpu = &receiver->vmm->gpu;
	union gpu_command fill = gpu_fill(gpu_address(1024), PAGE, BUSY_PAGES,
					  PAGE, 0x01020304);
	struct gpu_ring ring = { .gpu = gpu, .vram_offset = 3 * PAGE,
				 .size = PAGE };
	int i, ret;

	ret = gpu_queue_state(gpu, 0, queue);
	ring.tail = ret ? 0 : queue->tail;
	for (i = 0; i < BUSY_COMMANDS && !ret; i++)
		ret = gpu_ring_put(&ring, &fill);
	if (!ret)
		ret = devstate_start(receiver->state);
	if (!ret)
		ret = gpu_ring_kick(&ring);
	if (!ret)
		ret = devstate_stop(receiver->state);
	return ret ? ret : gpu_queue_state(gpu, 0, queue);
}

/* A stream of the device as it was stopped in the middle of its work. */
static int busy_stream(struct receiver *receiver)
{
	struct gpu_queue_state queue = {};
	struct context context;
	int ret, tries;

	ret = gpu_gtt_bind(&receiver->vmm->gpu, 1024, BUSY_PAGES, 1024 * PAGE |
			   MVGPU_GTT_VALID | MVGPU_GTT_WRITE | MVGPU_GTT_VRAM);
	for (tries = 0; tries < 20 && !ret; tries++) {
		ret = busy_stop(receiver, &queue);
		if (queue.head != queue.tail)
			break;
	}
	if (!ret && queue.head == queue.tail)
		ret = -EAGAIN;
	if (!ret)
		ret = context_save(receiver->state, &context);
	if (ret)
		return ret;
	stream_free(&receiver->stream);
	if (stream_parse(&receiver->stream, context.data, context.length))
		ret = -EPROTO;
	context_free(&context);
	receiver_keep_memory(&receiver->stream, 3);
	return ret;
}

FIXTURE_SETUP(hostile)
{
	self->random = 0x9e3779b97f4a7c15ULL + variant->id;
	ASSERT_EQ(0, receiver_create(&self->receiver));
	ASSERT_EQ(0, busy_stream(&self->receiver));
	ASSERT_EQ(RECEIVER_TAKEN, receiver_load_stream(&self->receiver))
		TH_LOG("a device that is busy cannot be moved");
}

FIXTURE_TEARDOWN(hostile)
{
	receiver_destroy(&self->receiver);
}

/* xorshift64: the same mutations on every machine */
static __u64 random_next(__u64 *random)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random >> 11;
}

/* Values at which checks go wrong, and others. */
static __u64 random_value(__u64 *random, __u64 old)
{
	switch (random_next(random) % 8) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return old + 1;
	case 3:
		return old - 1;
	case 4:
		return old ^ 1ULL << random_next(random) % 64;
	case 5:
		return 1ULL << random_next(random) % 64;
	case 6:
		return (random_next(random) % 0x20000) << 12;
	default:
		return random_next(random) * random_next(random);
	}
}

/* Change one field, wherever it begins and however wide it is. */
static void mutate_field(struct stream_section *section, __u64 *random)
{
	const __u32 width = 1U << random_next(random) % 4;
	__u8 field[8] = {};
	__u32 at;

	if (section->length < width)
		return;
	at = random_next(random) % (section->length - width + 1);
	/* Most of the time as fields lie. */
	if (random_next(random) % 4)
		at = at / width * width;
	memcpy(field, section->payload + at, width);
	stream_put64(field, random_value(random, stream_get64(field)));
	memcpy(section->payload + at, field, width);
}

static void mutate(struct stream_section *section, __u64 *random)
{
	switch (random_next(random) % 16) {
	case 0:
		stream_resize(section, random_next(random) %
			      (section->length + 1));
		break;
	case 1:
		stream_resize(section, section->length + 1 +
			      random_next(random) % 64);
		break;
	default:
		mutate_field(section, random);
		break;
	}
}

/* What was taken has to be a state that the device itself can save. */
static bool saves_what_loads(struct receiver *receiver)
{
	struct context context;
	struct stream stream;
	bool right;

	if (devstate_stop(receiver->state) ||
	    context_save(receiver->state, &context))
		return false;
	right = !stream_parse(&stream, context.data, context.length) &&
		!devstate_load(receiver->state, context.data, context.length) &&
		context_is_saved(receiver->state, &context);
	stream_free(&stream);
	context_free(&context);
	return right;
}

TEST_F_TIMEOUT(hostile, mutations_are_taken_or_refused, 3600)
{
	struct receiver *receiver = &self->receiver;
	const int nr = stream_find(&receiver->stream, variant->id, 0);
	const unsigned int rounds = effort_rounds(ROUNDS);
	unsigned int round, taken = 0;
	struct stream_section right;

	ASSERT_LE(0, nr);
	right = receiver->stream.sections[nr];
	for (round = 0; round < rounds; round++) {
		struct stream_section *section = &receiver->stream.sections[nr];
		struct stream_bytes bytes;
		int ret;

		section->payload = malloc(right.length);
		ASSERT_NE(NULL, section->payload);
		memcpy(section->payload, right.payload, right.length);
		section->length = right.length;
		mutate(section, &self->random);

		bytes = stream_build(&receiver->stream);
		ret = receiver_load_cut(receiver, bytes.data, bytes.length,
					CONTEXT_UNCUT);
		free(bytes.data);
		free(section->payload);
		*section = right;
		ASSERT_TRUE(ret == RECEIVER_TAKEN || receiver_refused(ret))
			TH_LOG("mutation %u: %d", round, ret);
		if (ret == RECEIVER_TAKEN) {
			taken++;
			ASSERT_TRUE(saves_what_loads(receiver))
				TH_LOG("mutation %u", round);
		}
		if (round % 100 == 0) {
			ASSERT_TRUE(receiver_works(receiver))
				TH_LOG("not after mutation %u", round);
		}
	}
	TH_LOG("%u of %u were taken", taken, round);
	EXPECT_TRUE(receiver_works(receiver));
}

/* One field of a payload, as Documentation/context.rst lays it out. */
struct field {
	const char *what;
	__u32 at;
	__u32 width;
	__u64 value;
};

/* Offsets in the section of the queues: the first queue. */
enum {
	QUEUES_NR	= 0,
	QUEUE_FLAGS	= 4,
	QUEUE_SIZE	= 8,
	QUEUE_BASE	= 12,
	QUEUE_HEAD	= 20,
	QUEUE_TAIL	= 24,
	QUEUE_FAULT	= 28,
	QUEUE_CRC	= 32,
	QUEUE_ADDRESS	= 36,
	QUEUE_COMPLETED	= 44,
	QUEUE_DONE	= 52,
	QUEUE_COMMAND	= 60,
	QUEUES_LENGTH	= 4 + 4 * 120,
};

static void put_field(__u8 *payload, const struct field *field)
{
	__u8 value[8];

	stream_put64(value, field->value);
	memcpy(payload + field->at, value, field->width);
}

/* A queue in the middle of a FILL. */
static void put_queues(__u8 *payload)
{
	const union gpu_command fill = gpu_fill(gpu_address(1024), PAGE,
						BUSY_PAGES, PAGE, 0x01020304);

	memset(payload, 0, QUEUES_LENGTH);
	stream_put32(payload + QUEUES_NR, 4);
	stream_put32(payload + QUEUE_FLAGS, 3);
	stream_put32(payload + QUEUE_SIZE, PAGE);
	stream_put64(payload + QUEUE_BASE, gpu_address(3));
	stream_put32(payload + QUEUE_HEAD, 64);
	stream_put32(payload + QUEUE_TAIL, 128);
	stream_put64(payload + QUEUE_COMPLETED, 1);
	stream_put64(payload + QUEUE_DONE, 65536);
	memcpy(payload + QUEUE_COMMAND, &fill, sizeof(fill));
}

FIXTURE(payload) {
	struct receiver receiver;
	struct stream_section *config;
	struct stream_section *gtt;
	struct stream_section *queues;
};

FIXTURE_SETUP(payload)
{
	struct stream *stream = &self->receiver.stream;
	int config, gtt, queues;

	ASSERT_EQ(0, receiver_create(&self->receiver));
	config = stream_find(stream, MVGPU_STREAM_CONFIG, 0);
	gtt = stream_find(stream, MVGPU_STREAM_GTT, 0);
	queues = stream_find(stream, MVGPU_STREAM_QUEUES, 0);
	ASSERT_TRUE(config >= 0 && gtt >= 0 && queues >= 0);
	self->config = &stream->sections[config];
	self->gtt = &stream->sections[gtt];
	self->queues = &stream->sections[queues];
	ASSERT_EQ(QUEUES_LENGTH, self->queues->length);
	put_queues(self->queues->payload);
	ASSERT_EQ(RECEIVER_TAKEN, receiver_load_stream(&self->receiver));
}

FIXTURE_TEARDOWN(payload)
{
	EXPECT_TRUE(receiver_works(&self->receiver));
	receiver_destroy(&self->receiver);
}

TEST_F(payload, queue_that_cannot_be_is_einval)
{
	static const struct field bad[] = {
		{ "no queues", QUEUES_NR, 4, 0 },
		{ "two queues", QUEUES_NR, 4, 2 },
		{ "five queues", QUEUES_NR, 4, 5 },
		{ "unknown flag", QUEUE_FLAGS, 4, 0xb },
		{ "a command while disabled", QUEUE_FLAGS, 4, 2 },
		{ "a command that is not current", QUEUE_FLAGS, 4, 1 },
		{ "size of no power of 2", QUEUE_SIZE, 4, 0x3000 },
		{ "size 0", QUEUE_SIZE, 4, 0 },
		{ "size too large", QUEUE_SIZE, 4, 0x200000 },
		{ "base not aligned", QUEUE_BASE, 8, 0x3040 },
		{ "base behind the end", QUEUE_BASE, 8, 0x10000000 },
		{ "base near 2^64", QUEUE_BASE, 8, -4096ULL },
		{ "head not aligned", QUEUE_HEAD, 4, 1 },
		{ "head behind the ring", QUEUE_HEAD, 4, 4096 },
		{ "tail not aligned", QUEUE_TAIL, 4, 130 },
		{ "tail behind the ring", QUEUE_TAIL, 4, 0xffffffc0 },
		{ "unknown fault", QUEUE_FAULT, 4, 9 },
		{ "checksum of FILL", QUEUE_CRC, 4, 1 },
		{ "address without a fault", QUEUE_ADDRESS, 8, 4096 },
		{ "all done", QUEUE_DONE, 8, BUSY_PAGES * PAGE },
		{ "more than all done", QUEUE_DONE, 8, BUSY_PAGES * PAGE + 1 },
		{ "far more done", QUEUE_DONE, 8, ~0ULL },
		{ "unknown command", QUEUE_COMMAND, 4, 10 },
		{ "BLEND within a pixel", QUEUE_COMMAND, 4, 3 },
		{ "command with flags", QUEUE_COMMAND + 4, 4, 1 },
		{ "width 0", QUEUE_COMMAND + 16, 4, 0 },
		{ "height 0", QUEUE_COMMAND + 20, 4, 0 },
		{ "pitch below width", QUEUE_COMMAND + 24, 4, PAGE - 1 },
		{ "reserved field", QUEUE_COMMAND + 60, 4, 1 },
		{ "FILL behind the end", QUEUE_COMMAND + 8, 8, 0x10000000 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put_field(self->queues->payload, &bad[i]);
		EXPECT_EQ(-EINVAL, receiver_load_stream(&self->receiver))
			TH_LOG("%s", bad[i].what);
		put_queues(self->queues->payload);
	}
}

TEST_F(payload, gtt_that_cannot_be_is_einval)
{
	static const struct {
		const char *what;
		__u32 first[2];
		__u32 count[2];
		__u64 entry[2];
	} bad[] = {
		{ "no entries", { 0, 8 }, { 0, 1 }, { 1, 1 } },
		{ "behind the end", { 0, 65536 }, { 1, 1 }, { 1, 1 } },
		{ "over the end", { 0, 65535 }, { 1, 2 }, { 1, 1 } },
		{ "far over the end", { 0, 8 }, { 1, ~0U }, { 1, 1 } },
		{ "descending", { 8, 0 }, { 1, 1 }, { 1, 1 } },
		{ "overlapping", { 8, 9 }, { 2, 1 }, { 1, 1 } },
		{ "twice", { 8, 8 }, { 1, 1 }, { 1, 1 } },
		{ "reserved bits", { 0, 8 }, { 1, 1 }, { 1, 0x11 } },
		{ "entry 0", { 0, 8 }, { 1, 1 }, { 1, 0 } },
		{ "wrapping", { 0, 8 }, { 1, 2 }, { 1, -4096ULL | 1 } },
	};
	unsigned int i, run;

	stream_resize(self->gtt, 4 + 2 * 16);
	stream_put32(self->gtt->payload, 2);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		for (run = 0; run < 2; run++) {
			__u8 *at = self->gtt->payload + 4 + 16 * run;

			stream_put32(at, bad[i].first[run]);
			stream_put32(at + 4, bad[i].count[run]);
			stream_put64(at + 8, bad[i].entry[run]);
		}
		EXPECT_EQ(-EINVAL, receiver_load_stream(&self->receiver))
			TH_LOG("%s", bad[i].what);
	}
}

TEST_F(payload, gtt_of_another_length_is_einval)
{
	static const __u32 counts[] = { 0, 2, 65536, 65537, ~0U };
	unsigned int i;

	stream_resize(self->gtt, 4 + 16);
	memset(self->gtt->payload, 0, 4 + 16);
	stream_put32(self->gtt->payload + 8, 1);
	stream_put64(self->gtt->payload + 12, MVGPU_GTT_VALID);
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		stream_put32(self->gtt->payload, counts[i]);
		EXPECT_EQ(-EINVAL, receiver_load_stream(&self->receiver))
			TH_LOG("%u runs", counts[i]);
	}
	stream_put32(self->gtt->payload, 1);
	EXPECT_EQ(RECEIVER_TAKEN, receiver_load_stream(&self->receiver));
}

TEST_F(payload, config_that_cannot_be_is_einval)
{
	static const struct field bad[] = {
		{ "read-only bit of command", 0, 2, 0x8000 },
		{ "read-only bit of device control 2", 50, 2, 0x20 },
		{ "reserved byte", 5, 1, 1 }, { "reserved byte", 7, 1, 0x80 },
		{ "type bits of BAR 0", 8, 8, 0xc },
		{ "size bits of BAR 0", 8, 8, 0x800000 },
		{ "type bits of BAR 2", 16, 4, 1 },
		{ "size bits of BAR 2", 16, 4, 0x80000 },
		{ "size bits of BAR 4", 20, 4, 0x1000 },
		{ "unaligned MSI address", 24, 8, 2 },
		{ "mask of a vector too many", 32, 4, 0x10 },
		{ "MSI vectors of the capability", 38, 2, 4 },
		{ "MSI-X vectors", 40, 2, 3 },
		{ "power state D1", 42, 2, 1 },
		{ "power state bit", 42, 2, 8 },
		{ "FLR", 44, 2, 0x8000 },
	};
	__u8 right[52];
	unsigned int i;

	ASSERT_EQ(sizeof(right), self->config->length);
	memcpy(right, self->config->payload, sizeof(right));
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		put_field(self->config->payload, &bad[i]);
		EXPECT_EQ(-EINVAL, receiver_load_stream(&self->receiver))
			TH_LOG("%s", bad[i].what);
		memcpy(self->config->payload, right, sizeof(right));
	}
	EXPECT_EQ(RECEIVER_TAKEN, receiver_load_stream(&self->receiver));
	/* it could be written in version 0.1.0 */
	self->config->payload[3] = 0xf8;
	EXPECT_EQ(RECEIVER_TAKEN, receiver_load_stream(&self->receiver));
}

/* Whatever the clock is, a device that was let on can move on. */
TEST_F(payload, clock_that_is_taken_can_be_taken_again)
{
	struct stream *stream = &self->receiver.stream;
	const int at = stream_find(stream, MVGPU_STREAM_CLOCK, 0);
	unsigned int bit, taken = 0, good = 0;

	ASSERT_LE(0, at);
	/* One more is as good as the next, but at the end. */
	for (bit = 0; bit < 65; bit += bit < 60 ? effort_step(1) : 1) {
		__u64 now = bit < 64 ? (1ULL << bit) - 1 : ~0ULL;
		int ret;

		good += bit < 63;
		stream_put64(stream->sections[at].payload, now);
		ret = receiver_load_stream(&self->receiver);
		ASSERT_TRUE(ret == RECEIVER_TAKEN || ret == -EINVAL);
		if (ret == -EINVAL)
			continue;
		taken++;
		EXPECT_TRUE(saves_what_loads(&self->receiver))
			TH_LOG("%llu ns", (unsigned long long)now);
	}
	EXPECT_EQ(good, taken);
}

TEST_HARNESS_MAIN
