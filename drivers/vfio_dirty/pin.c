// SPDX-License-Identifier: GPL-2.0
/*
 * Pinning: what drivers hold of user memory.
 *
 * Each pinned page has an entry in a block of 64, made before user memory is
 * pinned, so that nothing can fail afterwards. Pinning and its opposite happen
 * without the container's lock; the mapping is kept by its users count.
 *
 * A page that is on its way in or out belongs to who moves it, and others wait: so
 * it is charged once, and refunded before it is charged again, and what is refused
 * for the limit exceeds it. Who waits keeps nobody waiting: it moves no page, and is
 * no user of a mapping.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/overflow.h>
#include <linux/vfio_dirty.h>

#include "block.h"
#include "compat_vfio.h"
#include "trace.h"
#include "vfio_dirty_private.h"

/* How many pages are given back at a time. */
#define VFIO_DIRTY_PUT_BATCH	16U

/*
 * How long a pin waits for the end of an unmap that has the drivers asked to
 * unpin. A driver that holds a lock which its dma_unmap wants then gets its pin.
 */
#define VFIO_DIRTY_PIN_PATIENCE	(HZ / 2)

/**
 * struct vfio_dirty_pin - what a driver wants pinned
 * @group: the group of its device
 * @iova: first byte of the first page
 * @nr: how many pages
 * @prot: IOMMU_READ, IOMMU_WRITE
 * @nowait: wait for nobody in user space
 * @pages: receives the pages
 * @done: how many are pinned
 */
struct vfio_dirty_pin {
	struct iommu_group *group;
	u64 iova;
	unsigned long nr;
	int prot;
	bool nowait;
	struct page **pages;
	unsigned long done;
};

/* Pages have arrived, or are gone: let those go on who wait for any. */
static void vfio_dirty_settle_locked(struct vfio_dirty_container *c)
{
	lockdep_assert_held(&c->lock);
	WRITE_ONCE(c->settled, c->settled + 1);
	if (c->unsettled)
		wake_up_all(&c->wait);
}

/* Wait, without the lock, until some pages have. */
static int vfio_dirty_await_settled_locked(struct vfio_dirty_container *c)
{
	unsigned long settled = c->settled;
	int ret;

	lockdep_assert_held(&c->lock);
	c->unsettled++;
	mutex_unlock(&c->lock);
	ret = wait_event_killable(c->wait, READ_ONCE(c->settled) != settled);
	mutex_lock(&c->lock);
	c->unsettled--;
	return ret ? -EINTR : 0;
}

/*
 * Pin the first of nr pages, which is absent, and those after it up to one that is
 * not: how many. The lock is dropped meanwhile. Not inlined, so that what is only
 * pinned again need not save as many registers.
 */
static noinline long vfio_dirty_pin_new_locked(struct vfio_dirty_container *c,
					       struct vfio_dirty_mapping *m,
					       unsigned long page, long nr,
					       struct page **pages, bool nowait)
{
	long got, done = 0;

	lockdep_assert_held(&c->lock);
	nr = vfio_dirty_blocks_absent_locked(c, m, page, nr);
	/* -ENOMEM is for the limit */
	if (vfio_dirty_blocks_reserve_locked(c, m, page, page + nr))
		return -EAGAIN;

	vfio_dirty_mapping_use_locked(c, m);
	mutex_unlock(&c->lock);
	got = vfio_dirty_pages_get(m, page, nr, pages, nowait);
	cond_resched();
	mutex_lock(&c->lock);
	if (got > 0 && !m->gone) {
		vfio_dirty_blocks_enter_locked(c, m, page, got, pages);
		done = got;
	} else if (got > 0) {
		mutex_unlock(&c->lock);
		vfio_dirty_pages_put(m, pages, got);
		mutex_lock(&c->lock);
	}
	vfio_dirty_blocks_unreserve_locked(c, m, page, page + nr);
	vfio_dirty_settle_locked(c);
	vfio_dirty_mapping_unuse(c, m);
	return got < 0 ? got : done;
}

/* Give back pages of a block that are no longer pinned. Drops the lock. */
static void vfio_dirty_unpin_unlock(struct vfio_dirty_container *c,
				    struct vfio_dirty_mapping *m,
				    struct vfio_dirty_leaf *leaf,
				    unsigned int word, u64 taken)
{
	struct vfio_dirty_block *block = leaf->blocks[word];
	struct page *pages[VFIO_DIRTY_PUT_BATCH];
	unsigned int nr;

	block->users++;
	block->moving |= taken;
	nr = vfio_dirty_block_take_locked(c, m, leaf, word, taken, pages);
	vfio_dirty_mapping_use_locked(c, m);
	mutex_unlock(&c->lock);
	vfio_dirty_pages_put(m, pages, nr);
	mutex_lock(&c->lock);
	block->moving &= ~taken;
	block->users--;
	vfio_dirty_block_trim_locked(c, leaf, word);
	vfio_dirty_settle_locked(c);
	mutex_unlock(&c->lock);
	vfio_dirty_mapping_unuse(c, m);
}

