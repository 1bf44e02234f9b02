// SPDX-License-Identifier: GPL-2.0
/*
 * The device of fake.h through migration v2.
 */
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/poll.h>
#include <stdlib.h>

#include "compat_vfio_migration.h"
#include "fake.h"
#include "unit.h"

int fake_set(struct fake *fake, unsigned int state, struct file **filp)
{
	struct vfio_device *vdev = &fake->vdev;

	*filp = vdev->mig_ops->migration_set_state(vdev, state);
	if (!IS_ERR(*filp))
		return 0;
	return PTR_ERR(*filp);
}

int fake_set_no_fd(struct fake *fake, unsigned int state)
{
	struct file *filp;
	int error = fake_set(fake, state, &filp);

	if (error)
		return error;
	CHECK(!filp);
	return 0;
}

int fake_state(struct fake *fake)
{
	struct vfio_device *vdev = &fake->vdev;
	enum vfio_device_mig_state state = 99;
	int error = vdev->mig_ops->migration_get_state(vdev, &state);

	return error ? error : (int)state;
}

u64 fake_data_size(struct fake *fake)
{
	struct vfio_device_feature_mig_data_size size = {};

	CHECK_EQ(0, mdev_migration_device_feature(&fake->vdev,
						  VFIO_DEVICE_FEATURE_GET |
						  VFIO_DEVICE_FEATURE_MIG_DATA_SIZE,
						  &size, sizeof(size)));
	return size.stop_copy_length;
}

ssize_t fake_file_read(struct file *filp, void *data, size_t len)
{
	CHECK(filp->is_stream);
	return filp->f_op->read(filp, data, len, NULL);
}

ssize_t fake_file_write(struct file *filp, const void *data, size_t len)
{
	CHECK(filp->is_stream);
	return filp->f_op->write(filp, data, len, NULL);
}

unsigned int fake_file_poll(struct file *filp)
{
	return filp->f_op->poll(filp, NULL);
}

int fake_precopy_info(struct file *filp, u64 *initial, u64 *dirty)
{
	struct vfio_precopy_info info = {
		.argsz = sizeof(info),
		.flags = ~0U,
	};
	int error = filp->f_op->unlocked_ioctl(filp, VFIO_MIG_GET_PRECOPY_INFO,
					       (unsigned long)&info);

	if (error)
		return error;
	CHECK_EQ(0, info.flags);
	*initial = info.initial_bytes;
	*dirty = info.dirty_bytes;
	return 0;
}

ssize_t fake_file_drain(struct file *filp, struct fake_bytes *bytes, size_t cut)
{
	u8 *data = malloc(cut);
	ssize_t got;

	while ((got = fake_file_read(filp, data, cut)) > 0)
		fake_append(bytes, data, got);
	free(data);
	return got;
}
