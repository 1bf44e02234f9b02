// SPDX-License-Identifier: GPL-2.0
/*
 * Commands: every field out of range is refused, and the spans of those that
 * are not, done in their order, do what linux/mvgpu.h says.
 */
#include <endian.h>
#include <linux/string.h>

#include "decode.h"
#include "unit.h"

#define SPACE	((u64)MVGPU_GTT_ENTRIES * MVGPU_PAGE_SIZE)

union command {
	u8 bytes[MVGPU_COMMAND_SIZE];
	__le32 words[MVGPU_COMMAND_SIZE / 4];
	struct mvgpu_fill fill;
	struct mvgpu_copy copy;
	struct mvgpu_crc32c crc32c;
	struct mvgpu_bind bind;
	struct mvgpu_fence fence;
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

	for (opcode = 8; opcode; opcode <<= 1) {
		command.words[0] = htole32(opcode);
		CHECK_EQ(MVGPU_FAULT_OPCODE, decode(&command));
	}
	command.words[0] = htole32(3);
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
		mvgpu_decode_span(&op, done, max, &span);
		CHECK(span.len >= 1 && span.len <= max);
		CHECK(span.len <= op.total - done);
		CHECK(span.column + span.len <= op.width);
		CHECK(one_page(span.dst, span.len));
		if (op.opcode == MVGPU_OP_COPY) {
			CHECK(one_page(span.src, span.len));
			memmove(memory + span.dst, memory + span.src,
				span.len);
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
		command.words[0] = htole32(some(10));
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
