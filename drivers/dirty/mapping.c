// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings: which IOVAs stand for which memory of which process. Mapping pins
 * and charges nothing; drivers pin what they need, when they need it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/capability.h>
#include <linux/iommu.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "trace.h"
#include "vfio_dirty_private.h"

/*
 * How often, and how long each time, the devices get to let go of a mapping.
 * One round is enough for drivers that unpin in dma_unmap; one that was in the
 * middle of a pin needs a second. vfio_iommu_type1 asks as often.
 */
#define VFIO_DIRTY_UNMAP_ROUNDS		11
#define VFIO_DIRTY_UNMAP_WAIT		(HZ / 2)

static unsigned int vfio_dirty_entry_limit = U16_MAX;
module_param_named(dma_entry_limit, vfio_dirty_entry_limit, uint, 0644);
MODULE_PARM_DESC(dma_entry_limit,
		 "Maximum number of mappings per container (65535)");

/**
 * vfio_dirty_mapping_limit - how many mappings a new container may have
 *
 * Return: the number.
 */
unsigned int vfio_dirty_mapping_limit(void)
{
	return READ_ONCE(vfio_dirty_entry_limit);
}

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

	return m && m->iova <= iova ? m : NULL;
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

/* Take a mapping out of the container; users may still hold its memory. */
static void vfio_dirty_mapping_remove_locked(struct vfio_dirty_container *c,
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

static int vfio_dirty_mapping_check(const struct vfio_iommu_type1_dma_map *map)
{
	bool prot = map->flags & (VFIO_DMA_MAP_FLAG_READ |
				  VFIO_DMA_MAP_FLAG_WRITE);
	bool vaddr = map->flags & VFIO_DMA_MAP_FLAG_VADDR;

	if (prot == vaddr || !current->mm)
		return -EINVAL;
	if (!map->size || !PAGE_ALIGNED(map->size | map->iova | map->vaddr))
		return -EINVAL;
	if (map->iova + map->size - 1 < map->iova ||
	    map->vaddr + map->size - 1 < map->vaddr)
		return -EINVAL;
	return 0;
}

/* May a range be mapped, or (which no mediated device allows) move? */
static int vfio_dirty_mapping_room_locked(struct vfio_dirty_container *c,
					  u64 iova, u64 last, bool move)
{
	struct vfio_dirty_mapping *m;

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
 * Return: 0, -EINVAL, -EEXIST, -ENOENT, -ENOSPC, -ENOMEM or -EINTR.
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
	if (!ret)
		vfio_dirty_mapping_insert_locked(c, m);
	trace_vfio_dirty_map(c->id, m->iova, m->last, m->prot, ret);
	mutex_unlock(&c->lock);
out_free:
	if (ret)
		kref_put(&m->refs, vfio_dirty_mapping_free);
	return ret;
}

/* Sleep without the lock until the mapping has no user, or for a time. */
static long vfio_dirty_mapping_wait_locked(struct vfio_dirty_container *c,
					   struct vfio_dirty_mapping *m,
					   bool pins, long timeout)
{
	long ret;

	lockdep_assert_held(&c->lock);
	mutex_unlock(&c->lock);
	ret = wait_event_killable_timeout(c->wait, !atomic_read(&m->users) &&
					  !(pins && READ_ONCE(m->pinned)),
					  timeout);
	mutex_lock(&c->lock);
	return ret;
}

/*
 * Wait until nobody uses a dying mapping, and make the devices let go of its
 * pages. A driver that pins while we ask finds the mapping dying at once; its
 * last pin may be one that the driver had not noted when we asked it, so we ask
 * again.
 */
static int vfio_dirty_mapping_drain_locked(struct vfio_dirty_container *c,
					   struct vfio_dirty_mapping *m)
{
	unsigned int round;

	if (!atomic_read(&m->users) && !m->pinned)
		return 0;
	for (round = 0; round <= VFIO_DIRTY_UNMAP_ROUNDS; round++) {
		do {
			if (vfio_dirty_mapping_wait_locked(c, m, false,
							   MAX_SCHEDULE_TIMEOUT) < 0)
				return -EINTR;
		} while (atomic_read(&m->users));
		if (m->gone)
			return -EINVAL;
		if (!m->pinned)
			return 0;
		if (round == VFIO_DIRTY_UNMAP_ROUNDS)
			break;
		if (!c->devices) {
			vfio_dirty_pin_drop_locked(c, m);
			continue;
		}
		vfio_dirty_container_notify_locked(c, m->iova, m->last);
		if (vfio_dirty_mapping_wait_locked(c, m, true,
						   VFIO_DIRTY_UNMAP_WAIT) < 0)
			return -EINTR;
	}
	pr_warn_ratelimited("%lu pages at %#llx stay pinned although the drivers were told to unpin them: not unmapped\n",
			    m->pinned, m->iova);
	return -EBUSY;
}

/* Unmap one mapping. It stays, and is of use again, if that fails. */
static int vfio_dirty_mapping_unmap_one_locked(struct vfio_dirty_container *c,
					       struct vfio_dirty_mapping *m,
					       u64 base,
					       const struct vfio_bitmap *bitmap)
{
	int ret;

	kref_get(&m->refs);
	WRITE_ONCE(m->dying, true);
	ret = vfio_dirty_mapping_drain_locked(c, m);
	if (!ret && bitmap) {
		mutex_unlock(&c->lock);
		ret = vfio_dirty_query_unmap(c, m, base,
					     (void __user *)bitmap->data);
		mutex_lock(&c->lock);
		if (m->gone)
			ret = -EINVAL;
	}
	if (ret) {
		WRITE_ONCE(m->dying, false);
		wake_up_all(&c->wait);
	} else {
		vfio_dirty_mapping_remove_locked(c, m);
	}
	kref_put(&m->refs, vfio_dirty_mapping_free);
	return ret;
}

/*
 * Unmap the first mappings of a range, as long as nobody uses them and nothing of
 * them is pinned: then nothing has to be waited for, and the lock is never
 * dropped. Returns the mapping after them, or NULL.
 */
static struct vfio_dirty_mapping *
vfio_dirty_mapping_unmap_idle_locked(struct vfio_dirty_container *c,
				     struct vfio_dirty_mapping *m, u64 last,
				     u64 *unmapped)
{
	struct vfio_dirty_mapping *next;

	for (; m && m->last <= last; m = next) {
		if (m->dying || m->pinned || atomic_read(&m->users))
			break;
		next = vfio_dirty_mapping_next_locked(c, m, last);
		*unmapped += m->last - m->iova + 1;
		vfio_dirty_mapping_remove_locked(c, m);
		cond_resched();
	}
	return m;
}

/* Somebody else unmaps it: let them finish. */
static int vfio_dirty_mapping_yield_locked(struct vfio_dirty_container *c,
					   struct vfio_dirty_mapping *m)
{
	int ret;

	kref_get(&m->refs);
	mutex_unlock(&c->lock);
	ret = wait_event_killable(c->wait, !READ_ONCE(m->dying) ||
				  READ_ONCE(m->gone));
	mutex_lock(&c->lock);
	kref_put(&m->refs, vfio_dirty_mapping_free);
	return ret ? -EINTR : 0;
}

/**
 * vfio_dirty_mapping_unmap - unmap all mappings of a range
 * @c: the container
 * @iova: first byte
 * @last: last byte
 * @bitmap: receives the dirty bits, of which bit 0 is @iova's, or NULL for none
 * @unmapped: receives how many bytes were unmapped
 *
 * When a mapping has gone, no device uses its memory any more.
 *
 * Return: 0, -EINVAL if a mapping lies across an end of the range or if dirty
 * bits are wanted without dirty tracking, -EBUSY if a driver does not unpin,
 * -EFAULT or -EINTR. Lower mappings of the range may have gone nevertheless.
 */
int vfio_dirty_mapping_unmap(struct vfio_dirty_container *c, u64 iova,
			     u64 last, const struct vfio_bitmap *bitmap,
			     u64 *unmapped)
{
	struct vfio_dirty_mapping *m;
	int ret;

	*unmapped = 0;
	ret = mutex_lock_killable(&c->lock);
	if (ret)
		return ret;
	if (c->dead || (bitmap && !c->tracking) ||
	    vfio_dirty_mapping_cut_locked(c, iova, last))
		ret = -EINVAL;

	while (!ret) {
		u64 size;

		m = vfio_dirty_mapping_first_locked(c, iova);
		if (!bitmap)
			m = vfio_dirty_mapping_unmap_idle_locked(c, m, last,
								 unmapped);
		if (!m || m->iova < iova || m->iova > last || m->last > last)
			break;
		if (m->dying) {
			ret = vfio_dirty_mapping_yield_locked(c, m);
			continue;
		}
		size = m->last - m->iova + 1;
		ret = vfio_dirty_mapping_unmap_one_locked(c, m, iova, bitmap);
		if (!ret)
			*unmapped += size;
		cond_resched();
	}
	mutex_unlock(&c->lock);
	return ret;
}

/**
 * vfio_dirty_mapping_clear_locked - remove all mappings
 * @c: the container, which is dead: no device of it is open
 */
void vfio_dirty_mapping_clear_locked(struct vfio_dirty_container *c)
{
	struct vfio_dirty_mapping *m;

	lockdep_assert_held(&c->lock);
	while ((m = vfio_dirty_mapping_first_locked(c, 0))) {
		vfio_dirty_pin_drop_locked(c, m);
		vfio_dirty_mapping_remove_locked(c, m);
		cond_resched();
	}
}
