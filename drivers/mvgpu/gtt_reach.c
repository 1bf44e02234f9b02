// SPDX-License-Identifier: GPL-2.0
/*
 * The GTT entries through which guest memory was reached since they were
 * written. They travel with a context, so that a target knows which pages are
 * about to be pinned, and pins them before it says yes: one whose VMM may not lock
 * so much refuses the context, and the guest goes on at the source.
 */
#include <linux/bitmap.h>
#include <linux/iommu.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/sort.h>

#include "engine_mem.h"
#include "context_wire.h"
#include "trace.h"

/*
 * So many pages may be found that cannot be pinned now, each of which may take
 * milliseconds; what is left then is the worker's, when it comes there.
 */
#define MVGPU_REACH_MISSES	16

/**
 * struct mvgpu_reach - entries that were reached, whose memory lies side by side
 * @first: index of the first
 * @nr: how many; 0 if there are none any more
 * @entry: the first
 * @epoch: of the GTT when this was seen
 */
struct mvgpu_reach {
	u32 first;
	unsigned int nr;
	u64 entry;
	u64 epoch;
};

/**
 * mvgpu_reach_save - which entries were reached
 * @dev: the device
 * @bytes: MVGPU_CONTEXT_REACHED_MAX of them; receives bit n of all for entry n
 *
 * Return: bytes up to the last that is not 0.
 */
u32 mvgpu_reach_save(struct mvgpu_device *dev, u8 *bytes)
{
	struct mvgpu_gtt *gtt = &dev->gtt;
	u32 i, len = 0;

	memset(bytes, 0, MVGPU_CONTEXT_REACHED_MAX);
	mutex_lock(&gtt->lock);
	for_each_set_bit(i, gtt->reached, MVGPU_GTT_ENTRIES) {
		bytes[i / 8] |= 1 << i % 8;
		len = i / 8 + 1;
	}
	mutex_unlock(&gtt->lock);

	return len;
}

/* Is there guest memory behind an entry? */
static bool mvgpu_reach_is_memory(u64 entry)
{
	return (entry & MVGPU_GTT_VALID) && !(entry & MVGPU_GTT_VRAM);
}

/**
 * mvgpu_reach_load - undo mvgpu_reach_save()
 * @dev: the device, stopped, with its entries loaded
 * @bytes: what was saved, and judged
 * @len: of @bytes
 *
 * The VMM may have written other entries since those were loaded.
 */
void mvgpu_reach_load(struct mvgpu_device *dev, const u8 *bytes, u32 len)
{
	struct mvgpu_gtt *gtt = &dev->gtt;
	u32 i;

	mutex_lock(&gtt->lock);
	for (i = 0; i < len * 8; i++) {
		if ((bytes[i / 8] & 1 << i % 8) &&
		    mvgpu_reach_is_memory(gtt->entries[i]))
			__set_bit(i, gtt->reached);
	}
	mutex_unlock(&gtt->lock);
}

/* The next at or after @at, @most of them. */
static void mvgpu_reach_next(struct mvgpu_gtt *gtt, u32 at, unsigned int most,
			     struct mvgpu_reach *reach)
{
	const u64 *entries = gtt->entries;
	u32 i;

	mvgpu_gtt_lock(gtt);
	at = find_next_bit(gtt->reached, MVGPU_GTT_ENTRIES, at);
	for (i = at; i < MVGPU_GTT_ENTRIES && i - at < most; i++) {
		if (!test_bit(i, gtt->reached) ||
		    WARN_ON_ONCE(!mvgpu_reach_is_memory(entries[i])) ||
		    entries[i] != entries[at] + (u64)(i - at) * MVGPU_PAGE_SIZE)
			break;
	}
	reach->first = at;
	reach->nr = i - at;
	reach->entry = reach->nr ? entries[at] : 0;
	reach->epoch = gtt->epoch;
	mvgpu_gtt_unlock(gtt);
}

/*
 * All of them or none: 0, or -errno of the pin. The state mutex is held, and close
 * waits for it: so this waits for nobody in user space.
 */
