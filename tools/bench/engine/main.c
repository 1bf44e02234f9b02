// SPDX-License-Identifier: GPL-2.0
/*
 * bench-engine REPEATS ROUNDS: prints a line
 * "operation,memory,size,kernel,engine,flat,spread" for each row, in nanoseconds;
 * see bench.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define TYPE		"mvgpu-medium"
#define RAM_IOVA	0x100000000ULL
#define CONTROL_IOVA	0x200000000ULL

uint64_t bench_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a, right = *(const double *)b;

	return (left > right) - (left < right);
}

double bench_median(double *figures, unsigned int nr)
{
	qsort(figures, nr, sizeof(*figures), compare);
	return figures[nr / 2];
}

int bench_one_cpu(void)
{
	FILE *file = fopen("/sys/devices/system/cpu/cpu1/online", "we");
	int ret = 0;

	/* there is but one */
	if (!file)
		return errno == ENOENT ? 0 : -errno;
	if (fputs("0", file) < 0)
		ret = -errno;
	if (fclose(file) && !ret)
		ret = -errno;
	return ret;
}

int bench_put_fence(struct bench *bench)
{
	union gpu_command command = gpu_fence_interrupt(BENCH_FENCE,
							++bench->fence);

	return gpu_ring_put(&bench->ring, &command);
}

int bench_trip(struct bench *bench, double *ns)
{
	uint64_t *fence = ram_at(&bench->control, BENCH_RING_SIZE);
	uint64_t begin = bench_now(), events;
	int ret;

	ret = gpu_ring_kick(&bench->ring);
	if (ret)
		return ret;
	if (read(bench->interrupt, &events, sizeof(events)) != sizeof(events))
		return -errno;
	*ns = bench_now() - begin;
	return __atomic_load_n(fence, __ATOMIC_ACQUIRE) == bench->fence ?
	       0 : -EIO;
}

/* All of it present, for the device and for us. */
static int create_memory(struct bench *bench)
{
	int ret;

	ret = ram_create(&bench->ram, BENCH_SIZE);
	if (!ret)
		ret = ram_populate(&bench->ram);
	if (!ret)
		ret = ram_map(&bench->ram, bench->vfio.container, RAM_IOVA);
	if (!ret)
		ret = ram_create(&bench->control,
				 BENCH_RING_SIZE + RAM_PAGE_SIZE);
	if (!ret)
		ret = ram_populate(&bench->control);
	if (!ret)
		ret = ram_map(&bench->control, bench->vfio.container,
			      CONTROL_IOVA);
	if (ret)
		return ret;
	bench->vram = gpu_vram_map(&bench->gpu);
	if (!bench->vram)
		return -errno;
	memset(bench->vram, 1, BENCH_SIZE);
	memset(bench->ram.mem, 1, BENCH_SIZE);
	return 0;
}

static int bind_memory(struct bench *bench)
{
	const __u64 bits = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	int ret;

	ret = gpu_gtt_bind(&bench->gpu, BENCH_VRAM / MVGPU_PAGE_SIZE,
			   BENCH_SIZE / MVGPU_PAGE_SIZE,
			   bits | MVGPU_GTT_VRAM);
	if (!ret)
		ret = gpu_gtt_bind(&bench->gpu, BENCH_RAM / MVGPU_PAGE_SIZE,
				   BENCH_SIZE / MVGPU_PAGE_SIZE,
				   bits | RAM_IOVA);
	if (!ret)
		ret = gpu_gtt_bind(&bench->gpu, BENCH_RING / MVGPU_PAGE_SIZE,
				   BENCH_RING_SIZE / MVGPU_PAGE_SIZE + 1,
				   bits | CONTROL_IOVA);
	return ret;
}

static int start(struct bench *bench)
{
	int device = bench->vfio.device, ret;

	bench->interrupt = eventfd(0, EFD_CLOEXEC);
	if (bench->interrupt < 0)
		return -errno;
	ret = vfio_irq_eventfds(device, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1,
				&bench->interrupt);
	if (!ret)
		ret = vfio_bus_master(device, true);
	if (!ret)
		ret = vfio_memory_decode(device, true);
	if (!ret)
		ret = bind_memory(bench);
	if (!ret)
		ret = gpu_ring_init(&bench->ring, &bench->gpu, 0, BENCH_RING,
				    BENCH_RING_SIZE, bench->control.mem, 0);
	return ret;
}

static int setup(struct bench *bench)
{
	int ret;

	ret = mdev_uuid(bench->uuid);
	if (!ret)
		ret = mdev_create(TYPE, bench->uuid);
	if (!ret)
		ret = vfio_open(&bench->vfio, bench->uuid);
	if (!ret)
		ret = gpu_init(&bench->gpu, bench->vfio.device);
	if (!ret)
		ret = create_memory(bench);
	return ret ? ret : start(bench);
}

/* The kernel undoes the rest when we end; the mediated device would stay. */
static void teardown(struct bench *bench)
{
	vfio_close(&bench->vfio);
	mdev_remove(bench->uuid);
}

int main(int argc, char **argv)
{
	static struct bench bench = { .vfio = VFIO_CLIENT_CLOSED };
	int ret;

	if (argc != 3) {
		fprintf(stderr, "usage: bench-engine REPEATS ROUNDS\n");
		return 1;
	}
	ret = setup(&bench);
	if (!ret)
		ret = bench_latency(&bench, atoi(argv[2]));
	if (!ret)
		ret = bench_moves(&bench, atoi(argv[1]));
	if (ret)
		fprintf(stderr, "bench-engine: %s\n", strerror(-ret));
	teardown(&bench);
	return ret ? 1 : 0;
}
