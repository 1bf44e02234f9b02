// SPDX-License-Identifier: GPL-2.0
/*
 * A vGPU from creation to removal, and as VFIO sees it: open, close, ioctls.
 *
 * A vGPU holds nothing while it is closed: every open begins with VRAM, GTT,
 * queues and config space of its own, and close ends them. The order of close
 * is that of who uses whom: nobody moves the device any more, the worker ends,
 * pins go before the bitmap that they mark, mappings lose their memory last.
 */
#include <linux/err.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#include "compat_vfio.h"
#include "mvgpu_private.h"

static int mvgpu_device_create_migration(struct mvgpu_device *dev)
{
	struct mdev_migration_params params = {
		.dev = dev->vdev.dev,
		.ops = &mvgpu_context_ops,
		.priv = dev,
		.type = dev->type->name,
		.state_size = mvgpu_context_state_size(),
		.mem_size = dev->type->vram_size,
	};
	struct mdev_migration *mig = mdev_migration_create(&params);

	if (IS_ERR(mig))
		return PTR_ERR(mig);

	dev->mig = mig;
	mdev_migration_v2_setup(mig, &dev->vdev);
	return 0;
}

static int mvgpu_device_init(struct vfio_device *vdev)
{
	struct mvgpu_device *dev = mvgpu_device(vdev);
	int ret;

	dev->mdev = to_mdev_device(vdev->dev);
	dev->type = container_of(dev->mdev->type, struct mvgpu_type, mtype);

	ret = mvgpu_types_charge(dev->type);
	if (ret)
		return ret;

	ret = mvgpu_device_create_migration(dev);
	if (ret)
		goto err_charge;

	dev->log = vfio_dirty_log_create(vdev);
	if (IS_ERR(dev->log)) {
		ret = PTR_ERR(dev->log);
		goto err_migration;
	}

	mutex_init(&dev->open_lock);
	mutex_init(&dev->config_lock);
	mvgpu_gtt_init(dev);
	mvgpu_worker_init(dev);
	mvgpu_config_reset(&dev->config, dev->type->vram_size);
	return 0;

err_migration:
	mdev_migration_destroy(dev->mig);
err_charge:
	mvgpu_types_uncharge(dev->type);
	return ret;
}

static void mvgpu_device_release(struct vfio_device *vdev)
{
	struct mvgpu_device *dev = mvgpu_device(vdev);

	mutex_destroy(&dev->worker.thread_lock);
	mutex_destroy(&dev->gtt.lock);
	mutex_destroy(&dev->config_lock);
	mutex_destroy(&dev->open_lock);
	vfio_dirty_log_destroy(dev->log);
	mdev_migration_destroy(dev->mig);
	mvgpu_types_uncharge(dev->type);
	compat_vfio_free_device(vdev);
}

/* Who looks at an open device from outside of it holds close up. */
static void mvgpu_device_set_open(struct mvgpu_device *dev, bool is_open)
{
	mutex_lock(&dev->open_lock);
	WRITE_ONCE(dev->is_open, is_open);
	mutex_unlock(&dev->open_lock);
}

/**
 * mvgpu_device_vram_used - how much of the host's memory VRAM takes
 * @dev: the device, which may be closed
 *
 * Return: bytes.
 */
u64 mvgpu_device_vram_used(struct mvgpu_device *dev)
{
	u64 used = 0;

	mutex_lock(&dev->open_lock);
	if (dev->is_open)
		used = (u64)READ_ONCE(dev->vram->nr_allocated) << PAGE_SHIFT;
	mutex_unlock(&dev->open_lock);

	return used;
}

static int mvgpu_device_open(struct vfio_device *vdev)
{
	struct mvgpu_device *dev = mvgpu_device(vdev);
	struct vfio_dirty_client *dirty;
	int ret;

	dev->vram = mvgpu_vram_create(dev->type->vram_size, dev->mig);
	if (IS_ERR(dev->vram))
		return PTR_ERR(dev->vram);

	ret = mvgpu_gtt_create(dev);
	if (ret)
		goto err_vram;

	dirty = vfio_dirty_open(vdev);
	if (IS_ERR(dirty)) {
		ret = PTR_ERR(dirty);
		goto err_gtt;
	}
	/* newer kernels may call dma_unmap by now */
	WRITE_ONCE(dev->dirty, dirty);

	mvgpu_config_reset(&dev->config, dev->type->vram_size);
	mvgpu_msix_reset(&dev->msix);
	mvgpu_irq_open(dev);
	mvgpu_queue_reset(dev);
	ret = mvgpu_worker_open(dev);
	if (ret)
		goto err_dirty;

	mdev_migration_open(dev->mig, dev->dirty);
	mvgpu_device_set_open(dev, true);
	return 0;

err_dirty:
	vfio_dirty_close(dev->dirty);
	WRITE_ONCE(dev->dirty, NULL);
err_gtt:
	mvgpu_gtt_destroy(dev);
err_vram:
	mvgpu_vram_put(dev->vram);
	return ret;
}

