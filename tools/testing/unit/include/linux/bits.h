/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/bits.h> in user space. */
#ifndef UNIT_LINUX_BITS_H
#define UNIT_LINUX_BITS_H

#define BIT(nr) (1UL << (nr))

#endif
