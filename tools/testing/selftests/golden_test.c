// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts of released hardware, as they were written then, load for ever and
 * go on where they stood. They lie in golden/; to make one for hardware that
 * was not released yet, run this with MVGPU_GOLDEN_WRITE=FILE.
 */
#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "context.h"
#include "rig.h"

#define GOLDEN(version)	SELFTESTS_DATA "/golden/mvgpu-small-" version ".bin"

/* What all of them have: two commands are done, a third one waits. */
#define PAGE_AT		0x5000
#define FENCE_1		0x1122334455667788ULL
#define FENCE_2		0x99aabbccddeeff00ULL
#define FAR_ENTRY	0x8000
#define FAR_VALUE	0x123456789007ULL

/* Since 1.1: where queue 1 has its ring, and what it waits for. */
#define RING_1		0x8000
#define SEMAPHORE	(RIG_VRAM + PAGE_AT + 16)

FIXTURE(golden)
{
	struct rig rig;
	struct gpu *gpu;
	struct devstate *state;
};

FIXTURE_SETUP(golden)
{
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->gpu = &self->rig.vmm.gpu;
	self->state = &self->rig.vmm.state;
}

FIXTURE_TEARDOWN(golden)
{
	rig_destroy(&self->rig);
}

static int put(struct rig *rig, union gpu_command command)
{
	return gpu_ring_put(&rig->ring, &command);
}

/* Leaves the device stopped, with a fence outstanding. */
static int work(struct rig *rig)
{
	unsigned char page[RIG_PAGE];
	int ret;

	rig_pattern(page, sizeof(page), 3);
	ret = gpu_vram_write(&rig->vmm.gpu, PAGE_AT, page, sizeof(page));
	ret = ret ?: gpu_gtt_write(&rig->vmm.gpu, FAR_ENTRY, FAR_VALUE);
	ret = ret ?: rig_run(rig, gpu_nop());
	ret = ret ?: rig_run(rig, gpu_fence(RIG_VRAM + PAGE_AT, FENCE_1));
	ret = ret ?: vfio_bus_master(rig->vmm.vfio.device, false);
	ret = ret ?: put(rig, gpu_fence(RIG_VRAM + PAGE_AT + 8, FENCE_2));
	ret = ret ?: gpu_ring_kick(&rig->ring);

	return ret ?: devstate_stop(&rig->vmm.state);
}

/* Since 1.1: a queue that waits, and one that faulted with an interrupt. */
static int work_of_others(struct rig *rig)
{
	const union gpu_command wait =
		gpu_semaphore(SEMAPHORE, MVGPU_COMPARE_EQUAL, 7);
	struct gpu_ring ring;
	int ret;

	ret = gpu_ring_init(&ring, &rig->vmm.gpu, 1, RIG_VRAM + RING_1,
			    RIG_PAGE, NULL, RING_1);
	ret = ret ?: gpu_ring_put(&ring, &wait);
	ret = ret ?: gpu_ring_kick(&ring);
	ret = ret ?: gpu_write64(&rig->vmm.gpu, MVGPU_QUEUE(2) +
				 MVGPU_QUEUE_RING_BASE, RIG_VRAM);
	ret = ret ?: gpu_write32(&rig->vmm.gpu, MVGPU_QUEUE(2) +
				 MVGPU_QUEUE_RING_SIZE, RIG_PAGE);
	ret = ret ?: gpu_write32(&rig->vmm.gpu, MVGPU_QUEUE(2) +
				 MVGPU_QUEUE_CONTROL, MVGPU_QUEUE_ENABLE |
				 MVGPU_QUEUE_FAULT_INTERRUPT);

	return ret ?: gpu_queue_doorbell(&rig->vmm.gpu, 2, 1);
}

static int read_golden(const char *path, struct context *context)
{
	const size_t size = 1024 * 1024;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	context->data = malloc(size);
	if (fd < 0 || !context->data)
		return -ENOENT;
	len = read(fd, context->data, size);
	close(fd);
	context->length = len < 0 ? 0 : len;
	return len > 0 ? 0 : -EIO;
}

