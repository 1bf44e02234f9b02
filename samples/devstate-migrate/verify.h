/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Was it right? Memory and dirty bitmap, compared with the model's; timestamps
 * and interrupts, by themselves.
 */
#ifndef DEVSTATE_MIGRATE_VERIFY_H
#define DEVSTATE_MIGRATE_VERIFY_H

#include <stdbool.h>

#include "machine.h"
#include "model.h"

/**
 * struct verify_result - what a guest is at the end
 * @ram_wrong: pages of guest RAM that differ from the model's
 * @vram_wrong: the same for VRAM
 * @stamps_wrong: timestamps that are earlier than one before, or not yet
 * @interrupts: interrupts that came since the device was started
 * @interrupts_wrong: interrupts that did not come, or too often
 * @ram_crc: CRC-32C of guest RAM, with timestamps as zeros
 * @vram_crc: CRC-32C of VRAM
 */
struct verify_result {
	__u32 ram_wrong;
	__u32 vram_wrong;
	__u32 stamps_wrong;
	__u32 interrupts;
	__u32 interrupts_wrong;
	__u32 ram_crc;
	__u32 vram_crc;
};

/* The model of a program that has ended. 0 or -errno, said on stderr. */
int verify_model(struct model *model, const struct workload *work);

/*
 * Compare a machine whose program has ended, and set its timestamps to zeros.
 * 0 or -errno, said on stderr.
 */
int verify_machine(struct machine *machine, const struct model *model,
		   struct verify_result *result);

bool verify_equal(const struct verify_result *result);

/**
 * struct verify_dirty - a dirty bitmap against what the device wrote
 * @least: pages written by the commands that were completed
 * @most: the same with those that were being run
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
 * @completed: commands that each queue had completed when the device stood
 * @bitmap: of guest RAM
 * @dirty: the judgement
 *
 * Return: 0 or -errno, said on stderr.
 */
int verify_bitmap(const struct workload *work,
		  const __u32 completed[WORKLOAD_QUEUES],
		  const __u64 *bitmap, struct verify_dirty *dirty);

/* Bits that are set for @pages pages. */
__u32 verify_count(const __u64 *bitmap, __u32 pages);

#endif /* DEVSTATE_MIGRATE_VERIFY_H */
