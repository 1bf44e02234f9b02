// SPDX-License-Identifier: GPL-2.0
/*
 * Telling user space what the devices wrote.
 *
 * A query goes through its range in chunks of at most 4 KiB of bitmap. A chunk
 * is gathered under the container's lock, whole words at a time, and copied to
 * user space without it; one of which nothing is dirty is not gathered, only
 * zeroed there. Work is done for each leaf and pin block, never for each page.
 */
#include <linux/export.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio_dirty.h>

#include "trace.h"
#include "vfio_dirty_private.h"

#define VFIO_DIRTY_CHUNK_WORDS	512
#define VFIO_DIRTY_CHUNK_FEW	4
#define VFIO_DIRTY_CHUNK_BITS	(VFIO_DIRTY_CHUNK_WORDS * VFIO_DIRTY_WORD_BITS)

/**
 * struct vfio_dirty_query - what user space asks for
 * @first: first byte of the range
 * @last: last byte of the range
 * @base: the IOVA of bit 0
 * @data: the bitmap
 * @layer: which writes
 * @epoch: the run of dirty tracking that is asked about, 0 for none; known from
 *	   the first chunk on
 * @take: what was read is clean afterwards; no mapping may lie across an end
 *	  of the range
 * @whole: user space gets zeros for what is not mapped; otherwise those bits
 *	   of its bitmap stay as they are
 */
struct vfio_dirty_query {
	u64 first;
	u64 last;
	u64 base;
	void __user *data;
	enum vfio_dirty_layer layer;
	u64 epoch;
	bool take;
	bool whole;
};

/**
 * struct vfio_dirty_chunk - a part of a query
 * @first: first byte of the range
 * @last: last byte of the range
 * @word: which word of the query's bitmap is the first here
 * @words: how many words
 * @covered: how many bits mappings answer for
 * @filled: how many words of @bits are set up; those after them are zeros, so
 *	    that none is what a clean chunk has
 * @ragged: its ends are not those of words, so that @mask is needed
 * @mask: the bits of the answer that belong to user space's bitmap; not set up
 *	  if all do
 * @bits: the answer
 */
struct vfio_dirty_chunk {
	u64 first;
	u64 last;
	u64 word;
	unsigned long words;
	unsigned long covered;
	unsigned long filled;
	bool ragged;
	u64 *mask;
	u64 *bits;
};

/* The part of a mapping that lies in a chunk. */
struct vfio_dirty_piece {
	unsigned long page;
	unsigned long nr;
	unsigned long bit;
};

/**
 * vfio_dirty_tracking_start - begin to keep the dirty layer, from empty
 * @c: the container
 *
 * Return: 0, also if it is kept already, -EINVAL or -EINTR.
 */
int vfio_dirty_tracking_start(struct vfio_dirty_container *c)
{
	int ret = mutex_lock_killable(&c->lock);

	if (ret)
		return ret;
	if (c->dead) {
		ret = -EINVAL;
	} else if (!c->tracking) {
		c->tracking = true;
		c->epoch++;
	}
	mutex_unlock(&c->lock);
	return ret;
}

/**
 * vfio_dirty_tracking_stop - drop the dirty layer
 * @c: the container
 *
 * Return: 0, also if it is not kept, -EINVAL or -EINTR.
 */
int vfio_dirty_tracking_stop(struct vfio_dirty_container *c)
{
	int ret = mutex_lock_killable(&c->lock);

	if (ret)
		return ret;
	if (c->dead)
		ret = -EINVAL;
	c->tracking = false;
	mutex_unlock(&c->lock);
	return ret;
}

/* Set up the chunk that begins at a byte of the range. */
static void vfio_dirty_chunk_begin(const struct vfio_dirty_query *q,
				   struct vfio_dirty_chunk *chunk, u64 first)
{
	u64 bit = (first - q->base) >> PAGE_SHIFT;
	u64 room = VFIO_DIRTY_CHUNK_BITS - bit % VFIO_DIRTY_WORD_BITS;
	u64 last_bit;

