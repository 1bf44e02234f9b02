// SPDX-License-Identifier: GPL-2.0
/*
 * Clients: the groups and devices of a container, what their drivers report to
 * us, and what we tell them.
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vfio_dirty.h>
#include <linux/wait.h>

#include "trace.h"
#include "vfio_dirty_private.h"

/* Protects the list of the clients of all containers. */
static DEFINE_MUTEX(vfio_dirty_clients_lock);
static LIST_HEAD(vfio_dirty_clients);

/**
 * vfio_dirty_client_find_locked - find the client of a group
 * @c: the container
 * @group: the group
 *
 * Return: the client, or NULL if the group is not in the container.
 */
struct vfio_dirty_client *
vfio_dirty_client_find_locked(struct vfio_dirty_container *c,
			      struct iommu_group *group)
{
	struct vfio_dirty_client *client;

	lockdep_assert_held(&c->lock);
	list_for_each_entry(client, &c->clients, in_container) {
		if (client->group == group)
			return client;
	}
	return NULL;
}

/**
 * vfio_dirty_client_attach - add a group
 * @c: the container
 * @group: a group of one mediated device
 *
 * Return: 0, -EINVAL if it is in the container, or -ENOMEM.
 */
int vfio_dirty_client_attach(struct vfio_dirty_container *c,
			     struct iommu_group *group)
{
	struct vfio_dirty_client *client;
	int ret = 0;

	client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);
	if (!client)
		return -ENOMEM;

	client->container = c;
	client->group = group;

	mutex_lock(&vfio_dirty_clients_lock);
	mutex_lock(&c->lock);
	if (vfio_dirty_client_find_locked(c, group)) {
		ret = -EINVAL;
	} else {
		if (list_empty(&c->clients))
			WRITE_ONCE(c->budget, vfio_dirty_say_budget(group));
		list_add_tail(&client->in_container, &c->clients);
		list_add_tail(&client->in_all, &vfio_dirty_clients);
	}
	mutex_unlock(&c->lock);
	mutex_unlock(&vfio_dirty_clients_lock);

	if (ret)
		kfree(client);
	return ret;
}

/**
 * vfio_dirty_client_detach - remove a group
 * @c: the container
 * @group: the group; its device is closed
 */
void vfio_dirty_client_detach(struct vfio_dirty_container *c,
			      struct iommu_group *group)
{
	struct vfio_dirty_client *client;

	mutex_lock(&vfio_dirty_clients_lock);
	mutex_lock(&c->lock);
	client = vfio_dirty_client_find_locked(c, group);
	if (client) {
		list_del(&client->in_container);
		list_del(&client->in_all);
	}
	mutex_unlock(&c->lock);
	mutex_unlock(&vfio_dirty_clients_lock);
	kfree(client);
}

/**
 * vfio_dirty_client_register - a device wants to hear of unmapped ranges
 * @c: the container
 * @vdev: the device, of a group in the container
 */
void vfio_dirty_client_register(struct vfio_dirty_container *c,
				struct vfio_device *vdev)
{
	struct vfio_dirty_client *client;
	struct iommu_group *group;

	if (!vdev->ops->dma_unmap)
		return;
	group = iommu_group_get(vdev->dev);

	mutex_lock(&c->lock);
	client = vfio_dirty_client_find_locked(c, group);
	if (client && !client->vdev) {
		client->vdev = vdev;
		c->devices++;
	}
	mutex_unlock(&c->lock);
	iommu_group_put(group);
}

/**
 * vfio_dirty_client_unregister - undo vfio_dirty_client_register()
 * @c: the container
 * @vdev: the device; when this returns its dma_unmap runs no more
 */
void vfio_dirty_client_unregister(struct vfio_dirty_container *c,
				  struct vfio_device *vdev)
{
	struct vfio_dirty_client *client;

	mutex_lock(&c->lock);
	list_for_each_entry(client, &c->clients, in_container) {
		if (client->vdev == vdev)
			break;
	}
	if (list_entry_is_head(client, &c->clients, in_container)) {
		mutex_unlock(&c->lock);
		return;
	}
	client->vdev = NULL;
	c->devices--;
	mutex_unlock(&c->lock);

	/* The core keeps the client: it detaches after this. */
	wait_event(c->wait, !READ_ONCE(client->callbacks));
}

