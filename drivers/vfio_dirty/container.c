// SPDX-License-Identifier: GPL-2.0
/*
 * Containers: how the vfio core's handle becomes an object, and for how long.
 *
 * The core passes its handle to ioctl() without any lock, so that an ioctl can
 * race with the close of the last group. The handle is therefore not a pointer
 * but a number that is never used again, and looked up each time.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/hashtable.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>

#include "vfio_dirty_private.h"

#define VFIO_DIRTY_CONTAINER_BITS	6

/* Containers by id. The lookup, which each call begins with, is under RCU. */
static DEFINE_HASHTABLE(vfio_dirty_containers, VFIO_DIRTY_CONTAINER_BITS);
static DEFINE_SPINLOCK(vfio_dirty_containers_lock);
static atomic_long_t vfio_dirty_last_id;

/* Containers whose memory is in use, and who waits for the last of them. */
static atomic_t vfio_dirty_containers_live;
static DECLARE_WAIT_QUEUE_HEAD(vfio_dirty_containers_wait);

/*
 * Under RCU of the sched flavour. Each pin comes through here, and where the kernel
 * is preemptible rcu_read_lock() is a call.
 */
static struct vfio_dirty_container *vfio_dirty_container_lookup(void *data)
{
	unsigned long id = (unsigned long)data;
	struct vfio_dirty_container *c;

	hash_for_each_possible_rcu(vfio_dirty_containers, c, in_all, id) {
		if (c->id == id)
			return c;
	}
	return NULL;
}

/**
 * vfio_dirty_container_find - find a container for one of its devices
 * @data: what vfio_dirty_container_open() returned
 *
 * While a group is in the container or a device of it is open, the vfio core
 * does not let go of the container, so that no reference is needed.
 *
 * Return: the container, or NULL, which is a bug of somebody.
 */
struct vfio_dirty_container *vfio_dirty_container_find(void *data)
{
	struct vfio_dirty_container *c;

	rcu_read_lock_sched();
	c = vfio_dirty_container_lookup(data);
	rcu_read_unlock_sched();
	return c;
}

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
	vfio_dirty_unmap_all_locked(c);
	mutex_unlock(&c->lock);
	wake_up_all(&c->wait);
	kref_put(&c->refs, vfio_dirty_container_free);
}
