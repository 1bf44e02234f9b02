// SPDX-License-Identifier: GPL-2.0
/*
 * The model of the engine that tests compare with.
 */
#include <endian.h>
#include <errno.h>
#include <linux/mvgpu.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

int model_create(struct model *model, __u64 vram_size, __u64 ram_size,
		 __u64 iova)
{
	model->vram_size = vram_size;
	model->ram_size = ram_size;
	model->iova = iova;
	model->vram = calloc(1, vram_size);
	model->ram = calloc(1, ram_size);
	model->gtt = calloc(MVGPU_GTT_ENTRIES, sizeof(*model->gtt));
	if (model->vram && model->ram && model->gtt)
		return 0;
	model_destroy(model);

	return -ENOMEM;
}

void model_destroy(struct model *model)
{
	free(model->vram);
	free(model->ram);
	free(model->gtt);
	memset(model, 0, sizeof(*model));
}

unsigned char *model_byte(struct model *model, __u64 address)
{
	__u64 page = address / MVGPU_PAGE_SIZE, entry, where;

	if (page >= MVGPU_GTT_ENTRIES)
		return NULL;
	entry = model->gtt[page];
	where = (entry & MVGPU_GTT_ADDRESS) + address % MVGPU_PAGE_SIZE;
	if (!(entry & MVGPU_GTT_VALID))
		return NULL;
	if (entry & MVGPU_GTT_VRAM)
		return where < model->vram_size ? model->vram + where : NULL;
	if (where < model->iova || where - model->iova >= model->ram_size)
		return NULL;

	return model->ram + (where - model->iova);
}

__u32 model_crc32c(__u32 seed, const void *data, __u64 len)
{
	const unsigned char *byte = data;
	__u32 crc = ~seed;
	int bit;

	while (len--) {
		crc ^= *byte++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}

	return ~crc;
}

/* Bytes from @address to the end of its page, at most @len. */
static __u64 model_span(__u64 address, __u64 len)
{
	__u64 rest = MVGPU_PAGE_SIZE - address % MVGPU_PAGE_SIZE;

	return len < rest ? len : rest;
}

static __u32 model_write(struct model *model, __u64 dst, const void *data,
			 __u64 len)
{
	const unsigned char *from = data;
	unsigned char *to;
	__u64 span;

	for (; len; dst += span, from += span, len -= span) {
		span = model_span(dst, len);
		to = model_byte(model, dst);
		if (!to)
			return MVGPU_FAULT_UNBOUND;
		memcpy(to, from, span);
	}

	return MVGPU_FAULT_NONE;
}

static __u32 model_read(struct model *model, __u64 src, void *data, __u64 len)
{
	unsigned char *from, *to = data;
	__u64 span;

	for (; len; src += span, to += span, len -= span) {
		span = model_span(src, len);
		from = model_byte(model, src);
		if (!from)
			return MVGPU_FAULT_UNBOUND;
		memcpy(to, from, span);
	}

	return MVGPU_FAULT_NONE;
}

static unsigned char *model_alloc(__u64 len)
{
	unsigned char *data = malloc(len);

	if (!data)
		abort();
	return data;
}

static __u32 model_fill(struct model *model, const struct mvgpu_fill *fill)
{
	const unsigned char *value = (const unsigned char *)&fill->value;
	__u32 width = le32toh(fill->width), pitch = le32toh(fill->pitch);
	unsigned char *pattern = model_alloc(width);
	__u32 k, fault = 0;
	__u64 row;

	for (k = 0; k < width; k++)
		pattern[k] = value[k % 4];
	for (row = 0; row < le32toh(fill->height) && !fault; row++)
		fault = model_write(model, le64toh(fill->dst) + row * pitch,
				    pattern, width);
	free(pattern);

	return fault;
}

