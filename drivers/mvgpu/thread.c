// SPDX-License-Identifier: GPL-2.0
/*
 * A thread of the process that makes it, see thread.h. It is killed with its
 * process, by exit and by exec, whoever else has the vGPU open.
 *
 * Who lets go of a thread ends whatever killable wait it is in, so that it comes
 * out of its work. A thread that is frozen does not end before it is thawed:
 * nobody waits for that. It is left, with a reference to the module, and freed
 * when it ends.
 */
#include <linux/completion.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "compat_vhost_task.h"
#include "thread.h"

/* Between two looks whether a thread that is to end was frozen meanwhile. */
#define MVGPU_THREAD_LOOK	(HZ / 50 + 1)

/**
 * struct mvgpu_thread - one thread
 * @work: what it does when it is woken
 * @data: argument of @work
 * @task: the thread
 * @lock: protects all below
 * @self: the thread, once it has run, and a reference: the kernel keeps none for
 *	us before 6.12.50
 * @working: it is in @work
 * @let_go: it works no more
 * @left: @reap frees all this when the thread ends
 * @idle: woken when @working falls
 * @over: the thread ends, and touches nothing here any more
 * @reap: frees all this
 */
struct mvgpu_thread {
	bool (*work)(void *data);
	void *data;
	struct compat_vhost_task *task;
	spinlock_t lock;	/* see above */
	struct task_struct *self;
	bool working;
	bool let_go;
	bool left;
	wait_queue_head_t idle;
	struct completion over;
	struct work_struct reap;
};

/* Frees the threads that were left; empty when the module goes. */
static struct workqueue_struct *mvgpu_thread_reaper;

/* False if it works no more, and is to end. */
static bool mvgpu_thread_begin(struct mvgpu_thread *thread)
{
	bool begins;

	spin_lock(&thread->lock);
	if (!thread->self)
		WRITE_ONCE(thread->self, get_task_struct(current));
	begins = !thread->let_go;
	thread->working = begins;
	spin_unlock(&thread->lock);

	return begins;
}

static void mvgpu_thread_end(struct mvgpu_thread *thread)
{
	bool let_go;

	spin_lock(&thread->lock);
	thread->working = false;
	let_go = thread->let_go;
	spin_unlock(&thread->lock);
	if (let_go)
		wake_up_all(&thread->idle);
}

static bool mvgpu_thread_fn(void *data)
{
	struct mvgpu_thread *thread = data;
	bool worked;

	if (!mvgpu_thread_begin(thread)) {
		__set_current_state(TASK_RUNNING);
		compat_vhost_task_kill(current);
		return true;
	}
	worked = thread->work(thread->data);
	mvgpu_thread_end(thread);

	return worked;
}

/* It calls this itself, at its end. */
static void mvgpu_thread_killed(void *data)
{
	struct mvgpu_thread *thread = data;

	spin_lock(&thread->lock);
	complete_all(&thread->over);
	if (thread->left)
		queue_work(mvgpu_thread_reaper, &thread->reap);
	spin_unlock(&thread->lock);
}

/* Waits for a thread that ends by itself. */
static void mvgpu_thread_free(struct mvgpu_thread *thread)
{
	compat_vhost_task_stop(thread->task);
	if (thread->self)
		put_task_struct(thread->self);
	kfree(thread);
}

static void mvgpu_thread_reap(struct work_struct *work)
{
	mvgpu_thread_free(container_of(work, struct mvgpu_thread, reap));
	/* the module's exit waits until this has returned */
	module_put(THIS_MODULE);
}

/* Why a process that is to be frozen, stopped or killed makes no thread. */
static int mvgpu_thread_held(void)
{
	return fatal_signal_pending(current) ? -EINTR : restart_syscall();
}

/**
 * mvgpu_thread_create - make a thread of the current process
 * @work: what it does when it is woken, called in TASK_INTERRUPTIBLE. It returns
 *	true if it did something, and when it is paused, which it asks now and then.
 * @data: argument of @work
 * @name: its name
 *
 * Return: the thread, or ERR_PTR; of -ERESTARTNOINTR if the process is just to be
 * frozen or stopped, which makes none before it goes on, of -EINTR if it is killed.
 */
