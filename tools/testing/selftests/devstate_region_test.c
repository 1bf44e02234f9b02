// SPDX-License-Identifier: GPL-2.0
/*
 * The device-state region of a vGPU and its byte 0, run control: as a client
 * sees them that knows linux/vfio_device_state.h and nothing else.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "lib/fixture.h"
#include "lib/guest_state.h"

#define START	VFIO_DEVICE_STATE_START
#define STOP	VFIO_DEVICE_STATE_STOP

FIXTURE(devstate_region) {
	struct fixture fixture;
	struct fixture_vmm *vmm;
	struct devstate *state;
};

FIXTURE_SETUP(devstate_region)
{
	self->vmm = &self->fixture.vmm[0];
	self->state = &self->vmm->state;
	ASSERT_EQ(0, fixture_create(&self->fixture))
		TH_LOG("no vGPUs: are the modules loaded?");
	ASSERT_EQ(0, fixture_open(self->vmm));
	ASSERT_NE(0, self->state->size)
		TH_LOG("the device has no device-state region");
}

FIXTURE_TEARDOWN(devstate_region)
{
	fixture_destroy(&self->fixture);
}

/* Run control as a number, or -errno. */
static int run_control(const struct devstate *state)
{
	__u8 run = 0xff;
	int ret = devstate_get_run(state, &run);

	return ret ? ret : run;
}

TEST_F(devstate_region, is_found_by_its_type_once)
{
	struct vfio_device_info dev;
	unsigned int index, found = 0;

	ASSERT_EQ(0, vfio_get_device_info(self->vmm->vfio.device, &dev));
	ASSERT_LT(VFIO_PCI_NUM_REGIONS, dev.num_regions)
		TH_LOG("the region is not counted in num_regions");
	for (index = 0; index < dev.num_regions; index++) {
		const struct vfio_region_info_cap_type *type;
		struct vfio_region_info *info;

		if (vfio_get_region_info(self->vmm->vfio.device, index, &info))
			continue;
		type = (const void *)vfio_region_cap(info,
						VFIO_REGION_INFO_CAP_TYPE);
		if (type && type->type == 1U << 30 && type->subtype == 1) {
			found++;
			EXPECT_LE(VFIO_PCI_NUM_REGIONS, index);
		}
		free(info);
	}
	EXPECT_EQ(1, found);
}

TEST_F(devstate_region, is_read_write_and_not_mapped)
{
	struct vfio_region_info *info;
	void *map;

	ASSERT_EQ(0, vfio_get_region_info(self->vmm->vfio.device,
					  self->state->index, &info));
	EXPECT_TRUE(info->flags & VFIO_REGION_INFO_FLAG_READ);
	EXPECT_TRUE(info->flags & VFIO_REGION_INFO_FLAG_WRITE);
	EXPECT_FALSE(info->flags & VFIO_REGION_INFO_FLAG_MMAP);
	EXPECT_EQ(NULL, vfio_region_cap(info,
					VFIO_REGION_INFO_CAP_SPARSE_MMAP));
	free(info);

	map = mmap(NULL, 4096, PROT_READ, MAP_SHARED, self->vmm->vfio.device,
		   self->state->offset);
	EXPECT_EQ(MAP_FAILED, map) TH_LOG("a trapped region could be mapped");
	if (map != MAP_FAILED)
		munmap(map, 4096);
}

TEST_F(devstate_region, holds_all_of_vram)
{
	/* Run control, the header, the stream's header, and framing. */
	EXPECT_LT(1 + 16 + 64 + self->vmm->gpu.vram_size, self->state->size);
}

static __u64 region_size(const struct fixture_vmm *vmm)
{
	struct vfio_region_info *info;
	__u64 size = 0;

	if (vfio_get_region_info(vmm->vfio.device, vmm->state.index, &info))
		return 0;
	size = info->size;
	free(info);
	return size;
}

