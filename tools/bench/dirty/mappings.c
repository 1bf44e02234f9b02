// SPDX-License-Identifier: GPL-2.0
/*
 * Mapping and unmapping, with one to 60,000 entries.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "bench.h"

#define ROOM	(60000ULL * DIRTY_PAGE)

/**
 * struct entries - what to map
 * @nr: how many mappings of a page there are
 * @times: how often in a row, where they are few
 * @tracking: dirty tracking is on
 */
struct entries {
	unsigned int nr;
	unsigned int times;
	bool tracking;
};

/* What is mapped, by every mapping. */
static void *page;

static int map_all(struct bench_side *side, unsigned int nr)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++)
		ret = vfio_map_dma(side->container, BENCH_IOVA + i * DIRTY_PAGE,
				   page, DIRTY_PAGE, DIRTY_RW);
	return ret;
}

static int unmap_each(struct bench_side *side, unsigned int nr)
{
	long long ret = DIRTY_PAGE;
	unsigned int i;

	for (i = 0; i < nr && ret == DIRTY_PAGE; i++)
		ret = vfio_unmap_dma(side->container,
				     BENCH_IOVA + i * DIRTY_PAGE, DIRTY_PAGE);
	return ret == DIRTY_PAGE ? 0 : -EIO;
}

static int run(struct bench_side *side, const struct bench_case *c,
	       double figures[BENCH_ROWS])
{
	const struct entries *e = c->arg;
	double nr = (double)e->nr * e->times;
	uint64_t begin, map = 0, unmap = 0;
	unsigned int i;
	int ret = 0;

	if (e->tracking)
		ret = dirty_start(side->container);
	for (i = 0; i < e->times && !ret; i++) {
		begin = bench_now();
		ret = map_all(side, e->nr);
		map += bench_now() - begin;
		if (ret)
			break;
		begin = bench_now();
		ret = unmap_each(side, e->nr);
		unmap += bench_now() - begin;
	}
	if (!ret && e->tracking)
		ret = dirty_stop(side->container);
	figures[0] = map / nr;
	figures[1] = unmap / nr;
	return ret;
}

/* All at once: by a range, and by the flag that says all. */
static int run_at_once(struct bench_side *side, const struct bench_case *c,
		       double figures[BENCH_ROWS])
{
	const struct entries *e = c->arg;
	uint64_t begin;
	int ret;

	ret = map_all(side, e->nr);
	if (ret)
		return ret;
	begin = bench_now();
	if (vfio_unmap_dma(side->container, BENCH_IOVA, ROOM) !=
	    e->nr * DIRTY_PAGE)
		return -EIO;
	figures[0] = (double)(bench_now() - begin) / e->nr;

	ret = map_all(side, e->nr);
	if (ret)
		return ret;
	begin = bench_now();
	ret = bench_unmap_all(side);
	figures[1] = (double)(bench_now() - begin) / e->nr;
	return ret;
}

static int measure(const struct entries *e)
{
	char map[BENCH_NAME], unmap[BENCH_NAME];
	const char *kind = e->tracking ? "_tracking" : "";
	struct bench_case c = {
		.row = { map, unmap },
		.unit = "entry",
		.run = run,
		.arg = e,
	};
	int ret;

	snprintf(map, sizeof(map), "map%s_%u", kind, e->nr);
	snprintf(unmap, sizeof(unmap), "unmap%s_%u", kind, e->nr);
	ret = bench_run(&c);
	if (ret || e->tracking || e->nr == 1)
		return ret;

	c.run = run_at_once;
	snprintf(map, sizeof(map), "unmap_range_%u", e->nr);
	snprintf(unmap, sizeof(unmap), "unmap_flag_all_%u", e->nr);
	return bench_run(&c);
}

/* A query of one page at the far end of many mappings. */
static int run_last(struct bench_side *side, const struct bench_case *c,
		    double figures[BENCH_ROWS])
{
	const struct entries *e = c->arg;
	__u64 bitmap = 0;
	uint64_t begin;
	int ret;

	ret = map_all(side, e->nr);
	if (!ret)
		ret = dirty_start(side->container);
	if (ret)
		return ret;
	begin = bench_now();
	ret = dirty_get(side->container, BENCH_IOVA + (e->nr - 1) * DIRTY_PAGE,
			DIRTY_PAGE, &bitmap);
	figures[0] = bench_now() - begin;
	if (!ret)
		ret = dirty_stop(side->container);
	return ret ? ret : bench_unmap_all(side);
}

int bench_mappings(void)
{
	static const struct entries entries[] = {
		{ .nr = 1, .times = 500 },
		{ .nr = 1000, .times = 3 },
		{ .nr = 60000, .times = 1 },
	};
	unsigned int i;
	int ret = 0;

	page = bench_memory(DIRTY_PAGE, false);
	if (!page)
		return -ENOMEM;
	for (i = 0; i < 3 && !ret; i++) {
		struct entries tracking = entries[i];
		char name[BENCH_NAME];
		struct bench_case last = {
			.row = { name },
			.unit = "call",
			.run = run_last,
			.arg = &entries[i],
		};

		tracking.tracking = true;
		snprintf(name, sizeof(name), "get_last_page_%u", entries[i].nr);
		ret = measure(&entries[i]);
		if (!ret)
			ret = measure(&tracking);
		if (!ret)
			ret = bench_run(&last);
	}
	munmap(page, DIRTY_PAGE);
	return ret;
}
