// SPDX-License-Identifier: GPL-2.0
/*
 * What is not a context of this device is refused, with the right errno, and
 * leaves the device stopped and reset.
 */
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio_device_state.h>
#include <string.h>

#include "fake.h"
#include "unit.h"

#define OPTIONAL MDEV_MIGRATION_SECTION_OPTIONAL

/* Load; afterwards the device has to be as a refusal leaves it. */
static void check_refused(int error, struct fake_bytes *context, size_t cut)
{
	struct fake *target = fake_new();

	fake_fill(target);
	unit_logged = 0;
	CHECK_EQ(error, fake_load(target, context, cut));
	CHECK_EQ(0, target->applies);
	CHECK(fake_is_reset(target));
	CHECK_EQ(0, fake_running(target));
	CHECK_EQ(1, unit_logged);
	CHECK_EQ(-EINVAL, fake_run(target, VFIO_DEVICE_STATE_START));
	CHECK_EQ(error, fake_write(target, "x", 1, 100));
	CHECK_EQ(1, unit_logged);
	fake_free(target);
}

static void check_refused_and_free(int error, struct fake_bytes *context)
{
	check_refused(error, context, context->len);
	check_refused(error, context, 1);
	fake_bytes_free(context);
}

static void begin(struct fake_bytes *context)
{
	fake_begin(context, FAKE_TYPE);
	fake_compat(context);
}

/* A context with everything in it, short enough to be broken everywhere. */
static void whole(struct fake_bytes *context)
{
	begin(context);
	fake_regs(context);
	fake_section(context, FAKE_SECTION_LOG, 1, OPTIONAL, "log", 3);
	fake_section(context, 0x300, 1, OPTIONAL, "new", 3);
	fake_memory(context, 4096, 4096, 5);
	fake_end(context);
}

UNIT_TEST(refuse_every_flipped_bit)
{
	struct fake_bytes context;
	size_t at;
	u8 bit;

	whole(&context);
	for (at = 0; at < context.len; at++) {
		for (bit = 1; bit; bit <<= 1) {
			struct fake *target = fake_new();
			bool length = at >= 8 && at < 16;
			ssize_t ret;

			context.data[at] ^= bit;
			ret = fake_write(target, context.data, context.len, 1);
			/* A length that is too long waits for more bytes. */
			CHECK(ret < 0 || (length && ret > 0));
			CHECK_EQ(0, target->applies);
			CHECK_EQ(-EINVAL,
				 fake_run(target, VFIO_DEVICE_STATE_START));
			context.data[at] ^= bit;
			fake_free(target);
		}
	}
	fake_bytes_free(&context);
}

UNIT_TEST(refuse_every_flipped_length_in_a_whole_region)
{
	struct fake_bytes context;
	u64 size, bit;
	u8 *region;

	whole(&context);
	for (bit = 0; bit < 64; bit++) {
		struct fake *target = fake_new();

		size = fake_region_size(target) - 1;
		region = calloc(1, size);
		memcpy(region, context.data, context.len);
		region[8 + bit / 8] ^= 1 << bit % 8;
		CHECK_EQ(-EINVAL, fake_write(target, region, size, 1));
		CHECK_EQ(0, target->applies);
		CHECK(fake_is_reset(target));
		free(region);
		fake_free(target);
	}
	fake_bytes_free(&context);
}

UNIT_TEST(refuse_every_truncation)
{
	struct fake_bytes context;
	size_t len;

	whole(&context);
	for (len = 16; len < context.len; len++) {
		struct fake *target = fake_new();
		__le64 length = cpu_to_le64(len);

		memcpy(context.data + 8, &length, 8);
		CHECK_EQ(-EINVAL, fake_write(target, context.data, len, 1));
		CHECK_EQ(0, target->applies);
		CHECK(fake_is_reset(target));
		fake_free(target);
	}
	fake_bytes_free(&context);
}

UNIT_TEST(refuse_no_context)
{
	struct fake_bytes context;

	whole(&context);
	context.data[0] = 'X';
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_no_stream)
{
	struct fake_bytes context;

	whole(&context);
	context.data[16] = 'X';
	fake_seal_head(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_wrong_checksum_of_the_header)
{
	struct fake_bytes context;

	whole(&context);
	context.data[16 + 12] ^= 1;
	check_refused_and_free(-EBADMSG, &context);
}

UNIT_TEST(refuse_newer_format)
{
	struct fake_bytes context;

	whole(&context);
	context.data[16 + 8] = 2;
	fake_seal_head(&context);
	check_refused_and_free(-EOPNOTSUPP, &context);
}

UNIT_TEST(refuse_reserved_bytes_of_the_header)
{
	static const u8 reserved[] = { 10, 11, 48, 55, 63 };
	struct fake_bytes context;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reserved); i++) {
		whole(&context);
		context.data[16 + reserved[i]] = 1;
		fake_seal_head(&context);
		check_refused_and_free(-EINVAL, &context);
	}
}

