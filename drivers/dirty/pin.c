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

/**
 * struct vfio_dirty_block - 64 pages of a mapping, some of them pinned
 * @present: those that are pinned
 * @dirty: those pinned for writing by drivers that do not mark: they are dirty
 *	   for as long as they are pinned. An unpin does not say whose it is, so
 *	   a bit stays until the last reference goes.
 * @users: calls that are about to pin here, which keeps the block
 * @refs: how often each page is pinned, where one is
 * @pages: the pages, where one is pinned
 *
 * A block that is free has zeros in all but the last two.
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
 * @sticky: they are dirty while they are pinned
 * @pages: receives the pages
 */
struct vfio_dirty_run {
	struct vfio_dirty_mapping *m;
	unsigned long page;
	unsigned long nr;
	unsigned long done;
	bool sticky;
	struct page **pages;
};

/**
 * struct vfio_dirty_place - where a page of a mapping is kept
 * @leaf: its leaf, or NULL
 * @block: its block, or NULL
 * @slot: which page of the block it is
 */
struct vfio_dirty_place {
	struct vfio_dirty_leaf *leaf;
	struct vfio_dirty_block *block;
	unsigned int slot;
};

static struct kmem_cache *vfio_dirty_block_cache;

static void vfio_dirty_block_construct(void *block)
{
	memset(block, 0, sizeof(struct vfio_dirty_block));
}

/**
 * vfio_dirty_pin_init - called when the module is loaded
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_dirty_pin_init(void)
{
	vfio_dirty_block_cache = kmem_cache_create("vfio_dirty_block",
						   sizeof(struct vfio_dirty_block),
						   0, SLAB_ACCOUNT,
						   vfio_dirty_block_construct);
	return vfio_dirty_block_cache ? 0 : -ENOMEM;
}

/**
 * vfio_dirty_pin_exit - called when the module is unloaded
 */
void vfio_dirty_pin_exit(void)
{
	kmem_cache_destroy(vfio_dirty_block_cache);
}

/* Which block of its leaf a page is in. */
static unsigned int vfio_dirty_block_word(unsigned long page)
{
	return (page >> VFIO_DIRTY_BLOCK_SHIFT) % VFIO_DIRTY_LEAF_WORDS;
}

static struct vfio_dirty_place
vfio_dirty_place_of_locked(struct vfio_dirty_container *c,
			   struct vfio_dirty_mapping *m, unsigned long page)
{
	struct vfio_dirty_place place = {
		.leaf = vfio_dirty_leaf_find_locked(c, m, page >>
						    VFIO_DIRTY_LEAF_SHIFT),
		.slot = page % VFIO_DIRTY_BLOCK_PAGES,
	};

	if (place.leaf && place.leaf->blocks)
		place.block = place.leaf->blocks[vfio_dirty_block_word(page)];
	return place;
}

/* Is a page pinned? */
static bool vfio_dirty_pinned_locked(struct vfio_dirty_container *c,
				     struct vfio_dirty_mapping *m,
				     unsigned long page)
{
	struct vfio_dirty_place place = vfio_dirty_place_of_locked(c, m, page);

	return place.block && place.block->present & BIT_ULL(place.slot);
}

/* Free a block that nobody needs. */
static void vfio_dirty_block_trim(struct vfio_dirty_leaf *leaf,
				  unsigned int word)
{
	struct vfio_dirty_block *block = leaf->blocks[word];

	if (block->present || block->users)
		return;

	leaf->blocks[word] = NULL;
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

/* The zero page was given back as soon as it was pinned: see below. */
static void vfio_dirty_put_counted(struct page **pages, unsigned long nr,
				   bool dirty)
{
	unsigned long i, put = 0;

	for (i = 0; i < nr; i++) {
		if (!is_zero_pfn(page_to_pfn(pages[i])))
			pages[put++] = pages[i];
	}
	unpin_user_pages_dirty_lock(pages, put, dirty);
}

/* Give pages back. What was in @pages is lost. */
static void vfio_dirty_put_pages(struct vfio_dirty_mapping *m,
				 struct page **pages, unsigned long nr)
{
	vfio_dirty_refund(m, vfio_dirty_count_charged(pages, nr));
	vfio_dirty_put_counted(pages, nr, m->prot & IOMMU_WRITE);
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
		vfio_dirty_put_counted(pages, got, false);
		got = ret;
	}
out:
	mmput(m->mm);
	return got;
}

