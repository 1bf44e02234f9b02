// SPDX-License-Identifier: GPL-2.0
/*
 * What the VMM sees through the device's fd: config space, the BARs, and
 * the regions that the migration library adds behind those of PCI. A region
 * begins at its index times 2^40.
 *
 * User memory is copied with no lock held: it may be a mapping of this very
 * device.
 */
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pci_regs.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "mvgpu_private.h"

#define MVGPU_REGIONS_SHIFT	40
#define MVGPU_REGIONS_MASK	((1ULL << MVGPU_REGIONS_SHIFT) - 1)

/* Most bytes of config space that are accessed as one. */
#define MVGPU_REGIONS_CONFIG_PIECE	8

/* Bytes of the MSI-X BAR that are copied at a time. */
#define MVGPU_REGIONS_MSIX_PIECE	64

/* The widest naturally aligned access that begins at @pos. */
static u32 mvgpu_regions_config_piece(size_t count, u64 pos)
{
	u32 piece = MVGPU_REGIONS_CONFIG_PIECE;

	while (piece > count || pos & (piece - 1))
		piece /= 2;
	return piece;
}

static int mvgpu_regions_config_get(struct mvgpu_device *dev, u64 pos,
				    u8 *data, u32 len)
{
	if (mutex_lock_killable(&dev->config_lock))
		return -EINTR;
	mvgpu_config_read(&dev->config, pos, data, len);
	mutex_unlock(&dev->config_lock);
	return 0;
}

static ssize_t mvgpu_regions_config_read(struct mvgpu_device *dev,
					 char __user *buf, size_t count,
					 u64 pos)
{
	u8 data[MVGPU_REGIONS_CONFIG_PIECE];
	size_t done = 0;
	int ret;

	while (done < count) {
		u32 piece = mvgpu_regions_config_piece(count - done,
						       pos + done);

		ret = mvgpu_regions_config_get(dev, pos + done, data, piece);
		if (ret)
			return ret;
		if (copy_to_user(buf + done, data, piece))
			return -EFAULT;
		done += piece;
	}
	return done;
}

/* Is DMA forbidden that was allowed; and is it allowed? */
static bool mvgpu_regions_config_put_locked(struct mvgpu_device *dev, u64 pos,
					    const u8 *data, u32 len,
					    bool *allows)
{
	bool was = mvgpu_config_bus_master(&dev->config);
	bool now;

	lockdep_assert_held(&dev->config_lock);

	mvgpu_config_write(&dev->config, pos, data, len);
	now = mvgpu_config_bus_master(&dev->config);
	if (now != was)
		mvgpu_worker_set_bus_master(dev, now);

	*allows = now;

	return was && !now;
}

static int mvgpu_regions_config_put(struct mvgpu_device *dev, u64 pos,
				    const u8 *data, u32 len)
{
	bool forbids, allows;
	int ret = 0;

	if (mutex_lock_killable(&dev->config_lock))
		return -EINTR;
	forbids = mvgpu_regions_config_put_locked(dev, pos, data, len, &allows);
	mutex_unlock(&dev->config_lock);

	mdev_migration_touch(dev->mig);
	/* A killed wait ends early, but the device does as the bit says. */
	if (forbids)
		ret = mvgpu_worker_await_dma(dev);
	/* also if it was before: a write may be made again */
	if (allows)
		ret = mvgpu_worker_kick(dev);
	if (!ret && mvgpu_config_is_flr(pos, data, len))
		ret = mdev_migration_reset(dev->mig);
	return ret;
}

static ssize_t mvgpu_regions_config_write(struct mvgpu_device *dev,
					  const char __user *buf, size_t count,
					  u64 pos)
{
	u8 data[MVGPU_REGIONS_CONFIG_PIECE];
	size_t done = 0;
	int ret;

	while (done < count) {
		u32 piece = mvgpu_regions_config_piece(count - done,
						       pos + done);

		if (copy_from_user(data, buf + done, piece))
			return -EFAULT;
		ret = mvgpu_regions_config_put(dev, pos + done, data, piece);
		if (ret)
			return ret;
		done += piece;
	}
	return done;
}

