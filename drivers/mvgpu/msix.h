/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The MSI-X BAR of a vGPU. Pure: no locks, no vfio; also compiled in user
 * space.
 */
#ifndef _MVGPU_MSIX_H
#define _MVGPU_MSIX_H

#include <linux/mdev_migration_wire.h>
#include <linux/mvgpu.h>
#include <linux/types.h>

#define MVGPU_MSIX_ENTRY_SIZE	16
#define MVGPU_MSIX_TABLE_SIZE	(MVGPU_VECTORS * MVGPU_MSIX_ENTRY_SIZE)

/**
 * struct mvgpu_msix - the MSI-X table
 * @table: as a read gives it
 *
 * The VMM delivers interrupts and has a table of its own for that: nothing
 * follows from what it writes here.
 */
struct mvgpu_msix {
	u8 table[MVGPU_MSIX_TABLE_SIZE];
};

void mvgpu_msix_reset(struct mvgpu_msix *msix);
/* offset + len is within MVGPU_MSIX_SIZE; bit n of @pending: vector n */
void mvgpu_msix_read(const struct mvgpu_msix *msix, u32 pending, u32 offset,
		     u8 *data, u32 len);
void mvgpu_msix_write(struct mvgpu_msix *msix, u32 offset, const u8 *data,
		      u32 len);

/* The section MVGPU_STREAM_INTERRUPTS. */
#define MVGPU_MSIX_SECTION_LEN	(4 + MVGPU_MSIX_TABLE_SIZE)

void mvgpu_msix_save(const struct mvgpu_msix *msix, u32 pending,
		     struct mdev_migration_buf *buf);
int mvgpu_msix_check(struct mdev_migration_cursor *cur, const char **why);
/* Accepted by mvgpu_msix_check(). Returns what was pending. */
u32 mvgpu_msix_apply(struct mvgpu_msix *msix,
		     struct mdev_migration_cursor *cur);

#endif /* _MVGPU_MSIX_H */
