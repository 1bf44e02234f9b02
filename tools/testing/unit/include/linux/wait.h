/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/wait.h> in user space: nobody waits; wakeups are noted. */
#ifndef UNIT_LINUX_WAIT_H
#define UNIT_LINUX_WAIT_H

struct unit_wait {
	unsigned int woken;
	unsigned int events;
};

#define wait_queue_head_t	struct unit_wait

static inline void init_waitqueue_head(struct unit_wait *wait)
{
	wait->woken = 0;
}

static inline void wake_up_poll(struct unit_wait *wait, unsigned int events)
{
	wait->woken++;
	wait->events = events;
}

#endif
