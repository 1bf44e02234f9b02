/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/sizes.h> in user space. */
#ifndef UNIT_LINUX_SIZES_H
#define UNIT_LINUX_SIZES_H

#define SZ_4K	0x1000
#define SZ_64K	0x10000
#define SZ_1M	0x100000
#define SZ_1T	0x10000000000ULL

#endif
