// SPDX-License-Identifier: GPL-2.0
/*
 * Queues: commands go into a ring, with a fence behind those of each call. The
 * value of a fence is its sequence number. Who waits is woken by the interrupt
 * alone, so that one that does not come is noticed.
 *
 * The device may only read the rings: no command can add one that was not
 * checked here.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/iopoll.h>
#include <linux/jiffies.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "guest_private.h"

/* The device ends the access that is in flight, of 64 KiB at most. */
#define MVGPU_GUEST_DISABLE_US	(5 * USEC_PER_SEC)

/* So many times restarts may drop what does not follow on what others dropped. */
#define MVGPU_GUEST_DROPPED	BIT(20)

/**
 * mvgpu_guest_queue_registers - find a queue's registers
 * @guest: the vGPU
 * @number: the queue's
 *
 * Return: where they begin.
 */
void __iomem *mvgpu_guest_queue_registers(struct mvgpu_guest *guest,
					  unsigned int number)
{
	return guest->registers + MVGPU_QUEUE(number);
}

static u32 mvgpu_guest_queue_entry(unsigned int number)
{
	return MVGPU_GUEST_USER_ENTRIES + number * MVGPU_GUEST_RING_PAGES;
}

static u64 mvgpu_guest_queue_fence_address(unsigned int number)
{
	return (u64)MVGPU_GUEST_FENCE_ENTRY * MVGPU_PAGE_SIZE + 8 * number;
}

/*
 * All up to a fence is over, of a queue that is disabled. An interrupt that comes
 * late, or is another queue's, finds this and nothing of the commands before.
 */
static void mvgpu_guest_queue_settle(struct mvgpu_guest_queue *queue, u64 fence)
{
	lockdep_assert_held(&queue->lock);
	spin_lock_irq(&queue->look);
	WRITE_ONCE(*queue->fence, cpu_to_le64(fence));
	WRITE_ONCE(queue->seen, fence);
	WRITE_ONCE(queue->fault, MVGPU_FAULT_NONE);
	spin_unlock_irq(&queue->look);
}

/* All that it has had is a program's that is gone: it is as it was at first. */
static void mvgpu_guest_queue_clear(struct mvgpu_guest_queue *queue)
{
	lockdep_assert_held(&queue->lock);
	memset(queue->ring, 0, MVGPU_GUEST_RING_SIZE);
	kvfree(queue->dropped);
	queue->dropped = NULL;
	queue->dropped_room = 0;
	queue->dropped_count = 0;
	queue->stale = false;
	WRITE_ONCE(queue->submitted, 0);
	mvgpu_guest_queue_settle(queue, 0);
}

/**
 * mvgpu_guest_queue_enable - have a queue run what comes into its ring
 * @guest: the vGPU
 * @number: the queue's, which is disabled
 */
void mvgpu_guest_queue_enable(struct mvgpu_guest *guest, unsigned int number)
{
	void __iomem *registers = mvgpu_guest_queue_registers(guest, number);
	struct mvgpu_guest_queue *queue = &guest->queue[number];

	if (queue->stale)
		mvgpu_guest_queue_clear(queue);
	queue->head = 0;
	queue->tail = 0;
	writeq((u64)mvgpu_guest_queue_entry(number) * MVGPU_PAGE_SIZE,
	       registers + MVGPU_QUEUE_RING_BASE);
	writel(MVGPU_GUEST_RING_SIZE, registers + MVGPU_QUEUE_RING_SIZE);
	writel(MVGPU_QUEUE_ENABLE | MVGPU_QUEUE_FAULT_INTERRUPT,
	       registers + MVGPU_QUEUE_CONTROL);
}

/**
 * mvgpu_guest_queue_disable - stop a queue
 * @guest: the vGPU
 * @number: the queue's
 *
 * Return: 0, or -EIO if it does not stop, or the device does not answer.
 */
int mvgpu_guest_queue_disable(struct mvgpu_guest *guest, unsigned int number)
{
	void __iomem *registers = mvgpu_guest_queue_registers(guest, number);
	u32 status;

	writel(0, registers + MVGPU_QUEUE_CONTROL);
	if (readl_poll_timeout(registers + MVGPU_QUEUE_STATUS, status,
			       status == MVGPU_QUEUE_DISABLED ||
			       status == ~0U, 50, MVGPU_GUEST_DISABLE_US) ||
	    status == ~0U)
		return -EIO;
	return 0;
}