/*
 * Unpin the first of some pages, at most VFIO_DIRTY_PUT_BATCH: how many, 0 if
 * they are not mapped. A page that is mapped but not pinned is left alone.
 */
static unsigned int vfio_dirty_unpin_some(struct vfio_dirty_container *c,
					  u64 iova, unsigned int most)
{
	struct vfio_dirty_mapping *m;
	struct vfio_dirty_block *block;
	struct vfio_dirty_leaf *leaf;
	unsigned long page;
	unsigned int nr;
	u64 last = 0;

	mutex_lock(&c->lock);
	m = vfio_dirty_mapping_find_locked(c, iova);
	if (!m) {
		mutex_unlock(&c->lock);
		return 0;
	}
	page = (iova - m->iova) >> PAGE_SHIFT;
	nr = min(most, VFIO_DIRTY_PUT_BATCH -
		 (unsigned int)page % VFIO_DIRTY_PUT_BATCH);
	nr = min_t(u64, nr, ((m->last - iova) >> PAGE_SHIFT) + 1);
	leaf = vfio_dirty_leaf_find_locked(c, m, page);
	block = vfio_dirty_block_of(leaf, page);
	if (block)
		last = vfio_dirty_block_drop_locked(c, block, page %
						    VFIO_DIRTY_BLOCK_PAGES,
						    nr);
	if (last)
		vfio_dirty_unpin_unlock(c, m, leaf,
					vfio_dirty_block_word(page), last);
	else
		mutex_unlock(&c->lock);
	return nr;
}

static void vfio_dirty_unpin(struct vfio_dirty_container *c, u64 iova,
			     int npage)
{
	unsigned int nr;

	while (npage > 0) {
		nr = vfio_dirty_unpin_some(c, iova, npage);
		if (!nr) {
			if (vfio_dirty_may_say(VFIO_DIRTY_SAY_PINNED,
					       READ_ONCE(c->budget)))
				pr_warn("a driver unpins %#llx, which is not mapped\n",
					iova);
			break;
		}
		iova += (u64)nr << PAGE_SHIFT;
		npage -= nr;
		if (npage)
			cond_resched();
	}
}

/**
 * vfio_dirty_pin_release - undo vfio_dirty_pin_pages()
 * @c: the container
 * @iova: first page
 * @npage: how many
 */
void vfio_dirty_pin_release(struct vfio_dirty_container *c, dma_addr_t iova,
			    int npage)
{
	trace_vfio_dirty_unpin(c->id, iova, npage);
	vfio_dirty_unpin(c, iova, npage);
}

/*
 * Pin the first of the pages that are yet to be pinned: how many, or why not even
 * one. None is no error: somebody else moves it, and was waited for.
 */
static long vfio_dirty_pin_some_locked(struct vfio_dirty_container *c,
				       const struct vfio_dirty_pin *pin)
{
	u64 iova = pin->iova + ((u64)pin->done << PAGE_SHIFT);
	struct page **pages = pin->pages + pin->done;
	unsigned long page, nr = pin->nr - pin->done;
	/* an unmap cannot end before what we have pinned already goes */
	long got, patience = pin->done ? 0 : VFIO_DIRTY_PIN_PATIENCE;
	struct vfio_dirty_mapping *m;

	lockdep_assert_held(&c->lock);
	if (pin->nowait) {
		/* who unmaps waits for who uses the mapping */
		m = vfio_dirty_mapping_find_locked(c, iova);
		if (m && m->stage == VFIO_DIRTY_CLOSED)
			return -EAGAIN;
		patience = 0;
	}
	m = vfio_dirty_mapping_enter_locked(c, iova, pin->prot, patience);
	if (IS_ERR(m))
		return PTR_ERR(m);
	page = (iova - m->iova) >> PAGE_SHIFT;
	nr = min_t(u64, nr, ((m->last - iova) >> PAGE_SHIFT) + 1);
	/* what is pinned already needs nothing new */
	got = vfio_dirty_blocks_again_locked(c, m, page, nr, pages);
	if (got)
		return got;
	if (vfio_dirty_block_moving_locked(c, m, page))
		return pin->nowait ? -EAGAIN :
				     vfio_dirty_await_settled_locked(c);
	return vfio_dirty_pin_new_locked(c, m, page, nr, pages, pin->nowait);
}

/*
 * All pages are pinned, for writing, by a driver that does not mark: they are
 * dirty from now on. Before, the driver did not have them. What it unpinned in
 * its dma_unmap meanwhile, it does not have any more.
 */
