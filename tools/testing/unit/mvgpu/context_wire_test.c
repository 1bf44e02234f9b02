// SPDX-License-Identifier: GPL-2.0
/*
 * The GTT and the queues of a context: what is written comes back, and what
 * the device cannot have come to is refused.
 */
#include <endian.h>
#include <linux/errno.h>
#include <linux/string.h>

#include "context_wire.h"
#include "unit.h"

static u64 entries[MVGPU_GTT_ENTRIES], loaded[MVGPU_GTT_ENTRIES];
static u8 data[MVGPU_CONTEXT_GTT_MAX];
static const char *why;

static struct mdev_migration_cursor cursor(size_t len)
{
	return (struct mdev_migration_cursor) { .data = data, .left = len };
}

static size_t put_gtt(void)
{
	struct mdev_migration_buf buf = { .data = data, .size = sizeof(data) };

	mvgpu_context_wire_put_gtt(&buf, entries);
	CHECK(!buf.overflow);

	return buf.len;
}

static int check_gtt(size_t len)
{
	struct mdev_migration_cursor cur = cursor(len);
	int ret;

	why = NULL;
	ret = mvgpu_context_wire_check_gtt(&cur, &why);
	CHECK(!ret == !why);

	return ret;
}

static void load_gtt(size_t len)
{
	struct mdev_migration_cursor cur = cursor(len);
	u32 count = mvgpu_context_wire_get_count(&cur), i;
	struct mvgpu_context_run run;

	memset(loaded, 0, sizeof(loaded));
	while (count--) {
		mvgpu_context_wire_get_run(&cur, &run);
		for (i = 0; i < run.count; i++)
			loaded[run.first + i] = run.entry +
						(u64)i * MVGPU_PAGE_SIZE;
	}
	CHECK(!memcmp(entries, loaded, sizeof(entries)));
}

static void gtt_moves(size_t wanted)
{
	size_t len = put_gtt();

	CHECK_EQ(wanted, len);
	CHECK_EQ(0, check_gtt(len));
	load_gtt(len);
}

UNIT_TEST(gtt_empty_is_small)
{
	memset(entries, 0, sizeof(entries));
	gtt_moves(4);
}

UNIT_TEST(gtt_neighbours_are_one_run)
{
	u32 i;

	for (i = 0; i < MVGPU_GTT_ENTRIES; i++)
		entries[i] = (u64)i * MVGPU_PAGE_SIZE | 3;
	gtt_moves(20);
}

UNIT_TEST(gtt_worst_case_fits)
{
	u32 i;

	for (i = 0; i < MVGPU_GTT_ENTRIES; i++)
		entries[i] = (u64)(MVGPU_GTT_ENTRIES - i) * MVGPU_PAGE_SIZE | 1;
	gtt_moves(MVGPU_CONTEXT_GTT_MAX);
}

UNIT_TEST(gtt_runs_end_at_the_last_address)
{
	memset(entries, 0, sizeof(entries));
	entries[0] = 0xfffffffffffff003ULL;
	entries[1] = 3;
	entries[65535] = MVGPU_GTT_WRITE;
	gtt_moves(4 + 3 * 16);
}

static int check_runs(u32 count, const struct mvgpu_context_run *runs, u32 nr)
{
	struct mdev_migration_buf buf = { .data = data, .size = sizeof(data) };
	u32 i;

	mdev_migration_put_u32(&buf, count);
	for (i = 0; i < nr; i++) {
		mdev_migration_put_u32(&buf, runs[i].first);
		mdev_migration_put_u32(&buf, runs[i].count);
		mdev_migration_put_u64(&buf, runs[i].entry);
	}

	return check_gtt(buf.len);
}

static int check_run(u32 first, u32 count, u64 entry)
{
	struct mvgpu_context_run run = { first, count, entry };

	return check_runs(1, &run, 1);
}

