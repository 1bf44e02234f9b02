// SPDX-License-Identifier: GPL-2.0
/*
 * mdev_migration: migration as a library for mdev vendor drivers. The life of
 * a handle, as its driver sees it.
 */
#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/jiffies.h>
#include <linux/math.h>
#include <linux/module.h>
#include <linux/ratelimit.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vfio_device_state.h>

#include "mdev_migration_private.h"

/* A bound that keeps sums of sizes far from overflow. */
#define MDEV_MIGRATION_MEM_MAX	SZ_1T

/* Contexts refused of which the kernel's log has a line, for each device. */
#define MDEV_MIGRATION_SAY_INTERVAL	(60 * HZ)
#define MDEV_MIGRATION_SAY_BURST	10

static bool mdev_migration_ops_valid(const struct mdev_migration_ops *ops)
{
	const struct mdev_migration_mem_ops *mem = ops->mem;

	if (!ops->describe || !ops->compat_check || !ops->compat_version ||
	    !ops->quiesce || !ops->resume || !ops->save || !ops->state_check ||
	    !ops->apply || !ops->reset)
		return false;
	return !mem || (mem->track_start && mem->track_stop &&
			mem->dirty_estimate && mem->data_estimate &&
			mem->next_chunk && mem->read_chunk && mem->write_chunk);
}

static bool mdev_migration_sections_valid(const struct mdev_migration_ops *ops)
{
	const struct mdev_migration_section_desc *desc = ops->sections;
	unsigned int i, j;

	if (ops->nr_sections > MDEV_MIGRATION_SECTIONS_MAX)
		return false;

	for (i = 0; i < ops->nr_sections; i++) {
		if (desc[i].id < MDEV_MIGRATION_SECTION_DRIVER ||
		    !desc[i].version ||
		    desc[i].max_len > MDEV_MIGRATION_STATE_MAX)
			return false;
		for (j = 0; j < i; j++) {
			if (desc[i].id == desc[j].id)
				return false;
		}
	}
	return true;
}

static bool mdev_migration_params_valid(const struct mdev_migration_params *params)
{
	if (!params->dev || !params->ops || !params->type)
		return false;
	if (!*params->type || strlen(params->type) >= MDEV_MIGRATION_TYPE_MAX)
		return false;
	if (params->state_size >
	    MDEV_MIGRATION_STATE_MAX - MDEV_MIGRATION_COMPAT_MAX)
		return false;
	if (params->mem_size > MDEV_MIGRATION_MEM_MAX ||
	    params->mem_size % MDEV_MIGRATION_PAGE ||
	    !params->mem_size != !params->ops->mem)
		return false;
	return mdev_migration_ops_valid(params->ops) &&
	       mdev_migration_sections_valid(params->ops);
}

struct mdev_migration *
mdev_migration_create(const struct mdev_migration_params *params)
{
	struct mdev_migration *mig;

	if (!mdev_migration_params_valid(params))
		return ERR_PTR(-EINVAL);

	mig = kzalloc(sizeof(*mig), GFP_KERNEL);
	if (!mig)
		return ERR_PTR(-ENOMEM);

	mig->params = *params;
	strscpy(mig->type, params->type, sizeof(mig->type));
	mig->params.type = mig->type;
	mig->format = (struct mdev_migration_format){
		.type = mig->type,
		.compat_version = params->ops->compat_version,
		.sections = params->ops->sections,
		.nr_sections = params->ops->nr_sections,
		.state_size = params->state_size,
		.mem_size = params->mem_size,
	};
	mig->region_size = round_up(VFIO_DEVICE_STATE_CONTEXT_OFFSET +
				    MDEV_MIGRATION_CONTEXT_HEAD +
				    mdev_migration_stream_bound(&mig->format),
				    (u64)MDEV_MIGRATION_PAGE);
	atomic64_set(&mig->generation, 0);
	atomic64_set(&mig->moved, 0);
	ratelimit_state_init(&mig->said, MDEV_MIGRATION_SAY_INTERVAL,
			     MDEV_MIGRATION_SAY_BURST);
	/* no line about lines: the trace has them all */
	ratelimit_set_flags(&mig->said, RATELIMIT_MSG_ON_RELEASE);
	kref_init(&mig->ref);
	INIT_LIST_HEAD(&mig->in_all);
	init_waitqueue_head(&mig->wait);
	mutex_init(&mig->state_mutex);
	mdev_migration_fsm_init(&mig->fsm);
	return mig;
}
EXPORT_SYMBOL_GPL(mdev_migration_create);

/* Data fds may stay longer, but all they can find is that they are dead. */
void mdev_migration_destroy(struct mdev_migration *mig)
{
	if (!mig)
		return;
	mdev_migration_v2_forget(mig);
	mdev_migration_put(mig);
}
EXPORT_SYMBOL_GPL(mdev_migration_destroy);

void mdev_migration_open(struct mdev_migration *mig, bool offer_region)
{
	mutex_lock(&mig->state_mutex);
	mdev_migration_fsm_init(&mig->fsm);
	mig->offered = offer_region;
	mutex_unlock(&mig->state_mutex);
}
EXPORT_SYMBOL_GPL(mdev_migration_open);

void mdev_migration_close(struct mdev_migration *mig)
{
	mutex_lock(&mig->state_mutex);
	mdev_migration_save_drop_locked(mig);
	mdev_migration_load_drop_locked(mig);
	mdev_migration_fsm_init(&mig->fsm);
	mig->offered = false;
	mutex_unlock(&mig->state_mutex);
	mdev_migration_wake(mig);
}
EXPORT_SYMBOL_GPL(mdev_migration_close);

int mdev_migration_reset(struct mdev_migration *mig)
{
	int error;

	if (mutex_lock_killable(&mig->state_mutex))
		return -EINTR;
	error = mdev_migration_step_locked(mig, MDEV_MIGRATION_EV_RESET,
					   MDEV_MIGRATION_FRONT_NONE);
	mutex_unlock(&mig->state_mutex);
	return error;
}
EXPORT_SYMBOL_GPL(mdev_migration_reset);

void mdev_migration_dirtied(struct mdev_migration *mig)
{
	mdev_migration_set_ready(mig);
}
EXPORT_SYMBOL_GPL(mdev_migration_dirtied);

void mdev_migration_touch(struct mdev_migration *mig)
{
	/* A full barrier: the change is visible before the count is. */
	atomic64_inc_return(&mig->generation);
}
EXPORT_SYMBOL_GPL(mdev_migration_touch);

bool mdev_migration_stopped(struct mdev_migration *mig)
{
	return mdev_migration_fsm_stopped(&mig->fsm);
}
EXPORT_SYMBOL_GPL(mdev_migration_stopped);

void mdev_migration_report(struct mdev_migration *mig,
			   struct mdev_migration_report *report)
{
	report->state = mdev_migration_fsm_name(READ_ONCE(mig->fsm.state));
	report->owner = mdev_migration_fsm_owner_name(READ_ONCE(mig->fsm.owner));
	report->moved = atomic64_read(&mig->moved);
}
EXPORT_SYMBOL_GPL(mdev_migration_report);

void mdev_migration_clear_moved(struct mdev_migration *mig)
{
	atomic64_set(&mig->moved, 0);
}
EXPORT_SYMBOL_GPL(mdev_migration_clear_moved);

MODULE_DESCRIPTION("Device state of VFIO mediated devices");
MODULE_AUTHOR("The mvgpu authors");
MODULE_LICENSE("GPL");
MODULE_VERSION(MVGPU_MODULE_VERSION);
