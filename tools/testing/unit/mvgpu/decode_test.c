// SPDX-License-Identifier: GPL-2.0
/*
 * Commands: every field out of range is refused, and the spans of those that
 * are not, done in their order, do what linux/mvgpu.h says.
 */
#include <endian.h>
#include <linux/string.h>

#include "blend.h"
#include "decode.h"
#include "unit.h"

#define SPACE	((u64)MVGPU_GTT_ENTRIES * MVGPU_PAGE_SIZE)

union command {
	u8 bytes[MVGPU_COMMAND_SIZE];
	__le32 words[MVGPU_COMMAND_SIZE / 4];
	struct mvgpu_fill fill;
	struct mvgpu_copy copy;
	struct mvgpu_blend blend;
	struct mvgpu_crc32c crc32c;
	struct mvgpu_bind bind;
	struct mvgpu_fence fence;
	struct mvgpu_semaphore semaphore;
	struct mvgpu_timestamp timestamp;
};

static struct mvgpu_op op;

static u32 decode(const union command *command)
{
	return mvgpu_decode(command->bytes, &op);
}

static union command fill(u64 dst, u32 width, u32 height, u32 pitch)
{
	return (union command) { .fill = {
		.opcode = htole32(MVGPU_OP_FILL),
		.dst = htole64(dst),
		.width = htole32(width),
		.height = htole32(height),
		.pitch = htole32(pitch),
		.value = htole32(0x44332211),
	} };
}

static u32 decode_fill(u64 dst, u32 width, u32 height, u32 pitch)
{
	union command command = fill(dst, width, height, pitch);

	return decode(&command);
}

static u32 decode_copy(u64 dst, u64 src, u32 width, u32 height, u32 dst_pitch,
		       u32 src_pitch)
{
	union command command = { .copy = {
		.opcode = htole32(MVGPU_OP_COPY),
		.dst = htole64(dst),
		.width = htole32(width),
		.height = htole32(height),
		.dst_pitch = htole32(dst_pitch),
		.src_pitch = htole32(src_pitch),
		.src = htole64(src),
	} };

	return decode(&command);
}

static union command blend(u64 dst, u64 src, u32 width, u32 height, u32 pitch,
			   u32 alpha)
{
	return (union command) { .blend = {
		.opcode = htole32(MVGPU_OP_BLEND),
		.dst = htole64(dst),
		.width = htole32(width),
		.height = htole32(height),
		.dst_pitch = htole32(pitch),
		.src_pitch = htole32(pitch),
		.src = htole64(src),
		.alpha = htole32(alpha),
	} };
}

static u32 decode_blend(u64 dst, u64 src, u32 width, u32 height, u32 pitch,
			u32 alpha)
{
	union command command = blend(dst, src, width, height, pitch, alpha);

	return decode(&command);
}

static u32 decode_semaphore(u64 src, u32 compare)
{
	union command command = { .semaphore = {
		.opcode = htole32(MVGPU_OP_SEMAPHORE),
		.src = htole64(src),
		.value = htole64(5),
		.compare = htole32(compare),
	} };

	return decode(&command);
}

static u32 decode_timestamp(u64 dst)
{
	union command command = { .timestamp = {
		.opcode = htole32(MVGPU_OP_TIMESTAMP),
		.dst = htole64(dst),
	} };

	return decode(&command);
}

static u32 decode_crc32c(u64 dst, u64 src, u64 length)
{
	union command command = { .crc32c = {
		.opcode = htole32(MVGPU_OP_CRC32C),
		.src = htole64(src),
		.length = htole64(length),
		.dst = htole64(dst),
		.seed = htole32(7),
	} };

	return decode(&command);
}

static u32 decode_bind(u32 opcode, u64 entry, u32 first, u32 count)
{
	union command command = { .bind = {
		.opcode = htole32(opcode),
		.entry = htole64(entry),
		.first = htole32(first),
		.count = htole32(count),
	} };

	return decode(&command);
}

static u32 decode_fence(u64 dst)
{
	union command command = { .fence = {
		.opcode = htole32(MVGPU_OP_FENCE),
		.dst = htole64(dst),
		.value = htole64(0x0123456789abcdefULL),
	} };

	return decode(&command);
}

UNIT_TEST(decode_knows_its_opcodes)
{
	union command command = {};
	u32 opcode;

	for (opcode = 16; opcode; opcode <<= 1) {
		command.words[0] = htole32(opcode);
		CHECK_EQ(MVGPU_FAULT_OPCODE, decode(&command));
	}
	command.words[0] = htole32(MVGPU_OP_TIMESTAMP + 1);
	CHECK_EQ(MVGPU_FAULT_OPCODE, decode(&command));
	command.words[0] = htole32(MVGPU_OP_NOP);
	CHECK_EQ(MVGPU_FAULT_NONE, decode(&command));
	CHECK_EQ(0, op.total);
}

