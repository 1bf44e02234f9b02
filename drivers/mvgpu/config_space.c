// SPDX-License-Identifier: GPL-2.0
/*
 * PCI config space as bytes, of which some bits can be written. Everything
 * that follows from a write is the caller's: this file knows no device, and is
 * compiled in user space too.
 *
 * Section MVGPU_STREAM_CONFIG, version 1, 20 bytes, little-endian:
 *
 *	0	u16	command
 *	2	u8	cache line size
 *	3	u8	latency timer
 *	4	u8	interrupt line
 *	5	u8[3]	0
 *	8	u64	BAR 0, address bits
 *	16	u32	BAR 2, address bits
 */
#include <linux/errno.h>
#include <linux/mvgpu.h>
#include <linux/pci_regs.h>

#include "config_space.h"

#define MVGPU_CONFIG_COMMAND_MASK					\
	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |	\
	 PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)

/* BAR 2 holds address bits alone: memory, 32 bits, not prefetchable. */
#define MVGPU_CONFIG_BAR0_FLAGS						\
	(PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH)

#define MVGPU_CONFIG_REVISION		1

#define MVGPU_CONFIG_BAR0		PCI_BASE_ADDRESS_0
#define MVGPU_CONFIG_BAR0_HIGH		PCI_BASE_ADDRESS_1
#define MVGPU_CONFIG_BAR2		PCI_BASE_ADDRESS_2

/* A little-endian field, whatever its alignment. */
static u64 mvgpu_config_get(const struct mvgpu_config *config, u32 offset,
			    u32 len)
{
	u64 value = 0;

	while (len--)
		value = value << 8 | config->bytes[offset + len];
	return value;
}

/* Sets what no write can change, too. */
static void mvgpu_config_set(struct mvgpu_config *config, u32 offset,
			     u64 value, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++)
		config->bytes[offset + i] = value >> i * 8;
}

static u64 mvgpu_config_bar0_mask(const struct mvgpu_config *config)
{
	return ~(config->vram_size - 1);
}

static u32 mvgpu_config_bar2_mask(void)
{
	return ~(u32)(MVGPU_REGISTERS_SIZE - 1);
}

/* The bits of an aligned dword that a write changes. */
static u32 mvgpu_config_mask(const struct mvgpu_config *config, u32 offset)
{
	switch (offset) {
	case PCI_COMMAND:
		return MVGPU_CONFIG_COMMAND_MASK;
	case PCI_CACHE_LINE_SIZE:
		return 0xffff;	/* and the latency timer */
	case MVGPU_CONFIG_BAR0:
		return (u32)mvgpu_config_bar0_mask(config);
	case MVGPU_CONFIG_BAR0_HIGH:
		return (u32)(mvgpu_config_bar0_mask(config) >> 32);
	case MVGPU_CONFIG_BAR2:
		return mvgpu_config_bar2_mask();
	case PCI_INTERRUPT_LINE:
		return 0xff;
	default:
		return 0;
	}
}

/**
 * mvgpu_config_reset - set config space to its reset values
 * @config: config space
 * @vram_size: bytes of BAR 0, a power of two of at least 16
 */
void mvgpu_config_reset(struct mvgpu_config *config, u64 vram_size)
{
	memset(config, 0, sizeof(*config));
	config->vram_size = vram_size;

	mvgpu_config_set(config, PCI_VENDOR_ID, MVGPU_PCI_VENDOR_ID, 2);
	mvgpu_config_set(config, PCI_DEVICE_ID, MVGPU_PCI_DEVICE_ID, 2);
	mvgpu_config_set(config, PCI_CLASS_REVISION,
			 MVGPU_PCI_CLASS << 8 | MVGPU_CONFIG_REVISION, 4);
	mvgpu_config_set(config, MVGPU_CONFIG_BAR0, MVGPU_CONFIG_BAR0_FLAGS, 4);
	mvgpu_config_set(config, PCI_SUBSYSTEM_VENDOR_ID,
			 MVGPU_PCI_VENDOR_ID, 2);
	mvgpu_config_set(config, PCI_SUBSYSTEM_ID, MVGPU_PCI_DEVICE_ID, 2);
}

/**
 * mvgpu_config_read - read config space
 * @config: config space
 * @offset: first byte
 * @data: where to
 * @len: bytes; all are within config space
 */
void mvgpu_config_read(const struct mvgpu_config *config, u32 offset, u8 *data,
		       u32 len)
{
	memcpy(data, config->bytes + offset, len);
}

/**
 * mvgpu_config_write - write the bits that can be written
 * @config: config space
 * @offset: first byte
 * @data: what
 * @len: bytes; all are within config space
 */
