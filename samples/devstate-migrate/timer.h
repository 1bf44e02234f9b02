/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Moving a device that is not an mvgpu: a timer of mdev_sample, by the same two
 * sequences. It has no DMA, so that no guest RAM has to be moved for it.
 */
#ifndef DEVSTATE_MIGRATE_TIMER_H
#define DEVSTATE_MIGRATE_TIMER_H

#include <stdbool.h>

#include "migrate.h"

/* Is the device one, by what sysfs says? */
bool timer_is(const char *uuid);

/*
 * The roles, like source_run() and target_run(): 0 only if the timer was moved
 * with all its registers, and counted on from where it stopped.
 */
int timer_source_run(const char *uuid, int socket,
		     const struct options *options);
int timer_target_run(const char *uuid, int socket,
		     const struct options *options);

#endif /* DEVSTATE_MIGRATE_TIMER_H */
