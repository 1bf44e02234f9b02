/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How the engine reaches memory: a chunk names the pages it will touch, gets
 * all of them or those before the first that faults, and uses them until it
 * ends. Only the worker's thread does this.
 */
#ifndef _MVGPU_ACCESS_H
#define _MVGPU_ACCESS_H

#include "mvgpu_private.h"

/**
 * struct mvgpu_slot - a page that a chunk touches in one way
 * @index: of its GTT entry
 * @write: written, else read
 * @entry: its GTT entry when last seen
 * @fault: enum mvgpu_fault; why it cannot be touched
 * @failed: the part of @fault that was found out without the lock, for @entry
 * @looked: VRAM: @page is what @entry maps
 * @page: VRAM (then with a reference) or pinned guest memory; NULL for VRAM
 *	that reads as zeros and guest memory that is not pinned
 * @first: offset of the first byte written
 * @end: offset behind the last byte written; 0 if there is none
 */
struct mvgpu_slot {
	u32 index;
	bool write;
	u64 entry;
	u32 fault;
	u32 failed;
	bool looked;
	struct page *page;
	u32 first;
	u32 end;
};

/**
 * struct mvgpu_access - the pages of the chunk that is being run
 * @nr: slots in use
 * @usable: slots before the first that faults
 * @slots: in the order in which the chunk touches them first
 * @pages: what a pin gives
 * @bounce: guest memory that is not pinned passes through here: what is read,
 *	and what is written
 */
struct mvgpu_access {
	unsigned int nr;
	unsigned int usable;
	struct mvgpu_slot slots[MVGPU_CHUNK_PAGES];
	struct page *pages[MVGPU_CHUNK_PAGES];
	u8 bounce[2][MVGPU_PAGE_SIZE];
};

/**
 * struct mvgpu_window - bytes of one page, mapped
 * @slot: whose they are
 * @data: the bytes
 * @offset: of the first of them in the page
 * @len: bytes
 * @mapped: @data is a local mapping of the page, not a bounce buffer
 */
struct mvgpu_window {
	struct mvgpu_slot *slot;
	u8 *data;
	u32 offset;
	u32 len;
	bool mapped;
};

/* access.c */
void mvgpu_access_reset(struct mvgpu_access *access);
bool mvgpu_access_add(struct mvgpu_access *access, u64 address, bool write);
int mvgpu_access_begin(struct mvgpu_device *dev);
void mvgpu_access_end(struct mvgpu_device *dev);
u32 mvgpu_access_map(struct mvgpu_device *dev, u64 address, u32 len,
		     bool write, struct mvgpu_window *window);
u32 mvgpu_access_unmap(struct mvgpu_device *dev, struct mvgpu_window *window);

/* gtt.c, for access.c */
void mvgpu_gtt_lock(struct mvgpu_gtt *gtt);
bool mvgpu_gtt_adopt(struct mvgpu_gtt *gtt, u32 first, unsigned int nr,
		     struct page **pages, u64 epoch);
void mvgpu_gtt_chunk_end(struct mvgpu_gtt *gtt);

#endif /* _MVGPU_ACCESS_H */
