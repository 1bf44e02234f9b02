// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts on their way in. Device memory is written in place as its chunks
 * come; everything else waits until the context is whole, is judged together
 * and taken over in one step. Whatever goes wrong before leaves the device
 * reset, and says why.
 *
 * Through the region a context has a header of its own, and its end changes the
 * state of the device. Through a data fd there is the stream alone, and nothing
 * that comes changes the state: what became of it is told when user space wants
 * to leave it. What the VMM writes to the device after the end of a stream is
 * not overwritten any more.
 */
#include <linux/compiler.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vfio_device_state.h>

#include "mdev_migration_private.h"
#include "trace.h"

/**
 * struct mdev_migration_load - a context that is being written
 * @parser: reads the stream
 * @came: bytes of the context that came
 * @length: bytes that the context has, once its header came
 * @head: the context's header
 * @applied: the whole stream came and was taken over; of a data fd
 */
struct mdev_migration_load {
	struct mdev_migration_parser parser;
	u64 came;
	u64 length;
	u8 head[MDEV_MIGRATION_CONTEXT_HEAD];
	bool applied;
};

static int mdev_migration_restore_compat(void *arg, u16 version,
					 const u8 *data, u32 len,
					 const char **why)
{
	struct mdev_migration *mig = arg;
	struct mdev_migration_cursor cur = { .data = data, .left = len };
	int error;

	error = mig->params.ops->compat_check(mig->params.priv, version, &cur,
					      why);
	if (!error && cur.bad) {
		*why = "compatibility section is too short";
		error = -EINVAL;
	}
	return error;
}

static int mdev_migration_restore_mem(void *arg, u64 offset, const u8 *data,
				      u32 len, const char **why)
{
	struct mdev_migration *mig = arg;
	int error = mig->params.ops->mem->write_chunk(mig->params.priv, offset,
						      data, len);

	if (error)
		*why = "device memory cannot be written";
	return error;
}

static const struct mdev_migration_sink mdev_migration_restore_sink = {
	.compat = mdev_migration_restore_compat,
	.mem = mdev_migration_restore_mem,
};

static void mdev_migration_restore_free_locked(struct mdev_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);

	if (!mig->load)
		return;
	mdev_migration_parser_fini(&mig->load->parser);
	kvfree(mig->load);
	mig->load = NULL;
}

/**
 * mdev_migration_restore_drop_locked - forget the context that is being written
 * @mig: the device
 */
void mdev_migration_restore_drop_locked(struct mdev_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);

	mdev_migration_restore_free_locked(mig);
	mig->write_next = 0;
	mig->load_error = 0;
	WRITE_ONCE(mig->load_file, NULL);
}

static struct mdev_migration_load *
mdev_migration_restore_alloc(struct mdev_migration *mig)
{
	struct mdev_migration_load *load;

	load = kvzalloc(sizeof(*load), GFP_KERNEL_ACCOUNT);
	if (load)
		mdev_migration_parser_init(&load->parser, &mig->format,
					   &mdev_migration_restore_sink, mig);
	return load;
}

