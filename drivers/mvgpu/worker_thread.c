// SPDX-License-Identifier: GPL-2.0
/*
 * Where the thread that runs the queues comes from, and where it ends: see worker.c
 * for what it does.
 *
 * If the process that it is of ends while another has the vGPU open, the next that
 * rings a doorbell, allows DMA or starts the device has the thread. The old one may
 * still wait for a file system in user space: who comes waits for that, with
 * no lock that somebody takes who cannot be killed, and the old one stays the
 * device's until it is out, so that the next can try again.
 */
#include <linux/memcontrol.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "engine_mem.h"
#include "thread.h"

/* As long as the kernel shows of a thread's name. */
static struct mvgpu_thread *mvgpu_worker_create_thread(struct mvgpu_device *dev)
{
	char name[TASK_COMM_LEN];

	snprintf(name, sizeof(name), "mvgpu/%s", dev_name(dev->vdev.dev));

	return mvgpu_thread_create(mvgpu_worker_run, dev, name);
}

/*
 * A thread of the current process instead of one that was killed, which has to be
 * out of its work before: 0, -EINTR, -ERESTARTNOINTR, or why there is none.
 */
static int mvgpu_worker_replace(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;
	struct mvgpu_thread *old, *new;
	int ret;

	/* who has it may wait for the old one */
	if (mutex_lock_killable(&worker->thread_lock))
		return -EINTR;
	old = rcu_dereference_protected(worker->thread,
					lockdep_is_held(&worker->thread_lock));
	ret = 0;
	if (old && !mvgpu_thread_is_dead(old))
		goto out;
	if (old) {
		ret = mvgpu_thread_finish(old);
		if (ret)
			goto out;
		RCU_INIT_POINTER(worker->thread, NULL);
		synchronize_rcu();
		mvgpu_thread_let_go(old);
	}
	new = mvgpu_worker_create_thread(dev);
	if (IS_ERR(new))
		ret = PTR_ERR(new);
	else
		rcu_assign_pointer(worker->thread, new);
out:
	mutex_unlock(&worker->thread_lock);

	return ret;
}

/**
 * mvgpu_worker_open - start the thread
 * @dev: the device; all else of it is open, queues are as after reset
 *
 * Return: 0 or -errno.
 */
int mvgpu_worker_open(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;
	struct mvgpu_thread *thread;

	worker->quiesced = false;
	worker->bus_master = false;
	worker->closing = false;
	mvgpu_clock_open(dev);
	atomic_set(&worker->timer_expired, 0);

	worker->mem = kvzalloc(sizeof(*worker->mem), GFP_KERNEL_ACCOUNT);
	if (!worker->mem)
		return -ENOMEM;

	worker->memcg = get_mem_cgroup_from_mm(current->mm);
	thread = mvgpu_worker_create_thread(dev);
	if (IS_ERR(thread))
		goto err_memcg;
	rcu_assign_pointer(worker->thread, thread);

	return 0;

err_memcg:
	mem_cgroup_put(worker->memcg);
	worker->memcg = NULL;
	kvfree(worker->mem);
	worker->mem = NULL;

	return PTR_ERR(thread);
}

/**
 * mvgpu_worker_close - end the thread, at the end of the chunk that it runs
 * @dev: the device
 *
 * Waits for nobody but the thread: what that waits for in the VMM's memory ends
 * with an error, also if it is this VMM that does not serve it. What no signal
 * ends, as a request that a FUSE daemon has taken, is waited for, since the thread
 * is in the midst of what close frees.
 */
void mvgpu_worker_close(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;
	struct mvgpu_thread *thread;

	spin_lock(&dev->lock);
	worker->closing = true;
	mvgpu_worker_want(dev);
	spin_unlock(&dev->lock);

	hrtimer_cancel(&worker->timer);
	/* nobody else has the device open */
	thread = rcu_dereference_protected(worker->thread, true);
	RCU_INIT_POINTER(worker->thread, NULL);
	if (thread)
		mvgpu_thread_let_go(thread);
	mem_cgroup_put(worker->memcg);
	worker->memcg = NULL;
	kvfree(worker->mem);
	worker->mem = NULL;
}

/* Have a thread where the one that there was is dead. */
static int mvgpu_worker_make_thread(struct mvgpu_device *dev)
{
	int ret;

	if (current->flags & PF_EXITING)
		return 0;
	ret = mvgpu_worker_replace(dev);
	if (!ret || ret == -EINTR || ret == -ERESTARTNOINTR)
		return ret;
	if (__ratelimit(&dev->worker.said))
		dev_warn(dev->vdev.dev,
			 "stands still until the next doorbell: no thread in process %d (%d): look at its pids and nproc limits\n",
			 task_tgid_nr(current), ret);

	return 0;
}

/**
 * mvgpu_worker_kick - there may be something to run
 * @dev: the device, open
 *
 * Called by a process that has the device open: the thread becomes one of it if
 * the one that had it is gone. Hold no lock that somebody takes who cannot be
 * killed.
 *
 * Return: 0, -EINTR, or -ERESTARTNOINTR if the process was just to be frozen or
 * stopped: it is to ask again when it goes on.
 */
int mvgpu_worker_kick(struct mvgpu_device *dev)
{
	int ret;

	if (likely(mvgpu_worker_wake(dev)))
		return 0;
	ret = mvgpu_worker_make_thread(dev);
	if (!ret)
		mvgpu_worker_wake(dev);

	return ret;
}

/**
 * mvgpu_worker_revive - see that there is a thread
 * @dev: the device, open; is about to be resumed
 *
 * Return: as that of mvgpu_worker_kick().
 */
int mvgpu_worker_revive(struct mvgpu_device *dev)
{
	struct mvgpu_thread *thread;
	bool alive;

	rcu_read_lock();
	thread = rcu_dereference(dev->worker.thread);
	alive = thread && !mvgpu_thread_is_dead(thread);
	rcu_read_unlock();

	return alive ? 0 : mvgpu_worker_make_thread(dev);
}
