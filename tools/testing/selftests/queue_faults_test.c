// SPDX-License-Identifier: GPL-2.0
/*
 * What a fault says and leaves behind: which byte could not be accessed, in
 * which direction a command ran, and that a queue which has faulted, or says that
 * it rests, writes nothing any more.
 */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "rig.h"
#include "trace.h"
#include "userfault.h"

#define PAGE	RIG_PAGE
#define GTT_RAM	(MVGPU_GTT_VALID | MVGPU_GTT_WRITE)
/* GPU pages that the tests bind, and leave holes in. */
#define SPACE	RIG_FREE
#define PAGES	16
#define SIZE	(PAGES * PAGE)
#define STATUS	(MVGPU_QUEUE(0) + MVGPU_QUEUE_STATUS)

static __u32 reg(struct gpu *gpu, __u32 offset)
{
	__u32 value;

	return gpu_read32(gpu, offset, &value) ? ~0U : value;
}

FIXTURE(faults)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct rig rig;
	struct gpu *gpu;
	unsigned char *ram;
};

FIXTURE_VARIANT(faults)
{
	const char *claim;
};

FIXTURE_VARIANT_ADD(faults, served) { .claim = "users" };
FIXTURE_VARIANT_ADD(faults, stock) { .claim = "none" };

FIXTURE_SETUP(faults)
{
	ASSERT_EQ(0, fixture_claim(variant->claim, self->claim));
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->gpu = &self->rig.vmm.gpu;
	self->ram = self->rig.vmm.ram.mem;
	ASSERT_EQ(0, gpu_gtt_bind(self->gpu, SPACE / PAGE, PAGES,
				  RIG_RAM_IOVA | GTT_RAM));
}

FIXTURE_TEARDOWN(faults)
{
	rig_destroy(&self->rig);
	fixture_claim(self->claim, NULL);
}

static __u32 below(__u64 *seed, __u32 limit)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return (*seed >> 33) % limit;
}

/* A rectangle of bytes in the space, copied to where it may overlap. */
struct copy {
	__u32 dst, src, width, height, pitch;
};

static struct copy some_copy(__u64 *seed)
{
	struct copy copy = {
		.width = 1 + below(seed, 9000),
		.height = 1 + below(seed, 3),
	};
	__u32 room;

	copy.pitch = copy.width + below(seed, 3000);
	room = SIZE - (copy.height - 1) * copy.pitch - copy.width;
	copy.src = below(seed, room);
	copy.dst = below(seed, room);
	return copy;
}

/*
 * Do it byte by byte in @mem, in the order of a device that looks at where it reads
 * before where it writes. The GPU address that is in a page of @holes, or 0.
 */
static __u64 expect_copy(const struct copy *copy, unsigned char *mem,
			 __u32 holes)
{
	const __u32 extent = (copy->height - 1) * copy->pitch + copy->width;
	const int backward = copy->dst > copy->src &&
			     copy->dst < copy->src + extent;
	const __u32 total = copy->width * copy->height;
	__u32 i, k, at;

	for (i = 0; i < total; i++) {
		k = backward ? total - 1 - i : i;
		at = k / copy->width * copy->pitch + k % copy->width;
		if (holes >> (copy->src + at) / PAGE & 1)
			return SPACE + copy->src + at;
		if (holes >> (copy->dst + at) / PAGE & 1)
			return SPACE + copy->dst + at;
		mem[copy->dst + at] = mem[copy->src + at];
	}

	return 0;
}

static int set_hole(struct gpu *gpu, __u32 page, bool hole)
{
	return gpu_gtt_write(gpu, SPACE / PAGE + page, hole ? 0 :
			     (RIG_RAM_IOVA + page * PAGE) | GTT_RAM);
}

