/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/crc32c.h> in user space: Castagnoli, not inverted. */
#ifndef UNIT_LINUX_CRC32C_H
#define UNIT_LINUX_CRC32C_H

#include <linux/types.h>

u32 crc32c(u32 crc, const void *data, unsigned int len);

#endif
