// SPDX-License-Identifier: GPL-2.0
/*
 * What the vfio core sees of us: a table of functions, which has to be in front
 * of vfio_iommu_type1's.
 *
 * The core asks its backends in turn, the last to register first, and what we
 * refuse goes to the next. Vfio_iommu_type1 is loaded before us, but is in front
 * when it is loaded again. Then we register another table in front of it, as the
 * core takes the same one only once. The one before it is retired: it accepts no
 * more containers, and goes when those that were opened through it are gone. The
 * core frees what it knows of a table when that goes, and containers point to it.
 *
 * There are a few tables, for all their functions are constant. If containers
 * live through each of them, vfio_iommu_type1 stays in front until one does not.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/iommu.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "compat_vfio.h"
#include "vfio_dirty_private.h"

#define VFIO_DIRTY_TABLES	4

/**
 * enum vfio_dirty_table_state - what becomes of a table
 * @VFIO_DIRTY_TABLE_FREE: the core does not know it
 * @VFIO_DIRTY_TABLE_FRONT: it accepts containers; not more than one does for long
 * @VFIO_DIRTY_TABLE_RETIRED: it has those that were opened through it
 */
enum vfio_dirty_table_state {
	VFIO_DIRTY_TABLE_FREE,
	VFIO_DIRTY_TABLE_FRONT,
	VFIO_DIRTY_TABLE_RETIRED,
};

/**
 * struct vfio_dirty_table - what is not constant of a table
 * @state: changes with vfio_dirty_front_lock held, but for RETIRED to FREE,
 *	   which vfio_dirty_front_work alone does
 * @containers: that were opened through it; grows only while it is FRONT
 */
struct vfio_dirty_table {
	enum vfio_dirty_table_state state;
	unsigned int containers;
};

/* Protects the members of all tables. */
static DEFINE_SPINLOCK(vfio_dirty_tables_lock);
static struct vfio_dirty_table vfio_dirty_tables[VFIO_DIRTY_TABLES];

/*
 * Protects what follows, and that one after the other registers a table. The
 * locks of the vfio core are taken under it.
 */
static DEFINE_MUTEX(vfio_dirty_front_lock);
/* The table that was registered last, or -1 before the first. */
static int vfio_dirty_front = -1;
/* Vfio_iommu_type1 is in front of it. Read without the lock too. */
static bool vfio_dirty_front_behind;

static void vfio_dirty_front_work_fn(struct work_struct *work);
static DECLARE_WORK(vfio_dirty_front_work, vfio_dirty_front_work_fn);

/* Does a table accept containers? */
static bool vfio_dirty_table_is_front(unsigned int nr)
{
	return READ_ONCE(vfio_dirty_tables[nr].state) == VFIO_DIRTY_TABLE_FRONT;
}

/* Count a container; false if the table has been retired. */
static bool vfio_dirty_table_get(unsigned int nr)
{
	bool front;

	spin_lock(&vfio_dirty_tables_lock);
	front = vfio_dirty_table_is_front(nr);
	if (front)
		vfio_dirty_tables[nr].containers++;
	spin_unlock(&vfio_dirty_tables_lock);
	return front;
}

/* The caller must not sleep before it has left us for the core. */
static void vfio_dirty_table_put(unsigned int nr)
{
	bool last;

	spin_lock(&vfio_dirty_tables_lock);
	last = !--vfio_dirty_tables[nr].containers &&
	       (!vfio_dirty_table_is_front(nr) ||
		READ_ONCE(vfio_dirty_front_behind));
	spin_unlock(&vfio_dirty_tables_lock);
	if (last)
		queue_work(system_long_wq, &vfio_dirty_front_work);
}

static void *vfio_dirty_table_open(unsigned int nr, unsigned long arg)
{
	enum vfio_dirty_claim claim = vfio_dirty_claim_now();
	void *data;

	if (arg != VFIO_TYPE1v2_IOMMU || claim == VFIO_DIRTY_CLAIM_NONE ||
	    !vfio_dirty_table_get(nr))
		return ERR_PTR(-EINVAL);
	data = vfio_dirty_container_open(claim);
	if (IS_ERR(data))
		vfio_dirty_table_put(nr);
	return data;
}

static void vfio_dirty_table_release(unsigned int nr, void *data)
{
	vfio_dirty_container_release(data);
	vfio_dirty_table_put(nr);
}

