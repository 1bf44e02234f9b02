/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/kref.h> in user space: for one thread. */
#ifndef UNIT_LINUX_KREF_H
#define UNIT_LINUX_KREF_H

struct kref {
	int count;
};

static inline void kref_init(struct kref *ref)
{
	ref->count = 1;
}

static inline void kref_get(struct kref *ref)
{
	ref->count++;
}

static inline void kref_put(struct kref *ref, void (*release)(struct kref *ref))
{
	if (!--ref->count)
		release(ref);
}

#endif
