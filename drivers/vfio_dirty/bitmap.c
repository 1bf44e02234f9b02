// SPDX-License-Identifier: GPL-2.0
/*
 * Bits for pages, a word at a time. Compiles in user space too, where
 * tools/testing/unit/dirty/ tests it against a bit-by-bit model.
 *
 * An epoch is the number of a run of dirty tracking; 0 means that tracking is
 * off.
 */
#include <linux/string.h>
#include <linux/types.h>

#include "bitmap.h"

/* The lowest nr bits, 1 to 64. */
static u64 vfio_dirty_bits_low(unsigned long nr)
{
	return ~0ULL >> (VFIO_DIRTY_WORD_BITS - nr);
}

/* How many of nr bits from pos on lie in the word of pos. */
static unsigned long vfio_dirty_bits_here(unsigned long pos, unsigned long nr)
{
	unsigned long room;

	room = VFIO_DIRTY_WORD_BITS - pos % VFIO_DIRTY_WORD_BITS;
	return nr < room ? nr : room;
}

/* nr bits from pos on, 1 to 64, which may span two words. */
static u64 vfio_dirty_bits_get(const u64 *map, unsigned long pos,
			       unsigned long nr)
{
	const u64 *word = map + pos / VFIO_DIRTY_WORD_BITS;
	unsigned long shift = pos % VFIO_DIRTY_WORD_BITS;
	u64 bits = *word >> shift;

	if (shift + nr > VFIO_DIRTY_WORD_BITS)
		bits |= word[1] << (VFIO_DIRTY_WORD_BITS - shift);
	return bits & vfio_dirty_bits_low(nr);
}

/**
 * vfio_dirty_bits_set - set a range of bits
 * @map: the words
 * @first: first bit
 * @nr: how many
 */
void vfio_dirty_bits_set(u64 *map, unsigned long first, unsigned long nr)
{
	u64 *word = map + first / VFIO_DIRTY_WORD_BITS;
	unsigned long shift = first % VFIO_DIRTY_WORD_BITS;
	unsigned long n;

	if (shift && nr) {
		n = vfio_dirty_bits_here(first, nr);
		*word++ |= vfio_dirty_bits_low(n) << shift;
		nr -= n;
	}
	n = nr / VFIO_DIRTY_WORD_BITS;
	if (n)
		memset(word, 0xff, n * sizeof(u64));
	nr %= VFIO_DIRTY_WORD_BITS;
	if (nr)
		word[n] |= vfio_dirty_bits_low(nr);
}

/**
 * vfio_dirty_bits_clear - clear a range of bits
 * @map: the words
 * @first: first bit
 * @nr: how many
 */
void vfio_dirty_bits_clear(u64 *map, unsigned long first, unsigned long nr)
{
	u64 *word = map + first / VFIO_DIRTY_WORD_BITS;
	unsigned long shift = first % VFIO_DIRTY_WORD_BITS;
	unsigned long n;

	if (shift && nr) {
		n = vfio_dirty_bits_here(first, nr);
		*word++ &= ~(vfio_dirty_bits_low(n) << shift);
		nr -= n;
	}
	n = nr / VFIO_DIRTY_WORD_BITS;
	if (n)
		memset(word, 0, n * sizeof(u64));
	nr %= VFIO_DIRTY_WORD_BITS;
	if (nr)
		word[n] &= ~vfio_dirty_bits_low(nr);
}

/**
 * vfio_dirty_bits_or - add bits of one map to another, at any two places
 * @dst: the words to add to
 * @to: first bit in @dst
 * @src: the words to take from
 * @from: first bit in @src
 * @nr: how many
 */
void vfio_dirty_bits_or(u64 *dst, unsigned long to, const u64 *src,
			unsigned long from, unsigned long nr)
{
	while (nr) {
		unsigned long n = vfio_dirty_bits_here(to, nr);

		dst[to / VFIO_DIRTY_WORD_BITS] |=
			vfio_dirty_bits_get(src, from, n) <<
			to % VFIO_DIRTY_WORD_BITS;
		to += n;
		from += n;
		nr -= n;
	}
}

/* Make the dirty layer that of this epoch. */
static void vfio_dirty_leaf_enter(struct vfio_dirty_leaf *leaf, u64 epoch)
{
	if (leaf->epoch == epoch)
		return;

	memset(leaf->dirty, 0, sizeof(leaf->dirty));
	leaf->epoch = epoch;
}

/**
 * vfio_dirty_leaf_mark - pages were written
 * @leaf: the leaf
 * @first: first page in the leaf
 * @nr: how many
 * @epoch: the run of dirty tracking, or 0
 */
