/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between the files of mvgpu: the device, its locks, and every
 * function that crosses a file. Data flows one way: a file calls only files named
 * before it here, which tools/checks/layers.sh proves of the objects.
 *
 *	trace, config_space, msix, decode, context_wire, blend, vram_fs, vram,
 *	vram_map, vram_track, thread, foreign, gtt, gtt_reach, engine_mem,
 *	clock, engine, irq, queue, worker, worker_thread, context, registers,
 *	regions, types, device, sysfs, main
 *
 * Locks, outermost first:
 *
 *	the library's state mutex
 *	  mvgpu_device::config_lock
 *	  mvgpu_device::open_lock
 *	  mvgpu_worker::thread_lock
 *	    mvgpu_device::lock (spinlock), mvgpu_gtt::lock, mvgpu_vram::lock:
 *		leaves; none is held while another is taken, nor over pin,
 *		unpin, dma_rw, mark or user copies
 *
 * Of these the state mutex and thread_lock are held over a wait for the worker, which
 * may wait for the VMM's memory, and so for user space: they are taken killably.
 *
 * The mmap lock is outside of a VRAM page's lock, and that of mvgpu_vram::lock
 * (fault handlers); the locks of page tables are inside of a page's lock, but not
 * of mvgpu_vram::lock. The first two are inside of none of the others, but that
 * a VRAM page's lock may be taken under the library's state mutex.
 */
#ifndef _MVGPU_PRIVATE_H
#define _MVGPU_PRIVATE_H

#include <linux/hrtimer.h>
#include <linux/kref.h>
#include <linux/mdev.h>
#include <linux/mutex.h>
#include <linux/ratelimit_types.h>
#include <linux/spinlock.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <linux/mdev_migration.h>
#include <linux/mvgpu.h>
#include <linux/vfio_dirty.h>

#include "config_space.h"
#include "decode.h"
#include "msix.h"
#include "queue.h"

#define MVGPU_QUEUES		4

struct eventfd_ctx;
struct mem_cgroup;
struct mvgpu_engine_mem;
struct mvgpu_thread;

/* Between two looks at the stop flag a queue moves or pins no more. */
#define MVGPU_CHUNK_BYTES	(64 * 1024)
#define MVGPU_CHUNK_PAGES	64
/* 16 MiB of VRAM are looked at before there is a look at something else. */
#define MVGPU_VRAM_LOOK_PAGES	4096UL
/* Pieces of rows, each of which may take a copy from or to user space. */
#define MVGPU_CHUNK_PIECES	1024

/**
 * struct mvgpu_type - a type of vGPU
 * @mtype: what mdev knows of it
 * @name: name of the type in a stream
 * @vram_size: bytes of VRAM
 */
struct mvgpu_type {
	struct mdev_type mtype;
	const char *name;
	u64 vram_size;
};

/**
 * struct mvgpu_vram - device memory of one open of a device
 * @ref: one for the device while open, one for each mapping
 * @file: inode of its own whose mapping is mapped by the VMM; pins the module
 * @size: bytes
 * @memcg: of the opener; charged for every page, whoever touches it first
 * @lock: protects all below
 * @pages: by page number; NULL reads as zeros and was never written; no array
 *	once it is closed
 * @nr_allocated: entries of @pages that are not NULL
 * @hole: a page of zeros, made when it is first mapped where there is none, for
 *	reading
 * @holes: by page number, @hole may be mapped there; then nothing is put into
 *	@pages without @hole's page lock
 * @reserve: neighbours in memory, zeroed, of which the next is handed out
 * @nr_reserved: how many are left of them
 * @dirty: by page number, written since the last look; while tracked
 * @nr_dirty: bits set in @dirty
 * @tracked: writes through mappings fault and are noticed
 * @dead: closed; faults are SIGBUS
 * @mig: told of writes by the VMM while tracked
 */
