// SPDX-License-Identifier: GPL-2.0
/*
 * The thread that plays the guest's CPU: see machine.h. It writes commands and
 * their data as long as a ring has room, and otherwise waits for interrupts, of
 * which every ring that is full has one to come.
 */
#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "machine.h"

static void wake(struct machine_cpu *cpu)
{
	const __u64 one = 1;

	/* It cannot fail: the counter is read all the time. */
	while (write(cpu->wake, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

/* How often an eventfd was signalled since the last look. */
static __u64 signalled(int event)
{
	__u64 count;

	return read(event, &count, sizeof(count)) == sizeof(count) ? count : 0;
}

static void take_interrupts(struct machine_cpu *cpu)
{
	unsigned int queue;

	for (queue = 0; queue < WORKLOAD_QUEUES; queue++)
		cpu->taken[queue] += signalled(cpu->events[queue]);
	signalled(cpu->wake);
}

int machine_disarm(struct machine *machine)
{
	static const int none[WORKLOAD_QUEUES] = { -1, -1, -1, -1 };
	int ret = vfio_irq_eventfds(machine->vfio.device,
				    VFIO_PCI_MSIX_IRQ_INDEX, 0, WORKLOAD_QUEUES,
				    none);

	return ret ? machine_error("take interrupts away", ret) : 0;
}

int machine_arm(struct machine *machine)
{
	struct machine_cpu *cpu = &machine->cpu;
	__u32 completed[WORKLOAD_QUEUES], pending;
	unsigned int queue;
	int ret;

	ret = machine_completed(machine, completed);
	if (ret)
		return ret;
	ret = gpu_read32(&machine->gpu, MVGPU_REG_PENDING, &pending);
	if (ret)
		return machine_error("read what is pending", ret);
	pthread_mutex_lock(&cpu->lock);
	take_interrupts(cpu);
	for (queue = 0; queue < WORKLOAD_QUEUES; queue++) {
		cpu->taken[queue] = 0;
		cpu->expected[queue] = (pending >> queue & 1) +
				       workload_interrupts(&machine->work, queue,
							   completed[queue]);
	}
	pthread_mutex_unlock(&cpu->lock);
	ret = vfio_irq_eventfds(machine->vfio.device, VFIO_PCI_MSIX_IRQ_INDEX,
				0, WORKLOAD_QUEUES, cpu->events);
	return ret ? machine_error("set up interrupts", ret) : 0;
}

/* Is there room in the ring for another command? */
static bool ring_has_room(struct machine *machine, unsigned int queue)
{
	struct machine_cpu *cpu = &machine->cpu;
	__u32 tail = cpu->next[queue] % WORKLOAD_RING_SLOTS *
		     MVGPU_COMMAND_SIZE;
	__u32 head;

	cpu->error = gpu_read32(&machine->gpu,
				MVGPU_QUEUE(queue) + MVGPU_QUEUE_HEAD, &head);
	if (cpu->error)
		return false;
	return (tail - head) % WORKLOAD_RING_SIZE <
	       WORKLOAD_RING_SIZE - MVGPU_COMMAND_SIZE;
}

static void submit(struct machine *machine, unsigned int queue)
{
	const struct workload_memory mem = {
		.ram = machine->ram.mem,
		.vram = machine->vram,
		.touched = machine->touched,
	};
	struct machine_cpu *cpu = &machine->cpu;
	__u32 tail;

	workload_cpu(&machine->work, queue, cpu->next[queue], &mem);
	cpu->next[queue]++;
	tail = cpu->next[queue] % WORKLOAD_RING_SLOTS * MVGPU_COMMAND_SIZE;
	cpu->error = gpu_queue_doorbell(&machine->gpu, queue, tail);
}

/* A command for each queue that has one left and room for it. */
static bool write_commands(struct machine *machine)
{
	struct machine_cpu *cpu = &machine->cpu;
	unsigned int queue;
	bool wrote = false;

	for (queue = 0; queue < WORKLOAD_QUEUES && !cpu->error; queue++) {
		__u32 end = queue ? workload_commands(&machine->work, queue) :
				    cpu->end;

		if (cpu->next[queue] >= end || !ring_has_room(machine, queue))
			continue;
		submit(machine, queue);
		wrote = true;
	}
	return wrote;
}

static bool all_done(const struct machine *machine)
{
	const struct machine_cpu *cpu = &machine->cpu;
	unsigned int queue;

	for (queue = 0; queue < WORKLOAD_QUEUES; queue++) {
		if (cpu->next[queue] < workload_commands(&machine->work, queue) ||
		    cpu->taken[queue] < cpu->expected[queue])
			return false;
	}
	return true;
}

static void wait_for_interrupt(const struct machine_cpu *cpu)
{
	struct pollfd fds[WORKLOAD_QUEUES + 1];
	unsigned int i;

	for (i = 0; i < WORKLOAD_QUEUES; i++)
		fds[i] = (struct pollfd) {
			.fd = cpu->events[i],
			.events = POLLIN,
		};
	fds[i] = (struct pollfd) { .fd = cpu->wake, .events = POLLIN };
	poll(fds, WORKLOAD_QUEUES + 1, -1);
}

static void *cpu_main(void *arg)
{
	struct machine *machine = arg;
	struct machine_cpu *cpu = &machine->cpu;
	bool ended, wrote;

	do {
		/* All of a step under the lock: paused means still. */
		pthread_mutex_lock(&cpu->lock);
		while (cpu->pause && !cpu->quit)
			pthread_cond_wait(&cpu->changed, &cpu->lock);
		take_interrupts(cpu);
		wrote = !cpu->quit && write_commands(machine);
		cpu->done = all_done(machine);
		ended = cpu->quit || cpu->error || cpu->done;
		pthread_mutex_unlock(&cpu->lock);
		if (!ended && !wrote)
			wait_for_interrupt(cpu);
	} while (!ended);
	return NULL;
}

int machine_start_cpu(struct machine *machine,
		      const __u32 next[WORKLOAD_QUEUES], __u32 end)
{
	struct machine_cpu *cpu = &machine->cpu;
	unsigned int queue;
	int ret;

	for (queue = 0; queue < WORKLOAD_QUEUES; queue++)
		cpu->next[queue] = next[queue];
	cpu->end = end;
	cpu->pause = false;
	ret = -pthread_create(&cpu->thread, NULL, cpu_main, machine);
	cpu->running = !ret;
	return ret ? machine_error("start the CPU", ret) : 0;
}

void machine_release_cpu(struct machine *machine)
{
	pthread_mutex_lock(&machine->cpu.lock);
	machine->cpu.end = workload_commands(&machine->work, 0);
	pthread_mutex_unlock(&machine->cpu.lock);
	wake(&machine->cpu);
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
	wake(&machine->cpu);
}

void machine_wake_cpu(struct machine *machine)
{
	wake(&machine->cpu);
}

void machine_stop_cpu(struct machine *machine)
{
	struct machine_cpu *cpu = &machine->cpu;

	if (!cpu->running)
		return;
	pthread_mutex_lock(&cpu->lock);
	cpu->quit = true;
	pthread_cond_signal(&cpu->changed);
	pthread_mutex_unlock(&cpu->lock);
	wake(cpu);
	pthread_join(cpu->thread, NULL);
	cpu->running = false;
	/* More than there should be? */
	take_interrupts(cpu);
}

bool machine_cpu_done(struct machine *machine)
{
	bool done;

	pthread_mutex_lock(&machine->cpu.lock);
	done = machine->cpu.done;
	pthread_mutex_unlock(&machine->cpu.lock);
	return done;
}
