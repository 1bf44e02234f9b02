// SPDX-License-Identifier: GPL-2.0
/*
 * The commands of the device in plain C: see model.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "blend.h"
#include "crc32c.h"
#include "model.h"

/* No command of the programs moves more. */
#define SCRATCH_SIZE	(1024UL * 1024)
#define ROW_SIZE	(16UL * 1024)

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
	model->scratch = malloc(SCRATCH_SIZE + ROW_SIZE);
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
	/* The rings are not read from memory here. */
	model->gtt[WORKLOAD_FENCE_ENTRY] = WORKLOAD_FENCE_GTT;
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

static int run_blend(struct model *model, const struct mvgpu_blend *blend)
{
	__u32 width = le32toh(blend->width), height = le32toh(blend->height);
	__u64 src = le64toh(blend->src), dst = le64toh(blend->dst);
	__u8 *row_data = model->scratch + SCRATCH_SIZE;
	__u32 row;
	int ret = 0;

	if ((__u64)width * height > SCRATCH_SIZE || width > ROW_SIZE)
		return -EFAULT;
	for (row = 0; row < height && !ret; row++)
		ret = load(model, src + (__u64)row * le32toh(blend->src_pitch),
			   model->scratch + (__u64)row * width, width);
	for (row = 0; row < height && !ret; row++) {
		__u64 at = dst + (__u64)row * le32toh(blend->dst_pitch);

		ret = load(model, at, row_data, width);
		if (ret)
			break;
		blend_row(row_data, model->scratch + (__u64)row * width, width,
			  le32toh(blend->alpha));
		ret = store(model, at, row_data, width);
	}
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

static int run_fence(struct model *model, const struct mvgpu_fence *fence)
{
	return store(model, le64toh(fence->dst), (const __u8 *)&fence->value,
		     sizeof(fence->value));
}

/* Nobody knows the time beforehand: verify.c looks at it apart. */
static int run_timestamp(struct model *model,
			 const struct mvgpu_timestamp *timestamp)
{
	static const __u8 none[sizeof(__u64)];

	return store(model, le64toh(timestamp->dst), none, sizeof(none));
}

/* -EAGAIN while it waits. */
static int run_semaphore(struct model *model,
			 const struct mvgpu_semaphore *semaphore)
{
	__u64 value = le64toh(semaphore->value), is;
	__le64 raw;
	bool holds;
	int ret;

	ret = load(model, le64toh(semaphore->src), (__u8 *)&raw, sizeof(raw));
	if (ret)
		return ret;
	is = le64toh(raw);
	switch (le32toh(semaphore->compare)) {
	case MVGPU_COMPARE_EQUAL:
		holds = is == value;
		break;
	case MVGPU_COMPARE_NOT_EQUAL:
		holds = is != value;
		break;
	case MVGPU_COMPARE_GREATER_EQUAL:
		holds = is >= value;
		break;
	default:
		return -EFAULT;
	}
	return holds ? 0 : -EAGAIN;
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
	case MVGPU_OP_BLEND:
		return run_blend(model, &command->blend);
	case MVGPU_OP_CRC32C:
		return run_crc32c(model, &command->crc32c);
	case MVGPU_OP_BIND:
		return run_bind(model, &command->bind, false);
	case MVGPU_OP_UNBIND:
		return run_bind(model, &command->bind, true);
	case MVGPU_OP_FENCE:
		return run_fence(model, &command->fence);
	case MVGPU_OP_SEMAPHORE:
		return run_semaphore(model, &command->semaphore);
	case MVGPU_OP_TIMESTAMP:
		return run_timestamp(model, &command->timestamp);
	default:
		return -EFAULT;
	}
}

/* One queue, as far as it gets. */
static int run_queue(struct model *model, unsigned int queue, __u32 until)
{
	const struct workload_memory mem = {
		.ram = model->ram,
		.vram = model->vram,
	};
	__u32 *next = &model->next[queue];
	int ret;

	for (; *next < until; (*next)++) {
		union gpu_command command;

		command = workload_command(&model->work, queue, *next);
		workload_cpu(&model->work, queue, *next, &mem);
		ret = run_command(model, &command);
		if (ret)
			return ret;
	}
	return 0;
}

int model_run(struct model *model, const __u32 until[WORKLOAD_QUEUES])
{
	bool moved;

	do {
		unsigned int queue;

		moved = false;
		for (queue = 0; queue < WORKLOAD_QUEUES; queue++) {
			__u32 before = model->next[queue];
			int ret = run_queue(model, queue, until[queue]);

			if (ret && ret != -EAGAIN)
				return ret;
			moved = moved || model->next[queue] != before;
		}
	} while (moved);
	return 0;
}

int model_reach(struct model *model, const __u32 until[WORKLOAD_QUEUES])
{
	int ret = model_run(model, until);

	if (!ret && memcmp(model->next, until, sizeof(model->next)))
		ret = -EDEADLK;
	return ret;
}

void model_end(const struct workload *work, __u32 end[WORKLOAD_QUEUES])
{
	unsigned int queue;

	for (queue = 0; queue < WORKLOAD_QUEUES; queue++)
		end[queue] = workload_commands(work, queue);
}
