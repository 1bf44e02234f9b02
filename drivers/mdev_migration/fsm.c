// SPDX-License-Identifier: GPL-2.0
/*
 * The states of a migratable device, and what may happen in them. There is one
 * state, whoever changes it: the device-state region or migration v2. Each of
 * these front ends has a table of its own over the same states, region_fsm.c that
 * of the region and v2_fsm.c that of v2:
 *
 *	state		in v2		byte 0 of the region
 *	running		RUNNING		0
 *	running_p2p	RUNNING_P2P	0
 *	pre_copy	PRE_COPY	0
 *	pre_copy_p2p	PRE_COPY_P2P	0
 *	stopped		STOP		1
 *	stop_copy	STOP_COPY	1
 *	loading		RESUMING	1
 *	refused		ERROR		1
 *
 * Whoever first changes the state owns the device until close or reset; what
 * the other then writes is refused with EBUSY. So only v2 leaves the states
 * that only v2 enters. Reset is everybody's: it leads from each state to
 * running, and leaves nothing of what was on its way.
 *
 * A cell of a table says where an event leads, what has to be done on the way,
 * or why it is refused. Nothing is done here or there: who wants to change the
 * state asks for an arc, does what it says (arc.c), and commits. Pure: also
 * compiled in user space.
 */
#include <linux/compiler.h>

#include "fsm.h"

static const char * const mdev_migration_fsm_names[MDEV_MIGRATION_NR_STATES] = {
	[MDEV_MIGRATION_REFUSED] = "refused",
	[MDEV_MIGRATION_STOPPED] = "stopped",
	[MDEV_MIGRATION_RUNNING] = "running",
	[MDEV_MIGRATION_STOP_COPY] = "stop_copy",
	[MDEV_MIGRATION_LOADING] = "loading",
	[MDEV_MIGRATION_RUNNING_P2P] = "running_p2p",
	[MDEV_MIGRATION_PRE_COPY] = "pre_copy",
	[MDEV_MIGRATION_PRE_COPY_P2P] = "pre_copy_p2p",
};

static const char * const
mdev_migration_fsm_event_names[MDEV_MIGRATION_EV_SET + 1] = {
	[MDEV_MIGRATION_EV_START] = "start",
	[MDEV_MIGRATION_EV_STOP] = "stop",
	[MDEV_MIGRATION_EV_SAVE] = "save",
	[MDEV_MIGRATION_EV_LOAD] = "load",
	[MDEV_MIGRATION_EV_APPLIED] = "applied",
	[MDEV_MIGRATION_EV_REFUSE] = "refuse",
	[MDEV_MIGRATION_EV_RESET] = "reset",
	[MDEV_MIGRATION_EV_SET] = "set",
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

/**
 * mdev_migration_fsm_needs_owner - would it get in the way of another front end?
 * @event: what happens
 *
 * Return: true for what only the owner of the device may do.
 */
bool mdev_migration_fsm_needs_owner(enum mdev_migration_event event)
{
	return event == MDEV_MIGRATION_EV_START ||
	       event == MDEV_MIGRATION_EV_STOP ||
	       event == MDEV_MIGRATION_EV_LOAD ||
	       event == MDEV_MIGRATION_EV_SET;
}

/**
 * mdev_migration_fsm_is_others - does another front end own the device?
 * @fsm: where the device is
 * @front: who asks
 *
 * Return: true if what @front would change is refused.
 */
bool mdev_migration_fsm_is_others(const struct mdev_migration_fsm *fsm,
				  enum mdev_migration_front front)
{
	return fsm->owner != MDEV_MIGRATION_FRONT_NONE && fsm->owner != front;
}

/**
 * mdev_migration_fsm_commit - it happened
 * @fsm: where the device was; moved on
 * @event: what happened
 * @front: who wanted it; owns the device from the first change on
 * @arc: the way that it took, of a front end's table
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
 * Return: true in every state in which a guest would find the device standing.
 */
bool mdev_migration_fsm_stopped(const struct mdev_migration_fsm *fsm)
{
	switch (READ_ONCE(fsm->state)) {
	case MDEV_MIGRATION_RUNNING:
	case MDEV_MIGRATION_RUNNING_P2P:
	case MDEV_MIGRATION_PRE_COPY:
	case MDEV_MIGRATION_PRE_COPY_P2P:
		return false;
	default:
		return true;
	}
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
		return "none";
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
	if (event > MDEV_MIGRATION_EV_SET)
		return "none";
	return mdev_migration_fsm_event_names[event];
}

/**
 * mdev_migration_fsm_owner_name - name an owner
 * @owner: enum mdev_migration_front
 *
 * Return: a static text.
 */
const char *mdev_migration_fsm_owner_name(unsigned int owner)
{
	switch (owner) {
	case MDEV_MIGRATION_FRONT_NONE:
		return "none";
	case MDEV_MIGRATION_FRONT_REGION:
		return "region";
	case MDEV_MIGRATION_FRONT_V2:
		return "v2";
	default:
		return "unknown";
	}
}