struct mvgpu_thread *mvgpu_thread_create(bool (*work)(void *data), void *data,
					 const char *name)
{
	struct mvgpu_thread *thread = kzalloc(sizeof(*thread),
					      GFP_KERNEL_ACCOUNT);
	struct compat_vhost_task *task;
	sigset_t block, before;
	bool held;

	if (!thread)
		return ERR_PTR(-ENOMEM);
	thread->work = work;
	thread->data = data;
	spin_lock_init(&thread->lock);
	init_waitqueue_head(&thread->idle);
	init_completion(&thread->over);
	INIT_WORK(&thread->reap, mvgpu_thread_reap);

	/* a signal to the process would keep it from making one */
	siginitsetinv(&block, sigmask(SIGKILL));
	sigprocmask(SIG_BLOCK, &block, &before);
	task = compat_vhost_task_create(mvgpu_thread_fn, mvgpu_thread_killed,
					thread, name);
	/* not all kernels say so */
	held = IS_ERR(task) && signal_pending(current);
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (IS_ERR(task)) {
		kfree(thread);
		return held ? ERR_PTR(mvgpu_thread_held()) : ERR_CAST(task);
	}
	thread->task = task;
	compat_vhost_task_start(task);

	return thread;
}

/**
 * mvgpu_thread_is_dead - was it killed, with its process?
 * @thread: the thread
 *
 * Return: whether it begins to work no more; what it is at may not be over.
 */
bool mvgpu_thread_is_dead(struct mvgpu_thread *thread)
{
	struct task_struct *self = READ_ONCE(thread->self);

	return completion_done(&thread->over) ||
	       (self && compat_vhost_task_dies(self));
}

/**
 * mvgpu_thread_wake - let it work, now or when it is no longer paused
 * @thread: the thread
 *
 * Return: false if it is dead.
 */
bool mvgpu_thread_wake(struct mvgpu_thread *thread)
{
	struct task_struct *self = READ_ONCE(thread->self);

	/* one that has not run yet looks when it does */
	if (self)
		wake_up_process(self);

	return !mvgpu_thread_is_dead(thread);
}

/**
 * mvgpu_thread_paused - is the current thread to stand still?
 *
 * Return: true while its process is frozen, stopped or being killed.
 */
bool mvgpu_thread_paused(void)
{
	return compat_vhost_task_paused();
}

static bool mvgpu_thread_works(struct mvgpu_thread *thread)
{
	bool works;

	spin_lock(&thread->lock);
	works = thread->working;
	spin_unlock(&thread->lock);

	return works;
}

/* True if nobody need wait for it. */
static bool mvgpu_thread_leave(struct mvgpu_thread *thread)
{
	bool left;

	if (!compat_vhost_task_is_held(thread->self))
		return false;
	spin_lock(&thread->lock);
	left = !completion_done(&thread->over);
	if (left) {
		thread->left = true;
		__module_get(THIS_MODULE);
	}
	spin_unlock(&thread->lock);

	return left;
}

/* It begins to work no more, and killable waits of its work end. */
static struct task_struct *mvgpu_thread_dismiss(struct mvgpu_thread *thread)
{
	struct task_struct *self;

	spin_lock(&thread->lock);
	thread->let_go = true;
	self = thread->self;
	spin_unlock(&thread->lock);

	/* one that has never run ends when it does */
	if (self)
		compat_vhost_task_kill(self);

	return self;
}

/**
 * mvgpu_thread_finish - wait until it is out of its work, for good
 * @thread: the thread
 *
 * Return: 0, or -EINTR: then it works no more once it is out, and this can be called
 * again.
 */
int mvgpu_thread_finish(struct mvgpu_thread *thread)
{
	mvgpu_thread_dismiss(thread);

	return wait_event_killable(thread->idle, !mvgpu_thread_works(thread)) ?
	       -EINTR : 0;
}

/**
 * mvgpu_thread_let_go - it works no more
 * @thread: the thread, which is not valid afterwards
 *
 * Waits until it is out of its work, in which a fatal signal is pending.
 */
void mvgpu_thread_let_go(struct mvgpu_thread *thread)
{
	struct task_struct *self = mvgpu_thread_dismiss(thread);

	wait_event(thread->idle, !mvgpu_thread_works(thread));
	if (self)
		wake_up_process(self);
	while (!wait_for_completion_timeout(&thread->over, MVGPU_THREAD_LOOK))
		if (READ_ONCE(thread->self) && mvgpu_thread_leave(thread))
			return;
	mvgpu_thread_free(thread);
}

/**
 * mvgpu_thread_init - before any thread
 *
 * Return: 0 or -errno.
 */
int mvgpu_thread_init(void)
{
	mvgpu_thread_reaper = alloc_workqueue("mvgpu", WQ_UNBOUND, 0);

	return mvgpu_thread_reaper ? 0 : -ENOMEM;
}

/**
 * mvgpu_thread_exit - after all threads
 */
void mvgpu_thread_exit(void)
{
	destroy_workqueue(mvgpu_thread_reaper);
}
