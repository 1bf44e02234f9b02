// SPDX-License-Identifier: GPL-2.0
/*
 * CRC-32C, eight bytes at a time.
 */
#include <endian.h>
#include <string.h>

#include "crc32c.h"

#define POLYNOMIAL	0x82f63b78U	/* reflected */

/* tables[n][b]: what byte b does to the checksum n bytes later. */
static __u32 tables[8][256];

static void __attribute__((constructor)) fill_tables(void)
{
	__u32 byte, bit, n;

	for (byte = 0; byte < 256; byte++) {
		__u32 crc = byte;

		for (bit = 0; bit < 8; bit++)
			crc = crc & 1 ? crc >> 1 ^ POLYNOMIAL : crc >> 1;
		tables[0][byte] = crc;
	}
	for (n = 1; n < 8; n++) {
		for (byte = 0; byte < 256; byte++) {
			__u32 crc = tables[n - 1][byte];

			tables[n][byte] = crc >> 8 ^ tables[0][crc & 0xff];
		}
	}
}

__u32 crc32c(__u32 crc, const void *data, size_t len)
{
	const __u8 *byte = data;

	crc = ~crc;
	for (; len >= 8; len -= 8, byte += 8) {
		__u64 word;

		memcpy(&word, byte, sizeof(word));
		word = le64toh(word) ^ crc;
		crc = tables[7][word & 0xff] ^
		      tables[6][word >> 8 & 0xff] ^
		      tables[5][word >> 16 & 0xff] ^
		      tables[4][word >> 24 & 0xff] ^
		      tables[3][word >> 32 & 0xff] ^
		      tables[2][word >> 40 & 0xff] ^
		      tables[1][word >> 48 & 0xff] ^
		      tables[0][word >> 56];
	}
	for (; len; len--, byte++)
		crc = crc >> 8 ^ tables[0][(crc ^ *byte) & 0xff];
	return ~crc;
}
