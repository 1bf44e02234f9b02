// SPDX-License-Identifier: GPL-2.0
/*
 * Which containers are served: those of drivers that registered, those of all
 * mediated devices, or none. The administrator says which.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/export.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/vfio_dirty.h>

#include "vfio_dirty_private.h"

/**
 * struct vfio_dirty_driver - a driver that wants its groups served
 * @entry: entry of vfio_dirty_drivers
 * @drv: the driver
 */
struct vfio_dirty_driver {
	struct list_head entry;
	const struct device_driver *drv;
};

/* Protects the list of drivers that registered. */
static DEFINE_MUTEX(vfio_dirty_drivers_lock);
static LIST_HEAD(vfio_dirty_drivers);

static const char * const vfio_dirty_claim_names[] = {
	[VFIO_DIRTY_CLAIM_USERS] = "users",
	[VFIO_DIRTY_CLAIM_ALL] = "all",
	[VFIO_DIRTY_CLAIM_NONE] = "none",
};

static enum vfio_dirty_claim vfio_dirty_claim = VFIO_DIRTY_CLAIM_USERS;

static int vfio_dirty_claim_set(const char *val, const struct kernel_param *kp)
{
	int claim = sysfs_match_string(vfio_dirty_claim_names, val);

	if (claim < 0) {
		pr_warn("claim is users, all or none\n");
		return -EINVAL;
	}
	WRITE_ONCE(vfio_dirty_claim, claim);
	return 0;
}

static int vfio_dirty_claim_get(char *buf, const struct kernel_param *kp)
{
	enum vfio_dirty_claim claim = READ_ONCE(vfio_dirty_claim);

	return sysfs_emit(buf, "%s\n", vfio_dirty_claim_names[claim]);
}

static const struct kernel_param_ops vfio_dirty_claim_ops = {
	.set = vfio_dirty_claim_set,
	.get = vfio_dirty_claim_get,
};
module_param_cb(claim, &vfio_dirty_claim_ops, NULL, 0644);
MODULE_PARM_DESC(claim,
		 "Which new containers to serve: users (of drivers that ask for it, default), all (of mediated devices), none");

static struct vfio_dirty_driver *
vfio_dirty_driver_find_locked(const struct device_driver *drv)
{
	struct vfio_dirty_driver *entry;

	lockdep_assert_held(&vfio_dirty_drivers_lock);
	list_for_each_entry(entry, &vfio_dirty_drivers, entry) {
		if (entry->drv == drv)
			return entry;
	}
	return NULL;
}

int vfio_dirty_register_driver(struct device_driver *drv)
{
	struct vfio_dirty_driver *entry;
	int ret = 0;

	entry = kzalloc(sizeof(*entry), GFP_KERNEL);
	if (!entry)
		return -ENOMEM;
	entry->drv = drv;

	mutex_lock(&vfio_dirty_drivers_lock);
	if (vfio_dirty_driver_find_locked(drv))
		ret = -EEXIST;
	else
		list_add_tail(&entry->entry, &vfio_dirty_drivers);
	mutex_unlock(&vfio_dirty_drivers_lock);

	if (ret)
		kfree(entry);
	return ret;
}
EXPORT_SYMBOL_GPL(vfio_dirty_register_driver);

void vfio_dirty_unregister_driver(struct device_driver *drv)
{
	struct vfio_dirty_driver *entry;

	mutex_lock(&vfio_dirty_drivers_lock);
	entry = vfio_dirty_driver_find_locked(drv);
	if (entry)
		list_del(&entry->entry);
	mutex_unlock(&vfio_dirty_drivers_lock);
	kfree(entry);
}
EXPORT_SYMBOL_GPL(vfio_dirty_unregister_driver);

/* Count the devices of a group, all of which must be of drivers we know. */
static int vfio_dirty_claim_device(struct device *dev, void *data)
{
	unsigned int *devices = data;
	bool known;

	mutex_lock(&vfio_dirty_drivers_lock);
	known = vfio_dirty_driver_find_locked(READ_ONCE(dev->driver));
	mutex_unlock(&vfio_dirty_drivers_lock);
	++*devices;
	return known ? 0 : -EINVAL;
}

/**
 * vfio_dirty_claim_now - which containers to serve that are opened now
 *
 * Return: what the parameter says.
 */
enum vfio_dirty_claim vfio_dirty_claim_now(void)
{
	return READ_ONCE(vfio_dirty_claim);
}

/**
 * vfio_dirty_claim_group - does a container accept a group
 * @claim: which groups it accepts
 * @group: a group of mediated devices
 *
 * Return: true if it does.
 */
bool vfio_dirty_claim_group(enum vfio_dirty_claim claim,
			    struct iommu_group *group)
{
	unsigned int devices = 0;

	if (claim == VFIO_DIRTY_CLAIM_ALL)
		return true;
	return !iommu_group_for_each_dev(group, &devices,
					 vfio_dirty_claim_device) && devices;
}
