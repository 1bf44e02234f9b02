/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where workload.c and program.c place what only they know of, and the random
 * numbers that both draw.
 */
#ifndef DEVSTATE_MIGRATE_LAYOUT_H
#define DEVSTATE_MIGRATE_LAYOUT_H

#include "workload.h"

/* Pages of guest RAM. */
#define RESULTS_PAGE	8
#define RESULTS_PAGES	8	/* for each queue */
#define STAGING_PAGE	(WORKLOAD_STAMP_PAGE + \
			 WORKLOAD_QUEUES * WORKLOAD_STAMP_PAGES)
#define STAGING_PAGES	64
#define SCRATCH_PAGE	(STAGING_PAGE + STAGING_PAGES)
/* Pages at the end of VRAM. */
#define VRAM_CPU_PAGES	64

/**
 * struct random - a row of random numbers
 * @state: of SplitMix64
 */
struct random {
	__u64 state;
};

/* SplitMix64 */
static inline __u64 random_next(struct random *random)
{
	__u64 z;

	random->state += 0x9e3779b97f4a7c15ULL;
	z = random->state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static inline __u64 random_below(struct random *random, __u64 limit)
{
	return random_next(random) % limit;
}

/* The random numbers of one command, apart from those of all others. */
static inline struct random random_of(const struct workload *work,
				      unsigned int queue, __u32 index,
				      __u32 salt)
{
	struct random random = { .state = work->seed };

	salt = salt << 8 | queue;
	random.state = random_next(&random) ^ ((__u64)salt << 32 | index);
	return random;
}

#endif /* DEVSTATE_MIGRATE_LAYOUT_H */
