/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Migration v2 as a VMM uses it: features of the device, and its data fds. The
 * numbers are here because headers of Linux 6.1 lack half of them.
 *
 * Functions return 0 (or what they say) or -errno, and print nothing.
 */
#ifndef _SELFTESTS_MIGRATION2_H
#define _SELFTESTS_MIGRATION2_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>
#include <linux/vfio.h>

#define MIG_STOP_COPY_FLAG	0x1
#define MIG_P2P_FLAG		0x2
#define MIG_PRE_COPY_FLAG	0x4

#define MIG_FEATURE_FLAGS	1
#define MIG_FEATURE_STATE	2
#define MIG_FEATURE_DATA_SIZE	9
#define MIG_FEATURE_PRECOPY_V2	12

enum mig_state {
	MIG_ERROR,
	MIG_STOP,
	MIG_RUNNING,
	MIG_STOP_COPY,
	MIG_RESUMING,
	MIG_RUNNING_P2P,
	MIG_PRE_COPY,
	MIG_PRE_COPY_P2P,
	MIG_NR_STATES,
};

/* Name of a state, for messages. */
const char *mig_name(int state);

/* VFIO_DEVICE_FEATURE with @size bytes of data. */
int mig_feature(int device, __u32 flags, void *data, size_t size);

/* The state, or -errno. */
int mig_get(int device);

/* The flags, or -errno. */
int mig_flags(int device);

/* @fd is set to the data fd, or -1; it may be NULL where none is expected. */
int mig_set(int device, __u32 state, int *fd);

/* MIG_DATA_SIZE, or -errno. */
long long mig_data_size(int device);

/* Does the device log its DMA? Only ENOTTY is a no. */
bool mig_log_available(int device);

/* Log what the device writes to @length bytes from @iova on, by pages of 4 KiB. */
int mig_log_start(int device, __u64 iova, __u64 length);

struct mig_range {
	__u64 iova;
	__u64 length;
};

int mig_log_start_ranges(int device, const struct mig_range *ranges,
			 unsigned int nr);
int mig_log_stop(int device);

/* Set the bit of each page that was written since the last report of it. */
int mig_log_report(int device, __u64 iova, __u64 length, __u64 *bitmap);

struct mig_info {
	__u32 argsz;
	__u32 flags;
	__u64 initial;
	__u64 dirty;
};

/* VFIO_MIG_GET_PRECOPY_INFO of a data fd. */
int mig_info(int fd, struct mig_info *info);

/* One call: bytes or -errno. */
ssize_t mig_read(int fd, void *data, size_t size);
ssize_t mig_write(int fd, const void *data, size_t size);

/* What poll says at once. */
int mig_poll(int fd, int events);

/**
 * struct mig_stream - bytes that were read
 * @data: malloc()ed; the first MIG_PREFIX bytes are those of a context, so that
 *	it can be taken apart as one
 * @length: bytes, MIG_PREFIX included
 * @room: allocated
 */
struct mig_stream {
	__u8 *data;
	size_t length;
	size_t room;
};

#define MIG_PREFIX	16

/*
 * Read until there is no more, @cut bytes at a time: 0 at the end of all,
 * -ENOMSG if there is no more for now, or -errno.
 */
int mig_drain(int fd, struct mig_stream *stream, size_t cut);
/* At most so many bytes; the same, or 1 if that many came. */
int mig_drain_some(int fd, struct mig_stream *stream, size_t cut, size_t most);
/* Make the prefix right. */
void mig_seal(struct mig_stream *stream);
void mig_stream_free(struct mig_stream *stream);

/* Write from the stream's byte @from on, @cut bytes at a time. */
int mig_fill(int fd, const struct mig_stream *stream, size_t from, size_t cut);

/* A running device: save it in STOP_COPY, and stop. */
int mig_save(int device, struct mig_stream *stream);
/* Write the stream to a running device, close the data fd, and stop. */
int mig_load(int device, const struct mig_stream *stream, size_t cut);

/* Bring a device that runs to any state; @fd as in mig_set(). */
int mig_bring(int device, int state, int *fd);

#endif /* _SELFTESTS_MIGRATION2_H */
