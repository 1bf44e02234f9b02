// SPDX-License-Identifier: GPL-2.0
/*
 * Sections that are accepted, saved and accepted again: see again.h.
 */
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/mvgpu.h>

#include "again.h"
#include "config_space.h"
#include "context_wire.h"
#include "msix.h"

#define AGAIN_QUEUES	4
#define AGAIN_VRAM	(16u << 20)

static u8 first[MVGPU_CONTEXT_GTT_MAX], second[MVGPU_CONTEXT_GTT_MAX];
static const char *why;

static struct mdev_migration_cursor cursor(const void *data, size_t len)
{
	return (struct mdev_migration_cursor) { .data = data, .left = len };
}

static struct mdev_migration_buf buf(u8 *data)
{
	return (struct mdev_migration_buf) {
		.data = data, .size = MVGPU_CONTEXT_GTT_MAX,
	};
}

static bool same(const struct mdev_migration_buf *a,
		 const struct mdev_migration_buf *b)
{
	return !a->overflow && !b->overflow && a->len == b->len &&
	       !memcmp(a->data, b->data, a->len);
}

static bool config_ok(u16 version, const void *data, size_t len)
{
	struct mdev_migration_cursor cur = cursor(data, len);
	static struct mvgpu_config config;

	mvgpu_config_reset(&config, AGAIN_VRAM);
	return !mvgpu_config_check(&config, version, &cur, &why);
}

static void config_move(u16 version, const void *data, size_t len,
			struct mdev_migration_buf *to)
{
	struct mdev_migration_cursor cur = cursor(data, len);
	static struct mvgpu_config config;

	mvgpu_config_reset(&config, AGAIN_VRAM);
	mvgpu_config_apply(&config, version, &cur);
	mvgpu_config_save(&config, to);
}

static enum again again_config(u16 version, const u8 *data, size_t len)
{
	struct mdev_migration_buf a = buf(first), b = buf(second);

	if (!config_ok(version, data, len))
		return AGAIN_REFUSED;
	config_move(version, data, len, &a);
	if (!config_ok(MVGPU_CONFIG_VERSION, a.data, a.len))
		return AGAIN_WRONG;
	config_move(MVGPU_CONFIG_VERSION, a.data, a.len, &b);
	return same(&a, &b) ? AGAIN_SAME : AGAIN_WRONG;
}

static bool gtt_ok(const void *data, size_t len)
{
	struct mdev_migration_cursor cur = cursor(data, len);

	return !mvgpu_context_wire_check_gtt(&cur, &why);
}

static void gtt_move(const void *data, size_t len,
		     struct mdev_migration_buf *to)
{
	static u64 entries[MVGPU_GTT_ENTRIES];
	struct mdev_migration_cursor cur = cursor(data, len);
	u32 count = mvgpu_context_wire_get_count(&cur), i;
	struct mvgpu_context_run run;

	memset(entries, 0, sizeof(entries));
	while (count--) {
		mvgpu_context_wire_get_run(&cur, &run);
		for (i = 0; i < run.count; i++)
			entries[run.first + i] =
				(run.entry + (u64)i * MVGPU_PAGE_SIZE) &
				~MVGPU_GTT_RESERVED;
	}
	mvgpu_context_wire_put_gtt(to, entries);
}

static enum again again_gtt(const u8 *data, size_t len)
{
	struct mdev_migration_buf a = buf(first), b = buf(second);

	if (!gtt_ok(data, len))
		return AGAIN_REFUSED;
	gtt_move(data, len, &a);
	if (!gtt_ok(a.data, a.len))
		return AGAIN_WRONG;
	gtt_move(a.data, a.len, &b);
	return same(&a, &b) ? AGAIN_SAME : AGAIN_WRONG;
}

static bool queues_ok(u16 version, const void *data, size_t len)
{
	struct mdev_migration_cursor cur = cursor(data, len);

	return !mvgpu_context_wire_check_queues(&cur, version, AGAIN_QUEUES,
						&why);
}

static void queues_move(const void *data, size_t len, struct mvgpu_queue *queues,
			struct mdev_migration_buf *to)
{
	struct mdev_migration_cursor cur = cursor(data, len);

	memset(queues, 0, AGAIN_QUEUES * sizeof(*queues));
	mvgpu_context_wire_get_queues(&cur, queues);
	mvgpu_context_wire_put_queues(to, queues, AGAIN_QUEUES);
}

/* As the worker does when a command has run to its end. */
static void queue_goes_on(struct mvgpu_queue *queue)
{
	if (!queue->enabled || queue->fault ||
	    (!queue->current_valid && queue->head == queue->tail))
		return;
	queue->current_valid = false;
	queue->head += MVGPU_COMMAND_SIZE;
	queue->head &= queue->ring_size - 1;
	queue->completed++;
}

