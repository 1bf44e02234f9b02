/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/math.h> in user space. */
#ifndef UNIT_LINUX_MATH_H
#define UNIT_LINUX_MATH_H

#define round_up(x, to) ((((x) - 1) | ((__typeof__(x))(to) - 1)) + 1)

#endif
