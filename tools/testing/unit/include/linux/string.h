/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/string.h> in user space. */
#ifndef UNIT_LINUX_STRING_H
#define UNIT_LINUX_STRING_H

#include <stdio.h>
#include <string.h>

#define strscpy(to, from, size) ((void)snprintf(to, size, "%s", from))

#endif
