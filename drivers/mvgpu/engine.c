// SPDX-License-Identifier: GPL-2.0
/*
 * Commands, chunk by chunk. A chunk moves at most MVGPU_CHUNK_BYTES, touches
 * at most MVGPU_CHUNK_PAGES pages, and leaves its progress in such a form that
 * the next chunk may run after a move to another host.
 *
 * A chunk that comes to a page it cannot touch ends before it, as a shorter
 * one; the next begins there, makes no progress, and so faults. What a fault
 * leaves behind hence does not depend on where chunks were cut.
 */
#include <linux/bitops.h>
#include <linux/crc32c.h>
#include <linux/minmax.h>

#include "access.h"
#include "engine.h"
#include "trace.h"

/* Once: what the guest changes after that is not looked at. */
static u32 mvgpu_engine_read_command(struct mvgpu_device *dev,
				     struct mvgpu_run *run)
{
	struct mvgpu_window window;
	u32 fault;

	fault = mvgpu_access_map(dev, run->address, MVGPU_COMMAND_SIZE, false,
				 &window);
	if (fault)
		return fault;
	memcpy(run->command, window.data, MVGPU_COMMAND_SIZE);

	return mvgpu_access_unmap(dev, &window);
}

/**
 * mvgpu_engine_fetch - read the command at a queue's head
 * @dev: the device
 * @run: the step; @run->command is the command if @run->fetched is set
 *
 * Return: MVGPU_RESULT_MORE or MVGPU_RESULT_FAULT.
 */
enum mvgpu_result mvgpu_engine_fetch(struct mvgpu_device *dev,
				     struct mvgpu_run *run)
{
	struct mvgpu_access *access = dev->worker.access;
	struct mvgpu_op op;

	mvgpu_access_reset(access);
	mvgpu_access_add(access, run->address, false);
	if (mvgpu_access_begin(dev))
		return MVGPU_RESULT_MORE;
	run->fault = mvgpu_engine_read_command(dev, run);
	mvgpu_access_end(dev);

	if (!run->fault)
		run->fault = mvgpu_decode(run->command, &op);
	if (run->fault) {
		run->fault_address = run->address;
		return MVGPU_RESULT_FAULT;
	}
	run->fetched = true;
	run->progress.done = 0;
	run->progress.crc = op.opcode == MVGPU_OP_CRC32C ? op.value : 0;
	trace_mvgpu_command(dev->vdev.dev, run->queue, op.opcode, run->head);

	return MVGPU_RESULT_MORE;
}

/* Bytes that begin with the lowest of @value. */
static void mvgpu_engine_pattern(u8 *data, u32 len, u32 value)
{
	u32 words;

	while (len && !IS_ALIGNED((unsigned long)data, sizeof(u32))) {
		*data++ = value;
		value = ror32(value, 8);
		len--;
	}
	words = len / sizeof(u32);
	memset32((u32 *)data, (__force u32)cpu_to_le32(value), words);
	data += words * sizeof(u32);
	for (len %= sizeof(u32); len; len--) {
		*data++ = value;
		value = ror32(value, 8);
	}
}

static u32 mvgpu_engine_fill(struct mvgpu_device *dev,
			     const struct mvgpu_op *op,
			     const struct mvgpu_span *span,
			     struct mvgpu_run *run)
{
	u32 value = ror32(op->value, 8 * (span->column % sizeof(u32)));
	struct mvgpu_window window;
	u32 fault;

	run->fault_address = span->dst;
	fault = mvgpu_access_map(dev, span->dst, span->len, true, &window);
	if (fault)
		return fault;
	mvgpu_engine_pattern(window.data, span->len, value);

	return mvgpu_access_unmap(dev, &window);
}

static u32 mvgpu_engine_copy(struct mvgpu_device *dev,
			     const struct mvgpu_op *op,
			     const struct mvgpu_span *span,
			     struct mvgpu_run *run)
{
	struct mvgpu_window from, to;
	u32 fault;

	run->fault_address = span->src;
	fault = mvgpu_access_map(dev, span->src, span->len, false, &from);
	if (fault)
		return fault;

	run->fault_address = span->dst;
	fault = mvgpu_access_map(dev, span->dst, span->len, true, &to);
	if (!fault) {
		memmove(to.data, from.data, span->len);
		fault = mvgpu_access_unmap(dev, &to);
	}
	mvgpu_access_unmap(dev, &from);

	return fault;
}

static u32 mvgpu_engine_crc32c(struct mvgpu_device *dev,
			       const struct mvgpu_op *op,
			       const struct mvgpu_span *span,
			       struct mvgpu_run *run)
{
	struct mvgpu_window window;
	u32 fault;

	run->fault_address = span->src;
	fault = mvgpu_access_map(dev, span->src, span->len, false, &window);
	if (fault)
		return fault;
	run->progress.crc = ~crc32c(~run->progress.crc, window.data, span->len);

	return mvgpu_access_unmap(dev, &window);
}

static u32 mvgpu_engine_span(struct mvgpu_device *dev,
			     const struct mvgpu_op *op,
			     const struct mvgpu_span *span,
			     struct mvgpu_run *run)
{
	switch (op->opcode) {
	case MVGPU_OP_FILL:
		return mvgpu_engine_fill(dev, op, span, run);
	case MVGPU_OP_COPY:
		return mvgpu_engine_copy(dev, op, span, run);
	default:
		return mvgpu_engine_crc32c(dev, op, span, run);
	}
}

