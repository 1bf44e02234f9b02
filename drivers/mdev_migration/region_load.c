// SPDX-License-Identifier: GPL-2.0
/*
 * A context that is written to the device-state region. It has a header of its
 * own there, and its beginning and its end change the state of the device.
 */
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vfio_device_state.h>

#include "load.h"
#include "mdev_migration_private.h"

/* The write of the context's first byte. */
static int mdev_migration_region_load_first_locked(struct mdev_migration *mig,
						   enum mdev_migration_front front)
{
	struct mdev_migration_load *load = mdev_migration_load_alloc(mig);
	int error;

	lockdep_assert_held(&mig->state_mutex);

	if (!load)
		return -ENOMEM;

	error = mdev_migration_step_locked(mig, MDEV_MIGRATION_EV_LOAD, front);
	if (error) {
		kvfree(load);
		return error;
	}

	mig->load = load;
	return 0;
}

/* Take what belongs to the context's header; returns how much that was. */
static size_t mdev_migration_region_load_head(struct mdev_migration_load *load,
					      const u8 *data, size_t len)
{
	struct mdev_migration_cursor cur = {
		.data = load->head,
		.left = sizeof(load->head),
	};
	size_t piece;

	if (load->came >= sizeof(load->head))
		return 0;

	piece = min_t(size_t, len, sizeof(load->head) - load->came);
	memcpy(load->head + load->came, data, piece);
	load->came += piece;
	if (load->came < sizeof(load->head))
		return piece;

	if (mdev_migration_get_u64(&cur) != VFIO_DEVICE_STATE_MAGIC)
		mdev_migration_parser_fail(&load->parser, -EINVAL,
					   "not a context");
	load->length = mdev_migration_get_u64(&cur);
	if (load->length < sizeof(load->head))
		mdev_migration_parser_fail(&load->parser, -EINVAL,
					   "length is less than the header's");
	return piece;
}

/* Take some bytes of the context, and say how many. 0, or why it is refused. */
static int mdev_migration_region_load_push_locked(struct mdev_migration *mig,
						  const u8 *data, size_t len,
					      size_t *taken)
{
	struct mdev_migration_load *load = mig->load;
	struct mdev_migration_parser *parser = &load->parser;
	size_t piece;

	lockdep_assert_held(&mig->state_mutex);

	*taken = mdev_migration_region_load_head(load, data, len);
	atomic64_add(*taken, &mig->moved);
	if (parser->error || load->came < sizeof(load->head))
		return parser->error;

	piece = mdev_migration_parser_push(parser, data + *taken,
					   min_t(u64, len - *taken,
						 load->length - load->came));
	load->came += piece;
	atomic64_add(piece, &mig->moved);
	*taken += piece;

	if (load->came == load->length)
		return mdev_migration_parser_finish(parser);
	if (parser->state == MDEV_MIGRATION_PARSER_DONE)
		return mdev_migration_parser_fail(parser, -EINVAL,
						  "bytes after the end mark");
	/* Not before the type was seen: another type's may well be longer. */
	if (parser->state != MDEV_MIGRATION_PARSER_HEAD &&
	    load->length > mig->region_size - VFIO_DEVICE_STATE_CONTEXT_OFFSET)
		return mdev_migration_parser_fail(parser, -EINVAL,
						  "it is longer than the region");
	return parser->error;
}

static int mdev_migration_region_load_apply_locked(struct mdev_migration *mig,
						   enum mdev_migration_front front)
{
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = mdev_migration_load_take_locked(mig);
	if (error)
		return error;
	WARN_ON_ONCE(mdev_migration_step_locked(mig, MDEV_MIGRATION_EV_APPLIED,
						front));
	mdev_migration_load_free_locked(mig);
	return 0;
}

static int mdev_migration_region_load_refuse_locked(struct mdev_migration *mig,
						    enum mdev_migration_front front)
{
	int error = mig->load->parser.error;

	lockdep_assert_held(&mig->state_mutex);

	mdev_migration_load_say_locked(mig);
	WARN_ON_ONCE(mdev_migration_step_locked(mig, MDEV_MIGRATION_EV_REFUSE,
						front));
	mdev_migration_load_drop_locked(mig);
	mig->load_error = error;
	return error;
}

/**
 * mdev_migration_region_load_write_locked - write a part of the context
 * @mig: the device
 * @front: who writes
 * @at: offset in the context; 0 starts over, anything else goes on
 * @data: the bytes
 * @len: how many, 1 at least
 *
 * The lock is to be dropped before it is called for the bytes that were not
 * taken: each call writes no more than one section of device memory.
 *
 * Return: bytes taken, -EBUSY if another front end owns the device, -EINVAL for
 * a gap, -EINTR or -ENOMEM with nothing changed, or why the context is refused,
 * which with its last byte may be these two as well.
 */
ssize_t mdev_migration_region_load_write_locked(struct mdev_migration *mig,
						enum mdev_migration_front front,
					    u64 at, const u8 *data, size_t len)
{
	size_t taken = len;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	if (mdev_migration_fsm_is_others(&mig->fsm, front))
		return -EBUSY;

	if (!at) {
		error = mdev_migration_region_load_first_locked(mig, front);
		if (error)
			return error;
	} else if (mig->fsm.state == MDEV_MIGRATION_REFUSED) {
		return mig->load_error;
	} else if (at != mig->write_next) {
		return -EINVAL;
	}

	/* Else a whole context was taken over; these are bytes behind it. */
	if (mig->load) {
		error = mdev_migration_region_load_push_locked(mig, data, len,
							       &taken);
		if (!error && mig->load->came == mig->load->length)
			error = mdev_migration_region_load_apply_locked(mig, front);
		if (error)
			return mdev_migration_region_load_refuse_locked(mig, front);
	}

	mig->write_next = at + taken;
	return taken;
}
