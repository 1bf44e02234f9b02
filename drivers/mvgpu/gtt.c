// SPDX-License-Identifier: GPL-2.0
/*
 * The GTT: entries as the guest wrote them, and the pages they have pinned.
 *
 * Only the worker pins, and only as the last step of getting ready for a chunk
 * (engine_mem.c); while it stands, so does who loads a context (gtt_reach.c).
 * Whoever changes entries or takes memory away is a collector: it moves the
 * epoch, so that a pin in flight is given up; waits out the chunk that runs; and
 * keeps the next from beginning until all it collected is unpinned. As the lock
 * is dropped for each unpin, that is what keeps the entries still, not the lock.
 *
 * Of many who write entries there is always one that collects. So once the worker
 * had to wait for collectors, or lost a pin to one, those who come then let it have
 * its turn first: it waits for no more of them than there are.
 */
#include <linux/bitmap.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "engine_mem.h"
#include "trace.h"

/* How long memory that could not be pinned is copied before that is tried again. */
#define MVGPU_GTT_COPY_JIFFIES	HZ

/**
 * struct mvgpu_gtt_run - neighbours in IOVA whose pins are given up together
 * @iova: of the first
 * @nr: pages
 */
struct mvgpu_gtt_run {
	u64 iova;
	unsigned int nr;
};

/**
 * mvgpu_gtt_init - before any other call
 * @dev: the device
 */
void mvgpu_gtt_init(struct mvgpu_device *dev)
{
	mutex_init(&dev->gtt.lock);
	init_waitqueue_head(&dev->gtt.idle);
}

/**
 * mvgpu_gtt_create - the device is opened: no entry is valid
 * @dev: the device
 *
 * Return: 0 or -ENOMEM.
 */
int mvgpu_gtt_create(struct mvgpu_device *dev)
{
	struct mvgpu_gtt *gtt = &dev->gtt;

	gtt->entries = kvcalloc(MVGPU_GTT_ENTRIES, sizeof(*gtt->entries),
				GFP_KERNEL_ACCOUNT);
	if (!gtt->entries)
		return -ENOMEM;

	gtt->pages = kvcalloc(MVGPU_GTT_ENTRIES, sizeof(*gtt->pages),
			      GFP_KERNEL_ACCOUNT);
	if (!gtt->pages)
		goto err_entries;

	gtt->reached = bitmap_zalloc(MVGPU_GTT_ENTRIES, GFP_KERNEL_ACCOUNT);
	if (!gtt->reached)
		goto err_pages;

	return 0;

err_pages:
	kvfree(gtt->pages);
	gtt->pages = NULL;
err_entries:
	kvfree(gtt->entries);
	gtt->entries = NULL;

	return -ENOMEM;
}

/**
 * mvgpu_gtt_destroy - undo mvgpu_gtt_create()
 * @dev: the device; the worker is closed and mvgpu_gtt_clear() was called
 */
void mvgpu_gtt_destroy(struct mvgpu_device *dev)
{
	struct mvgpu_gtt *gtt = &dev->gtt;

	/* An unmap on another thread may be about to unpin what it collected. */
	mvgpu_gtt_lock(gtt);
	mvgpu_gtt_unlock(gtt);

	WARN_ON_ONCE(gtt->nr_pinned);
	bitmap_free(gtt->reached);
	gtt->reached = NULL;
	kvfree(gtt->pages);
	gtt->pages = NULL;
	kvfree(gtt->entries);
	gtt->entries = NULL;
}

/**
 * mvgpu_gtt_read - an entry
 * @dev: the device
 * @index: of the entry, which exists
 *
 * Return: the entry.
 */
u64 mvgpu_gtt_read(struct mvgpu_device *dev, u32 index)
{
	u64 entry;

	mutex_lock(&dev->gtt.lock);
	entry = dev->gtt.entries[index];
	mutex_unlock(&dev->gtt.lock);

	return entry;
}

/* With what the chunk did before. */
static bool mvgpu_gtt_is_busy(struct mvgpu_gtt *gtt)
{
	/* pairs with the release in mvgpu_gtt_chunk_end() */
	return smp_load_acquire(&gtt->busy);
}

