// SPDX-License-Identifier: GPL-2.0
/*
 * The way of a step to the memory behind the GTT, see engine_mem.h.
 *
 * Getting ready goes round: look at all entries under the GTT's lock; if pages
 * are missing, drop it, pin or allocate them, and look again. If none is, the
 * step begins before the lock is dropped, so that a collector (see gtt.c) either
 * changed what was looked at, or waits for the step to end.
 *
 * Guest memory that cannot be pinned is copied to and from, as all of it is where
 * vfio_dirty does not serve.
 *
 * Pages of VRAM are used without a reference: they go only when the device is
 * cleared, which it is while it is stopped, or closed, which ends the worker.
 */
#include <linux/bitmap.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/mm.h>

#include "engine_mem.h"
#include "trace.h"

/*
 * Then the worker looks at its stop flag before it goes on. A pin that is cut
 * short by what the VMM mapped takes a round for each piece.
 */
#define MVGPU_ENGINE_MEM_TRIES	16

/* What can be said of an entry without touching what it maps. */
static u32 mvgpu_engine_mem_judge(struct mvgpu_device *dev, u64 entry, bool write)
{
	if (!(entry & MVGPU_GTT_VALID))
		return MVGPU_FAULT_UNBOUND;
	if ((entry & MVGPU_GTT_VRAM) &&
	    (entry & MVGPU_GTT_ADDRESS) >= dev->vram->size)
		return MVGPU_FAULT_UNBOUND;
	if (write && !(entry & MVGPU_GTT_WRITE))
		return MVGPU_FAULT_READ_ONLY;

	return MVGPU_FAULT_NONE;
}

static void mvgpu_engine_mem_fail(struct mvgpu_side *side, u32 index, u64 entry,
				  u32 fault)
{
	side->failed = fault;
	side->failed_index = index;
	side->failed_entry = entry;
}

/*
 * The pages of entries, which follow each other in memory as they do in @pages.
 * VRAM's may appear meanwhile, when the VMM writes there.
 */
static struct page **mvgpu_engine_mem_pages_of(struct mvgpu_device *dev, u64 entry,
					       u32 index)
{
	if (entry & MVGPU_GTT_VRAM)
		return mvgpu_vram_pages(dev->vram, entry & MVGPU_GTT_ADDRESS);

	return dev->gtt.pages + index;
}

/* How many go together: entries, and pages or the lack of them; at most @max. */
static u32 mvgpu_engine_mem_follow(const u64 *entries, struct page **pages,
				   struct page *page, u32 max)
{
	unsigned int step = page && page != MVGPU_GTT_COPIED ? 1 : 0;
	u64 entry = entries[0];
	u32 nr;

	for (nr = 1; nr < max; nr++) {
		entry += MVGPU_PAGE_SIZE;
		page += step;
		if (entries[nr] != entry || READ_ONCE(pages[nr]) != page)
			break;
	}

	return nr;
}

/* A segment from entry @index on, of at most @max pages. */
static u32 mvgpu_engine_mem_segment_locked(struct mvgpu_device *dev,
					   struct mvgpu_side *side, u32 index,
					   u32 max, bool write)
{
	struct mvgpu_segment *segment = &side->segments[side->nr_segments++];
	const u64 *entries = dev->gtt.entries + index;
	u64 entry = entries[0];
	struct page **pages = mvgpu_engine_mem_pages_of(dev, entry, index);
	struct page *page = READ_ONCE(pages[0]);
	bool vram = entry & MVGPU_GTT_VRAM;

	lockdep_assert_held(&dev->gtt.lock);
	if (vram)
		max = min_t(u64, max, (dev->vram->size -
				       (entry & MVGPU_GTT_ADDRESS)) /
				      MVGPU_PAGE_SIZE);
	segment->index = index;
	segment->entry = entry;
	segment->copied = page == MVGPU_GTT_COPIED;
	segment->page = segment->copied ? NULL : page;
	segment->nr = mvgpu_engine_mem_follow(entries, pages, page, max);
	/* VRAM that does not exist can be read; elsewhere nothing is pinned */
	if (!page && (vram ? write : !!dev->dirty))
		side->missing = true;
	/* another host may have to pin it */
	if (!vram && !dev->dirty)
		bitmap_set(dev->gtt.reached, index, segment->nr);

	return segment->nr;
}

