// SPDX-License-Identifier: GPL-2.0
/*
 * The MSI-X BAR: a table whose bits are kept for the VMM, and the pending bits.
 *
 * Section MVGPU_STREAM_INTERRUPTS, version 1, 68 bytes, little-endian:
 *
 *	0	u32	bit n: the interrupt of queue n is pending
 *	4	u8[64]	MSI-X table
 */
#include <linux/errno.h>
#include <linux/pci_regs.h>

#include "msix.h"

#define MVGPU_MSIX_PENDING_MASK	((1U << MVGPU_VECTORS) - 1)

/* The bits of a byte of the table that can be written. */
static u8 mvgpu_msix_mask(u32 offset)
{
	switch (offset % MVGPU_MSIX_ENTRY_SIZE) {
	case PCI_MSIX_ENTRY_LOWER_ADDR:
		return 0xfc;
	case PCI_MSIX_ENTRY_VECTOR_CTRL:
		return PCI_MSIX_ENTRY_CTRL_MASKBIT;
	case PCI_MSIX_ENTRY_VECTOR_CTRL + 1 ... MVGPU_MSIX_ENTRY_SIZE - 1:
		return 0;
	default:
		return 0xff;
	}
}

/**
 * mvgpu_msix_reset - all vectors are masked
 * @msix: the table
 */
void mvgpu_msix_reset(struct mvgpu_msix *msix)
{
	u32 i;

	memset(msix, 0, sizeof(*msix));
	for (i = PCI_MSIX_ENTRY_VECTOR_CTRL; i < MVGPU_MSIX_TABLE_SIZE;
	     i += MVGPU_MSIX_ENTRY_SIZE)
		msix->table[i] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
}

/**
 * mvgpu_msix_read - read the BAR
 * @msix: the table
 * @pending: bit n: vector n is pending
 * @offset: first byte
 * @data: where to
 * @len: bytes; all are within MVGPU_MSIX_SIZE
 */
void mvgpu_msix_read(const struct mvgpu_msix *msix, u32 pending, u32 offset,
		     u8 *data, u32 len)
{
	u32 i, at;

	for (i = 0; i < len; i++) {
		at = offset + i;
		if (at < MVGPU_MSIX_TABLE_SIZE)
			data[i] = msix->table[at];
		else
			data[i] = at == MVGPU_MSIX_PBA ? pending : 0;
	}
}

/**
 * mvgpu_msix_write - write the bits of the table that can be written
 * @msix: the table
 * @offset: first byte
 * @data: what
 * @len: bytes; all are within MVGPU_MSIX_SIZE
 */
void mvgpu_msix_write(struct mvgpu_msix *msix, u32 offset, const u8 *data,
		      u32 len)
{
	u32 i, at;
	u8 mask;

	for (i = 0; i < len; i++) {
		at = offset + i;
		if (at >= MVGPU_MSIX_TABLE_SIZE)
			return;
		mask = mvgpu_msix_mask(at);
		msix->table[at] = (msix->table[at] & ~mask) | (data[i] & mask);
	}
}

/**
 * mvgpu_msix_save - write the section
 * @msix: the table
 * @pending: bit n: the interrupt of queue n is pending
 * @buf: where to
 */
void mvgpu_msix_save(const struct mvgpu_msix *msix, u32 pending,
		     struct mdev_migration_buf *buf)
{
	mdev_migration_put_u32(buf, pending);
	mdev_migration_put_bytes(buf, msix->table, sizeof(msix->table));
}

/**
 * mvgpu_msix_check - judge a received section
 * @cur: the section's payload
 * @why: set to the reason if it is refused
 *
 * Return: 0, or -EINVAL.
 */
int mvgpu_msix_check(struct mdev_migration_cursor *cur, const char **why)
{
	u32 pending = mdev_migration_get_u32(cur);
	const u8 *table = mdev_migration_get_bytes(cur, MVGPU_MSIX_TABLE_SIZE);
	u32 i;

	if (!table || cur->bad || cur->left) {
		*why = "interrupt section has a wrong length";
		return -EINVAL;
	}
	if (pending & ~MVGPU_MSIX_PENDING_MASK) {
		*why = "interrupt of a queue that does not exist";
		return -EINVAL;
	}
	for (i = 0; i < MVGPU_MSIX_TABLE_SIZE; i++) {
		if (table[i] & ~mvgpu_msix_mask(i)) {
			*why = "MSI-X table has bits that cannot be set";
			return -EINVAL;
		}
	}

	return 0;
}

/**
 * mvgpu_msix_apply - take over a section
 * @msix: the table
 * @cur: payload that mvgpu_msix_check() accepted
 *
 * Return: bit n: the interrupt of queue n is pending.
 */
u32 mvgpu_msix_apply(struct mvgpu_msix *msix, struct mdev_migration_cursor *cur)
{
	u32 pending = mdev_migration_get_u32(cur);

	memcpy(msix->table,
	       mdev_migration_get_bytes(cur, MVGPU_MSIX_TABLE_SIZE),
	       MVGPU_MSIX_TABLE_SIZE);

	return pending;
}
