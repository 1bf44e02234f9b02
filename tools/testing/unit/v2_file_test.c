// SPDX-License-Identifier: GPL-2.0
/*
 * The data fds of migration v2: what a read, a write, poll and the ioctl give in
 * each phase, that figures are honest, and that errors stick.
 */
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/uaccess.h>
#include <string.h>

#include "compat_vfio_migration.h"
#include "fake.h"
#include "mdev_migration_private.h"
#include "unit.h"

#define STOP		VFIO_DEVICE_STATE_STOP
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING
#define RUNNING_P2P	VFIO_DEVICE_STATE_RUNNING_P2P
#define PRE_COPY	VFIO_DEVICE_STATE_PRE_COPY
#define PRE_COPY_P2P	VFIO_DEVICE_STATE_PRE_COPY_P2P

/* A device with something in it, and its data fd. */
static struct fake *begin(unsigned int state, struct file **filp)
{
	struct fake *fake = fake_new();

	fake_fill(fake);
	CHECK_EQ(0, fake_set(fake, state, filp));
	CHECK(*filp);
	return fake;
}

static void end(struct fake *fake, struct file *filp)
{
	fput(filp);
	fake_free(fake);
}

static struct fake_bytes stream_of(const char *type)
{
	struct fake *fake = fake_new_type(type);
	struct fake_bytes stream = {};
	struct file *filp;

	fake_fill(fake);
	CHECK_EQ(0, fake_set(fake, STOP_COPY, &filp));
	CHECK_EQ(0, fake_file_drain(filp, &stream, 4096));
	end(fake, filp);
	return stream;
}

UNIT_TEST(file_end_of_precopy_and_end_of_all)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	struct fake_bytes stream = {};
	u8 byte;

	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 4096));
	CHECK_EQ(-ENOMSG, fake_file_read(filp, &byte, 1));
	CHECK_EQ(0, fake_set_no_fd(fake, PRE_COPY_P2P));
	CHECK_EQ(-ENOMSG, fake_file_read(filp, &byte, 1));
	CHECK_EQ(0, fake_set_no_fd(fake, STOP_COPY));
	CHECK_EQ(0, fake_file_drain(filp, &stream, 4096));
	CHECK_EQ(0, fake_file_read(filp, &byte, 1));
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(file_more_comes_once_memory_was_written)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	struct fake_bytes stream = {};
	size_t before;

	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 4096));
	before = stream.len;
	fake_poke(fake, 5, 1);
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 4096));
	/* the round's mark, and the page */
	CHECK_EQ(16 + 16 + 8 + 4096, stream.len - before);
	before = stream.len;
	fake_poke(fake, 5, 2);
	fake_poke(fake, 5, 3);
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 4096));
	CHECK_EQ(16 + 16 + 8 + 4096, stream.len - before);
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(file_zeros_cost_nothing)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	struct fake_bytes stream = {};
	size_t before;

	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 4096));
	CHECK(stream.len < 64 + 16 + 8 + 4 * 4096 + 2 * 24 + 1);
	before = stream.len;
	fake_poke(fake, 5, 0);
	fake_poke(fake, 6, 0);
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 4096));
	CHECK_EQ(16 + 16 + 12, stream.len - before);
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(file_reads_are_the_same_in_any_cut)
{
	struct fake_bytes whole = stream_of(FAKE_TYPE);
	size_t cut;

	for (cut = 1; cut < whole.len + 2; cut = cut * 7 + 1) {
		struct file *filp;
		struct fake *fake = begin(STOP_COPY, &filp);
		struct fake_bytes stream = {};

		CHECK_EQ(0, fake_file_drain(filp, &stream, cut));
		CHECK_EQ(whole.len, stream.len);
		CHECK(!memcmp(whole.data, stream.data, stream.len));
		fake_bytes_free(&stream);
		end(fake, filp);
	}
	fake_bytes_free(&whole);
}

UNIT_TEST(file_initial_bytes_shrink_to_nothing)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	u64 initial, dirty, last, left, read = 0;
	u8 data[1000];
	ssize_t got;

	CHECK_EQ(0, fake_precopy_info(filp, &last, &dirty));
	CHECK(last);
	left = last;
	while ((got = fake_file_read(filp, data, sizeof(data))) > 0) {
		read += got;
		CHECK_EQ(0, fake_precopy_info(filp, &initial, &dirty));
		CHECK(initial < last);
		CHECK_EQ(0, dirty);
		last = initial;
	}
	CHECK_EQ(0, last);
	/* at most the frames of neighbours less */
	CHECK(read <= left && left - read <= 2 * 24);
	end(fake, filp);
}

