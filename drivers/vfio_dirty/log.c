// SPDX-License-Identifier: GPL-2.0
/*
 * DMA logging by a device: which pages of guest memory it wrote since the log
 * was started or last read, for the vfio core, which brings it to the VMM. It is
 * of the device, not of a container, so that it also works where guest memory is
 * behind stock type1 or iommufd.
 *
 * Pages are logged when they were written, whether they are pinned or not, if
 * they are among those that the VMM asked for at the start. They are kept in the
 * leaves of bitmap.h, which are numbered by IOVA here. Where there is no memory
 * for a leaf all that was asked for is lost: it counts as written, page by page
 * until it was reported, and what is written of it meanwhile need not be kept.
 *
 * A report waits for the VMM's memory, and the device must not. So it takes a
 * part out of the log under the lock, and reports it without.
 */
#include <linux/bitops.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/interval_tree.h>
#include <linux/iova_bitmap.h>
#include <linux/limits.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>
#include <linux/vfio_dirty.h>
#include <linux/xarray.h>

#include "compat_vfio.h"
#include "span.h"
#include "vfio_dirty_private.h"

/* There is one run of a log: what a leaf holds is of it, or void. */
#define VFIO_DIRTY_LOG_EPOCH	1

/* Of 1 TiB in leaves that are all touched; it takes 68 MiB. */
#define VFIO_DIRTY_LOG_LEAVES	65536UL

/* Holes that reports may leave in what was lost, beside one in each range. */
#define VFIO_DIRTY_LOG_HOLES	64U

/**
 * struct vfio_dirty_log - what a device wrote
 * @in_all: entry of vfio_dirty_log_all
 * @vdev: the device; constant
 * @lock: protects all below; held over no copy from or to user memory
 * @started: there is somebody who wants to know; also read without the lock
 * @asked: the pages that it wants to know of
 * @lost: those of them that count as written until they are reported
 * @leaves: struct vfio_dirty_leaf by page >> VFIO_DIRTY_LEAF_SHIFT
 * @nr_leaves: how many
 * @memcg: who started it, and is charged for the leaves
 */
struct vfio_dirty_log {
	struct list_head in_all;
	struct vfio_device *vdev;

	struct mutex lock;	/* see above */
	bool started;
	struct vfio_dirty_spans asked;
	struct vfio_dirty_spans lost;
	struct xarray leaves;
	unsigned long nr_leaves;
	struct mem_cgroup *memcg;
};

/**
 * struct vfio_dirty_log_part - pages of a leaf, on their way to the VMM
 * @first: first page
 * @last: last page
 * @bits: which of them were written, by their place in the leaf
 */
struct vfio_dirty_log_part {
	unsigned long first;
	unsigned long last;
	u64 bits[VFIO_DIRTY_LEAF_WORDS];
};

/*
 * All logs, and what protects the list. The core has no place for a log beside
 * the ops, and ops are const: there is one table for all devices, and which log
 * is a device's stands here. A leaf lock.
 */
static LIST_HEAD(vfio_dirty_log_all);
static DEFINE_SPINLOCK(vfio_dirty_log_all_lock);

/* The core calls only the ops of devices whose log lives. */
static struct vfio_dirty_log *vfio_dirty_log_find(struct vfio_device *vdev)
{
	struct vfio_dirty_log *log;

	spin_lock(&vfio_dirty_log_all_lock);
	list_for_each_entry(log, &vfio_dirty_log_all, in_all)
		if (log->vdev == vdev)
			break;
	spin_unlock(&vfio_dirty_log_all_lock);
	return log;
}

static void vfio_dirty_log_drop_locked(struct vfio_dirty_log *log)
{
	struct vfio_dirty_leaf *leaf;
	unsigned long index;

	lockdep_assert_held(&log->lock);
	xa_for_each(&log->leaves, index, leaf) {
		vfio_dirty_leaf_free(leaf);
		cond_resched();
	}
	xa_destroy(&log->leaves);
	log->nr_leaves = 0;
}

/* What is written from now on is known again as soon as it was reported. */
static void vfio_dirty_log_lose_locked(struct vfio_dirty_log *log)
{
	lockdep_assert_held(&log->lock);
	vfio_dirty_log_drop_locked(log);
	vfio_dirty_spans_copy(&log->lost, &log->asked);
}

