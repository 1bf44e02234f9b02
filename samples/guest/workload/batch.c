// SPDX-License-Identifier: GPL-2.0
/*
 * Random commands: see batch.h.
 */
#include <stdbool.h>

#include "batch.h"

/* What a command moves, at most. */
#define MOVE_MOST	(96U * 1024)

/* A rectangle in an arena. */
struct rect {
	__u32 offset;
	__u32 width;
	__u32 height;
	__u32 pitch;
};

static __u32 extent(const struct rect *rect)
{
	return (rect->height - 1) * rect->pitch + rect->width;
}

static struct rect shape(struct random *random, __u32 most, __u32 align)
{
	struct rect rect = { .height = 1 };
	__u32 size = random_size(random, most);

	if (random_below(random, 2))
		rect.height = 1 + random_below(random, 8);
	rect.width = size / rect.height / align * align;
	if (!rect.width)
		rect.width = align;
	rect.pitch = rect.width;
	if (random_below(random, 2))
		rect.pitch += random_below(random, 64) * align;
	return rect;
}

/* Somewhere in the first @limit bytes. */
static void place(struct rect *rect, struct random *random, __u32 limit,
		  __u32 align)
{
	rect->offset = random_below(random, limit - extent(rect)) / align *
		       align;
}

/* Overlap is defined for rows of equal distance alone. */
static void make_legal(const struct rect *dst, struct rect *src)
{
	bool apart = src->offset >= dst->offset + extent(dst) ||
		     dst->offset >= src->offset + extent(src);

	if (apart || dst->height == 1)
		return;
	src->pitch = dst->pitch;
	if (src->offset > ARENA_SIZE - extent(src))
		src->offset = ARENA_SIZE - extent(src);
}

void batch_add(struct batch *batch, union gpu_command command)
{
	batch->command[batch->count++] = command;
}

static void add_fill(struct batch *batch, const struct arena *arena,
		     struct random *random)
{
	struct rect dst = shape(random, MOVE_MOST, 1);

	place(&dst, random, ARENA_OWN, 1);
	batch_add(batch, gpu_fill(arena->model.base + dst.offset, dst.width,
				  dst.height, dst.pitch, random_next(random)));
	batch->bytes += dst.width * dst.height;
}

static void add_copy_or_blend(struct batch *batch, const struct arena *arena,
			      struct random *random, bool blend)
{
	const __u32 align = blend ? 4 : 1;
	const __u64 base = arena->model.base;
	struct rect dst = shape(random, MOVE_MOST, align), src = dst;

	place(&dst, random, ARENA_OWN, align);
	if (random_below(random, 2))
		src.pitch = src.width + random_below(random, 64) * align;
	place(&src, random, ARENA_SIZE, align);
	make_legal(&dst, &src);
	if (blend)
		batch_add(batch, gpu_blend(base + dst.offset, base + src.offset,
					   dst.width, dst.height, dst.pitch,
					   src.pitch,
					   random_below(random, 256)));
	else
		batch_add(batch, gpu_copy(base + dst.offset, base + src.offset,
					  dst.width, dst.height, dst.pitch,
					  src.pitch));
	batch->bytes += dst.width * dst.height;
}

static void add_crc32c(struct batch *batch, const struct arena *arena,
		       struct random *random)
{
	struct rect src = { .width = random_size(random, MOVE_MOST),
			    .height = 1 };
	struct rect dst = { .width = 4, .height = 1 };
	__u32 seed = random_below(random, 2) ? random_next(random) : 0;

	place(&src, random, ARENA_SIZE, 1);
	place(&dst, random, ARENA_OWN, 4);
	batch_add(batch, gpu_crc32c(arena->model.base + dst.offset,
				    arena->model.base + src.offset, src.width,
				    seed));
	batch->bytes += dst.width;
}

void batch_add_random(struct batch *batch, const struct arena *arena,
		      struct random *random)
{
	switch (random_below(random, 8)) {
	case 0 ... 1:
		add_fill(batch, arena, random);
		break;
	case 2 ... 4:
		add_copy_or_blend(batch, arena, random, false);
		break;
	case 5:
		add_copy_or_blend(batch, arena, random, true);
		break;
	default:
		add_crc32c(batch, arena, random);
	}
}

void batch_add_export(struct batch *batch, const struct arena *arena,
		      struct random *random)
{
	__u32 size = random_size(random, ARENA_EXPORT);
	__u32 dst = ARENA_OWN + random_below(random, ARENA_EXPORT - size + 1);
	__u32 src = random_below(random, ARENA_OWN - size);

	batch_add(batch, gpu_copy(arena->model.base + dst,
				  arena->model.base + src, size, 1, size,
				  size));
	batch->bytes += size;
}

void batch_add_import(struct batch *batch, const struct arena *arena,
		      const struct arena *from, struct random *random)
{
	__u32 size = random_size(random, ARENA_EXPORT);
	__u32 src = ARENA_OWN + random_below(random, ARENA_EXPORT - size + 1);
	__u32 dst = random_below(random, ARENA_OWN - size);

	batch_add(batch, gpu_copy(arena->model.base + dst,
				  from->model.base + src, size, 1, size, size));
	batch->bytes += size;
}

void batch_add_touch(struct batch *batch, const struct arena *arena,
		     struct random *random)
{
	__u32 size = random_size(random, PAGE);
	__u32 dst = random_below(random, arena->pages * PAGE - size);

	batch_add(batch, gpu_fill(arena->model.base + dst, size, 1, size,
				  random_next(random)));
	batch->bytes += size;
}
