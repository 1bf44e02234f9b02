// SPDX-License-Identifier: GPL-2.0
/*
 * Mappings of VRAM. The VMM maps a file of mvgpu's own, made at open: its
 * address space finds every mapping for a zap, it outlives the device's fd,
 * and there is nothing in it to be punched or truncated under the device.
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
 * zaps: mvgpu_vram_map_cut(). So does who puts a page where the hole is mapped,
 * holding the hole's lock while it does both.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pagemap.h>
#include <linux/pseudo_fs.h>

#include "compat_mm.h"
#include "mvgpu_private.h"

#define MVGPU_VRAM_MAP_MAGIC	0x4d564750	/* "MVGP" */

/*
 * Mounted while there is a file. The superblock pins the module through
 * .owner until the last file is gone for good, and so do mappings, which hold
 * a file each.
 */
static struct vfsmount *mvgpu_vram_map_mount;
static int mvgpu_vram_map_mount_count;

static int mvgpu_vram_map_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, MVGPU_VRAM_MAP_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type mvgpu_vram_map_fs = {
	.name = "mvgpu",
	.owner = THIS_MODULE,
	.init_fs_context = mvgpu_vram_map_init_fs_context,
	.kill_sb = kill_anon_super,
};

/* All that is done with the file is to map it, by mvgpu_vram_map(). */
static const struct file_operations mvgpu_vram_map_fops = {
};

/**
 * mvgpu_vram_map_file - make a file for mappings
 *
 * Return: a file with an address space of its own, or an error pointer.
 */
struct file *mvgpu_vram_map_file(void)
{
	struct inode *inode;
	struct file *file;
	int ret;

	ret = simple_pin_fs(&mvgpu_vram_map_fs, &mvgpu_vram_map_mount,
			    &mvgpu_vram_map_mount_count);
	if (ret)
		return ERR_PTR(ret);

	inode = alloc_anon_inode(mvgpu_vram_map_mount->mnt_sb);
	if (IS_ERR(inode)) {
		file = ERR_CAST(inode);
		goto out_release;
	}

	file = alloc_file_pseudo(inode, mvgpu_vram_map_mount, "mvgpu-vram",
				 O_RDWR, &mvgpu_vram_map_fops);
	if (IS_ERR(file))
		iput(inode);

out_release:
	/* The file holds the mount itself. */
	simple_release_fs(&mvgpu_vram_map_mount, &mvgpu_vram_map_mount_count);
	return file;
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
		return vmf_error(PTR_ERR(page));

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
		return vmf_error(PTR_ERR(page));
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

/* Faults that looked at these pages before now have made their PTEs. */
static void mvgpu_vram_map_settle(struct mvgpu_vram *vram, u64 offset, u64 len)
{
	struct page *page = NULL;
	u64 end;

	mutex_lock(&vram->lock);
	if (vram->hole) {
		page = vram->hole;
		get_page(page);
	}
	mutex_unlock(&vram->lock);
	if (page) {
		folio_wait_locked(page_folio(page));
		put_page(page);
	}

	for (end = offset + len; offset < end; offset += PAGE_SIZE) {
		page = mvgpu_vram_page(vram, offset, false);
		if (page) {
			folio_wait_locked(page_folio(page));
			put_page(page);
		}
		cond_resched();
	}
}

/**
 * mvgpu_vram_map_zap - unmap a range everywhere
 * @vram: the VRAM, its lock not held
 * @offset: first byte, page aligned
 * @len: bytes, whole pages, at least one
 *
 * The next access faults again. A fault that is being served may leave a PTE
 * behind, unless the caller has waited for the lock of its page.
 */
void mvgpu_vram_map_zap(struct mvgpu_vram *vram, u64 offset, u64 len)
{
	unmap_mapping_range(vram->file->f_mapping, offset, len, 1);
}

/**
 * mvgpu_vram_map_cut - unmap a range everywhere, for what faults now find
 * @vram: the VRAM, its lock not held since what faults look at was changed
 * @offset: first byte, page aligned
 * @len: bytes, whole pages, at least one
 *
 * No PTE is left of a fault that has not seen the change.
 */
void mvgpu_vram_map_cut(struct mvgpu_vram *vram, u64 offset, u64 len)
{
	mvgpu_vram_map_settle(vram, offset, len);
	mvgpu_vram_map_zap(vram, offset, len);
}
