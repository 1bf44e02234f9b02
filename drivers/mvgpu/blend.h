/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The arithmetic of BLEND. Pure: also compiled in user space.
 */
#ifndef _MVGPU_BLEND_H
#define _MVGPU_BLEND_H

#include <linux/types.h>

void mvgpu_blend(u8 *dst, const u8 *src, u32 len, u32 alpha, bool backward);

#endif /* _MVGPU_BLEND_H */
