// SPDX-License-Identifier: GPL-2.0
/*
 * A mediated device without a device: user space tells it what to pin, unpin,
 * read, write and mark. It unpins in dma_unmap as a vendor driver must, unless
 * it is told to misbehave.
 */
#include <linux/completion.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <linux/vfio_dirty.h>
#include <linux/xarray.h>

#include "compat_vfio.h"
#include "pintest.h"

#define PINTEST_PAGES_MAX	512
#define PINTEST_BYTES_MAX	(4 << 20)

/**
 * struct pintest - a device
 * @vdev: what the vfio core knows
 * @client: set while the driver marks its own writes
 * @lock: protects what follows; never held over pin and unpin
 * @pins: struct pintest_pin by IOVA >> PAGE_SHIFT
 * @stubborn: calls of dma_unmap to ignore
 * @calls: calls of dma_unmap
 * @leak: do not unpin at close
 */
struct pintest {
	struct vfio_device vdev;
	struct vfio_dirty_client *client;
	struct mutex lock; /* protects what follows */
	struct xarray pins;
	unsigned long stubborn;
	unsigned long calls;
	bool leak;
};

/* Who has the dma_unmap of all devices wait, and who waits. */
static struct pintest *pintest_holder;
static DECLARE_WAIT_QUEUE_HEAD(pintest_hold_wait);

static void pintest_hold(struct pintest *pt, bool on)
{
	if (on)
		WRITE_ONCE(pintest_holder, pt);
	else
		cmpxchg(&pintest_holder, pt, NULL);
	wake_up_all(&pintest_hold_wait);
}

/**
 * struct pintest_pin - a page that is pinned
 * @page: the page
 * @refs: how often
 */
struct pintest_pin {
	struct page *page;
	unsigned long refs;
};

/**
 * struct pintest_call - a function that a kernel thread runs
 * @run: the function
 * @arg: for it
 * @begun: the thread can be killed
 * @done: the thread has ended
 */
struct pintest_call {
	void (*run)(void *arg);
	void *arg;
	struct completion begun;
	struct completion done;
};

/**
 * struct pintest_rw - a copy by a kernel thread
 * @pt: the device
 * @range: what to copy
 * @data: kernel memory
 * @ret: the result
 */
struct pintest_rw {
	struct pintest *pt;
	struct pintest_range range;
	void *data;
	int ret;
};

/**
 * struct pintest_job - calls in a row, by a kernel thread or not
 * @pt: the device
 * @bench: which calls
 * @pages: receives pinned pages
 * @data: kernel memory to copy
 * @ret: the result
 */
struct pintest_job {
	struct pintest *pt;
	struct pintest_bench bench;
	struct page **pages;
	void *data;
	int ret;
};

static struct pintest *pintest_of(struct vfio_device *vdev)
{
	return container_of(vdev, struct pintest, vdev);
}

/* Remember one more pin of a page. The allocation was made before. */
static struct pintest_pin *pintest_note(struct pintest *pt, u64 iova,
					struct page *page,
					struct pintest_pin *fresh)
{
	struct pintest_pin *pin;

	mutex_lock(&pt->lock);
	pin = xa_load(&pt->pins, iova >> PAGE_SHIFT);
	if (!pin && !xa_err(xa_store(&pt->pins, iova >> PAGE_SHIFT, fresh,
				     GFP_KERNEL))) {
		pin = fresh;
		fresh = NULL;
		pin->page = page;
		pin->refs = 0;
	}
	if (pin)
		pin->refs++;
	mutex_unlock(&pt->lock);
	kfree(fresh);
	return pin;
}

/* Forget one pin of a page; was there one? */
static bool pintest_forget(struct pintest *pt, u64 iova)
{
	struct pintest_pin *pin;

	mutex_lock(&pt->lock);
	pin = xa_load(&pt->pins, iova >> PAGE_SHIFT);
	if (pin && !--pin->refs) {
		xa_erase(&pt->pins, iova >> PAGE_SHIFT);
		kfree(pin);
	}
	mutex_unlock(&pt->lock);
	return pin;
}

