/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/err.h> in user space: errors that travel as pointers. */
#ifndef UNIT_LINUX_ERR_H
#define UNIT_LINUX_ERR_H

#include <linux/errno.h>
#include <stdbool.h>

#define ERR_PTR(error)	((void *)(long)(error))
#define PTR_ERR(ptr)	((long)(ptr))
#define IS_ERR(ptr)	((unsigned long)(ptr) >= (unsigned long)-4095L)

#endif
