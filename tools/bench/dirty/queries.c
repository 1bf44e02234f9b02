// SPDX-License-Identifier: GPL-2.0
/*
 * Dirty tracking from START to STOP over 1 to 1024 GiB. The memory behind is one
 * GiB of addresses, of which only the pages that are written exist, mapped as
 * often as it takes.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "bench.h"

#define GIB_PAGES	(BENCH_GIB / DIRTY_PAGE)

/**
 * struct span - what is queried
 * @gib: how much
 * @stride: one page in so many is dirty, or 0 for none
 * @pin: it is so because it is pinned, rather than written
 * @one: it is one mapping, rather than one a GiB
 */
struct span {
	unsigned int gib;
	unsigned int stride;
	bool pin;
	bool one;
};

static char *memory;
static __u64 *bitmap;
#define BITMAP_SIZE	(1024 * GIB_PAGES / 8)

static long count(unsigned int gib)
{
	__u64 words = gib * GIB_PAGES / 64, i;
	long bits = 0;

	for (i = 0; i < words; i++) {
		if (bitmap[i])
			bits += __builtin_popcountll(bitmap[i]);
	}
	return bits;
}

/* Pages that are dirty of a GiB. */
static unsigned int dirty_pages(const struct span *s)
{
	return s->stride ? (GIB_PAGES + s->stride - 1) / s->stride : 0;
}

static int each_gib(struct bench_side *side, const struct span *s, __u32 what)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < s->gib && s->stride && !ret; i++) {
		struct pintest_bench calls = {
			.iova = BENCH_IOVA + i * BENCH_GIB,
			.stride = s->stride * DIRTY_PAGE,
			.calls = dirty_pages(s),
			.len = 1,
			.flags = BENCH_RW,
			.what = what,
		};

		ret = bench_calls(side, &calls);
	}
	return ret;
}

/* START, GET and STOP: the rows. */
static int run(struct bench_side *side, const struct bench_case *c,
	       double figures[BENCH_ROWS])
{
	const struct span *s = c->arg;
	uint64_t begin;
	int ret;

	if (s->one)
		ret = vfio_map_dma(side->container, BENCH_IOVA, memory,
				   s->gib * BENCH_GIB, DIRTY_RW);
	else
		ret = bench_map_gib(side, memory, s->gib);
	if (!ret && s->pin)
		ret = each_gib(side, s, PINTEST_BENCH_PIN);
	if (ret)
		return ret;

	begin = bench_now();
	ret = dirty_start(side->container);
	figures[1] = bench_now() - begin;
	if (!ret && !s->pin)
		ret = each_gib(side, s, PINTEST_BENCH_RW);
	if (ret)
		return ret;

	begin = bench_now();
	ret = dirty_get(side->container, BENCH_IOVA, s->gib * BENCH_GIB,
			bitmap);
	figures[0] = bench_now() - begin;
	if (ret)
		return ret;
	if (count(s->gib) != (long)s->gib * dirty_pages(s))
		return -EIO;

	begin = bench_now();
	ret = dirty_stop(side->container);
	figures[2] = bench_now() - begin;
	if (!ret && s->pin)
		ret = each_gib(side, s, PINTEST_BENCH_UNPIN);
	return ret ? ret : bench_unmap_all(side);
}

static int measure(const char *kind, const struct span *s)
{
	char get[BENCH_NAME], start[BENCH_NAME] = "", stop[BENCH_NAME] = "";
	struct bench_case c = {
		.row = { get, start, stop },
		.unit = "call",
		.run = run,
		.arg = s,
		/* it takes long, and differs little */
		.repeats = s->gib * dirty_pages(s) > 1000000 ? 1 : 0,
	};

	snprintf(get, sizeof(get), "get_%s_%ug", kind, s->gib);
	if (s->one || s->pin) {
		snprintf(start, sizeof(start), "start_%s_%ug", kind, s->gib);
		snprintf(stop, sizeof(stop), "stop_%s_%ug", kind, s->gib);
	}
	return bench_run(&c);
}

/*
 * Pages exist where strides of 100 and of multiples of it fall. As to one
 * mapping of more than that, nobody looks at its memory.
 */
static int prepare(void)
{
	__u64 i;

	memory = mmap(NULL, BENCH_GIB, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	bitmap = mmap(NULL, BITMAP_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || bitmap == MAP_FAILED ||
	    madvise(memory, BENCH_GIB, MADV_NOHUGEPAGE))
		return -ENOMEM;
	for (i = 0; i < GIB_PAGES; i += 100)
		memory[i * DIRTY_PAGE] = 1;
	memset(bitmap, 0xff, BITMAP_SIZE);
	return 0;
}

/* A span clean, then with some pages written. */
static int measure_span(unsigned int gib)
{
	struct span span = { .gib = gib, .one = true };
	int ret = measure("clean", &span);

	span.one = false;
	span.stride = 10000;
	if (!ret)
		ret = measure("0.01%", &span);
	span.stride = 100;
	if (!ret)
		ret = measure("1%", &span);
	return ret;
}

int bench_queries(void)
{
	static const unsigned int spans[] = { 1, 16, 256, 1024 };
	static const struct {
		const char *name;
		struct span span;
	} pinned[] = {
		{ "pinned_10k", { .gib = 256, .stride = 6700, .pin = true } },
		{ "pinned_100k", { .gib = 256, .stride = 600, .pin = true } },
		{ "pinned_dense_100k",
		  { .gib = 38, .stride = 100, .pin = true } },
	};
	unsigned int i;
	int ret = prepare();

	for (i = 0; i < 4 && !ret; i++)
		ret = measure_span(spans[i]);
	for (i = 0; i < 3 && !ret; i++)
		ret = measure(pinned[i].name, &pinned[i].span);
	munmap(memory, BENCH_GIB);
	munmap(bitmap, BITMAP_SIZE);
	return ret;
}
