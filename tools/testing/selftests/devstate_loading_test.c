// SPDX-License-Identifier: GPL-2.0
/*
 * What the VMM writes to the registers while a context is on its way in is gone
 * once that is whole: what the context has no word of is as after reset.
 */
#include <stdlib.h>

#include "kselftest_harness.h"
#include "context.h"
#include "fixture.h"
#include "receiver.h"
#include "stream_edit.h"

#define ENTRY		40000	/* of none of the source's runs */
#define OTHER		2	/* a queue that the context does not have */

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

TEST_HARNESS_MAIN