static int vfio_dirty_log_alloc_spans(struct vfio_dirty_spans *spans,
				      unsigned int room)
{
	spans->span = kvcalloc(room, sizeof(*spans->span), GFP_KERNEL_ACCOUNT);
	spans->room = room;
	spans->nr = 0;

	return spans->span ? 0 : -ENOMEM;
}

static void vfio_dirty_log_free_spans(struct vfio_dirty_spans *spans)
{
	kvfree(spans->span);
	*spans = (struct vfio_dirty_spans){};
}

/* The core looked at the ranges, but lets empty ones pass. */
static void vfio_dirty_log_ask_locked(struct vfio_dirty_log *log,
				      struct rb_root_cached *ranges)
{
	struct interval_tree_node *range;
	struct rb_node *node;

	lockdep_assert_held(&log->lock);
	for (node = rb_first_cached(ranges); node; node = rb_next(node)) {
		range = rb_entry(node, struct interval_tree_node, rb);
		if (range->start <= range->last)
			vfio_dirty_spans_add(&log->asked,
					     range->start >> PAGE_SHIFT,
					     range->last >> PAGE_SHIFT);
	}
}

static int vfio_dirty_log_start_locked(struct vfio_dirty_log *log,
				       struct rb_root_cached *ranges,
				       u32 nnodes)
{
	int ret;

	lockdep_assert_held(&log->lock);
	if (log->started)
		return -EINVAL;

	ret = vfio_dirty_log_alloc_spans(&log->asked, nnodes);
	if (ret)
		return ret;
	ret = vfio_dirty_log_alloc_spans(&log->lost,
					 2 * nnodes + VFIO_DIRTY_LOG_HOLES);
	if (ret) {
		vfio_dirty_log_free_spans(&log->asked);
		return ret;
	}

	vfio_dirty_log_ask_locked(log, ranges);
	log->memcg = get_mem_cgroup_from_mm(current->mm);
	WRITE_ONCE(log->started, true);
	return 0;
}

/* Pages of 4 KiB, whatever the VMM would like: the core reports larger ones. */
static int vfio_dirty_log_start(struct vfio_device *vdev,
				struct rb_root_cached *ranges, u32 nnodes,
				u64 *page_size)
{
	struct vfio_dirty_log *log = vfio_dirty_log_find(vdev);
	int ret;

	mutex_lock(&log->lock);
	ret = vfio_dirty_log_start_locked(log, ranges, nnodes);
	mutex_unlock(&log->lock);
	if (!ret)
		*page_size = PAGE_SIZE;
	/* a write that missed this is in what the VMM reads from now on */
	smp_mb();

	return ret;
}

static int vfio_dirty_log_stop(struct vfio_device *vdev)
{
	vfio_dirty_log_close(vfio_dirty_log_find(vdev));

	return 0;
}

/* The pages of a part that lie in one span, and then the next of these. */
static void vfio_dirty_log_add_lost_locked(struct vfio_dirty_log *log,
					   struct vfio_dirty_log_part *part)
{
	unsigned long base = round_down(part->first, VFIO_DIRTY_LEAF_PAGES);
	unsigned long first = part->first;
	struct vfio_dirty_span lost;

	lockdep_assert_held(&log->lock);
	while (first <= part->last &&
	       vfio_dirty_spans_next(&log->lost, first, part->last, &lost)) {
		vfio_dirty_bits_set(part->bits, lost.first - base,
				    lost.last - lost.first + 1);
		first = lost.last + 1;
	}
	vfio_dirty_spans_cut(&log->lost, part->first, part->last);
}

/* Find the next leaf of pages @first to @last with anything in it, and forget that. */
static bool vfio_dirty_log_take_locked(struct vfio_dirty_log *log,
				       unsigned long first, unsigned long last,
				       struct vfio_dirty_log_part *part)
{
	unsigned long index = first >> VFIO_DIRTY_LEAF_SHIFT, base;
	struct vfio_dirty_leaf *leaf;
	struct vfio_dirty_span lost;
	bool found;

	lockdep_assert_held(&log->lock);
	leaf = xa_find(&log->leaves, &index, last >> VFIO_DIRTY_LEAF_SHIFT,
		       XA_PRESENT);
	found = vfio_dirty_spans_next(&log->lost, first, last, &lost);
	if (!leaf && !found)
		return false;
	if (found && (!leaf || lost.first >> VFIO_DIRTY_LEAF_SHIFT < index)) {
		index = lost.first >> VFIO_DIRTY_LEAF_SHIFT;
		leaf = NULL;
	}