struct mvgpu_vram {
	struct kref ref;
	struct file *file;
	u64 size;
	struct mem_cgroup *memcg;
	struct mutex lock;	/* see above */
	struct page **pages;
	unsigned long nr_allocated;
	struct page *hole;
	unsigned long *holes;
	struct page *reserve;
	unsigned int nr_reserved;
	unsigned long *dirty;
	unsigned long nr_dirty;
	bool tracked;
	bool dead;
	struct mdev_migration *mig;
};

/**
 * struct mvgpu_gtt - the GPU address space
 * @lock: protects all below
 * @entries: MVGPU_GTT_ENTRIES entries as the guest wrote them
 * @pages: the page that entry n has pinned, MVGPU_GTT_COPIED if its memory could
 *	not be pinned, or NULL
 * @reached: bit n: the memory behind entry n was reached since it was written
 * @nr_pinned: entries of @pages that are pages
 * @nr_copied: entries of @pages that are MVGPU_GTT_COPIED
 * @copied_until: jiffies when it is tried again whether those can be pinned
 * @epoch: moves when pinned pages are collected; a pin in flight lets go
 * @collectors: wait for @busy to fall, or let go of pins; until the last of
 *	them is done no chunk begins
 * @engine_waits: the worker had to wait for collectors, or lost a pin to one:
 *	until it has had its turn no other writes entries
 * @busy: a chunk is using entries and pinned pages; rises under the lock, and
 *	falls without it, after all that the chunk did
 * @idle: woken when @busy, @collectors or @engine_waits falls
 */
struct mvgpu_gtt {
	struct mutex lock;	/* see above */
	u64 *entries;
	struct page **pages;
	unsigned long *reached;
	unsigned int nr_pinned;
	unsigned int nr_copied;
	unsigned long copied_until;
	u64 epoch;
	unsigned int collectors;
	bool engine_waits;
	bool busy;
	wait_queue_head_t idle;
};

/**
 * struct mvgpu_worker - the thread that runs the queues; mvgpu_device::lock
 *	protects what does not say otherwise
 * @thread_lock: held to replace @thread, also over the wait for the old one; taken
 *	killably
 * @thread: from open to close; of the opener, or of whoever rang when that was gone
 * @mem: the thread's way to memory, from open to close; its own
 * @memcg: charged for what the thread allocates: the opener's
 * @quiesced: the library stopped the device
 * @bus_master: the guest lets the device do DMA
 * @closing: run nothing any more
 * @busy: a step is being run
 * @paused: the thread stands still, as its process does, whatever there is to run
 * @wanted: something has changed since the step began, or another queue has
 *	something to run: the step ends with its chunk; also read without the lock
 * @idle: woken when @busy falls
 * @turn: number of the queue that had the last turn
 * @looks: moves when semaphores are to be looked at again
 * @timer: asks for a look while a queue waits
 * @timer_expired: it does so; not under the lock
 * @clock: nanoseconds that the device ran before @clock_from
 * @clock_from: on the host's monotonic clock
 * @clock_stands: the device is stopped; @clock is all
 * @commands: completed since the vGPU was created or somebody set it to 0
 * @faults: queues that stopped; the same
 * @said: limits lines about them; has a lock of its own, and lives with the vGPU
 */
struct mvgpu_worker {
	struct mutex thread_lock;	/* see above */
	struct mvgpu_thread __rcu *thread;
	struct mvgpu_engine_mem *mem;
	struct mem_cgroup *memcg;
	bool quiesced;
	bool bus_master;
	bool closing;
	bool busy;
	bool paused;
	bool wanted;
	wait_queue_head_t idle;
	unsigned int turn;
	u32 looks;
	struct hrtimer timer;
	atomic_t timer_expired;
	u64 clock;
	u64 clock_from;
	bool clock_stands;
	u64 commands;
	u64 faults;
	struct ratelimit_state said;
};

