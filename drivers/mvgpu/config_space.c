// SPDX-License-Identifier: GPL-2.0
/*
 * PCI config space as bytes, of which some bits can be written. Everything
 * that follows from a write is the caller's: this file knows no device, and is
 * compiled in user space too.
 *
 * Section MVGPU_STREAM_CONFIG, version 2, 52 bytes, little-endian; version 1
 * ends before offset 20:
 *
 *	0	u16	command
 *	2	u8	cache line size
 *	3	u8	0; version 0.1.0 has a latency timer, which is dropped
 *	4	u8	interrupt line
 *	5	u8[3]	0
 *	8	u64	BAR 0, address bits
 *	16	u32	BAR 2, address bits
 *	20	u32	BAR 4, address bits
 *	24	u64	MSI message address
 *	32	u32	MSI mask bits
 *	36	u16	MSI message data
 *	38	u16	MSI control, writable bits; so in all that follow
 *	40	u16	MSI-X control
 *	42	u16	power management control
 *	44	u16	device control
 *	46	u16	link control
 *	48	u16	link control 2
 *	50	u16	device control 2; 0 from version 0.1.0
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mvgpu.h>
#include <linux/pci_regs.h>

#include "config_space.h"

#define MVGPU_CONFIG_COMMAND_MASK					\
	(PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER |	\
	 PCI_COMMAND_PARITY | PCI_COMMAND_SERR | PCI_COMMAND_INTX_DISABLE)

/* BARs 2 and 4 hold address bits alone: memory, 32 bits, not prefetchable. */
#define MVGPU_CONFIG_BAR0_FLAGS						\
	(PCI_BASE_ADDRESS_MEM_TYPE_64 | PCI_BASE_ADDRESS_MEM_PREFETCH)

#define MVGPU_CONFIG_REVISION		2

#define MVGPU_CONFIG_BAR0		PCI_BASE_ADDRESS_0
#define MVGPU_CONFIG_BAR2		PCI_BASE_ADDRESS_2
#define MVGPU_CONFIG_BAR4		PCI_BASE_ADDRESS_4

/* Where the capabilities lie; each points to the next. */
#define MVGPU_CONFIG_PM			0x40
#define MVGPU_CONFIG_MSI		0x50
#define MVGPU_CONFIG_MSIX		0x70
#define MVGPU_CONFIG_EXP		0x80

#define MVGPU_CONFIG_PMCSR		(MVGPU_CONFIG_PM + PCI_PM_CTRL)
#define MVGPU_CONFIG_DEVCTL		(MVGPU_CONFIG_EXP + PCI_EXP_DEVCTL)

/* As many vectors as queues; a power of two. */
#define MVGPU_CONFIG_MSI_VECTORS_LOG2	2

#define MVGPU_CONFIG_DEVCTL_MASK					\
	(PCI_EXP_DEVCTL_CERE | PCI_EXP_DEVCTL_NFERE |			\
	 PCI_EXP_DEVCTL_FERE | PCI_EXP_DEVCTL_URRE |			\
	 PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_PAYLOAD |		\
	 PCI_EXP_DEVCTL_NOSNOOP_EN | PCI_EXP_DEVCTL_READRQ)
#define MVGPU_CONFIG_DEVCTL_RESET					\
	(PCI_EXP_DEVCTL_RELAX_EN | PCI_EXP_DEVCTL_NOSNOOP_EN |		\
	 PCI_EXP_DEVCTL_READRQ_512B)

#define MVGPU_CONFIG_LNKCTL_MASK					\
	(PCI_EXP_LNKCTL_ASPMC | PCI_EXP_LNKCTL_RCB |			\
	 PCI_EXP_LNKCTL_CCC | PCI_EXP_LNKCTL_ES)

/* Power states that exist: D0 and D3hot. */
#define MVGPU_CONFIG_D0			0
#define MVGPU_CONFIG_D3HOT		3

/**
 * struct mvgpu_config_field - bits that can be written, in order of the section
 * @offset: in config space
 * @len: bytes, here and there
 * @version: of the section that has it first
 * @mask: the bits; of BAR 0 they follow from the size of VRAM
 *
 * No bit of what fills a gap in the section can be written.
 */
struct mvgpu_config_field {
	u16 offset;
	u8 len;
	u8 version;
	u64 mask;
};

