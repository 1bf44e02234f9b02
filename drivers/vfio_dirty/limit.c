// SPDX-License-Identifier: GPL-2.0
/*
 * How many mappings a container may have: as many as vfio_iommu_type1's
 * parameter dma_entry_limit says, which people raise for programs that need more,
 * unless our own of that name says otherwise.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/kobject.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/moduleparam.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "vfio_dirty_private.h"

#define VFIO_DIRTY_TYPE1	"vfio_iommu_type1"

/* Our own limit, or -1 if type1's counts. */
static s64 vfio_dirty_limit = -1;

#ifdef MODULE

/* Type1's parameter as it is now, or -1 if that is not a module's. */
static s64 vfio_dirty_limit_of_type1(void)
{
	const struct module *mod;
	struct kobject *kobj;
	unsigned int i;
	s64 limit = -1;

	/* While its kobject is held a module is not freed, nor are its data. */
	kobj = kset_find_obj(THIS_MODULE->mkobj.kobj.kset, VFIO_DIRTY_TYPE1);
	if (!kobj)
		return -1;
	mod = container_of(kobj, struct module_kobject, kobj)->mod;
	for (i = 0; mod && i < mod->num_kp; i++) {
		const struct kernel_param *kp = &mod->kp[i];

		if (kp->ops == &param_ops_uint &&
		    !strcmp(kp->name, "dma_entry_limit"))
			limit = READ_ONCE(*(unsigned int *)kp->arg);
	}
	kobject_put(kobj);
	return limit;
}

#else

/* Built into the kernel, as we are then: such parameters cannot be read. */
static s64 vfio_dirty_limit_of_type1(void)
{
	return -1;
}

#endif /* MODULE */

/**
 * vfio_dirty_mapping_limit - how many mappings a new container may have
 *
 * Return: the number.
 */
unsigned int vfio_dirty_mapping_limit(void)
{
	s64 limit = READ_ONCE(vfio_dirty_limit);

	if (limit < 0)
		limit = vfio_dirty_limit_of_type1();
	return limit < 0 ? U16_MAX : limit;
}

/**
 * vfio_dirty_limit_reached - say that a container can have no more mappings
 * @budget: the container's
 */
void vfio_dirty_limit_reached(u8 budget)
{
	bool follow = READ_ONCE(vfio_dirty_limit) < 0 &&
		      vfio_dirty_limit_of_type1() >= 0;

	if (vfio_dirty_may_say(VFIO_DIRTY_SAY_MAPPINGS, budget))
		pr_warn("%s[%d]: a container has as many mappings as %s.dma_entry_limit allowed it, MAP_DMA fails with ENOSPC: raise that for new containers\n",
			current->comm, task_tgid_nr(current),
			follow ? VFIO_DIRTY_TYPE1 : KBUILD_MODNAME);
}

static int vfio_dirty_limit_set(const char *val, const struct kernel_param *kp)
{
	unsigned int limit;
	int ret;

	if (sysfs_streq(val, "type1")) {
		WRITE_ONCE(vfio_dirty_limit, -1);
		return 0;
	}
	ret = kstrtouint(val, 0, &limit);
	if (ret) {
		pr_warn("dma_entry_limit is a number or type1\n");
		return ret;
	}
	WRITE_ONCE(vfio_dirty_limit, limit);
	return 0;
}

static int vfio_dirty_limit_get(char *buf, const struct kernel_param *kp)
{
	return sysfs_emit(buf, "%u\n", vfio_dirty_mapping_limit());
}

static const struct kernel_param_ops vfio_dirty_limit_ops = {
	.set = vfio_dirty_limit_set,
	.get = vfio_dirty_limit_get,
};
module_param_cb(dma_entry_limit, &vfio_dirty_limit_ops, NULL, 0644);
MODULE_PARM_DESC(dma_entry_limit,
		 "Maximum number of mappings per new container: a number, or type1 (as many as vfio_iommu_type1's parameter says, default)");
