// SPDX-License-Identifier: GPL-2.0
/*
 * The thread that runs the queues of an open vGPU. It holds no lock while it
 * runs a chunk; between two it looks whether it may go on, and stores what the
 * chunk achieved, unless its queue was enabled, disabled or loaded meanwhile.
 *
 * A queue that waits for a semaphore is passed over until somebody asks for a
 * look: a doorbell, a fence, or a timer that runs while there are such queues.
 * A look that is asked for while the semaphore is being read is not lost: the
 * step began with an older count of looks, and the queue does not wait.
 *
 * The thread is one of the process that opened the vGPU, and is frozen, stopped
 * and killed with it, between two steps. Then the device is idle, whatever its
 * queues have to run. See worker_thread.c for where threads come from.
 */
#include <linux/ktime.h>
#include <linux/memcontrol.h>
#include <linux/ratelimit.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "engine_mem.h"
#include "compat_hrtimer.h"
#include "engine.h"
#include "thread.h"
#include "trace.h"

/* Between two looks at a semaphore, when nothing else asks for one. */
#define MVGPU_WORKER_LOOK_NS	NSEC_PER_MSEC

/* Faults of a vGPU that the kernel's log has, at most. */
#define MVGPU_WORKER_SAY_INTERVAL	(60 * HZ)
#define MVGPU_WORKER_SAY_BURST		10

static const char * const mvgpu_worker_faults[] = {
	[MVGPU_FAULT_NONE]	= "no fault",
	[MVGPU_FAULT_RING]	= "bad ring or tail",
	[MVGPU_FAULT_OPCODE]	= "unknown opcode",
	[MVGPU_FAULT_COMMAND]	= "bad command",
	[MVGPU_FAULT_UNBOUND]	= "no valid GTT entry",
	[MVGPU_FAULT_READ_ONLY]	= "write through a read-only GTT entry",
	[MVGPU_FAULT_IOVA]	= "guest memory is not mapped so",
	[MVGPU_FAULT_MEMLOCK]	= "guest memory beyond RLIMIT_MEMLOCK of its owner",
	[MVGPU_FAULT_MEMORY]	= "no host memory for VRAM",
};

static bool mvgpu_worker_runnable(const struct mvgpu_queue *queue)
{
	return queue->enabled && !queue->fault && !queue->waiting &&
	       (queue->current_valid || queue->head != queue->tail);
}

static bool mvgpu_worker_may_run_locked(struct mvgpu_device *dev)
{
	lockdep_assert_held(&dev->lock);

	return mvgpu_runs_locked(dev) && !dev->worker.closing;
}

/**
 * mvgpu_worker_wake - there may be something to run
 * @dev: the device, open
 *
 * Return: false if the thread is gone, or is being killed.
 */
bool mvgpu_worker_wake(struct mvgpu_device *dev)
{
	struct mvgpu_thread *thread;
	bool alive;

	mvgpu_worker_want(dev);
	rcu_read_lock();
	thread = rcu_dereference(dev->worker.thread);
	alive = thread && mvgpu_thread_wake(thread);
	rcu_read_unlock();

	return alive;
}

/* In interrupt context, where the device's lock cannot be taken. */
static enum hrtimer_restart mvgpu_worker_timer(struct hrtimer *timer)
{
	struct mvgpu_device *dev = container_of(timer, struct mvgpu_device,
						worker.timer);

	atomic_set(&dev->worker.timer_expired, 1);
	mvgpu_worker_wake(dev);

	return HRTIMER_NORESTART;
}

static void mvgpu_worker_wait_locked(struct mvgpu_device *dev,
				     struct mvgpu_queue *queue,
				     const struct mvgpu_run *run)
{
	struct mvgpu_worker *worker = &dev->worker;

	lockdep_assert_held(&dev->lock);
	queue->waiting = run->looks == worker->looks;
	/* Also while it runs, or its expiry was that of an earlier wait. */
	if (queue->waiting && !worker->closing)
		hrtimer_start(&worker->timer, ns_to_ktime(MVGPU_WORKER_LOOK_NS),
			      HRTIMER_MODE_REL);
}

