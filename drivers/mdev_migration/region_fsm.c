// SPDX-License-Identifier: GPL-2.0
/*
 * What the device-state region may do in each of the states of fsm.c, and what
 * reset does, which is everybody's. Pure: also compiled in user space.
 */
#include <linux/errno.h>

#include "fsm.h"

/* What reset does, wherever it starts from. */
#define MDEV_MIGRATION_DO_START_OVER					\
	(MDEV_MIGRATION_DO_DROP_SAVE | MDEV_MIGRATION_DO_DROP_LOAD |	\
	 MDEV_MIGRATION_DO_RESET)

/* All cells of a state in which the region is told that another owns it. */
#define MDEV_MIGRATION_FSM_V2_ROW(reset)				\
	{								\
		[MDEV_MIGRATION_EV_START] = { .error = -EBUSY },	\
		[MDEV_MIGRATION_EV_STOP] = { .error = -EBUSY },		\
		[MDEV_MIGRATION_EV_SAVE] = { .error = -EBUSY },		\
		[MDEV_MIGRATION_EV_LOAD] = { .error = -EBUSY },		\
		[MDEV_MIGRATION_EV_APPLIED] = { .error = -EINVAL },	\
		[MDEV_MIGRATION_EV_REFUSE] = { .error = -EINVAL },	\
		[MDEV_MIGRATION_EV_RESET] = {				\
			.next = MDEV_MIGRATION_RUNNING,			\
			.actions = (reset) |				\
				   MDEV_MIGRATION_DO_START_OVER |	\
				   MDEV_MIGRATION_DO_RESUME,		\
		},							\
	}

