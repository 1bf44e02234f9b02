// SPDX-License-Identifier: GPL-2.0
/*
 * Sections that a device saved, changed in a field here and there: whatever of
 * them is accepted can be moved on, see again.h.
 */
#include <endian.h>
#include <linux/string.h>
#include <linux/mvgpu.h>

#include "again.h"
#include "config_space.h"
#include "context_wire.h"
#include "msix.h"
#include "unit.h"

#define ROUNDS		5000
#define SIZE		1024

static u8 right[SIZE], data[SIZE];
static size_t right_len;
static u64 seed;

static struct mdev_migration_buf begin(void)
{
	return (struct mdev_migration_buf) { .data = right, .size = SIZE };
}

/* xorshift64: the same mutations on every machine */
static u64 next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed >> 11;
}

/* Values at which checks go wrong, and others. */
static u64 value(u64 old)
{
	switch (next() % 9) {
	case 0:
		return 0;
	case 1:
		return ~0ULL;
	case 2:
		return old + 1;
	case 3:
		return old - 1;
	case 4:
		return old ^ 1ULL << next() % 64;
	case 5:
		return 1ULL << next() % 64;
	case 6:
		return (1ULL << next() % 64) - 1;
	case 7:
		return (next() % 0x20000) << 6;
	default:
		return next() * next();
	}
}

static void mutate(void)
{
	const u32 width = 1U << next() % 4;
	u8 field[8] = {};
	u64 old = 0;
	u32 at, i;

	if (right_len < width)
		return;
	at = next() % (right_len - width + 1);
	/* most of the time as fields lie */
	if (next() % 4)
		at = at / width * width;
	for (i = 0; i < width; i++)
		old |= (u64)data[at + i] << i * 8;
	old = htole64(value(old));
	memcpy(field, &old, sizeof(field));
	memcpy(data + at, field, width);
}

static void check_mutations(u32 id, u16 version)
{
	u32 round, accepted = 0;

	seed = 0x9e3779b97f4a7c15ULL + id;
	CHECK_EQ(AGAIN_SAME, again_section(id, version, right, right_len));
	for (round = 0; round < ROUNDS; round++) {
		size_t len = next() % 32 ? right_len :
					   next() % (right_len + 9);
		u32 fields = 1 + next() % 3;
		enum again again;

		memset(data, 0, sizeof(data));
		memcpy(data, right, right_len);
		while (fields--)
			mutate();
		again = again_section(id, version, data, len);
		CHECK(again != AGAIN_WRONG);
		accepted += again == AGAIN_SAME;
	}
	/* else this shows nothing */
	CHECK(accepted > ROUNDS / 1000 && accepted < ROUNDS);
}

UNIT_TEST(again_config)
{
	struct mdev_migration_buf buf = begin();
	static struct mvgpu_config config;

	mvgpu_config_reset(&config, 16u << 20);
	mvgpu_config_save(&config, &buf);
	right_len = buf.len;
	check_mutations(MVGPU_STREAM_CONFIG, 2);
	right_len = 20;
	check_mutations(MVGPU_STREAM_CONFIG, 1);
}

UNIT_TEST(again_gtt)
{
	static u64 entries[MVGPU_GTT_ENTRIES];
	struct mdev_migration_buf buf = begin();
	u32 i;

	for (i = 0; i < 16; i++) {
		entries[8 * i] = (u64)i << 30 | MVGPU_GTT_VALID;
		entries[8 * i + 1] = (u64)i << 30 | MVGPU_GTT_VALID;
		entries[8 * i + 2] = entries[8 * i + 1] + MVGPU_PAGE_SIZE;
	}
	mvgpu_context_wire_put_gtt(&buf, entries);
	right_len = buf.len;
	check_mutations(MVGPU_STREAM_GTT, 1);
}

/* One of each kind: busy, idle behind its end, faulted, disabled after work. */
static void put_queues(void)
{
	const struct mvgpu_fill fill = {
		.opcode = htole32(MVGPU_OP_FILL),
		.width = htole32(256),
		.height = htole32(1),
	};
	struct mvgpu_queue queues[] = {
		{
			.enabled = true, .ring_base = 0x10000,
			.ring_size = 0x2000, .head = 0x40, .tail = 0x1fc0,
			.completed = 129, .current_valid = true,
			.progress.done = 100,
		}, {
			.enabled = true, .ring_base = 0x20000,
			.ring_size = 0x1000, .head = 0xfc0, .completed = 63,
		}, {
			.enabled = true, .ring_base = 0x20000,
			.ring_size = 0x1000, .fault = MVGPU_FAULT_UNBOUND,
			.fault_address = 0x20000, .tail = 64,
			.fault_interrupt = true,
		}, {
			.ring_base = 7, .ring_size = 9, .head = 0x80,
			.tail = 0x80, .completed = 66,
		},
	};
	struct mdev_migration_buf buf = begin();

	memcpy(queues[0].command, &fill, sizeof(fill));
	mvgpu_context_wire_put_queues(&buf, queues, 4);
	right_len = buf.len;
}

UNIT_TEST(again_queues)
{
	put_queues();
	check_mutations(MVGPU_STREAM_QUEUES, 2);
}

UNIT_TEST(again_interrupts)
{
	struct mdev_migration_buf buf = begin();
	struct mvgpu_msix msix;

	mvgpu_msix_reset(&msix);
	mvgpu_msix_save(&msix, 5, &buf);
	right_len = buf.len;
	check_mutations(MVGPU_STREAM_INTERRUPTS, 1);
}

UNIT_TEST(again_clock)
{
	struct mdev_migration_buf buf = begin();

	mvgpu_context_wire_put_clock(&buf, 1234567890);
	right_len = buf.len;
	check_mutations(MVGPU_STREAM_CLOCK, 1);
}

UNIT_TEST(again_reached)
{
	right[0] = 0;
	right[1] = 0xff;
	right_len = 2;
	check_mutations(MVGPU_STREAM_REACHED, 1);
}
