// SPDX-License-Identifier: GPL-2.0
/*
 * Guest memory that cannot be pinned where vfio_dirty serves: the engine reaches
 * it by copies, marks exactly what it wrote, and nothing faults.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "effort.h"
#include "kselftest_harness.h"
#include "rig.h"
#include "userfault.h"

#define PAGE		RIG_PAGE
#define IOVA		0x200000000ULL
#define SIZE		(8 * PAGE)
#define GTT_RAM		(MVGPU_GTT_VALID | MVGPU_GTT_WRITE)
#define DIR		"/run/mvgpu-unpinnable"
#define IMAGE		DIR ".img"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

/* Memory, and how to get rid of it. */
struct unpinnable {
	unsigned char *mem;
	int fd;
	pthread_t server;
	bool served;
	bool mounted;
};

static int map_fd(struct unpinnable *u, int fd)
{
	if (fd < 0)
		return -errno;
	u->fd = fd;
	if (ftruncate(fd, SIZE))
		return -errno;
	u->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return u->mem == MAP_FAILED ? -errno : 0;
}

/* Nobody but the process itself may reach it. */
static int secret_memory(struct unpinnable *u)
{
	int fd = syscall(SYS_memfd_secret, O_CLOEXEC);

	return fd < 0 ? -EOPNOTSUPP : map_fd(u, fd);
}

/* A file system on a disk, whose files' pages may not stay writable for long. */
static int file_memory(struct unpinnable *u)
{
	if (system("modprobe -qa loop ext4 && command -v mkfs.ext4 >/dev/null"))
		return -EOPNOTSUPP;
	mkdir(DIR, 0700);
	if (system("truncate -s 16M " IMAGE " && mkfs.ext4 -qF " IMAGE) ||
	    system("mount -o loop " IMAGE " " DIR))
		return -EIO;
	u->mounted = true;
	return map_fd(u, open(DIR "/ram", O_RDWR | O_CREAT | O_CLOEXEC, 0600));
}

/* Fill the pages that somebody waits for, until the memory goes. */
static void *serve(void *arg)
{
	struct unpinnable *u = arg;
	void *page;

	while (!userfault_wait(u->fd, &page))
		userfault_fill(u->fd, page);
	return NULL;
}

/* Memory that is on its way, as after a post-copy migration. */
static int late_memory(struct unpinnable *u)
{
	u->mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u->fd = userfault_open(u->mem, SIZE);
	if (u->fd < 0)
		return -EOPNOTSUPP;
	u->served = !pthread_create(&u->server, NULL, serve, u);
	return u->served ? 0 : -EAGAIN;
}

static void forget(struct unpinnable *u)
{
	if (u->served) {
		pthread_cancel(u->server);
		pthread_join(u->server, NULL);
	}
	if (u->mem && u->mem != MAP_FAILED)
		munmap(u->mem, SIZE);
	if (u->fd >= 0)
		close(u->fd);
	if (u->mounted && system("umount " DIR " && rm " IMAGE))
		printf("# cannot unmount\n");
}

/* How many pages of guest memory the vGPU has pinned. */
static unsigned int pinned(const struct rig *rig)
{
	return rig_attribute(rig, "pages_pinned");
}

FIXTURE(unpinnable)
{
	struct rig rig;
	struct unpinnable u;
	int container;
};

FIXTURE_VARIANT(unpinnable)
{
	int (*make)(struct unpinnable *u);
	const char *lacks;
};

FIXTURE_VARIANT_ADD(unpinnable, secret)
{
	.make = secret_memory,
	.lacks = "no memfd_secret() (CONFIG_SECRETMEM, secretmem.enable)",
};

FIXTURE_VARIANT_ADD(unpinnable, file)
{
	.make = file_memory,
	.lacks = "no ext4, loop or mkfs.ext4",
};

FIXTURE_VARIANT_ADD(unpinnable, late)
{
	.make = late_memory,
	.lacks = "no userfaultfd",
};

FIXTURE_SETUP(unpinnable)
{
	unsigned int before;
	int ret;

	self->u.fd = -1;
	/* not an error, but a stack trace in the log: it looks like one */
	if (variant->make == late_memory &&
	    !access("/sys/kernel/debug/kmemleak", F_OK))
		SKIP(return, "DEBUG_VM reports user faults that may not wait");
	ret = variant->make(&self->u);
	if (ret == -EOPNOTSUPP)
		SKIP(return, "%s", variant->lacks);
	ASSERT_EQ(0, ret);
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->container = self->rig.vmm.vfio.container;
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA, self->u.mem, SIZE,
				  VFIO_DMA_MAP_FLAG_READ |
				  VFIO_DMA_MAP_FLAG_WRITE));
	ASSERT_EQ(0, gpu_gtt_bind(&self->rig.vmm.gpu, RIG_FREE / PAGE,
				  SIZE / PAGE, IOVA | GTT_RAM));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fence(RIG_RAM, 1)));
	before = pinned(&self->rig);
	ASSERT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM, RIG_FREE, 1, 1, 0,
						  0)));
	if (pinned(&self->rig) != before) {
		rig_destroy(&self->rig);
		forget(&self->u);
		SKIP(return, "this kernel pins such memory");
	}
}

