// SPDX-License-Identifier: GPL-2.0
/*
 * The programs of the guest's queues: see workload.h.
 */
#include <assert.h>
#include <endian.h>

#include "layout.h"

/* GTT: guest RAM, VRAM, and a window that is bound and unbound all the time. */
#define RAM_ENTRY	0
#define VRAM_ENTRY	0x8000
#define WINDOW_ENTRY	0xc000
#define WINDOW_PAGES	256

static_assert(RAM_ENTRY + WORKLOAD_RAM_MAX <= VRAM_ENTRY, "GTT overlap");
static_assert(VRAM_ENTRY + WORKLOAD_VIEW <= WINDOW_ENTRY, "GTT overlap");

/* Bytes that commands move: long ones, and those of pixels and other queues. */
#define LONG_MIN	(256 * 1024)
#define LONG_MAX	(1024 * 1024)
#define SHORT_MIN	(16 * 1024)
#define SHORT_MAX	(96 * 1024)

/* Rectangles that overlap lie within so much more than one of them takes. */
#define LONG_SLACK	65536
#define SHORT_SLACK	16384

#define PITCH_SLACK	1024

/* A round of queue 0: the order in which its commands come. */
enum step {
	STEP_WAIT,
	STEP_UPLOAD,
	STEP_UPLOAD_VRAM,
	STEP_FILL,
	STEP_BIND_TEXTURE,
	STEP_COPY_TEXTURE,
	STEP_BLEND_TEXTURE,
	STEP_COPY_OVERLAP,
	STEP_BLEND_OVERLAP,
	STEP_CRC_VRAM,
	STEP_BIND_TARGET,
	STEP_COPY_TARGET,
	STEP_UNBIND,
	STEP_CRC_RAM,
	STEP_STAMP,
	STEP_FENCE,
	STEP_SIGNAL,
	STEPS
};

/* A round of another queue. */
enum other_step {
	OTHER_WAIT,
	OTHER_FILL,
	OTHER_COPY,
	OTHER_BLEND,
	OTHER_BLEND_OVERLAP,
	OTHER_CRC,
	OTHER_STAMP,
	OTHER_SIGNAL,
	OTHER_STEPS
};

/* The first commands of queue 0 bind guest RAM and the halves of VRAM. */
#define SETUP_COMMANDS	3
/* Its last ones wait for each other queue, take the time, and tell. */
#define TAIL_COMMANDS	(WORKLOAD_QUEUES - 1 + 2)

/**
 * struct area - a range of the GPU address space
 * @start: GPU address
 * @size: bytes
 */
struct area {
	__u64 start;
	__u64 size;
};

static struct area pages(__u32 entry, __u32 first, __u32 end)
{
	return (struct area) {
		.start = gpu_address(entry + first),
		.size = (end - first) * WORKLOAD_PAGE,
	};
}

/* The first page of guest RAM that a queue writes, and its alone. */
static __u32 target_page(const struct workload *work, unsigned int queue)
{
	return queue ? work->ram_pages / 16 * (12 + queue) :
		       work->ram_pages / 2;
}

static struct area targets(const struct workload *work, unsigned int queue)
{
	return pages(RAM_ENTRY, target_page(work, queue),
		     target_page(work, queue + 1));
}

static struct area textures(const struct workload *work)
{
	return pages(RAM_ENTRY, work->ram_pages / 4, work->ram_pages / 2);
}

static __u32 view_pages(const struct workload *work)
{
	return work->vram_pages < WORKLOAD_VIEW ? work->vram_pages :
						  WORKLOAD_VIEW;
}

static struct area vram(const struct workload *work, unsigned int queue)
{
	__u32 eighth = view_pages(work) / 8, end = eighth * (5 + queue);

	if (queue == WORKLOAD_QUEUES - 1)
		end = view_pages(work) - VRAM_CPU_PAGES;
	return pages(VRAM_ENTRY, queue ? eighth * (4 + queue) : 0, end);
}

