/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Migration as a library for mdev vendor drivers. A driver says how its
 * device is stopped, described, saved and loaded; the library owns the state
 * machine, the stream and the interfaces through which user space moves the
 * device.
 */
#ifndef _LINUX_MDEV_MIGRATION_H
#define _LINUX_MDEV_MIGRATION_H

#include <linux/mdev_migration_wire.h>
#include <linux/types.h>

struct device;
struct mdev_migration;
struct mdev_migration_writer;
struct vfio_device;
struct vfio_info_cap;
struct vfio_region_info;

/* Ids of sections below this are the library's own. */
#define MDEV_MIGRATION_SECTION_DRIVER	0x100

/* A receiver that does not know this section skips it. */
#define MDEV_MIGRATION_SECTION_OPTIONAL	0x0001

/* Most bytes of device memory in one section. */
#define MDEV_MIGRATION_CHUNK_MAX	(64 * 1024)

/* Most bytes of sections other than device memory, in one stream. */
#define MDEV_MIGRATION_STATE_MAX	(2 * 1024 * 1024)

/* Most bytes that a device type's name may have, its NUL included. */
#define MDEV_MIGRATION_TYPE_MAX		32

/**
 * enum mdev_migration_quiesce - how still a device must be
 * @MDEV_MIGRATION_QUIESCE_P2P: it starts no DMA and no interrupts by itself,
 *	but accepts accesses of its peers
 * @MDEV_MIGRATION_QUIESCE_STOP: no DMA is in flight and nothing of its state
 *	changes but by accesses of the VMM
 */
enum mdev_migration_quiesce {
	MDEV_MIGRATION_QUIESCE_P2P,
	MDEV_MIGRATION_QUIESCE_STOP,
};

/**
 * struct mdev_migration_section_desc - a kind of section that a driver knows
 * @id: MDEV_MIGRATION_SECTION_DRIVER or above
 * @version: newest version understood; versions start at 1
 * @max_len: most bytes of payload
 * @required: a context without it is refused
 */
struct mdev_migration_section_desc {
	u32 id;
	u16 version;
	u32 max_len;
	bool required;
};

/**
 * struct mdev_migration_section - a received section, its checksum verified
 * @id: one of the driver's descriptors
 * @version: 1 to the descriptor's
 * @len: bytes of payload, at most the descriptor's
 * @data: payload; the library's, valid during the call
 *
 * A section id occurs at most once in a context.
 */
struct mdev_migration_section {
	u32 id;
	u16 version;
	u32 len;
	const u8 *data;
};

/**
 * struct mdev_migration_mem_ops - device memory that moves chunk by chunk
 * @track_start: from now on call mdev_migration_touch() for every write to
 *	device memory that the VMM makes, through an fd or a mapping, collect
 *	the pages that anyone writes, and call mdev_migration_dirtied() for the
 *	first of them. Called with the device stopped or running. May sleep. 0
 *	or -errno.
 * @track_stop: undo @track_start
 * @dirty_estimate: bytes written since the last look, while tracked
 * @data_estimate: most bytes at or after @from that do not read as zeros
 * @next_chunk: find the first memory at or after *@offset that has to travel:
 *	all that does not read as zeros or, with @dirty, what was written since
 *	the last look. It no longer counts as written then. Sets *@offset (page
 *	aligned) and *@len (whole pages, at most MDEV_MIGRATION_CHUNK_MAX).
 *	True if there is any. It need not go through much at once: true with a
 *	*@len of 0 is that there is none before *@offset, where to look on; that
 *	lies behind the one given, and in memory.
 * @read_chunk: copy a chunk out. Called with the device stopped, or with
 *	tracking on. 0 or -errno.
 * @write_chunk: copy a chunk in, device stopped. Offset and length were
 *	checked against the size and are page aligned. 0 or -errno.
 *
 * All are called with the library's state mutex held.
 */
struct mdev_migration_mem_ops {
	int (*track_start)(void *priv);
	void (*track_stop)(void *priv);
	u64 (*dirty_estimate)(void *priv);
	u64 (*data_estimate)(void *priv, u64 from);
	bool (*next_chunk)(void *priv, bool dirty, u64 *offset, u32 *len);
	int (*read_chunk)(void *priv, u64 offset, void *data, u32 len);
	int (*write_chunk)(void *priv, u64 offset, const void *data, u32 len);
};

