/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The parts of vfio_dirty and how they meet.
 *
 * Data flows one way: a file calls only files named before it here, which
 * tools/checks/layers.sh proves of the objects.
 *
 *	bitmap, span, trace, say, claim, limit, leaf, log, block, mapping, client,
 *	pages, pin, rw, query, unmap, container, ioctl, front, main
 *
 * A container holds clients (its groups, each with one mediated device) and
 * mappings (ranges of IOVAs). A mapping holds leaves (what was written) and pin
 * blocks (what is pinned). Ranges of IOVAs are given by first and last byte, so
 * that the last page of the address space is like any other.
 *
 * Lock order:
 *
 *	vfio_dirty_front_lock
 *	  locks of the vfio core
 *	    vfio_dirty_clients_lock
 *	      vfio_dirty_container.lock
 *	        mmap_lock (only to let go of pins that a driver left behind)
 *	    mmap_lock
 *	    vfio_dirty_tables_lock
 *
 * vfio_dirty_container.lock is never held over a driver's dma_unmap, over the
 * pinning of user memory or over copies to and from it that may sleep. Nor is
 * mmap_lock while user memory is waited for that comes from user space. What must
 * stay meanwhile is held by counts: the memory of a container and of a mapping by
 * their krefs, a mapping's place in the container by vfio_dirty_mapping.users,
 * a client by vfio_dirty_client.callbacks.
 */
#ifndef _VFIO_DIRTY_PRIVATE_H
#define _VFIO_DIRTY_PRIVATE_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/types.h>
#include <linux/vfio.h>
#include <linux/wait.h>
#include <linux/xarray.h>

#include "bitmap.h"
#include "vfio_iommu_driver.h"

/* A pin block has the pages of one word of a leaf. */
#define VFIO_DIRTY_BLOCK_SHIFT		6
#define VFIO_DIRTY_BLOCK_PAGES		64UL

/*
 * For what drivers make us record, in a thread of theirs as a rule. Where there is no
 * memory they are told so, and nobody is killed for it.
 */
#define VFIO_DIRTY_GFP_RECORD	(GFP_KERNEL_ACCOUNT | __GFP_RETRY_MAYFAIL | \
				 __GFP_NOWARN)

/* The largest bitmap of upstream's ioctls, in bytes. */
#define VFIO_DIRTY_BITMAP_MAX		(256UL << 20)

/**
 * enum vfio_dirty_claim - which containers we serve
 * @VFIO_DIRTY_CLAIM_USERS: those of drivers that registered with us
 * @VFIO_DIRTY_CLAIM_ALL: those of all mediated devices
 * @VFIO_DIRTY_CLAIM_NONE: no new ones
 */
enum vfio_dirty_claim {
	VFIO_DIRTY_CLAIM_USERS,
	VFIO_DIRTY_CLAIM_ALL,
	VFIO_DIRTY_CLAIM_NONE,
};

/**
 * enum vfio_dirty_stage - how far the unmap of a mapping has come
 * @VFIO_DIRTY_LIVE: nobody unmaps it
 * @VFIO_DIRTY_ASKED: the drivers are asked to unpin it. Copies go on, as a
 *	driver may wait for one before it unpins. A pin waits for a while
 * @VFIO_DIRTY_CLOSED: it is about to go. Nobody may begin to use it, and who
 *	wants to waits. No driver is asked meanwhile
 *
 * An unmap that fails leaves the mapping live, so that none of its users may be
 * refused before it is gone.
 */
enum vfio_dirty_stage {
	VFIO_DIRTY_LIVE,
	VFIO_DIRTY_ASKED,
	VFIO_DIRTY_CLOSED,
};

/**
 * struct vfio_dirty_container - a container that we serve
 * @refs: one for the vfio core, one for each ioctl under way
 * @rcu: frees it after the last lookup that may see it
 * @in_all: entry of the table of all containers, while the core has it
 * @id: what the vfio core knows it by; never used again
 * @claim: which groups it accepts
 * @lock: protects all below, and everything in clients, mappings, leaves and
 *	  pin blocks that is not constant; taken by name in _locked functions
 * @wait: woken when a mapping that is being unmapped loses a user, when a mapping
 *	  goes or an unmap of it goes back a stage, when a callback ends, and when
 *	  @settled moves while @unsettled wait for that
 * @dead: the vfio core let go of it
 * @tracking: upstream's dirty tracking is on
 * @epoch: number of the last run of dirty tracking
 * @mappings: all mappings, by IOVA
 * @settled: moves when pages that were on their way in or out are no longer; also
 *	     read without the lock
 * @unsettled: who waits for that
 * @avail: how many more mappings there may be
 * @clients: the groups
 * @budget: whose lines in the kernel's log there are, see say.c; that of the first
 *	    group there was
 * @devices: clients whose device is registered
 */
