/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/module.h> in user space. */
#ifndef UNIT_LINUX_MODULE_H
#define UNIT_LINUX_MODULE_H

#include <linux/export.h>

#define THIS_MODULE			NULL
#define MODULE_DESCRIPTION(text)	extern int unit_desc[sizeof(text)]
#define MODULE_AUTHOR(text)		extern int unit_author[sizeof(text)]
#define MODULE_LICENSE(text)		extern int unit_license[sizeof(text)]
#define MODULE_VERSION(text)		extern int unit_version[sizeof(text)]

#endif