/**
 * struct mdev_migration_ops - what a driver gives to the library
 * @describe: write the compatibility section: all that must agree between
 *	source and target beside the type's name. Always writes the same for
 *	the life of a device; at most 4096 bytes.
 * @compat_check: judge a source's compatibility section, of @version 1 to
 *	@compat_version. 0, or -errno with *@why set to a static text.
 * @compat_version: version of the section that @describe writes
 * @quiesce: make the device as still as @level says, also if it is already
 *	still to some degree. May sleep; a wait is killable. 0, or -EINTR with
 *	the device as it was.
 * @resume_prepare: get what @resume cannot do without. May be NULL. Comes before
 *	all else that a change of state asks for, so also where @quiesce and
 *	@resume follow, and may be followed by nothing. May sleep; a wait is
 *	killable. 0, or -errno with the device as it was, to which user space's
 *	call fails, or with -ERESTARTNOINTR is made again.
 * @resume: undo @quiesce of any level; queued work goes on. Cannot fail, pins
 *	nothing.
 * @sections: what @save may write and @state_check accepts
 * @nr_sections: entries of @sections, at most 32
 * @save: write the device's state, except its memory, with
 *	mdev_migration_put_section(). The device is stopped. Writes the same as
 *	before unless the state changed in between. 0 or -errno.
 * @state_estimate: most bytes of payload that @save would write now; may be
 *	NULL, for @state_size. Called also while the device runs.
 * @state_check: judge received sections, all of them, without changing the
 *	device. 0, or -errno with *@why set to a text that stays until the next
 *	call; so in all of these.
 * @apply: take over sections that @state_check accepted. The device is
 *	stopped and was reset before the load began. Cannot fail.
 * @ready: after @apply: get what the device needs to go on from there, and what
 *	the host may refuse, such as pinned memory. May be NULL. May sleep, but
 *	waits for nobody in user space, as close may wait beside it. 0, or -errno
 *	with *@why set: the write of the last byte fails, as VMMs look at nothing
 *	later.
 * @mem: device memory, or NULL if there is none
 * @reset: put all state and memory to their reset values. Called with the
 *	device stopped. Cannot fail.
 *
 * All are called from process context with the state mutex held. @priv is
 * what was given to mdev_migration_create().
 */
struct mdev_migration_ops {
	int (*describe)(void *priv, struct mdev_migration_buf *buf);
	int (*compat_check)(void *priv, u16 version,
			    struct mdev_migration_cursor *cur,
			    const char **why);
	u16 compat_version;

	int (*quiesce)(void *priv, enum mdev_migration_quiesce level);
	int (*resume_prepare)(void *priv);
	void (*resume)(void *priv);

	const struct mdev_migration_section_desc *sections;
	unsigned int nr_sections;
	int (*save)(void *priv, struct mdev_migration_writer *writer);
	u32 (*state_estimate)(void *priv);
	int (*state_check)(void *priv,
			   const struct mdev_migration_section *sections,
			   unsigned int nr, const char **why);
	void (*apply)(void *priv,
		      const struct mdev_migration_section *sections,
		      unsigned int nr);
	int (*ready)(void *priv, const char **why);

	const struct mdev_migration_mem_ops *mem;

	void (*reset)(void *priv);
};

/**
 * struct mdev_migration_params - what is fixed for the life of a device
 * @dev: for log lines
 * @ops: the driver's operations
 * @priv: handed to all of them
 * @type: name of the device type; a context moves between devices of the same
 *	name only; at most MDEV_MIGRATION_TYPE_MAX - 1 characters
 * @state_size: most bytes of payload that @ops->save writes
 * @mem_size: bytes of device memory, page aligned; 0 without @ops->mem
 */
struct mdev_migration_params {
	struct device *dev;
	const struct mdev_migration_ops *ops;
	void *priv;
	const char *type;
	u32 state_size;
	u64 mem_size;
};

/**
 * mdev_migration_create - make a device migratable
 * @params: copied
 *
 * Return: the handle, or an error pointer: -EINVAL for parameters out of
 * range, -ENOMEM.
 */
struct mdev_migration *
mdev_migration_create(const struct mdev_migration_params *params);

/**
 * mdev_migration_v2_setup - offer migration v2
 * @mig: the handle
 * @vdev: the device; not registered yet
 *
 * Sets the device's migration ops and flags: STOP_COPY, P2P and PRE_COPY. The
 * handle has to live as long as the device, and mdev_migration_device_feature()
 * has to be its device_feature op, or be called by that.
 */
void mdev_migration_v2_setup(struct mdev_migration *mig,
			     struct vfio_device *vdev);

/**
 * mdev_migration_device_feature - a device_feature op
 * @vdev: a device for which mdev_migration_v2_setup() was called
 * @flags: of VFIO_DEVICE_FEATURE
 * @arg: its data
 * @argsz: bytes of @arg
 *
 * Answers what the vfio core of older kernels leaves to the driver.
 *
 * Return: 0 or 1 or -errno as the op has it; -ENOTTY for unknown features.
 */
int mdev_migration_device_feature(struct vfio_device *vdev, u32 flags,
				  void __user *arg, size_t argsz);

/**
 * mdev_migration_destroy - free the handle
 * @mig: a closed handle, or NULL
 */
void mdev_migration_destroy(struct mdev_migration *mig);

/**
 * mdev_migration_open - the device is opened: running, not owned, no context
 * @mig: the handle
 * @offer_region: offer the device-state region until close; only true where
 *	the device's container answers VFIO_IOMMU_GET_DIRTY_BITMAP
 */
