/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * The mvgpu PCI function as its guest driver sees it: identity, BARs,
 * registers, GTT entries, commands, fault codes. Documentation/hardware.rst
 * is the reference manual.
 */
#ifndef _UAPI_LINUX_MVGPU_H
#define _UAPI_LINUX_MVGPU_H

#include <linux/types.h>

/* Identity. Class 0380: display controller, other. */
#define MVGPU_PCI_VENDOR_ID		0x1234
#define MVGPU_PCI_DEVICE_ID		0x4d56
#define MVGPU_PCI_CLASS			0x038000

/* BARs. */
#define MVGPU_BAR_VRAM			0	/* 64-bit, prefetchable */
#define MVGPU_BAR_REGISTERS		2	/* 32-bit, MVGPU_REGISTERS_SIZE */
#define MVGPU_BAR_MSIX			4	/* 32-bit, MVGPU_MSIX_SIZE */
#define MVGPU_REGISTERS_SIZE		0x100000
#define MVGPU_MSIX_SIZE			0x2000

/*
 * MSI and MSI-X have a vector for each queue. With fewer of MSI enabled, queue
 * n raises vector n modulo their number.
 */
#define MVGPU_VECTORS			4
#define MVGPU_MSIX_TABLE		0x0000	/* in MVGPU_BAR_MSIX */
#define MVGPU_MSIX_PBA			0x1000

/*
 * Registers: little-endian, accessed with 4 bytes naturally aligned; those of
 * 64 bits also with 8. Any other access, and any access to an offset without
 * a register, reads as 0 and writes nothing.
 */
#define MVGPU_REG_ID			0x0000	/* ro, MVGPU_ID */
#define MVGPU_REG_VERSION		0x0004	/* ro, MVGPU_VERSION */
#define MVGPU_REG_FEATURES		0x0008	/* ro, bit n: opcode n runs */
#define MVGPU_REG_QUEUES		0x000c	/* ro, number of queues */
#define MVGPU_REG_VRAM_SIZE		0x0010	/* ro, 64 bits, bytes */
#define MVGPU_REG_GTT_ENTRIES		0x0018	/* ro */
#define MVGPU_REG_VECTORS		0x001c	/* ro, MVGPU_VECTORS */
#define MVGPU_REG_CLOCK			0x0020	/* ro, 64 bits, nanoseconds */
#define MVGPU_REG_PENDING		0x0028	/* ro, bit n: queue n's interrupt */

#define MVGPU_ID			0x5047564d	/* "MVGP" */
#define MVGPU_VERSION			0x00010001	/* major, minor */

/* Registers of queue n: MVGPU_QUEUE(n) + offset. */
#define MVGPU_QUEUE(n)			(0x1000 + (n) * 0x100)
#define MVGPU_QUEUE_CONTROL		0x00	/* rw, MVGPU_QUEUE_ENABLE, ... */
#define MVGPU_QUEUE_STATUS		0x04	/* ro, enum mvgpu_queue_status */
#define MVGPU_QUEUE_RING_BASE		0x08	/* rw, 64 bits, GPU address */
#define MVGPU_QUEUE_RING_SIZE		0x10	/* rw, bytes */
#define MVGPU_QUEUE_HEAD		0x14	/* ro, bytes */
#define MVGPU_QUEUE_TAIL		0x18	/* rw, bytes; the doorbell */
#define MVGPU_QUEUE_FAULT		0x1c	/* ro, enum mvgpu_fault */
#define MVGPU_QUEUE_FAULT_ADDRESS	0x20	/* ro, 64 bits, GPU address */
#define MVGPU_QUEUE_COMPLETED		0x28	/* ro, 64 bits, commands */

/* Bits of MVGPU_QUEUE_CONTROL. */
#define MVGPU_QUEUE_ENABLE		0x1
#define MVGPU_QUEUE_FAULT_INTERRUPT	0x2	/* a fault raises the interrupt */