static enum again again_queues(u16 version, const u8 *data, size_t len)
{
	struct mdev_migration_buf a = buf(first), b = buf(second);
	struct mvgpu_queue queues[AGAIN_QUEUES];
	unsigned int i;

	if (!queues_ok(version, data, len))
		return AGAIN_REFUSED;
	queues_move(data, len, queues, &a);
	if (!queues_ok(2, a.data, a.len))
		return AGAIN_WRONG;
	queues_move(a.data, a.len, queues, &b);
	if (!same(&a, &b))
		return AGAIN_WRONG;
	for (i = 0; i < AGAIN_QUEUES; i++)
		queue_goes_on(&queues[i]);
	b.len = 0;
	mvgpu_context_wire_put_queues(&b, queues, AGAIN_QUEUES);
	return queues_ok(2, b.data, b.len) ? AGAIN_SAME : AGAIN_WRONG;
}

static bool msix_ok(const void *data, size_t len)
{
	struct mdev_migration_cursor cur = cursor(data, len);

	return !mvgpu_msix_check(&cur, &why);
}

static void msix_move(const void *data, size_t len,
		      struct mdev_migration_buf *to)
{
	struct mdev_migration_cursor cur = cursor(data, len);
	struct mvgpu_msix msix;
	u32 pending;

	mvgpu_msix_reset(&msix);
	pending = mvgpu_msix_apply(&msix, &cur);
	mvgpu_msix_save(&msix, pending, to);
}

static enum again again_interrupts(const u8 *data, size_t len)
{
	struct mdev_migration_buf a = buf(first), b = buf(second);

	if (!msix_ok(data, len))
		return AGAIN_REFUSED;
	msix_move(data, len, &a);
	if (!msix_ok(a.data, a.len))
		return AGAIN_WRONG;
	msix_move(a.data, a.len, &b);
	return same(&a, &b) ? AGAIN_SAME : AGAIN_WRONG;
}

static bool clock_ok(const void *data, size_t len)
{
	struct mdev_migration_cursor cur = cursor(data, len);

	return !mvgpu_context_wire_check_clock(&cur, &why);
}

/* It goes on by a nanosecond, and by all that a host can be up. */
static enum again again_clock(const u8 *data, size_t len)
{
	static const u64 later[] = { 0, 1, ~0ULL >> 1 };
	struct mdev_migration_cursor cur = cursor(data, len);
	struct mdev_migration_buf a = buf(first);
	unsigned int i;
	u64 now;

	if (!clock_ok(data, len))
		return AGAIN_REFUSED;
	now = mdev_migration_get_u64(&cur);
	for (i = 0; i < ARRAY_SIZE(later); i++) {
		a.len = 0;
		mvgpu_context_wire_put_clock(&a, now + later[i]);
		if (!clock_ok(a.data, a.len))
			return AGAIN_WRONG;
	}
	cur = cursor(first, a.len);
	return mdev_migration_get_u64(&cur) >= now ? AGAIN_SAME : AGAIN_WRONG;
}

/* Of a GTT whose entries 8 to 15 map guest memory, and 16 to 23 VRAM. */
static enum again again_reached(const u8 *data, size_t len)
{
	struct mdev_migration_cursor cur = cursor(data, len), gtt;
	struct mdev_migration_buf a = buf(first);
	size_t i;

	mdev_migration_put_u32(&a, 2);
	mdev_migration_put_u32(&a, 8);
	mdev_migration_put_u32(&a, 8);
	mdev_migration_put_u64(&a, MVGPU_GTT_VALID);
	mdev_migration_put_u32(&a, 16);
	mdev_migration_put_u32(&a, 8);
	mdev_migration_put_u64(&a, MVGPU_GTT_VALID | MVGPU_GTT_VRAM);
	gtt = cursor(a.data, a.len);
	if (mvgpu_context_wire_check_reached(&cur, &gtt, &why))
		return AGAIN_REFUSED;
	for (i = 0; i < len; i++) {
		if (data[i] && i != 1)
			return AGAIN_WRONG;
	}
	return len == 2 ? AGAIN_SAME : AGAIN_WRONG;
}

enum again again_section(u32 id, u16 version, const u8 *data, size_t len)
{
	switch (id) {
	case MVGPU_STREAM_CONFIG:
		return again_config(version, data, len);
	case MVGPU_STREAM_GTT:
		return again_gtt(data, len);
	case MVGPU_STREAM_QUEUES:
		return again_queues(version, data, len);
	case MVGPU_STREAM_INTERRUPTS:
		return again_interrupts(data, len);
	case MVGPU_STREAM_CLOCK:
		return again_clock(data, len);
	default:
		return again_reached(data, len);
	}
}
