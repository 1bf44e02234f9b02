/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What /dev/mvgpuN of mvgpu_guest.ko offers to a program in the guest: memory
 * that the vGPU sees, its queues, and its fences.
 *
 * One program at a time has the device open. It allocates buffers, of guest
 * memory or VRAM, and binds their pages to GPU addresses of its choice, which
 * begin at 0. The commands that it submits are those of linux/mvgpu.h, with GPU
 * addresses. Bindings, buffers and numbers of fences end with the last reference
 * to the file; who opens it next finds nothing of them.
 *
 * All calls fail with ENODEV once the vGPU is gone. Mappings of guest memory
 * stay then; access to those of VRAM raises SIGBUS.
 */
#ifndef _MVGPU_GUEST_H
#define _MVGPU_GUEST_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define MVGPU_GUEST_IOCTL	0xb7

/**
 * struct mvgpu_guest_info - MVGPU_GUEST_INFO
 * @vram_size: bytes of VRAM
 * @gpu_size: GPU addresses below this can be bound; the driver has the rest
 * @queues: number of queues
 * @vectors: interrupt vectors in use; queue n has vector n modulo these
 */
struct mvgpu_guest_info {
	__u64	vram_size;
	__u64	gpu_size;
	__u32	queues;
	__u32	vectors;
};

#define MVGPU_GUEST_INFO	_IOR(MVGPU_GUEST_IOCTL, 0, struct mvgpu_guest_info)

/* Flag of a buffer: VRAM. Otherwise it is guest memory, in single pages. */
#define MVGPU_GUEST_VRAM	0x1

/**
 * struct mvgpu_guest_alloc - MVGPU_GUEST_ALLOC
 * @size: bytes, a multiple of 4096, at most 256 MiB
 * @flags: MVGPU_GUEST_VRAM or 0
 * @buffer: out: a number for the other calls, not 0
 * @offset: out: for mmap(), which has to be MAP_SHARED
 *
 * The buffer is all zeros. Fails with ENOSPC if so much VRAM is not free in one
 * piece.
 */
struct mvgpu_guest_alloc {
	__u64	size;
	__u32	flags;
	__u32	buffer;
	__u64	offset;
};

#define MVGPU_GUEST_ALLOC	_IOWR(MVGPU_GUEST_IOCTL, 1, struct mvgpu_guest_alloc)

/*
 * MVGPU_GUEST_FREE - give a buffer back, by its number
 *
 * What was bound of it is unbound. Access to mappings of it raises SIGBUS.
 */
#define MVGPU_GUEST_FREE	_IOW(MVGPU_GUEST_IOCTL, 2, __u32)

/* Flag of a binding: the vGPU may write. */
#define MVGPU_GUEST_WRITE	0x1

/**
 * struct mvgpu_guest_bind - MVGPU_GUEST_BIND
 * @address: first GPU address, a multiple of 4096
 * @offset: first byte in the buffer, a multiple of 4096
 * @size: bytes, a multiple of 4096
 * @buffer: which buffer; 0 to unbind, where @offset and @flags are 0
 * @flags: MVGPU_GUEST_WRITE or 0
 *
 * Replaces what was bound there. Holds for commands from their next access on.
 */
struct mvgpu_guest_bind {
	__u64	address;
	__u64	offset;
	__u64	size;
	__u32	buffer;
	__u32	flags;
};

#define MVGPU_GUEST_BIND	_IOW(MVGPU_GUEST_IOCTL, 3, struct mvgpu_guest_bind)

/* Commands of one call. */
#define MVGPU_GUEST_COMMANDS	128

/**
 * struct mvgpu_guest_submit - MVGPU_GUEST_SUBMIT
 * @commands: user address of the commands, 64 bytes each
 * @count: how many, 1 to MVGPU_GUEST_COMMANDS
 * @queue: which queue
 * @sequence: out: for MVGPU_GUEST_WAIT; one more with each call on a queue
 *
 * A fence that raises the interrupt follows the commands. EINVAL: BIND, UNBIND,
 * an opcode that is not known, or one that reads or writes addresses that cannot
 * be bound. EAGAIN: the ring is full; wait for an earlier call. EIO: the queue
 * has faulted, or has yet to end what the last program had it do;
 * MVGPU_GUEST_RESTART.
 */
struct mvgpu_guest_submit {
	__u64	commands;
	__u32	count;
	__u32	queue;
	__u64	sequence;
};

#define MVGPU_GUEST_SUBMIT	_IOWR(MVGPU_GUEST_IOCTL, 4, struct mvgpu_guest_submit)

/* The fence was written, but no interrupt told of it in all of the time. */
#define MVGPU_GUEST_NO_INTERRUPT	0x1

/**
 * struct mvgpu_guest_wait - MVGPU_GUEST_WAIT
 * @sequence: that of a MVGPU_GUEST_SUBMIT
 * @queue: which queue
 * @timeout_ms: how long; 0 does not wait
 * @flags: out: MVGPU_GUEST_NO_INTERRUPT or 0
 * @fault: out: enum mvgpu_fault, if the call fails with EIO
 * @fault_address: out: GPU address, likewise
 *
 * Waits for the interrupt of a fence. ETIMEDOUT: the fence was not written.
 * EIO: the queue stopped before it. ECANCELED: MVGPU_GUEST_RESTART came before
 * it, this one or an earlier one. EINTR: a signal came.
 */
struct mvgpu_guest_wait {
	__u64	sequence;
	__u32	queue;
	__u32	timeout_ms;
	__u32	flags;
	__u32	fault;
	__u64	fault_address;
};

#define MVGPU_GUEST_WAIT	_IOWR(MVGPU_GUEST_IOCTL, 5, struct mvgpu_guest_wait)

/*
 * MVGPU_GUEST_RESTART - drop all commands of a queue, by its number
 *
 * EIO: the queue does not stop. ENOMEM: the driver has no memory to remember what
 * was dropped, or restarts have done so 2^20 times since the file was opened, each
 * with fences in between that were written.
 */
#define MVGPU_GUEST_RESTART	_IOW(MVGPU_GUEST_IOCTL, 6, __u32)

/*
 * MVGPU_GUEST_RESUMES - how often the guest was suspended and resumed
 *
 * A program does not notice but by this: all that it has is restored, except
 * that the vGPU's clock, which TIMESTAMP writes, begins anew at 0 each time.
 */
#define MVGPU_GUEST_RESUMES	_IOR(MVGPU_GUEST_IOCTL, 7, __u32)

#endif /* _MVGPU_GUEST_H */
