/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Measures what vfio_dirty and the kernel's own vfio_iommu_type1 take for the
 * same work, by turns, in one boot. A case does the work once and gives a figure
 * for each of its rows; bench_run() repeats it, for one and the other, and
 * prints a line with the medians of each row.
 */
#ifndef _BENCH_DIRTY_H
#define _BENCH_DIRTY_H

#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "dirty.h"

#define BENCH_ROWS	3
#define BENCH_NAME	40
#define BENCH_IOVA	0x100000000ULL
#define BENCH_RW	(PINTEST_READ | PINTEST_WRITE)
#define BENCH_GIB	0x40000000ULL

/**
 * struct bench_side - a container and who serves it
 * @rig: one device, and the container
 * @container: its fd
 */
struct bench_side {
	struct dirty_rig rig;
	int container;
};

/**
 * struct bench_case - work to measure
 * @row: what its figures are called; NULL or empty for those it does not have
 * @unit: what a figure is for one of
 * @repeats: how often, or 0 for as often as most
 * @run: does it, and gives nanoseconds for each row: 0 or -errno
 * @arg: for @run
 */
struct bench_case {
	const char *row[BENCH_ROWS];
	const char *unit;
	unsigned int repeats;
	int (*run)(struct bench_side *side, const struct bench_case *c,
		   double figures[BENCH_ROWS]);
	const void *arg;
};

/* Measure a case on both sides: 0 or -errno. */
int bench_run(const struct bench_case *c);

/* Nanoseconds, which under -icount are instructions. */
uint64_t bench_now(void);

/* Have pintest.ko make calls in a row: 0 or -errno, and how long they took. */
int bench_calls(struct bench_side *side, struct pintest_bench *calls);

/*
 * Memory, all of it present, in small or in huge pages; NULL if there is none.
 * @size is in whole huge pages.
 */
void *bench_memory(size_t size, bool huge);

/* Map the same memory, of BENCH_GIB bytes, @gib times from BENCH_IOVA on. */
int bench_map_gib(struct bench_side *side, void *mem, unsigned int gib);

/* Unmap all: 0 or -errno. */
int bench_unmap_all(struct bench_side *side);

/* The cases, by file. */
int bench_pins(void);
int bench_copies(void);
int bench_queries(void);
int bench_mappings(void);
int bench_threads(void);

#endif /* _BENCH_DIRTY_H */
