// SPDX-License-Identifier: GPL-2.0
/*
 * Arenas: see arena.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arena.h"

/* The CPU writes so much at once, at most. */
#define CPU_WRITE	(8U * 1024)

static __u8 *page_mem(const struct arena *arena, __u32 i)
{
	return arena->page[i].buffer->mem + arena->page[i].offset;
}

static int bind_page(const struct arena *arena, __u32 i)
{
	return device_bind(arena->device, arena->page[i].buffer,
			   arena->model.base + i * PAGE, arena->page[i].offset,
			   PAGE);
}

/* Runs of pages of the one kind and the other, half of each in all. */
static void lay_out(struct arena *arena, struct random *random)
{
	const struct buffer *buffers[] = { &arena->ram, &arena->vram };
	size_t used[] = { 0, 0 };
	__u32 kind = random_below(random, 2);
	__u32 run = 0, i;

	for (i = 0; i < arena->pages; i++) {
		if (!run--) {
			run = random_below(random, 6);
			kind = !kind;
		}
		if (used[kind] == buffers[kind]->size)
			kind = !kind;
		arena->page[i].buffer = buffers[kind];
		arena->page[i].offset = used[kind];
		used[kind] += PAGE;
	}
}

int arena_create(struct arena *arena, const struct device *device, __u64 base,
		 __u32 pages, struct random *random)
{
	const size_t half = pages / 2 * PAGE;
	__u32 i;
	int ret;

	memset(arena, 0, sizeof(*arena));
	arena->device = device;
	arena->pages = pages;
	arena->page = calloc(pages, sizeof(*arena->page));
	if (!arena->page)
		return -ENOMEM;
	ret = model_create(&arena->model, base, pages * PAGE);
	if (!ret)
		ret = device_alloc(device, &arena->ram, half, 0);
	if (!ret)
		ret = device_alloc(device, &arena->vram, half,
				   MVGPU_GUEST_VRAM);
	if (ret)
		return ret;
	lay_out(arena, random);
	for (i = 0; i < arena->pages && !ret; i++)
		ret = bind_page(arena, i);
	return ret;
}

void arena_destroy(struct arena *arena)
{
	if (!arena->device)
		return;
	device_free(arena->device, &arena->ram);
	device_free(arena->device, &arena->vram);
	model_destroy(&arena->model);
	free(arena->page);
	arena->page = NULL;
}

void arena_cpu_write(struct arena *arena, struct random *random)
{
	__u32 size = random_size(random, CPU_WRITE);
	__u32 offset = random_below(random, arena->pages * PAGE - size);

	for (; size; size--, offset++) {
		__u8 byte = random_next(random);

		page_mem(arena, offset / PAGE)[offset % PAGE] = byte;
		arena->model.mem[offset] = byte;
	}
}

int arena_swap(struct arena *arena, struct random *random)
{
	__u32 i = random_below(random, arena->pages);
	__u32 j = random_below(random, arena->pages);
	struct arena_page page = arena->page[i];
	__u8 bytes[PAGE];
	int ret;

	arena->page[i] = arena->page[j];
	arena->page[j] = page;
	memcpy(bytes, arena->model.mem + i * PAGE, PAGE);
	memmove(arena->model.mem + i * PAGE, arena->model.mem + j * PAGE, PAGE);
	memcpy(arena->model.mem + j * PAGE, bytes, PAGE);
	ret = bind_page(arena, i);
	return ret ? ret : bind_page(arena, j);
}

/* All bytes of a page that are wrong; tells of the first one. */
static unsigned long check_page(struct arena *arena, __u32 i, const char *name)
{
	const bool vram = arena->page[i].buffer == &arena->vram;
	__u8 *expected = arena->model.mem + i * PAGE;
	const __u8 *found = page_mem(arena, i);
	unsigned long wrong = 0;
	__u32 k;

	if (!memcmp(expected, found, PAGE))
		return 0;
	for (k = 0; k < PAGE; k++) {
		if (expected[k] == found[k])
			continue;
		if (!wrong++)
			fprintf(stderr,
				"workload: %s, GPU address %#llx (%s): %#x, not %#x\n",
				name, arena->model.base + i * PAGE + k,
				vram ? "VRAM" : "RAM", found[k], expected[k]);
		expected[k] = found[k];
	}
	return wrong;
}

unsigned long arena_check(struct arena *arena, __u32 first, __u32 count,
			  const char *name)
{
	unsigned long wrong = 0;
	__u32 i;

	for (i = first; i < first + count; i++)
		wrong += check_page(arena, i, name);
	return wrong;
}
