// SPDX-License-Identifier: GPL-2.0
/*
 * Migration v2 on a device of the library: states, what they do to the device,
 * and whole moves, with the device at work in pre-copy.
 */
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/vfio_device_state.h>
#include <string.h>

#include "compat_vfio_migration.h"
#include "fake.h"
#include "mdev_migration_private.h"
#include "unit.h"

#define ERROR		VFIO_DEVICE_STATE_ERROR
#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING
#define RUNNING_P2P	VFIO_DEVICE_STATE_RUNNING_P2P
#define PRE_COPY	VFIO_DEVICE_STATE_PRE_COPY
#define PRE_COPY_P2P	VFIO_DEVICE_STATE_PRE_COPY_P2P

static struct fake *filled(void)
{
	struct fake *fake = fake_new();

	fake_fill(fake);
	return fake;
}

/* Bring a running device to a state; the data fd, if one comes with it. */
static struct file *bring(struct fake *fake, unsigned int state)
{
	struct file *filp = NULL;

	if (state == ERROR) {
		CHECK_EQ(0, fake_set(fake, RESUMING, &filp));
		fput(filp);
		CHECK_EQ(-EINVAL, fake_set(fake, STOP, &filp));
		filp = NULL;
	} else {
		CHECK_EQ(0, fake_set(fake, state, &filp));
	}
	CHECK_EQ(state, fake_state(fake));
	return filp;
}

UNIT_TEST(v2_flags)
{
	struct fake *fake = fake_new();

	CHECK_EQ(VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P |
		 VFIO_MIGRATION_PRE_COPY, fake->vdev.migration_flags);
	fake_free(fake);
}

UNIT_TEST(v2_unknown_features_are_not_there)
{
	struct fake *fake = fake_new();
	unsigned int nr;
	u64 data[4] = {};

	for (nr = 0; nr < 64; nr++) {
		if (nr == VFIO_DEVICE_FEATURE_MIG_DATA_SIZE)
			continue;
		CHECK_EQ(-ENOTTY,
			 mdev_migration_device_feature(&fake->vdev,
						       VFIO_DEVICE_FEATURE_GET | nr,
						       data, sizeof(data)));
		CHECK_EQ(-ENOTTY,
			 mdev_migration_device_feature(&fake->vdev,
						       VFIO_DEVICE_FEATURE_PROBE | nr,
						       data, sizeof(data)));
	}
	fake_free(fake);
}

UNIT_TEST(v2_states_outside_the_table_are_refused)
{
	struct fake *fake = fake_new();

	CHECK_EQ(-EINVAL, fake_set_no_fd(fake, ERROR));
	CHECK_EQ(-EINVAL, fake_set_no_fd(fake, 8));
	CHECK_EQ(-EINVAL, fake_set_no_fd(fake, ~0U));
	CHECK_EQ(RUNNING, fake_state(fake));
	fake_free(fake);
}

UNIT_TEST(v2_stillness_of_every_state)
{
	static const struct {
		unsigned int state;
		bool still;
		bool stopped;
		bool tracked;
	} states[] = {
		{ RUNNING, false, false, false },
		{ RUNNING_P2P, true, false, false },
		{ STOP, true, true, false },
		{ PRE_COPY, false, false, true },
		{ PRE_COPY_P2P, true, false, true },
		{ STOP_COPY, true, true, true },
		{ RESUMING, true, true, false },
		{ ERROR, true, true, false },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct fake *fake = filled();
		struct file *filp = bring(fake, states[i].state);

		CHECK_EQ(states[i].still, fake->still);
		CHECK_EQ(states[i].stopped, fake->stopped);
		CHECK_EQ(states[i].tracked, fake->tracked);
		if (filp)
			fput(filp);
		fake_free(fake);
	}
}

