// SPDX-License-Identifier: GPL-2.0
/*
 * Doorbells that are ignored.
 */
#include "kselftest_harness.h"
#include "rig.h"

#define TAIL	(MVGPU_QUEUE(0) + MVGPU_QUEUE_TAIL)

FIXTURE(doorbell)
{
	struct rig rig;
	struct gpu *gpu;
};

FIXTURE_SETUP(doorbell)
{
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->gpu = &self->rig.vmm.gpu;
}

FIXTURE_TEARDOWN(doorbell)
{
	rig_destroy(&self->rig);
}

TEST_F(doorbell, of_a_queue_that_faulted_moves_nothing)
{
	struct gpu_queue_state state;
	__u32 tail;

	ASSERT_EQ(0, gpu_write32(self->gpu, TAIL, 7));
	ASSERT_EQ(0, rig_wait_status(&self->rig, MVGPU_QUEUE_FAULTED));
	ASSERT_EQ(0, gpu_write32(self->gpu, TAIL, MVGPU_COMMAND_SIZE));
	ASSERT_EQ(0, gpu_read32(self->gpu, TAIL, &tail));
	EXPECT_EQ(0, tail);
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_FAULT_RING, state.fault);
	EXPECT_EQ(0, state.head);
}

TEST_HARNESS_MAIN