static bool mvgpu_regions_register_access(size_t count, u64 pos)
{
	return (count == sizeof(u32) || count == sizeof(u64)) &&
	       !(pos & (count - 1));
}

static ssize_t mvgpu_regions_registers_read(struct mvgpu_device *dev,
					    char __user *buf, size_t count,
					    u64 pos)
{
	__le64 data;

	if (!mvgpu_regions_register_access(count, pos))
		return clear_user(buf, count) ? -EFAULT : count;

	/* Little-endian, so that the first bytes are the low ones. */
	data = cpu_to_le64(mvgpu_registers_read(dev, pos, count));
	return copy_to_user(buf, &data, count) ? -EFAULT : count;
}

static ssize_t mvgpu_regions_registers_write(struct mvgpu_device *dev,
					     const char __user *buf,
					     size_t count, u64 pos)
{
	__le64 data = 0;
	int ret;

	if (!mvgpu_regions_register_access(count, pos))
		return count;
	if (copy_from_user(&data, buf, count))
		return -EFAULT;

	ret = mvgpu_registers_write(dev, pos, count, le64_to_cpu(data));
	mdev_migration_touch(dev->mig);
	return ret ?: count;
}

static ssize_t mvgpu_regions_msix_read(struct mvgpu_device *dev,
				       char __user *buf, size_t count, u64 pos)
{
	u32 pending = mvgpu_irq_pending(dev);
	u8 data[MVGPU_REGIONS_MSIX_PIECE];
	size_t done = 0;

	while (done < count) {
		u32 piece = min_t(size_t, count - done, sizeof(data));

		mutex_lock(&dev->config_lock);
		mvgpu_msix_read(&dev->msix, pending, pos + done, data, piece);
		mutex_unlock(&dev->config_lock);
		if (copy_to_user(buf + done, data, piece))
			return -EFAULT;
		done += piece;
	}
	return done;
}

static ssize_t mvgpu_regions_msix_write(struct mvgpu_device *dev,
					const char __user *buf, size_t count,
					u64 pos)
{
	u8 data[MVGPU_REGIONS_MSIX_PIECE];
	size_t done = 0;

	while (done < count) {
		u32 piece = min_t(size_t, count - done, sizeof(data));

		if (copy_from_user(data, buf + done, piece))
			return -EFAULT;
		mutex_lock(&dev->config_lock);
		mvgpu_msix_write(&dev->msix, pos + done, data, piece);
		mutex_unlock(&dev->config_lock);
		mdev_migration_touch(dev->mig);
		done += piece;
	}
	return done;
}

static int mvgpu_regions_vram_get(struct mvgpu_device *dev, char __user *buf,
				  u32 len, u64 pos)
{
	struct page *page = mvgpu_vram_page(dev->vram, pos, false);
	unsigned long left;
	void *data;

	if (!page)
		return clear_user(buf, len) ? -EFAULT : 0;

	data = kmap_local_page(page);
	left = copy_to_user(buf, data + offset_in_page(pos), len);
	kunmap_local(data);
	put_page(page);
	return left ? -EFAULT : 0;
}

static int mvgpu_regions_vram_put(struct mvgpu_device *dev,
				  const char __user *buf, u32 len, u64 pos)
{
	struct page *page = mvgpu_vram_page(dev->vram, pos, true);
	unsigned long left;
	void *data;

	if (IS_ERR(page))
		return PTR_ERR(page);

	data = kmap_local_page(page);
	left = copy_from_user(data + offset_in_page(pos), buf, len);
	kunmap_local(data);
	put_page(page);

	/* Also after a fault: a part was written. */
	mvgpu_vram_written(dev->vram, pos, len, true);
	return left ? -EFAULT : 0;
}

static ssize_t mvgpu_regions_vram_read(struct mvgpu_device *dev,
				       char __user *buf, size_t count, u64 pos)
{
	size_t done = 0;
	int ret;

	while (done < count) {
		u32 piece = min_t(size_t, count - done,
				  PAGE_SIZE - offset_in_page(pos + done));

		ret = mvgpu_regions_vram_get(dev, buf + done, piece,
					     pos + done);
		if (ret)
			return ret;
		done += piece;
		cond_resched();
	}
	return done;
}

