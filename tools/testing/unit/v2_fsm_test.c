// SPDX-License-Identifier: GPL-2.0
/*
 * Every cell of the table of migration v2: which arc comes next, whether the
 * ways lead where they should, and what single arcs do.
 */
#include <linux/errno.h>
#include <linux/kernel.h>

#include "fsm.h"
#include "unit.h"

#define NR MDEV_MIGRATION_NR_STATES

/* By the numbers of enum vfio_device_mig_state: E S R C L p M m, - is no way. */
#define LETTERS "ESRCLpMm"

/*
 * Rows: from; columns: to; cells: next. Written down from the comment of enum
 * vfio_device_mig_state.
 */
static const char * const table[NR] = {
	/*	    ESRCLpMm */
	[0 /* E */] = "--------",
	[1 /* S */] = "-SpCLppp",
	[2 /* R */] = "-pRpppMp",
	[3 /* C */] = "-SSCSS--",
	[4 /* L */] = "-SSSLSSS",
	[5 /* p */] = "-SRSSpRm",
	[6 /* M */] = "-RRmRRMm",
	[7 /* m */] = "-ppCppMm",
};

#define QUIESCE_P2P	MDEV_MIGRATION_DO_QUIESCE_P2P
#define QUIESCE		MDEV_MIGRATION_DO_QUIESCE
#define BEGIN		MDEV_MIGRATION_DO_SAVE_BEGIN
#define STATE		MDEV_MIGRATION_DO_SAVE_STATE
#define LOAD		MDEV_MIGRATION_DO_LOAD_BEGIN
#define LOAD_END	MDEV_MIGRATION_DO_LOAD_END
#define DROP_SAVE	MDEV_MIGRATION_DO_DROP_SAVE
#define DROP_LOAD	MDEV_MIGRATION_DO_DROP_LOAD
#define RESET		MDEV_MIGRATION_DO_RESET
#define RESUME		MDEV_MIGRATION_DO_RESUME

static const struct arc {
	char from;
	char to;
	unsigned int actions;
} arcs[] = {
	{ 'R', 'p', QUIESCE_P2P },
	{ 'p', 'R', RESUME },
	{ 'p', 'S', QUIESCE },
	{ 'S', 'p', DROP_SAVE | DROP_LOAD },
	{ 'S', 'C', BEGIN | STATE },
	{ 'C', 'S', DROP_SAVE },
	{ 'S', 'L', LOAD | DROP_SAVE | RESET },
	{ 'L', 'S', LOAD_END | DROP_LOAD },
	{ 'R', 'M', BEGIN },
	{ 'M', 'R', DROP_SAVE },
	{ 'p', 'm', BEGIN },
	{ 'm', 'p', DROP_SAVE },
	{ 'M', 'm', QUIESCE_P2P },
	{ 'm', 'M', RESUME },
	{ 'm', 'C', QUIESCE | STATE },
};

/* The actions of an arc; an arc to where one is does nothing. */
static unsigned int actions_of(char from, char to)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(arcs); i++)
		if (arcs[i].from == from && arcs[i].to == to)
			return arcs[i].actions;
	CHECK_EQ(from, to);
	return 0;
}

static void check_row(unsigned int from)
{
	unsigned int to;

	for (to = 0; to < NR; to++) {
		struct mdev_migration_arc arc = { .next = 99 };
		char next = table[from][to];

		CHECK_EQ(next == '-' ? -EINVAL : 0,
			 mdev_migration_v2_fsm_next(from, to, &arc));
		if (next == '-')
			continue;
		CHECK_EQ(next, LETTERS[arc.next]);
		CHECK_EQ(actions_of(LETTERS[from], next), arc.actions);
	}
}

UNIT_TEST(v2_fsm_error_row)
{
	check_row(0);
}

UNIT_TEST(v2_fsm_stop_row)
{
	check_row(1);
}

UNIT_TEST(v2_fsm_running_row)
{
	check_row(2);
}

UNIT_TEST(v2_fsm_stop_copy_row)
{
	check_row(3);
}

UNIT_TEST(v2_fsm_resuming_row)
{
	check_row(4);
}

UNIT_TEST(v2_fsm_running_p2p_row)
{
	check_row(5);
}

UNIT_TEST(v2_fsm_pre_copy_row)
{
	check_row(6);
}

UNIT_TEST(v2_fsm_pre_copy_p2p_row)
{
	check_row(7);
}

/* A state in which a data transfer goes on. */
static bool transfers(unsigned int state)
{
	return state == MDEV_MIGRATION_STOP_COPY ||
	       state == MDEV_MIGRATION_PRE_COPY ||
	       state == MDEV_MIGRATION_PRE_COPY_P2P ||
	       state == MDEV_MIGRATION_LOADING;
}

/* What the kernel's function loops over for ever must end here. */
UNIT_TEST(v2_fsm_every_way_ends_in_four_arcs)
{
	unsigned int from, to;

	for (from = 0; from < NR * NR; from++) {
		unsigned int state = from / NR, steps = 0;
		struct mdev_migration_arc arc;

		to = from % NR;
		while (state != to &&
		       !mdev_migration_v2_fsm_next(state, to, &arc)) {
			/* only the switchover leads through one */
			CHECK(arc.next == to || !transfers(arc.next) ||
			      (state == MDEV_MIGRATION_PRE_COPY &&
			       to == MDEV_MIGRATION_STOP_COPY));
			state = arc.next;
			CHECK(++steps <= 4);
		}
		CHECK(state == to || !steps);
	}
}

UNIT_TEST(v2_fsm_data_fds_come_with_the_last_arc)
{
	unsigned int i, to;

	for (i = 0; i < NR * NR; i++) {
		struct mdev_migration_arc arc;

		to = i % NR;
		if (mdev_migration_v2_fsm_next(i / NR, to, &arc))
			continue;
		if (arc.actions & (BEGIN | LOAD))
			CHECK_EQ(to, arc.next);
	}
}

UNIT_TEST(v2_fsm_numbers_outside_the_table_are_refused)
{
	struct mdev_migration_arc arc;

	CHECK_EQ(-EINVAL, mdev_migration_v2_fsm_next(NR, 1, &arc));
	CHECK_EQ(-EINVAL, mdev_migration_v2_fsm_next(1, NR, &arc));
	CHECK_EQ(-EINVAL, mdev_migration_v2_fsm_next(1, ~0U, &arc));
}
