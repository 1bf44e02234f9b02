// SPDX-License-Identifier: GPL-2.0
/*
 * The registers of queues. Nothing here waits: a queue that is disabled, or
 * faults by a bad doorbell, stops at the end of the chunk that runs. Until then it
 * reads BUSY, whatever else was written to its registers, and no fault shows.
 */
#include <linux/align.h>

#include "mvgpu_private.h"
#include "trace.h"

/**
 * mvgpu_queue_reset - all queues are disabled, their registers 0
 * @dev: the device
 */
void mvgpu_queue_reset(struct mvgpu_device *dev)
{
	struct mvgpu_queue *queue;
	u32 generation;
	unsigned int i;

	spin_lock(&dev->lock);
	for (i = 0; i < MVGPU_QUEUES; i++) {
		queue = &dev->queues[i];
		generation = queue->generation + 1;
		memset(queue, 0, sizeof(*queue));
		queue->generation = generation;
	}
	spin_unlock(&dev->lock);
}

static bool mvgpu_queue_is_wide(u32 reg)
{
	switch (ALIGN_DOWN(reg, 8)) {
	case MVGPU_QUEUE_RING_BASE:
	case MVGPU_QUEUE_FAULT_ADDRESS:
	case MVGPU_QUEUE_COMPLETED:
		return true;
	default:
		return false;
	}
}

/* The guest may take its memory back as soon as it reads anything but BUSY. */
static u32 mvgpu_queue_status(const struct mvgpu_queue *queue)
{
	if (queue->running)
		return MVGPU_QUEUE_BUSY;
	if (!queue->enabled)
		return MVGPU_QUEUE_DISABLED;
	if (queue->fault)
		return MVGPU_QUEUE_FAULTED;
	if (queue->current_valid || queue->head != queue->tail)
		return MVGPU_QUEUE_BUSY;

	return MVGPU_QUEUE_IDLE;
}

static u64 mvgpu_queue_value(const struct mvgpu_queue *queue, u32 reg)
{
	switch (reg) {
	case MVGPU_QUEUE_CONTROL:
		return (queue->enabled ? MVGPU_QUEUE_ENABLE : 0) |
		       (queue->fault_interrupt ?
			MVGPU_QUEUE_FAULT_INTERRUPT : 0);
	case MVGPU_QUEUE_STATUS:
		return mvgpu_queue_status(queue);
	case MVGPU_QUEUE_RING_BASE:
		return queue->ring_base;
	case MVGPU_QUEUE_RING_SIZE:
		return queue->ring_size;
	case MVGPU_QUEUE_HEAD:
		return queue->head;
	case MVGPU_QUEUE_TAIL:
		return queue->tail;
	case MVGPU_QUEUE_FAULT:
		return queue->fault;
	case MVGPU_QUEUE_FAULT_ADDRESS:
		return queue->fault_address;
	case MVGPU_QUEUE_COMPLETED:
		return queue->completed;
	default:
		return 0;
	}
}

/**
 * mvgpu_queue_read - read a register of a queue
 * @dev: the device
 * @nr: of the queue, which exists
 * @reg: offset of the register or, with 4 bytes, of one of its halves
 * @len: 4 or 8
 *
 * Return: the value; 0 if there is no such register.
 */
u64 mvgpu_queue_read(struct mvgpu_device *dev, unsigned int nr, u32 reg,
		     unsigned int len)
{
	bool wide = mvgpu_queue_is_wide(reg);
	u64 value;

	if (len == 8 && !wide)
		return 0;

	spin_lock(&dev->lock);
	value = mvgpu_queue_value(&dev->queues[nr],
				  wide ? ALIGN_DOWN(reg, 8) : reg);
	spin_unlock(&dev->lock);
	if (len == 8)
		return value;

	return wide && reg % 8 ? value >> 32 : (u32)value;
}

/**
 * mvgpu_queue_look_locked - look at all semaphores again
 * @dev: the device; kick the worker if it is not its thread that calls
 */
void mvgpu_queue_look_locked(struct mvgpu_device *dev)
{
	unsigned int i;

	lockdep_assert_held(&dev->lock);
	dev->worker.looks++;
	for (i = 0; i < MVGPU_QUEUES; i++)
		dev->queues[i].waiting = false;
}

/**
 * mvgpu_queue_faulted_locked - a queue has stopped with a fault
 * @dev: the device
 * @nr: of the queue
 */
void mvgpu_queue_faulted_locked(struct mvgpu_device *dev, unsigned int nr)
{
	struct mvgpu_queue *queue = &dev->queues[nr];

	lockdep_assert_held(&dev->lock);
	dev->worker.faults++;
	trace_mvgpu_fault(dev->vdev.dev, nr, queue->fault,
			  queue->fault_address);
	if (queue->fault_interrupt)
		mvgpu_irq_raise_locked(dev, nr);
}

