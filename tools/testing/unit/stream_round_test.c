// SPDX-License-Identifier: GPL-2.0
/*
 * Rounds and zeros in a stream: what a reader makes of memory that comes again,
 * and what it refuses.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <string.h>

#include "fake.h"
#include "stream.h"
#include "unit.h"

#define PAGE 4096

static void begin(struct fake_bytes *context)
{
	fake_begin(context, FAKE_TYPE);
	fake_compat(context);
	fake_regs(context);
}

static void round_mark(struct fake_bytes *context)
{
	fake_section(context, 4, 1, 0, "", 0);
}

static void zeros(struct fake_bytes *context, u64 offset, u32 len)
{
	u8 payload[12];
	struct mdev_migration_buf buf = { .data = payload, .size = 12 };

	mdev_migration_put_u64(&buf, offset);
	mdev_migration_put_u32(&buf, len);
	fake_section(context, 5, 1, 0, payload, sizeof(payload));
}

/* End the context, load it, and see. */
static struct fake *load(struct fake_bytes *context, int wanted)
{
	struct fake *fake = fake_new();

	fake_end(context);
	CHECK_EQ(wanted, fake_load(fake, context, 1000));
	if (wanted)
		CHECK(fake_is_reset(fake));
	fake_bytes_free(context);
	return fake;
}

UNIT_TEST(round_memory_of_a_later_round_counts)
{
	struct fake_bytes context;
	struct fake *fake;

	begin(&context);
	fake_memory(&context, 2 * PAGE, PAGE, 1);
	fake_memory(&context, 5 * PAGE, PAGE, 1);
	round_mark(&context);
	fake_memory(&context, 0, PAGE, 2);
	fake_memory(&context, 2 * PAGE, PAGE, 2);
	fake = load(&context, 0);
	CHECK_EQ(2, fake->mem[0]);
	CHECK_EQ(2, fake->mem[2 * PAGE]);
	CHECK_EQ(1, fake->mem[5 * PAGE]);
	fake_free(fake);
}

UNIT_TEST(round_may_be_empty)
{
	struct fake_bytes context;

	begin(&context);
	round_mark(&context);
	round_mark(&context);
	fake_free(load(&context, 0));
}

UNIT_TEST(round_ascends_too)
{
	struct fake_bytes context;

	begin(&context);
	round_mark(&context);
	fake_memory(&context, 2 * PAGE, PAGE, 1);
	fake_memory(&context, 1 * PAGE, PAGE, 1);
	fake_free(load(&context, -EINVAL));
}

UNIT_TEST(round_is_needed_for_memory_that_comes_again)
{
	struct fake_bytes context;

	begin(&context);
	fake_memory(&context, 2 * PAGE, PAGE, 1);
	fake_memory(&context, 2 * PAGE, PAGE, 1);
	fake_free(load(&context, -EINVAL));
}

UNIT_TEST(round_has_no_payload)
{
	struct fake_bytes context;

	begin(&context);
	fake_section(&context, 4, 1, 0, "x", 1);
	fake_free(load(&context, -EINVAL));
}

UNIT_TEST(round_and_zeros_are_not_optional_and_have_one_version)
{
	unsigned int id;

	for (id = 4; id <= 5; id++) {
		struct fake_bytes context;

		begin(&context);
		fake_section(&context, id, 1, MDEV_MIGRATION_SECTION_OPTIONAL,
			     "", 0);
		fake_free(load(&context, -EINVAL));
		begin(&context);
		fake_section(&context, id, 2, 0, "", 0);
		fake_free(load(&context, -EOPNOTSUPP));
	}
}

UNIT_TEST(zeros_replace_what_came_before)
{
	struct fake_bytes context;
	struct fake *fake;

	begin(&context);
	fake_memory(&context, 2 * PAGE, 4 * PAGE, 1);
	round_mark(&context);
	zeros(&context, 3 * PAGE, 2 * PAGE);
	fake = load(&context, 0);
	CHECK_EQ(1, fake->mem[3 * PAGE - 1]);
	CHECK_EQ(0, fake->mem[3 * PAGE]);
	CHECK_EQ(0, fake->mem[5 * PAGE - 1]);
	CHECK_EQ(1, fake->mem[5 * PAGE]);
	fake_free(fake);
}