/*
 * Queues take turns: the first after the last that ran. If there is another, it
 * is waiting already.
 */
static struct mvgpu_queue *mvgpu_worker_pick_locked(struct mvgpu_device *dev)
{
	struct mvgpu_queue *picked = NULL;
	unsigned int i, nr;

	lockdep_assert_held(&dev->lock);
	for (i = 1; i <= MVGPU_QUEUES; i++) {
		nr = (dev->worker.turn + i) % MVGPU_QUEUES;
		if (!mvgpu_worker_runnable(&dev->queues[nr]))
			continue;
		if (picked) {
			mvgpu_worker_want(dev);
			break;
		}
		picked = &dev->queues[nr];
	}
	if (picked)
		dev->worker.turn = picked - dev->queues;

	return picked;
}

/*
 * What a step starts from. The step before may have run the same command: if
 * none of another queue came between, and this one was not enabled, disabled or
 * loaded, the command at its head is what it was.
 */
static void mvgpu_worker_copy_locked(struct mvgpu_device *dev,
				     const struct mvgpu_queue *queue,
				     unsigned int nr, struct mvgpu_run *run)
{
	lockdep_assert_held(&dev->lock);
	if (!queue->current_valid || nr != run->queue ||
	    run->generation != queue->generation || run->head != queue->head)
		run->decoded = false;
	run->queue = nr;
	run->generation = queue->generation;
	run->looks = dev->worker.looks;
	run->head = queue->head;
	run->address = queue->ring_base + queue->head;
	run->fetched = queue->current_valid;
	if (queue->current_valid && !run->decoded)
		memcpy(run->command, queue->command, sizeof(run->command));
	run->progress = queue->progress;
}

/* False if there is nothing to run: then the device is idle. */
static bool mvgpu_worker_take_locked(struct mvgpu_device *dev,
				     struct mvgpu_run *run)
{
	struct mvgpu_worker *worker = &dev->worker;
	struct mvgpu_queue *queue = NULL;

	lockdep_assert_held(&dev->lock);
	/* before the look at what it may stand for */
	WRITE_ONCE(worker->wanted, false);
	if (atomic_read(&worker->timer_expired) &&
	    atomic_xchg(&worker->timer_expired, 0))
		mvgpu_queue_look_locked(dev);
	worker->paused = mvgpu_thread_paused();
	if (mvgpu_worker_may_run_locked(dev) && !worker->paused)
		queue = mvgpu_worker_pick_locked(dev);
	worker->busy = queue;
	if (!queue)
		return false;

	queue->running = true;
	mvgpu_worker_copy_locked(dev, queue, queue - dev->queues, run);
	run->fault = MVGPU_FAULT_NONE;
	run->fault_address = 0;
	run->cut = false;
	run->wrote = false;
	run->interrupt = false;
	run->torn = false;

	return true;
}

static void mvgpu_worker_done_locked(struct mvgpu_device *dev,
				     struct mvgpu_queue *queue,
				     const struct mvgpu_run *run)
{
	lockdep_assert_held(&dev->lock);
	dev->worker.commands++;
	if (run->wrote)
		mvgpu_queue_look_locked(dev);
	if (run->interrupt)
		mvgpu_irq_raise_locked(dev, run->queue);
	queue->current_valid = false;
	queue->head += MVGPU_COMMAND_SIZE;
	queue->head &= queue->ring_size - 1;
	queue->completed++;
}

/* True if the queue stops because of this step. */
static bool mvgpu_worker_result_locked(struct mvgpu_device *dev,
				       const struct mvgpu_run *run,
				       enum mvgpu_result result)
{
	struct mvgpu_queue *queue = &dev->queues[run->queue];

	lockdep_assert_held(&dev->lock);
	if (queue->generation != run->generation)
		return false;

