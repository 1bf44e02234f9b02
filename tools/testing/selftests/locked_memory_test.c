// SPDX-License-Identifier: GPL-2.0
/*
 * A target whose VMM may lock less memory than the guest's vGPU needs pinned:
 * it says so before it takes the context, so that the guest goes on at the
 * source.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "context.h"
#include "dirty.h"
#include "klog.h"
#include "migration2.h"
#include "rig.h"
#include "stream_edit.h"
#include "tasks.h"
#include "vmm.h"

#define PAGE		RIG_PAGE
#define KIB		1024UL
#define PAGES		440	/* that the source reaches, of the ring too */
#define ALIASES		8
#define REACHED		MVGPU_STREAM_REACHED

/* What the source saved; the VMM of the target is forked and has it too. */
static struct mig_stream saved;

static bool written_enough;

static int pinned(const struct vmm *vmm)
{
	return rig_attribute(&vmm->rig, "pages_pinned");
}

static int reach(struct rig *rig)
{
	int ret = rig_run(rig, gpu_fill(RIG_RAM, (PAGES - 1) * PAGE, 1, 0, 1));

	return ret ?: mig_save(rig->vmm.vfio.device, &saved);
}

/* A target that can lock so much. */
static int open_limited(struct vmm *vmm, unsigned long bytes)
{
	return dirty_limit_memlock(bytes) ?: rig_open(&vmm->rig);
}

static int load_region(struct vmm *vmm)
{
	return devstate_load(&vmm->rig.vmm.state, saved.data, saved.length);
}

/* The source's ring is of the guest's memory, which comes by another way. */
static int go_on(struct vmm *vmm)
{
	struct rig *rig = &vmm->rig;

	rig->ring.tail = MVGPU_COMMAND_SIZE;
	return rig_run(rig, gpu_fill(RIG_RAM, (PAGES - 1) * PAGE, 1, 0,
				     0x02020202));
}

FIXTURE(target)
{
	struct rig source;
	struct vmm vmm;
	char claim[FIXTURE_CLAIM_SIZE];
};

FIXTURE_SETUP(target)
{
	memset(&self->vmm, 0, sizeof(self->vmm));
	ASSERT_EQ(0, fixture_claim("users", self->claim));
	ASSERT_EQ(0, rig_create(&self->source));
	ASSERT_EQ(0, rig_open(&self->source));
	ASSERT_EQ(0, reach(&self->source));
}

FIXTURE_TEARDOWN(target)
{
	vmm_destroy(&self->vmm);
	rig_destroy(&self->source);
	mig_stream_free(&saved);
	fixture_claim(self->claim, NULL);
}

static int life_refuses_through_the_region(struct vmm *vmm)
{
	if (open_limited(vmm, 64 * KIB))
		return __LINE__;
	if (load_region(vmm) != -ENOMEM)
		return __LINE__;
	if (devstate_start(&vmm->rig.vmm.state) != -EINVAL)
		return __LINE__;
	return pinned(vmm) ? __LINE__ : 0;
}

TEST_F(target, refuses_and_names_limit_and_need)
{
	const char *uuid;

	ASSERT_EQ(0, vmm_start(&self->vmm, life_refuses_through_the_region));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
	uuid = self->vmm.rig.vmm.uuid;
	EXPECT_EQ(1, klog_lines(uuid, "RLIMIT_MEMLOCK (64 KiB)"));
	EXPECT_EQ(1, klog_lines(uuid, "needs 440 pages"));
	EXPECT_EQ(1, klog_lines(uuid, "allows 16:"));
	/* the guest goes on where it was */
	ASSERT_EQ(0, mig_set(self->source.vmm.vfio.device, MIG_RUNNING, NULL));
	EXPECT_EQ(0, rig_run(&self->source, gpu_fence(RIG_RAM, 3)));
}

/* Another process than the one that mapped the memory, with a limit of its own. */
static int life_of_a_child_that_loads(struct vmm *vmm)
{
	pid_t pid;

	if (open_limited(vmm, 64 * KIB))
		return __LINE__;
	pid = fork();
	if (!pid)
		_exit(dirty_limit_memlock(1024 * 1024 * KIB) ||
		      load_region(vmm) != -ENOMEM);

	return task_ended(pid) ? __LINE__ : 0;
}

TEST_F(target, names_the_limit_of_who_mapped_the_memory)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_of_a_child_that_loads));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
	EXPECT_EQ(1, klog_lines(self->vmm.rig.vmm.uuid,
				"RLIMIT_MEMLOCK (64 KiB)"));
}