UNIT_TEST(refuse_other_types)
{
	static const char * const types[] = {
		"", "fake-devic", "fake-devicf", "fake-device2",
		"fake-device-with-the-longest-nam",
	};
	struct fake_bytes context;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(types); i++) {
		fake_begin(&context, types[i]);
		fake_compat(&context);
		fake_regs(&context);
		fake_end(&context);
		check_refused_and_free(-ENODEV, &context);
	}
}

UNIT_TEST(refuse_type_that_goes_on_behind_its_end)
{
	struct fake_bytes context;

	whole(&context);
	context.data[16 + 16 + 20] = 'x';
	fake_seal_head(&context);
	check_refused_and_free(-ENODEV, &context);
}

UNIT_TEST(refuse_longer_context_of_another_type_as_such)
{
	struct fake *target = fake_new();
	struct fake_bytes context;
	__le64 length = cpu_to_le64(1ULL << 40);

	fake_begin(&context, "large-device");
	fake_end(&context);
	memcpy(context.data + 8, &length, 8);
	CHECK_EQ(-ENODEV, fake_load(target, &context, 16));
	fake_bytes_free(&context);
	fake_free(target);
}

UNIT_TEST(refuse_no_compatibility_section)
{
	struct fake_bytes context;

	fake_begin(&context, FAKE_TYPE);
	fake_regs(&context);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_late_compatibility_section)
{
	struct fake_bytes context;

	fake_begin(&context, FAKE_TYPE);
	fake_regs(&context);
	fake_compat(&context);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_only_an_end_mark)
{
	struct fake_bytes context;

	fake_begin(&context, FAKE_TYPE);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_second_compatibility_section)
{
	struct fake_bytes context;

	begin(&context);
	fake_compat(&context);
	fake_regs(&context);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_what_the_driver_finds_incompatible)
{
	struct fake_bytes context;

	fake_begin(&context, FAKE_TYPE);
	fake_section(&context, 1, 1, 0, "\0\0\0\0fake", 8);
	fake_regs(&context);
	fake_end(&context);
	check_refused(-EINVAL, &context, context.len);
	CHECK(strstr(unit_log, "memory of another size"));
	fake_bytes_free(&context);
}

UNIT_TEST(refuse_short_compatibility_section)
{
	struct fake_bytes context;
	__le32 mem = cpu_to_le32(FAKE_MEM);

	fake_begin(&context, FAKE_TYPE);
	fake_section(&context, 1, 1, 0, &mem, 4);
	fake_regs(&context);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_newer_compatibility_section)
{
	struct fake_bytes context;

	fake_begin(&context, FAKE_TYPE);
	fake_section(&context, 1, 2, 0, "12345678", 8);
	fake_regs(&context);
	fake_end(&context);
	check_refused_and_free(-EOPNOTSUPP, &context);
}

UNIT_TEST(refuse_long_compatibility_section)
{
	struct fake_bytes context;
	u8 payload[4097] = {};

	fake_begin(&context, FAKE_TYPE);
	fake_section(&context, 1, 1, 0, payload, sizeof(payload));
	fake_regs(&context);
	fake_end(&context);
	check_refused_and_free(-EOVERFLOW, &context);
}

UNIT_TEST(refuse_unknown_mandatory_section)
{
	struct fake_bytes context;

	begin(&context);
	fake_regs(&context);
	fake_section(&context, 0x7777, 1, 0, "x", 1);
	fake_end(&context);
	check_refused_and_free(-EOPNOTSUPP, &context);
}

UNIT_TEST(refuse_unknown_mandatory_section_of_the_library)
{
	struct fake_bytes context;

	begin(&context);
	fake_regs(&context);
	fake_section(&context, 6, 1, 0, "x", 1);
	fake_end(&context);
	check_refused_and_free(-EOPNOTSUPP, &context);
}

UNIT_TEST(refuse_broken_optional_section)
{
	struct fake_bytes context;

	begin(&context);
	fake_section(&context, 0x7777, 1, OPTIONAL, "xyz", 3);
	context.data[context.len - 1] ^= 1;
	fake_regs(&context);
	fake_end(&context);
	check_refused_and_free(-EBADMSG, &context);
}

