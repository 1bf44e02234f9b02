/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Sets of pages, as few spans in an array. Pure: no locks, no allocation.
 */
#ifndef _VFIO_DIRTY_SPAN_H
#define _VFIO_DIRTY_SPAN_H

#include <linux/types.h>

/**
 * struct vfio_dirty_span - pages that follow each other
 * @first: first page
 * @last: last page
 */
struct vfio_dirty_span {
	unsigned long first;
	unsigned long last;
};

/**
 * struct vfio_dirty_spans - a set of pages
 * @span: the spans, ascending, with a page between two at least
 * @nr: how many
 * @room: how many there may be
 */
struct vfio_dirty_spans {
	struct vfio_dirty_span *span;
	unsigned int nr;
	unsigned int room;
};

void vfio_dirty_spans_add(struct vfio_dirty_spans *spans, unsigned long first,
			  unsigned long last);
void vfio_dirty_spans_copy(struct vfio_dirty_spans *spans,
			   const struct vfio_dirty_spans *from);
bool vfio_dirty_spans_next(const struct vfio_dirty_spans *spans,
			   unsigned long first, unsigned long last,
			   struct vfio_dirty_span *part);
void vfio_dirty_spans_cut(struct vfio_dirty_spans *spans, unsigned long first,
			  unsigned long last);

#endif /* _VFIO_DIRTY_SPAN_H */
