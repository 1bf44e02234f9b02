// SPDX-License-Identifier: GPL-2.0
/*
 * The thread that runs the queues of an open vGPU. It holds no lock while it
 * runs a chunk; between two it looks whether it may go on, and stores what the
 * chunk achieved, unless its queue was enabled, disabled or loaded meanwhile.
 */
#include <linux/memcontrol.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "access.h"
#include "compat_kthread.h"
#include "engine.h"
#include "trace.h"

static const char * const mvgpu_worker_faults[] = {
	[MVGPU_FAULT_NONE]	= "no fault",
	[MVGPU_FAULT_RING]	= "bad ring or tail",
	[MVGPU_FAULT_OPCODE]	= "unknown opcode",
	[MVGPU_FAULT_COMMAND]	= "bad command",
	[MVGPU_FAULT_UNBOUND]	= "no valid GTT entry",
	[MVGPU_FAULT_READ_ONLY]	= "write through a read-only GTT entry",
	[MVGPU_FAULT_IOVA]	= "guest memory is not mapped so",
	[MVGPU_FAULT_MEMLOCK]	= "guest memory beyond RLIMIT_MEMLOCK",
	[MVGPU_FAULT_MEMORY]	= "no host memory for VRAM",
};

static bool mvgpu_worker_runnable(const struct mvgpu_queue *queue)
{
	return queue->enabled && !queue->fault &&
	       (queue->current_valid || queue->head != queue->tail);
}

static bool mvgpu_worker_may_run_locked(struct mvgpu_device *dev)
{
	lockdep_assert_held(&dev->worker.lock);

	return !dev->worker.quiesced && dev->worker.bus_master &&
	       !dev->worker.closing;
}

/* Queues take turns: the first after the last that ran. */
static struct mvgpu_queue *mvgpu_worker_pick_locked(struct mvgpu_device *dev,
						    struct mvgpu_run *run)
{
	unsigned int i, nr;

	lockdep_assert_held(&dev->worker.lock);
	for (i = 1; i <= MVGPU_QUEUES; i++) {
		nr = (run->queue + i) % MVGPU_QUEUES;
		if (mvgpu_worker_runnable(&dev->queues[nr])) {
			run->queue = nr;
			return &dev->queues[nr];
		}
	}

	return NULL;
}

/* False if there is nothing to run: then the device is idle. */
static bool mvgpu_worker_take(struct mvgpu_device *dev, struct mvgpu_run *run)
{
	struct mvgpu_worker *worker = &dev->worker;
	struct mvgpu_queue *queue = NULL;

	spin_lock(&worker->lock);
	if (mvgpu_worker_may_run_locked(dev))
		queue = mvgpu_worker_pick_locked(dev, run);
	worker->busy = queue;
	if (queue) {
		queue->running = true;
		run->generation = queue->generation;
		run->head = queue->head;
		run->address = queue->ring_base + queue->head;
		run->fetched = queue->current_valid;
		memcpy(run->command, queue->command, sizeof(run->command));
		run->progress = queue->progress;
	}
	spin_unlock(&worker->lock);
	run->fault = MVGPU_FAULT_NONE;
	run->fault_address = 0;
	if (!queue)
		wake_up_all(&worker->idle);

	return queue;
}

static void mvgpu_worker_done_locked(struct mvgpu_device *dev,
				     struct mvgpu_queue *queue)
{
	lockdep_assert_held(&dev->worker.lock);
	queue->current_valid = false;
	queue->head += MVGPU_COMMAND_SIZE;
	queue->head &= queue->ring_size - 1;
	queue->completed++;
}

/* True if the queue stops because of this step. */
static bool mvgpu_worker_store(struct mvgpu_device *dev,
			       const struct mvgpu_run *run,
			       enum mvgpu_result result)
{
	struct mvgpu_queue *queue = &dev->queues[run->queue];
	bool faulted = false;

	spin_lock(&dev->worker.lock);
	queue->running = false;
	if (queue->generation != run->generation)
		goto out;

	queue->current_valid = run->fetched;
	memcpy(queue->command, run->command, sizeof(queue->command));
	queue->progress = run->progress;
	if (result == MVGPU_RESULT_DONE)
		mvgpu_worker_done_locked(dev, queue);
	/* a bad doorbell may have come first */
	if (result == MVGPU_RESULT_FAULT && !queue->fault) {
		queue->fault = run->fault;
		queue->fault_address = run->fault_address;
		faulted = true;
	}
out:
	spin_unlock(&dev->worker.lock);

	return faulted;
}

