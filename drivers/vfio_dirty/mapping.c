// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: which IOVAs stand for which memory of which process. Mapping pins
 * and charges nothing; drivers pin what they need, when they need it.
 */
#include <linux/capability.h>
#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/overflow.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "compat_vfio.h"
#include "trace.h"
#include "vfio_dirty_private.h"

static struct vfio_dirty_mapping *vfio_dirty_mapping_at(struct rb_node *node)
{
	return rb_entry_safe(node, struct vfio_dirty_mapping, node);
}

/**
 * vfio_dirty_mapping_first_locked - find the first mapping of a range
 * @c: the container
 * @iova: first byte of the range
 *
 * Return: the lowest mapping that does not end before @iova, or NULL.
 */
struct vfio_dirty_mapping *
vfio_dirty_mapping_first_locked(struct vfio_dirty_container *c, u64 iova)
{
	struct vfio_dirty_mapping *m, *found = NULL;
	struct rb_node *node = c->mappings.rb_node;

	lockdep_assert_held(&c->lock);
	while (node) {
		m = vfio_dirty_mapping_at(node);
		if (m->last < iova) {
			node = node->rb_right;
		} else {
			found = m;
			node = node->rb_left;
		}
	}
	return found;
}

/**
 * vfio_dirty_mapping_next_locked - go on to the next mapping of a range
 * @c: the container
 * @m: a mapping
 * @last: last byte of the range
 *
 * Return: the mapping above it, or NULL if that is not in the range.
 */
struct vfio_dirty_mapping *
vfio_dirty_mapping_next_locked(struct vfio_dirty_container *c,
			       struct vfio_dirty_mapping *m, u64 last)
{
	lockdep_assert_held(&c->lock);
	if (m->last >= last)
		return NULL;
	m = vfio_dirty_mapping_at(rb_next(&m->node));
	return m && m->iova <= last ? m : NULL;
}

/**
 * vfio_dirty_mapping_find_locked - find the mapping of a byte
 * @c: the container
 * @iova: the byte
 *
 * Return: the mapping that holds it, or NULL.
 */
struct vfio_dirty_mapping *
vfio_dirty_mapping_find_locked(struct vfio_dirty_container *c, u64 iova)
{
	struct vfio_dirty_mapping *m = vfio_dirty_mapping_first_locked(c, iova);

	lockdep_assert_held(&c->lock);
	return m && m->iova <= iova ? m : NULL;
}

/* Sleep without the lock until an unmap is no further than a stage, or for a time. */
static int vfio_dirty_mapping_await_locked(struct vfio_dirty_container *c,
					   struct vfio_dirty_mapping *m,
					   enum vfio_dirty_stage stage,
					   long timeout)
{
	long ret;

	lockdep_assert_held(&c->lock);
	kref_get(&m->refs);
	mutex_unlock(&c->lock);
	ret = wait_event_killable_timeout(c->wait,
					  READ_ONCE(m->stage) <= stage ||
					  READ_ONCE(m->gone), timeout);
	mutex_lock(&c->lock);
	kref_put(&m->refs, vfio_dirty_mapping_free);
	return ret < 0 ? -EINTR : 0;
}

/**
 * vfio_dirty_mapping_enter_locked - find the mapping of a byte, to use it
 * @c: the container; its lock may be dropped meanwhile
 * @iova: the byte
 * @prot: the rights that are needed, IOMMU_READ and IOMMU_WRITE
 * @patience: how long to wait while the drivers are asked to unpin, in jiffies
 *
 * An unmap may fail, and its mapping stay: whoever comes beside it learns how it
 * ended. While drivers are asked, no more than @patience is waited, as their
 * dma_unmap may wait for the caller.
 *
 * Return: the mapping, or an error pointer: -EINVAL if there is none, -EPERM if
 * it does not have the rights, or -EINTR.
 */
