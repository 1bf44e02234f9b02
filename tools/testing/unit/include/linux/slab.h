/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/slab.h> in user space: an allocator that tests can make fail. */
#ifndef UNIT_LINUX_SLAB_H
#define UNIT_LINUX_SLAB_H

#include <linux/types.h>

#define GFP_KERNEL		0
#define GFP_KERNEL_ACCOUNT	1

/* Fills what nobody may rely on. */
#define UNIT_GARBAGE		0xa5

void *unit_alloc(size_t nr, size_t size, int fill);
void unit_free(const void *ptr);

static inline void *kmalloc(size_t size, int gfp)
{
	return unit_alloc(1, size, UNIT_GARBAGE);
}

static inline void *kzalloc(size_t size, int gfp)
{
	return unit_alloc(1, size, 0);
}

static inline void *kcalloc(size_t nr, size_t size, int gfp)
{
	return unit_alloc(nr, size, 0);
}

static inline void *kvmalloc(size_t size, int gfp)
{
	return unit_alloc(1, size, UNIT_GARBAGE);
}

static inline void *kvzalloc(size_t size, int gfp)
{
	return unit_alloc(1, size, 0);
}

static inline void *kvmalloc_array(size_t nr, size_t size, int gfp)
{
	return unit_alloc(nr, size, UNIT_GARBAGE);
}

static inline void kfree(const void *ptr)
{
	unit_free(ptr);
}

static inline void kvfree(const void *ptr)
{
	unit_free(ptr);
}

#endif