/* Cut a range into segments; the fault of the first page that has one. */
static u32 mvgpu_engine_mem_range_locked(struct mvgpu_device *dev,
					 struct mvgpu_side *side,
					 const struct mvgpu_range *range,
					 bool write)
{
	u32 index = range->index, end = index + range->nr;
	u32 behind = MVGPU_FAULT_NONE, fault;

	lockdep_assert_held(&dev->gtt.lock);
	/* what was found out without the lock */
	if (side->failed && side->failed_index - index < range->nr &&
	    dev->gtt.entries[side->failed_index] == side->failed_entry) {
		end = side->failed_index;
		behind = side->failed;
	}
	while (index < end) {
		fault = mvgpu_engine_mem_judge(dev, dev->gtt.entries[index], write);
		if (fault)
			return fault;
		index += mvgpu_engine_mem_segment_locked(dev, side, index,
							 end - index, write);
	}

	return behind;
}

static void mvgpu_engine_mem_look_locked(struct mvgpu_device *dev, bool write)
{
	struct mvgpu_side *side = &dev->worker.mem->sides[write];
	unsigned int i;

	lockdep_assert_held(&dev->gtt.lock);
	side->nr_segments = 0;
	side->missing = false;
	side->fault = MVGPU_FAULT_NONE;
	for (i = 0; i < side->nr_ranges && !side->fault; i++)
		side->fault = mvgpu_engine_mem_range_locked(dev, side,
							    &side->ranges[i],
							    write);
}

/*
 * All of the pages, or as many as go, or none and why: 0 or -errno. If there is one
 * that cannot be pinned for now, the first may be another.
 */
static int mvgpu_engine_mem_pin_some(struct mvgpu_device *dev, u64 entry,
				     unsigned int *nr)
{
	int prot = IOMMU_READ | (entry & MVGPU_GTT_WRITE ? IOMMU_WRITE : 0);
	struct page **pages = dev->worker.mem->pages;
	u64 iova = entry & MVGPU_GTT_ADDRESS;
	int ret;

	ret = vfio_pin_pages(&dev->vdev, iova, *nr, prot, pages);
	while (ret < 0 && *nr > 1) {
		*nr = ret == -EAGAIN ? 1 : *nr / 2;
		ret = vfio_pin_pages(&dev->vdev, iova, *nr, prot, pages);
	}
	trace_mvgpu_pin(dev->vdev.dev, iova, *nr, ret);
	if (ret < 0)
		return ret;
	if (WARN_ON_ONCE(ret != *nr)) {
		vfio_unpin_pages(&dev->vdev, iova, ret);
		return -EFAULT;
	}

	return 0;
}

/* The first page of a segment cannot be pinned: is that a fault? */
static void mvgpu_engine_mem_refused(struct mvgpu_device *dev,
				     struct mvgpu_side *side,
				     const struct mvgpu_segment *segment, u64 epoch,
				     int error)
{
	switch (error) {
	case -ENOMEM:
		mvgpu_engine_mem_fail(side, segment->index, segment->entry,
				      MVGPU_FAULT_MEMLOCK);
		break;
	case -EINVAL:
	case -EPERM:
		mvgpu_engine_mem_fail(side, segment->index, segment->entry,
				      MVGPU_FAULT_IOVA);
		break;
	default:
		dev->worker.mem->behind_copied = segment->index + 1;
		mvgpu_gtt_copy(&dev->gtt, segment->index, epoch);
		break;
	}
}

/* Pin a segment, or its first pages. False if that did not help. */
static bool mvgpu_engine_mem_pin(struct mvgpu_device *dev, struct mvgpu_side *side,
				 const struct mvgpu_segment *segment, u64 epoch)
{
	struct mvgpu_engine_mem *mem = dev->worker.mem;
	unsigned int nr = segment->nr;
	int ret;

	/* likely to be memory of the same kind */
	if (mem->behind_copied && mem->behind_copied == segment->index)
		nr = 1;
	ret = mvgpu_engine_mem_pin_some(dev, segment->entry, &nr);
	if (ret) {
		mvgpu_engine_mem_refused(dev, side, segment, epoch, ret);
		return false;
	}
	if (mvgpu_gtt_adopt(&dev->gtt, segment->index, nr, mem->pages,
			    epoch))
		return nr == segment->nr;
	trace_mvgpu_unpin(dev->vdev.dev, segment->entry & MVGPU_GTT_ADDRESS,
			  nr);
	vfio_unpin_pages(&dev->vdev, segment->entry & MVGPU_GTT_ADDRESS, nr);

	return false;
}

