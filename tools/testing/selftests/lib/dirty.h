/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A container with a pintest device, and the ioctls of vfio_dirty.
 *
 * Functions return 0 (or what they say) or -errno, and print nothing.
 */
#ifndef _SELFTESTS_DIRTY_H
#define _SELFTESTS_DIRTY_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "mdev.h"
#include "pintest.h"
#include "vfio.h"

#define DIRTY_PAGE	4096LL
#define DIRTY_RW	(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/**
 * struct dirty_rig - a device that exists, and maybe is open
 * @uuid: of the device
 * @exists: it is there
 * @vfio: container, group, device
 */
struct dirty_rig {
	char uuid[MDEV_UUID_SIZE];
	bool exists;
	struct vfio_client vfio;
};

/* Make a device; -ENODEV if pintest.ko is not loaded. */
int dirty_rig_create(struct dirty_rig *rig);
/* Make a device and open it behind a container of its own. */
int dirty_rig_open(struct dirty_rig *rig);
/* Close and remove, however far it is. */
void dirty_rig_destroy(struct dirty_rig *rig);

/* Anonymous memory, all zeros; NULL if there is none. */
void *dirty_memory(size_t size);

/* What the device does: see pintest.h. */
long dirty_pin(const struct dirty_rig *rig, __u64 iova, __u64 pages,
	       __u32 flags);
long dirty_unpin(const struct dirty_rig *rig, __u64 iova, __u64 pages);
/* One call for all pages, whether they are pinned or not. */
long dirty_drop(const struct dirty_rig *rig, __u64 iova, __u64 pages);
long dirty_rw(const struct dirty_rig *rig, __u64 iova, void *data, __u64 len,
	      __u32 flags);
long dirty_poke(const struct dirty_rig *rig, __u64 iova, __u8 value);
/* The byte, or -ENOENT. */
long dirty_peek(const struct dirty_rig *rig, __u64 iova);
long dirty_mark(const struct dirty_rig *rig, __u64 iova, __u64 len);
long dirty_set(const struct dirty_rig *rig, unsigned int cmd,
	       unsigned long value);

/* The 2018 proposal's query; @bitmap has room for whole words of 64 bits. */
int dirty_written(int container, __u64 iova, __u64 pages, void *bitmap);

/* Upstream's dirty tracking. */
int dirty_start(int container);
int dirty_stop(int container);
int dirty_get(int container, __u64 iova, __u64 size, void *bitmap);
long long dirty_unmap(int container, __u64 iova, __u64 size, void *bitmap);

/* Bytes a bitmap for this many pages has. */
size_t dirty_bytes(__u64 pages);
bool dirty_bit(const void *bitmap, __u64 page);
/* How many bits of the first @pages are set. */
long dirty_count(const void *bitmap, __u64 pages);

/* How many mappings more a container may have, as it says; or -errno. */
long dirty_available(int container);

/* VmLck of this process in KiB, or -errno. */
long dirty_locked(void);

/* Give up CAP_IPC_LOCK for good; RLIMIT_MEMLOCK in bytes. */
int dirty_limit_memlock(unsigned long bytes);

/* Set a parameter of vfio_dirty; the old value, with its newline, is kept. */
int dirty_param(const char *name, const char *value, char old[64]);

#endif /* _SELFTESTS_DIRTY_H */
