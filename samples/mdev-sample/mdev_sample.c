// SPDX-License-Identifier: GPL-2.0
/*
 * mdev_sample: a small mdev driver whose devices, timers, can be moved. They do no
 * DMA, so that no page is ever dirty by them. See Documentation/driver-author.rst.
 */
#include <linux/mdev.h>
#include <linux/mdev_migration.h>
#include <linux/module.h>
#include <linux/vfio.h>
#include <linux/vfio_dirty.h>
#include <linux/workqueue.h>

#include "compat_vfio.h"
#include "mdev_sample.h"

struct mdev_sample {
	struct vfio_device vdev;
	struct mdev_migration *mig;
	struct vfio_dirty_client *dirty;	/* NULL: the container has no bitmap */
	struct delayed_work work;		/* the timer */
	struct mutex lock;			/* protects what follows; a leaf */
	__le32 regs[MDEV_SAMPLE_REGS];		/* all the state that travels */
	bool stopped;				/* by the migration library */
	ktime_t due;				/* when it ticks; 0 while it stands */
};

/*
 * Tick if it is time, note what is left of the period, and go on if the timer is
 * to run. A duration is what travels, not a time: the clocks of hosts differ.
 */
static void mdev_sample_update_locked(struct mdev_sample *sample)
{
	s64 left = ktime_sub(sample->due, ktime_get());

	lockdep_assert_held(&sample->lock);
	cancel_delayed_work(&sample->work);
	if (!sample->due) {
		left = le32_to_cpu(sample->regs[MDEV_SAMPLE_LEFT]);
	} else if (left <= 0) {
		le32_add_cpu(&sample->regs[MDEV_SAMPLE_TICKS], 1);
		left = MDEV_SAMPLE_PERIOD_NS;
	}
	sample->regs[MDEV_SAMPLE_LEFT] = cpu_to_le32(left);
	sample->due = 0;
	if (sample->regs[MDEV_SAMPLE_CONTROL] && !sample->stopped) {
		sample->due = ktime_add_ns(ktime_get(), left);
		schedule_delayed_work(&sample->work, usecs_to_jiffies(left / NSEC_PER_USEC));
	}
}

static void mdev_sample_work(struct work_struct *work)
{
	struct mdev_sample *sample = container_of(work, struct mdev_sample, work.work);

	guard(mutex)(&sample->lock);
	mdev_sample_update_locked(sample);
}

/* Nothing changes by itself then, at any level. The wait is too short to be killed in. */
static int mdev_sample_quiesce(void *priv, enum mdev_migration_quiesce level)
{
	struct mdev_sample *sample = priv;

	scoped_guard(mutex, &sample->lock) {
		sample->stopped = true;
		mdev_sample_update_locked(sample);
	}
	cancel_delayed_work_sync(&sample->work);
	return 0;
}

static void mdev_sample_resume(void *priv)
{
	struct mdev_sample *sample = priv;

	guard(mutex)(&sample->lock);
	sample->stopped = false;
	mdev_sample_update_locked(sample);
}

static void mdev_sample_reset(void *priv)
{
	struct mdev_sample *sample = priv;

	guard(mutex)(&sample->lock);
	memset(sample->regs, 0, sizeof(sample->regs));
}

/* What source and target must have in common beside the type's name. */
static int mdev_sample_describe(void *priv, struct mdev_migration_buf *buf)
{
	mdev_migration_put_u32(buf, MDEV_SAMPLE_PERIOD_NS);
	return 0;
}

static int mdev_sample_compat_check(void *priv, u16 version, struct mdev_migration_cursor *cur,
				    const char **why)
{
	if (mdev_migration_get_u32(cur) == MDEV_SAMPLE_PERIOD_NS && !cur->left)
		return 0;
	*why = "the source has another period";
	return -ENODEV;
}

/* One section holds the registers, little-endian as they are in memory. */
static const struct mdev_migration_section_desc mdev_sample_section = {
	.id = MDEV_MIGRATION_SECTION_DRIVER,
	.version = 1,
	.max_len = sizeof_field(struct mdev_sample, regs),
	.required = true,
};

static int mdev_sample_save(void *priv, struct mdev_migration_writer *writer)
{
	struct mdev_sample *sample = priv;

	guard(mutex)(&sample->lock);
	return mdev_migration_put_section(writer, MDEV_MIGRATION_SECTION_DRIVER, 1, 0,
					  sample->regs, sizeof(sample->regs));
}

/* Anyone may have made the section: let in what the device could have saved. */
static int mdev_sample_state_check(void *priv, const struct mdev_migration_section *sec,
				   unsigned int nr, const char **why)
{
	struct mdev_migration_cursor cur = { .data = sec->data, .left = sec->len };

	if (sec->len != mdev_sample_section.max_len)
		*why = "wrong number of registers";
	else if (mdev_migration_get_u32(&cur) > 1 ||
		 mdev_migration_get_u32(&cur) > MDEV_SAMPLE_PERIOD_NS)
		*why = "a register has a value that it cannot have";
	else
		return 0;
	return -EINVAL;
}

