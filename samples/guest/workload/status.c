// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for fences: see status.h. Times are those of the guest's clock.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "status.h"

/* So many stalls in a row, and the fence is lost. */
#define PATIENCE	10

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int status_wait(const struct job *job, __u32 queue, __u64 sequence)
{
	struct status *status = job->status;
	const long long begin = now_ms();
	unsigned int took, tries = 0;
	int ret;

	do {
		ret = device_wait(job->device, queue, sequence,
				  status->stall_ms);
	} while (ret == -ETIMEDOUT && ++tries < PATIENCE);

	took = now_ms() - begin;
	if (took > status->slowest_ms)
		status->slowest_ms = took;
	if (ret == 1 || ret == -ETIMEDOUT) {
		fprintf(stderr, "workload: queue %u: fence %llu: %s\n", queue,
			sequence, ret == 1 ? "no interrupt" : "not written");
		status->lost++;
	} else if (took > status->stall_ms) {
		fprintf(stderr, "workload: queue %u: fence %llu took %u ms\n",
			queue, sequence, took);
		status->stalls++;
	}
	return ret < 0 ? ret : 0;
}
