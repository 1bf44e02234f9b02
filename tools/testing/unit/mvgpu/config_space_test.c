// SPDX-License-Identifier: GPL-2.0
/*
 * PCI config space of a vGPU: reset values, what can be written, BAR sizing,
 * and its section in a stream.
 */
#include <linux/errno.h>
#include <linux/pci_regs.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/mvgpu.h>

#include "config_space.h"
#include "unit.h"

#define VRAM_SIZE	(16u << 20)
#define SECTION_SIZE	52
#define SECTION_SIZE_1	20
#define LATENCY_AT	3

/* Where the capabilities lie. */
#define PM		0x40
#define MSI		0x50
#define MSIX		0x70
#define EXP		0x80

static struct mvgpu_config config;

static u64 read_field(u32 offset, u32 len)
{
	u8 data[8];
	u64 value = 0;

	mvgpu_config_read(&config, offset, data, len);
	while (len--)
		value = value << 8 | data[len];
	return value;
}

static void write_field(u32 offset, u64 value, u32 len)
{
	u8 data[8];
	u32 i;

	for (i = 0; i < len; i++)
		data[i] = value >> i * 8;
	mvgpu_config_write(&config, offset, data, len);
}

static void reset(void)
{
	mvgpu_config_reset(&config, VRAM_SIZE);
}

/* Every field that can be written holds something else than after reset. */
static void scribble(void)
{
	reset();
	write_field(PCI_COMMAND, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER, 2);
	write_field(PCI_CACHE_LINE_SIZE, 0x10, 1);
	write_field(PCI_INTERRUPT_LINE, 0x0b, 1);
	write_field(PCI_BASE_ADDRESS_0, 0x380012000000ULL, 8);
	write_field(PCI_BASE_ADDRESS_2, 0xfea00000, 4);
	write_field(PCI_BASE_ADDRESS_4, 0xfeb02000, 4);
	write_field(MSI + PCI_MSI_ADDRESS_LO, 0x00000001fee00000ULL, 8);
	write_field(MSI + PCI_MSI_DATA_64, 0x4321, 2);
	write_field(MSI + PCI_MSI_MASK_64, 0x5, 4);
	write_field(MSI + PCI_MSI_FLAGS, PCI_MSI_FLAGS_ENABLE | 2 << 4, 2);
	write_field(MSIX + PCI_MSIX_FLAGS, PCI_MSIX_FLAGS_ENABLE, 2);
	write_field(PM + PCI_PM_CTRL, 3, 2);
	write_field(EXP + PCI_EXP_DEVCTL, 0x281f, 2);
	write_field(EXP + PCI_EXP_LNKCTL, 0x40, 2);
	write_field(EXP + PCI_EXP_LNKCTL2, 2, 2);
	write_field(EXP + PCI_EXP_DEVCTL2, 0x10, 2);
}

static size_t save(u8 *data, size_t size)
{
	struct mdev_migration_buf buf = { .data = data, .size = size };

	mvgpu_config_save(&config, &buf);
	CHECK(!buf.overflow);
	return buf.len;
}

static int check_version(u16 version, const u8 *data, size_t len)
{
	struct mdev_migration_cursor cur = { .data = data, .left = len };
	const char *why = NULL;
	int ret = mvgpu_config_check(&config, version, &cur, &why);

	CHECK_EQ(!!ret, !!why);
	return ret;
}

static int check(const u8 *data, size_t len)
{
	return check_version(MVGPU_CONFIG_VERSION, data, len);
}

UNIT_TEST(reset_identity)
{
	reset();
	CHECK_EQ(0x1234, read_field(PCI_VENDOR_ID, 2));
	CHECK_EQ(0x4d56, read_field(PCI_DEVICE_ID, 2));
	CHECK_EQ(0x1234, read_field(PCI_SUBSYSTEM_VENDOR_ID, 2));
	CHECK_EQ(0x4d56, read_field(PCI_SUBSYSTEM_ID, 2));
	CHECK_EQ(2, read_field(PCI_REVISION_ID, 1));
	CHECK_EQ(0x038000, read_field(PCI_CLASS_REVISION, 4) >> 8);
	CHECK_EQ(0, read_field(PCI_HEADER_TYPE, 1));
}

UNIT_TEST(reset_has_neither_intx_nor_rom_nor_extended_capabilities)
{
	reset();
	CHECK_EQ(0, read_field(PCI_INTERRUPT_PIN, 1));
	CHECK_EQ(0, read_field(PCI_ROM_ADDRESS, 4));
	CHECK_EQ(0, read_field(0x100, 4));
}

