// SPDX-License-Identifier: GPL-2.0
/*
 * The way of a chunk to the memory behind the GTT, see access.h.
 *
 * Getting ready goes round: look at all slots under the GTT's lock; if pages
 * are missing, drop it, pin or allocate them, and look again. A look that
 * misses nothing begins the chunk before it unlocks, so that a collector (see
 * gtt.c) either changed what was looked at, or waits for the chunk to end.
 */
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/mm.h>

#include "access.h"
#include "trace.h"

/* Then the worker looks at its stop flag before it goes on. */
#define MVGPU_ACCESS_TRIES	8

/**
 * mvgpu_access_reset - a chunk begins to name its pages
 * @access: the worker's
 */
void mvgpu_access_reset(struct mvgpu_access *access)
{
	access->nr = 0;
	access->usable = 0;
}

static struct mvgpu_slot *mvgpu_access_find(struct mvgpu_access *access,
					    u32 index, bool write)
{
	unsigned int i = access->nr;

	/* most likely one of the last */
	while (i--) {
		if (access->slots[i].index == index &&
		    access->slots[i].write == write)
			return &access->slots[i];
	}

	return NULL;
}

/**
 * mvgpu_access_add - name a page
 * @access: the worker's
 * @address: a GPU address in it
 * @write: it is written, else read
 *
 * Return: false if a chunk cannot touch so many.
 */
bool mvgpu_access_add(struct mvgpu_access *access, u64 address, bool write)
{
	u32 index = address / MVGPU_PAGE_SIZE;

	if (mvgpu_access_find(access, index, write))
		return true;
	if (access->nr == MVGPU_CHUNK_PAGES)
		return false;

	access->slots[access->nr++] = (struct mvgpu_slot) {
		.index = index,
		.write = write,
	};

	return true;
}

/* What can be said of an entry without touching what it maps. */
static u32 mvgpu_access_judge(struct mvgpu_device *dev, u64 entry, bool write)
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

/* Pinned pages are the GTT's; those of VRAM come with a reference. */
static void mvgpu_access_forget(struct mvgpu_slot *slot)
{
	if (slot->looked && slot->page)
		put_page(slot->page);
	slot->page = NULL;
	slot->looked = false;
	slot->failed = MVGPU_FAULT_NONE;
}

/* True if a page is missing that would have to be there. */
static bool mvgpu_access_look_slot_locked(struct mvgpu_device *dev,
					  struct mvgpu_slot *slot)
{
	u64 entry = dev->gtt.entries[slot->index];

	lockdep_assert_held(&dev->gtt.lock);
	if (entry != slot->entry)
		mvgpu_access_forget(slot);
	slot->entry = entry;
	slot->fault = mvgpu_access_judge(dev, entry, slot->write);
	if (!slot->fault)
		slot->fault = slot->failed;
	if (slot->fault)
		return false;

	if (entry & MVGPU_GTT_VRAM)
		return !slot->looked;
	slot->page = dev->gtt.pages[slot->index];

	return dev->dirty && !slot->page;
}

static bool mvgpu_access_look_locked(struct mvgpu_device *dev)
{
	struct mvgpu_access *access = dev->worker.access;
	bool missing = false;
	unsigned int i;

	for (i = 0; i < access->nr; i++) {
		missing |= mvgpu_access_look_slot_locked(dev,
							 &access->slots[i]);
		if (access->slots[i].fault)
			break;
	}
	access->usable = i;

	return missing;
}

static void mvgpu_access_get_vram(struct mvgpu_device *dev,
				  struct mvgpu_slot *slot)
{
	struct page *page = mvgpu_vram_page(dev->vram,
					    slot->entry & MVGPU_GTT_ADDRESS,
					    slot->write);

	if (IS_ERR(page)) {
		slot->failed = MVGPU_FAULT_MEMORY;
		return;
	}
	slot->page = page;
	slot->looked = true;
}

/* Is the page behind entry @index to be pinned, and does it map @entry? */
static bool mvgpu_access_wants(struct mvgpu_access *access, u32 index,
			       u64 entry)
{
	struct mvgpu_slot *slot;
	unsigned int i;

	for (i = 0; i < access->usable; i++) {
		slot = &access->slots[i];
		if (slot->index == index)
			return slot->entry == entry && !slot->page &&
			       !slot->failed;
	}

	return false;
}

