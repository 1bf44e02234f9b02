/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/export.h> in user space: nothing is exported, see the Makefile. */
#ifndef UNIT_LINUX_EXPORT_H
#define UNIT_LINUX_EXPORT_H

struct unit_export;

#endif
