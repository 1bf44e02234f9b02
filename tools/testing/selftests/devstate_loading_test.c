// SPDX-License-Identifier: GPL-2.0
/*
 * What the VMM writes to the registers while a context is on its way in is gone
 * once that is whole: what the context has no word of is as after reset.
 */
#include <pthread.h>
#include <stdlib.h>

#include "kselftest_harness.h"
#include "context.h"
#include "fixture.h"
#include "receiver.h"
#include "rig.h"
#include "stream_edit.h"

#define ENTRY		40000	/* of none of the source's runs */
#define OTHER		2	/* a queue that the context does not have */

/* Of a context that takes a while to be loaded, and how often it is. */
#define RUNS		4000
#define ROUNDS		8

/* The section of queues: their number, then each of so many bytes. */
#define QUEUE_SIZE	120

FIXTURE(loading)
{
	struct receiver receiver;
	struct stream_bytes context;
};

/* A context of one queue, as of hardware 1.0, which has no other. */
FIXTURE_SETUP(loading)
{
	struct stream_section *queues;
	int at;

	ASSERT_EQ(0, receiver_create(&self->receiver));
	at = stream_find(&self->receiver.stream, MVGPU_STREAM_QUEUES, 0);
	ASSERT_LE(0, at);
	queues = &self->receiver.stream.sections[at];
	stream_resize(queues, 4 + QUEUE_SIZE);
	stream_put32(queues->payload, 1);
	self->context = stream_build(&self->receiver.stream);
	ASSERT_EQ(0, context_write(self->receiver.state, self->context.data,
				   self->context.length - 1, 1,
				   CONTEXT_UNCUT));
}

FIXTURE_TEARDOWN(loading)
{
	free(self->context.data);
	receiver_destroy(&self->receiver);
}

static int finish(struct receiver *receiver, const struct stream_bytes *context)
{
	const __u64 last = context->length - 1;

	return context_write(receiver->state, context->data + last, 1, 1 + last,
			     1);
}

TEST_F(loading, entries_that_the_vmm_wrote_are_gone)
{
	const struct gpu *gpu = &self->receiver.vmm->gpu;
	__u64 entry = 0, first = 0;

	ASSERT_EQ(0, gpu_gtt_read(gpu, 0, &first));
	ASSERT_EQ(0, gpu_gtt_write(gpu, ENTRY, MVGPU_GTT_VALID));
	ASSERT_EQ(0, gpu_gtt_write(gpu, 0, 0x777000 | MVGPU_GTT_VALID));
	ASSERT_EQ(0, finish(&self->receiver, &self->context));
	ASSERT_EQ(0, gpu_gtt_read(gpu, ENTRY, &entry));
	EXPECT_EQ(0ULL, entry);
	ASSERT_EQ(0, gpu_gtt_read(gpu, 0, &entry));
	EXPECT_NE(0x777000ULL | MVGPU_GTT_VALID, entry);
}

TEST_F(loading, queues_that_the_vmm_wrote_are_gone)
{
	const struct gpu *gpu = &self->receiver.vmm->gpu;
	struct gpu_queue_state queue;
	__u64 base = 0;

	ASSERT_EQ(0, gpu_write64(gpu, MVGPU_QUEUE(OTHER) +
				 MVGPU_QUEUE_RING_BASE, 0x3000));
	ASSERT_EQ(0, gpu_write32(gpu, MVGPU_QUEUE(OTHER) +
				 MVGPU_QUEUE_CONTROL, MVGPU_QUEUE_ENABLE));
	ASSERT_EQ(0, finish(&self->receiver, &self->context));
	ASSERT_EQ(0, gpu_queue_state(gpu, OTHER, &queue));
	EXPECT_EQ(0U, queue.control);
	EXPECT_EQ(0U, queue.fault);
	ASSERT_EQ(0, gpu_read64(gpu, MVGPU_QUEUE(OTHER) +
				MVGPU_QUEUE_RING_BASE, &base));
	EXPECT_EQ(0ULL, base);
	/* that of the context is there */
	ASSERT_EQ(0, gpu_queue_state(gpu, 0, &queue));
	EXPECT_EQ(MVGPU_QUEUE_ENABLE, queue.control);
}

/* Writes a GTT entry for as long as it is let. */
struct writer {
	struct gpu gpu;
	int stop;
};

static void *write_entry(void *data)
{
	struct writer *writer = data;

	while (!__atomic_load_n(&writer->stop, __ATOMIC_RELAXED))
		gpu_gtt_write(&writer->gpu, 0, MVGPU_GTT_VALID |
			      MVGPU_GTT_VRAM | MVGPU_GTT_WRITE);

	return NULL;
}

/* A source that reached entry 0, and has many runs of entries behind it. */
static int save_many_runs(struct rig *rig, struct context *context)
{
	__u32 first = RIG_FREE / RIG_PAGE, n;
	int ret;

	ret = rig_run(rig, gpu_fill(RIG_RAM, RIG_PAGE, 1, 0, 1));
	for (n = 0; n < RUNS && !ret; n++)
		ret = gpu_gtt_write(&rig->vmm.gpu, first + 2 * n,
				    RIG_RAM_IOVA | MVGPU_GTT_VALID);
	ret = ret ?: devstate_stop(&rig->vmm.state);

	return ret ?: context_save(&rig->vmm.state, context);
}

/* Load it while an entry of its is written, and save again. */
static int load_raced(struct rig *rig, const struct context *context,
		      struct context *again)
{
	struct writer writer = { .gpu = rig->vmm.gpu };
	pthread_t thread;
	int ret;

	ret = -pthread_create(&thread, NULL, write_entry, &writer);
	if (ret)
		return ret;
	ret = devstate_load(&rig->vmm.state, context->data, context->length);
	__atomic_store_n(&writer.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);

	return ret ?: context_save(&rig->vmm.state, again);
}

FIXTURE(raced)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct rig source;
	struct rig target;
};

FIXTURE_SETUP(raced)
{
	ASSERT_EQ(0, fixture_claim("users", self->claim));
	ASSERT_EQ(0, rig_create(&self->source));
	ASSERT_EQ(0, rig_open(&self->source));
	ASSERT_EQ(0, rig_create(&self->target));
	ASSERT_EQ(0, rig_open(&self->target));
}

FIXTURE_TEARDOWN(raced)
{
	rig_destroy(&self->target);
	rig_destroy(&self->source);
	fixture_claim(self->claim, NULL);
}

/* Whatever the VMM makes of it, the next host takes what this one saves. */
TEST_F(raced, context_that_is_saved_again_is_taken)
{
	struct devstate *back = &self->source.vmm.state;
	struct context from, again;
	int round, ret = 0;

	ASSERT_EQ(0, save_many_runs(&self->source, &from));
	for (round = 0; round < ROUNDS && !ret; round++) {
		ASSERT_EQ(0, load_raced(&self->target, &from, &again));
		ret = devstate_load(back, again.data, again.length);
		context_free(&again);
	}
	EXPECT_EQ(0, ret) TH_LOG("round %d", round);
	context_free(&from);
}

TEST_HARNESS_MAIN
