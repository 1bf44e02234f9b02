/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/sched.h> in user space. */
#ifndef UNIT_LINUX_SCHED_H
#define UNIT_LINUX_SCHED_H

#define cond_resched() ((void)0)

#endif
