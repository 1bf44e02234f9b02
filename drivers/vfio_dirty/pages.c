// SPDX-License-Identifier: GPL-2.0
/*
 * User memory: how its pages are pinned and given back, and who pays for them.
 * No lock of a container is needed; the caller keeps the mapping.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/hugetlb_inline.h>
#include <linux/magic.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/userfaultfd_k.h>

#include "compat_mm.h"
#include "vfio_dirty_private.h"

/*
 * How often a page that cannot be moved to where it may stay is tried again, and
 * after how many microseconds: who copies from it just now is done by then. The same
 * of mmap_lock, where nobody in user space may be waited for.
 */
#define VFIO_DIRTY_PAGES_TRIES		8
#define VFIO_DIRTY_PAGES_PAUSE		200

/*
 * Take mmap_lock to pin, or to charge. Who holds it may wait for a file system in
 * user space, as who writes to a page of its files does: with @nowait it is
 * tried for a moment.
 */
static int vfio_dirty_pages_lock(struct mm_struct *mm, bool write, bool nowait)
{
	unsigned int tries;

	if (!nowait)
		return write ? mmap_write_lock_killable(mm) :
			       mmap_read_lock_killable(mm);
	for (tries = 0; tries < VFIO_DIRTY_PAGES_TRIES; tries++) {
		if (write ? compat_mmap_write_trylock(mm) :
			    mmap_read_trylock(mm))
			return 0;
		usleep_range(VFIO_DIRTY_PAGES_PAUSE, 2 * VFIO_DIRTY_PAGES_PAUSE);
	}
	return -EAGAIN;
}

/* Charge pages to the process that mapped them. */
static int vfio_dirty_charge(struct vfio_dirty_mapping *m, unsigned long nr,
			     bool nowait)
{
	int ret;

	if (!nr)
		return 0;
	ret = vfio_dirty_pages_lock(m->mm, true, nowait);
	if (ret)
		return ret;
	ret = __account_locked_vm(m->mm, nr, true, m->task, m->lock_cap);
	mmap_write_unlock(m->mm);
	if (ret == -ENOMEM &&
	    vfio_dirty_may_say(VFIO_DIRTY_SAY_MEMLOCK, m->budget))
		pr_warn("cannot pin %lu pages: RLIMIT_MEMLOCK of process %d is exceeded\n",
			nr, task_pid_nr(m->task));
	return ret;
}

/* Never fails, so that nothing stays charged. The mm may be an empty one. */
static void vfio_dirty_refund(struct vfio_dirty_mapping *m, unsigned long nr)
{
	if (!nr)
		return;
	mmap_write_lock(m->mm);
	__account_locked_vm(m->mm, nr, false, m->task, m->lock_cap);
	mmap_write_unlock(m->mm);
}

/* The zero page and its like are nobody's memory. */
static unsigned long vfio_dirty_count_charged(struct page **pages,
					      unsigned long nr)
{
	unsigned long i, charged = 0;

	for (i = 0; i < nr; i++)
		charged += !PageReserved(pages[i]);
	return charged;
}

/*
 * How many pages there are before one that is a driver's, such as that of a device's
 * memory: a driver may want to know who writes, and put another in its place. Those
 * are pinned on no kernel, but can be copied to and from as the process itself does.
 */
static unsigned long vfio_dirty_pages_ordinary(struct mm_struct *mm,
					       unsigned long start,
					       unsigned long nr)
{
	unsigned long end = start + (nr << PAGE_SHIFT);
	struct vm_area_struct *vma;

	mmap_assert_locked(mm);
	for (vma = find_vma(mm, start); vma && vma->vm_start < end;
	     vma = find_vma(mm, vma->vm_end)) {
		if (vma->vm_flags & VM_MIXEDMAP)
			return vma->vm_start <= start ?
			       0 : (vma->vm_start - start) >> PAGE_SHIFT;
	}
	return nr;
}