#define MVGPU_CONFIG_GAP(_len, _version) { PCI_VENDOR_ID, _len, _version, 0 }

static const struct mvgpu_config_field mvgpu_config_fields[] = {
	{ PCI_COMMAND, 2, 1, MVGPU_CONFIG_COMMAND_MASK },
	{ PCI_CACHE_LINE_SIZE, 1, 1, 0xff },
	{ PCI_LATENCY_TIMER, 1, 1, 0 },
	{ PCI_INTERRUPT_LINE, 1, 1, 0xff },
	MVGPU_CONFIG_GAP(3, 1),
	{ MVGPU_CONFIG_BAR0, 8, 1, 0 },
	{ MVGPU_CONFIG_BAR2, 4, 1, (u32)~(MVGPU_REGISTERS_SIZE - 1) },
	{ MVGPU_CONFIG_BAR4, 4, 2, (u32)~(MVGPU_MSIX_SIZE - 1) },
	{ MVGPU_CONFIG_MSI + PCI_MSI_ADDRESS_LO, 8, 2, ~3ULL },
	{ MVGPU_CONFIG_MSI + PCI_MSI_MASK_64, 4, 2, (1 << MVGPU_VECTORS) - 1 },
	{ MVGPU_CONFIG_MSI + PCI_MSI_DATA_64, 2, 2, 0xffff },
	{ MVGPU_CONFIG_MSI + PCI_MSI_FLAGS, 2, 2,
	  PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE },
	{ MVGPU_CONFIG_MSIX + PCI_MSIX_FLAGS, 2, 2,
	  PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL },
	{ MVGPU_CONFIG_PMCSR, 2, 2, PCI_PM_CTRL_STATE_MASK },
	{ MVGPU_CONFIG_DEVCTL, 2, 2, MVGPU_CONFIG_DEVCTL_MASK },
	{ MVGPU_CONFIG_EXP + PCI_EXP_LNKCTL, 2, 2, MVGPU_CONFIG_LNKCTL_MASK },
	{ MVGPU_CONFIG_EXP + PCI_EXP_LNKCTL2, 2, 2, PCI_EXP_LNKCTL2_TLS },
	{ MVGPU_CONFIG_EXP + PCI_EXP_DEVCTL2, 2, 2,
	  PCI_EXP_DEVCTL2_COMP_TMOUT_DIS },
};

/**
 * struct mvgpu_config_value - what a register holds after reset
 * @offset: in config space
 * @len: bytes
 * @value: of them; 0 in registers that are not listed
 */
struct mvgpu_config_value {
	u16 offset;
	u8 len;
	u32 value;
};

static const struct mvgpu_config_value mvgpu_config_header[] = {
	{ PCI_VENDOR_ID, 2, MVGPU_PCI_VENDOR_ID },
	{ PCI_DEVICE_ID, 2, MVGPU_PCI_DEVICE_ID },
	{ PCI_STATUS, 2, PCI_STATUS_CAP_LIST },
	{ PCI_CLASS_REVISION, 4, MVGPU_PCI_CLASS << 8 | MVGPU_CONFIG_REVISION },
	{ MVGPU_CONFIG_BAR0, 4, MVGPU_CONFIG_BAR0_FLAGS },
	{ PCI_SUBSYSTEM_VENDOR_ID, 2, MVGPU_PCI_VENDOR_ID },
	{ PCI_SUBSYSTEM_ID, 2, MVGPU_PCI_DEVICE_ID },
	{ PCI_CAPABILITY_LIST, 1, MVGPU_CONFIG_PM },
};