/**
 * vfio_dirty_client_notify_locked - tell all devices that a range goes
 * @c: the container; its lock is dropped during each call
 * @iova: first byte
 * @last: last byte
 *
 * A client stays in the list while a call to its device is under way, since
 * vfio_dirty_client_unregister() waits for that, and the core detaches
 * later still. So it is a safe place to go on from.
 */
void vfio_dirty_client_notify_locked(struct vfio_dirty_container *c,
				     u64 iova, u64 last)
{
	struct vfio_dirty_client *client;

	lockdep_assert_held(&c->lock);
	list_for_each_entry(client, &c->clients, in_container) {
		struct vfio_device *vdev = client->vdev;

		if (!vdev)
			continue;
		client->callbacks++;
		mutex_unlock(&c->lock);
		vdev->ops->dma_unmap(vdev, iova, last - iova + 1);
		mutex_lock(&c->lock);
		WRITE_ONCE(client->callbacks, client->callbacks - 1);
		wake_up_all(&c->wait);
	}
}

/* Find the client of a group in any container, and say that its driver marks. */
static struct vfio_dirty_client *
vfio_dirty_client_claim_locked(struct iommu_group *group)
{
	struct vfio_dirty_client *client;

	lockdep_assert_held(&vfio_dirty_clients_lock);
	list_for_each_entry(client, &vfio_dirty_clients, in_all) {
		bool busy;

		if (client->group != group)
			continue;
		mutex_lock(&client->container->lock);
		busy = client->marks;
		client->marks = true;
		mutex_unlock(&client->container->lock);
		return busy ? ERR_PTR(-EBUSY) : client;
	}
	return NULL;
}

struct vfio_dirty_client *vfio_dirty_open(struct vfio_device *vdev)
{
	struct vfio_dirty_client *client;
	struct iommu_group *group;

	group = iommu_group_get(vdev->dev);
	if (!group)
		return NULL;

	mutex_lock(&vfio_dirty_clients_lock);
	client = vfio_dirty_client_claim_locked(group);
	mutex_unlock(&vfio_dirty_clients_lock);
	iommu_group_put(group);
	return client;
}
EXPORT_SYMBOL_GPL(vfio_dirty_open);

void vfio_dirty_close(struct vfio_dirty_client *client)
{
	if (IS_ERR_OR_NULL(client))
		return;

	mutex_lock(&client->container->lock);
	client->marks = false;
	mutex_unlock(&client->container->lock);
}
EXPORT_SYMBOL_GPL(vfio_dirty_close);

unsigned long vfio_dirty_memlock(struct vfio_dirty_client *client, u64 iova)
{
	struct vfio_dirty_container *c = client->container;
	struct vfio_dirty_mapping *m;
	unsigned long limit = 0;

	mutex_lock(&c->lock);
	m = vfio_dirty_mapping_find_locked(c, iova);
	if (m)
		limit = task_rlimit(m->task, RLIMIT_MEMLOCK);
	mutex_unlock(&c->lock);
	return limit;
}
EXPORT_SYMBOL_GPL(vfio_dirty_memlock);

/* Mark what is mapped of a range; is all of it? */
static int vfio_dirty_mark_locked(struct vfio_dirty_container *c, u64 iova,
				  u64 last)
{
	struct vfio_dirty_mapping *m;
	int ret = 0;

	lockdep_assert_held(&c->lock);
	m = vfio_dirty_mapping_first_locked(c, iova);
	for (; m && m->iova <= last;
	     m = vfio_dirty_mapping_next_locked(c, m, last)) {
		u64 from = max(iova, m->iova), to = min(last, m->last);
		unsigned long page = (from - m->iova) >> PAGE_SHIFT;
		unsigned long end = (to - m->iova) >> PAGE_SHIFT;

		if (vfio_dirty_leaves_mark_locked(c, m, page, end - page + 1))
			ret = -EINVAL;
		if (from != iova)
			ret = -EINVAL;
		if (to == last)
			return ret;
		iova = to + 1;
	}
	return -EINVAL;
}

int vfio_dirty_mark(struct vfio_dirty_client *client, u64 iova, u64 len)
{
	struct vfio_dirty_container *c = client->container;
	int ret = -EINVAL;

	if (len && iova + len - 1 >= iova) {
		mutex_lock(&c->lock);
		ret = vfio_dirty_mark_locked(c, iova, iova + len - 1);
		mutex_unlock(&c->lock);
	}
	trace_vfio_dirty_mark(c->id, iova, len, ret);
	return ret;
}
EXPORT_SYMBOL_GPL(vfio_dirty_mark);
