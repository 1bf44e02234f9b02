// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's log: see klog.h.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/klog.h>

#include "klog.h"

int klog_lines(const char *one, const char *other)
{
	int size = klogctl(10 /* size of the buffer */, NULL, 0);
	char *text = malloc(size + 1), *line, *next;
	int len, found = 0;

	len = text ? klogctl(3 /* read all */, text, size) : 0;
	if (len <= 0) {
		free(text);
		return -1;
	}
	text[len] = 0;
	for (line = text; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		found += strstr(line, one) && strstr(line, other);
	}
	free(text);
	return found;
}
