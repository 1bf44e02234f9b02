// SPDX-License-Identifier: GPL-2.0
/*
 * Driving an mdev_sample: see sample.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "sample.h"
#include "vfio.h"

int sample_init(struct sample *sample, int device)
{
	struct vfio_device_info dev;
	struct vfio_region_info *info;
	int ret;

	ret = vfio_get_device_info(device, &dev);
	if (ret)
		return ret;
	/* It is of no kind that VFIO knows. */
	if (dev.flags != VFIO_DEVICE_FLAGS_RESET)
		return -ENODEV;
	ret = vfio_get_region_info(device, 0, &info);
	if (ret)
		return ret;
	sample->device = device;
	sample->offset = (off_t)info->offset;
	if (info->size != MDEV_SAMPLE_REGS * SAMPLE_REGISTER_SIZE)
		ret = -ENODEV;
	free(info);
	return ret;
}

int sample_read(const struct sample *sample, unsigned int reg, __u32 *value)
{
	__le32 raw;
	int ret = vfio_pread(sample->device, &raw, sizeof(raw),
			     sample->offset + SAMPLE_REGISTER_SIZE * reg);

	if (!ret)
		*value = le32toh(raw);
	return ret;
}

int sample_write(const struct sample *sample, unsigned int reg, __u32 value)
{
	__le32 raw = htole32(value);

	return vfio_pwrite(sample->device, &raw, sizeof(raw),
			   sample->offset + SAMPLE_REGISTER_SIZE * reg);
}

int sample_read_all(const struct sample *sample, __u32 regs[MDEV_SAMPLE_REGS])
{
	unsigned int reg;
	int ret = 0;

	for (reg = 0; reg < MDEV_SAMPLE_REGS && !ret; reg++)
		ret = sample_read(sample, reg, &regs[reg]);
	return ret;
}

int sample_wait(const struct sample *sample, __u32 ticks,
		unsigned int timeout_ms)
{
	const struct timespec nap = { .tv_nsec = 1000 * 1000 };
	unsigned int i;
	__u32 now;
	int ret;

	for (i = 0; i <= timeout_ms; i++) {
		ret = sample_read(sample, MDEV_SAMPLE_TICKS, &now);
		if (ret || now != ticks)
			return ret;
		nanosleep(&nap, NULL);
	}
	return -ETIMEDOUT;
}
