// SPDX-License-Identifier: GPL-2.0
/*
 * Writing, judging and reading the GTT and the queues as sections of a
 * context. A section is accepted only if the device could have come to that
 * state by itself, so that no stream is a way to one that the engine does not
 * expect. Pure: also compiled in user space.
 */
#include <linux/errno.h>

#include "context_wire.h"

/* 146 years, so that a clock may go on for long before it wraps. */
#define MVGPU_CONTEXT_CLOCK_MAX	((1ULL << 62) - 1)

#define MVGPU_WIRE_ENABLED	0x1
#define MVGPU_WIRE_CURRENT	0x2
#define MVGPU_WIRE_FLAGS_1	(MVGPU_WIRE_ENABLED | MVGPU_WIRE_CURRENT)
/* Since version 2: */
#define MVGPU_WIRE_FAULT_INTERRUPT	0x4
#define MVGPU_WIRE_FLAGS	(MVGPU_WIRE_FLAGS_1 | MVGPU_WIRE_FAULT_INTERRUPT)

/* The first run from *@index on, which moves behind it. */
static bool mvgpu_context_wire_find(const u64 *entries, u32 *index,
				    struct mvgpu_context_run *run)
{
	u32 i = *index;

	while (i < MVGPU_GTT_ENTRIES && !entries[i])
		i++;
	if (i == MVGPU_GTT_ENTRIES)
		return false;

	run->first = i;
	run->entry = entries[i];
	for (i++; i < MVGPU_GTT_ENTRIES; i++) {
		if (entries[i] < entries[i - 1] ||
		    entries[i] - entries[i - 1] != MVGPU_PAGE_SIZE)
			break;
	}
	run->count = i - run->first;
	*index = i;

	return true;
}

/* How many runs there are. */
static u32 mvgpu_context_wire_count(const u64 *entries)
{
	struct mvgpu_context_run run;
	u32 index = 0, count = 0;

	while (mvgpu_context_wire_find(entries, &index, &run))
		count++;

	return count;
}

/**
 * mvgpu_context_wire_gtt_len - how much the GTT takes
 * @entries: MVGPU_GTT_ENTRIES of them
 *
 * Return: bytes that mvgpu_context_wire_put_gtt() would write.
 */
u32 mvgpu_context_wire_gtt_len(const u64 *entries)
{
	return 4 + 16 * mvgpu_context_wire_count(entries);
}

/**
 * mvgpu_context_wire_put_gtt - write the GTT
 * @buf: where to; MVGPU_CONTEXT_GTT_MAX bytes are always enough
 * @entries: MVGPU_GTT_ENTRIES of them
 */
void mvgpu_context_wire_put_gtt(struct mdev_migration_buf *buf,
				const u64 *entries)
{
	struct mvgpu_context_run run;
	u32 index = 0;

	mdev_migration_put_u32(buf, mvgpu_context_wire_count(entries));
	while (mvgpu_context_wire_find(entries, &index, &run)) {
		mdev_migration_put_u32(buf, run.first);
		mdev_migration_put_u32(buf, run.count);
		mdev_migration_put_u64(buf, run.entry);
	}
}

/**
 * mvgpu_context_wire_get_count - how many runs there are
 * @cur: at the begin of the section
 *
 * Return: that.
 */
u32 mvgpu_context_wire_get_count(struct mdev_migration_cursor *cur)
{
	return mdev_migration_get_u32(cur);
}

/**
 * mvgpu_context_wire_get_run - the next run
 * @cur: behind the last
 * @run: filled in
 */
void mvgpu_context_wire_get_run(struct mdev_migration_cursor *cur,
				struct mvgpu_context_run *run)
{
	run->first = mdev_migration_get_u32(cur);
	run->count = mdev_migration_get_u32(cur);
	run->entry = mdev_migration_get_u64(cur);
}

/* @next: the first entry that the run may begin at */
static const char *
mvgpu_context_wire_judge_run(const struct mvgpu_context_run *run, u32 next)
{
	u64 way = ((u64)run->count - 1) * MVGPU_PAGE_SIZE;

	if (!run->count || run->count > MVGPU_GTT_ENTRIES ||
	    run->first > MVGPU_GTT_ENTRIES - run->count)
		return "GTT entries that do not exist";
	if (run->first < next)
		return "GTT entries are not in order";
	if (!run->entry || (run->entry & MVGPU_GTT_RESERVED))
		return "GTT entry has reserved bits, or is 0";
	if (run->entry + way < way)
		return "GTT entries map beyond the last address";

	return NULL;
}

