// SPDX-License-Identifier: GPL-2.0
/*
 * What a container should answer: see dirty_model.h. One page at a time,
 * without any of the cleverness that it is there to check.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <linux/vfio.h>

#include "dirty.h"
#include "dirty_model.h"

int dirty_model_init(struct dirty_model *model,
		     struct dirty_model_shared *shared, unsigned int nr)
{
	model->shared = shared;
	model->nr = nr;
	model->last_mapping = 0;
	model->pages = calloc(nr, sizeof(*model->pages));
	return model->pages ? 0 : -ENOMEM;
}

void dirty_model_free(struct dirty_model *model)
{
	free(model->pages);
	model->pages = NULL;
}

static void put_bit(__u64 *bitmap, unsigned int nr, bool value)
{
	const __u64 bit = 1ULL << nr % 64;

	if (value)
		bitmap[nr / 64] |= bit;
	else
		bitmap[nr / 64] &= ~bit;
}

static void page_write(struct dirty_model *model, struct dirty_model_page *page)
{
	page->written = true;
	page->room = true;
	if (model->shared->tracking)
		page->dirty = true;
}

static bool page_is_pinned(const struct dirty_model_page *page)
{
	return page->pins[0] || page->pins[1];
}

/* Its last pin goes: who held it may have written to it until now. */
static void page_unpinned(struct dirty_model *model,
			  struct dirty_model_page *page)
{
	if (page_is_pinned(page))
		return;
	if (page->held)
		page_write(model, page);
	page->held = false;
}

/* Does a range cut a mapping in two? */
static bool range_cuts(const struct dirty_model *model, unsigned int first,
		       unsigned int nr)
{
	const struct dirty_model_page *pages = model->pages;
	const unsigned int end = first + nr;

	return (first && pages[first].mapping &&
		pages[first].mapping == pages[first - 1].mapping) ||
	       (end < model->nr && pages[end].mapping &&
		pages[end].mapping == pages[end - 1].mapping);
}

int dirty_model_map(struct dirty_model *model, unsigned int first,
		    unsigned int nr, __u32 flags)
{
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		if (model->pages[i].mapping)
			return -EEXIST;
	}
	model->last_mapping++;
	for (i = first; i < first + nr; i++) {
		model->pages[i].mapping = model->last_mapping;
		model->pages[i].flags = flags;
	}
	return 0;
}

long long dirty_model_unmap(struct dirty_model *model, unsigned int first,
			    unsigned int nr, __u64 *bitmap)
{
	long long bytes = 0;
	unsigned int i;

	if (range_cuts(model, first, nr) ||
	    (bitmap && !model->shared->tracking))
		return -EINVAL;
	for (i = first; i < first + nr; i++) {
		struct dirty_model_page *page = &model->pages[i];

		if (!page->mapping)
			continue;
		page->pins[0] = 0;
		page->pins[1] = 0;
		page_unpinned(model, page);
		if (bitmap)
			put_bit(bitmap, i - first, page->dirty);
		memset(page, 0, sizeof(*page));
		bytes += DIRTY_PAGE;
	}
	return bytes;
}

/* How many pages from @first on can be pinned, and why not more. */
static unsigned int pin_reach(const struct dirty_model *model,
			      unsigned int first, unsigned int nr, __u32 flags,
			      int *why)
{
	unsigned int i;

	*why = 0;
	for (i = 0; i < nr; i++) {
		const struct dirty_model_page *page = &model->pages[first + i];

		if (!page->mapping)
			*why = -EINVAL;
		else if ((page->flags & flags) != flags)
			*why = -EPERM;
		if (*why)
			break;
	}
	return i;
}

long dirty_model_pin(struct dirty_model *model, unsigned int device,
		     unsigned int first, unsigned int nr, __u32 flags)
{
	const bool write = flags & PINTEST_WRITE;
	unsigned int i, reach;
	int why;

	if (!nr)
		return -EINVAL;
	if (nr > DIRTY_MODEL_PIN_MAX)
		return -E2BIG;
	reach = pin_reach(model, first, nr, flags, &why);
	for (i = first; i < first + reach; i++) {
		struct dirty_model_page *page = &model->pages[i];

		page->pins[device]++;
		if (write)
			page->room = true;
	}
	if (why) {
		/* the device never had them */
		dirty_model_unpin(model, device, first, reach);
		return why;
	}
	for (i = first; write && i < first + nr; i++) {
		if (model->shared->marks[device])
			break;
		model->pages[i].held = true;
		page_write(model, &model->pages[i]);
	}
	return nr;
}

void dirty_model_unpin(struct dirty_model *model, unsigned int device,
		       unsigned int first, unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		struct dirty_model_page *page = &model->pages[i];

		if (!page->pins[device])
			continue;
		page->pins[device]--;
		page_unpinned(model, page);
	}
}

int dirty_model_rw(struct dirty_model *model, __u64 offset, __u64 len,
		   bool write, __u64 *done)
{
	__u64 at, next;

	for (at = offset; at < offset + len; at = next) {
		struct dirty_model_page *page = &model->pages[at / DIRTY_PAGE];

		*done = at - offset;
		next = (at / DIRTY_PAGE + 1) * DIRTY_PAGE;
		if (!page->mapping)
			return -EINVAL;
		if (!(page->flags & VFIO_DMA_MAP_FLAG_READ) ||
		    (write && !(page->flags & VFIO_DMA_MAP_FLAG_WRITE)))
			return -EPERM;
		if (write)
			page_write(model, page);
	}
	*done = len;
	return 0;
}

bool dirty_model_can_mark(const struct dirty_model *model, unsigned int first,
			  unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++) {
		if (!model->pages[i].mapping || !model->pages[i].room)
			return false;
	}
	return true;
}

void dirty_model_mark(struct dirty_model *model, unsigned int first,
		      unsigned int nr)
{
	unsigned int i;

	for (i = first; i < first + nr; i++)
		page_write(model, &model->pages[i]);
}

void dirty_model_start(struct dirty_model *model)
{
	unsigned int i;

	for (i = 0; i < model->nr; i++)
		model->pages[i].dirty = false;
}

int dirty_model_check_get(const struct dirty_model *model, unsigned int first,
			  unsigned int nr)
{
	return range_cuts(model, first, nr) || !model->shared->tracking ?
	       -EINVAL : 0;
}

int dirty_model_get(struct dirty_model *model, unsigned int first,
		    unsigned int nr, __u64 *bitmap)
{
	const int ret = dirty_model_check_get(model, first, nr);
	unsigned int i;

	for (i = 0; i < nr && !ret; i++) {
		struct dirty_model_page *page = &model->pages[first + i];

		if (!page->mapping)
			continue;
		put_bit(bitmap, i, page->dirty || page->held);
		page->dirty = false;
	}
	return ret;
}

void dirty_model_written(const struct dirty_model *model, unsigned int first,
			 unsigned int nr, __u64 *bitmap)
{
	unsigned int i;

	memset(bitmap, 0, dirty_bytes(nr));
	for (i = 0; i < nr; i++) {
		const struct dirty_model_page *page = &model->pages[first + i];

		put_bit(bitmap, i, page->written || page->held);
	}
}

long dirty_model_pinned(const struct dirty_model *model)
{
	unsigned int i;
	long pinned = 0;

	for (i = 0; i < model->nr; i++)
		pinned += page_is_pinned(&model->pages[i]);
	return pinned;
}
