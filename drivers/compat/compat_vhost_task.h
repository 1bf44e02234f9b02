/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in <linux/sched/vhost_task.h>: a thread of the
 * calling process that runs in the kernel. It is in the process's cgroups, and is
 * frozen, stopped and killed with it.
 *
 * Where the kernel has none, a kernel thread does the same, but for one thing: it
 * is in no cgroup of the process, since a cgroup with a kernel thread never is
 * frozen. It stands still while the process is to be frozen, for which it has to
 * look: nobody tells it.
 *
 * The function is called in TASK_INTERRUPTIBLE, and sets TASK_RUNNING before it
 * does something. It returns true if it did, or is to let itself be frozen;
 * else the thread sleeps until it is woken.
 */
#ifndef _COMPAT_VHOST_TASK_H
#define _COMPAT_VHOST_TASK_H

#include <linux/cgroup.h>
#include <linux/err.h>
#include <linux/freezer.h>
#include <linux/kthread.h>
#include <linux/pid.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#if defined(HAVE_VHOST_TASK) && IS_ENABLED(CONFIG_VHOST_TASK)
#include <linux/sched/vhost_task.h>

#define compat_vhost_task		vhost_task
#define compat_vhost_task_start(task)	vhost_task_start(task)
#define compat_vhost_task_stop(task)	vhost_task_stop(task)

/**
 * compat_vhost_task_create - make a thread of the current process
 * @fn: what it does when it is woken
 * @killed: called by it, at its end, if that is not compat_vhost_task_stop()
 * @data: argument of both
 * @name: its name
 *
 * Return: the thread, to be started, or ERR_PTR.
 */
static inline struct vhost_task *
compat_vhost_task_create(bool (*fn)(void *), void (*killed)(void *), void *data,
			 const char *name)
{
	struct vhost_task *task = vhost_task_create(fn, killed, data, name);

	/* NULL before 6.14 */
	return task ?: ERR_PTR(-ENOMEM);
}

/**
 * compat_vhost_task_paused - is the current thread to stand still?
 *
 * Return: true if its function is to return true as soon as it can.
 */
static inline bool compat_vhost_task_paused(void)
{
	return signal_pending(current);
}

/**
 * compat_vhost_task_kill - end a thread, whatever killable wait it is in
 * @task: the thread, which has run, and is not let go of by its owner
 *
 * Not with send_sig(), which would kill the whole process; in the way of
 * zap_other_threads(), of which the functions are not exported.
 */
static inline void compat_vhost_task_kill(struct task_struct *task)
{
	struct sighand_struct *sighand;
	unsigned long flags;

	rcu_read_lock();
	sighand = rcu_dereference(task->sighand);
	if (sighand) {
		spin_lock_irqsave(&sighand->siglock, flags);
		if (sighand == rcu_access_pointer(task->sighand)) {
			sigaddset(&task->pending.signal, SIGKILL);
			set_tsk_thread_flag(task, TIF_SIGPENDING);
		}
		spin_unlock_irqrestore(&sighand->siglock, flags);
	}
	rcu_read_unlock();
	/* TASK_KILLABLE is a kind of TASK_UNINTERRUPTIBLE */
	wake_up_process(task);
}

#else

/* How long after its process a thread goes on, at most. */
#define COMPAT_VHOST_TASK_LOOK	(HZ / 50 + 1)

/**
 * struct compat_vhost_task - the thread
 * @fn: what it does when it is woken
 * @killed: called at its end, unless it was stopped
 * @data: argument of both
 * @opener: the process that it works for
 * @task: the thread
 */
struct compat_vhost_task {
	bool (*fn)(void *data);
	void (*killed)(void *data);
	void *data;
	struct pid *opener;
	struct task_struct *task;
};

static inline bool compat_vhost_task_freezes(struct task_struct *task)
{
	if (freezing(task))
		return true;
#ifdef CONFIG_CGROUPS
	return test_bit(CGRP_FREEZE, &task_dfl_cgroup(task)->flags);
#else
	return false;
#endif
}

