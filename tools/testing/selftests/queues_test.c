// SPDX-License-Identifier: GPL-2.0
/*
 * Several queues at once: turns, faults that stop one of them, semaphores and
 * timestamps; on a container that vfio_dirty serves and on stock type1.
 */
#include <endian.h>
#include <string.h>

#include "kselftest_harness.h"
#include "context.h"
#include "rig.h"

#define PAGE	RIG_PAGE
#define QUEUES	4
#define SIZE	0x10000U

/* In guest memory: what semaphores look at, and what commands write. */
#define SEMAPHORE	RIG_RAM
#define RESULT		(RIG_RAM + PAGE)
/* Each queue has this much of VRAM to work on, behind the rings. */
#define PART		0x100000ULL

FIXTURE(queues)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct rig rig;
	struct gpu *gpu;
	struct gpu_ring rings[QUEUES];
};

FIXTURE_VARIANT(queues)
{
	const char *claim;
};

FIXTURE_VARIANT_ADD(queues, served)
{
	.claim = "users",
};

FIXTURE_VARIANT_ADD(queues, stock)
{
	.claim = "none",
};

static __u64 part(unsigned int queue)
{
	return RIG_VRAM + (queue + 1) * PART;
}

static int enable_queue(struct rig *rig, struct gpu_ring *ring,
			unsigned int queue)
{
	return gpu_ring_init(ring, &rig->vmm.gpu, queue,
			     RIG_VRAM + queue * SIZE, SIZE, NULL, queue * SIZE);
}

static int enable_queues(struct rig *rig, struct gpu_ring *rings)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < QUEUES && !ret; i++) {
		ret = gpu_queue_disable(&rig->vmm.gpu, i);
		ret = ret ?: enable_queue(rig, &rings[i], i);
	}

	return ret;
}

FIXTURE_SETUP(queues)
{
	ASSERT_EQ(0, fixture_claim(variant->claim, self->claim));
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->gpu = &self->rig.vmm.gpu;
	ASSERT_EQ(0, enable_queues(&self->rig, self->rings));
}

FIXTURE_TEARDOWN(queues)
{
	rig_destroy(&self->rig);
	fixture_claim(self->claim, NULL);
}

static int put(struct gpu_ring *ring, union gpu_command command)
{
	return gpu_ring_put(ring, &command);
}

static int submit(struct gpu_ring *ring, union gpu_command command)
{
	return put(ring, command) ?: gpu_ring_kick(ring);
}

static int run(struct gpu_ring *ring, union gpu_command command)
{
	return gpu_ring_run(ring, command, RIG_TIMEOUT_MS);
}

static int finish(struct gpu_ring *ring)
{
	return gpu_queue_wait(ring->gpu, ring->queue, RIG_TIMEOUT_MS);
}

static __u32 status(struct gpu *gpu, unsigned int queue)
{
	struct gpu_queue_state state = {};

	return gpu_queue_state(gpu, queue, &state) ? ~0U : state.status;
}

static __u64 completed(struct gpu *gpu, unsigned int queue)
{
	struct gpu_queue_state state = {};

	return gpu_queue_state(gpu, queue, &state) ? ~0ULL : state.completed;
}

/* 64 bits of guest memory that the device and we share. */
static __u64 word(struct rig *rig, __u64 address)
{
	const __u64 *at = ram_at(&rig->vmm.ram, address - RIG_RAM);

	return le64toh(__atomic_load_n(at, __ATOMIC_ACQUIRE));
}

static void set_word(struct rig *rig, __u64 address, __u64 value)
{
	__u64 *at = ram_at(&rig->vmm.ram, address - RIG_RAM);

	__atomic_store_n(at, htole64(value), __ATOMIC_RELEASE);
}

/* No event tells of a stop where there is no device-state region. */
static int set_running(struct rig *rig, bool on)
{
	return vfio_bus_master(rig->vmm.vfio.device, on);
}

TEST_F_TIMEOUT(queues, run_beside_each_other, 120)
{
	unsigned int queue, i;
	unsigned char data[64];

	for (i = 0; i < 40; i++)
		for (queue = 0; queue < QUEUES; queue++)
			ASSERT_EQ(0, submit(&self->rings[queue],
					    gpu_fill(part(queue) + i * 9000,
						     8999, 1, 0,
						     0x01010101 * (queue + 1))));
	for (queue = 0; queue < QUEUES; queue++) {
		ASSERT_EQ(0, finish(&self->rings[queue]));
		EXPECT_EQ(40ULL, completed(self->gpu, queue));
		ASSERT_EQ(0, gpu_vram_read(self->gpu, part(queue) - RIG_VRAM +
					   39 * 9000 + 8999 - 63, data, 64));
		EXPECT_TRUE(rig_all(data, 63, queue + 1));
	}
}