UNIT_TEST(capabilities_are_a_list_of_four)
{
	static const u8 ids[] = {
		PCI_CAP_ID_PM, PCI_CAP_ID_MSI, PCI_CAP_ID_MSIX, PCI_CAP_ID_EXP,
	};
	u32 at, i;

	reset();
	CHECK_EQ(PCI_STATUS_CAP_LIST, read_field(PCI_STATUS, 2));
	at = read_field(PCI_CAPABILITY_LIST, 1);
	for (i = 0; i < sizeof(ids); i++) {
		CHECK_EQ(0, at % 4);
		CHECK_EQ(ids[i], read_field(at, 1));
		at = read_field(at + 1, 1);
	}
	CHECK_EQ(0, at);
}

UNIT_TEST(capabilities_say_what_the_device_has)
{
	reset();
	/* as many vectors as queues */
	CHECK_EQ(2 << 1, read_field(MSI + PCI_MSI_FLAGS, 2) &
			 PCI_MSI_FLAGS_QMASK);
	CHECK_EQ(MVGPU_VECTORS - 1, read_field(MSIX + PCI_MSIX_FLAGS, 2));
	CHECK_EQ(MVGPU_BAR_MSIX, read_field(MSIX + PCI_MSIX_TABLE, 4));
	CHECK_EQ(0x1000 | MVGPU_BAR_MSIX, read_field(MSIX + PCI_MSIX_PBA, 4));
	CHECK_EQ(PCI_PM_CTRL_NO_SOFT_RESET, read_field(PM + PCI_PM_CTRL, 2));
	CHECK(read_field(EXP + PCI_EXP_DEVCAP, 4) & PCI_EXP_DEVCAP_FLR);
	/* the link runs as fast and as wide as it can */
	CHECK_EQ(read_field(EXP + PCI_EXP_LNKCAP, 2) & 0x3ff,
		 read_field(EXP + PCI_EXP_LNKSTA, 2));
}

UNIT_TEST(power_states_that_do_not_exist_are_not_entered)
{
	u32 state;

	reset();
	for (state = 0; state < 4; state++) {
		write_field(PM + PCI_PM_CTRL, 3, 1);
		write_field(PM + PCI_PM_CTRL, state, 2);
		CHECK_EQ((state ? 3 : 0) | PCI_PM_CTRL_NO_SOFT_RESET,
			 read_field(PM + PCI_PM_CTRL, 2));
	}
}

UNIT_TEST(flr_is_asked_for_by_its_bit_alone)
{
	const u8 data[4] = { 0x10, 0xa8, 0x10, 0xa8 };
	const u8 none[4] = { 0xff, 0x7f, 0xff, 0xff };
	const u32 devctl = EXP + PCI_EXP_DEVCTL;

	CHECK(mvgpu_config_is_flr(devctl, data, 2));
	CHECK(mvgpu_config_is_flr(devctl, data, 4));
	CHECK(mvgpu_config_is_flr(devctl - 2, data, 4));
	CHECK(mvgpu_config_is_flr(devctl + 1, data + 1, 1));
	CHECK(!mvgpu_config_is_flr(devctl, data, 1));
	CHECK(!mvgpu_config_is_flr(devctl + 2, data, 2));
	CHECK(!mvgpu_config_is_flr(devctl - 2, data, 2));
	CHECK(!mvgpu_config_is_flr(devctl, none, 4));

	reset();
	write_field(devctl, 0xffff, 2);
	CHECK_EQ(0, read_field(devctl, 2) & PCI_EXP_DEVCTL_BCR_FLR);
}

UNIT_TEST(reset_undoes_every_write)
{
	static struct mvgpu_config clean;

	mvgpu_config_reset(&clean, VRAM_SIZE);
	scribble();
	CHECK(memcmp(&clean, &config, sizeof(clean)));
	reset();
	CHECK(!memcmp(&clean, &config, sizeof(clean)));
}

UNIT_TEST(bar_0_is_sized_as_64_bits_prefetchable)
{
	reset();
	write_field(PCI_BASE_ADDRESS_0, ~0ULL, 8);
	CHECK_EQ(~(u64)(VRAM_SIZE - 1) | 0xc, read_field(PCI_BASE_ADDRESS_0, 8));
	write_field(PCI_BASE_ADDRESS_0, 0, 4);
	write_field(PCI_BASE_ADDRESS_1, 0, 4);
	CHECK_EQ(0xc, read_field(PCI_BASE_ADDRESS_0, 8));
}

UNIT_TEST(bar_0_of_more_than_4_gib)
{
	mvgpu_config_reset(&config, 8ULL << 30);
	write_field(PCI_BASE_ADDRESS_0, ~0ULL, 8);
	CHECK_EQ(0xfffffffe0000000cULL, read_field(PCI_BASE_ADDRESS_0, 8));
}