/**
 * struct mvgpu_irq - interrupts, protected by mvgpu_device::lock
 * @index: VFIO_PCI_MSI_IRQ_INDEX or VFIO_PCI_MSIX_IRQ_INDEX, whichever the VMM
 *	has enabled, or VFIO_PCI_NUM_IRQS
 * @nr: vectors that are enabled
 * @triggers: eventfd of each, or NULL
 * @request: eventfd that asks the VMM to let go of the device, or NULL
 * @pending: bit n: queue n raised its interrupt, which was not delivered
 */
struct mvgpu_irq {
	u32 index;
	unsigned int nr;
	struct eventfd_ctx *triggers[MVGPU_VECTORS];
	struct eventfd_ctx *request;
	u32 pending;
};

/**
 * struct mvgpu_device - a vGPU
 * @vdev: for the vfio core
 * @mdev: for mdev
 * @type: set at creation
 * @mig: for migration
 * @dirty: open on a container that vfio_dirty serves, else NULL: then guest
 *	memory is reached with vfio_dma_rw() and nothing is pinned
 * @log: of what it writes to guest memory, on whatever it is open; NULL where
 *	the kernel cannot report it
 * @open_lock: protects @is_open, and @vram for those who do not have the
 *	device open
 * @is_open: also read without the lock
 * @vram: while open
 * @config_lock: protects @config and orders its side effects
 * @config: PCI config space
 * @gtt: GPU address space
 * @lock: protects @worker, @irq and @queues
 * @worker: runs @queues
 * @irq: interrupts
 * @msix: what the VMM wrote to the MSI-X table, under @config_lock
 * @queues: the rings
 * @refusal: why the last context was refused, where that takes numbers; under
 *	the library's state mutex
 * @refused_iova: guest memory that was pinned last for a context; the same
 */
struct mvgpu_device {
	struct vfio_device vdev;
	struct mdev_device *mdev;
	const struct mvgpu_type *type;
	struct mdev_migration *mig;
	struct vfio_dirty_client *dirty;
	struct vfio_dirty_log *log;
	struct mutex open_lock;	/* see above */
	bool is_open;
	struct mvgpu_vram *vram;
	struct mutex config_lock;	/* see above */
	struct mvgpu_config config;
	struct mvgpu_gtt gtt;
	spinlock_t lock;	/* see above */
	struct mvgpu_worker worker;
	struct mvgpu_irq irq;
	struct mvgpu_msix msix;
	struct mvgpu_queue queues[MVGPU_QUEUES];
	char refusal[160];
	u64 refused_iova;
};

static inline struct mvgpu_device *mvgpu_device(struct vfio_device *vdev)
{
	return container_of(vdev, struct mvgpu_device, vdev);
}

/* types.c */
int mvgpu_types_register(struct mdev_parent *parent, struct device *dev,
			 struct mdev_driver *driver);
unsigned int mvgpu_types_available(struct mdev_type *mtype);
ssize_t mvgpu_types_describe(struct mdev_type *mtype, char *buf);
int mvgpu_types_charge(const struct mvgpu_type *type);
void mvgpu_types_uncharge(const struct mvgpu_type *type);

/* device.c */
int mvgpu_device_probe(struct mdev_device *mdev);
void mvgpu_device_remove(struct mdev_device *mdev);
/* Bytes of VRAM that are allocated; 0 while closed. */
u64 mvgpu_device_vram_used(struct mvgpu_device *dev);

/* sysfs.c */
extern const struct attribute_group *mvgpu_sysfs_groups[];

/* regions.c */
int mvgpu_regions_info(struct vfio_device *vdev, struct vfio_region_info *info,
		       struct vfio_info_cap *caps);
ssize_t mvgpu_regions_read(struct vfio_device *vdev, char __user *buf,
			   size_t count, loff_t *ppos);
ssize_t mvgpu_regions_write(struct vfio_device *vdev, const char __user *buf,
			    size_t count, loff_t *ppos);
int mvgpu_regions_mmap(struct vfio_device *vdev, struct vm_area_struct *vma);

/* vram_fs.c */
struct file *mvgpu_vram_fs_file(void);