void vfio_dirty_leaf_mark(struct vfio_dirty_leaf *leaf, unsigned long first,
			  unsigned long nr, u64 epoch)
{
	vfio_dirty_bits_set(leaf->written, first, nr);
	if (!epoch)
		return;

	vfio_dirty_leaf_enter(leaf, epoch);
	vfio_dirty_bits_set(leaf->dirty, first, nr);
}

/**
 * vfio_dirty_leaf_mark_dirty - pages of one word are dirty
 * @leaf: the leaf
 * @word: which word of the leaf
 * @bits: the pages
 * @epoch: the run of dirty tracking, not 0
 */
void vfio_dirty_leaf_mark_dirty(struct vfio_dirty_leaf *leaf,
				unsigned long word, u64 bits, u64 epoch)
{
	vfio_dirty_leaf_enter(leaf, epoch);
	leaf->dirty[word] |= bits;
}

/**
 * vfio_dirty_leaf_void - can one see at a glance that nothing was written
 * @leaf: the leaf
 * @layer: the layer to look at
 * @epoch: the run of dirty tracking, or 0
 *
 * Return: true if so; false does not mean that something was.
 */
bool vfio_dirty_leaf_void(const struct vfio_dirty_leaf *leaf,
			  enum vfio_dirty_layer layer, u64 epoch)
{
	return layer == VFIO_DIRTY_DIRTY && (!epoch || leaf->epoch != epoch);
}

/**
 * vfio_dirty_leaf_copy - read whole words of a leaf that is not clean
 * @leaf: the leaf
 * @layer: the layer to read
 * @word: first word
 * @words: how many
 * @bits: receives them
 */
void vfio_dirty_leaf_copy(const struct vfio_dirty_leaf *leaf,
			  enum vfio_dirty_layer layer, unsigned long word,
			  unsigned long words, u64 *bits)
{
	const u64 *from = layer == VFIO_DIRTY_WRITTEN ? leaf->written :
							leaf->dirty;

	/* of a size that the compiler knows it needs no call */
	if (words == VFIO_DIRTY_LEAF_WORDS)
		memcpy(bits, from, VFIO_DIRTY_LEAF_WORDS * sizeof(u64));
	else
		memcpy(bits, from + word, words * sizeof(u64));
}

/**
 * vfio_dirty_leaf_read - add a leaf's bits to a map
 * @leaf: the leaf
 * @layer: the layer to read
 * @epoch: the run of dirty tracking, or 0
 * @first: first page in the leaf
 * @nr: how many
 * @bits: the map
 * @to: first bit in @bits
 */
void vfio_dirty_leaf_read(const struct vfio_dirty_leaf *leaf,
			  enum vfio_dirty_layer layer, u64 epoch,
			  unsigned long first, unsigned long nr, u64 *bits,
			  unsigned long to)
{
	if (vfio_dirty_leaf_void(leaf, layer, epoch))
		return;
	vfio_dirty_bits_or(bits, to, layer == VFIO_DIRTY_WRITTEN ?
			   leaf->written : leaf->dirty, first, nr);
}

/**
 * vfio_dirty_leaf_clean - forget what is dirty; what was written stays
 * @leaf: the leaf
 * @first: first page in the leaf
 * @nr: how many
 * @epoch: the run of dirty tracking, or 0
 */
void vfio_dirty_leaf_clean(struct vfio_dirty_leaf *leaf, unsigned long first,
			   unsigned long nr, u64 epoch)
{
	if (!epoch || leaf->epoch != epoch)
		return;
	/* no run has this number: what is there is void */
	if (nr == VFIO_DIRTY_LEAF_PAGES)
		leaf->epoch = 0;
	else
		vfio_dirty_bits_clear(leaf->dirty, first, nr);
}

/**
 * vfio_dirty_leaf_restore - make pages dirty again that were read in vain
 * @leaf: the leaf
 * @first: first page in the leaf
 * @nr: how many
 * @epoch: the run of dirty tracking, or 0
 * @bits: a map that says which of them
 * @from: first bit in @bits
 */
void vfio_dirty_leaf_restore(struct vfio_dirty_leaf *leaf, unsigned long first,
			     unsigned long nr, u64 epoch, const u64 *bits,
			     unsigned long from)
{
	if (!epoch)
		return;

	vfio_dirty_leaf_enter(leaf, epoch);
	vfio_dirty_bits_or(leaf->dirty, first, bits, from, nr);
}
