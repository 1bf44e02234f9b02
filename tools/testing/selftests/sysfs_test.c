// SPDX-License-Identifier: GPL-2.0
/*
 * Types and attributes in sysfs, and the budget of VRAM that all vGPUs share.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "context.h"
#include "rig.h"
#include "text.h"

#define MIB		(1024 * 1024ULL)
/* The budget when the module is loaded without parameters. */
#define BUDGET_MIB	1024

static const struct {
	const char *name, *pretty, *description;
	unsigned int mib;
	unsigned long long region;
} types[] = {
	{ "mvgpu-small", "mvgpu small",
	  "migratable virtual GPU, 16 MiB VRAM, 4 queues", 16, 17940480 },
	{ "mvgpu-medium", "mvgpu medium",
	  "migratable virtual GPU, 64 MiB VRAM, 4 queues", 64, 68567040 },
	{ "mvgpu-large", "mvgpu large",
	  "migratable virtual GPU, 256 MiB VRAM, 4 queues", 256, 271073280 },
};

/* Without its newline; "" if it cannot be read. */
static const char *read_file(const char *path)
{
	static char text[4096];
	ssize_t len;
	int fd = open(path, O_RDONLY);

	len = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	text[len < 0 ? 0 : len] = 0;
	text[strcspn(text, "\n")] = 0;
	return text;
}

static const char *type_file(const char *type, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path),
		 "/sys/class/mvgpu/mvgpu/mdev_supported_types/%s/%s", type,
		 name);
	return path;
}

TEST(types_have_names_and_descriptions)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		EXPECT_STREQ(types[i].pretty,
			     read_file(type_file(types[i].name, "name")));
		EXPECT_STREQ(types[i].description,
			     read_file(type_file(types[i].name,
						 "description")));
		EXPECT_STREQ("vfio-pci",
			     read_file(type_file(types[i].name,
						 "device_api")));
	}
}

TEST(instances_are_what_the_budget_leaves)
{
	char uuids[ARRAY_SIZE(types)][MDEV_UUID_SIZE];
	unsigned int left = BUDGET_MIB;
	size_t i, j;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		for (j = 0; j < ARRAY_SIZE(types); j++)
			EXPECT_EQ((int)(left / types[j].mib),
				  mdev_available(types[j].name));
		ASSERT_EQ(0, mdev_uuid(uuids[i]));
		ASSERT_EQ(0, mdev_create(types[i].name, uuids[i]));
		left -= types[i].mib;
	}
	for (i = 0; i < ARRAY_SIZE(types); i++)
		ASSERT_EQ(0, mdev_remove(uuids[i]));
	EXPECT_EQ(BUDGET_MIB / 256, mdev_available("mvgpu-large"));
}

TEST(no_more_than_the_budget_is_created)
{
	char uuids[BUDGET_MIB / 256][MDEV_UUID_SIZE], more[MDEV_UUID_SIZE];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(uuids); i++) {
		ASSERT_EQ(0, mdev_uuid(uuids[i]));
		ASSERT_EQ(0, mdev_create("mvgpu-large", uuids[i]));
	}
	ASSERT_EQ(0, mdev_uuid(more));
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		EXPECT_EQ(0, mdev_available(types[i].name));
		EXPECT_EQ(-ENOSPC, mdev_create(types[i].name, more));
		EXPECT_FALSE(mdev_exists(more));
	}
	ASSERT_EQ(0, mdev_remove(uuids[0]));
	EXPECT_EQ(0, mdev_create("mvgpu-small", more));
	EXPECT_EQ(0, mdev_remove(more));
	for (i = 1; i < ARRAY_SIZE(uuids); i++)
		ASSERT_EQ(0, mdev_remove(uuids[i]));
}

