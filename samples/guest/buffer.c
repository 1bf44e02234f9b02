// SPDX-License-Identifier: GPL-2.0
/*
 * Buffers: guest memory and VRAM that a program allocated. A buffer's number is
 * also the upper part of its offset for mmap(). Pages are mapped when they are
 * touched, under the lock that says whether the device is still there.
 */
#include <linux/bitmap.h>
#include <linux/dma-mapping.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "compat_mm.h"
#include "guest_private.h"

/* Pages of the largest buffer; where in mmap()'s offset the number begins. */
#define MVGPU_GUEST_BUFFER_SHIFT	16
#define MVGPU_GUEST_BUFFER_PAGES	BIT(MVGPU_GUEST_BUFFER_SHIFT)

static u64 mvgpu_guest_buffer_offset(u32 number)
{
	return (u64)number << (MVGPU_GUEST_BUFFER_SHIFT + PAGE_SHIFT);
}

/* The pages stay, for who has mapped them. */
static void mvgpu_guest_buffer_detach(struct mvgpu_guest *guest,
				      struct mvgpu_guest_buffer *buffer)
{
	u32 i;

	for (i = 0; i < buffer->pages; i++) {
		if (buffer->dma[i] == DMA_MAPPING_ERROR)
			continue;
		get_page(buffer->page[i]);
		dma_free_pages(&guest->pdev->dev, PAGE_SIZE, buffer->page[i],
			       buffer->dma[i], DMA_BIDIRECTIONAL);
		buffer->dma[i] = DMA_MAPPING_ERROR;
	}
}

static void mvgpu_guest_buffer_put_ram(struct mvgpu_guest *guest,
				       struct mvgpu_guest_buffer *buffer)
{
	u32 i;

	if (buffer->page && buffer->dma)
		mvgpu_guest_buffer_detach(guest, buffer);
	for (i = 0; buffer->page && i < buffer->pages; i++)
		if (buffer->page[i])
			put_page(buffer->page[i]);
	kvfree(buffer->dma);
	kvfree(buffer->page);
}

/*
 * One page that the device reaches by itself: where others are copied for it,
 * with swiotlb=force, nobody would know when to copy what it writes.
 */
static int mvgpu_guest_buffer_add_page(struct mvgpu_guest *guest,
				       struct mvgpu_guest_buffer *buffer, u32 i)
{
	dma_addr_t dma;

	buffer->page[i] = dma_alloc_pages(&guest->pdev->dev, PAGE_SIZE, &dma,
					  DMA_BIDIRECTIONAL,
					  GFP_USER | __GFP_ZERO |
					  __GFP_ACCOUNT);
	if (!buffer->page[i])
		return -ENOMEM;
	buffer->dma[i] = dma;
	return 0;
}

static int mvgpu_guest_buffer_get_ram(struct mvgpu_guest *guest,
				      struct mvgpu_guest_buffer *buffer)
{
	int ret = -ENOMEM;
	u32 i;

	buffer->page = kvcalloc(buffer->pages, sizeof(*buffer->page),
				GFP_KERNEL_ACCOUNT);
	buffer->dma = kvcalloc(buffer->pages, sizeof(*buffer->dma),
			       GFP_KERNEL_ACCOUNT);
	if (!buffer->page || !buffer->dma)
		goto err_put;
	for (i = 0; i < buffer->pages; i++)
		buffer->dma[i] = DMA_MAPPING_ERROR;
	for (i = 0; i < buffer->pages; i++) {
		ret = fatal_signal_pending(current) ? -EINTR :
		      mvgpu_guest_buffer_add_page(guest, buffer, i);
		if (ret)
			goto err_put;
		cond_resched();
	}
	return 0;

err_put:
	mvgpu_guest_buffer_put_ram(guest, buffer);
	return ret;
}

static int mvgpu_guest_buffer_get_vram(struct mvgpu_guest *guest,
				       struct mvgpu_guest_buffer *buffer)
{
	unsigned long first;
	u32 i;

	first = bitmap_find_next_zero_area(guest->vram_used, guest->vram_pages,
					   0, buffer->pages, 0);
	if (first >= guest->vram_pages)
		return -ENOSPC;
	bitmap_set(guest->vram_used, first, buffer->pages);
	buffer->first = first;
	for (i = 0; i < buffer->pages; i++) {
		memset_io(guest->vram + (first + i) * PAGE_SIZE, 0, PAGE_SIZE);
		cond_resched();
	}
	return 0;
}

static void mvgpu_guest_buffer_put(struct mvgpu_guest *guest,
				   struct mvgpu_guest_buffer *buffer)
{
	if (buffer->vram)
		bitmap_clear(guest->vram_used, buffer->first, buffer->pages);
	else
		mvgpu_guest_buffer_put_ram(guest, buffer);
	vfree(buffer->saved);
	kfree(buffer);
}

