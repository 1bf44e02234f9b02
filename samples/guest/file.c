// SPDX-License-Identifier: GPL-2.0
/*
 * /dev/mvgpuN: see mvgpu_guest.h.
 */
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "guest_private.h"

static int mvgpu_guest_open(struct inode *inode, struct file *file)
{
	struct mvgpu_guest *guest = container_of(file->private_data,
						 struct mvgpu_guest, misc);
	int ret = 0;

	mutex_lock(&guest->lock);
	if (guest->gone) {
		ret = -ENODEV;
	} else if (guest->mapping) {
		ret = -EBUSY;
	} else {
		guest->mapping = file->f_mapping;
		kref_get(&guest->kref);
		file->private_data = guest;
	}
	mutex_unlock(&guest->lock);
	return ret;
}

static int mvgpu_guest_release(struct inode *inode, struct file *file)
{
	struct mvgpu_guest *guest = file->private_data;

	mvgpu_guest_queue_forget_all(guest);
	mutex_lock(&guest->lock);
	mvgpu_guest_buffer_free_all(guest);
	guest->mapping = NULL;
	mutex_unlock(&guest->lock);
	mvgpu_guest_put(guest);
	return 0;
}

static int mvgpu_guest_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct mvgpu_guest *guest = file->private_data;
	int ret;

	mutex_lock(&guest->lock);
	ret = guest->gone ? -ENODEV : mvgpu_guest_buffer_mmap(guest, vma);
	mutex_unlock(&guest->lock);
	return ret;
}

static long mvgpu_guest_ioctl_info(struct mvgpu_guest *guest, void __user *arg)
{
	const struct mvgpu_guest_info info = {
		.vram_size = (u64)guest->vram_pages * PAGE_SIZE,
		.gpu_size = (u64)MVGPU_GUEST_USER_ENTRIES * MVGPU_PAGE_SIZE,
		.queues = MVGPU_GUEST_QUEUES,
		.vectors = guest->vectors,
	};

	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

static long mvgpu_guest_ioctl_alloc(struct mvgpu_guest *guest,
				    void __user *arg)
{
	struct mvgpu_guest_alloc alloc;
	int ret;

	if (copy_from_user(&alloc, arg, sizeof(alloc)))
		return -EFAULT;
	mutex_lock(&guest->lock);
	ret = guest->gone ? -ENODEV : mvgpu_guest_buffer_alloc(guest, &alloc);
	mutex_unlock(&guest->lock);
	if (ret)
		return ret;
	/* Who cannot be told the number has the buffer until it closes. */
	return copy_to_user(arg, &alloc, sizeof(alloc)) ? -EFAULT : 0;
}

static long mvgpu_guest_ioctl_free(struct mvgpu_guest *guest, void __user *arg)
{
	u32 number;
	int ret;

	if (copy_from_user(&number, arg, sizeof(number)))
		return -EFAULT;
	mutex_lock(&guest->lock);
	ret = guest->gone ? -ENODEV : mvgpu_guest_buffer_free(guest, number);
	mutex_unlock(&guest->lock);
	return ret;
}

static long mvgpu_guest_ioctl_bind(struct mvgpu_guest *guest, void __user *arg)
{
	struct mvgpu_guest_bind bind;
	int ret;

	if (copy_from_user(&bind, arg, sizeof(bind)))
		return -EFAULT;
	mutex_lock(&guest->lock);
	ret = guest->gone ? -ENODEV : mvgpu_guest_gtt_bind(guest, &bind);
	mutex_unlock(&guest->lock);
	return ret;
}

static long mvgpu_guest_ioctl_submit(struct mvgpu_guest *guest,
				     void __user *arg)
{
	struct mvgpu_guest_submit submit;
	void *commands;
	int ret;

	if (copy_from_user(&submit, arg, sizeof(submit)))
		return -EFAULT;
	if (submit.queue >= MVGPU_GUEST_QUEUES || !submit.count ||
	    submit.count > MVGPU_GUEST_COMMANDS)
		return -EINVAL;
	commands = memdup_user(u64_to_user_ptr(submit.commands),
			       submit.count * MVGPU_COMMAND_SIZE);
	if (IS_ERR(commands))
		return PTR_ERR(commands);
	ret = mvgpu_guest_queue_submit(guest, &submit, commands);
	kfree(commands);
	if (ret)
		return ret;
	return copy_to_user(arg, &submit, sizeof(submit)) ? -EFAULT : 0;
}

static long mvgpu_guest_ioctl_wait(struct mvgpu_guest *guest, void __user *arg)
{
	struct mvgpu_guest_wait wait;
	int ret;

	if (copy_from_user(&wait, arg, sizeof(wait)))
		return -EFAULT;
	ret = mvgpu_guest_queue_wait(guest, &wait);
	if (ret && ret != -EIO)
		return ret;
	return copy_to_user(arg, &wait, sizeof(wait)) ? -EFAULT : ret;
}

static long mvgpu_guest_ioctl_restart(struct mvgpu_guest *guest,
				      void __user *arg)
{
	u32 number;

	if (copy_from_user(&number, arg, sizeof(number)))
		return -EFAULT;
	return mvgpu_guest_queue_restart(guest, number);
}

static long mvgpu_guest_ioctl(struct file *file, unsigned int command,
			      unsigned long arg)
{
	struct mvgpu_guest *guest = file->private_data;
	void __user *user = (void __user *)arg;

	switch (command) {
	case MVGPU_GUEST_INFO:
		return mvgpu_guest_ioctl_info(guest, user);
	case MVGPU_GUEST_ALLOC:
		return mvgpu_guest_ioctl_alloc(guest, user);
	case MVGPU_GUEST_FREE:
		return mvgpu_guest_ioctl_free(guest, user);
	case MVGPU_GUEST_BIND:
		return mvgpu_guest_ioctl_bind(guest, user);
	case MVGPU_GUEST_SUBMIT:
		return mvgpu_guest_ioctl_submit(guest, user);
	case MVGPU_GUEST_WAIT:
		return mvgpu_guest_ioctl_wait(guest, user);
	case MVGPU_GUEST_RESTART:
		return mvgpu_guest_ioctl_restart(guest, user);
	case MVGPU_GUEST_RESUMES:
		return put_user(READ_ONCE(guest->resumes),
				(__u32 __user *)user);
	default:
		return -ENOTTY;
	}
}

const struct file_operations mvgpu_guest_fops = {
	.owner = THIS_MODULE,
	.open = mvgpu_guest_open,
	.release = mvgpu_guest_release,
	.mmap = mvgpu_guest_mmap,
	.unlocked_ioctl = mvgpu_guest_ioctl,
	.compat_ioctl = compat_ptr_ioctl,
	.llseek = noop_llseek,
};