UNIT_TEST(gtt_check_refuses_bad_runs)
{
	CHECK_EQ(0, check_run(0, 65536, 3));
	CHECK_EQ(-EINVAL, check_run(0, 65537, 3));
	CHECK_EQ(-EINVAL, check_run(1, 65536, 3));
	CHECK_EQ(-EINVAL, check_run(65536, 1, 3));
	CHECK_EQ(-EINVAL, check_run(~0U, 2, 3));
	CHECK_EQ(-EINVAL, check_run(0, 0, 3));
	CHECK_EQ(-EINVAL, check_run(0, 1, 0));
	CHECK_EQ(-EINVAL, check_run(0, 1, 8));
	CHECK_EQ(0, check_run(0, 1, 0xfffffffffffff001ULL));
	CHECK_EQ(-EINVAL, check_run(0, 2, 0xfffffffffffff001ULL));
}

UNIT_TEST(gtt_check_refuses_disorder_and_wrong_lengths)
{
	struct mvgpu_context_run runs[] = { { 4, 2, 3 }, { 6, 1, 3 } };

	CHECK_EQ(0, check_runs(2, runs, 2));
	CHECK_EQ(-EINVAL, check_runs(1, runs, 2));
	CHECK_EQ(-EINVAL, check_runs(3, runs, 2));
	CHECK_EQ(-EINVAL, check_runs(~0U, runs, 2));
	runs[1].first = 5;
	CHECK_EQ(-EINVAL, check_runs(2, runs, 2));
	runs[1].first = 0;
	CHECK_EQ(-EINVAL, check_runs(2, runs, 2));
	CHECK_EQ(-EINVAL, check_gtt(0));
	CHECK_EQ(-EINVAL, check_gtt(3));
}

static struct mvgpu_queue queue;

static int check_queue(void)
{
	struct mdev_migration_buf buf = { .data = data, .size = sizeof(data) };
	struct mdev_migration_cursor cur;
	int ret;

	mvgpu_context_wire_put_queues(&buf, &queue, 1);
	CHECK_EQ(MVGPU_CONTEXT_QUEUES_LEN(1), buf.len);
	cur = cursor(buf.len);
	why = NULL;
	ret = mvgpu_context_wire_check_queues(&cur, 2, 1, &why);
	CHECK(!ret == !why);

	return ret;
}

/* An enabled queue in the middle of a FILL of 256 bytes. */
static void busy_queue(void)
{
	struct mvgpu_fill fill = {
		.opcode = htole32(MVGPU_OP_FILL),
		.width = htole32(256),
		.height = htole32(1),
	};

	queue = (struct mvgpu_queue) {
		.enabled = true,
		.ring_base = 0x10000,
		.ring_size = 0x2000,
		.head = 0x40,
		.tail = 0x1fc0,
		.completed = 129,
		.current_valid = true,
		.progress.done = 100,
	};
	memcpy(queue.command, &fill, sizeof(fill));
}

static void crc_queue(void)
{
	struct mvgpu_crc32c crc = {
		.opcode = htole32(MVGPU_OP_CRC32C),
		.length = htole64(256),
		.seed = htole32(5),
	};

	busy_queue();
	memcpy(queue.command, &crc, sizeof(crc));
	queue.progress.crc = 0x1234;
}

UNIT_TEST(queue_moves)
{
	struct mvgpu_queue target = { .generation = 8 };
	struct mdev_migration_cursor cur;

	busy_queue();
	queue.generation = 3;
	CHECK_EQ(0, check_queue());
	cur = cursor(MVGPU_CONTEXT_QUEUES_LEN(1));
	mvgpu_context_wire_get_queues(&cur, &target);
	CHECK_EQ(9, target.generation);
	CHECK_EQ(0x10000, target.ring_base);
	CHECK_EQ(0x2000, target.ring_size);
	CHECK_EQ(0x40, target.head);
	CHECK_EQ(0x1fc0, target.tail);
	CHECK_EQ(129, target.completed);
	CHECK_EQ(100, target.progress.done);
	CHECK(target.enabled && target.current_valid && !target.running);
	CHECK(!memcmp(queue.command, target.command, MVGPU_COMMAND_SIZE));
}

UNIT_TEST(queue_leftovers_of_a_command_do_not_travel)
{
	busy_queue();
	queue.current_valid = false;
	CHECK_EQ(0, check_queue());
	queue.enabled = false;
	CHECK_EQ(0, check_queue());
	memset(&queue, 0, sizeof(queue));
	CHECK_EQ(0, check_queue());
}

