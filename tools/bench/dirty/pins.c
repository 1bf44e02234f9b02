// SPDX-License-Identifier: GPL-2.0
/*
 * Pinning and unpinning: small and huge pages, few and many a call, one page
 * here and there, pages that are pinned already.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "bench.h"

#define PAGES	4096U
#define SIZE	(PAGES * DIRTY_PAGE)

/**
 * struct shape - which pages
 * @mem: where they are
 * @batch: how many a call
 * @stride: from one call to the next, in pages
 * @again: they are pinned before
 * @tracking: dirty tracking is on
 */
struct shape {
	void *mem;
	unsigned int batch;
	unsigned int stride;
	bool again;
	bool tracking;
};

static int pin_unpin(struct bench_side *side, const struct shape *s,
		     double figures[BENCH_ROWS])
{
	struct pintest_bench calls = {
		.iova = BENCH_IOVA,
		.stride = s->stride * DIRTY_PAGE,
		.calls = PAGES / s->stride,
		.len = s->batch,
		.flags = BENCH_RW,
	};
	double pages = (double)calls.calls * calls.len;
	int ret;

	calls.what = PINTEST_BENCH_PIN;
	ret = bench_calls(side, &calls);
	if (ret)
		return ret;
	figures[0] = calls.ns / pages;
	calls.what = PINTEST_BENCH_UNPIN;
	ret = bench_calls(side, &calls);
	figures[1] = calls.ns / pages;
	return ret;
}

static int run(struct bench_side *side, const struct bench_case *c,
	       double figures[BENCH_ROWS])
{
	const struct shape *s = c->arg;
	double ignored[BENCH_ROWS];
	struct pintest_bench held = {
		.iova = BENCH_IOVA,
		.stride = 256 * DIRTY_PAGE,
		.calls = PAGES / 256,
		.len = 256,
		.flags = BENCH_RW,
		.what = PINTEST_BENCH_PIN,
	};
	int ret;

	ret = vfio_map_dma(side->container, BENCH_IOVA, s->mem, SIZE, DIRTY_RW);
	if (!ret && s->tracking)
		ret = dirty_start(side->container);
	/* what comes once in the life of a mapping is not what is asked for */
	if (!ret)
		ret = pin_unpin(side, s, ignored);
	if (!ret && s->again)
		ret = bench_calls(side, &held);
	if (!ret)
		ret = pin_unpin(side, s, figures);
	held.what = PINTEST_BENCH_UNPIN;
	if (!ret && s->again)
		ret = bench_calls(side, &held);
	if (!ret && s->tracking)
		ret = dirty_stop(side->container);
	return ret ? ret : bench_unmap_all(side);
}

static int measure(const char *kind, const struct shape *s)
{
	char pin[BENCH_NAME], unpin[BENCH_NAME];
	struct bench_case c = {
		.row = { pin, unpin },
		.unit = "page",
		.run = run,
		.arg = s,
	};

	snprintf(pin, sizeof(pin), "pin_%s_%u", kind, s->batch);
	snprintf(unpin, sizeof(unpin), "unpin_%s_%u", kind, s->batch);
	return bench_run(&c);
}

int bench_pins(void)
{
	static const unsigned int batches[] = { 1, 16, 256 };
	void *small = bench_memory(SIZE, false), *huge = bench_memory(SIZE, true);
	const struct shape lone = { .mem = small, .batch = 1, .stride = 128 };
	unsigned int i;
	int ret = 0;

	if (!small || !huge) {
		fprintf(stderr, "no memory, or no huge pages\n");
		return -ENOMEM;
	}
	for (i = 0; i < 3 && !ret; i++) {
		struct shape s = {
			.mem = small,
			.batch = batches[i],
			.stride = batches[i],
		};

		ret = measure("4k", &s);
		s.mem = huge;
		if (!ret)
			ret = measure("thp", &s);
		s.mem = small;
		s.again = true;
		if (!ret)
			ret = measure("again", &s);
		s.again = false;
		s.tracking = true;
		if (!ret)
			ret = measure("tracking", &s);
	}
	if (!ret)
		ret = measure("lone", &lone);
	munmap(small, SIZE);
	munmap(huge, SIZE);
	return ret;
}