UNIT_TEST(v2_resumes_from_every_still_state)
{
	static const unsigned int states[] = {
		RUNNING_P2P, STOP, PRE_COPY_P2P, STOP_COPY,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct fake *fake = filled();
		struct file *filp = bring(fake, states[i]);

		CHECK_EQ(0, fake_set_no_fd(fake, RUNNING));
		CHECK(!fake->still && !fake->tracked);
		CHECK(fake->running_in_resume);
		if (filp)
			fput(filp);
		fake_free(fake);
	}
}

UNIT_TEST(v2_reset_from_every_state_starts_over)
{
	unsigned int state;

	for (state = ERROR; state <= PRE_COPY_P2P; state++) {
		struct fake *fake = filled();
		struct file *filp = bring(fake, state);
		struct mdev_migration_report report;
		u8 byte = 0;

		CHECK_EQ(0, mdev_migration_reset(fake->mig));
		CHECK_EQ(RUNNING, fake_state(fake));
		CHECK(fake_is_reset(fake));
		CHECK(!fake->still && !fake->tracked);
		mdev_migration_report(fake->mig, &report);
		CHECK(!strcmp(report.owner, "none"));
		if (filp && state == RESUMING)
			CHECK_EQ(-ENODEV, fake_file_write(filp, &byte, 1));
		else if (filp)
			CHECK_EQ(-ENODEV, fake_file_read(filp, &byte, 1));
		if (filp)
			fput(filp);
		/* and it can be moved again */
		fput(bring(fake, PRE_COPY));
		fake_free(fake);
	}
}

UNIT_TEST(v2_refused_device_is_left_by_reset_alone)
{
	unsigned int state;

	for (state = ERROR; state <= PRE_COPY_P2P; state++) {
		struct fake *fake = filled();

		bring(fake, ERROR);
		CHECK_EQ(-EINVAL, fake_set_no_fd(fake, state));
		CHECK_EQ(ERROR, fake_state(fake));
		CHECK(fake_is_reset(fake));
		fake_free(fake);
	}
}

UNIT_TEST(v2_quiesce_that_fails_changes_nothing)
{
	struct fake *fake = filled();
	struct file *filp;

	fake->quiesce_error = -EINTR;
	CHECK_EQ(-EINTR, fake_set_no_fd(fake, STOP));
	CHECK_EQ(RUNNING, fake_state(fake));
	filp = bring(fake, PRE_COPY);
	CHECK_EQ(-EINTR, fake_set_no_fd(fake, STOP_COPY));
	CHECK_EQ(PRE_COPY, fake_state(fake));
	fake->quiesce_error = 0;
	CHECK_EQ(0, fake_set_no_fd(fake, STOP_COPY));
	fput(filp);
	fake_free(fake);
}

UNIT_TEST(v2_save_that_fails_leaves_the_transfer)
{
	struct fake *fake = filled();
	struct file *filp = bring(fake, PRE_COPY);

	fake->save_error = -ENOMEM;
	CHECK_EQ(-ENOMEM, fake_set_no_fd(fake, STOP_COPY));
	CHECK_EQ(PRE_COPY_P2P, fake_state(fake));
	CHECK_EQ(0, fake_set_no_fd(fake, RUNNING));
	CHECK(!fake->still);
	fput(filp);

	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	CHECK_EQ(-ENOMEM, fake_set_no_fd(fake, STOP_COPY));
	CHECK_EQ(STOP, fake_state(fake));
	CHECK(!fake->tracked);
	fake_free(fake);
}

UNIT_TEST(v2_track_that_fails_begins_nothing)
{
	struct fake *fake = filled();

	fake->track_error = -ENOMEM;
	CHECK_EQ(-ENOMEM, fake_set_no_fd(fake, PRE_COPY));
	CHECK_EQ(RUNNING, fake_state(fake));
	fake_free(fake);
}

