// SPDX-License-Identifier: GPL-2.0
/*
 * Migration v2 as a VMM uses it, see migration2.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "migration2.h"
#include "stream_edit.h"

#define MIG_GET_PRECOPY_INFO	_IO(VFIO_TYPE, VFIO_BASE + 21)

const char *mig_name(int state)
{
	static const char * const names[MIG_NR_STATES] = {
		"ERROR", "STOP", "RUNNING", "STOP_COPY", "RESUMING",
		"RUNNING_P2P", "PRE_COPY", "PRE_COPY_P2P",
	};

	return state >= 0 && state < MIG_NR_STATES ? names[state] : "?";
}

int mig_feature(int device, __u32 flags, void *data, size_t size)
{
	struct {
		struct vfio_device_feature head;
		__u64 data[8];
	} arg = { .head.argsz = sizeof(arg.head) + size, .head.flags = flags };

	if (size)
		memcpy(arg.data, data, size);
	if (ioctl(device, VFIO_DEVICE_FEATURE, &arg) < 0)
		return -errno;
	if (size)
		memcpy(data, arg.data, size);
	return 0;
}

int mig_get(int device)
{
	struct vfio_device_feature_mig_state arg = { .device_state = 99 };
	int ret = mig_feature(device, VFIO_DEVICE_FEATURE_GET |
			      MIG_FEATURE_STATE, &arg, sizeof(arg));

	return ret ? ret : arg.data_fd == -1 ? (int)arg.device_state : -EPROTO;
}

int mig_flags(int device)
{
	__u64 flags = 0;
	int ret = mig_feature(device, VFIO_DEVICE_FEATURE_GET |
			      MIG_FEATURE_FLAGS, &flags, sizeof(flags));

	return ret ? ret : (int)flags;
}

int mig_set(int device, __u32 state, int *fd)
{
	struct vfio_device_feature_mig_state arg = { .device_state = state };
	int ret = mig_feature(device, VFIO_DEVICE_FEATURE_SET |
			      MIG_FEATURE_STATE, &arg, sizeof(arg));

	if (fd)
		*fd = ret ? -1 : arg.data_fd;
	else if (!ret && arg.data_fd >= 0)
		ret = close(arg.data_fd) ? -errno : -EPROTO;
	return ret;
}

long long mig_data_size(int device)
{
	__u64 size = 0;
	int ret = mig_feature(device, VFIO_DEVICE_FEATURE_GET |
			      MIG_FEATURE_DATA_SIZE, &size, sizeof(size));

	return ret ? ret : (long long)size;
}

#define LOG_PAGE	4096
#define LOG_START	(VFIO_DEVICE_FEATURE_SET | \
			 VFIO_DEVICE_FEATURE_DMA_LOGGING_START)
#define LOG_STOP	(VFIO_DEVICE_FEATURE_SET | \
			 VFIO_DEVICE_FEATURE_DMA_LOGGING_STOP)
#define LOG_REPORT	(VFIO_DEVICE_FEATURE_GET | \
			 VFIO_DEVICE_FEATURE_DMA_LOGGING_REPORT)

bool mig_log_available(int device)
{
	return mig_feature(device, VFIO_DEVICE_FEATURE_PROBE | LOG_START, NULL,
			   0) != -ENOTTY;
}

int mig_log_start(int device, __u64 iova, __u64 length)
{
	const struct mig_range range = { iova, length };

	return mig_log_start_ranges(device, &range, 1);
}

int mig_log_start_ranges(int device, const struct mig_range *ranges,
			 unsigned int nr)
{
	/* mig_range is struct vfio_device_feature_dma_logging_range */
	struct vfio_device_feature_dma_logging_control control = {
		.page_size = LOG_PAGE,
		.num_ranges = nr,
		.ranges = (uintptr_t)ranges,
	};

	return mig_feature(device, LOG_START, &control, sizeof(control));
}

int mig_log_stop(int device)
{
	return mig_feature(device, LOG_STOP, NULL, 0);
}

