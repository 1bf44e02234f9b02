// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts on their way in. Device memory is written in place as its chunks
 * come; everything else waits until the context is whole, is judged together
 * and taken over in one step. Whatever goes wrong before leaves the device
 * reset, and says why.
 *
 * Here is what the front ends share, and what comes at a data fd: the stream
 * alone, which does not change the state whatever it is. What became of it is
 * told when user space wants to leave that. What the VMM writes to the device after
 * the end of a stream is not overwritten any more.
 */
#include <linux/compiler.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "load.h"
#include "mdev_migration_private.h"
#include "trace.h"

static int mdev_migration_load_compat(void *arg, u16 version,
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

static int mdev_migration_load_mem(void *arg, u64 offset, const u8 *data,
				   u32 len, const char **why)
{
	struct mdev_migration *mig = arg;
	int error = mig->params.ops->mem->write_chunk(mig->params.priv, offset,
						      data, len);

	if (error)
		*why = "device memory cannot be written";
	return error;
}

static const struct mdev_migration_sink mdev_migration_load_sink = {
	.compat = mdev_migration_load_compat,
	.mem = mdev_migration_load_mem,
};

/**
 * mdev_migration_load_free_locked - free the load, and nothing else
 * @mig: the device
 */
void mdev_migration_load_free_locked(struct mdev_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);

	if (!mig->load)
		return;
	mdev_migration_parser_fini(&mig->load->parser);
	kvfree(mig->load);
	mig->load = NULL;
}

/**
 * mdev_migration_load_drop_locked - forget the context that is being written
 * @mig: the device
 */
void mdev_migration_load_drop_locked(struct mdev_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);

	mdev_migration_load_free_locked(mig);
	mig->write_next = 0;
	mig->load_error = 0;
	WRITE_ONCE(mig->load_file, NULL);
}

/**
 * mdev_migration_load_alloc - make a load of which nothing has come
 * @mig: the device
 *
 * Return: the load or NULL.
 */
struct mdev_migration_load *
mdev_migration_load_alloc(struct mdev_migration *mig)
{
	struct mdev_migration_load *load;

	load = kvzalloc(sizeof(*load), GFP_KERNEL_ACCOUNT);
	if (load)
		mdev_migration_parser_init(&load->parser, &mig->format,
					   &mdev_migration_load_sink, mig);
	return load;
}

/* All of it came: judge the state in it, then take it over. */
static int mdev_migration_load_judge_locked(struct mdev_migration *mig)
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
static int mdev_migration_load_ready_locked(struct mdev_migration *mig)
{
	const struct mdev_migration_ops *ops = mig->params.ops;
	const char *why = NULL;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = ops->ready ? ops->ready(mig->params.priv, &why) : 0;
	return error ? mdev_migration_parser_fail(&mig->load->parser, error,
						  why) : 0;
}

/**
 * mdev_migration_load_take_locked - the last byte of a stream came
 * @mig: the device
 *
 * Return: 0 if the device has taken over all of it, and can go on; or why not.
 */
int mdev_migration_load_take_locked(struct mdev_migration *mig)
{
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = mdev_migration_load_judge_locked(mig);
	if (!error)
		error = mdev_migration_load_ready_locked(mig);
	if (!error)
		trace_mdev_migration_load(mig->params.dev, 0, mig->load->came,
					  0);
	return error;
}

/**
 * mdev_migration_load_say_locked - say why a context is refused
 * @mig: the device, with a load that failed
 */
void mdev_migration_load_say_locked(struct mdev_migration *mig)
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

/**
 * mdev_migration_load_begin_locked - expect a stream at a data fd
 * @mig: the device, stopped
 *
 * There is no other load: the region's are dropped when it loses the device.
 *
 * Return: 0 or -ENOMEM.
 */
int mdev_migration_load_begin_locked(struct mdev_migration *mig)
{
	struct mdev_migration_load *load = mdev_migration_load_alloc(mig);

	lockdep_assert_held(&mig->state_mutex);

	if (!load)
		return -ENOMEM;

	mig->load = load;
	return 0;
}

/**
 * mdev_migration_load_stream_locked - bytes of a stream came at a data fd
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
ssize_t mdev_migration_load_stream_locked(struct mdev_migration *mig,
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
		load->applied = !mdev_migration_load_take_locked(mig);

	if (parser->error) {
		load->applied = false;
		mdev_migration_load_say_locked(mig);
		mig->params.ops->reset(mig->params.priv);
		return parser->error;
	}
	return taken;
}

/**
 * mdev_migration_load_end_locked - no more bytes will come at a data fd
 * @mig: the device, with a load begun
 *
 * Return: 0 if a whole stream was taken over, or why not; then the device is
 * as after reset.
 */
int mdev_migration_load_end_locked(struct mdev_migration *mig)
{
	struct mdev_migration_load *load = mig->load;

	lockdep_assert_held(&mig->state_mutex);

	if (load->parser.error)
		return load->parser.error;
	if (!load->applied) {
		mdev_migration_parser_finish(&load->parser);
		mdev_migration_load_say_locked(mig);
		mig->params.ops->reset(mig->params.priv);
	}
	return load->parser.error;
}
