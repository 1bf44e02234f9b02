// SPDX-License-Identifier: GPL-2.0
/*
 * The progress line: see progress.h.
 */
#include <stdbool.h>
#include <stdio.h>

#include "progress.h"

#define BAR	40

static bool open_line;
static unsigned int last;

void progress_show(const char *who, __u64 done, __u64 all)
{
	unsigned int percent = all ? done * 100 / all : 100;
	char bar[BAR + 1];
	unsigned int i;

	if (open_line && percent == last)
		return;
	for (i = 0; i < BAR; i++)
		bar[i] = i * 100 < percent * BAR ? '#' : '.';
	bar[BAR] = '\0';
	fprintf(stderr, "\r%-12s [%s] %3u %%  command %llu of %llu ", who, bar,
		percent, done, all);
	open_line = true;
	last = percent;
}

void progress_end(void)
{
	if (open_line)
		fputc('\n', stderr);
	open_line = false;
}