/**
 * mvgpu_context_wire_check_gtt - judge a section
 * @cur: the section
 * @why: set to the reason if it is refused
 *
 * Return: 0 or -EINVAL.
 */
int mvgpu_context_wire_check_gtt(struct mdev_migration_cursor *cur,
				 const char **why)
{
	u32 count = mvgpu_context_wire_get_count(cur), next = 0, i;
	struct mvgpu_context_run run;
	const char *reason = NULL;

	for (i = 0; i < count && !cur->bad && !reason; i++) {
		mvgpu_context_wire_get_run(cur, &run);
		if (cur->bad)
			break;
		reason = mvgpu_context_wire_judge_run(&run, next);
		next = run.first + run.count;
	}
	if (!reason && (cur->bad || cur->left))
		reason = "GTT section has a wrong length";
	if (!reason)
		return 0;
	*why = reason;

	return -EINVAL;
}

/* How many of some bits are 1; there are zeros behind the last byte. */
static u32 mvgpu_context_wire_weight(const u8 *bits, u32 len, u32 first,
				     u32 count)
{
	u32 i, weight = 0;

	for (i = first; i < first + count && i / 8 < len; i++)
		weight += bits[i / 8] >> i % 8 & 1;

	return weight;
}

/**
 * mvgpu_context_wire_check_reached - judge a section
 * @cur: the section
 * @gtt: that of the same context's GTT, which was accepted
 * @why: set to the reason if it is refused
 *
 * Return: 0 or -EINVAL.
 */
int mvgpu_context_wire_check_reached(struct mdev_migration_cursor *cur,
				     struct mdev_migration_cursor *gtt,
				     const char **why)
{
	u32 count = mvgpu_context_wire_get_count(gtt), len = cur->left, left;
	const u8 *bits = mdev_migration_get_bytes(cur, len);
	struct mvgpu_context_run run;

	if (!len || len > MVGPU_CONTEXT_REACHED_MAX || !bits[len - 1]) {
		*why = "section of what was reached has a wrong length";
		return -EINVAL;
	}
	left = mvgpu_context_wire_weight(bits, len, 0, MVGPU_GTT_ENTRIES);
	while (count--) {
		mvgpu_context_wire_get_run(gtt, &run);
		if ((run.entry & (MVGPU_GTT_VALID | MVGPU_GTT_VRAM)) ==
		    MVGPU_GTT_VALID)
			left -= mvgpu_context_wire_weight(bits, len, run.first,
							  run.count);
	}
	if (!left)
		return 0;
	*why = "guest memory was reached through an entry that maps none";

	return -EINVAL;
}

static void mvgpu_context_wire_put_queue(struct mdev_migration_buf *buf,
					 const struct mvgpu_queue *queue)
{
	static const struct mvgpu_queue none;
	const struct mvgpu_queue *current_of;
	u32 flags = 0;

	/* what the last command left behind is not state */
	current_of = queue->current_valid ? queue : &none;
	if (queue->enabled)
		flags |= MVGPU_WIRE_ENABLED;
	if (queue->current_valid)
		flags |= MVGPU_WIRE_CURRENT;
	if (queue->fault_interrupt)
		flags |= MVGPU_WIRE_FAULT_INTERRUPT;

	mdev_migration_put_u32(buf, flags);
	mdev_migration_put_u32(buf, queue->ring_size);
	mdev_migration_put_u64(buf, queue->ring_base);
	mdev_migration_put_u32(buf, queue->head);
	mdev_migration_put_u32(buf, queue->tail);
	mdev_migration_put_u32(buf, queue->fault);
	mdev_migration_put_u32(buf, current_of->progress.crc);
	mdev_migration_put_u64(buf, queue->fault_address);
	mdev_migration_put_u64(buf, queue->completed);
	mdev_migration_put_u64(buf, current_of->progress.done);
	mdev_migration_put_bytes(buf, current_of->command, MVGPU_COMMAND_SIZE);
}

/**
 * mvgpu_context_wire_put_queues - write the queues
 * @buf: where to; MVGPU_CONTEXT_QUEUES_LEN(@nr) bytes
 * @queues: the queues, of which no chunk is being run
 * @nr: how many
 */
void mvgpu_context_wire_put_queues(struct mdev_migration_buf *buf,
				   const struct mvgpu_queue *queues,
				   unsigned int nr)
{
	unsigned int i;

	mdev_migration_put_u32(buf, nr);
	for (i = 0; i < nr; i++)
		mvgpu_context_wire_put_queue(buf, &queues[i]);
}

