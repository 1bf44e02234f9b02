// SPDX-License-Identifier: GPL-2.0
/*
 * The PCI function: what lspci makes of it, power states, function level reset
 * in every state of migration, the MSI-X BAR, and what of it moves.
 */
#include <endian.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "context.h"
#include "rig.h"

#define PM	0x40
#define MSI	0x50
#define MSIX	0x70
#define EXP	0x80

FIXTURE(pci)
{
	struct rig rig;
	int device;
};

FIXTURE_SETUP(pci)
{
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->device = self->rig.vmm.vfio.device;
}

FIXTURE_TEARDOWN(pci)
{
	rig_destroy(&self->rig);
}

static __u16 config16(int device, __u32 offset)
{
	__u16 value = 0xffff;

	vfio_config_read(device, offset, &value, sizeof(value));
	return le16toh(value);
}

static int config_put16(int device, __u32 offset, __u16 value)
{
	value = htole16(value);
	return vfio_config_write(device, offset, &value, sizeof(value));
}

static int flr(int device)
{
	return config_put16(device, EXP + PCI_EXP_DEVCTL,
			    PCI_EXP_DEVCTL_BCR_FLR);
}

/* In the form that lspci -F reads. */
static int dump_config(int device, const char *path)
{
	unsigned char config[VFIO_CONFIG_SIZE];
	FILE *file;
	int i, ret;

	ret = vfio_config_read(device, 0, config, sizeof(config));
	file = ret ? NULL : fopen(path, "w");
	if (!file)
		return ret ?: -errno;
	fprintf(file, "01:00.0 Display controller: mvgpu\n");
	for (i = 0; i < VFIO_CONFIG_SIZE; i++) {
		if (i % 16 == 0)
			fprintf(file, "%03x:", i);
		fprintf(file, " %02x%s", config[i], i % 16 == 15 ? "\n" : "");
	}
	return fclose(file) ? -errno : 0;
}

#define LISTING_SIZE	65536

/* What the tool says of it, errors included; the caller frees it. */
static char *listing_of(const char *path)
{
	char command[256], *text = calloc(1, LISTING_SIZE);
	FILE *pipe;
	size_t len;

	if (!text)
		return NULL;
	snprintf(command, sizeof(command), "lspci -vv -nn -F %s 2>&1", path);
	pipe = popen(command, "r");
	len = pipe ? fread(text, 1, LISTING_SIZE - 64, pipe) : 0;
	if (!pipe || pclose(pipe))
		snprintf(text + len, 64, "lspci failed");
	return text;
}

/* Does it, or does it not, as it should? */
static bool says(const char *text, const char *what, bool should)
{
	if (!strstr(text, what) != should)
		return true;
	printf("# lspci %s \"%s\":\n%s\n", should ? "lacks" : "has", what,
	       text);
	return false;
}

TEST_F(pci, looks_clean_to_lspci)
{
	static const char * const has[] = {
		"[0380]: Device [1234:4d56] (rev 02)",
		"[40] Power Management version 3",
		"NoSoftRst+",
		"[50] MSI: Enable- Count=1/4 Maskable+ 64bit+",
		"[70] MSI-X: Enable- Count=4 Masked-",
		"Vector table: BAR=4 offset=00000000",
		"PBA: BAR=4 offset=00001000",
		"[80] Express (v2) Endpoint",
		"FLReset+",
		"Completion Timeout: Not Supported, TimeoutDis+",
		"LnkSta:\tSpeed 2.5GT/s",
	};
	static const char * const lacks[] = {
		"downgraded", "overdriven", "unknown", "Unknown", "broken",
		"looped", "invalid", "lspci", "<?>", "!!!", "Advanced Error",
	};
	char path[] = "/tmp/mvgpu-config.XXXXXX";
	char *text;
	size_t i;

	close(mkstemp(path));
	ASSERT_EQ(0, dump_config(self->device, path));
	text = listing_of(path);
	unlink(path);
	ASSERT_NE(NULL, text);
	for (i = 0; i < ARRAY_SIZE(has); i++)
		EXPECT_TRUE(says(text, has[i], true));
	for (i = 0; i < ARRAY_SIZE(lacks); i++)
		EXPECT_TRUE(says(text, lacks[i], false));
	free(text);
}

