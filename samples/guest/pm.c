// SPDX-License-Identifier: GPL-2.0
/*
 * Suspend, to memory or to disk: the machine's reset is the device's, too, which
 * loses VRAM, the GTT and the queues. Programs are frozen meanwhile, and go on as
 * if nothing had been; but its clock begins anew.
 */
#include <linux/pci.h>
#include <linux/pm.h>

#include "guest_private.h"

static int mvgpu_guest_suspend(struct device *dev)
{
	struct mvgpu_guest *guest = dev_get_drvdata(dev);
	int ret;

	mutex_lock(&guest->lock);
	ret = guest->gone ? 0 : mvgpu_guest_queue_rest_all(guest);
	if (ret || guest->gone)
		goto out;
	ret = mvgpu_guest_buffer_save_all(guest);
	if (ret) {
		dev_err(dev,
			"no memory to save VRAM: the guest is not suspended; give memory free, or end the program that has %s open\n",
			guest->name);
		mvgpu_guest_buffer_forget_all(guest);
		mvgpu_guest_queue_go_on_all(guest);
		goto out;
	}
	pci_clear_master(guest->pdev);
out:
	mutex_unlock(&guest->lock);
	return ret;
}

/*
 * Reset it in any case: it may have kept what it had, or have been given to
 * another kernel, which read this one from disk.
 */
static int mvgpu_guest_revive(struct mvgpu_guest *guest)
{
	int ret = pci_reset_function_locked(guest->pdev);

	if (!ret)
		ret = mvgpu_guest_identify(guest);
	if (ret)
		return ret;
	pci_set_master(guest->pdev);
	mvgpu_guest_buffer_restore_all(guest);
	mvgpu_guest_gtt_restore(guest);
	mvgpu_guest_queue_go_on_all(guest);
	WRITE_ONCE(guest->resumes, guest->resumes + 1);
	return 0;
}

static int mvgpu_guest_resume(struct device *dev)
{
	struct mvgpu_guest *guest = dev_get_drvdata(dev);
	int ret = 0;

	mutex_lock(&guest->lock);
	if (!guest->gone)
		ret = mvgpu_guest_revive(guest);
	mvgpu_guest_buffer_forget_all(guest);
	mutex_unlock(&guest->lock);
	if (!ret)
		return 0;
	dev_err(dev, "does not come back (%d): programs get ENODEV; load the driver anew\n",
		ret);
	mvgpu_guest_say_gone(guest);
	mutex_lock(&guest->lock);
	mvgpu_guest_buffer_detach_all(guest);
	mutex_unlock(&guest->lock);
	return ret;
}

const struct dev_pm_ops mvgpu_guest_pm_ops = {
	SYSTEM_SLEEP_PM_OPS(mvgpu_guest_suspend, mvgpu_guest_resume)
};