struct vfio_dirty_mapping *
vfio_dirty_mapping_enter_locked(struct vfio_dirty_container *c, u64 iova,
				int prot, long patience)
{
	struct vfio_dirty_mapping *m;
	int ret = 0;

	lockdep_assert_held(&c->lock);
	for (;;) {
		m = vfio_dirty_mapping_find_locked(c, iova);
		if (!m)
			return ERR_PTR(-EINVAL);
		if (m->stage == VFIO_DIRTY_CLOSED) {
			ret = vfio_dirty_mapping_await_locked(c, m,
							      VFIO_DIRTY_ASKED,
							      MAX_SCHEDULE_TIMEOUT);
		} else if (m->stage == VFIO_DIRTY_ASKED && patience) {
			ret = vfio_dirty_mapping_await_locked(c, m,
							      VFIO_DIRTY_LIVE,
							      patience);
			patience = 0;
		} else {
			break;
		}
		if (ret)
			return ERR_PTR(ret);
	}
	return (m->prot & prot) == prot ? m : ERR_PTR(-EPERM);
}

/**
 * vfio_dirty_mapping_settle_locked - wait until nobody unmaps a mapping
 * @c: the container; its lock is dropped meanwhile
 * @m: the mapping; it may be gone then
 *
 * Return: 0 or -EINTR.
 */
int vfio_dirty_mapping_settle_locked(struct vfio_dirty_container *c,
				     struct vfio_dirty_mapping *m)
{
	lockdep_assert_held(&c->lock);
	return vfio_dirty_mapping_await_locked(c, m, VFIO_DIRTY_LIVE,
					       MAX_SCHEDULE_TIMEOUT);
}

/**
 * vfio_dirty_mapping_cut_locked - would a range cut a mapping in two
 * @c: the container
 * @iova: first byte of the range
 * @last: last byte of the range
 *
 * Return: true if a mapping lies across an end of the range.
 */
bool vfio_dirty_mapping_cut_locked(struct vfio_dirty_container *c, u64 iova,
				   u64 last)
{
	struct vfio_dirty_mapping *m;

	lockdep_assert_held(&c->lock);
	m = vfio_dirty_mapping_find_locked(c, iova);
	if (m && m->iova != iova)
		return true;
	if (!m || m->last < last)
		m = vfio_dirty_mapping_find_locked(c, last);
	return m && m->last != last;
}

/**
 * vfio_dirty_mapping_free - free a mapping whose last reference went
 * @refs: its &vfio_dirty_mapping.refs
 */
void vfio_dirty_mapping_free(struct kref *refs)
{
	struct vfio_dirty_mapping *m;

	m = container_of(refs, struct vfio_dirty_mapping, refs);
	vfio_dirty_leaves_free(m);
	mmdrop(m->mm);
	put_task_struct(m->task);
	kfree(m);
}

/**
 * vfio_dirty_mapping_remove_locked - take a mapping out of the container
 * @c: the container
 * @m: the mapping; users may still hold its memory
 */
void vfio_dirty_mapping_remove_locked(struct vfio_dirty_container *c,
				      struct vfio_dirty_mapping *m)
{
	lockdep_assert_held(&c->lock);
	trace_vfio_dirty_unmap(c->id, m->iova, m->last);
	rb_erase(&m->node, &c->mappings);
	WRITE_ONCE(m->gone, true);
	c->avail++;
	kref_put(&m->refs, vfio_dirty_mapping_free);
	if (wq_has_sleeper(&c->wait))
		wake_up_all(&c->wait);
}

static struct vfio_dirty_mapping *
vfio_dirty_mapping_alloc(const struct vfio_iommu_type1_dma_map *map)
{
	struct vfio_dirty_mapping *m;

	m = kzalloc(sizeof(*m), GFP_KERNEL_ACCOUNT);
	if (!m)
		return NULL;

	kref_init(&m->refs);
	m->iova = map->iova;
	m->last = map->iova + map->size - 1;
	m->vaddr = map->vaddr;
	if (map->flags & VFIO_DMA_MAP_FLAG_READ)
		m->prot |= IOMMU_READ;
	if (map->flags & VFIO_DMA_MAP_FLAG_WRITE)
		m->prot |= IOMMU_WRITE;
	m->mm = current->mm;
	mmgrab(m->mm);
	m->task = get_task_struct(current->group_leader);
	m->lock_cap = capable(CAP_IPC_LOCK);
	xa_init_flags(&m->leaves, XA_FLAGS_ACCOUNT);
	return m;
}

