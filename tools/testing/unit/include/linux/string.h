/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/string.h> in user space. */
#ifndef UNIT_LINUX_STRING_H
#define UNIT_LINUX_STRING_H

#include <stdio.h>
#include <string.h>

#define strscpy(to, from, size) ((void)snprintf(to, size, "%s", from))

static inline const void *memchr_inv(const void *data, int c, size_t len)
{
	const unsigned char *byte = data;

	for (; len; len--, byte++)
		if (*byte != (unsigned char)c)
			return byte;
	return NULL;
}

#endif
