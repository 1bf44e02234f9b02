/* SPDX-License-Identifier: GPL-2.0 */
/*
 * PCI config space of a vGPU. Pure: no locks, no vfio; also compiled in user
 * space.
 */
#ifndef _MVGPU_CONFIG_SPACE_H
#define _MVGPU_CONFIG_SPACE_H

#include <linux/mdev_migration_wire.h>
#include <linux/types.h>

#define MVGPU_CONFIG_SIZE	4096

/**
 * struct mvgpu_config - PCI config space
 * @bytes: as a read gives them
 * @vram_size: bytes of BAR 0, a power of two
 */
struct mvgpu_config {
	u8 bytes[MVGPU_CONFIG_SIZE];
	u64 vram_size;
};

/* Set all to reset values. */
void mvgpu_config_reset(struct mvgpu_config *config, u64 vram_size);
/* offset + len is within MVGPU_CONFIG_SIZE */
void mvgpu_config_read(const struct mvgpu_config *config, u32 offset, u8 *data,
		       u32 len);
void mvgpu_config_write(struct mvgpu_config *config, u32 offset,
			const u8 *data, u32 len);
bool mvgpu_config_is_flr(u32 offset, const u8 *data, u32 len);
bool mvgpu_config_bus_master(const struct mvgpu_config *config);

/* The writable bits as a section: MVGPU_STREAM_CONFIG, of this version. */
#define MVGPU_CONFIG_VERSION	2

void mvgpu_config_save(const struct mvgpu_config *config,
		       struct mdev_migration_buf *buf);
int mvgpu_config_check(const struct mvgpu_config *config, u16 version,
		       struct mdev_migration_cursor *cur, const char **why);
/* Accepted by mvgpu_config_check(). */
void mvgpu_config_apply(struct mvgpu_config *config, u16 version,
			struct mdev_migration_cursor *cur);

#endif /* _MVGPU_CONFIG_SPACE_H */