UNIT_TEST(v2_set_survives_every_failed_allocation)
{
	static const unsigned int states[] = {
		PRE_COPY, STOP_COPY, RESUMING, PRE_COPY_P2P,
	};
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct fake *fake = filled();
		struct file *filp;
		int error = -1;

		for (n = 1; error; n++) {
			unit_alloc_fails_at = n;
			error = fake_set(fake, states[i], &filp);
			unit_alloc_fails_at = 0;
			CHECK(!error || error == -ENOMEM || error == -ENFILE);
			CHECK(n < 20);
			if (error)
				CHECK(!fake->tracked);
		}
		CHECK(n > 2);
		fput(filp);
		fake_free(fake);
	}
}

UNIT_TEST(v2_a_signal_changes_nothing)
{
	struct fake *fake = filled();

	unit_signal = true;
	CHECK_EQ(-EINTR, fake_set_no_fd(fake, STOP));
	unit_signal = true;
	CHECK_EQ(-EINTR, fake_state(fake));
	CHECK_EQ(RUNNING, fake_state(fake));
	fake_free(fake);
}

UNIT_TEST(v2_owner_keeps_the_region_out)
{
	struct fake *fake = filled();
	u8 byte = 0;

	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	CHECK_EQ(-EBUSY, fake_run(fake, VFIO_DEVICE_STATE_START));
	CHECK_EQ(-EBUSY, fake_write(fake, &byte, 1, 1));
	CHECK_EQ(0, fake_running(fake));
	CHECK_EQ(0, fake_set_no_fd(fake, RUNNING));
	CHECK_EQ(-EBUSY, fake_run(fake, VFIO_DEVICE_STATE_STOP));
	CHECK_EQ(0, mdev_migration_reset(fake->mig));
	CHECK_EQ(1, fake_run(fake, VFIO_DEVICE_STATE_STOP));
	fake_free(fake);
}

UNIT_TEST(v2_is_kept_out_by_the_region)
{
	unsigned int state;

	for (state = STOP; state <= PRE_COPY_P2P; state++) {
		struct fake *fake = filled();

		CHECK_EQ(1, fake_run(fake, VFIO_DEVICE_STATE_STOP));
		CHECK_EQ(STOP, fake_state(fake));
		CHECK_EQ(-EBUSY, fake_set_no_fd(fake, state));
		fake_free(fake);
	}
}

UNIT_TEST(v2_region_cannot_be_read_while_a_data_fd_is)
{
	static const unsigned int states[] = {
		RUNNING_P2P, PRE_COPY, PRE_COPY_P2P, STOP_COPY, RESUMING,
	};
	unsigned int i;
	u8 byte;

	for (i = 0; i < ARRAY_SIZE(states); i++) {
		struct fake *fake = filled();
		struct file *filp = bring(fake, states[i]);

		CHECK_EQ(-EBUSY, fake_read(fake, &byte, 1, 1));
		if (filp)
			fput(filp);
		fake_free(fake);
	}
}

UNIT_TEST(v2_stream_drops_the_context_that_the_region_reads)
{
	struct fake *fake = filled();
	struct file *filp;
	u8 byte;

	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	CHECK_EQ(1, fake_read(fake, &byte, 1, 1));
	CHECK(fake->tracked);
	filp = bring(fake, STOP_COPY);
	CHECK(fake->tracked);
	fput(filp);
	fake_free(fake);
}

static void load(struct fake *target, const struct fake_bytes *stream,
		 size_t cut)
{
	struct file *filp = bring(target, RESUMING);
	size_t at, len;

	for (at = 0; at < stream->len; at += len) {
		len = stream->len - at < cut ? stream->len - at : cut;
		CHECK_EQ(len, fake_file_write(filp, stream->data + at, len));
	}
	fput(filp);
	CHECK_EQ(0, fake_set_no_fd(target, RUNNING_P2P));
	CHECK_EQ(0, fake_set_no_fd(target, RUNNING));
	CHECK(!target->still);
}

UNIT_TEST(v2_move_of_a_stopped_device)
{
	struct fake *source = filled(), *target = fake_new();
	struct fake_bytes stream = {};
	struct file *filp = bring(source, STOP_COPY);

	CHECK_EQ(0, fake_file_drain(filp, &stream, 100));
	CHECK_EQ(0, fake_file_drain(filp, &stream, 100));
	load(target, &stream, 77);
	CHECK(fake_same(source, target));
	fput(filp);
	fake_bytes_free(&stream);
	fake_free(source);
	fake_free(target);
}

