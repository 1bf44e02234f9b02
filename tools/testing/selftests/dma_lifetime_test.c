// SPDX-License-Identifier: GPL-2.0
/*
 * How long the device reaches guest memory: not after it was unmapped, not
 * after close, not after its VMM was killed. What it has pinned, what that
 * costs, and which pages are dirty in the end.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "effort.h"
#include "kselftest_harness.h"
#include "rig.h"
#include "trace.h"

#define PAGE RIG_PAGE
#define GTT_RAM (MVGPU_GTT_VALID | MVGPU_GTT_WRITE)

FIXTURE(dma)
{
	struct rig rig;
};

FIXTURE_SETUP(dma)
{
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
}

FIXTURE_TEARDOWN(dma)
{
	rig_destroy(&self->rig);
}

/* The engine fills all guest memory over and over; returns once it does. */
static int start_filling(struct rig *rig)
{
	int ret = rig_flood(rig, gpu_fill(RIG_RAM, RIG_RAM_SIZE, 1, 0,
					  0x01010101));

	return ret ?: rig_wait_change(rig->vmm.ram.mem, 0);
}

TEST_F_TIMEOUT(dma, nothing_is_touched_after_unmap, 120)
{
	struct fixture_vmm *vmm = &self->rig.vmm;
	const int rounds = effort_some(20);
	struct gpu_queue_state state;
	int round;

	for (round = 0; round < rounds; round++) {
		memset(vmm->ram.mem, 0, RIG_RAM_SIZE);
		ASSERT_EQ(0, start_filling(&self->rig));
		ASSERT_EQ(RIG_RAM_SIZE,
			  vfio_unmap_dma(vmm->vfio.container, RIG_RAM_IOVA,
					 RIG_RAM_SIZE));
		memset(vmm->ram.mem, 2, RIG_RAM_SIZE);
		/* Its next touch is a fault, and that is its last. */
		ASSERT_EQ(0, rig_wait_status(&self->rig, MVGPU_QUEUE_FAULTED));
		ASSERT_TRUE(rig_all(vmm->ram.mem, RIG_RAM_SIZE, 2))
			TH_LOG("written after unmap, round %d", round);
		ASSERT_EQ(0, gpu_queue_state(&vmm->gpu, 0, &state));
		EXPECT_EQ(MVGPU_FAULT_IOVA, state.fault);
		EXPECT_GT(RIG_RAM + RIG_RAM_SIZE, state.fault_address);
		ASSERT_EQ(0, ram_map(&vmm->ram, vmm->vfio.container,
				     RIG_RAM_IOVA));
		ASSERT_EQ(0, rig_enable(&self->rig));
	}
}

TEST_F(dma, gtt_entries_outlive_an_unmap)
{
	struct fixture_vmm *vmm = &self->rig.vmm;
	struct ram other;
	__u64 entry;

	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_RAM, 9 * PAGE, 1, 0, 1)));
	ASSERT_EQ(0, ram_unmap(&vmm->ram, vmm->vfio.container));
	ASSERT_EQ(0, gpu_gtt_read(&vmm->gpu, RIG_RAM / PAGE + 5, &entry));
	EXPECT_EQ(GTT_RAM | (RIG_RAM_IOVA + 5 * PAGE), entry);

	/* Other memory at the same IOVA is what the entry means now. */
	ASSERT_EQ(0, ram_create(&other, RIG_RAM_SIZE));
	ASSERT_EQ(0, ram_map(&other, vmm->vfio.container, RIG_RAM_IOVA));
	memset(vmm->ram.mem, 2, 9 * PAGE);
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_RAM, 9 * PAGE, 1, 0,
						  0x03030303)));
	EXPECT_TRUE(rig_all(other.mem, 9 * PAGE, 3));
	EXPECT_TRUE(rig_all(vmm->ram.mem, 9 * PAGE, 2));
	EXPECT_EQ(0, ram_unmap(&other, vmm->vfio.container));
	ram_destroy(&other);
	ASSERT_EQ(0, ram_map(&vmm->ram, vmm->vfio.container, RIG_RAM_IOVA));
}

TEST_F_TIMEOUT(dma, nothing_is_touched_after_close, 120)
{
	const int rounds = effort_some(10);
	struct rig *rig = &self->rig;
	struct ram ram;
	int round;

	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, start_filling(rig));
		ram = rig->vmm.ram;
		vfio_close(&rig->vmm.vfio);
		memset(ram.mem, 2, RIG_RAM_SIZE);
		rig->vmm.ram.mem = NULL;
		rig_close(rig);
		ASSERT_EQ(0, rig_open(rig));
		ASSERT_EQ(0, rig_run(rig, gpu_fill(RIG_RAM, RIG_RAM_SIZE, 1, 0,
						   3)));
		ASSERT_TRUE(rig_all(ram.mem, RIG_RAM_SIZE, 2))
			TH_LOG("written after close, round %d", round);
		ram_destroy(&ram);
		memset(rig->vmm.ram.mem, 0, RIG_RAM_SIZE);
	}
}

