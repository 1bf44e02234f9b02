// SPDX-License-Identifier: GPL-2.0
/*
 * Two devices of mdev_sample and their VMMs, see timers.h.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "timers.h"

int timer_open(struct timer *timer)
{
	int ret = vfio_open(&timer->vfio, timer->uuid);

	if (ret)
		return ret;
	timer->is_open = true;
	memset(&timer->state, 0, sizeof(timer->state));
	ret = sample_init(&timer->sample, timer->vfio.device);
	if (!ret)
		ret = devstate_find(&timer->state, timer->vfio.device);
	return ret == -ENOENT ? 0 : ret;
}

void timer_close(struct timer *timer)
{
	if (timer->is_open)
		vfio_close(&timer->vfio);
	timer->is_open = false;
}

int timers_create(struct timer timers[TIMERS])
{
	unsigned int i;
	int ret = 0;

	memset(timers, 0, TIMERS * sizeof(*timers));
	for (i = 0; i < TIMERS && !ret; i++) {
		/* Always the same, so that leftovers are found again. */
		snprintf(timers[i].uuid, sizeof(timers[i].uuid),
			 "6d766770-7500-4000-8001-%012x", i + 1);
		if (mdev_exists(timers[i].uuid))
			ret = mdev_remove(timers[i].uuid);
		if (!ret)
			ret = mdev_create(MDEV_SAMPLE_TYPE, timers[i].uuid);
		if (!ret)
			ret = timer_open(&timers[i]);
	}
	return ret;
}

void timers_destroy(struct timer timers[TIMERS])
{
	unsigned int i;

	for (i = 0; i < TIMERS; i++) {
		timer_close(&timers[i]);
		if (timers[i].uuid[0] && mdev_exists(timers[i].uuid))
			mdev_remove(timers[i].uuid);
	}
}

int timer_run(const struct timer *timer, __u32 seed, unsigned int ticks)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < 10 && !ret; i++)
		ret = sample_write(&timer->sample, MDEV_SAMPLE_SCRATCH + i,
				   seed + i);
	if (!ret)
		ret = sample_write(&timer->sample, MDEV_SAMPLE_REGS - 1, ~seed);
	if (!ret)
		ret = sample_write(&timer->sample, MDEV_SAMPLE_CONTROL, 1);
	for (i = 0; i < ticks && !ret; i++)
		ret = sample_wait(&timer->sample,
				  timer_get(timer, MDEV_SAMPLE_TICKS),
				  TIMER_WAIT_MS);
	return ret;
}

__u32 timer_get(const struct timer *timer, unsigned int reg)
{
	__u32 value = ~0U;

	return sample_read(&timer->sample, reg, &value) ? ~0U : value;
}

bool timer_is_reset(const struct timer *timer)
{
	static const __u32 zeros[MDEV_SAMPLE_REGS];
	__u32 regs[MDEV_SAMPLE_REGS];

	return !sample_read_all(&timer->sample, regs) &&
	       !memcmp(regs, zeros, sizeof(regs));
}

bool timers_same(const struct timer *a, const struct timer *b)
{
	__u32 regs_a[MDEV_SAMPLE_REGS], regs_b[MDEV_SAMPLE_REGS];

	return !sample_read_all(&a->sample, regs_a) &&
	       !sample_read_all(&b->sample, regs_b) &&
	       !memcmp(regs_a, regs_b, sizeof(regs_a));
}
