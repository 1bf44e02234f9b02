// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts on their way out: when one is taken, until when it is true, and
 * when it is dropped.
 */
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/poll.h>

#include "mdev_migration_private.h"
#include "trace.h"

/**
 * mdev_migration_set_ready - there may be something to read through the data fd
 * @mig: the device
 *
 * Callable under any lock but in a wakeup.
 */
void mdev_migration_set_ready(struct mdev_migration *mig)
{
	/* after what was written, and before the wakeup, which is a barrier */
	smp_store_release(&mig->ready, true);
	wake_up_poll(&mig->wait, EPOLLIN | EPOLLRDNORM);
}

/**
 * mdev_migration_save_drop_locked - forget the context that is being read
 * @mig: the device; the data fd is dead afterwards, if there is one
 */
void mdev_migration_save_drop_locked(struct mdev_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);

	mdev_migration_region_stream_free(mig->region_stream);
	mig->region_stream = NULL;
	mdev_migration_v2_stream_free(mig->v2_stream);
	mig->v2_stream = NULL;
	WRITE_ONCE(mig->save_file, NULL);
	if (mig->tracking)
		mig->params.ops->mem->track_stop(mig->params.priv);
	mig->tracking = false;
}

/* Anew: what was written before may be taken for clean from now on. */
static int mdev_migration_save_track_locked(struct mdev_migration *mig)
{
	const struct mdev_migration_mem_ops *mem = mig->params.ops->mem;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	mdev_migration_save_drop_locked(mig);
	if (!mem)
		return 0;
	error = mem->track_start(mig->params.priv);
	mig->tracking = !error;
	return error;
}

/**
 * mdev_migration_save_begin_locked - begin a stream for a data fd
 * @mig: the device, running or stopped
 *
 * Return: 0 or -errno.
 */
int mdev_migration_save_begin_locked(struct mdev_migration *mig)
{
	struct mdev_migration_v2_stream *stream;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = mdev_migration_save_track_locked(mig);
	if (error)
		return error;

	stream = mdev_migration_v2_stream_create(&mig->format,
						 mig->params.ops,
						 mig->params.priv);
	if (IS_ERR(stream)) {
		mdev_migration_save_drop_locked(mig);
		return PTR_ERR(stream);
	}
	mig->v2_stream = stream;
	mdev_migration_set_ready(mig);
	return 0;
}

/* Before the state is saved, so that a change in between is not missed. */
static void mdev_migration_save_note_locked(struct mdev_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);

	mig->save_generation = atomic64_read(&mig->generation);
	/* Pairs with the full barrier in mdev_migration_touch(). */
	smp_rmb();
}

static bool mdev_migration_save_stale_locked(struct mdev_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);

	/* What was copied so far was copied before this is looked at. */
	smp_rmb();
	return atomic64_read(&mig->generation) != mig->save_generation;
}

/**
 * mdev_migration_save_state_locked - the device stands: its stream gets an end
 * @mig: the device, with a stream
 *
 * Return: 0 or -errno.
 */
int mdev_migration_save_state_locked(struct mdev_migration *mig)
{
	int error;

	lockdep_assert_held(&mig->state_mutex);

	mdev_migration_save_note_locked(mig);
	error = mdev_migration_v2_stream_save(mig->v2_stream);
	mdev_migration_set_ready(mig);
	trace_mdev_migration_switchover(mig->params.dev, error,
					error ? 0 :
					mdev_migration_v2_stream_left(mig->v2_stream));
	return error;
}

/**
 * mdev_migration_save_renew_locked - before a stream is read on
 * @mig: the device, with a stream
 *
 * Return: 0; -ESTALE if the VMM changed what was read already; or -errno of
 * saving the state again.
 */
int mdev_migration_save_renew_locked(struct mdev_migration *mig)
{
	s64 before = mig->save_generation;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	if (!mdev_migration_v2_stream_saved(mig->v2_stream) ||
	    !mdev_migration_save_stale_locked(mig))
		return 0;

	mdev_migration_save_note_locked(mig);
	error = mdev_migration_v2_stream_renew(mig->v2_stream);
	if (error)
		mig->save_generation = before;
	return error;
}

/*
 * Tracking first: what the VMM writes to device memory through a mapping is
 * seen only from then on. Then the generation, and after it the state, so that
 * a change in between makes the stream stale and not wrong.
 */
static int mdev_migration_save_take_locked(struct mdev_migration *mig)
{
	const struct mdev_migration_ops *ops = mig->params.ops;
	struct mdev_migration_region_stream *stream;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = mdev_migration_save_track_locked(mig);
	if (error)
		return error;

	mdev_migration_save_note_locked(mig);
	stream = mdev_migration_region_stream_take(&mig->format, ops,
						   mig->params.priv);
	if (IS_ERR(stream)) {
		error = PTR_ERR(stream);
		mdev_migration_save_drop_locked(mig);
		trace_mdev_migration_snapshot(mig->params.dev, error, 0, 0);
		return error;
	}

	mig->region_stream = stream;
	trace_mdev_migration_snapshot(mig->params.dev, 0,
				      mdev_migration_region_stream_length(stream),
				      mdev_migration_region_stream_chunks(stream));
	return 0;
}

/* Zeros behind the context do not count. */
static void mdev_migration_save_count_locked(struct mdev_migration *mig, u64 at,
					     size_t len)
{
	u64 length = mdev_migration_region_stream_length(mig->region_stream);

	lockdep_assert_held(&mig->state_mutex);

	if (at < length)
		atomic64_add(min_t(u64, len, length - at), &mig->moved);
}

/**
 * mdev_migration_save_read_locked - read a part of the context
 * @mig: the device
 * @front: who reads
 * @at: offset in the context; 0 takes a new stream
 * @out: where to
 * @len: bytes
 *
 * Return: 0, -EBUSY if the device is not in a state to be saved, -ESTALE if
 * it was changed since the stream was taken, or -errno of taking it.
 */
int mdev_migration_save_read_locked(struct mdev_migration *mig,
				    enum mdev_migration_front front, u64 at,
				    u8 *out, size_t len)
{
	const struct mdev_migration_arc *arc;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = mdev_migration_region_fsm_check(&mig->fsm,
						MDEV_MIGRATION_EV_SAVE, front,
						&arc);
	if (error)
		return error;

	if (!at || !mig->region_stream) {
		error = mdev_migration_save_take_locked(mig);
		if (error)
			return error;
	}
	if (mdev_migration_save_stale_locked(mig))
		return -ESTALE;

	error = mdev_migration_region_stream_read(mig->region_stream, at, out, len);
	if (!error && mdev_migration_save_stale_locked(mig))
		error = -ESTALE;
	if (!error)
		mdev_migration_save_count_locked(mig, at, len);
	return error;
}
