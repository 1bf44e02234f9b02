// SPDX-License-Identifier: GPL-2.0
/*
 * Guest RAM and the device: see machine.h. The CPU is in cpu.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "machine.h"
#include "progress.h"

/* How often a program that runs is looked at. */
#define LOOK_MS		5

/* An interrupt that does not come for so long is lost. */
#define LOST_MS		10000

int machine_error(const char *what, int error)
{
	progress_end();
	fprintf(stderr, "devstate-migrate: %s: %s\n", what, strerror(-error));
	return error;
}

static int open_events(struct machine_cpu *cpu)
{
	unsigned int i;

	for (i = 0; i < WORKLOAD_QUEUES; i++) {
		cpu->events[i] = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
		if (cpu->events[i] < 0)
			return -errno;
	}
	cpu->wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return cpu->wake < 0 ? -errno : 0;
}

static void close_events(struct machine_cpu *cpu)
{
	unsigned int i;

	for (i = 0; i < WORKLOAD_QUEUES; i++) {
		if (cpu->events[i] >= 0)
			close(cpu->events[i]);
		cpu->events[i] = -1;
	}
	if (cpu->wake >= 0)
		close(cpu->wake);
	cpu->wake = -1;
}

static int open_device(struct machine *machine, const char *uuid,
		       const char **what)
{
	int ret;

	*what = "eventfds";
	ret = open_events(&machine->cpu);
	if (ret)
		return ret;
	*what = "open the device";
	ret = vfio_open(&machine->vfio, uuid);
	if (ret)
		return ret;
	*what = "reset the device";
	ret = vfio_reset(machine->vfio.device);
	if (ret)
		return ret;
	*what = "not an mvgpu";
	ret = gpu_init(&machine->gpu, machine->vfio.device);
	if (ret)
		return ret;
	*what = "find the device-state region";
	ret = devstate_find(&machine->state, machine->vfio.device);
	if (ret)
		return ret;
	*what = "the container cannot tell dirty pages";
	if (!devstate_has_bitmap(machine->vfio.container))
		return -EOPNOTSUPP;
	*what = "let the device do DMA";
	ret = vfio_memory_decode(machine->vfio.device, true);
	if (!ret)
		ret = vfio_bus_master(machine->vfio.device, true);
	if (ret)
		return ret;
	*what = "map VRAM";
	machine->vram = gpu_vram_map(&machine->gpu);
	return machine->vram ? 0 : -errno;
}

int machine_open(struct machine *machine, const char *uuid)
{
	const char *what = "";
	int ret;

	memset(machine, 0, sizeof(*machine));
	machine->vfio = (struct vfio_client)VFIO_CLIENT_CLOSED;
	memset(machine->cpu.events, -1, sizeof(machine->cpu.events));
	machine->cpu.wake = -1;
	machine->cpu.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	machine->cpu.changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	ret = open_device(machine, uuid, &what);
	if (!ret)
		return 0;
	machine_close(machine);
	return machine_error(what, ret);
}

int machine_add_ram(struct machine *machine, const struct workload *work)
{
	int ret;

	machine->work = *work;
	if (machine->gpu.vram_size != work->vram_pages * WORKLOAD_PAGE)
		return machine_error("VRAM of another size", -ENODEV);
	machine->touched = calloc((work->ram_pages + 63) / 64,
				  sizeof(*machine->touched));
	if (!machine->touched)
		return machine_error("guest RAM", -ENOMEM);
	ret = ram_create(&machine->ram, work->ram_pages * WORKLOAD_PAGE);
	if (ret)
		return machine_error("guest RAM", ret);
	/* Not while the guest stands still. */
	ret = ram_populate(&machine->ram);
	if (ret)
		return machine_error("populate guest RAM", ret);
	ret = ram_map(&machine->ram, machine->vfio.container, WORKLOAD_IOVA);
	return ret ? machine_error("map guest RAM for DMA", ret) : 0;
}

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

int machine_completed(struct machine *machine,
		      __u32 completed[WORKLOAD_QUEUES])
{
	unsigned int queue;
	__u64 value;
	int ret;

	for (queue = 0; queue < WORKLOAD_QUEUES; queue++) {
		ret = gpu_read64(&machine->gpu,
				 MVGPU_QUEUE(queue) + MVGPU_QUEUE_COMPLETED,
				 &value);
		if (ret)
			return machine_error("read the queues", ret);
		completed[queue] = value;
	}
	return 0;
}

static int queue_fault(struct machine *machine, unsigned int queue)
{
	struct gpu_queue_state state;
	int ret = gpu_queue_state(&machine->gpu, queue, &state);

	if (ret)
		return machine_error("read the queues", ret);
	progress_end();
	fprintf(stderr,
		"devstate-migrate: queue %u: command %llu faulted: code %u, GPU address 0x%llx\n",
		queue, state.completed, state.fault, state.fault_address);
	return -EIO;
}

static int cpu_error(struct machine *machine)
{
	int ret;

	pthread_mutex_lock(&machine->cpu.lock);
	ret = machine->cpu.error;
	pthread_mutex_unlock(&machine->cpu.lock);
	return ret;
}

int machine_failed(struct machine *machine)
{
	int ret = cpu_error(machine);
	unsigned int queue;
	__u32 status;

	if (ret)
		return machine_error("the CPU", ret);
	for (queue = 0; queue < WORKLOAD_QUEUES; queue++) {
		ret = gpu_read32(&machine->gpu,
				 MVGPU_QUEUE(queue) + MVGPU_QUEUE_STATUS,
				 &status);
		if (ret)
			return machine_error("read the queues", ret);
		if (status == MVGPU_QUEUE_FAULTED)
			return queue_fault(machine, queue);
	}
	return 0;
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
	if (machine->vram)
		munmap(machine->vram, machine->gpu.vram_size);
	machine->vram = NULL;
	vfio_close(&machine->vfio);
	close_events(&machine->cpu);
	ram_destroy(&machine->ram);
	free(machine->touched);
	machine->touched = NULL;
}