/* In each: id, next, then the registers. */
static const struct mvgpu_config_value mvgpu_config_caps[] = {
	{ MVGPU_CONFIG_PM, 2, MVGPU_CONFIG_MSI << 8 | PCI_CAP_ID_PM },
	{ MVGPU_CONFIG_PM + PCI_PM_PMC, 2, 3 },	/* version 1.2 of its spec */
	{ MVGPU_CONFIG_PMCSR, 2, PCI_PM_CTRL_NO_SOFT_RESET },

	{ MVGPU_CONFIG_MSI, 2, MVGPU_CONFIG_MSIX << 8 | PCI_CAP_ID_MSI },
	{ MVGPU_CONFIG_MSI + PCI_MSI_FLAGS, 2,
	  PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT |
	  MVGPU_CONFIG_MSI_VECTORS_LOG2 << 1 },

	{ MVGPU_CONFIG_MSIX, 2, MVGPU_CONFIG_EXP << 8 | PCI_CAP_ID_MSIX },
	{ MVGPU_CONFIG_MSIX + PCI_MSIX_FLAGS, 2, MVGPU_VECTORS - 1 },
	{ MVGPU_CONFIG_MSIX + PCI_MSIX_TABLE, 4,
	  MVGPU_MSIX_TABLE | MVGPU_BAR_MSIX },
	{ MVGPU_CONFIG_MSIX + PCI_MSIX_PBA, 4,
	  MVGPU_MSIX_PBA | MVGPU_BAR_MSIX },

	{ MVGPU_CONFIG_EXP, 2, PCI_CAP_ID_EXP },
	{ MVGPU_CONFIG_EXP + PCI_EXP_FLAGS, 2, 2 },	/* an endpoint */
	{ MVGPU_CONFIG_EXP + PCI_EXP_DEVCAP, 4,
	  PCI_EXP_DEVCAP_RBER | PCI_EXP_DEVCAP_FLR },
	{ MVGPU_CONFIG_DEVCTL, 2, MVGPU_CONFIG_DEVCTL_RESET },
	/* one lane of 2.5 GT/s, and the link runs at that */
	{ MVGPU_CONFIG_EXP + PCI_EXP_LNKCAP, 4,
	  PCI_EXP_LNKCAP_SLS_2_5GB | 1 << 4 | 1 << 22 },
	{ MVGPU_CONFIG_EXP + PCI_EXP_LNKSTA, 2,
	  PCI_EXP_LNKSTA_CLS_2_5GB | PCI_EXP_LNKSTA_NLW_X1 },
	/* one range of timeouts, of which endpoints can do without */
	{ MVGPU_CONFIG_EXP + PCI_EXP_DEVCAP2, 4,
	  PCI_EXP_DEVCAP2_COMP_TMOUT_DIS },
	{ MVGPU_CONFIG_EXP + PCI_EXP_LNKCAP2, 4, PCI_EXP_LNKCAP2_SLS_2_5GB },
	{ MVGPU_CONFIG_EXP + PCI_EXP_LNKCTL2, 2, PCI_EXP_LNKCTL2_TLS_2_5GT },
};

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

static void mvgpu_config_set_all(struct mvgpu_config *config,
				 const struct mvgpu_config_value *values,
				 u32 nr)
{
	u32 i;

	for (i = 0; i < nr; i++)
		mvgpu_config_set(config, values[i].offset, values[i].value,
				 values[i].len);
}

static u64 mvgpu_config_field_mask(const struct mvgpu_config *config,
				   const struct mvgpu_config_field *field)
{
	return field->offset == MVGPU_CONFIG_BAR0 ? ~(config->vram_size - 1) :
						    field->mask;
}

/* The bits of a byte that a write changes. */
static u8 mvgpu_config_mask(const struct mvgpu_config *config, u32 offset)
{
	const struct mvgpu_config_field *field;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(mvgpu_config_fields); i++) {
		field = &mvgpu_config_fields[i];
		if (mvgpu_config_field_mask(config, field) &&
		    offset >= field->offset &&
		    offset - field->offset < field->len)
			return mvgpu_config_field_mask(config, field) >>
			       (offset - field->offset) * 8;
	}

	return 0;
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

	mvgpu_config_set_all(config, mvgpu_config_header,
			     ARRAY_SIZE(mvgpu_config_header));
	mvgpu_config_set_all(config, mvgpu_config_caps,
			     ARRAY_SIZE(mvgpu_config_caps));
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

static bool mvgpu_config_power_ok(u8 state)
{
	return state == MVGPU_CONFIG_D0 || state == MVGPU_CONFIG_D3HOT;
}

/**
 * mvgpu_config_write - write the bits that can be written
 * @config: config space
 * @offset: first byte
 * @data: what
 * @len: bytes; all are within config space
 *
 * A power state that does not exist is not entered.
 */
void mvgpu_config_write(struct mvgpu_config *config, u32 offset,
			const u8 *data, u32 len)
{
	u32 i, at;
	u8 mask;

	for (i = 0; i < len; i++) {
		at = offset + i;
		mask = mvgpu_config_mask(config, at);
		if (at == MVGPU_CONFIG_PMCSR &&
		    !mvgpu_config_power_ok(data[i] & PCI_PM_CTRL_STATE_MASK))
			continue;
		config->bytes[at] &= ~mask;
		config->bytes[at] |= data[i] & mask;
	}
}

