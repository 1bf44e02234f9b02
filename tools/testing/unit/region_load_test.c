// SPDX-License-Identifier: GPL-2.0
/*
 * The device-state region: the rules of writing, and what becomes of a context
 * that is good, cut short, or refused.
 */
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <linux/vfio_device_state.h>
#include <string.h>

#include "fake.h"
#include "unit.h"

#define START VFIO_DEVICE_STATE_START
#define STOP VFIO_DEVICE_STATE_STOP

static struct fake *stopped(void)
{
	struct fake *fake = fake_new();

	fake_fill(fake);
	CHECK_EQ(1, fake_run(fake, STOP));
	return fake;
}

static struct fake_bytes context_of_another(void)
{
	struct fake *source = stopped();
	struct fake_bytes context = fake_save(source);

	fake_free(source);
	CHECK(context.len);
	return context;
}

UNIT_TEST(write_stops_a_running_device)
{
	struct fake_bytes context = context_of_another();
	struct fake *fake = fake_new();

	CHECK_EQ(1, fake_write(fake, context.data, 1, 1));
	CHECK(fake->stopped);
	CHECK_EQ(0, fake_running(fake));
	CHECK_EQ(1, fake->resets);
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(write_that_cannot_stop_the_device_changes_nothing)
{
	struct fake_bytes context = context_of_another();
	struct fake *fake = fake_new();

	fake_fill(fake);
	fake->quiesce_error = -EINTR;
	CHECK_EQ(-EINTR, fake_load(fake, &context, context.len));
	CHECK_EQ(1, fake_running(fake));
	CHECK_EQ(0, fake->resets);
	fake->quiesce_error = 0;
	unit_signal = true;
	CHECK_EQ(-EINTR, fake_load(fake, &context, context.len));
	CHECK_EQ(0, fake_load(fake, &context, context.len));
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(write_with_a_gap_is_refused_and_forgotten)
{
	struct fake_bytes context = context_of_another();
	struct fake *fake = fake_new();

	CHECK_EQ(-EINVAL, fake_write(fake, context.data, 1, 2));
	CHECK_EQ(1, fake_running(fake));
	CHECK_EQ(50, fake_write(fake, context.data, 50, 1));
	CHECK_EQ(-EINVAL, fake_write(fake, context.data + 51, 1, 52));
	CHECK_EQ(-EINVAL, fake_write(fake, context.data + 49, 1, 50));
	CHECK_EQ(context.len - 50,
		 fake_write(fake, context.data + 50, context.len - 50, 51));
	CHECK_EQ(1, fake->applies);
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(write_at_1_starts_over)
{
	struct fake_bytes context = context_of_another();
	struct fake *fake = fake_new();

	CHECK_EQ(context.len - 1,
		 fake_write(fake, context.data, context.len - 1, 1));
	CHECK_EQ(0, fake_load(fake, &context, context.len));
	CHECK_EQ(1, fake->applies);
	CHECK_EQ(0, fake_load(fake, &context, 100));
	CHECK_EQ(2, fake->applies);
	CHECK_EQ(1, fake_run(fake, START));
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(write_past_the_context_is_ignored)
{
	struct fake_bytes context = context_of_another();
	struct fake *fake = fake_new();
	u64 size = fake_region_size(fake) - 1, at;
	u8 *region = malloc(size);

	memset(region, 0xee, size);
	memcpy(region, context.data, context.len);
	CHECK_EQ(size, fake_write(fake, region, size, 1));
	CHECK_EQ(1, fake->applies);

	CHECK_EQ(0, fake_load(fake, &context, context.len));
	for (at = context.len; at < size; at += 4096) {
		u64 len = size - at < 4096 ? size - at : 4096;

		CHECK_EQ(len, fake_write(fake, region + at, len, 1 + at));
	}
	CHECK_EQ(-EINVAL, fake_write(fake, region, 1, context.len + 1));
	CHECK_EQ(2, fake->applies);
	CHECK_EQ(1, fake_run(fake, START));
	CHECK_EQ(-EINVAL, fake_write(fake, region, 1, size));
	free(region);
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(write_from_memory_that_ends_can_go_on)
{
	struct fake *source = fake_new(), *fake = fake_new();
	struct fake_bytes context;

	memset(source->mem, 1, FAKE_MEM);
	fake_run(source, STOP);
	context = fake_save(source);
	CHECK(context.len > 65536 + 10);
	unit_fault = context.data + 65536 + 10;
	CHECK_EQ(65536, fake_write(fake, context.data, context.len, 1));
	CHECK_EQ(-EFAULT, fake_write(fake, context.data + 65536,
				     context.len - 65536, 1 + 65536));
	unit_fault = NULL;
	CHECK_EQ(context.len - 65536,
		 fake_write(fake, context.data + 65536, context.len - 65536,
			    1 + 65536));
	CHECK(fake_same(source, fake));
	fake_bytes_free(&context);
	fake_free(source);
	fake_free(fake);
}

UNIT_TEST(write_that_is_refused_late_is_an_error_as_a_whole)
{
	struct fake *source = fake_new(), *fake = fake_new();
	struct fake_bytes context;

	memset(source->mem, 1, FAKE_MEM);
	fake_run(source, STOP);
	context = fake_save(source);
	context.data[context.len - 1] ^= 1;
	CHECK(context.len > 65536);
	CHECK_EQ(-EBADMSG, fake_write(fake, context.data, context.len, 1));
	CHECK(fake_is_reset(fake));
	fake_bytes_free(&context);
	fake_free(source);
	fake_free(fake);
}

UNIT_TEST(half_a_context_cannot_start)
{
	struct fake_bytes context = context_of_another();
	struct fake *fake = fake_new();

	CHECK_EQ(100, fake_write(fake, context.data, 100, 1));
	CHECK_EQ(-EINVAL, fake_run(fake, START));
	CHECK_EQ(0, fake_running(fake));
	CHECK_EQ(context.len - 100,
		 fake_write(fake, context.data + 100, context.len - 100, 101));
	CHECK_EQ(1, fake_run(fake, START));
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(half_a_context_is_discarded_by_stop)
{
	struct fake_bytes context = context_of_another();
	struct fake *fake = fake_new();
	size_t half = context.len - 30;

	CHECK_EQ(half, fake_write(fake, context.data, half, 1));
	CHECK(!fake_is_reset(fake));
	CHECK_EQ(1, fake_run(fake, STOP));
	CHECK(fake_is_reset(fake));
	CHECK_EQ(-EINVAL, fake_write(fake, context.data + half, 1, 1 + half));
	CHECK_EQ(1, fake_run(fake, START));
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(half_a_context_is_discarded_by_reset)
{
	struct fake_bytes context = context_of_another();
	struct fake *fake = fake_new();
	size_t half = context.len - 30;

	CHECK_EQ(half, fake_write(fake, context.data, half, 1));
	CHECK_EQ(0, mdev_migration_reset(fake->mig));
	CHECK(fake_is_reset(fake));
	CHECK_EQ(1, fake_running(fake));
	CHECK_EQ(-EINVAL, fake_write(fake, context.data + half, 1, 1 + half));
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(half_a_context_is_discarded_by_close)
{
	struct fake_bytes context = context_of_another();
	struct fake *fake = fake_new();

	CHECK_EQ(100, fake_write(fake, context.data, 100, 1));
	fake_free(fake);
	fake_bytes_free(&context);
	CHECK_EQ(0, unit_alloc_bytes);
}

static struct fake *refused(void)
{
	struct fake *fake = fake_new();
	u8 junk[16] = {};

	CHECK_EQ(-EINVAL, fake_write(fake, junk, sizeof(junk), 1));
	return fake;
}

UNIT_TEST(refused_device_starts_after_a_good_context)
{
	struct fake_bytes context = context_of_another();
	struct fake *fake = refused();

	CHECK_EQ(-EINVAL, fake_run(fake, START));
	CHECK_EQ(0, fake_load(fake, &context, context.len));
	CHECK_EQ(1, fake_run(fake, START));
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(refused_device_starts_after_stop)
{
	struct fake *fake = refused();

	CHECK_EQ(-EINVAL, fake_run(fake, START));
	CHECK_EQ(1, fake_run(fake, STOP));
	CHECK_EQ(1, fake_run(fake, START));
	fake_free(fake);
}

UNIT_TEST(refused_device_runs_after_reset)
{
	struct fake *fake = refused();

	CHECK_EQ(0, mdev_migration_reset(fake->mig));
	CHECK_EQ(1, fake_running(fake));
	fake_free(fake);
}

UNIT_TEST(refused_device_can_be_read)
{
	struct fake *fake = refused(), *fresh = fake_new();
	struct fake_bytes a, b;

	fake_run(fresh, STOP);
	a = fake_save(fake);
	b = fake_save(fresh);
	CHECK(a.len && a.len == b.len);
	CHECK(!memcmp(a.data, b.data, a.len));
	fake_bytes_free(&a);
	fake_bytes_free(&b);
	fake_free(fake);
	fake_free(fresh);
}

UNIT_TEST(refused_device_says_why_once)
{
	struct fake *fake = refused();

	CHECK_EQ(1, unit_logged);
	CHECK(strstr(unit_log, "not a context"));
	CHECK_EQ(-EINVAL, fake_write(fake, "x", 1, 17));
	CHECK_EQ(1, unit_logged);
	fake_free(fake);
}

UNIT_TEST(reset_interrupted_changes_nothing)
{
	struct fake *fake = fake_new();

	fake_fill(fake);
	fake->quiesce_error = -EINTR;
	CHECK_EQ(-EINTR, mdev_migration_reset(fake->mig));
	CHECK(!fake_is_reset(fake));
	CHECK_EQ(1, fake_running(fake));
	fake->quiesce_error = 0;
	unit_signal = true;
	CHECK_EQ(-EINTR, mdev_migration_reset(fake->mig));
	CHECK_EQ(0, mdev_migration_reset(fake->mig));
	CHECK(fake_is_reset(fake));
	fake_free(fake);
}

UNIT_TEST(next_opener_finds_it_running)
{
	struct fake *fake = refused();

	mdev_migration_close(fake->mig);
	fake->stopped = false;
	mdev_migration_open(fake->mig, true);
	CHECK_EQ(1, fake_running(fake));
	CHECK_EQ(1, fake_run(fake, STOP));
	CHECK_EQ(1, fake_run(fake, START));
	fake_free(fake);
}

/* A section that has nothing in it has a checksum all the same. */
UNIT_TEST(load_refuses_every_wrong_checksum_of_an_empty_section)
{
	/* the mark of a round, one that is known, and one that is not */
	static const u32 empty[] = { 4, FAKE_SECTION_LOG, 0x7777 };
	struct fake_bytes context;
	unsigned int i, bit;

	for (i = 0; i < ARRAY_SIZE(empty) * 32; i++) {
		struct fake *fake = fake_new();

		bit = i % 32;
		fake_begin(&context, FAKE_TYPE);
		fake_compat(&context);
		fake_regs(&context);
		fake_section(&context, empty[i / 32], 1,
			     empty[i / 32] == 4 ? 0 :
			     MDEV_MIGRATION_SECTION_OPTIONAL, "", 0);
		context.data[context.len - 4 + bit / 8] ^= 1 << bit % 8;
		fake_end(&context);
		CHECK_EQ(-EBADMSG, fake_load(fake, &context, context.len));
		CHECK(fake_is_reset(fake));
		fake_bytes_free(&context);
		fake_free(fake);
	}
}

UNIT_TEST(load_refuses_what_the_host_cannot_go_on_with)
{
	struct fake_bytes context = context_of_another();
	struct fake *target = fake_new();

	unit_logged = 0;
	target->ready_error = -ENOMEM;
	CHECK_EQ(-ENOMEM, fake_load(target, &context, context.len));
	CHECK_EQ(1, target->applies);
	CHECK(fake_is_reset(target));
	CHECK_EQ(1, unit_logged);
	CHECK(strstr(unit_log, "no more of something"));
	CHECK_EQ(-EINVAL, fake_run(target, VFIO_DEVICE_STATE_START));
	target->ready_error = 0;
	CHECK_EQ(0, fake_load(target, &context, context.len));
	CHECK_EQ(2, target->readies);
	CHECK_EQ(1, fake_run(target, VFIO_DEVICE_STATE_START));
	fake_bytes_free(&context);
	fake_free(target);
}

/* A sender that tries all day hides nothing of what is owed to another. */
UNIT_TEST(load_says_refusals_for_each_device)
{
	struct fake *one = fake_new(), *other = fake_new();
	unsigned int i;

	unit_logged = 0;
	for (i = 0; i < 100; i++)
		CHECK_EQ(-EINVAL, fake_write(one, "0123456789abcdef", 16, 1));
	CHECK_EQ(10, unit_logged);
	CHECK_EQ(-EINVAL, fake_write(other, "0123456789abcdef", 16, 1));
	CHECK_EQ(11, unit_logged);
	fake_free(one);
	fake_free(other);
}

UNIT_TEST(load_tests_free_everything)
{
	CHECK_EQ(0, unit_alloc_bytes);
}
