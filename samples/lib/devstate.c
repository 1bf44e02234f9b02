// SPDX-License-Identifier: GPL-2.0
/*
 * The device-state region and the dirty bitmap: see devstate.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "devstate.h"
#include "vfio.h"

/* The region is moved in pieces of this size. */
#define PIECE	(1024UL * 1024)

int devstate_find(struct devstate *state, int device)
{
	struct vfio_region_info *info;
	int ret;

	ret = vfio_find_region(device, VFIO_REGION_TYPE_DEVICE_STATE,
			       VFIO_REGION_SUBTYPE_DEVICE_STATE, &info);
	if (ret < 0)
		return ret;
	state->device = device;
	state->index = info->index;
	state->offset = (off_t)info->offset;
	state->size = info->size;
	free(info);
	return 0;
}

int devstate_set_run(const struct devstate *state, __u8 run)
{
	return vfio_pwrite(state->device, &run, sizeof(run),
			   state->offset + VFIO_DEVICE_STATE_RUN_OFFSET);
}

int devstate_get_run(const struct devstate *state, __u8 *run)
{
	return vfio_pread(state->device, run, sizeof(*run),
			  state->offset + VFIO_DEVICE_STATE_RUN_OFFSET);
}

int devstate_stop(const struct devstate *state)
{
	return devstate_set_run(state, VFIO_DEVICE_STATE_STOP);
}

int devstate_start(const struct devstate *state)
{
	return devstate_set_run(state, VFIO_DEVICE_STATE_START);
}

ssize_t devstate_pread(const struct devstate *state, void *data, size_t len,
		       __u64 offset)
{
	ssize_t ret = pread(state->device, data, len,
			    state->offset + (off_t)offset);

	return ret < 0 ? -errno : ret;
}

ssize_t devstate_pwrite(const struct devstate *state, const void *data,
			size_t len, __u64 offset)
{
	ssize_t ret = pwrite(state->device, data, len,
			     state->offset + (off_t)offset);

	return ret < 0 ? -errno : ret;
}

int devstate_length(const struct devstate *state, __u64 *length)
{
	struct vfio_device_state_header header;
	int ret;

	ret = vfio_pread(state->device, &header, sizeof(header),
			 state->offset + VFIO_DEVICE_STATE_CONTEXT_OFFSET);
	if (ret < 0)
		return ret;
	*length = le64toh(header.length);
	if (le64toh(header.magic) != VFIO_DEVICE_STATE_MAGIC ||
	    *length < sizeof(header) ||
	    *length > state->size - VFIO_DEVICE_STATE_CONTEXT_OFFSET)
		return -EPROTO;
	return 0;
}

int devstate_save(const struct devstate *state, void **data, __u64 *length)
{
	off_t base = state->offset + VFIO_DEVICE_STATE_CONTEXT_OFFSET;
	__u64 done = 0;
	char *buf;
	int ret;

	*data = NULL;
	ret = devstate_length(state, length);
	if (ret < 0)
		return ret;
	buf = malloc(*length);
	if (!buf)
		return -ENOMEM;
	while (done < *length && ret >= 0) {
		size_t piece = *length - done < PIECE ? *length - done : PIECE;

		ret = vfio_pread(state->device, buf + done, piece,
				 base + (off_t)done);
		done += piece;
	}
	if (ret < 0) {
		free(buf);
		return ret;
	}
	*data = buf;
	return 0;
}

int devstate_load(const struct devstate *state, const void *data,
		  __u64 length)
{
	off_t base = state->offset + VFIO_DEVICE_STATE_CONTEXT_OFFSET;
	__u64 done = 0;
	int ret = 0;

	while (done < length && ret >= 0) {
		size_t piece = length - done < PIECE ? length - done : PIECE;

		ret = vfio_pwrite(state->device, (const char *)data + done,
				  piece, base + (off_t)done);
		done += piece;
	}
	return ret;
}

bool devstate_has_bitmap(int container)
{
	return vfio_check_extension(container,
				    VFIO_DIRTY_GET_DIRTY_BITMAP_EXT) == 1;
}

int devstate_bitmap(int container, __u64 iova, __u64 pages, void *bitmap)
{
	size_t size = devstate_bitmap_size(pages);
	struct vfio_iommu_get_dirty_bitmap *get;
	int ret = 0;

	get = calloc(1, sizeof(*get) + size);
	if (!get)
		return -ENOMEM;
	get->start_addr = iova;
	get->page_nr = pages;
	if (ioctl(container, VFIO_IOMMU_GET_DIRTY_BITMAP, get) < 0)
		ret = -errno;
	else
		memcpy(bitmap, get->dirty_bitmap, size);
	free(get);
	return ret;
}
