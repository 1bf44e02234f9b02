// SPDX-License-Identifier: GPL-2.0
/*
 * How much a test does: see effort.h.
 */
#include <stdlib.h>
#include <string.h>

#include "effort.h"

#define EFFORT_BRIEF_DIVISOR	30
#define EFFORT_QUICK_DIVISOR	10
#define EFFORT_WHOLE_FACTOR	10
/* Of rounds that are few. */
#define EFFORT_BRIEF_SHARE	5
#define EFFORT_QUICK_SHARE	3

enum effort {
	EFFORT_BRIEF,
	EFFORT_QUICK,
	EFFORT_NORMAL,
	EFFORT_WHOLE,
};

static enum effort effort(void)
{
	const char *value = getenv("MVGPU_EFFORT");

	if (value && !strcmp(value, "brief"))
		return EFFORT_BRIEF;
	if (value && !strcmp(value, "quick"))
		return EFFORT_QUICK;
	if (value && !strcmp(value, "whole"))
		return EFFORT_WHOLE;
	return EFFORT_NORMAL;
}

/* 1 where nothing is left out. */
static unsigned int effort_divisor(void)
{
	switch (effort()) {
	case EFFORT_BRIEF:
		return EFFORT_BRIEF_DIVISOR;
	case EFFORT_QUICK:
		return EFFORT_QUICK_DIVISOR;
	default:
		return 1;
	}
}

unsigned int effort_rounds(unsigned int normal)
{
	const unsigned int divisor = effort_divisor();

	if (effort() == EFFORT_WHOLE)
		return normal * EFFORT_WHOLE_FACTOR;
	return (normal + divisor - 1) / divisor;
}

unsigned int effort_some(unsigned int enough)
{
	switch (effort()) {
	case EFFORT_BRIEF:
		return (enough + EFFORT_BRIEF_SHARE - 1) / EFFORT_BRIEF_SHARE;
	case EFFORT_QUICK:
		return (enough + EFFORT_QUICK_SHARE - 1) / EFFORT_QUICK_SHARE;
	default:
		return enough;
	}
}

unsigned long long effort_part(unsigned long long all)
{
	return all / effort_divisor();
}

unsigned int effort_next(unsigned int n)
{
	switch (effort()) {
	case EFFORT_BRIEF:
		return n + 1 + n / 2;
	case EFFORT_QUICK:
		return n + 1 + n / 4;
	case EFFORT_WHOLE:
		return n + 1;
	default:
		return n + 1 + n / 16;
	}
}

unsigned int effort_step(unsigned int normal)
{
	const unsigned int divisor = effort_divisor();

	if (effort() == EFFORT_WHOLE)
		return 1;
	return divisor > 1 ? (normal * divisor) | 1 : normal;
}

unsigned int effort_slowness(void)
{
	const char *value = getenv("MVGPU_SLOWNESS");
	const int slowness = value ? atoi(value) : 1;

	return slowness > 1 ? slowness : 1;
}