static int mvgpu_guest_queue_create(struct mvgpu_guest *guest,
				    unsigned int number)
{
	struct mvgpu_guest_queue *queue = &guest->queue[number];
	const u32 entry = mvgpu_guest_queue_entry(number);
	u32 i;

	mutex_init(&queue->lock);
	spin_lock_init(&queue->look);
	init_waitqueue_head(&queue->wait);
	queue->fence = guest->fences + 8 * number;
	queue->ring = dma_alloc_coherent(&guest->pdev->dev,
					 MVGPU_GUEST_RING_SIZE,
					 &queue->ring_dma, GFP_KERNEL);
	if (!queue->ring)
		return -ENOMEM;
	for (i = 0; i < MVGPU_GUEST_RING_PAGES; i++)
		mvgpu_guest_gtt_write(guest, entry + i, MVGPU_GTT_VALID |
				      (queue->ring_dma + i * MVGPU_PAGE_SIZE));
	return 0;
}

/**
 * mvgpu_guest_queue_destroy_all - free the rings
 * @guest: the vGPU, whose queues are disabled, or have not been enabled
 */
void mvgpu_guest_queue_destroy_all(struct mvgpu_guest *guest)
{
	struct device *dev = &guest->pdev->dev;
	unsigned int i;

	for (i = 0; i < MVGPU_GUEST_QUEUES; i++) {
		struct mvgpu_guest_queue *queue = &guest->queue[i];

		if (queue->ring)
			dma_free_coherent(dev, MVGPU_GUEST_RING_SIZE,
					  queue->ring, queue->ring_dma);
		queue->ring = NULL;
		kvfree(queue->dropped);
		queue->dropped = NULL;
		queue->dropped_room = 0;
		queue->dropped_count = 0;
	}
	dma_free_coherent(dev, MVGPU_PAGE_SIZE, guest->fences,
			  guest->fences_dma);
}

/**
 * mvgpu_guest_queue_create_all - make the rings and enable the queues
 * @guest: the vGPU, which was reset
 *
 * Return: 0 or -ENOMEM.
 */
int mvgpu_guest_queue_create_all(struct mvgpu_guest *guest)
{
	unsigned int i;
	int ret;

	guest->fences = dma_alloc_coherent(&guest->pdev->dev, MVGPU_PAGE_SIZE,
					   &guest->fences_dma, GFP_KERNEL);
	if (!guest->fences)
		return -ENOMEM;
	mvgpu_guest_gtt_write(guest, MVGPU_GUEST_FENCE_ENTRY,
			      MVGPU_GTT_VALID | MVGPU_GTT_WRITE |
			      guest->fences_dma);
	for (i = 0; i < MVGPU_GUEST_QUEUES; i++) {
		ret = mvgpu_guest_queue_create(guest, i);
		if (ret) {
			mvgpu_guest_queue_destroy_all(guest);
			return ret;
		}
	}
	for (i = 0; i < MVGPU_GUEST_QUEUES; i++)
		mvgpu_guest_queue_enable(guest, i);
	return 0;
}

/**
 * mvgpu_guest_queue_disable_all - stop the queues for ever
 * @guest: the vGPU; it is gone, so that nobody submits any more
 *
 * A device that was pulled out does not answer: there is nothing to stop.
 */
void mvgpu_guest_queue_disable_all(struct mvgpu_guest *guest)
{
	unsigned int i;

	for (i = 0; i < MVGPU_GUEST_QUEUES; i++) {
		struct mvgpu_guest_queue *queue = &guest->queue[i];

		mutex_lock(&queue->lock);
		if (mvgpu_guest_queue_disable(guest, i) &&
		    pci_device_is_present(guest->pdev))
			dev_err(&guest->pdev->dev,
				"queue %u does not stop\n", i);
		mutex_unlock(&queue->lock);
	}
	/* The device lets go of the pages that it has pinned. */
	for (i = MVGPU_GUEST_USER_ENTRIES; i < MVGPU_GTT_ENTRIES; i++)
		mvgpu_guest_gtt_write(guest, i, 0);
	mvgpu_guest_gtt_flush(guest);
}

/**
 * mvgpu_guest_queue_wake_all - have everybody look at guest->gone
 * @guest: the vGPU
 */
void mvgpu_guest_queue_wake_all(struct mvgpu_guest *guest)
{
	unsigned int i;

	for (i = 0; i < MVGPU_GUEST_QUEUES; i++)
		wake_up_all(&guest->queue[i].wait);
}

