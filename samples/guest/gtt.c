// SPDX-License-Identifier: GPL-2.0
/*
 * The GTT: what the GPU addresses of the user mean.
 */
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/lockdep.h>
#include <linux/sched.h>

#include "guest_private.h"

/**
 * mvgpu_guest_gtt_write - write an entry
 * @guest: the vGPU
 * @entry: index
 * @value: all of it
 */
void mvgpu_guest_gtt_write(struct mvgpu_guest *guest, u32 entry, u64 value)
{
	guest->gtt[entry] = value;
	writeq(value, guest->registers + MVGPU_GTT + 8 * entry);
}

/**
 * mvgpu_guest_gtt_flush - wait until the entries written so far hold
 * @guest: the vGPU
 *
 * No access through the old ones is in flight then.
 */
void mvgpu_guest_gtt_flush(struct mvgpu_guest *guest)
{
	readl(guest->registers + MVGPU_REG_ID);
}

/**
 * mvgpu_guest_gtt_restore - write all entries, as they were
 * @guest: the vGPU, which was reset; its lock is held
 */
void mvgpu_guest_gtt_restore(struct mvgpu_guest *guest)
{
	u32 i;

	lockdep_assert_held(&guest->lock);
	for (i = 0; i < MVGPU_GTT_ENTRIES; i++)
		if (guest->gtt[i])
			mvgpu_guest_gtt_write(guest, i, guest->gtt[i]);
	mvgpu_guest_gtt_flush(guest);
}

static u64 mvgpu_guest_gtt_value(const struct mvgpu_guest_buffer *buffer,
				 u32 page, bool write)
{
	u64 value = MVGPU_GTT_VALID;

	if (write)
		value |= MVGPU_GTT_WRITE;
	if (buffer->vram)
		return value | MVGPU_GTT_VRAM |
		       (u64)(buffer->first + page) * MVGPU_PAGE_SIZE;
	return value | buffer->dma[page];
}

/**
 * mvgpu_guest_gtt_bind - do MVGPU_GUEST_BIND
 * @guest: the vGPU; its lock is held, and it is not gone
 * @bind: what the user asked for
 *
 * Return: 0, -EINVAL, or -ENOENT if there is no such buffer.
 */
int mvgpu_guest_gtt_bind(struct mvgpu_guest *guest,
			 const struct mvgpu_guest_bind *bind)
{
	const u64 first = bind->address / MVGPU_PAGE_SIZE;
	const u64 from = bind->offset / MVGPU_PAGE_SIZE;
	const u64 pages = bind->size / MVGPU_PAGE_SIZE;
	struct mvgpu_guest_buffer *buffer = NULL;
	u64 i;

	lockdep_assert_held(&guest->lock);
	if ((bind->address | bind->offset | bind->size) % MVGPU_PAGE_SIZE ||
	    !pages || first >= MVGPU_GUEST_USER_ENTRIES ||
	    pages > MVGPU_GUEST_USER_ENTRIES - first ||
	    bind->flags & ~MVGPU_GUEST_WRITE)
		return -EINVAL;
	if (bind->buffer) {
		buffer = xa_load(&guest->buffers, bind->buffer);
		if (!buffer)
			return -ENOENT;
		if (from >= buffer->pages || pages > buffer->pages - from)
			return -EINVAL;
	} else if (from || bind->flags) {
		return -EINVAL;
	}

	for (i = 0; i < pages; i++) {
		u64 value = buffer ?
			    mvgpu_guest_gtt_value(buffer, from + i,
						  bind->flags) : 0;

		mvgpu_guest_gtt_write(guest, first + i, value);
		guest->bound[first + i] = bind->buffer;
		cond_resched();
	}
	mvgpu_guest_gtt_flush(guest);
	return 0;
}

/**
 * mvgpu_guest_gtt_forget - unbind all of a buffer
 * @guest: the vGPU; its lock is held
 * @number: the buffer's
 */
void mvgpu_guest_gtt_forget(struct mvgpu_guest *guest, u32 number)
{
	u32 i;

	lockdep_assert_held(&guest->lock);
	for (i = 0; i < MVGPU_GUEST_USER_ENTRIES; i++) {
		if (guest->bound[i] != number)
			continue;
		guest->bound[i] = 0;
		if (!guest->gone)
			mvgpu_guest_gtt_write(guest, i, 0);
		cond_resched();
	}
	if (!guest->gone)
		mvgpu_guest_gtt_flush(guest);
}
