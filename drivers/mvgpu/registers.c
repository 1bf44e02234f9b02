// SPDX-License-Identifier: GPL-2.0
/*
 * The register BAR: what lies where. Queues and the GTT do their own part.
 */
#include <linux/bits.h>

#include "mvgpu_private.h"

#define MVGPU_FEATURES							\
	(BIT(MVGPU_OP_NOP) | BIT(MVGPU_OP_FILL) | BIT(MVGPU_OP_COPY) |	\
	 BIT(MVGPU_OP_BLEND) | BIT(MVGPU_OP_CRC32C) |			\
	 BIT(MVGPU_OP_BIND) | BIT(MVGPU_OP_UNBIND) |			\
	 BIT(MVGPU_OP_FENCE) | BIT(MVGPU_OP_SEMAPHORE) |		\
	 BIT(MVGPU_OP_TIMESTAMP))

#define MVGPU_QUEUE_STRIDE	(MVGPU_QUEUE(1) - MVGPU_QUEUE(0))

static u64 mvgpu_registers_read_wide(struct mvgpu_device *dev, u64 offset)
{
	switch (offset) {
	case MVGPU_REG_VRAM_SIZE:
		return dev->type->vram_size;
	case MVGPU_REG_CLOCK:
		return mvgpu_clock_now(dev);
	default:
		return 0;
	}
}

static u64 mvgpu_registers_read_global(struct mvgpu_device *dev, u64 offset,
				       unsigned int len)
{
	if (len == 8)
		return mvgpu_registers_read_wide(dev, offset);

	switch (offset) {
	case MVGPU_REG_ID:
		return MVGPU_ID;
	case MVGPU_REG_VERSION:
		return MVGPU_VERSION;
	case MVGPU_REG_FEATURES:
		return MVGPU_FEATURES;
	case MVGPU_REG_QUEUES:
		return MVGPU_QUEUES;
	case MVGPU_REG_VRAM_SIZE:
	case MVGPU_REG_CLOCK:
		return (u32)mvgpu_registers_read_wide(dev, offset);
	case MVGPU_REG_VRAM_SIZE + 4:
	case MVGPU_REG_CLOCK + 4:
		return mvgpu_registers_read_wide(dev, offset - 4) >> 32;
	case MVGPU_REG_GTT_ENTRIES:
		return MVGPU_GTT_ENTRIES;
	case MVGPU_REG_VECTORS:
		return MVGPU_VECTORS;
	case MVGPU_REG_PENDING:
		return mvgpu_irq_pending(dev);
	default:
		return 0;
	}
}

static bool mvgpu_registers_is_queue(u64 offset)
{
	return offset >= MVGPU_QUEUE(0) && offset < MVGPU_QUEUE(MVGPU_QUEUES);
}

static bool mvgpu_registers_is_gtt(u64 offset)
{
	return offset >= MVGPU_GTT &&
	       offset - MVGPU_GTT < MVGPU_GTT_ENTRIES * sizeof(u64);
}

/**
 * mvgpu_registers_read - read from the register BAR
 * @dev: the device
 * @offset: in the BAR
 * @len: 4 or 8; @offset is aligned to it
 *
 * Return: the value; 0 where there is no register.
 */
u64 mvgpu_registers_read(struct mvgpu_device *dev, u64 offset, unsigned int len)
{
	u64 entry;

	if (mvgpu_registers_is_queue(offset)) {
		offset -= MVGPU_QUEUE(0);
		return mvgpu_queue_read(dev, offset / MVGPU_QUEUE_STRIDE,
					offset % MVGPU_QUEUE_STRIDE, len);
	}
	if (!mvgpu_registers_is_gtt(offset))
		return mvgpu_registers_read_global(dev, offset, len);

	entry = mvgpu_gtt_read(dev, (offset - MVGPU_GTT) / sizeof(u64));
	if (len == 8)
		return entry;

	return offset % 8 ? entry >> 32 : (u32)entry;
}

/**
 * mvgpu_registers_write - write to the register BAR
 * @dev: the device
 * @offset: in the BAR
 * @len: 4 or 8; @offset is aligned to it
 * @value: to write; ignored where there is no register
 *
 * Return: 0; of a doorbell -EINTR or -ERESTARTNOINTR, when it can be rung again.
 */
int mvgpu_registers_write(struct mvgpu_device *dev, u64 offset,
			  unsigned int len, u64 value)
{
	u32 index;

	if (mvgpu_registers_is_queue(offset)) {
		offset -= MVGPU_QUEUE(0);
		if (mvgpu_queue_write(dev, offset / MVGPU_QUEUE_STRIDE,
				      offset % MVGPU_QUEUE_STRIDE, len, value))
			return mvgpu_worker_kick(dev);
		return 0;
	}
	if (!mvgpu_registers_is_gtt(offset))
		return 0;

	index = (offset - MVGPU_GTT) / sizeof(u64);
	if (len == 8)
		mvgpu_gtt_write(dev, index, 1, value, 0);
	else
		mvgpu_gtt_write_half(dev, index, offset % 8, value);

	return 0;
}
