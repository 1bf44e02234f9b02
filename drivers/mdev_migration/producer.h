/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A stream that is made while it is read, also of a running device. Pure: also
 * compiled in user space.
 */
#ifndef MDEV_MIGRATION_PRODUCER_H
#define MDEV_MIGRATION_PRODUCER_H

#include "stream.h"

struct mdev_migration_producer;

/**
 * struct mdev_migration_precopy - how much a running device still has to send
 * @initial: bytes that were there at the beginning; never grows
 * @dirty: bytes that changed after they were sent
 */
struct mdev_migration_precopy {
	u64 initial;
	u64 dirty;
};

struct mdev_migration_producer *
mdev_migration_producer_create(const struct mdev_migration_format *format,
			       const struct mdev_migration_ops *ops,
			       void *priv);
void mdev_migration_producer_free(struct mdev_migration_producer *producer);
int mdev_migration_producer_save(struct mdev_migration_producer *producer);
int mdev_migration_producer_renew(struct mdev_migration_producer *producer);
ssize_t mdev_migration_producer_read(struct mdev_migration_producer *producer,
				     u8 *out, size_t len);
bool mdev_migration_producer_saved(const struct mdev_migration_producer *producer);
void mdev_migration_producer_precopy(struct mdev_migration_producer *producer,
				     struct mdev_migration_precopy *info);
bool mdev_migration_producer_ready(struct mdev_migration_producer *producer);
u64 mdev_migration_producer_left(struct mdev_migration_producer *producer);
u64 mdev_migration_producer_estimate(const struct mdev_migration_format *format,
				     const struct mdev_migration_ops *ops,
				     void *priv);

#endif /* MDEV_MIGRATION_PRODUCER_H */
