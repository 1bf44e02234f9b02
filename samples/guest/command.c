// SPDX-License-Identifier: GPL-2.0
/*
 * Commands of a program: whether all that one reads and writes has GPU addresses
 * of the program. What is bound there is the program's, or nothing; beyond are
 * the rings and the page of fences, which have to be bound so that the device can
 * use them.
 *
 * The rest of a command is the device's to judge. It refuses what is not in
 * order before it touches anything.
 */
#include "guest_private.h"

#define MVGPU_GUEST_SPACE	((u64)MVGPU_GUEST_USER_ENTRIES * MVGPU_PAGE_SIZE)

static bool mvgpu_guest_command_range(__le64 first, u64 bytes)
{
	return bytes && bytes <= MVGPU_GUEST_SPACE &&
	       le64_to_cpu(first) <= MVGPU_GUEST_SPACE - bytes;
}

/* From the first byte to the last; fits in 64 bits. */
static bool mvgpu_guest_command_rows(__le64 first, __le32 width, __le32 height,
				     __le32 pitch)
{
	u64 before = height ? le32_to_cpu(height) - 1 : 0;

	return mvgpu_guest_command_range(first, before * le32_to_cpu(pitch) +
					 le32_to_cpu(width));
}

static bool mvgpu_guest_command_fill(const struct mvgpu_fill *fill)
{
	return mvgpu_guest_command_rows(fill->dst, fill->width, fill->height,
					fill->pitch);
}

/* Of BLEND, too: what it has besides comes after. */
static bool mvgpu_guest_command_copy(const struct mvgpu_copy *copy)
{
	static_assert(offsetof(struct mvgpu_copy, src) ==
		      offsetof(struct mvgpu_blend, src));
	static_assert(offsetof(struct mvgpu_copy, src_pitch) ==
		      offsetof(struct mvgpu_blend, src_pitch));

	return mvgpu_guest_command_rows(copy->dst, copy->width, copy->height,
					copy->dst_pitch) &&
	       mvgpu_guest_command_rows(copy->src, copy->width, copy->height,
					copy->src_pitch);
}

static bool mvgpu_guest_command_crc32c(const struct mvgpu_crc32c *crc32c)
{
	return mvgpu_guest_command_range(crc32c->src,
					 le64_to_cpu(crc32c->length)) &&
	       mvgpu_guest_command_range(crc32c->dst, sizeof(__le32));
}

/**
 * mvgpu_guest_command_ok - judge a command of a program
 * @command: the kernel's copy of it
 *
 * BIND would give access to all of the guest's memory, and what an opcode that is
 * not known here reads and writes cannot be told.
 *
 * Return: whether it is of a known kind, and within the program's addresses.
 */
bool mvgpu_guest_command_ok(const void *command)
{
	const struct mvgpu_semaphore *semaphore = command;
	const struct mvgpu_timestamp *timestamp = command;
	const struct mvgpu_fence *fence = command;

	switch (le32_to_cpup(command)) {
	case MVGPU_OP_NOP:
		return true;
	case MVGPU_OP_FILL:
		return mvgpu_guest_command_fill(command);
	case MVGPU_OP_COPY:
	case MVGPU_OP_BLEND:
		return mvgpu_guest_command_copy(command);
	case MVGPU_OP_CRC32C:
		return mvgpu_guest_command_crc32c(command);
	case MVGPU_OP_FENCE:
		return mvgpu_guest_command_range(fence->dst, sizeof(__le64));
	case MVGPU_OP_SEMAPHORE:
		return mvgpu_guest_command_range(semaphore->src,
						 sizeof(__le64));
	case MVGPU_OP_TIMESTAMP:
		return mvgpu_guest_command_range(timestamp->dst,
						 sizeof(__le64));
	default:
		return false;
	}
}
