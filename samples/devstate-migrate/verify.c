// SPDX-License-Identifier: GPL-2.0
/*
 * Comparisons with the model: see verify.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "verify.h"

/* VRAM is read in pieces of this size. */
#define PIECE	(1024UL * 1024)

int verify_model(struct model *model, const struct workload *work)
{
	int ret = model_create(model, work);

	if (!ret)
		ret = model_run(model, workload_commands(work));
	if (!ret)
		return 0;
	model_destroy(model);
	return machine_error("the model", ret);
}

static __u32 wrong_pages(const __u8 *is, const __u8 *should, size_t len)
{
	__u32 wrong = 0;
	size_t at;

	for (at = 0; at < len; at += WORKLOAD_PAGE) {
		if (memcmp(is + at, should + at, WORKLOAD_PAGE))
			wrong++;
	}
	return wrong;
}

int verify_memory(struct machine *machine, const struct model *model,
		  struct verify_result *result)
{
	__u64 size = machine->gpu.vram_size, at;
	__u8 *piece = malloc(PIECE);
	int ret = 0;

	if (!piece)
		return machine_error("compare", -ENOMEM);
	memset(result, 0, sizeof(*result));
	result->ram_wrong = wrong_pages(machine->ram.mem, model->ram,
					machine->ram.size);
	result->ram_crc = crc32c(0, machine->ram.mem, machine->ram.size);
	for (at = 0; at < size; at += PIECE) {
		size_t len = size - at < PIECE ? size - at : PIECE;

		ret = gpu_vram_read(&machine->gpu, at, piece, len);
		if (ret) {
			machine_error("read VRAM", ret);
			break;
		}
		result->vram_wrong += wrong_pages(piece, model->vram + at, len);
		result->vram_crc = crc32c(result->vram_crc, piece, len);
	}
	free(piece);
	return ret;
}

bool verify_equal(const struct verify_result *result)
{
	return !result->ram_wrong && !result->vram_wrong;
}

__u32 verify_count(const __u64 *bitmap, __u32 pages)
{
	__u32 count = 0, page;

	for (page = 0; page < pages; page++)
		count += devstate_bit(bitmap, page);
	return count;
}

int verify_bitmap(const struct workload *work, __u32 completed,
		  const __u64 *bitmap, struct verify_dirty *dirty)
{
	struct model model;
	__u32 page;
	int ret;

	memset(dirty, 0, sizeof(*dirty));
	ret = model_create(&model, work);
	if (ret)
		return machine_error("the model", ret);
	ret = model_run(&model, completed);
	if (ret)
		goto out;
	dirty->least = verify_count(model.written, work->ram_pages);
	for (page = 0; page < work->ram_pages; page++)
		dirty->missing += devstate_bit(model.written, page) &&
				  !devstate_bit(bitmap, page);
	if (completed < workload_commands(work))
		ret = model_run(&model, completed + 1);
	if (ret)
		goto out;
	dirty->most = verify_count(model.written, work->ram_pages);
	for (page = 0; page < work->ram_pages; page++)
		dirty->excess += devstate_bit(bitmap, page) &&
				 !devstate_bit(model.written, page);
out:
	model_destroy(&model);
	return ret ? machine_error("the model", ret) : 0;
}
