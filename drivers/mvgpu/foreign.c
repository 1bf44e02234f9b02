// SPDX-License-Identifier: GPL-2.0
/*
 * Copies to and from guest memory that another process has mapped than the one
 * whose thread the engine is. VFIO refuses them to a thread of a process, and
 * makes them for a kernel thread: there is one for each step that needs it, as
 * this is rare.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/vfio.h>
#include <linux/wait.h>

#include "engine_mem.h"

/* Between two signals to the thread, of which it may not hear the first. */
#define MVGPU_FOREIGN_AGAIN	(HZ / 50 + 1)

/* As the thread that may reach the memory. */
static int mvgpu_foreign_direct(struct mvgpu_foreign *foreign)
{
	int ret = vfio_dma_rw(foreign->vdev, foreign->iova, foreign->data,
			      foreign->len, foreign->write);

	foreign->starved = ret == -EFAULT && mvgpu_vram_map_was_starved();

	return ret;
}

static bool mvgpu_foreign_is_asked(struct mvgpu_foreign *foreign)
{
	/* pairs with the release in mvgpu_foreign_copy() */
	return smp_load_acquire(&foreign->asked);
}

static int mvgpu_foreign_fn(void *data)
{
	struct mvgpu_foreign *foreign = data;

	/* a user fault that nobody serves ends with it */
	allow_kernel_signal(SIGKILL);
	for (;;) {
		wait_event_idle(foreign->wait,
				mvgpu_foreign_is_asked(foreign) ||
				kthread_should_stop());
		if (!mvgpu_foreign_is_asked(foreign))
			return 0;
		foreign->asked = false;
		foreign->ret = mvgpu_foreign_direct(foreign);
		complete(&foreign->done);
	}
}

/* The thread of the step: 0, or -ENOMEM whatever it is that the host lacks. */
static int mvgpu_foreign_begin(struct mvgpu_foreign *foreign)
{
	struct task_struct *task;

	init_waitqueue_head(&foreign->wait);
	init_completion(&foreign->done);
	task = kthread_create(mvgpu_foreign_fn, foreign, "mvgpu-copy");
	if (IS_ERR(task))
		return -ENOMEM;
	get_task_struct(task);
	foreign->task = task;
	wake_up_process(task);

	return 0;
}

/**
 * mvgpu_foreign_end - the step makes no more copies
 * @foreign: the worker's
 */
void mvgpu_foreign_end(struct mvgpu_foreign *foreign)
{
	foreign->copies = 0;
	if (!foreign->task)
		return;
	kthread_stop(foreign->task);
	put_task_struct(foreign->task);
	foreign->task = NULL;
}

/* What the thread does with what it is asked for. */
static int mvgpu_foreign_copy(struct mvgpu_foreign *foreign)
{
	reinit_completion(&foreign->done);
	/* with all that it is to copy, and where to */
	smp_store_release(&foreign->asked, true);
	wake_up(&foreign->wait);
	if (wait_for_completion_killable(&foreign->done))
		do
			send_sig(SIGKILL, foreign->task, 1);
		while (!wait_for_completion_timeout(&foreign->done,
						    MVGPU_FOREIGN_AGAIN));
	foreign->copies++;

	return foreign->ret;
}

/**
 * mvgpu_foreign_rw - vfio_dma_rw(), whoever has mapped the memory
 * @dev: the device; between mvgpu_engine_mem_begin() and mvgpu_engine_mem_end()
 * @iova: first byte
 * @data: kernel memory
 * @len: how many bytes
 * @write: to guest memory
 *
 * Return: what vfio_dma_rw() returns, or -ENOMEM if there can be no thread. If it
 * is -EFAULT, mvgpu_foreign::starved says whether there was VRAM without memory.
 */
int mvgpu_foreign_rw(struct mvgpu_device *dev, u64 iova, void *data, size_t len,
		     bool write)
{
	struct mvgpu_foreign *foreign = &dev->worker.mem->foreign;
	int ret;

	foreign->vdev = &dev->vdev;
	foreign->iova = iova;
	foreign->data = data;
	foreign->len = len;
	foreign->write = write;
	/* once there is a thread it reaches whatever there is */
	if (!foreign->task) {
		ret = mvgpu_foreign_direct(foreign);
		/* also where the memory is not there, whoever asks */
		if (ret != -EFAULT || foreign->starved || !current->mm ||
		    fatal_signal_pending(current))
			return ret;
		ret = mvgpu_foreign_begin(foreign);
		if (ret)
			return ret;
	}
	/* it may have been killed with us */
	if (fatal_signal_pending(current))
		return -EFAULT;

	return mvgpu_foreign_copy(foreign);
}
