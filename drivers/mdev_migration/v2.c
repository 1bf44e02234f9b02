// SPDX-License-Identifier: GPL-2.0
/*
 * Migration v2: a front end. The vfio core answers the ioctls and calls the ops
 * here, which walk the table of v2_fsm.c arc by arc. What an arc does is done by
 * mdev_migration_arc_locked(), as for the region.
 */
#include <linux/bug.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>

#include "compat_vfio_migration.h"
#include "mdev_migration_private.h"

/*
 * The handles that offer migration v2, and what protects the list. The core has
 * no place for a handle beside the ops, and ops are const: there is one table for
 * all devices, and what a device's handle is stands here. A leaf lock.
 */
static LIST_HEAD(mdev_migration_v2_all);
static DEFINE_SPINLOCK(mdev_migration_v2_lock);

/* The core calls only the ops of devices whose handle lives. */
static struct mdev_migration *mdev_migration_v2_find(struct vfio_device *vdev)
{
	struct mdev_migration *mig;

	spin_lock(&mdev_migration_v2_lock);
	list_for_each_entry(mig, &mdev_migration_v2_all, in_all)
		if (mig->vdev == vdev)
			break;
	spin_unlock(&mdev_migration_v2_lock);
	return mig;
}

/* What came was no good: the device is as after reset, and has to be reset. */
static void mdev_migration_v2_refuse_locked(struct mdev_migration *mig)
{
	struct mdev_migration_arc refused;

	lockdep_assert_held(&mig->state_mutex);

	mdev_migration_v2_fsm_refuse(&refused);
	mdev_migration_arc_locked(mig, MDEV_MIGRATION_EV_SET,
				  MDEV_MIGRATION_FRONT_V2, &refused);
}

/* The data fd comes first: without it the arc need not be tried. */
static struct file *mdev_migration_v2_step_locked(struct mdev_migration *mig,
						  const struct mdev_migration_arc *arc)
{
	bool save = arc->actions & MDEV_MIGRATION_DO_SAVE_BEGIN;
	bool load = arc->actions & MDEV_MIGRATION_DO_LOAD_BEGIN;
	struct file *file = NULL;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	if (save || load) {
		file = mdev_migration_v2_file_create(mig, save);
		if (IS_ERR(file))
			return file;
	}

	error = mdev_migration_arc_locked(mig, MDEV_MIGRATION_EV_SET,
					  MDEV_MIGRATION_FRONT_V2, arc);
	if (error) {
		if (file)
			fput(file);
		if (arc->actions & MDEV_MIGRATION_DO_LOAD_END)
			mdev_migration_v2_refuse_locked(mig);
		return ERR_PTR(error);
	}

	if (save)
		WRITE_ONCE(mig->save_file, file->private_data);
	if (load)
		WRITE_ONCE(mig->load_file, file->private_data);
	return file;
}

/* Arcs that give a data fd are the last of a way; the table sees to that. */
static struct file *mdev_migration_v2_set_locked(struct mdev_migration *mig,
						 unsigned int to)
{
	struct mdev_migration_arc arc;
	struct file *file = NULL;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	if (mdev_migration_fsm_is_others(&mig->fsm, MDEV_MIGRATION_FRONT_V2))
		return ERR_PTR(-EBUSY);

	for (;;) {
		error = mdev_migration_v2_fsm_next(mig->fsm.state, to, &arc);
		if (error)
			return ERR_PTR(error);
		if (arc.next == mig->fsm.state)
			return file;

		file = mdev_migration_v2_step_locked(mig, &arc);
		if (IS_ERR(file))
			return file;
	}
}

/*
 * Without a container, and without logging by the device, nobody tells the VMM
 * which pages of guest memory the device wrote. It would not notice.
 */
static bool mdev_migration_v2_loses_pages(struct vfio_device *vdev,
					  unsigned int to)
{
	return compat_vfio_on_iommufd(vdev) && !vdev->log_ops &&
	       (to == MDEV_MIGRATION_PRE_COPY ||
		to == MDEV_MIGRATION_PRE_COPY_P2P ||
		to == MDEV_MIGRATION_STOP_COPY);
}

static struct file *mdev_migration_v2_set_state(struct vfio_device *vdev,
						enum vfio_device_mig_state to)
{
	struct mdev_migration *mig = mdev_migration_v2_find(vdev);
	struct file *file;

