// SPDX-License-Identifier: GPL-2.0
/*
 * Containers: how the vfio core's handle becomes an object, which groups and
 * devices are in it, and who is told that a mapping goes.
 *
 * The core passes its handle to ioctl() without any lock, so that an ioctl can
 * race with the close of the last group. The handle is therefore not a pointer
 * but a number that is never used again, and looked up each time.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vfio_dirty.h>

#include "vfio_dirty_private.h"

/* Containers by id. The lookup, which each call begins with, is under RCU. */
DEFINE_HASHTABLE(vfio_dirty_containers, VFIO_DIRTY_CONTAINER_BITS);
static DEFINE_SPINLOCK(vfio_dirty_containers_lock);
static atomic_long_t vfio_dirty_last_id;

/* Containers whose memory is in use, and who waits for the last of them. */
static atomic_t vfio_dirty_containers_live;
static DECLARE_WAIT_QUEUE_HEAD(vfio_dirty_containers_wait);

/* Protects the list of the clients of all containers. */
static DEFINE_MUTEX(vfio_dirty_clients_lock);
static LIST_HEAD(vfio_dirty_clients);

static void vfio_dirty_container_free(struct kref *refs)
{
	struct vfio_dirty_container *c;

	c = container_of(refs, struct vfio_dirty_container, refs);
	mutex_destroy(&c->lock);
	kfree_rcu(c, rcu);
	if (atomic_dec_and_test(&vfio_dirty_containers_live))
		wake_up_all(&vfio_dirty_containers_wait);
}

/**
 * vfio_dirty_container_get - find a container for user space
 * @data: what vfio_dirty_container_open() returned
 *
 * An ioctl may wait for user space when the core has let go of the container and
 * of the module: the module stays, and unloading it fails rather than waits.
 *
 * Return: the container, referenced, or NULL if the core let go of it.
 */
struct vfio_dirty_container *vfio_dirty_container_get(void *data)
{
	struct vfio_dirty_container *c;

	rcu_read_lock_sched();
	c = vfio_dirty_container_lookup(data);
	if (c && !try_module_get(THIS_MODULE))
		c = NULL;
	if (c && !kref_get_unless_zero(&c->refs)) {
		module_put(THIS_MODULE);
		c = NULL;
	}
	rcu_read_unlock_sched();
	return c;
}

/**
 * vfio_dirty_container_put - undo vfio_dirty_container_get()
 * @c: the container
 *
 * The caller must not sleep before it is out of the module.
 */
void vfio_dirty_container_put(struct vfio_dirty_container *c)
{
	kref_put(&c->refs, vfio_dirty_container_free);
	module_put(THIS_MODULE);
}

/**
 * vfio_dirty_container_exit - wait until no container is in use
 *
 * Nobody opens one any more.
 */
void vfio_dirty_container_exit(void)
{
	wait_event(vfio_dirty_containers_wait,
		   !atomic_read(&vfio_dirty_containers_live));
}

/**
 * vfio_dirty_container_open - begin to serve a container
 * @claim: which groups it accepts
 *
 * Return: a handle for the vfio core, or an error pointer.
 */
void *vfio_dirty_container_open(enum vfio_dirty_claim claim)
{
	struct vfio_dirty_container *c;

	c = kzalloc(sizeof(*c), GFP_KERNEL_ACCOUNT);
	if (!c)
		return ERR_PTR(-ENOMEM);

	kref_init(&c->refs);
	c->id = atomic_long_inc_return(&vfio_dirty_last_id);
	c->claim = claim;
	mutex_init(&c->lock);
	init_waitqueue_head(&c->wait);
	c->mappings = RB_ROOT;
	c->avail = vfio_dirty_mapping_limit();
	INIT_LIST_HEAD(&c->clients);

	atomic_inc(&vfio_dirty_containers_live);
	spin_lock(&vfio_dirty_containers_lock);
	hash_add_rcu(vfio_dirty_containers, &c->in_all, c->id);
	spin_unlock(&vfio_dirty_containers_lock);
	return (void *)c->id;
}

/**
 * vfio_dirty_container_release - the vfio core lets go of a container
 * @data: what vfio_dirty_container_open() returned
 */
void vfio_dirty_container_release(void *data)
{
	struct vfio_dirty_container *c = vfio_dirty_container_find(data);

	if (WARN_ON_ONCE(!c))
		return;
	spin_lock(&vfio_dirty_containers_lock);
	hash_del_rcu(&c->in_all);
	spin_unlock(&vfio_dirty_containers_lock);

	mutex_lock(&c->lock);
	c->dead = true;
	vfio_dirty_mapping_clear_locked(c);
	mutex_unlock(&c->lock);
	wake_up_all(&c->wait);
	kref_put(&c->refs, vfio_dirty_container_free);
}

/**
 * vfio_dirty_container_client_locked - find the client of a group
 * @c: the container
 * @group: the group
 *
 * Return: the client, or NULL if the group is not in the container.
 */
struct vfio_dirty_client *
vfio_dirty_container_client_locked(struct vfio_dirty_container *c,
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
 * vfio_dirty_container_attach - add a group
 * @c: the container
 * @group: a group of one mediated device
 *
 * Return: 0, -EINVAL if it is in the container, or -ENOMEM.
 */
int vfio_dirty_container_attach(struct vfio_dirty_container *c,
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
	if (vfio_dirty_container_client_locked(c, group)) {
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
 * vfio_dirty_container_detach - remove a group
 * @c: the container
 * @group: the group; its device is closed
 */
void vfio_dirty_container_detach(struct vfio_dirty_container *c,
				 struct iommu_group *group)
{
	struct vfio_dirty_client *client;

	mutex_lock(&vfio_dirty_clients_lock);
	mutex_lock(&c->lock);
	client = vfio_dirty_container_client_locked(c, group);
	if (client) {
		list_del(&client->in_container);
		list_del(&client->in_all);
	}
	mutex_unlock(&c->lock);
	mutex_unlock(&vfio_dirty_clients_lock);
	kfree(client);
}

/**
 * vfio_dirty_container_register - a device wants to hear of unmapped ranges
 * @c: the container
 * @vdev: the device, of a group in the container
 */
void vfio_dirty_container_register(struct vfio_dirty_container *c,
				   struct vfio_device *vdev)
{
	struct vfio_dirty_client *client;
	struct iommu_group *group;

	if (!vdev->ops->dma_unmap)
		return;
	group = iommu_group_get(vdev->dev);

	mutex_lock(&c->lock);
	client = vfio_dirty_container_client_locked(c, group);
	if (client && !client->vdev) {
		client->vdev = vdev;
		c->devices++;
	}
	mutex_unlock(&c->lock);
	iommu_group_put(group);
}

/**
 * vfio_dirty_container_unregister - undo vfio_dirty_container_register()
 * @c: the container
 * @vdev: the device; when this returns its dma_unmap runs no more
 */
void vfio_dirty_container_unregister(struct vfio_dirty_container *c,
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
 * vfio_dirty_container_notify_locked - tell all devices that a range goes
 * @c: the container; its lock is dropped during each call
 * @iova: first byte
 * @last: last byte
 *
 * A client stays in the list while a call to its device is under way, since
 * vfio_dirty_container_unregister() waits for that, and the core detaches
 * later still. So it is a safe place to go on from.
 */
void vfio_dirty_container_notify_locked(struct vfio_dirty_container *c,
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
vfio_dirty_container_open_client(struct iommu_group *group)
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
	client = vfio_dirty_container_open_client(group);
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
