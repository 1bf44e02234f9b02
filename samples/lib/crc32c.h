/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CRC-32C (Castagnoli), plain C.
 */
#ifndef SAMPLES_LIB_CRC32C_H
#define SAMPLES_LIB_CRC32C_H

#include <stddef.h>
#include <linux/types.h>

/* Continue @crc, 0 at the start, over @len bytes. */
__u32 crc32c(__u32 crc, const void *data, size_t len);

#endif /* SAMPLES_LIB_CRC32C_H */