/* What we say of ourselves before a container has chosen a backend. */
static long vfio_dirty_table_offer(unsigned int nr, unsigned long extension)
{
	if (vfio_dirty_claim_now() == VFIO_DIRTY_CLAIM_NONE ||
	    !vfio_dirty_table_is_front(nr))
		return 0;
	return extension == VFIO_TYPE1v2_IOMMU || extension == VFIO_UNMAP_ALL;
}

static long vfio_dirty_table_ioctl(unsigned int nr, void *data,
				   unsigned int cmd, unsigned long arg)
{
	struct vfio_dirty_container *c;
	long ret;

	if (!data)
		return cmd == VFIO_CHECK_EXTENSION ?
		       vfio_dirty_table_offer(nr, arg) : -ENOTTY;
	c = vfio_dirty_container_get(data);
	if (!c)
		return -EINVAL;
	ret = vfio_dirty_ioctl(c, cmd, arg);
	vfio_dirty_container_put(c);
	return ret;
}

static int vfio_dirty_op_attach_group(void *data, struct iommu_group *group,
				      enum vfio_group_type type)
{
	struct vfio_dirty_container *c;

	if (type != VFIO_EMULATED_IOMMU)
		return -EINVAL;
	c = vfio_dirty_container_find(data);
	if (!c || !vfio_dirty_claim_group(c->claim, group))
		return -EINVAL;
	return vfio_dirty_client_attach(c, group);
}

static void vfio_dirty_op_detach_group(void *data, struct iommu_group *group)
{
	struct vfio_dirty_container *c = vfio_dirty_container_find(data);

	if (c)
		vfio_dirty_client_detach(c, group);
}

static void vfio_dirty_op_register_device(void *data, struct vfio_device *vdev)
{
	struct vfio_dirty_container *c = vfio_dirty_container_find(data);

	if (c)
		vfio_dirty_client_register(c, vdev);
}

static void vfio_dirty_op_unregister_device(void *data,
					    struct vfio_device *vdev)
{
	struct vfio_dirty_container *c = vfio_dirty_container_find(data);

	if (c)
		vfio_dirty_client_unregister(c, vdev);
}

static int vfio_dirty_op_pin_pages(void *data, struct iommu_group *group,
				   dma_addr_t iova, int npage, int prot,
				   struct page **pages)
{
	struct vfio_dirty_container *c = vfio_dirty_container_find(data);

	if (!c)
		return -EINVAL;
	return vfio_dirty_pin_pages(c, group, iova, npage, prot, pages);
}

static void vfio_dirty_op_unpin_pages(void *data, dma_addr_t iova, int npage)
{
	struct vfio_dirty_container *c = vfio_dirty_container_find(data);

	if (c)
		vfio_dirty_pin_release(c, iova, npage);
}

static int vfio_dirty_op_dma_rw(void *data, dma_addr_t iova, void *buf,
				size_t count, bool write)
{
	struct vfio_dirty_container *c = vfio_dirty_container_find(data);

	return c ? vfio_dirty_rw(c, iova, buf, count, write) : -EINVAL;
}

/* The functions that have to know through which table they are called. */
#define VFIO_DIRTY_OP_OPEN(nr)						\
static void *vfio_dirty_op_open_##nr(unsigned long arg)			\
{									\
	return vfio_dirty_table_open(nr, arg);				\
}

#define VFIO_DIRTY_OP_RELEASE(nr)					\
static void vfio_dirty_op_release_##nr(void *data)			\
{									\
	vfio_dirty_table_release(nr, data);				\
}

#define VFIO_DIRTY_OP_IOCTL(nr)						\
static long vfio_dirty_op_ioctl_##nr(void *data, unsigned int cmd,	\
				     unsigned long arg)			\
{									\
	return vfio_dirty_table_ioctl(nr, data, cmd, arg);		\
}

VFIO_DIRTY_OP_OPEN(0)
VFIO_DIRTY_OP_OPEN(1)
VFIO_DIRTY_OP_OPEN(2)
VFIO_DIRTY_OP_OPEN(3)
VFIO_DIRTY_OP_RELEASE(0)
VFIO_DIRTY_OP_RELEASE(1)
VFIO_DIRTY_OP_RELEASE(2)
VFIO_DIRTY_OP_RELEASE(3)
VFIO_DIRTY_OP_IOCTL(0)
VFIO_DIRTY_OP_IOCTL(1)
VFIO_DIRTY_OP_IOCTL(2)
VFIO_DIRTY_OP_IOCTL(3)

