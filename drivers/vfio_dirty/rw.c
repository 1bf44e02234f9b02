// SPDX-License-Identifier: GPL-2.0
/*
 * Copies to and from guest memory that need no pin. They may sleep for as long
 * as user space likes to take over a page fault, so nothing is locked; only the
 * mapping is kept by its users count. Small copies of memory that is present are
 * an exception: they do not sleep, and are made under the container's lock.
 */
#include <linux/iommu.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>
#include <linux/sizes.h>
#include <linux/uaccess.h>

#include "vfio_dirty_private.h"

/* Bounds what is allocated, and how late a mark may come. */
#define VFIO_DIRTY_RW_CHUNK	((size_t)SZ_1M)

/**
 * struct vfio_dirty_copy - a copy's part in one mapping
 * @m: the mapping
 * @offset: first byte in the mapping
 * @data: kernel memory
 * @len: how many bytes
 * @write: to guest memory
 * @done: bytes copied
 */
struct vfio_dirty_copy {
	struct vfio_dirty_mapping *m;
	unsigned long offset;
	void *data;
	size_t len;
	bool write;
	size_t done;
};

/* Copy, without locks; the current mm is the mapping's. */
static void vfio_dirty_rw_user(struct vfio_dirty_copy *copy)
{
	void __user *user = (void __user *)(copy->m->vaddr + copy->offset);
	unsigned long left;

	if (copy->write)
		left = copy_to_user(user, copy->data, copy->len);
	else
		left = copy_from_user(copy->data, user, copy->len);
	copy->done = copy->len - left;
}

/*
 * Make the mm of a mapping the current one, if a kernel thread asks: 1 if that is
 * to be undone, 0 if it is the current one, -EPERM if it is gone, or -EFAULT.
 */
static int vfio_dirty_rw_use_mm(struct mm_struct *mm)
{
	if (current->mm == mm)
		return 0;
	if (current->mm)
		return atomic_read(&mm->mm_users) ? -EFAULT : -EPERM;
	if (!mmget_not_zero(mm))
		return -EPERM;
	kthread_use_mm(mm);
	return 1;
}

static int vfio_dirty_rw_mm(struct vfio_dirty_copy *copy)
{
	struct mm_struct *mm = copy->m->mm;
	int used = vfio_dirty_rw_use_mm(mm);

	if (used < 0)
		return used;
	vfio_dirty_rw_user(copy);
	if (used) {
		kthread_unuse_mm(mm);
		mmput(mm);
	}
	return copy->done == copy->len ? 0 : -EFAULT;
}

/* Mark what was really written, also if that is less than asked for. */
static void vfio_dirty_rw_mark_locked(struct vfio_dirty_container *c,
				      const struct vfio_dirty_copy *copy)
{
	unsigned long first = copy->offset >> PAGE_SHIFT;
	unsigned long last;

	lockdep_assert_held(&c->lock);
	if (!copy->write || !copy->done)
		return;
	last = (copy->offset + copy->done - 1) >> PAGE_SHIFT;
	vfio_dirty_leaves_mark_locked(c, copy->m, first, last - first + 1);
}

/* Copy what lies in one mapping, or a chunk of it. */
static int vfio_dirty_rw_locked(struct vfio_dirty_container *c,
				struct vfio_dirty_copy *copy)
{
	unsigned long first = copy->offset >> PAGE_SHIFT;
	unsigned long last = (copy->offset + copy->len - 1) >> PAGE_SHIFT;
	int ret;

	lockdep_assert_held(&c->lock);
	if (copy->write) {
		ret = vfio_dirty_leaves_reserve_locked(c, copy->m, first,
						       last - first + 1);
		if (ret)
			return ret;
	}
	vfio_dirty_mapping_use_locked(c, copy->m);
	mutex_unlock(&c->lock);
	ret = vfio_dirty_rw_mm(copy);
	cond_resched();
	mutex_lock(&c->lock);
	vfio_dirty_rw_mark_locked(c, copy);
	vfio_dirty_mapping_unuse(c, copy->m);
	return ret;
}