/*
 * A queue has its turn after one step of each other: a command that moves 64 KiB
 * is one step, or two if the device is stopped when it was read. Started
 * together, none is ever further than one command before the rest.
 */
TEST_F_TIMEOUT(queues, take_turns, 120)
{
	__u64 done, least, most;
	unsigned int queue, i, round;

	ASSERT_EQ(0, set_running(&self->rig, false));
	for (queue = 0; queue < QUEUES; queue++) {
		for (i = 0; i < 800; i++)
			ASSERT_EQ(0, put(&self->rings[queue],
					 gpu_fill(part(queue), SIZE, 1, 0, i)));
		ASSERT_EQ(0, gpu_ring_kick(&self->rings[queue]));
	}
	for (round = 0; round < 20; round++) {
		ASSERT_EQ(0, set_running(&self->rig, true));
		ASSERT_EQ(0, set_running(&self->rig, false));
		least = ~0ULL;
		most = 0;
		for (queue = 0; queue < QUEUES; queue++) {
			done = completed(self->gpu, queue);
			least = done < least ? done : least;
			most = done > most ? done : most;
		}
		EXPECT_GE(1ULL, most - least)
			TH_LOG("from %llu to %llu commands", least, most);
		if (most == 800)
			break;
	}
	ASSERT_EQ(0, set_running(&self->rig, true));
	for (queue = 0; queue < QUEUES; queue++)
		ASSERT_EQ(0, finish(&self->rings[queue]));
}

/* Long commands do not keep short ones of another queue from their turn. */
TEST_F(queues, a_long_command_lets_others_pass)
{
	unsigned int i;

	ASSERT_EQ(0, submit(&self->rings[0], gpu_fill(part(0), 1, 0xf00000, 1,
						      5)));
	for (i = 0; i < 50; i++)
		ASSERT_EQ(0, run(&self->rings[1], gpu_nop()));
	EXPECT_EQ(MVGPU_QUEUE_BUSY, status(self->gpu, 0));
	EXPECT_EQ(0ULL, completed(self->gpu, 0));
}

TEST_F(queues, a_fault_stops_one_of_them)
{
	unsigned int queue;

	EXPECT_EQ(-EIO, run(&self->rings[1], gpu_fence(RIG_FREE, 1)));
	for (queue = 0; queue < QUEUES; queue++)
		if (queue != 1)
			EXPECT_EQ(0, run(&self->rings[queue],
					 gpu_fence(RESULT, queue)));
	EXPECT_EQ(MVGPU_QUEUE_FAULTED, status(self->gpu, 1));
}

TEST_F_TIMEOUT(queues, a_faulted_one_recovers_while_others_run, 120)
{
	unsigned int i;

	for (i = 0; i < 1000; i++)
		ASSERT_EQ(0, put(&self->rings[0],
				 gpu_fill(part(0), SIZE, 1, 0, 1)));
	ASSERT_EQ(0, gpu_ring_kick(&self->rings[0]));
	for (i = 0; i < 10; i++) {
		ASSERT_EQ(-EIO, run(&self->rings[2], gpu_fence(RIG_FREE, 1)));
		ASSERT_EQ(0, gpu_queue_disable(self->gpu, 2));
		ASSERT_EQ(0, enable_queue(&self->rig, &self->rings[2], 2));
		ASSERT_EQ(0, run(&self->rings[2], gpu_fence(RESULT, i)));
		ASSERT_EQ(i, word(&self->rig, RESULT));
	}
	ASSERT_EQ(0, finish(&self->rings[0]));
	EXPECT_EQ(1000ULL, completed(self->gpu, 0));
}

TEST_F(queues, a_semaphore_waits_for_another_queue)
{
	ASSERT_EQ(0, put(&self->rings[0],
			 gpu_semaphore(SEMAPHORE, MVGPU_COMPARE_EQUAL, 5)));
	ASSERT_EQ(0, submit(&self->rings[0], gpu_fence(RESULT, 1)));
	ASSERT_EQ(0, run(&self->rings[1], gpu_fence(SEMAPHORE, 4)));
	EXPECT_EQ(MVGPU_QUEUE_BUSY, status(self->gpu, 0));
	EXPECT_EQ(0ULL, word(&self->rig, RESULT));
	ASSERT_EQ(0, run(&self->rings[1], gpu_fence(SEMAPHORE, 5)));
	ASSERT_EQ(0, finish(&self->rings[0]));
	EXPECT_EQ(1ULL, word(&self->rig, RESULT));
}

