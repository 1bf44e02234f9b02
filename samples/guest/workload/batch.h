/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A batch: random commands for one queue, over its arena.
 */
#ifndef GUEST_WORKLOAD_BATCH_H
#define GUEST_WORKLOAD_BATCH_H

#include <linux/types.h>

#include "arena.h"

#define BATCH_MOST	(MVGPU_GUEST_COMMANDS - 1)

/**
 * struct batch - commands that are submitted together
 * @command: the commands
 * @count: how many
 * @bytes: that they write
 */
struct batch {
	union gpu_command command[BATCH_MOST];
	__u32 count;
	__u64 bytes;
};

void batch_add(struct batch *batch, union gpu_command command);

/* A FILL, COPY, BLEND or CRC32C that writes to what the arena's queue owns. */
void batch_add_random(struct batch *batch, const struct arena *arena,
		      struct random *random);

/* Copies something to the end of the arena, for the next queue. */
void batch_add_export(struct batch *batch, const struct arena *arena,
		      struct random *random);

/* Copies something from the end of another arena. */
void batch_add_import(struct batch *batch, const struct arena *arena,
		      const struct arena *from, struct random *random);

/* A FILL somewhere in an arena, of a page at most. */
void batch_add_touch(struct batch *batch, const struct arena *arena,
		     struct random *random);

#endif /* GUEST_WORKLOAD_BATCH_H */
