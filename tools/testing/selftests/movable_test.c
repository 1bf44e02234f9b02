// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory in ZONE_MOVABLE, whose pages must be moved before they can be
 * pinned for long, and cannot be while anybody else holds them: no fault comes of
 * that, whoever looks at the memory meanwhile. Run it in a VM with such a zone.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "effort.h"
#include "kselftest_harness.h"
#include "rig.h"

#define PAGE	RIG_PAGE
#define IOVA	0x200000000ULL
#define PIECE	(1024 * 1024UL)
#define SIZE	(4 * PIECE)
#define GTT_RAM	(MVGPU_GTT_VALID | MVGPU_GTT_WRITE)
#define B_RING	(15UL << 20)
#define LOOKERS	4
#define ROUNDS	200

/* Are there pages that may not stay when they are pinned for long? */
static bool has_movable_zone(void)
{
	char line[256];
	bool inside = false, found = false;
	unsigned long managed;
	FILE *file = fopen("/proc/zoneinfo", "r");

	while (file && fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "Node", 4))
			inside = strstr(line, "Movable");
		if (inside && sscanf(line, " managed %lu", &managed) == 1)
			found |= managed * PAGE > 64 * SIZE;
	}
	if (file)
		fclose(file);
	return found;
}

FIXTURE(movable)
{
	struct rig a;
	struct rig b;
	unsigned char *mem;
	int stop;
};

/* Two vGPUs in one container; the ring of the second is in its VRAM. */
FIXTURE_SETUP(movable)
{
	struct gpu *gpu = &self->b.vmm.gpu;

	if (!has_movable_zone())
		SKIP(return, "no memory in ZONE_MOVABLE (movablecore=)");
	ASSERT_EQ(0, rig_create(&self->a));
	ASSERT_EQ(0, rig_create(&self->b));
	ASSERT_EQ(0, rig_open(&self->a));
	ASSERT_EQ(0, vfio_open_shared(&self->b.vmm.vfio,
				      self->a.vmm.vfio.container,
				      self->b.vmm.uuid));
	ASSERT_EQ(0, gpu_init(gpu, self->b.vmm.vfio.device));
	ASSERT_EQ(0, vfio_bus_master(self->b.vmm.vfio.device, true));
	ASSERT_EQ(0, vfio_memory_decode(self->b.vmm.vfio.device, true));
	ASSERT_EQ(0, gpu_gtt_bind(gpu, RIG_VRAM / PAGE, 4096,
				  MVGPU_GTT_VALID | MVGPU_GTT_WRITE |
				  MVGPU_GTT_VRAM));
	ASSERT_EQ(0, gpu_ring_init(&self->b.ring, gpu, 0, RIG_VRAM + B_RING,
				   RIG_RING_SIZE, NULL, B_RING));
}

FIXTURE_TEARDOWN(movable)
{
	vfio_close_device(&self->b.vmm.vfio);
	self->b.vmm.vfio.container = -1;
	rig_destroy(&self->b);
	rig_destroy(&self->a);
}

/* Pages that have never been pinned yet, under both vGPUs. */
static int fresh_memory(struct _test_data_movable *self, unsigned int round)
{
	const __u32 rw = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	void *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 (round % 2 ? MAP_SHARED : MAP_PRIVATE) | MAP_ANONYMOUS,
			 -1, 0);

	if (mem == MAP_FAILED)
		return -errno;
	madvise(mem, SIZE, MADV_NOHUGEPAGE);
	memset(mem, 3, SIZE);
	__atomic_store_n(&self->mem, mem, __ATOMIC_RELEASE);
	return vfio_map_dma(self->a.vmm.vfio.container, IOVA, mem, SIZE, rw) ?:
	       gpu_gtt_bind(&self->a.vmm.gpu, RIG_FREE / PAGE, SIZE / PAGE,
			    IOVA | GTT_RAM) ?:
	       gpu_gtt_bind(&self->b.vmm.gpu, RIG_FREE / PAGE, SIZE / PAGE,
			    IOVA | GTT_RAM);
}

struct job {
	struct rig *rig;
	unsigned int half;
	int ret;
};

/* Touch all of it: rows of half a page, the halves of others between them. */
static void *work(void *arg)
{
	struct job *job = arg;
	__u64 at;

	for (at = 0; at < SIZE && !job->ret; at += PIECE)
		job->ret = rig_run(job->rig,
				   gpu_fill(RIG_FREE + at + job->half * PAGE / 2,
					    PAGE / 2, PIECE / PAGE, PAGE,
					    0x01010101 * (job->half + 1)));
	return NULL;
}

static bool is_done(const unsigned char *mem)
{
	__u64 at;

	for (at = 0; at < SIZE; at += PAGE / 2) {
		if (!rig_all(mem + at, PAGE / 2, at / (PAGE / 2) % 2 + 1))
			return false;
	}
	return true;
}

/* Both touch the memory for the first time at once. */
static void one_round(struct __test_metadata *_metadata,
		      struct _test_data_movable *self, unsigned int round)
{
	struct job jobs[2] = { { &self->a, 0, 0 }, { &self->b, 1, 0 } };
	unsigned char *mem;
	pthread_t threads[2];
	unsigned int i;

	ASSERT_EQ(0, fresh_memory(self, round));
	mem = self->mem;
	for (i = 0; i < 2; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, work, &jobs[i]));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
		ASSERT_EQ(0, jobs[i].ret) TH_LOG("vGPU %u", i);
	}
	EXPECT_TRUE(is_done(mem));
	__atomic_store_n(&self->mem, NULL, __ATOMIC_RELEASE);
	ASSERT_EQ((long long)SIZE,
		  vfio_unmap_dma(self->a.vmm.vfio.container, IOVA, SIZE));
	ASSERT_EQ(0, munmap(mem, SIZE));
}

TEST_F_TIMEOUT(movable, memory_is_touched_by_two_at_once, 600)
{
	unsigned int i;

	for (i = 0; i < effort_rounds(ROUNDS); i++)
		one_round(_metadata, self, i);
}

/* Somebody copies from the pages, as direct I/O and debuggers do. */
static void *look(void *arg)
{
	struct _test_data_movable *self = arg;
	unsigned long at = 0;
	char *copy = malloc(PIECE);

	while (copy && !__atomic_load_n(&self->stop, __ATOMIC_RELAXED)) {
		struct iovec to = { copy, PIECE }, from = to;

		from.iov_base = __atomic_load_n(&self->mem, __ATOMIC_ACQUIRE);
		if (!from.iov_base)
			continue;
		from.iov_base = (char *)from.iov_base + at;
		/* it may be gone by now: that is an error of this call */
		process_vm_readv(getpid(), &to, 1, &from, 1, 0);
		at = (at + PIECE) % SIZE;
	}
	free(copy);
	return NULL;
}

TEST_F_TIMEOUT(movable, memory_is_looked_at_meanwhile, 600)
{
	pthread_t threads[LOOKERS];
	unsigned int i;

	for (i = 0; i < LOOKERS; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, look, self));
	for (i = 0; i < effort_rounds(ROUNDS); i++)
		one_round(_metadata, self, i);
	__atomic_store_n(&self->stop, 1, __ATOMIC_RELAXED);
	for (i = 0; i < LOOKERS; i++)
		ASSERT_EQ(0, pthread_join(threads[i], NULL));
}

TEST_HARNESS_MAIN