UNIT_TEST(bar_2_is_sized_as_1_mib)
{
	reset();
	write_field(PCI_BASE_ADDRESS_2, 0xffffffff, 4);
	CHECK_EQ(0xfff00000, read_field(PCI_BASE_ADDRESS_2, 4));
}

UNIT_TEST(bar_4_is_sized_as_8_kib)
{
	reset();
	write_field(PCI_BASE_ADDRESS_4, 0xffffffff, 4);
	CHECK_EQ(0xffffe000, read_field(PCI_BASE_ADDRESS_4, 4));
}

UNIT_TEST(other_bars_do_not_exist)
{
	u32 offset;

	reset();
	for (offset = PCI_BASE_ADDRESS_3; offset <= PCI_BASE_ADDRESS_5;
	     offset += 8) {
		write_field(offset, 0xffffffff, 4);
		CHECK_EQ(0, read_field(offset, 4));
	}
	write_field(PCI_ROM_ADDRESS, 0xffffffff, 4);
	CHECK_EQ(0, read_field(PCI_ROM_ADDRESS, 4));
}

UNIT_TEST(writes_by_byte_meet_the_same_masks)
{
	u32 i;

	reset();
	for (i = 0; i < 8; i++)
		write_field(PCI_BASE_ADDRESS_0 + i, 0xff, 1);
	CHECK_EQ(~(u64)(VRAM_SIZE - 1) | 0xc, read_field(PCI_BASE_ADDRESS_0, 8));
	write_field(PCI_COMMAND + 1, 0xff, 1);
	CHECK_EQ(0x0500, read_field(PCI_COMMAND, 2));
}

/*
 * Every register that is not 0 for ever, as the PCI Express Base Specification
 * has it for an endpoint of one lane at 2.5 GT/s without INTx, ROM, I/O and PME:
 * what it is after reset, and which bits can be written.
 */
static const struct {
	const char *name;
	u16 offset;
	u8 len;
	u64 reset;
	u64 writable;
} registers[] = {
	{ "Vendor ID", 0x00, 2, 0x1234, 0 },
	{ "Device ID", 0x02, 2, 0x4d56, 0 },
	/* special cycle, MWI, VGA snoop, stepping and back-to-back are 0 */
	{ "Command", 0x04, 2, 0, 0x0547 },
	/* a list of capabilities is required; no error ever happens */
	{ "Status", 0x06, 2, 0x0010, 0 },
	{ "Class and revision", 0x08, 4, 0x03800002, 0 },
	{ "Cache Line Size", 0x0c, 1, 0, 0xff },
	/* Latency Timer, header type and BIST are 0 */
	{ "BAR 0", 0x10, 8, 0xc, ~(u64)(VRAM_SIZE - 1) },
	{ "BAR 2", 0x18, 4, 0, 0xfff00000 },
	{ "BAR 4", 0x20, 4, 0, 0xffffe000 },
	{ "Subsystem Vendor ID", 0x2c, 2, 0x1234, 0 },
	{ "Subsystem ID", 0x2e, 2, 0x4d56, 0 },
	{ "Capabilities Pointer", 0x34, 1, PM, 0 },
	{ "Interrupt Line", 0x3c, 1, 0, 0xff },
	/* Interrupt Pin, Min_Gnt and Max_Lat are 0 */

	{ "PM capability", PM, 2, 0x5001, 0 },
	/* version 3; no PME from any state, neither D1 nor D2 */
	{ "PMC", PM + 2, 2, 0x0003, 0 },
	/* No_Soft_Reset */
	{ "PMCSR", PM + 4, 2, 0x0008, 0x0003 },

	{ "MSI capability", MSI, 2, 0x7005, 0 },
	/* 4 vectors, 64 bits, which endpoints have to have, maskable */
	{ "MSI Message Control", MSI + 2, 2, 0x0184, 0x0071 },
	{ "MSI Message Address", MSI + 4, 8, 0, ~3ULL },
	{ "MSI Message Data", MSI + 12, 2, 0, 0xffff },
	{ "MSI Mask Bits", MSI + 16, 4, 0, 0xf },

	{ "MSI-X capability", MSIX, 2, 0x8011, 0 },
	{ "MSI-X Message Control", MSIX + 2, 2, 0x0003, 0xc000 },
	{ "MSI-X Table", MSIX + 4, 4, 0x0004, 0 },
	{ "MSI-X PBA", MSIX + 8, 4, 0x1004, 0 },

	{ "PCI Express capability", EXP, 2, 0x0010, 0 },
	{ "PCI Express Capabilities", EXP + 2, 2, 0x0002, 0 },
	/* role-based error reporting is required; FLR */
	{ "Device Capabilities", EXP + 0x04, 4, 0x10008000, 0 },
	/* no extended tags, phantom functions and auxiliary power */
	{ "Device Control", EXP + 0x08, 2, 0x2810, 0x78ff },
	/* no ASPM, whose optionality is required to be said (bit 22) */
	{ "Link Capabilities", EXP + 0x0c, 4, 0x00400011, 0 },
	{ "Link Control", EXP + 0x10, 2, 0, 0x00cb },
	{ "Link Status", EXP + 0x12, 2, 0x0011, 0 },
	/* Completion Timeout Disable is required, programmed ranges are not */
	{ "Device Capabilities 2", EXP + 0x24, 4, 0x00000010, 0 },
	{ "Device Control 2", EXP + 0x28, 2, 0, 0x0010 },
	{ "Link Capabilities 2", EXP + 0x2c, 4, 0x00000002, 0 },
	{ "Link Control 2", EXP + 0x30, 2, 0x0001, 0x000f },
};