static void vfio_dirty_mapping_insert_locked(struct vfio_dirty_container *c,
					     struct vfio_dirty_mapping *m)
{
	struct rb_node **link = &c->mappings.rb_node, *parent = NULL;

	lockdep_assert_held(&c->lock);
	while (*link) {
		parent = *link;
		if (m->last < vfio_dirty_mapping_at(parent)->iova)
			link = &parent->rb_left;
		else
			link = &parent->rb_right;
	}
	rb_link_node(&m->node, parent, link);
	rb_insert_color(&m->node, &c->mappings);
	c->avail--;
}

/* In stock's order: a range that wraps has an error of its own. */
static int vfio_dirty_mapping_check(const struct vfio_iommu_type1_dma_map *map)
{
	bool prot = map->flags & (VFIO_DMA_MAP_FLAG_READ |
				  VFIO_DMA_MAP_FLAG_WRITE);
	bool vaddr = map->flags & VFIO_DMA_MAP_FLAG_VADDR;
	u64 last;

	if (!map->size || !current->mm)
		return -EINVAL;
	if (check_add_overflow(map->iova, map->size - 1, &last) ||
	    check_add_overflow(map->vaddr, map->size - 1, &last))
		return -COMPAT_VFIO_EWRAP;
	if (prot == vaddr || !PAGE_ALIGNED(map->size | map->iova | map->vaddr))
		return -EINVAL;
	return 0;
}

/* May a range be mapped, or (which no mediated device allows) move? */
static int vfio_dirty_mapping_room_locked(struct vfio_dirty_container *c,
					  u64 iova, u64 last, bool move)
{
	struct vfio_dirty_mapping *m;

	lockdep_assert_held(&c->lock);
	if (c->dead)
		return -EINVAL;
	m = vfio_dirty_mapping_first_locked(c, iova);
	if (m && m->iova > last)
		m = NULL;
	if (move)
		return m ? -EINVAL : -ENOENT;
	if (m)
		return -EEXIST;
	return c->avail ? 0 : -ENOSPC;
}

/**
 * vfio_dirty_mapping_map - map memory of the current process
 * @c: the container
 * @map: what user space asks for; argsz and unknown flags are checked
 *
 * Return: 0, -EINVAL, -COMPAT_VFIO_EWRAP, -EEXIST, -ENOENT, -ENOSPC, -ENOMEM or
 * -EINTR.
 */
int vfio_dirty_mapping_map(struct vfio_dirty_container *c,
			   const struct vfio_iommu_type1_dma_map *map)
{
	struct vfio_dirty_mapping *m;
	int ret;

	ret = vfio_dirty_mapping_check(map);
	if (ret)
		return ret;
	m = vfio_dirty_mapping_alloc(map);
	if (!m)
		return -ENOMEM;

	ret = mutex_lock_killable(&c->lock);
	if (ret)
		goto out_free;
	ret = vfio_dirty_mapping_room_locked(c, m->iova, m->last, map->flags &
					     VFIO_DMA_MAP_FLAG_VADDR);
	m->budget = c->budget;
	if (!ret)
		vfio_dirty_mapping_insert_locked(c, m);
	trace_vfio_dirty_map(c->id, m->iova, m->last, m->prot, ret);
	mutex_unlock(&c->lock);
	if (ret == -ENOSPC)
		vfio_dirty_limit_reached(m->budget);
out_free:
	if (ret)
		kref_put(&m->refs, vfio_dirty_mapping_free);
	return ret;
}