	chunk->first = first;
	if (q->last - first < room << PAGE_SHIFT)
		chunk->last = q->last;
	else
		chunk->last = first + (room << PAGE_SHIFT) - 1;

	last_bit = (chunk->last - q->base) >> PAGE_SHIFT;
	chunk->word = bit / VFIO_DIRTY_WORD_BITS;
	chunk->words = last_bit / VFIO_DIRTY_WORD_BITS - chunk->word + 1;
	chunk->covered = 0;
	chunk->filled = 0;
	chunk->ragged = !q->whole && (bit | (last_bit + 1)) %
				     VFIO_DIRTY_WORD_BITS;
	if (chunk->ragged)
		memset(chunk->mask, 0, chunk->words * sizeof(u64));
}

/* Set up the words of the answer before one of them. */
static void vfio_dirty_chunk_fill(struct vfio_dirty_chunk *chunk,
				  unsigned long end)
{
	if (end <= chunk->filled)
		return;
	memset(chunk->bits + chunk->filled, 0,
	       (end - chunk->filled) * sizeof(u64));
	chunk->filled = end;
}

/* Do all bits of the words belong to user space's bitmap? */
static bool vfio_dirty_chunk_solid(const struct vfio_dirty_query *q,
				   const struct vfio_dirty_chunk *chunk)
{
	return q->whole ||
	       chunk->covered == chunk->words * VFIO_DIRTY_WORD_BITS;
}

static struct vfio_dirty_piece
vfio_dirty_chunk_piece(const struct vfio_dirty_query *q,
		       const struct vfio_dirty_chunk *chunk,
		       const struct vfio_dirty_mapping *m)
{
	u64 from = max(m->iova, chunk->first), to = min(m->last, chunk->last);

	return (struct vfio_dirty_piece) {
		.page = (from - m->iova) >> PAGE_SHIFT,
		.nr = ((to - from) >> PAGE_SHIFT) + 1,
		.bit = ((from - q->base) >> PAGE_SHIFT) -
		       chunk->word * VFIO_DIRTY_WORD_BITS,
	};
}

/* Add nr pages of a leaf to the answer, from a bit of it on. */
static void vfio_dirty_chunk_leaf(const struct vfio_dirty_query *q,
				  struct vfio_dirty_chunk *chunk,
				  struct vfio_dirty_leaf *leaf, u64 epoch,
				  unsigned long first, unsigned long nr,
				  unsigned long bit)
{
	unsigned long word = bit / VFIO_DIRTY_WORD_BITS;
	unsigned long end = (bit + nr - 1) / VFIO_DIRTY_WORD_BITS + 1;
	bool none = vfio_dirty_leaf_void(leaf, q->layer, epoch);

	if (none && !leaf->held)
		return;
	if (!none && word >= chunk->filled &&
	    IS_ALIGNED(first | nr | bit, VFIO_DIRTY_WORD_BITS)) {
		vfio_dirty_chunk_fill(chunk, word);
		vfio_dirty_leaf_copy(leaf, q->layer,
				     first / VFIO_DIRTY_WORD_BITS, end - word,
				     chunk->bits + word);
		chunk->filled = end;
	} else {
		vfio_dirty_chunk_fill(chunk, end);
		vfio_dirty_leaf_read(leaf, q->layer, epoch, first, nr,
				     chunk->bits, bit);
	}
	if (q->take)
		vfio_dirty_leaf_clean(leaf, first, nr, epoch);
	if (leaf->held)
		vfio_dirty_blocks_read(leaf, first, nr, chunk->bits, bit);
}

static void vfio_dirty_chunk_read_locked(struct vfio_dirty_container *c,
					 const struct vfio_dirty_query *q,
					 struct vfio_dirty_chunk *chunk,
					 struct vfio_dirty_mapping *m)
{
	struct vfio_dirty_piece p = vfio_dirty_chunk_piece(q, chunk, m);
	XA_STATE(xas, &m->leaves, p.page >> VFIO_DIRTY_LEAF_SHIFT);
	u64 epoch = vfio_dirty_epoch_locked(c);
	unsigned long first, n, bit;
	struct vfio_dirty_leaf *leaf;