TEST_F_TIMEOUT(faults, address_is_the_first_byte_in_the_order_of_the_command, 120)
{
	static unsigned char want[SIZE];
	struct gpu_queue_state state;
	__u32 round, faults = 0;
	__u64 seed = 1, address;

	for (round = 0; round < 60; round++) {
		struct copy copy = some_copy(&seed);
		__u32 a = below(&seed, PAGES), b = below(&seed, PAGES);

		rig_pattern(self->ram, SIZE, round);
		memcpy(want, self->ram, SIZE);
		address = expect_copy(&copy, want, 1U << a | 1U << b);
		ASSERT_EQ(0, set_hole(self->gpu, a, true));
		ASSERT_EQ(0, set_hole(self->gpu, b, true));
		ASSERT_EQ(address ? -EIO : 0,
			  rig_run(&self->rig,
				  gpu_copy(SPACE + copy.dst, SPACE + copy.src,
					   copy.width, copy.height, copy.pitch,
					   copy.pitch)));
		ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
		EXPECT_EQ(address, state.fault_address)
			TH_LOG("round %u: to %#x from %#x", round, copy.dst,
			       copy.src);
		/* all before it is done, and nothing else */
		EXPECT_EQ(0, memcmp(want, self->ram, SIZE))
			TH_LOG("round %u", round);
		faults += !!address;
		ASSERT_EQ(0, set_hole(self->gpu, a, false));
		ASSERT_EQ(0, set_hole(self->gpu, b, false));
		ASSERT_EQ(0, rig_enable(&self->rig));
	}
	EXPECT_LT(20U, faults);
}

TEST_F(faults, of_a_blend_that_runs_backward_say_its_last_byte)
{
	struct gpu_queue_state state;

	/* from 2 pages further down: the page above all is written first */
	ASSERT_EQ(0, set_hole(self->gpu, 6, true));
	ASSERT_EQ(-EIO, rig_run(&self->rig,
				gpu_blend(SPACE + 4 * PAGE, SPACE + 2 * PAGE,
					  3 * PAGE - 16, 1, 0, 0, 255)));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(SPACE + 7 * PAGE - 17, state.fault_address);
}

TEST_F(faults, of_a_result_leave_nothing_but_its_address)
{
	struct gpu_queue_state state;

	ASSERT_EQ(0, set_hole(self->gpu, 3, true));
	ASSERT_EQ(-EIO, rig_run(&self->rig, gpu_crc32c(SPACE + 3 * PAGE + 4,
						       SPACE, PAGE, 0)));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(SPACE + 3 * PAGE + 4, state.fault_address);

	memset(self->ram, 5, 8);
	ASSERT_EQ(0, rig_enable(&self->rig));
	ASSERT_EQ(-EIO, rig_run(&self->rig, gpu_crc32c(SPACE, SPACE + PAGE,
						       3 * PAGE, 0)));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(SPACE + 3 * PAGE, state.fault_address);
	EXPECT_TRUE(rig_all(self->ram, 8, 5));
}

/* Where pages are pinned, an entry asks for all that it allows. */
TEST_F(faults, of_a_read_through_an_entry_that_may_write)
{
	const int container = self->rig.vmm.vfio.container;
	const bool served = !strcmp(variant->claim, "users");
	const __u64 iova = 0x900000000ULL;
	struct gpu_queue_state state;

	ASSERT_EQ(0, vfio_map_dma(container, iova, self->rig.ring_ram.mem,
				  PAGE, VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(0, gpu_gtt_write(self->gpu, SPACE / PAGE, iova | GTT_RAM));
	EXPECT_EQ(served ? -EIO : 0,
		  rig_run(&self->rig, gpu_copy(RIG_VRAM, SPACE, 8, 1, 0, 0)));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(served ? MVGPU_FAULT_IOVA : MVGPU_FAULT_NONE, state.fault);
}

TEST_F(faults, none_of_a_doorbell_to_a_disabled_queue)
{
	const __u32 tail = MVGPU_QUEUE(1) + MVGPU_QUEUE_TAIL;
	struct gpu_queue_state state;

	ASSERT_EQ(0, gpu_write32(self->gpu, tail, 1));
	ASSERT_EQ(0, gpu_write32(self->gpu, tail, MVGPU_COMMAND_SIZE));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 1, &state));
	EXPECT_EQ(MVGPU_QUEUE_DISABLED, state.status);
	EXPECT_EQ(0U, state.tail);
	EXPECT_EQ(MVGPU_FAULT_NONE, state.fault);
	/* what it had when it was disabled stays until it is enabled */
	ASSERT_EQ(0, rig_run(&self->rig, gpu_nop()));
	ASSERT_EQ(0, gpu_queue_disable(self->gpu, 0));
	ASSERT_EQ(0, gpu_queue_doorbell(self->gpu, 0, 5 * MVGPU_COMMAND_SIZE));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_COMMAND_SIZE, state.tail);
	EXPECT_EQ(MVGPU_COMMAND_SIZE, state.head);
	EXPECT_EQ(1U, state.completed);
	ASSERT_EQ(0, rig_enable(&self->rig));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_nop()));
}

/*
 * Memory that the VMM has made read-only after it mapped it: the engine finds
 * out while it copies there. What it wrote of that it may have read as well, so
 * that it may not do so again.
 */
