// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a container: what user space passes is copied once and checked
 * here; mapping.c, query.c and unmap.c do the work.
 */
#include <linux/overflow.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio_device_state.h>

#include "compat_vfio.h"
#include "vfio_dirty_private.h"

/* Every power of two from the page size on can be mapped. */
#define VFIO_DIRTY_PGSIZES	((u64)PAGE_MASK)

static long vfio_dirty_ioctl_extension(unsigned long extension)
{
	switch (extension) {
	case VFIO_TYPE1_IOMMU:
	case VFIO_TYPE1v2_IOMMU:
	case VFIO_DMA_CC_IOMMU:
	case VFIO_UNMAP_ALL:
	case VFIO_DIRTY_GET_DIRTY_BITMAP_EXT:
		return 1;
	default:
		return compat_vfio_is_nesting(extension);
	}
}

static int vfio_dirty_ioctl_caps(struct vfio_dirty_container *c,
				 struct vfio_info_cap *caps)
{
	struct vfio_iommu_type1_info_cap_migration migration = {
		.header.id = VFIO_IOMMU_TYPE1_INFO_CAP_MIGRATION,
		.header.version = 1,
		.pgsize_bitmap = PAGE_SIZE,
		.max_dirty_bitmap_size = VFIO_DIRTY_BITMAP_MAX,
	};
	struct vfio_iommu_type1_info_dma_avail avail = {
		.header.id = VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL,
		.header.version = 1,
	};
	int ret = mutex_lock_killable(&c->lock);

	if (ret)
		return ret;
	avail.avail = c->avail;
	mutex_unlock(&c->lock);

	ret = vfio_info_add_capability(caps, &migration.header,
				       sizeof(migration));
	if (ret)
		return ret;
	return vfio_info_add_capability(caps, &avail.header, sizeof(avail));
}

static long vfio_dirty_ioctl_info(struct vfio_dirty_container *c,
				  void __user *arg)
{
	struct vfio_iommu_type1_info info = {};
	struct vfio_info_cap caps = {};
	size_t size;
	int ret;

	size = offsetofend(struct vfio_iommu_type1_info, iova_pgsizes);
	if (copy_from_user(&info, arg, size))
		return -EFAULT;
	if (info.argsz < size)
		return -EINVAL;
	size = min_t(size_t, info.argsz, sizeof(info));

	ret = vfio_dirty_ioctl_caps(c, &caps);
	if (ret)
		goto out;

	info.flags = VFIO_IOMMU_INFO_PGSIZES | VFIO_IOMMU_INFO_CAPS;
	info.iova_pgsizes = VFIO_DIRTY_PGSIZES;
	if (info.argsz < sizeof(info) + caps.size) {
		info.argsz = sizeof(info) + caps.size;
	} else {
		vfio_info_cap_shift(&caps, sizeof(info));
		info.cap_offset = sizeof(info);
		if (copy_to_user(arg + sizeof(info), caps.buf, caps.size))
			ret = -EFAULT;
	}
	if (!ret && copy_to_user(arg, &info, size))
		ret = -EFAULT;
out:
	kfree(caps.buf);
	return ret;
}

static long vfio_dirty_ioctl_map(struct vfio_dirty_container *c,
				 void __user *arg)
{
	const u32 known = VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE |
			  VFIO_DMA_MAP_FLAG_VADDR;
	struct vfio_iommu_type1_dma_map map;

	if (copy_from_user(&map, arg, sizeof(map)))
		return -EFAULT;
	if (map.argsz < sizeof(map) || map.flags & ~known)
		return -EINVAL;
	return vfio_dirty_mapping_map(c, &map);
}

/*
 * The last byte of a range. One that wraps has an error number of its own on
 * newer kernels, so that what stock checks before it has to be checked before.
 */
static int vfio_dirty_ioctl_last(u64 iova, u64 size, u64 *last)
{
	if (!size)
		return -EINVAL;
	return check_add_overflow(iova, size - 1, last) ? -COMPAT_VFIO_EWRAP :
							  0;
}

