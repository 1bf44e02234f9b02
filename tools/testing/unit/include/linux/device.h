/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/device.h> in user space: the last warning is kept. */
#ifndef UNIT_LINUX_DEVICE_H
#define UNIT_LINUX_DEVICE_H

struct device {
	const char *name;
};

extern char unit_log[512];
extern unsigned int unit_logged;

void unit_warn_line(const struct device *dev, const char *format, ...);

#define dev_name(dev)			((dev)->name)
#define dev_warn(...)			unit_warn_line(__VA_ARGS__)

#endif