TEST_F(faults, of_a_write_that_failed_come_without_another_try)
{
	struct gpu_queue_state state;
	struct trace trace;
	const char *uuid = self->rig.vmm.uuid;

	memset(self->ram, 0x80, 8 * PAGE);
	ASSERT_EQ(0, mprotect(self->ram + 2 * PAGE, PAGE, PROT_READ));
	ASSERT_EQ(0, trace_open(&trace, "mvgpu", "mvgpu_chunk"));
	EXPECT_EQ(-EIO, rig_run(&self->rig,
				gpu_blend(RIG_RAM, RIG_RAM + 4 * PAGE,
					  4 * PAGE, 1, 0, 0, 255)));
	EXPECT_EQ(1, trace_count(&trace, "mvgpu_chunk", uuid));
	trace_close(&trace);
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_FAULT_IOVA, state.fault);
	EXPECT_EQ(RIG_RAM + 2 * PAGE, state.fault_address);
	/* 0x80 + 0x80 * 0x7f / 0xff, once */
	EXPECT_TRUE(rig_all(self->ram, 2 * PAGE, 0xc0));
	EXPECT_TRUE(rig_all(self->ram + 2 * PAGE, 6 * PAGE, 0x80));
	ASSERT_EQ(0, mprotect(self->ram + 2 * PAGE, PAGE,
			      PROT_READ | PROT_WRITE));
}

/*
 * A chunk that is under way for as long as the test likes: a FILL of the first two
 * pages of guest memory, whose pages are not there until the test fills them.
 */
FIXTURE(under_way)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct rig rig;
	struct gpu *gpu;
	unsigned char *ram;
	void *page;
	int fd;
	int event;
};

FIXTURE_SETUP(under_way)
{
	union gpu_command fill = gpu_fill(RIG_RAM, 2 * PAGE, 1, 0, 0x01010101);

	self->event = eventfd(0, EFD_NONBLOCK);
	ASSERT_LE(0, self->event);
	ASSERT_EQ(0, fixture_claim("none", self->claim));
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->gpu = &self->rig.vmm.gpu;
	self->ram = self->rig.vmm.ram.mem;
	ASSERT_EQ(0, vfio_irq_eventfds(self->rig.vmm.vfio.device,
				       VFIO_PCI_MSIX_IRQ_INDEX, 0, 1,
				       &self->event));
	self->fd = userfault_open(self->ram, RIG_RAM_SIZE);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, gpu_ring_put(&self->rig.ring, &fill));
	ASSERT_EQ(0, gpu_ring_kick(&self->rig.ring));
	ASSERT_EQ(0, userfault_wait(self->fd, &self->page));
}

FIXTURE_TEARDOWN(under_way)
{
	close(self->fd);
	rig_destroy(&self->rig);
	fixture_claim(self->claim, NULL);
	close(self->event);
}

/* The first page comes: the chunk goes on to the second. */
static int go_half_way(int fd, void **page)
{
	int ret = userfault_fill(fd, *page);

	return ret ?: userfault_wait(fd, page);
}

/* How often the interrupt came since the last look. */
static __u64 interrupts(int event)
{
	__u64 nr;

	return read(event, &nr, sizeof(nr)) == sizeof(nr) ? nr : 0;
}

static int fault_interrupt(struct gpu *gpu)
{
	return gpu_write32(gpu, MVGPU_QUEUE(0) + MVGPU_QUEUE_CONTROL,
			   MVGPU_QUEUE_ENABLE | MVGPU_QUEUE_FAULT_INTERRUPT);
}

TEST_F(under_way, a_bad_doorbell_is_a_fault_when_the_chunk_has_ended)
{
	struct pollfd event = { .fd = self->event, .events = POLLIN };
	struct gpu_queue_state state;

	ASSERT_EQ(0, fault_interrupt(self->gpu));
	ASSERT_EQ(0, gpu_queue_doorbell(self->gpu, 0, 1));
	ASSERT_EQ(0, go_half_way(self->fd, &self->page));
	/* a good one afterwards is ignored, as if the fault were there */
	ASSERT_EQ(0, gpu_queue_doorbell(self->gpu, 0, 128));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_QUEUE_BUSY, state.status);
	EXPECT_EQ(MVGPU_FAULT_NONE, state.fault);
	EXPECT_EQ(0ULL, state.fault_address);
	EXPECT_EQ(0ULL, interrupts(self->event));

	ASSERT_EQ(0, userfault_fill(self->fd, self->page));
	ASSERT_EQ(1, poll(&event, 1, RIG_TIMEOUT_MS));
	EXPECT_EQ(1ULL, interrupts(self->event));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_QUEUE_FAULTED, state.status);
	EXPECT_EQ(MVGPU_FAULT_RING, state.fault);
	EXPECT_EQ(RIG_RING, state.fault_address);
	EXPECT_EQ(MVGPU_COMMAND_SIZE, state.tail);
	EXPECT_EQ(1ULL, state.completed);
	EXPECT_TRUE(rig_all(self->ram, 2 * PAGE, 1));
}

