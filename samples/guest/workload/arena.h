/* SPDX-License-Identifier: GPL-2.0 */
/*
 * An arena: consecutive GPU addresses of which some pages are guest memory and
 * some are VRAM, and a model that knows each byte.
 */
#ifndef GUEST_WORKLOAD_ARENA_H
#define GUEST_WORKLOAD_ARENA_H

#include <linux/types.h>

#include "device.h"
#include "model.h"
#include "random.h"

/* That of a queue. */
#define ARENA_PAGES	64U
#define ARENA_SIZE	(ARENA_PAGES * PAGE)
/* The end of it is for another queue to read. */
#define ARENA_EXPORT	(4 * PAGE)
#define ARENA_OWN	(ARENA_SIZE - ARENA_EXPORT)

/**
 * struct arena - memory of known contents
 * @device: whose
 * @pages: its size, an even number
 * @model: its addresses, and what has to be there
 * @ram: guest memory for half of the pages
 * @vram: VRAM for the other half
 * @page: what each page is
 * @page.buffer: @ram or @vram
 * @page.offset: in it
 */
struct arena {
	const struct device *device;
	__u32 pages;
	struct model model;
	struct buffer ram;
	struct buffer vram;
	struct arena_page {
		const struct buffer *buffer;
		size_t offset;
	} *page;
};

/* 0 or -errno; all zeros. What it allocated is freed by arena_destroy(). */
int arena_create(struct arena *arena, const struct device *device, __u64 base,
		 __u32 pages, struct random *random);
void arena_destroy(struct arena *arena);

/* The CPU writes random bytes somewhere. */
void arena_cpu_write(struct arena *arena, struct random *random);

/* Two pages change places; no command that uses them may be under way. */
int arena_swap(struct arena *arena, struct random *random);

/**
 * arena_check - compare pages of an arena with its model
 * @arena: the arena
 * @first: which page is the first
 * @count: how many
 * @name: for messages
 *
 * The model is then what was found.
 *
 * Return: how many bytes were wrong.
 */
unsigned long arena_check(struct arena *arena, __u32 first, __u32 count,
			  const char *name);

#endif /* GUEST_WORKLOAD_ARENA_H */