/* Allocate VRAM, or its first pages. False if there is no memory for all. */
static bool mvgpu_engine_mem_allocate(struct mvgpu_device *dev,
				      struct mvgpu_side *side,
				      const struct mvgpu_segment *segment)
{
	u32 nr = mvgpu_vram_allocate(dev->vram,
				     segment->entry & MVGPU_GTT_ADDRESS,
				     segment->nr);

	if (!nr)
		mvgpu_engine_mem_fail(side, segment->index, segment->entry,
				      MVGPU_FAULT_MEMORY);

	return nr == segment->nr;
}

/* What is missing of one side; the other then looks again, and may share. */
static void mvgpu_engine_mem_get(struct mvgpu_device *dev, bool write, u64 epoch)
{
	struct mvgpu_side *side = &dev->worker.mem->sides[write];
	const struct mvgpu_segment *segment = side->segments;
	const struct mvgpu_segment *end = segment + side->nr_segments;
	bool all = true;

	for (; all && segment < end; segment++) {
		if (segment->page || segment->copied)
			continue;
		if (!(segment->entry & MVGPU_GTT_VRAM))
			all = !dev->dirty ||
			      mvgpu_engine_mem_pin(dev, side, segment, epoch);
		else if (write)
			all = mvgpu_engine_mem_allocate(dev, side, segment);
	}
}

/* Under the lock, and the step begins if nothing is missing. */
static bool mvgpu_engine_mem_look(struct mvgpu_device *dev, u64 *epoch)
{
	struct mvgpu_side *sides = dev->worker.mem->sides;
	struct mvgpu_gtt *gtt = &dev->gtt;
	bool ready;

	mvgpu_gtt_lock(gtt);
	if (gtt->nr_copied && time_after(jiffies, gtt->copied_until))
		mvgpu_gtt_try_again_locked(gtt);
	mvgpu_engine_mem_look_locked(dev, false);
	mvgpu_engine_mem_look_locked(dev, true);
	*epoch = gtt->epoch;
	ready = !sides[0].missing && !sides[1].missing;
	if (ready) {
		WRITE_ONCE(gtt->busy, true);
		mvgpu_gtt_unlock(gtt);
	} else {
		/* it has yet to have its turn */
		mutex_unlock(&gtt->lock);
	}

	return ready;
}

/**
 * mvgpu_engine_mem_begin - get the pages that were named; the chunk begins
 * @dev: the device
 *
 * Pages from the first that faults on are not there: mvgpu_engine_mem_map() says
 * so when the chunk comes to them.
 *
 * Return: 0; end the chunk. Or -EAGAIN if entries did not hold still.
 */
int mvgpu_engine_mem_begin(struct mvgpu_device *dev)
{
	struct mvgpu_side *sides = dev->worker.mem->sides;
	unsigned int tries;
	u64 epoch;

	for (tries = 0; tries < MVGPU_ENGINE_MEM_TRIES; tries++) {
		if (mvgpu_engine_mem_look(dev, &epoch))
			return 0;
		mvgpu_engine_mem_get(dev, sides[true].missing && !sides[false].missing,
				     epoch);
	}
	/* nobody is kept waiting for a step that does not begin */
	mutex_lock(&dev->gtt.lock);
	mvgpu_gtt_unlock(&dev->gtt);

	return -EAGAIN;
}

static void mvgpu_engine_mem_mark(struct mvgpu_device *dev,
				  const struct mvgpu_written *written)
{
	if (!written->len)
		return;
	if (written->vram) {
		mvgpu_vram_written(dev->vram, written->start, written->len,
				   false);
		return;
	}
	/* fails only where the VMM has just unmapped: nobody asks */
	vfio_dirty_mark(dev->dirty, written->start, written->len);
	vfio_dirty_log_mark(dev->log, written->start, written->len);
}

