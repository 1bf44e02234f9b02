// SPDX-License-Identifier: GPL-2.0
/*
 * Queues at rest, for a suspend: what the device loses is put together so that it
 * can go on afterwards.
 *
 * A command that is done in part cannot be run again: BLEND, or a COPY onto
 * itself, would find other bytes. So the device ends what each queue has begun,
 * and nothing more; a semaphore that waits is the only one that may not end, and
 * can be run again.
 */
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/jiffies.h>
#include <linux/slab.h>

#include "guest_private.h"

/* For four commands of 256 MiB each. */
#define MVGPU_GUEST_REST_MS	(60 * MSEC_PER_SEC)

/* The command at @head is the last. The device does nothing meanwhile. */
static void mvgpu_guest_rest_cut(struct mvgpu_guest *guest, unsigned int number)
{
	void __iomem *registers = mvgpu_guest_queue_registers(guest, number);
	struct mvgpu_guest_queue *queue = &guest->queue[number];
	u32 head = readl(registers + MVGPU_QUEUE_HEAD);

	if (head != queue->tail)
		writel((head + MVGPU_COMMAND_SIZE) % MVGPU_GUEST_RING_SIZE,
		       registers + MVGPU_QUEUE_TAIL);
}

/* It is done, it cannot go on, or it waits for a semaphore. */
static bool mvgpu_guest_rest_reached(struct mvgpu_guest *guest,
				     unsigned int number)
{
	void __iomem *registers = mvgpu_guest_queue_registers(guest, number);
	struct mvgpu_guest_queue *queue = &guest->queue[number];
	u32 head;

	if (readl(registers + MVGPU_QUEUE_STATUS) != MVGPU_QUEUE_BUSY)
		return true;
	head = readl(registers + MVGPU_QUEUE_HEAD) % MVGPU_GUEST_RING_SIZE;
	return le32_to_cpup((__le32 *)(queue->ring + head)) ==
	       MVGPU_OP_SEMAPHORE;
}

static int mvgpu_guest_rest_wait(struct mvgpu_guest *guest, unsigned int number,
				 unsigned long end)
{
	while (!mvgpu_guest_rest_reached(guest, number)) {
		if (time_after(jiffies, end)) {
			dev_err(&guest->pdev->dev,
				"queue %u does not end its command: the guest is not suspended; try again, or end the program that has %s open\n",
				number, guest->name);
			return -EBUSY;
		}
		usleep_range(500, 1000);
	}
	return 0;
}

/* Interrupts may not come any more: looks at what they would have told. */
static void mvgpu_guest_rest_look(struct mvgpu_guest *guest,
				  unsigned int number)
{
	void __iomem *registers = mvgpu_guest_queue_registers(guest, number);
	struct mvgpu_guest_queue *queue = &guest->queue[number];
	u32 fault = readl(registers + MVGPU_QUEUE_FAULT);

	spin_lock_irq(&queue->look);
	WRITE_ONCE(queue->seen, mvgpu_guest_queue_fence(queue));
	if (fault && !queue->fault) {
		queue->fault_address = readq(registers +
					     MVGPU_QUEUE_FAULT_ADDRESS);
		/* Whoever sees the fault sees its address. */
		smp_store_release(&queue->fault, fault);
	}
	spin_unlock_irq(&queue->look);
	wake_up_all(&queue->wait);
}

/* What was not begun goes to the start of the ring, by way of @room. */
static int mvgpu_guest_rest_pack(struct mvgpu_guest *guest, unsigned int number,
				 u8 *room)
{
	void __iomem *registers = mvgpu_guest_queue_registers(guest, number);
	struct mvgpu_guest_queue *queue = &guest->queue[number];
	u32 head, left, straight;

	if (mvgpu_guest_queue_disable(guest, number)) {
		dev_err(&guest->pdev->dev,
			"queue %u does not stop: the guest is not suspended\n",
			number);
		queue->tail = 0;
		/* Where it stands is not known: whoever waits gives up. */
		smp_store_release(&queue->fault, MVGPU_FAULT_RING);
		wake_up_all(&queue->wait);
		return -EIO;
	}
	synchronize_irq(pci_irq_vector(guest->pdev, number % guest->vectors));
	mvgpu_guest_rest_look(guest, number);
	head = readl(registers + MVGPU_QUEUE_HEAD) % MVGPU_GUEST_RING_SIZE;
	left = queue->stale ? 0 : (queue->tail - head) % MVGPU_GUEST_RING_SIZE;
	straight = min(left, MVGPU_GUEST_RING_SIZE - head);
	memcpy(room, queue->ring + head, straight);
	memcpy(room + straight, queue->ring, left - straight);
	memcpy(queue->ring, room, left);
	queue->head = 0;
	queue->tail = left;
	return 0;
}

