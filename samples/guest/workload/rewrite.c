// SPDX-License-Identifier: GPL-2.0
/*
 * Workloads for measuring: so much memory bound and touched, of which the engine
 * rewrites a part each second, page by page. And one that does nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "random.h"
#include "status.h"

/* Pages are rewritten in so many portions a second. */
#define PORTIONS	20

/**
 * struct rewrite - memory, and what it holds
 * @job: what to do
 * @buffer: the memory
 * @pages: of it
 * @value: what the engine filled each page with
 * @random: which page is next
 * @sequence: the last fence
 */
struct rewrite {
	const struct job *job;
	struct buffer buffer;
	__u32 pages;
	__u32 *value;
	struct random random;
	__u64 sequence;
};

static void later(struct timespec *when, long ns)
{
	when->tv_nsec += ns;
	if (when->tv_nsec >= 1000000000L) {
		when->tv_nsec -= 1000000000L;
		when->tv_sec++;
	}
}

static int fill(struct rewrite *rewrite, const __u32 *pages, __u32 count)
{
	struct status *status = rewrite->job->status;
	union gpu_command commands[MVGPU_GUEST_COMMANDS];
	__u32 i;
	int ret;

	for (i = 0; i < count; i++) {
		__u32 value = random_next(&rewrite->random);

		rewrite->value[pages[i]] = value;
		commands[i] = gpu_fill(gpu_address(pages[i]), PAGE, 1, PAGE,
				       value);
	}
	ret = device_submit(rewrite->job->device, 0, commands, count,
			    &rewrite->sequence);
	if (!ret)
		ret = status_wait(rewrite->job, 0, rewrite->sequence);
	if (!ret) {
		status->ops += count + 1;
		status->bytes += count * PAGE;
	}
	return ret;
}

/* Every page once, in order. */
static int touch_all(struct rewrite *rewrite)
{
	__u32 pages[MVGPU_GUEST_COMMANDS], next = 0, count;
	int ret;

	while (next < rewrite->pages) {
		for (count = 0; count < MVGPU_GUEST_COMMANDS &&
		     next < rewrite->pages; count++)
			pages[count] = next++;
		ret = fill(rewrite, pages, count);
		if (ret)
			return ret;
	}
	return 0;
}

/* Some pages here and there. */
static int touch_some(struct rewrite *rewrite, __u32 left)
{
	__u32 pages[MVGPU_GUEST_COMMANDS], count;
	int ret = 0;

	while (left && !ret) {
		for (count = 0; count < MVGPU_GUEST_COMMANDS && left; left--)
			pages[count++] = random_below(&rewrite->random,
						      rewrite->pages);
		ret = fill(rewrite, pages, count);
	}
	return ret;
}

static void check_all(struct rewrite *rewrite)
{
	struct status *status = rewrite->job->status;
	const __u32 *mem = (const __u32 *)rewrite->buffer.mem;
	const __u32 words = PAGE / sizeof(*mem);
	__u32 page, i;

	for (page = 0; page < rewrite->pages; page++) {
		for (i = 0; i < words; i++) {
			__u32 found = mem[(size_t)page * words + i];

			if (found == rewrite->value[page])
				continue;
			if (!status->errors)
				fprintf(stderr,
					"workload: page %u: %#x, not %#x\n",
					page, found, rewrite->value[page]);
			status->errors += sizeof(found);
		}
	}
	status->checked += rewrite->buffer.size;
}

static int run(struct rewrite *rewrite)
{
	const struct job *job = rewrite->job;
	const __u32 portion = rewrite->pages * job->percent / 100 / PORTIONS;
	struct timespec when;
	int ret = touch_all(rewrite);

	job->status->state = STATE_RUNNING;
	clock_gettime(CLOCK_MONOTONIC, &when);
	while (!ret && !job->status->stop) {
		ret = touch_some(rewrite, portion);
		later(&when, 1000000000L / PORTIONS);
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
	}
	if (!ret)
		check_all(rewrite);
	return ret;
}

int rewrite_run(const struct job *job, bool vram)
{
	struct rewrite rewrite = {
		.job = job,
		.random = random_from(job->seed),
	};
	__u64 size = (__u64)job->mib << 20;
	__u64 most = job->device->info.gpu_size;
	int ret;

	if (vram && most > job->device->info.vram_size)
		most = job->device->info.vram_size;
	/* The driver has a few of the addresses. */
	if (size > most)
		size = most;
	rewrite.pages = size / PAGE;
	rewrite.value = calloc(rewrite.pages, sizeof(*rewrite.value));
	if (!rewrite.value)
		return -ENOMEM;
	ret = device_alloc(job->device, &rewrite.buffer, size,
			   vram ? MVGPU_GUEST_VRAM : 0);
	if (!ret)
		ret = device_bind(job->device, &rewrite.buffer, 0, 0, size);
	if (!ret)
		ret = run(&rewrite);
	device_free(job->device, &rewrite.buffer);
	free(rewrite.value);
	return ret;
}

int idle_run(const struct job *job)
{
	const struct timespec nap = { .tv_nsec = 1000000000L / PORTIONS };

	job->status->state = STATE_RUNNING;
	while (!job->status->stop)
		nanosleep(&nap, NULL);
	return 0;
}