/* A VMM of its own that fills memory which the parent sees too. */
static void be_killed(struct rig *rig, int ready)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (rig_open(rig) || start_filling(rig) ||
	    write(ready, &rig->vmm.ram.fd, sizeof(int)) != sizeof(int))
		_exit(1);
	for (;;)
		pause();
}

TEST_F_TIMEOUT(dma, a_killed_vmm_leaves_the_device_to_the_next, 120)
{
	const int rounds = effort_some(5);
	struct rig *rig = &self->rig;
	char path[64];
	int round, pipes[2], fd, status;
	void *mem;
	pid_t child;

	rig_close(rig);
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, pipe(pipes));
		child = fork();
		ASSERT_LE(0, child);
		if (!child)
			be_killed(rig, pipes[1]);
		close(pipes[1]);
		ASSERT_EQ(sizeof(int), read(pipes[0], &fd, sizeof(fd)))
			TH_LOG("the VMM did not begin, round %d", round);
		close(pipes[0]);
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", child, fd);
		fd = open(path, O_RDWR | O_CLOEXEC);
		ASSERT_LE(0, fd);
		mem = mmap(NULL, RIG_RAM_SIZE, PROT_READ | PROT_WRITE,
			   MAP_SHARED, fd, 0);
		ASSERT_NE(MAP_FAILED, mem);
		close(fd);
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		memset(mem, 2, RIG_RAM_SIZE);
		ASSERT_EQ(0, rig_open(rig));
		ASSERT_EQ(0, rig_run(rig, gpu_fill(RIG_RAM, RIG_RAM_SIZE, 1, 0,
						   3)));
		ASSERT_TRUE(rig_all(mem, RIG_RAM_SIZE, 2))
			TH_LOG("written after the kill, round %d", round);
		munmap(mem, RIG_RAM_SIZE);
		rig_close(rig);
	}
	ASSERT_EQ(0, rig_open(rig));
}

/* Maps and unmaps memory behind GPU pages that the engine writes. */
struct storm {
	struct rig *rig;
	int rounds;
	atomic_bool met;	/* the engine found memory gone: enough */
	int error;
};

static void *unmap_and_map(void *data)
{
	struct storm *storm = data;
	struct fixture_vmm *vmm = &storm->rig->vmm;
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	int i;

	for (i = 0; !storm->error; i++) {
		if (i >= storm->rounds &&
		    (atomic_load(&storm->met) || rig_now_ms() > end))
			break;
		/* A piece in the middle would need a split: all of it. */
		storm->error = ram_unmap(&vmm->ram, vmm->vfio.container);
		if (!storm->error)
			storm->error = ram_map(&vmm->ram, vmm->vfio.container,
					       RIG_RAM_IOVA);
	}

	return NULL;
}

TEST_F_TIMEOUT(dma, map_and_unmap_storm_under_dma, 120)
{
	struct storm storm = {
		.rig = &self->rig, .rounds = effort_some(500),
	};
	unsigned int faults = 0;
	struct gpu_queue_state state;
	pthread_t thread;
	int ret;

	ASSERT_EQ(0, pthread_create(&thread, NULL, unmap_and_map, &storm));
	while (pthread_tryjoin_np(thread, NULL)) {
		ret = rig_run(&self->rig, gpu_fill(RIG_RAM, RIG_RAM_SIZE, 1, 0,
						   0x05050505));
		if (!ret)
			continue;
		ASSERT_EQ(-EIO, ret);
		ASSERT_EQ(0, gpu_queue_state(&self->rig.vmm.gpu, 0, &state));
		ASSERT_EQ(MVGPU_FAULT_IOVA, state.fault);
		ASSERT_EQ(0, rig_enable(&self->rig));
		faults++;
		atomic_store(&storm.met, true);
	}
	ASSERT_EQ(0, storm.error);
	EXPECT_LT(0U, faults) TH_LOG("unmap never met the engine");
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_RAM, RIG_RAM_SIZE, 1, 0,
						  0x06060606)));
	EXPECT_TRUE(rig_all(self->rig.vmm.ram.mem, RIG_RAM_SIZE, 6));
}