	if (mdev_migration_v2_loses_pages(vdev, to))
		return ERR_PTR(-EOPNOTSUPP);
	if (mutex_lock_killable(&mig->state_mutex))
		return ERR_PTR(-EINTR);
	file = mdev_migration_v2_set_locked(mig, to);
	mutex_unlock(&mig->state_mutex);
	return file;
}

static int mdev_migration_v2_get_state(struct vfio_device *vdev,
				       enum vfio_device_mig_state *state)
{
	struct mdev_migration *mig = mdev_migration_v2_find(vdev);

	if (mutex_lock_killable(&mig->state_mutex))
		return -EINTR;
	*state = (enum vfio_device_mig_state)mig->fsm.state;
	mutex_unlock(&mig->state_mutex);
	return 0;
}

/* Never 0: QEMU allocates a buffer of this size. */
static int mdev_migration_v2_get_data_size(struct vfio_device *vdev,
					   unsigned long *size)
{
	struct mdev_migration *mig = mdev_migration_v2_find(vdev);
	u64 left;

	if (mutex_lock_killable(&mig->state_mutex))
		return -EINTR;
	if (mig->v2_stream)
		left = mdev_migration_v2_stream_left(mig->v2_stream);
	else
		left = mdev_migration_v2_stream_estimate(&mig->format,
							 mig->params.ops,
							 mig->params.priv);
	mutex_unlock(&mig->state_mutex);
	*size = max_t(u64, left, 1);
	return 0;
}

static const struct vfio_migration_ops mdev_migration_v2_ops = {
	.migration_set_state = mdev_migration_v2_set_state,
	.migration_get_state = mdev_migration_v2_get_state,
	COMPAT_VFIO_MIG_DATA_SIZE_OP(mdev_migration_v2_get_data_size)
};

/* There is no conversion between the library's numbers and user space's. */
static void mdev_migration_v2_check_numbers(void)
{
#define MDEV_MIGRATION_SAME(ours, theirs)				\
	BUILD_BUG_ON((int)MDEV_MIGRATION_##ours !=			\
		     (int)VFIO_DEVICE_STATE_##theirs)

	MDEV_MIGRATION_SAME(REFUSED, ERROR);
	MDEV_MIGRATION_SAME(STOPPED, STOP);
	MDEV_MIGRATION_SAME(RUNNING, RUNNING);
	MDEV_MIGRATION_SAME(STOP_COPY, STOP_COPY);
	MDEV_MIGRATION_SAME(LOADING, RESUMING);
	MDEV_MIGRATION_SAME(RUNNING_P2P, RUNNING_P2P);
	MDEV_MIGRATION_SAME(PRE_COPY, PRE_COPY);
	MDEV_MIGRATION_SAME(PRE_COPY_P2P, PRE_COPY_P2P);
#undef MDEV_MIGRATION_SAME
}

void mdev_migration_v2_setup(struct mdev_migration *mig,
			     struct vfio_device *vdev)
{
	mdev_migration_v2_check_numbers();
	mig->vdev = vdev;
	spin_lock(&mdev_migration_v2_lock);
	list_add(&mig->in_all, &mdev_migration_v2_all);
	spin_unlock(&mdev_migration_v2_lock);
	vdev->mig_ops = &mdev_migration_v2_ops;
	vdev->migration_flags = VFIO_MIGRATION_STOP_COPY | VFIO_MIGRATION_P2P |
				VFIO_MIGRATION_PRE_COPY;
}
EXPORT_SYMBOL_GPL(mdev_migration_v2_setup);

/**
 * mdev_migration_v2_forget - undo mdev_migration_v2_setup()
 * @mig: a handle that the core does not ask for any more
 */
void mdev_migration_v2_forget(struct mdev_migration *mig)
{
	spin_lock(&mdev_migration_v2_lock);
	list_del_init(&mig->in_all);
	spin_unlock(&mdev_migration_v2_lock);
}

int mdev_migration_device_feature(struct vfio_device *vdev, u32 flags,
				  void __user *arg, size_t argsz)
{
	return compat_vfio_mig_data_size_feature(vdev, flags, arg, argsz,
						 mdev_migration_v2_get_data_size);
}
EXPORT_SYMBOL_GPL(mdev_migration_device_feature);