static long pintest_unpin(struct pintest *pt, const struct pintest_range *range)
{
	bool raw = range->flags & PINTEST_RAW;
	u64 i;

	if (raw && range->len > PINTEST_PAGES_MAX)
		return -EINVAL;
	for (i = 0; i < range->len; i++) {
		u64 iova = range->iova + (i << PAGE_SHIFT);

		if (pintest_forget(pt, iova) && !raw)
			vfio_unpin_pages(&pt->vdev, iova, 1);
	}
	if (raw)
		vfio_unpin_pages(&pt->vdev, range->iova, range->len);
	return 0;
}

static long pintest_pin(struct pintest *pt, const struct pintest_range *range)
{
	struct page **pages;
	int prot = 0, got, i;

	if (range->len > PINTEST_PAGES_MAX + 1)
		return -EINVAL;
	pages = kcalloc(range->len + 1, sizeof(*pages), GFP_KERNEL);
	if (!pages)
		return -ENOMEM;
	if (range->flags & PINTEST_READ)
		prot |= IOMMU_READ;
	if (range->flags & PINTEST_WRITE)
		prot |= IOMMU_WRITE;

	got = vfio_pin_pages(&pt->vdev, range->iova, range->len, prot, pages);
	for (i = 0; i < got; i++) {
		u64 iova = range->iova + ((u64)i << PAGE_SHIFT);
		struct pintest_pin *fresh = kmalloc(sizeof(*fresh), GFP_KERNEL);

		if (!fresh || !pintest_note(pt, iova, pages[i], fresh))
			vfio_unpin_pages(&pt->vdev, iova, 1);
	}
	kfree(pages);
	return got;
}

static int pintest_thread(void *data)
{
	struct pintest_call *call = data;

	allow_kernel_signal(SIGKILL);
	complete(&call->begun);
	call->run(call->arg);
	kthread_complete_and_exit(&call->done, 0);
}

/*
 * What the thread waits for in user memory may never come: who waits for it can be
 * killed, and so it is with its caller. Returns 0, or why there is no thread.
 */
static int pintest_run_thread(void (*run)(void *arg), void *arg)
{
	struct pintest_call call = { .run = run, .arg = arg };
	struct task_struct *thread;

	init_completion(&call.begun);
	init_completion(&call.done);
	thread = kthread_create(pintest_thread, &call, "pintest");
	if (IS_ERR(thread))
		return PTR_ERR(thread);
	get_task_struct(thread);
	wake_up_process(thread);
	wait_for_completion(&call.begun);
	if (wait_for_completion_killable(&call.done)) {
		send_sig(SIGKILL, thread, 1);
		wait_for_completion(&call.done);
	}
	put_task_struct(thread);
	return 0;
}

static int pintest_run(void (*run)(void *arg), void *arg, bool thread)
{
	if (thread)
		return pintest_run_thread(run, arg);
	run(arg);
	return 0;
}

static void pintest_rw_run(void *arg)
{
	struct pintest_rw *rw = arg;

	rw->ret = vfio_dma_rw(&rw->pt->vdev, rw->range.iova, rw->data,
			      rw->range.len, rw->range.flags & PINTEST_WRITE);
}

static long pintest_rw(struct pintest *pt, const struct pintest_range *range)
{
	bool write = range->flags & PINTEST_WRITE;
	struct pintest_rw rw = { .pt = pt, .range = *range };
	int ret;

	if (range->len > PINTEST_BYTES_MAX)
		return -EINVAL;
	if (write)
		rw.data = vmemdup_user(u64_to_user_ptr(range->data),
				       range->len);
	else
		rw.data = kvzalloc(range->len + 1, GFP_KERNEL);
	if (IS_ERR_OR_NULL(rw.data))
		return rw.data ? PTR_ERR(rw.data) : -ENOMEM;

	ret = pintest_run(pintest_rw_run, &rw, range->flags & PINTEST_KTHREAD);
	if (ret)
		rw.ret = ret;
	if (!rw.ret && !write &&
	    copy_to_user(u64_to_user_ptr(range->data), rw.data, range->len))
		rw.ret = -EFAULT;
	kvfree(rw.data);
	return rw.ret;
}

