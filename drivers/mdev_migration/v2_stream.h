/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stream that is made while it is read, also of a running device. Pure: also
 * compiled in user space.
 */
#ifndef MDEV_MIGRATION_V2_STREAM_H
#define MDEV_MIGRATION_V2_STREAM_H

#include "stream.h"

struct mdev_migration_v2_stream;

/**
 * struct mdev_migration_precopy - how much a running device still has to send
 * @initial: bytes that were there at the beginning; never grows
 * @dirty: bytes that changed after they were sent
 */
struct mdev_migration_precopy {
	u64 initial;
	u64 dirty;
};

struct mdev_migration_v2_stream *
mdev_migration_v2_stream_create(const struct mdev_migration_format *format,
				const struct mdev_migration_ops *ops,
				void *priv);
void mdev_migration_v2_stream_free(struct mdev_migration_v2_stream *stream);
int mdev_migration_v2_stream_save(struct mdev_migration_v2_stream *stream);
int mdev_migration_v2_stream_renew(struct mdev_migration_v2_stream *stream);
ssize_t mdev_migration_v2_stream_read(struct mdev_migration_v2_stream *stream,
				      u8 *out, size_t len);
bool mdev_migration_v2_stream_saved(const struct mdev_migration_v2_stream *stream);
void mdev_migration_v2_stream_precopy(struct mdev_migration_v2_stream *stream,
				      struct mdev_migration_precopy *info);
bool mdev_migration_v2_stream_ready(struct mdev_migration_v2_stream *stream);
u64 mdev_migration_v2_stream_left(struct mdev_migration_v2_stream *stream);
u64 mdev_migration_v2_stream_estimate(const struct mdev_migration_format *format,
				      const struct mdev_migration_ops *ops,
				      void *priv);

#endif /* MDEV_MIGRATION_V2_STREAM_H */