/* Both slots of a page that is read and written learn of it. */
static void mvgpu_access_pinned(struct mvgpu_access *access, u32 first,
				unsigned int nr, u32 failed)
{
	struct mvgpu_slot *slot;
	unsigned int i;

	for (i = 0; i < access->usable; i++) {
		slot = &access->slots[i];
		if (slot->index < first || slot->index - first >= nr)
			continue;
		slot->failed = failed;
		if (!failed)
			slot->page = access->pages[slot->index - first];
	}
}

/* All of the pages, or the first alone, or none and why: 0 or -errno. */
static int mvgpu_access_pin_some(struct mvgpu_device *dev, u64 entry,
				 unsigned int *nr)
{
	int prot = IOMMU_READ | (entry & MVGPU_GTT_WRITE ? IOMMU_WRITE : 0);
	struct page **pages = dev->worker.access->pages;
	u64 iova = entry & MVGPU_GTT_ADDRESS;
	int ret;

	ret = vfio_pin_pages(&dev->vdev, iova, *nr, prot, pages);
	if (ret < 0 && *nr > 1) {
		*nr = 1;
		ret = vfio_pin_pages(&dev->vdev, iova, 1, prot, pages);
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

/* Pin the page of a slot and its neighbours. False: look again first. */
static bool mvgpu_access_pin(struct mvgpu_device *dev,
			     const struct mvgpu_slot *slot, u64 epoch)
{
	struct mvgpu_access *access = dev->worker.access;
	u64 entry = slot->entry;
	u32 first = slot->index;
	unsigned int nr = 1;
	int ret;

	while (nr < MVGPU_CHUNK_PAGES &&
	       mvgpu_access_wants(access, first + nr,
				  entry + (u64)nr * MVGPU_PAGE_SIZE))
		nr++;

	ret = mvgpu_access_pin_some(dev, entry, &nr);
	if (ret) {
		mvgpu_access_pinned(access, first, nr, ret == -ENOMEM ?
				    MVGPU_FAULT_MEMLOCK : MVGPU_FAULT_IOVA);
		return true;
	}
	if (mvgpu_gtt_adopt(&dev->gtt, first, nr, access->pages, epoch)) {
		mvgpu_access_pinned(access, first, nr, MVGPU_FAULT_NONE);
		return true;
	}
	trace_mvgpu_unpin(dev->vdev.dev, entry & MVGPU_GTT_ADDRESS, nr);
	vfio_unpin_pages(&dev->vdev, entry & MVGPU_GTT_ADDRESS, nr);

	return false;
}

static void mvgpu_access_obtain(struct mvgpu_device *dev, u64 epoch)
{
	struct mvgpu_access *access = dev->worker.access;
	struct mvgpu_slot *slot;
	unsigned int i;

	for (i = 0; i < access->usable; i++) {
		slot = &access->slots[i];
		if (slot->failed)
			return;
		if (slot->entry & MVGPU_GTT_VRAM) {
			if (!slot->looked)
				mvgpu_access_get_vram(dev, slot);
		} else if (dev->dirty && !slot->page) {
			if (!mvgpu_access_pin(dev, slot, epoch))
				return;
		}
	}
}

static void mvgpu_access_release(struct mvgpu_access *access)
{
	unsigned int i;

	for (i = 0; i < access->nr; i++)
		mvgpu_access_forget(&access->slots[i]);
}

/**
 * mvgpu_access_begin - get the pages that were named; the chunk begins
 * @dev: the device
 *
 * Pages from the first that faults on are not there: mvgpu_access_map() says
 * so when the chunk comes to them.
 *
 * Return: 0; end the chunk. Or -EAGAIN if entries did not hold still.
 */
int mvgpu_access_begin(struct mvgpu_device *dev)
{
	struct mvgpu_gtt *gtt = &dev->gtt;
	unsigned int tries;
	bool missing;
	u64 epoch;

	for (tries = 0; tries < MVGPU_ACCESS_TRIES; tries++) {
		mvgpu_gtt_lock(gtt);
		missing = mvgpu_access_look_locked(dev);
		epoch = gtt->epoch;
		if (!missing)
			WRITE_ONCE(gtt->busy, true);
		mutex_unlock(&gtt->lock);
		if (!missing)
			return 0;
		mvgpu_access_obtain(dev, epoch);
	}
	mvgpu_access_release(dev->worker.access);

	return -EAGAIN;
}

/* A range of VRAM or guest memory that was written. */
struct mvgpu_written {
	bool vram;
	u64 start;
	u64 len;
};

static void mvgpu_access_mark(struct mvgpu_device *dev,
			      const struct mvgpu_written *written)
{
	if (!written->len)
		return;
	if (written->vram)
		mvgpu_vram_written(dev->vram, written->start, written->len,
				   false);
	else
		/* fails only where the VMM has just unmapped: nobody asks */
		vfio_dirty_mark(dev->dirty, written->start, written->len);
}

/*
 * Neighbours are marked together. Within a page all from the first to the last
 * byte counts as written, which is the same to whoever counts pages.
 */
static void mvgpu_access_mark_all(struct mvgpu_device *dev)
{
	struct mvgpu_access *access = dev->worker.access;
	struct mvgpu_written written = {}, next;
	struct mvgpu_slot *slot;
	unsigned int i;

	for (i = 0; i < access->usable; i++) {
		slot = &access->slots[i];
		if (!slot->end)
			continue;
		next.vram = slot->entry & MVGPU_GTT_VRAM;
		next.start = (slot->entry & MVGPU_GTT_ADDRESS) + slot->first;
		next.len = slot->end - slot->first;
		if (written.len && next.vram == written.vram &&
		    next.start == written.start + written.len) {
			written.len += next.len;
			continue;
		}
		mvgpu_access_mark(dev, &written);
		written = next;
	}
	mvgpu_access_mark(dev, &written);
}

/**
 * mvgpu_access_end - what was written is marked; the chunk ends
 * @dev: the device
 */
void mvgpu_access_end(struct mvgpu_device *dev)
{
	mvgpu_access_mark_all(dev);
	mvgpu_gtt_chunk_end(&dev->gtt);
	mvgpu_access_release(dev->worker.access);
}

static u32 mvgpu_access_rw(struct mvgpu_device *dev,
			   struct mvgpu_window *window)
{
	u64 iova = (window->slot->entry & MVGPU_GTT_ADDRESS) + window->offset;
	int ret;

	ret = vfio_dma_rw(&dev->vdev, iova, window->data, window->len,
			  window->slot->write);

	return ret ? MVGPU_FAULT_IOVA : MVGPU_FAULT_NONE;
}

/**
 * mvgpu_access_map - make bytes of a page accessible
 * @dev: the device; between mvgpu_access_begin() and mvgpu_access_end()
 * @address: GPU address of the first; its page was named
 * @len: bytes, all in that page
 * @write: they are all written, else read; at most one window of each kind
 * @window: filled in; undo in reverse order with mvgpu_access_unmap()
 *
 * Return: enum mvgpu_fault.
 */
u32 mvgpu_access_map(struct mvgpu_device *dev, u64 address, u32 len,
		     bool write, struct mvgpu_window *window)
{
	struct mvgpu_access *access = dev->worker.access;
	struct mvgpu_slot *slot;
	struct page *page;

	slot = mvgpu_access_find(access, address / MVGPU_PAGE_SIZE, write);
	if (WARN_ON_ONCE(!slot))
		return MVGPU_FAULT_UNBOUND;
	if (slot >= access->slots + access->usable)
		return access->slots[access->usable].fault;

	window->slot = slot;
	window->offset = address % MVGPU_PAGE_SIZE;
	window->len = len;
	window->mapped = dev->dirty || (slot->entry & MVGPU_GTT_VRAM);
	if (window->mapped) {
		page = slot->page ? slot->page : ZERO_PAGE(0);
		window->data = kmap_local_page(page) + window->offset;
		return MVGPU_FAULT_NONE;
	}
	window->data = access->bounce[write];

	return write ? MVGPU_FAULT_NONE : mvgpu_access_rw(dev, window);
}

/**
 * mvgpu_access_unmap - done with bytes of a page
 * @dev: the device
 * @window: from mvgpu_access_map()
 *
 * Return: enum mvgpu_fault; bytes that bounce may turn out not to be
 * writable only now.
 */
u32 mvgpu_access_unmap(struct mvgpu_device *dev, struct mvgpu_window *window)
{
	struct mvgpu_slot *slot = window->slot;
	u32 end = window->offset + window->len;

	if (!window->mapped)
		return slot->write ? mvgpu_access_rw(dev, window) :
				     MVGPU_FAULT_NONE;

	kunmap_local(window->data);
	if (slot->write) {
		slot->first = slot->end ? min(slot->first, window->offset) :
					  window->offset;
		slot->end = max(slot->end, end);
	}

	return MVGPU_FAULT_NONE;
}
