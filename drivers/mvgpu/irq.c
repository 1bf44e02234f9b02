// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts: which eventfds the VMM gave for the vectors of MSI or MSI-X, and
 * a latch for each queue that keeps what cannot be delivered: while the device
 * is stopped or may not master the bus, and while its vector has no eventfd.
 *
 * All is protected by the device's lock, so that a stop is a line: what was
 * raised before it is delivered before it returns, or latched.
 */
#include <linux/bits.h>
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "compat_eventfd.h"
#include "mvgpu_private.h"
#include "trace.h"

#define MVGPU_IRQ_NONE		VFIO_PCI_NUM_IRQS

/**
 * struct mvgpu_irq_request - a VFIO_DEVICE_SET_IRQS, checked
 * @set: its head
 * @data: what follows, or NULL
 */
struct mvgpu_irq_request {
	struct vfio_irq_set set;
	u8 *data;
};

/* Vectors of an index, or -EINVAL if there is no such index. */
static int mvgpu_irq_count(u32 index)
{
	switch (index) {
	case VFIO_PCI_INTX_IRQ_INDEX:
		return 0;
	case VFIO_PCI_MSI_IRQ_INDEX:
	case VFIO_PCI_MSIX_IRQ_INDEX:
		return MVGPU_VECTORS;
	case VFIO_PCI_REQ_IRQ_INDEX:
		return 1;
	default:
		return -EINVAL;
	}
}

/**
 * mvgpu_irq_open - the device is opened: no interrupt is enabled or pending
 * @dev: the device
 */
void mvgpu_irq_open(struct mvgpu_device *dev)
{
	memset(&dev->irq, 0, sizeof(dev->irq));
	dev->irq.index = MVGPU_IRQ_NONE;
}

static void mvgpu_irq_put(struct eventfd_ctx *ctx)
{
	if (ctx)
		eventfd_ctx_put(ctx);
}

/* Takes the eventfds out, for the caller to put without the lock. */
static void mvgpu_irq_disable_locked(struct mvgpu_device *dev,
				     struct eventfd_ctx **old)
{
	struct mvgpu_irq *irq = &dev->irq;

	lockdep_assert_held(&dev->lock);
	memcpy(old, irq->triggers, sizeof(irq->triggers));
	memset(irq->triggers, 0, sizeof(irq->triggers));
	irq->index = MVGPU_IRQ_NONE;
	irq->nr = 0;
}

static void mvgpu_irq_put_all(struct eventfd_ctx **ctxs, unsigned int nr)
{
	while (nr--)
		mvgpu_irq_put(ctxs[nr]);
}

/**
 * mvgpu_irq_close - the device is closed: let go of all eventfds
 * @dev: the device
 */
void mvgpu_irq_close(struct mvgpu_device *dev)
{
	struct eventfd_ctx *old[MVGPU_VECTORS], *request;

	spin_lock(&dev->lock);
	mvgpu_irq_disable_locked(dev, old);
	request = dev->irq.request;
	dev->irq.request = NULL;
	dev->irq.pending = 0;
	spin_unlock(&dev->lock);

	mvgpu_irq_put_all(old, MVGPU_VECTORS);
	mvgpu_irq_put(request);
}

/**
 * mvgpu_irq_deliver_locked - deliver what is pending and can be delivered
 * @dev: the device, open
 */
void mvgpu_irq_deliver_locked(struct mvgpu_device *dev)
{
	struct mvgpu_irq *irq = &dev->irq;
	struct eventfd_ctx *trigger;
	unsigned int source;

	lockdep_assert_held(&dev->lock);
	if (!irq->pending || !irq->nr || !mvgpu_runs_locked(dev))
		return;

	for (source = 0; source < MVGPU_QUEUES; source++) {
		trigger = irq->triggers[source % irq->nr];
		if (!(irq->pending & BIT(source)) || !trigger)
			continue;
		irq->pending &= ~BIT(source);
		trace_mvgpu_interrupt(dev->vdev.dev, source);
		compat_eventfd_signal(trigger);
	}
}

/**
 * mvgpu_irq_raise_locked - raise the interrupt of a queue
 * @dev: the device, open
 * @source: number of the queue
 */
void mvgpu_irq_raise_locked(struct mvgpu_device *dev, unsigned int source)
{
	lockdep_assert_held(&dev->lock);
	dev->irq.pending |= BIT(source);
	mvgpu_irq_deliver_locked(dev);
}

/**
 * mvgpu_irq_pending - which interrupts are latched
 * @dev: the device
 *
 * Return: bit n: that of queue n.
 */
u32 mvgpu_irq_pending(struct mvgpu_device *dev)
{
	u32 pending;

	spin_lock(&dev->lock);
	pending = dev->irq.pending;
	spin_unlock(&dev->lock);

	return pending;
}

