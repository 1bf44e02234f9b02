/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/ratelimit_types.h> in user space: time stands still. */
#ifndef UNIT_LINUX_RATELIMIT_TYPES_H
#define UNIT_LINUX_RATELIMIT_TYPES_H

#define RATELIMIT_MSG_ON_RELEASE	1

struct ratelimit_state {
	int left;
};

#endif
