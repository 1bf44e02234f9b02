// SPDX-License-Identifier: GPL-2.0
/*
 * The device-state region: a front end. Byte 0 is run control, the bytes from
 * 1 are the context. Everything goes through a bounce buffer, so that no lock
 * is held while user memory is touched.
 */
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_device_state.h>

#include "mdev_migration_private.h"

unsigned int mdev_migration_nr_regions(struct mdev_migration *mig)
{
	return mig->offered ? 1 : 0;
}
EXPORT_SYMBOL_GPL(mdev_migration_nr_regions);

int mdev_migration_region_info(struct mdev_migration *mig, unsigned int nr,
			       struct vfio_region_info *info,
			       struct vfio_info_cap *caps)
{
	struct vfio_region_info_cap_type cap = {
		.header.id = VFIO_REGION_INFO_CAP_TYPE,
		.header.version = 1,
		.type = VFIO_REGION_TYPE_DEVICE_STATE,
		.subtype = VFIO_REGION_SUBTYPE_DEVICE_STATE,
	};

	if (nr >= mdev_migration_nr_regions(mig))
		return -EINVAL;

	info->size = mig->region_size;
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return vfio_info_add_capability(caps, &cap.header, sizeof(cap));
}
EXPORT_SYMBOL_GPL(mdev_migration_region_info);

static int mdev_migration_region_check(struct mdev_migration *mig,
				       unsigned int nr, size_t count,
				       u64 offset)
{
	if (nr >= mdev_migration_nr_regions(mig))
		return -EINVAL;
	if (offset > mig->region_size || count > mig->region_size - offset)
		return -EINVAL;
	return 0;
}

/* Fill the buffer with what a read gives: bytes, or -errno if not even one. */
static ssize_t mdev_migration_region_fetch_locked(struct mdev_migration *mig,
						  u8 *data, size_t len,
						  u64 offset)
{
	size_t run_bytes = 0;
	int error;

	lockdep_assert_held(&mig->state_mutex);

	if (offset == VFIO_DEVICE_STATE_RUN_OFFSET) {
		*data = mdev_migration_fsm_stopped(&mig->fsm) ?
			VFIO_DEVICE_STATE_STOP : VFIO_DEVICE_STATE_START;
		run_bytes = 1;
		if (len == run_bytes)
			return len;
	}

	error = mdev_migration_save_read_locked(mig,
						MDEV_MIGRATION_FRONT_REGION,
						offset + run_bytes -
						VFIO_DEVICE_STATE_CONTEXT_OFFSET,
						data + run_bytes,
						len - run_bytes);
	if (!error)
		return len;
	return run_bytes ? run_bytes : error;
}

static ssize_t mdev_migration_region_fetch(struct mdev_migration *mig,
					   u8 *data, size_t len, u64 offset)
{
	ssize_t got;

	if (fatal_signal_pending(current) ||
	    mutex_lock_killable(&mig->state_mutex))
		return -EINTR;
	got = mdev_migration_region_fetch_locked(mig, data, len, offset);
	mutex_unlock(&mig->state_mutex);
	return got;
}

ssize_t mdev_migration_region_read(struct mdev_migration *mig, unsigned int nr,
				   char __user *buf, size_t count, u64 offset)
{
	ssize_t error = mdev_migration_region_check(mig, nr, count, offset);
	size_t done = 0;
	u8 *bounce;

	if (error || !count)
		return error;

	bounce = kvmalloc(min(count, MDEV_MIGRATION_BOUNCE),
			  GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;

	while (done < count) {
		size_t len = min(count - done, MDEV_MIGRATION_BOUNCE);
		ssize_t got = mdev_migration_region_fetch(mig, bounce, len,
							  offset + done);

		if (got < 0) {
			error = got;
			break;
		}
		if (copy_to_user(buf + done, bounce, got)) {
			error = -EFAULT;
			break;
		}
		done += got;
		if (got < len)
			break;
		cond_resched();
	}

	kvfree(bounce);
	return done ? done : error;
}
EXPORT_SYMBOL_GPL(mdev_migration_region_read);

static ssize_t mdev_migration_region_run(struct mdev_migration *mig,
					 const char __user *buf, size_t count)
{
	int error;
	u8 value;

	if (count != 1)
		return -EINVAL;
	if (copy_from_user(&value, buf, sizeof(value)))
		return -EFAULT;
	if (value != VFIO_DEVICE_STATE_START && value != VFIO_DEVICE_STATE_STOP)
		return -EINVAL;

	if (mutex_lock_killable(&mig->state_mutex))
		return -EINTR;
	error = mdev_migration_step_locked(mig,
					   value == VFIO_DEVICE_STATE_STOP ?
					   MDEV_MIGRATION_EV_STOP :
					   MDEV_MIGRATION_EV_START,
					   MDEV_MIGRATION_FRONT_REGION);
	mutex_unlock(&mig->state_mutex);
	return error ? error : 1;
}

static ssize_t mdev_migration_region_take_locked(struct mdev_migration *mig,
						 void *arg, u64 done,
						 const u8 *data, size_t len)
{
	const u64 *offset = arg;

	lockdep_assert_held(&mig->state_mutex);
	return mdev_migration_region_load_write_locked(mig,
						   MDEV_MIGRATION_FRONT_REGION,
						   *offset + done -
						   VFIO_DEVICE_STATE_CONTEXT_OFFSET,
						   data, len);
}

ssize_t mdev_migration_region_write(struct mdev_migration *mig,
				    unsigned int nr, const char __user *buf,
				    size_t count, u64 offset)
{
	ssize_t ret = mdev_migration_region_check(mig, nr, count, offset);

	if (ret || !count)
		return ret;
	if (offset == VFIO_DEVICE_STATE_RUN_OFFSET)
		return mdev_migration_region_run(mig, buf, count);

	return mdev_migration_write(mig, mdev_migration_region_take_locked,
				    &offset, buf, count);
}
EXPORT_SYMBOL_GPL(mdev_migration_region_write);
