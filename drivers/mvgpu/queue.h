/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The state of a queue. Pure: also compiled in user space.
 */
#ifndef _MVGPU_QUEUE_H
#define _MVGPU_QUEUE_H

#include <linux/types.h>
#include <linux/mvgpu.h>

#include "decode.h"

/**
 * struct mvgpu_queue - a command ring and the command being run
 * @enabled: accepts doorbells
 * @fault_interrupt: a fault raises the queue's interrupt
 * @ring_base: GPU address
 * @ring_size: bytes
 * @head: offset of the command that is run or comes next
 * @tail: offset behind the last command
 * @fault: enum mvgpu_fault; not 0 stops the queue
 * @ring_fault: MVGPU_FAULT_RING is due, at the end of the chunk that is being
 *	run; so never where the device is stopped
 * @fault_address: GPU address that faulted
 * @completed: commands since the queue was enabled
 * @generation: moves with every enable and disable, so that the worker drops
 *	what it was running
 * @running: a chunk for this queue is being run, even if it is disabled
 * @waiting: @command is a semaphore's, and its time to be looked at again has
 *	not come
 * @current_valid: @command is being run
 * @command: the snapshot it runs from
 * @progress: how far it is
 *
 * Protected by mvgpu_device::lock; the worker runs a copy of the last two.
 */
struct mvgpu_queue {
	bool enabled;
	bool fault_interrupt;
	u64 ring_base;
	u32 ring_size;
	u32 head;
	u32 tail;
	u32 fault;
	bool ring_fault;
	u64 fault_address;
	u64 completed;
	u32 generation;
	bool running;
	bool waiting;
	bool current_valid;
	u8 command[MVGPU_COMMAND_SIZE];
	struct mvgpu_progress progress;
};

#endif /* _MVGPU_QUEUE_H */
