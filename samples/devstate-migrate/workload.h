/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The guest that is moved: a program of GPU commands, and what the CPU writes
 * beside it. All of it follows from a few numbers, so that source, target and
 * model agree on every byte without talking about it.
 *
 * Guest RAM, in pages:
 *
 *	0		the ring
 *	1 .. 8		results: checksums and fences
 *	16 .. 79	staging: written by the CPU, read by the device
 *	80 .. 1/4	scratch: written by the CPU
 *	1/4 .. 1/2	textures: written by the CPU at the start, then only read
 *	1/2 .. end	targets: written by the device
 *
 * VRAM: the last 64 pages are written by the CPU and read by the device, all
 * others are the device's.
 */
#ifndef DEVSTATE_MIGRATE_WORKLOAD_H
#define DEVSTATE_MIGRATE_WORKLOAD_H

#include <linux/types.h>

#include "gpu.h"

#define WORKLOAD_PAGE		4096UL

/* Where the device sees guest RAM: beyond 32 bits, to notice a cut address. */
#define WORKLOAD_IOVA		0x100000000ULL

/* Bounds of the numbers. */
#define WORKLOAD_RAM_MIN	2048	/* pages: 8 MiB */
#define WORKLOAD_RAM_MAX	32768	/* pages: 128 MiB */
#define WORKLOAD_VRAM_MIN	1024	/* pages: 4 MiB */
#define WORKLOAD_VRAM_MAX	16384	/* pages: 64 MiB */
#define WORKLOAD_ROUNDS_MAX	10000

#define WORKLOAD_RING_SIZE	4096
#define WORKLOAD_RING_SLOTS	(WORKLOAD_RING_SIZE / MVGPU_COMMAND_SIZE)
/* GTT entry of the ring; without MVGPU_GTT_WRITE. */
#define WORKLOAD_RING_ENTRY	0xf000

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

/* Commands in the program. */
__u32 workload_commands(const struct workload *work);

/* Command @index of the program. */
union gpu_command workload_command(const struct workload *work, __u32 index);

/* What the CPU writes before the first command: the textures. */
void workload_prepare(const struct workload *work,
		      const struct workload_memory *mem);

/* What the CPU writes for command @index, the command itself included. */
void workload_cpu(const struct workload *work, __u32 index,
		  const struct workload_memory *mem);

/* Name of a command's opcode. */
const char *workload_name(const union gpu_command *command);

#endif /* DEVSTATE_MIGRATE_WORKLOAD_H */
