/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What other tasks are doing, and how they ended.
 */
#ifndef _SELFTESTS_TASKS_H
#define _SELFTESTS_TASKS_H

#include <stdbool.h>
#include <sys/types.h>

/* State of a task, as in /proc: D while it waits and at most can be killed. */
char task_state(pid_t tid);

/* Has it gone to sleep in a call, SYS_something? */
bool task_sleeps_in(pid_t tid, long call);

/*
 * Wait until a task waits in the kernel, not just for a page of its own, or has
 * ended: does it wait?
 */
bool task_waits(pid_t tid);

/* Wait for the end of a process, which stays to be waited for; not for ever. */
bool task_gone(pid_t pid);

/*
 * Wait until a child has ended: the signal that did it, 0 if it exited with 0, or
 * minus its exit status.
 */
int task_ended(pid_t pid);

#endif /* _SELFTESTS_TASKS_H */
