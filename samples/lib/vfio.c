// SPDX-License-Identifier: GPL-2.0
/*
 * The VFIO client: see vfio.h.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/pci_regs.h>

#include "vfio.h"

/* More capabilities than any region has; stops a chain that is a circle. */
#define CAPS_MAX	32

static int ioctl_errno(int fd, unsigned long request, void *arg)
{
	int ret = ioctl(fd, request, arg);

	return ret < 0 ? -errno : ret;
}

int vfio_open_container(void)
{
	int fd = open("/dev/vfio/vfio", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int vfio_group_number(const char *uuid)
{
	char path[PATH_MAX], target[PATH_MAX], *name, *end;
	ssize_t len;
	long number;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/iommu_group",
		 uuid);
	len = readlink(path, target, sizeof(target) - 1);
	if (len < 0)
		return -errno;
	target[len] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	errno = 0;
	number = strtol(name, &end, 10);
	if (errno || end == name || *end || number < 0 || number > INT_MAX)
		return -EINVAL;
	return number;
}

int vfio_open_group(const char *uuid)
{
	int number = vfio_group_number(uuid);
	char path[64];
	int fd;

	if (number < 0)
		return number;
	snprintf(path, sizeof(path), "/dev/vfio/%d", number);
	fd = open(path, O_RDWR | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int vfio_group_set_container(int group, int container)
{
	return ioctl_errno(group, VFIO_GROUP_SET_CONTAINER, &container);
}

int vfio_group_unset_container(int group)
{
	return ioctl_errno(group, VFIO_GROUP_UNSET_CONTAINER, NULL);
}

int vfio_check_extension(int container, unsigned long extension)
{
	return ioctl_errno(container, VFIO_CHECK_EXTENSION, (void *)extension);
}

int vfio_set_iommu(int container, unsigned long type)
{
	return ioctl_errno(container, VFIO_SET_IOMMU, (void *)type);
}

int vfio_open_device(int group, const char *uuid)
{
	return ioctl_errno(group, VFIO_GROUP_GET_DEVICE_FD, (void *)uuid);
}

void vfio_close_device(struct vfio_client *client)
{
	if (client->device >= 0)
		close(client->device);
	if (client->group >= 0)
		close(client->group);
	client->device = -1;
	client->group = -1;
}

void vfio_close(struct vfio_client *client)
{
	vfio_close_device(client);
	if (client->container >= 0)
		close(client->container);
	client->container = -1;
}

int vfio_open(struct vfio_client *client, const char *uuid)
{
	struct vfio_client opened = VFIO_CLIENT_CLOSED;
	int ret;

	*client = opened;
	opened.container = vfio_open_container();
	if (opened.container < 0)
		return opened.container;
	opened.group = vfio_open_group(uuid);
	ret = opened.group;
	if (ret >= 0)
		ret = vfio_group_set_container(opened.group, opened.container);
	if (ret >= 0)
		ret = vfio_set_iommu(opened.container, VFIO_TYPE1v2_IOMMU);
	if (ret >= 0) {
		opened.device = vfio_open_device(opened.group, uuid);
		ret = opened.device;
	}
	if (ret < 0) {
		vfio_close(&opened);
		return ret;
	}
	*client = opened;
	return 0;
}

int vfio_open_shared(struct vfio_client *client, int container,
		     const char *uuid)
{
	struct vfio_client opened = VFIO_CLIENT_CLOSED;
	int ret;

	*client = opened;
	opened.group = vfio_open_group(uuid);
	ret = opened.group;
	if (ret >= 0)
		ret = vfio_group_set_container(opened.group, container);
	if (ret >= 0) {
		opened.device = vfio_open_device(opened.group, uuid);
		ret = opened.device;
	}
	if (ret < 0) {
		vfio_close_device(&opened);
		return ret;
	}
	opened.container = container;
	*client = opened;
	return 0;
}

int vfio_get_device_info(int device, struct vfio_device_info *info)
{
	memset(info, 0, sizeof(*info));
	info->argsz = sizeof(*info);
	return ioctl_errno(device, VFIO_DEVICE_GET_INFO, info);
}

int vfio_get_region_info(int device, __u32 index,
			 struct vfio_region_info **info)
{
	__u32 size = sizeof(**info);
	int ret;

	*info = NULL;
	for (;;) {
		struct vfio_region_info *grown = realloc(*info, size);

		if (!grown) {
			ret = -ENOMEM;
			break;
		}
		*info = grown;
		memset(grown, 0, size);
		grown->argsz = size;
		grown->index = index;
		ret = ioctl_errno(device, VFIO_DEVICE_GET_REGION_INFO, grown);
		if (ret < 0)
			break;
		if (grown->argsz <= size) {
			/* From here on argsz is the memory that is there. */
			grown->argsz = size;
			return 0;
		}
		size = grown->argsz;
	}
	free(*info);
	*info = NULL;
	return ret;
}

const struct vfio_info_cap_header *
vfio_region_cap(const struct vfio_region_info *info, __u16 id)
{
	__u32 offset = info->cap_offset;
	int i;

	if (!(info->flags & VFIO_REGION_INFO_FLAG_CAPS))
		return NULL;
	for (i = 0; i < CAPS_MAX && offset; i++) {
		const struct vfio_info_cap_header *header;

		if (offset < sizeof(*info) ||
		    offset > info->argsz - sizeof(*header))
			return NULL;
		header = (const void *)((const char *)info + offset);
		if (header->id == id)
			return header;
		offset = header->next;
	}
	return NULL;
}

static bool region_is(const struct vfio_region_info *info, __u32 type,
		      __u32 subtype)
{
	const struct vfio_info_cap_header *header;
	const struct vfio_region_info_cap_type *cap;

	header = vfio_region_cap(info, VFIO_REGION_INFO_CAP_TYPE);
	if (!header)
		return false;
	cap = (const void *)header;
	if ((size_t)((const char *)(cap + 1) - (const char *)info) >
	    info->argsz)
		return false;
	return cap->type == type && cap->subtype == subtype;
}

int vfio_find_region(int device, __u32 type, __u32 subtype,
		     struct vfio_region_info **info)
{
	struct vfio_device_info dev;
	__u32 index;
	int ret;

	*info = NULL;
	ret = vfio_get_device_info(device, &dev);
	if (ret < 0)
		return ret;
	for (index = 0; index < dev.num_regions; index++) {
		ret = vfio_get_region_info(device, index, info);
		if (ret == -EINVAL)
			continue;	/* a fixed index without a region */
		if (ret < 0)
			return ret;
		if (region_is(*info, type, subtype))
			return 0;
		free(*info);
		*info = NULL;
	}
	return -ENOENT;
}

int vfio_map_dma(int container, __u64 iova, const void *memory, __u64 size,
		 __u32 flags)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = sizeof(map),
		.flags = flags,
		.vaddr = (__u64)(unsigned long)memory,
		.iova = iova,
		.size = size,
	};

	return ioctl_errno(container, VFIO_IOMMU_MAP_DMA, &map);
}

long long vfio_unmap_dma(int container, __u64 iova, __u64 size)
{
	struct vfio_iommu_type1_dma_unmap unmap = {
		.argsz = sizeof(unmap),
		.iova = iova,
		.size = size,
	};
	int ret = ioctl_errno(container, VFIO_IOMMU_UNMAP_DMA, &unmap);

	return ret < 0 ? ret : (long long)unmap.size;
}

int vfio_pread(int device, void *data, size_t len, off_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t ret = pread(device, (char *)data + done, len - done,
				    offset + (off_t)done);

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -errno;
		if (!ret)
			return -EIO;
		done += ret;
	}
	return 0;
}

