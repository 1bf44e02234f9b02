// SPDX-License-Identifier: GPL-2.0
/*
 * What a VMM does to a device that stands: state and memory that it writes
 * while a stream is read, the region beside migration v2, who is woken, and how
 * much is done between two looks for a deadly signal.
 */
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/vfio_device_state.h>
#include <string.h>

#include "compat_vfio_migration.h"
#include "fake.h"
#include "mdev_migration_private.h"
#include "unit.h"

#define ERROR		VFIO_DEVICE_STATE_ERROR
#define RUNNING		VFIO_DEVICE_STATE_RUNNING
#define STOP		VFIO_DEVICE_STATE_STOP
#define STOP_COPY	VFIO_DEVICE_STATE_STOP_COPY
#define RESUMING	VFIO_DEVICE_STATE_RESUMING
#define PRE_COPY	VFIO_DEVICE_STATE_PRE_COPY

/* Header, and compatibility section. */
#define BEGIN		(64 + 16 + 8)
#define ZERO		(16 + 12)
#define EVENTS		(EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP)

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

/* The VMM writes a register. */
static void write_reg(struct fake *fake, u64 value)
{
	fake->regs[1] = value;
	mdev_migration_touch(fake->mig);
}

/* The VMM writes memory. */
static void write_page(struct fake *fake, unsigned int page)
{
	fake_poke(fake, page, 0x77);
	mdev_migration_touch(fake->mig);
}

/* Does the stream make another device the same? */
static bool arrives(struct fake *fake, const struct fake_bytes *stream)
{
	struct file *filp;
	struct fake *target = fake_new();
	bool same;

	CHECK_EQ(0, fake_set(target, RESUMING, &filp));
	CHECK_EQ(stream->len, fake_file_write(filp, stream->data, stream->len));
	same = fake_same(fake, target);
	end(target, filp);
	return same;
}

/* Read until so many bytes are left. */
static void read_all_but(struct file *filp, struct fake *fake,
			 struct fake_bytes *stream, u64 left)
{
	u8 byte;

	while (fake_data_size(fake) > left) {
		CHECK_EQ(1, fake_file_read(filp, &byte, 1));
		fake_append(stream, &byte, 1);
	}
}

UNIT_TEST(still_state_written_before_it_was_read_travels)
{
	struct file *filp;
	struct fake *fake = begin(STOP_COPY, &filp);
	struct fake_bytes stream = {};
	u8 data[BEGIN + 100];

	write_reg(fake, 0x1234);
	CHECK_EQ(sizeof(data), fake_file_read(filp, data, sizeof(data)));
	fake_append(&stream, data, sizeof(data));
	write_reg(fake, 0x5678);
	write_page(fake, 3);
	CHECK_EQ(0, fake_file_drain(filp, &stream, 512));
	CHECK(arrives(fake, &stream));
	fake_bytes_free(&stream);
	end(fake, filp);
}

/* In the first save, and in the one that this makes necessary. */
UNIT_TEST(still_state_written_while_it_is_saved_travels)
{
	unsigned int save;

	for (save = 1; save <= 2; save++) {
		struct fake_bytes stream = {};
		struct fake *fake = fake_new();
		struct file *filp;

		fake_fill(fake);
		fake->touch_in_save = save;
		CHECK_EQ(0, fake_set(fake, STOP_COPY, &filp));
		CHECK_EQ(1, fake->saves);
		if (save == 2)
			write_reg(fake, 0x1234);
		CHECK_EQ(0, fake_file_drain(filp, &stream, 512));
		CHECK(arrives(fake, &stream));
		fake_bytes_free(&stream);
		end(fake, filp);
	}
}

/* With the last byte: QEMU looks at no error when it leaves RESUMING. */
UNIT_TEST(still_a_host_that_cannot_go_on_refuses_the_end)
{
	struct file *filp;
	struct fake *source = begin(STOP_COPY, &filp);
	struct fake_bytes stream = {};
	struct fake *target = fake_new();

	CHECK_EQ(0, fake_file_drain(filp, &stream, 512));
	end(source, filp);
	CHECK_EQ(0, fake_set(target, RESUMING, &filp));
	target->ready_error = -ENOMEM;
	CHECK(fake_file_write(filp, stream.data, stream.len) <
	      (ssize_t)stream.len);
	CHECK_EQ(-ENOMEM, fake_file_write(filp, stream.data, 1));
	CHECK_EQ(1, target->applies);
	CHECK_EQ(1, target->readies);
	CHECK(fake_is_reset(target));
	CHECK_EQ(-ENOMEM, fake_set_no_fd(target, STOP));
	CHECK_EQ(1, target->readies);
	CHECK_EQ(ERROR, fake_state(target));
	fake_bytes_free(&stream);
	end(target, filp);
}