TEST_F(devstate_region, size_never_changes)
{
	const __u64 size = self->state->size;
	__u64 length;
	void *context;

	ASSERT_EQ(0, guest_state_fill(self->vmm, 1));
	ASSERT_EQ(0, devstate_stop(self->state));
	EXPECT_EQ(size, region_size(self->vmm)) TH_LOG("after stop");
	ASSERT_EQ(0, devstate_save(self->state, &context, &length));
	EXPECT_EQ(size, region_size(self->vmm)) TH_LOG("after a save");
	ASSERT_EQ(0, devstate_load(self->state, context, length));
	EXPECT_EQ(size, region_size(self->vmm)) TH_LOG("after a load");
	ASSERT_EQ(0, devstate_start(self->state));
	EXPECT_EQ(size, region_size(self->vmm)) TH_LOG("after start");
	ASSERT_EQ(0, vfio_reset(self->vmm->vfio.device));
	EXPECT_EQ(size, region_size(self->vmm)) TH_LOG("after reset");
	free(context);
}

TEST_F(devstate_region, runs_after_open)
{
	EXPECT_EQ(START, run_control(self->state));
}

TEST_F(devstate_region, run_control_reads_what_was_written)
{
	ASSERT_EQ(0, devstate_stop(self->state));
	EXPECT_EQ(STOP, run_control(self->state));
	ASSERT_EQ(0, devstate_start(self->state));
	EXPECT_EQ(START, run_control(self->state));
}

TEST_F(devstate_region, start_and_stop_again_change_nothing)
{
	ASSERT_EQ(0, devstate_start(self->state));
	EXPECT_EQ(START, run_control(self->state));
	ASSERT_EQ(0, devstate_stop(self->state));
	ASSERT_EQ(0, devstate_stop(self->state));
	EXPECT_EQ(STOP, run_control(self->state));
	ASSERT_EQ(0, devstate_start(self->state));
	ASSERT_EQ(0, devstate_start(self->state));
	EXPECT_EQ(START, run_control(self->state));
}

TEST_F(devstate_region, start_and_stop_many_times)
{
	int i;

	for (i = 0; i < 1000; i++) {
		ASSERT_EQ(0, devstate_stop(self->state));
		ASSERT_EQ(STOP, run_control(self->state));
		ASSERT_EQ(0, devstate_start(self->state));
		ASSERT_EQ(START, run_control(self->state));
	}
}

TEST_F(devstate_region, other_values_are_refused)
{
	unsigned int value;

	for (value = 2; value < 256; value++) {
		ASSERT_EQ(-EINVAL, devstate_set_run(self->state, value))
			TH_LOG("value %u", value);
	}
	EXPECT_EQ(START, run_control(self->state));
	ASSERT_EQ(0, devstate_stop(self->state));
	for (value = 2; value < 256; value++) {
		ASSERT_EQ(-EINVAL, devstate_set_run(self->state, value))
			TH_LOG("value %u", value);
	}
	EXPECT_EQ(STOP, run_control(self->state));
}

TEST_F(devstate_region, run_control_takes_one_byte)
{
	static const size_t counts[] = { 2, 4, 8, 17, 4096 };
	__u8 bytes[4096] = { STOP };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		ASSERT_EQ(-EINVAL, devstate_pwrite(self->state, bytes,
						   counts[i], 0))
			TH_LOG("%zu bytes", counts[i]);
	}
	EXPECT_EQ(START, run_control(self->state));
	ASSERT_EQ(0, devstate_stop(self->state));
	bytes[0] = START;
	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		ASSERT_EQ(-EINVAL, devstate_pwrite(self->state, bytes,
						   counts[i], 0))
			TH_LOG("%zu bytes", counts[i]);
	}
	EXPECT_EQ(STOP, run_control(self->state));
}

TEST_F(devstate_region, access_of_no_bytes_does_nothing)
{
	__u8 byte = STOP;

	EXPECT_EQ(0, devstate_pwrite(self->state, &byte, 0, 0));
	EXPECT_EQ(0, devstate_pwrite(self->state, &byte, 0, 1));
	EXPECT_EQ(0, devstate_pread(self->state, &byte, 0, 0));
	EXPECT_EQ(START, run_control(self->state));
}

