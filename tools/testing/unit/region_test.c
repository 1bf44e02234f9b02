// SPDX-License-Identifier: GPL-2.0
/*
 * The device-state region: run control, what may be read when, and how long it stays true.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
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

UNIT_TEST(region_is_described)
{
	struct fake *fake = fake_new();
	struct vfio_region_info info = {};
	struct vfio_info_cap caps = {};
	struct vfio_region_info_cap_type *type;

	CHECK_EQ(1, mdev_migration_nr_regions(fake->mig));
	CHECK_EQ(0, mdev_migration_region_info(fake->mig, 0, &info, &caps));
	type = (void *)caps.buf;
	CHECK_EQ(VFIO_REGION_INFO_CAP_TYPE, type->header.id);
	CHECK_EQ(1 << 30, type->type);
	CHECK_EQ(1, type->subtype);
	CHECK_EQ(VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE,
		 info.flags);
	CHECK_EQ(0, info.size % 4096);
	CHECK_EQ(-EINVAL, mdev_migration_region_info(fake->mig, 1, &info,
						     &caps));
	free(caps.buf);
	fake_free(fake);
}

UNIT_TEST(region_that_is_not_offered)
{
	struct fake *fake = fake_new();
	struct vfio_region_info info = {};
	struct vfio_info_cap caps = {};
	u8 byte = STOP;

	mdev_migration_close(fake->mig);
	mdev_migration_open(fake->mig, false);
	CHECK_EQ(0, mdev_migration_nr_regions(fake->mig));
	CHECK_EQ(-EINVAL, mdev_migration_region_info(fake->mig, 0, &info,
						     &caps));
	CHECK_EQ(-EINVAL, fake_read(fake, &byte, 1, 0));
	CHECK_EQ(-EINVAL, fake_write(fake, &byte, 1, 0));
	fake_free(fake);
}

UNIT_TEST(region_ends_where_it_ends)
{
	struct fake *fake = stopped();
	u64 size = fake_region_size(fake);
	u8 bytes[2];

	CHECK_EQ(1, fake_read(fake, bytes, 1, size - 1));
	CHECK_EQ(-EINVAL, fake_read(fake, bytes, 2, size - 1));
	CHECK_EQ(-EINVAL, fake_read(fake, bytes, 1, size));
	CHECK_EQ(-EINVAL, fake_read(fake, bytes, 1, ~0ULL));
	CHECK_EQ(-EINVAL, fake_write(fake, bytes, 2, size - 1));
	CHECK_EQ(-EINVAL, fake_write(fake, bytes, 1, ~0ULL));
	fake_free(fake);
}

UNIT_TEST(region_access_of_no_bytes)
{
	struct fake *fake = fake_new();

	CHECK_EQ(0, fake_read(fake, NULL, 0, 0));
	CHECK_EQ(0, fake_read(fake, NULL, 0, 1));
	CHECK_EQ(0, fake_write(fake, NULL, 0, 0));
	CHECK_EQ(0, fake_write(fake, NULL, 0, 1));
	CHECK_EQ(1, fake_running(fake));
	fake_free(fake);
}

UNIT_TEST(run_control_stops_and_starts)
{
	struct fake *fake = fake_new();

	CHECK_EQ(1, fake_running(fake));
	CHECK_EQ(1, fake_run(fake, STOP));
	CHECK(fake->stopped);
	CHECK_EQ(0, fake_running(fake));
	CHECK_EQ(1, fake_run(fake, START));
	CHECK(!fake->stopped);
	CHECK(fake->running_in_resume);
	CHECK_EQ(1, fake_running(fake));
	fake_free(fake);
}

UNIT_TEST(run_control_twice_is_once)
{
	struct fake *fake = fake_new();

	CHECK_EQ(1, fake_run(fake, START));
	CHECK_EQ(1, fake_run(fake, STOP));
	CHECK_EQ(1, fake_run(fake, STOP));
	CHECK_EQ(1, fake->quiesces);
	CHECK_EQ(1, fake_run(fake, START));
	CHECK_EQ(1, fake_run(fake, START));
	CHECK_EQ(1, fake->resumes);
	fake_free(fake);
}

UNIT_TEST(run_control_knows_two_values)
{
	struct fake *fake = fake_new();
	unsigned int value;

	for (value = 2; value < 256; value++)
		CHECK_EQ(-EINVAL, fake_run(fake, value));
	CHECK_EQ(0, fake->quiesces);
	fake_free(fake);
}

UNIT_TEST(run_control_is_one_byte)
{
	struct fake *fake = fake_new();
	u8 bytes[17] = { STOP };

	CHECK_EQ(-EINVAL, fake_write(fake, bytes, 2, 0));
	CHECK_EQ(-EINVAL, fake_write(fake, bytes, sizeof(bytes), 0));
	CHECK_EQ(1, fake_running(fake));
	fake_free(fake);
}

UNIT_TEST(start_that_is_not_prepared_changes_nothing)
{
	struct fake *fake = fake_new();

	CHECK_EQ(1, fake_run(fake, STOP));
	fake->prepare_error = -EINTR;
	CHECK_EQ(-EINTR, fake_run(fake, START));
	CHECK_EQ(0, fake_running(fake));
	CHECK_EQ(0, fake->resumes);
	fake->prepare_error = 0;
	CHECK_EQ(1, fake_run(fake, START));
	CHECK_EQ(1, fake_running(fake));
	CHECK_EQ(1, fake->resumes);
	fake_free(fake);
}

UNIT_TEST(run_control_interrupted_changes_nothing)
{
	struct fake *fake = fake_new();

	fake->quiesce_error = -EINTR;
	CHECK_EQ(-EINTR, fake_run(fake, STOP));
	CHECK_EQ(1, fake_running(fake));
	fake->quiesce_error = 0;
	unit_signal = true;
	CHECK_EQ(-EINTR, fake_run(fake, STOP));
	CHECK_EQ(1, fake_running(fake));
	CHECK_EQ(1, fake_run(fake, STOP));
	fake_free(fake);
}

UNIT_TEST(run_control_from_memory_that_is_not_there)
{
	struct fake *fake = fake_new();
	u8 byte = STOP;

	unit_fault = &byte;
	CHECK_EQ(-EFAULT, fake_write(fake, &byte, 1, 0));
	CHECK_EQ(-EFAULT, fake_read(fake, &byte, 1, 0));
	unit_fault = NULL;
	CHECK_EQ(1, fake_running(fake));
	fake_free(fake);
}

UNIT_TEST(read_of_a_running_device_is_busy)
{
	struct fake *fake = fake_new();
	u8 bytes[2] = { 9, 9 };

	CHECK_EQ(-EBUSY, fake_read(fake, bytes, 1, 1));
	CHECK_EQ(-EBUSY, fake_read(fake, bytes, 2, 100));
	CHECK_EQ(1, fake_read(fake, bytes, 2, 0));
	CHECK_EQ(START, bytes[0]);
	CHECK_EQ(9, bytes[1]);
	CHECK_EQ(0, fake->saves);
	CHECK(!fake->tracked);
	fake_free(fake);
}

UNIT_TEST(read_of_half_a_context_is_busy)
{
	struct fake *fake = fake_new();
	u8 bytes[2] = {};

	CHECK_EQ(1, fake_write(fake, "M", 1, 1));
	CHECK_EQ(-EBUSY, fake_read(fake, bytes, 1, 1));
	CHECK_EQ(1, fake_read(fake, bytes, 2, 0));
	CHECK_EQ(STOP, bytes[0]);
	fake_free(fake);
}

UNIT_TEST(read_from_0_is_run_control_then_context)
{
	struct fake *fake = stopped();
	struct fake_bytes context = fake_save(fake);
	u8 *bytes = malloc(context.len + 1);

	CHECK_EQ(context.len + 1, fake_read(fake, bytes, context.len + 1, 0));
	CHECK_EQ(STOP, bytes[0]);
	CHECK(!memcmp(bytes + 1, context.data, context.len));
	free(bytes);
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(read_of_the_whole_region_ends_in_zeros)
{
	struct fake *fake = stopped();
	struct fake_bytes context = fake_save(fake);
	u64 size = fake_region_size(fake), at;
	u8 *bytes = malloc(size);

	memset(bytes, 9, size);
	CHECK_EQ(size, fake_read(fake, bytes, size, 0));
	CHECK(!memcmp(bytes + 1, "MDEVCTX1", 8));
	CHECK(!memcmp(bytes + 1, context.data, context.len));
	for (at = 1 + context.len; at < size; at++)
		CHECK_EQ(0, bytes[at]);
	free(bytes);
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(read_of_offset_1_takes_a_new_snapshot)
{
	struct fake *fake = stopped();
	struct fake_bytes first = fake_save(fake), second;

	fake->regs[0]++;
	mdev_migration_touch(fake->mig);
	second = fake_save(fake);
	CHECK_EQ(first.len, second.len);
	CHECK(memcmp(first.data, second.data, first.len));
	fake_bytes_free(&first);
	fake_bytes_free(&second);
	fake_free(fake);
}

UNIT_TEST(read_in_the_middle_takes_the_first_snapshot)
{
	struct fake *fake = stopped();
	u8 byte;

	CHECK_EQ(1, fake_read(fake, &byte, 1, 17));
	CHECK_EQ('M', byte);
	CHECK_EQ(1, fake->saves);
	CHECK(fake->tracked);
	CHECK_EQ(1, fake_read(fake, &byte, 1, 18));
	CHECK_EQ(1, fake->saves);
	fake_free(fake);
}

UNIT_TEST(read_after_the_vmm_wrote_is_stale)
{
	struct fake *fake = stopped();
	u8 bytes[100];

	CHECK_EQ(16, fake_read(fake, bytes, 16, 1));
	mdev_migration_touch(fake->mig);
	CHECK_EQ(-ESTALE, fake_read(fake, bytes, 1, 17));
	CHECK_EQ(-ESTALE, fake_read(fake, bytes, 1, 17));
	CHECK_EQ(-ESTALE, fake_read(fake, bytes, 1,
				    fake_region_size(fake) - 1));
	CHECK_EQ(17, fake_read(fake, bytes, 17, 1));
	CHECK_EQ(1, fake_read(fake, bytes, 1, 18));
	fake_free(fake);
}

UNIT_TEST(read_while_the_vmm_writes_is_stale)
{
	struct fake *fake = stopped();
	u8 bytes[5000];

	fake->touch_in_read = true;
	CHECK_EQ(16, fake_read(fake, bytes, 16, 1));
	CHECK_EQ(-ESTALE, fake_read(fake, bytes, sizeof(bytes), 200));
	fake_free(fake);
}

/* What came too late for the snapshot makes it stale, and is in the next. */
UNIT_TEST(read_while_the_vmm_writes_what_is_being_saved_is_stale)
{
	struct fake *fake = stopped();
	u8 bytes[16];

	fake->touch_in_save = 1;
	CHECK_EQ(-ESTALE, fake_read(fake, bytes, sizeof(bytes), 1));
	CHECK_EQ(-ESTALE, fake_read(fake, bytes, sizeof(bytes), 17));
	CHECK_EQ(sizeof(bytes), fake_read(fake, bytes, sizeof(bytes), 1));
	CHECK_EQ(2, fake->saves);
	fake_free(fake);
}

