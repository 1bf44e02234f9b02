// SPDX-License-Identifier: GPL-2.0
/*
 * Device memory: an array of pages, handed out one by one at the first write
 * and freed when the device is reset or was closed and the last mapping is
 * gone. A page that does not exist reads as zeros.
 *
 * While tracked, every write is noted by page: the engine and the VMM's
 * writes to the region report theirs, and mappings have no writable PTE of a
 * page that is not marked (vram_map.c). So a page is marked clean first, then
 * unmapped, then read: a write through the old PTE is in what is read, and a
 * later one faults and marks again.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/highmem.h>
#include <linux/list.h>
#include <linux/memcontrol.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/pagemap.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mvgpu_private.h"

#define MVGPU_VRAM_CHUNK_PAGES	(MDEV_MIGRATION_CHUNK_MAX >> PAGE_SHIFT)

/* 16 MiB of zeros are looked at before there is a look at something else. */
#define MVGPU_VRAM_LOOK_PAGES	4096UL

/* Pages are allocated by so many: 64 KiB, as the engine's chunks. */
#define MVGPU_VRAM_RESERVE_ORDER	4

static unsigned long mvgpu_vram_nr_pages(const struct mvgpu_vram *vram)
{
	return vram->size >> PAGE_SHIFT;
}

/*
 * Pages that the device's queues touch first are the opener's too. Nobody is
 * killed for what the engine finds no memory for: its queue faults. Nor for
 * what is taken in advance.
 */
static struct page *mvgpu_vram_alloc_pages(struct mvgpu_vram *vram,
					   unsigned int order)
{
	gfp_t gfp = GFP_HIGHUSER | __GFP_ZERO | __GFP_ACCOUNT;
	struct mem_cgroup *old = set_active_memcg(vram->memcg);
	struct page *page;

	if (order)
		gfp |= __GFP_NORETRY | __GFP_NOWARN;
	else if (current->flags & PF_KTHREAD)
		gfp |= __GFP_RETRY_MAYFAIL | __GFP_NOWARN;
	page = alloc_pages(gfp, order);
	set_active_memcg(old);
	if (page && order)
		split_page(page, order);

	return page;
}

static void mvgpu_vram_free_pages(struct page *page, unsigned int nr)
{
	while (nr--)
		put_page(page++);
}

/* Get pages to hand out. What is touched in a row then goes together in memory. */
static int mvgpu_vram_refill(struct mvgpu_vram *vram)
{
	unsigned int nr = 1 << MVGPU_VRAM_RESERVE_ORDER;
	struct page *page;

	page = mvgpu_vram_alloc_pages(vram, MVGPU_VRAM_RESERVE_ORDER);
	if (!page) {
		nr = 1;
		page = mvgpu_vram_alloc_pages(vram, 0);
	}
	if (!page)
		return -ENOMEM;

	mutex_lock(&vram->lock);
	if (!vram->nr_reserved) {
		swap(vram->reserve, page);
		swap(vram->nr_reserved, nr);
	}
	mutex_unlock(&vram->lock);
	/* another one was faster */
	mvgpu_vram_free_pages(page, nr);

	return 0;
}

static int mvgpu_vram_alloc_arrays(struct mvgpu_vram *vram)
{
	unsigned long nr = mvgpu_vram_nr_pages(vram);

	vram->pages = kvcalloc(nr, sizeof(*vram->pages), GFP_KERNEL_ACCOUNT);
	if (!vram->pages)
		return -ENOMEM;

	vram->dirty = kvcalloc(BITS_TO_LONGS(nr), sizeof(*vram->dirty),
			       GFP_KERNEL_ACCOUNT);
	return vram->dirty ? 0 : -ENOMEM;
}

/**
 * mvgpu_vram_create - make empty VRAM for an open of a device
 * @size: bytes, whole pages
 * @mig: told of the VMM's writes
 *
 * All that is allocated later is charged to the caller's memory cgroup.
 *
 * Return: the VRAM with one reference, or an error pointer.
 */
struct mvgpu_vram *mvgpu_vram_create(u64 size, struct mdev_migration *mig)
{
	struct mvgpu_vram *vram;
	int ret;

	vram = kzalloc(sizeof(*vram), GFP_KERNEL_ACCOUNT);
	if (!vram)
		return ERR_PTR(-ENOMEM);

	kref_init(&vram->ref);
	mutex_init(&vram->lock);
	vram->size = size;
	vram->mig = mig;

	ret = mvgpu_vram_alloc_arrays(vram);
	if (ret)
		goto err_arrays;

	vram->file = mvgpu_vram_map_file();
	if (IS_ERR(vram->file)) {
		ret = PTR_ERR(vram->file);
		goto err_arrays;
	}

