/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Driving an mdev_sample, the sample of a driver on the migration library: see
 * samples/mdev-sample/mdev_sample.h for its registers.
 *
 * Functions return 0 or -errno, and print nothing.
 */
#ifndef SAMPLES_LIB_SAMPLE_H
#define SAMPLES_LIB_SAMPLE_H

#include <sys/types.h>
#include <linux/types.h>

#include "mdev_sample.h"

#define SAMPLE_REGISTER_SIZE	4

/**
 * struct sample - the registers of an open device
 * @device: device fd
 * @offset: of the registers in the device fd
 */
struct sample {
	int device;
	off_t offset;
};

/* Find the registers; -ENODEV for a device that looks different. */
int sample_init(struct sample *sample, int device);

int sample_read(const struct sample *sample, unsigned int reg, __u32 *value);
int sample_write(const struct sample *sample, unsigned int reg, __u32 value);

/* All registers, one after another. */
int sample_read_all(const struct sample *sample, __u32 regs[MDEV_SAMPLE_REGS]);

/**
 * sample_wait - wait until the timer has ticked
 * @sample: the device
 * @ticks: the register is to hold another value than this
 * @timeout_ms: how long
 *
 * Return: 0, -ETIMEDOUT, or -errno of an access.
 */
int sample_wait(const struct sample *sample, __u32 ticks,
		unsigned int timeout_ms);

#endif /* SAMPLES_LIB_SAMPLE_H */