	if (result == MVGPU_RESULT_DONE) {
		mvgpu_worker_done_locked(dev, queue, run);
		return false;
	}
	queue->current_valid = run->fetched;
	memcpy(queue->command, run->command, sizeof(queue->command));
	queue->progress = run->progress;
	if (result == MVGPU_RESULT_WAIT)
		mvgpu_worker_wait_locked(dev, queue, run);
	/* a bad doorbell may have come first */
	if (result != MVGPU_RESULT_FAULT || queue->ring_fault)
		return false;
	/* a thread that is killed reaches nothing: the next one tries again */
	if (fatal_signal_pending(current))
		return false;
	queue->fault = run->fault;
	queue->fault_address = run->fault_address;
	mvgpu_queue_faulted_locked(dev, run->queue);

	return true;
}

/* The step has ended. True if the queue stops because of it. */
static bool mvgpu_worker_store_locked(struct mvgpu_device *dev,
				      const struct mvgpu_run *run,
				      enum mvgpu_result result)
{
	bool faulted;

	lockdep_assert_held(&dev->lock);
	/* then it is the first when the device goes on */
	if (run->cut)
		dev->worker.turn = (run->queue + MVGPU_QUEUES - 1) %
				   MVGPU_QUEUES;
	faulted = mvgpu_worker_result_locked(dev, run, result);
	mvgpu_queue_settle_locked(dev, run->queue);

	return faulted;
}

/* So much and no more, whatever the guest does; all of them are traced. */
static void mvgpu_worker_say_fault(struct mvgpu_device *dev,
				   const struct mvgpu_run *run)
{
	if (!__ratelimit(&dev->worker.said))
		return;
	dev_warn(dev->vdev.dev,
		 "queue %u stopped at %#x: %s at GPU address %#llx\n",
		 run->queue, run->head, mvgpu_worker_faults[run->fault],
		 run->fault_address);
}

/* The command was read: may its first chunk follow at once? */
static bool mvgpu_worker_goes_on(struct mvgpu_device *dev,
				 const struct mvgpu_run *run)
{
	const struct mvgpu_queue *queue = &dev->queues[run->queue];
	bool goes_on;

	if (!READ_ONCE(dev->worker.wanted))
		return true;
	spin_lock(&dev->lock);
	goes_on = mvgpu_worker_may_run_locked(dev) && !queue->ring_fault &&
		  queue->generation == run->generation;
	spin_unlock(&dev->lock);

	return goes_on;
}

static enum mvgpu_result mvgpu_worker_step(struct mvgpu_device *dev,
					   struct mvgpu_run *run)
{
	enum mvgpu_result result;

	if (run->fetched) {
		result = mvgpu_engine_resume(run);
	} else {
		result = mvgpu_engine_fetch(dev, run);
		if (!run->fetched)
			return result;
		if (!mvgpu_worker_goes_on(dev, run)) {
			run->cut = true;
			return result;
		}
	}

	return result == MVGPU_RESULT_MORE ? mvgpu_engine_chunk(dev, run) :
					     result;
}

/**
 * mvgpu_worker_run - the thread's work
 * @data: the device
 *
 * Return: true if there was something to do, or it is paused.
 */
bool mvgpu_worker_run(void *data)
{
	struct mvgpu_device *dev = data;
	struct mem_cgroup *old = set_active_memcg(dev->worker.memcg);
	struct mvgpu_run run = {};
	enum mvgpu_result result;
	bool ran = false, paused;

	spin_lock(&dev->lock);
	while (mvgpu_worker_take_locked(dev, &run)) {
		spin_unlock(&dev->lock);
		__set_current_state(TASK_RUNNING);
		ran = true;
		result = mvgpu_worker_step(dev, &run);
		spin_lock(&dev->lock);
		if (mvgpu_worker_store_locked(dev, &run, result)) {
			spin_unlock(&dev->lock);
			mvgpu_worker_say_fault(dev, &run);
			spin_lock(&dev->lock);
		}
		cond_resched_lock(&dev->lock);
	}
	paused = dev->worker.paused;
	spin_unlock(&dev->lock);
	/* to be frozen it must not look asleep */
	if (paused)
		__set_current_state(TASK_RUNNING);
	if (ran)
		wake_up_all(&dev->worker.idle);
	set_active_memcg(old);

	return ran || paused;
}

/**
 * mvgpu_worker_init - before any other call for the worker or queues
 * @dev: the device
 */
