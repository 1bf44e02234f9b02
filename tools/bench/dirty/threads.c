// SPDX-License-Identifier: GPL-2.0
/*
 * Two threads in one container, each with pages of its own. Only the time tells
 * anything, and only with two CPUs.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>

#include "bench.h"

#define THREADS	2U
#define PAGES	4096U
#define ROUNDS	4U

/**
 * struct work - what a thread does
 * @len: pages a call, or bytes
 * @rw: it copies, rather than pins and unpins
 */
struct work {
	unsigned int len;
	bool rw;
};

struct thread {
	pthread_t thread;
	struct bench_side *side;
	const struct work *work;
	pthread_barrier_t *begin;
	__u64 iova;
	int ret;
};

static void *memory;

static int round_of(struct thread *t)
{
	bool rw = t->work->rw;
	struct pintest_bench calls = {
		.iova = t->iova,
		.stride = rw ? DIRTY_PAGE : t->work->len * DIRTY_PAGE,
		.calls = rw ? PAGES : PAGES / t->work->len,
		.len = t->work->len,
		.flags = rw ? PINTEST_WRITE : BENCH_RW,
		.what = rw ? PINTEST_BENCH_RW : PINTEST_BENCH_PIN,
	};
	int ret = bench_calls(t->side, &calls);

	if (ret || rw)
		return ret;
	calls.what = PINTEST_BENCH_UNPIN;
	return bench_calls(t->side, &calls);
}

static void *work(void *data)
{
	struct thread *t = data;
	unsigned int i;

	pthread_barrier_wait(t->begin);
	for (i = 0; i < ROUNDS && !t->ret; i++)
		t->ret = round_of(t);
	return NULL;
}

static int run(struct bench_side *side, const struct bench_case *c,
	       double figures[BENCH_ROWS])
{
	struct thread threads[THREADS] = {};
	pthread_barrier_t begin;
	unsigned int i;
	uint64_t from;
	int ret;

	ret = vfio_map_dma(side->container, BENCH_IOVA, memory,
			   THREADS * PAGES * DIRTY_PAGE, DIRTY_RW);
	if (ret)
		return ret;
	pthread_barrier_init(&begin, NULL, THREADS + 1);
	for (i = 0; i < THREADS; i++) {
		threads[i].side = side;
		threads[i].work = c->arg;
		threads[i].begin = &begin;
		threads[i].iova = BENCH_IOVA + i * PAGES * DIRTY_PAGE;
		if (pthread_create(&threads[i].thread, NULL, work, &threads[i]))
			return -EAGAIN;
	}
	pthread_barrier_wait(&begin);
	from = bench_now();
	for (i = 0; i < THREADS; i++) {
		pthread_join(threads[i].thread, NULL);
		ret = threads[i].ret ? threads[i].ret : ret;
	}
	figures[0] = (double)(bench_now() - from) / (THREADS * ROUNDS * PAGES);
	pthread_barrier_destroy(&begin);
	return ret ? ret : bench_unmap_all(side);
}

int bench_threads(void)
{
	static const struct work works[] = {
		{ .len = 1 }, { .len = 16 }, { .len = 256 },
		{ .len = 64, .rw = true }, { .len = 4096, .rw = true },
	};
	unsigned int i;
	int ret = 0;

	memory = bench_memory(THREADS * PAGES * DIRTY_PAGE, false);
	if (!memory)
		return -ENOMEM;
	for (i = 0; i < sizeof(works) / sizeof(*works) && !ret; i++) {
		char name[BENCH_NAME];
		struct bench_case c = {
			.row = { name },
			.unit = works[i].rw ? "call" : "page",
			.run = run,
			.arg = &works[i],
		};

		snprintf(name, sizeof(name), "two_threads_%s_%u",
			 works[i].rw ? "dma_write" : "pin_unpin", works[i].len);
		ret = bench_run(&c);
	}
	munmap(memory, THREADS * PAGES * DIRTY_PAGE);
	return ret;
}