/* Returns the flags, of which some may be unknown. */
static u32 mvgpu_context_wire_get_queue(struct mdev_migration_cursor *cur,
					struct mvgpu_queue *queue)
{
	u32 flags = mdev_migration_get_u32(cur);
	const u8 *command;

	memset(queue, 0, sizeof(*queue));
	queue->enabled = flags & MVGPU_WIRE_ENABLED;
	queue->current_valid = flags & MVGPU_WIRE_CURRENT;
	queue->fault_interrupt = flags & MVGPU_WIRE_FAULT_INTERRUPT;
	queue->ring_size = mdev_migration_get_u32(cur);
	queue->ring_base = mdev_migration_get_u64(cur);
	queue->head = mdev_migration_get_u32(cur);
	queue->tail = mdev_migration_get_u32(cur);
	queue->fault = mdev_migration_get_u32(cur);
	queue->progress.crc = mdev_migration_get_u32(cur);
	queue->fault_address = mdev_migration_get_u64(cur);
	queue->completed = mdev_migration_get_u64(cur);
	queue->progress.done = mdev_migration_get_u64(cur);
	command = mdev_migration_get_bytes(cur, MVGPU_COMMAND_SIZE);
	if (command)
		memcpy(queue->command, command, MVGPU_COMMAND_SIZE);

	return flags;
}

static bool mvgpu_context_wire_has_command(const struct mvgpu_queue *queue)
{
	unsigned int i;

	for (i = 0; i < MVGPU_COMMAND_SIZE; i++) {
		if (queue->command[i])
			return true;
	}

	return queue->progress.done || queue->progress.crc;
}

static const char *
mvgpu_context_wire_judge_progress(const struct mvgpu_op *op,
				  const struct mvgpu_progress *progress)
{
	bool crc = op->opcode == MVGPU_OP_CRC32C;

	if (progress->done > op->total)
		return "command is further than its end";
	/* all others are complete then; the result of CRC32C is outstanding */
	if (op->total && progress->done == op->total && !crc)
		return "command is complete";
	if (!crc && progress->crc)
		return "command has a checksum";
	if (crc && !progress->done && progress->crc != op->value)
		return "checksum does not begin with its seed";
	if (op->opcode == MVGPU_OP_BLEND && progress->done % MVGPU_PIXEL_SIZE)
		return "command is within a pixel";

	return NULL;
}

static const char *
mvgpu_context_wire_judge_current(const struct mvgpu_queue *queue)
{
	struct mvgpu_op op;

	if (!queue->current_valid)
		return mvgpu_context_wire_has_command(queue) ?
		       "queue without a command has one" : NULL;
	if (!queue->enabled)
		return "disabled queue has a command";
	if (mvgpu_decode(queue->command, &op))
		return "command of a queue is not valid";
	if (queue->fault == MVGPU_FAULT_OPCODE ||
	    queue->fault == MVGPU_FAULT_COMMAND)
		return "valid command faulted as invalid";

	return mvgpu_context_wire_judge_progress(&op, &queue->progress);
}

static const char *
mvgpu_context_wire_judge_fault(const struct mvgpu_queue *queue)
{
	u64 space = (u64)MVGPU_GTT_ENTRIES * MVGPU_PAGE_SIZE;

	if (queue->fault > MVGPU_FAULT_MEMORY)
		return "fault of a queue is unknown";
	if (!queue->fault && queue->fault_address)
		return "queue without a fault has a fault address";
	if (queue->fault && queue->fault != MVGPU_FAULT_RING &&
	    queue->fault_address >= space)
		return "fault address is not a GPU address";

	return NULL;
}

/* Each command that completed moved the head on by one. */
static bool mvgpu_context_wire_is_head(const struct mvgpu_queue *queue,
				       u32 ring_size)
{
	return queue->head == (queue->completed * MVGPU_COMMAND_SIZE &
			       (ring_size - 1));
}

/* Was there a ring of any size that a queue which is disabled can have had? */
static bool mvgpu_context_wire_had_ring(const struct mvgpu_queue *queue)
{
	u32 size;

	for (size = MVGPU_RING_SIZE_MIN; size <= MVGPU_RING_SIZE_MAX;
	     size *= 2) {
		if (queue->tail < size && mvgpu_context_wire_is_head(queue, size))
			return true;
	}

	return false;
}