/**
 * mvgpu_guest_buffer_alloc - do MVGPU_GUEST_ALLOC
 * @guest: the vGPU; its lock is held, and it is not gone
 * @alloc: what the user asked for; the answer
 *
 * Return: 0 or -errno.
 */
int mvgpu_guest_buffer_alloc(struct mvgpu_guest *guest,
			     struct mvgpu_guest_alloc *alloc)
{
	struct mvgpu_guest_buffer *buffer;
	int ret;

	lockdep_assert_held(&guest->lock);
	if (!alloc->size || alloc->size % PAGE_SIZE ||
	    alloc->size / PAGE_SIZE > MVGPU_GUEST_BUFFER_PAGES ||
	    alloc->flags & ~MVGPU_GUEST_VRAM || alloc->buffer || alloc->offset)
		return -EINVAL;
	buffer = kzalloc(sizeof(*buffer), GFP_KERNEL_ACCOUNT);
	if (!buffer)
		return -ENOMEM;
	buffer->pages = alloc->size / PAGE_SIZE;
	buffer->vram = alloc->flags & MVGPU_GUEST_VRAM;
	ret = buffer->vram ? mvgpu_guest_buffer_get_vram(guest, buffer) :
			     mvgpu_guest_buffer_get_ram(guest, buffer);
	if (ret)
		goto err_free;
	ret = xa_alloc(&guest->buffers, &buffer->number, buffer,
		       XA_LIMIT(1, 0xffff), GFP_KERNEL_ACCOUNT);
	if (ret)
		goto err_put;
	alloc->buffer = buffer->number;
	alloc->offset = mvgpu_guest_buffer_offset(buffer->number);
	return 0;

err_put:
	mvgpu_guest_buffer_put(guest, buffer);
	return ret;
err_free:
	kfree(buffer);
	return ret;
}

/* Access by the CPU faults from now on. */
static void mvgpu_guest_buffer_zap(struct mvgpu_guest *guest,
				   struct mvgpu_guest_buffer *buffer)
{
	if (guest->mapping)
		unmap_mapping_range(guest->mapping,
				    mvgpu_guest_buffer_offset(buffer->number),
				    (loff_t)buffer->pages * PAGE_SIZE, 1);
}

/**
 * mvgpu_guest_buffer_free - do MVGPU_GUEST_FREE
 * @guest: the vGPU; its lock is held
 * @number: the buffer's
 *
 * Return: 0, or -ENOENT if there is no such buffer.
 */
int mvgpu_guest_buffer_free(struct mvgpu_guest *guest, u32 number)
{
	struct mvgpu_guest_buffer *buffer;

	lockdep_assert_held(&guest->lock);
	buffer = xa_erase(&guest->buffers, number);
	if (!buffer)
		return -ENOENT;
	mvgpu_guest_buffer_zap(guest, buffer);
	mvgpu_guest_gtt_forget(guest, number);
	mvgpu_guest_buffer_put(guest, buffer);
	return 0;
}

/**
 * mvgpu_guest_buffer_free_all - free what a program left
 * @guest: the vGPU; its lock is held
 */
void mvgpu_guest_buffer_free_all(struct mvgpu_guest *guest)
{
	struct mvgpu_guest_buffer *buffer;
	unsigned long number;

	xa_for_each(&guest->buffers, number, buffer)
		mvgpu_guest_buffer_free(guest, number);
}

/**
 * mvgpu_guest_buffer_detach_all - take all buffers from the device
 * @guest: the vGPU; its lock is held, and it is gone
 *
 * Mappings of guest memory stay, as their pages are the program's.
 */
void mvgpu_guest_buffer_detach_all(struct mvgpu_guest *guest)
{
	struct mvgpu_guest_buffer *buffer;
	unsigned long number;
	u32 i;

	lockdep_assert_held(&guest->lock);
	for (i = 0; i < MVGPU_GUEST_USER_ENTRIES; i++)
		if (guest->bound[i])
			mvgpu_guest_gtt_write(guest, i, 0);
	mvgpu_guest_gtt_flush(guest);
	xa_for_each(&guest->buffers, number, buffer) {
		if (buffer->vram)
			mvgpu_guest_buffer_zap(guest, buffer);
		else
			mvgpu_guest_buffer_detach(guest, buffer);
	}
}

/**
 * mvgpu_guest_buffer_save_all - save what is in VRAM
 * @guest: the vGPU, whose queues rest; its lock is held
 *
 * Return: 0 or -ENOMEM; in either case, call mvgpu_guest_buffer_forget_all().
 */