UNIT_TEST(read_errors_of_the_driver_come_through)
{
	struct fake *fake = stopped();
	u8 bytes[5000];

	fake->track_error = -ENOMEM;
	CHECK_EQ(-ENOMEM, fake_read(fake, bytes, 1, 1));
	fake->track_error = 0;
	fake->save_error = -EIO;
	CHECK_EQ(-EIO, fake_read(fake, bytes, 1, 1));
	CHECK(!fake->tracked);
	CHECK_EQ(1, fake_read(fake, bytes, 2, 0));
	fake->save_error = 0;
	fake->read_error = -EIO;
	CHECK_EQ(1, fake_read(fake, bytes, 1, 1));
	CHECK_EQ(-EIO, fake_read(fake, bytes, sizeof(bytes), 200));
	fake->read_error = 0;
	CHECK_EQ(sizeof(bytes), fake_read(fake, bytes, sizeof(bytes), 200));
	fake_free(fake);
}

/* The chunk that is kept is not half another. */
UNIT_TEST(read_that_failed_spoils_nothing)
{
	struct fake *fake = stopped();
	struct fake_bytes context = fake_save(fake);
	u64 last = context.len - 100;
	u8 *again = malloc(context.len);

	CHECK_EQ(300, fake_read(fake, again, 300, 1 + 300));
	fake->read_error = -EIO;
	CHECK_EQ(-EIO, fake_read(fake, again, 1, 1 + last));
	fake->read_error = 0;
	/* byte 1 would take another snapshot */
	CHECK_EQ(last - 1, fake_read(fake, again, last - 1, 2));
	CHECK(!memcmp(context.data + 1, again, last - 1));
	free(again);
	fake_bytes_free(&context);
	fake_free(fake);
}