TEST(each_type_has_what_it_says)
{
	struct rig rig;
	__u64 size, i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		ASSERT_EQ(0, rig_create_type(&rig, types[i].name));
		ASSERT_EQ(0, fixture_open(&rig.vmm));
		EXPECT_EQ(types[i].mib * MIB, rig.vmm.gpu.vram_size);
		ASSERT_EQ(0, gpu_read64(&rig.vmm.gpu, MVGPU_REG_VRAM_SIZE,
					&size));
		EXPECT_EQ(types[i].mib * MIB, size);
		EXPECT_EQ(types[i].region, rig.vmm.state.size);
		ASSERT_EQ(0, gpu_vram_write(&rig.vmm.gpu, size - 8, &size, 8));
		rig_destroy(&rig);
	}
}

/* The region is fixed at open and holds the largest context of the type. */
TEST(a_context_of_another_type_is_refused)
{
	struct context context;
	struct rig small, large;

	ASSERT_EQ(0, rig_create_type(&small, "mvgpu-small"));
	ASSERT_EQ(0, rig_create_type(&large, "mvgpu-large"));
	ASSERT_EQ(0, fixture_open(&small.vmm));
	ASSERT_EQ(0, fixture_open(&large.vmm));
	EXPECT_LT(256 * MIB, large.vmm.state.size);
	EXPECT_GT(20 * MIB, small.vmm.state.size);
	ASSERT_EQ(0, context_fill_save(&small.vmm, 1, &context));
	EXPECT_EQ(-ENODEV, devstate_load(&large.vmm.state, context.data,
					 context.length));
	context_free(&context);
	rig_destroy(&small);
	rig_destroy(&large);
}

/* Creating twice does nothing, and neither is worth a line in the log. */
TEST(a_name_is_given_once_and_quietly)
{
	char uuid[MDEV_UUID_SIZE];
	int before, after;

	ASSERT_EQ(0, mdev_uuid(uuid));
	ASSERT_EQ(0, mdev_create("mvgpu-small", uuid));
	before = klogctl(9 /* unread */, NULL, 0);
	EXPECT_EQ(-EEXIST, mdev_create("mvgpu-small", uuid));
	EXPECT_EQ(-EEXIST, mdev_create("mvgpu-large", uuid));
	after = klogctl(9, NULL, 0);
	EXPECT_EQ(before, after);
	EXPECT_TRUE(mdev_exists(uuid));
	EXPECT_EQ(BUDGET_MIB / 16 - 1, mdev_available("mvgpu-small"));
	ASSERT_EQ(0, mdev_remove(uuid));
}

FIXTURE(attributes)
{
	struct rig rig;
};

FIXTURE_SETUP(attributes)
{
	ASSERT_EQ(0, rig_create(&self->rig));
}

FIXTURE_TEARDOWN(attributes)
{
	rig_destroy(&self->rig);
}

static const char *attribute(struct rig *rig, const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/mvgpu/%s",
		 rig->vmm.uuid, name);
	return path;
}

static const char *value(struct rig *rig, const char *name)
{
	return read_file(attribute(rig, name));
}

static unsigned long long number(struct rig *rig, const char *name)
{
	return strtoull(value(rig, name), NULL, 10);
}

TEST_F(attributes, say_that_it_is_closed)
{
	static const char * const zeros[] = {
		"vram_used", "pages_pinned", "commands", "faults",
		"bytes_migrated",
	};
	size_t i;

	EXPECT_STREQ("closed", value(&self->rig, "state"));
	EXPECT_STREQ("none", value(&self->rig, "owner"));
	for (i = 0; i < ARRAY_SIZE(zeros); i++)
		EXPECT_STREQ("0", value(&self->rig, zeros[i]));
}

