// SPDX-License-Identifier: GPL-2.0
/*
 * Who opens a device sees nothing of who had it before, and who had it reaches
 * nothing of it any more, through whatever was kept. The same for reset.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "kselftest_harness.h"
#include "rig.h"

#define PAGE RIG_PAGE

FIXTURE(isolation)
{
	struct rig rig;
	struct gpu *gpu;
	__u64 vram_size;
};

FIXTURE_SETUP(isolation)
{
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->gpu = &self->rig.vmm.gpu;
	self->vram_size = self->gpu->vram_size;
}

FIXTURE_TEARDOWN(isolation)
{
	rig_destroy(&self->rig);
}

/* Close, and open as a client that sets nothing up. */
static int next_opener(struct rig *rig)
{
	rig_close(rig);

	return fixture_open(&rig->vmm);
}

static int vram_is_zero(struct gpu *gpu)
{
	unsigned char *vram = malloc(gpu->vram_size);
	int zero;

	if (!vram)
		return -ENOMEM;
	zero = gpu_vram_read(gpu, 0, vram, gpu->vram_size) ?:
	       rig_all(vram, gpu->vram_size, 0);
	free(vram);

	return zero;
}

/* NULL, or what of registers and GTT is not as after reset. */
static const char *not_reset(struct gpu *gpu)
{
	__u32 reg, index, value;
	__u64 entry;

	for (reg = 0; reg < 0x100; reg += 4)
		if (gpu_read32(gpu, MVGPU_QUEUE(0) + reg, &value) || value)
			return "a queue register";
	for (index = 0; index < MVGPU_GTT_ENTRIES; index++)
		if (gpu_gtt_read(gpu, index, &entry) || entry)
			return "a GTT entry";

	return NULL;
}

TEST_F(isolation, vram_is_zero_for_the_next_opener)
{
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_VRAM, self->vram_size, 1,
						  0, 0xdeadbeef)));
	ASSERT_EQ(0, vram_is_zero(self->gpu));
	ASSERT_EQ(0, next_opener(&self->rig));
	EXPECT_EQ(1, vram_is_zero(self->gpu));
}

TEST_F(isolation, registers_and_gtt_are_reset_for_the_next_opener)
{
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fence(RIG_RAM, 1)));
	ASSERT_EQ(-EIO, rig_run(&self->rig, gpu_fence(RIG_FREE, 1)));
	ASSERT_NE(NULL, not_reset(self->gpu));
	ASSERT_EQ(0, next_opener(&self->rig));
	EXPECT_EQ(NULL, not_reset(self->gpu));
}

/* Config space that differs from reset in all that can be written. */
static int scribble_config(int device, unsigned char config[VFIO_CONFIG_SIZE])
{
	unsigned char ones[VFIO_CONFIG_SIZE];

	memset(ones, 0xff, sizeof(ones));

	return vfio_config_write(device, 0, ones, sizeof(ones)) ?:
	       vfio_config_read(device, 0, config, VFIO_CONFIG_SIZE);
}

TEST_F(isolation, config_space_is_reset_for_the_next_opener)
{
	unsigned char fresh[VFIO_CONFIG_SIZE], used[VFIO_CONFIG_SIZE];

	ASSERT_EQ(0, next_opener(&self->rig));
	ASSERT_EQ(0, vfio_config_read(self->gpu->device, 0, fresh,
				      sizeof(fresh)));
	ASSERT_EQ(0, scribble_config(self->gpu->device, used));
	ASSERT_NE(0, memcmp(fresh, used, sizeof(fresh)));
	ASSERT_EQ(0, next_opener(&self->rig));
	ASSERT_EQ(0, vfio_config_read(self->gpu->device, 0, used,
				      sizeof(used)));
	EXPECT_EQ(0, memcmp(fresh, used, sizeof(fresh)));
}

TEST_F(isolation, a_stopped_device_runs_for_the_next_opener)
{
	struct devstate *state = &self->rig.vmm.state;
	__u8 run = 9;

	ASSERT_EQ(0, devstate_stop(state));
	rig_close(&self->rig);
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, devstate_get_run(state, &run));
	EXPECT_EQ(VFIO_DEVICE_STATE_START, run);
	EXPECT_EQ(0, rig_run(&self->rig, gpu_nop()));
}

