/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The run states of a device and what leads from one to another. Pure: also
 * compiled in user space.
 */
#ifndef MDEV_MIGRATION_FSM_H
#define MDEV_MIGRATION_FSM_H

#include <linux/types.h>

/**
 * enum mdev_migration_state - what a device is doing
 * @MDEV_MIGRATION_STATE_NONE: no state; an arc that leads here does not exist
 * @MDEV_MIGRATION_RUNNING: it runs
 * @MDEV_MIGRATION_STOPPED: it stands, whole
 * @MDEV_MIGRATION_LOADING: it stands, with half a context written to it
 * @MDEV_MIGRATION_REFUSED: it stands, reset, after a context that was no good
 * @MDEV_MIGRATION_NR_STATES: rows of the table
 */
enum mdev_migration_state {
	MDEV_MIGRATION_STATE_NONE,
	MDEV_MIGRATION_RUNNING,
	MDEV_MIGRATION_STOPPED,
	MDEV_MIGRATION_LOADING,
	MDEV_MIGRATION_REFUSED,
	MDEV_MIGRATION_NR_STATES,
};

/**
 * enum mdev_migration_event - what can happen to a device
 * @MDEV_MIGRATION_EV_START: a front end wants it to run
 * @MDEV_MIGRATION_EV_STOP: a front end wants it to stand
 * @MDEV_MIGRATION_EV_SAVE: a front end wants its context
 * @MDEV_MIGRATION_EV_LOAD: a front end begins to write a context
 * @MDEV_MIGRATION_EV_APPLIED: the context was taken over
 * @MDEV_MIGRATION_EV_REFUSE: the context was no good
 * @MDEV_MIGRATION_EV_RESET: the VMM resets the device
 * @MDEV_MIGRATION_NR_EVENTS: columns of the table
 */
enum mdev_migration_event {
	MDEV_MIGRATION_EV_START,
	MDEV_MIGRATION_EV_STOP,
	MDEV_MIGRATION_EV_SAVE,
	MDEV_MIGRATION_EV_LOAD,
	MDEV_MIGRATION_EV_APPLIED,
	MDEV_MIGRATION_EV_REFUSE,
	MDEV_MIGRATION_EV_RESET,
	MDEV_MIGRATION_NR_EVENTS,
};

/**
 * enum mdev_migration_front - who changes the run state
 * @MDEV_MIGRATION_FRONT_NONE: nobody yet, or the VMM's reset
 * @MDEV_MIGRATION_FRONT_REGION: the device-state region
 */
enum mdev_migration_front {
	MDEV_MIGRATION_FRONT_NONE,
	MDEV_MIGRATION_FRONT_REGION,
};

/* What an arc asks for; done in this order. Only the first can fail. */
#define MDEV_MIGRATION_DO_QUIESCE	0x01
#define MDEV_MIGRATION_DO_DROP_SNAPSHOT	0x02
#define MDEV_MIGRATION_DO_DROP_LOAD	0x04
#define MDEV_MIGRATION_DO_RESET		0x08
#define MDEV_MIGRATION_DO_RESUME	0x10

/**
 * struct mdev_migration_arc - one cell of the table
 * @next: state after it; not valid with @error
 * @actions: MDEV_MIGRATION_DO_*
 * @error: 0, or -errno if the event is refused
 */
struct mdev_migration_arc {
	u8 next;
	u8 actions;
	s16 error;
};

/**
 * struct mdev_migration_fsm - where a device is
 * @state: enum mdev_migration_state; also read without the lock
 * @owner: front end that first changed the state since open or reset
 */
struct mdev_migration_fsm {
	u8 state;
	u8 owner;
};

void mdev_migration_fsm_init(struct mdev_migration_fsm *fsm);
int mdev_migration_fsm_check(const struct mdev_migration_fsm *fsm,
			     enum mdev_migration_event event,
			     enum mdev_migration_front front,
			     const struct mdev_migration_arc **arc);
void mdev_migration_fsm_commit(struct mdev_migration_fsm *fsm,
			       enum mdev_migration_event event,
			       enum mdev_migration_front front,
			       const struct mdev_migration_arc *arc);
bool mdev_migration_fsm_stopped(const struct mdev_migration_fsm *fsm);
const char *mdev_migration_fsm_name(unsigned int state);
const char *mdev_migration_fsm_event_name(unsigned int event);

#endif /* MDEV_MIGRATION_FSM_H */