	lockdep_assert_held(&c->lock);
	chunk->covered += p.nr;
	if (chunk->ragged)
		vfio_dirty_bits_set(chunk->mask, p.bit, p.nr);
	if (xa_empty(&m->leaves))
		return;
	rcu_read_lock();
	xas_for_each(&xas, leaf, (p.page + p.nr - 1) >> VFIO_DIRTY_LEAF_SHIFT) {
		n = vfio_dirty_leaf_part(xas.xa_index, p.page, p.nr, &first);
		bit = p.bit + (xas.xa_index << VFIO_DIRTY_LEAF_SHIFT) + first -
		      p.page;
		vfio_dirty_chunk_leaf(q, chunk, leaf, epoch, first, n, bit);
	}
	rcu_read_unlock();
}

/* There are holes between the mappings: find out which bits are ours. */
static void vfio_dirty_chunk_mask_locked(struct vfio_dirty_container *c,
					 const struct vfio_dirty_query *q,
					 struct vfio_dirty_chunk *chunk)
{
	struct vfio_dirty_mapping *m;
	struct vfio_dirty_piece p;

	lockdep_assert_held(&c->lock);
	memset(chunk->mask, 0, chunk->words * sizeof(u64));
	m = vfio_dirty_mapping_first_locked(c, chunk->first);
	for (; m && m->iova <= chunk->last;
	     m = vfio_dirty_mapping_next_locked(c, m, chunk->last)) {
		p = vfio_dirty_chunk_piece(q, chunk, m);
		vfio_dirty_bits_set(chunk->mask, p.bit, p.nr);
	}
}

/*
 * May a chunk be answered? All of a query are of one run of dirty tracking, which
 * somebody may end and begin anew whenever the lock is dropped.
 */
static int vfio_dirty_chunk_check_locked(struct vfio_dirty_container *c,
					 struct vfio_dirty_query *q,
					 const struct vfio_dirty_chunk *chunk)
{
	u64 epoch = vfio_dirty_epoch_locked(c);

	lockdep_assert_held(&c->lock);
	if (c->dead)
		return -EINVAL;
	if (q->layer == VFIO_DIRTY_WRITTEN)
		return 0;
	if (chunk->first == q->first)
		q->epoch = epoch;
	if (!epoch || epoch != q->epoch)
		return -EINVAL;
	if (q->take && vfio_dirty_mapping_cut_locked(c, q->first, q->last))
		return -EINVAL;
	return 0;
}

/* Gather the answer for a chunk. */
static int vfio_dirty_chunk_gather(struct vfio_dirty_container *c,
				   struct vfio_dirty_query *q,
				   struct vfio_dirty_chunk *chunk)
{
	struct vfio_dirty_mapping *m;
	int ret = mutex_lock_killable(&c->lock);

	if (ret)
		return ret;
	ret = vfio_dirty_chunk_check_locked(c, q, chunk);
	if (ret) {
		mutex_unlock(&c->lock);
		return ret;
	}
	m = vfio_dirty_mapping_first_locked(c, chunk->first);
	for (; m && m->iova <= chunk->last;
	     m = vfio_dirty_mapping_next_locked(c, m, chunk->last))
		vfio_dirty_chunk_read_locked(c, q, chunk, m);
	if (!chunk->ragged && !vfio_dirty_chunk_solid(q, chunk))
		vfio_dirty_chunk_mask_locked(c, q, chunk);
	mutex_unlock(&c->lock);
	return 0;
}

/* Copy one word, of which only some bits are ours. */
static int vfio_dirty_chunk_merge(u64 __user *to, u64 bits, u64 mask)
{
	u64 word;

	if (get_user(word, to))
		return -EFAULT;
	return put_user((word & ~mask) | bits, to);
}

