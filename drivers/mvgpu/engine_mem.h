/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the engine reaches memory: a chunk names the pages it will touch, gets
 * all of them or those before the first that faults, and uses them until it
 * ends. Only the worker's thread does this.
 *
 * What runs for every page of a chunk is here, to be inlined: a page takes
 * little more than its memcpy().
 */
#ifndef _MVGPU_ENGINE_MEM_H
#define _MVGPU_ENGINE_MEM_H

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/wait.h>

#include "mvgpu_private.h"

/* So many copies by another thread, and whoever waits for the step is looked at. */
#define MVGPU_FOREIGN_COPIES	16

/* In the place of a page: for a while, this memory is reached by copies. */
#define MVGPU_GTT_COPIED	((struct page *)ERR_PTR(-EFAULT))

/**
 * struct mvgpu_range - pages that a chunk named
 * @index: GTT entry of the first
 * @nr: how many follow each other in the GTT
 */
struct mvgpu_range {
	u32 index;
	u32 nr;
};

/**
 * struct mvgpu_segment - pages that follow each other everywhere
 * @index: GTT entry of the first
 * @nr: how many there are
 * @entry: what the first entry is; each that follows maps the next page
 * @page: VRAM or pinned guest memory, the others follow in the kernel's memory;
 *	NULL for VRAM that reads as zeros and guest memory that is not pinned
 * @copied: guest memory that cannot be
 */
struct mvgpu_segment {
	u32 index;
	u32 nr;
	u64 entry;
	struct page *page;
	bool copied;
};

/**
 * struct mvgpu_side - the pages that a chunk reads, or those that it writes
 * @nr: pages named
 * @nr_ranges: ranges of them
 * @nr_segments: segments before the first page that faults
 * @at: segment in use, or the one before it
 * @fault: enum mvgpu_fault; why that page cannot be touched
 * @missing: there are segments without pages that are to be pinned or allocated
 * @failed: enum mvgpu_fault; why @failed_entry could not be pinned or allocated
 * @failed_index: where it was
 * @failed_entry: the GTT entry then
 * @ranges: in the order in which they are touched
 * @segments: the same
 */
struct mvgpu_side {
	unsigned int nr;
	unsigned int nr_ranges;
	unsigned int nr_segments;
	unsigned int at;
	u32 fault;
	bool missing;
	u32 failed;
	u32 failed_index;
	u64 failed_entry;
	struct mvgpu_range ranges[MVGPU_CHUNK_PAGES];
	struct mvgpu_segment segments[MVGPU_CHUNK_PAGES];
};

/**
 * struct mvgpu_written - bytes written that are yet to be marked
 * @vram: of VRAM, else of guest memory
 * @start: offset in VRAM, or IOVA
 * @len: how many; 0 if there are none. They may end with the last IOVA
 */
struct mvgpu_written {
	bool vram;
	u64 start;
	u64 len;
};

/**
 * struct mvgpu_foreign - copies of memory that another process has mapped
 * @task: makes them; NULL if the step had none yet
 * @wait: it waits here
 * @asked: there is one to be made; @vdev to @write say which
 * @vdev: the device
 * @iova: first byte
 * @data: kernel memory
 * @len: how many bytes
 * @write: to guest memory
 * @ret: result
 * @starved: it is -EFAULT as VRAM was to be written that there is no memory for
 * @done: @ret and @starved are valid
 * @copies: made since the step began, or since somebody was looked for who waits
 */
struct mvgpu_foreign {
	struct task_struct *task;
	wait_queue_head_t wait;
	bool asked;
	struct vfio_device *vdev;
	u64 iova;
	void *data;
	size_t len;
	bool write;
	int ret;
	bool starved;
	struct completion done;
	unsigned int copies;
};

/**
 * struct mvgpu_engine_mem - the pages of the chunk that is being run
 * @sides: those that are read, and those that are written
 * @written: of the latter
 * @pages: what a pin gives
 * @behind_copied: GTT entry behind the last one found to be MVGPU_GTT_COPIED
 * @foreign: copies by another thread
 * @bounce: guest memory that is not pinned passes through here: what is read,
 *	and what is written
 */
struct mvgpu_engine_mem {
	struct mvgpu_side sides[2];
	struct mvgpu_written written;
	struct page *pages[MVGPU_CHUNK_PAGES];
	u32 behind_copied;
	struct mvgpu_foreign foreign;
	u8 bounce[2][MVGPU_PAGE_SIZE];
};

