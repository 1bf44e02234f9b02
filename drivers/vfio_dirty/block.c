// SPDX-License-Identifier: GPL-2.0
/*
 * Pin blocks: which pages of a mapping are pinned, how often, and which of them
 * are on their way in or out.
 */
#include <linux/bits.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "block.h"
#include "vfio_dirty_private.h"

static struct kmem_cache *vfio_dirty_block_cache;

static void vfio_dirty_block_construct(void *block)
{
	memset(block, 0, sizeof(struct vfio_dirty_block));
}

/**
 * vfio_dirty_blocks_init - called when the module is loaded
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_dirty_blocks_init(void)
{
	vfio_dirty_block_cache = kmem_cache_create("vfio_dirty_block",
						   sizeof(struct vfio_dirty_block),
						   0, SLAB_ACCOUNT,
						   vfio_dirty_block_construct);
	return vfio_dirty_block_cache ? 0 : -ENOMEM;
}

/**
 * vfio_dirty_blocks_exit - called when the module is unloaded
 */
void vfio_dirty_blocks_exit(void)
{
	kmem_cache_destroy(vfio_dirty_block_cache);
}

/**
 * vfio_dirty_block_moving_locked - is a page on its way in or out
 * @c: the container
 * @m: the mapping
 * @page: the page
 *
 * Return: true if somebody is about to pin it or to give it back.
 */
bool vfio_dirty_block_moving_locked(struct vfio_dirty_container *c,
				    struct vfio_dirty_mapping *m,
				    unsigned long page)
{
	struct vfio_dirty_leaf *leaf = vfio_dirty_leaf_find_locked(c, m, page);
	struct vfio_dirty_block *block = vfio_dirty_block_of(leaf, page);

	lockdep_assert_held(&c->lock);
	return block && block->moving & vfio_dirty_block_bit(page);
}

/* Is a page neither pinned nor on its way? */
static bool vfio_dirty_block_absent_locked(struct vfio_dirty_container *c,
					   struct vfio_dirty_mapping *m,
					   unsigned long page)
{
	struct vfio_dirty_leaf *leaf = vfio_dirty_leaf_find_locked(c, m, page);
	struct vfio_dirty_block *block = vfio_dirty_block_of(leaf, page);

	lockdep_assert_held(&c->lock);
	return !block || !((block->present | block->moving) &
			   vfio_dirty_block_bit(page));
}

/**
 * vfio_dirty_blocks_absent_locked - count pages that can be pinned together
 * @c: the container
 * @m: the mapping
 * @page: the first page, which is neither pinned nor on its way
 * @nr: how many pages to look at, at least 1
 *
 * Return: how many there are up to the first that is pinned or on its way.
 */
unsigned long vfio_dirty_blocks_absent_locked(struct vfio_dirty_container *c,
					      struct vfio_dirty_mapping *m,
					      unsigned long page,
					      unsigned long nr)
{
	unsigned long absent = 1;

	lockdep_assert_held(&c->lock);
	while (absent < nr &&
	       vfio_dirty_block_absent_locked(c, m, page + absent))
		absent++;
	return absent;
}

/**
 * vfio_dirty_block_trim_locked - free a block that nobody needs
 * @c: the container
 * @leaf: the leaf
 * @word: which block of it
 */
void vfio_dirty_block_trim_locked(struct vfio_dirty_container *c,
				  struct vfio_dirty_leaf *leaf,
				  unsigned int word)
{
	struct vfio_dirty_block *block = leaf->blocks[word];

	lockdep_assert_held(&c->lock);
	if (block->present || block->users)
		return;

	leaf->blocks[word] = NULL;
	kmem_cache_free(vfio_dirty_block_cache, block);
}

/* The bits of a page and of those after it in its block, up to one. */
static u64 vfio_dirty_block_mask(unsigned long page, unsigned long end)
{
	unsigned long first = page % VFIO_DIRTY_BLOCK_PAGES;

	return GENMASK_ULL(min(first + (end - page), VFIO_DIRTY_BLOCK_PAGES) - 1,
			   first);
}

/*
 * Make sure that there is a block for a page whose leaf there is; that page and
 * those after it in the block, up to one, are on their way.
 */
