/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A VFIO client as small as a VMM's: container, group, device, regions, DMA
 * mappings, config space. Every step can be called alone, so that tests can
 * leave one out or take them in the wrong order.
 *
 * Functions return 0 (or what they say) or -errno, and print nothing.
 *
 * Data flows one way: a file calls only files named before it here, which
 * tools/checks/layers.sh proves of the objects.
 *
 *	crc32c, blend, vfio, memory, gpu, devstate, mdev, sample
 */
#ifndef SAMPLES_LIB_VFIO_H
#define SAMPLES_LIB_VFIO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>
#include <linux/vfio.h>

/* PCI config space, as far as a client cares. */
#define VFIO_CONFIG_SIZE	4096

/**
 * struct vfio_client - the three file descriptors of a device in use
 * @container: /dev/vfio/vfio, or -1
 * @group: /dev/vfio/N, or -1
 * @device: the device, or -1
 */
struct vfio_client {
	int container;
	int group;
	int device;
};

#define VFIO_CLIENT_CLOSED	{ .container = -1, .group = -1, .device = -1 }

/* Container fd or -errno. */
int vfio_open_container(void);

/* Number of the IOMMU group of an mdev, or -errno. */
int vfio_group_number(const char *uuid);

/* Group fd of an mdev or -errno. */
int vfio_open_group(const char *uuid);

/* Attach a group to a container, and detach it. */
int vfio_group_set_container(int group, int container);
int vfio_group_unset_container(int group);

/* VFIO_CHECK_EXTENSION: its result or -errno. */
int vfio_check_extension(int container, unsigned long extension);

/* VFIO_SET_IOMMU, such as VFIO_TYPE1v2_IOMMU. */
int vfio_set_iommu(int container, unsigned long type);

/* Device fd of an mdev or -errno. */
int vfio_open_device(int group, const char *uuid);

/**
 * vfio_open - all of the above: an mdev behind a TYPE1v2 container of its own
 * @client: filled in; all -1 on failure
 * @uuid: of the mdev
 *
 * Return: 0 or -errno.
 */
int vfio_open(struct vfio_client *client, const char *uuid);

/**
 * vfio_open_shared - open an mdev behind a container that another client owns
 * @client: filled in, with @container as its container
 * @container: a container whose IOMMU is set
 * @uuid: of the mdev
 *
 * Close it with vfio_close_device(), which leaves the container open.
 *
 * Return: 0 or -errno.
 */
int vfio_open_shared(struct vfio_client *client, int container,
		     const char *uuid);

/* Close device and group; both leave the client with -1. */
void vfio_close_device(struct vfio_client *client);

/* Close device, group and container. */
void vfio_close(struct vfio_client *client);

int vfio_get_device_info(int device, struct vfio_device_info *info);

/**
 * vfio_get_region_info - describe a region, with its capabilities
 * @device: device fd
 * @index: of the region
 * @info: set to memory for the caller to free
 *
 * Return: 0 or -errno.
 */
int vfio_get_region_info(int device, __u32 index,
			 struct vfio_region_info **info);

/**
 * vfio_region_cap - walk the capabilities of a region
 * @info: from vfio_get_region_info()
 * @id: VFIO_REGION_INFO_CAP_...
 *
 * Return: the first of that id, within @info, or NULL, also for a chain that
 * leaves @info or does not end.
 */
const struct vfio_info_cap_header *
vfio_region_cap(const struct vfio_region_info *info, __u16 id);

/**
 * vfio_find_region - find a region by its type capability
 * @device: device fd
 * @type: wanted
 * @subtype: wanted
 * @info: set to memory for the caller to free
 *
 * Return: 0, -ENOENT if the device has none, or -errno.
 */
int vfio_find_region(int device, __u32 type, __u32 subtype,
		     struct vfio_region_info **info);

/**
 * vfio_map_dma - let the device reach memory
 * @container: container fd
 * @iova: first address the device sees
 * @memory: page aligned
 * @size: whole pages
 * @flags: VFIO_DMA_MAP_FLAG_READ, _WRITE
 *
 * Return: 0 or -errno.
 */
int vfio_map_dma(int container, __u64 iova, const void *memory, __u64 size,
		 __u32 flags);

/**
 * vfio_unmap_dma - undo it
 * @container: container fd
 * @iova: first address
 * @size: bytes
 *
 * Return: bytes unmapped, which may be 0, or -errno.
 */
long long vfio_unmap_dma(int container, __u64 iova, __u64 size);

/*
 * pread() and pwrite() of exactly @len bytes; fewer is -EIO. @offset is that
 * of the device fd. Interrupted and partial transfers go on.
 */
int vfio_pread(int device, void *data, size_t len, off_t offset);
int vfio_pwrite(int device, const void *data, size_t len, off_t offset);

/* Config space; values are in its own, little-endian, order. */
int vfio_config_read(int device, __u32 offset, void *data, size_t len);
int vfio_config_write(int device, __u32 offset, const void *data, size_t len);

/* VFIO_DEVICE_GET_IRQ_INFO: vectors of an index such as VFIO_PCI_MSIX_IRQ_INDEX */
int vfio_irq_count(int device, __u32 index);

/**
 * vfio_set_irqs - VFIO_DEVICE_SET_IRQS
 * @device: device fd
 * @index: VFIO_PCI_..._IRQ_INDEX
 * @flags: VFIO_IRQ_SET_...
 * @start: first vector
 * @count: of vectors
 * @data: @count eventfds, or bytes, or NULL, as @flags say
 *
 * Return: 0 or -errno.
 */
int vfio_set_irqs(int device, __u32 index, __u32 flags, __u32 start,
		  __u32 count, const void *data);

/* Have vectors from @start on signal eventfds; -1 for one that does not. */
int vfio_irq_eventfds(int device, __u32 index, __u32 start, __u32 count,
		      const int *eventfds);

/* Disable all vectors of an index. */
int vfio_irq_disable(int device, __u32 index);

/* Let the device do DMA, or not: the bus master bit of COMMAND. */
int vfio_bus_master(int device, bool on);

/* Let accesses reach the BARs: the memory bit of COMMAND. */
int vfio_memory_decode(int device, bool on);

/* VFIO_DEVICE_RESET */
int vfio_reset(int device);

#endif /* SAMPLES_LIB_VFIO_H */
