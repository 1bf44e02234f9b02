// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of the device in plain C: see model.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "model.h"

/* No command of the program copies more. */
#define SCRATCH_SIZE	(1024UL * 1024)

int model_create(struct model *model, const struct workload *work)
{
	struct workload_memory mem;

	memset(model, 0, sizeof(*model));
	model->work = *work;
	model->ram = calloc(work->ram_pages, WORKLOAD_PAGE);
	model->vram = calloc(work->vram_pages, WORKLOAD_PAGE);
	model->gtt = calloc(MVGPU_GTT_ENTRIES, sizeof(*model->gtt));
	model->written = calloc((work->ram_pages + 63) / 64,
				sizeof(*model->written));
	model->scratch = malloc(SCRATCH_SIZE);
	if (!model->ram || !model->vram || !model->gtt || !model->written ||
	    !model->scratch) {
		model_destroy(model);
		return -ENOMEM;
	}
	mem = (struct workload_memory) {
		.ram = model->ram,
		.vram = model->vram,
	};
	workload_prepare(work, &mem);
	return 0;
}

void model_destroy(struct model *model)
{
	free(model->ram);
	free(model->vram);
	free(model->gtt);
	free(model->written);
	free(model->scratch);
	memset(model, 0, sizeof(*model));
}

/* What a GPU address means, up to the end of its page; NULL for a fault. */
static __u8 *at(struct model *model, __u64 address, bool write)
{
	const struct workload *work = &model->work;
	__u64 entry, target, page;

	if (address >= MVGPU_GTT_ENTRIES * WORKLOAD_PAGE)
		return NULL;
	entry = model->gtt[address / WORKLOAD_PAGE];
	if (!(entry & MVGPU_GTT_VALID) || (write && !(entry & MVGPU_GTT_WRITE)))
		return NULL;
	target = entry & MVGPU_GTT_ADDRESS;
	page = target / WORKLOAD_PAGE;
	if (entry & MVGPU_GTT_VRAM)
		return page < work->vram_pages ?
		       model->vram + target + address % WORKLOAD_PAGE : NULL;
	if (target < WORKLOAD_IOVA)
		return NULL;
	target -= WORKLOAD_IOVA;
	page = target / WORKLOAD_PAGE;
	if (page >= work->ram_pages)
		return NULL;
	if (write)
		model->written[page / 64] |= 1ULL << page % 64;
	return model->ram + target + address % WORKLOAD_PAGE;
}

static size_t in_page(__u64 address, __u64 len)
{
	__u64 left = WORKLOAD_PAGE - address % WORKLOAD_PAGE;

	return len < left ? len : left;
}

static int load(struct model *model, __u64 address, __u8 *data, __u64 len)
{
	while (len) {
		size_t part = in_page(address, len);
		const __u8 *from = at(model, address, false);

		if (!from)
			return -EFAULT;
		memcpy(data, from, part);
		address += part;
		data += part;
		len -= part;
	}
	return 0;
}

static int store(struct model *model, __u64 address, const __u8 *data,
		 __u64 len)
{
	while (len) {
		size_t part = in_page(address, len);
		__u8 *to = at(model, address, true);

		if (!to)
			return -EFAULT;
		memcpy(to, data, part);
		address += part;
		data += part;
		len -= part;
	}
	return 0;
}

static int run_fill(struct model *model, const struct mvgpu_fill *fill)
{
	__u32 width = le32toh(fill->width), pitch = le32toh(fill->pitch);
	__u32 row, i;
	int ret = 0;

	if (width > SCRATCH_SIZE)
		return -EFAULT;
	for (i = 0; i < width; i++)
		model->scratch[i] = ((const __u8 *)&fill->value)[i % 4];
	for (row = 0; row < le32toh(fill->height) && !ret; row++)
		ret = store(model, le64toh(fill->dst) + (__u64)row * pitch,
			    model->scratch, width);
	return ret;
}

static int run_copy(struct model *model, const struct mvgpu_copy *copy)
{
	__u32 width = le32toh(copy->width), height = le32toh(copy->height);
	__u64 src = le64toh(copy->src), dst = le64toh(copy->dst);
	__u32 row;
	int ret = 0;

	if ((__u64)width * height > SCRATCH_SIZE)
		return -EFAULT;
	for (row = 0; row < height && !ret; row++)
		ret = load(model, src + (__u64)row * le32toh(copy->src_pitch),
			   model->scratch + (__u64)row * width, width);
	for (row = 0; row < height && !ret; row++)
		ret = store(model, dst + (__u64)row * le32toh(copy->dst_pitch),
			    model->scratch + (__u64)row * width, width);
	return ret;
}

static int run_crc32c(struct model *model, const struct mvgpu_crc32c *crc)
{
	__u64 address = le64toh(crc->src), len = le64toh(crc->length);
	__u32 sum = le32toh(crc->seed);
	__le32 result;

	while (len) {
		size_t part = in_page(address, len);
		const __u8 *from = at(model, address, false);

		if (!from)
			return -EFAULT;
		sum = crc32c(sum, from, part);
		address += part;
		len -= part;
	}
	result = htole32(sum);
	return store(model, le64toh(crc->dst), (const __u8 *)&result,
		     sizeof(result));
}

static int run_bind(struct model *model, const struct mvgpu_bind *bind,
		    bool unbind)
{
	__u64 entry = le64toh(bind->entry) & ~MVGPU_GTT_RESERVED;
	__u32 first = le32toh(bind->first), count = le32toh(bind->count);
	__u32 i;

	if (first >= MVGPU_GTT_ENTRIES || count > MVGPU_GTT_ENTRIES - first)
		return -EFAULT;
	for (i = 0; i < count; i++)
		model->gtt[first + i] =
			unbind ? 0 : entry + (__u64)i * WORKLOAD_PAGE;
	return 0;
}

static int run_command(struct model *model, const union gpu_command *command)
{
	switch (le32toh(command->opcode)) {
	case MVGPU_OP_NOP:
		return 0;
	case MVGPU_OP_FILL:
		return run_fill(model, &command->fill);
	case MVGPU_OP_COPY:
		return run_copy(model, &command->copy);
	case MVGPU_OP_CRC32C:
		return run_crc32c(model, &command->crc32c);
	case MVGPU_OP_BIND:
		return run_bind(model, &command->bind, false);
	case MVGPU_OP_UNBIND:
		return run_bind(model, &command->bind, true);
	case MVGPU_OP_FENCE:
		return store(model, le64toh(command->fence.dst),
			     (const __u8 *)&command->fence.value,
			     sizeof(command->fence.value));
	default:
		return -EFAULT;
	}
}

int model_run(struct model *model, __u32 until)
{
	const struct workload_memory mem = {
		.ram = model->ram,
		.vram = model->vram,
	};
	int ret = 0;

	for (; model->next < until && !ret; model->next++) {
		union gpu_command command;

		command = workload_command(&model->work, model->next);
		workload_cpu(&model->work, model->next, &mem);
		ret = run_command(model, &command);
	}
	return ret;
}
