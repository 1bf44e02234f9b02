// SPDX-License-Identifier: GPL-2.0
/*
 * workload: keeps a vGPU busy in the guest, and says once a second how it is.
 *
 *	workload PORT [DEVICE]
 *
 * PORT is a virtio-serial port or a terminal. A line is written to it each
 * second of the guest's clock:
 *
 *	tick=12 state=running kind=stress ops=3456 bytes=1048576 checked=2097152
 *	errors=0 lost=0 stalls=0 slowest_ms=3		(one line)
 *
 * and commands are read from it, one a line:
 *
 *	run KIND [seed=N] [mib=N] [percent=N] [stall_ms=N]
 *	stop		answered by a line that begins with "final"
 *
 * KIND is stress (see stress.c), vram or ram (so many MiB, of which the engine
 * rewrites so many percent a second), or idle. Without DEVICE, idle alone works.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "status.h"

#define STALL_MS	2000

static const char * const state_names[] = {
	[STATE_STOPPED] = "stopped",
	[STATE_STARTING] = "starting",
	[STATE_RUNNING] = "running",
	[STATE_GONE] = "gone",
	[STATE_FAILED] = "failed",
};

/**
 * struct program - all there is
 * @port: where to report
 * @path: of the device, or NULL
 * @device: the device
 * @status: of the run; shared with @child
 * @job: what it has to do
 * @kind: the same, by name
 * @child: does it, or 0. When the vGPU is taken away, so is VRAM, and access to
 *	it raises SIGBUS: all that a process had of it goes with the process.
 * @tick: lines written
 * @line: of input, so far
 * @length: of it
 */
struct program {
	int port;
	const char *path;
	struct device device;
	struct status *status;
	struct job job;
	char kind[16];
	pid_t child;
	unsigned long tick;
	char line[256];
	size_t length;
};

static int do_job(const struct program *program)
{
	if (!strcmp(program->kind, "stress"))
		return stress_run(&program->job);
	if (!strcmp(program->kind, "vram"))
		return rewrite_run(&program->job, true);
	if (!strcmp(program->kind, "ram"))
		return rewrite_run(&program->job, false);
	return idle_run(&program->job);
}

/* The child. */
static void work(struct program *program)
{
	int ret = 0;

	if (program->path)
		ret = device_open(&program->device, program->path);
	if (!ret)
		ret = do_job(program);
	if (ret)
		fprintf(stderr, "workload: %s: %s\n", program->kind,
			strerror(-ret));
	program->status->state = ret == -ENODEV ? STATE_GONE :
				 ret ? STATE_FAILED : STATE_STOPPED;
	_exit(0);
}

/* Whether the child has ended; with WNOHANG as @options, at once. */
static void reap(struct program *program, int options)
{
	int status;

	if (!program->child ||
	    waitpid(program->child, &status, options) != program->child)
		return;
	program->child = 0;
	if (!WIFSIGNALED(status))
		return;
	fprintf(stderr, "workload: %s\n", strsignal(WTERMSIG(status)));
	program->status->state = WTERMSIG(status) == SIGBUS ? STATE_GONE :
							      STATE_FAILED;
}

/* A line goes out in one piece, or not at all: a port that nobody reads. */
static void say(struct program *program, const char *line)
{
	ssize_t ret = write(program->port, line, strlen(line));

	(void)ret;
}

static void report(struct program *program, const char *start)
{
	const struct status *status = program->status;
	char line[320];

	snprintf(line, sizeof(line),
		 "%s=%lu state=%s kind=%s ops=%llu bytes=%llu checked=%llu errors=%llu lost=%llu stalls=%llu slowest_ms=%u\n",
		 start, program->tick, state_names[status->state],
		 program->kind, status->ops, status->bytes, status->checked,
		 status->errors, status->lost, status->stalls,
		 status->slowest_ms);
	say(program, line);
}

static void stop(struct program *program)
{
	program->status->stop = true;
	reap(program, 0);
}

/* "name=N" of a command line. */
static __u64 option(const char *line, const char *name, __u64 value)
{
	const char *at = strstr(line, name);

	return at ? strtoull(at + strlen(name), NULL, 0) : value;
}

static void start(struct program *program, const char *line)
{
	stop(program);
	memset(program->status, 0, sizeof(*program->status));
	if (sscanf(line, "run %15s", program->kind) != 1)
		snprintf(program->kind, sizeof(program->kind), "idle");
	program->status->state = STATE_STARTING;
	program->status->stall_ms = option(line, " stall_ms=", STALL_MS);
	program->job = (struct job) {
		.device = &program->device,
		.status = program->status,
		.seed = option(line, " seed=", 1),
		.mib = option(line, " mib=", 16),
		.percent = option(line, " percent=", 5),
	};
	if (!program->path && strcmp(program->kind, "idle")) {
		program->status->state = STATE_GONE;
		return;
	}
	program->child = fork();
	if (!program->child)
		work(program);
	if (program->child < 0) {
		program->child = 0;
		program->status->state = STATE_FAILED;
	}
}

static void obey(struct program *program)
{
	if (!strncmp(program->line, "run ", 4)) {
		start(program, program->line);
		report(program, "run");
	} else if (!strcmp(program->line, "stop")) {
		stop(program);
		report(program, "final");
	} else {
		say(program, "what\n");
	}
}

static void read_port(struct program *program)
{
	char byte;

	while (read(program->port, &byte, 1) == 1) {
		if (byte == '\n') {
			program->line[program->length] = 0;
			program->length = 0;
			obey(program);
		} else if (program->length < sizeof(program->line) - 1) {
			program->line[program->length++] = byte;
		}
	}
}

static void loop(struct program *program, int timer)
{
	struct pollfd fds[] = {
		{ .fd = timer, .events = POLLIN },
		{ .fd = program->port, .events = POLLIN },
	};
	__u64 expired;

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents & POLLIN)
			read_port(program);
		/* Nobody has the other end: do not spin on that. */
		fds[1].fd = fds[1].revents & POLLHUP ? -1 : program->port;
		if (fds[0].revents & POLLIN &&
		    read(timer, &expired, sizeof(expired)) > 0) {
			fds[1].fd = program->port;
			reap(program, WNOHANG);
			program->tick++;
			report(program, "tick");
		}
	}
}

int main(int argc, char **argv)
{
	const struct itimerspec second = {
		.it_interval = { .tv_sec = 1 },
		.it_value = { .tv_sec = 1 },
	};
	struct program program = { .kind = "none" };
	int timer;

	if (argc < 2) {
		fprintf(stderr, "usage: workload PORT [DEVICE]\n");
		return 1;
	}
	program.path = argc > 2 ? argv[2] : NULL;
	program.port = open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
	if (program.port < 0 || timer < 0 ||
	    timerfd_settime(timer, 0, &second, NULL)) {
		fprintf(stderr, "workload: %s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	program.status = mmap(NULL, sizeof(*program.status),
			      PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (program.status == MAP_FAILED) {
		perror("workload: memory");
		return 1;
	}
	loop(&program, timer);
}
