/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Bits for pages: ranges of bits in arrays of words, and the leaf, which
 * remembers for 4096 pages what the devices wrote. Pure: no locks, no
 * allocation; the callers hold the lock of the container, or of the log.
 */
#ifndef _VFIO_DIRTY_BITMAP_H
#define _VFIO_DIRTY_BITMAP_H

#include <linux/types.h>

#define VFIO_DIRTY_WORD_BITS		64
#define VFIO_DIRTY_LEAF_SHIFT		12
#define VFIO_DIRTY_LEAF_PAGES		4096UL
#define VFIO_DIRTY_LEAF_WORDS		(VFIO_DIRTY_LEAF_PAGES / \
					 VFIO_DIRTY_WORD_BITS)

/**
 * enum vfio_dirty_layer - which writes are asked for
 * @VFIO_DIRTY_WRITTEN: all since the page was mapped
 * @VFIO_DIRTY_DIRTY: those since dirty tracking started or they were last read
 */
enum vfio_dirty_layer {
	VFIO_DIRTY_WRITTEN,
	VFIO_DIRTY_DIRTY,
};

struct vfio_dirty_block;

/**
 * struct vfio_dirty_leaf - what was written of 4096 pages, and what is pinned
 * @epoch: the run of dirty tracking that @dirty belongs to; bits that a former
 *	   run left are void, so that starting a run touches no leaf, and
 *	   forgetting all that is dirty only the number
 * @held: which of @blocks have pages that are dirty while they are pinned
 * @blocks: the pages that are pinned, by word; NULL before the first pin
 * @written: the layer VFIO_DIRTY_WRITTEN
 * @dirty: the layer VFIO_DIRTY_DIRTY
 */
struct vfio_dirty_leaf {
	u64 epoch;
	u64 held;
	struct vfio_dirty_block **blocks;
	u64 written[VFIO_DIRTY_LEAF_WORDS];
	u64 dirty[VFIO_DIRTY_LEAF_WORDS];
};

void vfio_dirty_bits_set(u64 *map, unsigned long first, unsigned long nr);
void vfio_dirty_bits_clear(u64 *map, unsigned long first, unsigned long nr);
void vfio_dirty_bits_or(u64 *dst, unsigned long to, const u64 *src,
			unsigned long from, unsigned long nr);

void vfio_dirty_leaf_mark(struct vfio_dirty_leaf *leaf, unsigned long first,
			  unsigned long nr, u64 epoch);
void vfio_dirty_leaf_mark_dirty(struct vfio_dirty_leaf *leaf,
				unsigned long word, u64 bits, u64 epoch);
bool vfio_dirty_leaf_void(const struct vfio_dirty_leaf *leaf,
			  enum vfio_dirty_layer layer, u64 epoch);
void vfio_dirty_leaf_copy(const struct vfio_dirty_leaf *leaf,
			  enum vfio_dirty_layer layer, unsigned long word,
			  unsigned long words, u64 *bits);
void vfio_dirty_leaf_read(const struct vfio_dirty_leaf *leaf,
			  enum vfio_dirty_layer layer, u64 epoch,
			  unsigned long first, unsigned long nr, u64 *bits,
			  unsigned long to);
void vfio_dirty_leaf_clean(struct vfio_dirty_leaf *leaf, unsigned long first,
			   unsigned long nr, u64 epoch);
void vfio_dirty_leaf_restore(struct vfio_dirty_leaf *leaf, unsigned long first,
			     unsigned long nr, u64 epoch, const u64 *bits,
			     unsigned long from);

/**
 * vfio_dirty_leaf_mark_word - pages were written that lie in one word
 * @leaf: the leaf
 * @word: which word of the leaf
 * @bits: the pages
 * @epoch: the run of dirty tracking, or 0
 */
static inline void vfio_dirty_leaf_mark_word(struct vfio_dirty_leaf *leaf,
					     unsigned long word, u64 bits,
					     u64 epoch)
{
	leaf->written[word] |= bits;
	if (epoch)
		vfio_dirty_leaf_mark_dirty(leaf, word, bits, epoch);
}

/**
 * vfio_dirty_leaf_mark_page - a page was written
 * @leaf: its leaf
 * @page: the page
 * @epoch: the run of dirty tracking, or 0
 */
static inline void vfio_dirty_leaf_mark_page(struct vfio_dirty_leaf *leaf,
					     unsigned long page, u64 epoch)
{
	vfio_dirty_leaf_mark_word(leaf, page / VFIO_DIRTY_WORD_BITS %
				  VFIO_DIRTY_LEAF_WORDS,
				  1ULL << page % VFIO_DIRTY_WORD_BITS, epoch);
}

#endif /* _VFIO_DIRTY_BITMAP_H */
