// SPDX-License-Identifier: GPL-2.0
/*
 * The clock of a vGPU: how long it has run, on all hosts that it was on. It
 * stands still while the device is stopped.
 */
#include <linux/ktime.h>
#include <linux/lockdep.h>

#include "mvgpu_private.h"

/**
 * mvgpu_clock_open - the clock of a vGPU that was just opened, at 0
 * @dev: the device
 */
void mvgpu_clock_open(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;

	worker->clock = 0;
	worker->clock_from = ktime_get_ns();
	worker->clock_stands = false;
}

static u64 mvgpu_clock_now_locked(struct mvgpu_device *dev)
{
	const struct mvgpu_worker *worker = &dev->worker;

	lockdep_assert_held(&dev->lock);
	if (worker->clock_stands)
		return worker->clock;

	return worker->clock + ktime_get_ns() - worker->clock_from;
}

/**
 * mvgpu_clock_now - how long the device has run since it was reset
 * @dev: the device, open
 *
 * Return: nanoseconds, those of other hosts included.
 */
u64 mvgpu_clock_now(struct mvgpu_device *dev)
{
	u64 now;

	spin_lock(&dev->lock);
	now = mvgpu_clock_now_locked(dev);
	spin_unlock(&dev->lock);

	return now;
}

/**
 * mvgpu_clock_set - the device has run for so long
 * @dev: the device, stopped
 * @now: nanoseconds
 */
void mvgpu_clock_set(struct mvgpu_device *dev, u64 now)
{
	spin_lock(&dev->lock);
	dev->worker.clock = now;
	spin_unlock(&dev->lock);
}

/**
 * mvgpu_clock_stop - the device stops
 * @dev: the device, open
 */
void mvgpu_clock_stop(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;

	spin_lock(&dev->lock);
	worker->clock = mvgpu_clock_now_locked(dev);
	worker->clock_stands = true;
	spin_unlock(&dev->lock);
}

/**
 * mvgpu_clock_start_locked - the device goes on
 * @dev: the device, open
 */
void mvgpu_clock_start_locked(struct mvgpu_device *dev)
{
	struct mvgpu_worker *worker = &dev->worker;

	lockdep_assert_held(&dev->lock);
	if (worker->clock_stands)
		worker->clock_from = ktime_get_ns();
	worker->clock_stands = false;
}