static struct area window(void)
{
	return pages(WINDOW_ENTRY, 0, WINDOW_PAGES);
}

static __u64 place(struct random *random, struct area area, __u64 size)
{
	return area.start + random_below(random, area.size - size + 1);
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

static struct shape shape_of(struct random *random, __u32 min, __u32 max)
{
	__u64 bytes = min + random_below(random, max - min);
	__u32 width = 512 + random_below(random, 7680);

	return (struct shape) {
		.width = width,
		.height = bytes / (width + PITCH_SLACK),
	};
}

static struct shape long_shape(struct random *random)
{
	return shape_of(random, LONG_MIN, LONG_MAX);
}

/* Of whole pixels. */
static struct shape short_shape(struct random *random)
{
	struct shape shape = shape_of(random, SHORT_MIN, SHORT_MAX);

	shape.width &= ~3U;
	return shape;
}

static __u32 pitch_of(struct random *random, struct shape shape)
{
	return shape.width + random_below(random, PITCH_SLACK);
}

static __u64 extent(struct shape shape, __u32 pitch)
{
	return (__u64)(shape.height - 1) * pitch + shape.width;
}

static union gpu_command copy(struct random *random, struct shape shape,
			      struct area dst, struct area src)
{
	__u32 dst_pitch = pitch_of(random, shape);
	__u32 src_pitch = pitch_of(random, shape);
	__u64 to = place(random, dst, extent(shape, dst_pitch));
	__u64 from = place(random, src, extent(shape, src_pitch));

	return gpu_copy(to, from, shape.width, shape.height, dst_pitch,
			src_pitch);
}

/* Where two rectangles that overlap may be. */
static struct area around(struct random *random, struct area area, __u64 size)
{
	return (struct area) {
		.start = place(random, area, size),
		.size = size,
	};
}

static union gpu_command copy_overlap(struct random *random, struct area area)
{
	struct shape shape = long_shape(random);
	__u32 pitch = pitch_of(random, shape);
	__u64 size = extent(shape, pitch), to, from;

	area = around(random, area, size + LONG_SLACK);
	to = place(random, area, size);
	from = place(random, area, size);
	return gpu_copy(to, from, shape.width, shape.height, pitch, pitch);
}

static union gpu_command blend(struct random *random, struct area dst,
			       struct area src)
{
	struct shape shape = short_shape(random);
	__u32 dst_pitch = pitch_of(random, shape) & ~3U;
	__u32 src_pitch = pitch_of(random, shape) & ~3U;
	__u64 to = place(random, dst, extent(shape, dst_pitch)) & ~3ULL;
	__u64 from = place(random, src, extent(shape, src_pitch)) & ~3ULL;

	return gpu_blend(to, from, shape.width, shape.height, dst_pitch,
			 src_pitch, random_below(random, 256));
}

static union gpu_command blend_overlap(struct random *random, struct area area)
{
	struct shape shape = short_shape(random);
	__u32 pitch = pitch_of(random, shape) & ~3U;
	__u64 size = extent(shape, pitch), to, from;

	area = around(random, area, size + SHORT_SLACK);
	to = place(random, area, size) & ~3ULL;
	from = place(random, area, size) & ~3ULL;
	return gpu_blend(to, from, shape.width, shape.height, pitch, pitch,
			 random_below(random, 256));
}

static union gpu_command fill(struct random *random, struct shape shape,
			      struct area area)
{
	__u32 pitch = pitch_of(random, shape);
	__u64 to = place(random, area, extent(shape, pitch));

	return gpu_fill(to, shape.width, shape.height, pitch,
			random_next(random));
}

static union gpu_command crc(struct random *random, __u64 result, __u64 bytes,
			     struct area area)
{
	return gpu_crc32c(result, place(random, area, bytes), bytes,
			  random_next(random));
}

static union gpu_command long_crc(struct random *random, __u64 result,
				  struct area area)
{
	return crc(random, result,
		   LONG_MIN + random_below(random, LONG_MAX - LONG_MIN), area);
}

static union gpu_command bind_window(struct random *random, __u32 first,
				     __u32 end, __u64 flags)
{
	__u64 page = first + random_below(random, end - first - WINDOW_PAGES + 1);

	return gpu_bind(WINDOW_ENTRY, WINDOW_PAGES,
			(WORKLOAD_IOVA + page * WORKLOAD_PAGE) | flags);
}

/* The fence that says how many rounds a queue has done. */
static __u64 done_fence(unsigned int queue)
{
	return gpu_address(WORKLOAD_FENCE_ENTRY) + queue * sizeof(__u64);
}

/* Where round @round has 32 bytes for its results. */
static __u64 result_of(unsigned int queue, __u32 round)
{
	const __u32 slots = RESULTS_PAGES * WORKLOAD_PAGE / 32;

	return gpu_address(RAM_ENTRY + RESULTS_PAGE + queue * RESULTS_PAGES) +
	       round % slots * 32;
}

static union gpu_command stamp(unsigned int queue, __u32 number)
{
	return gpu_timestamp(gpu_address(RAM_ENTRY + WORKLOAD_STAMP_PAGE +
					 queue * WORKLOAD_STAMP_PAGES) +
			     number * sizeof(__u64));
}

static union gpu_command setup(const struct workload *work, __u32 index)
{
	const __u64 flags = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	__u32 half = view_pages(work) / 2;

	if (!index)
		return gpu_bind(RAM_ENTRY, work->ram_pages,
				WORKLOAD_IOVA | flags);
	if (index == 1)
		return gpu_bind(VRAM_ENTRY, half, flags | MVGPU_GTT_VRAM);
	return gpu_bind(VRAM_ENTRY + half, view_pages(work) - half,
			(work->vram_pages - view_pages(work) + half) *
			WORKLOAD_PAGE | flags | MVGPU_GTT_VRAM);
}

static union gpu_command tail(const struct workload *work, __u32 index)
{
	if (index < WORKLOAD_QUEUES - 1)
		return gpu_semaphore(done_fence(1 + index), MVGPU_COMPARE_EQUAL,
				     work->rounds);
	if (index == WORKLOAD_QUEUES - 1)
		return stamp(0, work->rounds);
	return gpu_fence_interrupt(done_fence(0), work->rounds + 1);
}

static union gpu_command upload(struct random *random,
				const struct workload *work, __u32 round,
				bool from_vram)
{
	__u32 slot = round % STAGING_PAGES;
	__u32 entry = RAM_ENTRY + STAGING_PAGE + slot;

	if (from_vram)
		entry = VRAM_ENTRY + view_pages(work) - VRAM_CPU_PAGES + slot;
	return gpu_copy(place(random, vram(work, 0), WORKLOAD_PAGE),
			gpu_address(entry), WORKLOAD_PAGE, 1, WORKLOAD_PAGE,
			WORKLOAD_PAGE);
}

static union gpu_command first_queue(struct random *random,
				     const struct workload *work,
				     enum step step, __u32 round)
{
	const __u32 half = work->ram_pages / 2;
	const __u64 result = result_of(0, round);

	switch (step) {
	case STEP_WAIT:
		return gpu_semaphore(done_fence(1 + round %
						(WORKLOAD_QUEUES - 1)),
				     MVGPU_COMPARE_GREATER_EQUAL,
				     round ? round - 1 : 0);
	case STEP_UPLOAD:
		return upload(random, work, round, false);
	case STEP_UPLOAD_VRAM:
		return upload(random, work, round, true);
	case STEP_FILL:
		return fill(random, long_shape(random), targets(work, 0));
	case STEP_BIND_TEXTURE:
		return bind_window(random, half / 2, half, MVGPU_GTT_VALID);
	case STEP_COPY_TEXTURE:
		return copy(random, long_shape(random), vram(work, 0),
			    window());
	case STEP_BLEND_TEXTURE:
		return blend(random, vram(work, 0), window());
	case STEP_COPY_OVERLAP:
		return copy_overlap(random, vram(work, 0));
	case STEP_BLEND_OVERLAP:
		return blend_overlap(random, vram(work, 0));
	case STEP_CRC_VRAM:
		return long_crc(random, result, vram(work, 0));
	case STEP_BIND_TARGET:
		return bind_window(random, half, target_page(work, 1),
				   MVGPU_GTT_VALID | MVGPU_GTT_WRITE);
	case STEP_COPY_TARGET:
		return copy(random, long_shape(random), window(),
			    vram(work, 0));
	case STEP_UNBIND:
		return gpu_unbind(WINDOW_ENTRY, WINDOW_PAGES);
	case STEP_CRC_RAM:
		return long_crc(random, result + 4, targets(work, 0));
	case STEP_STAMP:
		return stamp(0, round);
	case STEP_FENCE:
		return gpu_fence(result + 8, round + 1);
	case STEP_SIGNAL:
		return gpu_fence_interrupt(done_fence(0), round + 1);
	case STEPS:
		break;
	}
	return gpu_nop();
}

static union gpu_command other_queue(struct random *random,
				     const struct workload *work,
				     unsigned int queue, enum other_step step,
				     __u32 round)
{
	switch (step) {
	case OTHER_WAIT:
		if (!round)
			return gpu_semaphore(done_fence(0),
					     MVGPU_COMPARE_NOT_EQUAL, 0);
		return gpu_semaphore(done_fence(0), MVGPU_COMPARE_GREATER_EQUAL,
				     round + 1);
	case OTHER_FILL:
		return fill(random, short_shape(random), targets(work, queue));
	case OTHER_COPY:
		return copy(random, short_shape(random), vram(work, queue),
			    textures(work));
	case OTHER_BLEND:
		return blend(random, targets(work, queue), vram(work, queue));
	case OTHER_BLEND_OVERLAP:
		return blend_overlap(random, vram(work, queue));
	case OTHER_CRC:
		return crc(random, result_of(queue, round),
			   SHORT_MIN + random_below(random,
						    SHORT_MAX - SHORT_MIN),
			   round % 2 ? targets(work, queue) :
				       vram(work, queue));
	case OTHER_STAMP:
		return stamp(queue, round);
	case OTHER_SIGNAL:
		return gpu_fence_interrupt(done_fence(queue), round + 1);
	case OTHER_STEPS:
		break;
	}
	return gpu_nop();
}

union gpu_command workload_command(const struct workload *work,
				   unsigned int queue, __u32 index)
{
	struct random random = random_of(work, queue, index, 1);

	if (queue)
		return other_queue(&random, work, queue, index % OTHER_STEPS,
				   index / OTHER_STEPS);
	if (index < SETUP_COMMANDS)
		return setup(work, index);
	index -= SETUP_COMMANDS;
	if (index >= work->rounds * STEPS)
		return tail(work, index - work->rounds * STEPS);
	return first_queue(&random, work, index % STEPS, index / STEPS);
}

__u32 workload_commands(const struct workload *work, unsigned int queue)
{
	if (queue)
		return work->rounds * OTHER_STEPS;
	return SETUP_COMMANDS + work->rounds * STEPS + TAIL_COMMANDS;
}

__u32 workload_stamps(const struct workload *work, unsigned int queue)
{
	return work->rounds + !queue;
}

bool workload_uploads(unsigned int queue, __u32 index, __u32 *slot)
{
	__u32 since = index - SETUP_COMMANDS;

	if (queue || index < SETUP_COMMANDS || since % STEPS != STEP_UPLOAD)
		return false;
	*slot = since / STEPS % STAGING_PAGES;
	return true;
}