struct vfio_dirty_container {
	struct kref refs;
	struct rcu_head rcu;
	struct hlist_node in_all;
	unsigned long id;
	enum vfio_dirty_claim claim;

	struct mutex lock; /* protects what follows: see @lock above */
	wait_queue_head_t wait;
	bool dead;
	bool tracking;
	u64 epoch;
	struct rb_root mappings;
	unsigned long settled;
	unsigned int unsettled;
	unsigned int avail;
	struct list_head clients;
	u8 budget;
	unsigned int devices;
};

/**
 * struct vfio_dirty_client - a group, which holds one mediated device
 * @container: the container; constant
 * @group: the group; constant
 * @in_container: entry of &vfio_dirty_container.clients
 * @in_all: entry of the list of all clients (vfio_dirty_clients_lock)
 * @vdev: the device while it is registered
 * @callbacks: calls of its dma_unmap under way
 * @marks: the driver marks its own writes: its pins make nothing dirty
 */
struct vfio_dirty_client {
	struct vfio_dirty_container *container;
	struct iommu_group *group;
	struct list_head in_container;
	struct list_head in_all;
	struct vfio_device *vdev;
	unsigned int callbacks;
	bool marks;
};

/**
 * struct vfio_dirty_mapping - a range of IOVAs and the memory behind it
 * @node: entry of &vfio_dirty_container.mappings
 * @refs: one for the container, one for each user
 * @iova: first byte
 * @last: last byte
 * @vaddr: user address of the first byte
 * @prot: IOMMU_READ, IOMMU_WRITE
 * @mm: the address space of @vaddr; pages are charged to it
 * @task: whose RLIMIT_MEMLOCK bounds the charge
 * @lock_cap: the process may exceed RLIMIT_MEMLOCK
 * @stage: how far its unmap has come; also read without the lock
 * @budget: the container's when it was mapped
 * @gone: it is no longer in the container
 * @users: calls that use it without holding the lock
 * @pinned: pages that are pinned
 * @leaves: struct vfio_dirty_leaf by page >> VFIO_DIRTY_LEAF_SHIFT; a leaf
 *	    stays for as long as the mapping
 * @leaf: the leaf that was last in use, or NULL
 * @leaf_index: its index
 *
 * A page is an index into the mapping, from 0.
 */
struct vfio_dirty_mapping {
	struct rb_node node;
	struct kref refs;
	u64 iova;
	u64 last;
	unsigned long vaddr;
	int prot;
	struct mm_struct *mm;
	struct task_struct *task;
	bool lock_cap;
	u8 budget;
	bool gone;
	enum vfio_dirty_stage stage;
	atomic_t users;
	unsigned long pinned;
	struct xarray leaves;
	struct vfio_dirty_leaf *leaf;
	unsigned long leaf_index;
};

/* say.c: lines of the kernel's log that a VMM can cause */
enum vfio_dirty_say {
	VFIO_DIRTY_SAY_MEMLOCK,
	VFIO_DIRTY_SAY_MAPPINGS,
	VFIO_DIRTY_SAY_PINNED,
	VFIO_DIRTY_SAY_NR,
};

void vfio_dirty_say_init(void);
u8 vfio_dirty_say_budget(struct iommu_group *group);
bool vfio_dirty_may_say(enum vfio_dirty_say kind, u8 budget);

/* claim.c */
enum vfio_dirty_claim vfio_dirty_claim_now(void);
bool vfio_dirty_claim_group(enum vfio_dirty_claim claim,
			    struct iommu_group *group);

/* limit.c */
unsigned int vfio_dirty_mapping_limit(void);
void vfio_dirty_limit_reached(u8 budget);