static long pintest_poke(struct pintest *pt, const struct pintest_range *range)
{
	struct pintest_pin *pin;
	u8 *byte;

	mutex_lock(&pt->lock);
	pin = xa_load(&pt->pins, range->iova >> PAGE_SHIFT);
	if (pin) {
		byte = kmap_local_page(pin->page);
		byte[offset_in_page(range->iova)] = range->data;
		kunmap_local(byte);
	}
	mutex_unlock(&pt->lock);
	return pin ? 0 : -ENOENT;
}

static long pintest_peek(struct pintest *pt, const struct pintest_range *range)
{
	struct pintest_pin *pin;
	long ret = -ENOENT;
	u8 *byte;

	mutex_lock(&pt->lock);
	pin = xa_load(&pt->pins, range->iova >> PAGE_SHIFT);
	if (pin) {
		byte = kmap_local_page(pin->page);
		ret = byte[offset_in_page(range->iova)];
		kunmap_local(byte);
	}
	mutex_unlock(&pt->lock);
	return ret;
}

static int pintest_bench_call(struct pintest_job *job, u64 iova)
{
	const struct pintest_bench *b = &job->bench;
	struct vfio_device *vdev = &job->pt->vdev;
	int prot = 0, got;

	switch (b->what) {
	case PINTEST_BENCH_PIN:
		if (b->flags & PINTEST_READ)
			prot |= IOMMU_READ;
		if (b->flags & PINTEST_WRITE)
			prot |= IOMMU_WRITE;
		got = vfio_pin_pages(vdev, iova, b->len, prot, job->pages);
		return got < 0 ? got : 0;
	case PINTEST_BENCH_UNPIN:
		vfio_unpin_pages(vdev, iova, b->len);
		return 0;
	case PINTEST_BENCH_RW:
		return vfio_dma_rw(vdev, iova, job->data, b->len,
				   b->flags & PINTEST_WRITE);
	default:
		return -EINVAL;
	}
}

static void pintest_bench_run(void *arg)
{
	struct pintest_job *job = arg;
	struct pintest_bench *b = &job->bench;
	u64 begin = ktime_get_ns(), i;

	for (i = 0; i < b->calls && !job->ret; i++)
		job->ret = pintest_bench_call(job, b->iova + i * b->stride);
	b->ns = ktime_get_ns() - begin;
}

static long pintest_bench(struct pintest *pt, unsigned long arg)
{
	struct pintest_job job = { .pt = pt };
	int ret;

	if (copy_from_user(&job.bench, (void __user *)arg, sizeof(job.bench)))
		return -EFAULT;
	if (job.bench.what == PINTEST_BENCH_RW ?
	    job.bench.len > PINTEST_BYTES_MAX :
	    job.bench.len > PINTEST_PAGES_MAX)
		return -EINVAL;
	job.data = kvzalloc(job.bench.len, GFP_KERNEL);
	job.pages = kcalloc(PINTEST_PAGES_MAX, sizeof(*job.pages), GFP_KERNEL);
	if (!job.data || !job.pages)
		job.ret = -ENOMEM;

	ret = pintest_run(pintest_bench_run, &job,
			  job.bench.flags & PINTEST_KTHREAD);
	if (ret)
		job.ret = ret;
	kvfree(job.data);
	kfree(job.pages);
	if (!job.ret &&
	    copy_to_user((void __user *)arg, &job.bench, sizeof(job.bench)))
		job.ret = -EFAULT;
	return job.ret;
}

