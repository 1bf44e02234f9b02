/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/spinlock.h> in user space, where there is one thread. */
#ifndef UNIT_LINUX_SPINLOCK_H
#define UNIT_LINUX_SPINLOCK_H

#define DEFINE_SPINLOCK(name)	int name
#define spin_lock(lock)		((void)++*(lock))
#define spin_unlock(lock)	((void)--*(lock))

#endif
