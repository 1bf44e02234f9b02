/* SPDX-License-Identifier: GPL-2.0 */
/*
 * As much of a virtual machine as a device needs: guest RAM, the device, and
 * a thread that plays the guest's CPU. There is no hypervisor.
 *
 * Functions return 0 or -errno; machine_...() say on stderr what failed.
 *
 * Data flows one way: a file calls only files named before it here, which
 * tools/checks/layers.sh proves of the objects.
 *
 *	progress, program, workload, model, address, wire, machine, cpu, run,
 *	verify, report, setup, source, timer, target, pair, main
 */
#ifndef DEVSTATE_MIGRATE_MACHINE_H
#define DEVSTATE_MIGRATE_MACHINE_H

#include <pthread.h>
#include <stdbool.h>

#include "devstate.h"
#include "gpu.h"
#include "memory.h"
#include "vfio.h"
#include "workload.h"

/* A queue that completes nothing for so long is broken. */
#define MACHINE_STUCK_MS	60000

/**
 * struct machine_cpu - the thread that plays the guest's CPU
 * @thread: valid while @running
 * @running: the thread was started and not joined
 * @events: eventfds, one for each queue's interrupt
 * @wake: eventfd that ends its wait for one of them
 * @lock: protects all below while the thread runs
 * @changed: @pause or @quit changed
 * @pause: the thread is to keep still
 * @quit: the thread is to end
 * @done: the thread wrote all commands, and got all interrupts
 * @next: the command of each queue that it writes next
 * @end: the command of queue 0 that it writes no more
 * @expected: interrupts of each queue since machine_arm()
 * @taken: how many of them came
 * @error: why it ended early
 */
struct machine_cpu {
	pthread_t thread;
	bool running;
	int events[WORKLOAD_QUEUES];
	int wake;
	pthread_mutex_t lock;	/* see above */
	pthread_cond_t changed;
	bool pause;
	bool quit;
	bool done;
	__u32 next[WORKLOAD_QUEUES];
	__u32 end;
	__u32 expected[WORKLOAD_QUEUES];
	__u64 taken[WORKLOAD_QUEUES];
	int error;
};

/**
 * struct machine - guest RAM, device, CPU
 * @work: the program that runs
 * @vfio: the device's fds
 * @gpu: its BARs
 * @state: its device-state region
 * @ram: guest RAM
 * @vram: VRAM, mapped
 * @touched: bit for each page of guest RAM that the CPU wrote
 * @cpu: the thread
 */
struct machine {
	struct workload work;
	struct vfio_client vfio;
	struct gpu gpu;
	struct devstate state;
	struct ram ram;
	void *vram;
	__u64 *touched;
	struct machine_cpu cpu;
};

/* Open and reset the device; nothing else is there yet. */
int machine_open(struct machine *machine, const char *uuid);

/* Give it guest RAM, all zeros, and map that for the device. */
int machine_add_ram(struct machine *machine, const struct workload *work);

/* Fill guest RAM and the GTT entries of the rings, and enable the queues. */
int machine_power_on(struct machine *machine);

/*
 * Have interrupts signal the CPU, which is not running or paused, and note how
 * many there are to come. No command may be running: before the first, or while
 * the device is stopped.
 */
int machine_arm(struct machine *machine);

/* Take the eventfds away: from now on interrupts are pending. */
int machine_disarm(struct machine *machine);

/*
 * Start the CPU at the commands @next, whose predecessors are in the rings. It
 * keeps still before command @end of queue 0, until machine_release_cpu().
 */
int machine_start_cpu(struct machine *machine,
		      const __u32 next[WORKLOAD_QUEUES], __u32 end);
void machine_release_cpu(struct machine *machine);

/* Returns once the CPU keeps still, or has ended. Resume lets it go on. */
void machine_pause_cpu(struct machine *machine);
void machine_resume_cpu(struct machine *machine);

/* Let the CPU look at its rings, as an interrupt would. */
void machine_wake_cpu(struct machine *machine);

/* Make the CPU end, if it has not. */
void machine_stop_cpu(struct machine *machine);

/* Has the CPU ended, with nothing left to do? */
bool machine_cpu_done(struct machine *machine);

/*
 * Wait until the CPU has ended and the device has run all commands. Interrupts
 * that do not come make it fail.
 */
int machine_finish(struct machine *machine, bool progress, const char *who);

/* 0, or why the CPU or a queue broke down, said on stderr. */
int machine_failed(struct machine *machine);

/* Commands that each queue has completed since the program began. */
int machine_completed(struct machine *machine,
		      __u32 completed[WORKLOAD_QUEUES]);

/* Any time, also half open. */
void machine_close(struct machine *machine);

/* The same of a machine whose CPU was never started. */
void machine_release(struct machine *machine);

/* Say what failed and why; returns @error. */
int machine_error(const char *what, int error);

#endif /* DEVSTATE_MIGRATE_MACHINE_H */
