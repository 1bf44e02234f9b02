// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts on their way out: when one is taken, until when it is true, and
 * when it is dropped.
 */
#include <linux/err.h>
#include <linux/lockdep.h>

#include "mdev_migration_private.h"
#include "trace.h"

/**
 * mdev_migration_save_drop_locked - forget the context that is being read
 * @mig: the device
 */
void mdev_migration_save_drop_locked(struct mdev_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);

	mdev_migration_snapshot_free(mig->snapshot);
	mig->snapshot = NULL;
	if (mig->tracking)
		mig->params.ops->mem->track_stop(mig->params.priv);
	mig->tracking = false;
}

/*
 * Tracking first: what the VMM writes to device memory through a mapping is
 * seen only from then on. Then the generation, and after it the state, so that
 * a change in between makes the snapshot stale and not wrong.
 */
static int mdev_migration_save_take_locked(struct mdev_migration *mig)
{
	const struct mdev_migration_ops *ops = mig->params.ops;
	struct mdev_migration_snapshot *snapshot;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	mdev_migration_save_drop_locked(mig);
	if (ops->mem) {
		error = ops->mem->track_start(mig->params.priv);
		if (error)
			return error;
		mig->tracking = true;
	}

	mig->snapshot_generation = atomic64_read(&mig->generation);
	/* Pairs with the full barrier in mdev_migration_touch(). */
	smp_rmb();
	snapshot = mdev_migration_snapshot_take(&mig->format, ops,
						mig->params.priv);
	if (IS_ERR(snapshot)) {
		error = PTR_ERR(snapshot);
		mdev_migration_save_drop_locked(mig);
		trace_mdev_migration_snapshot(mig->params.dev, error, 0, 0);
		return error;
	}

	mig->snapshot = snapshot;
	trace_mdev_migration_snapshot(mig->params.dev, 0,
				      mdev_migration_snapshot_length(snapshot),
				      mdev_migration_snapshot_chunks(snapshot));
	return 0;
}

static bool mdev_migration_save_stale_locked(struct mdev_migration *mig)
{
	lockdep_assert_held(&mig->state_mutex);

	/* What was copied so far was copied before this is looked at. */
	smp_rmb();
	return atomic64_read(&mig->generation) != mig->snapshot_generation;
}

/**
 * mdev_migration_save_read_locked - read a part of the context
 * @mig: the device
 * @front: who reads
 * @at: offset in the context; 0 takes a new snapshot
 * @out: where to
 * @len: bytes
 *
 * Return: 0, -EBUSY if the device is not in a state to be saved, -ESTALE if
 * it was changed since the snapshot was taken, or -errno of taking it.
 */
int mdev_migration_save_read_locked(struct mdev_migration *mig,
				    enum mdev_migration_front front, u64 at,
				    u8 *out, size_t len)
{
	const struct mdev_migration_arc *arc;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	error = mdev_migration_fsm_check(&mig->fsm, MDEV_MIGRATION_EV_SAVE,
					 front, &arc);
	if (error)
		return error;

	if (!at || !mig->snapshot) {
		error = mdev_migration_save_take_locked(mig);
		if (error)
			return error;
	}
	if (mdev_migration_save_stale_locked(mig))
		return -ESTALE;

	error = mdev_migration_snapshot_read(mig->snapshot, at, out, len);
	if (!error && mdev_migration_save_stale_locked(mig))
		error = -ESTALE;
	return error;
}