#define VFIO_DIRTY_TABLE_OPS(nr) {					\
	.name = "vfio-dirty",						\
	.owner = THIS_MODULE,						\
	.open = vfio_dirty_op_open_##nr,				\
	.release = vfio_dirty_op_release_##nr,				\
	.ioctl = vfio_dirty_op_ioctl_##nr,				\
	.attach_group = vfio_dirty_op_attach_group,			\
	.detach_group = vfio_dirty_op_detach_group,			\
	.pin_pages = vfio_dirty_op_pin_pages,				\
	.unpin_pages = vfio_dirty_op_unpin_pages,				\
	.register_device = vfio_dirty_op_register_device,		\
	.unregister_device = vfio_dirty_op_unregister_device,		\
	.dma_rw = vfio_dirty_op_dma_rw,					\
}

static const struct vfio_iommu_driver_ops vfio_dirty_ops[VFIO_DIRTY_TABLES] = {
	VFIO_DIRTY_TABLE_OPS(0),
	VFIO_DIRTY_TABLE_OPS(1),
	VFIO_DIRTY_TABLE_OPS(2),
	VFIO_DIRTY_TABLE_OPS(3),
};

static void vfio_dirty_table_set(unsigned int nr,
				 enum vfio_dirty_table_state state)
{
	spin_lock(&vfio_dirty_tables_lock);
	WRITE_ONCE(vfio_dirty_tables[nr].state, state);
	spin_unlock(&vfio_dirty_tables_lock);
}

/* A table that the core does not know, or -EBUSY. */
static int vfio_dirty_table_find_locked(void)
{
	int nr;

	lockdep_assert_held(&vfio_dirty_front_lock);
	for (nr = 0; nr < VFIO_DIRTY_TABLES; nr++) {
		if (READ_ONCE(vfio_dirty_tables[nr].state) ==
		    VFIO_DIRTY_TABLE_FREE)
			return nr;
	}
	return -EBUSY;
}

/* Register another table in front of all, and retire the one before it. */
static int vfio_dirty_front_advance_locked(void)
{
	int nr = vfio_dirty_table_find_locked(), before, ret;

	lockdep_assert_held(&vfio_dirty_front_lock);
	if (nr < 0)
		return nr;
	/* It must not refuse anybody from the moment it is there. */
	vfio_dirty_table_set(nr, VFIO_DIRTY_TABLE_FRONT);
	ret = vfio_register_iommu_driver(&vfio_dirty_ops[nr]);
	if (ret) {
		vfio_dirty_table_set(nr, VFIO_DIRTY_TABLE_FREE);
		return ret;
	}
	before = vfio_dirty_front;
	vfio_dirty_front = nr;
	/* It may have gone already, and be this very one. */
	if (before >= 0 && before != nr && vfio_dirty_table_is_front(before)) {
		vfio_dirty_table_set(before, VFIO_DIRTY_TABLE_RETIRED);
		queue_work(system_long_wq, &vfio_dirty_front_work);
	}
	return 0;
}

/* Go in front of vfio_iommu_type1, if that is possible. */
static int vfio_dirty_front_return_locked(void)
{
	int ret = vfio_dirty_front_advance_locked();

	lockdep_assert_held(&vfio_dirty_front_lock);
	if (ret)
		return ret;
	WRITE_ONCE(vfio_dirty_front_behind, false);
	pr_info("vfio_iommu_type1 was loaded after vfio_dirty: registered in front of it again, and go on to serve new containers\n");
	return 0;
}

static void vfio_dirty_front_warn(int error)
{
	pr_warn("vfio_iommu_type1 was loaded after vfio_dirty and serves new containers (%d): close some that were open when it was loaded, or load vfio_dirty again\n",
		error);
}

/*
 * Wait until the core is done with tables through which no container is open.
 *
 * When release() returns the core still looks at the table, and then takes it
 * out of the container, all without sleeping: that is what the first step waits
 * for. An ioctl may have found the table in the container before, and calls us
 * through it, without sleeping in between: the second. What it then calls finds
 * no container.
 */
static void vfio_dirty_front_synchronize(void)
{
	synchronize_rcu_tasks();
	synchronize_rcu_tasks();
}

/*
 * Find the retired tables that nobody uses. So is the last if vfio_iommu_type1 is
 * in front of it and nobody uses it: that one serves whoever comes meanwhile.
 */