void mvgpu_config_write(struct mvgpu_config *config, u32 offset,
			const u8 *data, u32 len)
{
	u32 i;

	for (i = 0; i < len; i++) {
		u32 at = offset + i;
		u8 mask = mvgpu_config_mask(config, at & ~3U) >> (at & 3) * 8;

		config->bytes[at] &= ~mask;
		config->bytes[at] |= data[i] & mask;
	}
}

/**
 * mvgpu_config_bus_master - may the device do DMA?
 * @config: config space
 *
 * Return: the Bus Master bit of the Command register.
 */
bool mvgpu_config_bus_master(const struct mvgpu_config *config)
{
	return config->bytes[PCI_COMMAND] & PCI_COMMAND_MASTER;
}

/**
 * mvgpu_config_save - write the section
 * @config: config space
 * @buf: where to
 */
void mvgpu_config_save(const struct mvgpu_config *config,
		       struct mdev_migration_buf *buf)
{
	static const u8 zeros[3];
	u64 bar0 = mvgpu_config_get(config, MVGPU_CONFIG_BAR0, 8);
	u32 bar2 = mvgpu_config_get(config, MVGPU_CONFIG_BAR2, 4);

	mdev_migration_put_u16(buf, mvgpu_config_get(config, PCI_COMMAND, 2));
	mdev_migration_put_u8(buf, config->bytes[PCI_CACHE_LINE_SIZE]);
	mdev_migration_put_u8(buf, config->bytes[PCI_LATENCY_TIMER]);
	mdev_migration_put_u8(buf, config->bytes[PCI_INTERRUPT_LINE]);
	mdev_migration_put_bytes(buf, zeros, sizeof(zeros));
	mdev_migration_put_u64(buf, bar0 & mvgpu_config_bar0_mask(config));
	mdev_migration_put_u32(buf, bar2 & mvgpu_config_bar2_mask());
}

static u32 mvgpu_config_get_u24(struct mdev_migration_cursor *cur)
{
	u32 low = mdev_migration_get_u16(cur);

	return low | (u32)mdev_migration_get_u8(cur) << 16;
}

/**
 * mvgpu_config_check - judge a received section
 * @config: config space that it is for; only its size of VRAM matters
 * @cur: the section's payload
 * @why: set to the reason if it is refused
 *
 * Return: 0, or -EINVAL.
 */
int mvgpu_config_check(const struct mvgpu_config *config,
		       struct mdev_migration_cursor *cur, const char **why)
{
	u16 command = mdev_migration_get_u16(cur);
	u32 zeros;
	u64 bar0;
	u32 bar2;

	mdev_migration_get_u16(cur);	/* cache line size, latency timer */
	mdev_migration_get_u8(cur);	/* interrupt line */
	zeros = mvgpu_config_get_u24(cur);
	bar0 = mdev_migration_get_u64(cur);
	bar2 = mdev_migration_get_u32(cur);

	if (cur->bad || cur->left)
		*why = "config space section has a wrong length";
	else if (command & ~(u16)MVGPU_CONFIG_COMMAND_MASK)
		*why = "command register has bits that cannot be set";
	else if (zeros)
		*why = "config space section has reserved bytes set";
	else if (bar0 & ~mvgpu_config_bar0_mask(config))
		*why = "BAR 0 is not aligned to its size";
	else if (bar2 & ~mvgpu_config_bar2_mask())
		*why = "BAR 2 is not aligned to its size";
	else
		return 0;

	return -EINVAL;
}

/* As the VMM would restore a field: what cannot be written stays. */
static void mvgpu_config_restore(struct mvgpu_config *config, u32 offset,
				 u64 value, u32 len)
{
	u8 data[sizeof(value)];
	u32 i;

	for (i = 0; i < len; i++)
		data[i] = value >> i * 8;
	mvgpu_config_write(config, offset, data, len);
}

/**
 * mvgpu_config_apply - take over a section
 * @config: config space
 * @cur: payload that mvgpu_config_check() accepted
 */
void mvgpu_config_apply(struct mvgpu_config *config,
			struct mdev_migration_cursor *cur)
{
	mvgpu_config_restore(config, PCI_COMMAND,
			     mdev_migration_get_u16(cur), 2);
	mvgpu_config_restore(config, PCI_CACHE_LINE_SIZE,
			     mdev_migration_get_u8(cur), 1);
	mvgpu_config_restore(config, PCI_LATENCY_TIMER,
			     mdev_migration_get_u8(cur), 1);
	mvgpu_config_restore(config, PCI_INTERRUPT_LINE,
			     mdev_migration_get_u8(cur), 1);
	mvgpu_config_get_u24(cur);
	mvgpu_config_restore(config, MVGPU_CONFIG_BAR0,
			     mdev_migration_get_u64(cur), 8);
	mvgpu_config_restore(config, MVGPU_CONFIG_BAR2,
			     mdev_migration_get_u32(cur), 4);
}
