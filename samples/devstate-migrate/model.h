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
 * @next: the command that comes next
 * @ram: guest RAM
 * @vram: VRAM
 * @gtt: GTT entries
 * @written: bit for each page of guest RAM that the device wrote
 * @scratch: a rectangle that is being copied
 */
struct model {
	struct workload work;
	__u32 next;
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
 * model_run - run the program
 * @model: the guest
 * @until: command to stop before
 *
 * Return: 0, or -EFAULT if a command would fault, which none should.
 */
int model_run(struct model *model, __u32 until);

#endif /* DEVSTATE_MIGRATE_MODEL_H */