UNIT_TEST(file_initial_bytes_do_not_grow)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	u64 initial, dirty, before;

	CHECK_EQ(0, fake_precopy_info(filp, &before, &dirty));
	CHECK_EQ(0, dirty);
	fake_poke(fake, 0, 1);
	fake_poke(fake, 1, 1);
	CHECK_EQ(0, fake_precopy_info(filp, &initial, &dirty));
	CHECK_EQ(before, initial);
	CHECK_EQ(2 * (4096 + 24), dirty);
	end(fake, filp);
}

UNIT_TEST(file_initial_bytes_are_over_with_the_first_round)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	u64 initial, dirty;
	u8 data[64 + 16 + 8 + 4 * 4096 + 2 * 24 + 16 + 24 + 1];

	/* two pages that hold nothing but what was written too late */
	fake->dirty[0] = true;
	fake->dirty[9] = true;
	CHECK_EQ(sizeof(data), fake_file_read(filp, data, sizeof(data)));
	CHECK_EQ(0, fake_precopy_info(filp, &initial, &dirty));
	CHECK_EQ(0, initial);
	CHECK(dirty);
	end(fake, filp);
}

UNIT_TEST(file_memory_written_behind_the_state_comes_too)
{
	struct file *filp;
	struct fake *fake = begin(STOP_COPY, &filp);
	struct fake *target = fake_new();
	struct fake_bytes stream = {};
	u8 data[64 + 16 + 8 + 4 * 4096 + 2 * 24 + 5];

	CHECK_EQ(sizeof(data), fake_file_read(filp, data, sizeof(data)));
	fake_append(&stream, data, sizeof(data));
	fake_poke(fake, 5, 1);
	CHECK_EQ(0, fake_file_drain(filp, &stream, 100));
	fput(filp);
	CHECK_EQ(0, fake_set(target, RESUMING, &filp));
	CHECK_EQ(stream.len, fake_file_write(filp, stream.data, stream.len));
	CHECK(fake_same(fake, target));
	fake_bytes_free(&stream);
	fake_free(fake);
	end(target, filp);
}

UNIT_TEST(file_dirty_bytes_are_what_comes)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	struct fake_bytes stream = {};
	u64 initial, dirty;
	size_t before;

	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 4096));
	before = stream.len;
	fake_poke(fake, 1, 1);
	fake_poke(fake, 9, 1);
	fake_poke(fake, 9, 2);
	CHECK_EQ(0, fake_precopy_info(filp, &initial, &dirty));
	CHECK_EQ(0, initial);
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 4096));
	/* and a round's mark */
	CHECK_EQ(dirty + 16, stream.len - before);
	CHECK_EQ(0, fake_precopy_info(filp, &initial, &dirty));
	CHECK_EQ(0, initial + dirty);
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(file_precopy_info_is_of_precopy_alone)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	struct vfio_precopy_info info = { .argsz = sizeof(info) - 1 };
	u64 initial, dirty;

	CHECK_EQ(-EINVAL, filp->f_op->unlocked_ioctl(filp,
						     VFIO_MIG_GET_PRECOPY_INFO,
						     (unsigned long)&info));
	CHECK_EQ(-ENOTTY, filp->f_op->unlocked_ioctl(filp, 0,
						     (unsigned long)&info));
	unit_signal = true;
	CHECK_EQ(-EINTR, fake_precopy_info(filp, &initial, &dirty));
	CHECK_EQ(0, fake_set_no_fd(fake, PRE_COPY_P2P));
	CHECK_EQ(0, fake_precopy_info(filp, &initial, &dirty));
	CHECK_EQ(0, fake_set_no_fd(fake, STOP_COPY));
	CHECK_EQ(-EINVAL, fake_precopy_info(filp, &initial, &dirty));
	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	CHECK_EQ(-ENODEV, fake_precopy_info(filp, &initial, &dirty));
	end(fake, filp);
}

