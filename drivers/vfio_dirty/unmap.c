// SPDX-License-Identifier: GPL-2.0
/*
 * Unmapping: how a mapping goes while devices may be using it. When it has gone,
 * no device touches its memory any more; until then it may yet stay, and nobody
 * who uses it may notice.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/jiffies.h>
#include <linux/sched.h>

#include "vfio_dirty_private.h"

/*
 * How often, and how long each time, the devices get to let go of a mapping.
 * One round is enough for drivers that unpin in dma_unmap; one that was in the
 * middle of a pin needs a second. vfio_iommu_type1 asks as often.
 */
#define VFIO_DIRTY_UNMAP_ROUNDS		11
#define VFIO_DIRTY_UNMAP_WAIT		(HZ / 2)

static void vfio_dirty_unmap_stage_locked(struct vfio_dirty_container *c,
					  struct vfio_dirty_mapping *m,
					  enum vfio_dirty_stage stage)
{
	enum vfio_dirty_stage before = m->stage;

	lockdep_assert_held(&c->lock);
	WRITE_ONCE(m->stage, stage);
	if (stage < before)
		wake_up_all(&c->wait);
}

/* Wait without the lock until those who are in a closed mapping have left. */
static int vfio_dirty_unmap_leave_locked(struct vfio_dirty_container *c,
					 struct vfio_dirty_mapping *m)
{
	int ret = 0;

	lockdep_assert_held(&c->lock);
	/* An unpin may begin at any time. */
	while (!ret && atomic_read(&m->users)) {
		mutex_unlock(&c->lock);
		ret = wait_event_killable(c->wait, !atomic_read(&m->users));
		mutex_lock(&c->lock);
	}
	return ret ? -EINTR : 0;
}

/* Ask the devices to unpin a mapping, and wait a while for what is under way. */
static int vfio_dirty_unmap_ask_locked(struct vfio_dirty_container *c,
				       struct vfio_dirty_mapping *m)
{
	long ret;

	lockdep_assert_held(&c->lock);
	if (!c->devices) {
		vfio_dirty_pin_drop_locked(c, m);
		return 0;
	}
	vfio_dirty_unmap_stage_locked(c, m, VFIO_DIRTY_ASKED);
	vfio_dirty_client_notify_locked(c, m->iova, m->last);
	mutex_unlock(&c->lock);
	ret = wait_event_killable_timeout(c->wait, !READ_ONCE(m->pinned),
					  VFIO_DIRTY_UNMAP_WAIT);
	mutex_lock(&c->lock);
	return ret < 0 ? -EINTR : 0;
}

/*
 * Close a mapping, with nobody in it and nothing of it pinned. While the devices
 * are asked it is open, so that one of them may have pinned again: then they are
 * asked again.
 */
static int vfio_dirty_unmap_close_locked(struct vfio_dirty_container *c,
					 struct vfio_dirty_mapping *m)
{
	unsigned int round;
	int ret;

	lockdep_assert_held(&c->lock);
	for (round = 0; round <= VFIO_DIRTY_UNMAP_ROUNDS; round++) {
		vfio_dirty_unmap_stage_locked(c, m, VFIO_DIRTY_CLOSED);
		ret = vfio_dirty_unmap_leave_locked(c, m);
		if (ret)
			return ret;
		if (m->gone)
			return -EINVAL;
		if (!m->pinned)
			return 0;
		if (round == VFIO_DIRTY_UNMAP_ROUNDS)
			break;
		ret = vfio_dirty_unmap_ask_locked(c, m);
		if (ret)
			return ret;
	}
	if (vfio_dirty_may_say(VFIO_DIRTY_SAY_PINNED, m->budget))
		pr_warn("%lu pages at %#llx stay pinned although the drivers were told to unpin them: not unmapped\n",
			m->pinned, m->iova);
	return -EBUSY;
}

