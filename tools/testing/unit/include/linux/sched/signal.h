/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/sched/signal.h> in user space: a test says who is killed. */
#ifndef UNIT_LINUX_SCHED_SIGNAL_H
#define UNIT_LINUX_SCHED_SIGNAL_H

#include <linux/types.h>
#include <stddef.h>

/* So many looks from now on find no signal, all later ones do; < 0: never. */
extern int unit_alive;

static inline bool unit_killed(void)
{
	if (unit_alive > 0)
		unit_alive--;
	else
		return !unit_alive;
	return false;
}

#define current				NULL
#define fatal_signal_pending(task)	((void)(task), unit_killed())

#endif
