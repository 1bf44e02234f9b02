// SPDX-License-Identifier: GPL-2.0
/*
 * VMMs that do not serve their own memory: the engine waits for a user fault,
 * and they can nevertheless close the device and be killed, and all is free.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "rig.h"
#include "tasks.h"
#include "userfault.h"
#include "vmm.h"

FIXTURE(unserved)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct vmm vmm;
};

FIXTURE_VARIANT(unserved)
{
	const char *claim;
};

FIXTURE_VARIANT_ADD(unserved, stock) { .claim = "none" };
FIXTURE_VARIANT_ADD(unserved, vfio_dirty) { .claim = "users" };

FIXTURE_SETUP(unserved)
{
	memset(&self->vmm, 0, sizeof(self->vmm));
	self->claim[0] = 0;
	/* not an error, but a stack trace in the log: it looks like one */
	if (!strcmp(variant->claim, "users") &&
	    !access("/sys/kernel/debug/kmemleak", F_OK))
		SKIP(return, "DEBUG_VM reports user faults that may not wait");
	ASSERT_EQ(0, fixture_claim(variant->claim, self->claim));
}

FIXTURE_TEARDOWN(unserved)
{
	vmm_destroy(&self->vmm);
	if (self->claim[0])
		fixture_claim(self->claim, NULL);
}

/* @number is that of the fd which wakes the engine when it is closed, or -1. */
static int stick(struct vmm *vmm, int number)
{
	union gpu_command fill = gpu_fill(RIG_RAM, 64, 1, 0, 1);
	int fd, ret;

	if (rig_open(&vmm->rig))
		return __LINE__;
	/* guest RAM is there no more */
	fd = userfault_open(vmm->rig.vmm.ram.mem, RIG_RAM_SIZE);
	if (fd < 0)
		return __LINE__;
	if (number >= 0) {
		if (dup2(fd, number) != number)
			return __LINE__;
		close(fd);
		fd = number;
	}
	if (gpu_ring_put(&vmm->rig.ring, &fill))
		return __LINE__;
	if (gpu_ring_kick(&vmm->rig.ring))
		return __LINE__;
	ret = userfault_wait(fd, NULL);
	if (ret)
		return __LINE__;
	vmm_say(vmm, 's');
	return 0;
}

/* Of those that go together, the kernel lets go of the highest number first. */
static int life_that_sticks(struct vmm *vmm)
{
	int ret = stick(vmm, -1);

	if (ret)
		return ret;
	pause();
	return 0;
}

static int life_that_closes_the_device_first(struct vmm *vmm)
{
	int ret = stick(vmm, dup(0));

	if (ret)
		return ret;
	pause();
	return 0;
}

/* It waits for the engine, which waits for it. */
static int life_that_waits_for_itself(struct vmm *vmm)
{
	int ret = stick(vmm, -1);

	if (ret)
		return ret;
	vmm_say(vmm, 'w');
	return vfio_bus_master(vmm->rig.vmm.vfio.device, false);
}

static int life_that_closes(struct vmm *vmm)
{
	int ret = stick(vmm, -1);

	if (ret)
		return ret;
	rig_close(&vmm->rig);
	vmm_say(vmm, 'c');
	return 0;
}

/* The vGPU is as new for the next. */
static int is_free(struct vmm *vmm)
{
	struct rig *rig = &vmm->rig;
	int ret;

	ret = rig_open(rig);
	ret = ret ?: rig_run(rig, gpu_fence(RIG_RAM, 1));
	rig_close(rig);
	return ret;
}

static int killed(struct vmm *vmm)
{
	int status;

	kill(vmm->pid, SIGKILL);
	status = vmm_wait(vmm);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

TEST_F(unserved, vmm_can_be_killed)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_sticks));
	ASSERT_EQ('s', vmm_heard(&self->vmm));
	EXPECT_EQ(SIGKILL, killed(&self->vmm));
	EXPECT_EQ(0, is_free(&self->vmm));
}

TEST_F(unserved, vmm_that_closes_the_device_first_can_be_killed)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_closes_the_device_first));
	ASSERT_EQ('s', vmm_heard(&self->vmm));
	EXPECT_EQ(SIGKILL, killed(&self->vmm));
	EXPECT_EQ(0, is_free(&self->vmm));
}

/* Does a process come to wait in the kernel, for what only a kill ends? */
static bool waits(pid_t pid)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;

	while (task_state(pid) != 'D' && rig_now_ms() < end)
		usleep(1000);
	return task_state(pid) == 'D';
}

TEST_F(unserved, vmm_that_waits_for_the_engine_can_be_killed)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_waits_for_itself));
	ASSERT_EQ('s', vmm_heard(&self->vmm));
	ASSERT_EQ('w', vmm_heard(&self->vmm));
	EXPECT_TRUE(waits(self->vmm.pid));
	EXPECT_EQ(SIGKILL, killed(&self->vmm));
	EXPECT_EQ(0, is_free(&self->vmm));
}

TEST_F(unserved, device_can_be_closed)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_closes));
	ASSERT_EQ('s', vmm_heard(&self->vmm));
	EXPECT_EQ('c', vmm_heard(&self->vmm));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
	EXPECT_EQ(0, is_free(&self->vmm));
}

/*
 * Memory that the engine waits for beside pages that it has pinned: who changes
 * the GTT waits for it, and can be killed.
 */
static int life_that_unmaps(struct vmm *vmm)
{
	struct rig *rig = &vmm->rig;
	int ret = stick(vmm, -1);

	if (ret)
		return ret;
	vmm_say(vmm, 'w');
	return vfio_unmap_dma(rig->vmm.vfio.container, RIG_RING_IOVA,
			      RIG_RING_SIZE) < 0;
}

TEST_F(unserved, vmm_that_unmaps_beside_it_can_be_killed)
{
	if (strcmp(variant->claim, "users"))
		SKIP(return, "vfio_iommu_type1 copies under a lock that unmaps take");
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_unmaps));
	ASSERT_EQ('s', vmm_heard(&self->vmm));
	ASSERT_EQ('w', vmm_heard(&self->vmm));
	EXPECT_TRUE(waits(self->vmm.pid));
	EXPECT_EQ(SIGKILL, killed(&self->vmm));
	EXPECT_EQ(0, is_free(&self->vmm));
}

/* Of an entry that the engine does not use, as it has no say in that. */
static int life_that_writes_the_gtt(struct vmm *vmm)
{
	int ret = stick(vmm, -1);

	if (ret)
		return ret;
	vmm_say(vmm, 'w');
	return gpu_gtt_write(&vmm->rig.vmm.gpu, RIG_FREE / RIG_PAGE, 0);
}

TEST_F(unserved, vmm_that_writes_the_gtt_beside_it_can_be_killed)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_writes_the_gtt));
	ASSERT_EQ('s', vmm_heard(&self->vmm));
	ASSERT_EQ('w', vmm_heard(&self->vmm));
	EXPECT_TRUE(waits(self->vmm.pid));
	EXPECT_EQ(SIGKILL, killed(&self->vmm));
	EXPECT_EQ(0, is_free(&self->vmm));
}

TEST_HARNESS_MAIN
