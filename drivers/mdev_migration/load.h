/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A context on its way in, for those who take its bytes.
 */
#ifndef MDEV_MIGRATION_LOAD_H
#define MDEV_MIGRATION_LOAD_H

#include "mdev_migration_private.h"

/**
 * struct mdev_migration_load - a context that is being written
 * @parser: reads the stream
 * @came: bytes of the context that came
 * @length: bytes that the context has, once its header came
 * @head: the context's header
 * @applied: the whole stream came and was taken over; of a data fd
 */
struct mdev_migration_load {
	struct mdev_migration_parser parser;
	u64 came;
	u64 length;
	u8 head[MDEV_MIGRATION_CONTEXT_HEAD];
	bool applied;
};

struct mdev_migration_load *
mdev_migration_load_alloc(struct mdev_migration *mig);
void mdev_migration_load_free_locked(struct mdev_migration *mig);
int mdev_migration_load_take_locked(struct mdev_migration *mig);
void mdev_migration_load_say_locked(struct mdev_migration *mig);

#endif /* MDEV_MIGRATION_LOAD_H */