/* Byte by byte, from the first that no field uses; and the flags. */
static void refuses_reserved(const union command *command, unsigned int from)
{
	union command broken;
	unsigned int i;

	CHECK_EQ(MVGPU_FAULT_NONE, decode(command));
	for (i = 4; i < MVGPU_COMMAND_SIZE; i++) {
		if (i >= 8 && i < from)
			continue;
		broken = *command;
		broken.bytes[i] = 0x80;
		CHECK_EQ(MVGPU_FAULT_COMMAND, decode(&broken));
	}
}

UNIT_TEST(decode_refuses_flags_and_reserved_bytes)
{
	union command command = {};

	refuses_reserved(&command, 8);

	command = fill(0, 1, 1, 0);
	refuses_reserved(&command, 32);

	command = (union command) { .copy = {
		.opcode = htole32(MVGPU_OP_COPY),
		.width = htole32(1),
		.height = htole32(1),
	} };
	refuses_reserved(&command, 40);

	command = (union command) { .crc32c = {
		.opcode = htole32(MVGPU_OP_CRC32C),
		.length = htole64(1),
	} };
	refuses_reserved(&command, 36);

	command = (union command) { .bind = {
		.opcode = htole32(MVGPU_OP_BIND),
		.count = htole32(1),
	} };
	refuses_reserved(&command, 24);

	command = (union command) { .fence = {
		.opcode = htole32(MVGPU_OP_FENCE),
	} };
	refuses_reserved(&command, 24);

	command = blend(0, 0, 4, 1, 0, 255);
	refuses_reserved(&command, 44);

	command = (union command) { .semaphore = {
		.opcode = htole32(MVGPU_OP_SEMAPHORE),
	} };
	refuses_reserved(&command, 28);

	command = (union command) { .timestamp = {
		.opcode = htole32(MVGPU_OP_TIMESTAMP),
	} };
	refuses_reserved(&command, 16);
}

UNIT_TEST(decode_takes_one_flag_of_a_fence_alone)
{
	union command command = { .fence = {
		.opcode = htole32(MVGPU_OP_FENCE),
		.flags = htole32(MVGPU_FENCE_INTERRUPT),
	} };

	CHECK_EQ(0, decode(&command));
	CHECK(op.interrupt);
	command.fence.flags = 0;
	CHECK_EQ(0, decode(&command));
	CHECK(!op.interrupt);
	command.words[0] = htole32(MVGPU_OP_TIMESTAMP);
	command.fence.flags = htole32(MVGPU_FENCE_INTERRUPT);
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode(&command));
}

UNIT_TEST(decode_judges_blend)
{
	CHECK_EQ(0, decode_blend(0x1000, 0x5004, 16, 2, 20, 255));
	CHECK_EQ(255, op.value);
	CHECK_EQ(32, op.total);
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_blend(2, 0x5000, 16, 1, 0, 9));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_blend(0, 0x5001, 16, 1, 0, 9));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_blend(0, 0x5000, 18, 1, 0, 9));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_blend(0, 0x5000, 16, 2, 18, 9));
	CHECK_EQ(0, decode_blend(0, 0x5000, 16, 1, 18, 9));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_blend(0, 0x5000, 16, 1, 0, 256));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_blend(0, SPACE, 16, 1, 0, 9));
	CHECK_EQ(0, decode_blend(8, 0, 16, 1, 0, 9));
	CHECK(op.backward);
}

UNIT_TEST(decode_judges_semaphore_and_timestamp)
{
	CHECK_EQ(0, decode_semaphore(SPACE - 8, MVGPU_COMPARE_GREATER_EQUAL));
	CHECK_EQ(5, op.value);
	CHECK_EQ(0, op.total);
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_semaphore(4, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_semaphore(SPACE, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_semaphore(8, 3));
	CHECK_EQ(0, decode_timestamp(SPACE - 8));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_timestamp(SPACE));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_timestamp(12));
}

UNIT_TEST(decode_reads_the_fields_of_fill)
{
	CHECK_EQ(0, decode_fill(0x1234, 16, 3, 20));
	CHECK_EQ(0x1234, op.dst);
	CHECK_EQ(16, op.width);
	CHECK_EQ(3, op.height);
	CHECK_EQ(20, op.dst_pitch);
	CHECK_EQ(0x44332211, op.value);
	CHECK_EQ(48, op.total);
	CHECK(!op.backward);
}

