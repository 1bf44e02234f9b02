/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest that is moved: a program of GPU commands for each queue, and what
 * the CPU writes beside them. All of it follows from a few numbers, so that
 * source, target and model agree on every byte without talking about it.
 *
 * Each queue has parts of guest RAM and VRAM that it alone writes. Queue 0 does
 * long commands and shares its data with the CPU. The others do shorter ones: a
 * round of theirs waits, by a semaphore, for the same round of queue 0, which
 * waits for one of them in each round, and for all at its end. So the end does
 * not depend on who was faster; only timestamps differ from run to run.
 *
 * Guest RAM, in pages:
 *
 *	0 .. 3		the rings
 *	4		a fence for each queue: rounds that it has done
 *	8 .. 39		results: checksums and fences, 8 for each queue
 *	40 .. 119	timestamps, 20 for each queue
 *	120 .. 183	staging: written by the CPU, read by the device
 *	184 .. 1/4	scratch: written by the CPU
 *	1/4 .. 1/2	textures: written by the CPU at the start, then only read
 *	1/2 .. 13/16	targets: written by queue 0
 *	13/16 ..	targets, 1/16 for each of the other queues
 *
 * VRAM: 5/8 are of queue 0, 1/8 of each of the others. The last 64 pages are
 * written by the CPU and read by queue 0. Of more than WORKLOAD_VIEW pages,
 * only those at the start and at the end are used.
 */
#ifndef DEVSTATE_MIGRATE_WORKLOAD_H
#define DEVSTATE_MIGRATE_WORKLOAD_H

#include <stdbool.h>
#include <linux/types.h>

#include "gpu.h"

#define WORKLOAD_PAGE		4096UL

/* Where the device sees guest RAM: beyond 32 bits, to notice a cut address. */
#define WORKLOAD_IOVA		0x100000000ULL

/* Bounds of the numbers. */
#define WORKLOAD_RAM_MIN	2048	/* pages: 8 MiB */
#define WORKLOAD_RAM_MAX	32768	/* pages: 128 MiB */
#define WORKLOAD_VRAM_MIN	1024	/* pages: 4 MiB */
#define WORKLOAD_VRAM_MAX	65536	/* pages: 256 MiB */
#define WORKLOAD_ROUNDS_MAX	10000

/* Pages of VRAM that fit into the GTT beside all the rest: 64 MiB. */
#define WORKLOAD_VIEW		16384

#define WORKLOAD_QUEUES		4
#define WORKLOAD_RING_SIZE	4096
#define WORKLOAD_RING_SLOTS	(WORKLOAD_RING_SIZE / MVGPU_COMMAND_SIZE)
/* GTT entry of the first ring; without MVGPU_GTT_WRITE. */
#define WORKLOAD_RING_ENTRY	0xf000
/* Page of the fences; the CPU binds it, as queues wait for one to begin. */
#define WORKLOAD_FENCE_PAGE	4
#define WORKLOAD_FENCE_ENTRY	(WORKLOAD_RING_ENTRY + WORKLOAD_QUEUES)
#define WORKLOAD_FENCE_GTT	((WORKLOAD_IOVA + WORKLOAD_FENCE_PAGE * \
				  WORKLOAD_PAGE) | MVGPU_GTT_VALID | \
				 MVGPU_GTT_WRITE)

/* Pages of guest RAM with timestamps: an u64 for each. */
#define WORKLOAD_STAMP_PAGE	40
#define WORKLOAD_STAMP_PAGES	20

/* More opcodes than there are. */
#define WORKLOAD_OPCODES	16

/**
 * struct workload - the numbers that make a program
 * @seed: anything
 * @rounds: how often the engine goes through its commands
 * @ram_pages: pages of guest RAM
 * @vram_pages: pages of VRAM
 */
struct workload {
	__u64 seed;
	__u32 rounds;
	__u32 ram_pages;
	__u32 vram_pages;
};

/**
 * struct workload_memory - what the CPU of the guest writes to
 * @ram: guest RAM
 * @vram: VRAM
 * @touched: bit for each page of guest RAM that the CPU wrote, set after the
 *	write; NULL if nobody wants to know
 */
struct workload_memory {
	__u8 *ram;
	__u8 *vram;
	__u64 *touched;
};

/* Are the numbers within bounds? 0 or -EINVAL. */
int workload_check(const struct workload *work);

/* Commands in the program of a queue. */
__u32 workload_commands(const struct workload *work, unsigned int queue);

/* Command @index of the program of a queue. */
union gpu_command workload_command(const struct workload *work,
				   unsigned int queue, __u32 index);

/* Timestamps in the program of a queue. */
__u32 workload_stamps(const struct workload *work, unsigned int queue);

/* Does the CPU write data for command @index? If so to @slot of staging. */
bool workload_uploads(unsigned int queue, __u32 index, __u32 *slot);

/* Interrupts that the program of a queue raises from command @from on. */
__u32 workload_interrupts(const struct workload *work, unsigned int queue,
			  __u32 from);

/* Count the commands of all queues, by opcode. Returns how many there are. */
__u32 workload_count(const struct workload *work,
		     __u32 counts[WORKLOAD_OPCODES]);

/* What the CPU writes before the first command: the textures. */
void workload_prepare(const struct workload *work,
		      const struct workload_memory *mem);

/*
 * What the CPU writes for command @index of a queue, the command itself
 * included.
 */
void workload_cpu(const struct workload *work, unsigned int queue, __u32 index,
		  const struct workload_memory *mem);

/* Name of an opcode. */
const char *workload_name(__u32 opcode);

#endif /* DEVSTATE_MIGRATE_WORKLOAD_H */
