// SPDX-License-Identifier: GPL-2.0
/*
 * Thousands of the same, as fast as they go: nothing breaks, and the memory
 * that was free before is free afterwards.
 */
#include <endian.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "context.h"
#include "effort.h"
#include "rig.h"

/* What the kernel's own caches may keep. */
#define SLACK_KIB	512

FIXTURE(storm)
{
	struct rig rig;
	unsigned long before;
};

/* What CPUs keep for themselves of freed memory, in KiB: many megabytes. */
static unsigned long cpu_lists(void)
{
	FILE *file = fopen("/proc/zoneinfo", "r");
	unsigned long count, pages = 0;
	char line[128];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, " count: %lu", &count) == 1)
			pages += count;
	}
	if (file)
		fclose(file);
	return pages * (RIG_PAGE / 1024);
}

/* Memory that is used by nobody, in KiB, when caches are empty. */
static unsigned long free_memory(void)
{
	unsigned long free = 0, slab = 0;
	char line[128];
	FILE *file;
	int fd;

	/* this process's own */
	malloc_trim(0);
	sync();
	fd = open("/proc/sys/vm/drop_caches", O_WRONLY);
	if (fd >= 0) {
		if (write(fd, "3", 1) != 1)
			slab = 0;
		close(fd);
	}
	file = fopen("/proc/meminfo", "r");
	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemFree: %lu kB", &free) != 1 &&
		    sscanf(line, "SReclaimable: %lu kB", &slab) == 1)
			break;
	}
	if (file)
		fclose(file);
	return free + slab + cpu_lists();
}

/* kmemleak looks there; and KASAN keeps for long what was freed. */
static bool has_kasan(void)
{
	return !access("/sys/kernel/debug/kmemleak", F_OK);
}

FIXTURE_SETUP(storm)
{
	struct context context;

	ASSERT_EQ(0, rig_create(&self->rig));
	/* whatever the first of all allocates and keeps */
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, context_fill_save(&self->rig.vmm, 1, &context));
	context_free(&context);
	ASSERT_EQ(0, vfio_reset(self->rig.vmm.vfio.device));
	ASSERT_EQ(0, rig_setup(&self->rig));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_RAM, RIG_RAM_SIZE, 1, 0,
						  1)));
	rig_close(&self->rig);
	self->before = free_memory();
}

FIXTURE_TEARDOWN(storm)
{
	unsigned long after;

	rig_close(&self->rig);
	after = free_memory();
	if (!has_kasan())
		EXPECT_LT(self->before, after + SLACK_KIB)
			TH_LOG("%lu KiB free before, %lu after", self->before,
			       after);
	rig_destroy(&self->rig);
}

/* A thread that keeps the queue busy until it is told to end. */
struct load {
	struct rig *rig;
	pthread_t thread;
	atomic_bool end;
	union gpu_command command;
	int error;
};

static void *run_load(void *data)
{
	struct load *load = data;
	struct rig *rig = load->rig;

	while (!atomic_load(&load->end) && !load->error) {
		load->error = gpu_ring_put(&rig->ring, &load->command);
		load->error = load->error ?: gpu_ring_kick(&rig->ring);
		if (!load->error && rig->ring.tail == 0)
			load->error = rig_wait(rig);
	}
	load->error = load->error ?: rig_wait(rig);
	return NULL;
}

static int load_start(struct load *load, struct rig *rig,
		      union gpu_command command)
{
	memset(load, 0, sizeof(*load));
	load->rig = rig;
	load->command = command;
	return -pthread_create(&load->thread, NULL, run_load, load);
}

static int load_end(struct load *load)
{
	atomic_store(&load->end, true);
	pthread_join(load->thread, NULL);
	return load->error;
}

TEST_F_TIMEOUT(storm, of_starts_and_stops, 900)
{
	const unsigned int rounds = effort_rounds(4000);
	struct load load;
	unsigned int i;

	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, load_start(&load, &self->rig,
				gpu_fill(RIG_RAM, 3 * RIG_PAGE, 1, 0, 1)));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, devstate_stop(&self->rig.vmm.state));
		ASSERT_EQ(0, devstate_start(&self->rig.vmm.state));
	}
	EXPECT_EQ(0, load_end(&load));
}

/* Entries change under commands that use them. */
TEST_F_TIMEOUT(storm, of_binds_and_unbinds, 900)
{
	const __u64 valid = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	const __u64 entry = RIG_RAM_IOVA | valid;
	const unsigned int rounds = effort_rounds(4000);
	struct load load;
	unsigned int i;

	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, load_start(&load, &self->rig,
				gpu_fill(RIG_RAM, 3 * RIG_PAGE, 1, 0, 1)));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, gpu_gtt_write(&self->rig.vmm.gpu, 1,
					   i % 2 ? entry + RIG_PAGE :
						   MVGPU_GTT_VRAM | valid));
		ASSERT_EQ(0, gpu_gtt_write(&self->rig.vmm.gpu, 100 + i % 64,
					   i & 64 ? entry : 0));
	}
	EXPECT_EQ(0, load_end(&load));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_fence(RIG_RAM, 1)));
}

