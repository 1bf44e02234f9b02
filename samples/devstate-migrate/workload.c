// SPDX-License-Identifier: GPL-2.0
/*
 * What the CPU of the guest writes, and what can be said of its programs: see
 * workload.h.
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "layout.h"

/*
 * A slot of staging is written again after STAGING_PAGES rounds; the ring
 * holds fewer commands than that, so the device has read it by then.
 */
static_assert(WORKLOAD_RING_SLOTS <= STAGING_PAGES, "staging overrun");

/* One for each round, and one at the end. */
#define STAMPS	(WORKLOAD_STAMP_PAGES * WORKLOAD_PAGE / sizeof(__u64))
static_assert(STAMPS > WORKLOAD_ROUNDS_MAX, "timestamps overrun");
static_assert(WORKLOAD_RAM_MIN / 4 > SCRATCH_PAGE, "no scratch");

int workload_check(const struct workload *work)
{
	if (!work->rounds || work->rounds > WORKLOAD_ROUNDS_MAX ||
	    work->ram_pages < WORKLOAD_RAM_MIN ||
	    work->ram_pages > WORKLOAD_RAM_MAX ||
	    work->vram_pages < WORKLOAD_VRAM_MIN ||
	    work->vram_pages > WORKLOAD_VRAM_MAX)
		return -EINVAL;
	return 0;
}

static bool raises_interrupt(const union gpu_command *command)
{
	return le32toh(command->opcode) == MVGPU_OP_FENCE &&
	       le32toh(command->fence.flags) & MVGPU_FENCE_INTERRUPT;
}

__u32 workload_interrupts(const struct workload *work, unsigned int queue,
			  __u32 from)
{
	__u32 end = workload_commands(work, queue), count = 0;

	for (; from < end; from++) {
		union gpu_command command = workload_command(work, queue, from);

		count += raises_interrupt(&command);
	}
	return count;
}

__u32 workload_count(const struct workload *work,
		     __u32 counts[WORKLOAD_OPCODES])
{
	__u32 queue, index, all = 0;

	memset(counts, 0, WORKLOAD_OPCODES * sizeof(*counts));
	for (queue = 0; queue < WORKLOAD_QUEUES; queue++) {
		for (index = 0; index < workload_commands(work, queue);
		     index++, all++) {
			union gpu_command command;

			command = workload_command(work, queue, index);
			counts[le32toh(command.opcode) % WORKLOAD_OPCODES]++;
		}
	}
	return all;
}

/* After the write: who clears the bit and then copies misses nothing. */
static void touch(const struct workload_memory *mem, __u32 page)
{
	if (mem->touched)
		__atomic_fetch_or(&mem->touched[page / 64], 1ULL << page % 64,
				  __ATOMIC_RELEASE);
}

static void scribble(struct random *random, __u8 *page)
{
	size_t i;

	for (i = 0; i < WORKLOAD_PAGE; i += sizeof(__u64)) {
		__u64 value = htole64(random_next(random));

		memcpy(page + i, &value, sizeof(value));
	}
}

void workload_prepare(const struct workload *work,
		      const struct workload_memory *mem)
{
	struct random random = random_of(work, 0, 0, 2);
	__u32 page;

	for (page = work->ram_pages / 4; page < work->ram_pages / 2; page++) {
		scribble(&random, mem->ram + page * WORKLOAD_PAGE);
		touch(mem, page);
	}
}

/* The data of queue 0, which alone has some of the CPU. */
static void write_data(const struct workload *work, __u32 index,
		       const struct workload_memory *mem)
{
	struct random random = random_of(work, 0, index, 3);
	__u32 slot, page, i;

	for (i = 0; i < 4; i++) {
		page = SCRATCH_PAGE +
		       random_below(&random, work->ram_pages / 4 - SCRATCH_PAGE);
		mem->ram[page * WORKLOAD_PAGE +
			 random_below(&random, WORKLOAD_PAGE)] =
			random_next(&random);
		touch(mem, page);
	}
	if (!workload_uploads(0, index, &slot))
		return;
	page = STAGING_PAGE + slot;
	scribble(&random, mem->ram + page * WORKLOAD_PAGE);
	touch(mem, page);
	page = work->vram_pages - VRAM_CPU_PAGES + slot;
	scribble(&random, mem->vram + page * WORKLOAD_PAGE);
}

void workload_cpu(const struct workload *work, unsigned int queue, __u32 index,
		  const struct workload_memory *mem)
{
	union gpu_command command = workload_command(work, queue, index);

	if (!queue)
		write_data(work, index, mem);
	memcpy(mem->ram + queue * WORKLOAD_PAGE +
	       index % WORKLOAD_RING_SLOTS * MVGPU_COMMAND_SIZE,
	       &command, sizeof(command));
	touch(mem, queue);
}

const char *workload_name(__u32 opcode)
{
	static const char * const names[] = {
		[MVGPU_OP_NOP]		= "NOP",
		[MVGPU_OP_FILL]		= "FILL",
		[MVGPU_OP_COPY]		= "COPY",
		[MVGPU_OP_BLEND]	= "BLEND",
		[MVGPU_OP_CRC32C]	= "CRC32C",
		[MVGPU_OP_BIND]		= "BIND",
		[MVGPU_OP_UNBIND]	= "UNBIND",
		[MVGPU_OP_FENCE]	= "FENCE",
		[MVGPU_OP_SEMAPHORE]	= "SEMAPHORE",
		[MVGPU_OP_TIMESTAMP]	= "TIMESTAMP",
	};

	return opcode < sizeof(names) / sizeof(*names) ? names[opcode] :
							 "unknown";
}
