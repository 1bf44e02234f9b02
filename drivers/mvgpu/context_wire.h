/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The GTT and the queues as sections of a context, see
 * Documentation/context.rst. Pure: also compiled in user space.
 */
#ifndef _MVGPU_CONTEXT_WIRE_H
#define _MVGPU_CONTEXT_WIRE_H

#include <linux/mdev_migration_wire.h>
#include <linux/mvgpu.h>

#include "queue.h"

/* A count, then a run for each entry in the worst case. */
#define MVGPU_CONTEXT_GTT_MAX	(4 + 16 * MVGPU_GTT_ENTRIES)

#define MVGPU_CONTEXT_QUEUE_LEN	120
#define MVGPU_CONTEXT_QUEUES_LEN(nr)	(4 + (nr) * MVGPU_CONTEXT_QUEUE_LEN)

/**
 * struct mvgpu_context_run - consecutive GTT entries
 * @first: index of the first
 * @count: how many
 * @entry: the first; each that follows is MVGPU_PAGE_SIZE higher
 */
struct mvgpu_context_run {
	u32 first;
	u32 count;
	u64 entry;
};

u32 mvgpu_context_wire_gtt_len(const u64 *entries);
void mvgpu_context_wire_put_gtt(struct mdev_migration_buf *buf,
				const u64 *entries);
int mvgpu_context_wire_check_gtt(struct mdev_migration_cursor *cur,
				 const char **why);
/* Of an accepted section: how many runs there are, and the next of them. */
u32 mvgpu_context_wire_get_count(struct mdev_migration_cursor *cur);
void mvgpu_context_wire_get_run(struct mdev_migration_cursor *cur,
				struct mvgpu_context_run *run);

/* The section of what was reached: a bit for each entry, up to the last that is 1. */
#define MVGPU_CONTEXT_REACHED_MAX	(MVGPU_GTT_ENTRIES / 8)
int mvgpu_context_wire_check_reached(struct mdev_migration_cursor *cur,
				     struct mdev_migration_cursor *gtt,
				     const char **why);

void mvgpu_context_wire_put_queues(struct mdev_migration_buf *buf,
				   const struct mvgpu_queue *queues,
				   unsigned int nr);
int mvgpu_context_wire_check_queues(struct mdev_migration_cursor *cur,
				    u16 version, unsigned int nr,
				    const char **why);
/* Accepted by the function above. Generations move. */
void mvgpu_context_wire_get_queues(struct mdev_migration_cursor *cur,
				   struct mvgpu_queue *queues);

/* The section of the clock: nanoseconds. */
#define MVGPU_CONTEXT_CLOCK_LEN	8
void mvgpu_context_wire_put_clock(struct mdev_migration_buf *buf, u64 now);
int mvgpu_context_wire_check_clock(struct mdev_migration_cursor *cur,
				   const char **why);

#endif /* _MVGPU_CONTEXT_WIRE_H */
