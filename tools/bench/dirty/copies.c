// SPDX-License-Identifier: GPL-2.0
/*
 * vfio_dma_rw(): sizes, directions, and who calls it.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>

#include "bench.h"

#define SIZE	(4UL << 20)

static void *memory;

static int run(struct bench_side *side, const struct bench_case *c,
	       double figures[BENCH_ROWS])
{
	struct pintest_bench calls = *(const struct pintest_bench *)c->arg;
	int ret;

	ret = vfio_map_dma(side->container, BENCH_IOVA, memory, SIZE, DIRTY_RW);
	if (ret)
		return ret;
	ret = bench_calls(side, &calls);
	if (!ret)
		ret = bench_calls(side, &calls);
	figures[0] = (double)calls.ns / calls.calls;
	return ret ? ret : bench_unmap_all(side);
}

static int measure(unsigned int len, __u32 flags)
{
	struct pintest_bench calls = {
		.iova = BENCH_IOVA,
		.stride = len,
		.calls = len < 65536 ? 1000 : SIZE / len,
		.len = len,
		.what = PINTEST_BENCH_RW,
		.flags = flags,
	};
	char name[BENCH_NAME];
	struct bench_case c = {
		.row = { name },
		.unit = "call",
		.run = run,
		.arg = &calls,
	};

	snprintf(name, sizeof(name), "dma_%s_%u%s",
		 flags & PINTEST_WRITE ? "write" : "read", len,
		 flags & PINTEST_KTHREAD ? "_kthread" : "");
	return bench_run(&c);
}

int bench_copies(void)
{
	static const unsigned int lens[] = { 64, 4096, 65536 };
	static const __u32 flags[] = {
		PINTEST_WRITE, PINTEST_WRITE | PINTEST_KTHREAD,
		PINTEST_READ, PINTEST_READ | PINTEST_KTHREAD,
	};
	unsigned int i, j;
	int ret = 0;

	memory = bench_memory(SIZE, false);
	if (!memory)
		return -ENOMEM;
	for (i = 0; i < 3; i++) {
		for (j = 0; j < 4 && !ret; j++)
			ret = measure(lens[i], flags[j]);
	}
	munmap(memory, SIZE);
	return ret;
}