/*
 * Wait for the chunk that runs. Where all pages are pinned it does not sleep on
 * anybody. Where some are not it may, in a fault of the VMM's memory, and a VMM
 * that is being killed must not wait for itself.
 */
static bool mvgpu_gtt_wait(struct mvgpu_gtt *gtt, bool killable)
{
	if (killable)
		return !wait_event_killable(gtt->idle, !mvgpu_gtt_is_busy(gtt));
	wait_event(gtt->idle, !mvgpu_gtt_is_busy(gtt));

	return true;
}

/* Unlocks. */
static void mvgpu_gtt_collect_leave(struct mvgpu_gtt *gtt)
{
	lockdep_assert_held(&gtt->lock);
	WRITE_ONCE(gtt->collectors, gtt->collectors - 1);
	mutex_unlock(&gtt->lock);
	wake_up_all(&gtt->idle);
}

/*
 * Lock while the engine does not wait for its turn, or return false if the caller is
 * being killed. It may wait for a pin of memory that user space has yet to provide.
 */
static bool mvgpu_gtt_lock_after_engine(struct mvgpu_gtt *gtt)
{
	mutex_lock(&gtt->lock);
	while (gtt->engine_waits) {
		mutex_unlock(&gtt->lock);
		if (wait_event_killable(gtt->idle,
					!READ_ONCE(gtt->engine_waits)))
			return false;
		mutex_lock(&gtt->lock);
	}

	return true;
}

/*
 * Returns locked; or not, and false, if the VMM is being killed while the chunk uses
 * pages that are pinned: those stay until the device is closed.
 */
static bool mvgpu_gtt_collect_begin_locked(struct mvgpu_gtt *gtt)
{
	bool killable, go_on = true;

	lockdep_assert_held(&gtt->lock);
	WRITE_ONCE(gtt->collectors, gtt->collectors + 1);
	gtt->epoch++;
	while (mvgpu_gtt_is_busy(gtt) && go_on) {
		killable = !gtt->nr_pinned || gtt->nr_copied;
		mutex_unlock(&gtt->lock);
		go_on = mvgpu_gtt_wait(gtt, killable);
		mutex_lock(&gtt->lock);
	}
	if (go_on || !gtt->nr_pinned)
		return true;
	mvgpu_gtt_collect_leave(gtt);

	return false;
}

/* The same for those who write entries, which a guest may do without end. */
static bool mvgpu_gtt_write_begin(struct mvgpu_gtt *gtt)
{
	return mvgpu_gtt_lock_after_engine(gtt) &&
	       mvgpu_gtt_collect_begin_locked(gtt);
}

static void mvgpu_gtt_unpin(struct mvgpu_device *dev,
			    const struct mvgpu_gtt_run *run)
{
	if (!run->nr)
		return;
	trace_mvgpu_unpin(dev->vdev.dev, run->iova, run->nr);
	vfio_unpin_pages(&dev->vdev, run->iova, run->nr);
}

/* Unlocks. */
static void mvgpu_gtt_collect_end(struct mvgpu_device *dev,
				  const struct mvgpu_gtt_run *run)
{
	struct mvgpu_gtt *gtt = &dev->gtt;

	mutex_unlock(&gtt->lock);
	mvgpu_gtt_unpin(dev, run);

	mutex_lock(&gtt->lock);
	mvgpu_gtt_collect_leave(gtt);
}

/* Give up the pin of an entry; drops the lock when @run has to go first. */
static void mvgpu_gtt_collect_locked(struct mvgpu_device *dev, u32 index,
				     u64 entry, struct mvgpu_gtt_run *run)
{
	struct mvgpu_gtt *gtt = &dev->gtt;
	u64 iova = entry & MVGPU_GTT_ADDRESS;

	lockdep_assert_held(&gtt->lock);
	if (gtt->pages[index] == MVGPU_GTT_COPIED) {
		gtt->pages[index] = NULL;
		gtt->nr_copied--;
		return;
	}
	gtt->pages[index] = NULL;
	gtt->nr_pinned--;

	if (run->nr && run->nr < MVGPU_CHUNK_PAGES &&
	    iova == run->iova + (u64)run->nr * MVGPU_PAGE_SIZE) {
		run->nr++;
		return;
	}
	if (run->nr) {
		mutex_unlock(&gtt->lock);
		mvgpu_gtt_unpin(dev, run);
		cond_resched();
		mutex_lock(&gtt->lock);
	}
	run->iova = iova;
	run->nr = 1;
}

