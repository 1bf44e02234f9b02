// SPDX-License-Identifier: GPL-2.0
/*
 * Commands: 64 bytes of a hostile guest become a struct mvgpu_op whose fields
 * are all in range, and an op is cut into spans that lie within one page.
 * Pure: also compiled in user space.
 */
#include <linux/mdev_migration_wire.h>

#include "decode.h"

#define MVGPU_SPACE	((u64)MVGPU_GTT_ENTRIES * MVGPU_PAGE_SIZE)

static bool mvgpu_decode_in_space(u64 first, u64 len)
{
	return len && len <= MVGPU_SPACE && first <= MVGPU_SPACE - len;
}

/* From the first byte of a rectangle to its last; fits in 64 bits. */
static u64 mvgpu_decode_extent(const struct mvgpu_op *op, u32 pitch)
{
	return (u64)(op->height - 1) * pitch + op->width;
}

static bool mvgpu_decode_rectangle(const struct mvgpu_op *op, u64 first,
				   u32 pitch)
{
	if (!op->width || !op->height)
		return false;
	if (op->height > 1 && pitch < op->width)
		return false;

	return mvgpu_decode_in_space(first, mvgpu_decode_extent(op, pitch));
}

static bool mvgpu_decode_fill(struct mdev_migration_cursor *cur,
			      struct mvgpu_op *op)
{
	op->dst = mdev_migration_get_u64(cur);
	op->width = mdev_migration_get_u32(cur);
	op->height = mdev_migration_get_u32(cur);
	op->dst_pitch = mdev_migration_get_u32(cur);
	op->value = mdev_migration_get_u32(cur);
	op->total = op->width * op->height;

	return mvgpu_decode_rectangle(op, op->dst, op->dst_pitch);
}

/*
 * With equal pitches the way from a byte to its copy is the same for all
 * bytes, so the direction of memmove() is right for the whole rectangle.
 */
static bool mvgpu_decode_overlap(struct mvgpu_op *op)
{
	u64 dst_len = mvgpu_decode_extent(op, op->dst_pitch);
	u64 src_len = mvgpu_decode_extent(op, op->src_pitch);

	if (op->dst >= op->src + src_len || op->src >= op->dst + dst_len)
		return true;
	if (op->height > 1 && op->dst_pitch != op->src_pitch)
		return false;
	op->backward = op->dst > op->src;

	return true;
}

static bool mvgpu_decode_copy(struct mdev_migration_cursor *cur,
			      struct mvgpu_op *op)
{
	op->dst = mdev_migration_get_u64(cur);
	op->width = mdev_migration_get_u32(cur);
	op->height = mdev_migration_get_u32(cur);
	op->dst_pitch = mdev_migration_get_u32(cur);
	op->src_pitch = mdev_migration_get_u32(cur);
	op->src = mdev_migration_get_u64(cur);
	op->total = op->width * op->height;

	return mvgpu_decode_rectangle(op, op->dst, op->dst_pitch) &&
	       mvgpu_decode_rectangle(op, op->src, op->src_pitch) &&
	       mvgpu_decode_overlap(op);
}

/* Whole pixels, so that spans are cut between them. */
static bool mvgpu_decode_blend(struct mdev_migration_cursor *cur,
			       struct mvgpu_op *op)
{
	if (!mvgpu_decode_copy(cur, op))
		return false;
	op->value = mdev_migration_get_u32(cur);
	if (op->value > 255)
		return false;

	return !((op->dst | op->src | op->width) % MVGPU_PIXEL_SIZE) &&
	       (op->height == 1 ||
		!((op->dst_pitch | op->src_pitch) % MVGPU_PIXEL_SIZE));
}

static bool mvgpu_decode_crc32c(struct mdev_migration_cursor *cur,
				struct mvgpu_op *op)
{
	op->src = mdev_migration_get_u64(cur);
	op->width = mdev_migration_get_u64(cur);
	op->dst = mdev_migration_get_u64(cur);
	op->value = mdev_migration_get_u32(cur);
	op->height = 1;
	op->total = op->width;

