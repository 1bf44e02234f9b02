// SPDX-License-Identifier: GPL-2.0
/*
 * Guest RAM and the device: see machine.h. The CPU is in cpu.c, and how all of it
 * runs in run.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "machine.h"
#include "progress.h"

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
	machine_release(machine);
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

void machine_release(struct machine *machine)
{
	if (machine->vram)
		munmap(machine->vram, machine->gpu.vram_size);
	machine->vram = NULL;
	vfio_close(&machine->vfio);
	close_events(&machine->cpu);
	ram_destroy(&machine->ram);
	free(machine->touched);
	machine->touched = NULL;
}
