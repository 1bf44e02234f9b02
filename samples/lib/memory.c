// SPDX-License-Identifier: GPL-2.0
/*
 * Guest RAM: see memory.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* memfd_create() */
#endif
#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "memory.h"
#include "vfio.h"

int ram_create(struct ram *ram, size_t size)
{
	int err;

	ram->mem = NULL;
	ram->size = size;
	ram->iova = 0;
	ram->fd = memfd_create("guest-ram", MFD_CLOEXEC);
	if (ram->fd < 0)
		return -errno;
	if (ftruncate(ram->fd, (off_t)size))
		goto err_close;
	ram->mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED,
			ram->fd, 0);
	if (ram->mem == MAP_FAILED)
		goto err_close;
	return 0;

err_close:
	err = errno;
	close(ram->fd);
	ram->mem = NULL;
	ram->fd = -1;
	return -err;
}

int ram_populate(struct ram *ram)
{
	return madvise(ram->mem, ram->size, MADV_POPULATE_WRITE) ? -errno : 0;
}

void ram_destroy(struct ram *ram)
{
	if (!ram->mem)
		return;
	munmap(ram->mem, ram->size);
	close(ram->fd);
	ram->mem = NULL;
	ram->fd = -1;
}

int ram_map(struct ram *ram, int container, __u64 iova)
{
	int ret = vfio_map_dma(container, iova, ram->mem, ram->size,
			       VFIO_DMA_MAP_FLAG_READ |
			       VFIO_DMA_MAP_FLAG_WRITE);

	if (!ret)
		ram->iova = iova;
	return ret;
}

int ram_unmap(struct ram *ram, int container)
{
	long long ret = vfio_unmap_dma(container, ram->iova, ram->size);

	return ret < 0 ? (int)ret : 0;
}
