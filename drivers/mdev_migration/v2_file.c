// SPDX-License-Identifier: GPL-2.0
/*
 * The data fds of migration v2. A data fd is alive as long as the handle knows
 * it: reset, the close of the device and the end of the transfer make the handle
 * forget it, and a data fd that is closed makes itself forgotten. The stream is
 * the handle's, not the fd's, so that it survives a close.
 *
 * Everything goes through a bounce buffer, so that no lock is held while user
 * memory is touched.
 */
#include <linux/anon_inodes.h>
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/fs.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/stddef.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "compat_vfio_migration.h"
#include "mdev_migration_private.h"

/**
 * struct mdev_migration_v2_file - a data fd
 * @mig: the handle; referenced
 * @error: bytes that were read got lost, so that there is no going on
 */
struct mdev_migration_v2_file {
	struct mdev_migration *mig;
	int error;
};

/* Is a stream read through it, and written? What it is closed by has no lock. */
static bool mdev_migration_v2_file_saves(struct mdev_migration_v2_file *file)
{
	return READ_ONCE(file->mig->save_file) == file;
}

static bool mdev_migration_v2_file_loads(struct mdev_migration_v2_file *file)
{
	return READ_ONCE(file->mig->load_file) == file;
}

static int mdev_migration_v2_file_release(struct inode *inode, struct file *filp)
{
	struct mdev_migration_v2_file *file = filp->private_data;
	struct mdev_migration *mig = file->mig;

	/* The handle may be busy, and there may be no time to wait for it. */
	cmpxchg(&mig->save_file, file, NULL);
	cmpxchg(&mig->load_file, file, NULL);
	mdev_migration_put(mig);
	kfree(file);
	return 0;
}

/* Nothing is left to read for now. What is written meanwhile is not forgotten. */
static void
mdev_migration_v2_file_empty_locked(struct mdev_migration_v2_file *file)
{
	struct mdev_migration *mig = file->mig;

	lockdep_assert_held(&mig->state_mutex);

	WRITE_ONCE(mig->ready, false);
	/* pairs with what is written before mdev_migration_dirtied() */
	smp_mb();
	if (READ_ONCE(file->error) ||
	    mdev_migration_v2_stream_ready(mig->v2_stream))
		mdev_migration_set_ready(mig);
}

/* What is read next: bytes, 0 at the end, -EAGAIN to look on, or -errno. */
static ssize_t mdev_migration_v2_file_fetch_locked(struct mdev_migration_v2_file *file,
						   u8 *data, size_t len)
{
	struct mdev_migration *mig = file->mig;
	ssize_t got;

	lockdep_assert_held(&mig->state_mutex);

	if (!mdev_migration_v2_file_saves(file))
		return -ENODEV;
	if (READ_ONCE(file->error))
		return READ_ONCE(file->error);

	got = mdev_migration_save_renew_locked(mig);
	if (!got)
		got = mdev_migration_v2_stream_read(mig->v2_stream, data, len);
	if (got > 0) {
		atomic64_add(got, &mig->moved);
	} else if (got < 0 && got != -EAGAIN) {
		mdev_migration_set_ready(mig);
	} else if (!got && !mdev_migration_v2_stream_saved(mig->v2_stream)) {
		mdev_migration_v2_file_empty_locked(file);
		got = -ENOMSG;
	}
	return got;
}

static ssize_t mdev_migration_v2_file_fetch(struct mdev_migration_v2_file *file,
					    u8 *data, size_t len)
{
	ssize_t got;

	if (fatal_signal_pending(current) ||
	    mutex_lock_killable(&file->mig->state_mutex))
		return -EINTR;
	got = mdev_migration_v2_file_fetch_locked(file, data, len);
	mutex_unlock(&file->mig->state_mutex);
	return got;
}

