// SPDX-License-Identifier: GPL-2.0
/*
 * Who may write how much to the kernel's log. What a VMM can cause counts for
 * the first group of its container, which it cannot change by opening it again;
 * so no VMM hides the lines that are owed to another.
 */
#include <linux/iommu.h>
#include <linux/jiffies.h>
#include <linux/ratelimit.h>

#include "vfio_dirty_private.h"

/* Of each kind of line. Groups whose numbers are that far apart share one. */
#define VFIO_DIRTY_SAY_BUDGETS		64

#define VFIO_DIRTY_SAY_INTERVAL		(5 * HZ)
#define VFIO_DIRTY_SAY_BURST		10

static struct ratelimit_state
vfio_dirty_say_budgets[VFIO_DIRTY_SAY_NR][VFIO_DIRTY_SAY_BUDGETS];

/**
 * vfio_dirty_say_init - before any container is open
 */
void vfio_dirty_say_init(void)
{
	unsigned int i, kind;

	for (kind = 0; kind < VFIO_DIRTY_SAY_NR; kind++) {
		/* drivers try again with less: one line for all that */
		for (i = 0; i < VFIO_DIRTY_SAY_BUDGETS; i++)
			ratelimit_state_init(&vfio_dirty_say_budgets[kind][i],
					     VFIO_DIRTY_SAY_INTERVAL,
					     kind == VFIO_DIRTY_SAY_MEMLOCK ?
					     1 : VFIO_DIRTY_SAY_BURST);
	}
}

/**
 * vfio_dirty_say_budget - what a container's lines count for
 * @group: its first group
 *
 * Return: for vfio_dirty_may_say().
 */
u8 vfio_dirty_say_budget(struct iommu_group *group)
{
	return (unsigned int)iommu_group_id(group) % VFIO_DIRTY_SAY_BUDGETS;
}

/**
 * vfio_dirty_may_say - is there a line left?
 * @kind: of line
 * @budget: what vfio_dirty_say_budget() returned
 *
 * Return: whether to print it.
 */
bool vfio_dirty_may_say(enum vfio_dirty_say kind, u8 budget)
{
	return __ratelimit(&vfio_dirty_say_budgets[kind][budget]);
}
