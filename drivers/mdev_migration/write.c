// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes of contexts and streams that user space writes, on their way to
 * load.c. Everything goes through a bounce buffer, so that no lock is held
 * while user memory is touched.
 */
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mdev_migration_private.h"

/**
 * struct mdev_migration_writing - a write
 * @mig: the device
 * @take: takes some bytes
 * @arg: for @take
 * @done: bytes taken so far
 */
struct mdev_migration_writing {
	struct mdev_migration *mig;
	mdev_migration_take_fn take;
	void *arg;
	size_t done;
};

/* 0; 1 if a deadly signal came before all were taken; or why they are refused. */
static int mdev_migration_write_some(struct mdev_migration_writing *w,
				     const u8 *data, size_t len)
{
	ssize_t taken;

	while (len && !fatal_signal_pending(current)) {
		if (mutex_lock_killable(&w->mig->state_mutex))
			break;
		taken = w->take(w->mig, w->arg, w->done, data, len);
		mutex_unlock(&w->mig->state_mutex);
		if (taken < 0)
			return taken;
		w->done += taken;
		data += taken;
		len -= taken;
		cond_resched();
	}
	return len ? 1 : 0;
}

/**
 * mdev_migration_write - hand over what user space writes
 * @mig: the device
 * @take: takes some bytes, 1 at least, with the state mutex held: how many, or
 *	why they are refused
 * @arg: for @take
 * @buf: the bytes
 * @count: how many, 1 at least
 *
 * A fault or a deadly signal after some bytes is a short write, and the client can
 * go on from there. A refusal is not: nothing is kept of what came, so that the
 * error counts for all of it.
 *
 * Return: bytes taken, why they are refused, -EFAULT, -EINTR or -ENOMEM.
 */
ssize_t mdev_migration_write(struct mdev_migration *mig,
			     mdev_migration_take_fn take, void *arg,
			     const char __user *buf, size_t count)
{
	struct mdev_migration_writing w = {
		.mig = mig, .take = take, .arg = arg,
	};
	int error = 0;
	size_t len;
	u8 *bounce;

	bounce = kvmalloc(min(count, MDEV_MIGRATION_BOUNCE),
			  GFP_KERNEL_ACCOUNT);
	if (!bounce)
		return -ENOMEM;

	while (!error && w.done < count) {
		len = min(count - w.done, MDEV_MIGRATION_BOUNCE);
		if (copy_from_user(bounce, buf + w.done, len)) {
			error = w.done ? 1 : -EFAULT;
			break;
		}
		error = mdev_migration_write_some(&w, bounce, len);
		if (error > 0 && !w.done)
			error = -EINTR;
	}

	kvfree(bounce);
	return error < 0 ? error : w.done;
}