/* It is looked at after each fence, before the next is written. */
TEST_F(queues, a_semaphore_sees_every_fence)
{
	unsigned int i;

	ASSERT_EQ(0, submit(&self->rings[0],
			    gpu_semaphore(SEMAPHORE, MVGPU_COMPARE_EQUAL, 50)));
	ASSERT_EQ(0, run(&self->rings[2], gpu_nop()));
	for (i = 1; i < 100; i++)
		ASSERT_EQ(0, put(&self->rings[1], gpu_fence(SEMAPHORE, i)));
	ASSERT_EQ(0, gpu_ring_kick(&self->rings[1]));
	ASSERT_EQ(0, finish(&self->rings[1]));
	EXPECT_EQ(0, gpu_queue_wait(self->gpu, 0, 1000));
}

TEST_F(queues, a_semaphore_sees_what_the_cpu_writes)
{
	unsigned int i;

	for (i = 1; i < 30; i++) {
		ASSERT_EQ(0, submit(&self->rings[0],
				    gpu_semaphore(SEMAPHORE,
						  MVGPU_COMPARE_GREATER_EQUAL,
						  i)));
		set_word(&self->rig, SEMAPHORE, i);
		/* nothing tells the device but its timer, or a doorbell */
		if (i % 2)
			ASSERT_EQ(0, gpu_ring_kick(&self->rings[3]));
		ASSERT_EQ(0, finish(&self->rings[0]));
	}
}

TEST_F(queues, semaphores_compare)
{
	static const struct {
		__u32 compare;
		__u64 memory, value;
		bool holds;
	} cases[] = {
		{ MVGPU_COMPARE_EQUAL, 7, 7, true },
		{ MVGPU_COMPARE_EQUAL, 8, 7, false },
		{ MVGPU_COMPARE_EQUAL, 1ULL << 32 | 7, 7, false },
		{ MVGPU_COMPARE_NOT_EQUAL, 7, 7, false },
		{ MVGPU_COMPARE_NOT_EQUAL, 7ULL << 32, 7, true },
		{ MVGPU_COMPARE_GREATER_EQUAL, 7, 7, true },
		{ MVGPU_COMPARE_GREATER_EQUAL, 6, 7, false },
		{ MVGPU_COMPARE_GREATER_EQUAL, ~0ULL, 7, true },
		{ MVGPU_COMPARE_GREATER_EQUAL, 7, ~0ULL, false },
	};
	struct gpu_ring *ring = &self->rings[0];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		set_word(&self->rig, SEMAPHORE, cases[i].memory);
		ASSERT_EQ(0, submit(ring, gpu_semaphore(SEMAPHORE,
							cases[i].compare,
							cases[i].value)));
		/* a command behind a queue that waits for nothing */
		ASSERT_EQ(0, run(&self->rings[1], gpu_nop()));
		ASSERT_EQ(0, run(&self->rings[1], gpu_nop()));
		EXPECT_EQ(cases[i].holds,
			  status(self->gpu, 0) == MVGPU_QUEUE_IDLE)
			TH_LOG("case %zu", i);
		ASSERT_EQ(0, gpu_queue_disable(self->gpu, 0));
		ASSERT_EQ(0, enable_queue(&self->rig, ring, 0));
	}
}

TEST_F(queues, a_semaphore_is_given_up_by_disabling)
{
	ASSERT_EQ(0, submit(&self->rings[0],
			    gpu_semaphore(SEMAPHORE, MVGPU_COMPARE_EQUAL, 5)));
	ASSERT_EQ(0, run(&self->rings[1], gpu_nop()));
	ASSERT_EQ(0, gpu_queue_disable(self->gpu, 0));
	EXPECT_EQ(-ESHUTDOWN, finish(&self->rings[0]));
	set_word(&self->rig, SEMAPHORE, 5);
	ASSERT_EQ(0, enable_queue(&self->rig, &self->rings[0], 0));
	EXPECT_EQ(0, run(&self->rings[0], gpu_fence(RESULT, 3)));
}

TEST_F(queues, a_semaphore_that_cannot_be_read_faults)
{
	struct gpu_queue_state state;

	ASSERT_EQ(-EIO, run(&self->rings[0],
			    gpu_semaphore(RIG_FREE + 8, 0, 0)));
	ASSERT_EQ(0, gpu_queue_state(self->gpu, 0, &state));
	EXPECT_EQ(MVGPU_FAULT_UNBOUND, state.fault);
	EXPECT_EQ(RIG_FREE + 8, state.fault_address);

	/* also one whose memory goes while it waits */
	ASSERT_EQ(0, submit(&self->rings[1],
			    gpu_semaphore(SEMAPHORE, MVGPU_COMPARE_EQUAL, 5)));
	ASSERT_EQ(0, gpu_gtt_write(self->gpu, SEMAPHORE / PAGE, 0));
	EXPECT_EQ(-EIO, finish(&self->rings[1]));
}

