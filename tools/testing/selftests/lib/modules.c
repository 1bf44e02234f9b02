// SPDX-License-Identifier: GPL-2.0
/*
 * Kernel modules: see modules.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "modules.h"
#include "rig.h"

int module_remove(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

int module_remove_soon(const char *name)
{
	long long end = rig_now_ms() + 5000;
	int ret;

	do {
		ret = module_remove(name);
		if (ret == -EAGAIN)
			nanosleep(&(struct timespec){ .tv_nsec = 1000000 },
				  NULL);
	} while (ret == -EAGAIN && rig_now_ms() < end);

	return ret;
}

int module_insert(const char *folder, const char *path)
{
	char file[4096];
	int fd, ret;

	snprintf(file, sizeof(file), "%s/%s", folder, path);
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ret = syscall(SYS_finit_module, fd, "", 0) ? -errno : 0;
	close(fd);

	return ret;
}

int module_param(const char *module, const char *name, const char *value,
		 char old[64])
{
	char path[128];
	ssize_t len;
	int fd, ret = 0;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module,
		 name);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (old) {
		len = read(fd, old, 63);
		old[len > 0 ? len : 0] = 0;
	}
	if (write(fd, value, strlen(value)) < 0)
		ret = -errno;
	close(fd);
	return ret;
}