static int write_golden(const struct context *context)
{
	const char *path = getenv("MVGPU_GOLDEN_WRITE");
	int fd, ret = 0;

	if (!path)
		return 0;
	fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	if (write(fd, context->data, context->length) !=
	    (ssize_t)context->length)
		ret = -EIO;
	close(fd);
	return ret;
}

/* The guest's memory comes by another way: the ring. */
static int load(struct rig *rig, const struct context *context)
{
	int ret;

	ret = vfio_reset(rig->vmm.vfio.device);
	rig->ring.tail = 0;
	ret = ret ?: put(rig, gpu_nop());
	ret = ret ?: put(rig, gpu_nop());
	ret = ret ?: put(rig, gpu_fence(RIG_VRAM + PAGE_AT + 8, FENCE_2));

	return ret ?: devstate_load(&rig->vmm.state, context->data,
				    context->length);
}

static int go_on(struct rig *rig)
{
	int ret;

	ret = vfio_bus_master(rig->vmm.vfio.device, true);
	ret = ret ?: devstate_start(&rig->vmm.state);

	return ret ?: rig_wait(rig);
}

/* NULL, or what is not as the source would have come to. */
static const char *differs(struct rig *rig)
{
	unsigned char page[RIG_PAGE], expected[RIG_PAGE];
	const __u64 fences[] = { htole64(FENCE_1), htole64(FENCE_2) };
	struct gpu_queue_state queue;
	__u64 entry;

	if (gpu_queue_state(&rig->vmm.gpu, 0, &queue) || queue.completed != 3)
		return "commands that completed";
	if (gpu_gtt_read(&rig->vmm.gpu, FAR_ENTRY, &entry) ||
	    entry != FAR_VALUE)
		return "the GTT";
	rig_pattern(expected, sizeof(expected), 3);
	memcpy(expected, fences, sizeof(fences));
	if (gpu_vram_read(&rig->vmm.gpu, PAGE_AT, page, sizeof(page)) ||
	    memcmp(page, expected, sizeof(page)))
		return "VRAM";

	return NULL;
}

TEST_F(golden, context_of_hardware_1_0)
{
	struct gpu_queue_state queue;
	struct context context;
	__u64 now = ~0ULL;

	ASSERT_EQ(0, read_golden(GOLDEN("1.0"), &context));
	ASSERT_EQ(0, load(&self->rig, &context));
	/* what it did not have is as after reset */
	ASSERT_EQ(0, gpu_read64(self->gpu, MVGPU_REG_CLOCK, &now));
	EXPECT_EQ(0ULL, now);
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 3, &queue));
	EXPECT_EQ(MVGPU_QUEUE_DISABLED, queue.status);
	ASSERT_EQ(0, go_on(&self->rig));
	EXPECT_EQ(NULL, differs(&self->rig));
	context_free(&context);
}

TEST_F(golden, context_of_hardware_1_1)
{
	struct gpu_queue_state queue;
	struct context context;
	__u32 pending;

	ASSERT_EQ(0, read_golden(GOLDEN("1.1"), &context));
	ASSERT_EQ(0, load(&self->rig, &context));
	EXPECT_TRUE(context_is_saved(self->state, &context));
	ASSERT_EQ(0, gpu_read32(self->gpu, MVGPU_REG_PENDING, &pending));
	EXPECT_EQ(1U << 2, pending);
	ASSERT_EQ(0, go_on(&self->rig));
	EXPECT_EQ(NULL, differs(&self->rig));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 1, &queue));
	EXPECT_EQ(MVGPU_QUEUE_BUSY, queue.status);
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 2, &queue));
	EXPECT_EQ(MVGPU_FAULT_RING, queue.fault);
	context_free(&context);
}

TEST_F(golden, context_of_this_hardware)
{
	struct context context;

	ASSERT_EQ(0, work_of_others(&self->rig));
	ASSERT_EQ(0, work(&self->rig));
	ASSERT_EQ(0, context_save(self->state, &context));
	ASSERT_EQ(0, write_golden(&context));
	ASSERT_EQ(0, load(&self->rig, &context));
	ASSERT_EQ(0, go_on(&self->rig));
	EXPECT_EQ(NULL, differs(&self->rig));
	context_free(&context);
}

TEST_HARNESS_MAIN
