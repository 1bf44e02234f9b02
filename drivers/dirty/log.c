// SPDX-License-Identifier: GPL-2.0
/*
 * DMA logging by a device: which pages of guest memory it wrote since the log
 * was started or last read, for the vfio core, which brings it to the VMM. It is
 * of the device, not of a container, so that it also works where guest memory is
 * behind stock type1 or iommufd.
 *
 * Pages are logged when they were written, whether they are pinned or not, and
 * wherever they are: what the VMM asked to be logged is only what it will read.
 */
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/export.h>
#include <linux/iova_bitmap.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/vfio.h>
#include <linux/vfio_dirty.h>
#include <linux/xarray.h>

#include "compat_vfio.h"

/* One piece of a log: 16 MiB of guest memory in 512 bytes. */
#define VFIO_DIRTY_LOG_PAGES	4096UL
#define VFIO_DIRTY_LOG_BYTES	(VFIO_DIRTY_LOG_PAGES * PAGE_SIZE)

/**
 * struct vfio_dirty_log - what a device wrote
 * @ops: for the vfio core, which finds the log by them
 * @lock: protects all below
 * @started: there is somebody who wants to know; also read without the lock
 * @all: there was no memory for a piece: everything counts as written until the
 *	log is stopped
 * @pieces: bitmaps by number of their VFIO_DIRTY_LOG_BYTES
 */
struct vfio_dirty_log {
	struct vfio_log_ops ops;
	struct mutex lock;	/* see above */
	bool started;
	bool all;
	struct xarray pieces;
};

static struct vfio_dirty_log *vfio_dirty_log_find(struct vfio_device *vdev)
{
	return container_of(vdev->log_ops, struct vfio_dirty_log, ops);
}

static void vfio_dirty_log_clear_locked(struct vfio_dirty_log *log)
{
	unsigned long *piece, index;

	lockdep_assert_held(&log->lock);
	WRITE_ONCE(log->started, false);
	log->all = false;
	xa_for_each(&log->pieces, index, piece)
		kfree(piece);
	xa_destroy(&log->pieces);
}

/* Pages of 4 KiB, whatever the VMM would like: the core reports larger ones. */
static int vfio_dirty_log_start(struct vfio_device *vdev,
				struct rb_root_cached *ranges, u32 nnodes,
				u64 *page_size)
{
	struct vfio_dirty_log *log = vfio_dirty_log_find(vdev);
	int ret = -EINVAL;

	mutex_lock(&log->lock);
	if (!log->started) {
		WRITE_ONCE(log->started, true);
		*page_size = PAGE_SIZE;
		ret = 0;
	}
	mutex_unlock(&log->lock);
	/* a write that missed this is in what the VMM reads from now on */
	smp_mb();

	return ret;
}

static int vfio_dirty_log_stop(struct vfio_device *vdev)
{
	vfio_dirty_log_close(vfio_dirty_log_find(vdev));

	return 0;
}

/* Report pages of a piece, and forget them. */
static void vfio_dirty_log_sweep(unsigned long *piece, unsigned long base,
				 unsigned long first, unsigned long end,
				 struct iova_bitmap *dirty)
{
	unsigned long from, to;

	for (from = first; from < end; from = to) {
		from = find_next_bit(piece, end, from);
		if (from >= end)
			break;
		to = find_next_zero_bit(piece, end, from);
		iova_bitmap_set(dirty, base + from * PAGE_SIZE,
				(to - from) * PAGE_SIZE);
		bitmap_clear(piece, from, to - from);
	}
}

static void vfio_dirty_log_read_locked(struct vfio_dirty_log *log,
				       unsigned long iova, unsigned long last,
				       struct iova_bitmap *dirty)
{
	unsigned long index, *piece, base, first, end;

	lockdep_assert_held(&log->lock);
	xa_for_each_range(&log->pieces, index, piece,
			  iova / VFIO_DIRTY_LOG_BYTES,
			  last / VFIO_DIRTY_LOG_BYTES) {
		base = index * VFIO_DIRTY_LOG_BYTES;
		first = iova > base ? (iova - base) / PAGE_SIZE : 0;
		end = min((last - base) / PAGE_SIZE + 1, VFIO_DIRTY_LOG_PAGES);
		vfio_dirty_log_sweep(piece, base, first, end, dirty);
	}
}