static void mdev_sample_apply(void *priv, const struct mdev_migration_section *sec, unsigned int nr)
{
	struct mdev_sample *sample = priv;

	guard(mutex)(&sample->lock);
	memcpy(sample->regs, sec->data, sizeof(sample->regs));
}

static const struct mdev_migration_ops mdev_sample_migration_ops = {
	.describe = mdev_sample_describe,
	.compat_check = mdev_sample_compat_check,
	.compat_version = 1,
	.quiesce = mdev_sample_quiesce,
	.resume = mdev_sample_resume,
	.sections = &mdev_sample_section,
	.nr_sections = 1,
	.save = mdev_sample_save,
	.state_check = mdev_sample_state_check,
	.apply = mdev_sample_apply,
	.reset = mdev_sample_reset,
};

/* Region 0 is the device's, those from 1 on are the library's. */
#define MDEV_SAMPLE_SHIFT	40

static int mdev_sample_region_info(struct vfio_device *vdev, struct vfio_region_info *info,
				   struct vfio_info_cap *caps)
{
	struct mdev_sample *sample = container_of(vdev, struct mdev_sample, vdev);

	info->offset = (u64)info->index << MDEV_SAMPLE_SHIFT;
	if (info->index)
		return mdev_migration_region_info(sample->mig, info->index - 1, info, caps);
	info->size = sizeof(sample->regs);
	info->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE;
	return 0;
}

static ssize_t mdev_sample_read(struct vfio_device *vdev, char __user *buf, size_t len, loff_t *pos)
{
	struct mdev_sample *sample = container_of(vdev, struct mdev_sample, vdev);
	u64 at = *pos & GENMASK_ULL(MDEV_SAMPLE_SHIFT - 1, 0);
	u32 region = *pos >> MDEV_SAMPLE_SHIFT;
	__le32 value;

	if (region)
		return mdev_migration_region_read(sample->mig, region - 1, buf, len, at);
	if (len != sizeof(value) || at % len || at >= sizeof(sample->regs))
		return -EINVAL;

	/* User memory is touched with no lock held. */
	scoped_guard(mutex, &sample->lock)
		value = sample->regs[at / len];
	return copy_to_user(buf, &value, len) ? -EFAULT : len;
}

static ssize_t mdev_sample_write(struct vfio_device *vdev, const char __user *buf, size_t len,
				 loff_t *pos)
{
	struct mdev_sample *sample = container_of(vdev, struct mdev_sample, vdev);
	u64 at = *pos & GENMASK_ULL(MDEV_SAMPLE_SHIFT - 1, 0);
	u32 region = *pos >> MDEV_SAMPLE_SHIFT;
	__le32 value;

	if (region)
		return mdev_migration_region_write(sample->mig, region - 1, buf, len, at);
	if (len != sizeof(value) || at % len || at >= sizeof(sample->regs))
		return -EINVAL;
	if (copy_from_user(&value, buf, len))
		return -EFAULT;
	scoped_guard(mutex, &sample->lock) {
		if (at / len == MDEV_SAMPLE_CONTROL) {
			sample->regs[at / len] = value & cpu_to_le32(1);
			mdev_sample_update_locked(sample);
		} else if (at / len >= MDEV_SAMPLE_SCRATCH) {
			sample->regs[at / len] = value;
		}
	}
	/* A context that is being read is no longer true. */
	mdev_migration_touch(sample->mig);
	return len;
}

static long mdev_sample_ioctl(struct vfio_device *vdev, unsigned int cmd, unsigned long arg)
{
	struct mdev_sample *sample = container_of(vdev, struct mdev_sample, vdev);
	unsigned long minsz = offsetofend(struct vfio_device_info, num_irqs);
	struct vfio_device_info info;

	if (cmd == VFIO_DEVICE_GET_REGION_INFO)
		return compat_vfio_get_region_info(vdev, (void __user *)arg,
						   mdev_sample_region_info);
	if (cmd == VFIO_DEVICE_RESET)
		return mdev_migration_reset(sample->mig);
	if (cmd != VFIO_DEVICE_GET_INFO)
		return -ENOTTY;
	if (copy_from_user(&info, (void __user *)arg, minsz))
		return -EFAULT;
	if (info.argsz < minsz)
		return -EINVAL;
	info.flags = VFIO_DEVICE_FLAGS_RESET;
	info.num_regions = 1 + mdev_migration_nr_regions(sample->mig);
	info.num_irqs = 0;
	return copy_to_user((void __user *)arg, &info, minsz) ? -EFAULT : 0;
}

static int mdev_sample_open(struct vfio_device *vdev)
{
	struct mdev_sample *sample = container_of(vdev, struct mdev_sample, vdev);

	sample->dirty = vfio_dirty_open(vdev);
	if (IS_ERR(sample->dirty))
		return PTR_ERR(sample->dirty);
	mdev_sample_reset(sample);
	sample->stopped = false;
	mdev_migration_open(sample->mig, sample->dirty);
	return 0;
}