UNIT_TEST(still_state_written_after_it_was_read_is_stale)
{
	struct file *filp;
	struct fake *fake = begin(STOP_COPY, &filp);
	struct fake_bytes stream = {};
	u64 reg = fake->regs[1];
	u8 byte;

	read_all_but(filp, fake, &stream, 28);
	write_reg(fake, reg + 1);
	CHECK_EQ(-ESTALE, fake_file_read(filp, &byte, 1));
	/* for good */
	write_reg(fake, reg);
	CHECK_EQ(-ESTALE, fake_file_read(filp, &byte, 1));
	CHECK(fake_file_poll(filp) & EPOLLIN);
	fput(filp);
	/* but not for the next stream */
	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	CHECK_EQ(0, fake_set(fake, STOP_COPY, &filp));
	stream.len = 0;
	CHECK_EQ(0, fake_file_drain(filp, &stream, 512));
	CHECK(arrives(fake, &stream));
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(still_state_written_behind_the_end_is_stale)
{
	struct file *filp;
	struct fake *fake = begin(STOP_COPY, &filp);
	struct fake_bytes stream = {};
	u8 byte;

	CHECK_EQ(0, fake_file_drain(filp, &stream, 512));
	CHECK_EQ(0, fake_file_read(filp, &byte, 1));
	write_reg(fake, 1);
	CHECK_EQ(-ESTALE, fake_file_read(filp, &byte, 1));
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(still_a_write_that_changes_nothing_is_nothing)
{
	struct file *filp;
	struct fake *fake = begin(STOP_COPY, &filp);
	struct fake_bytes stream = {};

	read_all_but(filp, fake, &stream, 28);
	write_reg(fake, fake->regs[1]);
	CHECK_EQ(0, fake_file_drain(filp, &stream, 512));
	mdev_migration_touch(fake->mig);
	CHECK_EQ(0, fake_file_drain(filp, &stream, 512));
	CHECK(arrives(fake, &stream));
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(still_memory_written_behind_the_end_mark_is_stale)
{
	struct file *filp;
	struct fake *fake = begin(STOP_COPY, &filp);
	struct fake_bytes stream = {};
	u8 byte;

	/* the end mark is made with its first byte */
	read_all_but(filp, fake, &stream, 27);
	write_page(fake, 2);
	CHECK_EQ(-ESTALE, fake_file_read(filp, &byte, 1));
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(still_out_of_memory_in_between_can_be_tried_again)
{
	struct file *filp;
	struct fake *fake = begin(STOP_COPY, &filp);
	struct fake_bytes stream = {};
	u8 byte;

	write_reg(fake, 99);
	unit_alloc_fails_at = 2;
	CHECK_EQ(-ENOMEM, fake_file_read(filp, &byte, 1));
	unit_alloc_fails_at = 0;
	CHECK_EQ(0, fake_file_drain(filp, &stream, 512));
	CHECK(arrives(fake, &stream));
	fake_bytes_free(&stream);
	end(fake, filp);
}

UNIT_TEST(still_region_is_busy_while_v2_owns_an_error)
{
	static const u64 offsets[] = { 1, 2, 17, 65, 4097, 30000 };
	struct file *filp;
	struct fake *fake = begin(RESUMING, &filp);
	u8 data[64] = {};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		CHECK_EQ(-EBUSY, fake_write(fake, data, 64, offsets[i]));
	fput(filp);
	CHECK_EQ(-EINVAL, fake_set(fake, STOP, &filp));
	CHECK_EQ(ERROR, fake_state(fake));
	for (i = 0; i < ARRAY_SIZE(offsets); i++)
		CHECK_EQ(-EBUSY, fake_write(fake, data, 64, offsets[i]));
	CHECK_EQ(-EBUSY, fake_run(fake, VFIO_DEVICE_STATE_STOP));
	fake_free(fake);
}

UNIT_TEST(still_errno_of_an_earlier_open_is_forgotten)
{
	struct fake *fake = fake_new();
	u8 data[64];

	memset(data, 0xff, sizeof(data));
	CHECK_EQ(-EINVAL, fake_write(fake, data, sizeof(data), 1));
	CHECK_EQ(-EINVAL, fake->mig->load_error);
	CHECK_EQ(-EINVAL, fake_write(fake, data, sizeof(data), 65));
	mdev_migration_close(fake->mig);
	CHECK_EQ(0, fake->mig->load_error);
	mdev_migration_open(fake->mig, true);
	CHECK_EQ(-EINVAL, fake_write(fake, data, sizeof(data), 65));
	CHECK_EQ(0, fake->mig->load_error);
	fake_free(fake);
}

UNIT_TEST(still_whoever_waits_is_woken)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);

	fake->mig->wait.events = 0;
	CHECK_EQ(0, mdev_migration_reset(fake->mig));
	CHECK_EQ(EVENTS, EVENTS & fake->mig->wait.events);
	fput(filp);
	fake->mig->wait.events = 0;
	CHECK_EQ(0, fake_set(fake, RESUMING, &filp));
	CHECK_EQ(EVENTS, EVENTS & fake->mig->wait.events);
	fake->mig->wait.events = 0;
	mdev_migration_close(fake->mig);
	CHECK_EQ(EVENTS, EVENTS & fake->mig->wait.events);
	end(fake, filp);
}

UNIT_TEST(still_who_polls_is_woken_by_memory_and_by_errors)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	u8 byte;

	fake->mig->wait.events = 0;
	mdev_migration_dirtied(fake->mig);
	CHECK(fake->mig->wait.events & EPOLLIN);
	/* another reader found out */
	fake->mig->wait.events = 0;
	unit_fault = &byte;
	CHECK_EQ(-EFAULT, fake_file_read(filp, &byte, 1));
	unit_fault = NULL;
	CHECK(fake->mig->wait.events & EPOLLIN);
	end(fake, filp);

	fake = begin(PRE_COPY, &filp);
	fake->read_error = -ENXIO;
	fake->mig->wait.events = 0;
	while (fake_file_read(filp, &byte, 1) == 1)
		;
	CHECK(fake->mig->wait.events & EPOLLIN);
	end(fake, filp);
}

/* Who is killed waits for no lock, and is told so. */
UNIT_TEST(still_a_poll_waits_for_nobody)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);

	unit_signal = true;
	CHECK_EQ(EPOLLIN | EPOLLRDNORM, fake_file_poll(filp));
	end(fake, filp);
}