TEST_F(devstate_region, context_of_a_running_device_is_busy)
{
	const __u64 offsets[] = { 1, 2, 17, 4096, self->state->size - 1 };
	unsigned int i;
	__u8 byte;

	for (i = 0; i < ARRAY_SIZE(offsets); i++) {
		EXPECT_EQ(-EBUSY, devstate_pread(self->state, &byte, 1,
						 offsets[i]))
			TH_LOG("offset %llu", offsets[i]);
	}
	ASSERT_EQ(0, devstate_stop(self->state));
	ASSERT_EQ(1, devstate_pread(self->state, &byte, 1, 1));
	ASSERT_EQ(0, devstate_start(self->state));
	EXPECT_EQ(-EBUSY, devstate_pread(self->state, &byte, 1, 1));
	EXPECT_EQ(-EBUSY, devstate_pread(self->state, &byte, 1, 17))
		TH_LOG("an index survived start");
}

TEST_F(devstate_region, read_that_begins_at_run_control_tells_it_when_running)
{
	__u8 bytes[64];

	memset(bytes, 0xff, sizeof(bytes));
	EXPECT_EQ(1, devstate_pread(self->state, bytes, sizeof(bytes), 0));
	EXPECT_EQ(START, bytes[0]);
	EXPECT_EQ(0xff, bytes[1]);
}

TEST_F(devstate_region, access_past_the_end_is_refused)
{
	const __u64 size = self->state->size;
	__u8 bytes[2] = { STOP, STOP };
	int stopped;

	for (stopped = 0; stopped < 2; stopped++) {
		EXPECT_EQ(-EINVAL, devstate_pread(self->state, bytes, 1, size));
		EXPECT_EQ(-EINVAL, devstate_pwrite(self->state, bytes, 1,
						   size));
		EXPECT_EQ(-EINVAL, devstate_pread(self->state, bytes, 2,
						  size - 1));
		EXPECT_EQ(-EINVAL, devstate_pwrite(self->state, bytes, 2,
						   size - 1));
		EXPECT_EQ(-EINVAL, devstate_pread(self->state, bytes, 1,
						  (1ULL << 40) - 1));
		EXPECT_EQ(-EINVAL, devstate_pwrite(self->state, bytes, 1,
						   (1ULL << 40) - 1));
		EXPECT_EQ(stopped ? STOP : START, run_control(self->state));
		ASSERT_EQ(0, devstate_stop(self->state));
	}
}