/**
 * mvgpu_guest_queue_fence - look at the last fence that was written
 * @queue: a queue
 *
 * Return: its sequence number.
 */
u64 mvgpu_guest_queue_fence(const struct mvgpu_guest_queue *queue)
{
	u64 fence = le64_to_cpu(READ_ONCE(*queue->fence));

	/* What came before the fence is read after it. */
	dma_rmb();
	return fence;
}

/* A queue that has written all its fences has not faulted. */
static void mvgpu_guest_queue_look(struct mvgpu_guest *guest,
				   unsigned int number)
{
	void __iomem *registers = mvgpu_guest_queue_registers(guest, number);
	struct mvgpu_guest_queue *queue = &guest->queue[number];
	unsigned long flags;
	u64 fence;

	spin_lock_irqsave(&queue->look, flags);
	fence = mvgpu_guest_queue_fence(queue);
	WRITE_ONCE(queue->seen, fence);
	if (fence != READ_ONCE(queue->submitted) &&
	    readl(registers + MVGPU_QUEUE_STATUS) == MVGPU_QUEUE_FAULTED) {
		queue->fault_address = readq(registers +
					     MVGPU_QUEUE_FAULT_ADDRESS);
		/* Whoever sees the fault sees its address. */
		smp_store_release(&queue->fault,
				  readl(registers + MVGPU_QUEUE_FAULT));
	}
	spin_unlock_irqrestore(&queue->look, flags);
	wake_up_all(&queue->wait);
}

/**
 * mvgpu_guest_queue_interrupt - a vector was raised
 * @guest: the vGPU
 * @vector: its number, which several queues may share
 */
void mvgpu_guest_queue_interrupt(struct mvgpu_guest *guest, unsigned int vector)
{
	unsigned int i;

	for (i = vector; i < MVGPU_GUEST_QUEUES; i += guest->vectors)
		mvgpu_guest_queue_look(guest, i);
}

/* There has to be room for one more before anything is dropped. */
static int mvgpu_guest_queue_make_room(struct mvgpu_guest_queue *queue)
{
	u32 room = queue->dropped_room ? 2 * queue->dropped_room : 8;
	struct mvgpu_guest_dropped *dropped;

	lockdep_assert_held(&queue->lock);
	if (queue->dropped_count < queue->dropped_room)
		return 0;
	if (room > MVGPU_GUEST_DROPPED)
		return -ENOMEM;
	/* kvrealloc() is another on each kernel */
	dropped = kvmalloc_array(room, sizeof(*dropped), GFP_KERNEL_ACCOUNT);
	if (!dropped)
		return -ENOMEM;
	if (queue->dropped_count)
		memcpy(dropped, queue->dropped,
		       queue->dropped_count * sizeof(*dropped));
	kvfree(queue->dropped);
	queue->dropped = dropped;
	queue->dropped_room = room;
	return 0;
}

/* Fences after that one, up to the last. Often this goes on where one ended. */
static void mvgpu_guest_queue_drop(struct mvgpu_guest_queue *queue, u64 after)
{
	struct mvgpu_guest_dropped *last = queue->dropped +
					   queue->dropped_count - 1;

	lockdep_assert_held(&queue->lock);
	if (after == queue->submitted)
		return;
	if (!queue->dropped_count || last->last != after) {
		last++;
		last->after = after;
		queue->dropped_count++;
	}
	last->last = queue->submitted;
}

static bool mvgpu_guest_queue_was_dropped(const struct mvgpu_guest_queue *queue,
					  u64 sequence)
{
	u32 first = 0, end = queue->dropped_count;

	lockdep_assert_held(&queue->lock);
	while (first < end) {
		u32 middle = first + (end - first) / 2;

		if (sequence > queue->dropped[middle].last)
			first = middle + 1;
		else if (sequence <= queue->dropped[middle].after)
			end = middle;
		else
			return true;
	}
	return false;
}

/**
 * mvgpu_guest_queue_restart - do MVGPU_GUEST_RESTART
 * @guest: the vGPU
 * @number: the queue's
 *
 * Return: 0, -EINVAL, -ENODEV, -ENOMEM, or -EIO if the queue does not stop.
 */
