// SPDX-License-Identifier: GPL-2.0
/*
 * Pinning: what drivers hold of user memory, who pays for it, and copies that
 * need no pin.
 *
 * Each pinned page has an entry in a block of 64, made before user memory is
 * pinned, so that nothing can fail afterwards. Pinning and its opposite happen
 * without the container's lock; the mapping is kept by its users count.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "compat_mm.h"
#include "vfio_dirty_private.h"

/* How many pages are given back at a time. */
#define VFIO_DIRTY_PUT_BATCH	32

/**
 * struct vfio_dirty_block - 64 pages of a mapping, some of them pinned
 * @present: those that are pinned
 * @dirty: those pinned for writing by drivers that do not mark: they are dirty
 *	   for as long as they are pinned. An unpin does not say whose it is, so
 *	   a bit stays until the last reference goes.
 * @users: calls that are about to pin here, which keeps the block
 * @refs: how often each page is pinned
 * @pages: the pages
 */
struct vfio_dirty_block {
	u64 present;
	u64 dirty;
	unsigned int users;
	u32 refs[VFIO_DIRTY_BLOCK_PAGES];
	struct page *pages[VFIO_DIRTY_BLOCK_PAGES];
};

/**
 * struct vfio_dirty_run - a pin request's part in one mapping
 * @m: the mapping
 * @page: first page
 * @nr: how many
 * @done: how many of them are pinned
 * @write: the device may write to them
 * @sticky: they are dirty while they are pinned
 * @pages: receives the pages
 */
struct vfio_dirty_run {
	struct vfio_dirty_mapping *m;
	unsigned long page;
	unsigned long nr;
	unsigned long done;
	bool write;
	bool sticky;
	struct page **pages;
};

static struct kmem_cache *vfio_dirty_block_cache;

/**
 * vfio_dirty_pin_init - called when the module is loaded
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_dirty_pin_init(void)
{
	vfio_dirty_block_cache = kmem_cache_create("vfio_dirty_block",
						   sizeof(struct vfio_dirty_block),
						   0, SLAB_ACCOUNT, NULL);
	return vfio_dirty_block_cache ? 0 : -ENOMEM;
}

/**
 * vfio_dirty_pin_exit - called when the module is unloaded
 */
void vfio_dirty_pin_exit(void)
{
	kmem_cache_destroy(vfio_dirty_block_cache);
}

static struct vfio_dirty_block *
vfio_dirty_block_find(struct vfio_dirty_mapping *m, unsigned long page)
{
	return xa_load(&m->blocks, page >> VFIO_DIRTY_BLOCK_SHIFT);
}

static unsigned int vfio_dirty_block_slot(unsigned long page)
{
	return page % VFIO_DIRTY_BLOCK_PAGES;
}

/* Is a page pinned? */
static bool vfio_dirty_block_has(struct vfio_dirty_mapping *m,
				 unsigned long page)
{
	struct vfio_dirty_block *block = vfio_dirty_block_find(m, page);

	return block && block->present & BIT_ULL(vfio_dirty_block_slot(page));
}

static void vfio_dirty_block_trim(struct vfio_dirty_mapping *m,
				  struct vfio_dirty_block *block,
				  unsigned long index)
{
	if (block->present || block->users)
		return;

	xa_erase(&m->blocks, index);
	kmem_cache_free(vfio_dirty_block_cache, block);
}

/* Charge pages to the process that mapped them. */
static int vfio_dirty_charge(struct vfio_dirty_mapping *m, unsigned long nr)
{
	int ret;

	if (!nr)
		return 0;
	ret = mmap_write_lock_killable(m->mm);
	if (ret)
		return ret;
	ret = __account_locked_vm(m->mm, nr, true, m->task, m->lock_cap);
	mmap_write_unlock(m->mm);
	if (ret == -ENOMEM)
		pr_warn_ratelimited("cannot pin %lu pages: RLIMIT_MEMLOCK of process %d is exceeded\n",
				    nr, task_pid_nr(m->task));
	return ret;
}

