/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a run has counted, shared by the process that works and the one that
 * reports.
 */
#ifndef GUEST_WORKLOAD_STATUS_H
#define GUEST_WORKLOAD_STATUS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <linux/types.h>

#include "device.h"

/**
 * enum state - what the working process does
 * @STATE_STOPPED: nothing
 * @STATE_STARTING: it sets things up
 * @STATE_RUNNING: it works
 * @STATE_GONE: the vGPU was taken away
 * @STATE_FAILED: it gave up
 */
enum state {
	STATE_STOPPED,
	STATE_STARTING,
	STATE_RUNNING,
	STATE_GONE,
	STATE_FAILED,
};

/**
 * struct status - a run
 * @stop: ends it
 * @state: enum state
 * @stall_ms: a fence that takes longer is a stall; ten times that, and it is
 *	lost
 * @ops: commands that the vGPU has run
 * @bytes: that it wrote
 * @checked: bytes read back and compared
 * @errors: of these, those that were wrong
 * @lost: fences, and interrupts of fences, that did not come
 * @stalls: fences that came late
 * @slowest_ms: of all fences
 */
struct status {
	atomic_bool stop;
	atomic_int state;
	unsigned int stall_ms;
	atomic_ullong ops;
	atomic_ullong bytes;
	atomic_ullong checked;
	atomic_ullong errors;
	atomic_ullong lost;
	atomic_ullong stalls;
	atomic_uint slowest_ms;
};

/**
 * struct job - what to do
 * @device: where
 * @status: what came of it
 * @seed: for what is random
 * @mib: memory in use, for those that have a choice
 * @percent: of it, to be rewritten each second
 */
struct job {
	const struct device *device;
	struct status *status;
	__u64 seed;
	unsigned int mib;
	unsigned int percent;
};

/* Runs until status->stop; 0 or -errno. */
int stress_run(const struct job *job);
int rewrite_run(const struct job *job, bool vram);
int idle_run(const struct job *job);

/* Waits for a fence and counts what there is to count; 0 or -errno. */
int status_wait(const struct job *job, __u32 queue, __u64 sequence);

#endif /* GUEST_WORKLOAD_STATUS_H */