int vfio_pwrite(int device, const void *data, size_t len, off_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t ret = pwrite(device, (const char *)data + done,
				     len - done, offset + (off_t)done);

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return -errno;
		if (!ret)
			return -EIO;
		done += ret;
	}
	return 0;
}

/* Where config space lies in the device fd. */
static int config_offset(int device, off_t *offset)
{
	struct vfio_region_info info = {
		.argsz = sizeof(info),
		.index = VFIO_PCI_CONFIG_REGION_INDEX,
	};
	int ret = ioctl_errno(device, VFIO_DEVICE_GET_REGION_INFO, &info);

	if (ret < 0)
		return ret;
	*offset = (off_t)info.offset;
	return 0;
}

int vfio_config_read(int device, __u32 offset, void *data, size_t len)
{
	off_t base;
	int ret = config_offset(device, &base);

	return ret < 0 ? ret : vfio_pread(device, data, len, base + offset);
}

int vfio_config_write(int device, __u32 offset, const void *data, size_t len)
{
	off_t base;
	int ret = config_offset(device, &base);

	return ret < 0 ? ret : vfio_pwrite(device, data, len, base + offset);
}

int vfio_irq_count(int device, __u32 index)
{
	struct vfio_irq_info info = { .argsz = sizeof(info), .index = index };
	int ret = ioctl_errno(device, VFIO_DEVICE_GET_IRQ_INFO, &info);

	return ret < 0 ? ret : (int)info.count;
}

int vfio_set_irqs(int device, __u32 index, __u32 flags, __u32 start,
		  __u32 count, const void *data)
{
	size_t size = 0;
	struct vfio_irq_set *set;
	int ret;

	if (flags & VFIO_IRQ_SET_DATA_EVENTFD)
		size = count * sizeof(__s32);
	else if (flags & VFIO_IRQ_SET_DATA_BOOL)
		size = count;

	set = calloc(1, sizeof(*set) + size);
	if (!set)
		return -ENOMEM;
	set->argsz = (__u32)(sizeof(*set) + size);
	set->flags = flags;
	set->index = index;
	set->start = start;
	set->count = count;
	if (data)
		memcpy(set->data, data, size);
	ret = ioctl_errno(device, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return ret;
}

int vfio_irq_eventfds(int device, __u32 index, __u32 start, __u32 count,
		      const int *eventfds)
{
	return vfio_set_irqs(device, index, VFIO_IRQ_SET_DATA_EVENTFD |
			     VFIO_IRQ_SET_ACTION_TRIGGER, start, count,
			     eventfds);
}

int vfio_irq_disable(int device, __u32 index)
{
	return vfio_set_irqs(device, index, VFIO_IRQ_SET_DATA_NONE |
			     VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0, NULL);
}

static int command_bit(int device, __u16 bit, bool on)
{
	__u16 command;
	int ret;

	ret = vfio_config_read(device, PCI_COMMAND, &command, sizeof(command));
	if (ret < 0)
		return ret;
	command = le16toh(command);
	command = htole16(on ? command | bit : command & ~bit);
	return vfio_config_write(device, PCI_COMMAND, &command,
				 sizeof(command));
}

int vfio_bus_master(int device, bool on)
{
	return command_bit(device, PCI_COMMAND_MASTER, on);
}

int vfio_memory_decode(int device, bool on)
{
	return command_bit(device, PCI_COMMAND_MEMORY, on);
}

int vfio_reset(int device)
{
	return ioctl_errno(device, VFIO_DEVICE_RESET, NULL);
}