static int life_refuses_through_a_data_fd(struct vmm *vmm)
{
	if (open_limited(vmm, 64 * KIB))
		return __LINE__;
	if (mig_load(vmm->rig.vmm.vfio.device, &saved, 1 << 20) != -ENOMEM)
		return __LINE__;
	return pinned(vmm) ? __LINE__ : 0;
}

TEST_F(target, refuses_a_stream_of_migration_v2)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_refuses_through_a_data_fd));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

static int life_has_room(struct vmm *vmm)
{
	if (open_limited(vmm, PAGES * PAGE))
		return __LINE__;
	if (load_region(vmm))
		return __LINE__;
	if (pinned(vmm) != PAGES)
		return __LINE__;
	if (devstate_start(&vmm->rig.vmm.state))
		return __LINE__;
	if (go_on(vmm))
		return __LINE__;
	if (!rig_all(vmm->rig.vmm.ram.mem, (PAGES - 1) * PAGE, 2))
		return __LINE__;
	return pinned(vmm) == PAGES ? 0 : __LINE__;
}

TEST_F(target, with_just_enough_room_goes_on)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_has_room));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

static int life_lets_go(struct vmm *vmm)
{
	long long unmapped;
	int container;

	if (open_limited(vmm, PAGES * PAGE))
		return __LINE__;
	container = vmm->rig.vmm.vfio.container;
	if (load_region(vmm) || pinned(vmm) != PAGES)
		return __LINE__;
	unmapped = vfio_unmap_dma(container, RIG_RAM_IOVA, RIG_RAM_SIZE);
	if (unmapped != (long long)RIG_RAM_SIZE)
		return __LINE__;
	if (pinned(vmm) != 1)
		return __LINE__;
	/* reset, as before any other context */
	if (load_region(vmm) || pinned(vmm) != 1)
		return __LINE__;
	if (vfio_reset(vmm->rig.vmm.vfio.device))
		return __LINE__;
	return pinned(vmm) ? __LINE__ : 0;
}

TEST_F(target, lets_go_of_memory_that_is_unmapped)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_lets_go));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/* Nothing is pinned there, whatever the limit is. */
static int life_on_stock_type1(struct vmm *vmm)
{
	struct mig_stream again;
	struct stream stream;

	if (open_limited(vmm, 64 * KIB))
		return __LINE__;
	if (mig_load(vmm->rig.vmm.vfio.device, &saved, 1 << 20))
		return __LINE__;
	if (mig_set(vmm->rig.vmm.vfio.device, MIG_RUNNING, NULL))
		return __LINE__;
	if (go_on(vmm) || pinned(vmm))
		return __LINE__;
	/* and what the next host has to know goes on */
	if (mig_save(vmm->rig.vmm.vfio.device, &again))
		return __LINE__;
	if (stream_parse(&stream, again.data, again.length))
		return __LINE__;
	return stream_find(&stream, REACHED, 0) < 0 ? __LINE__ : 0;
}