static void mvgpu_device_close(struct vfio_device *vdev)
{
	struct mvgpu_device *dev = mvgpu_device(vdev);

	mvgpu_device_set_open(dev, false);
	mdev_migration_close(dev->mig);
	mvgpu_worker_close(dev);
	mvgpu_irq_close(dev);
	mvgpu_gtt_clear(dev);
	mvgpu_gtt_destroy(dev);
	vfio_dirty_log_close(dev->log);
	vfio_dirty_close(dev->dirty);
	WRITE_ONCE(dev->dirty, NULL);
	mvgpu_vram_close(dev->vram);
	mvgpu_vram_put(dev->vram);
	dev->vram = NULL;
}

static long mvgpu_device_get_info(struct mvgpu_device *dev, void __user *arg)
{
	unsigned long minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	info.flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = VFIO_PCI_NUM_REGIONS +
			   mdev_migration_nr_regions(dev->mig);
	info.num_irqs = VFIO_PCI_NUM_IRQS;

	return copy_to_user(arg, &info, minsz) ? -EFAULT : 0;
}

static long mvgpu_device_ioctl(struct vfio_device *vdev, unsigned int cmd,
			       unsigned long arg)
{
	struct mvgpu_device *dev = mvgpu_device(vdev);
	void __user *uarg = (void __user *)arg;

	switch (cmd) {
	case VFIO_DEVICE_GET_INFO:
		return mvgpu_device_get_info(dev, uarg);
	case VFIO_DEVICE_GET_REGION_INFO:
		return compat_vfio_get_region_info(vdev, uarg,
						   mvgpu_regions_info);
	case VFIO_DEVICE_GET_IRQ_INFO:
		return mvgpu_irq_get_info(uarg);
	case VFIO_DEVICE_SET_IRQS:
		return mvgpu_irq_set(dev, uarg);
	case VFIO_DEVICE_RESET:
		return mdev_migration_reset(dev->mig);
	default:
		return -ENOTTY;
	}
}

static const struct vfio_device_ops mvgpu_device_ops = {
	.name = "mvgpu",
	.init = mvgpu_device_init,
	.release = mvgpu_device_release,
	COMPAT_VFIO_EMULATED_IOMMUFD_OPS
	.open_device = mvgpu_device_open,
	.close_device = mvgpu_device_close,
	.read = mvgpu_regions_read,
	.write = mvgpu_regions_write,
	.ioctl = mvgpu_device_ioctl,
	.device_feature = mdev_migration_device_feature,
	COMPAT_VFIO_REGION_INFO_OP(mvgpu_regions_info)
	.mmap = mvgpu_regions_mmap,
	.dma_unmap = mvgpu_gtt_dma_unmap,
	.request = mvgpu_irq_request,
};

/**
 * mvgpu_device_probe - a vGPU was created
 * @mdev: the mediated device
 *
 * Return: 0 or -errno; -ENOSPC if the host has no VRAM left for it.
 */
int mvgpu_device_probe(struct mdev_device *mdev)
{
	struct mvgpu_device *dev;
	int ret;

	dev = vfio_alloc_device(mvgpu_device, vdev, &mdev->dev,
				&mvgpu_device_ops);
	if (IS_ERR(dev))
		return PTR_ERR(dev);

	dev_set_drvdata(&mdev->dev, dev);
	ret = vfio_register_emulated_iommu_dev(&dev->vdev);
	if (ret)
		goto err_put;
	return 0;

err_put:
	vfio_put_device(&dev->vdev);
	return ret;
}

/**
 * mvgpu_device_remove - a vGPU is removed
 * @mdev: the mediated device
 *
 * Returns once nobody has it open.
 */
void mvgpu_device_remove(struct mdev_device *mdev)
{
	struct mvgpu_device *dev = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&dev->vdev);
	vfio_put_device(&dev->vdev);
}