/* KiB that this process has locked, or -1. */
static long locked_kib(void)
{
	FILE *file = fopen("/proc/self/status", "re");
	char line[128];
	long kib = -1;

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "VmLck: %ld", &kib) == 1)
			break;
	if (file)
		fclose(file);

	return kib;
}

TEST_F(dma, pinned_pages_count_as_locked_memory_until_close)
{
	long before;

	rig_close(&self->rig);
	before = locked_kib();
	ASSERT_EQ(0, rig_open(&self->rig));
	EXPECT_EQ(before, locked_kib()) TH_LOG("pinned before any command");
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_RAM, 100 * PAGE, 1, 0,
						  1)));
	/* Those pages, and the one of the ring. */
	EXPECT_EQ(before + 101 * 4, locked_kib());
	ASSERT_EQ(0, ram_unmap(&self->rig.vmm.ram,
			       self->rig.vmm.vfio.container));
	EXPECT_EQ(before + 4, locked_kib());
	rig_close(&self->rig);
	EXPECT_EQ(before, locked_kib());
	ASSERT_EQ(0, rig_open(&self->rig));
}

TEST_F(dma, unbound_and_rebound_pages_are_let_go)
{
	long before = locked_kib();

	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_RAM, 100 * PAGE, 1, 0,
						  1)));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_unbind(RIG_RAM / PAGE, 60)));
	EXPECT_EQ(before + 41 * 4, locked_kib());
	ASSERT_EQ(0, gpu_gtt_write(&self->rig.vmm.gpu, RIG_RAM / PAGE + 60,
				   GTT_RAM | MVGPU_GTT_VRAM));
	EXPECT_EQ(before + 40 * 4, locked_kib());
	/* the same entry again: the memory behind it may be another */
	ASSERT_EQ(0, gpu_gtt_write(&self->rig.vmm.gpu, RIG_RAM / PAGE + 61,
				   GTT_RAM | (RIG_RAM_IOVA + 61 * PAGE)));
	EXPECT_EQ(before + 39 * 4, locked_kib());
	ASSERT_EQ(0, vfio_reset(self->rig.vmm.vfio.device));
	EXPECT_EQ(before, locked_kib());
}

static int drop_ipc_lock(void)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	if (syscall(SYS_capset, &header, data))
		return -errno;

	return 0;
}

TEST_F(dma, memory_beyond_the_limit_faults_until_it_is_raised)
{
	struct fixture_vmm *vmm = &self->rig.vmm;
	const union gpu_command fill = gpu_fill(RIG_RAM, 256 * PAGE, 1, 0,
						0x07070707);
	struct gpu_queue_state state;
	struct rlimit limit;

	/* The test is a process of its own: its limits are no one else's. */
	rig_close(&self->rig);
	ASSERT_EQ(0, drop_ipc_lock());
	ASSERT_EQ(0, getrlimit(RLIMIT_MEMLOCK, &limit));
	limit.rlim_cur = 64 * PAGE;
	limit.rlim_max = RLIM_INFINITY;
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(-EIO, rig_run(&self->rig, fill));
	ASSERT_EQ(0, gpu_queue_state(&vmm->gpu, 0, &state));
	EXPECT_EQ(MVGPU_FAULT_MEMLOCK, state.fault);
	EXPECT_GE(64 * 4, locked_kib());

	limit.rlim_cur = 1024 * PAGE;
	ASSERT_EQ(0, setrlimit(RLIMIT_MEMLOCK, &limit));
	ASSERT_EQ(0, rig_enable(&self->rig));
	ASSERT_EQ(0, rig_run(&self->rig, fill));
	EXPECT_TRUE(rig_all(vmm->ram.mem, 256 * PAGE, 7));
}

/* First page of the range whose dirty bit is not as wanted, or -1. */
static long wrong_bit(struct rig *rig, __u64 iova, __u64 pages,
		      const unsigned char *dirty)
{
	unsigned char bitmap[RIG_RAM_SIZE / PAGE / 8];
	__u64 i;

	if (devstate_bitmap(rig->vmm.vfio.container, iova, pages, bitmap))
		return -2;
	for (i = 0; i < pages; i++)
		if (devstate_bit(bitmap, i) != dirty[i])
			return i;

	return -1;
}

