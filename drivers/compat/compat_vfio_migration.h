/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in the interface of migration v2. Linux 6.1 knows
 * neither pre-copy nor the feature that tells how much data there is; the
 * numbers are those that user space has from the headers of later ones.
 */
#ifndef _COMPAT_VFIO_MIGRATION_H
#define _COMPAT_VFIO_MIGRATION_H

#include <linux/bits.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>

#ifndef VFIO_MIGRATION_PRE_COPY
#define VFIO_MIGRATION_PRE_COPY		BIT(2)
#define VFIO_DEVICE_STATE_PRE_COPY	6
#define VFIO_DEVICE_STATE_PRE_COPY_P2P	7
#endif

#ifndef VFIO_MIG_GET_PRECOPY_INFO
struct vfio_precopy_info {
	__u32 argsz;
	__u32 flags;
	__aligned_u64 initial_bytes;
	__aligned_u64 dirty_bytes;
};

#define VFIO_MIG_GET_PRECOPY_INFO	_IO(VFIO_TYPE, VFIO_BASE + 21)
#endif

#ifndef VFIO_DEVICE_FEATURE_MIG_DATA_SIZE
struct vfio_device_feature_mig_data_size {
	__aligned_u64 stop_copy_length;
};

#define VFIO_DEVICE_FEATURE_MIG_DATA_SIZE	9
#endif

/**
 * compat_vfio_on_iommufd - is guest memory behind iommufd?
 * @vdev: an open device
 *
 * Return: true if there is no container that tracks what the device writes.
 */
static inline bool compat_vfio_on_iommufd(struct vfio_device *vdev)
{
#ifdef HAVE_VFIO_BIND_IOMMUFD
	return vdev->iommufd_access;
#else
	return false;
#endif
}

/**
 * typedef compat_vfio_mig_data_size_fn - how much data is there to stop and copy
 * @vdev: the device
 * @size: out: bytes
 */
typedef int (*compat_vfio_mig_data_size_fn)(struct vfio_device *vdev,
					    unsigned long *size);

#ifdef HAVE_VFIO_MIG_DATA_SIZE

/* An initialiser for a struct vfio_migration_ops. */
#define COMPAT_VFIO_MIG_DATA_SIZE_OP(fn)	.migration_get_data_size = fn,

static inline int
compat_vfio_mig_data_size_feature(struct vfio_device *vdev, u32 flags,
				  void __user *arg, size_t argsz,
				  compat_vfio_mig_data_size_fn fn)
{
	return -ENOTTY;
}

#else

#define COMPAT_VFIO_MIG_DATA_SIZE_OP(...)

/**
 * compat_vfio_mig_data_size_feature - the feature, where the core has no op
 * @vdev: the device
 * @flags: of the device_feature op
 * @arg: same
 * @argsz: same
 * @fn: the answer in the form of the op of newer kernels
 *
 * Return: 0 or -errno; -ENOTTY for every other feature, and where the core
 * answers this one itself.
 */
static inline int
compat_vfio_mig_data_size_feature(struct vfio_device *vdev, u32 flags,
				  void __user *arg, size_t argsz,
				  compat_vfio_mig_data_size_fn fn)
{
	struct vfio_device_feature_mig_data_size data = {};
	unsigned long size;
	int ret;

	if ((flags & VFIO_DEVICE_FEATURE_MASK) !=
	    VFIO_DEVICE_FEATURE_MIG_DATA_SIZE)
		return -ENOTTY;
	ret = vfio_check_feature(flags, argsz, VFIO_DEVICE_FEATURE_GET,
				 sizeof(data));
	if (ret != 1)
		return ret;
	ret = fn(vdev, &size);
	if (ret)
		return ret;

	data.stop_copy_length = size;
	return copy_to_user(arg, &data, sizeof(data)) ? -EFAULT : 0;
}

#endif /* HAVE_VFIO_MIG_DATA_SIZE */

#endif /* _COMPAT_VFIO_MIGRATION_H */