static void mvgpu_worker_say_fault(struct mvgpu_device *dev,
				   const struct mvgpu_run *run)
{
	trace_mvgpu_fault(dev->vdev.dev, run->queue, run->fault,
			  run->fault_address);
	dev_warn_ratelimited(dev->vdev.dev,
			     "queue %u stopped at %#x: %s at GPU address %#llx\n",
			     run->queue, run->head,
			     mvgpu_worker_faults[run->fault],
			     run->fault_address);
}

static void mvgpu_worker_run(struct kthread_work *work)
{
	struct mvgpu_device *dev = container_of(work, struct mvgpu_device,
						worker.work);
	struct mem_cgroup *old = set_active_memcg(dev->worker.memcg);
	struct mvgpu_run run = {};
	enum mvgpu_result result;

	while (mvgpu_worker_take(dev, &run)) {
		if (run.fetched)
			result = mvgpu_engine_chunk(dev, &run);
		else
			result = mvgpu_engine_fetch(dev, &run);
		if (mvgpu_worker_store(dev, &run, result))
			mvgpu_worker_say_fault(dev, &run);
		cond_resched();
	}
	set_active_memcg(old);
}

/**
 * mvgpu_worker_init - before any other call for the worker or queues
 * @dev: the device
 */
void mvgpu_worker_init(struct mvgpu_device *dev)
{
	spin_lock_init(&dev->worker.lock);
	init_waitqueue_head(&dev->worker.idle);
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
	struct kthread_worker *thread;

	worker->quiesced = false;
	worker->bus_master = false;
	worker->closing = false;

	worker->access = kvzalloc(sizeof(*worker->access), GFP_KERNEL_ACCOUNT);
	if (!worker->access)
		return -ENOMEM;

	thread = compat_kthread_run_worker(0, "mvgpu/%s",
					   dev_name(dev->vdev.dev));
	if (IS_ERR(thread))
		goto err_access;
	worker->memcg = get_mem_cgroup_from_mm(current->mm);
	/* a work belongs to the first thread that it is queued on */
	kthread_init_work(&worker->work, mvgpu_worker_run);
	worker->thread = thread;

	return 0;

err_access:
	kvfree(worker->access);
	worker->access = NULL;

	return PTR_ERR(thread);
}

/**
 * mvgpu_worker_close - end the thread, at the end of the chunk that it runs
 * @dev: the device
 */
void mvgpu_worker_close(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;

	spin_lock(&worker->lock);
	worker->closing = true;
	spin_unlock(&worker->lock);

	kthread_destroy_worker(worker->thread);
	worker->thread = NULL;
	mem_cgroup_put(worker->memcg);
	worker->memcg = NULL;
	kvfree(worker->access);
	worker->access = NULL;
}

/**
 * mvgpu_worker_kick - there may be something to run
 * @dev: the device, open
 */
void mvgpu_worker_kick(struct mvgpu_device *dev)
{
	kthread_queue_work(dev->worker.thread, &dev->worker.work);
}

static bool mvgpu_worker_is_idle(struct mvgpu_worker *worker)
{
	bool idle;

	spin_lock(&worker->lock);
	idle = !worker->busy;
	spin_unlock(&worker->lock);

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

	spin_lock(&worker->lock);
	before = worker->quiesced;
	worker->quiesced = true;
	spin_unlock(&worker->lock);
	trace_mvgpu_quiesce(dev->vdev.dev, "requested");

	if (!wait_event_killable(worker->idle, mvgpu_worker_is_idle(worker))) {
		trace_mvgpu_quiesce(dev->vdev.dev, "done");
		return 0;
	}

	spin_lock(&worker->lock);
	worker->quiesced = before;
	spin_unlock(&worker->lock);
	trace_mvgpu_quiesce(dev->vdev.dev, "interrupted");
	mvgpu_worker_kick(dev);

	return -EINTR;
}

/**
 * mvgpu_worker_resume - undo mvgpu_worker_quiesce()
 * @dev: the device, open
 */
void mvgpu_worker_resume(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;

	trace_mvgpu_resume(dev->vdev.dev);
	spin_lock(&worker->lock);
	worker->quiesced = false;
	spin_unlock(&worker->lock);
	mvgpu_worker_kick(dev);
}

/**
 * mvgpu_worker_set_bus_master - the guest allows or forbids DMA
 * @dev: the device, open
 * @on: which of them
 *
 * Return: 0 once no DMA is in flight that is not allowed, or -EINTR: then
 * there is none after the chunk that runs.
 */
int mvgpu_worker_set_bus_master(struct mvgpu_device *dev, bool on)
{
	struct mvgpu_worker *worker = &dev->worker;

	spin_lock(&worker->lock);
	worker->bus_master = on;
	spin_unlock(&worker->lock);

	if (on) {
		mvgpu_worker_kick(dev);
		return 0;
	}
	if (wait_event_killable(worker->idle, mvgpu_worker_is_idle(worker)))
		return -EINTR;

	return 0;
}