static bool vfio_dirty_front_find_idle(bool idle[VFIO_DIRTY_TABLES])
{
	bool any = false;
	unsigned int nr;

	mutex_lock(&vfio_dirty_front_lock);
	spin_lock(&vfio_dirty_tables_lock);
	for (nr = 0; nr < VFIO_DIRTY_TABLES; nr++) {
		struct vfio_dirty_table *table = &vfio_dirty_tables[nr];

		idle[nr] = !table->containers &&
			   (table->state == VFIO_DIRTY_TABLE_RETIRED ||
			    (table->state == VFIO_DIRTY_TABLE_FRONT &&
			     vfio_dirty_front_behind));
		if (idle[nr])
			WRITE_ONCE(table->state, VFIO_DIRTY_TABLE_RETIRED);
		any |= idle[nr];
	}
	spin_unlock(&vfio_dirty_tables_lock);
	mutex_unlock(&vfio_dirty_front_lock);
	return any;
}

/* Take tables back that nobody uses, and use one of them if need be. */
static void vfio_dirty_front_work_fn(struct work_struct *work)
{
	bool idle[VFIO_DIRTY_TABLES];
	unsigned int nr;
	int ret = 0;

	if (!vfio_dirty_front_find_idle(idle))
		return;
	vfio_dirty_front_synchronize();
	for (nr = 0; nr < VFIO_DIRTY_TABLES; nr++) {
		if (!idle[nr])
			continue;
		vfio_unregister_iommu_driver(&vfio_dirty_ops[nr]);
		vfio_dirty_table_set(nr, VFIO_DIRTY_TABLE_FREE);
	}

	mutex_lock(&vfio_dirty_front_lock);
	if (vfio_dirty_front_behind ||
	    !vfio_dirty_table_is_front(vfio_dirty_front))
		ret = vfio_dirty_front_return_locked();
	mutex_unlock(&vfio_dirty_front_lock);
	if (ret)
		vfio_dirty_front_warn(ret);
}

/*
 * Vfio_iommu_type1 has registered with the core. If no table is free, one that
 * nobody uses may be about to be, and the work goes in front with it.
 */
static void vfio_dirty_front_type1_came(void)
{
	bool behind;
	int ret = 0;

	mutex_lock(&vfio_dirty_front_lock);
	/* It came while we were loaded ourselves: the first table comes later. */
	if (vfio_dirty_front >= 0) {
		WRITE_ONCE(vfio_dirty_front_behind, true);
		ret = vfio_dirty_front_return_locked();
	}
	mutex_unlock(&vfio_dirty_front_lock);
	if (!ret)
		return;

	queue_work(system_long_wq, &vfio_dirty_front_work);
	flush_work(&vfio_dirty_front_work);
	mutex_lock(&vfio_dirty_front_lock);
	behind = vfio_dirty_front_behind;
	mutex_unlock(&vfio_dirty_front_lock);
	if (behind)
		vfio_dirty_front_warn(ret);
}

static void vfio_dirty_front_type1_went(void)
{
	mutex_lock(&vfio_dirty_front_lock);
	WRITE_ONCE(vfio_dirty_front_behind, false);
	mutex_unlock(&vfio_dirty_front_lock);
}

/* A module is COMING before its init has run, LIVE after. */
static int vfio_dirty_front_notify(struct notifier_block *nb,
				   unsigned long state, void *data)
{
	const struct module *mod = data;

	if (strcmp(mod->name, "vfio_iommu_type1"))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_LIVE)
		vfio_dirty_front_type1_came();
	else if (state == MODULE_STATE_GOING)
		vfio_dirty_front_type1_went();
	return NOTIFY_DONE;
}

static struct notifier_block vfio_dirty_front_nb = {
	.notifier_call = vfio_dirty_front_notify,
};

/**
 * vfio_dirty_front_init - begin to serve containers
 *
 * Return: 0 or -ENOMEM.
 */
int vfio_dirty_front_init(void)
{
	int ret;

	ret = register_module_notifier(&vfio_dirty_front_nb);
	if (ret)
		return ret;

	mutex_lock(&vfio_dirty_front_lock);
	ret = vfio_dirty_front_advance_locked();
	mutex_unlock(&vfio_dirty_front_lock);
	if (ret)
		unregister_module_notifier(&vfio_dirty_front_nb);
	return ret;
}

/**
 * vfio_dirty_front_exit - let the core forget us
 *
 * No container is open, and none can be opened: the core holds the module while
 * one is.
 */
void vfio_dirty_front_exit(void)
{
	unsigned int nr;

	unregister_module_notifier(&vfio_dirty_front_nb);
	cancel_work_sync(&vfio_dirty_front_work);
	vfio_dirty_front_synchronize();
	for (nr = 0; nr < VFIO_DIRTY_TABLES; nr++) {
		if (vfio_dirty_tables[nr].state != VFIO_DIRTY_TABLE_FREE)
			vfio_unregister_iommu_driver(&vfio_dirty_ops[nr]);
	}
}
