// SPDX-License-Identifier: GPL-2.0
/*
 * Device memory: an array of pages, handed out one by one at the first write
 * and freed when the device is reset or closed. A page that does not exist
 * reads as zeros. Where it is read through a mapping, one page of zeros is
 * mapped in the place of all that do not exist, the hole; it goes from there
 * before anybody can find a page that was put there.
 *
 * Mappings may stay when the device is closed, but nothing is behind them: what
 * is left then is what it takes to tell them so.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
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

#include "compat_vhost_task.h"
#include "mvgpu_private.h"

/* Pages are allocated by so many: 64 KiB, as the engine's chunks. */
#define MVGPU_VRAM_RESERVE_ORDER	4

/* Each PTE of the hole is a reference, of which there may be INT_MAX. */
#define MVGPU_VRAM_HOLE_REFS	(INT_MAX / 2)

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
	else if (compat_in_worker())
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
	if (!vram->nr_reserved && !vram->dead) {
		swap(vram->reserve, page);
		swap(vram->nr_reserved, nr);
	}
	mutex_unlock(&vram->lock);
	/* another one was faster, or nobody is to have any more */
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
	if (!vram->dirty)
		return -ENOMEM;

	vram->holes = kvcalloc(BITS_TO_LONGS(nr), sizeof(*vram->holes),
			       GFP_KERNEL_ACCOUNT);
	return vram->holes ? 0 : -ENOMEM;
}

/* Nobody looks for a page any more, or finds none. */
static void mvgpu_vram_free(struct mvgpu_vram *vram)
{
	unsigned long nr = mvgpu_vram_nr_pages(vram);
	unsigned int nr_reserved = 0;
	struct page **pages = NULL;
	struct page *reserve = NULL, *hole;
	unsigned long *dirty = NULL;
	unsigned long *holes = NULL;
	unsigned long i;

	mutex_lock(&vram->lock);
	swap(vram->pages, pages);
	swap(vram->dirty, dirty);
	swap(vram->holes, holes);
	hole = vram->hole;
	WRITE_ONCE(vram->hole, NULL);
	swap(vram->reserve, reserve);
	swap(vram->nr_reserved, nr_reserved);
	vram->nr_allocated = 0;
	mutex_unlock(&vram->lock);

	for (i = 0; pages && i < nr; i++) {
		if (pages[i])
			put_page(pages[i]);
		cond_resched();
	}
	mvgpu_vram_free_pages(reserve, nr_reserved);
	mvgpu_vram_free_pages(hole, hole ? 1 : 0);
	kvfree(holes);
	kvfree(dirty);
	kvfree(pages);
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

	vram->file = mvgpu_vram_fs_file();
	if (IS_ERR(vram->file)) {
		ret = PTR_ERR(vram->file);
		goto err_arrays;
	}

	vram->memcg = get_mem_cgroup_from_mm(current->mm);
	return vram;

err_arrays:
	mvgpu_vram_free(vram);
	kfree(vram);
	return ERR_PTR(ret);
}

/* Nothing is mapped any more: each mapping held a reference. */
static void mvgpu_vram_release(struct kref *ref)
{
	struct mvgpu_vram *vram = container_of(ref, struct mvgpu_vram, ref);

	mvgpu_vram_free(vram);
	fput(vram->file);
	mem_cgroup_put(vram->memcg);
	mutex_destroy(&vram->lock);
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
 * @vram: the VRAM; freed when this was the last
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
	page = vram->pages ? vram->pages[index] : NULL;
	if (page)
		get_page(page);
	mutex_unlock(&vram->lock);

	return page;
}

