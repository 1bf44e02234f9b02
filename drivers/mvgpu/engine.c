// SPDX-License-Identifier: GPL-2.0
/*
 * Commands, chunk by chunk. A chunk moves at most MVGPU_CHUNK_BYTES, in at most
 * MVGPU_CHUNK_PIECES pieces, and leaves its progress in such a form that the next
 * chunk may run after a move to another host. A step touches at most
 * MVGPU_CHUNK_PAGES pages: as many chunks as these are, if nobody wants anything
 * else meanwhile, else one.
 *
 * A step that comes to a page it cannot touch ends before it, as a shorter
 * one; the next begins there, makes no progress, and so faults. What a fault
 * leaves behind hence does not depend on where chunks were cut.
 *
 * A copy to memory that is not pinned may fail half-way. What it was made of may
 * have changed by it (BLEND, and COPY where the two overlap), so that it is not
 * tried again: the step itself faults.
 */
#include <linux/bitops.h>
#include <linux/crc32c.h>
#include <linux/minmax.h>
#include <linux/string.h>

#include "engine_mem.h"
#include "blend.h"
#include "engine.h"
#include "trace.h"

/* Once: what the guest changes after that is not looked at. */
static u32 mvgpu_engine_read_command(struct mvgpu_device *dev,
				     struct mvgpu_run *run)
{
	struct mvgpu_window window;
	u32 fault;

	fault = mvgpu_engine_mem_map(dev, run->address, MVGPU_COMMAND_SIZE, false,
				     &window);
	if (fault)
		return fault;
	fault = mvgpu_engine_mem_fetch(dev, &window);
	memcpy(run->command, window.data, MVGPU_COMMAND_SIZE);
	mvgpu_engine_mem_unmap(dev, &window);

	return fault;
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
	struct mvgpu_engine_mem *mem = dev->worker.mem;

	if (!mvgpu_engine_mem_peek(dev, run->address, run->command,
				   MVGPU_COMMAND_SIZE)) {
		mvgpu_engine_mem_reset(mem);
		mvgpu_engine_mem_add(mem, run->address, MVGPU_COMMAND_SIZE,
				     false);
		if (mvgpu_engine_mem_begin(dev))
			return MVGPU_RESULT_MORE;
		run->fault = mvgpu_engine_read_command(dev, run);
		mvgpu_engine_mem_end(dev);
	}

	if (!run->fault)
		run->fault = mvgpu_decode(run->command, &run->op);
	if (run->fault) {
		run->fault_address = run->address;
		return MVGPU_RESULT_FAULT;
	}
	run->fetched = true;
	run->decoded = true;
	run->progress.done = 0;
	run->progress.crc = run->op.opcode == MVGPU_OP_CRC32C ?
			    run->op.value : 0;
	trace_mvgpu_command(dev->vdev.dev, run->queue, run->op.opcode,
			    run->head);

	return MVGPU_RESULT_MORE;
}

/* Bytes that begin with the lowest of @value. */
static void mvgpu_engine_pattern(u8 *data, u32 len, u32 value)
{
	u64 twice;

	if (value == ror32(value, 8)) {
		memset(data, value, len);
		return;
	}
	while (len && !IS_ALIGNED((unsigned long)data, sizeof(u64))) {
		*data++ = value;
		value = ror32(value, 8);
		len--;
	}
	twice = (u64)value << 32 | value;
	memset64((u64 *)data, (__force u64)cpu_to_le64(twice),
		 len / sizeof(u64));
	data += ALIGN_DOWN(len, sizeof(u64));
	for (len %= sizeof(u64); len; len--) {
		*data++ = value;
		value = ror32(value, 8);
	}
}

/* The same memory may be behind several GPU addresses: only here is it known. */
static void mvgpu_engine_move(u8 *to, const u8 *from, u32 len)
{
	if (to + len <= from || from + len <= to)
		memcpy(to, from, len);
	else
		memmove(to, from, len);
}

/* The first of @len bytes in the order in which the command runs. */
static u64 mvgpu_engine_first(const struct mvgpu_op *op, u64 address, u32 len)
{
	return op->backward ? address + len - 1 : address;
}

/* What was written reaches memory only here, if it bounces: bytes done, or 0. */
static u32 mvgpu_engine_finish(struct mvgpu_device *dev,
			       struct mvgpu_window *to, struct mvgpu_run *run)
{
	run->fault = mvgpu_engine_mem_unmap(dev, to);
	run->torn = run->fault && !fatal_signal_pending(current);

	return run->fault ? 0 : to->len;
}

/* Of this and the following: bytes done, or 0 and the fault. */
static u32 mvgpu_engine_fill(struct mvgpu_device *dev,
			     const struct mvgpu_op *op,
			     const struct mvgpu_span *span,
			     struct mvgpu_run *run)
{
	u32 value = ror32(op->value, 8 * (span->column % sizeof(u32)));
	struct mvgpu_window to;