TEST_F(dma, dirty_pages_are_exactly_those_written)
{
	static const unsigned int written[] = {
		3, 4, 5, 20, 21, 31, 40, 50, 53, 56, 200,
	};
	unsigned char dirty[RIG_RAM_SIZE / PAGE] = { 0 };
	const union gpu_command commands[] = {
		gpu_fill(RIG_RAM + 4 * PAGE - 1, PAGE + 2, 1, 0, 0),
		gpu_copy(RIG_RAM + 20 * PAGE + 1, RIG_RAM + 10 * PAGE, PAGE, 1,
			 0, 0),
		gpu_copy(RIG_VRAM, RIG_RAM + 12 * PAGE, 5 * PAGE, 1, 0, 0),
		gpu_crc32c(RIG_RAM + 31 * PAGE, RIG_RAM + 30 * PAGE, PAGE, 0),
		gpu_fence(RIG_RAM + 41 * PAGE - 8, 1),
		/* One byte in every third page. */
		gpu_fill(RIG_RAM + 50 * PAGE + 7, 1, 3, 3 * PAGE, 0),
		gpu_bind(RIG_FREE / PAGE, 1,
			 GTT_RAM | (RIG_RAM_IOVA + 200 * PAGE)),
		gpu_fence(RIG_FREE, 1),
		gpu_unbind(RIG_FREE / PAGE, 1),
	};
	int ret = 0;
	size_t i;

	EXPECT_EQ(-1, wrong_bit(&self->rig, RIG_RAM_IOVA, RIG_RAM_SIZE / PAGE,
				dirty)) TH_LOG("dirty before any command");
	for (i = 0; i < ARRAY_SIZE(commands) && !ret; i++)
		ret = rig_run(&self->rig, commands[i]);
	ASSERT_EQ(0, ret);
	for (i = 0; i < ARRAY_SIZE(written); i++)
		dirty[written[i]] = 1;
	/* Twice: a look clears nothing. */
	EXPECT_EQ(-1, wrong_bit(&self->rig, RIG_RAM_IOVA, RIG_RAM_SIZE / PAGE,
				dirty));
	EXPECT_EQ(-1, wrong_bit(&self->rig, RIG_RAM_IOVA, RIG_RAM_SIZE / PAGE,
				dirty));
	memset(dirty, 0, sizeof(dirty));
	EXPECT_EQ(-1, wrong_bit(&self->rig, RIG_RING_IOVA,
				RIG_RING_SIZE / PAGE, dirty))
		TH_LOG("the ring was only read");
}

/* Rows two pages apart, from the last to the first, and the other way. */
TEST_F(dma, pages_between_rows_are_clean_in_either_direction)
{
	const __u32 pitch = 2 * PAGE;
	unsigned char dirty[64] = { 0 };
	int row;

	ASSERT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM + 22 * PAGE,
						  RIG_RAM + 20 * PAGE, 64, 4,
						  pitch, pitch)));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM + 40 * PAGE,
						  RIG_RAM + 42 * PAGE, 64, 4,
						  pitch, pitch)));
	for (row = 0; row < 4; row++) {
		dirty[22 + 2 * row] = 1;
		dirty[40 + 2 * row] = 1;
	}
	EXPECT_EQ(-1, wrong_bit(&self->rig, RIG_RAM_IOVA, sizeof(dirty),
				dirty));
}

/* The engine notes neighbouring writes together; nothing has an end at 0. */
TEST_F(dma, a_write_from_iova_0_on_is_dirty_after_any_other)
{
	struct fixture_vmm *vmm = &self->rig.vmm;
	const int container = vmm->vfio.container;
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	__u64 bits;
	int round;

	ASSERT_NE(MAP_FAILED, page);
	ASSERT_EQ(0, vfio_map_dma(container, 0, page, PAGE,
				  VFIO_DMA_MAP_FLAG_READ |
				  VFIO_DMA_MAP_FLAG_WRITE));
	ASSERT_EQ(0, gpu_gtt_bind(&vmm->gpu, RIG_FREE / PAGE, 1, GTT_RAM));
	for (round = 0; round < 3; round++) {
		ASSERT_EQ(0, devstate_bitmap(container, 0, 1, &bits));
		ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_RAM + 9 * PAGE,
							  16, 1, 0, 1)));
		ASSERT_EQ(0, rig_run(&self->rig,
				     gpu_fill(RIG_FREE, 16, 1, 0, 2)));
		ASSERT_EQ(0, devstate_bitmap(container, 0, 1, &bits));
		EXPECT_TRUE(devstate_bit(&bits, 0)) TH_LOG("round %d", round);
	}
	EXPECT_EQ(PAGE, vfio_unmap_dma(container, 0, PAGE));
	munmap(page, PAGE);
}