static int mvgpu_guest_rest_locked(struct mvgpu_guest *guest, u8 *room)
{
	const unsigned long end = jiffies +
				  msecs_to_jiffies(MVGPU_GUEST_REST_MS);
	unsigned int i;
	int ret = 0;

	lockdep_assert_held(&guest->lock);
	/* Between two accesses, and heads stand still: they say what is begun. */
	pci_clear_master(guest->pdev);
	for (i = 0; i < MVGPU_GUEST_QUEUES; i++)
		mvgpu_guest_rest_cut(guest, i);
	pci_set_master(guest->pdev);
	for (i = 0; i < MVGPU_GUEST_QUEUES && !ret; i++)
		ret = mvgpu_guest_rest_wait(guest, i, end);
	for (i = 0; i < MVGPU_GUEST_QUEUES && !ret; i++)
		ret = mvgpu_guest_rest_pack(guest, i, room);
	return ret;
}

static void mvgpu_guest_rest_lock(struct mvgpu_guest *guest)
{
	unsigned int i;

	lockdep_assert_held(&guest->lock);
	for (i = 0; i < MVGPU_GUEST_QUEUES; i++)
		mutex_lock_nest_lock(&guest->queue[i].lock, &guest->lock);
}

static void mvgpu_guest_rest_unlock(struct mvgpu_guest *guest)
{
	unsigned int i;

	for (i = 0; i < MVGPU_GUEST_QUEUES; i++)
		mutex_unlock(&guest->queue[i].lock);
}

/* With what is left in its ring, unless it has faulted. */
static void mvgpu_guest_rest_go_on(struct mvgpu_guest *guest,
				   unsigned int number)
{
	void __iomem *registers = mvgpu_guest_queue_registers(guest, number);
	struct mvgpu_guest_queue *queue = &guest->queue[number];
	const u32 tail = queue->tail;

	if (readl(registers + MVGPU_QUEUE_CONTROL)) {
		/* It was not stopped: only its tail was another for a while. */
		writel(tail, registers + MVGPU_QUEUE_TAIL);
		return;
	}
	if (queue->fault)
		return;
	mvgpu_guest_queue_enable(guest, number);
	queue->tail = tail;
	writel(tail, registers + MVGPU_QUEUE_TAIL);
}

/**
 * mvgpu_guest_queue_rest_all - have the queues stop where they can go on
 * @guest: the vGPU; its lock is held
 *
 * Return: 0, or -ENOMEM, -EBUSY or -EIO after a word of it. After an error the
 * queues go on.
 */
int mvgpu_guest_queue_rest_all(struct mvgpu_guest *guest)
{
	u8 *room = kmalloc(MVGPU_GUEST_RING_SIZE, GFP_KERNEL | __GFP_NOWARN);
	int ret;

	if (!room) {
		dev_err(&guest->pdev->dev,
			"no memory to save commands: the guest is not suspended; give memory free\n");
		return -ENOMEM;
	}
	mvgpu_guest_rest_lock(guest);
	ret = mvgpu_guest_rest_locked(guest, room);
	mvgpu_guest_rest_unlock(guest);
	kfree(room);
	if (ret)
		mvgpu_guest_queue_go_on_all(guest);
	return ret;
}

/**
 * mvgpu_guest_queue_go_on_all - have queues that rest run again
 * @guest: the vGPU; its lock is held, and its GTT is in order
 */
void mvgpu_guest_queue_go_on_all(struct mvgpu_guest *guest)
{
	unsigned int i;

	mvgpu_guest_rest_lock(guest);
	for (i = 0; i < MVGPU_GUEST_QUEUES; i++)
		mvgpu_guest_rest_go_on(guest, i);
	mvgpu_guest_rest_unlock(guest);
}