static ssize_t mdev_migration_v2_file_read(struct file *filp, char __user *buf,
					   size_t count, loff_t *pos)
{
	struct mdev_migration_v2_file *file = filp->private_data;
	ssize_t got = 0;
	size_t done = 0;
	u8 *bounce;

	if (!count)
		return 0;
	bounce = kvmalloc(min(count, MDEV_MIGRATION_BOUNCE),
			  GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;

	while (done < count) {
		size_t len = min(count - done, MDEV_MIGRATION_BOUNCE);

		got = mdev_migration_v2_file_fetch(file, bounce, len);
		cond_resched();
		if (got == -EAGAIN)
			continue;
		if (got <= 0)
			break;
		if (copy_to_user(buf + done, bounce, got)) {
			got = -EFAULT;
			WRITE_ONCE(file->error, got);
			mdev_migration_set_ready(file->mig);
			break;
		}
		done += got;
	}

	kvfree(bounce);
	return done ? done : got;
}

static ssize_t mdev_migration_v2_file_take_locked(struct mdev_migration *mig,
						  void *file, u64 done,
						  const u8 *data, size_t len)
{
	lockdep_assert_held(&mig->state_mutex);
	if (!mdev_migration_v2_file_loads(file))
		return -ENODEV;
	return mdev_migration_load_stream_locked(mig, data, len);
}

static ssize_t mdev_migration_v2_file_write(struct file *filp,
					    const char __user *buf,
					    size_t count, loff_t *pos)
{
	struct mdev_migration_v2_file *file = filp->private_data;

	return count ? mdev_migration_write(file->mig,
					    mdev_migration_v2_file_take_locked,
					    file, buf, count) : 0;
}

/*
 * Takes no lock: the handle may wait for the device, and that for user space. Whoever
 * polls may hold a lock that others cannot be killed in, as epoll does.
 */
static __poll_t mdev_migration_v2_file_poll(struct file *filp,
					    struct poll_table_struct *table)
{
	struct mdev_migration_v2_file *file = filp->private_data;
	struct mdev_migration *mig = file->mig;
	__poll_t events = 0;

	poll_wait(filp, &mig->wait, table);

	if (mdev_migration_v2_file_loads(file))
		events = EPOLLOUT | EPOLLWRNORM;
	else if (!mdev_migration_v2_file_saves(file))
		events = EPOLLIN | EPOLLRDNORM | EPOLLERR | EPOLLHUP;
	else if (READ_ONCE(mig->ready))
		events = EPOLLIN | EPOLLRDNORM;
	return events;
}

static int mdev_migration_v2_file_precopy(struct mdev_migration_v2_file *file,
					  struct mdev_migration_precopy *info)
{
	struct mdev_migration *mig = file->mig;
	int error = 0;

	if (mutex_lock_killable(&mig->state_mutex))
		return -EINTR;
	if (!mdev_migration_v2_file_saves(file))
		error = -ENODEV;
	else if (mdev_migration_v2_stream_saved(mig->v2_stream))
		error = -EINVAL;
	else
		mdev_migration_v2_stream_precopy(mig->v2_stream, info);
	mutex_unlock(&mig->state_mutex);
	return error;
}

static long mdev_migration_v2_file_ioctl(struct file *filp, unsigned int cmd,
					 unsigned long arg)
{
	struct mdev_migration_precopy precopy = {};
	void __user *uarg = (void __user *)arg;
	struct vfio_precopy_info info;
	size_t minsz = offsetof(struct vfio_precopy_info, dirty_bytes) +
		       sizeof(info.dirty_bytes);
	int error;

	if (cmd != VFIO_MIG_GET_PRECOPY_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, uarg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	error = mdev_migration_v2_file_precopy(filp->private_data, &precopy);
	if (error)
		return error;

	/* An output for those who asked for the ioctl's second version. */
	info.flags = 0;
	info.initial_bytes = precopy.initial;
	info.dirty_bytes = precopy.dirty;
	return copy_to_user(uarg, &info, minsz) ? -EFAULT : 0;
}

static const struct file_operations mdev_migration_v2_file_save_fops = {
	.owner = THIS_MODULE,
	.read = mdev_migration_v2_file_read,
	.poll = mdev_migration_v2_file_poll,
	.unlocked_ioctl = mdev_migration_v2_file_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.release = mdev_migration_v2_file_release,
};

static const struct file_operations mdev_migration_v2_file_load_fops = {
	.owner = THIS_MODULE,
	.write = mdev_migration_v2_file_write,
	.poll = mdev_migration_v2_file_poll,
	.release = mdev_migration_v2_file_release,
};

/**
 * mdev_migration_v2_file_create - make a data fd
 * @mig: the handle, which does not know it yet
 * @save: to read a stream from, else to write one to
 *
 * Return: the file, or an error pointer.
 */
struct file *mdev_migration_v2_file_create(struct mdev_migration *mig,
					   bool save)
{
	struct mdev_migration_v2_file *file;
	struct file *filp;

	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file)
		return ERR_PTR(-ENOMEM);
	file->mig = mig;

	filp = anon_inode_getfile("mdev-migration",
				  save ? &mdev_migration_v2_file_save_fops :
					 &mdev_migration_v2_file_load_fops,
				  file, save ? O_RDONLY : O_WRONLY);
	if (IS_ERR(filp)) {
		kfree(file);
		return filp;
	}

	mdev_migration_get(mig);
	stream_open(filp->f_inode, filp);
	return filp;
}