/* The last byte, which unlike the one behind it always has a number. */
static u64 mvgpu_engine_mem_last(const struct mvgpu_written *written)
{
	return written->start + (written->len - 1);
}

/* Are these in one page, or in two that are neighbours? */
static bool mvgpu_engine_mem_near(const struct mvgpu_written *a,
				  const struct mvgpu_written *b)
{
	return a->vram == b->vram &&
	       a->start / MVGPU_PAGE_SIZE <=
			mvgpu_engine_mem_last(b) / MVGPU_PAGE_SIZE + 1 &&
	       b->start / MVGPU_PAGE_SIZE <=
			mvgpu_engine_mem_last(a) / MVGPU_PAGE_SIZE + 1;
}

/**
 * mvgpu_engine_mem_written - bytes were written
 * @dev: the device; between mvgpu_engine_mem_begin() and mvgpu_engine_mem_end()
 * @next: the bytes
 *
 * Neighbours are marked together, by the end of the chunk at the latest. All
 * from the first to the last byte then counts as written, which is the same to
 * whoever counts pages.
 */
void mvgpu_engine_mem_written(struct mvgpu_device *dev,
			      const struct mvgpu_written *next)
{
	struct mvgpu_written *written = &dev->worker.mem->written;
	u64 last;

	if (written->len && mvgpu_engine_mem_near(written, next)) {
		last = max(mvgpu_engine_mem_last(written), mvgpu_engine_mem_last(next));
		written->start = min(written->start, next->start);
		written->len = last - written->start + 1;
		return;
	}
	mvgpu_engine_mem_mark(dev, written);
	*written = *next;
}

/**
 * mvgpu_engine_mem_end - what was written is marked; the chunk ends
 * @dev: the device
 */
void mvgpu_engine_mem_end(struct mvgpu_device *dev)
{
	struct mvgpu_engine_mem *mem = dev->worker.mem;

	mvgpu_engine_mem_mark(dev, &mem->written);
	mvgpu_gtt_chunk_end(&dev->gtt);
	mvgpu_foreign_end(&mem->foreign);
}

/**
 * mvgpu_engine_mem_peek - read bytes of a page that is there already
 * @dev: the device
 * @address: GPU address of the first
 * @data: filled in
 * @len: bytes, all in one page
 *
 * No step need begin for them, as nobody unpins under the lock.
 *
 * Return: false if it takes a step.
 */
bool mvgpu_engine_mem_peek(struct mvgpu_device *dev, u64 address, void *data,
			   u32 len)
{
	u32 index = address / MVGPU_PAGE_SIZE;
	struct page *page = NULL;
	u64 entry;

	mvgpu_gtt_lock(&dev->gtt);
	entry = dev->gtt.entries[index];
	if (!mvgpu_engine_mem_judge(dev, entry, false))
		page = READ_ONCE(*mvgpu_engine_mem_pages_of(dev, entry, index));
	if (page == MVGPU_GTT_COPIED)
		page = NULL;
	if (page)
		memcpy_from_page(data, page, address % MVGPU_PAGE_SIZE, len);
	mvgpu_gtt_unlock(&dev->gtt);

	return page;
}

/**
 * mvgpu_engine_mem_bounce - copy guest memory that is not pinned
 * @dev: the device
 * @window: not mapped
 * @write: from the buffer, else to it
 *
 * Return: enum mvgpu_fault.
 */
u32 mvgpu_engine_mem_bounce(struct mvgpu_device *dev, struct mvgpu_window *window,
			    bool write)
{
	u64 iova = (window->entry & MVGPU_GTT_ADDRESS) + window->offset;
	int ret;

	ret = mvgpu_foreign_rw(dev, iova, window->data, window->len, write);
	/* what is mapped, but not there as a whole, may be written in part */
	if (write && (!ret || ret == -EFAULT))
		vfio_dirty_log_mark(dev->log, iova, window->len);

	if (ret == -ENOMEM ||
	    (ret == -EFAULT && dev->worker.mem->foreign.starved))
		return MVGPU_FAULT_MEMORY;

	return ret ? MVGPU_FAULT_IOVA : MVGPU_FAULT_NONE;
}
