// SPDX-License-Identifier: GPL-2.0
/*
 * What BLEND does: see blend.h.
 */
#include "blend.h"

/* x * y / 255, to the nearest, of which there is but one. */
static __u32 share(__u32 x, __u32 y)
{
	return (x * y + 127) / 255;
}

void blend_row(__u8 *dst, const __u8 *src, __u32 width, __u32 alpha)
{
	__u32 i;

	for (i = 0; i < width; i++) {
		__u32 cover = share(src[i | 3], alpha);
		__u32 sum = share(src[i], alpha) + share(dst[i], 255 - cover);

		dst[i] = sum < 255 ? sum : 255;
	}
}
