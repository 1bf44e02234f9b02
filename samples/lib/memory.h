/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guest RAM as a VMM has it: a shared memfd mapping at an IOVA.
 *
 * Functions return 0 or -errno, and print nothing.
 */
#ifndef SAMPLES_LIB_MEMORY_H
#define SAMPLES_LIB_MEMORY_H

#include <stddef.h>
#include <linux/types.h>

#define RAM_PAGE_SIZE	4096UL

/**
 * struct ram - a piece of guest RAM
 * @mem: where this process sees it; NULL if there is none
 * @size: bytes
 * @iova: where the device sees it, once mapped
 * @fd: the memfd
 */
struct ram {
	void *mem;
	size_t size;
	__u64 iova;
	int fd;
};

/* All zeros. @size is in bytes, whole pages. */
int ram_create(struct ram *ram, size_t size);

/* Have all its pages allocated now rather than when they are touched. */
int ram_populate(struct ram *ram);

/* Unmap it from this process; the device's mapping is the caller's to undo. */
void ram_destroy(struct ram *ram);

/* Let the device read and write it from @iova on. */
int ram_map(struct ram *ram, int container, __u64 iova);

int ram_unmap(struct ram *ram, int container);

/* The byte at offset @offset. */
static inline void *ram_at(const struct ram *ram, size_t offset)
{
	return (char *)ram->mem + offset;
}

#endif /* SAMPLES_LIB_MEMORY_H */
