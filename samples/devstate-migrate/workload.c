// SPDX-License-Identifier: GPL-2.0
/*
 * The program of the guest: see workload.h.
 */
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "workload.h"

#define RESULTS_PAGE	1
#define RESULTS_SLOTS	1024	/* of 32 bytes, in 8 pages */
#define STAGING_PAGE	16
#define STAGING_PAGES	64
#define SCRATCH_PAGE	(STAGING_PAGE + STAGING_PAGES)
#define VRAM_CPU_PAGES	64

/*
 * A slot of staging is written again after STAGING_PAGES rounds; the ring
 * holds fewer commands than that, so the device has read it by then.
 */
static_assert(WORKLOAD_RING_SLOTS <= STAGING_PAGES, "staging overrun");

/* GTT: guest RAM, VRAM, and a window that is bound and unbound all the time. */
#define RAM_ENTRY	0
#define VRAM_ENTRY	0x8000
#define WINDOW_ENTRY	0xc000
#define WINDOW_PAGES	256

static_assert(RAM_ENTRY + WORKLOAD_RAM_MAX <= VRAM_ENTRY, "GTT overlap");
static_assert(VRAM_ENTRY + WORKLOAD_VRAM_MAX <= WINDOW_ENTRY, "GTT overlap");

/* Long commands move up to this many bytes. */
#define LONG_MIN	(256 * 1024)
#define LONG_MAX	(1024 * 1024)

#define PITCH_SLACK	1024

/* A round: the order in which its commands come. */
enum step {
	STEP_UPLOAD,
	STEP_UPLOAD_VRAM,
	STEP_FILL,
	STEP_BIND_TEXTURE,
	STEP_COPY_TEXTURE,
	STEP_COPY_OVERLAP,
	STEP_CRC_VRAM,
	STEP_BIND_TARGET,
	STEP_COPY_TARGET,
	STEP_UNBIND,
	STEP_CRC_RAM,
	STEP_FENCE,
	STEPS
};

/* The first commands bind guest RAM and VRAM. */
#define SETUP_COMMANDS	2

struct random {
	__u64 state;
};

/* SplitMix64 */
static __u64 next(struct random *random)
{
	__u64 z;

	random->state += 0x9e3779b97f4a7c15ULL;
	z = random->state;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

static __u64 below(struct random *random, __u64 limit)
{
	return next(random) % limit;
}

/* The random numbers of one command, apart from those of all others. */
static struct random random_of(const struct workload *work, __u32 index,
			       __u32 salt)
{
	struct random random = { .state = work->seed };

	random.state = next(&random) ^ ((__u64)salt << 32 | index);
	return random;
}

/**
 * struct area - a range of the GPU address space
 * @start: GPU address
 * @size: bytes
 */
struct area {
	__u64 start;
	__u64 size;
};

static struct area ram_area(__u32 first, __u32 pages)
{
	return (struct area) {
		.start = gpu_address(RAM_ENTRY + first),
		.size = pages * WORKLOAD_PAGE,
	};
}

static struct area targets(const struct workload *work)
{
	return ram_area(work->ram_pages / 2,
			work->ram_pages - work->ram_pages / 2);
}

static struct area vram(const struct workload *work)
{
	return (struct area) {
		.start = gpu_address(VRAM_ENTRY),
		.size = (work->vram_pages - VRAM_CPU_PAGES) * WORKLOAD_PAGE,
	};
}

static struct area window(void)
{
	return (struct area) {
		.start = gpu_address(WINDOW_ENTRY),
		.size = WINDOW_PAGES * WORKLOAD_PAGE,
	};
}

static __u64 place(struct random *random, struct area area, __u64 size)
{
	return area.start + below(random, area.size - size + 1);
}

/**
 * struct shape - of a rectangle
 * @width: bytes in a row
 * @height: rows
 */
struct shape {
	__u32 width;
	__u32 height;
};

static struct shape long_shape(struct random *random)
{
	__u64 bytes = LONG_MIN + below(random, LONG_MAX - LONG_MIN);
	__u32 width = 512 + below(random, 7680);

	return (struct shape) {
		.width = width,
		.height = bytes / (width + PITCH_SLACK),
	};
}

static __u64 extent(struct shape shape, __u32 pitch)
{
	return (__u64)(shape.height - 1) * pitch + shape.width;
}

static union gpu_command copy(struct random *random, struct area dst,
			      struct area src)
{
	struct shape shape = long_shape(random);
	__u32 dst_pitch = shape.width + below(random, PITCH_SLACK);
	__u32 src_pitch = shape.width + below(random, PITCH_SLACK);
	__u64 to = place(random, dst, extent(shape, dst_pitch));
	__u64 from = place(random, src, extent(shape, src_pitch));

	return gpu_copy(to, from, shape.width, shape.height, dst_pitch,
			src_pitch);
}

/* Both rectangles within 64 KiB of each other. */
static union gpu_command copy_overlap(struct random *random, struct area area)
{
	struct shape shape = long_shape(random);
	__u32 pitch = shape.width + below(random, PITCH_SLACK);
	struct area around;
	__u64 to, from;

	around.size = extent(shape, pitch) + 65536;
	around.start = place(random, area, around.size);
	to = place(random, around, extent(shape, pitch));
	from = place(random, around, extent(shape, pitch));
	return gpu_copy(to, from, shape.width, shape.height, pitch, pitch);
}

static union gpu_command fill(struct random *random, struct area area)
{
	struct shape shape = long_shape(random);
	__u32 pitch = shape.width + below(random, PITCH_SLACK);
	__u64 to = place(random, area, extent(shape, pitch));

	return gpu_fill(to, shape.width, shape.height, pitch, next(random));
}

static union gpu_command crc(struct random *random, __u64 result,
			     struct area area)
{
	__u64 bytes = LONG_MIN + below(random, LONG_MAX - LONG_MIN);

	return gpu_crc32c(result, place(random, area, bytes), bytes,
			  next(random));
}

static union gpu_command bind_window(struct random *random, __u32 first,
				     __u32 pages, __u64 flags)
{
	__u64 page = first + below(random, pages - WINDOW_PAGES + 1);

	return gpu_bind(WINDOW_ENTRY, WINDOW_PAGES,
			(WORKLOAD_IOVA + page * WORKLOAD_PAGE) | flags);
}

static union gpu_command setup(const struct workload *work, __u32 index)
{
	const __u64 flags = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;

	if (!index)
		return gpu_bind(RAM_ENTRY, work->ram_pages,
				WORKLOAD_IOVA | flags);
	return gpu_bind(VRAM_ENTRY, work->vram_pages, flags | MVGPU_GTT_VRAM);
}

static union gpu_command upload(struct random *random,
				const struct workload *work, __u32 round,
				bool from_vram)
{
	__u32 slot = round % STAGING_PAGES;
	__u32 entry = RAM_ENTRY + STAGING_PAGE + slot;

	if (from_vram)
		entry = VRAM_ENTRY + work->vram_pages - VRAM_CPU_PAGES + slot;
	return gpu_copy(place(random, vram(work), WORKLOAD_PAGE),
			gpu_address(entry), WORKLOAD_PAGE, 1, WORKLOAD_PAGE,
			WORKLOAD_PAGE);
}

union gpu_command workload_command(const struct workload *work, __u32 index)
{
	struct random random = random_of(work, index, 1);
	__u32 quarter = work->ram_pages / 4, half = work->ram_pages / 2;
	__u32 round = (index - SETUP_COMMANDS) / STEPS;
	__u64 result = gpu_address(RAM_ENTRY + RESULTS_PAGE) +
		       round % RESULTS_SLOTS * 32;

	if (index < SETUP_COMMANDS)
		return setup(work, index);
	switch ((enum step)((index - SETUP_COMMANDS) % STEPS)) {
	case STEP_UPLOAD:
		return upload(&random, work, round, false);
	case STEP_UPLOAD_VRAM:
		return upload(&random, work, round, true);
	case STEP_FILL:
		return fill(&random, targets(work));
	case STEP_BIND_TEXTURE:
		return bind_window(&random, quarter, half - quarter,
				   MVGPU_GTT_VALID);
	case STEP_COPY_TEXTURE:
		return copy(&random, vram(work), window());
	case STEP_COPY_OVERLAP:
		return copy_overlap(&random, vram(work));
	case STEP_CRC_VRAM:
		return crc(&random, result, vram(work));
	case STEP_BIND_TARGET:
		return bind_window(&random, half, work->ram_pages - half,
				   MVGPU_GTT_VALID | MVGPU_GTT_WRITE);
	case STEP_COPY_TARGET:
		return copy(&random, window(), vram(work));
	case STEP_UNBIND:
		return gpu_unbind(WINDOW_ENTRY, WINDOW_PAGES);
	case STEP_CRC_RAM:
		return crc(&random, result + 4, targets(work));
	case STEP_FENCE:
		return gpu_fence(result + 8, round + 1);
	case STEPS:
		break;
	}
	return gpu_nop();
}

__u32 workload_commands(const struct workload *work)
{
	return SETUP_COMMANDS + work->rounds * STEPS;
}

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
		__u64 value = htole64(next(random));

		memcpy(page + i, &value, sizeof(value));
	}
}