static long pintest_explicit(struct pintest *pt, bool on)
{
	struct vfio_dirty_client *client;

	if (!on || pt->client) {
		vfio_dirty_close(pt->client);
		pt->client = NULL;
		if (!on)
			return 0;
	}
	client = vfio_dirty_open(&pt->vdev);
	if (IS_ERR_OR_NULL(client))
		return client ? PTR_ERR(client) : -ENODEV;
	pt->client = client;
	return 0;
}

/* Whoever is given a client here is the one that has it already. */
static long pintest_twice(struct pintest *pt)
{
	struct vfio_dirty_client *client = vfio_dirty_open(&pt->vdev);

	return IS_ERR(client) ? PTR_ERR(client) : 0;
}

static long pintest_range_ioctl(struct pintest *pt, unsigned int cmd,
				unsigned long arg)
{
	struct pintest_range range;

	if (copy_from_user(&range, (void __user *)arg, sizeof(range)))
		return -EFAULT;

	switch (cmd) {
	case PINTEST_PIN:
		return pintest_pin(pt, &range);
	case PINTEST_UNPIN:
		return pintest_unpin(pt, &range);
	case PINTEST_RW:
		return pintest_rw(pt, &range);
	case PINTEST_POKE:
		return pintest_poke(pt, &range);
	case PINTEST_PEEK:
		return pintest_peek(pt, &range);
	case PINTEST_MARK:
		return pt->client ? vfio_dirty_mark(pt->client, range.iova,
						    range.len) : -ENODEV;
	default:
		return -ENOTTY;
	}
}

static long pintest_ioctl(struct vfio_device *vdev, unsigned int cmd,
			  unsigned long arg)
{
	struct pintest *pt = pintest_of(vdev);
	long ret = 0;

	switch (cmd) {
	case PINTEST_BENCH:
		return pintest_bench(pt, arg);
	case PINTEST_EXPLICIT:
		return pintest_explicit(pt, arg);
	case PINTEST_TWICE:
		return pintest_twice(pt);
	case PINTEST_HOLD:
		pintest_hold(pt, arg);
		return 0;
	case PINTEST_STUBBORN:
	case PINTEST_CALLS:
	case PINTEST_LEAK:
		mutex_lock(&pt->lock);
		if (cmd == PINTEST_STUBBORN)
			pt->stubborn = arg;
		else if (cmd == PINTEST_LEAK)
			pt->leak = arg;
		else
			ret = pt->calls;
		mutex_unlock(&pt->lock);
		return ret;
	default:
		return pintest_range_ioctl(pt, cmd, arg);
	}
}

/* Unpin what is pinned of a range. */
static void pintest_drop(struct pintest *pt, u64 iova, u64 last)
{
	unsigned long index;
	struct pintest_pin *pin;

	xa_for_each_range(&pt->pins, index, pin, iova >> PAGE_SHIFT,
			  last >> PAGE_SHIFT) {
		while (pintest_forget(pt, (u64)index << PAGE_SHIFT))
			vfio_unpin_pages(&pt->vdev, (u64)index << PAGE_SHIFT,
					 1);
	}
}

static void pintest_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length)
{
	struct pintest *pt = pintest_of(vdev);
	bool stubborn;

	mutex_lock(&pt->lock);
	pt->calls++;
	stubborn = pt->stubborn;
	if (stubborn)
		pt->stubborn--;
	mutex_unlock(&pt->lock);
	if (!stubborn)
		pintest_drop(pt, iova, iova + length - 1);
	wait_event_killable(pintest_hold_wait, !READ_ONCE(pintest_holder));
}

static int pintest_open_device(struct vfio_device *vdev)
{
	struct pintest *pt = pintest_of(vdev);

	/* newer kernels register the device with the container before this */
	mutex_lock(&pt->lock);
	pt->stubborn = 0;
	pt->calls = 0;
	pt->leak = false;
	mutex_unlock(&pt->lock);
	return 0;
}