static __u32 model_copy(struct model *model, const struct mvgpu_copy *copy)
{
	__u64 width = le32toh(copy->width), height = le32toh(copy->height);
	unsigned char *all = model_alloc(width * height);
	__u32 fault = 0;
	__u64 row;

	for (row = 0; row < height && !fault; row++)
		fault = model_read(model, le64toh(copy->src) +
				   row * le32toh(copy->src_pitch),
				   all + row * width, width);
	for (row = 0; row < height && !fault; row++)
		fault = model_write(model, le64toh(copy->dst) +
				    row * le32toh(copy->dst_pitch),
				    all + row * width, width);
	free(all);

	return fault;
}

static unsigned int model_multiply(unsigned int x, unsigned int y)
{
	return (2 * x * y + 255) / 510;
}

static void model_blend_pixel(unsigned char *below, const unsigned char *above,
			      unsigned int alpha)
{
	unsigned int rest = 255 - model_multiply(above[3], alpha), sum;
	int i;

	for (i = 0; i < 4; i++) {
		sum = model_multiply(above[i], alpha) +
		      model_multiply(below[i], rest);
		below[i] = sum > 255 ? 255 : sum;
	}
}

static __u32 model_blend(struct model *model, const struct mvgpu_blend *blend)
{
	__u64 width = le32toh(blend->width), height = le32toh(blend->height);
	unsigned char *above = model_alloc(width * height);
	unsigned char *below = model_alloc(width);
	__u64 row, i, dst;
	__u32 fault = 0;

	for (row = 0; row < height && !fault; row++)
		fault = model_read(model, le64toh(blend->src) +
				   row * le32toh(blend->src_pitch),
				   above + row * width, width);
	for (row = 0; row < height && !fault; row++) {
		dst = le64toh(blend->dst) + row * le32toh(blend->dst_pitch);
		fault = model_read(model, dst, below, width);
		for (i = 0; i < width && !fault; i += 4)
			model_blend_pixel(below + i, above + row * width + i,
					  le32toh(blend->alpha));
		fault = fault ?: model_write(model, dst, below, width);
	}
	free(above);
	free(below);

	return fault;
}

static __u32 model_crc(struct model *model, const struct mvgpu_crc32c *crc)
{
	__u64 len = le64toh(crc->length);
	unsigned char *all = model_alloc(len);
	__u32 fault;
	__le32 result;

	fault = model_read(model, le64toh(crc->src), all, len);
	result = htole32(model_crc32c(le32toh(crc->seed), all, len));
	free(all);

	return fault ?: model_write(model, le64toh(crc->dst), &result, 4);
}

/* BIND and UNBIND */
static __u32 model_bind(struct model *model, const struct mvgpu_bind *bind)
{
	__u32 first = le32toh(bind->first), count = le32toh(bind->count);
	__u64 entry = le64toh(bind->entry);
	__u32 i;

	for (i = 0; i < count; i++)
		model->gtt[first + i] =
			le32toh(bind->opcode) == MVGPU_OP_BIND ?
			entry + (__u64)i * MVGPU_PAGE_SIZE : 0;

	return MVGPU_FAULT_NONE;
}

__u32 model_run(struct model *model, const void *command)
{
	const struct mvgpu_fence *fence = command;

	switch (le32toh(fence->opcode)) {
	case MVGPU_OP_NOP:
		return MVGPU_FAULT_NONE;
	case MVGPU_OP_FILL:
		return model_fill(model, command);
	case MVGPU_OP_COPY:
		return model_copy(model, command);
	case MVGPU_OP_BLEND:
		return model_blend(model, command);
	case MVGPU_OP_CRC32C:
		return model_crc(model, command);
	case MVGPU_OP_BIND:
	case MVGPU_OP_UNBIND:
		return model_bind(model, command);
	case MVGPU_OP_FENCE:
		return model_write(model, le64toh(fence->dst), &fence->value,
				   sizeof(fence->value));
	default:
		return MVGPU_FAULT_OPCODE;
	}
}
