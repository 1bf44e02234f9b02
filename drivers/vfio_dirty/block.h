/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Pin blocks: what is pinned of a mapping, 64 pages each. Everything in one is
 * protected by the container's lock.
 */
#ifndef _VFIO_DIRTY_BLOCK_H
#define _VFIO_DIRTY_BLOCK_H

#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "vfio_dirty_private.h"

/**
 * struct vfio_dirty_block - 64 pages of a mapping, some of them pinned
 * @present: those that are pinned
 * @moving: those that are about to be pinned, or about to be given back; each of
 *	    who moves them is a user
 * @dirty: those pinned for writing by drivers that do not mark: they are dirty
 *	   for as long as they are pinned. An unpin does not say whose it is, so
 *	   a bit stays until the last reference goes.
 * @users: calls that pin or give back here, which keeps the block
 * @refs: how often each page is pinned, where one is
 * @pages: the pages, where one is pinned
 *
 * A block that is free has zeros in all but the last two.
 */
struct vfio_dirty_block {
	u64 present;
	u64 moving;
	u64 dirty;
	unsigned int users;
	u32 refs[VFIO_DIRTY_BLOCK_PAGES];
	struct page *pages[VFIO_DIRTY_BLOCK_PAGES];
};

/* Which block of its leaf a page is in. */
static inline unsigned int vfio_dirty_block_word(unsigned long page)
{
	return (page >> VFIO_DIRTY_BLOCK_SHIFT) % VFIO_DIRTY_LEAF_WORDS;
}

static inline struct vfio_dirty_block *
vfio_dirty_block_of(struct vfio_dirty_leaf *leaf, unsigned long page)
{
	if (!leaf || !leaf->blocks)
		return NULL;
	return leaf->blocks[vfio_dirty_block_word(page)];
}

static inline u64 vfio_dirty_block_bit(unsigned long page)
{
	return BIT_ULL(page % VFIO_DIRTY_BLOCK_PAGES);
}

int vfio_dirty_blocks_reserve_locked(struct vfio_dirty_container *c,
				     struct vfio_dirty_mapping *m,
				     unsigned long page, unsigned long end);
void vfio_dirty_blocks_unreserve_locked(struct vfio_dirty_container *c,
					struct vfio_dirty_mapping *m,
					unsigned long page, unsigned long end);
bool vfio_dirty_block_moving_locked(struct vfio_dirty_container *c,
				    struct vfio_dirty_mapping *m,
				    unsigned long page);
unsigned long vfio_dirty_blocks_absent_locked(struct vfio_dirty_container *c,
					      struct vfio_dirty_mapping *m,
					      unsigned long page,
					      unsigned long nr);
long vfio_dirty_blocks_again_locked(struct vfio_dirty_container *c,
				    struct vfio_dirty_mapping *m,
				    unsigned long page, unsigned long nr,
				    struct page **pages);
void vfio_dirty_blocks_enter_locked(struct vfio_dirty_container *c,
				    struct vfio_dirty_mapping *m,
				    unsigned long page, unsigned long nr,
				    struct page **pages);
u64 vfio_dirty_block_drop_locked(struct vfio_dirty_container *c,
				 struct vfio_dirty_block *block,
				 unsigned int slot, unsigned int nr);
unsigned int vfio_dirty_block_take_locked(struct vfio_dirty_container *c,
					  struct vfio_dirty_mapping *m,
					  struct vfio_dirty_leaf *leaf,
					  unsigned int word, u64 taken,
					  struct page **pages);
void vfio_dirty_block_trim_locked(struct vfio_dirty_container *c,
				  struct vfio_dirty_leaf *leaf,
				  unsigned int word);

#endif /* _VFIO_DIRTY_BLOCK_H */