	vram->memcg = get_mem_cgroup_from_mm(current->mm);
	return vram;

err_arrays:
	kvfree(vram->dirty);
	kvfree(vram->pages);
	kfree(vram);
	return ERR_PTR(ret);
}

/* Nothing is mapped any more: each mapping held a reference. */
static void mvgpu_vram_release(struct kref *ref)
{
	struct mvgpu_vram *vram = container_of(ref, struct mvgpu_vram, ref);
	unsigned long nr = mvgpu_vram_nr_pages(vram);
	unsigned long i;

	for (i = 0; i < nr; i++) {
		if (vram->pages[i])
			put_page(vram->pages[i]);
		cond_resched();
	}
	mvgpu_vram_free_pages(vram->reserve, vram->nr_reserved);

	fput(vram->file);
	mem_cgroup_put(vram->memcg);
	mutex_destroy(&vram->lock);
	kvfree(vram->dirty);
	kvfree(vram->pages);
	kfree(vram);
}

/**
 * mvgpu_vram_get - take a reference
 * @vram: the VRAM
 */
void mvgpu_vram_get(struct mvgpu_vram *vram)
{
	kref_get(&vram->ref);
}

/**
 * mvgpu_vram_put - drop a reference
 * @vram: the VRAM; freed with its pages when this was the last
 */
void mvgpu_vram_put(struct mvgpu_vram *vram)
{
	kref_put(&vram->ref, mvgpu_vram_release);
}

static struct page *mvgpu_vram_lookup(struct mvgpu_vram *vram,
				      unsigned long index)
{
	struct page *page;

	mutex_lock(&vram->lock);
	page = vram->pages[index];
	if (page)
		get_page(page);
	mutex_unlock(&vram->lock);

	return page;
}

/**
 * mvgpu_vram_page - find a page
 * @vram: the VRAM
 * @offset: any byte of the page, within VRAM
 * @alloc: allocate it if it does not exist
 *
 * Return: the page with a reference; NULL if it does not exist and @alloc is
 * false; -ENOMEM as an error pointer.
 */
struct page *mvgpu_vram_page(struct mvgpu_vram *vram, u64 offset, bool alloc)
{
	unsigned long index = offset >> PAGE_SHIFT;
	struct page *page;
	int ret;

	page = mvgpu_vram_lookup(vram, index);
	if (page || !alloc)
		return page;

	mutex_lock(&vram->lock);
	while (!vram->pages[index] && !vram->nr_reserved) {
		mutex_unlock(&vram->lock);
		ret = mvgpu_vram_refill(vram);
		if (ret)
			return ERR_PTR(ret);
		mutex_lock(&vram->lock);
	}
	if (!vram->pages[index]) {
		vram->nr_reserved--;
		vram->nr_allocated++;
		/* zeroed before the worker finds it, who takes no lock */
		smp_store_release(&vram->pages[index], vram->reserve++);
	}
	page = vram->pages[index];
	get_page(page);
	mutex_unlock(&vram->lock);

	return page;
}

/**
 * mvgpu_vram_allocate - make pages exist
 * @vram: the VRAM
 * @offset: of the first, within VRAM
 * @nr: how many, all within VRAM
 *
 * Return: how many of them exist now, before the first that the host has no
 * memory for.
 */
u32 mvgpu_vram_allocate(struct mvgpu_vram *vram, u64 offset, u32 nr)
{
	struct page *page;
	u32 done;

	for (done = 0; done < nr; done++) {
		page = mvgpu_vram_page(vram, offset + (u64)done * PAGE_SIZE,
				       true);
		if (IS_ERR(page))
			break;
		put_page(page);
	}

	return done;
}

/**
 * mvgpu_vram_mark_locked - note that a page is or was written
 * @vram: the VRAM, its lock held
 * @index: number of the page
 */
void mvgpu_vram_mark_locked(struct mvgpu_vram *vram, unsigned long index)
{
	lockdep_assert_held(&vram->lock);

	if (!vram->tracked || __test_and_set_bit(index, vram->dirty))
		return;
	if (!vram->nr_dirty++)
		mdev_migration_dirtied(vram->mig);
}

/**
 * mvgpu_vram_written - note a write that did not go through a mapping
 * @vram: the VRAM
 * @offset: first byte written
 * @len: bytes written, at least 1
 * @by_vmm: the VMM did it, so that a context being read is outdated
 *
 * Call after the write.
 */