/* Has a bitmap room for a range, in pages of the size that it says? */
static int vfio_dirty_ioctl_check_bitmap(const struct vfio_bitmap *bitmap,
					 u64 size)
{
	u64 pages;

	if (!bitmap->pgsize)
		return -EINVAL;
	pages = size >> __ffs64(bitmap->pgsize);
	if (!pages || !bitmap->size || bitmap->size > VFIO_DIRTY_BITMAP_MAX ||
	    bitmap->size < ALIGN(pages, VFIO_DIRTY_WORD_BITS) / BITS_PER_BYTE)
		return -EINVAL;
	if (!access_ok((void __user *)bitmap->data, bitmap->size))
		return -EINVAL;
	return 0;
}

/* Copy and check the bitmap that follows an unmap request. */
static int vfio_dirty_ioctl_unmap_bitmap(const struct vfio_iommu_type1_dma_unmap *unmap,
					 void __user *arg,
					 struct vfio_bitmap *bitmap)
{
	const u32 others = VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR;

	if (unmap->flags & others ||
	    unmap->argsz < sizeof(*unmap) + sizeof(*bitmap))
		return -EINVAL;
	if (copy_from_user(bitmap, arg + sizeof(*unmap), sizeof(*bitmap)))
		return -EFAULT;
	return vfio_dirty_ioctl_check_bitmap(bitmap, unmap->size);
}

/* The last byte that an unmap request names. */
static int vfio_dirty_ioctl_unmap_last(const struct vfio_iommu_type1_dma_unmap *unmap,
				       u64 *last)
{
	/* No mediated device can do without its memory for a while. */
	if (unmap->flags & VFIO_DMA_UNMAP_FLAG_VADDR)
		return -EBUSY;
	if (!PAGE_ALIGNED(unmap->iova | unmap->size))
		return -EINVAL;
	if (unmap->flags & VFIO_DMA_UNMAP_FLAG_ALL) {
		*last = U64_MAX;
		return unmap->iova || unmap->size ? -EINVAL : 0;
	}
	return vfio_dirty_ioctl_last(unmap->iova, unmap->size, last);
}

static long vfio_dirty_ioctl_unmap(struct vfio_dirty_container *c,
				   void __user *arg)
{
	const u32 known = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP |
			  VFIO_DMA_UNMAP_FLAG_ALL | VFIO_DMA_UNMAP_FLAG_VADDR;
	struct vfio_iommu_type1_dma_unmap unmap;
	struct vfio_bitmap bitmap = {};
	bool dirty;
	u64 last;
	int ret;

	if (copy_from_user(&unmap, arg, sizeof(unmap)))
		return -EFAULT;
	if (unmap.argsz < sizeof(unmap) || unmap.flags & ~known)
		return -EINVAL;
	dirty = unmap.flags & VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP;
	if (dirty) {
		ret = vfio_dirty_ioctl_unmap_bitmap(&unmap, arg, &bitmap);
		if (ret)
			return ret;
	}
	ret = vfio_dirty_ioctl_unmap_last(&unmap, &last);
	if (ret)
		return ret;
	if (dirty && bitmap.pgsize != PAGE_SIZE)
		return -EINVAL;
	ret = vfio_dirty_unmap(c, unmap.iova, last, dirty ? &bitmap : NULL,
			       &unmap.size);
	if (ret)
		return ret;
	return copy_to_user(arg, &unmap, sizeof(unmap)) ? -EFAULT : 0;
}