UNIT_TEST(queue_check_judges_the_ring)
{
	busy_queue();
	queue.head = 0x20;
	CHECK_EQ(-EINVAL, check_queue());
	busy_queue();
	queue.tail = 0x2000;
	CHECK_EQ(-EINVAL, check_queue());
	busy_queue();
	queue.ring_base = 0x10800;
	CHECK_EQ(-EINVAL, check_queue());
	queue = (struct mvgpu_queue) { .enabled = true, .ring_size = 3 };
	CHECK_EQ(-EINVAL, check_queue());
	queue.fault = MVGPU_FAULT_RING;
	CHECK_EQ(0, check_queue());
	queue.ring_base = ~0ULL;
	queue.fault_address = ~0ULL;
	CHECK_EQ(0, check_queue());
	queue.tail = 0x40;
	CHECK_EQ(-EINVAL, check_queue());
}

/* A command that completed moves the head on, around the ring. */
UNIT_TEST(queue_check_judges_head_by_what_completed)
{
	busy_queue();
	queue.completed = 128;
	CHECK_EQ(-EINVAL, check_queue());
	queue.completed = 1;
	CHECK_EQ(0, check_queue());
	queue.completed = ~0ULL - 126;
	CHECK_EQ(0, check_queue());
	queue.current_valid = false;
	queue.enabled = false;
	CHECK_EQ(0, check_queue());
	queue.completed = 2;
	CHECK_EQ(-EINVAL, check_queue());
	/* of a ring of another size that it had */
	queue.completed = 65;
	queue.tail = 0;
	CHECK_EQ(0, check_queue());
	queue.tail = 0x1000;
	CHECK_EQ(-EINVAL, check_queue());
	/* of none but the largest */
	queue.completed = 1;
	queue.tail = MVGPU_RING_SIZE_MAX - MVGPU_COMMAND_SIZE;
	CHECK_EQ(0, check_queue());
}

UNIT_TEST(queue_check_judges_the_fault)
{
	busy_queue();
	queue.fault = MVGPU_FAULT_UNBOUND;
	queue.fault_address = 0x5000;
	CHECK_EQ(0, check_queue());
	queue.fault_address = 1ULL << 40;
	CHECK_EQ(-EINVAL, check_queue());
	busy_queue();
	queue.fault = MVGPU_FAULT_MEMORY + 1;
	CHECK_EQ(-EINVAL, check_queue());
	busy_queue();
	queue.fault_address = 1;
	CHECK_EQ(-EINVAL, check_queue());
	busy_queue();
	queue.fault = MVGPU_FAULT_COMMAND;
	CHECK_EQ(-EINVAL, check_queue());
	queue.current_valid = false;
	CHECK_EQ(0, check_queue());
}

UNIT_TEST(queue_check_judges_the_command)
{
	busy_queue();
	queue.command[0] = 10;
	CHECK_EQ(-EINVAL, check_queue());
	busy_queue();
	queue.command[4] = 1;
	CHECK_EQ(-EINVAL, check_queue());
	busy_queue();
	queue.enabled = false;
	CHECK_EQ(-EINVAL, check_queue());
}

UNIT_TEST(queue_check_judges_the_progress)
{
	busy_queue();
	queue.progress.done = 255;
	CHECK_EQ(0, check_queue());
	queue.progress.done = 256;
	CHECK_EQ(-EINVAL, check_queue());
	queue.progress.done = ~0ULL;
	CHECK_EQ(-EINVAL, check_queue());
	queue.progress.done = 0;
	queue.progress.crc = 1;
	CHECK_EQ(-EINVAL, check_queue());

	crc_queue();
	CHECK_EQ(0, check_queue());
	queue.progress.done = 256;
	CHECK_EQ(0, check_queue());
	queue.progress.done = 257;
	CHECK_EQ(-EINVAL, check_queue());
	queue.progress.done = 0;
	CHECK_EQ(-EINVAL, check_queue());
	queue.progress.crc = 5;
	CHECK_EQ(0, check_queue());
}

static int check_bytes(size_t len)
{
	struct mdev_migration_cursor cur = cursor(len);

	return mvgpu_context_wire_check_queues(&cur, 2, 1, &why);
}