static int vfio_dirty_block_make_locked(struct vfio_dirty_container *c,
					struct vfio_dirty_mapping *m,
					unsigned long page, unsigned long end)
{
	struct vfio_dirty_leaf *leaf = vfio_dirty_leaf_find_locked(c, m, page);
	struct vfio_dirty_block *block = vfio_dirty_block_of(leaf, page);

	lockdep_assert_held(&c->lock);
	if (!leaf->blocks)
		leaf->blocks = kcalloc(VFIO_DIRTY_LEAF_WORDS,
				       sizeof(*leaf->blocks),
				       VFIO_DIRTY_GFP_RECORD);
	if (!leaf->blocks)
		return -ENOMEM;
	if (!block) {
		block = kmem_cache_alloc(vfio_dirty_block_cache,
					 VFIO_DIRTY_GFP_RECORD);
		if (!block)
			return -ENOMEM;
		leaf->blocks[vfio_dirty_block_word(page)] = block;
	}
	block->moving |= vfio_dirty_block_mask(page, end);
	block->users++;
	return 0;
}

/**
 * vfio_dirty_blocks_unreserve_locked - let go of the blocks of some pages
 * @c: the container
 * @m: the mapping
 * @page: first page
 * @end: the page after the last
 */
void vfio_dirty_blocks_unreserve_locked(struct vfio_dirty_container *c,
					struct vfio_dirty_mapping *m,
					unsigned long page, unsigned long end)
{
	struct vfio_dirty_block *block;
	struct vfio_dirty_leaf *leaf;
	unsigned long next;

	lockdep_assert_held(&c->lock);
	for (; page < end; page = next) {
		next = ALIGN_DOWN(page, VFIO_DIRTY_BLOCK_PAGES) +
		       VFIO_DIRTY_BLOCK_PAGES;
		leaf = vfio_dirty_leaf_find_locked(c, m, page);
		block = vfio_dirty_block_of(leaf, page);
		if (WARN_ON_ONCE(!block))
			continue;
		block->moving &= ~vfio_dirty_block_mask(page, end);
		block->users--;
		vfio_dirty_block_trim_locked(c, leaf,
					     vfio_dirty_block_word(page));
	}
}

/**
 * vfio_dirty_blocks_reserve_locked - allocate all that some pages need
 * @c: the container
 * @m: the mapping
 * @page: first page
 * @end: the page after the last
 *
 * The pages are on their way until vfio_dirty_blocks_unreserve_locked().
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_dirty_blocks_reserve_locked(struct vfio_dirty_container *c,
				     struct vfio_dirty_mapping *m,
				     unsigned long page, unsigned long end)
{
	unsigned long at = page;
	int ret;

	lockdep_assert_held(&c->lock);
	ret = vfio_dirty_leaves_reserve_locked(c, m, page, end - page);
	while (!ret && at < end) {
		ret = vfio_dirty_block_make_locked(c, m, at, end);
		if (ret)
			vfio_dirty_blocks_unreserve_locked(c, m, page, at);
		at = ALIGN_DOWN(at, VFIO_DIRTY_BLOCK_PAGES) +
		     VFIO_DIRTY_BLOCK_PAGES;
	}
	return ret;
}

/**
 * vfio_dirty_blocks_again_locked - add a reference to pages that are pinned
 * @c: the container
 * @m: the mapping
 * @page: first page
 * @nr: how many
 * @pages: receives the pages
 *
 * Return: how many there are up to one that is not pinned, or -EOVERFLOW if the
 * first has too many references.
 */
long vfio_dirty_blocks_again_locked(struct vfio_dirty_container *c,
				    struct vfio_dirty_mapping *m,
				    unsigned long page, unsigned long nr,
				    struct page **pages)
{
	struct vfio_dirty_block *block;
	struct vfio_dirty_leaf *leaf;
	unsigned long i;

	lockdep_assert_held(&c->lock);
	for (i = 0; i < nr; i++, page++) {
		unsigned int slot = page % VFIO_DIRTY_BLOCK_PAGES;

		leaf = vfio_dirty_leaf_find_locked(c, m, page);
		block = vfio_dirty_block_of(leaf, page);
		if (!block || !(block->present & BIT_ULL(slot)))
			break;
		if (block->refs[slot] == U32_MAX)
			return i ? i : -EOVERFLOW;
		block->refs[slot]++;
		pages[i] = block->pages[slot];
	}
	return i;
}

