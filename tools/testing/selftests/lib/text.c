// SPDX-License-Identifier: GPL-2.0
/*
 * Files that take a text at once: see text.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "text.h"

int text_write(const char *path, const char *text)
{
	const size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t written;
	int ret = 0;

	if (fd < 0)
		return -errno;
	written = write(fd, text, len);
	if (written < 0)
		ret = -errno;
	else if ((size_t)written != len)
		ret = -EIO;
	close(fd);

	return ret;
}
