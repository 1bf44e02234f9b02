// SPDX-License-Identifier: GPL-2.0
/*
 * Mediated devices through sysfs: see mdev.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "mdev.h"
#include "vfio.h"

#define NODE_TIMEOUT_MS		5000

static int write_text(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd, ret = 0;
	ssize_t done;

	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	done = write(fd, text, len);
	if (done < 0)
		ret = -errno;
	else if ((size_t)done != len)
		ret = -EIO;
	close(fd);
	return ret;
}

/* Path of a file of the first parent that has the type. */
static int type_path(const char *type, const char *file, char path[PATH_MAX])
{
	char pattern[PATH_MAX];
	glob_t found;
	int ret = 0;

	snprintf(pattern, sizeof(pattern),
		 "/sys/class/mdev_bus/*/mdev_supported_types/%s/%s", type,
		 file);
	if (glob(pattern, 0, NULL, &found))
		return -ENODEV;
	if (snprintf(path, PATH_MAX, "%s", found.gl_pathv[0]) >= PATH_MAX)
		ret = -ENAMETOOLONG;
	globfree(&found);
	return ret;
}

int mdev_uuid(char uuid[MDEV_UUID_SIZE])
{
	unsigned char b[16];
	ssize_t len = getrandom(b, sizeof(b), 0);

	if (len != sizeof(b))
		return len < 0 ? -errno : -EIO;
	b[6] = (b[6] & 0x0f) | 0x40;	/* version 4 */
	b[8] = (b[8] & 0x3f) | 0x80;	/* variant 1 */
	snprintf(uuid, MDEV_UUID_SIZE,
		 "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
		 b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9],
		 b[10], b[11], b[12], b[13], b[14], b[15]);
	return 0;
}

bool mdev_exists(const char *uuid)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s", uuid);
	return !access(path, F_OK);
}

int mdev_wait(const char *uuid, unsigned int timeout_ms)
{
	struct timespec nap = { .tv_nsec = 1000 * 1000 };
	unsigned int i;

	for (i = 0; i <= timeout_ms; i++) {
		int group = vfio_group_number(uuid);
		char path[64];

		snprintf(path, sizeof(path), "/dev/vfio/%d", group);
		if (group >= 0 && !access(path, F_OK))
			return 0;
		nanosleep(&nap, NULL);
	}
	return -ETIMEDOUT;
}

int mdev_create(const char *type, const char *uuid)
{
	char path[PATH_MAX];
	int ret;

	ret = type_path(type, "create", path);
	if (!ret)
		ret = write_text(path, uuid);
	return ret ? ret : mdev_wait(uuid, NODE_TIMEOUT_MS);
}

int mdev_remove(const char *uuid)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/remove", uuid);
	return write_text(path, "1");
}

/* The first line of a file, without its end. */
static int read_text(const char *path, char *text, size_t size)
{
	ssize_t len;
	int fd, ret;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	len = read(fd, text, size - 1);
	ret = len < 0 ? -errno : 0;
	close(fd);
	if (ret)
		return ret;
	text[len] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return 0;
}

int mdev_api(const char *uuid, char *api, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path),
		 "/sys/bus/mdev/devices/%s/mdev_type/device_api", uuid);
	return read_text(path, api, size);
}

int mdev_available(const char *type)
{
	char path[PATH_MAX], text[32];
	int ret;

	ret = type_path(type, "available_instances", path);
	if (!ret)
		ret = read_text(path, text, sizeof(text));
	return ret ? ret : atoi(text);
}
