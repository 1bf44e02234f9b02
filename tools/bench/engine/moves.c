// SPDX-License-Identifier: GPL-2.0
/*
 * FILL and COPY. A batch is commands of one size, block after block through up
 * to 16 MiB, submitted by one doorbell; the kernel does the same blocks of the
 * same pages in one ioctl. A figure is the time of a batch for one command.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "bench.h"
#include "membench.h"

#define REPEATS_MAX	31
/* The same byte four times, or not. */
#define EVEN		0xa5a5a5a5
#define UNEVEN		0x12345678

enum side { KERNEL, ENGINE, FLAT, SIDES };

/**
 * struct move - what a row measures
 * @operation: its name
 * @memory: where it works
 * @copy: COPY, or it is FILL
 * @value: for FILL
 * @to_vram: writes VRAM, or guest memory
 * @from_vram: COPY: reads VRAM, or guest memory
 * @size: bytes a command
 */
struct move {
	const char *operation;
	const char *memory;
	bool copy;
	uint32_t value;
	bool to_vram;
	bool from_vram;
	uint64_t size;
};

static int membench;

static unsigned int commands(const struct move *move)
{
	uint64_t nr = BENCH_SOURCE / move->size;

	return nr > BENCH_COMMANDS ? BENCH_COMMANDS : nr;
}

static int run_kernel(struct bench *bench, const struct move *move,
		      uint32_t flags, double *ns)
{
	char *to = move->to_vram ? bench->vram : bench->ram.mem;
	char *from = move->from_vram ? bench->vram : bench->ram.mem;
	struct membench run = {
		.dst = (uintptr_t)to,
		.src = (uintptr_t)from + BENCH_SOURCE,
		.size = move->size,
		.count = commands(move),
		.flags = flags | (move->copy ? MEMBENCH_COPY : 0),
		.byte = move->value,
	};

	if (move->value == UNEVEN)
		run.flags |= MEMBENCH_PATTERN;
	if (ioctl(membench, MEMBENCH_RUN, &run))
		return -errno;
	*ns = run.ns;
	return 0;
}

static int run_engine(struct bench *bench, const struct move *move, double *ns)
{
	uint64_t to = move->to_vram ? BENCH_VRAM : BENCH_RAM;
	uint64_t from = move->from_vram ? BENCH_VRAM : BENCH_RAM;
	union gpu_command command;
	unsigned int i;
	int ret = 0;

	from += BENCH_SOURCE;
	for (i = 0; i < commands(move) && !ret; i++) {
		if (move->copy)
			command = gpu_copy(to, from, move->size, 1, 0, 0);
		else
			command = gpu_fill(to, move->size, 1, 0, move->value);
		ret = gpu_ring_put(&bench->ring, &command);
		to += move->size;
		from += move->size;
	}
	if (!ret)
		ret = bench_put_fence(bench);
	return ret ? ret : bench_trip(bench, ns);
}

static int run(struct bench *bench, const struct move *move, enum side side,
	       double *ns)
{
	if (side == ENGINE)
		return run_engine(bench, move, ns);
	return run_kernel(bench, move, side == FLAT ? MEMBENCH_FLAT : 0, ns);
}

/* Did the engine do the last block? It is asked after the kernel. */
static int check(struct bench *bench, const struct move *move)
{
	char *to = move->to_vram ? bench->vram : bench->ram.mem;
	char *from = move->from_vram ? bench->vram : bench->ram.mem;
	uint64_t all = commands(move) * move->size;
	double ns;
	int ret;

	memset(from + BENCH_SOURCE, 0x5a, all);
	memset(to, 0, all);
	ret = run_engine(bench, move, &ns);
	if (ret)
		return ret;
	if (move->copy)
		return memcmp(to, from + BENCH_SOURCE, all) ? -EILSEQ : 0;
	return memcmp(to, &move->value, 4) || memcmp(to, to + 4, all - 4) ?
	       -EILSEQ : 0;
}

static double spread(const double *sorted, unsigned int nr)
{
	return (sorted[nr - 1] - sorted[0]) / sorted[nr / 2];
}

/* The first run of each side warms up. */
static int measure(struct bench *bench, const struct move *move,
		   unsigned int repeats)
{
	double figures[SIDES][REPEATS_MAX], middle[SIDES], apart = 0, ns;
	unsigned int repeat, side;
	int ret = check(bench, move);

	for (repeat = 0; repeat <= repeats; repeat++) {
		for (side = 0; side < SIDES && !ret; side++) {
			ret = run(bench, move, side, &ns);
			if (repeat)
				figures[side][repeat - 1] = ns / commands(move);
		}
	}
	if (ret)
		return ret;
	for (side = 0; side < SIDES; side++) {
		middle[side] = bench_median(figures[side], repeats);
		if (spread(figures[side], repeats) > apart)
			apart = spread(figures[side], repeats);
	}
	printf("%s,%s,%llu,%.1f,%.1f,%.1f,%.3f\n", move->operation,
	       move->memory, (unsigned long long)move->size, middle[KERNEL],
	       middle[ENGINE], middle[FLAT], apart);
	fflush(stdout);
	return 0;
}

int bench_moves(struct bench *bench, unsigned int repeats)
{
	static const struct move moves[] = {
		{ .operation = "fill", .memory = "vram", .value = EVEN,
		  .to_vram = true },
		{ .operation = "fill", .memory = "ram", .value = EVEN },
		{ .operation = "pattern", .memory = "vram", .value = UNEVEN,
		  .to_vram = true },
		{ .operation = "pattern", .memory = "ram", .value = UNEVEN },
		{ .operation = "copy", .memory = "vram", .copy = true,
		  .to_vram = true, .from_vram = true },
		{ .operation = "copy", .memory = "ram", .copy = true },
		{ .operation = "copy", .memory = "vram->ram", .copy = true,
		  .from_vram = true },
		{ .operation = "copy", .memory = "ram->vram", .copy = true,
		  .to_vram = true },
	};
	unsigned int i;
	struct move move;
	int ret = 0;

	if (!repeats || repeats > REPEATS_MAX)
		return -EINVAL;
	ret = bench_one_cpu();
	if (ret)
		return ret;
	membench = open("/dev/membench", O_RDWR | O_CLOEXEC);
	if (membench < 0)
		return -errno;
	for (i = 0; i < sizeof(moves) / sizeof(*moves) && !ret; i++) {
		move = moves[i];
		for (move.size = 64; move.size <= BENCH_SOURCE && !ret;
		     move.size *= 4)
			ret = measure(bench, &move, repeats);
	}
	close(membench);
	return ret;
}
