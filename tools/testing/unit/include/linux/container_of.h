/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/container_of.h> in user space. */
#ifndef UNIT_LINUX_CONTAINER_OF_H
#define UNIT_LINUX_CONTAINER_OF_H

#include <stddef.h>

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

#endif