/*
 * Have a page brought in. Waits without mmap_lock, and can be killed: the page may
 * come from a file system in user space, and the process must be able to end.
 */
static int vfio_dirty_pages_fault(struct vfio_dirty_mapping *m,
				  unsigned long address)
{
	unsigned int flags = FAULT_FLAG_REMOTE;
	bool unlocked = false;

	if (m->prot & IOMMU_WRITE)
		flags |= FAULT_FLAG_WRITE;
	return fixup_user_fault(m->mm, address, flags, &unlocked);
}

/*
 * Pin pages, or some of them; mmap_lock is dropped for each that is waited for. Of
 * memory with a userfaultfd none is: what is swapped out comes, what is missing is
 * an error.
 */
static long vfio_dirty_pages_pin_mmap_locked(struct vfio_dirty_mapping *m,
					     unsigned long start,
					     unsigned long nr,
					     struct page **pages)
{
	unsigned int flags = m->prot & IOMMU_WRITE ? FOLL_WRITE : 0;
	struct vm_area_struct *vma;
	unsigned int tries;
	long got;

	mmap_assert_locked(m->mm);
	for (tries = 0; tries < VFIO_DIRTY_PAGES_TRIES; tries++) {
		nr = vfio_dirty_pages_ordinary(m->mm, start, nr);
		if (!nr)
			return -EFAULT;
		got = compat_pin_user_pages_longterm(m->mm, start, nr,
						     flags | FOLL_NOWAIT,
						     pages);
		if (got)
			return got;
		vma = vma_lookup(m->mm, start);
		if (vma && userfaultfd_armed(vma))
			return compat_pin_user_pages_longterm(m->mm, start, nr,
							      flags, pages);
		got = vfio_dirty_pages_fault(m, start);
		if (got)
			return got;
	}
	return -EAGAIN;
}

/* Does memory come from the kernel, out of swap at most, where it is missing? */
static bool vfio_dirty_pages_are_the_kernels(struct vm_area_struct *vma)
{
	return vma_is_anonymous(vma) || is_vm_hugetlb_page(vma) ||
	       (vma->vm_file &&
		file_inode(vma->vm_file)->i_sb->s_magic == TMPFS_MAGIC);
}

/*
 * Pin pages, or some of them, and wait for nobody in user space. mmap_lock is held
 * all the time, so that memory stays of the kind that it was seen to be. Of what may
 * come from user space, pages that the process has for itself are pinned if they
 * are there: to move such a page takes nobody's file system.
 */
static long vfio_dirty_pages_pin_nowait_mmap_locked(struct vfio_dirty_mapping *m,
						    unsigned long start,
						    unsigned long nr,
						    struct page **pages)
{
	unsigned int flags = m->prot & IOMMU_WRITE ? FOLL_WRITE : 0;
	struct vm_area_struct *vma;
	bool kernels;

	mmap_assert_locked(m->mm);
	nr = vfio_dirty_pages_ordinary(m->mm, start, nr);
	vma = vma_lookup(m->mm, start);
	if (!nr || !vma)
		return -EFAULT;
	nr = min(nr, (vma->vm_end - start) >> PAGE_SHIFT);
	kernels = vfio_dirty_pages_are_the_kernels(vma);
	/* of a file that others see too */
	if (!kernels && (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) !=
			VM_MAYWRITE)
		return -EFAULT;
	if (!kernels || userfaultfd_armed(vma))
		flags |= FOLL_NOFAULT;
	return compat_pin_user_pages_longterm(m->mm, start, nr, flags, pages);
}

/**
 * vfio_dirty_pages_put - give pages back
 * @m: their mapping
 * @pages: the pages; what was in it is lost
 * @nr: how many
 *
 * The zero page, which is one of those that are reserved, was given back as soon
 * as it was pinned.
 */
