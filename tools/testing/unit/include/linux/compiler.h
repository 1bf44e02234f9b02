/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/compiler.h> in user space: for one thread. */
#ifndef UNIT_LINUX_COMPILER_H
#define UNIT_LINUX_COMPILER_H

#define READ_ONCE(x)		(x)
#define WRITE_ONCE(x, value)	((x) = (value))
#define likely(x)		(x)
#define unlikely(x)		(x)

#endif
