// SPDX-License-Identifier: GPL-2.0
/*
 * Which pages of VRAM were written, and which have to travel.
 *
 * While tracked, every write is noted by page: the engine and the VMM's
 * writes to the region report theirs, and mappings have no writable PTE of a
 * page that is not marked (vram_map.c). So a page is marked clean first, then
 * unmapped, then read: a write through the old PTE is in what is read, and a
 * later one faults and marks again.
 */
#include <linux/bitmap.h>
#include <linux/highmem.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "mvgpu_private.h"

#define MVGPU_VRAM_CHUNK_PAGES	(MDEV_MIGRATION_CHUNK_MAX >> PAGE_SHIFT)

/**
 * mvgpu_vram_track_start - note writes from now on
 * @vram: the VRAM; all of it counts as clean
 *
 * Return: 0.
 */
int mvgpu_vram_track_start(struct mvgpu_vram *vram)
{
	mutex_lock(&vram->lock);
	bitmap_zero(vram->dirty, mvgpu_vram_nr_pages(vram));
	vram->nr_dirty = 0;
	WRITE_ONCE(vram->tracked, true);
	mutex_unlock(&vram->lock);
	/* a write that missed this is in what is read from now on */
	smp_mb();

	/* Writable PTEs of before would write unseen. */
	mvgpu_vram_cut(vram, 0, vram->size);
	return 0;
}

/**
 * mvgpu_vram_track_stop - note writes no more
 * @vram: the VRAM
 */
void mvgpu_vram_track_stop(struct mvgpu_vram *vram)
{
	mutex_lock(&vram->lock);
	WRITE_ONCE(vram->tracked, false);
	vram->nr_dirty = 0;
	mutex_unlock(&vram->lock);
}

/**
 * mvgpu_vram_dirty_bytes - how much was written since the last look
 * @vram: the VRAM
 *
 * Return: bytes, whole pages; 0 unless tracked.
 */
u64 mvgpu_vram_dirty_bytes(struct mvgpu_vram *vram)
{
	u64 bytes;

	mutex_lock(&vram->lock);
	bytes = (u64)vram->nr_dirty << PAGE_SHIFT;
	mutex_unlock(&vram->lock);

	return bytes;
}

/**
 * mvgpu_vram_data_bytes - how much of VRAM may hold data
 * @vram: the VRAM
 * @offset: from here on, whole pages
 *
 * Return: bytes of pages that exist.
 */
u64 mvgpu_vram_data_bytes(struct mvgpu_vram *vram, u64 offset)
{
	unsigned long nr = mvgpu_vram_nr_pages(vram);
	unsigned long index = offset >> PAGE_SHIFT;
	u64 pages = 0;

	mutex_lock(&vram->lock);
	if (!index)
		pages = vram->nr_allocated;
	else
		for (; index < nr; index++) {
			pages += !!vram->pages[index];
			if (!(index % MVGPU_VRAM_LOOK_PAGES))
				cond_resched();
		}
	mutex_unlock(&vram->lock);

	return pages << PAGE_SHIFT;
}

/* What is sent now need not be sent again for having been written before. */
static void mvgpu_vram_clean(struct mvgpu_vram *vram, unsigned long first,
			     unsigned long nr)
{
	unsigned long dirty = 0, i;

	mutex_lock(&vram->lock);
	for (i = first; vram->nr_dirty && i < first + nr; i++)
		dirty += __test_and_clear_bit(i, vram->dirty);
	vram->nr_dirty -= dirty;
	mutex_unlock(&vram->lock);

	if (dirty)
		mvgpu_vram_cut(vram, (u64)first << PAGE_SHIFT,
			       (u64)nr << PAGE_SHIFT);
}

/* Find the next run of dirty pages, make them clean and cut their mappings. */
static unsigned long mvgpu_vram_take_dirty(struct mvgpu_vram *vram,
					   unsigned long *index)
{
	unsigned long nr = mvgpu_vram_nr_pages(vram);
	unsigned long first, end = 0;

	mutex_lock(&vram->lock);
	first = vram->nr_dirty ? find_next_bit(vram->dirty, nr, *index) : nr;
	if (first < nr) {
		end = min(nr, first + MVGPU_VRAM_CHUNK_PAGES);
		end = find_next_zero_bit(vram->dirty, end, first);
		bitmap_clear(vram->dirty, first, end - first);
		vram->nr_dirty -= end - first;
	}
	mutex_unlock(&vram->lock);

	if (first >= nr) {
		*index = nr;
		return 0;
	}

	mvgpu_vram_cut(vram, (u64)first << PAGE_SHIFT,
		       (u64)(end - first) << PAGE_SHIFT);
	*index = first;
	return end - first;
}

static bool mvgpu_vram_holds_data(struct mvgpu_vram *vram, unsigned long index)
{
	struct page *page = mvgpu_vram_page(vram, (u64)index << PAGE_SHIFT,
					    false);
	void *data;
	bool holds;

	if (!page)
		return false;

	data = kmap_local_page(page);
	holds = memchr_inv(data, 0, PAGE_SIZE);
	kunmap_local(data);
	put_page(page);
	return holds;
}

/*
 * Find the next run of pages that hold anything but zeros: how many they are, or
 * 0 if there is none before the index, which is that of the end or where to go on.
 */
static unsigned long mvgpu_vram_find_data(struct mvgpu_vram *vram,
					  unsigned long *index)
{
	unsigned long nr = mvgpu_vram_nr_pages(vram);
	unsigned long first = *index, end;
	unsigned long stop = min(nr, first + MVGPU_VRAM_LOOK_PAGES);

	first = mvgpu_vram_find(vram, first, stop);
	while (first < stop && !mvgpu_vram_holds_data(vram, first)) {
		first = mvgpu_vram_find(vram, first + 1, stop);
		cond_resched();
	}
	*index = first;
	if (first >= stop)
		return 0;

	nr = min(nr, first + MVGPU_VRAM_CHUNK_PAGES);
	for (end = first + 1; end < nr; end++)
		if (!mvgpu_vram_holds_data(vram, end))
			break;
	mvgpu_vram_clean(vram, first, end - first);
	return end - first;
}

/**
 * mvgpu_vram_next_chunk - find memory that has to travel
 * @vram: the VRAM
 * @dirty: look for what was written, else for what does not read as zeros
 * @offset: where to begin to look, whole pages; where it is
 * @len: its bytes, whole pages, at most MDEV_MIGRATION_CHUNK_MAX; 0 if there
 *	is none before @offset, where to look on
 *
 * Return: false if there is none at all.
 */
bool mvgpu_vram_next_chunk(struct mvgpu_vram *vram, bool dirty, u64 *offset,
			   u32 *len)
{
	unsigned long index = *offset >> PAGE_SHIFT;
	unsigned long nr;

	if (dirty)
		nr = mvgpu_vram_take_dirty(vram, &index);
	else
		nr = mvgpu_vram_find_data(vram, &index);

	*offset = (u64)index << PAGE_SHIFT;
	*len = nr << PAGE_SHIFT;
	return nr || *offset < vram->size;
}