TEST_F(queues, all_can_wait_at_once)
{
	unsigned int queue;

	for (queue = 0; queue < QUEUES; queue++)
		ASSERT_EQ(0, submit(&self->rings[queue],
				    gpu_semaphore(SEMAPHORE,
						  MVGPU_COMPARE_EQUAL, 1)));
	for (queue = 0; queue < QUEUES; queue++)
		EXPECT_EQ(MVGPU_QUEUE_BUSY, status(self->gpu, queue));
	set_word(&self->rig, SEMAPHORE, 1);
	for (queue = 0; queue < QUEUES; queue++)
		ASSERT_EQ(0, finish(&self->rings[queue]));
}

/* A reset, or closing the device, waits for no semaphore. */
TEST_F(queues, a_waiting_device_can_be_reset_and_closed)
{
	ASSERT_EQ(0, submit(&self->rings[0],
			    gpu_semaphore(SEMAPHORE, MVGPU_COMPARE_EQUAL, 5)));
	ASSERT_EQ(0, vfio_reset(self->rig.vmm.vfio.device));
	EXPECT_EQ(MVGPU_QUEUE_DISABLED, status(self->gpu, 0));
	ASSERT_EQ(0, rig_setup(&self->rig));
	ASSERT_EQ(0, enable_queues(&self->rig, self->rings));
	ASSERT_EQ(0, submit(&self->rings[0],
			    gpu_semaphore(SEMAPHORE, MVGPU_COMPARE_EQUAL, 5)));
	rig_close(&self->rig);
	ASSERT_EQ(0, rig_open(&self->rig));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_fence(RESULT, 1)));
}

static __u64 device_clock(struct gpu *gpu)
{
	__u64 now = 0;

	gpu_read64(gpu, MVGPU_REG_CLOCK, &now);
	return now;
}

TEST_F(queues, timestamps_are_the_clock)
{
	__u64 before, after, stamp, i;

	for (i = 0; i < 100; i++) {
		before = device_clock(self->gpu);
		ASSERT_EQ(0, run(&self->rings[i % QUEUES],
				 gpu_timestamp(RESULT)));
		after = device_clock(self->gpu);
		stamp = word(&self->rig, RESULT);
		ASSERT_LE(before, stamp);
		ASSERT_GE(after, stamp);
		ASSERT_LT(before, after);
	}
}

TEST_F(queues, the_clock_is_read_by_halves_too)
{
	__u32 low, high;
	__u64 all;

	ASSERT_EQ(0, gpu_read32(self->gpu, MVGPU_REG_CLOCK, &low));
	ASSERT_EQ(0, gpu_read32(self->gpu, MVGPU_REG_CLOCK + 4, &high));
	all = device_clock(self->gpu);
	EXPECT_LE((__u64)high << 32 | low, all);
	ASSERT_EQ(0, vfio_reset(self->rig.vmm.vfio.device));
	EXPECT_GT(all, device_clock(self->gpu));
}

FIXTURE(moved)
{
	struct rig source;
	struct rig target;
	struct gpu_ring rings[QUEUES];
	struct context context;
};

FIXTURE_SETUP(moved)
{
	self->context.data = NULL;
	ASSERT_EQ(0, rig_create(&self->source));
	ASSERT_EQ(0, rig_open(&self->source));
	ASSERT_EQ(0, rig_create(&self->target));
	ASSERT_EQ(0, rig_open(&self->target));
	ASSERT_EQ(0, enable_queues(&self->source, self->rings));
}

FIXTURE_TEARDOWN(moved)
{
	rig_destroy(&self->source);
	rig_destroy(&self->target);
	context_free(&self->context);
}

/* Context and guest memory; both stay stopped. */
static int move(struct rig *source, struct rig *target, struct context *context)
{
	int ret;

	ret = devstate_stop(&source->vmm.state);
	ret = ret ?: context_save(&source->vmm.state, context);
	memcpy(target->vmm.ram.mem, source->vmm.ram.mem, RIG_RAM_SIZE);

	return ret ?: devstate_load(&target->vmm.state, context->data,
				    context->length);
}

