/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/ratelimit.h> in user space. */
#ifndef UNIT_LINUX_RATELIMIT_H
#define UNIT_LINUX_RATELIMIT_H

#include <linux/ratelimit_types.h>

static inline void ratelimit_state_init(struct ratelimit_state *rs, int interval,
					int burst)
{
	rs->left = burst;
}

static inline void ratelimit_set_flags(struct ratelimit_state *rs,
				       unsigned long flags)
{
}

static inline int __ratelimit(struct ratelimit_state *rs)
{
	return rs->left && rs->left--;
}

#endif
