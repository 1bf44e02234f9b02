// SPDX-License-Identifier: GPL-2.0
/*
 * Comparisons with the model: see verify.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "verify.h"

/* VRAM is read in pieces of this size. */
#define PIECE	(1024UL * 1024)

int verify_model(struct model *model, const struct workload *work)
{
	__u32 end[WORKLOAD_QUEUES];
	int ret = model_create(model, work);

	model_end(work, end);
	if (!ret)
		ret = model_reach(model, end);
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

static __u64 stamp(const struct machine *machine, unsigned int queue,
		   __u32 number)
{
	__u64 page = WORKLOAD_STAMP_PAGE + queue * WORKLOAD_STAMP_PAGES;
	__le64 raw;

	memcpy(&raw, ram_at(&machine->ram, page * WORKLOAD_PAGE +
					   number * sizeof(raw)), sizeof(raw));
	return le64toh(raw);
}

/*
 * What is at least the time of a timestamp: that of the one before; of another
 * queue also that of queue 0, for which its round waited; and of the last one
 * of queue 0 those of all others.
 */
static __u64 not_before(const struct machine *machine, unsigned int queue,
			__u32 number)
{
	__u32 rounds = machine->work.rounds;
	__u64 least = number ? stamp(machine, queue, number - 1) : 1;
	__u64 other = queue ? stamp(machine, 0, number) : 0;
	unsigned int i;

	least = other > least ? other : least;
	for (i = 1; !queue && number == rounds && i < WORKLOAD_QUEUES; i++) {
		other = stamp(machine, i, rounds - 1);
		least = other > least ? other : least;
	}
	return least;
}

static int verify_stamps(struct machine *machine, struct verify_result *result)
{
	unsigned int queue;
	__u64 now, time;
	__u32 number;
	int ret;

	ret = gpu_read64(&machine->gpu, MVGPU_REG_CLOCK, &now);
	if (ret)
		return machine_error("read the clock", ret);
	for (queue = 0; queue < WORKLOAD_QUEUES; queue++) {
		for (number = 0;
		     number < workload_stamps(&machine->work, queue);
		     number++) {
			time = stamp(machine, queue, number);
			result->stamps_wrong +=
				time > now ||
				time < not_before(machine, queue, number);
		}
	}
	memset(ram_at(&machine->ram, WORKLOAD_STAMP_PAGE * WORKLOAD_PAGE), 0,
	       WORKLOAD_QUEUES * WORKLOAD_STAMP_PAGES * WORKLOAD_PAGE);
	return 0;
}

static void verify_interrupts(const struct machine *machine,
			      struct verify_result *result)
{
	unsigned int queue;

	for (queue = 0; queue < WORKLOAD_QUEUES; queue++) {
		__u32 expected = machine->cpu.expected[queue];
		__u32 taken = machine->cpu.taken[queue];

		result->interrupts += taken;
		result->interrupts_wrong += taken < expected ?
					    expected - taken : taken - expected;
	}
}

static int verify_vram(struct machine *machine, const struct model *model,
		       struct verify_result *result)
{
	__u64 size = machine->gpu.vram_size, at;
	__u8 *piece = malloc(PIECE);
	int ret = 0;

	if (!piece)
		return machine_error("compare", -ENOMEM);
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

int verify_machine(struct machine *machine, const struct model *model,
		   struct verify_result *result)
{
	int ret;

	memset(result, 0, sizeof(*result));
	verify_interrupts(machine, result);
	ret = verify_stamps(machine, result);
	if (ret)
		return ret;
	result->ram_wrong = wrong_pages(machine->ram.mem, model->ram,
					machine->ram.size);
	result->ram_crc = crc32c(0, machine->ram.mem, machine->ram.size);
	return verify_vram(machine, model, result);
}

bool verify_equal(const struct verify_result *result)
{
	return !result->ram_wrong && !result->vram_wrong &&
	       !result->stamps_wrong && !result->interrupts_wrong;
}

__u32 verify_count(const __u64 *bitmap, __u32 pages)
{
	__u32 count = 0, page;

	for (page = 0; page < pages; page++)
		count += devstate_bit(bitmap, page);
	return count;
}

/* One more of each queue, if it has one. */
static void and_the_next(const struct workload *work,
			 __u32 until[WORKLOAD_QUEUES])
{
	unsigned int queue;

	for (queue = 0; queue < WORKLOAD_QUEUES; queue++)
		until[queue] += until[queue] < workload_commands(work, queue);
}

int verify_bitmap(const struct workload *work,
		  const __u32 completed[WORKLOAD_QUEUES],
		  const __u64 *bitmap, struct verify_dirty *dirty)
{
	__u32 until[WORKLOAD_QUEUES], page;
	struct model model;
	int ret;

	memset(dirty, 0, sizeof(*dirty));
	ret = model_create(&model, work);
	if (ret)
		return machine_error("the model", ret);
	ret = model_reach(&model, completed);
	if (ret)
		goto out;
	dirty->least = verify_count(model.written, work->ram_pages);
	for (page = 0; page < work->ram_pages; page++)
		dirty->missing += devstate_bit(model.written, page) &&
				  !devstate_bit(bitmap, page);
	memcpy(until, completed, sizeof(until));
	and_the_next(work, until);
	ret = model_run(&model, until);
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