TEST_F(moved, the_clock_stands_while_stopped)
{
	struct gpu *gpu = &self->source.vmm.gpu;
	__u64 now;

	ASSERT_EQ(0, devstate_stop(&self->source.vmm.state));
	now = device_clock(gpu);
	EXPECT_NE(0ULL, now);
	EXPECT_EQ(now, device_clock(gpu));
	ASSERT_EQ(0, devstate_start(&self->source.vmm.state));
	EXPECT_LT(now, device_clock(gpu));
}

TEST_F(moved, the_clock_goes_on_where_it_stood)
{
	__u64 now;

	ASSERT_EQ(0, move(&self->source, &self->target, &self->context));
	now = device_clock(&self->source.vmm.gpu);
	EXPECT_EQ(now, device_clock(&self->target.vmm.gpu));
	ASSERT_EQ(0, devstate_start(&self->target.vmm.state));
	EXPECT_LT(now, device_clock(&self->target.vmm.gpu));
}

TEST_F(moved, a_semaphore_that_waits)
{
	struct gpu *gpu = &self->target.vmm.gpu;
	unsigned int queue;

	for (queue = 0; queue < QUEUES; queue++) {
		ASSERT_EQ(0, put(&self->rings[queue],
				 gpu_semaphore(SEMAPHORE, MVGPU_COMPARE_EQUAL,
					       1)));
		ASSERT_EQ(0, submit(&self->rings[queue],
				    gpu_fence(RESULT + 8 * queue, 6)));
	}
	ASSERT_EQ(0, move(&self->source, &self->target, &self->context));
	ASSERT_EQ(0, devstate_start(&self->target.vmm.state));
	for (queue = 0; queue < QUEUES; queue++)
		EXPECT_EQ(MVGPU_QUEUE_BUSY, status(gpu, queue));
	set_word(&self->target, SEMAPHORE, 1);
	for (queue = 0; queue < QUEUES; queue++) {
		ASSERT_EQ(0, gpu_queue_wait(gpu, queue, RIG_TIMEOUT_MS));
		EXPECT_EQ(6ULL, word(&self->target, RESULT + 8 * queue));
	}
}

TEST_F_TIMEOUT(moved, four_queues_in_the_middle_of_work, 120)
{
	struct gpu *gpu = &self->target.vmm.gpu;
	unsigned int queue, i;
	unsigned char data[256];

	for (queue = 0; queue < QUEUES; queue++) {
		for (i = 0; i < 200; i++)
			ASSERT_EQ(0, put(&self->rings[queue],
					 gpu_fill(part(queue) + i * 256, 1, 256,
						  1, queue + 1)));
		ASSERT_EQ(0, gpu_ring_kick(&self->rings[queue]));
	}
	ASSERT_EQ(0, move(&self->source, &self->target, &self->context));
	ASSERT_EQ(0, devstate_start(&self->target.vmm.state));
	for (queue = 0; queue < QUEUES; queue++) {
		ASSERT_EQ(0, gpu_queue_wait(gpu, queue, RIG_TIMEOUT_MS));
		EXPECT_EQ(200ULL, completed(gpu, queue));
		for (i = 0; i < 200; i++) {
			ASSERT_EQ(0, gpu_vram_read(gpu, part(queue) - RIG_VRAM +
						   i * 256, data, 256));
			ASSERT_TRUE(rig_all(data, 256, queue + 1))
				TH_LOG("queue %u, command %u", queue, i);
		}
	}
}

/* Two that have all to do get on both: neither is kept waiting by the other. */
/* One has work for a long time: the other gets all of its own done meanwhile. */
static void get_on_beside(struct __test_metadata *_metadata, struct rig *busy,
			  struct rig *other)
{
	struct gpu_queue_state state;

	ASSERT_EQ(0, rig_enable(busy));
	ASSERT_EQ(0, rig_enable(other));
	ASSERT_EQ(0, rig_flood_slow(busy, 1));
	ASSERT_EQ(0, rig_flood(other, gpu_fill(RIG_VRAM + PART, SIZE, 1, 0, 1)));
	ASSERT_EQ(0, rig_wait(other));
	ASSERT_EQ(0, gpu_queue_state(&busy->vmm.gpu, 0, &state));
	EXPECT_EQ(MVGPU_QUEUE_BUSY, state.status);
	ASSERT_EQ(0, gpu_queue_disable(&busy->vmm.gpu, 0));
}

TEST_F_TIMEOUT(moved, two_vgpus_get_on_together, 120)
{
	get_on_beside(_metadata, &self->source, &self->target);
	get_on_beside(_metadata, &self->target, &self->source);
}

TEST_HARNESS_MAIN