FIXTURE_TEARDOWN(unpinnable)
{
	rig_destroy(&self->rig);
	forget(&self->u);
}

TEST_F(unpinnable, memory_is_written_and_read)
{
	unsigned char *ram = self->rig.vmm.ram.mem;

	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE + 100, 3 * PAGE, 1,
						  0, 0x5a5a5a5a)));
	EXPECT_EQ(0, self->u.mem[99]);
	EXPECT_TRUE(rig_all(self->u.mem + 100, 3 * PAGE, 0x5a));
	EXPECT_EQ(0, self->u.mem[3 * PAGE + 100]);
	memset(self->u.mem + 5 * PAGE, 0xa5, PAGE);
	ASSERT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM, RIG_FREE, SIZE, 1,
						  0, 0)));
	EXPECT_EQ(0, memcmp(ram, self->u.mem, SIZE));
}

TEST_F(unpinnable, memory_is_dirty_exactly_where_it_was_written)
{
	__u64 bits = ~0ULL;

	ASSERT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM, RIG_FREE, PAGE, 1,
						  0, 0)));
	ASSERT_EQ(0, devstate_bitmap(self->container, IOVA, SIZE / PAGE,
				     &bits));
	EXPECT_EQ(0, bits);
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE + 2 * PAGE - 1, 2,
						  1, 0, 1)));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fence(RIG_FREE + 6 * PAGE, 1)));
	ASSERT_EQ(0, devstate_bitmap(self->container, IOVA, SIZE / PAGE,
				     &bits));
	EXPECT_EQ(1 << 1 | 1 << 2 | 1 << 6, bits);
}

/* One command goes from pinned memory through this one into VRAM's. */
TEST_F(unpinnable, memory_lies_beside_memory_that_is_pinned)
{
	unsigned char *ram = self->rig.vmm.ram.mem;

	ASSERT_EQ(0, gpu_gtt_bind(&self->rig.vmm.gpu, RIG_FREE / PAGE - 2, 2,
				  RIG_RAM_IOVA | GTT_RAM));
	ASSERT_EQ(0, gpu_gtt_bind(&self->rig.vmm.gpu,
				  (RIG_FREE + SIZE) / PAGE, 2,
				  (RIG_RAM_IOVA + 4 * PAGE) | GTT_RAM));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE - 2 * PAGE,
						  SIZE + 4 * PAGE, 1, 0,
						  0x11111111)));
	EXPECT_TRUE(rig_all(ram, 2 * PAGE, 0x11));
	EXPECT_TRUE(rig_all(self->u.mem, SIZE, 0x11));
	EXPECT_TRUE(rig_all(ram + 4 * PAGE, 2 * PAGE, 0x11));
	EXPECT_EQ(0, ram[2 * PAGE]);
}

TEST_F(unpinnable, memory_is_reached_no_more_once_it_is_unmapped)
{
	struct gpu_queue_state state;

	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE, SIZE, 1, 0, 1)));
	ASSERT_EQ((long long)SIZE, vfio_unmap_dma(self->container, IOVA, SIZE));
	EXPECT_EQ(-EIO, rig_run(&self->rig, gpu_fill(RIG_FREE, 1, 1, 0, 2)));
	ASSERT_EQ(0, gpu_queue_state(&self->rig.vmm.gpu, 0, &state));
	EXPECT_EQ(MVGPU_FAULT_IOVA, state.fault);
	EXPECT_EQ(1, self->u.mem[0]);
}

/* What is mapped in its place is pinned before long, if that can be. */
TEST_F(unpinnable, memory_is_tried_again_after_a_while)
{
	const __u32 rw = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	void *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	unsigned int before;

	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE, PAGE, 1, 0, 1)));
	before = pinned(&self->rig);
	ASSERT_EQ((long long)SIZE, vfio_unmap_dma(self->container, IOVA, SIZE));
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA, mem, SIZE, rw));
	while (pinned(&self->rig) == before && rig_now_ms() < end)
		ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE, PAGE, 1, 0,
							  1)));
	EXPECT_EQ(before + 1, pinned(&self->rig));
	EXPECT_EQ((long long)SIZE, vfio_unmap_dma(self->container, IOVA, SIZE));
	munmap(mem, SIZE);
}

