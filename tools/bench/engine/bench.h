/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Measures the engine of a vGPU beside the kernel's own memset() and memcpy()
 * over the same pages, and the way from a doorbell to its fence beside a round
 * trip between two threads, by turns, in one boot.
 */
#ifndef _BENCH_ENGINE_H
#define _BENCH_ENGINE_H

#include <stdint.h>

#include "gpu.h"
#include "mdev.h"
#include "memory.h"
#include "vfio.h"

/* There is so much VRAM and so much guest memory to work on. */
#define BENCH_SIZE	(32UL << 20)
/* The second half of each is where copies come from. */
#define BENCH_SOURCE	(16UL << 20)

/* The GPU address space */
#define BENCH_VRAM	0x0UL
#define BENCH_RAM	0x4000000UL
#define BENCH_RING	0x8000000UL
#define BENCH_FENCE	(BENCH_RING + BENCH_RING_SIZE)
#define BENCH_RING_SIZE	MVGPU_RING_SIZE_MAX

/* At most so many in the ring, the fence not counted. */
#define BENCH_COMMANDS	16000U

/**
 * struct bench - a vGPU that is ready to run, and its memory
 * @uuid: of the mediated device
 * @vfio: open on it
 * @gpu: its BARs
 * @ram: guest memory to work on
 * @control: guest memory with the ring and the fence
 * @vram: VRAM as this process sees it
 * @ring: queue 0
 * @interrupt: eventfd of queue 0
 * @fence: the last value that was asked for
 */
struct bench {
	char uuid[MDEV_UUID_SIZE];
	struct vfio_client vfio;
	struct gpu gpu;
	struct ram ram;
	struct ram control;
	char *vram;
	struct gpu_ring ring;
	int interrupt;
	uint64_t fence;
};

/* Nanoseconds, which under -icount are instructions. */
uint64_t bench_now(void);

/*
 * From now on all run on one CPU, the engine and the kernel: an emulated CPU has a
 * TLB of its own, as big as its recent use of it was, and that is what figures of
 * different CPUs tell of. 0 or -errno.
 */
int bench_one_cpu(void);

/* The middle of @nr figures, which are sorted. */
double bench_median(double *figures, unsigned int nr);

/* Put a fence that raises the queue's interrupt: 0 or -errno. */
int bench_put_fence(struct bench *bench);

/*
 * Ring the doorbell and wait for the fence: 0 and how long it took, or -errno,
 * -EIO if it is not the fence that came.
 */
int bench_trip(struct bench *bench, double *ns);

/* All rows: 0 or -errno. */
int bench_moves(struct bench *bench, unsigned int repeats);
int bench_latency(struct bench *bench, unsigned int rounds);

#endif /* _BENCH_ENGINE_H */
