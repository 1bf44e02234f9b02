// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of pages, as few spans in an array. Compiles in user space too, where
 * tools/testing/unit/dirty/ tests it against a model.
 */
#include <linux/minmax.h>
#include <linux/string.h>

#include "span.h"

/**
 * vfio_dirty_spans_add - add pages behind those that are there
 * @spans: the set, with room for one span more
 * @first: first page, not before that of the last span
 * @last: last page
 */
void vfio_dirty_spans_add(struct vfio_dirty_spans *spans, unsigned long first,
			  unsigned long last)
{
	struct vfio_dirty_span *end = spans->span + spans->nr;

	if (spans->nr && end[-1].last + 1 >= first) {
		end[-1].last = max(end[-1].last, last);
		return;
	}
	end->first = first;
	end->last = last;
	spans->nr++;
}

/**
 * vfio_dirty_spans_copy - make a set the same as another
 * @spans: the set
 * @from: the other, with no more spans than @spans has room for
 */
void vfio_dirty_spans_copy(struct vfio_dirty_spans *spans,
			   const struct vfio_dirty_spans *from)
{
	memcpy(spans->span, from->span, from->nr * sizeof(*from->span));
	spans->nr = from->nr;
}

/**
 * vfio_dirty_spans_next - find the first pages of a range that are in a set
 * @spans: the set
 * @first: first page of the range
 * @last: last page
 * @part: filled in with all of them that follow each other
 *
 * Return: false if there is none.
 */
bool vfio_dirty_spans_next(const struct vfio_dirty_spans *spans,
			   unsigned long first, unsigned long last,
			   struct vfio_dirty_span *part)
{
	const struct vfio_dirty_span *span = spans->span;
	const struct vfio_dirty_span *end = span + spans->nr;

	while (span < end && span->last < first)
		span++;
	if (span == end || span->first > last)
		return false;

	part->first = max(span->first, first);
	part->last = min(span->last, last);
	return true;
}

/* A hole in a span makes two of it. Without room for them it stays whole. */
static void vfio_dirty_spans_split(struct vfio_dirty_spans *spans,
				   struct vfio_dirty_span *span,
				   unsigned long first, unsigned long last)
{
	struct vfio_dirty_span *end = spans->span + spans->nr;

	if (spans->nr == spans->room)
		return;
	memmove(span + 1, span, (end - span) * sizeof(*span));
	span[0].last = first - 1;
	span[1].first = last + 1;
	spans->nr++;
}

/**
 * vfio_dirty_spans_cut - remove pages from a set
 * @spans: the set
 * @first: first page
 * @last: last page
 *
 * If that takes one span more than there is room for, the pages stay in.
 */
void vfio_dirty_spans_cut(struct vfio_dirty_spans *spans, unsigned long first,
			  unsigned long last)
{
	struct vfio_dirty_span *span = spans->span;
	struct vfio_dirty_span *end = span + spans->nr;
	struct vfio_dirty_span *keep;

	while (span < end && span->last < first)
		span++;
	if (span == end || span->first > last)
		return;
	if (span->first < first && span->last > last) {
		vfio_dirty_spans_split(spans, span, first, last);
		return;
	}

	if (span->first < first)
		span++->last = first - 1;
	for (keep = span; keep < end && keep->last <= last;)
		keep++;
	if (keep < end && keep->first <= last)
		keep->first = last + 1;
	memmove(span, keep, (end - keep) * sizeof(*span));
	spans->nr -= keep - span;
}