#define REGISTERS	ARRAY_SIZE(registers)

/* What all of config space is, with the bits that can be written set or not. */
static void expect(u8 *bytes, bool set)
{
	u32 i, byte;

	memset(bytes, 0, MVGPU_CONFIG_SIZE);
	for (i = 0; i < REGISTERS; i++) {
		u64 value = registers[i].reset & ~registers[i].writable;

		if (set)
			value |= registers[i].writable;
		for (byte = 0; byte < registers[i].len; byte++)
			bytes[registers[i].offset + byte] = value >> byte * 8;
	}
}

static void check_all(bool set)
{
	static u8 wanted[MVGPU_CONFIG_SIZE];
	u32 i;

	expect(wanted, set);
	for (i = 0; i < MVGPU_CONFIG_SIZE; i++) {
		if (wanted[i] != config.bytes[i])
			fprintf(stderr, "# byte %#x\n", i);
		CHECK_EQ(wanted[i], config.bytes[i]);
	}
}

static void write_all(u8 value)
{
	u32 i;

	for (i = 0; i < MVGPU_CONFIG_SIZE; i++)
		mvgpu_config_write(&config, i, &value, 1);
}

UNIT_TEST(every_register_has_its_reset_value)
{
	u32 i;

	reset();
	for (i = 0; i < REGISTERS; i++) {
		if (registers[i].reset != read_field(registers[i].offset,
						     registers[i].len))
			fprintf(stderr, "# %s\n", registers[i].name);
		CHECK_EQ(registers[i].reset, read_field(registers[i].offset,
							registers[i].len));
	}
}

UNIT_TEST(every_bit_can_be_written_or_cannot)
{
	reset();
	write_all(0xff);
	check_all(true);
	write_all(0);
	check_all(false);
}