/* leaf.c */
int vfio_dirty_leaves_init(void);
void vfio_dirty_leaves_exit(void);
struct vfio_dirty_leaf *vfio_dirty_leaf_alloc(void);
void vfio_dirty_leaf_free(struct vfio_dirty_leaf *leaf);
int vfio_dirty_leaves_reserve_locked(struct vfio_dirty_container *c,
				     struct vfio_dirty_mapping *m,
				     unsigned long page, unsigned long nr);
int vfio_dirty_leaves_mark_locked(struct vfio_dirty_container *c,
				  struct vfio_dirty_mapping *m,
				  unsigned long page, unsigned long nr);
void vfio_dirty_leaves_free(struct vfio_dirty_mapping *m);

/* block.c; block.h has what only pin.c needs */
int vfio_dirty_blocks_init(void);
void vfio_dirty_blocks_exit(void);
void vfio_dirty_blocks_read(const struct vfio_dirty_leaf *leaf,
			    unsigned long first, unsigned long nr, u64 *bits,
			    unsigned long to);

/* mapping.c */
struct vfio_dirty_mapping *
vfio_dirty_mapping_first_locked(struct vfio_dirty_container *c, u64 iova);
struct vfio_dirty_mapping *
vfio_dirty_mapping_next_locked(struct vfio_dirty_container *c,
			       struct vfio_dirty_mapping *m, u64 last);
struct vfio_dirty_mapping *
vfio_dirty_mapping_find_locked(struct vfio_dirty_container *c, u64 iova);
struct vfio_dirty_mapping *
vfio_dirty_mapping_enter_locked(struct vfio_dirty_container *c, u64 iova,
				int prot, long patience);
int vfio_dirty_mapping_settle_locked(struct vfio_dirty_container *c,
				     struct vfio_dirty_mapping *m);
bool vfio_dirty_mapping_cut_locked(struct vfio_dirty_container *c, u64 iova,
				   u64 last);
void vfio_dirty_mapping_free(struct kref *refs);
int vfio_dirty_mapping_map(struct vfio_dirty_container *c,
			   const struct vfio_iommu_type1_dma_map *map);
void vfio_dirty_mapping_remove_locked(struct vfio_dirty_container *c,
				      struct vfio_dirty_mapping *m);

/* client.c */
int vfio_dirty_client_attach(struct vfio_dirty_container *c,
			     struct iommu_group *group);
void vfio_dirty_client_detach(struct vfio_dirty_container *c,
			      struct iommu_group *group);
void vfio_dirty_client_register(struct vfio_dirty_container *c,
				struct vfio_device *vdev);
void vfio_dirty_client_unregister(struct vfio_dirty_container *c,
				  struct vfio_device *vdev);
void vfio_dirty_client_notify_locked(struct vfio_dirty_container *c, u64 iova,
				     u64 last);
struct vfio_dirty_client *
vfio_dirty_client_find_locked(struct vfio_dirty_container *c,
			      struct iommu_group *group);

/* pages.c */
long vfio_dirty_pages_get(struct vfio_dirty_mapping *m, unsigned long page,
			  unsigned long nr, struct page **pages, bool nowait);
void vfio_dirty_pages_put(struct vfio_dirty_mapping *m, struct page **pages,
			  unsigned long nr);

/* pin.c */
int vfio_dirty_pin_pages(struct vfio_dirty_container *c,
			 struct iommu_group *group, dma_addr_t iova, int npage,
			 int prot, struct page **pages);
void vfio_dirty_pin_release(struct vfio_dirty_container *c, dma_addr_t iova,
			    int npage);
void vfio_dirty_pin_drop_locked(struct vfio_dirty_container *c,
				struct vfio_dirty_mapping *m);

/* rw.c */
int vfio_dirty_rw(struct vfio_dirty_container *c, dma_addr_t iova, void *data,
		  size_t count, bool write);

/* query.c */
int vfio_dirty_tracking_start(struct vfio_dirty_container *c);
int vfio_dirty_tracking_stop(struct vfio_dirty_container *c);
int vfio_dirty_query_written(struct vfio_dirty_container *c, u64 iova,
			     u64 last, void __user *data);
int vfio_dirty_query_dirty(struct vfio_dirty_container *c, u64 iova, u64 last,
			   void __user *data);
