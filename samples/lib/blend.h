/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What BLEND does, plain C.
 */
#ifndef SAMPLES_LIB_BLEND_H
#define SAMPLES_LIB_BLEND_H

#include <linux/types.h>

/* Pixels of @src over those of @dst: @width bytes, a whole number of pixels. */
void blend_row(__u8 *dst, const __u8 *src, __u32 width, __u32 alpha);

#endif /* SAMPLES_LIB_BLEND_H */
