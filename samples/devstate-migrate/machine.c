// SPDX-License-Identifier: GPL-2.0
/*
 * Guest RAM, the device, and the CPU: see machine.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "machine.h"
#include "progress.h"

#define POLL_NS		(200L * 1000)

static void nap(long ns)
{
	struct timespec time = { .tv_nsec = ns };

	nanosleep(&time, NULL);
}

int machine_error(const char *what, int error)
{
	progress_end();
	fprintf(stderr, "devstate-migrate: %s: %s\n", what, strerror(-error));
	return error;
}

static int open_device(struct machine *machine, const char *uuid,
		       const char **what)
{
	int ret;

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

static struct workload_memory memory(struct machine *machine)
{
	return (struct workload_memory) {
		.ram = machine->ram.mem,
		.vram = machine->vram,
		.touched = machine->touched,
	};
}

int machine_power_on(struct machine *machine)
{
	struct workload_memory mem = memory(machine);
	int ret;

	workload_prepare(&machine->work, &mem);
	ret = gpu_gtt_write(&machine->gpu, WORKLOAD_RING_ENTRY,
			    WORKLOAD_IOVA | MVGPU_GTT_VALID);
	if (!ret)
		ret = gpu_queue_enable(&machine->gpu, 0,
				       gpu_address(WORKLOAD_RING_ENTRY),
				       WORKLOAD_RING_SIZE);
	return ret ? machine_error("set up the queue", ret) : 0;
}

/* Is there room in the ring for another command? */
static bool ring_has_room(struct machine *machine)
{
	struct machine_cpu *cpu = &machine->cpu;
	__u32 tail = cpu->next % WORKLOAD_RING_SLOTS * MVGPU_COMMAND_SIZE;
	__u32 head;

	cpu->error = gpu_read32(&machine->gpu,
				MVGPU_QUEUE(0) + MVGPU_QUEUE_HEAD, &head);
	if (cpu->error)
		return false;
	return (tail - head) % WORKLOAD_RING_SIZE <
	       WORKLOAD_RING_SIZE - MVGPU_COMMAND_SIZE;
}

static void submit(struct machine *machine)
{
	struct workload_memory mem = memory(machine);
	struct machine_cpu *cpu = &machine->cpu;
	__u32 tail;

	workload_cpu(&machine->work, cpu->next, &mem);
	cpu->next++;
	tail = cpu->next % WORKLOAD_RING_SLOTS * MVGPU_COMMAND_SIZE;
	cpu->error = gpu_queue_doorbell(&machine->gpu, 0, tail);
}

static void *cpu_main(void *arg)
{
	struct machine *machine = arg;
	struct machine_cpu *cpu = &machine->cpu;
	__u32 last = workload_commands(&machine->work);
	bool ended, room;

	do {
		/* All of a step under the lock: paused means still. */
		pthread_mutex_lock(&cpu->lock);
		while (cpu->pause && !cpu->quit)
			pthread_cond_wait(&cpu->changed, &cpu->lock);
		ended = cpu->quit || cpu->next == last;
		room = !ended && cpu->next < cpu->end && ring_has_room(machine);
		if (room)
			submit(machine);
		ended = ended || cpu->error;
		pthread_mutex_unlock(&cpu->lock);
		if (!ended && !room)
			nap(POLL_NS);
	} while (!ended);
	return NULL;
}

int machine_start_cpu(struct machine *machine, __u32 next, __u32 end)
{
	struct machine_cpu *cpu = &machine->cpu;
	int ret;

	cpu->next = next;
	cpu->end = end;
	cpu->pause = false;
	ret = -pthread_create(&cpu->thread, NULL, cpu_main, machine);
	cpu->running = !ret;
	return ret ? machine_error("start the CPU", ret) : 0;
}

void machine_release_cpu(struct machine *machine)
{
	pthread_mutex_lock(&machine->cpu.lock);
	machine->cpu.end = workload_commands(&machine->work);
	pthread_mutex_unlock(&machine->cpu.lock);
}

void machine_pause_cpu(struct machine *machine)
{
	pthread_mutex_lock(&machine->cpu.lock);
	machine->cpu.pause = true;
	pthread_mutex_unlock(&machine->cpu.lock);
}

void machine_resume_cpu(struct machine *machine)
{
	pthread_mutex_lock(&machine->cpu.lock);
	machine->cpu.pause = false;
	pthread_cond_signal(&machine->cpu.changed);
	pthread_mutex_unlock(&machine->cpu.lock);
}

int machine_completed(struct machine *machine, __u64 *completed)
{
	int ret = gpu_read64(&machine->gpu,
			     MVGPU_QUEUE(0) + MVGPU_QUEUE_COMPLETED, completed);

	return ret ? machine_error("read the queue", ret) : 0;
}

static int queue_fault(const struct gpu_queue_state *queue)
{
	progress_end();
	fprintf(stderr,
		"devstate-migrate: command %llu faulted: code %u, GPU address 0x%llx\n",
		queue->completed, queue->fault, queue->fault_address);
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
	struct gpu_queue_state queue;
	int ret = cpu_error(machine);

	if (ret)
		return machine_error("the CPU", ret);
	ret = gpu_queue_state(&machine->gpu, 0, &queue);
	if (ret)
		return machine_error("read the queue", ret);
	return queue.status == MVGPU_QUEUE_FAULTED ? queue_fault(&queue) : 0;
}

int machine_finish(struct machine *machine, bool progress, const char *who)
{
	const __u32 end = workload_commands(&machine->work);
	__u64 completed = 0, seen = 0;
	int ret, idle_ms = 0;

	while (completed < end) {
		nap(1000L * 1000);
		ret = machine_failed(machine);
		if (!ret)
			ret = machine_completed(machine, &completed);
		if (ret)
			return ret;
		if (progress)
			progress_show(who, completed, end);
		idle_ms = completed == seen ? idle_ms + 1 : 0;
		seen = completed;
		if (idle_ms > MACHINE_STUCK_MS)
			return machine_error("the queue is stuck", -ETIMEDOUT);
	}
	progress_end();
	pthread_join(machine->cpu.thread, NULL);
	machine->cpu.running = false;
	return 0;
}

static void stop_cpu(struct machine *machine)
{
	struct machine_cpu *cpu = &machine->cpu;

	if (!cpu->running)
		return;
	pthread_mutex_lock(&cpu->lock);
	cpu->quit = true;
	pthread_cond_signal(&cpu->changed);
	pthread_mutex_unlock(&cpu->lock);
	pthread_join(cpu->thread, NULL);
	cpu->running = false;
}

void machine_close(struct machine *machine)
{
	stop_cpu(machine);
	if (machine->vram)
		munmap(machine->vram, machine->gpu.vram_size);
	machine->vram = NULL;
	vfio_close(&machine->vfio);
	ram_destroy(&machine->ram);
	free(machine->touched);
	machine->touched = NULL;
}