/* Make sure that there is a block for a page whose leaf there is. */
static int vfio_dirty_block_make_locked(struct vfio_dirty_container *c,
					struct vfio_dirty_mapping *m,
					unsigned long page)
{
	struct vfio_dirty_place place = vfio_dirty_place_of_locked(c, m, page);
	struct vfio_dirty_leaf *leaf = place.leaf;

	if (!leaf->blocks)
		leaf->blocks = kcalloc(VFIO_DIRTY_LEAF_WORDS,
				       sizeof(*leaf->blocks),
				       GFP_KERNEL_ACCOUNT);
	if (!leaf->blocks)
		return -ENOMEM;
	if (!place.block) {
		place.block = kmem_cache_alloc(vfio_dirty_block_cache,
					       GFP_KERNEL_ACCOUNT);
		if (!place.block)
			return -ENOMEM;
		leaf->blocks[vfio_dirty_block_word(page)] = place.block;
	}
	place.block->users++;
	return 0;
}

/* Let go of the blocks of some pages. */
static void vfio_dirty_pin_unreserve_locked(struct vfio_dirty_container *c,
					    struct vfio_dirty_mapping *m,
					    unsigned long page,
					    unsigned long end)
{
	struct vfio_dirty_place place;

	for (page = ALIGN_DOWN(page, VFIO_DIRTY_BLOCK_PAGES); page < end;
	     page += VFIO_DIRTY_BLOCK_PAGES) {
		place = vfio_dirty_place_of_locked(c, m, page);
		if (WARN_ON_ONCE(!place.block))
			continue;
		place.block->users--;
		vfio_dirty_block_trim(place.leaf, vfio_dirty_block_word(page));
	}
}

/* Allocate all that some pages need, until vfio_dirty_pin_unreserve_locked(). */
static int vfio_dirty_pin_reserve_locked(struct vfio_dirty_container *c,
					 struct vfio_dirty_mapping *m,
					 unsigned long page, unsigned long end)
{
	unsigned long at = ALIGN_DOWN(page, VFIO_DIRTY_BLOCK_PAGES);
	int ret;

	ret = vfio_dirty_leaves_reserve_locked(c, m, page, end - page);
	for (; !ret && at < end; at += VFIO_DIRTY_BLOCK_PAGES) {
		ret = vfio_dirty_block_make_locked(c, m, at);
		if (ret)
			vfio_dirty_pin_unreserve_locked(c, m, page, at);
	}
	return ret;
}

/* The pages of a block are dirty for as long as they are pinned. */
static void vfio_dirty_place_hold(struct vfio_dirty_place *place, u64 pages,
				  unsigned int word)
{
	place->block->dirty |= pages;
	place->leaf->held |= BIT_ULL(word);
}

/* One more reference to each of the next pages that is pinned. */
static int vfio_dirty_pin_again_locked(struct vfio_dirty_container *c,
				       struct vfio_dirty_run *run)
{
	struct vfio_dirty_place place = {};
	struct vfio_dirty_block *block;
	unsigned long page;

	for (; run->done < run->nr; run->done++, place.slot++) {
		page = run->page + run->done;
		if (!place.leaf || !(page % VFIO_DIRTY_BLOCK_PAGES))
			place = vfio_dirty_place_of_locked(c, run->m, page);
		block = place.block;
		if (!block || !(block->present & BIT_ULL(place.slot)))
			break;
		if (block->refs[place.slot] == U32_MAX)
			return -EOVERFLOW;
		block->refs[place.slot]++;
		if (run->sticky)
			vfio_dirty_place_hold(&place, BIT_ULL(place.slot),
					      vfio_dirty_block_word(page));
		run->pages[run->done] = block->pages[place.slot];
	}
	return 0;
}