TEST_F(isolation, half_a_context_is_gone_for_the_next_opener)
{
	struct devstate *state = &self->rig.vmm.state;
	__u64 length;
	void *context;
	__u8 run = 9;

	ASSERT_EQ(0, devstate_stop(state));
	ASSERT_EQ(0, devstate_save(state, &context, &length));
	ASSERT_EQ((ssize_t)(length / 2),
		  devstate_pwrite(state, context, length / 2,
				  VFIO_DEVICE_STATE_CONTEXT_OFFSET));
	ASSERT_EQ(0, next_opener(&self->rig));
	ASSERT_EQ(0, devstate_get_run(state, &run));
	EXPECT_EQ(VFIO_DEVICE_STATE_START, run);
	EXPECT_EQ(-EINVAL, devstate_pwrite(state, (char *)context + length / 2,
					   length - length / 2,
					   VFIO_DEVICE_STATE_CONTEXT_OFFSET +
					   length / 2));
	EXPECT_EQ(1, vram_is_zero(self->gpu));
	free(context);
}

static sigjmp_buf on_bus_error;

static void bus_error(int signal)
{
	siglongjmp(on_bus_error, signal);
}

/* The signal that an access ends with, or 0. */
static int touch(unsigned char *byte, int write)
{
	struct sigaction action = { .sa_handler = bus_error }, bus, segv;
	int ended;

	sigaction(SIGBUS, &action, &bus);
	sigaction(SIGSEGV, &action, &segv);
	ended = sigsetjmp(on_bus_error, 1);
	if (!ended) {
		if (write)
			__atomic_store_n(byte, 0x66, __ATOMIC_RELAXED);
		else
			__atomic_load_n(byte, __ATOMIC_RELAXED);
	}
	sigaction(SIGBUS, &bus, NULL);
	sigaction(SIGSEGV, &segv, NULL);

	return ended;
}

TEST_F(isolation, an_old_mapping_is_a_bus_error_and_shares_nothing)
{
	unsigned char *old = gpu_vram_map(self->gpu), *new;

	ASSERT_NE(NULL, old);
	memset(old, 0x11, self->vram_size / 2);
	/* Half of it was touched before close, half was not. */
	rig_close(&self->rig);
	EXPECT_EQ(SIGBUS, touch(old, 0));
	EXPECT_EQ(SIGBUS, touch(old + PAGE, 1));
	EXPECT_EQ(SIGBUS, touch(old + self->vram_size - PAGE, 0));
	EXPECT_EQ(SIGBUS, touch(old + self->vram_size - 2 * PAGE, 1));

	ASSERT_EQ(0, rig_open(&self->rig));
	new = gpu_vram_map(self->gpu);
	ASSERT_NE(NULL, new);
	EXPECT_TRUE(rig_all(new, self->vram_size, 0));
	EXPECT_EQ(SIGBUS, touch(old, 1));
	EXPECT_EQ(SIGBUS, touch(old + self->vram_size - PAGE, 1));
	EXPECT_TRUE(rig_all(new, self->vram_size, 0));
	memset(new, 0x22, self->vram_size);
	EXPECT_EQ(SIGBUS, touch(old, 0));
	munmap(old, self->vram_size);
	munmap(new, self->vram_size);
}

TEST_F(isolation, parts_and_moves_of_an_old_mapping_are_bus_errors_too)
{
	unsigned char *old = gpu_vram_map(self->gpu), *moved;

	ASSERT_NE(NULL, old);
	memset(old, 0x11, 64 * PAGE);
	ASSERT_EQ(0, munmap(old + 8 * PAGE, 8 * PAGE));
	ASSERT_EQ(0, mprotect(old + 32 * PAGE, 8 * PAGE, PROT_READ));
	moved = mremap(old + 40 * PAGE, 8 * PAGE, 8 * PAGE,
		       MREMAP_MAYMOVE | MREMAP_FIXED,
		       mmap(NULL, 8 * PAGE, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	ASSERT_NE(MAP_FAILED, moved);
	EXPECT_EQ(0x11, moved[PAGE]);
	rig_close(&self->rig);
	EXPECT_EQ(SIGBUS, touch(old, 1));
	EXPECT_EQ(SIGBUS, touch(old + 16 * PAGE, 1));
	EXPECT_EQ(SIGBUS, touch(old + 32 * PAGE, 0));
	EXPECT_EQ(SIGBUS, touch(moved + PAGE, 1));
	EXPECT_EQ(SIGBUS, touch(moved + 2 * PAGE, 0));
	munmap(old, self->vram_size);
	ASSERT_EQ(0, rig_open(&self->rig));
}

TEST_F(isolation, mapped_vram_is_the_memory_of_the_device)
{
	unsigned char *vram = gpu_vram_map(self->gpu);
	unsigned char byte = 0;

	ASSERT_NE(NULL, vram);
	EXPECT_TRUE(rig_all(vram, self->vram_size, 0));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_VRAM, 4 * PAGE, 1, 0,
						  0x33333333)));
	EXPECT_TRUE(rig_all(vram, 4 * PAGE, 0x33));
	memset(vram + 2 * PAGE, 0x44, PAGE);
	ASSERT_EQ(0, gpu_vram_read(self->gpu, 3 * PAGE - 1, &byte, 1));
	EXPECT_EQ(0x44, byte);
	ASSERT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM, RIG_VRAM + 2 * PAGE,
						  PAGE, 1, 0, 0)));
	EXPECT_TRUE(rig_all(self->rig.vmm.ram.mem, PAGE, 0x44));
	munmap(vram, self->vram_size);
}