TEST_F_TIMEOUT(storm, of_commands_that_bind_and_unbind, 900)
{
	const unsigned int rounds = effort_rounds(1000);
	const __u32 first = RIG_FREE / RIG_PAGE;
	unsigned int i;

	ASSERT_EQ(0, rig_open(&self->rig));
	for (i = 0; i < rounds; i++) {
		const union gpu_command commands[] = {
			gpu_bind(first, 64, RIG_RAM_IOVA | MVGPU_GTT_VALID |
				 MVGPU_GTT_WRITE),
			gpu_fill(RIG_FREE, 64 * RIG_PAGE, 1, 0, i),
			gpu_unbind(first, 64),
		};
		size_t n;

		for (n = 0; n < ARRAY_SIZE(commands); n++)
			ASSERT_EQ(0, gpu_ring_put(&self->rig.ring,
						  &commands[n]));
		ASSERT_EQ(0, gpu_ring_kick(&self->rig.ring));
		ASSERT_EQ(0, rig_wait(&self->rig));
	}
}

/* Four drivers at once, that ring more often than there is work. */
struct ringer {
	const struct gpu *gpu;
	unsigned int queue;
	pthread_t thread;
	unsigned int rounds;
	int error;
};

static void *run_ringer(void *data)
{
	struct ringer *ringer = data;
	const __u64 at = ringer->queue * 4096;
	union gpu_command fence;
	struct gpu_ring ring;
	unsigned int i;

	ringer->error = gpu_ring_init(&ring, ringer->gpu, ringer->queue,
				      RIG_VRAM + at, 4096, NULL, at);
	for (i = 0; i < ringer->rounds && !ringer->error; i++) {
		fence = gpu_fence_interrupt(RIG_VRAM + 0x10000 + at, i);
		ringer->error = gpu_ring_put(&ring, &fence);
		ringer->error = ringer->error ?: gpu_ring_kick(&ring);
		ringer->error = ringer->error ?: gpu_ring_kick(&ring);
		if (!ringer->error && i % 32 == 31)
			ringer->error = gpu_queue_wait(ringer->gpu,
						       ringer->queue,
						       RIG_TIMEOUT_MS);
	}
	return NULL;
}

TEST_F_TIMEOUT(storm, of_doorbells, 900)
{
	struct ringer ringers[4];
	int fds[4], i;

	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, gpu_queue_disable(&self->rig.vmm.gpu, 0));
	for (i = 0; i < 4; i++)
		fds[i] = eventfd(0, EFD_NONBLOCK);
	ASSERT_EQ(0, vfio_irq_eventfds(self->rig.vmm.vfio.device,
				       VFIO_PCI_MSIX_IRQ_INDEX, 0, 4, fds));
	for (i = 0; i < 4; i++) {
		ringers[i] = (struct ringer) {
			.gpu = &self->rig.vmm.gpu,
			.queue = i,
			.rounds = effort_rounds(3000),
		};
		ASSERT_EQ(0, pthread_create(&ringers[i].thread, NULL,
					    run_ringer, &ringers[i]));
	}
	for (i = 0; i < 4; i++) {
		pthread_join(ringers[i].thread, NULL);
		EXPECT_EQ(0, ringers[i].error);
		EXPECT_EQ(0, gpu_queue_wait(&self->rig.vmm.gpu, i,
					    RIG_TIMEOUT_MS));
		close(fds[i]);
	}
}

TEST_F_TIMEOUT(storm, of_creations_and_removals, 900)
{
	static const char * const types[] = {
		"mvgpu-small", "mvgpu-medium", "mvgpu-large",
	};
	const unsigned int rounds = effort_rounds(1000);
	char uuid[MDEV_UUID_SIZE];
	unsigned int i;

	ASSERT_EQ(0, mdev_uuid(uuid));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, mdev_create(types[i % 3], uuid));
		ASSERT_EQ(0, mdev_remove(uuid));
	}
}

TEST_F_TIMEOUT(storm, of_opens_and_closes, 900)
{
	const unsigned int rounds = effort_rounds(1000);
	unsigned int i;

	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, rig_open(&self->rig));
		/* a page more than whole blocks of pages */
		ASSERT_EQ(0, rig_run(&self->rig,
				     gpu_fill(RIG_VRAM, (1 << 20) + RIG_PAGE,
					      1, 0, i)));
		/* some are closed with work on its way, some with a wait */
		if (i % 3 == 1)
			ASSERT_EQ(0, rig_flood_slow(&self->rig, 1));
		if (i % 3 == 2)
			ASSERT_EQ(-ETIMEDOUT,
				  gpu_ring_run(&self->rig.ring,
					       gpu_semaphore(RIG_RAM, 0, 1),
					       0));
		rig_close(&self->rig);
	}
}

TEST_F_TIMEOUT(storm, of_resets, 900)
{
	const unsigned int rounds = effort_rounds(1000);
	unsigned int i;

	ASSERT_EQ(0, rig_open(&self->rig));
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, rig_setup(&self->rig));
		ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_VRAM, 1 << 20,
							  1, 0, i)));
		ASSERT_EQ(0, rig_flood_slow(&self->rig, 1 + i % 200));
		ASSERT_EQ(0, vfio_reset(self->rig.vmm.vfio.device));
	}
}

TEST_F_TIMEOUT(storm, of_contexts, 900)
{
	const unsigned int rounds = effort_rounds(300);
	struct context context;
	unsigned int i;

	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, context_fill_save(&self->rig.vmm, 1, &context));
	for (i = 0; i < rounds; i++) {
		/* once this process has all the memory that it wants */
		if (i == 2)
			self->before = free_memory();
		ASSERT_EQ(0, devstate_load(&self->rig.vmm.state, context.data,
					   context.length));
		ASSERT_EQ(0, devstate_start(&self->rig.vmm.state));
		ASSERT_EQ(0, devstate_stop(&self->rig.vmm.state));
		context_free(&context);
		ASSERT_EQ(0, context_save(&self->rig.vmm.state, &context));
	}
	context_free(&context);
}

TEST_HARNESS_MAIN