/* A stream of zeros, a chunk of memory in each few bytes. */
static struct fake_bytes zeros(void)
{
	u8 payload[12] = {};
	struct fake_bytes bytes = {};
	unsigned int i;

	payload[9] = FAKE_MEM >> 8 & 0xff;
	payload[10] = FAKE_MEM >> 16;
	fake_begin(&bytes, FAKE_TYPE);
	fake_compat(&bytes);
	for (i = 0; i < 8; i++) {
		fake_section(&bytes, MDEV_MIGRATION_SECTION_ZERO, 1, 0, payload,
			     sizeof(payload));
		fake_section(&bytes, MDEV_MIGRATION_SECTION_ROUND, 1, 0, NULL,
			     0);
	}
	fake_regs(&bytes);
	fake_end(&bytes);
	return bytes;
}

UNIT_TEST(still_a_write_looks_for_signals_at_each_piece_of_memory)
{
	struct fake_bytes bytes = zeros();
	struct file *filp;
	struct fake *fake = begin(RESUMING, &filp);
	size_t len = bytes.len - 16;
	size_t some = BEGIN + ZERO + 16 + ZERO;

	unit_alive = 2;
	CHECK_EQ(some, fake_file_write(filp, bytes.data + 16, len));
	CHECK_EQ(-EINTR, fake_file_write(filp, bytes.data + 16, len));
	unit_alive = -1;
	CHECK_EQ(len - some, fake_file_write(filp, bytes.data + 16 + some,
					     len - some));
	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	fake_bytes_free(&bytes);
	end(fake, filp);
}