void vfio_dirty_pages_put(struct vfio_dirty_mapping *m, struct page **pages,
			  unsigned long nr)
{
	unsigned long i, put = 0, charged = 0;

	for (i = 0; i < nr; i++) {
		if (!PageReserved(pages[i]))
			charged++;
		else if (is_zero_pfn(page_to_pfn(pages[i])))
			continue;
		pages[put++] = pages[i];
	}
	vfio_dirty_refund(m, charged);
	unpin_user_pages_dirty_lock(pages, put, m->prot & IOMMU_WRITE);
}

/*
 * Pin pages, or some of them. Nothing here waits for userfaultfd: a page that it
 * would have to fill is an error. A file system in user space may keep us waiting,
 * as it does everybody who faults, unless that is not wanted.
 */
static long vfio_dirty_pages_pin(struct vfio_dirty_mapping *m,
				 unsigned long page, unsigned long nr,
				 struct page **pages, bool nowait)
{
	unsigned long i, start = m->vaddr + (page << PAGE_SHIFT);
	long got;

	got = vfio_dirty_pages_lock(m->mm, false, nowait);
	if (got)
		return got;
	if (nowait)
		got = vfio_dirty_pages_pin_nowait_mmap_locked(m, start, nr,
							      pages);
	else
		got = vfio_dirty_pages_pin_mmap_locked(m, start, nr, pages);
	mmap_read_unlock(m->mm);
	for (i = 0; got > 0 && i < got; i++) {
		if (is_zero_pfn(page_to_pfn(pages[i])))
			unpin_user_page(pages[i]);
	}
	return got ? got : -EFAULT;
}

/* The same, but not refused because somebody else looks at a page just now. */
static long vfio_dirty_pages_pin_hard(struct vfio_dirty_mapping *m,
				      unsigned long page, unsigned long nr,
				      struct page **pages, bool nowait)
{
	unsigned int tries = VFIO_DIRTY_PAGES_TRIES;
	long got;

	for (;;) {
		got = vfio_dirty_pages_pin(m, page, nr, pages, nowait);
		if (got != -ENOMEM || !--tries || fatal_signal_pending(current))
			break;
		usleep_range(VFIO_DIRTY_PAGES_PAUSE, 2 * VFIO_DIRTY_PAGES_PAUSE);
	}
	return got == -ENOMEM ? -EAGAIN : got;
}

/**
 * vfio_dirty_pages_get - pin and charge pages of user memory
 * @m: their mapping
 * @page: the first
 * @nr: how many
 * @pages: receives the pages
 * @nowait: wait for nobody in user space
 *
 * Whether they are writable follows from the mapping, so that a page that one
 * device reads now can be written by another later.
 *
 * Return: how many were pinned, at least one; -ENOMEM if that is more than
 * RLIMIT_MEMLOCK allows, and for no other reason; -EAGAIN if a page cannot be
 * pinned now, as others hold it where it may not stay, memory is short, or with
 * @nowait somebody has mmap_lock; -EFAULT if with @nowait it is not there;
 * -ENODEV if the process that mapped them is gone, -EINTR, or what
 * pin_user_pages_remote() says of memory that never can be.
 */
long vfio_dirty_pages_get(struct vfio_dirty_mapping *m, unsigned long page,
			  unsigned long nr, struct page **pages, bool nowait)
{
	unsigned long i;
	long got, ret;

	if (!mmget_not_zero(m->mm))
		return -ENODEV;
	got = vfio_dirty_pages_pin_hard(m, page, nr, pages, nowait);
	if (got <= 0)
		goto out;
	ret = vfio_dirty_charge(m, vfio_dirty_count_charged(pages, got), nowait);
	if (ret) {
		for (i = 0; i < got; i++) {
			if (!is_zero_pfn(page_to_pfn(pages[i])))
				unpin_user_page(pages[i]);
		}
		got = ret;
	}
out:
	mmput(m->mm);
	return got;
}