UNIT_TEST(decode_judges_rectangles)
{
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fill(0, 0, 1, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fill(0, 1, 0, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fill(0, 8, 2, 7));
	CHECK_EQ(0, decode_fill(0, 8, 2, 8));
	CHECK_EQ(0, decode_fill(0, 8, 1, 0));
}

UNIT_TEST(decode_keeps_rectangles_within_the_space)
{
	CHECK_EQ(0, decode_fill(0, SPACE, 1, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fill(1, SPACE, 1, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fill(0, SPACE + 1, 1, 0));
	CHECK_EQ(0, decode_fill(SPACE - 1, 1, 1, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fill(SPACE, 1, 1, 0));
	CHECK_EQ(0, decode_fill(SPACE - 0x1001, 1, 2, 0x1000));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fill(SPACE - 0x1000, 1, 2,
						  0x1000));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fill(~0ULL, 1, 1, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fill(~0ULL, ~0U, ~0U, ~0U));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fill(0, ~0U, ~0U, ~0U));
}

UNIT_TEST(decode_copy_chooses_its_direction)
{
	CHECK_EQ(0, decode_copy(0x1000, 0x2000, 0x1000, 1, 0, 0));
	CHECK(!op.backward);
	CHECK_EQ(0, decode_copy(0x2000, 0x1000, 0x1000, 1, 0, 0));
	CHECK(!op.backward);
	CHECK_EQ(0, decode_copy(0x1fff, 0x1000, 0x1000, 1, 0, 0));
	CHECK(op.backward);
	CHECK_EQ(0, decode_copy(0x1000, 0x1fff, 0x1000, 1, 0, 0));
	CHECK(!op.backward);
	CHECK_EQ(0, decode_copy(0x1000, 0x1000, 0x1000, 1, 0, 0));
	CHECK(!op.backward);
}

UNIT_TEST(decode_copy_that_overlaps_needs_equal_pitches)
{
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_copy(0, 64, 16, 8, 32, 48));
	CHECK_EQ(0, decode_copy(0, 64, 16, 8, 32, 32));
	CHECK_EQ(0, decode_copy(0, 0x1000, 16, 8, 32, 48));
	CHECK_EQ(0, decode_copy(0, 8, 16, 1, 32, 48));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_copy(0, SPACE, 16, 1, 0, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_copy(SPACE, 0, 16, 1, 0, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_copy(0, 0x1000, 16, 2, 16, 15));
}

UNIT_TEST(decode_judges_crc32c)
{
	CHECK_EQ(0, decode_crc32c(4, 3, 9));
	CHECK_EQ(4, op.dst);
	CHECK_EQ(3, op.src);
	CHECK_EQ(9, op.total);
	CHECK_EQ(7, op.value);
	CHECK_EQ(0, decode_crc32c(SPACE - 4, 0, SPACE));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_crc32c(0, 0, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_crc32c(2, 0, 1));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_crc32c(SPACE, 0, 1));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_crc32c(0, 1, SPACE));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_crc32c(0, 1, ~0ULL));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_crc32c(~3ULL, 0, 1));
}

UNIT_TEST(decode_judges_bind)
{
	const u32 bind = MVGPU_OP_BIND, unbind = MVGPU_OP_UNBIND;

	CHECK_EQ(0, decode_bind(bind, 0x5007, 9, 2));
	CHECK_EQ(0x5007, op.value);
	CHECK_EQ(9, op.first);
	CHECK_EQ(2, op.total);
	CHECK_EQ(0, decode_bind(bind, 3, 0, MVGPU_GTT_ENTRIES));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_bind(bind, 3, 0, 0));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_bind(bind, 3, 1,
						  MVGPU_GTT_ENTRIES));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_bind(bind, 3, ~0U, 2));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_bind(bind, 3, 2, ~0U));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_bind(bind, 8, 0, 1));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_bind(bind, 0x801, 0, 1));
	CHECK_EQ(0, decode_bind(bind, 0xfffffffffffff003ULL, 0, 1));
	CHECK_EQ(MVGPU_FAULT_COMMAND,
		 decode_bind(bind, 0xfffffffffffff003ULL, 0, 2));
	CHECK_EQ(0, decode_bind(unbind, 0, 5, 3));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_bind(unbind, 3, 5, 3));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_bind(unbind, 0, 65535, 2));
}

UNIT_TEST(decode_judges_fence)
{
	CHECK_EQ(0, decode_fence(SPACE - 8));
	CHECK_EQ(0x0123456789abcdefULL, op.value);
	CHECK_EQ(0, op.total);
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fence(4));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fence(SPACE));
	CHECK_EQ(MVGPU_FAULT_COMMAND, decode_fence(~7ULL));
}

