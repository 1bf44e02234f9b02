// SPDX-License-Identifier: GPL-2.0
/*
 * A vGPU as the driver knows it: its life, and that of its device.
 */
#include <linux/bitmap.h>
#include <linux/idr.h>
#include <linux/io-64-nonatomic-lo-hi.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "guest_private.h"

static DEFINE_IDA(mvgpu_guest_ida);

static void mvgpu_guest_free(struct kref *kref)
{
	struct mvgpu_guest *guest = container_of(kref, struct mvgpu_guest, kref);

	ida_free(&mvgpu_guest_ida, guest->id);
	xa_destroy(&guest->buffers);
	bitmap_free(guest->vram_used);
	vfree(guest->bound);
	vfree(guest->gtt);
	pci_dev_put(guest->pdev);
	kfree(guest);
}

/**
 * mvgpu_guest_put - drop a reference
 * @guest: the vGPU, which may be freed
 */
void mvgpu_guest_put(struct mvgpu_guest *guest)
{
	kref_put(&guest->kref, mvgpu_guest_free);
}

/**
 * mvgpu_guest_create - make what the driver knows of a vGPU
 * @pdev: the PCI function
 * @fops: of the device file, which is to be registered
 *
 * Return: the vGPU with one reference, or -ENOMEM or -ENOSPC as an error pointer.
 */
struct mvgpu_guest *mvgpu_guest_create(struct pci_dev *pdev,
				       const struct file_operations *fops)
{
	struct mvgpu_guest *guest = kzalloc(sizeof(*guest), GFP_KERNEL);
	int ret = -ENOMEM;

	if (!guest)
		return ERR_PTR(ret);
	guest->vram_start = pci_resource_start(pdev, MVGPU_BAR_VRAM);
	guest->vram_pages = pci_resource_len(pdev, MVGPU_BAR_VRAM) / PAGE_SIZE;
	guest->bound = vcalloc(MVGPU_GUEST_USER_ENTRIES, sizeof(*guest->bound));
	guest->gtt = vcalloc(MVGPU_GTT_ENTRIES, sizeof(*guest->gtt));
	guest->vram_used = bitmap_zalloc(guest->vram_pages, GFP_KERNEL);
	if (!guest->bound || !guest->gtt || !guest->vram_used)
		goto err_free;
	ret = ida_alloc(&mvgpu_guest_ida, GFP_KERNEL);
	if (ret < 0)
		goto err_free;
	guest->id = ret;
	snprintf(guest->name, sizeof(guest->name), "mvgpu%d", guest->id);
	guest->misc.minor = MISC_DYNAMIC_MINOR;
	guest->misc.name = guest->name;
	guest->misc.fops = fops;
	guest->misc.parent = &pdev->dev;
	guest->pdev = pci_dev_get(pdev);
	kref_init(&guest->kref);
	mutex_init(&guest->lock);
	xa_init_flags(&guest->buffers, XA_FLAGS_ALLOC1);
	return guest;

err_free:
	bitmap_free(guest->vram_used);
	vfree(guest->gtt);
	vfree(guest->bound);
	kfree(guest);
	return ERR_PTR(ret);
}

/**
 * mvgpu_guest_identify - see whether the device is what the driver was made for
 * @guest: the vGPU
 *
 * Return: 0, or -ENODEV after a word of it.
 */
int mvgpu_guest_identify(struct mvgpu_guest *guest)
{
	struct device *dev = &guest->pdev->dev;
	u32 id = readl(guest->registers + MVGPU_REG_ID);
	u32 version = readl(guest->registers + MVGPU_REG_VERSION);

	if (id != MVGPU_ID || version >> 16 != MVGPU_VERSION >> 16) {
		dev_err(dev, "not a device for this driver: ID %#x, version %#x\n",
			id, version);
		return -ENODEV;
	}
	if (readl(guest->registers + MVGPU_REG_QUEUES) < MVGPU_GUEST_QUEUES ||
	    readl(guest->registers + MVGPU_REG_GTT_ENTRIES) < MVGPU_GTT_ENTRIES ||
	    readq(guest->registers + MVGPU_REG_VRAM_SIZE) !=
	    (u64)guest->vram_pages * PAGE_SIZE) {
		dev_err(dev, "too few queues, too small a GTT, or odd VRAM\n");
		return -ENODEV;
	}
	return 0;
}

/**
 * mvgpu_guest_say_gone - have nobody touch the device any more, but who calls this
 * @guest: the vGPU
 */
void mvgpu_guest_say_gone(struct mvgpu_guest *guest)
{
	mutex_lock(&guest->lock);
	WRITE_ONCE(guest->gone, true);
	mutex_unlock(&guest->lock);
	mvgpu_guest_queue_wake_all(guest);
	/* Takes each queue's lock, too. */
	mvgpu_guest_queue_disable_all(guest);
	pci_clear_master(guest->pdev);
}
