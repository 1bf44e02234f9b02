/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/vfio.h> in user space: the part for drivers. */
#ifndef UNIT_LINUX_VFIO_H
#define UNIT_LINUX_VFIO_H

#include_next <linux/vfio.h>
#include <linux/types.h>

struct vfio_info_cap {
	struct vfio_info_cap_header *buf;
	size_t size;
};

int vfio_info_add_capability(struct vfio_info_cap *caps,
			     struct vfio_info_cap_header *cap, size_t size);

#endif
