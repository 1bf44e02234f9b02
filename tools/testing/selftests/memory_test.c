// SPDX-License-Identifier: GPL-2.0
/*
 * Who pays for what a vGPU allocates, and what limits do.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "context.h"
#include "klog.h"
#include "rig.h"
#include "text.h"
#include "vmm.h"

#define MIB		(1024 * 1024ULL)
#define CGROUPS		"/sys/fs/cgroup/"
#define CGROUP		CGROUPS "mvgpu-test/"
#define NOBODY		65534
#define IOVA		0x200000000ULL

static unsigned long long read_number(const char *path)
{
	unsigned long long value = 0;
	FILE *file = fopen(path, "r");

	if (file) {
		if (fscanf(file, "%llu", &value) != 1)
			value = 0;
		fclose(file);
	}
	return value;
}

FIXTURE(cgroup)
{
	struct vmm vmm;
};

FIXTURE_SETUP(cgroup)
{
	memset(&self->vmm, 0, sizeof(self->vmm));
	ASSERT_EQ(0, text_write(CGROUPS "cgroup.subtree_control", "+memory"));
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
}

FIXTURE_TEARDOWN(cgroup)
{
	vmm_destroy(&self->vmm);
	EXPECT_EQ(0, rmdir(CGROUP));
}

static int join_cgroup(void)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	return text_write(CGROUP "cgroup.procs", pid);
}

/* Fills 12 MiB of VRAM, of which nothing was there before. */
static int life_fills_vram(struct vmm *vmm)
{
	unsigned long long before, after;

	if (join_cgroup())
		return __LINE__;
	if (rig_open(&vmm->rig))
		return __LINE__;
	before = read_number(CGROUP "memory.current");
	if (rig_run(&vmm->rig, gpu_fill(RIG_VRAM, 12 * MIB, 1, 0, 1)))
		return __LINE__;
	after = read_number(CGROUP "memory.current");
	if (after < before + 12 * MIB)
		return __LINE__;
	vmm_say(vmm, 'f');
	rig_close(&vmm->rig);
	if (read_number(CGROUP "memory.current") > before + MIB)
		return __LINE__;
	return 0;
}

TEST_F(cgroup, pays_for_vram_that_the_engine_touches)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_fills_vram));
	EXPECT_EQ('f', vmm_heard(&self->vmm));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/* 65536 entries that are no runs: the largest state, 1 MiB, saved by region. */
static int life_saves(struct vmm *vmm)
{
	unsigned long long before;
	struct context context;
	__u32 i;

	if (join_cgroup())
		return __LINE__;
	if (rig_open(&vmm->rig))
		return __LINE__;
	for (i = 0; i < MVGPU_GTT_ENTRIES; i += 2)
		if (gpu_gtt_write(&vmm->rig.vmm.gpu, i, 0x1007))
			return __LINE__;
	if (devstate_stop(&vmm->rig.vmm.state))
		return __LINE__;
	before = read_number(CGROUP "memory.current");
	if (context_save(&vmm->rig.vmm.state, &context))
		return __LINE__;
	if (read_number(CGROUP "memory.current") <
	     before + 2 * context.length - MIB)
		return __LINE__;
	return 0;
}

/* The library's copy and ours, both of them. */
TEST_F(cgroup, pays_for_contexts)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_saves));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/* While its cgroup has no memory, a VMM does nothing that needs some. */
static int life_meets_the_limit(struct vmm *vmm)
{
	struct gpu_queue_state state;
	char limit[32];

	/* there is no memory to map it with later */
	__atomic_store_n(vmm->go, 0, __ATOMIC_RELAXED);
	if (join_cgroup())
		return __LINE__;
	if (rig_open(&vmm->rig))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_nop()))
		return __LINE__;
	snprintf(limit, sizeof(limit), "%llu",
		 read_number(CGROUP "memory.current") + 4 * MIB);
	if (text_write(CGROUP "memory.swap.max", "0") &&
	    !access(CGROUP "memory.swap.max", F_OK))
		return __LINE__;
	if (text_write(CGROUP "memory.max", limit))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_fill(RIG_VRAM, 15 * MIB, 1, 0, 1)) != -EIO)
		return __LINE__;
	if (gpu_queue_state(&vmm->rig.vmm.gpu, 0, &state))
		return __LINE__;
	if (state.fault != MVGPU_FAULT_MEMORY)
		return __LINE__;
	if (state.fault_address <= RIG_VRAM + MIB)
		return __LINE__;
	if (state.fault_address >= RIG_VRAM + 15 * MIB)
		return __LINE__;

	while (!__atomic_load_n(vmm->go, __ATOMIC_ACQUIRE))
		usleep(1000);
	if (rig_enable(&vmm->rig))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_fill(RIG_VRAM, 15 * MIB, 1, 0, 1)))
		return __LINE__;
	return 0;
}