/* Enter a page that is now pinned. */
static void vfio_dirty_pin_enter_locked(struct vfio_dirty_container *c,
					struct vfio_dirty_run *run)
{
	unsigned long page = run->page + run->done;
	struct vfio_dirty_place place = vfio_dirty_place_of_locked(c, run->m,
								   page);

	place.block->present |= BIT_ULL(place.slot);
	if (run->sticky)
		vfio_dirty_place_hold(&place, BIT_ULL(place.slot),
				      vfio_dirty_block_word(page));
	place.block->refs[place.slot] = 1;
	place.block->pages[place.slot] = run->pages[run->done];
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

	while (begin + nr < run->nr &&
	       !vfio_dirty_pinned_locked(c, m, page + nr))
		nr++;

	mutex_unlock(&c->lock);
	got = vfio_dirty_get_pages(m, page, nr, run->pages + begin);
	cond_resched();
	mutex_lock(&c->lock);
	if (got < 0)
		return got;

	/* Others may have pinned some of them meanwhile: theirs count. */
	while (!m->gone && run->done < begin + got &&
	       !vfio_dirty_pinned_locked(c, m, run->page + run->done))
		vfio_dirty_pin_enter_locked(c, run);
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
	unsigned long page, end = run->page + run->nr;
	struct vfio_dirty_mapping *m = run->m;
	int ret;

	ret = vfio_dirty_pin_again_locked(c, run);
	if (ret || run->done == run->nr)
		return ret;

	page = run->page + run->done;
	ret = vfio_dirty_pin_reserve_locked(c, m, page, end);
	if (ret)
		return ret;
	vfio_dirty_mapping_use_locked(c, m);
	do {
		if (m->dying || m->gone)
			ret = -EINVAL;
		else
			ret = vfio_dirty_pin_new_locked(c, run);
		if (!ret)
			ret = vfio_dirty_pin_again_locked(c, run);
	} while (!ret && run->done < run->nr);
	vfio_dirty_pin_unreserve_locked(c, m, page, end);
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

/* Drop a reference to each of nr pages of a block: those whose last it was. */
static u64 vfio_dirty_block_drop(struct vfio_dirty_block *block,
				 unsigned int slot, unsigned int nr)
{
	u64 last = 0;

	for (; nr; nr--, slot++) {
		if (block->present & BIT_ULL(slot) && !--block->refs[slot])
			last |= BIT_ULL(slot);
	}
	return last;
}

/* Take pages out of a block, for the caller to give back: how many they are. */
static unsigned int vfio_dirty_block_take_locked(struct vfio_dirty_container *c,
						 struct vfio_dirty_mapping *m,
						 struct vfio_dirty_leaf *leaf,
						 unsigned int word, u64 taken,
						 struct page **pages)
{
	struct vfio_dirty_block *block = leaf->blocks[word];
	unsigned int nr = 0;
	u64 left;