static void mvgpu_gtt_set_locked(struct mvgpu_device *dev, u32 index,
				 u64 entry, struct mvgpu_gtt_run *run)
{
	struct mvgpu_gtt *gtt = &dev->gtt;
	u64 old = gtt->entries[index];

	lockdep_assert_held(&gtt->lock);
	gtt->entries[index] = entry;
	__clear_bit(index, gtt->reached);
	/* also if it is the same: the memory behind it may be another by now */
	if (gtt->pages[index])
		mvgpu_gtt_collect_locked(dev, index, old, run);
}

/**
 * mvgpu_gtt_write - write consecutive entries
 * @dev: the device
 * @first: index of the first
 * @count: of entries, all of which exist
 * @entry: written to @first
 * @step: added for each that follows
 *
 * On return no access through the old entries is in flight, and what they had
 * pinned is unpinned; or the caller is being killed, and all is as before. The
 * worker calls this as well, between its chunks.
 */
void mvgpu_gtt_write(struct mvgpu_device *dev, u32 first, u32 count, u64 entry,
		     u64 step)
{
	struct mvgpu_gtt_run run = {};
	u32 i;

	if (!mvgpu_gtt_write_begin(&dev->gtt))
		return;
	for (i = 0; i < count; i++)
		mvgpu_gtt_set_locked(dev, first + i,
				     (entry + i * step) & ~MVGPU_GTT_RESERVED,
				     &run);
	mvgpu_gtt_collect_end(dev, &run);
}

/**
 * mvgpu_gtt_write_half - write 32 bits of an entry
 * @dev: the device
 * @index: of the entry, which exists
 * @high: bits 32 to 63
 * @value: written there
 */
void mvgpu_gtt_write_half(struct mvgpu_device *dev, u32 index, bool high,
			  u32 value)
{
	struct mvgpu_gtt_run run = {};
	u64 entry;

	if (!mvgpu_gtt_write_begin(&dev->gtt))
		return;
	entry = dev->gtt.entries[index];
	if (high)
		entry = (u64)value << 32 | (u32)entry;
	else
		entry = (entry >> 32) << 32 | value;
	mvgpu_gtt_set_locked(dev, index, entry & ~MVGPU_GTT_RESERVED, &run);
	mvgpu_gtt_collect_end(dev, &run);
}

/**
 * mvgpu_gtt_clear - no entry is valid and nothing is pinned any more
 * @dev: the device; may be closed
 */
void mvgpu_gtt_clear(struct mvgpu_device *dev)
{
	if (dev->gtt.entries)
		mvgpu_gtt_write(dev, 0, MVGPU_GTT_ENTRIES, 0, 0);
}

/**
 * mvgpu_gtt_dma_unmap - the VMM takes guest memory away
 * @vdev: the device
 * @iova: first byte
 * @length: bytes
 *
 * On return the device touches nothing of the range any more, unless the caller is
 * being killed. Entries stay: the next touch pins what is mapped there then, or
 * faults.
 */
void mvgpu_gtt_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	struct mvgpu_device *dev = mvgpu_device(vdev);
	u64 last = length - 1 <= U64_MAX - iova ? iova + (length - 1) : U64_MAX;
	struct mvgpu_gtt *gtt = &dev->gtt;
	struct mvgpu_gtt_run run = {};
	u64 page;
	u32 i;

	/* without pins, the IOMMU backend itself looks at every access */
	if (!length || !READ_ONCE(dev->dirty))
		return;

	mutex_lock(&gtt->lock);
	if (!mvgpu_gtt_collect_begin_locked(gtt))
		return;
	for (i = 0; (gtt->nr_pinned || gtt->nr_copied) &&
	     i < MVGPU_GTT_ENTRIES; i++) {
		page = gtt->entries[i] & MVGPU_GTT_ADDRESS;
		if (gtt->pages[i] && page <= last &&
		    (page | ~MVGPU_GTT_ADDRESS) >= iova) {
			/* what is mapped there next was not reached yet */
			__clear_bit(i, gtt->reached);
			mvgpu_gtt_collect_locked(dev, i, page, &run);
		}
	}
	mvgpu_gtt_collect_end(dev, &run);
}