/* Never fails, so that nothing stays charged. The mm may be an empty one. */
static void vfio_dirty_refund(struct vfio_dirty_mapping *m, unsigned long nr)
{
	if (!nr)
		return;
	mmap_write_lock(m->mm);
	__account_locked_vm(m->mm, nr, false, m->task, m->lock_cap);
	mmap_write_unlock(m->mm);
}

/* The zero page and its like are nobody's memory. */
static unsigned long vfio_dirty_count_charged(struct page **pages,
					      unsigned long nr)
{
	unsigned long i, charged = 0;

	for (i = 0; i < nr; i++)
		charged += !PageReserved(pages[i]);
	return charged;
}

/* Give pages back. The zero page was given back as soon as it was pinned. */
static void vfio_dirty_put_pages(struct vfio_dirty_mapping *m,
				 struct page **pages, unsigned long nr)
{
	unsigned long i;

	vfio_dirty_refund(m, vfio_dirty_count_charged(pages, nr));
	for (i = 0; i < nr; i++) {
		if (!is_zero_pfn(page_to_pfn(pages[i])))
			unpin_user_pages_dirty_lock(&pages[i], 1, m->prot &
						    IOMMU_WRITE);
		cond_resched();
	}
}

/*
 * Pin and charge pages of user memory, perhaps fewer than asked for. Whether
 * they are writable follows from the mapping, so that a page that one device
 * reads now can be written by another later.
 *
 * Nothing here waits for user space: without a way to drop mmap_lock a page
 * that userfaultfd would have to fill is an error.
 */
static long vfio_dirty_get_pages(struct vfio_dirty_mapping *m,
				 unsigned long page, unsigned long nr,
				 struct page **pages)
{
	unsigned int flags = FOLL_LONGTERM;
	unsigned long i;
	long got, ret;

	if (m->prot & IOMMU_WRITE)
		flags |= FOLL_WRITE;
	if (!mmget_not_zero(m->mm))
		return -ENODEV;
	got = mmap_read_lock_killable(m->mm);
	if (got)
		goto out;
	got = compat_pin_user_pages_remote(m->mm,
					   m->vaddr + (page << PAGE_SHIFT), nr,
					   flags, pages);
	mmap_read_unlock(m->mm);
	if (got <= 0) {
		got = got ? got : -EFAULT;
		goto out;
	}
	for (i = 0; i < got; i++) {
		if (is_zero_pfn(page_to_pfn(pages[i])))
			unpin_user_page(pages[i]);
	}
	ret = vfio_dirty_charge(m, vfio_dirty_count_charged(pages, got));
	if (ret) {
		for (i = 0; i < got; i++) {
			if (!is_zero_pfn(page_to_pfn(pages[i])))
				unpin_user_page(pages[i]);
		}
		got = ret;
	}
out:
	mmput(m->mm);
	return got;
}

static struct vfio_dirty_block *
vfio_dirty_block_make(struct vfio_dirty_mapping *m, unsigned long index)
{
	struct vfio_dirty_block *block = xa_load(&m->blocks, index);

	if (block)
		return block;
	block = kmem_cache_zalloc(vfio_dirty_block_cache, GFP_KERNEL_ACCOUNT);
	if (!block)
		return NULL;
	if (xa_insert(&m->blocks, index, block, GFP_KERNEL)) {
		kmem_cache_free(vfio_dirty_block_cache, block);
		return NULL;
	}
	return block;
}

/* Let go of the blocks from index first up to, but without, index end. */
static void vfio_dirty_pin_unreserve_locked(struct vfio_dirty_mapping *m,
					    unsigned long first,
					    unsigned long end)
{
	struct vfio_dirty_block *block;
	unsigned long i;

	for (i = first; i < end; i++) {
		block = xa_load(&m->blocks, i);
		if (WARN_ON_ONCE(!block))
			continue;
		block->users--;
		vfio_dirty_block_trim(m, block, i);
	}
}

