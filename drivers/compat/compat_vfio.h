/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in <linux/vfio.h>. Drivers are written for the
 * newest form; the older ones are filled in here.
 */
#ifndef _COMPAT_VFIO_H
#define _COMPAT_VFIO_H

#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/vfio.h>

/**
 * compat_vfio_free_device - last step of a release op
 * @vdev: the device, which is gone afterwards where the core left it to us
 */
static inline void compat_vfio_free_device(struct vfio_device *vdev)
{
#ifdef HAVE_VFIO_FREE_DEVICE
	vfio_free_device(vdev);
#endif
}

/**
 * compat_vfio_is_nesting - does the container's extension name nested tables
 * @extension: argument of VFIO_CHECK_EXTENSION
 *
 * Return: true for that value on kernels whose type1 still answers 1 to it.
 */
static inline bool compat_vfio_is_nesting(unsigned long extension)
{
#ifdef VFIO_TYPE1_NESTING_IOMMU
	return extension == VFIO_TYPE1_NESTING_IOMMU;
#else
	return false;
#endif
}

/*
 * What vfio_iommu_type1 says to a range that wraps around the address space.
 * No header shows the change ("vfio/type1: sanitize for overflow using
 * check_*_overflow()"), so that here a release stands for the thing itself.
 * dirty_type1_test fails on a kernel of which this is not true.
 */
#if LINUX_VERSION_MAJOR > 6 ||						\
	(LINUX_VERSION_MAJOR == 6 && LINUX_VERSION_PATCHLEVEL >= 18)
#define COMPAT_VFIO_EWRAP	EOVERFLOW
#else
#define COMPAT_VFIO_EWRAP	EINVAL
#endif

/* Initialisers for a struct vfio_device_ops of an emulated device. */
#if defined(HAVE_VFIO_DETACH_IOAS)
#define COMPAT_VFIO_EMULATED_IOMMUFD_OPS				\
	.bind_iommufd = vfio_iommufd_emulated_bind,			\
	.unbind_iommufd = vfio_iommufd_emulated_unbind,			\
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,		\
	.detach_ioas = vfio_iommufd_emulated_detach_ioas,
#elif defined(HAVE_VFIO_BIND_IOMMUFD)
#define COMPAT_VFIO_EMULATED_IOMMUFD_OPS				\
	.bind_iommufd = vfio_iommufd_emulated_bind,			\
	.unbind_iommufd = vfio_iommufd_emulated_unbind,			\
	.attach_ioas = vfio_iommufd_emulated_attach_ioas,
#else
#define COMPAT_VFIO_EMULATED_IOMMUFD_OPS
#endif

/* At file scope; iommufd's helpers for DMA logging live in a namespace. */
#if !defined(HAVE_VFIO_BIND_IOMMUFD)
#define COMPAT_VFIO_IMPORT_IOMMUFD_NS
#elif defined(HAVE_MODULE_IMPORT_NS_STRING)
#define COMPAT_VFIO_IMPORT_IOMMUFD_NS MODULE_IMPORT_NS("IOMMUFD")
#else
#define COMPAT_VFIO_IMPORT_IOMMUFD_NS MODULE_IMPORT_NS(IOMMUFD)
#endif

/* Can the core report what a device logs? Else it says so at the report only. */
#ifdef HAVE_IOVA_BITMAP_OF_IOMMUFD
#define COMPAT_VFIO_HAS_IOVA_BITMAP	IS_ENABLED(CONFIG_IOMMUFD_DRIVER)
#else
#define COMPAT_VFIO_HAS_IOVA_BITMAP	1
#endif

/**
 * typedef compat_region_info_fn - answers VFIO_DEVICE_GET_REGION_INFO
 * @vdev: the device
 * @info: in: argsz and index; out: flags, size and offset
 * @caps: capabilities to append to, empty on entry
 */
typedef int (*compat_region_info_fn)(struct vfio_device *vdev,
				     struct vfio_region_info *info,
				     struct vfio_info_cap *caps);

#ifdef HAVE_VFIO_GET_REGION_INFO_CAPS

#define COMPAT_VFIO_REGION_INFO_OP(fn)	.get_region_info_caps = fn,

static inline int compat_vfio_get_region_info(struct vfio_device *vdev,
					      struct vfio_region_info __user *arg,
					      compat_region_info_fn fn)
{
	return -ENOTTY;
}

#else

#define COMPAT_VFIO_REGION_INFO_OP(...)

/* The part that owns no memory: where the capabilities go, and the answer. */
static inline int compat_vfio_put_region_info(struct vfio_region_info __user *arg,
					      struct vfio_region_info *info,
					      struct vfio_info_cap *caps)
{
	size_t minsz = offsetofend(struct vfio_region_info, offset);

	if (caps->size) {
		info->flags |= VFIO_REGION_INFO_FLAG_CAPS;
		if (info->argsz < sizeof(*info) + caps->size) {
			info->argsz = sizeof(*info) + caps->size;
			info->cap_offset = 0;
		} else {
			vfio_info_cap_shift(caps, sizeof(*info));
			if (copy_to_user((void __user *)arg + sizeof(*info),
					 caps->buf, caps->size))
				return -EFAULT;
			info->cap_offset = sizeof(*info);
		}
	}

	return copy_to_user(arg, info, minsz) ? -EFAULT : 0;
}

/**
 * compat_vfio_get_region_info - the ioctl, where the core has no op for it
 * @vdev: the device
 * @arg: the ioctl's argument
 * @fn: the answer in the form of the op of newer kernels
 *
 * Return: 0, -EFAULT, -EINVAL for a short structure, or what @fn returned;
 * -ENOTTY where the core does the ioctl itself.
 */
static inline int compat_vfio_get_region_info(struct vfio_device *vdev,
					      struct vfio_region_info __user *arg,
					      compat_region_info_fn fn)
{
	size_t minsz = offsetofend(struct vfio_region_info, offset);
	struct vfio_info_cap caps = {};
	struct vfio_region_info info;
	int ret;

	if (copy_from_user(&info, arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;

	ret = fn(vdev, &info, &caps);
	if (!ret)
		ret = compat_vfio_put_region_info(arg, &info, &caps);
	kfree(caps.buf);
	return ret;
}

#endif /* HAVE_VFIO_GET_REGION_INFO_CAPS */

#endif /* _COMPAT_VFIO_H */