static void pintest_close_device(struct vfio_device *vdev)
{
	struct pintest *pt = pintest_of(vdev);
	struct pintest_pin *pin;
	unsigned long index;

	pintest_hold(pt, false);
	if (!pt->leak)
		pintest_drop(pt, 0, U64_MAX);
	xa_for_each(&pt->pins, index, pin)
		kfree(pin);
	xa_destroy(&pt->pins);
	vfio_dirty_close(pt->client);
	pt->client = NULL;
}

static int pintest_init_device(struct vfio_device *vdev)
{
	struct pintest *pt = pintest_of(vdev);

	mutex_init(&pt->lock);
	xa_init(&pt->pins);
	return 0;
}

static void pintest_release(struct vfio_device *vdev)
{
	mutex_destroy(&pintest_of(vdev)->lock);
	compat_vfio_free_device(vdev);
}

static const struct vfio_device_ops pintest_ops = {
	.name = "pintest",
	.init = pintest_init_device,
	.release = pintest_release,
	.open_device = pintest_open_device,
	.close_device = pintest_close_device,
	.ioctl = pintest_ioctl,
	.dma_unmap = pintest_dma_unmap,
	COMPAT_VFIO_EMULATED_IOMMUFD_OPS
};

static int pintest_probe(struct mdev_device *mdev)
{
	struct pintest *pt;
	int ret;

	pt = vfio_alloc_device(pintest, vdev, &mdev->dev, &pintest_ops);
	if (IS_ERR(pt))
		return PTR_ERR(pt);

	ret = vfio_register_emulated_iommu_dev(&pt->vdev);
	if (ret) {
		vfio_put_device(&pt->vdev);
		return ret;
	}
	dev_set_drvdata(&mdev->dev, pt);
	return 0;
}

static void pintest_remove(struct mdev_device *mdev)
{
	struct pintest *pt = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&pt->vdev);
	vfio_put_device(&pt->vdev);
}

static unsigned int pintest_get_available(struct mdev_type *type)
{
	return 64;
}

static struct mdev_driver pintest_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.probe = pintest_probe,
	.remove = pintest_remove,
	.get_available = pintest_get_available,
	.driver = {
		.name = "pintest",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
	},
};

static struct mdev_type pintest_type = {
	.sysfs_name = "pin",
	.pretty_name = "Pins what it is told to",
};

static struct mdev_type *pintest_types[] = { &pintest_type };
static struct mdev_parent pintest_parent;
static struct device *pintest_root;

static int __init pintest_init(void)
{
	int ret;

	pintest_root = root_device_register("pintest");
	if (IS_ERR(pintest_root))
		return PTR_ERR(pintest_root);
	ret = mdev_register_driver(&pintest_driver);
	if (ret)
		goto err_root;
	ret = vfio_dirty_register_driver(&pintest_driver.driver);
	if (ret)
		goto err_driver;
	/* mdev names the types after the parent's driver: it must have one */
	pintest_root->driver = &pintest_driver.driver;
	ret = mdev_register_parent(&pintest_parent, pintest_root,
				   &pintest_driver, pintest_types,
				   ARRAY_SIZE(pintest_types));
	if (ret)
		goto err_dirty;
	return 0;

err_dirty:
	pintest_root->driver = NULL;
	vfio_dirty_unregister_driver(&pintest_driver.driver);
err_driver:
	mdev_unregister_driver(&pintest_driver);
err_root:
	root_device_unregister(pintest_root);
	return ret;
}

static void __exit pintest_exit(void)
{
	mdev_unregister_parent(&pintest_parent);
	pintest_root->driver = NULL;
	vfio_dirty_unregister_driver(&pintest_driver.driver);
	mdev_unregister_driver(&pintest_driver);
	root_device_unregister(pintest_root);
}

module_init(pintest_init);
module_exit(pintest_exit);

MODULE_DESCRIPTION("Mediated device that pins what it is told to");
MODULE_AUTHOR("The mvgpu authors");
MODULE_LICENSE("GPL");