	base = index << VFIO_DIRTY_LEAF_SHIFT;
	part->first = max(first, base);
	part->last = min(last, base + VFIO_DIRTY_LEAF_PAGES - 1);
	memset(part->bits, 0, sizeof(part->bits));
	first = part->first - base;
	last = part->last - base;
	if (leaf) {
		vfio_dirty_leaf_read(leaf, VFIO_DIRTY_DIRTY,
				     VFIO_DIRTY_LOG_EPOCH, first,
				     last - first + 1, part->bits, first);
		vfio_dirty_leaf_clean(leaf, first, last - first + 1,
				      VFIO_DIRTY_LOG_EPOCH);
	}
	vfio_dirty_log_add_lost_locked(log, part);
	return true;
}

/* 1 if there was something, 0 if there is no more, or -errno. */
static int vfio_dirty_log_take(struct vfio_dirty_log *log, unsigned long first,
			       unsigned long last,
			       struct vfio_dirty_log_part *part)
{
	int ret = -EINVAL;

	if (mutex_lock_killable(&log->lock))
		return -EINTR;
	if (log->started)
		ret = vfio_dirty_log_take_locked(log, first, last, part);
	mutex_unlock(&log->lock);

	return ret;
}

/* Go through what was written of a part, and do something with each piece. */
static void vfio_dirty_log_tell(const struct vfio_dirty_log_part *part,
				void (*tell)(void *arg, u64 iova, u64 len),
				void *arg)
{
	const unsigned long *bits = (const unsigned long *)part->bits;
	u64 base = round_down(part->first, VFIO_DIRTY_LEAF_PAGES);
	unsigned long from, to = 0;

	BUILD_BUG_ON(BITS_PER_LONG != VFIO_DIRTY_WORD_BITS);
	for (;;) {
		from = find_next_bit(bits, VFIO_DIRTY_LEAF_PAGES, to);
		if (from == VFIO_DIRTY_LEAF_PAGES)
			return;
		to = find_next_zero_bit(bits, VFIO_DIRTY_LEAF_PAGES, from);
		tell(arg, (base + from) << PAGE_SHIFT, (to - from) << PAGE_SHIFT);
	}
}

static void vfio_dirty_log_to_vmm(void *dirty, u64 iova, u64 len)
{
	iova_bitmap_set(dirty, iova, len);
}

static void vfio_dirty_log_to_log(void *log, u64 iova, u64 len)
{
	vfio_dirty_log_mark(log, iova, len);
}

/*
 * Whether the VMM's memory could be written is not told by the core's bitmap. Only
 * of who is being killed it is known that it may not have been: then what was
 * taken goes back to the log.
 */
static int vfio_dirty_log_read_and_clear(struct vfio_device *vdev,
					 unsigned long iova,
					 unsigned long length,
					 struct iova_bitmap *dirty)
{
	struct vfio_dirty_log *log = vfio_dirty_log_find(vdev);
	unsigned long first = iova >> PAGE_SHIFT, last;
	struct vfio_dirty_log_part part;
	int ret;

	/* a bit that is half inside would be set before the bitmap, or be lost */
	if (!length || iova + (length - 1) < iova ||
	    !PAGE_ALIGNED(iova | length))
		return -EINVAL;

	last = (iova + (length - 1)) >> PAGE_SHIFT;
	do {
		ret = vfio_dirty_log_take(log, first, last, &part);
		if (ret <= 0)
			return ret;
		vfio_dirty_log_tell(&part, vfio_dirty_log_to_vmm, dirty);
		if (fatal_signal_pending(current)) {
			vfio_dirty_log_tell(&part, vfio_dirty_log_to_log, log);
			return -EINTR;
		}
		first = part.last + 1;
		cond_resched();
	} while (first <= last);

	return 0;
}

/* Where there is no memory, what is lost is no more than exactness. */
static struct vfio_dirty_leaf *
vfio_dirty_log_leaf_locked(struct vfio_dirty_log *log, unsigned long index)
{
	struct vfio_dirty_leaf *leaf = xa_load(&log->leaves, index);
	struct mem_cgroup *old;

	lockdep_assert_held(&log->lock);
	if (leaf || log->nr_leaves == VFIO_DIRTY_LOG_LEAVES)
		return leaf;

	old = set_active_memcg(log->memcg);
	leaf = vfio_dirty_leaf_alloc();
	if (leaf && xa_err(xa_store(&log->leaves, index, leaf,
				    VFIO_DIRTY_GFP_RECORD))) {
		vfio_dirty_leaf_free(leaf);
		leaf = NULL;
	}
	set_active_memcg(old);
	log->nr_leaves += !!leaf;

	return leaf;
}