/**
 * mvgpu_gtt_lock - lock the GTT while nobody collects
 * @gtt: the GTT
 *
 * For the worker, which may begin a chunk under this lock.
 */
void mvgpu_gtt_lock(struct mvgpu_gtt *gtt)
{
	mutex_lock(&gtt->lock);
	while (gtt->collectors) {
		WRITE_ONCE(gtt->engine_waits, true);
		mutex_unlock(&gtt->lock);
		wait_event(gtt->idle, !READ_ONCE(gtt->collectors));
		mutex_lock(&gtt->lock);
	}
}

/**
 * mvgpu_gtt_unlock - undo mvgpu_gtt_lock(): the worker has had its turn
 * @gtt: the GTT
 */
void mvgpu_gtt_unlock(struct mvgpu_gtt *gtt)
{
	bool waited = gtt->engine_waits;

	lockdep_assert_held(&gtt->lock);
	WRITE_ONCE(gtt->engine_waits, false);
	mutex_unlock(&gtt->lock);
	if (waited)
		wake_up_all(&gtt->idle);
}

/**
 * mvgpu_gtt_adopt - keep pages that the worker pinned
 * @gtt: the GTT
 * @first: index of the first entry
 * @nr: consecutive entries, which had nothing pinned at @epoch
 * @pages: their pages
 * @epoch: when the worker read the entries
 *
 * Return: false if entries changed or memory went since: unpin the pages.
 */
bool mvgpu_gtt_adopt(struct mvgpu_gtt *gtt, u32 first, unsigned int nr,
		     struct page **pages, u64 epoch)
{
	bool same;

	mutex_lock(&gtt->lock);
	same = gtt->epoch == epoch;
	if (same) {
		memcpy(gtt->pages + first, pages, nr * sizeof(*pages));
		gtt->nr_pinned += nr;
		bitmap_set(gtt->reached, first, nr);
	} else {
		/* the next is not lost to those who write other entries */
		WRITE_ONCE(gtt->engine_waits, true);
	}
	mutex_unlock(&gtt->lock);

	return same;
}

/**
 * mvgpu_gtt_copy - the memory of an entry could not be pinned
 * @gtt: the GTT
 * @index: of the entry, which had nothing pinned at @epoch
 * @epoch: when the worker read the entry
 *
 * It is copied to and from until the entry is written or a while has passed, unless
 * the entry has changed since. A while is enough, as whoever held the page may have
 * let go, and as nobody is told of an unmap of memory that is not pinned.
 */
void mvgpu_gtt_copy(struct mvgpu_gtt *gtt, u32 index, u64 epoch)
{
	mutex_lock(&gtt->lock);
	if (gtt->epoch == epoch) {
		gtt->pages[index] = MVGPU_GTT_COPIED;
		__set_bit(index, gtt->reached);
		gtt->nr_copied++;
		/* from the last, or a step that takes longer to get ready never begins */
		gtt->copied_until = jiffies + MVGPU_GTT_COPY_JIFFIES;
	} else {
		WRITE_ONCE(gtt->engine_waits, true);
	}
	mutex_unlock(&gtt->lock);
}

/**
 * mvgpu_gtt_try_again_locked - pin what could not be pinned, when it is touched
 * @gtt: the GTT; the worker is between two steps
 */
void mvgpu_gtt_try_again_locked(struct mvgpu_gtt *gtt)
{
	u32 i;

	lockdep_assert_held(&gtt->lock);
	for (i = 0; gtt->nr_copied && i < MVGPU_GTT_ENTRIES; i++) {
		if (gtt->pages[i] != MVGPU_GTT_COPIED)
			continue;
		gtt->pages[i] = NULL;
		gtt->nr_copied--;
	}
}

/**
 * mvgpu_gtt_chunk_end - the chunk uses no entry and no pinned page any more
 * @gtt: the GTT
 */
void mvgpu_gtt_chunk_end(struct mvgpu_gtt *gtt)
{
	/* a collector unpins what the chunk used */
	smp_store_release(&gtt->busy, false);
	/* orders this before the look, as the waiter does with its own two */
	if (wq_has_sleeper(&gtt->idle))
		wake_up_all(&gtt->idle);
}
