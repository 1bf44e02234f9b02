// SPDX-License-Identifier: GPL-2.0
/*
 * Copies to and from guest memory that another process has mapped than the one
 * whose thread the engine is. VFIO refuses them to a thread of a process, and
 * makes them for a kernel thread: there is one for each copy, as this is rare.
 */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/vfio.h>

#include "mvgpu_private.h"

/* Between two signals to the thread, of which it may not hear the first. */
#define MVGPU_FOREIGN_AGAIN	(HZ / 50 + 1)

/**
 * struct mvgpu_foreign - one copy
 * @vdev: the device
 * @iova: first byte
 * @data: kernel memory
 * @len: how many bytes
 * @write: to guest memory
 * @ret: result
 * @done: @ret is valid
 */
struct mvgpu_foreign {
	struct vfio_device *vdev;
	u64 iova;
	void *data;
	size_t len;
	bool write;
	int ret;
	struct completion done;
};

static int mvgpu_foreign_fn(void *data)
{
	struct mvgpu_foreign *copy = data;

	/* a user fault that nobody serves ends with it */
	allow_kernel_signal(SIGKILL);
	copy->ret = vfio_dma_rw(copy->vdev, copy->iova, copy->data, copy->len,
				copy->write);
	complete_all(&copy->done);

	return 0;
}

static int mvgpu_foreign_copy(struct mvgpu_foreign *copy)
{
	struct task_struct *task = kthread_create(mvgpu_foreign_fn, copy,
						  "mvgpu-copy");

	if (IS_ERR(task))
		return -EFAULT;
	get_task_struct(task);
	wake_up_process(task);
	if (wait_for_completion_killable(&copy->done))
		do
			send_sig(SIGKILL, task, 1);
		while (!wait_for_completion_timeout(&copy->done,
						    MVGPU_FOREIGN_AGAIN));
	kthread_stop(task);
	put_task_struct(task);

	return copy->ret;
}

/**
 * mvgpu_foreign_rw - vfio_dma_rw(), whoever has mapped the memory
 * @vdev: the device
 * @iova: first byte
 * @data: kernel memory
 * @len: how many bytes
 * @write: to guest memory
 *
 * Return: what vfio_dma_rw() returns.
 */
int mvgpu_foreign_rw(struct vfio_device *vdev, u64 iova, void *data, size_t len,
		     bool write)
{
	struct mvgpu_foreign copy = {
		.vdev = vdev,
		.iova = iova,
		.data = data,
		.len = len,
		.write = write,
	};
	int ret = vfio_dma_rw(vdev, iova, data, len, write);

	/* also where the memory is not there, whoever asks */
	if (ret != -EFAULT || !current->mm || fatal_signal_pending(current))
		return ret;
	init_completion(&copy.done);

	return mvgpu_foreign_copy(&copy);
}
