// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are a text: see text.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
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

long long text_number(const char *path, const char *key)
{
	FILE *file = fopen(path, "re");
	long long value = -1;
	char line[128];

	while (file && value < 0 && fgets(line, sizeof(line), file))
		if (!strncmp(line, key, strlen(key)) &&
		    line[strlen(key)] == ' ')
			value = atoll(line + strlen(key));
	if (file)
		fclose(file);
	return value;
}