/**
 * struct mvgpu_window - bytes of a page, or of neighbours, mapped
 * @data: the bytes
 * @entry: GTT entry of the first page
 * @offset: of the first of them in that page
 * @len: bytes
 * @write: they are written, else read
 * @mapped: @data is a local mapping of the page, not a bounce buffer
 */
struct mvgpu_window {
	u8 *data;
	u64 entry;
	u32 offset;
	u32 len;
	bool write;
	bool mapped;
};

/* foreign.c */
void mvgpu_foreign_end(struct mvgpu_foreign *foreign);
int mvgpu_foreign_rw(struct mvgpu_device *dev, u64 iova, void *data, size_t len,
		     bool write);

/* engine_mem.c */
int mvgpu_engine_mem_begin(struct mvgpu_device *dev);
void mvgpu_engine_mem_end(struct mvgpu_device *dev);
bool mvgpu_engine_mem_peek(struct mvgpu_device *dev, u64 address, void *data,
			   u32 len);
void mvgpu_engine_mem_written(struct mvgpu_device *dev,
			      const struct mvgpu_written *next);
u32 mvgpu_engine_mem_bounce(struct mvgpu_device *dev, struct mvgpu_window *window,
			    bool write);

/* gtt.c, for engine_mem.c */
void mvgpu_gtt_lock(struct mvgpu_gtt *gtt);
void mvgpu_gtt_unlock(struct mvgpu_gtt *gtt);
bool mvgpu_gtt_adopt(struct mvgpu_gtt *gtt, u32 first, unsigned int nr,
		     struct page **pages, u64 epoch);
void mvgpu_gtt_copy(struct mvgpu_gtt *gtt, u32 index, u64 epoch);
void mvgpu_gtt_try_again_locked(struct mvgpu_gtt *gtt);
void mvgpu_gtt_chunk_end(struct mvgpu_gtt *gtt);

/**
 * mvgpu_engine_mem_wanted - is the step to end with this chunk?
 * @dev: the device; between mvgpu_engine_mem_begin() and mvgpu_engine_mem_end()
 *
 * Return: whether somebody waits for the worker or for the pages of the step.
 */
static inline bool mvgpu_engine_mem_wanted(struct mvgpu_device *dev)
{
	return READ_ONCE(dev->worker.wanted) || READ_ONCE(dev->gtt.collectors);
}

/**
 * mvgpu_engine_mem_reset - a step begins to name its pages
 * @mem: the worker's
 */
static inline void mvgpu_engine_mem_reset(struct mvgpu_engine_mem *mem)
{
	unsigned int i;

	for (i = 0; i < 2; i++) {
		mem->sides[i].nr = 0;
		mem->sides[i].nr_ranges = 0;
		mem->sides[i].at = 0;
		mem->sides[i].failed = MVGPU_FAULT_NONE;
	}
	mem->written.len = 0;
}

/**
 * mvgpu_engine_mem_room - how many pages more can a step touch?
 * @mem: the worker's
 *
 * Return: how many.
 */
static inline u32 mvgpu_engine_mem_room(const struct mvgpu_engine_mem *mem)
{
	return MVGPU_CHUNK_PAGES -
	       (mem->sides[false].nr + mem->sides[true].nr);
}

/**
 * mvgpu_engine_mem_add - name the pages of a range
 * @mem: the worker's; it has room
 * @address: GPU address of its first byte
 * @len: bytes, at least 1
 * @write: they are written, else read
 *
 * A command goes through memory in one direction, so that only the page named
 * last may be named again.
 */
static inline void mvgpu_engine_mem_add(struct mvgpu_engine_mem *mem, u64 address,
					u32 len, bool write)
{
	struct mvgpu_side *side = &mem->sides[write];
	struct mvgpu_range *range = side->ranges + side->nr_ranges;
	u32 index = address / MVGPU_PAGE_SIZE;
	u32 last = (address + len - 1) / MVGPU_PAGE_SIZE;
	u32 behind = side->nr_ranges ? range[-1].index + range[-1].nr : 0;

	if (side->nr_ranges && behind == index + 1)
		index++;
	if (index > last)
		return;
	side->nr += last - index + 1;
	if (side->nr_ranges && behind == index) {
		range[-1].nr += last - index + 1;
		return;
	}
	range->index = index;
	range->nr = last - index + 1;
	side->nr_ranges++;
}