static void mvgpu_vram_hand_out_locked(struct mvgpu_vram *vram,
				       unsigned long index)
{
	lockdep_assert_held(&vram->lock);
	vram->nr_reserved--;
	vram->nr_allocated++;
	/* zeroed before the worker finds it, who takes no lock */
	smp_store_release(&vram->pages[index], vram->reserve++);
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
 * mvgpu_vram_zap - unmap a range everywhere
 * @vram: the VRAM, its lock not held
 * @offset: first byte, page aligned
 * @len: bytes, whole pages, at least one
 *
 * The next access faults again. A fault that is being served may leave a PTE
 * behind, unless the caller has waited for the lock of its page.
 */
void mvgpu_vram_zap(struct mvgpu_vram *vram, u64 offset, u64 len)
{
	unmap_mapping_range(vram->file->f_mapping, offset, len, 1);
}

/*
 * Put a page where the hole may be mapped, if there is one in reserve. While the
 * hole is locked nobody maps it, so that nobody sees zeros any more when it has
 * gone from there.
 */
static void mvgpu_vram_fill_hole(struct mvgpu_vram *vram, unsigned long index,
				 struct page *hole)
{
	folio_lock(page_folio(hole));
	mvgpu_vram_zap(vram, (u64)index << PAGE_SHIFT, PAGE_SIZE);

	mutex_lock(&vram->lock);
	if (!vram->dead) {
		__clear_bit(index, vram->holes);
		if (!vram->pages[index] && vram->nr_reserved)
			mvgpu_vram_hand_out_locked(vram, index);
	}
	mutex_unlock(&vram->lock);
	folio_unlock(page_folio(hole));
}

/* Try to put a page where there is none: 0, also if that did not help, or -errno. */
static int mvgpu_vram_fill(struct mvgpu_vram *vram, unsigned long index)
{
	struct page *hole = NULL;
	bool reserved;

	mutex_lock(&vram->lock);
	if (vram->dead) {
		mutex_unlock(&vram->lock);
		return -ENODEV;
	}
	reserved = vram->nr_reserved;
	if (reserved && !vram->pages[index]) {
		if (test_bit(index, vram->holes)) {
			hole = vram->hole;
			get_page(hole);
		} else {
			mvgpu_vram_hand_out_locked(vram, index);
		}
	}
	mutex_unlock(&vram->lock);

	if (!reserved)
		return mvgpu_vram_refill(vram);
	if (hole) {
		mvgpu_vram_fill_hole(vram, index, hole);
		put_page(hole);
	}

	return 0;
}

/**
 * mvgpu_vram_page - find a page
 * @vram: the VRAM
 * @offset: any byte of the page, within VRAM
 * @alloc: allocate it if it does not exist
 *
 * Return: the page with a reference; NULL if it does not exist and @alloc is
 * false; as error pointers -ENOMEM, and -ENODEV once the device is closed.
 */
struct page *mvgpu_vram_page(struct mvgpu_vram *vram, u64 offset, bool alloc)
{
	unsigned long index = offset >> PAGE_SHIFT;
	struct page *page = mvgpu_vram_lookup(vram, index);
	int ret;

	while (!page && alloc) {
		ret = mvgpu_vram_fill(vram, index);
		if (ret)
			return ERR_PTR(ret);
		page = mvgpu_vram_lookup(vram, index);
	}

	return page;
}

/**
 * mvgpu_vram_find - find the next page that exists
 * @vram: the VRAM
 * @index: number of the page where to begin
 * @end: number of the page where to end
 *
 * Return: its number, or @end if there is none before.
 */
unsigned long mvgpu_vram_find(struct mvgpu_vram *vram, unsigned long index,
			      unsigned long end)
{
	mutex_lock(&vram->lock);
	if (!vram->nr_allocated)
		index = end;
	while (index < end && !vram->pages[index])
		index++;
	mutex_unlock(&vram->lock);

	return index;
}

/* Faults that looked at these pages before now have made their PTEs. */
static void mvgpu_vram_settle(struct mvgpu_vram *vram, u64 offset, u64 len)
{
	unsigned long end = (offset + len) >> PAGE_SHIFT;
	unsigned long index = offset >> PAGE_SHIFT, stop;
	struct page *page = NULL;

	mutex_lock(&vram->lock);
	if (vram->hole) {
		page = vram->hole;
		get_page(page);
	}
	mutex_unlock(&vram->lock);
	if (page) {
		folio_wait_locked(page_folio(page));
		put_page(page);
	}

	while (index < end) {
		stop = min(end, index + MVGPU_VRAM_LOOK_PAGES);
		index = mvgpu_vram_find(vram, index, stop);
		page = index < stop ?
		       mvgpu_vram_page(vram, (u64)index++ << PAGE_SHIFT, false) :
		       NULL;
		if (page) {
			folio_wait_locked(page_folio(page));
			put_page(page);
		}
		cond_resched();
	}
}

/**
 * mvgpu_vram_cut - unmap a range everywhere, for what faults now find
 * @vram: the VRAM, its lock not held since what faults look at was changed
 * @offset: first byte, page aligned
 * @len: bytes, whole pages, at least one
 *
 * No PTE is left of a fault that has not seen the change.
 */
void mvgpu_vram_cut(struct mvgpu_vram *vram, u64 offset, u64 len)
{
	mvgpu_vram_settle(vram, offset, len);
	mvgpu_vram_zap(vram, offset, len);
}

/**
 * mvgpu_vram_close - give all memory back
 * @vram: the VRAM, its device closed
 *
 * Every later access through a mapping is SIGBUS. Whoever got hold of a page, as
 * a pipe does, has it for itself until it lets go.
 */
void mvgpu_vram_close(struct mvgpu_vram *vram)
{
	mutex_lock(&vram->lock);
	WRITE_ONCE(vram->dead, true);
	mutex_unlock(&vram->lock);

	mvgpu_vram_cut(vram, 0, vram->size);
	mvgpu_vram_free(vram);
}

/**
 * mvgpu_vram_hole - the page to map where there is none
 * @vram: the VRAM
 *
 * Return: the page with a reference, never to be written; NULL if it is mapped so
 * often that its references could not be counted any more; -ENOMEM, or -ENODEV
 * once the device is closed, as error pointers.
 */
struct page *mvgpu_vram_hole(struct mvgpu_vram *vram)
{
	struct page *page = NULL, *hole;

	if (!READ_ONCE(vram->hole)) {
		page = mvgpu_vram_alloc_pages(vram, 0);
		if (!page)
			return ERR_PTR(-ENOMEM);
	}

	mutex_lock(&vram->lock);
	if (!vram->dead && !vram->hole) {
		WRITE_ONCE(vram->hole, page);
		page = NULL;
	}
	hole = vram->dead ? ERR_PTR(-ENODEV) : vram->hole;
	if (!IS_ERR(hole) && page_ref_count(hole) > MVGPU_VRAM_HOLE_REFS)
		hole = NULL;
	if (!IS_ERR_OR_NULL(hole))
		get_page(hole);
	mutex_unlock(&vram->lock);
	/* another one was faster */
	mvgpu_vram_free_pages(page, page ? 1 : 0);

	return hole;
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
	mvgpu_vram_zap(vram, 0, vram->size);

	list_for_each_entry_safe(page, next, &old, lru) {
		list_del(&page->lru);
		put_page(page);
		cond_resched();
	}
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
