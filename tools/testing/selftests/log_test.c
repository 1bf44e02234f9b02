// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's log: one guest or one VMM cannot fill it, nor hide the line that
 * is owed to another.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kselftest_harness.h"
#include "context.h"
#include "dirty.h"
#include "klog.h"
#include "rig.h"
#include "vmm.h"

#define MANY		60
#define MOST		10	/* lines of one device in a window */
#define WINDOW		60	/* seconds */
#define MIB		(1024 * 1024ULL)

FIXTURE(two)
{
	struct rig noisy;
	struct rig quiet;
	time_t begun;
};

/* As many lines again as there are a minute, where the test takes so long. */
static int most(time_t begun)
{
	return MOST * (1 + (time(NULL) - begun) / WINDOW);
}

FIXTURE_SETUP(two)
{
	self->begun = time(NULL);
	ASSERT_EQ(0, rig_create(&self->noisy));
	ASSERT_EQ(0, rig_open(&self->noisy));
	ASSERT_EQ(0, rig_create(&self->quiet));
	ASSERT_EQ(0, rig_open(&self->quiet));
}

FIXTURE_TEARDOWN(two)
{
	rig_destroy(&self->noisy);
	rig_destroy(&self->quiet);
}

static int fault(struct rig *rig)
{
	int ret = rig_run(rig, gpu_fill(RIG_FREE, 4, 1, 0, 1));

	return ret == -EIO ? rig_enable(rig) : -EPROTO;
}

TEST_F(two, faults_of_one_hide_none_of_the_other)
{
	int i;

	for (i = 0; i < MANY; i++)
		ASSERT_EQ(0, fault(&self->noisy));
	ASSERT_EQ(0, fault(&self->quiet));
	EXPECT_LE(MOST, klog_lines(self->noisy.vmm.uuid, "stopped at"));
	EXPECT_GE(most(self->begun),
		  klog_lines(self->noisy.vmm.uuid, "stopped at"));
	EXPECT_EQ(1, klog_lines(self->quiet.vmm.uuid, "stopped at"));
}

/* Closing and opening is no way to more. */
TEST_F(two, faults_of_a_device_that_is_opened_again_are_no_more)
{
	int i;

	for (i = 0; i < 2 * MOST; i++) {
		ASSERT_EQ(0, fault(&self->noisy));
		rig_close(&self->noisy);
		ASSERT_EQ(0, rig_open(&self->noisy));
	}
	EXPECT_LE(MOST, klog_lines(self->noisy.vmm.uuid, "stopped at"));
	EXPECT_GE(most(self->begun),
		  klog_lines(self->noisy.vmm.uuid, "stopped at"));
}

TEST_F(two, contexts_that_one_refuses_hide_none_of_the_other)
{
	char bad[16] = "no context";
	int i;

	for (i = 0; i < MANY; i++)
		ASSERT_EQ(-EINVAL, devstate_load(&self->noisy.vmm.state, bad,
						 sizeof(bad)));
	ASSERT_EQ(-EINVAL, devstate_load(&self->quiet.vmm.state, bad,
					 sizeof(bad)));
	EXPECT_LE(MOST, klog_lines(self->noisy.vmm.uuid, "context refused"));
	EXPECT_GE(most(self->begun),
		  klog_lines(self->noisy.vmm.uuid, "context refused"));
	EXPECT_EQ(1, klog_lines(self->quiet.vmm.uuid, "context refused"));
}

FIXTURE(vmms)
{
	struct vmm vmm[2];
};

FIXTURE_SETUP(vmms)
{
	memset(&self->vmm, 0, sizeof(self->vmm));
}

FIXTURE_TEARDOWN(vmms)
{
	vmm_destroy(&self->vmm[0]);
	vmm_destroy(&self->vmm[1]);
}

static int life_locks_too_much(struct vmm *vmm)
{
	if (dirty_limit_memlock(MIB) || rig_open(&vmm->rig))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_fill(RIG_RAM, 4 * MIB, 1, 0, 1)) != -EIO)
		return __LINE__;
	return 0;
}

TEST_F(vmms, locked_memory_of_one_hides_nothing_of_the_other)
{
	char process[2][32];
	int i;

	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, vmm_start(&self->vmm[i], life_locks_too_much));
		snprintf(process[i], sizeof(process[i]), "process %d is",
			 self->vmm[i].pid);
		EXPECT_EQ(0, vmm_wait(&self->vmm[i]));
	}
	EXPECT_EQ(1, klog_lines("vfio_dirty", process[0]));
	EXPECT_EQ(1, klog_lines("vfio_dirty", process[1]));
}

TEST_HARNESS_MAIN