int mvgpu_guest_buffer_save_all(struct mvgpu_guest *guest)
{
	struct mvgpu_guest_buffer *buffer;
	unsigned long number;

	lockdep_assert_held(&guest->lock);
	xa_for_each(&guest->buffers, number, buffer) {
		const size_t size = (size_t)buffer->pages * PAGE_SIZE;

		if (!buffer->vram)
			continue;
		/* who suspends is told in words */
		buffer->saved = __vmalloc(size, GFP_KERNEL | __GFP_NOWARN);
		if (!buffer->saved)
			return -ENOMEM;
		memcpy_fromio(buffer->saved,
			      guest->vram + (size_t)buffer->first * PAGE_SIZE,
			      size);
		cond_resched();
	}
	return 0;
}

/**
 * mvgpu_guest_buffer_restore_all - write to VRAM what was saved
 * @guest: the vGPU; its lock is held
 */
void mvgpu_guest_buffer_restore_all(struct mvgpu_guest *guest)
{
	struct mvgpu_guest_buffer *buffer;
	unsigned long number;

	lockdep_assert_held(&guest->lock);
	xa_for_each(&guest->buffers, number, buffer) {
		if (buffer->saved)
			memcpy_toio(guest->vram +
				    (size_t)buffer->first * PAGE_SIZE,
				    buffer->saved,
				    (size_t)buffer->pages * PAGE_SIZE);
		cond_resched();
	}
}

/**
 * mvgpu_guest_buffer_forget_all - free what was saved
 * @guest: the vGPU; its lock is held
 */
void mvgpu_guest_buffer_forget_all(struct mvgpu_guest *guest)
{
	struct mvgpu_guest_buffer *buffer;
	unsigned long number;

	lockdep_assert_held(&guest->lock);
	xa_for_each(&guest->buffers, number, buffer) {
		vfree(buffer->saved);
		buffer->saved = NULL;
	}
}

static vm_fault_t mvgpu_guest_buffer_fault_locked(struct mvgpu_guest *guest,
						  struct vm_fault *vmf)
{
	const u32 number = vmf->pgoff >> MVGPU_GUEST_BUFFER_SHIFT;
	const u32 page = vmf->pgoff & (MVGPU_GUEST_BUFFER_PAGES - 1);
	struct mvgpu_guest_buffer *buffer = xa_load(&guest->buffers, number);
	bool pfnmap = vmf->vma->vm_flags & VM_PFNMAP;

	lockdep_assert_held(&guest->lock);
	/* The number may be that of another kind of buffer by now. */
	if (!buffer || page >= buffer->pages || buffer->vram != pfnmap)
		return VM_FAULT_SIGBUS;
	/* It is in the page table before FREE can look there. */
	if (!buffer->vram)
		return vmf_insert_page(vmf->vma, vmf->address,
				       buffer->page[page]);
	if (guest->gone)
		return VM_FAULT_SIGBUS;
	return vmf_insert_pfn(vmf->vma, vmf->address,
			      PHYS_PFN(guest->vram_start) + buffer->first +
			      page);
}

static vm_fault_t mvgpu_guest_buffer_fault(struct vm_fault *vmf)
{
	struct mvgpu_guest *guest = vmf->vma->vm_private_data;
	vm_fault_t ret;

	mutex_lock(&guest->lock);
	ret = mvgpu_guest_buffer_fault_locked(guest, vmf);
	mutex_unlock(&guest->lock);
	return ret;
}

static const struct vm_operations_struct mvgpu_guest_buffer_vm_ops = {
	.fault = mvgpu_guest_buffer_fault,
};

/**
 * mvgpu_guest_buffer_mmap - map a buffer
 * @guest: the vGPU; its lock is held
 * @vma: the mapping; it holds the file, which holds @guest
 *
 * Return: 0, -EINVAL, or -ENOENT if there is no such buffer.
 */
int mvgpu_guest_buffer_mmap(struct mvgpu_guest *guest,
			    struct vm_area_struct *vma)
{
	const unsigned long number = vma->vm_pgoff >> MVGPU_GUEST_BUFFER_SHIFT;
	const u32 first = vma->vm_pgoff & (MVGPU_GUEST_BUFFER_PAGES - 1);
	struct mvgpu_guest_buffer *buffer;

	lockdep_assert_held(&guest->lock);
	if (!(vma->vm_flags & VM_SHARED))
		return -EINVAL;
	buffer = xa_load(&guest->buffers, number);
	if (!buffer)
		return -ENOENT;
	if (first >= buffer->pages || vma_pages(vma) > buffer->pages - first)
		return -EINVAL;
	if (buffer->vram) {
		compat_vm_flags_set(vma, VM_PFNMAP | VM_IO | VM_DONTDUMP |
				    VM_DONTEXPAND);
		vma->vm_page_prot = pgprot_writecombine(vma->vm_page_prot);
	} else {
		compat_vm_flags_set(vma, VM_MIXEDMAP | VM_DONTEXPAND);
	}
	vma->vm_private_data = guest;
	vma->vm_ops = &mvgpu_guest_buffer_vm_ops;
	return 0;
}
