// SPDX-License-Identifier: GPL-2.0
/*
 * Every cell of the state machine, and who owns a device.
 */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <string.h>

#include "fsm.h"
#include "unit.h"

#define QUIESCE	MDEV_MIGRATION_DO_QUIESCE
#define DROP	(MDEV_MIGRATION_DO_DROP_SAVE | MDEV_MIGRATION_DO_DROP_LOAD)
#define RESET	MDEV_MIGRATION_DO_RESET
#define RESUME	MDEV_MIGRATION_DO_RESUME

/* What the design says, in its own words. */
static const struct cell {
	enum mdev_migration_state from;
	enum mdev_migration_event event;
	int error;
	enum mdev_migration_state to;
	unsigned int actions;
} cells[] = {
#define CELL(from, event, error, to, actions) \
	{ MDEV_MIGRATION_##from, MDEV_MIGRATION_EV_##event, error, \
	  MDEV_MIGRATION_##to, actions }
	CELL(RUNNING, START, 0, RUNNING, 0),
	CELL(RUNNING, STOP, 0, STOPPED, QUIESCE),
	CELL(RUNNING, SAVE, -EBUSY, RUNNING, 0),
	CELL(RUNNING, LOAD, 0, LOADING, QUIESCE | DROP | RESET),
	CELL(RUNNING, APPLIED, -EINVAL, RUNNING, 0),
	CELL(RUNNING, REFUSE, -EINVAL, RUNNING, 0),
	CELL(RUNNING, RESET, 0, RUNNING, QUIESCE | DROP | RESET | RESUME),
	CELL(STOPPED, START, 0, RUNNING, DROP | RESUME),
	CELL(STOPPED, STOP, 0, STOPPED, 0),
	CELL(STOPPED, SAVE, 0, STOPPED, 0),
	CELL(STOPPED, LOAD, 0, LOADING, DROP | RESET),
	CELL(STOPPED, APPLIED, -EINVAL, RUNNING, 0),
	CELL(STOPPED, REFUSE, -EINVAL, RUNNING, 0),
	CELL(STOPPED, RESET, 0, RUNNING, DROP | RESET | RESUME),
	CELL(LOADING, START, -EINVAL, LOADING, 0),
	CELL(LOADING, STOP, 0, STOPPED, DROP | RESET),
	CELL(LOADING, SAVE, -EBUSY, LOADING, 0),
	CELL(LOADING, LOAD, 0, LOADING, DROP | RESET),
	CELL(LOADING, APPLIED, 0, STOPPED, 0),
	CELL(LOADING, REFUSE, 0, REFUSED, RESET),
	CELL(LOADING, RESET, 0, RUNNING, DROP | RESET | RESUME),
	CELL(REFUSED, START, -EINVAL, REFUSED, 0),
	CELL(REFUSED, STOP, 0, STOPPED, MDEV_MIGRATION_DO_DROP_LOAD),
	CELL(REFUSED, SAVE, 0, REFUSED, 0),
	CELL(REFUSED, LOAD, 0, LOADING, DROP | RESET),
	CELL(REFUSED, APPLIED, -EINVAL, RUNNING, 0),
	CELL(REFUSED, REFUSE, -EINVAL, RUNNING, 0),
	CELL(REFUSED, RESET, 0, RUNNING, DROP | RESET | RESUME),
	CELL(RUNNING_P2P, START, -EBUSY, RUNNING_P2P, 0),
	CELL(RUNNING_P2P, STOP, -EBUSY, RUNNING_P2P, 0),
	CELL(RUNNING_P2P, SAVE, -EBUSY, RUNNING_P2P, 0),
	CELL(RUNNING_P2P, LOAD, -EBUSY, RUNNING_P2P, 0),
	CELL(RUNNING_P2P, APPLIED, -EINVAL, RUNNING_P2P, 0),
	CELL(RUNNING_P2P, REFUSE, -EINVAL, RUNNING_P2P, 0),
	CELL(RUNNING_P2P, RESET, 0, RUNNING, QUIESCE | DROP | RESET | RESUME),
	CELL(PRE_COPY, START, -EBUSY, PRE_COPY, 0),
	CELL(PRE_COPY, STOP, -EBUSY, PRE_COPY, 0),
	CELL(PRE_COPY, SAVE, -EBUSY, PRE_COPY, 0),
	CELL(PRE_COPY, LOAD, -EBUSY, PRE_COPY, 0),
	CELL(PRE_COPY, APPLIED, -EINVAL, PRE_COPY, 0),
	CELL(PRE_COPY, REFUSE, -EINVAL, PRE_COPY, 0),
	CELL(PRE_COPY, RESET, 0, RUNNING, QUIESCE | DROP | RESET | RESUME),
	CELL(PRE_COPY_P2P, START, -EBUSY, PRE_COPY_P2P, 0),
	CELL(PRE_COPY_P2P, STOP, -EBUSY, PRE_COPY_P2P, 0),
	CELL(PRE_COPY_P2P, SAVE, -EBUSY, PRE_COPY_P2P, 0),
	CELL(PRE_COPY_P2P, LOAD, -EBUSY, PRE_COPY_P2P, 0),
	CELL(PRE_COPY_P2P, APPLIED, -EINVAL, PRE_COPY_P2P, 0),
	CELL(PRE_COPY_P2P, REFUSE, -EINVAL, PRE_COPY_P2P, 0),
	CELL(PRE_COPY_P2P, RESET, 0, RUNNING, QUIESCE | DROP | RESET | RESUME),
	CELL(STOP_COPY, START, -EBUSY, STOP_COPY, 0),
	CELL(STOP_COPY, STOP, -EBUSY, STOP_COPY, 0),
	CELL(STOP_COPY, SAVE, -EBUSY, STOP_COPY, 0),
	CELL(STOP_COPY, LOAD, -EBUSY, STOP_COPY, 0),
	CELL(STOP_COPY, APPLIED, -EINVAL, STOP_COPY, 0),
	CELL(STOP_COPY, REFUSE, -EINVAL, STOP_COPY, 0),
	CELL(STOP_COPY, RESET, 0, RUNNING, DROP | RESET | RESUME),
};

static void check_cells_of(enum mdev_migration_state from)
{
	unsigned int i, found = 0;

	for (i = 0; i < ARRAY_SIZE(cells); i++) {
		struct mdev_migration_fsm fsm = { .state = cells[i].from };
		const struct mdev_migration_arc *arc = NULL;

		if (cells[i].from != from)
			continue;
		found++;
		CHECK_EQ(cells[i].error,
			 mdev_migration_region_fsm_check(&fsm, cells[i].event, 1,
							 &arc));
		if (cells[i].error)
			continue;
		CHECK_EQ(cells[i].actions, arc->actions);
		mdev_migration_fsm_commit(&fsm, cells[i].event, 1, arc);
		CHECK_EQ(cells[i].to, fsm.state);
		CHECK_EQ(cells[i].to != MDEV_MIGRATION_RUNNING,
			 mdev_migration_fsm_stopped(&fsm));
	}
	CHECK_EQ(MDEV_MIGRATION_NR_EVENTS, found);
}

UNIT_TEST(fsm_running_row)
{
	check_cells_of(MDEV_MIGRATION_RUNNING);
}

UNIT_TEST(fsm_stopped_row)
{
	check_cells_of(MDEV_MIGRATION_STOPPED);
}

UNIT_TEST(fsm_loading_row)
{
	check_cells_of(MDEV_MIGRATION_LOADING);
}

UNIT_TEST(fsm_refused_row)
{
	check_cells_of(MDEV_MIGRATION_REFUSED);
}

UNIT_TEST(fsm_stop_copy_row)
{
	check_cells_of(MDEV_MIGRATION_STOP_COPY);
}

UNIT_TEST(fsm_running_p2p_row)
{
	check_cells_of(MDEV_MIGRATION_RUNNING_P2P);
}

UNIT_TEST(fsm_pre_copy_row)
{
	check_cells_of(MDEV_MIGRATION_PRE_COPY);
}

UNIT_TEST(fsm_pre_copy_p2p_row)
{
	check_cells_of(MDEV_MIGRATION_PRE_COPY_P2P);
}

UNIT_TEST(fsm_byte_0_of_every_state)
{
	static const bool stopped[MDEV_MIGRATION_NR_STATES] = {
		[MDEV_MIGRATION_REFUSED] = true,
		[MDEV_MIGRATION_STOPPED] = true,
		[MDEV_MIGRATION_STOP_COPY] = true,
		[MDEV_MIGRATION_LOADING] = true,
	};
	struct mdev_migration_fsm fsm = {};

	for (; fsm.state < MDEV_MIGRATION_NR_STATES; fsm.state++)
		CHECK_EQ(stopped[fsm.state], mdev_migration_fsm_stopped(&fsm));
}

UNIT_TEST(fsm_values_outside_the_table_are_refused)
{
	struct mdev_migration_fsm fsm = { .state = MDEV_MIGRATION_NR_STATES };
	const struct mdev_migration_arc *arc;

	CHECK_EQ(-EINVAL, mdev_migration_region_fsm_check(&fsm, 0, 0, &arc));
	fsm.state = MDEV_MIGRATION_RUNNING;
	CHECK_EQ(-EINVAL,
		 mdev_migration_region_fsm_check(&fsm, MDEV_MIGRATION_NR_EVENTS, 0,
						 &arc));
}

static int step(struct mdev_migration_fsm *fsm, unsigned int event,
		unsigned int front)
{
	const struct mdev_migration_arc *arc;
	int error = mdev_migration_region_fsm_check(fsm, event, front, &arc);

	if (!error)
		mdev_migration_fsm_commit(fsm, event, front, arc);
	return error;
}

UNIT_TEST(fsm_first_change_makes_the_owner)
{
	struct mdev_migration_fsm fsm;

	mdev_migration_fsm_init(&fsm);
	CHECK_EQ(0, step(&fsm, MDEV_MIGRATION_EV_START, 1));
	CHECK_EQ(0, fsm.owner);
	CHECK_EQ(0, step(&fsm, MDEV_MIGRATION_EV_STOP, 2));
	CHECK_EQ(2, fsm.owner);
	CHECK_EQ(-EBUSY, step(&fsm, MDEV_MIGRATION_EV_START, 1));
	CHECK_EQ(-EBUSY, step(&fsm, MDEV_MIGRATION_EV_STOP, 1));
	CHECK_EQ(-EBUSY, step(&fsm, MDEV_MIGRATION_EV_LOAD, 1));
	CHECK_EQ(0, step(&fsm, MDEV_MIGRATION_EV_START, 2));
	CHECK_EQ(2, fsm.owner);
}

UNIT_TEST(fsm_a_load_makes_the_owner)
{
	struct mdev_migration_fsm fsm;

	mdev_migration_fsm_init(&fsm);
	CHECK_EQ(0, step(&fsm, MDEV_MIGRATION_EV_LOAD, 1));
	CHECK_EQ(1, fsm.owner);
	CHECK_EQ(-EBUSY, step(&fsm, MDEV_MIGRATION_EV_LOAD, 2));
}

UNIT_TEST(fsm_reset_frees_the_owner)
{
	struct mdev_migration_fsm fsm;

	mdev_migration_fsm_init(&fsm);
	CHECK_EQ(0, step(&fsm, MDEV_MIGRATION_EV_STOP, 1));
	CHECK_EQ(0, step(&fsm, MDEV_MIGRATION_EV_RESET, 0));
	CHECK_EQ(0, fsm.owner);
	CHECK_EQ(MDEV_MIGRATION_RUNNING, fsm.state);
	CHECK_EQ(0, step(&fsm, MDEV_MIGRATION_EV_STOP, 2));
}

UNIT_TEST(fsm_everything_has_a_name)
{
	unsigned int i;

	for (i = 0; i < MDEV_MIGRATION_NR_STATES; i++)
		CHECK(strcmp(mdev_migration_fsm_name(i), "none"));
	for (i = 0; i <= MDEV_MIGRATION_EV_SET; i++)
		CHECK(strcmp(mdev_migration_fsm_event_name(i), "none"));
	CHECK(!strcmp(mdev_migration_fsm_name(100), "none"));
	CHECK(!strcmp(mdev_migration_fsm_event_name(100), "none"));
}