void workload_prepare(const struct workload *work,
		      const struct workload_memory *mem)
{
	struct random random = random_of(work, 0, 2);
	__u32 page;

	for (page = work->ram_pages / 4; page < work->ram_pages / 2; page++) {
		scribble(&random, mem->ram + page * WORKLOAD_PAGE);
		touch(mem, page);
	}
}

void workload_cpu(const struct workload *work, __u32 index,
		  const struct workload_memory *mem)
{
	struct random random = random_of(work, index, 3);
	union gpu_command command = workload_command(work, index);
	__u32 since = index - SETUP_COMMANDS;
	__u32 slot = since / STEPS % STAGING_PAGES;
	__u32 page, i;

	for (i = 0; i < 4; i++) {
		page = SCRATCH_PAGE +
		       below(&random, work->ram_pages / 4 - SCRATCH_PAGE);
		mem->ram[page * WORKLOAD_PAGE +
			 below(&random, WORKLOAD_PAGE)] = next(&random);
		touch(mem, page);
	}
	if (index >= SETUP_COMMANDS && since % STEPS == STEP_UPLOAD) {
		page = STAGING_PAGE + slot;
		scribble(&random, mem->ram + page * WORKLOAD_PAGE);
		touch(mem, page);
		page = work->vram_pages - VRAM_CPU_PAGES + slot;
		scribble(&random, mem->vram + page * WORKLOAD_PAGE);
	}
	memcpy(mem->ram + index % WORKLOAD_RING_SLOTS * MVGPU_COMMAND_SIZE,
	       &command, sizeof(command));
	touch(mem, 0);
}

const char *workload_name(const union gpu_command *command)
{
	switch (le32toh(command->opcode)) {
	case MVGPU_OP_NOP:
		return "NOP";
	case MVGPU_OP_FILL:
		return "FILL";
	case MVGPU_OP_COPY:
		return "COPY";
	case MVGPU_OP_CRC32C:
		return "CRC32C";
	case MVGPU_OP_BIND:
		return "BIND";
	case MVGPU_OP_UNBIND:
		return "UNBIND";
	case MVGPU_OP_FENCE:
		return "FENCE";
	default:
		return "unknown";
	}
}