/* Pages that were all asked for; false if they are lost, with all others. */
static bool vfio_dirty_log_keep_locked(struct vfio_dirty_log *log,
				       unsigned long first, unsigned long last)
{
	struct vfio_dirty_leaf *leaf;
	struct vfio_dirty_span lost;
	unsigned long end;

	lockdep_assert_held(&log->lock);
	for (; first <= last; first = end + 1) {
		end = min(last, first | (VFIO_DIRTY_LEAF_PAGES - 1));
		if (vfio_dirty_spans_next(&log->lost, first, end, &lost) &&
		    lost.first == first && lost.last == end)
			continue;
		leaf = vfio_dirty_log_leaf_locked(log, first >>
						  VFIO_DIRTY_LEAF_SHIFT);
		if (!leaf)
			return false;
		vfio_dirty_leaf_mark(leaf, first % VFIO_DIRTY_LEAF_PAGES,
				     end - first + 1, VFIO_DIRTY_LOG_EPOCH);
		cond_resched();
	}

	return true;
}

static void vfio_dirty_log_mark_locked(struct vfio_dirty_log *log,
				       unsigned long first, unsigned long last)
{
	struct vfio_dirty_span part;

	lockdep_assert_held(&log->lock);
	while (first <= last &&
	       vfio_dirty_spans_next(&log->asked, first, last, &part)) {
		if (!vfio_dirty_log_keep_locked(log, part.first, part.last)) {
			vfio_dirty_log_lose_locked(log);
			return;
		}
		first = part.last + 1;
	}
}

int vfio_dirty_log_mark(struct vfio_dirty_log *log, u64 iova, u64 len)
{
	u64 last = iova + (len - 1);

	if (!len || last < iova)
		return -EINVAL;
	if (!log)
		return 0;
	/* the write, then the look; vfio_dirty_log_start() has the other pair */
	smp_mb();
	if (!READ_ONCE(log->started))
		return 0;

	mutex_lock(&log->lock);
	if (log->started)
		vfio_dirty_log_mark_locked(log, iova >> PAGE_SHIFT,
					   last >> PAGE_SHIFT);
	mutex_unlock(&log->lock);

	return 0;
}
EXPORT_SYMBOL_GPL(vfio_dirty_log_mark);

static const struct vfio_log_ops vfio_dirty_log_ops = {
	.log_start = vfio_dirty_log_start,
	.log_stop = vfio_dirty_log_stop,
	.log_read_and_clear = vfio_dirty_log_read_and_clear,
};

struct vfio_dirty_log *vfio_dirty_log_create(struct vfio_device *vdev)
{
	struct vfio_dirty_log *log;

	if (!COMPAT_VFIO_HAS_IOVA_BITMAP)
		return NULL;

	log = kzalloc(sizeof(*log), GFP_KERNEL);
	if (!log)
		return ERR_PTR(-ENOMEM);
	log->vdev = vdev;
	mutex_init(&log->lock);
	xa_init_flags(&log->leaves, XA_FLAGS_ACCOUNT);
	spin_lock(&vfio_dirty_log_all_lock);
	list_add(&log->in_all, &vfio_dirty_log_all);
	spin_unlock(&vfio_dirty_log_all_lock);
	vdev->log_ops = &vfio_dirty_log_ops;

	return log;
}
EXPORT_SYMBOL_GPL(vfio_dirty_log_create);

void vfio_dirty_log_close(struct vfio_dirty_log *log)
{
	if (!log)
		return;
	mutex_lock(&log->lock);
	if (log->started) {
		WRITE_ONCE(log->started, false);
		vfio_dirty_log_drop_locked(log);
		vfio_dirty_log_free_spans(&log->asked);
		vfio_dirty_log_free_spans(&log->lost);
		mem_cgroup_put(log->memcg);
	}
	mutex_unlock(&log->lock);
}
EXPORT_SYMBOL_GPL(vfio_dirty_log_close);

void vfio_dirty_log_destroy(struct vfio_dirty_log *log)
{
	if (!log)
		return;
	spin_lock(&vfio_dirty_log_all_lock);
	list_del(&log->in_all);
	spin_unlock(&vfio_dirty_log_all_lock);
	mutex_destroy(&log->lock);
	kfree(log);
}
EXPORT_SYMBOL_GPL(vfio_dirty_log_destroy);