/* By who is outside, and has memory for that. */
static int lift_limit_after_fault(struct vmm *vmm)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	siginfo_t info = {};
	char faults[96];
	int ret;

	snprintf(faults, sizeof(faults),
		 "/sys/bus/mdev/devices/%s/mvgpu/faults", vmm->rig.vmm.uuid);
	while (!read_number(faults) && rig_now_ms() < end &&
	       waitid(P_PID, vmm->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
	       !info.si_pid)
		usleep(1000);
	ret = text_write(CGROUP "memory.max", "max");
	__atomic_store_n(vmm->go, 1, __ATOMIC_RELEASE);
	return ret;
}

/* The queue faults; nobody is killed, and it goes on with a higher limit. */
TEST_F(cgroup, limit_is_a_fault_of_the_queue)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_meets_the_limit));
	ASSERT_EQ(0, lift_limit_after_fault(&self->vmm));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

static struct rig peer;

/* The vGPU of @vmm can write the VRAM of @peer's, which the cgroup pays for. */
static int open_peer(struct vmm *vmm, struct vfio_client *other)
{
	const __u64 entry = IOVA | MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	int container;
	struct gpu gpu;
	char pid[32];
	void *vram;

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (rig_open(&vmm->rig) || join_cgroup())
		return __LINE__;
	container = vmm->rig.vmm.vfio.container;
	if (vfio_open_shared(other, container, peer.vmm.uuid))
		return __LINE__;
	if (text_write(CGROUPS "cgroup.procs", pid))
		return __LINE__;
	if (gpu_init(&gpu, other->device))
		return __LINE__;
	vram = gpu_vram_map(&gpu);
	if (!vram || vfio_map_dma(container, IOVA, vram, gpu.vram_size,
				  VFIO_DMA_MAP_FLAG_READ |
				  VFIO_DMA_MAP_FLAG_WRITE))
		return __LINE__;
	if (gpu_gtt_bind(&vmm->rig.vmm.gpu, RIG_FREE / RIG_PAGE,
			 8 * MIB / RIG_PAGE, entry))
		return __LINE__;
	return 0;
}

static int life_writes_vram_of_another(struct vmm *vmm)
{
	struct vfio_client other = VFIO_CLIENT_CLOSED;
	struct gpu_queue_state state;
	char limit[32];
	int line = open_peer(vmm, &other);

	if (line)
		return line;
	snprintf(limit, sizeof(limit), "%llu",
		 read_number(CGROUP "memory.current") + MIB);
	if (text_write(CGROUP "memory.max", limit))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_fill(RIG_FREE, 8 * MIB, 1, 0, 1)) != -EIO)
		return __LINE__;
	if (gpu_queue_state(&vmm->rig.vmm.gpu, 0, &state))
		return __LINE__;
	if (state.fault != MVGPU_FAULT_MEMORY)
		return __LINE__;
	return state.fault_address < RIG_FREE + 4 * MIB ? 0 : __LINE__;
}

/* Who writes is told what is missing, though the memory is another's. */
TEST_F(cgroup, limit_of_another_vgpu_is_a_fault_of_who_writes_its_vram)
{
	memset(&peer, 0, sizeof(peer));
	ASSERT_EQ(0, rig_create(&peer));
	ASSERT_EQ(0, vmm_start(&self->vmm, life_writes_vram_of_another));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
	rig_destroy(&peer);
}

/* Fill VRAM through a mapping that stays; where that is, or NULL. */
static unsigned char *leave_mapping(struct rig *rig)
{
	unsigned char *vram = NULL;

	if (!rig_open(rig))
		vram = gpu_vram_map(&rig->vmm.gpu);
	if (vram)
		memset(vram, 0x5a, rig->vmm.gpu.vram_size);
	return vram;
}

/* 80 MiB of VRAM, of which nobody has any in the end; and tables. */
static int life_leaves_mappings(struct vmm *vmm)
{
	unsigned long long before;
	unsigned int i;

	if (join_cgroup())
		return __LINE__;
	if (rig_open(&vmm->rig))
		return __LINE__;
	rig_close(&vmm->rig);
	before = read_number(CGROUP "memory.current");
	for (i = 0; i < 5; i++) {
		if (!leave_mapping(&vmm->rig))
			return __LINE__;
		rig_close(&vmm->rig);
	}
	if (read_number(CGROUP "memory.current") > before + 2 * MIB)
		return __LINE__;
	return 0;
}

