// SPDX-License-Identifier: GPL-2.0
/*
 * What other tasks are doing, and how they ended.
 */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rig.h"
#include "tasks.h"

/* How often a task is seen to wait before it is taken to wait for long. */
#define TASK_LOOKS	8

char task_state(pid_t tid)
{
	char path[64], state = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	file = fopen(path, "r");
	if (file && fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 0;
	if (file)
		fclose(file);
	return state;
}

bool task_waits(pid_t tid)
{
	unsigned int looks = 0;
	char state;

	do {
		usleep(500);
		state = task_state(tid);
		looks = state == 'D' ? looks + 1 : 0;
	} while (looks < TASK_LOOKS && state != 'Z' && state);
	return looks;
}

bool task_gone(pid_t pid)
{
	struct pollfd poll_fd = {
		.fd = syscall(SYS_pidfd_open, pid, 0),
		.events = POLLIN,
	};
	bool gone = poll(&poll_fd, 1, RIG_TIMEOUT_MS) == 1;

	close(poll_fd.fd);
	return gone;
}

bool task_sleeps_in(pid_t tid, long call)
{
	char path[64];
	long now = -1;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	/* "running" while it is */
	file = fopen(path, "r");
	if (file && fscanf(file, "%ld", &now) != 1)
		now = -1;
	if (file)
		fclose(file);
	return now == call && task_state(tid) == 'S';
}

int task_ended(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -255;
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}