static const struct mdev_migration_arc
mdev_migration_region_fsm_table[MDEV_MIGRATION_NR_STATES][MDEV_MIGRATION_NR_EVENTS] = {
	[MDEV_MIGRATION_RUNNING] = {
		[MDEV_MIGRATION_EV_START] = {
			.next = MDEV_MIGRATION_RUNNING,
		},
		[MDEV_MIGRATION_EV_STOP] = {
			.next = MDEV_MIGRATION_STOPPED,
			.actions = MDEV_MIGRATION_DO_QUIESCE,
		},
		[MDEV_MIGRATION_EV_SAVE] = { .error = -EBUSY },
		[MDEV_MIGRATION_EV_LOAD] = {
			.next = MDEV_MIGRATION_LOADING,
			.actions = MDEV_MIGRATION_DO_QUIESCE |
				   MDEV_MIGRATION_DO_START_OVER,
		},
		[MDEV_MIGRATION_EV_APPLIED] = { .error = -EINVAL },
		[MDEV_MIGRATION_EV_REFUSE] = { .error = -EINVAL },
		[MDEV_MIGRATION_EV_RESET] = {
			.next = MDEV_MIGRATION_RUNNING,
			.actions = MDEV_MIGRATION_DO_QUIESCE |
				   MDEV_MIGRATION_DO_START_OVER |
				   MDEV_MIGRATION_DO_RESUME,
		},
	},
	[MDEV_MIGRATION_STOPPED] = {
		[MDEV_MIGRATION_EV_START] = {
			.next = MDEV_MIGRATION_RUNNING,
			.actions = MDEV_MIGRATION_DO_DROP_SAVE |
				   MDEV_MIGRATION_DO_DROP_LOAD |
				   MDEV_MIGRATION_DO_RESUME,
		},
		[MDEV_MIGRATION_EV_STOP] = {
			.next = MDEV_MIGRATION_STOPPED,
		},
		[MDEV_MIGRATION_EV_SAVE] = {
			.next = MDEV_MIGRATION_STOPPED,
		},
		[MDEV_MIGRATION_EV_LOAD] = {
			.next = MDEV_MIGRATION_LOADING,
			.actions = MDEV_MIGRATION_DO_START_OVER,
		},
		[MDEV_MIGRATION_EV_APPLIED] = { .error = -EINVAL },
		[MDEV_MIGRATION_EV_REFUSE] = { .error = -EINVAL },
		[MDEV_MIGRATION_EV_RESET] = {
			.next = MDEV_MIGRATION_RUNNING,
			.actions = MDEV_MIGRATION_DO_START_OVER |
				   MDEV_MIGRATION_DO_RESUME,
		},
	},
	[MDEV_MIGRATION_LOADING] = {
		[MDEV_MIGRATION_EV_START] = { .error = -EINVAL },
		[MDEV_MIGRATION_EV_STOP] = {
			.next = MDEV_MIGRATION_STOPPED,
			.actions = MDEV_MIGRATION_DO_START_OVER,
		},
		[MDEV_MIGRATION_EV_SAVE] = { .error = -EBUSY },
		[MDEV_MIGRATION_EV_LOAD] = {
			.next = MDEV_MIGRATION_LOADING,
			.actions = MDEV_MIGRATION_DO_START_OVER,
		},
		/* The load stays, so that what follows the context is known. */
		[MDEV_MIGRATION_EV_APPLIED] = {
			.next = MDEV_MIGRATION_STOPPED,
		},
		[MDEV_MIGRATION_EV_REFUSE] = {
			.next = MDEV_MIGRATION_REFUSED,
			.actions = MDEV_MIGRATION_DO_RESET,
		},
		[MDEV_MIGRATION_EV_RESET] = {
			.next = MDEV_MIGRATION_RUNNING,
			.actions = MDEV_MIGRATION_DO_START_OVER |
				   MDEV_MIGRATION_DO_RESUME,
		},
	},
	[MDEV_MIGRATION_REFUSED] = {
		[MDEV_MIGRATION_EV_START] = { .error = -EINVAL },
		[MDEV_MIGRATION_EV_STOP] = {
			.next = MDEV_MIGRATION_STOPPED,
			.actions = MDEV_MIGRATION_DO_DROP_LOAD,
		},
		[MDEV_MIGRATION_EV_SAVE] = {
			.next = MDEV_MIGRATION_REFUSED,
		},
		[MDEV_MIGRATION_EV_LOAD] = {
			.next = MDEV_MIGRATION_LOADING,
			.actions = MDEV_MIGRATION_DO_START_OVER,
		},
		[MDEV_MIGRATION_EV_APPLIED] = { .error = -EINVAL },
		[MDEV_MIGRATION_EV_REFUSE] = { .error = -EINVAL },
		[MDEV_MIGRATION_EV_RESET] = {
			.next = MDEV_MIGRATION_RUNNING,
			.actions = MDEV_MIGRATION_DO_START_OVER |
				   MDEV_MIGRATION_DO_RESUME,
		},
	},
	[MDEV_MIGRATION_STOP_COPY] = MDEV_MIGRATION_FSM_V2_ROW(0),
	[MDEV_MIGRATION_RUNNING_P2P] =
		MDEV_MIGRATION_FSM_V2_ROW(MDEV_MIGRATION_DO_QUIESCE),
	[MDEV_MIGRATION_PRE_COPY] =
		MDEV_MIGRATION_FSM_V2_ROW(MDEV_MIGRATION_DO_QUIESCE),
	[MDEV_MIGRATION_PRE_COPY_P2P] =
		MDEV_MIGRATION_FSM_V2_ROW(MDEV_MIGRATION_DO_QUIESCE),
};

/**
 * mdev_migration_region_fsm_check - may this happen, and what does it take?
 * @fsm: where the device is
 * @event: what happens
 * @front: who wants it
 * @arc: set to the cell of the table if the answer is 0
 *
 * Return: 0, -EBUSY for a device that another front end owns or that has no
 * context to read now, -EINVAL for an event that has no place in this state.
 */
int mdev_migration_region_fsm_check(const struct mdev_migration_fsm *fsm,
				    enum mdev_migration_event event,
			     enum mdev_migration_front front,
			     const struct mdev_migration_arc **arc)
{
	const struct mdev_migration_arc *cell;

	if (fsm->state >= MDEV_MIGRATION_NR_STATES ||
	    event >= MDEV_MIGRATION_NR_EVENTS)
		return -EINVAL;

	if (mdev_migration_fsm_needs_owner(event) &&
	    mdev_migration_fsm_is_others(fsm, front))
		return -EBUSY;

	cell = &mdev_migration_region_fsm_table[fsm->state][event];
	if (cell->error)
		return cell->error;

	*arc = cell;
	return 0;
}