static long vfio_dirty_ioctl_get_bitmap(struct vfio_dirty_container *c,
					u32 argsz, void __user *arg)
{
	struct vfio_iommu_type1_dirty_bitmap_get range;
	u64 last;
	int ret;

	if (argsz < sizeof(struct vfio_iommu_type1_dirty_bitmap) +
		    sizeof(range))
		return -EINVAL;
	arg += sizeof(struct vfio_iommu_type1_dirty_bitmap);
	if (copy_from_user(&range, arg, sizeof(range)))
		return -EFAULT;

	ret = vfio_dirty_ioctl_last(range.iova, range.size, &last);
	if (ret)
		return ret;
	ret = vfio_dirty_ioctl_check_bitmap(&range.bitmap, range.size);
	if (ret)
		return ret;
	if (range.bitmap.pgsize != PAGE_SIZE ||
	    !PAGE_ALIGNED(range.iova | range.size))
		return -EINVAL;
	return vfio_dirty_query_dirty(c, range.iova, last,
				      (void __user *)range.bitmap.data);
}

/* Upstream's form: one flag of three. */
static long vfio_dirty_ioctl_dirty_pages(struct vfio_dirty_container *c,
					 u32 argsz, u32 flags,
					 void __user *arg)
{
	if (argsz < sizeof(struct vfio_iommu_type1_dirty_bitmap))
		return -EINVAL;

	switch (flags) {
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_START:
		return vfio_dirty_tracking_start(c);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP:
		return vfio_dirty_tracking_stop(c);
	case VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP:
		return vfio_dirty_ioctl_get_bitmap(c, argsz, arg);
	default:
		return -EINVAL;
	}
}

/* The form of the 2018 proposal; its first word has been copied. */
static long vfio_dirty_ioctl_written(struct vfio_dirty_container *c,
				     u64 iova, void __user *arg)
{
	u64 pages, last;

	if (copy_from_user(&pages,
			   arg + offsetof(struct vfio_iommu_get_dirty_bitmap,
					  page_nr), sizeof(pages)))
		return -EFAULT;
	if (!pages || pages > S32_MAX)
		return -EINVAL;
	last = iova + (pages << PAGE_SHIFT) - 1;
	if (last < iova)
		return -EINVAL;
	arg += offsetof(struct vfio_iommu_get_dirty_bitmap, dirty_bitmap);
	return vfio_dirty_query_written(c, iova, last, arg);
}

/*
 * One number, two forms: a page-aligned address comes first in the proposal's,
 * a small structure size in upstream's.
 */
static long vfio_dirty_ioctl_dirty(struct vfio_dirty_container *c,
				   void __user *arg)
{
	struct vfio_iommu_type1_dirty_bitmap head;
	u64 word;

	BUILD_BUG_ON(VFIO_IOMMU_GET_DIRTY_BITMAP != VFIO_IOMMU_DIRTY_PAGES);
	BUILD_BUG_ON(sizeof(head) != sizeof(word));
	if (copy_from_user(&word, arg, sizeof(word)))
		return -EFAULT;
	if (IS_ALIGNED(word, SZ_4K))
		return vfio_dirty_ioctl_written(c, word, arg);
	memcpy(&head, &word, sizeof(head));
	return vfio_dirty_ioctl_dirty_pages(c, head.argsz, head.flags, arg);
}

/**
 * vfio_dirty_ioctl - an ioctl of a container
 * @c: the container
 * @cmd: which
 * @arg: its argument
 *
 * Return: what the ioctl says, -ENOTTY if it is none of ours.
 */
long vfio_dirty_ioctl(struct vfio_dirty_container *c, unsigned int cmd,
		      unsigned long arg)
{
	void __user *user = (void __user *)arg;

	switch (cmd) {
	case VFIO_CHECK_EXTENSION:
		return vfio_dirty_ioctl_extension(arg);
	case VFIO_IOMMU_GET_INFO:
		return vfio_dirty_ioctl_info(c, user);
	case VFIO_IOMMU_MAP_DMA:
		return vfio_dirty_ioctl_map(c, user);
	case VFIO_IOMMU_UNMAP_DMA:
		return vfio_dirty_ioctl_unmap(c, user);
	case VFIO_IOMMU_DIRTY_PAGES:
		return vfio_dirty_ioctl_dirty(c, user);
	default:
		return -ENOTTY;
	}
}
