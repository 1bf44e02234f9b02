/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the ioctl of /dev/membench takes, see membench.c.
 */
#ifndef _MEMBENCH_H
#define _MEMBENCH_H

#include <linux/ioctl.h>
#include <linux/types.h>

/**
 * struct membench - memset() or memcpy() of one block after the other
 * @dst: where the first block lies in this process; page aligned
 * @src: the same of what is copied
 * @size: bytes of a block
 * @count: of blocks
 * @flags: MEMBENCH_COPY or MEMBENCH_PATTERN, or it is memset(); MEMBENCH_FLAT
 * @byte: for memset(); for MEMBENCH_PATTERN four bytes, again and again
 * @reserved: 0
 * @ns: set to how long it took
 */
struct membench {
	__u64 dst;
	__u64 src;
	__u64 size;
	__u32 count;
	__u32 flags;
	__u32 byte;
	__u32 reserved;
	__u64 ns;
};

#define MEMBENCH_COPY	1
/* Through one mapping of all pages, rather than page by page. */
#define MEMBENCH_FLAT	2
/* memset64(), of blocks of whole numbers. */
#define MEMBENCH_PATTERN	4

#define MEMBENCH_RUN	_IOWR('M', 0, struct membench)

#endif /* _MEMBENCH_H */