/* vram.c: sizes and offsets in bytes */
struct mvgpu_vram *mvgpu_vram_create(u64 size, struct mdev_migration *mig);
void mvgpu_vram_get(struct mvgpu_vram *vram);
void mvgpu_vram_put(struct mvgpu_vram *vram);
/* All memory goes back; every later access through a mapping is SIGBUS. */
void mvgpu_vram_close(struct mvgpu_vram *vram);
/* Referenced page; NULL if it reads as zeros and @alloc is false; ERR_PTR. */
struct page *mvgpu_vram_page(struct mvgpu_vram *vram, u64 offset, bool alloc);
/* The page to be mapped where there is none; referenced, or NULL, or ERR_PTR. */
struct page *mvgpu_vram_hole(struct mvgpu_vram *vram);
/* Number of the next page that exists, from @index on, or @end. */
unsigned long mvgpu_vram_find(struct mvgpu_vram *vram, unsigned long index,
			      unsigned long end);
/* Make pages exist: how many do, from the first on. */
u32 mvgpu_vram_allocate(struct mvgpu_vram *vram, u64 offset, u32 nr);

/*
 * That page and those that follow, NULL where there is none yet. Without the
 * lock, for the worker alone: pages go only while it is stopped, or has ended.
 */
static inline struct page **mvgpu_vram_pages(struct mvgpu_vram *vram,
					     u64 offset)
{
	return vram->pages + (offset >> PAGE_SHIFT);
}

void mvgpu_vram_clear(struct mvgpu_vram *vram);
int mvgpu_vram_read(struct mvgpu_vram *vram, u64 offset, void *data, u32 len);
int mvgpu_vram_write(struct mvgpu_vram *vram, u64 offset, const void *data,
		     u32 len);

/* The device or the VMM wrote (@by_vmm also touches the library). */
void mvgpu_vram_written(struct mvgpu_vram *vram, u64 offset, u64 len,
			bool by_vmm);
/* Lock held: page @index is about to be written; counts while tracked. */
void mvgpu_vram_mark_locked(struct mvgpu_vram *vram, unsigned long index);
/* Unmap a range everywhere; the next access faults again. */
void mvgpu_vram_zap(struct mvgpu_vram *vram, u64 offset, u64 len);
void mvgpu_vram_cut(struct mvgpu_vram *vram, u64 offset, u64 len);

static inline unsigned long mvgpu_vram_nr_pages(const struct mvgpu_vram *vram)
{
	return vram->size >> PAGE_SHIFT;
}

/* vram_track.c */
int mvgpu_vram_track_start(struct mvgpu_vram *vram);
void mvgpu_vram_track_stop(struct mvgpu_vram *vram);
u64 mvgpu_vram_dirty_bytes(struct mvgpu_vram *vram);
u64 mvgpu_vram_data_bytes(struct mvgpu_vram *vram, u64 offset);
bool mvgpu_vram_next_chunk(struct mvgpu_vram *vram, bool dirty, u64 *offset,
			   u32 *len);

/* vram_map.c */
int mvgpu_vram_map(struct mvgpu_vram *vram, struct vm_area_struct *vma);
bool mvgpu_vram_map_was_starved(void);

/* registers.c: register BAR; len is 4 or 8, offset aligned to it */
u64 mvgpu_registers_read(struct mvgpu_device *dev, u64 offset, unsigned int len);
int mvgpu_registers_write(struct mvgpu_device *dev, u64 offset,
			  unsigned int len, u64 value);

/* gtt.c */
void mvgpu_gtt_init(struct mvgpu_device *dev);
int mvgpu_gtt_create(struct mvgpu_device *dev);
void mvgpu_gtt_destroy(struct mvgpu_device *dev);
u64 mvgpu_gtt_read(struct mvgpu_device *dev, u32 index);
/* Write entries; what they had pinned is unpinned once no chunk uses it. */
void mvgpu_gtt_write(struct mvgpu_device *dev, u32 first, u32 count, u64 entry,
		     u64 step);
void mvgpu_gtt_write_half(struct mvgpu_device *dev, u32 index, bool high,
			  u32 value);