TEST_F(attributes, follow_run_control)
{
	ASSERT_EQ(0, rig_open(&self->rig));
	EXPECT_STREQ("running", value(&self->rig, "state"));
	EXPECT_STREQ("none", value(&self->rig, "owner"));
	ASSERT_EQ(0, devstate_stop(&self->rig.vmm.state));
	EXPECT_STREQ("stopped", value(&self->rig, "state"));
	EXPECT_STREQ("region", value(&self->rig, "owner"));
	ASSERT_EQ(0, vfio_reset(self->rig.vmm.vfio.device));
	EXPECT_STREQ("running", value(&self->rig, "state"));
	EXPECT_STREQ("none", value(&self->rig, "owner"));
	rig_close(&self->rig);
	EXPECT_STREQ("closed", value(&self->rig, "state"));
}

TEST_F(attributes, count_memory)
{
	const char zeros[8] = {};

	ASSERT_EQ(0, rig_open(&self->rig));
	EXPECT_EQ(0ULL, number(&self->rig, "vram_used"));
	ASSERT_EQ(0, gpu_vram_write(&self->rig.vmm.gpu, 3 * RIG_PAGE - 4, zeros,
				    8));
	EXPECT_EQ(2 * RIG_PAGE, number(&self->rig, "vram_used"));
	/* the ring's page, and three that are written */
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_RAM + 1, 3 * RIG_PAGE - 1,
						  1, 0, 1)));
	EXPECT_EQ(4ULL, number(&self->rig, "pages_pinned"));
	ASSERT_EQ(0, vfio_reset(self->rig.vmm.vfio.device));
	EXPECT_EQ(0ULL, number(&self->rig, "pages_pinned"));
	EXPECT_EQ(0ULL, number(&self->rig, "vram_used"));
}

TEST_F(attributes, count_commands_and_faults_over_opens)
{
	int i;

	for (i = 1; i < 3; i++) {
		ASSERT_EQ(0, rig_open(&self->rig));
		ASSERT_EQ(0, rig_run(&self->rig, gpu_nop()));
		ASSERT_EQ(0, rig_run(&self->rig, gpu_fence(RIG_RAM, 1)));
		ASSERT_EQ(-EIO, rig_run(&self->rig, gpu_fence(RIG_FREE, 1)));
		rig_close(&self->rig);
		EXPECT_EQ(2ULL * i, number(&self->rig, "commands"));
		EXPECT_EQ(1ULL * i, number(&self->rig, "faults"));
	}
}

TEST_F(attributes, count_bytes_that_moved)
{
	struct context context;

	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, context_fill_save(&self->rig.vmm, 1, &context));
	/* its header was read once more, for the length */
	EXPECT_LE(context.length, number(&self->rig, "bytes_migrated"));
	EXPECT_GE(context.length + 64, number(&self->rig, "bytes_migrated"));
	ASSERT_EQ(0, text_write(attribute(&self->rig, "bytes_migrated"), "0"));
	ASSERT_EQ(0, devstate_load(&self->rig.vmm.state, context.data,
				   context.length));
	EXPECT_EQ(context.length, number(&self->rig, "bytes_migrated"));
	context_free(&context);
}

TEST_F(attributes, counters_are_set_to_zero_and_to_nothing_else)
{
	static const char * const counters[] = {
		"commands", "faults", "bytes_migrated",
	};
	static const char * const fixed[] = {
		"state", "owner", "vram_used", "pages_pinned",
	};
	size_t i;

	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(-EIO, rig_run(&self->rig, gpu_fence(RIG_FREE, 1)));
	for (i = 0; i < ARRAY_SIZE(counters); i++) {
		const char *path = attribute(&self->rig, counters[i]);

		EXPECT_EQ(-EINVAL, text_write(path, "1"));
		EXPECT_EQ(-EINVAL, text_write(path, "none"));
		EXPECT_EQ(0, text_write(path, "0\n"));
		EXPECT_EQ(0ULL, number(&self->rig, counters[i]));
	}
	for (i = 0; i < ARRAY_SIZE(fixed); i++)
		EXPECT_EQ(0, access(attribute(&self->rig, fixed[i]), F_OK));
}

TEST_HARNESS_MAIN