UNIT_TEST(still_a_write_to_the_region_does_too)
{
	struct fake_bytes bytes = zeros();
	struct fake *fake = fake_new();
	size_t some = 16 + BEGIN + ZERO + 16 + ZERO;

	unit_alive = 2;
	CHECK_EQ(some, fake_write(fake, bytes.data, bytes.len, 1));
	CHECK_EQ(-EINTR, fake_write(fake, bytes.data + some, 1, 1 + some));
	unit_alive = -1;
	CHECK_EQ(bytes.len - some, fake_write(fake, bytes.data + some,
					      bytes.len - some, 1 + some));
	CHECK_EQ(1, fake_run(fake, VFIO_DEVICE_STATE_START));
	fake_bytes_free(&bytes);
	fake_free(fake);
}

UNIT_TEST(still_a_read_looks_for_signals_at_each_piece)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp);
	u8 data[FAKE_MEM + 4096];
	unsigned int i;

	CHECK_EQ(BEGIN, fake_file_read(filp, data, BEGIN));
	while (fake_file_read(filp, data, sizeof(data)) > 0)
		;
	/* zeros, which take a few bytes each */
	for (i = 0; i < 8; i++)
		fake_poke(fake, 2 * i, 0);
	fake->reads = 0;
	unit_alive = 2;
	CHECK_EQ(16 + 2 * ZERO, fake_file_read(filp, data, sizeof(data)));
	CHECK_EQ(2, fake->reads);
	CHECK_EQ(-EINTR, fake_file_read(filp, data, sizeof(data)));
	unit_alive = -1;
	CHECK_EQ(6 * ZERO, fake_file_read(filp, data, sizeof(data)));
	end(fake, filp);
}

UNIT_TEST(still_a_snapshot_looks_for_signals_at_each_piece)
{
	struct fake *fake = fake_new();
	u8 byte;

	fake_fill(fake);
	CHECK_EQ(1, fake_run(fake, VFIO_DEVICE_STATE_STOP));
	unit_alive = 2;
	CHECK_EQ(-EINTR, fake_read(fake, &byte, 1, 1));
	unit_alive = -1;
	CHECK_EQ(1, fake_read(fake, &byte, 1, 1));
	fake_free(fake);
}

/* A device that looks at a page at a time gives the same. */
UNIT_TEST(still_memory_may_be_found_bit_by_bit)
{
	struct file *filp;
	struct fake *fake = begin(PRE_COPY, &filp), *other;
	struct fake_bytes stream = {}, one, two;
	u8 data[64];

	fake->looks_short = true;
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 512));
	fake_poke(fake, 1, 0);
	fake_poke(fake, 13, 0x44);
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, &stream, 512));
	CHECK_EQ(0, fake_set_no_fd(fake, STOP_COPY));
	fake_poke(fake, 15, 0x55);
	CHECK_EQ(0, fake_file_drain(filp, &stream, 512));
	CHECK(arrives(fake, &stream));
	/* between two looks it can be killed */
	CHECK_EQ(0, fake_set_no_fd(fake, STOP));
	fput(filp);
	memset(fake->mem, 0, FAKE_MEM);
	CHECK_EQ(0, fake_set(fake, STOP_COPY, &filp));
	CHECK_EQ(64, fake_file_read(filp, data, 64));
	CHECK_EQ(16 + 8, fake_file_read(filp, data, 24));
	unit_alive = 3;
	CHECK_EQ(-EINTR, fake_file_read(filp, data, 64));
	unit_alive = -1;
	fake_bytes_free(&stream);
	end(fake, filp);

	fake = fake_new();
	other = fake_new();
	fake_fill(fake);
	fake_fill(other);
	other->looks_short = true;
	CHECK_EQ(1, fake_run(fake, VFIO_DEVICE_STATE_STOP));
	CHECK_EQ(1, fake_run(other, VFIO_DEVICE_STATE_STOP));
	one = fake_save(fake);
	two = fake_save(other);
	CHECK_EQ(one.len, two.len);
	CHECK(!memcmp(one.data, two.data, one.len));
	fake_bytes_free(&one);
	fake_bytes_free(&two);
	fake_free(fake);
	fake_free(other);
}

UNIT_TEST(still_the_ops_are_one_table)
{
	struct fake *one = fake_new(), *two = fake_new();

	CHECK(one->vdev.mig_ops == two->vdev.mig_ops);
	CHECK_EQ(0, fake_set_no_fd(one, STOP));
	CHECK_EQ(STOP, fake_state(one));
	CHECK_EQ(RUNNING, fake_state(two));
	fake_free(one);
	CHECK_EQ(RUNNING, fake_state(two));
	fake_free(two);
}
