/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of mdev_migration.ko share. Data flows one way: a file calls
 * only files named before it here, which tools/checks/layers.sh proves of the
 * objects.
 *
 *	fsm, region_fsm, v2_fsm, trace, stream_writer, stream_parser,
 *	region_stream, v2_stream, write, save, load, arc, region_load, region,
 *	v2_file, v2, main
 *
 * Lock order: mdev_migration::state_mutex, then whatever the driver's ops
 * take. The mutex is never held over a copy from or to user space: a fault
 * there may need the driver, and with it mdev_migration_touch(), which takes
 * no lock. It is held while the driver waits for its device to be still, and so is
 * taken killably where that may be, and not by poll.
 */
#ifndef MDEV_MIGRATION_PRIVATE_H
#define MDEV_MIGRATION_PRIVATE_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mdev_migration.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/vfio.h>
#include <linux/wait.h>

#include "fsm.h"
#include "v2_stream.h"
#include "region_stream.h"
#include "stream.h"

/* Most bytes that are on their way between user memory and the handle. */
#define MDEV_MIGRATION_BOUNCE	((size_t)64 * 1024)

struct file;
struct mdev_migration_load;
struct mdev_migration_v2_file;

/**
 * struct mdev_migration - a migratable device
 * @params: what the driver gave; fixed
 * @type: storage of @params' name
 * @format: what streams of this device look like; fixed
 * @region_size: bytes of the device-state region; fixed
 * @offered: the region exists; set by open, fixed until close
 * @in_all: entry of the list of handles that offer migration v2 (v2.c)
 * @vdev: the device, for that list; NULL before mdev_migration_v2_setup()
 * @ref: one for the driver, one for each data fd
 * @wait: who polls a data fd
 * @ready: a read of the data fd may give something; no lock, as whoever polls
 *	waits for nobody: the caller may hold locks that others cannot be killed in
 * @generation: counts what the VMM does to the device behind the library's
 *	back; no lock
 * @moved: bytes of contexts that were read or written; no lock
 * @said: limits lines about contexts that are refused; no lock of ours
 * @state_mutex: protects all that follows, and serializes the driver's ops
 * @fsm: run state and owner; the state is also read without the lock
 * @region_stream: the context that is being read through the region, or NULL
 * @save_generation: @generation before @region_stream was taken, or the state of
 *	@v2_stream was saved
 * @v2_stream: the stream that is being read through a data fd, or NULL
 * @save_file: the data fd through which that is done; NULL also if it was
 *	closed. Cleared without the lock by its release.
 * @load_file: the same of the one through which a stream is written
 * @tracking: the driver's track_start was called, track_stop not yet
 * @load: the context that is being written, or NULL
 * @write_next: offset in the context that a write has to go on at, or 0
 * @load_error: why the last context was refused
 */
struct mdev_migration {
	struct mdev_migration_params params;
	char type[MDEV_MIGRATION_TYPE_MAX];
	struct mdev_migration_format format;
	u64 region_size;
	bool offered;
	struct list_head in_all;
	struct vfio_device *vdev;
	struct kref ref;
	wait_queue_head_t wait;
	bool ready;
	atomic64_t generation;
	atomic64_t moved;
	struct ratelimit_state said;

	/* Order: see the top of this file. */
	struct mutex state_mutex;
	struct mdev_migration_fsm fsm;
	struct mdev_migration_region_stream *region_stream;
	s64 save_generation;
	struct mdev_migration_v2_stream *v2_stream;
	struct mdev_migration_v2_file *save_file;
	struct mdev_migration_v2_file *load_file;
	bool tracking;
	struct mdev_migration_load *load;
	u64 write_next;
	int load_error;
};

/* write.c; @done counts those that this write gave before */
typedef ssize_t (*mdev_migration_take_fn)(struct mdev_migration *mig, void *arg,
					  u64 done, const u8 *data, size_t len);
ssize_t mdev_migration_write(struct mdev_migration *mig,
			     mdev_migration_take_fn take, void *arg,
			     const char __user *buf, size_t count);

/* save.c */
void mdev_migration_set_ready(struct mdev_migration *mig);
int mdev_migration_save_begin_locked(struct mdev_migration *mig);
int mdev_migration_save_state_locked(struct mdev_migration *mig);
int mdev_migration_save_renew_locked(struct mdev_migration *mig);
int mdev_migration_save_read_locked(struct mdev_migration *mig,
				    enum mdev_migration_front front, u64 at,
				    u8 *out, size_t len);
void mdev_migration_save_drop_locked(struct mdev_migration *mig);

/* load.c */
int mdev_migration_load_begin_locked(struct mdev_migration *mig);
ssize_t mdev_migration_load_stream_locked(struct mdev_migration *mig,
					  const u8 *data, size_t len);
int mdev_migration_load_end_locked(struct mdev_migration *mig);
void mdev_migration_load_drop_locked(struct mdev_migration *mig);

/* arc.c */
void mdev_migration_wake(struct mdev_migration *mig);
int mdev_migration_arc_locked(struct mdev_migration *mig,
			      enum mdev_migration_event event,
			      enum mdev_migration_front front,
			      const struct mdev_migration_arc *arc);
int mdev_migration_step_locked(struct mdev_migration *mig,
			       enum mdev_migration_event event,
			       enum mdev_migration_front front);
void mdev_migration_get(struct mdev_migration *mig);
void mdev_migration_put(struct mdev_migration *mig);

/* region_load.c */
ssize_t mdev_migration_region_load_write_locked(struct mdev_migration *mig,
						enum mdev_migration_front front,
						u64 at, const u8 *data,
						size_t len);

/* v2_file.c */
struct file *mdev_migration_v2_file_create(struct mdev_migration *mig,
					   bool save);

/* v2.c */
void mdev_migration_v2_forget(struct mdev_migration *mig);

#endif /* MDEV_MIGRATION_PRIVATE_H */
