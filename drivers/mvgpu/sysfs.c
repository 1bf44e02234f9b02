// SPDX-License-Identifier: GPL-2.0
/*
 * Attributes of a vGPU in sysfs, in the group mvgpu of its mdev. They are
 * described in Documentation/ABI/testing/sysfs-bus-mdev-mvgpu.
 */
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/sysfs.h>

#include "mvgpu_private.h"

static struct mvgpu_device *mvgpu_sysfs_device(struct device *dev)
{
	return dev_get_drvdata(dev);
}

static ssize_t state_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct mvgpu_device *gpu = mvgpu_sysfs_device(dev);
	struct mdev_migration_report report;

	mdev_migration_report(gpu->mig, &report);

	return sysfs_emit(buf, "%s\n",
			  READ_ONCE(gpu->is_open) ? report.state : "closed");
}
static DEVICE_ATTR_RO(state);

static ssize_t owner_show(struct device *dev, struct device_attribute *attr,
			  char *buf)
{
	struct mdev_migration_report report;

	mdev_migration_report(mvgpu_sysfs_device(dev)->mig, &report);

	return sysfs_emit(buf, "%s\n", report.owner);
}
static DEVICE_ATTR_RO(owner);

static ssize_t vram_used_show(struct device *dev, struct device_attribute *attr,
			      char *buf)
{
	return sysfs_emit(buf, "%llu\n",
			  mvgpu_device_vram_used(mvgpu_sysfs_device(dev)));
}
static DEVICE_ATTR_RO(vram_used);

static ssize_t pages_pinned_show(struct device *dev,
				 struct device_attribute *attr, char *buf)
{
	struct mvgpu_device *gpu = mvgpu_sysfs_device(dev);

	return sysfs_emit(buf, "%u\n", READ_ONCE(gpu->gtt.nr_pinned));
}
static DEVICE_ATTR_RO(pages_pinned);

/* Counters are set to 0, and to nothing else. */
static int mvgpu_sysfs_parse_zero(const char *buf)
{
	u64 value;
	int ret;

	ret = kstrtou64(buf, 0, &value);
	if (ret)
		return ret;

	return value ? -EINVAL : 0;
}

static ssize_t mvgpu_sysfs_count_show(struct mvgpu_device *gpu,
				      const u64 *count, char *buf)
{
	u64 value;

	spin_lock(&gpu->lock);
	value = *count;
	spin_unlock(&gpu->lock);

	return sysfs_emit(buf, "%llu\n", value);
}

static ssize_t mvgpu_sysfs_count_store(struct mvgpu_device *gpu, u64 *count,
				       const char *buf, size_t len)
{
	int ret;

	ret = mvgpu_sysfs_parse_zero(buf);
	if (ret)
		return ret;

	spin_lock(&gpu->lock);
	*count = 0;
	spin_unlock(&gpu->lock);

	return len;
}

static ssize_t commands_show(struct device *dev, struct device_attribute *attr,
			     char *buf)
{
	struct mvgpu_device *gpu = mvgpu_sysfs_device(dev);

	return mvgpu_sysfs_count_show(gpu, &gpu->worker.commands, buf);
}

static ssize_t commands_store(struct device *dev, struct device_attribute *attr,
			      const char *buf, size_t len)
{
	struct mvgpu_device *gpu = mvgpu_sysfs_device(dev);

	return mvgpu_sysfs_count_store(gpu, &gpu->worker.commands, buf, len);
}
static DEVICE_ATTR_RW(commands);

static ssize_t faults_show(struct device *dev, struct device_attribute *attr,
			   char *buf)
{
	struct mvgpu_device *gpu = mvgpu_sysfs_device(dev);

	return mvgpu_sysfs_count_show(gpu, &gpu->worker.faults, buf);
}

static ssize_t faults_store(struct device *dev, struct device_attribute *attr,
			    const char *buf, size_t len)
{
	struct mvgpu_device *gpu = mvgpu_sysfs_device(dev);

	return mvgpu_sysfs_count_store(gpu, &gpu->worker.faults, buf, len);
}
static DEVICE_ATTR_RW(faults);

static ssize_t bytes_migrated_show(struct device *dev,
				   struct device_attribute *attr, char *buf)
{
	struct mdev_migration_report report;

	mdev_migration_report(mvgpu_sysfs_device(dev)->mig, &report);

	return sysfs_emit(buf, "%llu\n", report.moved);
}

static ssize_t bytes_migrated_store(struct device *dev,
				    struct device_attribute *attr,
				    const char *buf, size_t len)
{
	int ret;

	ret = mvgpu_sysfs_parse_zero(buf);
	if (ret)
		return ret;
	mdev_migration_clear_moved(mvgpu_sysfs_device(dev)->mig);

	return len;
}
static DEVICE_ATTR_RW(bytes_migrated);

static struct attribute *mvgpu_sysfs_attributes[] = {
	&dev_attr_state.attr,
	&dev_attr_owner.attr,
	&dev_attr_vram_used.attr,
	&dev_attr_pages_pinned.attr,
	&dev_attr_commands.attr,
	&dev_attr_faults.attr,
	&dev_attr_bytes_migrated.attr,
	NULL
};

static const struct attribute_group mvgpu_sysfs_group = {
	.name = "mvgpu",
	.attrs = mvgpu_sysfs_attributes,
};

const struct attribute_group *mvgpu_sysfs_groups[] = {
	&mvgpu_sysfs_group,
	NULL
};