/* Half a pixel would have the engine read half of another. */
UNIT_TEST(queue_check_refuses_a_blend_within_a_pixel)
{
	struct mvgpu_blend blend = {
		.opcode = htole32(MVGPU_OP_BLEND),
		.width = htole32(256),
		.height = htole32(1),
		.src = htole64(0x1000),
	};

	busy_queue();
	memcpy(queue.command, &blend, sizeof(blend));
	CHECK_EQ(0, check_queue());
	queue.progress.done = 102;
	CHECK_EQ(-EINVAL, check_queue());
}

UNIT_TEST(queue_fault_interrupt_moves_since_version_2)
{
	struct mdev_migration_cursor cur;
	struct mvgpu_queue target = {};

	busy_queue();
	queue.fault_interrupt = true;
	CHECK_EQ(0, check_queue());
	cur = cursor(MVGPU_CONTEXT_QUEUES_LEN(1));
	mvgpu_context_wire_get_queues(&cur, &target);
	CHECK(target.fault_interrupt);

	cur = cursor(MVGPU_CONTEXT_QUEUES_LEN(1));
	CHECK_EQ(-EINVAL, mvgpu_context_wire_check_queues(&cur, 1, 1, &why));
}

/* A source of hardware 1.0 has one. */
UNIT_TEST(queue_check_takes_fewer_queues_than_there_are)
{
	struct mvgpu_queue targets[2] = { {}, { .completed = 5 } };
	struct mdev_migration_cursor cur;

	busy_queue();
	CHECK_EQ(0, check_queue());
	cur = cursor(MVGPU_CONTEXT_QUEUES_LEN(1));
	CHECK_EQ(0, mvgpu_context_wire_check_queues(&cur, 1, 2, &why));
	cur = cursor(MVGPU_CONTEXT_QUEUES_LEN(1));
	mvgpu_context_wire_get_queues(&cur, targets);
	CHECK_EQ(129, targets[0].completed);
	CHECK_EQ(5, targets[1].completed);

	memset(data, 0, 4);
	cur = cursor(4);
	CHECK_EQ(-EINVAL, mvgpu_context_wire_check_queues(&cur, 1, 2, &why));
}

static int check_clock(u64 now, size_t len)
{
	struct mdev_migration_buf buf = { .data = data, .size = sizeof(data) };
	struct mdev_migration_cursor cur = cursor(len);

	mdev_migration_put_u64(&buf, now);

	return mvgpu_context_wire_check_clock(&cur, &why);
}

UNIT_TEST(clock_check_refuses_wrong_lengths_and_the_far_future)
{
	CHECK_EQ(0, check_clock(0, 8));
	CHECK_EQ(0, check_clock(~0ULL >> 2, 8));
	CHECK_EQ(-EINVAL, check_clock((~0ULL >> 2) + 1, 8));
	CHECK_EQ(-EINVAL, check_clock(~0ULL >> 1, 8));
	CHECK_EQ(-EINVAL, check_clock(~0ULL, 8));
	CHECK_EQ(-EINVAL, check_clock(0, 7));
	CHECK_EQ(-EINVAL, check_clock(0, 9));
}

UNIT_TEST(queue_check_refuses_wrong_lengths_numbers_and_flags)
{
	const size_t len = MVGPU_CONTEXT_QUEUES_LEN(1);
	size_t cut;

	busy_queue();
	CHECK_EQ(0, check_queue());
	CHECK_EQ(0, check_bytes(len));
	for (cut = 0; cut < len; cut++)
		CHECK_EQ(-EINVAL, check_bytes(cut));
	CHECK_EQ(-EINVAL, check_bytes(len + 1));
	data[0] = 2;
	CHECK_EQ(-EINVAL, check_bytes(len));
	data[0] = 1;
	data[4] |= 8;
	CHECK_EQ(-EINVAL, check_bytes(len));
}

/* A command without its flag is refused as well. */
UNIT_TEST(queue_check_refuses_a_command_that_is_not_current)
{
	busy_queue();
	CHECK_EQ(0, check_queue());
	data[4] &= ~2;
	CHECK_EQ(-EINVAL, check_bytes(MVGPU_CONTEXT_QUEUES_LEN(1)));
}
