/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The device-state region and the dirty bitmap of linux/vfio_device_state.h.
 *
 * Functions return 0 or -errno, and print nothing.
 */
#ifndef SAMPLES_LIB_DEVSTATE_H
#define SAMPLES_LIB_DEVSTATE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>
#include <linux/vfio_device_state.h>

#define DEVSTATE_PAGE_SIZE	4096UL

/**
 * struct devstate - the device-state region of a device
 * @device: device fd
 * @index: of the region
 * @offset: of the region in the device fd
 * @size: of the region
 */
struct devstate {
	int device;
	__u32 index;
	off_t offset;
	__u64 size;
};

/* Find the region; -ENOENT if the device cannot be moved. */
int devstate_find(struct devstate *state, int device);

/* Write run control: VFIO_DEVICE_STATE_START, _STOP, or any other byte. */
int devstate_set_run(const struct devstate *state, __u8 run);
int devstate_get_run(const struct devstate *state, __u8 *run);
int devstate_stop(const struct devstate *state);
int devstate_start(const struct devstate *state);

/*
 * One pread() or pwrite() at @offset of the region, with whatever comes of
 * it: bytes moved, or -errno.
 */
ssize_t devstate_pread(const struct devstate *state, void *data, size_t len,
		       __u64 offset);
ssize_t devstate_pwrite(const struct devstate *state, const void *data,
			size_t len, __u64 offset);

/**
 * devstate_length - bytes in use of the context, from its header
 * @state: region of a stopped device
 * @length: set
 *
 * Return: 0, -EPROTO for a bad magic or a length that does not fit the region,
 * or -errno of the read.
 */
int devstate_length(const struct devstate *state, __u64 *length);

/**
 * devstate_save - read the context of a stopped device
 * @state: the region
 * @data: set to memory for the caller to free
 * @length: set to its bytes
 *
 * Return: 0 or -errno.
 */
int devstate_save(const struct devstate *state, void **data, __u64 *length);

/* Write a context. */
int devstate_load(const struct devstate *state, const void *data,
		  __u64 length);

/* Does the container answer VFIO_IOMMU_GET_DIRTY_BITMAP? */
bool devstate_has_bitmap(int container);

/* Bytes of the bitmap of @pages pages. */
static inline size_t devstate_bitmap_size(__u64 pages)
{
	return (size_t)((pages + 63) / 64 * 8);
}

/**
 * devstate_bitmap - which pages did the device write?
 * @container: container fd
 * @iova: first address, page aligned
 * @pages: pages of 4 KiB
 * @bitmap: devstate_bitmap_size(@pages) bytes, little-endian
 *
 * Return: 0 or -errno.
 */
int devstate_bitmap(int container, __u64 iova, __u64 pages, void *bitmap);

static inline bool devstate_bit(const void *bitmap, __u64 page)
{
	return ((const __u8 *)bitmap)[page / 8] >> (page % 8) & 1;
}

#endif /* SAMPLES_LIB_DEVSTATE_H */