UNIT_TEST(decode_judges_rings)
{
	CHECK(mvgpu_decode_ring_ok(0, 0x1000));
	CHECK(mvgpu_decode_ring_ok(SPACE - 0x100000, 0x100000));
	CHECK(!mvgpu_decode_ring_ok(SPACE - 0x1000, 0x2000));
	CHECK(!mvgpu_decode_ring_ok(0, 0));
	CHECK(!mvgpu_decode_ring_ok(0, 0x800));
	CHECK(!mvgpu_decode_ring_ok(0, 0x3000));
	CHECK(!mvgpu_decode_ring_ok(0, 0x200000));
	CHECK(!mvgpu_decode_ring_ok(0x800, 0x1000));
	CHECK(!mvgpu_decode_ring_ok(~0xfffULL, 0x1000));
}

/* A small deterministic sequence of numbers below @limit. */
static u32 some(u32 limit)
{
	static u32 state = 1;

	state = state * 1664525 + 1013904223;
	return (state >> 8) % limit;
}

#define MEMORY	(8 * MVGPU_PAGE_SIZE)

static u8 memory[MEMORY], expected[MEMORY], before[MEMORY];

static bool one_page(u64 address, u32 len)
{
	return address / MVGPU_PAGE_SIZE ==
	       (address + len - 1) / MVGPU_PAGE_SIZE;
}

static void scribble(void)
{
	u32 i;

	for (i = 0; i < MEMORY; i++)
		memory[i] = some(256);
	memcpy(before, memory, MEMORY);
	memcpy(expected, memory, MEMORY);
}

/* What an engine does that looks at nothing but the spans. */
static void run_spans(void)
{
	struct mvgpu_span span;
	u64 done = 0;
	u32 max, i;

	while (done < op.total) {
		max = some(2) ? 1 + some(5000) : 65536;
		if (op.opcode == MVGPU_OP_BLEND)
			max = (max + 3) & ~3u;
		mvgpu_decode_span(&op, done, max, &span);
		CHECK(span.len >= 1 && span.len <= max);
		CHECK(span.len <= op.total - done);
		CHECK(span.column + span.len <= op.width);
		CHECK(one_page(span.dst, span.len));
		if (op.opcode == MVGPU_OP_COPY) {
			CHECK(one_page(span.src, span.len));
			memmove(memory + span.dst, memory + span.src,
				span.len);
		} else if (op.opcode == MVGPU_OP_BLEND) {
			CHECK(one_page(span.src, span.len));
			mvgpu_blend(memory + span.dst, memory + span.src,
				    span.len, op.value, op.backward);
		} else {
			for (i = 0; i < span.len; i++)
				memory[span.dst + i] = op.value >>
					(span.column + i) % 4 * 8;
		}
		done += span.len;
	}
	CHECK_EQ(op.total, done);
}

UNIT_TEST(span_fill_writes_the_rectangle_and_no_more)
{
	u32 dst, width, height, pitch, row, k, round;

	for (round = 0; round < 300; round++) {
		scribble();
		dst = some(0x1800);
		width = 1 + some(0x1800);
		height = 1 + some(3);
		pitch = width + some(64);
		CHECK_EQ(0, decode_fill(dst, width, height, pitch));
		for (row = 0; row < height; row++)
			for (k = 0; k < width; k++)
				expected[dst + row * pitch + k] =
					0x11 * (k % 4 + 1);
		run_spans();
		CHECK(!memcmp(memory, expected, MEMORY));
	}
}

UNIT_TEST(span_copy_is_as_if_all_was_read_first)
{
	u32 dst, src, width, height, pitch, row, round;
	unsigned int backward = 0;

	for (round = 0; round < 600; round++) {
		scribble();
		dst = some(0x1800);
		src = some(2) ? some(0x1800) : dst + some(32);
		width = 1 + some(some(2) ? 16 : 0x1800);
		height = 1 + some(3);
		pitch = width + some(64);
		CHECK_EQ(0, decode_copy(dst, src, width, height, pitch,
					pitch));
		for (row = 0; row < height; row++)
			memcpy(expected + dst + row * pitch,
			       before + src + row * pitch, width);
		backward += op.backward;
		run_spans();
		CHECK(!memcmp(memory, expected, MEMORY));
	}
	CHECK(backward > 50);
}

/* The formula of linux/mvgpu.h, in another way. */
static u8 blended(const u8 *dst, const u8 *src, u32 channel, u32 alpha)
{
	u32 above = (src[channel] * alpha * 2 + 255) / 510;
	u32 rest = 255 - (src[3] * alpha * 2 + 255) / 510;
	u32 sum = above + (dst[channel] * rest * 2 + 255) / 510;

	return sum < 255 ? sum : 255;
}

