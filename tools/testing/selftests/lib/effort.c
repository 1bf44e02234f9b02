// SPDX-License-Identifier: GPL-2.0
/*
 * How much a test does: see effort.h.
 */
#include <stdlib.h>
#include <string.h>

#include "effort.h"

#define EFFORT_QUICK_DIVISOR	10
#define EFFORT_WHOLE_FACTOR	10

enum effort {
	EFFORT_QUICK,
	EFFORT_NORMAL,
	EFFORT_WHOLE,
};

static enum effort effort(void)
{
	const char *value = getenv("MVGPU_EFFORT");

	if (value && !strcmp(value, "quick"))
		return EFFORT_QUICK;
	if (value && !strcmp(value, "whole"))
		return EFFORT_WHOLE;
	return EFFORT_NORMAL;
}

unsigned int effort_rounds(unsigned int normal)
{
	switch (effort()) {
	case EFFORT_QUICK:
		return (normal + EFFORT_QUICK_DIVISOR - 1) /
		       EFFORT_QUICK_DIVISOR;
	case EFFORT_WHOLE:
		return normal * EFFORT_WHOLE_FACTOR;
	default:
		return normal;
	}
}

unsigned long long effort_part(unsigned long long all)
{
	return effort() == EFFORT_QUICK ? all / EFFORT_QUICK_DIVISOR : all;
}

unsigned int effort_next(unsigned int n)
{
	switch (effort()) {
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
	switch (effort()) {
	case EFFORT_QUICK:
		return (normal * EFFORT_QUICK_DIVISOR) | 1;
	case EFFORT_WHOLE:
		return 1;
	default:
		return normal;
	}
}

unsigned int effort_slowness(void)
{
	const char *value = getenv("MVGPU_SLOWNESS");
	const int slowness = value ? atoi(value) : 1;

	return slowness > 1 ? slowness : 1;
}