static const char *
mvgpu_context_wire_judge_ring(const struct mvgpu_queue *queue)
{
	if (queue->head % MVGPU_COMMAND_SIZE ||
	    queue->tail % MVGPU_COMMAND_SIZE ||
	    queue->head >= MVGPU_RING_SIZE_MAX ||
	    queue->tail >= MVGPU_RING_SIZE_MAX)
		return "head or tail of a queue is out of range";
	if (!queue->enabled)
		return mvgpu_context_wire_had_ring(queue) ? NULL :
		       "head of a queue does not follow from what completed";
	if (mvgpu_decode_ring_ok(queue->ring_base, queue->ring_size)) {
		if (queue->tail >= queue->ring_size)
			return "tail is behind the end of the ring";
		return mvgpu_context_wire_is_head(queue, queue->ring_size) ?
		       NULL :
		       "head of a queue does not follow from what completed";
	}

	/* it faulted when it was enabled */
	if (queue->fault != MVGPU_FAULT_RING || queue->head || queue->tail ||
	    queue->completed || queue->current_valid)
		return "queue ran without a valid ring";

	return NULL;
}

static const char *mvgpu_context_wire_judge(const struct mvgpu_queue *queue,
					    u16 version, u32 flags)
{
	const char *reason;

	if (flags & ~(version > 1 ? MVGPU_WIRE_FLAGS : MVGPU_WIRE_FLAGS_1))
		return "queue has unknown flags";
	reason = mvgpu_context_wire_judge_fault(queue);
	if (!reason)
		reason = mvgpu_context_wire_judge_ring(queue);
	if (!reason)
		reason = mvgpu_context_wire_judge_current(queue);

	return reason;
}

/**
 * mvgpu_context_wire_check_queues - judge a section
 * @cur: the section
 * @version: of the section, 1 or 2
 * @nr: queues that the device has; the source may have had fewer
 * @why: set to the reason if it is refused
 *
 * Return: 0 or -EINVAL.
 */
int mvgpu_context_wire_check_queues(struct mdev_migration_cursor *cur,
				    u16 version, unsigned int nr,
				    const char **why)
{
	u32 count = mdev_migration_get_u32(cur);
	const char *reason = NULL;
	struct mvgpu_queue queue;
	u32 i, flags;

	if (!count || count > nr)
		reason = "wrong number of queues";
	for (i = 0; i < count && !cur->bad && !reason; i++) {
		flags = mvgpu_context_wire_get_queue(cur, &queue);
		if (!cur->bad)
			reason = mvgpu_context_wire_judge(&queue, version,
							  flags);
	}
	if (!reason && (cur->bad || cur->left))
		reason = "queue section has a wrong length";
	if (!reason)
		return 0;
	*why = reason;

	return -EINVAL;
}

/**
 * mvgpu_context_wire_get_queues - take over a section
 * @cur: accepted by mvgpu_context_wire_check_queues()
 * @queues: overwritten, as far as the section has them; no chunk of them is
 *	being run
 */
void mvgpu_context_wire_get_queues(struct mdev_migration_cursor *cur,
				   struct mvgpu_queue *queues)
{
	u32 count = mdev_migration_get_u32(cur);
	u32 i, generation;

	for (i = 0; i < count; i++) {
		generation = queues[i].generation;
		mvgpu_context_wire_get_queue(cur, &queues[i]);
		queues[i].generation = generation + 1;
	}
}

/**
 * mvgpu_context_wire_put_clock - write the clock
 * @buf: where to; MVGPU_CONTEXT_CLOCK_LEN bytes
 * @now: nanoseconds that the device ran
 *
 * A device that a stream told that it has run for a century may well come to the
 * bound below: its clock does not go on then over a move.
 */
void mvgpu_context_wire_put_clock(struct mdev_migration_buf *buf, u64 now)
{
	if (now > MVGPU_CONTEXT_CLOCK_MAX)
		now = MVGPU_CONTEXT_CLOCK_MAX;
	mdev_migration_put_u64(buf, now);
}

/**
 * mvgpu_context_wire_check_clock - judge a section
 * @cur: the section, which is the nanoseconds alone
 * @why: set to the reason if it is refused
 *
 * Return: 0 or -EINVAL.
 */
int mvgpu_context_wire_check_clock(struct mdev_migration_cursor *cur,
				   const char **why)
{
	u64 now = mdev_migration_get_u64(cur);

	if (cur->bad || cur->left)
		*why = "clock section has a wrong length";
	else if (now > MVGPU_CONTEXT_CLOCK_MAX)
		*why = "clock is further than any device can have come";
	else
		return 0;

	return -EINVAL;
}