void mdev_migration_open(struct mdev_migration *mig, bool offer_region);

/**
 * mdev_migration_close - the device is closed: contexts are dropped
 * @mig: the handle
 *
 * Call from close_device before anything that the ops use is torn down: data fds
 * may be in use until it returns, and are dead afterwards. Calls
 * @mem->track_stop if tracking is on, and no other op.
 */
void mdev_migration_close(struct mdev_migration *mig);

/**
 * mdev_migration_reset - the VMM resets the device
 * @mig: the handle
 *
 * Quiesces, drops contexts and owner, calls @ops->reset, and leaves the device
 * running. A wait is killable.
 *
 * Return: 0, or -EINTR with nothing changed.
 */
int mdev_migration_reset(struct mdev_migration *mig);

/**
 * mdev_migration_touch - the VMM changed the device's state
 * @mig: the handle
 *
 * Call for writes to config space, registers and device memory that do not
 * come through the library, after the change. A context that is being read
 * through the region then fails with ESTALE; one that is read through a data fd
 * only if what was read of it already is not true any more. Never sleeps,
 * callable under any lock.
 */
void mdev_migration_touch(struct mdev_migration *mig);

/**
 * mdev_migration_dirtied - there is memory that was written since the last look
 * @mig: the handle
 *
 * Call while memory is tracked when @dirty_estimate has risen from 0: whoever
 * polls learns it by this alone. Never sleeps, callable under any lock but in a
 * wakeup.
 */
void mdev_migration_dirtied(struct mdev_migration *mig);

/**
 * mdev_migration_stopped - is the device not to run by itself?
 * @mig: the handle
 *
 * Return: what a read of run control would give. Lockless; the answer may be
 * outdated when it arrives.
 */
bool mdev_migration_stopped(struct mdev_migration *mig);

/**
 * struct mdev_migration_report - what people may want to know of a device
 * @state: name of its run state; static
 * @owner: "none", or the front end that owns it; static
 * @moved: bytes of contexts that were read or written since the handle was
 *	created, or since mdev_migration_clear_moved()
 */
struct mdev_migration_report {
	const char *state;
	const char *owner;
	u64 moved;
};

/**
 * mdev_migration_report - look at a device
 * @mig: the handle
 * @report: filled in; lockless, so that it may be outdated when it arrives
 */
void mdev_migration_report(struct mdev_migration *mig,
			   struct mdev_migration_report *report);

/**
 * mdev_migration_clear_moved - count moved bytes from 0 again
 * @mig: the handle
 */
void mdev_migration_clear_moved(struct mdev_migration *mig);

/**
 * mdev_migration_nr_regions - regions that the library adds to a device
 * @mig: an open handle
 *
 * Return: regions to add to the driver's own in VFIO_DEVICE_GET_INFO.
 */
unsigned int mdev_migration_nr_regions(struct mdev_migration *mig);

/**
 * mdev_migration_region_info - describe one of the library's regions
 * @mig: an open handle
 * @nr: which, below mdev_migration_nr_regions()
 * @info: size and flags are filled in; index and offset are the driver's
 * @caps: the type capability is added
 *
 * Return: 0, -EINVAL for an @nr out of range, or -ENOMEM.
 */
int mdev_migration_region_info(struct mdev_migration *mig, unsigned int nr,
			       struct vfio_region_info *info,
			       struct vfio_info_cap *caps);

/**
 * mdev_migration_region_read - read from one of the library's regions
 * @mig: an open handle
 * @nr: which
 * @buf: user memory
 * @count: bytes wanted
 * @offset: offset in the region
 *
 * Return: bytes read, at least 1 unless @count is 0, or -errno as
 * linux/vfio_device_state.h has it.
 */
ssize_t mdev_migration_region_read(struct mdev_migration *mig, unsigned int nr,
				   char __user *buf, size_t count, u64 offset);

/**
 * mdev_migration_region_write - write to one of the library's regions
 * @mig: an open handle
 * @nr: which
 * @buf: user memory
 * @count: bytes to write
 * @offset: offset in the region
 *
 * Return: bytes taken, or -errno as linux/vfio_device_state.h has it.
 */
ssize_t mdev_migration_region_write(struct mdev_migration *mig,
				    unsigned int nr, const char __user *buf,
				    size_t count, u64 offset);

/**
 * mdev_migration_put_section - write a section of the driver's state
 * @writer: given to @ops->save
 * @id: one of the driver's descriptors; each at most once
 * @version: version of the payload
 * @flags: MDEV_MIGRATION_SECTION_OPTIONAL or 0
 * @data: payload
 * @len: bytes of payload
 *
 * Return: 0, -ENOMEM, or -EOVERFLOW for more than @state_size.
 */
int mdev_migration_put_section(struct mdev_migration_writer *writer, u32 id,
			       u16 version, u16 flags, const void *data,
			       u32 len);

#endif /* _LINUX_MDEV_MIGRATION_H */
