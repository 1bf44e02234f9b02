/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/minmax.h> in user space. */
#ifndef UNIT_LINUX_MINMAX_H
#define UNIT_LINUX_MINMAX_H

#include <stddef.h>

static inline void unit_swap(void *a, void *b, size_t size)
{
	char *x = a, *y = b, byte;

	while (size--) {
		byte = *x;
		*x++ = *y;
		*y++ = byte;
	}
}

#define swap(a, b) unit_swap(&(a), &(b), sizeof(a))
#define min(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); \
		     _a < _b ? _a : _b; })
#define max(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); \
		     _a > _b ? _a : _b; })
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))

#endif
