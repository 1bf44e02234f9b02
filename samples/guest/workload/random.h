/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers that follow from a seed (xorshift64*).
 */
#ifndef GUEST_WORKLOAD_RANDOM_H
#define GUEST_WORKLOAD_RANDOM_H

#include <linux/types.h>

struct random {
	__u64 state;
};

static inline struct random random_from(__u64 seed)
{
	/* 0 would stay 0. */
	return (struct random) { (seed + 1) * 0x9e3779b97f4a7c15ULL | 1 };
}

static inline __u32 random_next(struct random *random)
{
	random->state ^= random->state >> 12;
	random->state ^= random->state << 25;
	random->state ^= random->state >> 27;
	return random->state * 0x2545f4914f6cdd1dULL >> 32;
}

/* 0 to @end - 1. */
static inline __u32 random_below(struct random *random, __u32 end)
{
	return (__u64)random_next(random) * end >> 32;
}

/* 1 to @most; each order of magnitude as often as any other. */
static inline __u32 random_size(struct random *random, __u32 most)
{
	__u32 bits = 32 - __builtin_clz(most);
	__u32 limit = 1U << random_below(random, bits + 1);

	return 1 + random_below(random, limit < most ? limit : most);
}

#endif /* GUEST_WORKLOAD_RANDOM_H */