	run->fault_address = span->dst;
	run->fault = mvgpu_engine_mem_map(dev, span->dst, span->len, true, &to);
	if (run->fault)
		return 0;
	mvgpu_engine_pattern(to.data, to.len, value);

	return mvgpu_engine_finish(dev, &to, run);
}

static u32 mvgpu_engine_copy_to(struct mvgpu_device *dev,
				const struct mvgpu_op *op,
				const struct mvgpu_span *span,
				const struct mvgpu_window *from,
				struct mvgpu_run *run)
{
	struct mvgpu_window to;

	run->fault_address = mvgpu_engine_first(op, span->dst, from->len);
	run->fault = mvgpu_engine_mem_map(dev, span->dst, from->len, true, &to);
	if (run->fault)
		return 0;
	if (op->opcode == MVGPU_OP_BLEND) {
		run->fault = mvgpu_engine_mem_fetch(dev, &to);
		if (run->fault)
			return 0;
		mvgpu_blend(to.data, from->data, to.len, op->value,
			    op->backward);
	} else {
		mvgpu_engine_move(to.data, from->data, to.len);
	}

	return mvgpu_engine_finish(dev, &to, run);
}

/* COPY and BLEND */
static u32 mvgpu_engine_copy(struct mvgpu_device *dev,
			     const struct mvgpu_op *op,
			     const struct mvgpu_span *span,
			     struct mvgpu_run *run)
{
	struct mvgpu_window from;
	u32 done = 0;

	run->fault_address = mvgpu_engine_first(op, span->src, span->len);
	run->fault = mvgpu_engine_mem_map(dev, span->src, span->len, false, &from);
	if (run->fault)
		return 0;
	run->fault = mvgpu_engine_mem_fetch(dev, &from);
	if (!run->fault)
		done = mvgpu_engine_copy_to(dev, op, span, &from, run);
	mvgpu_engine_mem_unmap(dev, &from);

	return done;
}

static u32 mvgpu_engine_crc32c(struct mvgpu_device *dev,
			       const struct mvgpu_op *op,
			       const struct mvgpu_span *span,
			       struct mvgpu_run *run)
{
	struct mvgpu_window from;

	run->fault_address = span->src;
	run->fault = mvgpu_engine_mem_map(dev, span->src, span->len, false, &from);
	if (run->fault)
		return 0;
	run->fault = mvgpu_engine_mem_fetch(dev, &from);
	if (!run->fault)
		run->progress.crc = ~crc32c(~run->progress.crc, from.data,
					    from.len);
	mvgpu_engine_mem_unmap(dev, &from);

	return run->fault ? 0 : from.len;
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
	case MVGPU_OP_BLEND:
		return mvgpu_engine_copy(dev, op, span, run);
	default:
		return mvgpu_engine_crc32c(dev, op, span, run);
	}
}

/*
 * What comes next of a row, in as many pages as it takes; backwards, what lies in
 * one page.
 */
static void mvgpu_engine_piece(const struct mvgpu_op *op, u64 done, u32 max,
			       struct mvgpu_span *piece)
{
	/* what most commands are, and needs no division */
	if (op->height == 1 && !op->backward) {
		piece->column = done;
		piece->dst = op->dst + done;
		piece->src = op->src + done;
	} else {
		mvgpu_decode_span(op, done, max, piece);
	}
	if (!op->backward)
		piece->len = min_t(u64, op->width - piece->column, max);
}

/* So many bytes of a piece are within so many pages of each side, at least. */
static u32 mvgpu_engine_within(const struct mvgpu_op *op,
			       const struct mvgpu_span *piece, u32 pages)
{
	u32 offset = 0;

	if (op->opcode != MVGPU_OP_FILL)
		offset = piece->src % MVGPU_PAGE_SIZE;
	if (op->opcode != MVGPU_OP_CRC32C)
		offset = max_t(u32, offset, piece->dst % MVGPU_PAGE_SIZE);

	return pages * MVGPU_PAGE_SIZE - offset;
}

/*
 * Name the pages of the next pieces, of as many chunks as these pages are.
 * Narrow rows are many pieces: one chunk of them, and no more than nobody minds
 * waiting for. Returns how far these go.
 */
