/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the device should do, in plain C: a second implementation of its
 * commands, over arrays.
 */
#ifndef DEVSTATE_MIGRATE_MODEL_H
#define DEVSTATE_MIGRATE_MODEL_H

#include "workload.h"

/**
 * struct model - a guest that never moves
 * @work: its program
 * @next: the command of each queue that comes next
 * @ram: guest RAM
 * @vram: VRAM
 * @gtt: GTT entries
 * @written: bit for each page of guest RAM that the device wrote
 * @scratch: a rectangle that is being moved, and behind it a row
 */
struct model {
	struct workload work;
	__u32 next[WORKLOAD_QUEUES];
	__u8 *ram;
	__u8 *vram;
	__u64 *gtt;
	__u64 *written;
	__u8 *scratch;
};

/* A guest that has run nothing yet. 0 or -ENOMEM. */
int model_create(struct model *model, const struct workload *work);
void model_destroy(struct model *model);

/**
 * model_run - run the programs
 * @model: the guest
 * @until: command of each queue to stop before
 *
 * A queue whose semaphore waits in vain stops there.
 *
 * Return: 0, or -EFAULT if a command would fault, which none should.
 */
int model_run(struct model *model, const __u32 until[WORKLOAD_QUEUES]);

/* The same; -EDEADLK if it cannot run so far. */
int model_reach(struct model *model, const __u32 until[WORKLOAD_QUEUES]);

/* How many commands each queue has. */
void model_end(const struct workload *work, __u32 end[WORKLOAD_QUEUES]);

#endif /* DEVSTATE_MIGRATE_MODEL_H */
