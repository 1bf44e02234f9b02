// SPDX-License-Identifier: GPL-2.0
/*
 * User memory: how its pages are pinned and given back, and who pays for them.
 * No lock of a container is needed; the caller keeps the mapping.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/userfaultfd_k.h>

#include "compat_mm.h"
#include "vfio_dirty_private.h"

/*
 * How often a page that cannot be moved to where it may stay is tried again, and
 * after how many microseconds: who copies from it just now is done by then.
 */
#define VFIO_DIRTY_PAGES_TRIES		8
#define VFIO_DIRTY_PAGES_PAUSE		200

/* Charge pages to the process that mapped them. */
static int vfio_dirty_charge(struct vfio_dirty_mapping *m, unsigned long nr)
{
	int ret;

	if (!nr)
		return 0;
	ret = mmap_write_lock_killable(m->mm);
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
 * as it does everybody who faults.
 */
static long vfio_dirty_pages_pin(struct vfio_dirty_mapping *m,
				 unsigned long page, unsigned long nr,
				 struct page **pages)
{
	unsigned long i, start = m->vaddr + (page << PAGE_SHIFT);
	long got;

	got = mmap_read_lock_killable(m->mm);
	if (got)
		return got;
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
				      struct page **pages)
{
	unsigned int tries = VFIO_DIRTY_PAGES_TRIES;
	long got;

	for (;;) {
		got = vfio_dirty_pages_pin(m, page, nr, pages);
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
 *
 * Whether they are writable follows from the mapping, so that a page that one
 * device reads now can be written by another later.
 *
 * Return: how many were pinned, at least one; -ENOMEM if that is more than
 * RLIMIT_MEMLOCK allows, and for no other reason; -EAGAIN if a page cannot be
 * pinned now, as others hold it where it may not stay or memory is short;
 * -ENODEV if the process that mapped them is gone, -EINTR, or what
 * pin_user_pages_remote() says of memory that never can be.
 */
long vfio_dirty_pages_get(struct vfio_dirty_mapping *m, unsigned long page,
			  unsigned long nr, struct page **pages)
{
	unsigned long i;
	long got, ret;

	if (!mmget_not_zero(m->mm))
		return -ENODEV;
	got = vfio_dirty_pages_pin_hard(m, page, nr, pages);
	if (got <= 0)
		goto out;
	ret = vfio_dirty_charge(m, vfio_dirty_count_charged(pages, got));
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
