// SPDX-License-Identifier: GPL-2.0
/*
 * vfio_dirty: an IOMMU backend for vfio containers that hold mediated devices
 * only. It does what vfio_iommu_type1 does for them, and knows exactly which
 * pages of guest memory their devices wrote.
 *
 * This is what it serves, and its beginning and end; front.c is what the vfio
 * core sees of it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/init.h>
#include <linux/iommu.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/vfio_dirty.h>

#include "compat_vfio.h"
#include "vfio_dirty_private.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

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

static int __init vfio_dirty_init(void)
{
	int ret;

	vfio_dirty_say_init();
	ret = vfio_dirty_leaves_init();
	if (ret)
		return ret;

	ret = vfio_dirty_pin_init();
	if (ret)
		goto err_leaves;

	ret = vfio_dirty_front_init();
	if (ret)
		goto err_pin;
	return 0;

err_pin:
	vfio_dirty_pin_exit();
err_leaves:
	vfio_dirty_leaves_exit();
	return ret;
}

/*
 * No container is open, but an ioctl may have taken our address from one
 * before it was closed. It is then either in one of our functions with a
 * reference, which the first step waits for, or it runs without sleeping,
 * which the second waits for. Only then does the core forget us.
 */
static void __exit vfio_dirty_exit(void)
{
	vfio_dirty_container_exit();
	vfio_dirty_front_exit();
	vfio_dirty_pin_exit();
	vfio_dirty_leaves_exit();
}

module_init(vfio_dirty_init);
module_exit(vfio_dirty_exit);

COMPAT_VFIO_IMPORT_IOMMUFD_NS;
MODULE_DESCRIPTION("VFIO container backend with exact dirty pages");
MODULE_AUTHOR("The mvgpu authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(MVGPU_MODULE_VERSION);
MODULE_SOFTDEP("pre: vfio_iommu_type1");