/**
 * mvgpu_queue_settle_locked - no chunk of a queue is being run any more
 * @dev: the device
 * @nr: of the queue
 *
 * If a fault waited for that, the queue has it now.
 */
void mvgpu_queue_settle_locked(struct mvgpu_device *dev, unsigned int nr)
{
	struct mvgpu_queue *queue = &dev->queues[nr];

	lockdep_assert_held(&dev->lock);
	queue->running = false;
	if (!queue->ring_fault)
		return;
	queue->ring_fault = false;
	queue->fault = MVGPU_FAULT_RING;
	queue->fault_address = queue->ring_base;
	mvgpu_queue_faulted_locked(dev, nr);
}

/* A queue that has faulted writes nothing any more. */
static void mvgpu_queue_ring_fault_locked(struct mvgpu_device *dev,
					  unsigned int nr)
{
	struct mvgpu_queue *queue = &dev->queues[nr];

	lockdep_assert_held(&dev->lock);
	queue->ring_fault = true;
	if (!queue->running)
		mvgpu_queue_settle_locked(dev, nr);
}

static void mvgpu_queue_control_locked(struct mvgpu_device *dev,
				       unsigned int nr, u32 control)
{
	struct mvgpu_queue *queue = &dev->queues[nr];
	bool enable = control & MVGPU_QUEUE_ENABLE;

	lockdep_assert_held(&dev->lock);
	queue->fault_interrupt = control & MVGPU_QUEUE_FAULT_INTERRUPT;
	if (queue->enabled == enable)
		return;
	queue->enabled = enable;
	queue->generation++;
	mvgpu_worker_want(dev);
	queue->current_valid = false;
	queue->waiting = false;
	queue->ring_fault = false;
	if (!enable)
		return;

	queue->head = 0;
	queue->tail = 0;
	queue->fault = MVGPU_FAULT_NONE;
	queue->fault_address = 0;
	queue->completed = 0;
	if (!mvgpu_decode_ring_ok(queue->ring_base, queue->ring_size))
		mvgpu_queue_ring_fault_locked(dev, nr);
}

static void mvgpu_queue_tail_locked(struct mvgpu_device *dev, unsigned int nr,
				    u32 tail)
{
	struct mvgpu_queue *queue = &dev->queues[nr];

	lockdep_assert_held(&dev->lock);
	if (!queue->enabled || queue->fault || queue->ring_fault)
		return;
	if (tail % MVGPU_COMMAND_SIZE || tail >= queue->ring_size)
		mvgpu_queue_ring_fault_locked(dev, nr);
	else
		queue->tail = tail;
	/* the driver may have written what a semaphore waits for */
	mvgpu_queue_look_locked(dev);
}

static u64 mvgpu_queue_merge(u64 old, u32 reg, unsigned int len, u64 value)
{
	if (len == 8)
		return value;
	if (reg % 8)
		return value << 32 | (u32)old;

	return (old >> 32) << 32 | (u32)value;
}

static void mvgpu_queue_write_locked(struct mvgpu_device *dev, unsigned int nr,
				     u32 reg, unsigned int len, u64 value)
{
	struct mvgpu_queue *queue = &dev->queues[nr];

	lockdep_assert_held(&dev->lock);
	switch (reg) {
	case MVGPU_QUEUE_CONTROL:
		mvgpu_queue_control_locked(dev, nr, value);
		break;
	case MVGPU_QUEUE_RING_BASE:
	case MVGPU_QUEUE_RING_BASE + 4:
		if (!queue->enabled)
			queue->ring_base = mvgpu_queue_merge(queue->ring_base,
							     reg, len, value);
		break;
	case MVGPU_QUEUE_RING_SIZE:
		if (!queue->enabled)
			queue->ring_size = value;
		break;
	case MVGPU_QUEUE_TAIL:
		mvgpu_queue_tail_locked(dev, nr, value);
		break;
	}
}

/**
 * mvgpu_queue_write - write a register of a queue
 * @dev: the device
 * @nr: of the queue, which exists
 * @reg: offset of the register or, with 4 bytes, of one of its halves
 * @len: 4 or 8
 * @value: to write
 *
 * Return: whether it was a doorbell: then the worker may have something to run.
 */
bool mvgpu_queue_write(struct mvgpu_device *dev, unsigned int nr, u32 reg,
		       unsigned int len, u64 value)
{
	if (len == 8 && !mvgpu_queue_is_wide(reg))
		return false;

	spin_lock(&dev->lock);
	mvgpu_queue_write_locked(dev, nr, reg, len, value);
	spin_unlock(&dev->lock);

	return reg == MVGPU_QUEUE_TAIL;
}