UNIT_TEST(read_without_memory_for_it)
{
	unsigned int nr;
	bool saved = false;
	u8 byte;

	for (nr = 1; !saved; nr++) {
		struct fake *fake = stopped();
		ssize_t ret;

		unit_alloc_fails_at = nr;
		ret = fake_read(fake, &byte, 1, 1);
		saved = ret == 1;
		CHECK(saved || ret == -ENOMEM);
		CHECK_EQ(saved, fake->tracked);
		unit_alloc_fails_at = 0;
		CHECK_EQ(1, fake_read(fake, &byte, 1, 1));
		fake_free(fake);
		CHECK(nr < 100);
	}
	CHECK(nr > 4);
}

UNIT_TEST(read_into_memory_that_ends_is_short)
{
	struct fake *fake = fake_new();
	u64 size;
	u8 *bytes;

	memset(fake->mem, 1, FAKE_MEM);
	fake_run(fake, STOP);
	size = fake_region_size(fake);
	CHECK(size > 65536);
	bytes = malloc(size);
	unit_fault = bytes + 65536 + 10;
	CHECK_EQ(65536, fake_read(fake, bytes, size, 0));
	unit_fault = bytes;
	CHECK_EQ(-EFAULT, fake_read(fake, bytes, size, 0));
	free(bytes);
	fake_free(fake);
}