/* A ring: power of two within these, aligned to MVGPU_PAGE_SIZE. */
#define MVGPU_RING_SIZE_MIN		0x1000
#define MVGPU_RING_SIZE_MAX		0x100000

/**
 * enum mvgpu_queue_status - what a queue does
 * @MVGPU_QUEUE_DISABLED: nothing; ring base and size can be written
 * @MVGPU_QUEUE_IDLE: waits for its tail to move
 * @MVGPU_QUEUE_BUSY: has commands to run, or is still ending an access to memory
 * @MVGPU_QUEUE_FAULTED: stopped at the command at its head, see
 *	MVGPU_QUEUE_FAULT; disable and enable it to go on
 */
enum mvgpu_queue_status {
	MVGPU_QUEUE_DISABLED	= 0,
	MVGPU_QUEUE_IDLE	= 1,
	MVGPU_QUEUE_BUSY	= 2,
	MVGPU_QUEUE_FAULTED	= 3,
};

/**
 * enum mvgpu_fault - why a queue stopped
 * @MVGPU_FAULT_NONE: it did not
 * @MVGPU_FAULT_RING: ring base, size or tail out of range or unaligned
 * @MVGPU_FAULT_OPCODE: unknown opcode
 * @MVGPU_FAULT_COMMAND: a field of the command is out of range
 * @MVGPU_FAULT_UNBOUND: a GPU address has no valid GTT entry
 * @MVGPU_FAULT_READ_ONLY: a write through an entry without MVGPU_GTT_WRITE
 * @MVGPU_FAULT_IOVA: guest memory that the VMM did not map so, or that is not
 *	there in the VMM
 * @MVGPU_FAULT_MEMLOCK: guest memory beyond the VMM's RLIMIT_MEMLOCK
 * @MVGPU_FAULT_MEMORY: the host has no memory for a page of VRAM, or for the
 *	record of a write to guest memory
 */
enum mvgpu_fault {
	MVGPU_FAULT_NONE	= 0,
	MVGPU_FAULT_RING	= 1,
	MVGPU_FAULT_OPCODE	= 2,
	MVGPU_FAULT_COMMAND	= 3,
	MVGPU_FAULT_UNBOUND	= 4,
	MVGPU_FAULT_READ_ONLY	= 5,
	MVGPU_FAULT_IOVA	= 6,
	MVGPU_FAULT_MEMLOCK	= 7,
	MVGPU_FAULT_MEMORY	= 8,
};

/*
 * The GTT maps the GPU address space, page by page, to VRAM or guest memory.
 * Entry n is the 8 bytes at MVGPU_GTT + 8 * n of the register BAR, and maps
 * the GPU addresses from n * MVGPU_PAGE_SIZE. A 4-byte write changes its half
 * of the entry at once. The bits of MVGPU_GTT_RESERVED are stored as 0.
 */
#define MVGPU_PAGE_SIZE			0x1000
#define MVGPU_GTT			0x80000
#define MVGPU_GTT_ENTRIES		65536
#define MVGPU_GTT_VALID			0x001ULL
#define MVGPU_GTT_WRITE			0x002ULL	/* the device may write */
#define MVGPU_GTT_VRAM			0x004ULL	/* VRAM offset, not IOVA */
#define MVGPU_GTT_RESERVED		0xff8ULL
#define MVGPU_GTT_ADDRESS		0xfffffffffffff000ULL

/**
 * enum mvgpu_opcode - what a command does
 * @MVGPU_OP_NOP: nothing
 * @MVGPU_OP_FILL: fill a rectangle with a pattern, struct mvgpu_fill
 * @MVGPU_OP_COPY: copy a rectangle, struct mvgpu_copy
 * @MVGPU_OP_BLEND: lay one rectangle of pixels over another, struct mvgpu_blend
 * @MVGPU_OP_CRC32C: checksum a range, struct mvgpu_crc32c
 * @MVGPU_OP_BIND: write consecutive GTT entries, struct mvgpu_bind
 * @MVGPU_OP_UNBIND: clear consecutive GTT entries, struct mvgpu_bind
 * @MVGPU_OP_FENCE: write a value, struct mvgpu_fence
 * @MVGPU_OP_SEMAPHORE: wait for a value, struct mvgpu_semaphore
 * @MVGPU_OP_TIMESTAMP: write the time, struct mvgpu_timestamp
 */