/* Name the pages of the next spans. Returns how far these go. */
static u64 mvgpu_engine_plan(struct mvgpu_access *access,
			     const struct mvgpu_op *op, u64 done)
{
	u64 end = min_t(u64, op->total, done + MVGPU_CHUNK_BYTES);
	struct mvgpu_span span;

	mvgpu_access_reset(access);
	while (done < end) {
		mvgpu_decode_span(op, done, end - done, &span);
		if (op->opcode != MVGPU_OP_FILL &&
		    !mvgpu_access_add(access, span.src, false))
			break;
		if (op->opcode != MVGPU_OP_CRC32C &&
		    !mvgpu_access_add(access, span.dst, true))
			break;
		done += span.len;
	}

	return done;
}

/* FILL, COPY, and the reading part of CRC32C. */
static enum mvgpu_result mvgpu_engine_spans(struct mvgpu_device *dev,
					    const struct mvgpu_op *op,
					    struct mvgpu_run *run)
{
	struct mvgpu_access *access = dev->worker.access;
	u64 begin = run->progress.done, done = begin;
	u64 end = mvgpu_engine_plan(access, op, begin);
	struct mvgpu_span span;
	u32 fault = 0;

	trace_mvgpu_chunk(dev->vdev.dev, run->queue, end - begin, access->nr);
	if (mvgpu_access_begin(dev))
		return MVGPU_RESULT_MORE;
	while (done < end) {
		mvgpu_decode_span(op, done, end - done, &span);
		fault = mvgpu_engine_span(dev, op, &span, run);
		if (fault)
			break;
		done += span.len;
	}
	mvgpu_access_end(dev);

	run->progress.done = done;
	if (fault && done == begin) {
		run->fault = fault;
		return MVGPU_RESULT_FAULT;
	}
	if (done == op->total && op->opcode != MVGPU_OP_CRC32C)
		return MVGPU_RESULT_DONE;

	return MVGPU_RESULT_MORE;
}

/*
 * FENCE, and the result of CRC32C: whoever sees the value sees all that was
 * written before it. Values are aligned, so that nobody sees half of one;
 * where memory bounces, that is as good as a copy to user space makes it.
 */
static u32 mvgpu_engine_store(struct mvgpu_device *dev,
			      const struct mvgpu_op *op, u32 crc)
{
	bool fence = op->opcode == MVGPU_OP_FENCE;
	u32 len = fence ? sizeof(u64) : sizeof(u32);
	struct mvgpu_window window;
	u32 fault;

	fault = mvgpu_access_map(dev, op->dst, len, true, &window);
	if (fault)
		return fault;
	if (fence)
		/* after what the commands before it wrote */
		smp_store_release((__le64 *)window.data,
				  cpu_to_le64(op->value));
	else
		/* the same: guests may wait for a result as for a fence */
		smp_store_release((__le32 *)window.data, cpu_to_le32(crc));

	return mvgpu_access_unmap(dev, &window);
}

static enum mvgpu_result mvgpu_engine_value(struct mvgpu_device *dev,
					    const struct mvgpu_op *op,
					    struct mvgpu_run *run)
{
	struct mvgpu_access *access = dev->worker.access;

	mvgpu_access_reset(access);
	mvgpu_access_add(access, op->dst, true);
	trace_mvgpu_chunk(dev->vdev.dev, run->queue,
			  op->opcode == MVGPU_OP_FENCE ? 8 : 4, access->nr);
	if (mvgpu_access_begin(dev))
		return MVGPU_RESULT_MORE;
	run->fault = mvgpu_engine_store(dev, op, run->progress.crc);
	mvgpu_access_end(dev);
	if (!run->fault)
		return MVGPU_RESULT_DONE;
	run->fault_address = op->dst;

	return MVGPU_RESULT_FAULT;
}

static enum mvgpu_result mvgpu_engine_bind(struct mvgpu_device *dev,
					   const struct mvgpu_op *op,
					   struct mvgpu_run *run)
{
	u64 step = op->opcode == MVGPU_OP_BIND ? MVGPU_PAGE_SIZE : 0;
	u32 done = run->progress.done;
	u32 nr = min_t(u32, op->count - done, MVGPU_CHUNK_PAGES);

	trace_mvgpu_chunk(dev->vdev.dev, run->queue, 0, nr);
	mvgpu_gtt_write(dev, op->first + done, nr, op->value + done * step,
			step);
	run->progress.done += nr;

	return run->progress.done == op->total ? MVGPU_RESULT_DONE :
						 MVGPU_RESULT_MORE;
}

/**
 * mvgpu_engine_chunk - run one chunk of a command
 * @dev: the device
 * @run: the step; the command was fetched
 *
 * Return: how it ended, with @run->progress and the fault.
 */
enum mvgpu_result mvgpu_engine_chunk(struct mvgpu_device *dev,
				     struct mvgpu_run *run)
{
	struct mvgpu_op op;

	run->fault = mvgpu_decode(run->command, &op);
	if (WARN_ON_ONCE(run->fault)) {
		run->fault_address = run->address;
		return MVGPU_RESULT_FAULT;
	}

	switch (op.opcode) {
	case MVGPU_OP_NOP:
		return MVGPU_RESULT_DONE;
	case MVGPU_OP_FENCE:
		return mvgpu_engine_value(dev, &op, run);
	case MVGPU_OP_BIND:
	case MVGPU_OP_UNBIND:
		return mvgpu_engine_bind(dev, &op, run);
	default:
		if (run->progress.done < op.total)
			return mvgpu_engine_spans(dev, &op, run);
		/* only CRC32C comes here: its result is yet to be written */
		return mvgpu_engine_value(dev, &op, run);
	}
}
