/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Ioctls of the mediated device that pintest.ko makes (type pintest-pin), on
 * its device fd: they do to the container's memory what a vendor driver may.
 */
#ifndef _PINTEST_H
#define _PINTEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PINTEST_READ	1
#define PINTEST_WRITE	2

/* A range of pages, or of bytes. */
struct pintest_range {
	__u64 iova;
	__u64 len;
	__u32 flags;
	__u32 reserved;
	__u64 data;
};

/* Pin len pages with the rights in flags: len or -errno. */
#define PINTEST_PIN		_IOW('P', 0, struct pintest_range)

/*
 * Unpin len pages; those that were not pinned are left out. With flag RAW it is
 * one call of vfio_unpin_pages() for all of them.
 */
#define PINTEST_RAW		8
#define PINTEST_UNPIN		_IOW('P', 1, struct pintest_range)

/* vfio_dma_rw() of len bytes at data; flags: READ or WRITE, KTHREAD. */
#define PINTEST_KTHREAD		4
#define PINTEST_RW		_IOW('P', 2, struct pintest_range)

/* Write the byte data to a pinned page at iova, as DMA would. */
#define PINTEST_POKE		_IOW('P', 3, struct pintest_range)

/* vfio_dirty_mark() */
#define PINTEST_MARK		_IOW('P', 4, struct pintest_range)

/* The driver marks its own writes (1), or no longer (0): -ENODEV if it can't */
#define PINTEST_EXPLICIT	_IO('P', 5)

/* Do not unpin in this many of the next calls of dma_unmap. */
#define PINTEST_STUBBORN	_IO('P', 6)

/* How often dma_unmap was called. */
#define PINTEST_CALLS		_IO('P', 7)

/* Keep everything pinned when the device is closed (1). */
#define PINTEST_LEAK		_IO('P', 8)

/*
 * Calls in a row, for measuring: what pins leaves no note in the driver, and
 * whoever asked for it has to ask for unpinning it too. Call n is for the len
 * pages (or bytes, for a copy) from iova + n * stride on. flags: READ, WRITE,
 * KTHREAD. ns receives how long they took.
 */
#define PINTEST_BENCH_PIN	0
#define PINTEST_BENCH_UNPIN	1
#define PINTEST_BENCH_RW	2
struct pintest_bench {
	__u64 iova;
	__u64 stride;
	__u64 calls;
	__u32 len;
	__u32 what;
	__u32 flags;
	__u32 reserved;
	__u64 ns;
};

#define PINTEST_BENCH		_IOWR('P', 9, struct pintest_bench)

/* The byte of a pinned page at iova, as DMA would read it, or -ENOENT. */
#define PINTEST_PEEK		_IOW('P', 10, struct pintest_range)

/*
 * The dma_unmap of all devices waits (1), until told not to (0), this device is
 * closed, or who unmaps is killed.
 */
#define PINTEST_HOLD		_IO('P', 11)

/* What a driver is told that says twice that it marks its own writes: -errno. */
#define PINTEST_TWICE		_IO('P', 12)

#endif /* _PINTEST_H */
