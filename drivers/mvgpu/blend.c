// SPDX-License-Identifier: GPL-2.0
/*
 * The arithmetic of BLEND: source over destination, pixel by pixel, with
 * colours that are multiplied by their alpha. Results are exact, so that a
 * model in user space can say what each byte has to be.
 */
#include "blend.h"
#include "decode.h"

#define MVGPU_BLEND_MAX		255
/* Offset of alpha in a pixel. */
#define MVGPU_BLEND_ALPHA	3

/* x * y / 255, rounded to the nearest; both are at most 255. */
static u32 mvgpu_blend_multiply(u32 x, u32 y)
{
	u32 product = x * y + 128;

	return (product + (product >> 8)) >> 8;
}

static void mvgpu_blend_pixel(u8 *dst, const u8 *src, u32 alpha)
{
	u32 rest, sum, i;

	rest = MVGPU_BLEND_MAX -
	       mvgpu_blend_multiply(src[MVGPU_BLEND_ALPHA], alpha);
	for (i = 0; i < MVGPU_PIXEL_SIZE; i++) {
		sum = mvgpu_blend_multiply(src[i], alpha) +
		      mvgpu_blend_multiply(dst[i], rest);
		/* a colour may be more than its alpha allows */
		dst[i] = sum < MVGPU_BLEND_MAX ? sum : MVGPU_BLEND_MAX;
	}
}

/**
 * mvgpu_blend - lay pixels over others
 * @dst: the pixels below, which change
 * @src: the pixels above
 * @len: bytes, a multiple of MVGPU_PIXEL_SIZE
 * @alpha: 0 to 255, how much of @src there is
 * @backward: from the last to the first, because @dst overlaps the end of @src
 */
void mvgpu_blend(u8 *dst, const u8 *src, u32 len, u32 alpha, bool backward)
{
	u32 at, i;

	for (i = 0; i < len; i += MVGPU_PIXEL_SIZE) {
		at = backward ? len - MVGPU_PIXEL_SIZE - i : i;
		mvgpu_blend_pixel(dst + at, src + at, alpha);
	}
}
