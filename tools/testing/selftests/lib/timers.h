/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Two devices of mdev_sample, and VMMs that have one open, each behind a
 * container of its own.
 *
 * Functions return 0 or -errno, and print nothing.
 */
#ifndef _SELFTESTS_TIMERS_H
#define _SELFTESTS_TIMERS_H

#include <stdbool.h>
#include <linux/types.h>

#include "devstate.h"
#include "mdev.h"
#include "sample.h"
#include "vfio.h"

#define TIMERS		2
#define TIMER_WAIT_MS	10000

/**
 * struct timer - a device and its VMM
 * @uuid: of the device, which exists
 * @is_open: all below is valid
 * @vfio: container, group, device
 * @sample: its registers
 * @state: the device-state region; size 0 where the container is not served
 */
struct timer {
	char uuid[MDEV_UUID_SIZE];
	bool is_open;
	struct vfio_client vfio;
	struct sample sample;
	struct devstate state;
};

int timer_open(struct timer *timer);
void timer_close(struct timer *timer);

/* Create them all and open them; destroy also undoes half of that. */
int timers_create(struct timer timers[TIMERS]);
void timers_destroy(struct timer timers[TIMERS]);

/* Switch it on, write some of @seed to scratch, and wait for @ticks ticks. */
int timer_run(const struct timer *timer, __u32 seed, unsigned int ticks);

/* Value of a register, or U32_MAX if it cannot be read. */
__u32 timer_get(const struct timer *timer, unsigned int reg);

/* Is the device as after reset: all registers 0? */
bool timer_is_reset(const struct timer *timer);

/* Do two devices have the same in all registers? */
bool timers_same(const struct timer *a, const struct timer *b);

#endif /* _SELFTESTS_TIMERS_H */