TEST_F(isolation, vram_is_mapped_shared_and_within_its_size_only)
{
	const int device = self->gpu->device;
	const off_t vram = self->gpu->vram;

	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE, device, vram));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, self->vram_size + PAGE, PROT_READ,
				   MAP_SHARED, device, vram));
	EXPECT_EQ(EINVAL, errno);
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, device,
				   vram + self->vram_size));
	EXPECT_EQ(EINVAL, errno);
	/* Registers, config space: trapped. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, device,
				   self->gpu->registers));
	EXPECT_EQ(EINVAL, errno);
}

TEST_F(isolation, reset_clears_vram_that_is_mapped)
{
	unsigned char *vram = gpu_vram_map(self->gpu);

	ASSERT_NE(NULL, vram);
	memset(vram, 0x55, self->vram_size);
	ASSERT_EQ(0, vfio_reset(self->gpu->device));
	EXPECT_TRUE(rig_all(vram, self->vram_size, 0));
	EXPECT_EQ(1, vram_is_zero(self->gpu));
	/* The mapping goes on to be the device's memory. */
	memset(vram, 0x66, 2 * PAGE);
	ASSERT_EQ(0, rig_setup(&self->rig));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM, RIG_VRAM, 2 * PAGE,
						  1, 0, 0)));
	EXPECT_TRUE(rig_all(self->rig.vmm.ram.mem, 2 * PAGE, 0x66));
	munmap(vram, self->vram_size);
}

TEST_F(isolation, reset_is_as_good_as_a_new_open)
{
	unsigned char fresh[VFIO_CONFIG_SIZE], used[VFIO_CONFIG_SIZE];
	struct devstate *state = &self->rig.vmm.state;
	__u8 run = 9;

	ASSERT_EQ(0, next_opener(&self->rig));
	ASSERT_EQ(0, vfio_config_read(self->gpu->device, 0, fresh,
				      sizeof(fresh)));
	rig_close(&self->rig);
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_VRAM, PAGE, 1, 0, 7)));
	ASSERT_EQ(0, scribble_config(self->gpu->device, used));
	ASSERT_EQ(0, devstate_stop(state));
	ASSERT_EQ(0, vfio_reset(self->gpu->device));
	EXPECT_EQ(NULL, not_reset(self->gpu));
	EXPECT_EQ(1, vram_is_zero(self->gpu));
	ASSERT_EQ(0, devstate_get_run(state, &run));
	EXPECT_EQ(VFIO_DEVICE_STATE_START, run);
	ASSERT_EQ(0, vfio_config_read(self->gpu->device, 0, used,
				      sizeof(used)));
	EXPECT_EQ(0, memcmp(fresh, used, sizeof(fresh)));
}

TEST_F_TIMEOUT(isolation, reset_ends_what_the_engine_does, 60)
{
	struct rig *rig = &self->rig;
	unsigned char *mem = rig->vmm.ram.mem;

	ASSERT_EQ(0, rig_flood(rig, gpu_fill(RIG_RAM, RIG_RAM_SIZE, 1, 0,
					     0x01010101)));
	ASSERT_EQ(0, rig_wait_change(mem, 0));
	ASSERT_EQ(0, vfio_reset(self->gpu->device));
	memset(mem, 2, RIG_RAM_SIZE);
	EXPECT_EQ(NULL, not_reset(self->gpu));
	ASSERT_EQ(0, rig_setup(rig));
	ASSERT_EQ(0, rig_run(rig, gpu_nop()));
	EXPECT_TRUE(rig_all(mem, RIG_RAM_SIZE, 2));
}

TEST_HARNESS_MAIN
