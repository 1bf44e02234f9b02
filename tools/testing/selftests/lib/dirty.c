// SPDX-License-Identifier: GPL-2.0
/*
 * Containers with a pintest device: see dirty.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/vfio_device_state.h>

#include "dirty.h"
#include "modules.h"

#define PINTEST_TYPE	"pintest-pin"

static long result(long ret)
{
	return ret < 0 ? -errno : ret;
}

int dirty_rig_create(struct dirty_rig *rig)
{
	int ret;

	rig->vfio = (struct vfio_client)VFIO_CLIENT_CLOSED;
	rig->exists = false;
	ret = mdev_uuid(rig->uuid);
	if (!ret)
		ret = mdev_create(PINTEST_TYPE, rig->uuid);
	rig->exists = !ret;
	return ret;
}

int dirty_rig_open(struct dirty_rig *rig)
{
	int ret = dirty_rig_create(rig);

	return ret ? ret : vfio_open(&rig->vfio, rig->uuid);
}

void dirty_rig_destroy(struct dirty_rig *rig)
{
	vfio_close(&rig->vfio);
	if (rig->exists)
		mdev_remove(rig->uuid);
	rig->exists = false;
}

void *dirty_memory(size_t size)
{
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return mem == MAP_FAILED ? NULL : mem;
}

static long range_ioctl(const struct dirty_rig *rig, unsigned int cmd,
			__u64 iova, __u64 len, __u32 flags, __u64 data)
{
	struct pintest_range range = {
		.iova = iova,
		.len = len,
		.flags = flags,
		.data = data,
	};

	return result(ioctl(rig->vfio.device, cmd, &range));
}

long dirty_pin(const struct dirty_rig *rig, __u64 iova, __u64 pages,
	       __u32 flags)
{
	return range_ioctl(rig, PINTEST_PIN, iova, pages, flags, 0);
}

long dirty_unpin(const struct dirty_rig *rig, __u64 iova, __u64 pages)
{
	return range_ioctl(rig, PINTEST_UNPIN, iova, pages, 0, 0);
}

long dirty_drop(const struct dirty_rig *rig, __u64 iova, __u64 pages)
{
	return range_ioctl(rig, PINTEST_UNPIN, iova, pages, PINTEST_RAW, 0);
}

long dirty_rw(const struct dirty_rig *rig, __u64 iova, void *data, __u64 len,
	      __u32 flags)
{
	return range_ioctl(rig, PINTEST_RW, iova, len, flags,
			   (unsigned long)data);
}

long dirty_poke(const struct dirty_rig *rig, __u64 iova, __u8 value)
{
	return range_ioctl(rig, PINTEST_POKE, iova, 1, 0, value);
}

long dirty_peek(const struct dirty_rig *rig, __u64 iova)
{
	return range_ioctl(rig, PINTEST_PEEK, iova, 1, 0, 0);
}

long dirty_mark(const struct dirty_rig *rig, __u64 iova, __u64 len)
{
	return range_ioctl(rig, PINTEST_MARK, iova, len, 0, 0);
}

long dirty_set(const struct dirty_rig *rig, unsigned int cmd,
	       unsigned long value)
{
	return result(ioctl(rig->vfio.device, cmd, value));
}

size_t dirty_bytes(__u64 pages)
{
	return (pages + 63) / 64 * 8;
}

bool dirty_bit(const void *bitmap, __u64 page)
{
	return ((const unsigned char *)bitmap)[page / 8] >> page % 8 & 1;
}

long dirty_count(const void *bitmap, __u64 pages)
{
	long count = 0;
	__u64 i;

	for (i = 0; i < pages; i++)
		count += dirty_bit(bitmap, i);
	return count;
}

int dirty_written(int container, __u64 iova, __u64 pages, void *bitmap)
{
	struct vfio_iommu_get_dirty_bitmap *arg;
	size_t bytes = dirty_bytes(pages);
	int ret;

	arg = calloc(1, sizeof(*arg) + bytes);
	if (!arg)
		return -ENOMEM;
	arg->start_addr = iova;
	arg->page_nr = pages;
	ret = result(ioctl(container, VFIO_IOMMU_GET_DIRTY_BITMAP, arg));
	if (!ret)
		memcpy(bitmap, arg->dirty_bitmap, bytes);
	free(arg);
	return ret;
}

static int dirty_pages(int container, __u32 flags)
{
	struct vfio_iommu_type1_dirty_bitmap arg = {
		.argsz = sizeof(arg),
		.flags = flags,
	};

	return result(ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg));
}

int dirty_start(int container)
{
	return dirty_pages(container, VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
}

int dirty_stop(int container)
{
	return dirty_pages(container, VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
}

int dirty_get(int container, __u64 iova, __u64 size, void *bitmap)
{
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get range;
	} arg = {
		.head.argsz = sizeof(arg),
		.head.flags = VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP,
		.range.iova = iova,
		.range.size = size,
		.range.bitmap.pgsize = DIRTY_PAGE,
		.range.bitmap.size = dirty_bytes(size / DIRTY_PAGE),
		.range.bitmap.data = bitmap,
	};

	return result(ioctl(container, VFIO_IOMMU_DIRTY_PAGES, &arg));
}

long long dirty_unmap(int container, __u64 iova, __u64 size, void *bitmap)
{
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg = {
		.unmap.argsz = sizeof(arg),
		.unmap.flags = VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP,
		.unmap.iova = iova,
		.unmap.size = size,
		.bitmap.pgsize = DIRTY_PAGE,
		.bitmap.size = dirty_bytes(size / DIRTY_PAGE),
		.bitmap.data = bitmap,
	};

	if (ioctl(container, VFIO_IOMMU_UNMAP_DMA, &arg))
		return -errno;
	return arg.unmap.size;
}

long dirty_available(int container)
{
	struct {
		struct vfio_iommu_type1_info info;
		struct vfio_iommu_type1_info_cap_migration migration;
		struct vfio_iommu_type1_info_dma_avail avail;
	} arg = { .info.argsz = sizeof(arg) };

	if (ioctl(container, VFIO_IOMMU_GET_INFO, &arg))
		return -errno;
	return arg.avail.avail;
}

long dirty_locked(void)
{
	FILE *file = fopen("/proc/self/status", "r");
	long locked = -ENOENT;
	char line[256];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmLck: %ld kB", &locked) == 1)
			break;
	}
	fclose(file);
	return locked;
}

int dirty_limit_memlock(unsigned long bytes)
{
	struct __user_cap_header_struct header = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct data[2];
	struct rlimit limit = { .rlim_cur = bytes, .rlim_max = bytes };

	if (setrlimit(RLIMIT_MEMLOCK, &limit))
		return -errno;
	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].effective &= ~(1U << CAP_IPC_LOCK);
	data[0].permitted &= ~(1U << CAP_IPC_LOCK);
	return result(syscall(SYS_capset, &header, data));
}

int dirty_param(const char *name, const char *value, char old[64])
{
	return module_param("vfio_dirty", name, value, old);
}
