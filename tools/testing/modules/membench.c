// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's own memset() and memcpy(), the functions and not what a compiler
 * has for them, over memory that a process has mapped, VRAM or its own, to
 * measure an engine against. Page by page, through local mappings, as anybody has
 * to who finds pages in no order; or through one mapping made beforehand. And
 * memset64() in place of memset(), where bytes are not all the same.
 */
#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "membench.h"

#define MEMBENCH_BYTES_MAX	(64 << 20)

/**
 * struct membench_range - memory of the process
 * @nr: pages that are pinned
 * @pages: the pages
 * @flat: one mapping of all, or NULL
 */
struct membench_range {
	unsigned long nr;
	struct page **pages;
	u8 *flat;
};

static int membench_get(struct membench_range *range, u64 address, u64 size,
			u32 flags)
{
	unsigned long nr = DIV_ROUND_UP(size, PAGE_SIZE);
	int got;

	range->pages = kvcalloc(nr, sizeof(*range->pages), GFP_KERNEL);
	if (!range->pages)
		return -ENOMEM;

	/* not FOLL_LONGTERM, which VRAM, a file's, does not have */
	got = pin_user_pages_fast(address, nr, FOLL_WRITE, range->pages);
	if (got < 0)
		return got;
	range->nr = got;
	if (range->nr != nr)
		return -EFAULT;
	if (flags & MEMBENCH_FLAT) {
		range->flat = vmap(range->pages, range->nr, VM_MAP,
				   PAGE_KERNEL);
		if (!range->flat)
			return -ENOMEM;
	}

	return 0;
}

static void membench_put(struct membench_range *range)
{
	vunmap(range->flat);
	unpin_user_pages(range->pages, range->nr);
	kvfree(range->pages);
}

static void membench_set_piece(u8 *to, u32 len, const struct membench *b)
{
	if (b->flags & MEMBENCH_PATTERN)
		memset64((u64 *)to, (u64)b->byte << 32 | b->byte,
			 len / sizeof(u64));
	else
		memset(to, b->byte, len);
}

static void membench_set(const struct membench_range *dst, u64 offset,
			 const struct membench *b)
{
	u64 end = offset + b->size;
	u32 len;
	u8 *to;

	for (; offset < end; offset += len) {
		len = min_t(u64, end - offset,
			    PAGE_SIZE - offset_in_page(offset));
		to = kmap_local_page(dst->pages[offset >> PAGE_SHIFT]);
		/* a compiler that knows no bound calls the function */
		OPTIMIZER_HIDE_VAR(len);
		membench_set_piece(to + offset_in_page(offset), len, b);
		kunmap_local(to);
	}
}

static void membench_copy(const struct membench_range *dst,
			  const struct membench_range *src, u64 offset,
			  const struct membench *b)
{
	u64 end = offset + b->size;
	u8 *to, *from;
	u32 len;

	for (; offset < end; offset += len) {
		len = min_t(u64, end - offset,
			    PAGE_SIZE - offset_in_page(offset));
		from = kmap_local_page(src->pages[offset >> PAGE_SHIFT]);
		to = kmap_local_page(dst->pages[offset >> PAGE_SHIFT]);
		OPTIMIZER_HIDE_VAR(len);
		memcpy(to + offset_in_page(offset),
		       from + offset_in_page(offset), len);
		kunmap_local(to);
		kunmap_local(from);
	}
}

static void membench_block(const struct membench_range *dst,
			   const struct membench_range *src, u64 offset,
			   const struct membench *b)
{
	bool flat = b->flags & MEMBENCH_FLAT;

	if (!(b->flags & MEMBENCH_COPY)) {
		if (flat)
			membench_set_piece(dst->flat + offset, b->size, b);
		else
			membench_set(dst, offset, b);
	} else {
		if (flat)
			memcpy(dst->flat + offset, src->flat + offset, b->size);
		else
			membench_copy(dst, src, offset, b);
	}
}

static void membench_measure(const struct membench_range *dst,
			     const struct membench_range *src,
			     struct membench *b)
{
	u64 begin = ktime_get_ns();
	u32 i;

	for (i = 0; i < b->count; i++)
		membench_block(dst, src, i * b->size, b);
	b->ns = ktime_get_ns() - begin;
}

static int membench_run(struct membench *b)
{
	struct membench_range dst = {}, src = {};
	int ret;

	if (!b->size || !b->count || b->size > MEMBENCH_BYTES_MAX ||
	    b->count > MEMBENCH_BYTES_MAX / b->size ||
	    !PAGE_ALIGNED(b->dst | b->src) ||
	    b->flags & ~(MEMBENCH_COPY | MEMBENCH_FLAT | MEMBENCH_PATTERN) ||
	    ((b->flags & MEMBENCH_PATTERN) && b->size % sizeof(u64)))
		return -EINVAL;

	ret = membench_get(&dst, b->dst, b->size * b->count, b->flags);
	if (!ret && (b->flags & MEMBENCH_COPY))
		ret = membench_get(&src, b->src, b->size * b->count, b->flags);
	if (!ret)
		membench_measure(&dst, &src, b);
	membench_put(&src);
	membench_put(&dst);

	return ret;
}

static long membench_ioctl(struct file *file, unsigned int cmd,
			   unsigned long arg)
{
	struct membench b;
	int ret;

	if (cmd != MEMBENCH_RUN)
		return -ENOTTY;
	if (copy_from_user(&b, (void __user *)arg, sizeof(b)))
		return -EFAULT;
	ret = membench_run(&b);
	if (!ret && copy_to_user((void __user *)arg, &b, sizeof(b)))
		ret = -EFAULT;

	return ret;
}

static const struct file_operations membench_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = membench_ioctl,
};

static struct miscdevice membench_misc = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "membench",
	.fops = &membench_fops,
	.mode = 0600,
};

module_misc_device(membench_misc);

MODULE_DESCRIPTION("memset() and memcpy() over a process's memory, timed");
MODULE_AUTHOR("The mvgpu authors");
MODULE_LICENSE("GPL");
