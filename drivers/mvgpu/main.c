// SPDX-License-Identifier: GPL-2.0
/*
 * The module: one parent device, under which user space creates vGPUs, and
 * the driver that they bind to.
 */
#include <linux/device.h>
#include <linux/err.h>
#include <linux/kdev_t.h>
#include <linux/mdev.h>
#include <linux/module.h>
#include <linux/vfio.h>
#include <linux/vfio_dirty.h>

#include "compat_device.h"
#include "mvgpu_private.h"
#include "thread.h"

/* Set when the parent is about to get its types; nobody hears of it before. */
static bool mvgpu_parent_announced;

/*
 * An error keeps the uevent back. So it is with the parent's "add": when all
 * types are there the mdev core sends a "change" with MDEV_STATE=registered,
 * and mdevctl would start the same vGPUs at both.
 */
static int mvgpu_parent_uevent(compat_uevent_device *dev,
			       struct kobj_uevent_env *env)
{
	return READ_ONCE(mvgpu_parent_announced) ? 0 : -EAGAIN;
}

/* Types appear in sysfs as this name, a dash, and the type's own name. */
static struct class mvgpu_class = {
	.name = "mvgpu",
	.dev_uevent = mvgpu_parent_uevent,
};

static struct mdev_driver mvgpu_driver = {
	.device_api = VFIO_DEVICE_API_PCI_STRING,
	.probe = mvgpu_device_probe,
	.remove = mvgpu_device_remove,
	.get_available = mvgpu_types_available,
	.show_description = mvgpu_types_describe,
	.driver = {
		.name = "mvgpu",
		.owner = THIS_MODULE,
		.mod_name = KBUILD_MODNAME,
		.dev_groups = mvgpu_sysfs_groups,
	},
};

static struct device *mvgpu_parent_device;
static struct mdev_parent mvgpu_parent;

static int __init mvgpu_init(void)
{
	int ret;

	ret = mvgpu_thread_init();
	if (ret)
		return ret;

	ret = class_register(&mvgpu_class);
	if (ret)
		goto err_thread;

	mvgpu_parent_device = device_create(&mvgpu_class, NULL, MKDEV(0, 0),
					    NULL, "mvgpu");
	if (IS_ERR(mvgpu_parent_device)) {
		ret = PTR_ERR(mvgpu_parent_device);
		goto err_class;
	}

	ret = mdev_register_driver(&mvgpu_driver);
	if (ret)
		goto err_device;

	ret = vfio_dirty_register_driver(&mvgpu_driver.driver);
	if (ret)
		goto err_driver;

	/* Last: from here on vGPUs can be created. */
	WRITE_ONCE(mvgpu_parent_announced, true);
	ret = mvgpu_types_register(&mvgpu_parent, mvgpu_parent_device,
				   &mvgpu_driver);
	if (ret)
		goto err_dirty;

	return 0;

err_dirty:
	vfio_dirty_unregister_driver(&mvgpu_driver.driver);
err_driver:
	mdev_unregister_driver(&mvgpu_driver);
err_device:
	device_unregister(mvgpu_parent_device);
err_class:
	class_unregister(&mvgpu_class);
err_thread:
	mvgpu_thread_exit();
	return ret;
}

static void __exit mvgpu_exit(void)
{
	mdev_unregister_parent(&mvgpu_parent);
	vfio_dirty_unregister_driver(&mvgpu_driver.driver);
	mdev_unregister_driver(&mvgpu_driver);
	device_unregister(mvgpu_parent_device);
	class_unregister(&mvgpu_class);
	mvgpu_thread_exit();
}

module_init(mvgpu_init);
module_exit(mvgpu_exit);

MODULE_AUTHOR("The mvgpu authors");
MODULE_DESCRIPTION("Migratable virtual GPU");
MODULE_LICENSE("GPL");
MODULE_VERSION(MVGPU_MODULE_VERSION);