int vfio_dirty_query_unmap(struct vfio_dirty_container *c,
			   const struct vfio_dirty_mapping *m, u64 base,
			   void __user *data);

/* unmap.c */
int vfio_dirty_unmap(struct vfio_dirty_container *c, u64 iova, u64 last,
		     const struct vfio_bitmap *bitmap, u64 *unmapped);
void vfio_dirty_unmap_all_locked(struct vfio_dirty_container *c);

/* container.c */
void *vfio_dirty_container_open(enum vfio_dirty_claim claim);
void vfio_dirty_container_release(void *data);
struct vfio_dirty_container *vfio_dirty_container_find(void *data);
struct vfio_dirty_container *vfio_dirty_container_get(void *data);
void vfio_dirty_container_put(struct vfio_dirty_container *c);
void vfio_dirty_container_exit(void);

/* ioctl.c */
long vfio_dirty_ioctl(struct vfio_dirty_container *c, unsigned int cmd,
		      unsigned long arg);

/* front.c */
int vfio_dirty_front_init(void);
void vfio_dirty_front_exit(void);

/**
 * vfio_dirty_epoch_locked - the run of dirty tracking
 * @c: the container
 *
 * Return: its number, or 0 while tracking is off.
 */
static inline u64 vfio_dirty_epoch_locked(struct vfio_dirty_container *c)
{
	lockdep_assert_held(&c->lock);
	return c->tracking ? c->epoch : 0;
}

/**
 * vfio_dirty_mapping_use_locked - keep a mapping while the lock is dropped
 * @c: the container
 * @m: a mapping from vfio_dirty_mapping_enter_locked(), or one that the caller
 *     unpins
 */
static inline void vfio_dirty_mapping_use_locked(struct vfio_dirty_container *c,
						 struct vfio_dirty_mapping *m)
{
	lockdep_assert_held(&c->lock);
	kref_get(&m->refs);
	atomic_inc(&m->users);
}

/**
 * vfio_dirty_mapping_unuse - undo vfio_dirty_mapping_use_locked()
 * @c: the container; its lock need not be held
 * @m: the mapping
 */
static inline void vfio_dirty_mapping_unuse(struct vfio_dirty_container *c,
					    struct vfio_dirty_mapping *m)
{
	atomic_dec(&m->users);
	/* an unmap moves the stage, then looks at the users and the pins */
	smp_mb__after_atomic();
	if (READ_ONCE(m->stage) != VFIO_DIRTY_LIVE)
		wake_up_all(&c->wait);
	kref_put(&m->refs, vfio_dirty_mapping_free);
}

/**
 * vfio_dirty_leaf_part - the pages of a range that lie in one leaf
 * @index: number of the leaf
 * @page: first page of the range, in the mapping
 * @nr: how many
 * @first: receives the first of them, in the leaf
 *
 * Return: how many they are; the range has some of the leaf.
 */
static inline unsigned long vfio_dirty_leaf_part(unsigned long index,
						 unsigned long page,
						 unsigned long nr,
						 unsigned long *first)
{
	unsigned long begin = index << VFIO_DIRTY_LEAF_SHIFT;
	unsigned long from = max(begin, page);
	unsigned long to = min(begin + VFIO_DIRTY_LEAF_PAGES, page + nr);

	*first = from - begin;
	return to - from;
}

/**
 * vfio_dirty_leaf_find_locked - find the leaf of a page
 * @c: the container
 * @m: the mapping
 * @page: the page
 *
 * Return: the leaf, or NULL if there is none.
 */
static inline struct vfio_dirty_leaf *
vfio_dirty_leaf_find_locked(struct vfio_dirty_container *c,
			    struct vfio_dirty_mapping *m, unsigned long page)
{
	unsigned long index = page >> VFIO_DIRTY_LEAF_SHIFT;
	struct vfio_dirty_leaf *leaf = m->leaf;

	lockdep_assert_held(&c->lock);
	if (leaf && m->leaf_index == index)
		return leaf;
	leaf = xa_load(&m->leaves, index);
	if (leaf) {
		m->leaf = leaf;
		m->leaf_index = index;
	}
	return leaf;
}

#endif /* _VFIO_DIRTY_PRIVATE_H */
