/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/mutex.h> in user space: for one thread, and checked. */
#ifndef UNIT_LINUX_MUTEX_H
#define UNIT_LINUX_MUTEX_H

#include <linux/types.h>

/* How many mutexes are held; user memory may be touched with none only. */
extern int unit_held;
/* The next wait for a mutex is ended by a signal. */
extern bool unit_signal;

struct mutex {
	bool held;
};

void unit_lock(struct mutex *mutex);
void unit_unlock(struct mutex *mutex);
int unit_lock_killable(struct mutex *mutex);

#define mutex_init(mutex)		((mutex)->held = false)
#define mutex_destroy(mutex)		((void)(mutex))
#define mutex_lock(mutex)		unit_lock(mutex)
#define mutex_unlock(mutex)		unit_unlock(mutex)
#define mutex_lock_killable(mutex)	unit_lock_killable(mutex)

#endif