/**
 * mvgpu_config_is_flr - does a write ask for a function level reset?
 * @offset: first byte
 * @data: what is written
 * @len: bytes; all are within config space
 *
 * Return: whether it sets that bit of Device Control, which reads as 0.
 */
bool mvgpu_config_is_flr(u32 offset, const u8 *data, u32 len)
{
	const u32 at = MVGPU_CONFIG_DEVCTL + 1;

	return offset <= at && at - offset < len &&
	       (data[at - offset] & (PCI_EXP_DEVCTL_BCR_FLR >> 8));
}

/**
 * mvgpu_config_bus_master - may the device do DMA and raise interrupts?
 * @config: config space
 *
 * Return: whether the Bus Master bit is set, and the device is in D0.
 */
bool mvgpu_config_bus_master(const struct mvgpu_config *config)
{
	u8 state = config->bytes[MVGPU_CONFIG_PMCSR] & PCI_PM_CTRL_STATE_MASK;

	return (config->bytes[PCI_COMMAND] & PCI_COMMAND_MASTER) &&
	       state == MVGPU_CONFIG_D0;
}

/**
 * mvgpu_config_save - write the section
 * @config: config space
 * @buf: where to
 */
void mvgpu_config_save(const struct mvgpu_config *config,
		       struct mdev_migration_buf *buf)
{
	const struct mvgpu_config_field *field;
	u64 value;
	u32 i, byte;

	for (i = 0; i < ARRAY_SIZE(mvgpu_config_fields); i++) {
		field = &mvgpu_config_fields[i];
		value = mvgpu_config_get(config, field->offset, field->len) &
			mvgpu_config_field_mask(config, field);
		for (byte = 0; byte < field->len; byte++)
			mdev_migration_put_u8(buf, value >> byte * 8);
	}
}

static u64 mvgpu_config_next(struct mdev_migration_cursor *cur,
			     const struct mvgpu_config_field *field)
{
	u64 value = 0;
	u32 byte;

	for (byte = 0; byte < field->len; byte++)
		value |= (u64)mdev_migration_get_u8(cur) << byte * 8;

	return value;
}

/* The bits that a source may have set. */
static u64 mvgpu_config_taken_mask(const struct mvgpu_config *config,
				   const struct mvgpu_config_field *field)
{
	/* version 0.1.0 let it be written; it means nothing */
	if (field->offset == PCI_LATENCY_TIMER)
		return 0xff;

	return mvgpu_config_field_mask(config, field);
}

/**
 * mvgpu_config_check - judge a received section
 * @config: config space that it is for; only its size of VRAM matters
 * @version: of the section, 1 or 2
 * @cur: the section's payload
 * @why: set to the reason if it is refused
 *
 * Return: 0, or -EINVAL.
 */
int mvgpu_config_check(const struct mvgpu_config *config, u16 version,
		       struct mdev_migration_cursor *cur, const char **why)
{
	const struct mvgpu_config_field *field;
	const char *reason = NULL;
	u64 value;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(mvgpu_config_fields); i++) {
		field = &mvgpu_config_fields[i];
		if (field->version > version)
			break;
		value = mvgpu_config_next(cur, field);
		if (value & ~mvgpu_config_taken_mask(config, field))
			reason = "config space has bits that cannot be set";
		if (field->offset == MVGPU_CONFIG_PMCSR &&
		    !mvgpu_config_power_ok(value & PCI_PM_CTRL_STATE_MASK))
			reason = "power state does not exist";
	}
	if (cur->bad || cur->left)
		reason = "config space section has a wrong length";
	if (!reason)
		return 0;
	*why = reason;

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
 * @config: config space, as after reset
 * @version: of the section, 1 or 2
 * @cur: payload that mvgpu_config_check() accepted
 */
void mvgpu_config_apply(struct mvgpu_config *config, u16 version,
			struct mdev_migration_cursor *cur)
{
	const struct mvgpu_config_field *field;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(mvgpu_config_fields); i++) {
		field = &mvgpu_config_fields[i];
		if (field->version > version)
			break;
		mvgpu_config_restore(config, field->offset,
				     mvgpu_config_next(cur, field), field->len);
	}
}
