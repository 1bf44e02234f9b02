// SPDX-License-Identifier: GPL-2.0
/*
 * The types of vGPU, and the budget of VRAM that all vGPUs of the host share:
 * each takes its part when it is created, although its pages are allocated
 * only when they are touched.
 */
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mdev.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/sizes.h>
#include <linux/spinlock.h>
#include <linux/sysfs.h>

#include "mvgpu_private.h"

/* Names: in sysfs, for people, in streams. */
#define MVGPU_TYPE(_sysfs, _pretty, _stream, _vram_size) {		\
	.mtype = { .sysfs_name = _sysfs, .pretty_name = _pretty },	\
	.name = _stream,						\
	.vram_size = _vram_size,					\
}

/* VRAM sizes are powers of two: they are sizes of BARs. */
static struct mvgpu_type mvgpu_types[] = {
	MVGPU_TYPE("small", "mvgpu small", "mvgpu-small", SZ_16M),
	MVGPU_TYPE("medium", "mvgpu medium", "mvgpu-medium", SZ_64M),
	MVGPU_TYPE("large", "mvgpu large", "mvgpu-large", SZ_256M),
};

static struct mdev_type *mvgpu_types_mdev[ARRAY_SIZE(mvgpu_types)];

static unsigned int mvgpu_types_vram_mib = 1024;
module_param_named(vram_mib, mvgpu_types_vram_mib, uint, 0444);
MODULE_PARM_DESC(vram_mib,
		 "MiB of VRAM that all vGPUs together may have (default 1024)");

/* Protects mvgpu_types_charged, the bytes of VRAM that existing vGPUs have. */
static DEFINE_SPINLOCK(mvgpu_types_lock);
static u64 mvgpu_types_charged;

static const struct mvgpu_type *mvgpu_types_get(struct mdev_type *mtype)
{
	return container_of(mtype, struct mvgpu_type, mtype);
}

static u64 mvgpu_types_left_locked(void)
{
	lockdep_assert_held(&mvgpu_types_lock);

	/* Never negative: what was charged was left before. */
	return (u64)mvgpu_types_vram_mib * SZ_1M - mvgpu_types_charged;
}

/**
 * mvgpu_types_register - offer all types for creation
 * @parent: memory for mdev's use; mdev_unregister_parent() undoes this
 * @dev: the device under which sysfs shows the types
 * @driver: the driver of the vGPUs
 *
 * Return: 0 or -errno.
 */
int mvgpu_types_register(struct mdev_parent *parent, struct device *dev,
			 struct mdev_driver *driver)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mvgpu_types); i++)
		mvgpu_types_mdev[i] = &mvgpu_types[i].mtype;

	return mdev_register_parent(parent, dev, driver, mvgpu_types_mdev,
				    ARRAY_SIZE(mvgpu_types_mdev));
}

/**
 * mvgpu_types_available - how many more of a type fit into the budget
 * @mtype: the type
 *
 * Return: the number that sysfs shows as available_instances.
 */
unsigned int mvgpu_types_available(struct mdev_type *mtype)
{
	const struct mvgpu_type *type = mvgpu_types_get(mtype);
	u64 left;

	spin_lock(&mvgpu_types_lock);
	left = mvgpu_types_left_locked();
	spin_unlock(&mvgpu_types_lock);

	return min_t(u64, div64_u64(left, type->vram_size), UINT_MAX);
}

/**
 * mvgpu_types_describe - what sysfs shows as a type's description
 * @mtype: the type
 * @buf: a page
 *
 * Return: characters written.
 */
ssize_t mvgpu_types_describe(struct mdev_type *mtype, char *buf)
{
	const struct mvgpu_type *type = mvgpu_types_get(mtype);

	return sysfs_emit(buf,
			  "migratable virtual GPU, %llu MiB VRAM, %u queues\n",
			  type->vram_size / SZ_1M, MVGPU_QUEUES);
}

/**
 * mvgpu_types_charge - take a new vGPU's VRAM out of the budget
 * @type: type of the vGPU
 *
 * Return: 0, or -ENOSPC if less is left.
 */
int mvgpu_types_charge(const struct mvgpu_type *type)
{
	int ret = 0;

	spin_lock(&mvgpu_types_lock);
	if (mvgpu_types_left_locked() < type->vram_size)
		ret = -ENOSPC;
	else
		mvgpu_types_charged += type->vram_size;
	spin_unlock(&mvgpu_types_lock);

	return ret;
}

/**
 * mvgpu_types_uncharge - undo mvgpu_types_charge()
 * @type: type of the vGPU
 */
void mvgpu_types_uncharge(const struct mvgpu_type *type)
{
	spin_lock(&mvgpu_types_lock);
	mvgpu_types_charged -= type->vram_size;
	spin_unlock(&mvgpu_types_lock);
}
