/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How much of what could go on for hours a test does. MVGPU_EFFORT says so:
 *
 *	brief	a small sample, for a debug kernel in "make check"
 *	quick	a sample, for kernels on which all takes ten times as long
 *	(none)	what fits into "make check"
 *	whole	everything, or far more where there is no everything
 */
#ifndef _SELFTESTS_EFFORT_H
#define _SELFTESTS_EFFORT_H

/* Rounds of something random, where @normal fit into "make check". */
unsigned int effort_rounds(unsigned int normal);

/* Rounds of something of which @enough say all; fewer where it is slow. */
unsigned int effort_some(unsigned int enough);

/* How many of @all bytes to move in small pieces; the rest goes in one. */
unsigned long long effort_part(unsigned long long all);

/*
 * The number after @n of those to try, from 1 on: all, or ever fewer of them
 * the higher they are.
 */
unsigned int effort_next(unsigned int n);

/*
 * The step through places that are much alike, where @normal fits into "make
 * check": 1 for all of them. Odd, so that no alignment is left out.
 */
unsigned int effort_step(unsigned int normal);

/*
 * How many times as long as on an ordinary kernel things take, at least 1:
 * MVGPU_SLOWNESS, from run.sh. Limits follow it.
 */
unsigned int effort_slowness(void);

#endif /* _SELFTESTS_EFFORT_H */
