/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/jiffies.h> in user space. */
#ifndef UNIT_LINUX_JIFFIES_H
#define UNIT_LINUX_JIFFIES_H

#define HZ	100

#endif