static u64 mvgpu_engine_plan(struct mvgpu_engine_mem *mem,
			     const struct mvgpu_op *op, u64 done)
{
	u64 most = op->width < MVGPU_PAGE_SIZE ?
		   MVGPU_CHUNK_BYTES : MVGPU_CHUNK_PAGES * MVGPU_PAGE_SIZE;
	u64 end = min(op->total, done + most);
	bool reads = op->opcode != MVGPU_OP_FILL;
	bool writes = op->opcode != MVGPU_OP_CRC32C;
	unsigned int pieces = 0;
	struct mvgpu_span piece;
	u32 pages;

	mvgpu_engine_mem_reset(mem);
	while (done < end && pieces++ < MVGPU_CHUNK_PIECES) {
		pages = mvgpu_engine_mem_room(mem) / (reads + writes);
		if (!pages)
			break;
		mvgpu_engine_piece(op, done, end - done, &piece);
		piece.len = min(piece.len,
				mvgpu_engine_within(op, &piece, pages));
		if (reads)
			mvgpu_engine_mem_add(mem, piece.src, piece.len, false);
		if (writes)
			mvgpu_engine_mem_add(mem, piece.dst, piece.len, true);
		done += piece.len;
	}

	return done;
}

/* As far as pages go together. Returns how far it got; @run->fault says why no further. */
static u32 mvgpu_engine_run_piece(struct mvgpu_device *dev,
				  const struct mvgpu_op *op,
				  struct mvgpu_span *rest,
				  struct mvgpu_run *run)
{
	u32 wanted = rest->len, done;

	while (rest->len) {
		done = mvgpu_engine_span(dev, op, rest, run);
		if (!done)
			break;
		rest->dst += done;
		rest->src += done;
		rest->column += done;
		rest->len -= done;
	}

	return wanted - rest->len;
}

/*
 * Chunk after chunk, as long as nobody wants anything else; or part of one, where
 * another thread copies, which takes so much longer. Returns how far it got;
 * @run->fault says why no further.
 */
static u64 mvgpu_engine_chunks(struct mvgpu_device *dev,
			       const struct mvgpu_op *op, u64 end,
			       struct mvgpu_run *run)
{
	struct mvgpu_engine_mem *mem = dev->worker.mem;
	u64 begin = run->progress.done, done = begin, chunk_end = begin;
	struct mvgpu_span piece;

	while (done < end && !run->fault) {
		if (mem->foreign.copies >= MVGPU_FOREIGN_COPIES) {
			mem->foreign.copies = 0;
			if (done > begin && mvgpu_engine_mem_wanted(dev))
				break;
		}
		if (done == chunk_end) {
			if (done > begin && mvgpu_engine_mem_wanted(dev))
				break;
			chunk_end = min(end, done + MVGPU_CHUNK_BYTES);
			trace_mvgpu_chunk(dev->vdev.dev, run->queue,
					  chunk_end - done,
					  mem->sides[false].nr +
					  mem->sides[true].nr);
		}
		mvgpu_engine_piece(op, done, chunk_end - done, &piece);
		done += mvgpu_engine_run_piece(dev, op, &piece, run);
	}

	return done;
}

/* FILL, COPY, BLEND, and the reading part of CRC32C. */
static enum mvgpu_result mvgpu_engine_spans(struct mvgpu_device *dev,
					    const struct mvgpu_op *op,
					    struct mvgpu_run *run)
{
	u64 begin = run->progress.done, done;
	u64 end = mvgpu_engine_plan(dev->worker.mem, op, begin);
	u32 fault;

	if (mvgpu_engine_mem_begin(dev))
		return MVGPU_RESULT_MORE;
	done = mvgpu_engine_chunks(dev, op, end, run);
	mvgpu_engine_mem_end(dev);

	/* if it got anywhere, the next chunk finds out again */
	fault = run->fault;
	run->fault = MVGPU_FAULT_NONE;
	run->progress.done = done;
	if (fault && (done == begin || run->torn)) {
		run->fault = fault;
		return MVGPU_RESULT_FAULT;
	}
	if (done == op->total && op->opcode != MVGPU_OP_CRC32C)
		return MVGPU_RESULT_DONE;

	return MVGPU_RESULT_MORE;
}

static u32 mvgpu_engine_value_len(const struct mvgpu_op *op)
{
	return op->opcode == MVGPU_OP_CRC32C ? sizeof(u32) : sizeof(u64);
}

/*
 * FENCE, TIMESTAMP, and the result of CRC32C: whoever sees the value sees all
 * that was written before it. Values are aligned, so that nobody sees half of
 * one; where memory bounces, that is as good as a copy to user space makes it.
 */
static u32 mvgpu_engine_store(struct mvgpu_device *dev,
			      const struct mvgpu_op *op, u64 value)
{
	u32 len = mvgpu_engine_value_len(op);
	struct mvgpu_window window;
	u32 fault;

	fault = mvgpu_engine_mem_map(dev, op->dst, len, true, &window);
	if (fault)
		return fault;
	if (len == sizeof(u64))
		/* after what the commands before it wrote */
		smp_store_release((__le64 *)window.data, cpu_to_le64(value));
	else
		/* the same: guests may wait for a result as for a fence */
		smp_store_release((__le32 *)window.data, cpu_to_le32(value));

	return mvgpu_engine_mem_unmap(dev, &window);
}