UNIT_TEST(refuse_newer_section)
{
	struct fake_bytes context;
	u8 regs[32] = {};

	begin(&context);
	fake_section(&context, FAKE_SECTION_REGS, 3, 0, regs, 32);
	fake_end(&context);
	check_refused_and_free(-EOPNOTSUPP, &context);
}

UNIT_TEST(refuse_section_version_0)
{
	struct fake_bytes context;
	u8 regs[32] = {};

	begin(&context);
	fake_section(&context, FAKE_SECTION_REGS, 0, 0, regs, 32);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_unknown_flags)
{
	struct fake_bytes context;
	u16 flag;

	for (flag = 2; flag; flag <<= 1) {
		begin(&context);
		fake_regs(&context);
		fake_section(&context, 0x7777, 1, OPTIONAL | flag, "x", 1);
		fake_end(&context);
		check_refused_and_free(-EINVAL, &context);
	}
}

UNIT_TEST(refuse_optional_flag_on_sections_of_the_library)
{
	struct fake_bytes context;
	u8 payload[8 + 4096] = {};

	begin(&context);
	fake_regs(&context);
	fake_section(&context, 2, 1, OPTIONAL, payload, sizeof(payload));
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_section_that_comes_twice)
{
	struct fake_bytes context;

	begin(&context);
	fake_regs(&context);
	fake_regs(&context);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_long_section)
{
	struct fake_bytes context;
	u8 regs[33] = {};

	begin(&context);
	fake_section(&context, FAKE_SECTION_REGS, 2, 0, regs, 33);
	fake_end(&context);
	check_refused_and_free(-EOVERFLOW, &context);
}

UNIT_TEST(refuse_more_state_than_anyone_has)
{
	static const u8 payload[FAKE_MEM / 2];
	struct fake *target = fake_new();
	struct fake_bytes context;
	u8 head[16];
	struct mdev_migration_buf buf = { .data = head, .size = sizeof(head) };

	/* The last one is announced only. */
	begin(&context);
	fake_section(&context, 0x7777, 1, OPTIONAL, payload, sizeof(payload));
	mdev_migration_put_u32(&buf, 0x7778);
	mdev_migration_put_u16(&buf, 1);
	mdev_migration_put_u16(&buf, OPTIONAL);
	mdev_migration_put_u32(&buf, MDEV_MIGRATION_STATE_MAX - 8 -
			       sizeof(payload) + 1);
	mdev_migration_put_u32(&buf, 0);
	fake_append(&context, head, sizeof(head));
	fake_end(&context);
	CHECK_EQ(-EOVERFLOW, fake_load(target, &context, context.len));
	fake_bytes_free(&context);
	fake_free(target);
}

UNIT_TEST(refuse_missing_required_section)
{
	struct fake_bytes context;

	begin(&context);
	fake_section(&context, FAKE_SECTION_LOG, 1, 0, "log", 3);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_what_the_driver_finds_wrong)
{
	struct fake_bytes context;
	u8 regs[16] = {};

	begin(&context);
	fake_memory(&context, 0, 4096, 7);
	fake_section(&context, FAKE_SECTION_REGS, 2, 0, regs, 16);
	fake_end(&context);
	check_refused(-EINVAL, &context, context.len);
	CHECK(strstr(unit_log, "wrong number of registers"));
	fake_bytes_free(&context);
}

static const struct {
	const char *what;
	u64 offset;
	u32 len;
} bad_chunks[] = {
	{ "nothing", 0, 0 },
	{ "no whole page", 0, 4095 },
	{ "more than a page", 0, 4097 },
	{ "not aligned", 1, 4096 },
	{ "half aligned", 2048, 4096 },
	{ "too much", 0, 65536 + 4096 },
	{ "reaches past the end", FAKE_MEM - 4096, 8192 },
	{ "at the end", FAKE_MEM, 4096 },
	{ "far past the end", 1ULL << 40, 4096 },
	{ "wraps", ~0ULL - 4095, 4096 },
	{ "wraps to 0", ~0ULL - 4095, 8192 },
};

UNIT_TEST(refuse_bad_memory)
{
	struct fake_bytes context;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad_chunks); i++) {
		begin(&context);
		fake_regs(&context);
		fake_memory(&context, 0, 4096, 1);
		fake_memory(&context, bad_chunks[i].offset, bad_chunks[i].len,
			    1);
		fake_end(&context);
		check_refused_and_free(-EINVAL, &context);
	}
}

