/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in <linux/mm.h>.
 */
#ifndef _COMPAT_MM_H
#define _COMPAT_MM_H

#include <linux/hugetlb_inline.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/rwsem.h>

/**
 * compat_pin_user_pages_remote - pin pages without ever dropping mmap_lock
 * @mm: address space; its mmap_lock is held for reading
 * @start: first address
 * @nr_pages: how many pages
 * @gup_flags: FOLL_* flags
 * @pages: receives the pages
 *
 * Return: pages pinned, which may be fewer, or a negative errno.
 */
static inline long compat_pin_user_pages_remote(struct mm_struct *mm,
						unsigned long start,
						unsigned long nr_pages,
						unsigned int gup_flags,
						struct page **pages)
{
#ifdef HAVE_GUP_VMAS
	return pin_user_pages_remote(mm, start, nr_pages, gup_flags, pages,
				     NULL, NULL);
#else
	return pin_user_pages_remote(mm, start, nr_pages, gup_flags, pages,
				     NULL);
#endif
}

/**
 * compat_pin_user_pages_longterm - pin pages of which the device may see all
 * @mm: address space; its mmap_lock is held for reading
 * @start: first address
 * @nr_pages: how many pages
 * @flags: FOLL_WRITE for writing, FOLL_NOWAIT
 * @pages: receives the pages
 *
 * A page of a private mapping that is shared, such as the zero page, is copied
 * first, or what the CPU writes later would go to another page than the pinned
 * one. The kernel does that by itself since 6.2; before, a write fault does.
 *
 * Return: pages pinned, which may be fewer, or a negative errno; 0 if FOLL_NOWAIT
 * has it that the first is waited for elsewhere.
 */
static inline long compat_pin_user_pages_longterm(struct mm_struct *mm,
						  unsigned long start,
						  unsigned long nr_pages,
						  unsigned int flags,
						  struct page **pages)
{
#ifdef HAVE_GUP_READ_SHARES
	struct vm_area_struct *vma;

	vma = flags & FOLL_WRITE ? NULL : vma_lookup(mm, start);
	if (vma)
		nr_pages = min(nr_pages, (vma->vm_end - start) >> PAGE_SHIFT);
	/* of huge pages a write cannot be forced */
	if (vma && vma->vm_flags & VM_READ && is_cow_mapping(vma->vm_flags) &&
	    (vma->vm_flags & VM_WRITE || !is_vm_hugetlb_page(vma)))
		flags |= FOLL_WRITE | FOLL_FORCE;
#endif
	return compat_pin_user_pages_remote(mm, start, nr_pages,
					    flags | FOLL_LONGTERM, pages);
}

/**
 * compat_mmap_write_trylock - take mmap_lock for writing, if nobody has it
 * @mm: address space
 *
 * Kernels lost a function for this when nobody used it.
 *
 * Return: whether it was taken; undo with mmap_write_unlock().
 */
static inline bool compat_mmap_write_trylock(struct mm_struct *mm)
{
	if (!down_write_trylock(&mm->mmap_lock))
		return false;
#ifdef HAVE_MM_LOCK_SEQCOUNT
	mm_lock_seqcount_begin(mm);
#endif
	return true;
}

/**
 * compat_vm_flags_set - add to a VMA's flags
 * @vma: a VMA, locked for writing or not yet visible
 * @flags: VM_* flags
 */
static inline void compat_vm_flags_set(struct vm_area_struct *vma,
				       unsigned long flags)
{
#ifdef HAVE_VM_FLAGS_SET
	vm_flags_set(vma, flags);
#else
	vma->vm_flags |= flags;
#endif
}

#endif /* _COMPAT_MM_H */
