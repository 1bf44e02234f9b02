// SPDX-License-Identifier: GPL-2.0
/*
 * What is saved can be loaded, in every cut.
 */
#include <linux/crc32c.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <linux/vfio_device_state.h>
#include <string.h>

#include "fake.h"
#include "stream.h"
#include "unit.h"

static void saved(struct fake **source, struct fake_bytes *context)
{
	*source = fake_new();
	fake_fill(*source);
	CHECK_EQ(1, fake_run(*source, VFIO_DEVICE_STATE_STOP));
	*context = fake_save(*source);
	CHECK(context->len);
}

static void check_load(const struct fake *source,
		       const struct fake_bytes *context, size_t cut)
{
	struct fake *target = fake_new();

	target->regs[0] = 99;
	target->mem[5] = 99;
	CHECK_EQ(0, fake_load(target, context, cut));
	CHECK(fake_same(source, target));
	CHECK_EQ(1, target->applies);
	CHECK_EQ(0, fake_running(target));
	CHECK_EQ(1, fake_run(target, VFIO_DEVICE_STATE_START));
	CHECK_EQ(1, fake_running(target));
	fake_free(target);
	CHECK_EQ(0, unit_logged);
}

UNIT_TEST(stream_checksum_is_the_usual_one)
{
	CHECK_EQ(0xe3069283, (u32)~crc32c(~0U, "123456789", 9));
}

UNIT_TEST(stream_loads_in_one_write)
{
	struct fake_bytes context;
	struct fake *source;

	saved(&source, &context);
	check_load(source, &context, context.len);
	fake_bytes_free(&context);
	fake_free(source);
}

UNIT_TEST(stream_loads_byte_by_byte)
{
	struct fake_bytes context;
	struct fake *source;

	saved(&source, &context);
	check_load(source, &context, 1);
	fake_bytes_free(&context);
	fake_free(source);
}

UNIT_TEST(stream_loads_in_odd_cuts)
{
	static const size_t cuts[] = { 2, 3, 7, 15, 16, 17, 63, 64, 65, 333,
				       4095, 4096, 4097 };
	struct fake_bytes context;
	struct fake *source;
	unsigned int i;

	saved(&source, &context);
	for (i = 0; i < ARRAY_SIZE(cuts); i++)
		check_load(source, &context, cuts[i]);
	fake_bytes_free(&context);
	fake_free(source);
}

/* Two writes, the first of every length up to where memory begins. */
UNIT_TEST(stream_loads_when_cut_anywhere_once)
{
	struct fake_bytes context;
	struct fake *source;
	size_t cut;

	saved(&source, &context);
	for (cut = 1; cut < context.len; cut += cut < 300 ? 1 : 509) {
		struct fake *target = fake_new();

		CHECK_EQ(cut, fake_write(target, context.data, cut, 1));
		CHECK_EQ(0, target->applies);
		CHECK_EQ(context.len - cut,
			 fake_write(target, context.data + cut,
				    context.len - cut, 1 + cut));
		CHECK(fake_same(source, target));
		fake_free(target);
	}
	fake_bytes_free(&context);
	fake_free(source);
}

UNIT_TEST(stream_reads_the_same_in_every_cut)
{
	static const size_t cuts[] = { 1, 2, 3, 17, 64, 1000, 4096, 4120 };
	struct fake_bytes context;
	struct fake *source;
	unsigned int i;
	u8 *again;

	saved(&source, &context);
	again = malloc(context.len);
	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		size_t at, len;

		for (at = 0; at < context.len; at += len) {
			len = cuts[i] < context.len - at ? cuts[i] :
			      context.len - at;
			CHECK_EQ(len, fake_read(source, again + at, len,
						1 + at));
		}
		CHECK(!memcmp(again, context.data, context.len));
	}
	free(again);
	fake_bytes_free(&context);
	fake_free(source);
}

UNIT_TEST(stream_reads_the_same_backwards)
{
	struct fake_bytes context;
	struct fake *source;
	size_t at;

	saved(&source, &context);
	for (at = context.len; at-- > 1;) {
		u8 byte;

		CHECK_EQ(1, fake_read(source, &byte, 1, 1 + at));
		CHECK_EQ(context.data[at], byte);
	}
	CHECK_EQ(1, source->saves - 1);
	fake_bytes_free(&context);
	fake_free(source);
}

UNIT_TEST(stream_byte_reads_copy_each_chunk_once)
{
	struct fake_bytes context;
	struct fake *source;
	unsigned int before;
	size_t at;
	u8 byte;

	saved(&source, &context);
	before = source->reads;
	for (at = 0; at < context.len; at++)
		CHECK_EQ(1, fake_read(source, &byte, 1, 1 + at));
	CHECK_EQ(2, source->reads - before);
	fake_bytes_free(&context);
	fake_free(source);
}

UNIT_TEST(stream_of_a_reset_device_has_no_memory)
{
	struct fake *source = fake_new();
	struct fake_bytes context;

	fake_run(source, VFIO_DEVICE_STATE_STOP);
	context = fake_save(source);
	CHECK_EQ(16 + 64 + 16 + 8 + 16 + 32 + 16 + 16 + 12, context.len);
	check_load(source, &context, context.len);
	fake_bytes_free(&context);
	fake_free(source);
}

UNIT_TEST(stream_of_a_device_full_of_memory_fits)
{
	struct fake *source = fake_new();
	struct fake_bytes context;

	memset(source->mem, 1, FAKE_MEM);
	source->log_len = FAKE_LOG_MAX;
	fake_run(source, VFIO_DEVICE_STATE_STOP);
	context = fake_save(source);
	CHECK(context.len < fake_region_size(source));
	check_load(source, &context, context.len);
	fake_bytes_free(&context);
	fake_free(source);
}

