// SPDX-License-Identifier: GPL-2.0
/*
 * Containers that hold a physical device, or are to hold one: they belong to
 * vfio_iommu_type1. Needs an IOMMU, and a PCI function that nobody uses: the
 * "edu" device of QEMU (run.sh --iommu).
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/vfio_device_state.h>

#include "dirty.h"
#include "kselftest_harness.h"
#include "text.h"

#define PAGE	DIRTY_PAGE
#define PCI	"/sys/bus/pci/devices"

static int write_device(const char *address, const char *file,
			const char *text)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), PCI "/%s/%s", address, file);
	return text_write(path, text);
}

static bool is_edu(const char *address)
{
	char path[PATH_MAX], line[64] = "";
	unsigned int vendor = 0, device = 0;
	FILE *file;

	snprintf(path, sizeof(path), PCI "/%s/uevent", address);
	file = fopen(path, "r");
	if (!file)
		return false;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "PCI_ID=%x:%x", &vendor, &device) == 2)
			break;
	}
	fclose(file);
	return vendor == 0x1234 && device == 0x11e8;
}

/* The address of the function, and the number of its group. */
static int find_edu(char address[32], int *group)
{
	char path[PATH_MAX], target[PATH_MAX] = "";
	struct dirent *entry;
	DIR *dir = opendir(PCI);
	int ret = -ENOENT;

	if (!dir)
		return -errno;
	while (ret && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.' || !is_edu(entry->d_name))
			continue;
		snprintf(address, 32, "%.31s", entry->d_name);
		ret = 0;
	}
	closedir(dir);
	if (ret)
		return ret;
	snprintf(path, sizeof(path), PCI "/%s/iommu_group", address);
	if (readlink(path, target, sizeof(target) - 1) < 0)
		return -errno;
	*group = atoi(strrchr(target, '/') + 1);
	return 0;
}

FIXTURE(groups)
{
	struct dirty_rig rig;
	char address[32];
	char claim[64];
	unsigned char *mem;
	int physical;
};

FIXTURE_SETUP(groups)
{
	char path[64];
	int group;

	if (find_edu(self->address, &group))
		SKIP(return, "no IOMMU, or no edu device behind it");
	ASSERT_EQ(0, system("modprobe vfio-pci"));
	/* The debug kernel cannot remap interrupts, and this raises none. */
	ASSERT_EQ(0, text_write("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts",
				"1"));
	ASSERT_EQ(0, write_device(self->address, "driver_override",
				  "vfio-pci"));
	ASSERT_EQ(0, text_write("/sys/bus/pci/drivers_probe", self->address));
	snprintf(path, sizeof(path), "/dev/vfio/%d", group);
	self->physical = open(path, O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, self->physical);

	self->mem = dirty_memory(4 * PAGE);
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, dirty_param("claim", "all", self->claim));
	ASSERT_EQ(0, dirty_rig_create(&self->rig));
}

FIXTURE_TEARDOWN(groups)
{
	dirty_rig_destroy(&self->rig);
	close(self->physical);
	dirty_param("claim", self->claim, NULL);
	EXPECT_EQ(0, write_device(self->address, "driver/unbind",
				  self->address));
	EXPECT_EQ(0, write_device(self->address, "driver_override", "\n"));
}

static bool is_served(int container)
{
	return vfio_check_extension(container,
				    VFIO_DIRTY_GET_DIRTY_BITMAP_EXT) == 1;
}

/* Map, pin and write, as a guest with a mediated device would. */
static int works(const struct dirty_rig *rig, void *mem)
{
	const int container = rig->vfio.container;
	char byte = 1;
	int ret;

	ret = vfio_map_dma(container, 0, mem, 4 * PAGE, DIRTY_RW);
	if (!ret && dirty_pin(rig, 0, 4, PINTEST_WRITE) != 4)
		ret = -EIO;
	if (!ret)
		ret = dirty_rw(rig, PAGE, &byte, 1, PINTEST_WRITE);
	/* type1 that is asked to unmap what is pinned inverts two locks */
	if (!ret)
		ret = dirty_unpin(rig, 0, 4);
	if (!ret && vfio_unmap_dma(container, 0, 4 * PAGE) != 4 * PAGE)
		ret = -EBUSY;
	return ret;
}