TEST_F(cgroup, gets_vram_back_though_it_stays_mapped)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_leaves_mappings));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/* Open the vGPU alone, read VRAM through a mapping, and close: 0 or -errno. */
static int look_at_vram(struct fixture_vmm *view)
{
	int device = vfio_open_device(view->vfio.group, view->uuid);
	const unsigned char *vram;
	struct gpu gpu;
	int ret;

	if (device < 0)
		return device;
	ret = gpu_init(&gpu, device);
	vram = ret ? NULL : gpu_vram_map(&gpu);
	if (vram) {
		ret = rig_all(vram, 2 * RIG_PAGE, 0) ? 0 : -EPROTO;
		munmap((void *)vram, gpu.vram_size);
	}
	close(device);
	return vram ? ret : -ENOMEM;
}

#define LOOKS		256U

static int life_looks_at_vram(struct vmm *vmm)
{
	const char *stat = CGROUP "memory.stat";
	long long before = 0;
	unsigned int i;

	if (join_cgroup())
		return __LINE__;
	if (rig_open(&vmm->rig))
		return __LINE__;
	close(vmm->rig.vmm.vfio.device);
	vmm->rig.vmm.vfio.device = -1;
	for (i = 0; i < LOOKS + 8; i++) {
		/* not with what the first of them need */
		if (i == 8)
			before = text_number(stat, "kernel");
		if (look_at_vram(&vmm->rig.vmm))
			return __LINE__;
	}
	if (before <= 0)
		return __LINE__;
	/* half a page each time */
	if (text_number(stat, "kernel") - before > LOOKS / 2 * 4096LL)
		return __LINE__;
	return 0;
}

/* Of what was only read, too. */
TEST_F(cgroup, gets_each_page_of_vram_back)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_looks_at_vram));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/* All but the pages that a pipe has, which are as they were, go back. */
static int life_has_a_pipe(struct vmm *vmm)
{
	unsigned char bytes[4 * 4096];
	struct iovec iov = { .iov_len = sizeof(bytes) };
	unsigned long long before;
	int pipes[2];

	if (join_cgroup() || pipe(pipes))
		return __LINE__;
	if (rig_open(&vmm->rig))
		return __LINE__;
	rig_close(&vmm->rig);
	before = read_number(CGROUP "memory.current");
	iov.iov_base = leave_mapping(&vmm->rig);
	if (!iov.iov_base)
		return __LINE__;
	if (vmsplice(pipes[1], &iov, 1, 0) != sizeof(bytes))
		return __LINE__;
	rig_close(&vmm->rig);
	if (read_number(CGROUP "memory.current") > before + 2 * MIB)
		return __LINE__;
	if (read(pipes[0], bytes, sizeof(bytes)) != sizeof(bytes))
		return __LINE__;
	if (!rig_all(bytes, sizeof(bytes), 0x5a))
		return __LINE__;
	return 0;
}

TEST_F(cgroup, gets_vram_back_though_some_is_in_a_pipe)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_has_a_pipe));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/* Entries so far from each other that each needs records of its own. */
#define RECORDS		4096U
#define RECORDS_IOVA	0x10000000000ULL

/* The records of pins meet the limit: a fault, or copies; nobody is killed. */
static int life_pins_far_apart(struct vmm *vmm)
{
	const int container = vmm->rig.vmm.vfio.container;
	struct gpu_queue_state state;
	char limit[32];
	__u64 iova;
	__u32 i;

	for (i = 0; i < RECORDS; i++) {
		iova = RECORDS_IOVA + i * 16 * MIB;
		if (vfio_map_dma(container, iova, vmm->rig.vmm.ram.mem,
				 RIG_PAGE, VFIO_DMA_MAP_FLAG_READ |
				 VFIO_DMA_MAP_FLAG_WRITE))
			return __LINE__;
		if (gpu_gtt_write(&vmm->rig.vmm.gpu, RIG_FREE / RIG_PAGE + i,
				  iova | MVGPU_GTT_VALID | MVGPU_GTT_WRITE))
			return __LINE__;
	}
	snprintf(limit, sizeof(limit), "%llu",
		 read_number(CGROUP "memory.current") + 2 * MIB);
	if (text_write(CGROUP "memory.max", limit))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_fill(RIG_FREE, RECORDS * RIG_PAGE, 1, 0,
					1)) != -EIO)
		return __LINE__;
	if (gpu_queue_state(&vmm->rig.vmm.gpu, 0, &state))
		return __LINE__;
	if (state.fault != MVGPU_FAULT_MEMORY)
		return __LINE__;
	while (!__atomic_load_n(vmm->go, __ATOMIC_ACQUIRE))
		usleep(1000);
	return 0;
}

