/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Decoding of commands, and how one is cut into chunks. Pure: also compiled
 * in user space.
 */
#ifndef _MVGPU_DECODE_H
#define _MVGPU_DECODE_H

#include <linux/types.h>
#include <linux/mvgpu.h>

/* Bytes of a pixel of BLEND. */
#define MVGPU_PIXEL_SIZE	4

/**
 * struct mvgpu_progress - how far a command has run
 * @done: bytes (FILL, COPY, BLEND, CRC32C) or entries (BIND, UNBIND) done, in the
 *	order in which the command runs
 * @crc: running checksum of CRC32C
 */
struct mvgpu_progress {
	u64 done;
	u32 crc;
};

/**
 * struct mvgpu_op - a decoded, validated command
 * @opcode: enum mvgpu_opcode
 * @dst: GPU address written; not SEMAPHORE; CRC32C: of the result
 * @src: GPU address read; COPY, BLEND, CRC32C, SEMAPHORE
 * @width: bytes in a row; CRC32C: all bytes
 * @height: rows; 1 for CRC32C
 * @dst_pitch: bytes from row to row written
 * @src_pitch: bytes from row to row read
 * @backward: run from the last byte to the first, for overlapping rectangles
 * @value: FILL pattern, FENCE and SEMAPHORE value, BIND entry, CRC32C seed,
 *	BLEND alpha
 * @compare: SEMAPHORE: enum mvgpu_compare
 * @interrupt: raise the queue's interrupt when done
 * @first: BIND, UNBIND: first entry
 * @count: BIND, UNBIND: entries
 * @total: units that mvgpu_progress::done counts to
 */
struct mvgpu_op {
	u32 opcode;
	u64 dst;
	u64 src;
	u64 width;
	u32 height;
	u32 dst_pitch;
	u32 src_pitch;
	bool backward;
	u64 value;
	u32 compare;
	bool interrupt;
	u32 first;
	u32 count;
	u64 total;
};

/* enum mvgpu_fault: MVGPU_FAULT_NONE, _OPCODE or _COMMAND */
u32 mvgpu_decode(const u8 command[MVGPU_COMMAND_SIZE], struct mvgpu_op *op);

/* Can a ring lie there? */
bool mvgpu_decode_ring_ok(u64 base, u32 size);

/**
 * struct mvgpu_span - bytes of one row that a command works on next
 * @dst: GPU address written
 * @src: GPU address read
 * @len: bytes
 * @column: offset of the first byte in its row
 */
struct mvgpu_span {
	u64 dst;
	u64 src;
	u32 len;
	u64 column;
};

/*
 * The next span of FILL, COPY, BLEND or CRC32C after @done bytes: at most @max
 * bytes, within one row, crossing no page boundary of what is read or written.
 * Where the op runs backward the span is the last one that is not done.
 */
void mvgpu_decode_span(const struct mvgpu_op *op, u64 done, u32 max,
		       struct mvgpu_span *span);

#endif /* _MVGPU_DECODE_H */