/* Of two that a queue could have it has one, and one interrupt. */
TEST_F(under_way, a_bad_doorbell_is_the_fault_also_if_the_chunk_has_one)
{
	struct pollfd event = { .fd = self->event, .events = POLLIN };
	struct gpu_queue_state state;

	ASSERT_EQ(0, fault_interrupt(self->gpu));
	ASSERT_EQ(0, gpu_queue_doorbell(self->gpu, 0, 1));
	ASSERT_EQ(0, mprotect(self->ram + PAGE, PAGE, PROT_READ));
	ASSERT_EQ(0, userfault_fill(self->fd, self->page));
	ASSERT_EQ(1, poll(&event, 1, RIG_TIMEOUT_MS));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_QUEUE_FAULTED, state.status);
	EXPECT_EQ(MVGPU_FAULT_RING, state.fault);
	EXPECT_EQ(RIG_RING, state.fault_address);
	EXPECT_EQ(1ULL, interrupts(self->event));
	EXPECT_EQ(1, rig_attribute(&self->rig, "faults"));
	EXPECT_TRUE(rig_all(self->ram, PAGE, 1));
	EXPECT_EQ(0ULL, state.completed);
}

TEST_F(under_way, a_ring_that_cannot_be_is_a_fault_when_the_chunk_has_ended)
{
	struct gpu_queue_state state;

	ASSERT_EQ(0, gpu_queue_enable(self->gpu, 0, RIG_RING + 64, 4096));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_QUEUE_BUSY, state.status);
	EXPECT_EQ(MVGPU_FAULT_NONE, state.fault);
	ASSERT_EQ(0, go_half_way(self->fd, &self->page));
	ASSERT_EQ(0, userfault_fill(self->fd, self->page));
	ASSERT_EQ(0, rig_wait_status(&self->rig, MVGPU_QUEUE_FAULTED));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_FAULT_RING, state.fault);
	EXPECT_EQ(0ULL, state.completed);
	EXPECT_TRUE(rig_all(self->ram, 2 * PAGE, 1));
}

/* Also if nobody waited for DISABLED. */
TEST_F(under_way, a_queue_enabled_again_is_busy_until_the_chunk_has_ended)
{
	struct gpu_queue_state state;

	ASSERT_EQ(0, rig_enable(&self->rig));
	EXPECT_EQ(MVGPU_QUEUE_BUSY, reg(self->gpu, STATUS));
	ASSERT_EQ(0, go_half_way(self->fd, &self->page));
	EXPECT_EQ(MVGPU_QUEUE_BUSY, reg(self->gpu, STATUS));
	ASSERT_EQ(0, userfault_fill(self->fd, self->page));
	ASSERT_EQ(0, rig_wait_status(&self->rig, MVGPU_QUEUE_IDLE));
	EXPECT_TRUE(rig_all(self->ram, 2 * PAGE, 1));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(0ULL, state.completed);
	EXPECT_EQ(0U, state.head);
}

/* It is owed to nobody any more. */
TEST_F(under_way, a_fault_that_waits_goes_with_a_disable)
{
	struct gpu_queue_state state;

	ASSERT_EQ(0, fault_interrupt(self->gpu));
	ASSERT_EQ(0, gpu_queue_doorbell(self->gpu, 0, 1));
	ASSERT_EQ(0, gpu_queue_disable(self->gpu, 0));
	ASSERT_EQ(0, go_half_way(self->fd, &self->page));
	EXPECT_EQ(MVGPU_QUEUE_BUSY, reg(self->gpu, STATUS));
	ASSERT_EQ(0, userfault_fill(self->fd, self->page));
	ASSERT_EQ(0, rig_wait_status(&self->rig, MVGPU_QUEUE_DISABLED));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_FAULT_NONE, state.fault);
	EXPECT_EQ(0ULL, interrupts(self->event));
}

TEST_HARNESS_MAIN