	return mvgpu_decode_in_space(op->src, op->width) &&
	       mvgpu_decode_in_space(op->dst, sizeof(u32)) &&
	       op->dst % sizeof(u32) == 0;
}

static bool mvgpu_decode_bind(struct mdev_migration_cursor *cur,
			      struct mvgpu_op *op)
{
	u64 way;

	op->value = mdev_migration_get_u64(cur);
	op->first = mdev_migration_get_u32(cur);
	op->count = mdev_migration_get_u32(cur);
	op->total = op->count;
	if (!op->count || op->count > MVGPU_GTT_ENTRIES ||
	    op->first > MVGPU_GTT_ENTRIES - op->count)
		return false;
	if (op->opcode == MVGPU_OP_UNBIND)
		return !op->value;

	way = (u64)(op->count - 1) * MVGPU_PAGE_SIZE;

	return !(op->value & MVGPU_GTT_RESERVED) && op->value + way >= way;
}

static bool mvgpu_decode_fence(struct mdev_migration_cursor *cur,
			       struct mvgpu_op *op)
{
	op->dst = mdev_migration_get_u64(cur);
	op->value = mdev_migration_get_u64(cur);

	return mvgpu_decode_in_space(op->dst, sizeof(u64)) &&
	       op->dst % sizeof(u64) == 0;
}

static bool mvgpu_decode_semaphore(struct mdev_migration_cursor *cur,
				   struct mvgpu_op *op)
{
	op->src = mdev_migration_get_u64(cur);
	op->value = mdev_migration_get_u64(cur);
	op->compare = mdev_migration_get_u32(cur);

	return mvgpu_decode_in_space(op->src, sizeof(u64)) &&
	       op->src % sizeof(u64) == 0 &&
	       op->compare <= MVGPU_COMPARE_GREATER_EQUAL;
}

static bool mvgpu_decode_timestamp(struct mdev_migration_cursor *cur,
				   struct mvgpu_op *op)
{
	op->dst = mdev_migration_get_u64(cur);

	return mvgpu_decode_in_space(op->dst, sizeof(u64)) &&
	       op->dst % sizeof(u64) == 0;
}

static u32 mvgpu_decode_fields(struct mdev_migration_cursor *cur,
			       struct mvgpu_op *op)
{
	bool ok;

	switch (op->opcode) {
	case MVGPU_OP_NOP:
		ok = true;
		break;
	case MVGPU_OP_FILL:
		ok = mvgpu_decode_fill(cur, op);
		break;
	case MVGPU_OP_COPY:
		ok = mvgpu_decode_copy(cur, op);
		break;
	case MVGPU_OP_BLEND:
		ok = mvgpu_decode_blend(cur, op);
		break;
	case MVGPU_OP_CRC32C:
		ok = mvgpu_decode_crc32c(cur, op);
		break;
	case MVGPU_OP_BIND:
	case MVGPU_OP_UNBIND:
		ok = mvgpu_decode_bind(cur, op);
		break;
	case MVGPU_OP_FENCE:
		ok = mvgpu_decode_fence(cur, op);
		break;
	case MVGPU_OP_SEMAPHORE:
		ok = mvgpu_decode_semaphore(cur, op);
		break;
	case MVGPU_OP_TIMESTAMP:
		ok = mvgpu_decode_timestamp(cur, op);
		break;
	default:
		return MVGPU_FAULT_OPCODE;
	}

	return ok ? MVGPU_FAULT_NONE : MVGPU_FAULT_COMMAND;
}

/**
 * mvgpu_decode - read and judge a command
 * @command: a snapshot, so that it cannot change between the two
 * @op: filled in; only valid if the command is
 *
 * Return: MVGPU_FAULT_NONE, or MVGPU_FAULT_OPCODE or MVGPU_FAULT_COMMAND.
 */