TEST_F(pci, is_the_same_for_every_instance_of_a_type)
{
	unsigned char one[VFIO_CONFIG_SIZE], two[VFIO_CONFIG_SIZE];
	struct rig other;

	ASSERT_EQ(0, rig_create(&other));
	ASSERT_EQ(0, rig_open(&other));
	ASSERT_EQ(0, vfio_config_read(self->device, 0, one, sizeof(one)));
	ASSERT_EQ(0, vfio_config_read(other.vmm.vfio.device, 0, two,
				      sizeof(two)));
	EXPECT_EQ(0, memcmp(one, two, sizeof(one)));
	rig_destroy(&other);
}

TEST_F(pci, every_write_is_taken_and_leaves_what_cannot_change)
{
	unsigned char ones[VFIO_CONFIG_SIZE], before[8], after[8];
	__u32 offset;

	memset(ones, 0xff, sizeof(ones));
	ASSERT_EQ(0, vfio_config_read(self->device, 0, before, 4));
	for (offset = 0; offset < VFIO_CONFIG_SIZE; offset++)
		/* but for the one that resets */
		if (offset != EXP + PCI_EXP_DEVCTL + 1)
			ASSERT_EQ(0, vfio_config_write(self->device, offset,
						       ones, 1));
	ASSERT_EQ(0, vfio_config_read(self->device, 0, after, 4));
	EXPECT_EQ(0, memcmp(before, after, 4));
	EXPECT_EQ(3, config16(self->device, MSIX + PCI_MSIX_FLAGS) &
		     PCI_MSIX_FLAGS_QSIZE);
}

TEST_F(pci, nothing_moves_in_d3hot)
{
	ASSERT_EQ(0, config_put16(self->device, PM + PCI_PM_CTRL, 3));
	ASSERT_EQ(0, rig_flood(&self->rig, gpu_fill(RIG_RAM, RIG_SLOW, 1, 0,
						    0x01010101)));
	EXPECT_TRUE(rig_stays(&self->rig, 0));
	ASSERT_EQ(0, config_put16(self->device, PM + PCI_PM_CTRL, 0));
	ASSERT_EQ(0, rig_wait(&self->rig));
	EXPECT_TRUE(rig_all(self->rig.vmm.ram.mem, RIG_SLOW, 1));
}

TEST_F(pci, entering_d3hot_returns_when_dma_has_ended)
{
	ASSERT_EQ(0, rig_flood_slow(&self->rig, 1));
	ASSERT_EQ(0, config_put16(self->device, PM + PCI_PM_CTRL, 3));
	memset(self->rig.vmm.ram.mem, 7, RIG_SLOW);
	EXPECT_TRUE(rig_stays(&self->rig, 7));
}

/* As after reset: runs, owned by nobody, registers 0. */
static const char *is_reset(struct rig *rig)
{
	struct gpu_queue_state queue;

	if (context_run_control(&rig->vmm.state) != VFIO_DEVICE_STATE_START)
		return "it does not run";
	if (gpu_queue_state(&rig->vmm.gpu, 0, &queue) || queue.control ||
	    queue.tail)
		return "the queue is not reset";
	if (config16(rig->vmm.vfio.device, PCI_COMMAND))
		return "the command register is not reset";
	if (config16(rig->vmm.vfio.device, EXP + PCI_EXP_DEVCTL) != 0x2810)
		return "device control is not reset";
	if (rig_setup(rig) || rig_run(rig, gpu_fence(RIG_RAM, 9)) ||
	    *(__u64 *)rig->vmm.ram.mem != htole64(9))
		return "it does not work";

	return NULL;
}

TEST_F(pci, flr_of_a_running_device)
{
	ASSERT_EQ(0, rig_flood_slow(&self->rig, 1));
	ASSERT_EQ(0, flr(self->device));
	memset(self->rig.vmm.ram.mem, 7, RIG_SLOW);
	EXPECT_TRUE(rig_stays(&self->rig, 7));
	EXPECT_EQ(NULL, is_reset(&self->rig));
}

TEST_F(pci, flr_of_a_stopped_device)
{
	ASSERT_EQ(0, rig_flood_slow(&self->rig, 1));
	ASSERT_EQ(0, devstate_stop(&self->rig.vmm.state));
	ASSERT_EQ(0, flr(self->device));
	EXPECT_EQ(NULL, is_reset(&self->rig));
}

TEST_F(pci, flr_with_half_a_context)
{
	struct context context;

	ASSERT_EQ(0, context_fill_save(&self->rig.vmm, 3, &context));
	ASSERT_EQ(0, context_write(&self->rig.vmm.state, context.data,
				   context.length / 2, 1, CONTEXT_UNCUT));
	ASSERT_EQ(0, flr(self->device));
	EXPECT_EQ(NULL, is_reset(&self->rig));
	context_free(&context);
}