int mig_log_report(int device, __u64 iova, __u64 length, __u64 *bitmap)
{
	struct vfio_device_feature_dma_logging_report args = {
		.iova = iova,
		.length = length,
		.page_size = LOG_PAGE,
		.bitmap = (uintptr_t)bitmap,
	};

	return mig_feature(device, LOG_REPORT, &args, sizeof(args));
}

int mig_info(int fd, struct mig_info *info)
{
	*info = (struct mig_info){ .argsz = sizeof(*info) };
	return ioctl(fd, MIG_GET_PRECOPY_INFO, info) < 0 ? -errno : 0;
}

ssize_t mig_read(int fd, void *data, size_t size)
{
	ssize_t ret = read(fd, data, size);

	return ret < 0 ? -errno : ret;
}

ssize_t mig_write(int fd, const void *data, size_t size)
{
	ssize_t ret = write(fd, data, size);

	return ret < 0 ? -errno : ret;
}

int mig_poll(int fd, int events)
{
	struct pollfd pollfd = { .fd = fd, .events = events };

	return poll(&pollfd, 1, 0) < 0 ? -errno : pollfd.revents;
}

static int mig_stream_reserve(struct mig_stream *stream, size_t more)
{
	__u8 *data;

	if (!stream->length)
		stream->length = MIG_PREFIX;
	if (stream->room - stream->length >= more && stream->data)
		return 0;
	stream->room = 2 * stream->room + stream->length + more;
	data = realloc(stream->data, stream->room);
	if (!data)
		return -ENOMEM;
	stream->data = data;
	return 0;
}

int mig_drain_some(int fd, struct mig_stream *stream, size_t cut, size_t most)
{
	size_t end = stream->length + most;
	ssize_t got;

	if (!stream->length)
		end += MIG_PREFIX;
	do {
		if (mig_stream_reserve(stream, cut))
			return -ENOMEM;
		if (stream->length >= end)
			return 1;
		if (cut > end - stream->length)
			cut = end - stream->length;
		got = mig_read(fd, stream->data + stream->length, cut);
		if (got > 0)
			stream->length += got;
	} while (got > 0);
	return got;
}

int mig_drain(int fd, struct mig_stream *stream, size_t cut)
{
	return mig_drain_some(fd, stream, cut, (size_t)1 << 40);
}

void mig_seal(struct mig_stream *stream)
{
	memcpy(stream->data, "MDEVCTX1", 8);
	stream_put64(stream->data + 8, stream->length);
}

void mig_stream_free(struct mig_stream *stream)
{
	free(stream->data);
	memset(stream, 0, sizeof(*stream));
}

int mig_fill(int fd, const struct mig_stream *stream, size_t from, size_t cut)
{
	size_t at = MIG_PREFIX + from;

	while (at < stream->length) {
		size_t left = stream->length - at;
		ssize_t done = mig_write(fd, stream->data + at,
					 left < cut ? left : cut);

		if (done <= 0)
			return done ? done : -EIO;
		at += done;
	}
	return 0;
}

int mig_save(int device, struct mig_stream *stream)
{
	int fd, ret;

	memset(stream, 0, sizeof(*stream));
	ret = mig_set(device, MIG_STOP_COPY, &fd);
	if (!ret) {
		ret = mig_drain(fd, stream, 1 << 20);
		mig_seal(stream);
		close(fd);
	}
	return ret ? ret : mig_set(device, MIG_STOP, NULL);
}

int mig_load(int device, const struct mig_stream *stream, size_t cut)
{
	int fd, ret;

	ret = mig_set(device, MIG_RESUMING, &fd);
	if (!ret) {
		ret = mig_fill(fd, stream, 0, cut);
		close(fd);
	}
	return ret ? ret : mig_set(device, MIG_STOP, NULL);
}

int mig_bring(int device, int state, int *fd)
{
	int ret;

	if (state != MIG_ERROR)
		return mig_set(device, state, fd);

	/* Nothing at all is no stream. */
	ret = mig_set(device, MIG_RESUMING, fd);
	if (ret)
		return ret;
	close(*fd);
	*fd = -1;
	return mig_set(device, MIG_STOP, NULL) == -EINVAL ? 0 : -EPROTO;
}