	/* The device may have written since the last query. */
	vfio_dirty_leaf_mark_word(leaf, word, block->dirty & taken,
				  vfio_dirty_epoch_locked(c));
	for (left = taken; left; left &= left - 1)
		pages[nr++] = block->pages[__ffs64(left)];
	block->present &= ~taken;
	block->dirty &= ~taken;
	if (!block->dirty)
		leaf->held &= ~BIT_ULL(word);
	WRITE_ONCE(m->pinned, m->pinned - nr);
	vfio_dirty_block_trim(leaf, word);
	return nr;
}

/* Give back pages of a block that are no longer pinned. */
static noinline void
vfio_dirty_unpin_locked(struct vfio_dirty_container *c,
			struct vfio_dirty_mapping *m,
			struct vfio_dirty_leaf *leaf, unsigned int word,
			u64 taken)
{
	struct page *pages[VFIO_DIRTY_BLOCK_PAGES];
	unsigned int nr;

	nr = vfio_dirty_block_take_locked(c, m, leaf, word, taken, pages);
	vfio_dirty_mapping_use_locked(c, m);
	mutex_unlock(&c->lock);
	vfio_dirty_put_pages(m, pages, nr);
	cond_resched();
	mutex_lock(&c->lock);
	vfio_dirty_mapping_unuse_locked(c, m);
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
	struct vfio_dirty_place place;
	struct vfio_dirty_mapping *m;
	unsigned long page, nr;
	u64 last;

	mutex_lock(&c->lock);
	while (npage > 0) {
		m = vfio_dirty_mapping_find_locked(c, iova);
		if (!m)
			break;
		page = (iova - m->iova) >> PAGE_SHIFT;
		place = vfio_dirty_place_of_locked(c, m, page);
		nr = min_t(u64, npage, ((m->last - iova) >> PAGE_SHIFT) + 1);
		nr = min(nr, VFIO_DIRTY_BLOCK_PAGES - place.slot);
		last = 0;
		if (place.block)
			last = vfio_dirty_block_drop(place.block, place.slot,
						     nr);
		if (last)
			vfio_dirty_unpin_locked(c, m, place.leaf,
						vfio_dirty_block_word(page),
						last);
		iova += (u64)nr << PAGE_SHIFT;
		npage -= nr;
	}
	mutex_unlock(&c->lock);
	if (npage > 0)
		pr_warn_ratelimited("a driver unpins %#llx, which is not mapped\n",
				    iova);
}

/**
 * vfio_dirty_pin_read - add pages that are dirty because pinned
 * @leaf: the leaf
 * @first: first page in the leaf
 * @nr: how many
 * @bits: a map
 * @to: first bit in @bits
 */
void vfio_dirty_pin_read(const struct vfio_dirty_leaf *leaf,
			 unsigned long first, unsigned long nr, u64 *bits,
			 unsigned long to)
{
	u64 held;

	for (held = leaf->held; held; held &= held - 1) {
		unsigned int word = __ffs64(held);
		unsigned long begin = word * VFIO_DIRTY_BLOCK_PAGES;
		unsigned long from = max(begin, first);
		unsigned long end = min(begin + VFIO_DIRTY_BLOCK_PAGES,
					first + nr);

		if (from < end)
			vfio_dirty_bits_or(bits, to + from - first,
					   &leaf->blocks[word]->dirty,
					   from - begin, end - from);
	}
}

/* Give back what is pinned of a leaf. */
static void vfio_dirty_pin_drop_leaf_locked(struct vfio_dirty_container *c,
					    struct vfio_dirty_mapping *m,
					    struct vfio_dirty_leaf *leaf)
{
	struct page *pages[VFIO_DIRTY_BLOCK_PAGES];
	struct vfio_dirty_block *block;
	unsigned int word, nr;

	for (word = 0; word < VFIO_DIRTY_LEAF_WORDS; word++) {
		block = leaf->blocks[word];
		if (!block || !block->present)
			continue;
		nr = vfio_dirty_block_take_locked(c, m, leaf, word,
						  block->present, pages);
		vfio_dirty_put_pages(m, pages, nr);
		cond_resched();
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
	struct vfio_dirty_leaf *leaf;
	unsigned long i;

	lockdep_assert_held(&c->lock);
	if (!m->pinned)
		return;
	pr_warn_ratelimited("drivers left %lu pages pinned at %#llx\n",
			    m->pinned, m->iova);
	xa_for_each(&m->leaves, i, leaf) {
		if (leaf->blocks)
			vfio_dirty_pin_drop_leaf_locked(c, m, leaf);
	}
}