/* The last page of all, whose end has no number, and the first behind it. */
TEST_F(dma, a_write_up_to_the_last_iova_is_dirty)
{
	struct fixture_vmm *vmm = &self->rig.vmm;
	const int container = vmm->vfio.container;
	unsigned char *mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
				  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const __u32 rw = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	__u64 bits;

	ASSERT_NE(MAP_FAILED, (void *)mem);
	ASSERT_EQ(0, vfio_map_dma(container, -PAGE, mem, PAGE, rw));
	ASSERT_EQ(0, vfio_map_dma(container, 0, mem + PAGE, PAGE, rw));
	ASSERT_EQ(0, gpu_gtt_bind(&vmm->gpu, RIG_FREE / PAGE, 1,
				  -PAGE | GTT_RAM));
	ASSERT_EQ(0, gpu_gtt_bind(&vmm->gpu, RIG_FREE / PAGE + 1, 1, GTT_RAM));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE, PAGE, 1, 0, 1)));
	ASSERT_EQ(0, devstate_bitmap(container, -PAGE, 1, &bits));
	EXPECT_TRUE(devstate_bit(&bits, 0));
	ASSERT_EQ(0, devstate_bitmap(container, 0, 1, &bits));
	EXPECT_FALSE(devstate_bit(&bits, 0));
	/* one command over both */
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE, 2 * PAGE, 1, 0,
						  0x02020202)));
	ASSERT_EQ(0, devstate_bitmap(container, 0, 1, &bits));
	EXPECT_TRUE(devstate_bit(&bits, 0));
	EXPECT_TRUE(rig_all(mem, 2 * PAGE, 2));
	EXPECT_EQ((long long)PAGE, vfio_unmap_dma(container, 0, PAGE));
	EXPECT_EQ((long long)PAGE, vfio_unmap_dma(container, -PAGE, PAGE));
	munmap(mem, 2 * PAGE);
}

TEST_F(dma, dirty_bits_go_with_the_mapping)
{
	struct fixture_vmm *vmm = &self->rig.vmm;
	unsigned char dirty[16] = { 1, 1 };

	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_RAM, 2 * PAGE, 1, 0, 1)));
	EXPECT_EQ(-1, wrong_bit(&self->rig, RIG_RAM_IOVA, 16, dirty));
	ASSERT_EQ(0, ram_unmap(&vmm->ram, vmm->vfio.container));
	memset(dirty, 0, sizeof(dirty));
	EXPECT_EQ(-1, wrong_bit(&self->rig, RIG_RAM_IOVA, 16, dirty))
		TH_LOG("dirty though unmapped");
	ASSERT_EQ(0, ram_map(&vmm->ram, vmm->vfio.container, RIG_RAM_IOVA));
	EXPECT_EQ(-1, wrong_bit(&self->rig, RIG_RAM_IOVA, 16, dirty))
		TH_LOG("dirty though mapped afresh");
}

FIXTURE(pins)
{
	struct rig source;
	struct rig target;
	struct trace trace;
	int traced;
};

FIXTURE_SETUP(pins)
{
	ASSERT_EQ(0, rig_create(&self->source));
	ASSERT_EQ(0, rig_open(&self->source));
	ASSERT_EQ(0, rig_create(&self->target));
	ASSERT_EQ(0, rig_open(&self->target));
	ASSERT_EQ(0, trace_open(&self->trace, "mvgpu", "mvgpu_pin"));
}

FIXTURE_TEARDOWN(pins)
{
	trace_close(&self->trace);
	rig_destroy(&self->source);
	rig_destroy(&self->target);
}

/* It is known before the target says yes whether it may have so many. */
TEST_F(pins, load_pins_what_was_reached_and_start_no_more)
{
	struct fixture_vmm *to = &self->target.vmm;
	__u64 length;
	void *context;
	long pinned;

	ASSERT_EQ(0, rig_run(&self->source, gpu_fill(RIG_RAM, 9 * PAGE, 1, 0,
						     1)));
	EXPECT_LT(0, trace_count(&self->trace, "mvgpu_pin",
				 self->source.vmm.uuid))
		TH_LOG("pins are not traced");
	ASSERT_EQ(0, devstate_stop(&self->source.vmm.state));
	ASSERT_EQ(0, devstate_save(&self->source.vmm.state, &context, &length));
	ASSERT_EQ(0, devstate_load(&to->state, context, length));
	free(context);
	pinned = trace_count(&self->trace, "mvgpu_pin", to->uuid);
	EXPECT_LT(0, pinned);
	ASSERT_EQ(0, devstate_start(&to->state));
	/* What was loaded works: its tail is the source's. */
	self->target.ring.tail = self->source.ring.tail;
	ASSERT_EQ(0, rig_run(&self->target, gpu_fill(RIG_RAM, PAGE, 1, 0, 1)));
	EXPECT_EQ(pinned, trace_count(&self->trace, "mvgpu_pin", to->uuid));
}

TEST_HARNESS_MAIN