/**
 * mvgpu_irq_set_pending - set the latches
 * @dev: the device, stopped
 * @pending: bit n: that of queue n
 */
void mvgpu_irq_set_pending(struct mvgpu_device *dev, u32 pending)
{
	spin_lock(&dev->lock);
	dev->irq.pending = pending;
	spin_unlock(&dev->lock);
}

/**
 * mvgpu_irq_request - the vGPU is to be removed: ask the VMM to let go of it
 * @vdev: the device
 * @count: how often that was asked before
 */
void mvgpu_irq_request(struct vfio_device *vdev, unsigned int count)
{
	struct mvgpu_device *dev = mvgpu_device(vdev);
	bool asked = false;

	spin_lock(&dev->lock);
	if (dev->irq.request) {
		compat_eventfd_signal(dev->irq.request);
		asked = true;
	}
	spin_unlock(&dev->lock);

	if (!asked && !count)
		dev_notice(vdev->dev,
			   "removal waits until the device is closed: its user cannot be asked\n");
}

/**
 * mvgpu_irq_get_info - VFIO_DEVICE_GET_IRQ_INFO
 * @arg: struct vfio_irq_info of the VMM
 *
 * Return: 0, -EINVAL for an index that the device does not have, or -EFAULT.
 */
long mvgpu_irq_get_info(void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_irq_info, count);
	struct vfio_irq_info info;
	int count;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	count = mvgpu_irq_count(info.index);
	if (info.argsz < minsz || count < 0)
		return -EINVAL;

	info.flags = VFIO_IRQ_INFO_EVENTFD;
	info.count = count;

	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

/* Data has as many entries as the request; NULL for fd -1. */
static int mvgpu_irq_get_eventfds(const struct mvgpu_irq_request *request,
				  struct eventfd_ctx **ctxs)
{
	const s32 *fds = (const s32 *)request->data;
	unsigned int i;
	int ret;

	for (i = 0; i < request->set.count; i++) {
		ctxs[i] = NULL;
		if (fds[i] == -1)
			continue;
		ctxs[i] = eventfd_ctx_fdget(fds[i]);
		if (IS_ERR(ctxs[i])) {
			ret = PTR_ERR(ctxs[i]);
			mvgpu_irq_put_all(ctxs, i);
			return ret;
		}
	}

	return 0;
}

/* Data type NONE fires all that are named, BOOL those that are not 0. */
static bool mvgpu_irq_fires(const struct mvgpu_irq_request *request,
			    unsigned int i)
{
	return !request->data || request->data[i];
}

static int mvgpu_irq_fire(struct mvgpu_device *dev,
			  const struct mvgpu_irq_request *request)
{
	const struct vfio_irq_set *set = &request->set;
	struct mvgpu_irq *irq = &dev->irq;
	struct eventfd_ctx *trigger;
	int ret = -EINVAL;
	unsigned int i;

	spin_lock(&dev->lock);
	if (irq->index != set->index || set->start + set->count > irq->nr)
		goto out;
	for (i = 0; i < set->count; i++) {
		trigger = irq->triggers[set->start + i];
		if (trigger && mvgpu_irq_fires(request, i))
			compat_eventfd_signal(trigger);
	}
	ret = 0;
out:
	spin_unlock(&dev->lock);

	return ret;
}

/* Off is off already where another kind is on. */
static int mvgpu_irq_disable(struct mvgpu_device *dev, u32 index)
{
	struct eventfd_ctx *old[MVGPU_VECTORS] = {};

	spin_lock(&dev->lock);
	if (dev->irq.index == index)
		mvgpu_irq_disable_locked(dev, old);
	spin_unlock(&dev->lock);
	mvgpu_irq_put_all(old, MVGPU_VECTORS);

	return 0;
}

/*
 * The first call for a kind enables it: of MSI as many vectors as that names,
 * of MSI-X all.
 */
static int mvgpu_irq_enable_locked(struct mvgpu_device *dev,
				   const struct vfio_irq_set *set)
{
	struct mvgpu_irq *irq = &dev->irq;
	unsigned int end = set->start + set->count;

	lockdep_assert_held(&dev->lock);
	if (irq->index == set->index)
		return end > irq->nr ? -EINVAL : 0;
	if (irq->index != MVGPU_IRQ_NONE)
		return -EINVAL;

	irq->index = set->index;
	irq->nr = set->index == VFIO_PCI_MSIX_IRQ_INDEX ? MVGPU_VECTORS : end;

	return 0;
}