UNIT_TEST(start_drops_the_snapshot)
{
	struct fake *fake = stopped();
	u8 byte;

	CHECK_EQ(1, fake_read(fake, &byte, 1, 1));
	CHECK(fake->tracked);
	CHECK_EQ(1, fake_run(fake, START));
	CHECK(!fake->tracked);
	CHECK_EQ(1, fake_run(fake, STOP));
	CHECK_EQ(1, fake_read(fake, &byte, 1, 17));
	CHECK_EQ(2, fake->saves);
	fake_free(fake);
}

UNIT_TEST(reset_close_and_load_drop_the_snapshot)
{
	struct fake *fake = stopped();
	u8 byte;

	CHECK_EQ(1, fake_read(fake, &byte, 1, 1));
	CHECK_EQ(0, mdev_migration_reset(fake->mig));
	CHECK(!fake->tracked);
	CHECK_EQ(1, fake_run(fake, STOP));
	CHECK_EQ(1, fake_read(fake, &byte, 1, 1));
	CHECK_EQ(1, fake_write(fake, "M", 1, 1));
	CHECK(!fake->tracked);
	CHECK_EQ(1, fake_run(fake, STOP));
	CHECK_EQ(1, fake_read(fake, &byte, 1, 1));
	CHECK(fake->tracked);
	fake_free(fake);
}

static bool can_create(const struct mdev_migration_ops *ops, const char *type,
		       u32 state_size, u64 mem_size)
{
	struct device dev = { .name = "created" };
	struct mdev_migration_params params = {
		.dev = &dev,
		.ops = ops,
		.type = type,
		.state_size = state_size,
		.mem_size = mem_size,
	};
	struct mdev_migration *mig = mdev_migration_create(&params);

	if (IS_ERR(mig))
		return false;
	mdev_migration_destroy(mig);
	return true;
}

UNIT_TEST(create_checks_its_parameters)
{
	struct mdev_migration_ops ops = fake_ops;
	struct mdev_migration_section_desc desc[2] = {
		{ .id = 0x100, .version = 1 }, { .id = 0x100, .version = 1 },
	};

	CHECK(can_create(&ops, "t", 0, 4096));
	CHECK(can_create(&ops, "1234567890123456789012345678901", 0, 4096));
	CHECK(!can_create(&ops, "12345678901234567890123456789012", 0, 4096));
	CHECK(!can_create(&ops, "", 0, 4096));
	CHECK(!can_create(&ops, "t", 0, 0));
	CHECK(!can_create(&ops, "t", 0, 4097));
	CHECK(!can_create(&ops, "t", 0, 1ULL << 60));
	CHECK(!can_create(&ops, "t", MDEV_MIGRATION_STATE_MAX, 4096));
	ops.sections = desc;
	CHECK(!can_create(&ops, "t", 0, 4096));
	desc[1].id = 0xff;
	CHECK(!can_create(&ops, "t", 0, 4096));
	desc[1].id = 0x101;
	CHECK(can_create(&ops, "t", 0, 4096));
	desc[1].version = 0;
	CHECK(!can_create(&ops, "t", 0, 4096));
	desc[1].version = 1;
	desc[1].max_len = MDEV_MIGRATION_STATE_MAX + 1;
	CHECK(!can_create(&ops, "t", 0, 4096));
	desc[1].max_len = 0;
	ops.nr_sections = 33;
	CHECK(!can_create(&ops, "t", 0, 4096));
	ops.nr_sections = 2;
	ops.resume = NULL;
	CHECK(!can_create(&ops, "t", 0, 4096));
	mdev_migration_destroy(NULL);
}

UNIT_TEST(region_tests_free_everything)
{
	CHECK_EQ(0, unit_alloc_bytes);
}