/* Neither DMA nor interrupts in D3hot. */
UNIT_TEST(bus_master_needs_power)
{
	reset();
	write_field(PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	write_field(PM + PCI_PM_CTRL, 3, 2);
	CHECK(!mvgpu_config_bus_master(&config));
	write_field(PM + PCI_PM_CTRL, 0, 2);
	CHECK(mvgpu_config_bus_master(&config));
}

UNIT_TEST(bus_master_follows_the_command_register)
{
	reset();
	CHECK(!mvgpu_config_bus_master(&config));
	write_field(PCI_COMMAND, PCI_COMMAND_MASTER, 2);
	CHECK(mvgpu_config_bus_master(&config));
	write_field(PCI_COMMAND, PCI_COMMAND_MEMORY, 2);
	CHECK(!mvgpu_config_bus_master(&config));
}

UNIT_TEST(section_round_trip)
{
	struct mdev_migration_cursor cur;
	static struct mvgpu_config source;
	u8 data[64];

	scribble();
	source = config;
	CHECK_EQ(SECTION_SIZE, save(data, sizeof(data)));

	reset();
	CHECK_EQ(0, check(data, SECTION_SIZE));
	cur = (struct mdev_migration_cursor){
		.data = data, .left = SECTION_SIZE,
	};
	mvgpu_config_apply(&config, MVGPU_CONFIG_VERSION, &cur);
	CHECK_EQ(0, cur.left);
	CHECK(!cur.bad);
	CHECK(!memcmp(&source, &config, sizeof(source)));
}

/* As hardware 1.0 wrote it; what came later stays as after reset. */
UNIT_TEST(section_of_version_1_is_taken)
{
	static const u8 old[SECTION_SIZE_1] = {
		0x06, 0x00, 0x10, 0x40, 0x0b, 0, 0, 0,
		0x00, 0x00, 0x00, 0x12, 0x00, 0x38, 0, 0,
		0x00, 0x00, 0xa0, 0xfe,
	};
	struct mdev_migration_cursor cur = {
		.data = old, .left = sizeof(old),
	};

	reset();
	CHECK_EQ(0, check_version(1, old, sizeof(old)));
	CHECK_EQ(-EINVAL, check_version(2, old, sizeof(old)));
	CHECK_EQ(-EINVAL, check_version(1, old, sizeof(old) - 1));
	mvgpu_config_apply(&config, 1, &cur);
	CHECK_EQ(0x0006, read_field(PCI_COMMAND, 2));
	/* it could be written then */
	CHECK_EQ(0, read_field(PCI_LATENCY_TIMER, 1));
	CHECK_EQ(0x38001200000cULL, read_field(PCI_BASE_ADDRESS_0, 8));
	CHECK_EQ(0xfea00000, read_field(PCI_BASE_ADDRESS_2, 4));
	CHECK_EQ(0, read_field(PCI_BASE_ADDRESS_4, 4));
	CHECK_EQ(0, read_field(MSI + PCI_MSI_ADDRESS_LO, 8));
}

UNIT_TEST(section_layout)
{
	static const u8 wanted[SECTION_SIZE] = {
		0x06, 0x00, 0x10, 0x00, 0x0b, 0, 0, 0,
		0x00, 0x00, 0x00, 0x12, 0x00, 0x38, 0, 0,
		0x00, 0x00, 0xa0, 0xfe, 0x00, 0x20, 0xb0, 0xfe,
		0x00, 0x00, 0xe0, 0xfe, 0x01, 0x00, 0, 0,
		0x05, 0x00, 0x00, 0x00, 0x21, 0x43, 0x21, 0x00,
		0x00, 0x80, 0x03, 0x00, 0x1f, 0x28, 0x40, 0x00,
		0x02, 0x00, 0x10, 0x00,
	};
	u8 data[64];

	scribble();
	save(data, sizeof(data));
	CHECK(!memcmp(wanted, data, sizeof(wanted)));
}

UNIT_TEST(check_changes_nothing)
{
	static struct mvgpu_config before;
	u8 data[64];

	scribble();
	save(data, sizeof(data));
	reset();
	before = config;
	CHECK_EQ(0, check(data, SECTION_SIZE));
	CHECK(!memcmp(&before, &config, sizeof(before)));
}

UNIT_TEST(check_refuses_every_other_length)
{
	u8 data[64] = {};
	size_t len;

	scribble();
	save(data, sizeof(data));
	for (len = 0; len <= sizeof(data); len++)
		CHECK_EQ(len == SECTION_SIZE ? 0 : -EINVAL, check(data, len));
}

/* Exactly those bits pass that a write could have set, or can. */
UNIT_TEST(check_refuses_every_bit_that_cannot_be_set)
{
	struct mdev_migration_cursor cur;
	u8 data[64], again[64];
	u32 bit;

	for (bit = 0; bit < SECTION_SIZE * 8; bit++) {
		reset();
		save(data, sizeof(data));
		data[bit / 8] |= 1 << bit % 8;

		cur = (struct mdev_migration_cursor){
			.data = data, .left = SECTION_SIZE,
		};
		mvgpu_config_apply(&config, MVGPU_CONFIG_VERSION, &cur);
		save(again, sizeof(again));
		CHECK_EQ(memcmp(data, again, SECTION_SIZE) &&
			 bit / 8 != LATENCY_AT ? -EINVAL : 0,
			 check(data, SECTION_SIZE));
	}
}

UNIT_TEST(check_goes_by_the_size_of_vram)
{
	u8 data[64];

	reset();
	write_field(PCI_BASE_ADDRESS_0, VRAM_SIZE, 8);
	save(data, sizeof(data));
	CHECK_EQ(0, check(data, SECTION_SIZE));
	mvgpu_config_reset(&config, VRAM_SIZE * 2);
	CHECK_EQ(-EINVAL, check(data, SECTION_SIZE));
}

UNIT_TEST(save_does_not_write_past_its_buffer)
{
	struct mdev_migration_buf buf = {};
	u8 data[SECTION_SIZE];

	scribble();
	buf.data = data;
	for (buf.size = 0; buf.size < SECTION_SIZE; buf.size++) {
		buf.len = 0;
		buf.overflow = false;
		mvgpu_config_save(&config, &buf);
		CHECK(buf.overflow);
		CHECK(buf.len <= buf.size);
	}
}