static ssize_t mvgpu_regions_vram_write(struct mvgpu_device *dev,
					const char __user *buf, size_t count,
					u64 pos)
{
	size_t done = 0;
	int ret;

	while (done < count) {
		u32 piece = min_t(size_t, count - done,
				  PAGE_SIZE - offset_in_page(pos + done));

		ret = mvgpu_regions_vram_put(dev, buf + done, piece,
					     pos + done);
		if (ret)
			return ret;
		done += piece;
		cond_resched();
	}
	return done;
}

#define MVGPU_REGIONS_RW	(VFIO_REGION_INFO_FLAG_READ |		\
				 VFIO_REGION_INFO_FLAG_WRITE)

/**
 * struct mvgpu_region - one of the regions of PCI
 * @exists: others have a size of 0
 * @flags: VFIO_REGION_INFO_FLAG_*
 * @read: copy to the VMM; the range is within the region
 * @write: copy from the VMM; the range is within the region
 */
struct mvgpu_region {
	bool exists;
	u32 flags;
	ssize_t (*read)(struct mvgpu_device *dev, char __user *buf,
			size_t count, u64 pos);
	ssize_t (*write)(struct mvgpu_device *dev, const char __user *buf,
			 size_t count, u64 pos);
};

static const struct mvgpu_region mvgpu_regions[VFIO_PCI_NUM_REGIONS] = {
	[VFIO_PCI_BAR0_REGION_INDEX] = {
		.exists = true,
		.flags = MVGPU_REGIONS_RW | VFIO_REGION_INFO_FLAG_MMAP,
		.read = mvgpu_regions_vram_read,
		.write = mvgpu_regions_vram_write,
	},
	[VFIO_PCI_BAR2_REGION_INDEX] = {
		.exists = true,
		.flags = MVGPU_REGIONS_RW,
		.read = mvgpu_regions_registers_read,
		.write = mvgpu_regions_registers_write,
	},
	[VFIO_PCI_BAR4_REGION_INDEX] = {
		.exists = true,
		.flags = MVGPU_REGIONS_RW,
		.read = mvgpu_regions_msix_read,
		.write = mvgpu_regions_msix_write,
	},
	[VFIO_PCI_CONFIG_REGION_INDEX] = {
		.exists = true,
		.flags = MVGPU_REGIONS_RW,
		.read = mvgpu_regions_config_read,
		.write = mvgpu_regions_config_write,
	},
};

static_assert(MVGPU_BAR_VRAM == VFIO_PCI_BAR0_REGION_INDEX);
static_assert(MVGPU_BAR_REGISTERS == VFIO_PCI_BAR2_REGION_INDEX);
static_assert(MVGPU_BAR_MSIX == VFIO_PCI_BAR4_REGION_INDEX);

static u64 mvgpu_regions_size(struct mvgpu_device *dev, u32 index)
{
	switch (index) {
	case VFIO_PCI_BAR0_REGION_INDEX:
		return dev->type->vram_size;
	case VFIO_PCI_BAR2_REGION_INDEX:
		return MVGPU_REGISTERS_SIZE;
	case VFIO_PCI_BAR4_REGION_INDEX:
		return MVGPU_MSIX_SIZE;
	case VFIO_PCI_CONFIG_REGION_INDEX:
		return MVGPU_CONFIG_SIZE;
	default:
		return 0;
	}
}

/**
 * mvgpu_regions_info - describe a region
 * @vdev: the device
 * @info: in: index; out: flags, size and offset
 * @caps: capabilities are added here
 *
 * Return: 0, -EINVAL for an index that the device does not have, or -ENOMEM.
 */
int mvgpu_regions_info(struct vfio_device *vdev, struct vfio_region_info *info,
		       struct vfio_info_cap *caps)
{
	struct mvgpu_device *dev = mvgpu_device(vdev);
	u32 index = info->index;