int mvgpu_guest_queue_restart(struct mvgpu_guest *guest, u32 number)
{
	struct mvgpu_guest_queue *queue;
	int ret;

	if (number >= MVGPU_GUEST_QUEUES)
		return -EINVAL;
	queue = &guest->queue[number];

	mutex_lock(&queue->lock);
	ret = guest->gone ? -ENODEV : mvgpu_guest_queue_make_room(queue);
	if (!ret)
		ret = mvgpu_guest_queue_disable(guest, number);
	if (ret)
		goto out;
	mvgpu_guest_queue_drop(queue, mvgpu_guest_queue_fence(queue));
	mvgpu_guest_queue_settle(queue, queue->submitted);
	mvgpu_guest_queue_enable(guest, number);
	wake_up_all(&queue->wait);
out:
	mutex_unlock(&queue->lock);
	return ret;
}

/*
 * Of a queue that does not stop a fence may still come: it is forgotten when it is
 * enabled anew, which is once it has stopped.
 */
static void mvgpu_guest_queue_forget(struct mvgpu_guest *guest, u32 number)
{
	struct mvgpu_guest_queue *queue = &guest->queue[number];

	lockdep_assert_held(&queue->lock);
	if (guest->gone)
		return;
	queue->stale = true;
	if (mvgpu_guest_queue_disable(guest, number)) {
		dev_err(&guest->pdev->dev,
			"queue %u does not stop: programs get EIO until it does; what it has is dropped then\n",
			number);
		return;
	}
	mvgpu_guest_queue_enable(guest, number);
}

/**
 * mvgpu_guest_queue_forget_all - have the queues as they were at first
 * @guest: the vGPU; nobody has its file open any more
 *
 * The next program finds nothing of the last one's: neither commands, of which
 * one may wait for a semaphore for ever, nor numbers of fences.
 */
void mvgpu_guest_queue_forget_all(struct mvgpu_guest *guest)
{
	u32 i;

	for (i = 0; i < MVGPU_GUEST_QUEUES; i++) {
		mutex_lock(&guest->queue[i].lock);
		mvgpu_guest_queue_forget(guest, i);
		mutex_unlock(&guest->queue[i].lock);
	}
}

/* Has it stopped by now, if the last program's commands kept it? */
static bool mvgpu_guest_queue_is_fresh(struct mvgpu_guest *guest, u32 number)
{
	void __iomem *registers = mvgpu_guest_queue_registers(guest, number);
	struct mvgpu_guest_queue *queue = &guest->queue[number];

	lockdep_assert_held(&queue->lock);
	if (queue->stale && readl(registers + MVGPU_QUEUE_STATUS) ==
			    MVGPU_QUEUE_DISABLED)
		mvgpu_guest_queue_enable(guest, number);
	return !queue->stale;
}

/* Commands that fit into the ring; one place stays empty. */
static u32 mvgpu_guest_queue_room(const struct mvgpu_guest_queue *queue)
{
	return (queue->head - queue->tail - MVGPU_COMMAND_SIZE) %
	       MVGPU_GUEST_RING_SIZE / MVGPU_COMMAND_SIZE;
}

static void mvgpu_guest_queue_put(struct mvgpu_guest_queue *queue,
				  const void *command)
{
	memcpy(queue->ring + queue->tail, command, MVGPU_COMMAND_SIZE);
	queue->tail = (queue->tail + MVGPU_COMMAND_SIZE) %
		      MVGPU_GUEST_RING_SIZE;
}

static int mvgpu_guest_queue_submit_locked(struct mvgpu_guest *guest,
					   struct mvgpu_guest_submit *submit,
					   const u8 *commands)
{
	void __iomem *registers = mvgpu_guest_queue_registers(guest,
							      submit->queue);
	struct mvgpu_guest_queue *queue = &guest->queue[submit->queue];
	const u64 sequence = queue->submitted + 1;
	const struct mvgpu_fence fence = {
		.opcode = cpu_to_le32(MVGPU_OP_FENCE),
		.flags = cpu_to_le32(MVGPU_FENCE_INTERRUPT),
		.dst = cpu_to_le64(mvgpu_guest_queue_fence_address(submit->queue)),
		.value = cpu_to_le64(sequence),
	};
	u32 i;

	lockdep_assert_held(&queue->lock);
	if (guest->gone)
		return -ENODEV;
	if (READ_ONCE(queue->fault))
		return -EIO;
	if (mvgpu_guest_queue_room(queue) < submit->count + 1) {
		u32 head = readl(registers + MVGPU_QUEUE_HEAD);

		if (head >= MVGPU_GUEST_RING_SIZE)
			return -ENODEV;
		queue->head = head;
		if (mvgpu_guest_queue_room(queue) < submit->count + 1)
			return -EAGAIN;
	}
	for (i = 0; i < submit->count; i++)
		mvgpu_guest_queue_put(queue, commands + i * MVGPU_COMMAND_SIZE);
	mvgpu_guest_queue_put(queue, &fence);
	WRITE_ONCE(queue->submitted, sequence);
	/* writel() orders the doorbell behind the commands. */
	writel(queue->tail, registers + MVGPU_QUEUE_TAIL);
	submit->sequence = sequence;
	return 0;
}