static int mvgpu_reach_pin(struct mvgpu_device *dev,
			   const struct mvgpu_reach *reach)
{
	int prot = IOMMU_READ | VFIO_DIRTY_NOWAIT |
		   (reach->entry & MVGPU_GTT_WRITE ? IOMMU_WRITE : 0);
	u64 iova = reach->entry & MVGPU_GTT_ADDRESS;
	struct page *pages[MVGPU_CHUNK_PAGES];
	int ret;

	ret = vfio_pin_pages(&dev->vdev, iova, reach->nr, prot, pages);
	trace_mvgpu_pin(dev->vdev.dev, iova, reach->nr, ret);
	dev->refused_iova = iova;
	if (ret < 0)
		return ret;
	if (mvgpu_gtt_adopt(&dev->gtt, reach->first, reach->nr, pages,
			    reach->epoch))
		return 0;
	/* the VMM has just taken memory away, or written entries */
	trace_mvgpu_unpin(dev->vdev.dev, iova, reach->nr);
	vfio_unpin_pages(&dev->vdev, iova, reach->nr);

	return 0;
}

/**
 * mvgpu_reach_pin_all - pin the memory behind all entries that were reached
 * @dev: the device, stopped, on a container that vfio_dirty serves; nothing is
 *	pinned
 *
 * What cannot be pinned for another reason than the limit, or would have to come
 * from user space, is left to the worker, which waits for it, copies it or faults
 * when a command comes to it.
 *
 * Return: 0, -ENOMEM if RLIMIT_MEMLOCK of who mapped it does not allow that, or
 * -EINTR. Whatever is pinned stays so until mvgpu_gtt_clear().
 */
int mvgpu_reach_pin_all(struct mvgpu_device *dev)
{
	unsigned int most = MVGPU_CHUNK_PAGES, misses = 0;
	struct mvgpu_reach reach;
	u32 at = 0;
	int ret;

	for (;;) {
		mvgpu_reach_next(&dev->gtt, at, most, &reach);
		if (!reach.nr || misses == MVGPU_REACH_MISSES)
			return 0;
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = mvgpu_reach_pin(dev, &reach);
		if (ret == -EINTR || (ret == -ENOMEM && reach.nr == 1))
			return ret;
		cond_resched();
		if (ret && reach.nr > 1) {
			most = ret == -EAGAIN ? 1 : reach.nr / 2;
			continue;
		}
		/* others refuse at once */
		if (ret == -EAGAIN)
			misses++;
		at = reach.first + reach.nr;
		most = min_t(unsigned int, 2 * most, MVGPU_CHUNK_PAGES);
	}
}

/* By address; those that are pinned first, of the same page. */
static int mvgpu_reach_compare(const void *a, const void *b)
{
	u64 left = *(const u64 *)a, right = *(const u64 *)b;

	return left < right ? -1 : left > right;
}

/* Pages behind entries that were reached; bit 0 is clear if it is pinned. */
static unsigned int mvgpu_reach_list(struct mvgpu_gtt *gtt, u64 *list)
{
	unsigned int nr = 0;
	u32 i;

	mutex_lock(&gtt->lock);
	for_each_set_bit(i, gtt->reached, MVGPU_GTT_ENTRIES)
		list[nr++] = (gtt->entries[i] & MVGPU_GTT_ADDRESS) |
			     (!gtt->pages[i] ||
			      gtt->pages[i] == MVGPU_GTT_COPIED);
	mutex_unlock(&gtt->lock);

	return nr;
}

/**
 * mvgpu_reach_count - count the pages that were reached
 * @dev: the device
 * @needed: receives how many there are
 * @pinned: receives how many of them are pinned
 *
 * A page counts once, however many entries map it.
 *
 * Return: 0 or -ENOMEM.
 */
int mvgpu_reach_count(struct mvgpu_device *dev, unsigned int *needed,
		      unsigned int *pinned)
{
	u64 *list, last = 0;
	unsigned int nr, i;

	list = kvmalloc_array(MVGPU_GTT_ENTRIES, sizeof(*list),
			      GFP_KERNEL_ACCOUNT);
	if (!list)
		return -ENOMEM;
	nr = mvgpu_reach_list(&dev->gtt, list);
	sort(list, nr, sizeof(*list), mvgpu_reach_compare, NULL);
	*needed = 0;
	*pinned = 0;
	for (i = 0; i < nr; i++) {
		if (i && (list[i] & MVGPU_GTT_ADDRESS) == last)
			continue;
		last = list[i] & MVGPU_GTT_ADDRESS;
		*needed += 1;
		*pinned += last == list[i];
	}
	kvfree(list);

	return 0;
}