static void mdev_sample_close(struct vfio_device *vdev)
{
	struct mdev_sample *sample = container_of(vdev, struct mdev_sample, vdev);

	mdev_migration_close(sample->mig);
	mdev_sample_quiesce(sample, MDEV_MIGRATION_QUIESCE_STOP);
	vfio_dirty_close(sample->dirty);
}

static int mdev_sample_init_device(struct vfio_device *vdev)
{
	struct mdev_sample *sample = container_of(vdev, struct mdev_sample, vdev);
	struct mdev_migration_params params = {
		.dev = vdev->dev,
		.ops = &mdev_sample_migration_ops,
		.priv = sample,
		.type = MDEV_SAMPLE_TYPE,
		.state_size = sizeof(sample->regs),
	};

	mutex_init(&sample->lock);
	INIT_DELAYED_WORK(&sample->work, mdev_sample_work);
	sample->mig = mdev_migration_create(&params);
	if (IS_ERR(sample->mig))
		return PTR_ERR(sample->mig);
	mdev_migration_v2_setup(sample->mig, vdev);
	return 0;
}

static void mdev_sample_release(struct vfio_device *vdev)
{
	mdev_migration_destroy(container_of(vdev, struct mdev_sample, vdev)->mig);
	compat_vfio_free_device(vdev);
}

static const struct vfio_device_ops mdev_sample_device_ops = {
	.init = mdev_sample_init_device,
	.release = mdev_sample_release,
	.open_device = mdev_sample_open,
	.close_device = mdev_sample_close,
	.read = mdev_sample_read,
	.write = mdev_sample_write,
	.ioctl = mdev_sample_ioctl,
	.device_feature = mdev_migration_device_feature,
	COMPAT_VFIO_EMULATED_IOMMUFD_OPS
	COMPAT_VFIO_REGION_INFO_OP(mdev_sample_region_info)
};

static int mdev_sample_probe(struct mdev_device *mdev)
{
	struct mdev_sample *sample = vfio_alloc_device(mdev_sample, vdev, &mdev->dev,
						       &mdev_sample_device_ops);
	int ret;

	if (IS_ERR(sample))
		return PTR_ERR(sample);
	dev_set_drvdata(&mdev->dev, sample);
	ret = vfio_register_emulated_iommu_dev(&sample->vdev);
	if (ret)
		vfio_put_device(&sample->vdev);
	return ret;
}

static void mdev_sample_remove(struct mdev_device *mdev)
{
	struct mdev_sample *sample = dev_get_drvdata(&mdev->dev);

	vfio_unregister_group_dev(&sample->vdev);
	vfio_put_device(&sample->vdev);
}

static struct mdev_driver mdev_sample_driver = {
	/* None of VFIO's names fits, and no VMM shall take it for what it knows. */
	.device_api = MDEV_SAMPLE_TYPE,
	.max_instances = 64,
	.probe = mdev_sample_probe,
	.remove = mdev_sample_remove,
	.driver = { .name = "mdev_sample", .owner = THIS_MODULE, .mod_name = KBUILD_MODNAME },
};

static struct mdev_type mdev_sample_type = { .sysfs_name = "timer", .pretty_name = "Timer" };
static struct mdev_type *mdev_sample_types[] = { &mdev_sample_type };
static struct mdev_parent mdev_sample_parent;
static struct class mdev_sample_class = { .name = "mdev_sample" };
static struct device *mdev_sample_device;

static int __init mdev_sample_init(void)
{
	int ret = class_register(&mdev_sample_class);

	if (ret)
		return ret;
	mdev_sample_device = device_create(&mdev_sample_class, NULL, 0, NULL, "mdev_sample");
	ret = PTR_ERR_OR_ZERO(mdev_sample_device);
	if (ret)
		goto err_class;
	ret = mdev_register_driver(&mdev_sample_driver);
	if (ret)
		goto err_device;
	ret = vfio_dirty_register_driver(&mdev_sample_driver.driver);
	if (ret)
		goto err_driver;
	ret = mdev_register_parent(&mdev_sample_parent, mdev_sample_device,
				   &mdev_sample_driver, mdev_sample_types, 1);
	if (!ret)
		return 0;
	vfio_dirty_unregister_driver(&mdev_sample_driver.driver);
err_driver:
	mdev_unregister_driver(&mdev_sample_driver);
err_device:
	device_unregister(mdev_sample_device);
err_class:
	class_unregister(&mdev_sample_class);
	return ret;
}

static void __exit mdev_sample_exit(void)
{
	mdev_unregister_parent(&mdev_sample_parent);
	vfio_dirty_unregister_driver(&mdev_sample_driver.driver);
	mdev_unregister_driver(&mdev_sample_driver);
	device_unregister(mdev_sample_device);
	class_unregister(&mdev_sample_class);
}

module_init(mdev_sample_init);
module_exit(mdev_sample_exit);
MODULE_DESCRIPTION("Sample of a migratable mediated device");
MODULE_LICENSE("GPL");
