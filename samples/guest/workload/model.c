// SPDX-License-Identifier: GPL-2.0
/*
 * What commands do: see model.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "blend.h"
#include "crc32c.h"
#include "model.h"

int model_create(struct model *model, __u64 base, size_t size)
{
	model->base = base;
	model->size = size;
	model->mem = calloc(1, size);
	model->scratch = malloc(size);
	if (!model->mem || !model->scratch) {
		model_destroy(model);
		return -ENOMEM;
	}
	return 0;
}

void model_destroy(struct model *model)
{
	free(model->mem);
	free(model->scratch);
	memset(model, 0, sizeof(*model));
}

static __u8 *at(const struct model *model, __le64 address)
{
	return model->mem + (le64toh(address) - model->base);
}

static void run_fill(struct model *to, const struct mvgpu_fill *fill)
{
	const __u32 width = le32toh(fill->width);
	__u32 row, i;

	for (row = 0; row < le32toh(fill->height); row++) {
		__u8 *dst = at(to, fill->dst) +
			    (size_t)row * le32toh(fill->pitch);

		for (i = 0; i < width; i++)
			dst[i] = ((const __u8 *)&fill->value)[i % 4];
	}
}

/* Rows behind each other in @scratch, so that overlap does not matter. */
static void gather(__u8 *scratch, const __u8 *src, __u32 width, __u32 height,
		   __u32 pitch)
{
	__u32 row;

	for (row = 0; row < height; row++)
		memcpy(scratch + (size_t)row * width,
		       src + (size_t)row * pitch, width);
}

static void run_copy(struct model *to, const struct model *from,
		     const struct mvgpu_copy *copy)
{
	const __u32 width = le32toh(copy->width);
	const __u32 height = le32toh(copy->height);
	__u32 row;

	gather(to->scratch, at(from, copy->src), width, height,
	       le32toh(copy->src_pitch));
	for (row = 0; row < height; row++)
		memcpy(at(to, copy->dst) +
		       (size_t)row * le32toh(copy->dst_pitch),
		       to->scratch + (size_t)row * width, width);
}

static void run_blend(struct model *to, const struct model *from,
		      const struct mvgpu_blend *blend)
{
	const __u32 width = le32toh(blend->width);
	const __u32 height = le32toh(blend->height);
	__u32 row;

	gather(to->scratch, at(from, blend->src), width, height,
	       le32toh(blend->src_pitch));
	for (row = 0; row < height; row++)
		blend_row(at(to, blend->dst) +
			  (size_t)row * le32toh(blend->dst_pitch),
			  to->scratch + (size_t)row * width, width,
			  le32toh(blend->alpha));
}

static void run_crc32c(struct model *to, const struct model *from,
		       const struct mvgpu_crc32c *crc)
{
	__le32 result = htole32(crc32c(le32toh(crc->seed), at(from, crc->src),
				       le64toh(crc->length)));

	memcpy(at(to, crc->dst), &result, sizeof(result));
}

void model_run(struct model *to, const struct model *from,
	       const union gpu_command *command)
{
	switch (le32toh(command->opcode)) {
	case MVGPU_OP_FILL:
		run_fill(to, &command->fill);
		break;
	case MVGPU_OP_COPY:
		run_copy(to, from, &command->copy);
		break;
	case MVGPU_OP_BLEND:
		run_blend(to, from, &command->blend);
		break;
	case MVGPU_OP_CRC32C:
		run_crc32c(to, from, &command->crc32c);
		break;
	}
}