static int life_meets_the_limit_with_pins(struct vmm *vmm)
{
	/* there is no memory to map it with later */
	__atomic_store_n(vmm->go, 0, __ATOMIC_RELAXED);
	if (join_cgroup())
		return __LINE__;
	if (rig_open(&vmm->rig))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_nop()))
		return __LINE__;
	if (text_write(CGROUP "memory.swap.max", "0") &&
	    !access(CGROUP "memory.swap.max", F_OK))
		return __LINE__;
	return life_pins_far_apart(vmm);
}

TEST_F_TIMEOUT(cgroup, limit_is_a_fault_where_pins_need_records, 240)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_meets_the_limit_with_pins));
	ASSERT_EQ(0, lift_limit_after_fault(&self->vmm));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

FIXTURE(nobody)
{
	struct vmm vmm;
};

FIXTURE_SETUP(nobody)
{
	memset(&self->vmm, 0, sizeof(self->vmm));
}

FIXTURE_TEARDOWN(nobody)
{
	vmm_destroy(&self->vmm);
}

/* No rights but those to the group's node, and so much memory to lock. */
static int become_nobody(struct vmm *vmm, rlim_t limit)
{
	struct rlimit rlimit = { limit, limit };
	char path[64];

	snprintf(path, sizeof(path), "/dev/vfio/%d",
		 vfio_group_number(vmm->rig.vmm.uuid));
	if (chown(path, NOBODY, NOBODY))
		return __LINE__;
	if (chmod("/dev/vfio/vfio", 0666))
		return __LINE__;
	if (setrlimit(RLIMIT_MEMLOCK, &rlimit))
		return __LINE__;
	if (setgid(NOBODY) || setuid(NOBODY))
		return __LINE__;
	return 0;
}

static int life_of_nobody(struct vmm *vmm)
{
	struct context context;
	int ret = become_nobody(vmm, 64 * MIB);

	if (ret)
		return __LINE__;
	if (rig_open(&vmm->rig))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_fill(RIG_RAM, 8 * MIB, 1, 0, 1)))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_copy(RIG_VRAM, RIG_RAM, 8 * MIB, 1, 0,
					0)))
		return __LINE__;
	if (devstate_stop(&vmm->rig.vmm.state))
		return __LINE__;
	if (context_save(&vmm->rig.vmm.state, &context))
		return __LINE__;
	if (devstate_load(&vmm->rig.vmm.state, context.data,
			  context.length))
		return __LINE__;
	if (devstate_start(&vmm->rig.vmm.state))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_fence(RIG_RAM, 5)))
		return __LINE__;
	return 0;
}

TEST_F(nobody, has_all_that_root_has)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_of_nobody));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

static int life_that_locks_too_much(struct vmm *vmm)
{
	struct gpu_queue_state state;
	struct gpu_ring ring;
	int ret = become_nobody(vmm, MIB);

	if (ret)
		return __LINE__;
	if (rig_open(&vmm->rig))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_fill(RIG_RAM, 4 * MIB, 1, 0, 1)) != -EIO)
		return __LINE__;
	if (gpu_queue_state(&vmm->rig.vmm.gpu, 0, &state))
		return __LINE__;
	if (state.fault != MVGPU_FAULT_MEMLOCK)
		return __LINE__;
	if (state.fault_address <= RIG_RAM ||
	    state.fault_address >= 4 * MIB)
		return __LINE__;

	/* another queue, which needs nothing locked, goes on */
	if (gpu_ring_init(&ring, &vmm->rig.vmm.gpu, 1, RIG_VRAM, 4096, NULL,
			  0))
		return __LINE__;
	if (gpu_ring_run(&ring, gpu_fill(RIG_VRAM + MIB, MIB, 1, 0, 1),
			 RIG_TIMEOUT_MS))
		return __LINE__;

	/* and so does this one, once it has let go of what it had */
	if (gpu_gtt_unbind(&vmm->rig.vmm.gpu, 0, 8 * MIB / RIG_PAGE))
		return __LINE__;
	if (rig_bind_all(&vmm->rig))
		return __LINE__;
	if (rig_enable(&vmm->rig))
		return __LINE__;
	if (rig_run(&vmm->rig, gpu_fill(RIG_RAM + 4 * MIB, MIB / 2, 1, 0,
					1)))
		return __LINE__;
	return 0;
}

TEST_F(nobody, locked_memory_is_a_fault_and_a_line_that_names_the_limit)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_locks_too_much));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
	EXPECT_EQ(1, klog_lines(self->vmm.rig.vmm.uuid, "RLIMIT_MEMLOCK"));
}

TEST_HARNESS_MAIN
