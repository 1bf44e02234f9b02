// SPDX-License-Identifier: GPL-2.0
/*
 * Puts back what a test left behind: see leftovers.h.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "leftovers.h"

#define LEFTOVERS_VALUE	64

/**
 * struct leftovers_parameter - a parameter of a module that can be written
 * @path: its file
 * @value: what it was
 */
struct leftovers_parameter {
	char *path;
	char value[LEFTOVERS_VALUE];
};

static const char * const leftovers_modules[] = {
	"mdev_migration", "mvgpu", "vfio_dirty", "vfio_iommu_type1",
};

static pid_t leftovers_of;
static struct leftovers_parameter *leftovers_parameters;
static size_t leftovers_nr_parameters;
static glob_t leftovers_mdevs;

/* Nonzero if there is none, or none that can be read. */
static int read_value(const char *path, char value[LEFTOVERS_VALUE])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -1;
	len = read(fd, value, LEFTOVERS_VALUE - 1);
	close(fd);
	value[len < 0 ? 0 : len] = '\0';
	return len < 0 ? -1 : 0;
}

static void write_value(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		fprintf(stderr, "# %s stays changed\n", path);
	else
		fprintf(stderr, "# %s was left changed\n", path);
	if (fd >= 0)
		close(fd);
}

static void remember(const char *module)
{
	struct leftovers_parameter *parameter;
	char pattern[128];
	glob_t found;
	size_t i;

	snprintf(pattern, sizeof(pattern), "/sys/module/%s/parameters/*",
		 module);
	if (glob(pattern, 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++) {
		if (access(found.gl_pathv[i], W_OK))
			continue;
		leftovers_parameters =
			realloc(leftovers_parameters,
				(leftovers_nr_parameters + 1) *
				sizeof(*leftovers_parameters));
		if (!leftovers_parameters)
			abort();
		parameter = &leftovers_parameters[leftovers_nr_parameters];
		parameter->path = strdup(found.gl_pathv[i]);
		if (parameter->path &&
		    !read_value(parameter->path, parameter->value))
			leftovers_nr_parameters++;
	}
	globfree(&found);
}

static int was_there(const char *path)
{
	size_t i;

	for (i = 0; i < leftovers_mdevs.gl_pathc; i++)
		if (!strcmp(path, leftovers_mdevs.gl_pathv[i]))
			return 1;
	return 0;
}

static int find_mdevs(glob_t *mdevs)
{
	return glob("/sys/bus/mdev/devices/*", 0, NULL, mdevs);
}

static void remove_mdevs(void)
{
	char path[256];
	glob_t mdevs;
	size_t i;

	if (find_mdevs(&mdevs))
		return;
	for (i = 0; i < mdevs.gl_pathc; i++) {
		if (was_there(mdevs.gl_pathv[i]))
			continue;
		snprintf(path, sizeof(path), "%s/remove", mdevs.gl_pathv[i]);
		write_value(path, "1");
	}
	globfree(&mdevs);
}

/* In the child of each fork, of a test's too. */
static void put_back(void)
{
	char value[LEFTOVERS_VALUE];
	size_t i;

	if (getppid() != leftovers_of)
		return;
	remove_mdevs();
	for (i = 0; i < leftovers_nr_parameters; i++) {
		const struct leftovers_parameter *parameter =
			&leftovers_parameters[i];

		if (!read_value(parameter->path, value) &&
		    strcmp(value, parameter->value))
			write_value(parameter->path, parameter->value);
	}
}

void leftovers_begin(void)
{
	size_t i;

	leftovers_of = getpid();
	leftovers_nr_parameters = 0;
	for (i = 0; i < sizeof(leftovers_modules) / sizeof(*leftovers_modules);
	     i++)
		remember(leftovers_modules[i]);
	if (find_mdevs(&leftovers_mdevs))
		leftovers_mdevs.gl_pathc = 0;
	if (pthread_atfork(NULL, NULL, put_back))
		abort();
}