/* The rights that a copy needs are those that stock asks for. */
static int vfio_dirty_rw_prot(bool write)
{
	return write ? IOMMU_READ | IOMMU_WRITE : IOMMU_READ;
}

/*
 * Make a copy that lies in one page, if it takes neither a page fault nor an
 * allocation. If it ends half way, the caller copies and marks all of it again.
 */
static bool vfio_dirty_rw_quick(struct vfio_dirty_container *c, u64 iova,
				void *data, size_t count, bool write)
{
	struct vfio_dirty_leaf *leaf = NULL;
	struct vfio_dirty_mapping *m;
	int used = 0, prot = vfio_dirty_rw_prot(write);
	struct mm_struct *mm = NULL;
	unsigned long left = count;
	void __user *user;
	u64 offset;

	mutex_lock(&c->lock);
	m = vfio_dirty_mapping_find_locked(c, iova);
	if (!m || m->stage == VFIO_DIRTY_CLOSED || (m->prot & prot) != prot)
		goto out;
	offset = iova - m->iova;
	if (write) {
		leaf = vfio_dirty_leaf_find_locked(c, m, offset >> PAGE_SHIFT);
		if (!leaf)
			goto out;
	}
	mm = m->mm;
	used = vfio_dirty_rw_use_mm(mm);
	if (used < 0)
		goto out;

	user = (void __user *)(m->vaddr + offset);
	pagefault_disable();
	if (write)
		left = copy_to_user(user, data, count);
	else
		left = copy_from_user(data, user, count);
	pagefault_enable();
	if (write && left != count)
		vfio_dirty_leaf_mark_page(leaf, offset >> PAGE_SHIFT,
					  vfio_dirty_epoch_locked(c));
	if (used)
		kthread_unuse_mm(mm);
out:
	mutex_unlock(&c->lock);
	/* the last user of an mm goes through much */
	if (used > 0)
		mmput(mm);
	return !left;
}

/*
 * Make a copy of any size, which may sleep. Not inlined, so that a quick one need
 * not save as many registers.
 */
static noinline int vfio_dirty_rw_slow(struct vfio_dirty_container *c, u64 iova,
				       void *data, size_t count, bool write)
{
	int ret = 0;

	mutex_lock(&c->lock);
	while (count && !ret) {
		struct vfio_dirty_copy copy = { .data = data, .write = write };

		copy.m = vfio_dirty_mapping_enter_locked(c, iova,
							 vfio_dirty_rw_prot(write),
							 0);
		if (IS_ERR(copy.m)) {
			ret = PTR_ERR(copy.m);
			break;
		}
		copy.offset = iova - copy.m->iova;
		copy.len = min_t(u64, min(count, VFIO_DIRTY_RW_CHUNK) - 1,
				 copy.m->last - iova) + 1;
		ret = vfio_dirty_rw_locked(c, &copy);
		iova += copy.len;
		data += copy.len;
		count -= copy.len;
	}
	mutex_unlock(&c->lock);
	return ret;
}

/**
 * vfio_dirty_rw - copy to or from guest memory
 * @c: the container
 * @iova: first byte
 * @data: kernel memory
 * @count: how many bytes
 * @write: to guest memory
 *
 * What is written is marked, also if the copy fails half way.
 *
 * Return: 0, -EINVAL if some of it is not mapped or it goes on at IOVA 0, -EPERM
 * if it is mapped without the right or its process is gone, -EFAULT, -ENOMEM, or
 * -EINTR while an unmap of it is under way.
 */
int vfio_dirty_rw(struct vfio_dirty_container *c, dma_addr_t iova, void *data,
		  size_t count, bool write)
{
	if (!count || iova + (count - 1) < iova)
		return -EINVAL;
	if (count - 1 < PAGE_SIZE - offset_in_page(iova) &&
	    vfio_dirty_rw_quick(c, iova, data, count, write))
		return 0;
	return vfio_dirty_rw_slow(c, iova, data, count, write);
}