UNIT_TEST(stream_of_memory_in_alternate_pages_fits)
{
	struct fake *source = fake_new();
	struct fake_bytes context;
	size_t at;

	for (at = 0; at < FAKE_MEM; at += 8192)
		source->mem[at] = 1;
	fake_run(source, VFIO_DEVICE_STATE_STOP);
	context = fake_save(source);
	CHECK(context.len < fake_region_size(source));
	check_load(source, &context, 1000);
	fake_bytes_free(&context);
	fake_free(source);
}

UNIT_TEST(stream_without_memory_ops)
{
	struct fake *source = fake_new_stateless();
	struct fake *target = fake_new_stateless();
	struct fake_bytes context;

	source->regs[1] = 7;
	fake_run(source, VFIO_DEVICE_STATE_STOP);
	context = fake_save(source);
	CHECK_EQ(0, fake_load(target, &context, 5));
	CHECK(fake_same(source, target));
	fake_bytes_free(&context);
	fake_free(source);
	fake_free(target);
}

UNIT_TEST(stream_by_hand_loads)
{
	struct fake *target = fake_new();
	struct fake_bytes context;

	fake_begin(&context, FAKE_TYPE);
	fake_compat(&context);
	fake_memory(&context, 4096, 8192, 3);
	fake_regs(&context);
	fake_memory(&context, 3 * 4096, 4096, 4);
	fake_end(&context);
	CHECK_EQ(0, fake_load(target, &context, context.len));
	CHECK_EQ(1, target->regs[0]);
	CHECK_EQ(0, target->mem[0]);
	CHECK_EQ(3, target->mem[3 * 4096 - 1]);
	CHECK_EQ(4, target->mem[3 * 4096]);
	fake_bytes_free(&context);
	fake_free(target);
}

UNIT_TEST(stream_older_section_version_loads)
{
	struct fake *target = fake_new();
	struct fake_bytes context;
	u8 regs[24] = { 5 };

	fake_begin(&context, FAKE_TYPE);
	fake_compat(&context);
	fake_section(&context, FAKE_SECTION_REGS, 1, 0, regs, sizeof(regs));
	fake_end(&context);
	CHECK_EQ(0, fake_load(target, &context, context.len));
	CHECK_EQ(5, target->regs[0]);
	fake_bytes_free(&context);
	fake_free(target);
}

UNIT_TEST(stream_unknown_optional_sections_are_skipped)
{
	static const u32 lengths[] = { 0, 1, 100, 70000,
				       MDEV_MIGRATION_STATE_MAX - 100 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		u8 *payload = calloc(1, lengths[i] + 1);
		struct fake *target = fake_new();
		struct fake_bytes context;

		/* The region of this small device cannot hold the longest. */
		if (16 + 64 + 24 + 48 + 16 + lengths[i] + 28 >=
		    fake_region_size(target)) {
			free(payload);
			fake_free(target);
			continue;
		}
		fake_begin(&context, FAKE_TYPE);
		fake_compat(&context);
		fake_section(&context, 0x7777, 9,
			     MDEV_MIGRATION_SECTION_OPTIONAL, payload,
			     lengths[i]);
		fake_regs(&context);
		fake_section(&context, 9, 1, MDEV_MIGRATION_SECTION_OPTIONAL,
			     payload, 1);
		fake_end(&context);
		CHECK_EQ(0, fake_load(target, &context, 1000));
		CHECK_EQ(1, target->applies);
		fake_bytes_free(&context);
		fake_free(target);
		free(payload);
	}
}

UNIT_TEST(stream_staging_grows_with_what_came)
{
	struct fake *target = fake_new();
	struct fake_bytes context;
	u8 log[FAKE_LOG_MAX] = {};
	size_t before, at;

	fake_begin(&context, FAKE_TYPE);
	fake_compat(&context);
	at = context.len;
	fake_section(&context, FAKE_SECTION_LOG, 1, 0, log, sizeof(log));
	fake_regs(&context);
	fake_end(&context);

	CHECK_EQ(at, fake_write(target, context.data, at, 1));
	before = unit_alloc_bytes;
	CHECK_EQ(16, fake_write(target, context.data + at, 16, 1 + at));
	CHECK(unit_alloc_bytes <= before + 16);
	CHECK_EQ(16, fake_write(target, context.data + at + 16, 16,
				1 + at + 16));
	CHECK(unit_alloc_bytes <= before + 4096);
	fake_bytes_free(&context);
	fake_free(target);
}

/* Each section may be as long, but not both of them. */
UNIT_TEST(stream_has_no_more_state_than_the_driver_said)
{
	static const struct mdev_migration_section_desc sections[] = {
		{ .id = 0x100, .version = 1, .max_len = 60 },
		{ .id = 0x101, .version = 1, .max_len = 60 },
	};
	const struct mdev_migration_format format = {
		.type = "t",
		.sections = sections,
		.nr_sections = 2,
		.state_size = 100,
	};
	struct mdev_migration_writer writer;
	static u8 data[4096], state[60];

	mdev_migration_writer_init(&writer, &format, data, sizeof(data));
	CHECK_EQ(0, mdev_migration_put_section(&writer, 0x100, 1, 0, state,
					       60));
	CHECK_EQ(-EOVERFLOW, mdev_migration_put_section(&writer, 0x101, 1, 0,
							state, 41));
	CHECK_EQ(0, mdev_migration_put_section(&writer, 0x101, 1, 0, state,
					       40));
}

UNIT_TEST(stream_everything_is_freed)
{
	CHECK_EQ(0, unit_alloc_bytes);
}
