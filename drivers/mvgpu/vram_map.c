// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of VRAM, of the file that vram_fs.c makes.
 *
 * Pages are mapped when they are touched, and are writable in a mapping only
 * after a write to it, which is noted while VRAM is tracked. They are mapped as
 * pages, not as bare PFNs: KVM looks for a PTE once after it made one, and a
 * vCPU would end with EFAULT if a zap came in between. Of a page it gets hold.
 *
 * Where there is no page and it is only read, the hole is mapped (vram.c), which
 * takes no memory. Nothing ever makes a PTE of the hole writable: the write that
 * wants to puts a page there, and faults once more.
 *
 * The lock of a page is held from the look at it until its PTE is there. Who
 * makes PTEs go takes away what the look depends on, waits for that lock, and
 * zaps: mvgpu_vram_cut(). So does who puts a page where the hole is mapped,
 * holding the hole's lock while it does both.
 */
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/pagemap.h>

#include "compat_mm.h"
#include "mvgpu_private.h"

/* Whose fault found no memory last. Only compared, as it may be gone. */
static struct task_struct *mvgpu_vram_map_starved;

static vm_fault_t mvgpu_vram_map_error(int error)
{
	if (error == -ENOMEM)
		WRITE_ONCE(mvgpu_vram_map_starved, current);

	return vmf_error(error);
}

/**
 * mvgpu_vram_map_was_starved - why has a copy to a mapping failed?
 *
 * For a thread that copies to what may be VRAM of any vGPU, and only learns that
 * it cannot. If threads of two find no memory at the same time, one may get false.
 *
 * Return: whether a fault of the caller found no memory, since it asked last.
 */
bool mvgpu_vram_map_was_starved(void)
{
	return READ_ONCE(mvgpu_vram_map_starved) == current &&
	       cmpxchg(&mvgpu_vram_map_starved, current, NULL) == current;
}

/* A page about to be mapped, and locked for that. 0, or why it is not to be. */
static vm_fault_t mvgpu_vram_map_look(struct mvgpu_vram *vram,
				      unsigned long index, struct page *page,
				      bool write)
{
	vm_fault_t ret = 0;
	struct page *hole;

	mutex_lock(&vram->lock);
	hole = page == vram->hole ? page : NULL;
	if (vram->dead) {
		ret = VM_FAULT_SIGBUS;
	} else if (vram->pages[index] != (hole ? NULL : page)) {
		/* Another since it was looked up: fault again. */
		ret = VM_FAULT_NOPAGE;
	} else if (hole) {
		__set_bit(index, vram->holes);
	} else if (write && vram->tracked) {
		mvgpu_vram_mark_locked(vram, index);
		mdev_migration_touch(vram->mig);
	}
	mutex_unlock(&vram->lock);

	return ret;
}

/* The page that a fault is to map, with a reference, or an error pointer. */
static struct page *mvgpu_vram_map_find(struct mvgpu_vram *vram, u64 offset,
					bool write)
{
	struct page *page = mvgpu_vram_page(vram, offset, write);

	if (!page)
		page = mvgpu_vram_hole(vram);
	if (!page)
		page = mvgpu_vram_page(vram, offset, true);

	return page;
}

static vm_fault_t mvgpu_vram_map_fault(struct vm_fault *vmf)
{
	struct mvgpu_vram *vram = vmf->vma->vm_private_data;
	struct page *page;
	vm_fault_t ret;

	if (vmf->pgoff >= mvgpu_vram_nr_pages(vram))
		return VM_FAULT_SIGBUS;

	page = mvgpu_vram_map_find(vram, (u64)vmf->pgoff << PAGE_SHIFT,
				   vmf->flags & FAULT_FLAG_WRITE);
	if (IS_ERR(page))
		return mvgpu_vram_map_error(PTR_ERR(page));

	folio_lock(page_folio(page));
	ret = mvgpu_vram_map_look(vram, vmf->pgoff, page, false);
	if (ret) {
		folio_unlock(page_folio(page));
		put_page(page);
		return ret;
	}
	vmf->page = page;
	return VM_FAULT_LOCKED;
}

/* The hole is about to be written: have a page in its place. */
static vm_fault_t mvgpu_vram_map_fill(struct mvgpu_vram *vram, u64 offset)
{
	struct page *page = mvgpu_vram_page(vram, offset, true);

	if (IS_ERR(page))
		return mvgpu_vram_map_error(PTR_ERR(page));
	put_page(page);

	return VM_FAULT_NOPAGE;
}

/* Comes before any PTE becomes writable. */
static vm_fault_t mvgpu_vram_map_page_mkwrite(struct vm_fault *vmf)
{
	struct mvgpu_vram *vram = vmf->vma->vm_private_data;
	vm_fault_t ret;

	if (vmf->page == READ_ONCE(vram->hole))
		return mvgpu_vram_map_fill(vram, (u64)vmf->pgoff << PAGE_SHIFT);

	folio_lock(page_folio(vmf->page));
	ret = mvgpu_vram_map_look(vram, vmf->pgoff, vmf->page, true);
	if (ret) {
		folio_unlock(page_folio(vmf->page));
		return ret;
	}
	return VM_FAULT_LOCKED;
}

static void mvgpu_vram_map_open(struct vm_area_struct *vma)
{
	mvgpu_vram_get(vma->vm_private_data);
}

static void mvgpu_vram_map_close(struct vm_area_struct *vma)
{
	mvgpu_vram_put(vma->vm_private_data);
}

static const struct vm_operations_struct mvgpu_vram_map_vm_ops = {
	.open = mvgpu_vram_map_open,
	.close = mvgpu_vram_map_close,
	.fault = mvgpu_vram_map_fault,
	.page_mkwrite = mvgpu_vram_map_page_mkwrite,
};

/**
 * mvgpu_vram_map - map VRAM into a VMM
 * @vram: the VRAM
 * @vma: what to set up; vm_pgoff counts from the start of VRAM
 *
 * Return: 0, or -EINVAL for a private mapping or one beyond the end.
 */
int mvgpu_vram_map(struct mvgpu_vram *vram, struct vm_area_struct *vma)
{
	unsigned long nr = mvgpu_vram_nr_pages(vram);

	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	if (vma->vm_pgoff >= nr || vma_pages(vma) > nr - vma->vm_pgoff)
		return -EINVAL;

	vma_set_file(vma, vram->file);
	compat_vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND | VM_DONTDUMP);
	vma->vm_private_data = vram;
	vma->vm_ops = &mvgpu_vram_map_vm_ops;
	mvgpu_vram_get(vram);
	return 0;
}
