/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/atomic.h> in user space: for one thread. */
#ifndef UNIT_LINUX_ATOMIC_H
#define UNIT_LINUX_ATOMIC_H

#include <linux/types.h>

struct unit_atomic64 {
	s64 counter;
};

#define atomic64_t		struct unit_atomic64
#define atomic64_set(v, i)	((v)->counter = (i))
#define atomic64_read(v)	((v)->counter)
#define atomic64_add(i, v)	((v)->counter += (i))
#define atomic64_inc_return(v)	(++(v)->counter)

#define cmpxchg(ptr, old, new) __sync_bool_compare_and_swap(ptr, old, new)

/* One thread sees everything in order. */
#define smp_mb()		((void)0)
/* The same. */
#define smp_store_release(p, v)	(*(p) = (v))
/* The same. */
#define smp_rmb()		((void)0)

#endif
