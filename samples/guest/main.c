// SPDX-License-Identifier: GPL-2.0
/*
 * mvgpu_guest: the driver of an mvgpu for the guest. It shows how the device of
 * Documentation/hardware.rst is driven, and gives a program /dev/mvgpuN.
 *
 * The device may vanish at any time. What touches it does so under a lock and
 * looks at guest->gone first; what a program has open, mapped or waits for
 * outlives it.
 */
#include <linux/dma-mapping.h>
#include <linux/interrupt.h>
#include <linux/module.h>

#include "guest_private.h"

static bool msix = true;
module_param(msix, bool, 0444);
MODULE_PARM_DESC(msix, "Use MSI-X if there are enough vectors; N: MSI (default: Y)");

/* Vector 0 is the first one; each has its own name in /proc/interrupts. */
static irqreturn_t mvgpu_guest_irq(int irq, void *data)
{
	struct mvgpu_guest *guest = data;
	unsigned int vector;

	for (vector = 0; vector < guest->vectors; vector++)
		if (pci_irq_vector(guest->pdev, vector) == irq)
			mvgpu_guest_queue_interrupt(guest, vector);
	return IRQ_HANDLED;
}

static void mvgpu_guest_free_irqs(struct mvgpu_guest *guest, unsigned int count)
{
	while (count--)
		pci_free_irq(guest->pdev, count, guest);
	pci_free_irq_vectors(guest->pdev);
}

static int mvgpu_guest_request_irqs(struct mvgpu_guest *guest)
{
	struct pci_dev *pdev = guest->pdev;
	int ret = -ENOSPC;
	unsigned int i;

	/* Queues share vectors of MSI, but not of MSI-X. */
	if (msix)
		ret = pci_alloc_irq_vectors(pdev, MVGPU_GUEST_QUEUES,
					    MVGPU_GUEST_QUEUES, PCI_IRQ_MSIX);
	if (ret < 0)
		ret = pci_alloc_irq_vectors(pdev, 1, MVGPU_GUEST_QUEUES,
					    PCI_IRQ_MSI);
	if (ret < 0) {
		dev_err(&pdev->dev,
			"no MSI-X and no MSI (%d), and a vGPU has no INTx: is there pci=nomsi on the command line, or 0 in msi_bus in sysfs?\n",
			ret);
		return ret;
	}
	guest->vectors = ret;
	for (i = 0; i < guest->vectors; i++) {
		ret = pci_request_irq(pdev, i, mvgpu_guest_irq, NULL, guest,
				      "%s-%u", guest->name, i);
		if (ret) {
			mvgpu_guest_free_irqs(guest, i);
			return ret;
		}
	}
	return 0;
}

static int mvgpu_guest_map(struct mvgpu_guest *guest)
{
	guest->registers = pci_iomap(guest->pdev, MVGPU_BAR_REGISTERS,
				     MVGPU_REGISTERS_SIZE);
	if (!guest->registers)
		return -ENOMEM;
	guest->vram = pci_iomap_wc(guest->pdev, MVGPU_BAR_VRAM, 0);
	if (!guest->vram) {
		pci_iounmap(guest->pdev, guest->registers);
		return -ENOMEM;
	}
	return 0;
}

static void mvgpu_guest_unmap(struct mvgpu_guest *guest)
{
	pci_iounmap(guest->pdev, guest->vram);
	pci_iounmap(guest->pdev, guest->registers);
}

/* Interrupts, rings, and the device file, which makes it visible. */
static int mvgpu_guest_start(struct mvgpu_guest *guest)
{
	int ret;

	ret = mvgpu_guest_identify(guest);
	if (ret)
		return ret;
	pci_set_master(guest->pdev);
	ret = mvgpu_guest_queue_create_all(guest);
	if (ret)
		goto err_master;
	ret = mvgpu_guest_request_irqs(guest);
	if (ret)
		goto err_queues;
	ret = misc_register(&guest->misc);
	if (ret)
		goto err_irqs;
	return 0;

err_irqs:
	mvgpu_guest_free_irqs(guest, guest->vectors);
err_queues:
	mvgpu_guest_queue_disable_all(guest);
	mvgpu_guest_queue_destroy_all(guest);
err_master:
	pci_clear_master(guest->pdev);
	return ret;
}

static int mvgpu_guest_probe(struct pci_dev *pdev,
			     const struct pci_device_id *id)
{
	struct mvgpu_guest *guest;
	int ret;

	ret = pci_enable_device(pdev);
	if (ret)
		return ret;
	ret = pci_request_regions(pdev, "mvgpu_guest");
	if (ret)
		goto err_disable;
	ret = dma_set_mask_and_coherent(&pdev->dev, DMA_BIT_MASK(64));
	if (ret)
		goto err_regions;
	/* Its GTT may be full of what is not ours, after a kexec. */
	ret = pci_reset_function_locked(pdev);
	if (ret)
		goto err_regions;
	guest = mvgpu_guest_create(pdev, &mvgpu_guest_fops);
	ret = PTR_ERR_OR_ZERO(guest);
	if (ret)
		goto err_regions;
	ret = mvgpu_guest_map(guest);
	if (ret)
		goto err_put;
	pci_set_drvdata(pdev, guest);
	ret = mvgpu_guest_start(guest);
	if (ret)
		goto err_unmap;
	dev_info(&pdev->dev, "%s: %u MiB of VRAM, %u vectors\n", guest->name,
		 guest->vram_pages >> (20 - PAGE_SHIFT), guest->vectors);
	return 0;

err_unmap:
	mvgpu_guest_unmap(guest);
err_put:
	mvgpu_guest_put(guest);
err_regions:
	pci_release_regions(pdev);
err_disable:
	pci_disable_device(pdev);
	return ret;
}

static void mvgpu_guest_remove(struct pci_dev *pdev)
{
	struct mvgpu_guest *guest = pci_get_drvdata(pdev);

	misc_deregister(&guest->misc);
	mvgpu_guest_say_gone(guest);
	mvgpu_guest_free_irqs(guest, guest->vectors);
	mutex_lock(&guest->lock);
	mvgpu_guest_buffer_detach_all(guest);
	mutex_unlock(&guest->lock);
	mvgpu_guest_queue_destroy_all(guest);
	mvgpu_guest_unmap(guest);
	pci_release_regions(pdev);
	pci_disable_device(pdev);
	mvgpu_guest_put(guest);
}

/* A reboot: the device writes to no memory that the next kernel uses. */
static void mvgpu_guest_shutdown(struct pci_dev *pdev)
{
	mvgpu_guest_say_gone(pci_get_drvdata(pdev));
}

static const struct pci_device_id mvgpu_guest_ids[] = {
	{ PCI_DEVICE(MVGPU_PCI_VENDOR_ID, MVGPU_PCI_DEVICE_ID) },
	{ }
};
MODULE_DEVICE_TABLE(pci, mvgpu_guest_ids);

static struct pci_driver mvgpu_guest_driver = {
	.name = "mvgpu_guest",
	.id_table = mvgpu_guest_ids,
	.probe = mvgpu_guest_probe,
	.remove = mvgpu_guest_remove,
	.shutdown = mvgpu_guest_shutdown,
	.driver.pm = pm_sleep_ptr(&mvgpu_guest_pm_ops),
};
module_pci_driver(mvgpu_guest_driver);

MODULE_DESCRIPTION("Guest driver of mvgpu, a virtual GPU that can be migrated");
MODULE_LICENSE("GPL");
MODULE_VERSION(MVGPU_MODULE_VERSION);