/* Copy the words of which some bits are ours. */
static int vfio_dirty_chunk_store_masked(u64 __user *data,
					 const struct vfio_dirty_chunk *chunk)
{
	unsigned long i, n;
	int ret = 0;

	for (i = 0; i < chunk->words && !ret; i += n) {
		n = 1;
		if (!chunk->mask[i])
			continue;
		if (chunk->mask[i] != U64_MAX) {
			ret = vfio_dirty_chunk_merge(data + i, chunk->bits[i],
						     chunk->mask[i]);
			continue;
		}
		while (i + n < chunk->words && chunk->mask[i + n] == U64_MAX)
			n++;
		if (copy_to_user(data + i, chunk->bits + i, n * sizeof(u64)))
			ret = -EFAULT;
	}
	return ret;
}

static int vfio_dirty_chunk_store(const struct vfio_dirty_query *q,
				  struct vfio_dirty_chunk *chunk)
{
	u64 __user *data = (u64 __user *)q->data + chunk->word;
	size_t size = chunk->words * sizeof(u64);
	unsigned long left;

	if (!q->whole && !chunk->covered)
		return 0;
	if (!vfio_dirty_chunk_solid(q, chunk)) {
		vfio_dirty_chunk_fill(chunk, chunk->words);
		return vfio_dirty_chunk_store_masked(data, chunk);
	}
	if (!chunk->filled) {
		left = clear_user(data, size);
	} else {
		vfio_dirty_chunk_fill(chunk, chunk->words);
		left = copy_to_user(data, chunk->bits, size);
	}
	return left ? -EFAULT : 0;
}

/*
 * Make the pages of a chunk dirty again that its bits name, unless another run of
 * dirty tracking has begun: that one knows nothing of them.
 */
static void vfio_dirty_chunk_restore(struct vfio_dirty_container *c,
				     const struct vfio_dirty_query *q,
				     const struct vfio_dirty_chunk *chunk)
{
	struct vfio_dirty_mapping *m;
	struct vfio_dirty_leaf *leaf;
	unsigned long i, first, n;
	u64 epoch;

	if (!chunk->filled)
		return;
	mutex_lock(&c->lock);
	epoch = vfio_dirty_epoch_locked(c);
	m = epoch == q->epoch ?
	    vfio_dirty_mapping_first_locked(c, chunk->first) : NULL;
	for (; m && m->iova <= chunk->last;
	     m = vfio_dirty_mapping_next_locked(c, m, chunk->last)) {
		struct vfio_dirty_piece p = vfio_dirty_chunk_piece(q, chunk, m);

		xa_for_each_range(&m->leaves, i, leaf,
				  p.page >> VFIO_DIRTY_LEAF_SHIFT,
				  (p.page + p.nr - 1) >> VFIO_DIRTY_LEAF_SHIFT) {
			n = vfio_dirty_leaf_part(i, p.page, p.nr, &first);
			vfio_dirty_leaf_restore(leaf, first, n, epoch,
						chunk->bits, p.bit +
						(i << VFIO_DIRTY_LEAF_SHIFT) +
						first - p.page);
		}
	}
	mutex_unlock(&c->lock);
}

/*
 * A query failed at a chunk. User space cannot use what it got of the chunks
 * before, so make those pages dirty again too. The only record of them is in
 * user memory; where it cannot be read, all pages of the chunk may be dirty.
 */
static void vfio_dirty_query_undo(struct vfio_dirty_container *c,
				  const struct vfio_dirty_query *q,
				  struct vfio_dirty_chunk *chunk, u64 end)
{
	u64 first = q->first;

	while (first != end) {
		u64 __user *data;

		vfio_dirty_chunk_begin(q, chunk, first);
		data = (u64 __user *)q->data + chunk->word;
		if (copy_from_user(chunk->bits, data,
				   chunk->words * sizeof(u64)))
			memset(chunk->bits, 0xff, chunk->words * sizeof(u64));
		chunk->filled = chunk->words;
		vfio_dirty_chunk_restore(c, q, chunk);
		first = chunk->last + 1;
		cond_resched();
	}
}

static int vfio_dirty_query_chunks(struct vfio_dirty_container *c,
				   struct vfio_dirty_query *q,
				   struct vfio_dirty_chunk *chunk)
{
	u64 first = q->first;
	int ret;