TEST_F(devstate_region, bad_memory_is_efault_and_changes_nothing)
{
	void *nowhere = mmap(NULL, 4096, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	ASSERT_NE(MAP_FAILED, nowhere);
	EXPECT_EQ(-EFAULT, devstate_pwrite(self->state, nowhere, 1, 0));
	EXPECT_EQ(START, run_control(self->state));
	EXPECT_EQ(-EFAULT, devstate_pread(self->state, nowhere, 1, 0));
	ASSERT_EQ(0, devstate_stop(self->state));
	EXPECT_EQ(-EFAULT, devstate_pread(self->state, nowhere, 64, 1));
	ASSERT_EQ(0, devstate_start(self->state))
		TH_LOG("a read of the context that faulted left a mark");
	munmap(nowhere, 4096);
}

TEST_F(devstate_region, reset_of_a_running_device_leaves_it_running)
{
	ASSERT_EQ(0, vfio_reset(self->vmm->vfio.device));
	EXPECT_EQ(START, run_control(self->state));
	ASSERT_EQ(0, devstate_stop(self->state));
	EXPECT_EQ(STOP, run_control(self->state));
}

TEST_F(devstate_region, reset_of_a_stopped_device_runs_it)
{
	struct guest_state fresh;
	const char *differs;

	ASSERT_EQ(0, guest_state_take(&fresh, self->vmm));
	ASSERT_EQ(0, guest_state_fill(self->vmm, 2));
	ASSERT_EQ(0, devstate_stop(self->state));
	ASSERT_EQ(0, vfio_reset(self->vmm->vfio.device));
	EXPECT_EQ(START, run_control(self->state));
	differs = guest_state_check(self->vmm, &fresh);
	EXPECT_EQ(NULL, differs)
		TH_LOG("%s was not reset", differs);
	guest_state_free(&fresh);
	EXPECT_EQ(0, guest_state_fill(self->vmm, 3))
		TH_LOG("the queue does not work after the reset");
	ASSERT_EQ(0, devstate_stop(self->state));
	EXPECT_EQ(STOP, run_control(self->state));
	ASSERT_EQ(0, devstate_start(self->state));
	EXPECT_EQ(START, run_control(self->state));
}

TEST_F(devstate_region, next_opener_finds_it_running)
{
	ASSERT_EQ(0, devstate_stop(self->state));
	fixture_close(self->vmm);
	ASSERT_EQ(0, fixture_open(self->vmm));
	EXPECT_EQ(START, run_control(self->state));
}

/* A device behind a container that vfio_dirty does not serve. */
FIXTURE(devstate_unserved) {
	struct fixture fixture;
	struct fixture_vmm *vmm;
	char claim[FIXTURE_CLAIM_SIZE];
};

FIXTURE_SETUP(devstate_unserved)
{
	self->vmm = &self->fixture.vmm[0];
	ASSERT_EQ(0, fixture_create(&self->fixture));
	ASSERT_EQ(0, fixture_claim("none", self->claim));
}

FIXTURE_TEARDOWN(devstate_unserved)
{
	fixture_destroy(&self->fixture);
	EXPECT_EQ(0, fixture_claim(self->claim, NULL));
}

TEST_F(devstate_unserved, device_opens_without_the_region)
{
	struct vfio_device_info dev;
	struct vfio_region_info *info;

	ASSERT_EQ(0, fixture_open(self->vmm))
		TH_LOG("stock type1 did not take the device");
	EXPECT_FALSE(devstate_has_bitmap(self->vmm->vfio.container));
	EXPECT_EQ(0, self->vmm->state.size)
		TH_LOG("a client would lose dirty pages in silence");
	ASSERT_EQ(0, vfio_get_device_info(self->vmm->vfio.device, &dev));
	EXPECT_EQ(VFIO_PCI_NUM_REGIONS, dev.num_regions);
	EXPECT_EQ(-EINVAL, vfio_get_region_info(self->vmm->vfio.device,
						VFIO_PCI_NUM_REGIONS, &info));
}

TEST_F(devstate_unserved, region_cannot_be_reached)
{
	struct devstate state;
	__u8 byte = STOP;

	/* Where it is, from a container that has it. */
	ASSERT_EQ(0, fixture_claim(self->claim, NULL));
	ASSERT_EQ(0, fixture_open(self->vmm));
	state = self->vmm->state;
	ASSERT_NE(0, state.size);
	fixture_close(self->vmm);
	ASSERT_EQ(0, fixture_claim("none", NULL));
	ASSERT_EQ(0, fixture_open(self->vmm));
	state.device = self->vmm->vfio.device;
	EXPECT_EQ(-EINVAL, devstate_pread(&state, &byte, 1, 0));
	EXPECT_EQ(-EINVAL, devstate_pwrite(&state, &byte, 1, 0));
}

TEST_F(devstate_unserved, device_works)
{
	ASSERT_EQ(0, fixture_open(self->vmm));
	EXPECT_EQ(0, guest_state_fill(self->vmm, 4));
	EXPECT_EQ(0, vfio_reset(self->vmm->vfio.device));
}

TEST_F(devstate_unserved, region_is_back_on_the_next_served_container)
{
	ASSERT_EQ(0, fixture_open(self->vmm));
	fixture_close(self->vmm);
	ASSERT_EQ(0, fixture_claim(self->claim, NULL));
	ASSERT_EQ(0, fixture_open(self->vmm));
	EXPECT_NE(0, self->vmm->state.size);
	EXPECT_TRUE(devstate_has_bitmap(self->vmm->vfio.container));
}

TEST_HARNESS_MAIN