void mvgpu_worker_init(struct mvgpu_device *dev)
{
	spin_lock_init(&dev->lock);
	ratelimit_state_init(&dev->worker.said, MVGPU_WORKER_SAY_INTERVAL,
			     MVGPU_WORKER_SAY_BURST);
	/* how many were not said is in the attribute "faults" */
	ratelimit_set_flags(&dev->worker.said, RATELIMIT_MSG_ON_RELEASE);
	mutex_init(&dev->worker.thread_lock);
	init_waitqueue_head(&dev->worker.idle);
	compat_hrtimer_setup(&dev->worker.timer, mvgpu_worker_timer);
}

static bool mvgpu_worker_is_idle(struct mvgpu_device *dev)
{
	bool idle;

	spin_lock(&dev->lock);
	idle = !dev->worker.busy;
	spin_unlock(&dev->lock);

	return idle;
}

/**
 * mvgpu_worker_quiesce - run no queue any more
 * @dev: the device, open
 *
 * Returns at the end of the chunk that runs. Doorbells are still noted.
 *
 * Return: 0, or -EINTR with the worker as it was.
 */
int mvgpu_worker_quiesce(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;
	bool before;

	spin_lock(&dev->lock);
	before = worker->quiesced;
	worker->quiesced = true;
	mvgpu_worker_want(dev);
	spin_unlock(&dev->lock);
	trace_mvgpu_quiesce(dev->vdev.dev, "requested");

	if (!wait_event_killable(worker->idle, mvgpu_worker_is_idle(dev))) {
		mvgpu_clock_stop(dev);
		trace_mvgpu_quiesce(dev->vdev.dev, "done");
		return 0;
	}

	spin_lock(&dev->lock);
	worker->quiesced = before;
	mvgpu_irq_deliver_locked(dev);
	spin_unlock(&dev->lock);
	trace_mvgpu_quiesce(dev->vdev.dev, "interrupted");
	/* who is being killed makes no other thread */
	mvgpu_worker_wake(dev);

	return -EINTR;
}

/**
 * mvgpu_worker_resume - undo mvgpu_worker_quiesce()
 * @dev: the device, open; with a thread, see mvgpu_worker_revive()
 */
void mvgpu_worker_resume(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;

	trace_mvgpu_resume(dev->vdev.dev);
	spin_lock(&dev->lock);
	worker->quiesced = false;
	mvgpu_clock_start_locked(dev);
	mvgpu_queue_look_locked(dev);
	mvgpu_irq_deliver_locked(dev);
	spin_unlock(&dev->lock);
	mvgpu_worker_wake(dev);
}

/**
 * mvgpu_worker_set_bus_master - the guest allows or forbids DMA
 * @dev: the device, open
 * @on: which of them
 *
 * There may be a chunk that still runs: see mvgpu_worker_await_dma(). If it is
 * allowed, mvgpu_worker_kick() has to follow where the device is not stopped.
 */
void mvgpu_worker_set_bus_master(struct mvgpu_device *dev, bool on)
{
	struct mvgpu_worker *worker = &dev->worker;

	spin_lock(&dev->lock);
	worker->bus_master = on;
	mvgpu_worker_want(dev);
	mvgpu_irq_deliver_locked(dev);
	spin_unlock(&dev->lock);

	/* who waited for the end of DMA has nothing to wait for */
	if (on)
		wake_up_all(&worker->idle);
}

static bool mvgpu_worker_obeys(struct mvgpu_device *dev)
{
	bool obeys;

	spin_lock(&dev->lock);
	obeys = !dev->worker.busy || dev->worker.bus_master;
	spin_unlock(&dev->lock);

	return obeys;
}

/**
 * mvgpu_worker_await_dma - wait until no DMA is in flight that is forbidden
 * @dev: the device, open
 *
 * The chunk that runs may wait for the VMM's memory, and so for the VMM: hold no
 * lock that somebody takes who cannot be killed.
 *
 * Return: 0, also if DMA is allowed again; or -EINTR: then there is none after
 * the chunk that runs.
 */
int mvgpu_worker_await_dma(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;

	return wait_event_killable(worker->idle, mvgpu_worker_obeys(dev)) ?
	       -EINTR : 0;
}
