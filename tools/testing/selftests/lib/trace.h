/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of the modules, for tests: an instance of tracefs of our own,
 * ordered by a counter, so that "after" means after on any CPU.
 */
#ifndef _SELFTESTS_TRACE_H
#define _SELFTESTS_TRACE_H

#include <stddef.h>

struct trace {
	char path[96];
};

/* A line of the trace: the event's name, then what it printed. */
struct trace_line {
	char event[40];
	char text[216];
};

/* Record the events of a system: names separated by one space. 0 or -errno. */
int trace_open(struct trace *trace, const char *system, const char *events);
void trace_close(struct trace *trace);

/* Forget what was recorded. */
int trace_clear(struct trace *trace);

/*
 * Lines recorded so far that hold @filter (a device's UUID, say; "" for all).
 * Returns how many there are, or -errno; *@lines is freed by the caller.
 */
long trace_read(struct trace *trace, const char *filter,
		struct trace_line **lines);

/* Events of that name that hold @filter, or -errno. */
long trace_count(struct trace *trace, const char *event, const char *filter);

#endif /* _SELFTESTS_TRACE_H */