TEST_F(pci, flr_after_a_refused_context)
{
	struct context context;

	ASSERT_EQ(0, context_fill_save(&self->rig.vmm, 3, &context));
	context.data[context.length / 2] ^= 1;
	ASSERT_NE(0, devstate_load(&self->rig.vmm.state, context.data,
				   context.length));
	ASSERT_EQ(0, flr(self->device));
	EXPECT_EQ(NULL, is_reset(&self->rig));
	context_free(&context);
}

/* A write of four bytes to Device Control and Status, as some drivers do. */
TEST_F(pci, flr_within_a_wider_write)
{
	const __u32 value = htole32(PCI_EXP_DEVCTL_BCR_FLR);

	ASSERT_EQ(0, vfio_config_write(self->device, EXP + PCI_EXP_DEVCTL,
				       &value, sizeof(value)));
	EXPECT_EQ(NULL, is_reset(&self->rig));
}

TEST_F(pci, the_msix_table_keeps_what_is_written)
{
	struct vfio_region_info *info;
	unsigned char table[64], back[64];
	int i;

	ASSERT_EQ(0, vfio_get_region_info(self->device,
					  VFIO_PCI_BAR4_REGION_INDEX, &info));
	EXPECT_EQ(8192ULL, info->size);
	EXPECT_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
		  info->flags);
	memset(table, 0xff, sizeof(table));
	ASSERT_EQ(0, vfio_pwrite(self->device, table, sizeof(table),
				 info->offset));
	ASSERT_EQ(0, vfio_pread(self->device, back, sizeof(back),
				info->offset));
	for (i = 0; i < 4; i++) {
		EXPECT_EQ(0xfc, back[i * 16]);
		EXPECT_EQ(0xff, back[i * 16 + 11]);
		EXPECT_EQ(0x01, back[i * 16 + 12]);
		EXPECT_EQ(0x00, back[i * 16 + 15]);
	}
	ASSERT_EQ(0, vfio_reset(self->device));
	ASSERT_EQ(0, vfio_pread(self->device, back, sizeof(back),
				info->offset));
	EXPECT_EQ(0, back[0]);
	EXPECT_EQ(1, back[12]);
	free(info);
}

TEST_F(pci, the_pending_bit_array_shows_latches)
{
	struct vfio_region_info *info;
	__u64 bits;

	ASSERT_EQ(0, vfio_get_region_info(self->device,
					  VFIO_PCI_BAR4_REGION_INDEX, &info));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fence_interrupt(RIG_RAM, 1)));
	ASSERT_EQ(0, vfio_pread(self->device, &bits, sizeof(bits),
				info->offset + 0x1000));
	EXPECT_EQ(1ULL, le64toh(bits));
	free(info);
}

TEST_F(pci, what_the_guest_wrote_moves)
{
	unsigned char source[256], loaded[256];
	struct context context;
	struct rig target;

	ASSERT_EQ(0, config_put16(self->device, MSI + PCI_MSI_FLAGS, 0x21));
	ASSERT_EQ(0, config_put16(self->device, MSI + PCI_MSI_DATA_64, 77));
	ASSERT_EQ(0, config_put16(self->device, MSIX + PCI_MSIX_FLAGS,
				  PCI_MSIX_FLAGS_ENABLE));
	ASSERT_EQ(0, config_put16(self->device, EXP + PCI_EXP_DEVCTL, 0x1f));
	ASSERT_EQ(0, config_put16(self->device, PM + PCI_PM_CTRL, 3));
	ASSERT_EQ(0, devstate_stop(&self->rig.vmm.state));
	ASSERT_EQ(0, context_save(&self->rig.vmm.state, &context));
	ASSERT_EQ(0, rig_create(&target));
	ASSERT_EQ(0, fixture_open(&target.vmm));
	ASSERT_EQ(0, devstate_load(&target.vmm.state, context.data,
				   context.length));
	ASSERT_EQ(0, vfio_config_read(self->device, 0, source,
				      sizeof(source)));
	ASSERT_EQ(0, vfio_config_read(target.vmm.vfio.device, 0, loaded,
				      sizeof(loaded)));
	EXPECT_EQ(0, memcmp(source, loaded, sizeof(source)));
	rig_destroy(&target);
	context_free(&context);
}

TEST_HARNESS_MAIN
