/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/vfio.h> in user space: the part for drivers. */
#ifndef UNIT_LINUX_VFIO_H
#define UNIT_LINUX_VFIO_H

#include_next <linux/vfio.h>
#include <linux/errno.h>
#include <linux/types.h>

struct vfio_info_cap {
	struct vfio_info_cap_header *buf;
	size_t size;
};

struct file;
struct vfio_device;

struct vfio_migration_ops {
	struct file *(*migration_set_state)(struct vfio_device *device,
					    enum vfio_device_mig_state state);
	int (*migration_get_state)(struct vfio_device *device,
				   enum vfio_device_mig_state *state);
};

struct vfio_log_ops;

struct vfio_device {
	const struct vfio_migration_ops *mig_ops;
	const struct vfio_log_ops *log_ops;
	unsigned int migration_flags;
};

int vfio_check_feature(u32 flags, size_t argsz, u32 supported, size_t minsz);
int vfio_info_add_capability(struct vfio_info_cap *caps,
			     struct vfio_info_cap_header *cap, size_t size);

#endif
