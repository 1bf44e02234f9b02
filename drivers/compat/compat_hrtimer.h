/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in <linux/hrtimer.h>.
 */
#ifndef _COMPAT_HRTIMER_H
#define _COMPAT_HRTIMER_H

#include <linux/hrtimer.h>

/**
 * compat_hrtimer_setup - prepare a timer of the monotonic clock
 * @timer: the timer
 * @function: called when it expires
 */
static inline void
compat_hrtimer_setup(struct hrtimer *timer,
		     enum hrtimer_restart (*function)(struct hrtimer *))
{
#ifdef HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, function, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
#else
	hrtimer_init(timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
	timer->function = function;
#endif
}

#endif /* _COMPAT_HRTIMER_H */