void mvgpu_vram_written(struct mvgpu_vram *vram, u64 offset, u64 len,
			bool by_vmm)
{
	unsigned long last = (offset + len - 1) >> PAGE_SHIFT;
	unsigned long index;
	bool tracked;

	/* the write, then the look; mvgpu_vram_track_start() has the other pair */
	smp_mb();
	if (!READ_ONCE(vram->tracked))
		return;

	mutex_lock(&vram->lock);
	tracked = vram->tracked;
	for (index = offset >> PAGE_SHIFT; tracked && index <= last; index++)
		mvgpu_vram_mark_locked(vram, index);
	mutex_unlock(&vram->lock);

	if (by_vmm && tracked)
		mdev_migration_touch(vram->mig);
}

/**
 * mvgpu_vram_clear - make all of VRAM read as zeros
 * @vram: the VRAM
 *
 * The device is stopped; mappings stay usable.
 */
void mvgpu_vram_clear(struct mvgpu_vram *vram)
{
	unsigned long nr = mvgpu_vram_nr_pages(vram);
	struct page *page, *next;
	unsigned long i;
	LIST_HEAD(old);

	mutex_lock(&vram->lock);
	for (i = 0; vram->nr_allocated && i < nr; i++) {
		page = vram->pages[i];
		if (!page)
			continue;
		mvgpu_vram_mark_locked(vram, i);
		vram->pages[i] = NULL;
		vram->nr_allocated--;
		list_add_tail(&page->lru, &old);
		cond_resched();
	}
	mutex_unlock(&vram->lock);

	if (list_empty(&old))
		return;

	/*
	 * A fault handler holds a page's lock while it looks for it above and
	 * maps it: it did both before the pages were detached, and is undone
	 * here, or sees the new state.
	 */
	list_for_each_entry(page, &old, lru) {
		folio_wait_locked(page_folio(page));
		cond_resched();
	}
	mvgpu_vram_map_zap(vram, 0, vram->size);

	list_for_each_entry_safe(page, next, &old, lru) {
		list_del(&page->lru);
		put_page(page);
		cond_resched();
	}
}

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
	mvgpu_vram_map_cut(vram, 0, vram->size);
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
		mvgpu_vram_map_cut(vram, (u64)first << PAGE_SHIFT,
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

	mvgpu_vram_map_cut(vram, (u64)first << PAGE_SHIFT,
			   (u64)(end - first) << PAGE_SHIFT);
	*index = first;
	return end - first;
}

static bool mvgpu_vram_holds_data(struct mvgpu_vram *vram, unsigned long index)
{
	struct page *page = mvgpu_vram_lookup(vram, index);
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

	while (first < stop && !mvgpu_vram_holds_data(vram, first)) {
		first++;
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

static void mvgpu_vram_read_piece(struct mvgpu_vram *vram, u64 offset,
				  void *data, u32 len)
{
	struct page *page = mvgpu_vram_page(vram, offset, false);

	if (!page) {
		memset(data, 0, len);
		return;
	}

	memcpy_from_page(data, page, offset_in_page(offset), len);
	put_page(page);
}

/**
 * mvgpu_vram_read - copy out of VRAM
 * @vram: the VRAM
 * @offset: first byte
 * @data: where to
 * @len: bytes; all are within VRAM
 *
 * Return: 0.
 */
int mvgpu_vram_read(struct mvgpu_vram *vram, u64 offset, void *data, u32 len)
{
	while (len) {
		u32 piece = min_t(u32, len, PAGE_SIZE - offset_in_page(offset));

		mvgpu_vram_read_piece(vram, offset, data, piece);
		offset += piece;
		data += piece;
		len -= piece;
	}
	return 0;
}

static int mvgpu_vram_write_piece(struct mvgpu_vram *vram, u64 offset,
				  const void *data, u32 len)
{
	/* Zeros that are there already need no page. */
	bool alloc = memchr_inv(data, 0, len);
	struct page *page = mvgpu_vram_page(vram, offset, alloc);

	if (IS_ERR_OR_NULL(page))
		return PTR_ERR_OR_ZERO(page);

	memcpy_to_page(page, offset_in_page(offset), data, len);
	put_page(page);
	mvgpu_vram_written(vram, offset, len, false);
	return 0;
}

/**
 * mvgpu_vram_write - copy into VRAM
 * @vram: the VRAM
 * @offset: first byte
 * @data: what
 * @len: bytes; all are within VRAM
 *
 * Return: 0, or -ENOMEM with a part written.
 */
int mvgpu_vram_write(struct mvgpu_vram *vram, u64 offset, const void *data,
		     u32 len)
{
	int ret = 0;

	while (len && !ret) {
		u32 piece = min_t(u32, len, PAGE_SIZE - offset_in_page(offset));

		ret = mvgpu_vram_write_piece(vram, offset, data, piece);
		offset += piece;
		data += piece;
		len -= piece;
	}
	return ret;
}