u32 mvgpu_decode(const u8 command[MVGPU_COMMAND_SIZE], struct mvgpu_op *op)
{
	struct mdev_migration_cursor cur = {
		.data = command,
		.left = MVGPU_COMMAND_SIZE,
	};
	u32 fault, flags, allowed = 0;

	memset(op, 0, sizeof(*op));
	op->opcode = mdev_migration_get_u32(&cur);
	flags = mdev_migration_get_u32(&cur);
	fault = mvgpu_decode_fields(&cur, op);
	if (fault)
		return fault;
	if (op->opcode == MVGPU_OP_FENCE)
		allowed = MVGPU_FENCE_INTERRUPT;
	if (flags & ~allowed)
		return MVGPU_FAULT_COMMAND;
	op->interrupt = flags & MVGPU_FENCE_INTERRUPT;
	/* what fields there are end at a multiple of 4 */
	if (cur.left % sizeof(u64) && mdev_migration_get_u32(&cur))
		return MVGPU_FAULT_COMMAND;
	while (cur.left) {
		if (mdev_migration_get_u64(&cur))
			return MVGPU_FAULT_COMMAND;
	}

	return MVGPU_FAULT_NONE;
}

/**
 * mvgpu_decode_ring_ok - judge the place of a ring
 * @base: GPU address
 * @size: bytes
 *
 * Return: whether a queue with such a ring can be enabled.
 */
bool mvgpu_decode_ring_ok(u64 base, u32 size)
{
	return size >= MVGPU_RING_SIZE_MIN && size <= MVGPU_RING_SIZE_MAX &&
	       !(size & (size - 1)) && !(base % MVGPU_PAGE_SIZE) &&
	       mvgpu_decode_in_space(base, size);
}

static u32 mvgpu_decode_least(u64 a, u64 b)
{
	return a < b ? a : b;
}

/* Bytes from an address to the end of its page. */
static u32 mvgpu_decode_ahead(u64 address)
{
	return MVGPU_PAGE_SIZE - address % MVGPU_PAGE_SIZE;
}

/* Bytes of a page up to an address, that of its last byte included. */
static u32 mvgpu_decode_behind(u64 last)
{
	return last % MVGPU_PAGE_SIZE + 1;
}

static void mvgpu_decode_forward(const struct mvgpu_op *op, u64 done, u32 max,
				 struct mvgpu_span *span)
{
	u64 row = done / op->width;

	span->column = done % op->width;
	span->dst = op->dst + row * op->dst_pitch + span->column;
	span->src = op->src + row * op->src_pitch + span->column;
	span->len = mvgpu_decode_least(op->width - span->column, max);
	if (op->opcode != MVGPU_OP_CRC32C)
		span->len = mvgpu_decode_least(span->len,
					       mvgpu_decode_ahead(span->dst));
	if (op->opcode != MVGPU_OP_FILL)
		span->len = mvgpu_decode_least(span->len,
					       mvgpu_decode_ahead(span->src));
}

static void mvgpu_decode_backward(const struct mvgpu_op *op, u64 done, u32 max,
				  struct mvgpu_span *span)
{
	u64 last = op->total - done - 1;
	u64 row = last / op->width, column = last % op->width;
	u64 dst = op->dst + row * op->dst_pitch + column;
	u64 src = op->src + row * op->src_pitch + column;
	u32 len = mvgpu_decode_least(column + 1, max);

	len = mvgpu_decode_least(len, mvgpu_decode_behind(dst));
	len = mvgpu_decode_least(len, mvgpu_decode_behind(src));
	span->len = len;
	span->column = column + 1 - len;
	span->dst = dst + 1 - len;
	span->src = src + 1 - len;
}

/**
 * mvgpu_decode_span - what to do next
 * @op: FILL, COPY, BLEND or CRC32C, as mvgpu_decode() gave it
 * @done: bytes done, less than the total
 * @max: most bytes, at least 1
 * @span: filled in; at least one byte
 *
 * CRC32C writes no span; its @span->dst means nothing. Neither does @span->src
 * of FILL.
 */
void mvgpu_decode_span(const struct mvgpu_op *op, u64 done, u32 max,
		       struct mvgpu_span *span)
{
	if (op->backward)
		mvgpu_decode_backward(op, done, max, span);
	else
		mvgpu_decode_forward(op, done, max, span);
}