TEST_F(unpinnable, memory_is_looked_at_again_when_its_entry_is_written)
{
	unsigned int before;
	void *mem;

	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE, PAGE, 1, 0, 1)));
	before = pinned(&self->rig);
	ASSERT_LT(0, before);
	mem = mmap(self->u.mem, SIZE, PROT_READ | PROT_WRITE,
		   MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_EQ(self->u.mem, mem);
	ASSERT_EQ(0, gpu_gtt_write(&self->rig.vmm.gpu, RIG_FREE / PAGE,
				   IOVA | GTT_RAM));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE, PAGE, 1, 0, 3)));
	EXPECT_EQ(before + 1, pinned(&self->rig));
	EXPECT_EQ(3, self->u.mem[0]);
}

/* So that the ring, and what ran before, pin nothing. */
static int use_ring_in_vram(struct rig *rig)
{
	int ret;

	ret = gpu_ring_init(&rig->ring, &rig->vmm.gpu, 0, RIG_VRAM, 65536, NULL,
			    0);
	ret = ret ?: gpu_gtt_write(&rig->vmm.gpu, RIG_RING / PAGE, 0);

	return ret ?: gpu_gtt_write(&rig->vmm.gpu, RIG_RAM / PAGE, 0);
}

/* Until the engine is at work. */
static int wait_begun(struct gpu *gpu, __u64 completed)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	struct gpu_queue_state state;
	int ret;

	do {
		ret = gpu_queue_state(gpu, 0, &state);
	} while (!ret && state.completed == completed && rig_now_ms() < end);

	return ret;
}

/* Its entries are written while the engine finds out that it cannot be pinned. */
TEST_F_TIMEOUT(unpinnable, memory_is_nothing_to_an_entry_written_meanwhile, 240)
{
	const __u64 other = (RIG_RAM_IOVA + 100 * PAGE) | GTT_RAM;
	union gpu_command fill = gpu_fill(RIG_FREE, SIZE, 1, 0, 1);
	const __u32 slot = RIG_FREE / PAGE;
	struct rig *rig = &self->rig;
	struct gpu *gpu = &rig->vmm.gpu;
	const int rounds = effort_some(60);
	struct gpu_queue_state state;
	int round, i;

	ASSERT_EQ(0, use_ring_in_vram(rig));
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, gpu_gtt_bind(gpu, slot, SIZE / PAGE, other));
		ASSERT_EQ(0, gpu_queue_state(gpu, 0, &state));
		for (i = 0; i < 40; i++)
			ASSERT_EQ(0, gpu_ring_put(&rig->ring, &fill));
		ASSERT_EQ(0, gpu_ring_kick(&rig->ring));
		ASSERT_EQ(0, wait_begun(gpu, state.completed));
		ASSERT_EQ(0, gpu_gtt_bind(gpu, slot, SIZE / PAGE,
					  IOVA | GTT_RAM));
		ASSERT_EQ(0, gpu_gtt_bind(gpu, slot, SIZE / PAGE, other));
		ASSERT_EQ(0, rig_wait(rig));
		ASSERT_EQ(0, rig_run(rig, fill));
		ASSERT_EQ(SIZE / PAGE, pinned(rig)) TH_LOG("round %d", round);
	}
}

/* With the only page of the vGPU that is pinned, which comes before it. */
TEST_F(unpinnable, memory_is_forgotten_with_what_is_pinned_before_it)
{
	const __u32 rw = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE;
	struct gpu *gpu = &self->rig.vmm.gpu;
	struct ram other;

	ASSERT_EQ(0, use_ring_in_vram(&self->rig));
	ASSERT_EQ(self->u.mem, mmap(self->u.mem, PAGE, PROT_READ | PROT_WRITE,
				    MAP_FIXED | MAP_PRIVATE | MAP_ANONYMOUS,
				    -1, 0));
	ASSERT_EQ(0, gpu_gtt_write(gpu, RIG_FREE / PAGE, IOVA | GTT_RAM));
	ASSERT_EQ(0U, pinned(&self->rig));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE, 2 * PAGE, 1, 0,
						  1)));
	ASSERT_EQ(1U, pinned(&self->rig));

	ASSERT_EQ(0, ram_create(&other, SIZE));
	ASSERT_EQ((long long)SIZE, vfio_unmap_dma(self->container, IOVA, SIZE));
	ASSERT_EQ(0, vfio_map_dma(self->container, IOVA, other.mem, SIZE, rw));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_FREE + PAGE, 1, 1, 0,
						  1)));
	EXPECT_EQ(1U, pinned(&self->rig));
	EXPECT_EQ((long long)SIZE, vfio_unmap_dma(self->container, IOVA, SIZE));
	ram_destroy(&other);
}

TEST_HARNESS_MAIN
