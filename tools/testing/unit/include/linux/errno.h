/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/errno.h> in user space. */
#ifndef UNIT_LINUX_ERRNO_H
#define UNIT_LINUX_ERRNO_H

#include <asm/errno.h>

#endif
