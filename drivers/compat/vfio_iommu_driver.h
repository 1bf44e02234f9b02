/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The interface between the vfio core and its IOMMU backends. The core keeps
 * it in a header of its own folder, although the two functions are exported.
 * The layout is that of 6.1, of which newer kernels use all but the last
 * member. Each build compares it with the kernel's own backend (tools/layout),
 * tools/checks/btf.sh the types as well with a kernel's type information.
 */
#ifndef _COMPAT_VFIO_IOMMU_DRIVER_H
#define _COMPAT_VFIO_IOMMU_DRIVER_H

#include <linux/types.h>

struct iommu_domain;
struct iommu_group;
struct module;
struct page;
struct vfio_device;

/**
 * enum vfio_group_type - what kind of devices a group holds
 * @VFIO_IOMMU: physical ones behind an IOMMU
 * @VFIO_EMULATED_IOMMU: mediated ones, whose driver asks for every access
 * @VFIO_NO_IOMMU: physical ones with nothing between them and memory
 */
enum vfio_group_type {
	VFIO_IOMMU,
	VFIO_EMULATED_IOMMU,
	VFIO_NO_IOMMU,
};

/**
 * enum vfio_iommu_notify_type - what the core tells a backend (6.1 only)
 * @VFIO_IOMMU_CONTAINER_CLOSE: the container's file was closed
 */
enum vfio_iommu_notify_type {
	VFIO_IOMMU_CONTAINER_CLOSE = 0,
};

/**
 * struct vfio_iommu_driver_ops - an IOMMU backend of the vfio container
 * @name: for people
 * @owner: the module, held while a container uses the backend
 * @open: a container chose us: the data handed to all others, or error pointer
 * @release: the container let go; there may have been no detach before
 * @ioctl: container ioctls; before @open, with NULL, VFIO_CHECK_EXTENSION
 * @attach_group: take a group, or refuse it with any errno
 * @detach_group: give it back
 * @pin_pages: hold npage pages from an IOVA on: npage or a negative errno
 * @unpin_pages: let go of them
 * @register_device: the device wants to hear of unmapped ranges
 * @unregister_device: no more
 * @dma_rw: copy to or from memory at an IOVA without pinning
 * @group_iommu_domain: the domain behind a group; has no caller
 * @notify: container events (6.1 only; newer kernels have no such member)
 */
struct vfio_iommu_driver_ops {
	char *name;
	struct module *owner;
	void *(*open)(unsigned long arg);
	void (*release)(void *iommu_data);
	long (*ioctl)(void *iommu_data, unsigned int cmd, unsigned long arg);
	int (*attach_group)(void *iommu_data, struct iommu_group *group,
			    enum vfio_group_type type);
	void (*detach_group)(void *iommu_data, struct iommu_group *group);
	int (*pin_pages)(void *iommu_data, struct iommu_group *group,
			 dma_addr_t user_iova, int npage, int prot,
			 struct page **pages);
	void (*unpin_pages)(void *iommu_data, dma_addr_t user_iova, int npage);
	void (*register_device)(void *iommu_data, struct vfio_device *vdev);
	void (*unregister_device)(void *iommu_data, struct vfio_device *vdev);
	int (*dma_rw)(void *iommu_data, dma_addr_t user_iova, void *data,
		      size_t count, bool write);
	struct iommu_domain *(*group_iommu_domain)(void *iommu_data,
						   struct iommu_group *group);
	void (*notify)(void *iommu_data, enum vfio_iommu_notify_type event);
};

/* Both are exported by the vfio core; the last to register is asked first. */
int vfio_register_iommu_driver(const struct vfio_iommu_driver_ops *ops);
void vfio_unregister_iommu_driver(const struct vfio_iommu_driver_ops *ops);

#endif /* _COMPAT_VFIO_IOMMU_DRIVER_H */
