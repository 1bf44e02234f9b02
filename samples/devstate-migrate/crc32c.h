/* SPDX-License-Identifier: GPL-2.0 */
/*
 * CRC-32C (Castagnoli), plain C.
 */
#ifndef DEVSTATE_MIGRATE_CRC32C_H
#define DEVSTATE_MIGRATE_CRC32C_H

#include <stddef.h>
#include <linux/types.h>

/* Continue @crc, 0 at the start, over @len bytes. */
__u32 crc32c(__u32 crc, const void *data, size_t len);

#endif /* DEVSTATE_MIGRATE_CRC32C_H */
