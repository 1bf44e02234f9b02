// SPDX-License-Identifier: GPL-2.0
/*
 * The state machine of a migratable device, as a table: every event in every
 * state has a cell that says where it leads, what has to be done on the way,
 * or why it is refused. Nothing is done here; the caller asks for an arc, does
 * what it says, and commits. Pure: also compiled in user space.
 */
#include <linux/compiler.h>
#include <linux/errno.h>

#include "fsm.h"

/* What reset does, wherever it starts from. */
#define MDEV_MIGRATION_DO_START_OVER					\
	(MDEV_MIGRATION_DO_DROP_SNAPSHOT | MDEV_MIGRATION_DO_DROP_LOAD |\
	 MDEV_MIGRATION_DO_RESET)

static const struct mdev_migration_arc
mdev_migration_fsm_table[MDEV_MIGRATION_NR_STATES][MDEV_MIGRATION_NR_EVENTS] = {
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
			.actions = MDEV_MIGRATION_DO_DROP_SNAPSHOT |
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
};

static const char * const mdev_migration_fsm_names[MDEV_MIGRATION_NR_STATES] = {
	[MDEV_MIGRATION_STATE_NONE] = "none",
	[MDEV_MIGRATION_RUNNING] = "running",
	[MDEV_MIGRATION_STOPPED] = "stopped",
	[MDEV_MIGRATION_LOADING] = "loading",
	[MDEV_MIGRATION_REFUSED] = "refused",
};

static const char * const
mdev_migration_fsm_event_names[MDEV_MIGRATION_NR_EVENTS] = {
	[MDEV_MIGRATION_EV_START] = "start",
	[MDEV_MIGRATION_EV_STOP] = "stop",
	[MDEV_MIGRATION_EV_SAVE] = "save",
	[MDEV_MIGRATION_EV_LOAD] = "load",
	[MDEV_MIGRATION_EV_APPLIED] = "applied",
	[MDEV_MIGRATION_EV_REFUSE] = "refuse",
	[MDEV_MIGRATION_EV_RESET] = "reset",
};

/**
 * mdev_migration_fsm_init - the state of a device that was just opened
 * @fsm: filled in
 */
void mdev_migration_fsm_init(struct mdev_migration_fsm *fsm)
{
	WRITE_ONCE(fsm->state, MDEV_MIGRATION_RUNNING);
	fsm->owner = MDEV_MIGRATION_FRONT_NONE;
}

/* Events by which one front end would get in the way of another. */
static bool mdev_migration_fsm_needs_owner(enum mdev_migration_event event)
{
	return event == MDEV_MIGRATION_EV_START ||
	       event == MDEV_MIGRATION_EV_STOP ||
	       event == MDEV_MIGRATION_EV_LOAD;
}

/**
 * mdev_migration_fsm_check - may this happen, and what does it take?
 * @fsm: where the device is
 * @event: what happens
 * @front: who wants it
 * @arc: set to the cell of the table if the answer is 0
 *
 * Return: 0, -EBUSY for a device that another front end owns or that has no
 * context to read now, -EINVAL for an event that has no place in this state.
 */
int mdev_migration_fsm_check(const struct mdev_migration_fsm *fsm,
			     enum mdev_migration_event event,
			     enum mdev_migration_front front,
			     const struct mdev_migration_arc **arc)
{
	const struct mdev_migration_arc *cell;

	if (fsm->state >= MDEV_MIGRATION_NR_STATES ||
	    event >= MDEV_MIGRATION_NR_EVENTS)
		return -EINVAL;

	if (mdev_migration_fsm_needs_owner(event) &&
	    fsm->owner != MDEV_MIGRATION_FRONT_NONE && fsm->owner != front)
		return -EBUSY;

	cell = &mdev_migration_fsm_table[fsm->state][event];
	if (cell->error)
		return cell->error;
	if (cell->next == MDEV_MIGRATION_STATE_NONE)
		return -EINVAL;

	*arc = cell;
	return 0;
}

/**
 * mdev_migration_fsm_commit - it happened
 * @fsm: where the device was; moved on
 * @event: what happened
 * @front: who wanted it; owns the device from the first change on
 * @arc: given by mdev_migration_fsm_check()
 */
void mdev_migration_fsm_commit(struct mdev_migration_fsm *fsm,
			       enum mdev_migration_event event,
			       enum mdev_migration_front front,
			       const struct mdev_migration_arc *arc)
{
	if (event == MDEV_MIGRATION_EV_RESET)
		fsm->owner = MDEV_MIGRATION_FRONT_NONE;
	else if (mdev_migration_fsm_needs_owner(event) &&
		 fsm->state != arc->next)
		fsm->owner = front;

	/* Pairs with the lockless read in mdev_migration_fsm_stopped(). */
	WRITE_ONCE(fsm->state, arc->next);
}

/**
 * mdev_migration_fsm_stopped - what a read of run control gives
 * @fsm: where the device is; no lock is needed
 *
 * Return: true in every state in which the device does not run by itself.
 */
bool mdev_migration_fsm_stopped(const struct mdev_migration_fsm *fsm)
{
	return READ_ONCE(fsm->state) != MDEV_MIGRATION_RUNNING;
}

/**
 * mdev_migration_fsm_name - the name of a state
 * @state: enum mdev_migration_state
 *
 * Return: a static text, for logs and traces.
 */
const char *mdev_migration_fsm_name(unsigned int state)
{
	if (state >= MDEV_MIGRATION_NR_STATES)
		state = MDEV_MIGRATION_STATE_NONE;
	return mdev_migration_fsm_names[state];
}

/**
 * mdev_migration_fsm_event_name - the name of an event
 * @event: enum mdev_migration_event
 *
 * Return: a static text, for traces.
 */
const char *mdev_migration_fsm_event_name(unsigned int event)
{
	if (event >= MDEV_MIGRATION_NR_EVENTS)
		return "none";
	return mdev_migration_fsm_event_names[event];
}
