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
 * @MDEV_MIGRATION_REFUSED: it stands, reset, after a context that was no good;
 *	migration v2 calls it ERROR
 * @MDEV_MIGRATION_STOPPED: it stands, whole
 * @MDEV_MIGRATION_RUNNING: it runs
 * @MDEV_MIGRATION_STOP_COPY: it stands, and its context is being read
 * @MDEV_MIGRATION_LOADING: it stands, and a context is being written to it;
 *	migration v2 calls it RESUMING
 * @MDEV_MIGRATION_RUNNING_P2P: it runs, but begins nothing by itself
 * @MDEV_MIGRATION_PRE_COPY: it runs, and its memory is being read
 * @MDEV_MIGRATION_PRE_COPY_P2P: both
 * @MDEV_MIGRATION_NR_STATES: rows of the tables
 *
 * The numbers are those of enum vfio_device_mig_state.
 */
enum mdev_migration_state {
	MDEV_MIGRATION_REFUSED,
	MDEV_MIGRATION_STOPPED,
	MDEV_MIGRATION_RUNNING,
	MDEV_MIGRATION_STOP_COPY,
	MDEV_MIGRATION_LOADING,
	MDEV_MIGRATION_RUNNING_P2P,
	MDEV_MIGRATION_PRE_COPY,
	MDEV_MIGRATION_PRE_COPY_P2P,
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
 * @MDEV_MIGRATION_EV_SET: an arc of migration v2; not in the table, which has
 *	one of its own
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
	MDEV_MIGRATION_EV_SET = MDEV_MIGRATION_NR_EVENTS,
};

/**
 * enum mdev_migration_front - who changes the run state
 * @MDEV_MIGRATION_FRONT_NONE: nobody yet, or the VMM's reset
 * @MDEV_MIGRATION_FRONT_REGION: the device-state region
 * @MDEV_MIGRATION_FRONT_V2: VFIO_DEVICE_FEATURE_MIG_DEVICE_STATE
 */
enum mdev_migration_front {
	MDEV_MIGRATION_FRONT_NONE,
	MDEV_MIGRATION_FRONT_REGION,
	MDEV_MIGRATION_FRONT_V2,
};

/*
 * What an arc asks for; done in this order. Only what comes before a DROP can
 * fail, and then the state is the old one. A device that was made still for
 * an arc that failed later stays so until it is resumed.
 */
#define MDEV_MIGRATION_DO_QUIESCE_P2P	0x0001
#define MDEV_MIGRATION_DO_QUIESCE	0x0002
#define MDEV_MIGRATION_DO_SAVE_BEGIN	0x0004
#define MDEV_MIGRATION_DO_SAVE_STATE	0x0008
#define MDEV_MIGRATION_DO_LOAD_BEGIN	0x0010
#define MDEV_MIGRATION_DO_LOAD_END	0x0020
#define MDEV_MIGRATION_DO_DROP_SAVE	0x0040
#define MDEV_MIGRATION_DO_DROP_LOAD	0x0080
#define MDEV_MIGRATION_DO_RESET		0x0100
#define MDEV_MIGRATION_DO_RESUME	0x0200

/**
 * struct mdev_migration_arc - one cell of a table
 * @next: state after it; not valid with @error
 * @error: 0, or -errno if it is refused
 * @actions: MDEV_MIGRATION_DO_*
 */
struct mdev_migration_arc {
	u8 next;
	s16 error;
	u16 actions;
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
bool mdev_migration_fsm_needs_owner(enum mdev_migration_event event);
void mdev_migration_fsm_commit(struct mdev_migration_fsm *fsm,
			       enum mdev_migration_event event,
			       enum mdev_migration_front front,
			       const struct mdev_migration_arc *arc);
bool mdev_migration_fsm_is_others(const struct mdev_migration_fsm *fsm,
				  enum mdev_migration_front front);
bool mdev_migration_fsm_stopped(const struct mdev_migration_fsm *fsm);
const char *mdev_migration_fsm_name(unsigned int state);
const char *mdev_migration_fsm_owner_name(unsigned int owner);
const char *mdev_migration_fsm_event_name(unsigned int event);

/* region_fsm.c */
int mdev_migration_region_fsm_check(const struct mdev_migration_fsm *fsm,
				    enum mdev_migration_event event,
				    enum mdev_migration_front front,
				    const struct mdev_migration_arc **arc);

/* v2_fsm.c */
int mdev_migration_v2_fsm_next(unsigned int from, unsigned int to,
			       struct mdev_migration_arc *arc);
void mdev_migration_v2_fsm_refuse(struct mdev_migration_arc *arc);

#endif /* MDEV_MIGRATION_FSM_H */
