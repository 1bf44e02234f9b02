// SPDX-License-Identifier: GPL-2.0
/*
 * Fault injection: see fault.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"
#include "text.h"

/* Debugfs knobs: every allocation counts, and none makes the kernel shout. */
static const struct {
	const char *file;
	const char *value;
} fault_knobs[] = {
	{ "failslab/ignore-gfp-wait", "N" },
	{ "failslab/verbose", "0" },
	{ "fail_page_alloc/ignore-gfp-wait", "N" },
	{ "fail_page_alloc/ignore-gfp-highmem", "N" },
	{ "fail_page_alloc/min-order", "0" },
	{ "fail_page_alloc/verbose", "0" },
	{ "fail_usercopy/verbose", "0" },
	{ NULL, NULL },
};

bool fault_available(void)
{
	char path[96];
	size_t i;

	if (access("/proc/thread-self/fail-nth", W_OK))
		return false;

	for (i = 0; fault_knobs[i].file; i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s",
			 fault_knobs[i].file);
		if (text_write(path, fault_knobs[i].value))
			return false;
	}

	return true;
}

/* Open while armed, since opening it would meet points of failure. */
static int fault_fd = -1;

static int fault_open(pid_t tid)
{
	char path[64];

	if (tid)
		snprintf(path, sizeof(path), "/proc/%d/task/%d/fail-nth", tid,
			 tid);
	else
		snprintf(path, sizeof(path), "/proc/thread-self/fail-nth");

	return open(path, O_RDWR | O_CLOEXEC);
}

int fault_arm(pid_t tid, unsigned int nth)
{
	char value[16];
	int len, ret = 0;

	fault_fd = fault_open(tid);
	if (fault_fd < 0)
		return -errno;

	len = snprintf(value, sizeof(value), "%u", nth);
	if (pwrite(fault_fd, value, len, 0) != len) {
		ret = -errno;
		close(fault_fd);
	}

	return ret;
}

int fault_disarm(bool *fired)
{
	char value[16] = "";
	int ret = 0;

	/* Where the read itself fails, what came before it had not failed. */
	*fired = pread(fault_fd, value, sizeof(value) - 1, 0) > 0 &&
		 !strtoul(value, NULL, 10);
	/* The same may befall the write, once. */
	if (pwrite(fault_fd, "0", 1, 0) != 1 && pwrite(fault_fd, "0", 1, 0) != 1)
		ret = -errno;
	close(fault_fd);

	return ret;
}

/* As many of a thread's name as the kernel keeps, without its end. */
#define FAULT_NAME	15

static bool fault_is_worker(const char *threads, const char *tid,
			    const char *uuid)
{
	char path[64], name[96] = "", worker[64];
	FILE *file;

	snprintf(worker, sizeof(worker), "mvgpu/%.40s", uuid);
	snprintf(path, sizeof(path), "%.16s/%.16s/comm", threads, tid);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);

	return !strncmp(name, worker, FAULT_NAME);
}

/* A thread of ours, or of the kernel where it has no vhost_task_create(). */
pid_t fault_worker(const char *uuid)
{
	static const char * const threads[] = { "/proc/self/task", "/proc" };
	struct dirent *entry;
	pid_t tid = -ENOENT;
	size_t i;
	DIR *dir;

	for (i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
		dir = opendir(threads[i]);
		if (!dir)
			return -errno;
		while (tid < 0 && (entry = readdir(dir)))
			if (fault_is_worker(threads[i], entry->d_name, uuid))
				tid = atoi(entry->d_name);
		closedir(dir);
	}

	return tid;
}
