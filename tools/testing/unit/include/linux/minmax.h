/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/minmax.h> in user space. */
#ifndef UNIT_LINUX_MINMAX_H
#define UNIT_LINUX_MINMAX_H

#define min(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); \
		     _a < _b ? _a : _b; })
#define max(a, b) ({ __typeof__(a) _a = (a); __typeof__(b) _b = (b); \
		     _a > _b ? _a : _b; })
#define min_t(type, a, b) min((type)(a), (type)(b))
#define swap(a, b) do { __typeof__(a) _a = (a); (a) = (b); (b) = _a; } while (0)
#define max_t(type, a, b) max((type)(a), (type)(b))

#endif
