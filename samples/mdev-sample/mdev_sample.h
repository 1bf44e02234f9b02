/* SPDX-License-Identifier: GPL-2.0 */
/* What the driver of mdev_sample, a timer that counts, and its users agree on. */
#ifndef MDEV_SAMPLE_H
#define MDEV_SAMPLE_H

/* Name of the type: in sysfs, also as its device_api, and in streams. */
#define MDEV_SAMPLE_TYPE	"mdev_sample-timer"
#define MDEV_SAMPLE_PERIOD_NS	10000000	/* from tick to tick, or a little more */

/* Region 0: registers of 32 bits, little-endian, accessed one by one. */
enum mdev_sample_register {
	MDEV_SAMPLE_CONTROL,	/* 1: the timer runs, 0: it stands */
	MDEV_SAMPLE_LEFT,	/* read-only: nanoseconds to a tick, if it stands */
	MDEV_SAMPLE_TICKS,	/* read-only: counts them, and wraps */
	MDEV_SAMPLE_SCRATCH,	/* it and all that follow keep what is written */
	MDEV_SAMPLE_REGS = 1024,
};

#endif /* MDEV_SAMPLE_H */