/* Allocate all that a run needs. */
static int vfio_dirty_pin_reserve_locked(struct vfio_dirty_container *c,
					 struct vfio_dirty_run *run)
{
	unsigned long first = run->page >> VFIO_DIRTY_BLOCK_SHIFT;
	unsigned long last = (run->page + run->nr - 1) >> VFIO_DIRTY_BLOCK_SHIFT;
	struct vfio_dirty_block *block;
	unsigned long i;
	int ret;

	for (i = first; i <= last; i++) {
		block = vfio_dirty_block_make(run->m, i);
		if (!block) {
			ret = -ENOMEM;
			goto err_blocks;
		}
		block->users++;
	}
	if (!run->write)
		return 0;
	ret = vfio_dirty_leaves_reserve_locked(c, run->m, run->page, run->nr);
	if (ret)
		goto err_blocks;
	return 0;

err_blocks:
	vfio_dirty_pin_unreserve_locked(run->m, first, i);
	return ret;
}

/* One more reference to a page that is pinned. */
static int vfio_dirty_pin_again_locked(struct vfio_dirty_run *run)
{
	unsigned long page = run->page + run->done;
	unsigned int slot = vfio_dirty_block_slot(page);
	struct vfio_dirty_block *block = vfio_dirty_block_find(run->m, page);

	if (block->refs[slot] == U32_MAX)
		return -EOVERFLOW;
	block->refs[slot]++;
	if (run->sticky)
		block->dirty |= BIT_ULL(slot);
	run->pages[run->done] = block->pages[slot];
	run->done++;
	return 0;
}

/* Enter a page that is now pinned. */
static void vfio_dirty_pin_enter_locked(struct vfio_dirty_run *run)
{
	unsigned long page = run->page + run->done;
	unsigned int slot = vfio_dirty_block_slot(page);
	struct vfio_dirty_block *block = vfio_dirty_block_find(run->m, page);

	block->present |= BIT_ULL(slot);
	if (run->sticky)
		block->dirty |= BIT_ULL(slot);
	block->refs[slot] = 1;
	block->pages[slot] = run->pages[run->done];
	WRITE_ONCE(run->m->pinned, run->m->pinned + 1);
	run->done++;
}

/* Pin the next pages that are not pinned yet, without the lock meanwhile. */
static int vfio_dirty_pin_new_locked(struct vfio_dirty_container *c,
				     struct vfio_dirty_run *run)
{
	unsigned long page = run->page + run->done, begin = run->done;
	struct vfio_dirty_mapping *m = run->m;
	unsigned long nr = 1;
	long got;

	while (begin + nr < run->nr && !vfio_dirty_block_has(m, page + nr))
		nr++;

	mutex_unlock(&c->lock);
	got = vfio_dirty_get_pages(m, page, nr, run->pages + begin);
	cond_resched();
	mutex_lock(&c->lock);
	if (got < 0)
		return got;

	/* Others may have pinned some of them meanwhile: theirs count. */
	while (!m->gone && run->done < begin + got &&
	       !vfio_dirty_block_has(m, run->page + run->done))
		vfio_dirty_pin_enter_locked(run);
	if (run->done == begin + got)
		return 0;

	mutex_unlock(&c->lock);
	vfio_dirty_put_pages(m, run->pages + run->done,
			     begin + got - run->done);
	mutex_lock(&c->lock);
	return 0;
}

/* Pin a run, or as much as goes. */
static int vfio_dirty_pin_run_locked(struct vfio_dirty_container *c,
				     struct vfio_dirty_run *run)
{
	struct vfio_dirty_mapping *m = run->m;
	int ret;

	ret = vfio_dirty_pin_reserve_locked(c, run);
	if (ret)
		return ret;

	vfio_dirty_mapping_use_locked(c, m);
	while (!ret && run->done < run->nr) {
		if (m->dying || m->gone)
			ret = -EINVAL;
		else if (vfio_dirty_block_has(m, run->page + run->done))
			ret = vfio_dirty_pin_again_locked(run);
		else
			ret = vfio_dirty_pin_new_locked(c, run);
	}
	if (run->sticky && run->done)
		vfio_dirty_leaves_mark_locked(c, m, run->page, run->done);
	vfio_dirty_pin_unreserve_locked(m, run->page >> VFIO_DIRTY_BLOCK_SHIFT,
					((run->page + run->nr - 1) >>
					 VFIO_DIRTY_BLOCK_SHIFT) + 1);
	vfio_dirty_mapping_unuse_locked(c, m);
	return ret;
}