/**
 * mvgpu_guest_queue_submit - do MVGPU_GUEST_SUBMIT
 * @guest: the vGPU
 * @submit: what the user asked for; the answer
 * @commands: the kernel's copy of the commands
 *
 * Return: 0, -EINVAL, -ENODEV, -EAGAIN, -EIO or -ERESTARTSYS.
 */
int mvgpu_guest_queue_submit(struct mvgpu_guest *guest,
			     struct mvgpu_guest_submit *submit,
			     const void *commands)
{
	struct mvgpu_guest_queue *queue = &guest->queue[submit->queue];
	u32 i;
	int ret;

	for (i = 0; i < submit->count; i++)
		if (!mvgpu_guest_command_ok(commands + i * MVGPU_COMMAND_SIZE))
			return -EINVAL;
	/* Nothing was done: after a freeze, which is no signal, once more. */
	if (mutex_lock_interruptible(&queue->lock))
		return -ERESTARTSYS;
	if (!guest->gone && !mvgpu_guest_queue_is_fresh(guest, submit->queue))
		ret = -EIO;
	else
		ret = mvgpu_guest_queue_submit_locked(guest, submit, commands);
	mutex_unlock(&queue->lock);
	return ret;
}

/* What became of a fence that nobody waits for any more. */
static int mvgpu_guest_queue_result(struct mvgpu_guest *guest,
				    struct mvgpu_guest_wait *wait)
{
	struct mvgpu_guest_queue *queue = &guest->queue[wait->queue];

	lockdep_assert_held(&queue->lock);
	if (guest->gone)
		return -ENODEV;
	if (mvgpu_guest_queue_was_dropped(queue, wait->sequence))
		return -ECANCELED;
	if (READ_ONCE(queue->seen) >= wait->sequence)
		return 0;
	if (mvgpu_guest_queue_fence(queue) >= wait->sequence) {
		wait->flags = MVGPU_GUEST_NO_INTERRUPT;
		return 0;
	}
	/* Pairs with the release in mvgpu_guest_queue_look(). */
	wait->fault = smp_load_acquire(&queue->fault);
	if (!wait->fault)
		return -ETIMEDOUT;
	wait->fault_address = queue->fault_address;
	return -EIO;
}

static bool mvgpu_guest_queue_over(struct mvgpu_guest *guest,
				   const struct mvgpu_guest_wait *wait)
{
	const struct mvgpu_guest_queue *queue = &guest->queue[wait->queue];

	return READ_ONCE(queue->seen) >= wait->sequence ||
	       READ_ONCE(queue->fault) || READ_ONCE(guest->gone);
}

/**
 * mvgpu_guest_queue_wait - do MVGPU_GUEST_WAIT
 * @guest: the vGPU
 * @wait: what the user asked for; the answer
 *
 * Who waits can be frozen, when the guest is suspended, and then waits on.
 *
 * Return: 0, -EINVAL, -ENODEV, -ETIMEDOUT, -EIO, -ECANCELED, -EINTR or
 * -ERESTARTSYS.
 */
int mvgpu_guest_queue_wait(struct mvgpu_guest *guest,
			   struct mvgpu_guest_wait *wait)
{
	struct mvgpu_guest_queue *queue;
	unsigned long timeout;
	int ret;

	if (wait->queue >= MVGPU_GUEST_QUEUES || wait->flags || wait->fault ||
	    wait->fault_address)
		return -EINVAL;
	queue = &guest->queue[wait->queue];
	if (!wait->sequence || wait->sequence > READ_ONCE(queue->submitted))
		return -EINVAL;
	timeout = msecs_to_jiffies(wait->timeout_ms);
	if (wait_event_freezable_timeout(queue->wait,
					 mvgpu_guest_queue_over(guest, wait),
					 timeout) < 0)
		return -EINTR;
	if (mutex_lock_interruptible(&queue->lock))
		return -ERESTARTSYS;
	ret = mvgpu_guest_queue_result(guest, wait);
	mutex_unlock(&queue->lock);
	return ret;
}