/* Unmap one mapping. It stays, and is of use again, if that fails. */
static int vfio_dirty_unmap_one_locked(struct vfio_dirty_container *c,
				       struct vfio_dirty_mapping *m, u64 base,
				       const struct vfio_bitmap *bitmap)
{
	int ret;

	lockdep_assert_held(&c->lock);
	kref_get(&m->refs);
	ret = vfio_dirty_unmap_close_locked(c, m);
	if (!ret && bitmap) {
		mutex_unlock(&c->lock);
		ret = vfio_dirty_query_unmap(c, m, base,
					     (void __user *)bitmap->data);
		mutex_lock(&c->lock);
		if (m->gone)
			ret = -EINVAL;
	}
	if (ret)
		vfio_dirty_unmap_stage_locked(c, m, VFIO_DIRTY_LIVE);
	else
		vfio_dirty_mapping_remove_locked(c, m);
	kref_put(&m->refs, vfio_dirty_mapping_free);
	return ret;
}

/*
 * Unmap the first mappings of a range, as long as nobody uses them and nothing of
 * them is pinned: then nothing has to be waited for, and the lock is never
 * dropped. Returns the mapping after them, or NULL.
 */
static struct vfio_dirty_mapping *
vfio_dirty_unmap_idle_locked(struct vfio_dirty_container *c,
			     struct vfio_dirty_mapping *m, u64 last,
			     u64 *unmapped)
{
	struct vfio_dirty_mapping *next;

	lockdep_assert_held(&c->lock);
	for (; m && m->last <= last; m = next) {
		if (m->stage || m->pinned || atomic_read(&m->users))
			break;
		next = vfio_dirty_mapping_next_locked(c, m, last);
		*unmapped += m->last - m->iova + 1;
		vfio_dirty_mapping_remove_locked(c, m);
		cond_resched();
	}
	return m;
}

/*
 * Find the first mapping that lies in a range. Whenever the lock was dropped,
 * somebody may have mapped memory across an end of it: such a mapping stays.
 */
static struct vfio_dirty_mapping *
vfio_dirty_unmap_first_locked(struct vfio_dirty_container *c, u64 iova,
			      u64 last)
{
	struct vfio_dirty_mapping *m;

	lockdep_assert_held(&c->lock);
	m = vfio_dirty_mapping_first_locked(c, iova);
	if (m && m->iova < iova)
		m = vfio_dirty_mapping_next_locked(c, m, last);
	return m && m->last <= last ? m : NULL;
}

/**
 * vfio_dirty_unmap - unmap all mappings of a range
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
 * -EFAULT, -ENOMEM or -EINTR. Lower mappings of the range may have gone
 * nevertheless; the bits of those are in @bitmap.
 */
int vfio_dirty_unmap(struct vfio_dirty_container *c, u64 iova, u64 last,
		     const struct vfio_bitmap *bitmap, u64 *unmapped)
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

		m = vfio_dirty_unmap_first_locked(c, iova, last);
		if (!bitmap)
			m = vfio_dirty_unmap_idle_locked(c, m, last, unmapped);
		if (!m || m->last > last)
			break;
		if (m->stage) {
			ret = vfio_dirty_mapping_settle_locked(c, m);
			continue;
		}
		size = m->last - m->iova + 1;
		ret = vfio_dirty_unmap_one_locked(c, m, iova, bitmap);
		if (!ret)
			*unmapped += size;
		cond_resched();
	}
	mutex_unlock(&c->lock);
	return ret;
}

/**
 * vfio_dirty_unmap_all_locked - remove all mappings
 * @c: the container, which is dead: no device of it is open
 */
void vfio_dirty_unmap_all_locked(struct vfio_dirty_container *c)
{
	struct vfio_dirty_mapping *m;

	lockdep_assert_held(&c->lock);
	while ((m = vfio_dirty_mapping_first_locked(c, 0))) {
		vfio_dirty_pin_drop_locked(c, m);
		vfio_dirty_mapping_remove_locked(c, m);
		cond_resched();
	}
}