/* Find the mapping of a byte, and see whether it may be used like this. */
static struct vfio_dirty_mapping *
vfio_dirty_pin_find_locked(struct vfio_dirty_container *c, u64 iova, int prot)
{
	struct vfio_dirty_mapping *m = vfio_dirty_mapping_find_locked(c, iova);

	if (!m || m->dying)
		return ERR_PTR(-EINVAL);
	if ((m->prot & prot) != prot)
		return ERR_PTR(-EPERM);
	return m;
}

/**
 * vfio_dirty_pin_pages - pin pages for a device
 * @c: the container
 * @group: the group of the device
 * @iova: first page; need not be aligned
 * @npage: how many
 * @prot: IOMMU_READ, IOMMU_WRITE
 * @pages: receives the pages
 *
 * Return: @npage, -EINVAL if some are not mapped, -EPERM if they are mapped
 * without @prot, -ENODEV if the process that mapped them is gone, -ENOMEM,
 * -EOVERFLOW, -EINTR, or what pin_user_pages_remote() says.
 */
int vfio_dirty_pin_pages(struct vfio_dirty_container *c,
			 struct iommu_group *group, u64 iova, int npage,
			 int prot, struct page **pages)
{
	struct vfio_dirty_client *client;
	u64 first = iova & PAGE_MASK;
	int ret = 0, done = 0;
	bool sticky;

	if (npage <= 0 || first + ((u64)npage << PAGE_SHIFT) - 1 < first)
		return -EINVAL;

	mutex_lock(&c->lock);
	client = vfio_dirty_container_client_locked(c, group);
	if (!client || !c->devices)
		ret = -EINVAL;
	else
		sticky = prot & IOMMU_WRITE && !client->marks;
	while (!ret && done < npage) {
		struct vfio_dirty_run run = {
			.write = prot & IOMMU_WRITE,
			.sticky = sticky,
			.pages = pages + done,
		};

		iova = first + ((u64)done << PAGE_SHIFT);
		run.m = vfio_dirty_pin_find_locked(c, iova, prot);
		if (IS_ERR(run.m)) {
			ret = PTR_ERR(run.m);
			break;
		}
		run.page = (iova - run.m->iova) >> PAGE_SHIFT;
		run.nr = min_t(u64, npage - done,
			       ((run.m->last - iova) >> PAGE_SHIFT) + 1);
		ret = vfio_dirty_pin_run_locked(c, &run);
		done += run.done;
	}
	mutex_unlock(&c->lock);
	if (!ret)
		return npage;

	if (done)
		vfio_dirty_pin_release(c, first, done);
	return ret;
}

/*
 * Drop a reference to each of some pages, of which those whose last it was are
 * for the caller to give back.
 */
static unsigned int vfio_dirty_unpin_locked(struct vfio_dirty_container *c,
					    struct vfio_dirty_mapping *m,
					    unsigned long page,
					    unsigned long nr,
					    struct page **pages)
{
	struct vfio_dirty_block *block;
	unsigned long end = page + nr;
	unsigned int put = 0;

	for (; page < end; page++) {
		unsigned int slot = vfio_dirty_block_slot(page);

		block = vfio_dirty_block_find(m, page);
		if (!block || !(block->present & BIT_ULL(slot)))
			continue;
		if (--block->refs[slot])
			continue;
		/* The device may have written since the last query. */
		if (block->dirty & BIT_ULL(slot))
			vfio_dirty_leaves_mark_locked(c, m, page, 1);
		pages[put++] = block->pages[slot];
		block->present &= ~BIT_ULL(slot);
		block->dirty &= ~BIT_ULL(slot);
		WRITE_ONCE(m->pinned, m->pinned - 1);
		vfio_dirty_block_trim(m, block, page >> VFIO_DIRTY_BLOCK_SHIFT);
	}
	return put;
}