/* The write of the context's first byte. */
static int mdev_migration_restore_first_locked(struct mdev_migration *mig,
					       enum mdev_migration_front front)
{
	struct mdev_migration_load *load = mdev_migration_restore_alloc(mig);
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
static size_t mdev_migration_restore_head(struct mdev_migration_load *load,
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
static int mdev_migration_restore_push_locked(struct mdev_migration *mig,
					      const u8 *data, size_t len,
					      size_t *taken)
{
	struct mdev_migration_load *load = mig->load;
	struct mdev_migration_parser *parser = &load->parser;
	size_t piece;

	lockdep_assert_held(&mig->state_mutex);

	*taken = mdev_migration_restore_head(load, data, len);
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

/* All of it came: judge the state in it, then take it over. */
static int mdev_migration_restore_judge_locked(struct mdev_migration *mig)
{
	const struct mdev_migration_ops *ops = mig->params.ops;
	struct mdev_migration_parser *parser = &mig->load->parser;
	const char *why = NULL;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = ops->state_check(mig->params.priv, parser->sections,
				 parser->nr_sections, &why);
	if (error)
		return mdev_migration_parser_fail(parser, error, why);

	ops->apply(mig->params.priv, parser->sections, parser->nr_sections);
	return 0;
}

/* It was taken over: could the device go on? */
static int mdev_migration_restore_ready_locked(struct mdev_migration *mig)
{
	const struct mdev_migration_ops *ops = mig->params.ops;
	const char *why = NULL;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = ops->ready ? ops->ready(mig->params.priv, &why) : 0;
	return error ? mdev_migration_parser_fail(&mig->load->parser, error,
						  why) : 0;
}

/* The last byte came: 0 if the device has taken over all, and can go on. */
static int mdev_migration_restore_take_locked(struct mdev_migration *mig)
{
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = mdev_migration_restore_judge_locked(mig);
	if (!error)
		error = mdev_migration_restore_ready_locked(mig);
	if (!error)
		trace_mdev_migration_load(mig->params.dev, 0, mig->load->came,
					  0);
	return error;
}

static void mdev_migration_restore_say_locked(struct mdev_migration *mig)
{
	const struct mdev_migration_parser *parser = &mig->load->parser;

	lockdep_assert_held(&mig->state_mutex);

	/* A sender tries as often as it likes; another device's is still said. */
	if (__ratelimit(&mig->said))
		dev_warn(mig->params.dev,
			 "context refused at byte %llu, section %#x: %s (%d)\n",
			 mig->load->came, parser->id, parser->why,
			 parser->error);
	trace_mdev_migration_load(mig->params.dev, parser->error,
				  mig->load->came, parser->id);
}

static int mdev_migration_restore_apply_locked(struct mdev_migration *mig,
					       enum mdev_migration_front front)
{
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = mdev_migration_restore_take_locked(mig);
	if (error)
		return error;
	WARN_ON_ONCE(mdev_migration_step_locked(mig, MDEV_MIGRATION_EV_APPLIED,
						front));
	mdev_migration_restore_free_locked(mig);
	return 0;
}

static int mdev_migration_restore_refuse_locked(struct mdev_migration *mig,
						enum mdev_migration_front front)
{
	int error = mig->load->parser.error;

	lockdep_assert_held(&mig->state_mutex);

	mdev_migration_restore_say_locked(mig);
	WARN_ON_ONCE(mdev_migration_step_locked(mig, MDEV_MIGRATION_EV_REFUSE,
						front));
	mdev_migration_restore_drop_locked(mig);
	mig->load_error = error;
	return error;
}

/**
 * mdev_migration_restore_write_locked - write a part of the context
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
ssize_t mdev_migration_restore_write_locked(struct mdev_migration *mig,
					    enum mdev_migration_front front,
					    u64 at, const u8 *data, size_t len)
{
	size_t taken = len;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	if (mdev_migration_fsm_is_others(&mig->fsm, front))
		return -EBUSY;

	if (!at) {
		error = mdev_migration_restore_first_locked(mig, front);
		if (error)
			return error;
	} else if (mig->fsm.state == MDEV_MIGRATION_REFUSED) {
		return mig->load_error;
	} else if (at != mig->write_next) {
		return -EINVAL;
	}

	/* Else a whole context was taken over; these are bytes behind it. */
	if (mig->load) {
		error = mdev_migration_restore_push_locked(mig, data, len,
							   &taken);
		if (!error && mig->load->came == mig->load->length)
			error = mdev_migration_restore_apply_locked(mig, front);
		if (error)
			return mdev_migration_restore_refuse_locked(mig, front);
	}

	mig->write_next = at + taken;
	return taken;
}

/**
 * mdev_migration_restore_begin_locked - expect a stream at a data fd
 * @mig: the device, stopped
 *
 * There is no other load: the region's are dropped when it loses the device.
 *
 * Return: 0 or -ENOMEM.
 */
int mdev_migration_restore_begin_locked(struct mdev_migration *mig)
{
	struct mdev_migration_load *load = mdev_migration_restore_alloc(mig);

	lockdep_assert_held(&mig->state_mutex);

	if (!load)
		return -ENOMEM;

	mig->load = load;
	return 0;
}

/**
 * mdev_migration_restore_stream_locked - bytes of a stream came at a data fd
 * @mig: the device, with a load begun
 * @data: the bytes
 * @len: how many, 1 at least
 *
 * The device stays in its state whatever comes. The lock is to be dropped
 * before it is called for the bytes that were not taken.
 *
 * Return: bytes taken, or why the stream is refused; the same one for ever from
 * then on.
 */
ssize_t mdev_migration_restore_stream_locked(struct mdev_migration *mig,
					     const u8 *data, size_t len)
{
	struct mdev_migration_load *load = mig->load;
	struct mdev_migration_parser *parser = &load->parser;
	size_t taken;

	lockdep_assert_held(&mig->state_mutex);

	if (parser->error)
		return parser->error;

	taken = mdev_migration_parser_push(parser, data, len);
	load->came += taken;
	atomic64_add(taken, &mig->moved);
	if (parser->state == MDEV_MIGRATION_PARSER_DONE)
		load->applied = !mdev_migration_restore_take_locked(mig);

	if (parser->error) {
		load->applied = false;
		mdev_migration_restore_say_locked(mig);
		mig->params.ops->reset(mig->params.priv);
		return parser->error;
	}
	return taken;
}

/**
 * mdev_migration_restore_end_locked - no more bytes will come at a data fd
 * @mig: the device, with a load begun
 *
 * Return: 0 if a whole stream was taken over, or why not; then the device is
 * as after reset.
 */
int mdev_migration_restore_end_locked(struct mdev_migration *mig)
{
	struct mdev_migration_load *load = mig->load;

	lockdep_assert_held(&mig->state_mutex);

	if (load->parser.error)
		return load->parser.error;
	if (!load->applied) {
		mdev_migration_parser_finish(&load->parser);
		mdev_migration_restore_say_locked(mig);
		mig->params.ops->reset(mig->params.priv);
	}
	return load->parser.error;
}