UNIT_TEST(blend_is_exact_for_all_bytes)
{
	u32 src, rest, alpha;
	u8 below[4], above[4], saved[4];

	for (alpha = 0; alpha < 256; alpha += 5) {
		for (src = 0; src < 256; src++) {
			for (rest = 0; rest < 256; rest += 3) {
				u8 pixel[4] = { src, 255 - src, rest, rest };

				memcpy(above, pixel, 4);
				memset(below, src ^ rest, 4);
				memcpy(saved, below, 4);
				mvgpu_blend(below, above, 4, alpha, false);
				CHECK_EQ(blended(saved, above, 0, alpha),
					 below[0]);
				CHECK_EQ(blended(saved, above, 1, alpha),
					 below[1]);
				CHECK_EQ(blended(saved, above, 3, alpha),
					 below[3]);
			}
		}
	}
}

UNIT_TEST(blend_of_opaque_and_of_nothing)
{
	u8 below[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	const u8 opaque[8] = { 9, 8, 7, 255, 6, 5, 4, 255 };
	const u8 nothing[8] = {};
	u8 saved[8];

	memcpy(saved, below, 8);
	mvgpu_blend(below, nothing, 8, 255, false);
	CHECK(!memcmp(below, saved, 8));
	mvgpu_blend(below, opaque, 8, 0, false);
	CHECK(!memcmp(below, saved, 8));
	mvgpu_blend(below, opaque, 8, 255, true);
	CHECK(!memcmp(below, opaque, 8));
}

UNIT_TEST(span_blend_is_as_if_all_was_read_first)
{
	u32 dst, src, width, height, pitch, alpha, row, k, round, at, from;
	unsigned int backward = 0;

	for (round = 0; round < 400; round++) {
		scribble();
		dst = 64 + some(0x600) * 4;
		src = round % 2 ? some(0x600) * 4 : dst + 64 - some(32) * 4;
		width = 4 + some(some(2) ? 8 : 0x600) * 4;
		height = 1 + some(3);
		pitch = width + some(16) * 4;
		alpha = some(256);
		CHECK_EQ(0, decode_blend(dst, src, width, height, pitch,
					 alpha));
		for (row = 0; row < height; row++) {
			for (k = 0; k < width; k++) {
				at = dst + row * pitch + (k & ~3u);
				from = src + row * pitch + (k & ~3u);
				expected[at + k % 4] =
					blended(before + at, before + from,
						k % 4, alpha);
			}
		}
		backward += op.backward;
		run_spans();
		CHECK(!memcmp(memory, expected, MEMORY));
	}
	CHECK(backward > 50);
}

UNIT_TEST(span_copy_changes_pitches)
{
	u32 row, height = 5, width = 1000;

	scribble();
	CHECK_EQ(0, decode_copy(5, 0x4003, width, height, 1024, 1500));
	for (row = 0; row < height; row++)
		memcpy(expected + 5 + row * 1024, before + 0x4003 + row * 1500,
		       width);
	run_spans();
	CHECK(!memcmp(memory, expected, MEMORY));
}

UNIT_TEST(span_crc32c_reads_all_in_order)
{
	struct mvgpu_span span;
	u64 done = 0;

	CHECK_EQ(0, decode_crc32c(0, 0x0ff1, 0x3007));
	while (done < op.total) {
		mvgpu_decode_span(&op, done, 65536, &span);
		CHECK_EQ(0x0ff1 + done, span.src);
		CHECK(one_page(span.src, span.len));
		done += span.len;
	}
	CHECK_EQ(0x3007, done);
}

/* Whatever the bytes are: an accepted command stays within the space. */
UNIT_TEST(decode_of_noise_stays_in_range)
{
	union command command;
	struct mvgpu_span span;
	u32 i, round;

	for (round = 0; round < 200000; round++) {
		memset(&command, 0, sizeof(command));
		command.words[0] = htole32(some(MVGPU_OP_TIMESTAMP + 2));
		for (i = 2; i < 10; i++)
			if (some(2))
				command.words[i] = htole32(some(4) ?
					some(0x2000) : some(1 << 24) << 8);
		if (decode(&command) || !op.width)
			continue;
		mvgpu_decode_span(&op, some(op.total), 65536, &span);
		if (op.opcode != MVGPU_OP_CRC32C)
			CHECK(span.dst + span.len <= SPACE);
		if (op.opcode != MVGPU_OP_FILL)
			CHECK(span.src + span.len <= SPACE);
	}
}