UNIT_TEST(file_data_size_shrinks_and_is_enough)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	struct fake_bytes stream = {};
	u64 now, last = fake_data_size(fake);
	u64 first = last;
	u8 data[1000];

	while (fake_file_read(filp, data, sizeof(data)) > 0) {
		now = fake_data_size(fake);
		CHECK(now < last);
		last = now;
	}
	CHECK(last < first);
	CHECK_EQ(0, fake_set_no_fd(fake, STOP_COPY));
	/* what stays is the state: exactly, once it was saved */
	CHECK(fake_data_size(fake) <= last);
	last = fake_data_size(fake);
	CHECK_EQ(0, fake_file_drain(filp, &stream, 333));
	CHECK_EQ(last, stream.len);
	CHECK_EQ(1, fake_data_size(fake));
	CHECK_EQ(0, fake_set_no_fd(fake, RUNNING));
	CHECK(fake_data_size(fake) >= first);
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(file_poll_tells_when_there_is_something)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	struct fake_bytes stream = {};

	CHECK(fake_file_poll(filp) & EPOLLIN);
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 4096));
	CHECK_EQ(0, fake_file_poll(filp));
	fake_poke(fake, 1, 1);
	CHECK_EQ(EPOLLIN | EPOLLRDNORM, fake_file_poll(filp));
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 4096));
	CHECK_EQ(0, fake_file_poll(filp));
	CHECK_EQ(0, fake_set_no_fd(fake, STOP_COPY));
	CHECK_EQ(EPOLLIN | EPOLLRDNORM, fake_file_poll(filp));
	CHECK_EQ(0, fake_file_drain(filp, &stream, 4096));
	CHECK_EQ(EPOLLIN | EPOLLRDNORM, fake_file_poll(filp));
	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	CHECK(fake_file_poll(filp) & EPOLLHUP);
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(file_error_of_the_driver_sticks)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	u8 data[8192];

	fake->read_error = -EIO;
	/* what was there before it comes */
	CHECK_EQ(64 + 16 + 8, fake_file_read(filp, data, sizeof(data)));
	CHECK_EQ(-EIO, fake_file_read(filp, data, sizeof(data)));
	fake->read_error = 0;
	CHECK_EQ(-EIO, fake_file_read(filp, data, sizeof(data)));
	CHECK(fake_file_poll(filp) & EPOLLIN);
	CHECK_EQ(0, fake_set_no_fd(fake, RUNNING));
	end(fake, filp);
}

UNIT_TEST(file_bytes_that_got_lost_end_the_stream)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	u8 data[64];

	unit_fault = data + 10;
	CHECK_EQ(-EFAULT, fake_file_read(filp, data, sizeof(data)));
	unit_fault = NULL;
	CHECK_EQ(-EFAULT, fake_file_read(filp, data, sizeof(data)));
	end(fake, filp);
}

UNIT_TEST(file_signal_before_a_read_or_write_changes_nothing)
{
	struct fake_bytes stream = stream_of(FAKE_TYPE);
	struct file *filp;
	struct fake *fake = begin(STOP_COPY, &filp);
	struct fake_bytes again = {};
	u8 byte;

	unit_signal = true;
	CHECK_EQ(-EINTR, fake_file_read(filp, &byte, 1));
	CHECK_EQ(0, fake_file_drain(filp, &again, 999));
	CHECK_EQ(stream.len, again.len);
	end(fake, filp);

	fake = begin(RESUMING, &filp);
	unit_signal = true;
	CHECK_EQ(-EINTR, fake_file_write(filp, stream.data, stream.len));
	CHECK_EQ(stream.len, fake_file_write(filp, stream.data, stream.len));
	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	fake_bytes_free(&stream);
	fake_bytes_free(&again);
	end(fake, filp);
}

UNIT_TEST(file_out_of_memory_can_be_tried_again)
{
	struct fake_bytes stream = stream_of(FAKE_TYPE);
	struct file *filp;
	struct fake *fake = begin(STOP_COPY, &filp);
	u8 byte;

	unit_alloc_fails_at = 1;
	CHECK_EQ(-ENOMEM, fake_file_read(filp, &byte, 1));
	CHECK_EQ(1, fake_file_read(filp, &byte, 1));
	CHECK_EQ('M', byte);
	end(fake, filp);

	fake = begin(RESUMING, &filp);
	unit_alloc_fails_at = 1;
	CHECK_EQ(-ENOMEM, fake_file_write(filp, stream.data, stream.len));
	CHECK_EQ(stream.len, fake_file_write(filp, stream.data, stream.len));
	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(file_nothing_is_moved_by_no_bytes)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);

	CHECK_EQ(0, fake_file_read(filp, NULL, 0));
	end(fake, filp);
	fake = begin(RESUMING, &filp);
	CHECK_EQ(0, fake_file_write(filp, NULL, 0));
	end(fake, filp);
}