/* The stream is the same that the region has behind its header. */
UNIT_TEST(v2_stream_of_a_stopped_device_loads_through_the_region)
{
	struct fake *source = filled(), *target = fake_new();
	struct fake_bytes context = {};
	struct file *filp = bring(source, STOP_COPY);
	__le64 head[2];

	memcpy(head, "MDEVCTX1", 8);
	fake_append(&context, head, sizeof(head));
	CHECK_EQ(0, fake_file_drain(filp, &context, 4096));
	head[1] = cpu_to_le64(context.len);
	memcpy(context.data, head, sizeof(head));
	CHECK_EQ(0, fake_load(target, &context, 1000));
	CHECK(fake_same(source, target));
	fput(filp);
	fake_bytes_free(&context);
	fake_free(source);
	fake_free(target);
}

UNIT_TEST(v2_move_of_a_device_at_work)
{
	size_t cut;

	for (cut = 1; cut < 70000; cut = cut * 5 + 1) {
		struct fake *source = filled(), *target = fake_new();
		struct file *filp = bring(source, PRE_COPY);
		struct fake_bytes stream = {};
		int round;

		for (round = 0; round < 5; round++) {
			CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, cut));
			fake_poke(source, 3 * round, round + 1);
			fake_poke(source, 2, round);
			fake_poke(source, 13, 0);
		}
		source->regs[1]++;
		CHECK_EQ(0, fake_set_no_fd(source, PRE_COPY_P2P));
		CHECK_EQ(0, fake_set_no_fd(source, STOP_COPY));
		CHECK_EQ(0, fake_file_drain(filp, &stream, cut));
		load(target, &stream, cut);
		CHECK(fake_same(source, target));
		CHECK_EQ(0, fake_set_no_fd(source, STOP));
		fput(filp);
		fake_bytes_free(&stream);
		fake_free(source);
		fake_free(target);
	}
}

UNIT_TEST(v2_move_that_is_stopped_in_the_first_pass)
{
	struct fake *source = filled(), *target = fake_new();
	struct file *filp = bring(source, PRE_COPY);
	struct fake_bytes stream = {};
	u8 data[300];

	CHECK_EQ(300, fake_file_read(filp, data, 300));
	fake_append(&stream, data, 300);
	fake_poke(source, 0, 77);
	fake_poke(source, 14, 78);
	CHECK_EQ(0, fake_set_no_fd(source, STOP_COPY));
	CHECK_EQ(0, fake_file_drain(filp, &stream, 333));
	load(target, &stream, 333);
	CHECK(fake_same(source, target));
	fput(filp);
	fake_bytes_free(&stream);
	fake_free(source);
	fake_free(target);
}

UNIT_TEST(v2_move_of_memory_that_is_written_while_it_is_read)
{
	struct fake *source = filled(), *target = fake_new();
	struct file *filp = bring(source, PRE_COPY);
	struct fake_bytes stream = {};
	u8 data[20000];

	source->dirty_in_read = true;
	CHECK_EQ(sizeof(data), fake_file_read(filp, data, sizeof(data)));
	fake_append(&stream, data, sizeof(data));
	source->dirty_in_read = false;
	CHECK_EQ(0, fake_set_no_fd(source, STOP_COPY));
	CHECK_EQ(0, fake_file_drain(filp, &stream, 4096));
	load(target, &stream, 4096);
	CHECK(fake_same(source, target));
	fput(filp);
	fake_bytes_free(&stream);
	fake_free(source);
	fake_free(target);
}

