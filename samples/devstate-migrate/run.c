// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a machine whose device and CPU there are: see machine.h.
 */
#include <errno.h>
#include <time.h>

#include "machine.h"
#include "progress.h"

/* How often a program that runs is looked at. */
#define LOOK_MS		5

/* An interrupt that does not come for so long is lost. */
#define LOST_MS		10000

static int start_queue(struct machine *machine, unsigned int queue)
{
	const __u32 entry = WORKLOAD_RING_ENTRY + queue;
	int ret;

	ret = gpu_gtt_write(&machine->gpu, entry,
			    (WORKLOAD_IOVA + queue * WORKLOAD_PAGE) |
			    MVGPU_GTT_VALID);
	if (!ret)
		ret = gpu_queue_enable(&machine->gpu, queue, gpu_address(entry),
				       WORKLOAD_RING_SIZE);
	return ret;
}

int machine_power_on(struct machine *machine)
{
	const struct workload_memory mem = {
		.ram = machine->ram.mem,
		.vram = machine->vram,
		.touched = machine->touched,
	};
	unsigned int queue;
	int ret;

	workload_prepare(&machine->work, &mem);
	ret = gpu_gtt_write(&machine->gpu, WORKLOAD_FENCE_ENTRY,
			    WORKLOAD_FENCE_GTT);
	for (queue = 0; queue < WORKLOAD_QUEUES && !ret; queue++)
		ret = start_queue(machine, queue);
	if (ret)
		return machine_error("set up the queues", ret);
	return machine_arm(machine);
}

/* Commands that all queues have completed, those of queue 0 shown. */
static int look(struct machine *machine, bool progress, const char *who,
		__u64 *sum)
{
	__u32 completed[WORKLOAD_QUEUES];
	unsigned int queue;
	int ret;

	ret = machine_failed(machine);
	if (!ret)
		ret = machine_completed(machine, completed);
	if (ret)
		return ret;
	*sum = 0;
	for (queue = 0; queue < WORKLOAD_QUEUES; queue++)
		*sum += completed[queue];
	if (progress)
		progress_show(who, completed[0],
			      workload_commands(&machine->work, 0));
	return 0;
}

int machine_finish(struct machine *machine, bool progress, const char *who)
{
	const struct timespec nap = { .tv_nsec = LOOK_MS * 1000000L };
	__u64 end = 0, sum = 0, seen = 0;
	unsigned int queue;
	int ret, idle_ms = 0;

	for (queue = 0; queue < WORKLOAD_QUEUES; queue++)
		end += workload_commands(&machine->work, queue);
	while (!machine_cpu_done(machine) || sum < end) {
		nanosleep(&nap, NULL);
		ret = look(machine, progress, who, &sum);
		if (ret)
			return ret;
		idle_ms = sum == seen ? idle_ms + LOOK_MS : 0;
		seen = sum;
		if (idle_ms > MACHINE_STUCK_MS)
			return machine_error("the queues are stuck",
					     -ETIMEDOUT);
		if (sum == end && idle_ms > LOST_MS)
			return machine_error("an interrupt was lost",
					     -ETIMEDOUT);
	}
	progress_end();
	machine_stop_cpu(machine);
	return 0;
}

void machine_close(struct machine *machine)
{
	machine_stop_cpu(machine);
	machine_release(machine);
}