	/* It is not a VGA controller. */
	if (index == VFIO_PCI_VGA_REGION_INDEX)
		return -EINVAL;

	info->offset = (u64)index << MVGPU_REGIONS_SHIFT;
	info->flags = 0;
	info->size = 0;
	if (index >= VFIO_PCI_NUM_REGIONS)
		return mdev_migration_region_info(dev->mig,
						  index - VFIO_PCI_NUM_REGIONS,
						  info, caps);

	info->flags = mvgpu_regions[index].flags;
	info->size = mvgpu_regions_size(dev, index);
	return 0;
}

/* The region that all of an access is in, or NULL. */
static const struct mvgpu_region *
mvgpu_regions_find(struct mvgpu_device *dev, u32 index, size_t count, u64 pos)
{
	u64 size = mvgpu_regions_size(dev, index);

	if (!mvgpu_regions[index].exists)
		return NULL;
	if (pos > size || count > size - pos)
		return NULL;
	return &mvgpu_regions[index];
}

/**
 * mvgpu_regions_read - read from a region
 * @vdev: the device
 * @buf: user memory
 * @count: bytes
 * @ppos: region and offset; advanced
 *
 * Return: bytes read, or -errno; -EINVAL if they are not all in a region.
 */
ssize_t mvgpu_regions_read(struct vfio_device *vdev, char __user *buf,
			   size_t count, loff_t *ppos)
{
	struct mvgpu_device *dev = mvgpu_device(vdev);
	u32 index = (u64)*ppos >> MVGPU_REGIONS_SHIFT;
	u64 pos = *ppos & MVGPU_REGIONS_MASK;
	const struct mvgpu_region *region;
	ssize_t ret;

	if (index >= VFIO_PCI_NUM_REGIONS) {
		ret = mdev_migration_region_read(dev->mig,
						 index - VFIO_PCI_NUM_REGIONS,
						 buf, count, pos);
	} else {
		region = mvgpu_regions_find(dev, index, count, pos);
		ret = region ? region->read(dev, buf, count, pos) : -EINVAL;
	}

	if (ret > 0)
		*ppos += ret;
	return ret;
}

/**
 * mvgpu_regions_write - write to a region
 * @vdev: the device
 * @buf: user memory
 * @count: bytes
 * @ppos: region and offset; advanced
 *
 * Return: bytes taken, or -errno; -EINVAL if they are not all in a region.
 */
ssize_t mvgpu_regions_write(struct vfio_device *vdev, const char __user *buf,
			    size_t count, loff_t *ppos)
{
	struct mvgpu_device *dev = mvgpu_device(vdev);
	u32 index = (u64)*ppos >> MVGPU_REGIONS_SHIFT;
	u64 pos = *ppos & MVGPU_REGIONS_MASK;
	const struct mvgpu_region *region;
	ssize_t ret;

	if (index >= VFIO_PCI_NUM_REGIONS) {
		ret = mdev_migration_region_write(dev->mig,
						  index - VFIO_PCI_NUM_REGIONS,
						  buf, count, pos);
	} else {
		region = mvgpu_regions_find(dev, index, count, pos);
		ret = region ? region->write(dev, buf, count, pos) : -EINVAL;
	}

	if (ret > 0)
		*ppos += ret;
	return ret;
}

/**
 * mvgpu_regions_mmap - map a region
 * @vdev: the device
 * @vma: what to set up
 *
 * Return: 0, or -EINVAL unless all of it is VRAM, mapped shared.
 */
int mvgpu_regions_mmap(struct vfio_device *vdev, struct vm_area_struct *vma)
{
	const unsigned int shift = MVGPU_REGIONS_SHIFT - PAGE_SHIFT;
	struct mvgpu_device *dev = mvgpu_device(vdev);

	if (vma->vm_pgoff >> shift != VFIO_PCI_BAR0_REGION_INDEX)
		return -EINVAL;

	/* VRAM is region 0, so that the offset counts from its start. */
	return mvgpu_vram_map(dev->vram, vma);
}