/* Why a page that was named cannot be touched. */
static inline u32 mvgpu_engine_mem_refusal(const struct mvgpu_side *side)
{
	/* the engine goes through pages in another order than it named them */
	if (WARN_ON_ONCE(!side->fault))
		return MVGPU_FAULT_UNBOUND;

	return side->fault;
}

/* Where memory is mapped for ever, as it is on 64 bits, neighbours are one piece. */
static inline u32 mvgpu_engine_mem_reach(const struct mvgpu_segment *segment,
					 u32 nr, u32 offset)
{
	u32 pages = 1;

	if (segment->page && !IS_ENABLED(CONFIG_KMAP_LOCAL))
		pages = segment->nr - nr;

	return pages * MVGPU_PAGE_SIZE - offset;
}

/**
 * mvgpu_engine_mem_map - make bytes accessible
 * @dev: the device; between mvgpu_engine_mem_begin() and mvgpu_engine_mem_end()
 * @address: GPU address of the first; pages are used in the order in which they
 *	were named
 * @max: how many are wanted
 * @write: they are all written, else read; at most one window of each kind
 * @window: filled in, with as many bytes as can be mapped at once: at least
 *	those up to the end of the page, at most @max; undo in reverse order with
 *	mvgpu_engine_mem_unmap()
 *
 * What bounces is to be fetched before it is read.
 *
 * Return: enum mvgpu_fault.
 */
static __always_inline u32 mvgpu_engine_mem_map(struct mvgpu_device *dev,
						u64 address, u32 max, bool write,
						struct mvgpu_window *window)
{
	struct mvgpu_side *side = &dev->worker.mem->sides[write];
	u32 nr = address / MVGPU_PAGE_SIZE, offset = address % MVGPU_PAGE_SIZE;
	const struct mvgpu_segment *segment = &side->segments[side->at];
	struct page *page;

	if (side->at < side->nr_segments &&
	    nr - segment->index >= segment->nr) {
		side->at++;
		segment++;
	}
	if (side->at >= side->nr_segments ||
	    nr - segment->index >= segment->nr)
		return mvgpu_engine_mem_refusal(side);

	nr -= segment->index;
	page = segment->page;
	window->entry = segment->entry + (u64)nr * MVGPU_PAGE_SIZE;
	window->offset = offset;
	window->len = min(max, mvgpu_engine_mem_reach(segment, nr, offset));
	window->write = write;
	window->mapped = page || (window->entry & MVGPU_GTT_VRAM);
	if (window->mapped)
		window->data = kmap_local_page(page ? page + nr :
						      ZERO_PAGE(0)) + offset;
	else
		window->data = dev->worker.mem->bounce[write];

	return MVGPU_FAULT_NONE;
}

/**
 * mvgpu_engine_mem_fetch - before bytes of a window are read
 * @dev: the device
 * @window: from mvgpu_engine_mem_map()
 *
 * Return: enum mvgpu_fault.
 */
static inline u32 mvgpu_engine_mem_fetch(struct mvgpu_device *dev,
					 struct mvgpu_window *window)
{
	return window->mapped ? MVGPU_FAULT_NONE :
				mvgpu_engine_mem_bounce(dev, window, false);
}

/**
 * mvgpu_engine_mem_unmap - done with a window
 * @dev: the device
 * @window: from mvgpu_engine_mem_map()
 *
 * Return: enum mvgpu_fault; bytes that bounce may turn out not to be
 * writable only now.
 */
static inline u32 mvgpu_engine_mem_unmap(struct mvgpu_device *dev,
					 struct mvgpu_window *window)
{
	struct mvgpu_written *written = &dev->worker.mem->written;
	struct mvgpu_written next;

	if (!window->mapped)
		return window->write ? mvgpu_engine_mem_bounce(dev, window, true) :
				       MVGPU_FAULT_NONE;

	kunmap_local(window->data);
	if (!window->write)
		return MVGPU_FAULT_NONE;

	next.vram = window->entry & MVGPU_GTT_VRAM;
	next.start = (window->entry & MVGPU_GTT_ADDRESS) + window->offset;
	next.len = window->len;
	/* IOVA 0 is behind the last one, and follows nothing */
	if (next.start && next.start == written->start + written->len &&
	    next.vram == written->vram)
		written->len += next.len;
	else
		mvgpu_engine_mem_written(dev, &next);

	return MVGPU_FAULT_NONE;
}

#endif /* _MVGPU_ENGINE_MEM_H */