UNIT_TEST(v2_move_without_memory)
{
	struct fake *source = fake_new_stateless(), *target;
	struct file *filp = bring(source, PRE_COPY);
	struct fake_bytes stream = {};
	u64 initial, dirty;

	source->regs[2] = 5;
	CHECK_EQ(0, fake_precopy_info(filp, &initial, &dirty));
	CHECK_EQ(64 + 16 + 8, initial);
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 50));
	CHECK_EQ(initial, stream.len);
	CHECK_EQ(0, fake_precopy_info(filp, &initial, &dirty));
	CHECK_EQ(0, initial + dirty);
	CHECK_EQ(0, fake_set_no_fd(source, STOP_COPY));
	CHECK_EQ(0, fake_file_drain(filp, &stream, 50));
	target = fake_new_stateless();
	load(target, &stream, 50);
	CHECK_EQ(5, target->regs[2]);
	fput(filp);
	fake_bytes_free(&stream);
	fake_free(source);
	fake_free(target);
}

UNIT_TEST(v2_what_the_vmm_writes_after_the_stream_stays)
{
	struct fake *source = filled(), *target = fake_new();
	struct file *filp = bring(source, STOP_COPY);
	struct fake_bytes stream = {};

	CHECK_EQ(0, fake_file_drain(filp, &stream, 4096));
	fput(filp);
	filp = bring(target, RESUMING);
	CHECK_EQ(stream.len, fake_file_write(filp, stream.data, stream.len));
	target->regs[0] = 12345;
	CHECK_EQ(0, fake_set_no_fd(target, RUNNING));
	CHECK_EQ(12345, target->regs[0]);
	CHECK_EQ(1, target->applies);
	fput(filp);
	fake_bytes_free(&stream);
	fake_free(source);
	fake_free(target);
}

UNIT_TEST(v2_stream_that_ends_early_is_refused_at_the_arc)
{
	struct fake *source = filled();
	struct file *filp = bring(source, STOP_COPY);
	struct fake_bytes stream = {};
	size_t cut;

	CHECK_EQ(0, fake_file_drain(filp, &stream, 4096));
	fput(filp);
	for (cut = 0; cut < stream.len; cut = cut * 3 + 1) {
		struct fake *target = filled();

		filp = bring(target, RESUMING);
		if (cut)
			CHECK_EQ(cut, fake_file_write(filp, stream.data, cut));
		CHECK_EQ(-EINVAL, fake_set_no_fd(target, RUNNING));
		CHECK_EQ(ERROR, fake_state(target));
		CHECK(fake_is_reset(target));
		CHECK(strstr(unit_log, "ends before its end mark"));
		CHECK_EQ(-ENODEV, fake_file_write(filp, stream.data, 1));
		fput(filp);
		fake_free(target);
	}
	fake_bytes_free(&stream);
	fake_free(source);
}

UNIT_TEST(v2_close_of_the_device_ends_the_data_fd)
{
	struct fake *fake = filled();
	struct file *filp = bring(fake, PRE_COPY);
	u8 byte;

	/* whoever waits for more is told */
	fake->mig->wait.woken = 0;
	mdev_migration_close(fake->mig);
	CHECK(fake->mig->wait.woken);
	CHECK_EQ(-ENODEV, fake_file_read(filp, &byte, 1));
	fake_free(fake);
	CHECK_EQ(-ENODEV, fake_file_read(filp, &byte, 1));
	CHECK(fake_file_poll(filp));
	fput(filp);
	CHECK_EQ(0, unit_alloc_bytes);
}

UNIT_TEST(v2_reopened_device_knows_nothing_of_old_data_fds)
{
	struct fake *fake = filled();
	struct file *filp = bring(fake, RESUMING);
	struct file *other;
	u8 byte = 0;

	mdev_migration_close(fake->mig);
	fake->stopped = false;
	fake->still = false;
	mdev_migration_open(fake->mig, true);
	other = bring(fake, RESUMING);
	CHECK_EQ(-ENODEV, fake_file_write(filp, &byte, 1));
	CHECK_EQ(1, fake_file_write(other, "M", 1));
	fput(filp);
	CHECK_EQ(1, fake_file_write(other, "D", 1));
	fput(other);
	fake_free(fake);
}