static int vfio_dirty_log_read_and_clear(struct vfio_device *vdev,
					 unsigned long iova,
					 unsigned long length,
					 struct iova_bitmap *dirty)
{
	struct vfio_dirty_log *log = vfio_dirty_log_find(vdev);
	int ret = 0;

	if (!length || iova > ULONG_MAX - (length - 1))
		return -EINVAL;

	mutex_lock(&log->lock);
	if (!log->started)
		ret = -EINVAL;
	else if (log->all)
		iova_bitmap_set(dirty, iova, length);
	else
		vfio_dirty_log_read_locked(log, iova, iova + (length - 1),
					   dirty);
	mutex_unlock(&log->lock);

	return ret;
}

static unsigned long *vfio_dirty_log_piece_locked(struct vfio_dirty_log *log,
						  unsigned long index)
{
	unsigned long *piece = xa_load(&log->pieces, index);

	lockdep_assert_held(&log->lock);
	if (piece)
		return piece;
	piece = kcalloc(BITS_TO_LONGS(VFIO_DIRTY_LOG_PAGES), sizeof(*piece),
			GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	if (!piece)
		return NULL;
	if (xa_err(xa_store(&log->pieces, index, piece,
			    GFP_KERNEL_ACCOUNT | __GFP_NOWARN))) {
		kfree(piece);
		return NULL;
	}

	return piece;
}

static void vfio_dirty_log_mark_locked(struct vfio_dirty_log *log,
				       unsigned long page, unsigned long last)
{
	unsigned long *piece, nr;

	lockdep_assert_held(&log->lock);
	while (!log->all && page <= last) {
		nr = min(last - page + 1,
			 VFIO_DIRTY_LOG_PAGES - page % VFIO_DIRTY_LOG_PAGES);
		piece = vfio_dirty_log_piece_locked(log, page /
						    VFIO_DIRTY_LOG_PAGES);
		if (piece)
			bitmap_set(piece, page % VFIO_DIRTY_LOG_PAGES, nr);
		else
			log->all = true;
		page += nr;
	}
}

void vfio_dirty_log_mark(struct vfio_dirty_log *log, u64 iova, u64 len)
{
	if (!log)
		return;
	/* the write, then the look; vfio_dirty_log_start() has the other pair */
	smp_mb();
	if (!READ_ONCE(log->started))
		return;

	mutex_lock(&log->lock);
	if (log->started)
		vfio_dirty_log_mark_locked(log, iova / PAGE_SIZE,
					   (iova + (len - 1)) / PAGE_SIZE);
	mutex_unlock(&log->lock);
}
EXPORT_SYMBOL_GPL(vfio_dirty_log_mark);

static const struct vfio_log_ops vfio_dirty_log_ops = {
	.log_start = vfio_dirty_log_start,
	.log_stop = vfio_dirty_log_stop,
	.log_read_and_clear = vfio_dirty_log_read_and_clear,
};

struct vfio_dirty_log *vfio_dirty_log_create(struct vfio_device *vdev)
{
	struct vfio_dirty_log *log;

	if (!COMPAT_VFIO_HAS_IOVA_BITMAP)
		return NULL;

	log = kzalloc(sizeof(*log), GFP_KERNEL);
	if (!log)
		return ERR_PTR(-ENOMEM);
	log->ops = vfio_dirty_log_ops;
	mutex_init(&log->lock);
	xa_init(&log->pieces);
	vdev->log_ops = &log->ops;

	return log;
}
EXPORT_SYMBOL_GPL(vfio_dirty_log_create);

void vfio_dirty_log_close(struct vfio_dirty_log *log)
{
	if (!log)
		return;
	mutex_lock(&log->lock);
	vfio_dirty_log_clear_locked(log);
	mutex_unlock(&log->lock);
}
EXPORT_SYMBOL_GPL(vfio_dirty_log_close);

void vfio_dirty_log_destroy(struct vfio_dirty_log *log)
{
	if (!log)
		return;
	mutex_destroy(&log->lock);
	kfree(log);
}
EXPORT_SYMBOL_GPL(vfio_dirty_log_destroy);