UNIT_TEST(refuse_memory_of_no_length)
{
	struct fake_bytes context;

	begin(&context);
	fake_regs(&context);
	fake_section(&context, 2, 1, 0, "1234", 4);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_memory_that_descends)
{
	struct fake_bytes context;

	begin(&context);
	fake_regs(&context);
	fake_memory(&context, 8192, 4096, 1);
	fake_memory(&context, 0, 4096, 1);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_memory_that_overlaps)
{
	struct fake_bytes context;

	begin(&context);
	fake_regs(&context);
	fake_memory(&context, 0, 8192, 1);
	fake_memory(&context, 4096, 4096, 1);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_newer_memory_section)
{
	struct fake_bytes context;
	u8 payload[8 + 4096] = {};

	begin(&context);
	fake_regs(&context);
	fake_section(&context, 2, 2, 0, payload, sizeof(payload));
	fake_end(&context);
	check_refused_and_free(-EOPNOTSUPP, &context);
}

UNIT_TEST(refuse_memory_for_a_device_without)
{
	struct fake *target = fake_new_stateless();
	struct fake_bytes context;

	begin(&context);
	fake_regs(&context);
	fake_memory(&context, 0, 4096, 1);
	fake_end(&context);
	CHECK_EQ(-EINVAL, fake_load(target, &context, 100));
	fake_bytes_free(&context);
	fake_free(target);
}

UNIT_TEST(refuse_broken_memory_before_it_is_written)
{
	struct fake *target = fake_new();
	struct fake_bytes context;

	begin(&context);
	fake_memory(&context, 0, 4096, 1);
	context.data[context.len - 1] ^= 1;
	fake_end(&context);
	target->write_error = -EIO;
	CHECK_EQ(-EBADMSG, fake_load(target, &context, context.len));
	fake_bytes_free(&context);
	fake_free(target);
}

UNIT_TEST(refuse_memory_that_the_driver_cannot_write)
{
	struct fake *target = fake_new();
	struct fake_bytes context;

	whole(&context);
	target->write_error = -ENOMEM;
	CHECK_EQ(-ENOMEM, fake_load(target, &context, context.len));
	CHECK(fake_is_reset(target));
	CHECK_EQ(-EINVAL, fake_run(target, VFIO_DEVICE_STATE_START));
	fake_bytes_free(&context);
	fake_free(target);
}

UNIT_TEST(refuse_wrong_total)
{
	struct fake_bytes context;

	begin(&context);
	fake_regs(&context);
	fake_end_with(&context, context.len - 16 + 1, context.nr_sections);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_wrong_number_of_sections)
{
	struct fake_bytes context;

	begin(&context);
	fake_regs(&context);
	fake_end_with(&context, context.len - 16, context.nr_sections + 1);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_end_mark_of_another_length)
{
	struct fake_bytes context;

	begin(&context);
	fake_regs(&context);
	fake_section(&context, 3, 1, 0, "1234567890123", 13);
	fake_end(&context);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_section_after_the_end)
{
	struct fake_bytes context;
	__le64 length;

	begin(&context);
	fake_regs(&context);
	fake_end(&context);
	fake_section(&context, FAKE_SECTION_LOG, 1, 0, "log", 3);
	length = cpu_to_le64(context.len);
	memcpy(context.data + 8, &length, 8);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_byte_after_the_end)
{
	struct fake_bytes context;
	__le64 length;

	whole(&context);
	fake_append(&context, "", 1);
	length = cpu_to_le64(context.len);
	memcpy(context.data + 8, &length, 8);
	check_refused_and_free(-EINVAL, &context);
}

UNIT_TEST(refuse_without_memory_for_it)
{
	struct fake_bytes context;
	unsigned int nr;
	bool loaded = false;

	whole(&context);
	/* Fail each allocation of the load in turn. */
	for (nr = 1; !loaded; nr++) {
		struct fake *target = fake_new();
		ssize_t ret;

		unit_alloc_fails_at = nr;
		ret = fake_write(target, context.data, context.len, 1);
		loaded = ret == context.len;
		unit_alloc_fails_at = 0;
		CHECK(loaded || ret == -ENOMEM);
		CHECK_EQ(loaded, target->applies);
		CHECK_EQ(context.len,
			 fake_write(target, context.data, context.len, 1));
		fake_free(target);
		CHECK(nr < 100);
	}
	CHECK(nr > 4);
	fake_bytes_free(&context);
}

UNIT_TEST(refuse_everything_is_freed)
{
	CHECK_EQ(0, unit_alloc_bytes);
}
