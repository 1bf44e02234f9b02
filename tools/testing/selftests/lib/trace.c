// SPDX-License-Identifier: GPL-2.0
/*
 * Reading trace events through an instance of tracefs. The context columns
 * are switched off: a line is then "event: text" and needs no guessing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace.h"

#define TRACEFS "/sys/kernel/tracing"

static int trace_put(const struct trace *trace, const char *file,
		     const char *value)
{
	char path[256];
	ssize_t done;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", trace->path, file);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	done = write(fd, value, strlen(value));
	if (done < 0)
		done = -errno;
	close(fd);

	return done < 0 ? done : 0;
}

static int trace_enable(const struct trace *trace, const char *system,
			const char *events)
{
	char list[512], file[256];
	char *name, *rest = list;
	int ret;

	snprintf(list, sizeof(list), "%s", events);
	while ((name = strsep(&rest, " "))) {
		snprintf(file, sizeof(file), "events/%s/%s/enable", system,
			 name);
		ret = trace_put(trace, file, "1");
		if (ret)
			return ret;
	}

	return 0;
}

int trace_open(struct trace *trace, const char *system, const char *events)
{
	int ret;

	snprintf(trace->path, sizeof(trace->path), TRACEFS "/instances/test-%d",
		 getpid());
	if (access(TRACEFS "/instances", F_OK))
		mount("tracefs", TRACEFS, "tracefs", 0, NULL);
	if (mkdir(trace->path, 0700))
		return -errno;
	ret = trace_put(trace, "options/context-info", "0");
	if (!ret)
		ret = trace_put(trace, "trace_clock", "counter");
	if (!ret)
		ret = trace_put(trace, "buffer_size_kb", "4096");
	if (!ret)
		ret = trace_enable(trace, system, events);
	if (!ret)
		ret = trace_put(trace, "tracing_on", "1");
	if (ret)
		trace_close(trace);

	return ret;
}

void trace_close(struct trace *trace)
{
	trace_put(trace, "events/enable", "0");
	rmdir(trace->path);
}

int trace_clear(struct trace *trace)
{
	return trace_put(trace, "trace", "");
}

/* "event: text\n" */
static int trace_parse(char *line, struct trace_line *out)
{
	char *colon;

	line += strspn(line, " ");
	colon = strstr(line, ": ");
	if (*line == '#' || !colon)
		return 0;
	line[strcspn(line, "\n")] = '\0';
	*colon = '\0';
	snprintf(out->event, sizeof(out->event), "%s", line);
	snprintf(out->text, sizeof(out->text), "%s", colon + 2);

	return 1;
}

static long trace_collect(FILE *file, const char *filter,
			  struct trace_line **lines)
{
	size_t len = 0, room = 0;
	char *line = NULL;
	long nr = 0;

	while (getline(&line, &len, file) >= 0) {
		if (!strstr(line, filter))
			continue;
		if (nr == (long)room) {
			struct trace_line *more;

			room = room ? 2 * room : 256;
			more = reallocarray(*lines, room, sizeof(**lines));
			if (!more) {
				nr = -ENOMEM;
				break;
			}
			*lines = more;
		}
		nr += trace_parse(line, &(*lines)[nr]);
	}
	free(line);

	return nr;
}

long trace_read(struct trace *trace, const char *filter,
		struct trace_line **lines)
{
	char path[128];
	FILE *file;
	long nr;

	*lines = NULL;
	snprintf(path, sizeof(path), "%s/trace", trace->path);
	file = fopen(path, "re");
	if (!file)
		return -errno;
	nr = trace_collect(file, filter, lines);
	fclose(file);
	if (nr < 0) {
		free(*lines);
		*lines = NULL;
	}

	return nr;
}

long trace_count(struct trace *trace, const char *event, const char *filter)
{
	struct trace_line *lines;
	long nr, i, found = 0;

	nr = trace_read(trace, filter, &lines);
	if (nr < 0)
		return nr;
	for (i = 0; i < nr; i++)
		found += !strcmp(lines[i].event, event);
	free(lines);

	return found;
}