/**
 * vfio_dirty_blocks_enter_locked - enter pages that are now pinned
 * @c: the container
 * @m: the mapping
 * @page: first page, reserved as those after it
 * @nr: how many
 * @pages: the pages
 */
void vfio_dirty_blocks_enter_locked(struct vfio_dirty_container *c,
				    struct vfio_dirty_mapping *m,
				    unsigned long page, unsigned long nr,
				    struct page **pages)
{
	struct vfio_dirty_block *block;
	struct vfio_dirty_leaf *leaf;
	unsigned long i;

	lockdep_assert_held(&c->lock);
	for (i = 0; i < nr; i++, page++) {
		unsigned int slot = page % VFIO_DIRTY_BLOCK_PAGES;

		leaf = vfio_dirty_leaf_find_locked(c, m, page);
		block = vfio_dirty_block_of(leaf, page);
		block->present |= BIT_ULL(slot);
		block->refs[slot] = 1;
		block->pages[slot] = pages[i];
	}
	WRITE_ONCE(m->pinned, m->pinned + nr);
}

/**
 * vfio_dirty_block_drop_locked - drop a reference to pages of a block
 * @c: the container
 * @block: the block
 * @slot: first page
 * @nr: how many; those that are not pinned are left alone
 *
 * Return: those whose last reference it was.
 */
u64 vfio_dirty_block_drop_locked(struct vfio_dirty_container *c,
				 struct vfio_dirty_block *block,
				 unsigned int slot, unsigned int nr)
{
	u64 last = 0;

	lockdep_assert_held(&c->lock);
	for (; nr; nr--, slot++) {
		if (block->present & BIT_ULL(slot) && !--block->refs[slot])
			last |= BIT_ULL(slot);
	}
	return last;
}

/**
 * vfio_dirty_block_take_locked - take pages out of a block
 * @c: the container
 * @m: the mapping
 * @leaf: the leaf
 * @word: which block of it
 * @taken: pages that are pinned
 * @pages: receives them, for the caller to give back
 *
 * The block is freed if nobody needs it any more.
 *
 * Return: how many they are.
 */
unsigned int vfio_dirty_block_take_locked(struct vfio_dirty_container *c,
					  struct vfio_dirty_mapping *m,
					  struct vfio_dirty_leaf *leaf,
					  unsigned int word, u64 taken,
					  struct page **pages)
{
	struct vfio_dirty_block *block = leaf->blocks[word];
	u64 dirty = block->dirty & taken;
	unsigned int nr = 0;

	lockdep_assert_held(&c->lock);
	/* The device may have written since the last query. */
	if (dirty) {
		vfio_dirty_leaf_mark_word(leaf, word, dirty,
					  vfio_dirty_epoch_locked(c));
		block->dirty &= ~dirty;
		if (!block->dirty)
			leaf->held &= ~BIT_ULL(word);
	}
	block->present &= ~taken;
	for (; taken; taken &= taken - 1)
		pages[nr++] = block->pages[__ffs64(taken)];
	WRITE_ONCE(m->pinned, m->pinned - nr);
	vfio_dirty_block_trim_locked(c, leaf, word);
	return nr;
}

/**
 * vfio_dirty_blocks_read - add pages that are dirty because pinned
 * @leaf: the leaf
 * @first: first page in the leaf
 * @nr: how many
 * @bits: a map
 * @to: first bit in @bits
 */
void vfio_dirty_blocks_read(const struct vfio_dirty_leaf *leaf,
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
		unsigned long at = to + from - first;
		u64 *dirty = &leaf->blocks[word]->dirty;

		if (from >= end)
			continue;
		if (end - from == VFIO_DIRTY_BLOCK_PAGES &&
		    IS_ALIGNED(at, VFIO_DIRTY_WORD_BITS))
			bits[at / VFIO_DIRTY_WORD_BITS] |= *dirty;
		else
			vfio_dirty_bits_or(bits, at, dirty, from - begin,
					   end - from);
	}
}
