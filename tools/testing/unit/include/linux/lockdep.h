/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/lockdep.h> in user space: the lock has to be held. */
#ifndef UNIT_LINUX_LOCKDEP_H
#define UNIT_LINUX_LOCKDEP_H

#include <linux/bug.h>

#define lockdep_assert_held(lock) ((void)WARN_ON_ONCE(!(lock)->held))

#endif