TEST_F(target, on_stock_type1_takes_it)
{
	char served[FIXTURE_CLAIM_SIZE];

	ASSERT_EQ(0, fixture_claim("none", served));
	ASSERT_EQ(0, vmm_start(&self->vmm, life_on_stock_type1));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/* What a device that is on stock type1 reaches is pinned where it comes to. */
TEST_F(target, refuses_what_comes_from_stock_type1)
{
	char served[FIXTURE_CLAIM_SIZE];

	rig_close(&self->source);
	mig_stream_free(&saved);
	ASSERT_EQ(0, fixture_claim("none", served));
	ASSERT_EQ(0, rig_open(&self->source));
	ASSERT_EQ(0, reach(&self->source));
	ASSERT_EQ(0, fixture_claim("users", served));
	ASSERT_EQ(0, vmm_start(&self->vmm, life_refuses_through_a_data_fd));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

static int life_takes_it_in_64_kib(struct vmm *vmm)
{
	if (open_limited(vmm, 64 * KIB))
		return __LINE__;
	return mig_load(vmm->rig.vmm.vfio.device, &saved, 1 << 20) ?
	       __LINE__ : 0;
}

TEST_F(target, takes_a_context_that_does_not_say)
{
	struct stream_bytes bytes;
	struct stream stream;
	int at;

	ASSERT_EQ(NULL, stream_parse(&stream, saved.data, saved.length));
	at = stream_find(&stream, REACHED, 0);
	ASSERT_LE(0, at);
	stream_remove(&stream, at);
	bytes = stream_build(&stream);
	mig_stream_free(&saved);
	saved.data = bytes.data;
	saved.length = bytes.length;
	ASSERT_EQ(0, vmm_start(&self->vmm, life_takes_it_in_64_kib));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
	stream_free(&stream);
}

/* What was reached is not there any more. */
TEST_F(target, counts_no_page_that_was_unmapped)
{
	struct rig *rig = &self->source;

	ASSERT_EQ(0, vfio_reset(rig->vmm.vfio.device));
	ASSERT_EQ(0, rig_setup(rig));
	ASSERT_EQ(0, rig_run(rig, gpu_fill(RIG_RAM, (PAGES - 1) * PAGE, 1, 0,
					   1)));
	ASSERT_EQ((long long)RIG_RAM_SIZE,
		  vfio_unmap_dma(rig->vmm.vfio.container, RIG_RAM_IOVA,
				 RIG_RAM_SIZE));
	mig_stream_free(&saved);
	ASSERT_EQ(0, mig_save(rig->vmm.vfio.device, &saved));
	ASSERT_EQ(0, vmm_start(&self->vmm, life_takes_it_in_64_kib));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/* Of an entry that no context has, until told to end. */
static void *write_entries(void *arg)
{
	struct gpu *gpu = &((struct vmm *)arg)->rig.vmm.gpu;

	while (!__atomic_load_n(&written_enough, __ATOMIC_RELAXED))
		gpu_gtt_write(gpu, RIG_FREE / PAGE, 0);
	return NULL;
}

/* What was pinned for entries that were written meanwhile is let go of. */
static int life_loads_while_entries_are_written(struct vmm *vmm)
{
	pthread_t thread;
	unsigned int i;

	if (open_limited(vmm, RIG_RAM_SIZE))
		return __LINE__;
	if (pthread_create(&thread, NULL, write_entries, vmm))
		return __LINE__;
	for (i = 0; i < 4; i++)
		if (load_region(vmm))
			return __LINE__;
	__atomic_store_n(&written_enough, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	if (pinned(vmm) * (long)(PAGE / KIB) != dirty_locked())
		return __LINE__;
	if (vfio_reset(vmm->rig.vmm.vfio.device))
		return __LINE__;
	return dirty_locked() ? __LINE__ : 0;
}

TEST_F(target, lets_go_of_what_was_pinned_too_late)
{
	ASSERT_EQ(0, vmm_start(&self->vmm,
			       life_loads_while_entries_are_written));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/* Each page once, however many entries map it; overwritten ones not at all. */
TEST_F(target, counts_a_page_once)
{
	struct rig *rig = &self->source;
	const __u64 ram = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	unsigned int i;

	ASSERT_EQ(0, vfio_reset(rig->vmm.vfio.device));
	ASSERT_EQ(0, rig_setup(rig));
	for (i = 0; i < ALIASES; i++)
		ASSERT_EQ(0, gpu_gtt_bind(&rig->vmm.gpu, RIG_FREE / PAGE +
					  15 * i, 15, RIG_RAM_IOVA | ram));
	ASSERT_EQ(0, rig_run(rig, gpu_fill(RIG_FREE, ALIASES * 15 * PAGE, 1, 0,
					   1)));
	ASSERT_EQ(0, rig_run(rig, gpu_fill(RIG_RAM + 64 * PAGE, 32 * PAGE, 1,
					   0, 1)));
	ASSERT_EQ(0, gpu_gtt_unbind(&rig->vmm.gpu, 64, 32));
	mig_stream_free(&saved);
	ASSERT_EQ(0, mig_save(rig->vmm.vfio.device, &saved));
	ASSERT_EQ(0, vmm_start(&self->vmm, life_takes_it_in_64_kib));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

TEST_F(target, says_a_page_once)
{
	struct rig *rig = &self->source;
	const __u64 ram = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	const char *uuid;

	ASSERT_EQ(0, gpu_gtt_bind(&rig->vmm.gpu, RIG_FREE / PAGE, 64,
				  RIG_RAM_IOVA | ram));
	ASSERT_EQ(0, mig_set(rig->vmm.vfio.device, MIG_RUNNING, NULL));
	ASSERT_EQ(0, rig_run(rig, gpu_fill(RIG_FREE, 64 * PAGE, 1, 0, 1)));
	mig_stream_free(&saved);
	ASSERT_EQ(0, mig_save(rig->vmm.vfio.device, &saved));
	ASSERT_EQ(0, vmm_start(&self->vmm, life_refuses_through_the_region));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
	uuid = self->vmm.rig.vmm.uuid;
	EXPECT_EQ(1, klog_lines(uuid, "needs 440 pages"));
	EXPECT_EQ(1, klog_lines(uuid, "allows 16:"));
}

TEST_HARNESS_MAIN