enum mvgpu_opcode {
	MVGPU_OP_NOP		= 0,
	MVGPU_OP_FILL		= 1,
	MVGPU_OP_COPY		= 2,
	MVGPU_OP_BLEND		= 3,
	MVGPU_OP_CRC32C		= 4,
	MVGPU_OP_BIND		= 5,
	MVGPU_OP_UNBIND		= 6,
	MVGPU_OP_FENCE		= 7,
	MVGPU_OP_SEMAPHORE	= 8,
	MVGPU_OP_TIMESTAMP	= 9,
};

/* Every command has this size in a ring; all fields are little-endian. */
#define MVGPU_COMMAND_SIZE		64

/**
 * struct mvgpu_fill - MVGPU_OP_FILL
 * @opcode: MVGPU_OP_FILL
 * @flags: 0
 * @dst: GPU address of the first row
 * @width: bytes in a row, at least 1
 * @height: rows, at least 1
 * @pitch: bytes from row to row, at least @width if there are two
 * @value: byte k of a row becomes byte k modulo 4 of this
 * @reserved: 0
 *
 * The rectangle lies within the GPU address space.
 */
struct mvgpu_fill {
	__le32	opcode;
	__le32	flags;
	__le64	dst;
	__le32	width;
	__le32	height;
	__le32	pitch;
	__le32	value;
	__le32	reserved[8];
};

/**
 * struct mvgpu_copy - MVGPU_OP_COPY
 * @opcode: MVGPU_OP_COPY
 * @flags: 0
 * @dst: GPU address of the first row written
 * @width: bytes in a row, at least 1
 * @height: rows, at least 1
 * @dst_pitch: bytes from row to row, at least @width if there are two
 * @src_pitch: the same for the rows read
 * @src: GPU address of the first row read
 * @reserved: 0
 *
 * Rectangles that overlap are copied as if all was read first; they need equal
 * pitches, else the command faults.
 */
struct mvgpu_copy {
	__le32	opcode;
	__le32	flags;
	__le64	dst;
	__le32	width;
	__le32	height;
	__le32	dst_pitch;
	__le32	src_pitch;
	__le64	src;
	__le32	reserved[6];
};

/**
 * struct mvgpu_blend - MVGPU_OP_BLEND
 * @opcode: MVGPU_OP_BLEND
 * @flags: 0
 * @dst: GPU address of the first row, which lies below, aligned to 4
 * @width: bytes in a row, at least 4, a multiple of 4
 * @height: rows, at least 1
 * @dst_pitch: bytes from row to row, at least @width if there are two, a
 *	multiple of 4
 * @src_pitch: the same for the rows that lie above
 * @src: GPU address of their first, aligned to 4
 * @alpha: 0 to 255, how much of the source there is
 * @reserved: 0
 *
 * Pixels have 8 bits each of blue, green, red and alpha, in this order in
 * memory; colours are multiplied by alpha. With m(x, y) = x * y / 255, rounded
 * to the nearest, each of the four becomes the lesser of 255 and
 *
 *	m(src, @alpha) + m(dst, 255 - m(alpha of src, @alpha))
 *
 * Rectangles that overlap are blended as if all was read first; they need
 * equal pitches, else the command faults.
 */
struct mvgpu_blend {
	__le32	opcode;
	__le32	flags;
	__le64	dst;
	__le32	width;
	__le32	height;
	__le32	dst_pitch;
	__le32	src_pitch;
	__le64	src;
	__le32	alpha;
	__le32	reserved[5];
};

/**
 * struct mvgpu_crc32c - MVGPU_OP_CRC32C
 * @opcode: MVGPU_OP_CRC32C
 * @flags: 0
 * @src: GPU address of the first byte
 * @length: bytes, at least 1
 * @dst: GPU address, aligned to 4, of the 32-bit result
 * @seed: 0, or the result over the bytes that came before
 * @reserved: 0
 *
 * CRC-32C (Castagnoli) as in RFC 3720: of "123456789" it is 0xe3069283.
 */