/**
 * vfio_dirty_pin_release - undo vfio_dirty_pin_pages()
 * @c: the container
 * @iova: first page
 * @npage: how many
 *
 * A page that is mapped but not pinned is left alone.
 */
void vfio_dirty_pin_release(struct vfio_dirty_container *c, u64 iova,
			    int npage)
{
	struct page *pages[VFIO_DIRTY_PUT_BATCH];
	struct vfio_dirty_mapping *m;
	unsigned long nr;
	unsigned int put;

	mutex_lock(&c->lock);
	while (npage > 0) {
		m = vfio_dirty_mapping_find_locked(c, iova);
		if (!m)
			break;
		nr = min_t(u64, min(npage, VFIO_DIRTY_PUT_BATCH),
			   ((m->last - iova) >> PAGE_SHIFT) + 1);
		put = vfio_dirty_unpin_locked(c, m, (iova - m->iova) >>
					      PAGE_SHIFT, nr, pages);
		if (put) {
			vfio_dirty_mapping_use_locked(c, m);
			mutex_unlock(&c->lock);
			vfio_dirty_put_pages(m, pages, put);
			mutex_lock(&c->lock);
			vfio_dirty_mapping_unuse_locked(c, m);
		}
		iova += (u64)nr << PAGE_SHIFT;
		npage -= nr;
	}
	mutex_unlock(&c->lock);
	if (npage > 0)
		pr_warn_ratelimited("a driver unpins %#llx, which is not mapped\n",
				    iova);
}

/**
 * vfio_dirty_pin_read_locked - add pages that are dirty because pinned
 * @c: the container
 * @m: the mapping
 * @page: first page
 * @nr: how many
 * @bits: a map
 * @to: first bit in @bits
 */
void vfio_dirty_pin_read_locked(struct vfio_dirty_container *c,
				struct vfio_dirty_mapping *m,
				unsigned long page, unsigned long nr,
				u64 *bits, unsigned long to)
{
	struct vfio_dirty_block *block;
	unsigned long i;

	lockdep_assert_held(&c->lock);
	if (!m->pinned)
		return;
	xa_for_each_range(&m->blocks, i, block, page >> VFIO_DIRTY_BLOCK_SHIFT,
			  (page + nr - 1) >> VFIO_DIRTY_BLOCK_SHIFT) {
		unsigned long begin = i << VFIO_DIRTY_BLOCK_SHIFT;
		unsigned long from = max(begin, page);
		unsigned long end = min(begin + VFIO_DIRTY_BLOCK_PAGES,
					page + nr);

		if (block->dirty)
			vfio_dirty_bits_or(bits, to + from - page,
					   &block->dirty, from - begin,
					   end - from);
	}
}

/**
 * vfio_dirty_pin_drop_locked - give back what drivers left pinned
 * @c: the container; no device of it is open
 * @m: the mapping
 */
void vfio_dirty_pin_drop_locked(struct vfio_dirty_container *c,
				struct vfio_dirty_mapping *m)
{
	struct vfio_dirty_block *block;
	struct page *page;
	unsigned long i;
	unsigned int slot;

	lockdep_assert_held(&c->lock);
	if (m->pinned)
		pr_warn_ratelimited("drivers left %lu pages pinned at %#llx\n",
				    m->pinned, m->iova);
	xa_for_each(&m->blocks, i, block) {
		block->users++;
		for (slot = 0; slot < VFIO_DIRTY_BLOCK_PAGES; slot++) {
			if (!(block->present & BIT_ULL(slot)))
				continue;
			block->refs[slot] = 1;
			vfio_dirty_unpin_locked(c, m, (i <<
						VFIO_DIRTY_BLOCK_SHIFT) + slot,
						1, &page);
			vfio_dirty_put_pages(m, &page, 1);
		}
		block->users--;
		vfio_dirty_block_trim(m, block, i);
	}
}
