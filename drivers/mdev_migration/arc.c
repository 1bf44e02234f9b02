// SPDX-License-Identifier: GPL-2.0
/*
 * The one place where a device changes its run state: what an arc of a table
 * asks for is done here. Also who holds a handle.
 */
#include <linux/container_of.h>
#include <linux/errno.h>
#include <linux/lockdep.h>
#include <linux/poll.h>
#include <linux/slab.h>

#include "mdev_migration_private.h"
#include "trace.h"

static void mdev_migration_release(struct kref *ref)
{
	struct mdev_migration *mig = container_of(ref, struct mdev_migration,
						  ref);

	mutex_destroy(&mig->state_mutex);
	kfree(mig);
}

/**
 * mdev_migration_get - a data fd needs the handle
 * @mig: the handle
 */
void mdev_migration_get(struct mdev_migration *mig)
{
	kref_get(&mig->ref);
}

/**
 * mdev_migration_put - undo mdev_migration_get()
 * @mig: the handle; the driver may be gone
 */
void mdev_migration_put(struct mdev_migration *mig)
{
	kref_put(&mig->ref, mdev_migration_release);
}

/**
 * mdev_migration_wake - what a data fd is good for may have changed
 * @mig: the device
 *
 * Whoever polls looks again, whatever for: a data fd that died is readable, and
 * hung up, and may have been waited for as a writable one.
 */
void mdev_migration_wake(struct mdev_migration *mig)
{
	wake_up_poll(&mig->wait, EPOLLIN | EPOLLRDNORM | EPOLLOUT |
				 EPOLLWRNORM | EPOLLERR | EPOLLHUP);
}

/* What of an arc can fail; the rest is not done then. */
static int mdev_migration_try_locked(struct mdev_migration *mig,
				     unsigned int actions)
{
	const struct mdev_migration_ops *ops = mig->params.ops;
	void *priv = mig->params.priv;
	int error = 0;

	lockdep_assert_held(&mig->state_mutex);

	if (actions & MDEV_MIGRATION_DO_RESUME && ops->resume_prepare)
		error = ops->resume_prepare(priv);
	if (!error && actions & MDEV_MIGRATION_DO_QUIESCE_P2P)
		error = ops->quiesce(priv, MDEV_MIGRATION_QUIESCE_P2P);
	if (!error && actions & MDEV_MIGRATION_DO_QUIESCE)
		error = ops->quiesce(priv, MDEV_MIGRATION_QUIESCE_STOP);
	if (!error && actions & MDEV_MIGRATION_DO_SAVE_BEGIN)
		error = mdev_migration_save_begin_locked(mig);
	if (!error && actions & MDEV_MIGRATION_DO_SAVE_STATE) {
		error = mdev_migration_save_state_locked(mig);
		if (error && actions & MDEV_MIGRATION_DO_SAVE_BEGIN)
			mdev_migration_save_drop_locked(mig);
	}
	if (!error && actions & MDEV_MIGRATION_DO_LOAD_BEGIN)
		error = mdev_migration_load_begin_locked(mig);
	if (!error && actions & MDEV_MIGRATION_DO_LOAD_END)
		error = mdev_migration_load_end_locked(mig);
	return error;
}

/**
 * mdev_migration_arc_locked - go along an arc
 * @mig: the device
 * @event: what happens
 * @front: who wants it
 * @arc: a cell of a table
 *
 * The driver sees the device as stopped only after it is still, and as running
 * before it is let go.
 *
 * Return: 0, or -errno with the state as it was.
 */
int mdev_migration_arc_locked(struct mdev_migration *mig,
			      enum mdev_migration_event event,
			      enum mdev_migration_front front,
			      const struct mdev_migration_arc *arc)
{
	unsigned int from = mig->fsm.state;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = mdev_migration_try_locked(mig, arc->actions);
	if (error)
		return error;

	if (arc->actions & MDEV_MIGRATION_DO_DROP_SAVE)
		mdev_migration_save_drop_locked(mig);
	if (arc->actions & MDEV_MIGRATION_DO_DROP_LOAD)
		mdev_migration_load_drop_locked(mig);
	if (arc->actions & MDEV_MIGRATION_DO_RESET)
		mig->params.ops->reset(mig->params.priv);

	mdev_migration_fsm_commit(&mig->fsm, event, front, arc);
	trace_mdev_migration_state(mig->params.dev, event, from, arc->next);
	mdev_migration_wake(mig);

	if (arc->actions & MDEV_MIGRATION_DO_RESUME)
		mig->params.ops->resume(mig->params.priv);
	return 0;
}

/**
 * mdev_migration_step_locked - something happens to a device
 * @mig: the device
 * @event: what; a column of the table
 * @front: who wants it
 *
 * Return: 0, or with nothing changed: why the event is refused, or -EINTR of
 * a wait for the device to be still.
 */
int mdev_migration_step_locked(struct mdev_migration *mig,
			       enum mdev_migration_event event,
			       enum mdev_migration_front front)
{
	const struct mdev_migration_arc *arc;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = mdev_migration_region_fsm_check(&mig->fsm, event, front, &arc);
	return error ? error : mdev_migration_arc_locked(mig, event, front,
							 arc);
}