struct mvgpu_crc32c {
	__le32	opcode;
	__le32	flags;
	__le64	src;
	__le64	length;
	__le64	dst;
	__le32	seed;
	__le32	reserved[7];
};

/**
 * struct mvgpu_bind - MVGPU_OP_BIND and MVGPU_OP_UNBIND
 * @opcode: which of them
 * @flags: 0
 * @entry: GTT entry to write at @first; each that follows has an address
 *	MVGPU_PAGE_SIZE higher. 0 for MVGPU_OP_UNBIND.
 * @first: index of the first entry
 * @count: entries, at least 1; all exist
 * @reserved: 0
 */
struct mvgpu_bind {
	__le32	opcode;
	__le32	flags;
	__le64	entry;
	__le32	first;
	__le32	count;
	__le32	reserved[10];
};

/* Flag of a fence: raise the queue's interrupt once the value is written. */
#define MVGPU_FENCE_INTERRUPT		0x1

/**
 * struct mvgpu_fence - MVGPU_OP_FENCE
 * @opcode: MVGPU_OP_FENCE
 * @flags: MVGPU_FENCE_INTERRUPT or 0
 * @dst: GPU address, aligned to 8
 * @value: written there once all commands before it in the ring have written
 * @reserved: 0
 */
struct mvgpu_fence {
	__le32	opcode;
	__le32	flags;
	__le64	dst;
	__le64	value;
	__le32	reserved[10];
};

/**
 * enum mvgpu_compare - what a semaphore waits for
 * @MVGPU_COMPARE_EQUAL: memory has the value
 * @MVGPU_COMPARE_NOT_EQUAL: it has another one
 * @MVGPU_COMPARE_GREATER_EQUAL: it has that or a greater one, unsigned
 */
enum mvgpu_compare {
	MVGPU_COMPARE_EQUAL		= 0,
	MVGPU_COMPARE_NOT_EQUAL		= 1,
	MVGPU_COMPARE_GREATER_EQUAL	= 2,
};

/**
 * struct mvgpu_semaphore - MVGPU_OP_SEMAPHORE
 * @opcode: MVGPU_OP_SEMAPHORE
 * @flags: 0
 * @src: GPU address of 64 bits, aligned to 8
 * @value: what they are compared with
 * @compare: enum mvgpu_compare
 * @reserved: 0
 *
 * The queue goes on once the comparison holds. It is made at least once a
 * millisecond, at every doorbell, and after every fence of the device. It
 * never times out: disable the queue to give up.
 */
struct mvgpu_semaphore {
	__le32	opcode;
	__le32	flags;
	__le64	src;
	__le64	value;
	__le32	compare;
	__le32	reserved[9];
};

/**
 * struct mvgpu_timestamp - MVGPU_OP_TIMESTAMP
 * @opcode: MVGPU_OP_TIMESTAMP
 * @flags: 0
 * @dst: GPU address, aligned to 8
 * @reserved: 0
 *
 * Writes what MVGPU_REG_CLOCK has once all commands before it in the ring have
 * written: nanoseconds that the device ran since it was reset. The clock stands
 * while the device is stopped, and goes on from there, also after a move.
 */
struct mvgpu_timestamp {
	__le32	opcode;
	__le32	flags;
	__le64	dst;
	__le32	reserved[12];
};

/* Sections of a context, see Documentation/stream.rst and context.rst. */
#define MVGPU_STREAM_CONFIG		0x100
#define MVGPU_STREAM_GTT		0x101
#define MVGPU_STREAM_QUEUES		0x102
#define MVGPU_STREAM_INTERRUPTS		0x103
#define MVGPU_STREAM_CLOCK		0x104
#define MVGPU_STREAM_REACHED		0x105

#endif /* _UAPI_LINUX_MVGPU_H */