void mvgpu_gtt_clear(struct mvgpu_device *dev);
void mvgpu_gtt_dma_unmap(struct vfio_device *vdev, u64 iova, u64 length);

/* gtt_reach.c: entries whose memory was reached, as bits */
u32 mvgpu_reach_save(struct mvgpu_device *dev, u8 *bytes);
void mvgpu_reach_load(struct mvgpu_device *dev, const u8 *bytes, u32 len);
int mvgpu_reach_pin_all(struct mvgpu_device *dev);
int mvgpu_reach_count(struct mvgpu_device *dev, unsigned int *needed,
		      unsigned int *pinned);

/* clock.c: nanoseconds that the device ran since it was reset, on all hosts */
void mvgpu_clock_open(struct mvgpu_device *dev);
u64 mvgpu_clock_now(struct mvgpu_device *dev);
void mvgpu_clock_set(struct mvgpu_device *dev, u64 now);
void mvgpu_clock_stop(struct mvgpu_device *dev);
void mvgpu_clock_start_locked(struct mvgpu_device *dev);

/* queue.c: len is 4 or 8, reg aligned to it */
void mvgpu_queue_reset(struct mvgpu_device *dev);
u64 mvgpu_queue_read(struct mvgpu_device *dev, unsigned int nr, u32 reg,
		     unsigned int len);
bool mvgpu_queue_write(struct mvgpu_device *dev, unsigned int nr, u32 reg,
		       unsigned int len, u64 value);
/* No chunk of the queue is being run any more. */
void mvgpu_queue_settle_locked(struct mvgpu_device *dev, unsigned int nr);
void mvgpu_queue_look_locked(struct mvgpu_device *dev);
void mvgpu_queue_faulted_locked(struct mvgpu_device *dev, unsigned int nr);

/* worker.c */
void mvgpu_worker_init(struct mvgpu_device *dev);
bool mvgpu_worker_wake(struct mvgpu_device *dev);
bool mvgpu_worker_run(void *data);
int mvgpu_worker_quiesce(struct mvgpu_device *dev);
void mvgpu_worker_resume(struct mvgpu_device *dev);
/* Bus mastering changed; and wait until no DMA is in flight that it forbids. */
void mvgpu_worker_set_bus_master(struct mvgpu_device *dev, bool on);
int mvgpu_worker_await_dma(struct mvgpu_device *dev);

/* worker_thread.c */
int mvgpu_worker_open(struct mvgpu_device *dev);
void mvgpu_worker_close(struct mvgpu_device *dev);
int mvgpu_worker_kick(struct mvgpu_device *dev);
int mvgpu_worker_revive(struct mvgpu_device *dev);

/* The step that runs ends with its chunk. */
static inline void mvgpu_worker_want(struct mvgpu_device *dev)
{
	WRITE_ONCE(dev->worker.wanted, true);
}

/* Whether the device is started and may do DMA: else it does nothing by itself. */
static inline bool mvgpu_runs_locked(struct mvgpu_device *dev)
{
	lockdep_assert_held(&dev->lock);

	return !dev->worker.quiesced && dev->worker.bus_master;
}

/* irq.c */
void mvgpu_irq_open(struct mvgpu_device *dev);
void mvgpu_irq_close(struct mvgpu_device *dev);
long mvgpu_irq_get_info(void __user *arg);
long mvgpu_irq_set(struct mvgpu_device *dev, void __user *arg);
void mvgpu_irq_request(struct vfio_device *vdev, unsigned int count);
u32 mvgpu_irq_pending(struct mvgpu_device *dev);
void mvgpu_irq_set_pending(struct mvgpu_device *dev, u32 pending);
void mvgpu_irq_raise_locked(struct mvgpu_device *dev, unsigned int source);
void mvgpu_irq_deliver_locked(struct mvgpu_device *dev);

/* context.c */
extern const struct mdev_migration_ops mvgpu_context_ops;
u32 mvgpu_context_state_size(void);

#endif /* _MVGPU_PRIVATE_H */