static void vfio_dirty_pin_hold_locked(struct vfio_dirty_container *c,
				       const struct vfio_dirty_pin *pin)
{
	struct vfio_dirty_mapping *m = NULL;
	struct vfio_dirty_block *block;
	struct vfio_dirty_leaf *leaf;
	unsigned long page, nr;
	u64 iova = pin->iova;

	lockdep_assert_held(&c->lock);
	for (nr = pin->nr; nr; nr--, iova += PAGE_SIZE) {
		if (!m || m->last < iova)
			m = vfio_dirty_mapping_find_locked(c, iova);
		if (!m)
			continue;
		page = (iova - m->iova) >> PAGE_SHIFT;
		leaf = vfio_dirty_leaf_find_locked(c, m, page);
		block = vfio_dirty_block_of(leaf, page);
		if (!block || !(block->present & vfio_dirty_block_bit(page)))
			continue;
		block->dirty |= vfio_dirty_block_bit(page);
		leaf->held |= BIT_ULL(vfio_dirty_block_word(page));
	}
}

/* Pin the pages: 0, or why not all of them. */
static int vfio_dirty_pin_all(struct vfio_dirty_container *c,
			      struct vfio_dirty_pin *pin)
{
	struct vfio_dirty_client *client;
	long ret = 0;

	mutex_lock(&c->lock);
	client = vfio_dirty_client_find_locked(c, pin->group);
	while (client && c->devices && pin->done < pin->nr) {
		ret = vfio_dirty_pin_some_locked(c, pin);
		if (ret < 0)
			break;
		pin->done += ret;
	}
	if (pin->done == pin->nr && pin->prot & IOMMU_WRITE && !client->marks)
		vfio_dirty_pin_hold_locked(c, pin);
	mutex_unlock(&c->lock);
	if (pin->done == pin->nr)
		return 0;
	/* without a device, there is nobody to pin for */
	return ret < 0 ? ret : -EINVAL;
}

/**
 * vfio_dirty_pin_pages - pin pages for a device
 * @c: the container
 * @group: the group of the device
 * @iova: first page; need not be aligned
 * @npage: how many
 * @prot: IOMMU_READ, IOMMU_WRITE, VFIO_DIRTY_NOWAIT
 * @pages: receives the pages
 *
 * Return: @npage, -COMPAT_VFIO_EWRAP if they wrap around the address space,
 * -EINVAL if some are not mapped, -EPERM if they are mapped without @prot,
 * -ENODEV if the process that mapped them is gone, -ENOMEM if they exceed its
 * RLIMIT_MEMLOCK, -EAGAIN if some cannot be pinned for now (others
 * hold them where they may not stay, memory is short, or with VFIO_DIRTY_NOWAIT
 * they are what somebody else waits for), -EOVERFLOW, -EINTR, or
 * what pin_user_pages_remote() says of memory that cannot be pinned.
 */
int vfio_dirty_pin_pages(struct vfio_dirty_container *c,
			 struct iommu_group *group, dma_addr_t iova, int npage,
			 int prot, struct page **pages)
{
	struct vfio_dirty_pin pin = {
		.group = group,
		.iova = iova & PAGE_MASK,
		.nr = npage,
		.prot = prot & ~VFIO_DIRTY_NOWAIT,
		.nowait = prot & VFIO_DIRTY_NOWAIT,
		.pages = pages,
	};
	u64 last;
	int ret;

	if (npage <= 0)
		return -EINVAL;
	if (check_add_overflow(iova, ((u64)npage << PAGE_SHIFT) - 1, &last))
		return -COMPAT_VFIO_EWRAP;

	ret = vfio_dirty_pin_all(c, &pin);
	if (!ret)
		ret = npage;
	else
		vfio_dirty_unpin(c, pin.iova, pin.done);
	trace_vfio_dirty_pin(c->id, iova, npage, prot, ret);
	return ret;
}

/* Give back what is pinned of a leaf. */
static void vfio_dirty_pin_drop_leaf_locked(struct vfio_dirty_container *c,
					    struct vfio_dirty_mapping *m,
					    struct vfio_dirty_leaf *leaf)
{
	struct page *pages[VFIO_DIRTY_BLOCK_PAGES];
	struct vfio_dirty_block *block;
	unsigned int word, nr;

	lockdep_assert_held(&c->lock);
	for (word = 0; word < VFIO_DIRTY_LEAF_WORDS; word++) {
		block = leaf->blocks[word];
		if (!block || !block->present)
			continue;
		nr = vfio_dirty_block_take_locked(c, m, leaf, word,
						  block->present, pages);
		vfio_dirty_pages_put(m, pages, nr);
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
	if (vfio_dirty_may_say(VFIO_DIRTY_SAY_PINNED, m->budget))
		pr_warn("drivers left %lu pages pinned at %#llx\n", m->pinned,
			m->iova);
	xa_for_each(&m->leaves, i, leaf) {
		if (leaf->blocks)
			vfio_dirty_pin_drop_leaf_locked(c, m, leaf);
	}
}
