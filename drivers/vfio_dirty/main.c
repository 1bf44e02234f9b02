// SPDX-License-Identifier: GPL-2.0
/*
 * vfio_dirty: an IOMMU backend for vfio containers that hold mediated devices
 * only. It does what vfio_iommu_type1 does for them, and knows exactly which
 * pages of guest memory their devices wrote.
 *
 * This is its beginning and its end.
 */
#include <linux/init.h>
#include <linux/module.h>

#include "compat_vfio.h"
#include "vfio_dirty_private.h"

static int __init vfio_dirty_init(void)
{
	int ret;

	vfio_dirty_say_init();
	ret = vfio_dirty_leaves_init();
	if (ret)
		return ret;

	ret = vfio_dirty_blocks_init();
	if (ret)
		goto err_leaves;

	ret = vfio_dirty_front_init();
	if (ret)
		goto err_blocks;
	return 0;

err_blocks:
	vfio_dirty_blocks_exit();
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
	vfio_dirty_blocks_exit();
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