static int mvgpu_irq_assign(struct mvgpu_device *dev,
			    const struct mvgpu_irq_request *request)
{
	const struct vfio_irq_set *set = &request->set;
	struct eventfd_ctx *ctxs[MVGPU_VECTORS];
	unsigned int i;
	int ret;

	ret = mvgpu_irq_get_eventfds(request, ctxs);
	if (ret)
		return ret;

	spin_lock(&dev->lock);
	ret = mvgpu_irq_enable_locked(dev, set);
	for (i = 0; !ret && i < set->count; i++)
		swap(dev->irq.triggers[set->start + i], ctxs[i]);
	mvgpu_irq_deliver_locked(dev);
	spin_unlock(&dev->lock);

	/* the old ones, or those that were refused */
	mvgpu_irq_put_all(ctxs, set->count);

	return ret;
}

static int mvgpu_irq_set_vectors(struct mvgpu_device *dev,
				 const struct mvgpu_irq_request *request)
{
	u32 type = request->set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK;

	if (type == VFIO_IRQ_SET_DATA_NONE && !request->set.count)
		return mvgpu_irq_disable(dev, request->set.index);
	if (!request->set.count)
		return -EINVAL;
	if (type == VFIO_IRQ_SET_DATA_EVENTFD)
		return mvgpu_irq_assign(dev, request);

	return mvgpu_irq_fire(dev, request);
}

static int mvgpu_irq_fire_request(struct mvgpu_device *dev,
				  const struct mvgpu_irq_request *request)
{
	spin_lock(&dev->lock);
	if (dev->irq.request && mvgpu_irq_fires(request, 0))
		compat_eventfd_signal(dev->irq.request);
	spin_unlock(&dev->lock);

	return 0;
}

static int mvgpu_irq_set_request(struct mvgpu_device *dev,
				 const struct mvgpu_irq_request *request)
{
	u32 type = request->set.flags & VFIO_IRQ_SET_DATA_TYPE_MASK;
	struct eventfd_ctx *ctx = NULL;
	int ret = 0;

	if (request->set.count && type != VFIO_IRQ_SET_DATA_EVENTFD)
		return mvgpu_irq_fire_request(dev, request);
	if (request->set.count)
		ret = mvgpu_irq_get_eventfds(request, &ctx);
	else if (type != VFIO_IRQ_SET_DATA_NONE)
		ret = -EINVAL;
	if (ret)
		return ret;

	spin_lock(&dev->lock);
	swap(dev->irq.request, ctx);
	spin_unlock(&dev->lock);
	mvgpu_irq_put(ctx);

	return 0;
}

/* INTx does not exist: switching it off is all that can be asked for. */
static int mvgpu_irq_check_intx(const struct vfio_irq_set *set)
{
	const u32 disable = VFIO_IRQ_SET_DATA_NONE |
			    VFIO_IRQ_SET_ACTION_TRIGGER;

	return set->flags != disable || set->start || set->count ? -EINVAL : 0;
}

static int mvgpu_irq_run(struct mvgpu_device *dev,
			 const struct mvgpu_irq_request *request)
{
	u32 action = request->set.flags & VFIO_IRQ_SET_ACTION_TYPE_MASK;

	/* Masking is the VMM's: it delivers. */
	if (action == VFIO_IRQ_SET_ACTION_MASK ||
	    action == VFIO_IRQ_SET_ACTION_UNMASK)
		return -ENOTTY;
	if (action != VFIO_IRQ_SET_ACTION_TRIGGER)
		return -EINVAL;
	if (request->set.index == VFIO_PCI_REQ_IRQ_INDEX)
		return mvgpu_irq_set_request(dev, request);

	return mvgpu_irq_set_vectors(dev, request);
}

/**
 * mvgpu_irq_set - VFIO_DEVICE_SET_IRQS
 * @dev: the device, open
 * @arg: struct vfio_irq_set of the VMM
 *
 * A call that fails changes nothing.
 *
 * Return: 0; -EINVAL for an index, range, or combination of flags that the
 * device does not have, or while the other of MSI and MSI-X is enabled; -ENOTTY
 * for masking; -EBADF or -EINVAL for what is not an eventfd; -EFAULT.
 */
long mvgpu_irq_set(struct mvgpu_device *dev, void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_irq_set, count);
	struct mvgpu_irq_request request = {};
	struct vfio_irq_set *set = &request.set;
	size_t size;
	long ret;

	if (copy_from_user(set, arg, minsz))
		return -EFAULT;
	if (set->argsz < minsz || mvgpu_irq_count(set->index) < 0)
		return -EINVAL;
	if (set->index == VFIO_PCI_INTX_IRQ_INDEX)
		return mvgpu_irq_check_intx(set);

	ret = vfio_set_irqs_validate_and_prepare(set,
						 mvgpu_irq_count(set->index),
						 VFIO_PCI_NUM_IRQS, &size);
	if (ret)
		return ret;
	if (size) {
		request.data = memdup_user(arg + minsz, size);
		if (IS_ERR(request.data))
			return PTR_ERR(request.data);
	}
	ret = mvgpu_irq_run(dev, &request);
	kfree(request.data);

	return ret;
}
