// SPDX-License-Identifier: GPL-2.0
/*
 * What other tasks are doing, and how they ended.
 */
#include <stdio.h>
#include <sys/wait.h>

#include "tasks.h"

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

int task_ended(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return -255;
	return WIFSIGNALED(status) ? WTERMSIG(status) : -WEXITSTATUS(status);
}