/* Not of its first thread if that has ended: that stays in the group where it was. */
static inline bool compat_vhost_task_opener_freezes(struct compat_vhost_task *t)
{
	struct task_struct *opener, *thread;
	bool freezes = false;

	rcu_read_lock();
	opener = pid_task(t->opener, PIDTYPE_TGID);
	if (!opener)
		goto out;
	for_each_thread(opener, thread) {
		if (thread->flags & PF_EXITING)
			continue;
		freezes = compat_vhost_task_freezes(thread);
		break;
	}
out:
	rcu_read_unlock();

	return freezes;
}

static inline bool compat_vhost_task_paused(void)
{
	return signal_pending(current) || freezing(current) ||
	       compat_vhost_task_opener_freezes(kthread_data(current));
}

/* Stack traces show it: it has the name of the only module that needs it. */
static inline int mvgpu_vhost_task_fn(void *data)
{
	struct compat_vhost_task *t = data;

	allow_kernel_signal(SIGKILL);
	set_freezable();
	while (!signal_pending(current)) {
		set_current_state(TASK_INTERRUPTIBLE);
		if (kthread_should_stop())
			break;
		if (compat_vhost_task_opener_freezes(t))
			schedule_timeout(COMPAT_VHOST_TASK_LOOK);
		else if (!t->fn(t->data))
			schedule();
		__set_current_state(TASK_RUNNING);
		try_to_freeze();
	}
	__set_current_state(TASK_RUNNING);
	if (!kthread_should_stop())
		t->killed(t->data);

	return 0;
}

static inline struct compat_vhost_task *
compat_vhost_task_create(bool (*fn)(void *), void (*killed)(void *), void *data,
			 const char *name)
{
	struct compat_vhost_task *t = kzalloc(sizeof(*t), GFP_KERNEL);
	struct task_struct *task;

	if (!t)
		return ERR_PTR(-ENOMEM);
	t->fn = fn;
	t->killed = killed;
	t->data = data;
	task = kthread_create(mvgpu_vhost_task_fn, t, "%s", name);
	if (IS_ERR(task)) {
		kfree(t);
		return ERR_CAST(task);
	}
	t->opener = get_pid(task_tgid(current));
	t->task = get_task_struct(task);

	return t;
}

static inline void compat_vhost_task_start(struct compat_vhost_task *t)
{
	wake_up_process(t->task);
}

static inline void compat_vhost_task_stop(struct compat_vhost_task *t)
{
	kthread_stop(t->task);
	put_task_struct(t->task);
	put_pid(t->opener);
	kfree(t);
}

static inline void compat_vhost_task_kill(struct task_struct *task)
{
	send_sig(SIGKILL, task, 1);
}

#endif

/**
 * compat_vhost_task_is_held - is a thread frozen or stopped, with its process?
 * @task: the thread, which has run
 *
 * Return: whether it does nothing, not even end, until somebody lets it.
 */
static inline bool compat_vhost_task_is_held(struct task_struct *task)
{
	if (READ_ONCE(task->__state) &
	    (TASK_FROZEN | __TASK_STOPPED | __TASK_TRACED))
		return true;

	/* who asks asks again */
	return data_race(cgroup_task_frozen(task));
}

/**
 * compat_vhost_task_dies - does the process of a thread end, or execute another?
 * @task: the thread, of which the caller has a reference
 *
 * Return: whether the thread is killed by that, if it was not already.
 */
static inline bool compat_vhost_task_dies(struct task_struct *task)
{
	return (READ_ONCE(task->signal->flags) & SIGNAL_GROUP_EXIT) ||
	       READ_ONCE(task->signal->group_exec_task);
}

/**
 * compat_in_worker - does a thread of a driver run, and no system call?
 *
 * Return: true for kernel threads and those that are made here.
 */
static inline bool compat_in_worker(void)
{
#ifdef PF_USER_WORKER
	return current->flags & (PF_KTHREAD | PF_USER_WORKER);
#else
	return current->flags & PF_KTHREAD;
#endif
}

#endif /* _COMPAT_VHOST_TASK_H */
