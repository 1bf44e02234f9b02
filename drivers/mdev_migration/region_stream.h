/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A saved context that can be read at any offset. Pure: also compiled in user
 * space.
 */
#ifndef MDEV_MIGRATION_REGION_STREAM_H
#define MDEV_MIGRATION_REGION_STREAM_H

#include "stream.h"

/* struct vfio_device_state_header on the wire. */
#define MDEV_MIGRATION_CONTEXT_HEAD	16

struct mdev_migration_region_stream;

struct mdev_migration_region_stream *
mdev_migration_region_stream_take(const struct mdev_migration_format *format,
				  const struct mdev_migration_ops *ops, void *priv);
void mdev_migration_region_stream_free(struct mdev_migration_region_stream *stream);
u64 mdev_migration_region_stream_length(const struct mdev_migration_region_stream *stream);
u32 mdev_migration_region_stream_chunks(const struct mdev_migration_region_stream *stream);
int mdev_migration_region_stream_read(struct mdev_migration_region_stream *stream,
				      u64 at, u8 *out, size_t len);

#endif /* MDEV_MIGRATION_REGION_STREAM_H */