UNIT_TEST(file_write_faults_are_short_writes)
{
	struct fake_bytes stream = stream_of(FAKE_TYPE);
	struct file *filp;
	struct fake *fake = begin(RESUMING, &filp);

	unit_fault = stream.data;
	CHECK_EQ(-EFAULT, fake_file_write(filp, stream.data, 10));
	unit_fault = NULL;
	CHECK_EQ(stream.len, fake_file_write(filp, stream.data, stream.len));
	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	fake_bytes_free(&stream);
	end(fake, filp);
}

/* Only header and compatibility section: what a source sends first. */
UNIT_TEST(file_other_type_is_refused_at_the_header)
{
	struct fake_bytes stream = stream_of("other-device");
	struct file *filp;
	struct fake *fake = begin(RESUMING, &filp);

	CHECK_EQ(63, fake_file_write(filp, stream.data, 63));
	CHECK_EQ(-ENODEV, fake_file_write(filp, stream.data + 63, 1));
	CHECK(strstr(unit_log, "another device type"));
	CHECK_EQ(-ENODEV, fake_file_write(filp, stream.data + 64, 1));
	CHECK_EQ(1, unit_logged);
	CHECK_EQ(RESUMING, fake_state(fake));
	CHECK_EQ(-ENODEV, fake_set_no_fd(fake, RUNNING));
	CHECK_EQ(0, fake_state(fake));
	CHECK_EQ(1, unit_logged);
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(file_refusal_resets_the_device_and_sticks)
{
	struct fake_bytes stream = stream_of(FAKE_TYPE);
	struct file *filp;
	struct fake *fake = begin(RESUMING, &filp);

	stream.data[stream.len - 1] ^= 1;
	CHECK_EQ(-EBADMSG, fake_file_write(filp, stream.data, stream.len));
	CHECK(fake_is_reset(fake));
	stream.data[stream.len - 1] ^= 1;
	CHECK_EQ(-EBADMSG, fake_file_write(filp, stream.data, stream.len));
	CHECK_EQ(-EBADMSG, fake_set_no_fd(fake, STOP));
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(file_bytes_after_the_end_mark_are_refused)
{
	struct fake_bytes stream = stream_of(FAKE_TYPE);
	struct file *filp;
	struct fake *fake = begin(RESUMING, &filp);

	CHECK_EQ(stream.len, fake_file_write(filp, stream.data, stream.len));
	CHECK(!fake_is_reset(fake));
	CHECK_EQ(-EINVAL, fake_file_write(filp, "x", 1));
	CHECK(fake_is_reset(fake));
	CHECK_EQ(-EINVAL, fake_set_no_fd(fake, STOP));
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(file_received_data_survives_a_close)
{
	struct fake_bytes stream = stream_of(FAKE_TYPE);
	struct file *filp;
	struct fake *fake = begin(RESUMING, &filp);

	CHECK_EQ(stream.len, fake_file_write(filp, stream.data, stream.len));
	fput(filp);
	CHECK(!fake->mig->load_file);
	CHECK_EQ(RESUMING, fake_state(fake));
	CHECK_EQ(0, fake_set_no_fd(fake, RUNNING_P2P));
	CHECK_EQ(0, fake_set_no_fd(fake, RUNNING));
	CHECK(!fake_is_reset(fake));
	fake_bytes_free(&stream);
	fake_free(fake);
}

UNIT_TEST(file_closed_in_precopy_leaves_the_device_at_work)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);

	fput(filp);
	CHECK(!fake->mig->save_file);
	CHECK(!fake->still);
	CHECK_EQ(PRE_COPY, fake_state(fake));
	CHECK_EQ(0, fake_set_no_fd(fake, RUNNING));
	CHECK(!fake->tracked);
	fake_free(fake);
}

UNIT_TEST(file_reader_writes_and_writer_reads_nothing)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);

	CHECK(!filp->f_op->write);
	end(fake, filp);
	fake = begin(RESUMING, &filp);
	CHECK(!filp->f_op->read && !filp->f_op->unlocked_ioctl);
	CHECK_EQ(EPOLLOUT | EPOLLWRNORM, fake_file_poll(filp));
	end(fake, filp);
}

UNIT_TEST(file_memory_is_not_kept)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	struct fake_bytes stream = {};
	size_t before;

	before = unit_alloc_bytes;
	unit_alloc_peak = 0;
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 512));
	CHECK(unit_alloc_peak <= before + 512);
	fake_bytes_free(&stream);
	end(fake, filp);
}
