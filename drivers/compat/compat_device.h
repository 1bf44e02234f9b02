/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in <linux/device/class.h>.
 */
#ifndef _COMPAT_DEVICE_H
#define _COMPAT_DEVICE_H

#include <linux/device.h>

/* What the dev_uevent callback of a class is given a pointer to. */
#ifdef HAVE_CLASS_UEVENT_CONST
#define compat_uevent_device	const struct device
#else
#define compat_uevent_device	struct device
#endif

#endif /* _COMPAT_DEVICE_H */
