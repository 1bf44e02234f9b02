/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Was it right? Memory and dirty bitmap, compared with the model's.
 */
#ifndef DEVSTATE_MIGRATE_VERIFY_H
#define DEVSTATE_MIGRATE_VERIFY_H

#include <stdbool.h>

#include "machine.h"
#include "model.h"

/**
 * struct verify_result - what a guest's memory is at the end
 * @ram_wrong: pages of guest RAM that differ from the model's
 * @vram_wrong: the same for VRAM
 * @ram_crc: CRC-32C of guest RAM
 * @vram_crc: CRC-32C of VRAM
 */
struct verify_result {
	__u32 ram_wrong;
	__u32 vram_wrong;
	__u32 ram_crc;
	__u32 vram_crc;
};

/* The model of a program that has ended. 0 or -errno, said on stderr. */
int verify_model(struct model *model, const struct workload *work);

/* Compare a machine's memory. 0 or -errno, said on stderr. */
int verify_memory(struct machine *machine, const struct model *model,
		  struct verify_result *result);

bool verify_equal(const struct verify_result *result);

/**
 * struct verify_dirty - a dirty bitmap against what the device wrote
 * @least: pages written by the commands that were completed
 * @most: the same with the command that was being run
 * @missing: pages of @least that the bitmap lacks
 * @excess: pages of the bitmap that are not of @most
 */
struct verify_dirty {
	__u32 least;
	__u32 most;
	__u32 missing;
	__u32 excess;
};

/**
 * verify_bitmap - judge a dirty bitmap
 * @work: the program
 * @completed: commands completed when the device stood
 * @bitmap: of guest RAM
 * @dirty: the judgement
 *
 * Return: 0 or -errno, said on stderr.
 */
int verify_bitmap(const struct workload *work, __u32 completed,
		  const __u64 *bitmap, struct verify_dirty *dirty);

/* Bits that are set for @pages pages. */
__u32 verify_count(const __u64 *bitmap, __u32 pages);

#endif /* DEVSTATE_MIGRATE_VERIFY_H */