UNIT_TEST(zeros_in_other_numbers_are_refused)
{
	static const struct {
		u64 offset;
		u32 len;
	} bad[] = {
		{ 0, 0 },
		{ 0, 1 },
		{ 0, PAGE + 1 },
		{ 0, 17 * PAGE },
		{ 0, -PAGE },
		{ 1, PAGE },
		{ FAKE_MEM, PAGE },
		{ 15 * PAGE, 2 * PAGE },
		{ -PAGE, PAGE },
		{ -PAGE, 2 * PAGE },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fake_bytes context;

		begin(&context);
		zeros(&context, bad[i].offset, bad[i].len);
		fake_free(load(&context, -EINVAL));
	}
}

static int take_compat(void *arg, u16 version, const u8 *data, u32 len,
		       const char **why)
{
	return 0;
}

static int take_mem(void *arg, u64 offset, const u8 *data, u32 len,
		    const char **why)
{
	*(u64 *)arg += len;
	return 0;
}

/* Of a device that has as many: a few bytes are not much work at once. */
UNIT_TEST(zeros_come_in_chunks)
{
	static const struct mdev_migration_sink sink = {
		.compat = take_compat,
		.mem = take_mem,
	};
	const struct mdev_migration_format format = {
		.type = FAKE_TYPE,
		.compat_version = 1,
		.mem_size = 16 * MDEV_MIGRATION_CHUNK_MAX,
	};
	struct mdev_migration_parser parser;
	struct fake_bytes stream;
	u64 came = 0;

	fake_begin(&stream, FAKE_TYPE);
	fake_compat(&stream);
	mdev_migration_parser_init(&parser, &format, &sink, &came);
	mdev_migration_parser_push(&parser, stream.data + 16, stream.len - 16);
	CHECK_EQ(0, parser.error);
	stream.len = 0;
	zeros(&stream, 0, MDEV_MIGRATION_CHUNK_MAX);
	mdev_migration_parser_push(&parser, stream.data, stream.len);
	CHECK_EQ(0, parser.error);
	CHECK_EQ(MDEV_MIGRATION_CHUNK_MAX, came);
	stream.len = 0;
	zeros(&stream, MDEV_MIGRATION_CHUNK_MAX, MDEV_MIGRATION_CHUNK_MAX + PAGE);
	mdev_migration_parser_push(&parser, stream.data, stream.len);
	CHECK_EQ(-EINVAL, parser.error);
	CHECK_EQ(MDEV_MIGRATION_CHUNK_MAX, came);
	mdev_migration_parser_fini(&parser);
	fake_bytes_free(&stream);
}

UNIT_TEST(zeros_have_twelve_bytes)
{
	struct fake_bytes context;

	begin(&context);
	fake_section(&context, 5, 1, 0, "12345678901", 11);
	fake_free(load(&context, -EINVAL));
	begin(&context);
	fake_section(&context, 5, 1, 0, "1234567890123", 13);
	fake_free(load(&context, -EINVAL));
}

UNIT_TEST(zeros_and_memory_ascend_together)
{
	struct fake_bytes context;

	begin(&context);
	zeros(&context, 2 * PAGE, PAGE);
	fake_memory(&context, 2 * PAGE, PAGE, 1);
	fake_free(load(&context, -EINVAL));
	begin(&context);
	fake_memory(&context, 2 * PAGE, PAGE, 1);
	zeros(&context, 1 * PAGE, PAGE);
	fake_free(load(&context, -EINVAL));
}

UNIT_TEST(zeros_that_cannot_be_written_are_an_error)
{
	struct fake_bytes context;
	struct fake *fake = fake_new();

	begin(&context);
	zeros(&context, 0, PAGE);
	fake_end(&context);
	fake->write_error = -ENOMEM;
	CHECK_EQ(-ENOMEM, fake_load(fake, &context, 1000));
	fake_bytes_free(&context);
	fake_free(fake);
}
