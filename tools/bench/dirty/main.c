// SPDX-License-Identifier: GPL-2.0
/*
 * bench-dirty [pins|copies|mappings|queries|threads]...: prints a line
 * "row,unit,stock,ours,spread" for each row, in nanoseconds a unit; see bench.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#include <linux/vfio_device_state.h>

#include "bench.h"

#define REPEATS		5
#define REPEATS_MAX	15
#define HUGE		(2UL << 20)

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25
#endif

enum side { STOCK, OURS, SIDES };

static struct bench_side sides[SIDES];

uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int bench_calls(struct bench_side *side, struct pintest_bench *calls)
{
	return ioctl(side->rig.vfio.device, PINTEST_BENCH, calls) ? -errno : 0;
}

void *bench_memory(size_t size, bool huge)
{
	char *mem = mmap(NULL, size + HUGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (mem == MAP_FAILED)
		return NULL;
	mem += HUGE - (uintptr_t)mem % HUGE;
	if (madvise(mem, size, huge ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		return NULL;
	memset(mem, 1, size);
	if (huge && madvise(mem, size, MADV_COLLAPSE))
		return NULL;
	return mem;
}

int bench_map_gib(struct bench_side *side, void *mem, unsigned int gib)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < gib && !ret; i++)
		ret = vfio_map_dma(side->container, BENCH_IOVA + i * BENCH_GIB,
				   mem, BENCH_GIB, DIRTY_RW);
	return ret;
}

int bench_unmap_all(struct bench_side *side)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.flags = VFIO_DMA_UNMAP_FLAG_ALL,
	};

	return ioctl(side->container, VFIO_IOMMU_UNMAP_DMA, &unmap) ? -errno : 0;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

/* How far apart sorted figures are, as a part of the middle one. */
static double spread(const double *figures, unsigned int nr)
{
	return (figures[nr - 1] - figures[0]) / figures[nr / 2];
}

static void print_row(const struct bench_case *c, unsigned int row,
		      double figures[SIDES][REPEATS_MAX], unsigned int nr)
{
	double apart[SIDES];
	unsigned int i;

	for (i = 0; i < SIDES; i++) {
		qsort(figures[i], nr, sizeof(double), compare);
		apart[i] = spread(figures[i], nr);
	}
	printf("%s,%s,%.1f,%.1f,%.3f\n", c->row[row], c->unit,
	       figures[STOCK][nr / 2], figures[OURS][nr / 2],
	       apart[STOCK] > apart[OURS] ? apart[STOCK] : apart[OURS]);
}

/* The first run of each side warms up. */
int bench_run(const struct bench_case *c)
{
	static double figures[BENCH_ROWS][SIDES][REPEATS_MAX];
	unsigned int nr = c->repeats ? c->repeats : REPEATS;
	unsigned int repeat, side, row;
	double got[BENCH_ROWS];
	int ret;

	for (repeat = 0; repeat <= nr; repeat++) {
		for (side = 0; side < SIDES; side++) {
			ret = c->run(&sides[side], c, got);
			if (ret) {
				fprintf(stderr, "%s, %s: %s\n", c->row[0],
					side ? "vfio_dirty" : "stock",
					strerror(-ret));
				return ret;
			}
			for (row = 0; repeat && row < BENCH_ROWS; row++)
				figures[row][side][repeat - 1] = got[row];
		}
	}
	for (row = 0; row < BENCH_ROWS; row++) {
		if (c->row[row] && *c->row[row])
			print_row(c, row, figures[row], nr);
	}
	fflush(stdout);
	return 0;
}

/* Only vfio_dirty has the extension of the 2018 proposal. */
static int open_side(struct bench_side *side, bool ours)
{
	int ret = dirty_param("claim", ours ? "all" : "none", NULL);

	if (!ret)
		ret = dirty_rig_open(&side->rig);
	if (ret)
		return ret;
	side->container = side->rig.vfio.container;
	ret = vfio_check_extension(side->container,
				   VFIO_DIRTY_GET_DIRTY_BITMAP_EXT);
	return ret == ours ? 0 : -ENXIO;
}

/* Is a group of rows wanted? All are, if none is named. */
static bool wanted(const char *name, char **names)
{
	for (; *names; names++) {
		if (!strcmp(name, *names))
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(void);
	} groups[] = {
		{ "pins", bench_pins },
		{ "copies", bench_copies },
		{ "mappings", bench_mappings },
		{ "queries", bench_queries },
		{ "threads", bench_threads },
	};
	unsigned int i;
	int ret;

	ret = open_side(&sides[STOCK], false);
	if (!ret)
		ret = open_side(&sides[OURS], true);
	if (ret) {
		fprintf(stderr, "no containers: %s\n", strerror(-ret));
		return 1;
	}
	for (i = 0; i < sizeof(groups) / sizeof(*groups) && !ret; i++) {
		if (argc < 2 || wanted(groups[i].name, argv + 1))
			ret = groups[i].run();
	}
	dirty_rig_destroy(&sides[STOCK].rig);
	dirty_rig_destroy(&sides[OURS].rig);
	return ret ? 1 : 0;
}
