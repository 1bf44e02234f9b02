/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a container should answer: a plain model, an entry a page, of a window
 * of IOVAs, the mappings in it, and what two pintest devices hold and write.
 * Every function does to the model what the call of the same name does to the
 * kernel, and returns what that should return. Pages are counted from the
 * window's first.
 */
#ifndef _SELFTESTS_DIRTY_MODEL_H
#define _SELFTESTS_DIRTY_MODEL_H

#include <stdbool.h>
#include <linux/types.h>

#define DIRTY_MODEL_DEVICES	2
#define DIRTY_MODEL_PIN_MAX	512	/* pages a call */

/**
 * struct dirty_model_page - a page of the window
 * @mapping: number of its mapping, 0 if it is not mapped
 * @flags: VFIO_DMA_MAP_FLAG_READ, _WRITE
 * @pins: how often each device pinned it
 * @held: a driver that does not mark pinned it for writing, and it has been
 *	  pinned ever since
 * @room: there is room for its bits: it was once pinned for writing or written
 * @written: a device wrote it since it was mapped
 * @dirty: a device wrote it since tracking started or it was last read
 */
struct dirty_model_page {
	__u32 mapping;
	__u8 flags;
	__u16 pins[DIRTY_MODEL_DEVICES];
	bool held;
	bool room;
	bool written;
	bool dirty;
};

/**
 * struct dirty_model_shared - what all windows of a container have in common
 * @tracking: dirty tracking is on
 * @marks: the driver of this device marks its own writes
 */
struct dirty_model_shared {
	bool tracking;
	bool marks[DIRTY_MODEL_DEVICES];
};

struct dirty_model {
	struct dirty_model_shared *shared;
	struct dirty_model_page *pages;
	unsigned int nr;
	__u32 last_mapping;
};

int dirty_model_init(struct dirty_model *model,
		     struct dirty_model_shared *shared, unsigned int nr);
void dirty_model_free(struct dirty_model *model);

int dirty_model_map(struct dirty_model *model, unsigned int first,
		    unsigned int nr, __u32 flags);
/* Bytes, or -EINVAL; @bitmap is for UNMAP with dirty bits, or NULL. */
long long dirty_model_unmap(struct dirty_model *model, unsigned int first,
			    unsigned int nr, __u64 *bitmap);
long dirty_model_pin(struct dirty_model *model, unsigned int device,
		     unsigned int first, unsigned int nr, __u32 flags);
void dirty_model_unpin(struct dirty_model *model, unsigned int device,
		       unsigned int first, unsigned int nr);

/*
 * vfio_dma_rw() of @len bytes from @offset bytes on. @done is how many of them
 * are copied.
 */
int dirty_model_rw(struct dirty_model *model, __u64 offset, __u64 len,
		   bool write, __u64 *done);

/* Can these pages be marked without an error? */
bool dirty_model_can_mark(const struct dirty_model *model, unsigned int first,
			  unsigned int nr);
void dirty_model_mark(struct dirty_model *model, unsigned int first,
		      unsigned int nr);

/* Tracking starts: what was dirty before counts no more. */
void dirty_model_start(struct dirty_model *model);

/* -EINVAL, or sets and clears the bits of mapped pages in @bitmap. */
int dirty_model_get(struct dirty_model *model, unsigned int first,
		    unsigned int nr, __u64 *bitmap);
/* Does a GET fail before it looks at the bitmap? */
int dirty_model_check_get(const struct dirty_model *model, unsigned int first,
			  unsigned int nr);
void dirty_model_written(const struct dirty_model *model, unsigned int first,
			 unsigned int nr, __u64 *bitmap);

/* Pages that are pinned. */
long dirty_model_pinned(const struct dirty_model *model);

#endif /* _SELFTESTS_DIRTY_MODEL_H */