static u64 mvgpu_engine_value_of(struct mvgpu_device *dev,
				 const struct mvgpu_op *op,
				 const struct mvgpu_run *run)
{
	switch (op->opcode) {
	case MVGPU_OP_FENCE:
		return op->value;
	case MVGPU_OP_TIMESTAMP:
		return mvgpu_clock_now(dev);
	default:
		return run->progress.crc;
	}
}

static enum mvgpu_result mvgpu_engine_value(struct mvgpu_device *dev,
					    const struct mvgpu_op *op,
					    struct mvgpu_run *run)
{
	struct mvgpu_engine_mem *mem = dev->worker.mem;

	mvgpu_engine_mem_reset(mem);
	mvgpu_engine_mem_add(mem, op->dst, mvgpu_engine_value_len(op), true);
	trace_mvgpu_chunk(dev->vdev.dev, run->queue,
			  mvgpu_engine_value_len(op), 1);
	if (mvgpu_engine_mem_begin(dev))
		return MVGPU_RESULT_MORE;
	run->fault = mvgpu_engine_store(dev, op,
					mvgpu_engine_value_of(dev, op, run));
	mvgpu_engine_mem_end(dev);
	if (run->fault) {
		run->fault_address = op->dst;
		return MVGPU_RESULT_FAULT;
	}
	run->wrote = true;
	run->interrupt = op->interrupt;

	return MVGPU_RESULT_DONE;
}

static bool mvgpu_engine_compare(const struct mvgpu_op *op, u64 value)
{
	switch (op->compare) {
	case MVGPU_COMPARE_EQUAL:
		return value == op->value;
	case MVGPU_COMPARE_NOT_EQUAL:
		return value != op->value;
	default:
		return value >= op->value;
	}
}

static enum mvgpu_result mvgpu_engine_semaphore(struct mvgpu_device *dev,
						const struct mvgpu_op *op,
						struct mvgpu_run *run)
{
	struct mvgpu_engine_mem *mem = dev->worker.mem;
	struct mvgpu_window window;
	u64 value = 0;

	mvgpu_engine_mem_reset(mem);
	mvgpu_engine_mem_add(mem, op->src, sizeof(u64), false);
	if (mvgpu_engine_mem_begin(dev))
		return MVGPU_RESULT_MORE;
	run->fault = mvgpu_engine_mem_map(dev, op->src, sizeof(u64), false,
					  &window);
	if (!run->fault) {
		run->fault = mvgpu_engine_mem_fetch(dev, &window);
		/* before what the commands behind it read */
		value = le64_to_cpu(smp_load_acquire((__le64 *)window.data));
		mvgpu_engine_mem_unmap(dev, &window);
	}
	mvgpu_engine_mem_end(dev);
	if (run->fault) {
		run->fault_address = op->src;
		return MVGPU_RESULT_FAULT;
	}

	return mvgpu_engine_compare(op, value) ? MVGPU_RESULT_DONE :
						 MVGPU_RESULT_WAIT;
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
 * mvgpu_engine_resume - get ready to go on with a command
 * @run: the step; the command was fetched by another step
 *
 * Return: MVGPU_RESULT_MORE or MVGPU_RESULT_FAULT.
 */
enum mvgpu_result mvgpu_engine_resume(struct mvgpu_run *run)
{
	if (run->decoded)
		return MVGPU_RESULT_MORE;
	run->fault = mvgpu_decode(run->command, &run->op);
	if (WARN_ON_ONCE(run->fault)) {
		run->fault_address = run->address;
		return MVGPU_RESULT_FAULT;
	}
	run->decoded = true;

	return MVGPU_RESULT_MORE;
}

/**
 * mvgpu_engine_chunk - run one chunk of a command
 * @dev: the device
 * @run: the step; the command was fetched and decoded
 *
 * Return: how it ended, with @run->progress and the fault.
 */
enum mvgpu_result mvgpu_engine_chunk(struct mvgpu_device *dev,
				     struct mvgpu_run *run)
{
	const struct mvgpu_op *op = &run->op;

	switch (op->opcode) {
	case MVGPU_OP_NOP:
		return MVGPU_RESULT_DONE;
	case MVGPU_OP_FENCE:
	case MVGPU_OP_TIMESTAMP:
		return mvgpu_engine_value(dev, op, run);
	case MVGPU_OP_SEMAPHORE:
		return mvgpu_engine_semaphore(dev, op, run);
	case MVGPU_OP_BIND:
	case MVGPU_OP_UNBIND:
		return mvgpu_engine_bind(dev, op, run);
	default:
		if (run->progress.done < op->total)
			return mvgpu_engine_spans(dev, op, run);
		/* only CRC32C comes here: its result is yet to be written */
		return mvgpu_engine_value(dev, op, run);
	}
}