/* Both groups, then the backend, in either order. */
static int open_mixed(struct dirty_rig *rig, int physical, bool physical_first)
{
	struct vfio_client *vfio = &rig->vfio;
	int ret;

	vfio->container = vfio_open_container();
	vfio->group = vfio_open_group(rig->uuid);
	if (vfio->container < 0 || vfio->group < 0)
		return -ENODEV;
	ret = vfio_group_set_container(physical_first ? physical : vfio->group,
				       vfio->container);
	if (!ret)
		ret = vfio_group_set_container(physical_first ? vfio->group :
					       physical, vfio->container);
	if (!ret)
		ret = vfio_set_iommu(vfio->container, VFIO_TYPE1v2_IOMMU);
	if (ret)
		return ret;
	vfio->device = vfio_open_device(vfio->group, rig->uuid);
	return vfio->device < 0 ? vfio->device : 0;
}

TEST_F(groups, mixed_ones_go_to_type1)
{
	ASSERT_EQ(0, open_mixed(&self->rig, self->physical, false));
	EXPECT_FALSE(is_served(self->rig.vfio.container));
	EXPECT_EQ(0, works(&self->rig, self->mem));
	EXPECT_EQ(0, vfio_group_unset_container(self->physical));
}

TEST_F(groups, mixed_ones_go_to_type1_in_the_other_order)
{
	ASSERT_EQ(0, open_mixed(&self->rig, self->physical, true));
	EXPECT_FALSE(is_served(self->rig.vfio.container));
	EXPECT_EQ(0, works(&self->rig, self->mem));
	EXPECT_EQ(0, vfio_group_unset_container(self->physical));
}

TEST_F(groups, a_physical_one_alone_goes_to_type1)
{
	int container = vfio_open_container();

	ASSERT_LE(0, container);
	ASSERT_EQ(0, vfio_group_set_container(self->physical, container));
	ASSERT_EQ(0, vfio_set_iommu(container, VFIO_TYPE1v2_IOMMU));
	EXPECT_FALSE(is_served(container));
	EXPECT_EQ(0, vfio_map_dma(container, 0, self->mem, PAGE, DIRTY_RW));
	EXPECT_EQ(0, vfio_group_unset_container(self->physical));
	close(container);
}

/* The VMM then opens another container for it. */
TEST_F(groups, a_physical_one_cannot_join_a_container_that_is_served)
{
	int other;

	ASSERT_EQ(0, vfio_open(&self->rig.vfio, self->rig.uuid));
	ASSERT_TRUE(is_served(self->rig.vfio.container));
	EXPECT_EQ(-EINVAL, vfio_group_set_container(self->physical,
						    self->rig.vfio.container));
	EXPECT_TRUE(is_served(self->rig.vfio.container));
	EXPECT_EQ(0, works(&self->rig, self->mem));

	other = vfio_open_container();
	ASSERT_LE(0, other);
	EXPECT_EQ(0, vfio_group_set_container(self->physical, other));
	EXPECT_EQ(0, vfio_set_iommu(other, VFIO_TYPE1v2_IOMMU));
	EXPECT_EQ(0, works(&self->rig, self->mem));
	EXPECT_EQ(0, vfio_group_unset_container(self->physical));
	close(other);
}

TEST_F(groups, a_mediated_one_joins_a_container_of_type1)
{
	int container = vfio_open_container();

	ASSERT_LE(0, container);
	ASSERT_EQ(0, vfio_group_set_container(self->physical, container));
	ASSERT_EQ(0, vfio_set_iommu(container, VFIO_TYPE1v2_IOMMU));
	ASSERT_EQ(0, vfio_open_shared(&self->rig.vfio, container,
				      self->rig.uuid));
	EXPECT_FALSE(is_served(container));
	EXPECT_EQ(0, works(&self->rig, self->mem));
	vfio_close_device(&self->rig.vfio);
	self->rig.vfio.container = -1;
	EXPECT_EQ(0, vfio_group_unset_container(self->physical));
	close(container);
}

TEST_HARNESS_MAIN