	for (;;) {
		vfio_dirty_chunk_begin(q, chunk, first);
		ret = vfio_dirty_chunk_gather(c, q, chunk);
		if (ret)
			break;
		ret = vfio_dirty_chunk_store(q, chunk);
		if (ret && q->take)
			vfio_dirty_chunk_restore(c, q, chunk);
		if (ret || chunk->last == q->last)
			break;
		first = chunk->last + 1;
		if (fatal_signal_pending(current)) {
			ret = -EINTR;
			break;
		}
		cond_resched();
	}
	if (ret && q->take)
		vfio_dirty_query_undo(c, q, chunk, first);
	return ret;
}

static int vfio_dirty_query_run(struct vfio_dirty_container *c,
				struct vfio_dirty_query *q)
{
	u64 first = ((q->first - q->base) >> PAGE_SHIFT) / VFIO_DIRTY_WORD_BITS;
	u64 last = ((q->last - q->base) >> PAGE_SHIFT) / VFIO_DIRTY_WORD_BITS;
	u64 few[2 * VFIO_DIRTY_CHUNK_FEW];
	struct vfio_dirty_chunk chunk;
	unsigned long words;
	int ret;

	words = min_t(u64, last - first + 1, VFIO_DIRTY_CHUNK_WORDS);
	chunk.bits = few;
	if (words > VFIO_DIRTY_CHUNK_FEW)
		chunk.bits = kvmalloc_array(2 * words, sizeof(u64),
					    GFP_KERNEL_ACCOUNT);
	if (!chunk.bits)
		return -ENOMEM;
	chunk.mask = chunk.bits + words;
	ret = vfio_dirty_query_chunks(c, q, &chunk);
	if (chunk.bits != few)
		kvfree(chunk.bits);
	trace_vfio_dirty_query(c->id, q->first, q->last, q->layer, ret);
	return ret;
}

/**
 * vfio_dirty_query_written - which pages were written since they were mapped
 * @c: the container
 * @iova: first byte
 * @last: last byte
 * @data: receives the bits in whole words, zeros for what is not mapped
 *
 * Return: 0, -EINVAL, -EFAULT, -ENOMEM or -EINTR.
 */
int vfio_dirty_query_written(struct vfio_dirty_container *c, u64 iova,
			     u64 last, void __user *data)
{
	struct vfio_dirty_query q = {
		.first = iova,
		.last = last,
		.base = iova,
		.data = data,
		.layer = VFIO_DIRTY_WRITTEN,
		.whole = true,
	};

	return vfio_dirty_query_run(c, &q);
}

/**
 * vfio_dirty_query_dirty - which pages are dirty; they are clean afterwards
 * @c: the container
 * @iova: first byte
 * @last: last byte
 * @data: receives the bits of what is mapped
 *
 * Return: 0, -EINVAL if a mapping lies across an end of the range or tracking
 * is off or was, -EFAULT, -ENOMEM or -EINTR. On an error nothing becomes clean.
 */
int vfio_dirty_query_dirty(struct vfio_dirty_container *c, u64 iova, u64 last,
			   void __user *data)
{
	struct vfio_dirty_query q = {
		.first = iova,
		.last = last,
		.base = iova,
		.data = data,
		.layer = VFIO_DIRTY_DIRTY,
		.take = true,
	};

	return vfio_dirty_query_run(c, &q);
}

/**
 * vfio_dirty_query_unmap - which pages of a mapping that goes are dirty
 * @c: the container
 * @m: the mapping, which is dying and has neither users nor pins
 * @base: the IOVA of bit 0
 * @data: receives the bits of the mapping
 *
 * Return: 0, -EINVAL if tracking is off, -EFAULT, -ENOMEM or -EINTR.
 */
int vfio_dirty_query_unmap(struct vfio_dirty_container *c,
			   const struct vfio_dirty_mapping *m, u64 base,
			   void __user *data)
{
	struct vfio_dirty_query q = {
		.first = m->iova,
		.last = m->last,
		.base = base,
		.data = data,
		.layer = VFIO_DIRTY_DIRTY,
	};

	return vfio_dirty_query_run(c, &q);
}
