// SPDX-License-Identifier: GPL-2.0
/*
 * The leaves of a mapping: where they come from, and marking in them what the
 * devices wrote.
 */
#include <linux/sched.h>
#include <linux/slab.h>

#include "vfio_dirty_private.h"

static struct kmem_cache *vfio_dirty_leaf_cache;

/**
 * vfio_dirty_leaves_init - called when the module is loaded
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_dirty_leaves_init(void)
{
	vfio_dirty_leaf_cache = kmem_cache_create("vfio_dirty_leaf",
						  sizeof(struct vfio_dirty_leaf),
						  0, SLAB_ACCOUNT, NULL);
	return vfio_dirty_leaf_cache ? 0 : -ENOMEM;
}

/**
 * vfio_dirty_leaves_exit - called when the module is unloaded
 */
void vfio_dirty_leaves_exit(void)
{
	kmem_cache_destroy(vfio_dirty_leaf_cache);
}

/**
 * vfio_dirty_leaf_alloc - make a leaf in which nothing was written
 *
 * Return: the leaf or NULL.
 */
struct vfio_dirty_leaf *vfio_dirty_leaf_alloc(void)
{
	return kmem_cache_zalloc(vfio_dirty_leaf_cache, VFIO_DIRTY_GFP_RECORD);
}

/**
 * vfio_dirty_leaf_free - undo vfio_dirty_leaf_alloc()
 * @leaf: a leaf of which nothing is pinned
 */
void vfio_dirty_leaf_free(struct vfio_dirty_leaf *leaf)
{
	kfree(leaf->blocks);
	kmem_cache_free(vfio_dirty_leaf_cache, leaf);
}

/**
 * vfio_dirty_leaves_reserve_locked - make sure that pages can be marked
 * @c: the container
 * @m: the mapping
 * @page: first page
 * @nr: how many
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_dirty_leaves_reserve_locked(struct vfio_dirty_container *c,
				     struct vfio_dirty_mapping *m,
				     unsigned long page, unsigned long nr)
{
	unsigned long i, last = (page + nr - 1) >> VFIO_DIRTY_LEAF_SHIFT;
	struct vfio_dirty_leaf *leaf;
	int ret;

	lockdep_assert_held(&c->lock);
	for (i = page >> VFIO_DIRTY_LEAF_SHIFT; i <= last; i++) {
		if (vfio_dirty_leaf_find_locked(c, m, i <<
						VFIO_DIRTY_LEAF_SHIFT))
			continue;
		leaf = vfio_dirty_leaf_alloc();
		if (!leaf)
			return -ENOMEM;
		ret = xa_insert(&m->leaves, i, leaf, VFIO_DIRTY_GFP_RECORD);
		if (ret) {
			vfio_dirty_leaf_free(leaf);
			return ret;
		}
		cond_resched();
	}
	return 0;
}

/**
 * vfio_dirty_leaves_mark_locked - pages were written
 * @c: the container
 * @m: the mapping
 * @page: first page
 * @nr: how many
 *
 * Return: 0, or -EINVAL if some were never reserved (the rest is marked).
 */
int vfio_dirty_leaves_mark_locked(struct vfio_dirty_container *c,
				  struct vfio_dirty_mapping *m,
				  unsigned long page, unsigned long nr)
{
	unsigned long i, last = (page + nr - 1) >> VFIO_DIRTY_LEAF_SHIFT;
	u64 epoch = vfio_dirty_epoch_locked(c);
	unsigned long first, n, marked = 0;
	struct vfio_dirty_leaf *leaf;

	lockdep_assert_held(&c->lock);
	for (i = page >> VFIO_DIRTY_LEAF_SHIFT; i <= last; i++) {
		leaf = vfio_dirty_leaf_find_locked(c, m, i <<
						   VFIO_DIRTY_LEAF_SHIFT);
		if (!leaf)
			continue;
		n = vfio_dirty_leaf_part(i, page, nr, &first);
		vfio_dirty_leaf_mark(leaf, first, n, epoch);
		marked += n;
	}
	return marked == nr ? 0 : -EINVAL;
}

/**
 * vfio_dirty_leaves_free - free all leaves of a mapping
 * @m: a mapping that nobody else can reach
 */
void vfio_dirty_leaves_free(struct vfio_dirty_mapping *m)
{
	struct vfio_dirty_leaf *leaf;
	unsigned long i;

	if (xa_empty(&m->leaves))
		return;
	xa_for_each(&m->leaves, i, leaf) {
		vfio_dirty_leaf_free(leaf);
		cond_resched();
	}
	xa_destroy(&m->leaves);
}
