/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of mvgpu_guest.ko share. Data flows one way: a file calls only
 * files named before it here, which tools/checks/layers.sh proves of the objects.
 *
 *	gtt, command, buffer, queue, rest, guest, file, pm, main
 *
 * Locks: mmap_lock, then guest->lock, then queue->lock; who takes the locks of
 * all queues (rest.c) holds guest->lock. Nothing is copied from
 * or to a user while one of ours is held.
 */
#ifndef _MVGPU_GUEST_PRIVATE_H
#define _MVGPU_GUEST_PRIVATE_H

#include <linux/io.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pci.h>
#include <linux/types.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <uapi/linux/mvgpu.h>

#include "mvgpu_guest.h"

struct mm_struct;
struct vm_area_struct;

#define MVGPU_GUEST_QUEUES	4

/* A ring has room for two calls of MVGPU_GUEST_SUBMIT, at least. */
#define MVGPU_GUEST_RING_SIZE	0x8000U
#define MVGPU_GUEST_RING_PAGES	(MVGPU_GUEST_RING_SIZE / MVGPU_PAGE_SIZE)

/* The last GTT entries are the driver's: the rings, then the page of fences. */
#define MVGPU_GUEST_FENCE_ENTRY	(MVGPU_GTT_ENTRIES - 1)
#define MVGPU_GUEST_USER_ENTRIES \
	(MVGPU_GUEST_FENCE_ENTRY - MVGPU_GUEST_QUEUES * MVGPU_GUEST_RING_PAGES)

/**
 * struct mvgpu_guest_dropped - fences that a restart dropped
 * @after: those after this one ...
 * @last: ... up to this one
 */
struct mvgpu_guest_dropped {
	u64 after;
	u64 last;
};

/**
 * struct mvgpu_guest_queue - a queue and its ring
 * @lock: protects all but what is said to have other rules
 * @wait: who waits for fences; woken by the interrupt
 * @ring: the ring
 * @ring_dma: its address for the device
 * @fence: where the device writes the last fence, in the page of fences
 * @tail: offset behind the last command
 * @head: the device's, as it was read last
 * @submitted: sequence number of the last fence; read without @lock
 * @seen: that of the last fence that an interrupt told of; read without @lock
 * @look: of @fence, @seen, @fault and @fault_address, while they are looked at or
 *	set anew: a vector that queues share comes at any time; inside of @lock
 * @dropped: what restarts dropped since the file was opened, ascending
 * @dropped_count: how many
 * @dropped_room: for how many there is memory
 * @stale: what it has is a program's that is gone: dropped when it is enabled
 * @fault: enum mvgpu_fault; read without @look
 * @fault_address: GPU address
 */
struct mvgpu_guest_queue {
	struct mutex lock;	/* the ring, and what comes of it */
	wait_queue_head_t wait;
	u8 *ring;
	dma_addr_t ring_dma;
	__le64 *fence;
	u32 tail;
	u32 head;
	u64 submitted;
	spinlock_t look;	/* what the interrupt writes */
	u64 seen;
	struct mvgpu_guest_dropped *dropped;
	u32 dropped_count;
	u32 dropped_room;
	bool stale;
	u32 fault;
	u64 fault_address;
};

/**
 * struct mvgpu_guest_buffer - memory that a program allocated
 * @number: its key in mvgpu_guest.buffers
 * @pages: its size
 * @vram: it is VRAM
 * @first: VRAM: its first page
 * @saved: VRAM: its contents, while the guest is suspended
 * @page: guest memory: the pages
 * @dma: guest memory: their addresses for the device, or DMA_MAPPING_ERROR when
 *	they are no more than pages
 */
struct mvgpu_guest_buffer {
	u32 number;
	u32 pages;
	bool vram;
	u32 first;
	void *saved;
	struct page **page;
	dma_addr_t *dma;
};

/**
 * struct mvgpu_guest - a vGPU
 * @pdev: the PCI function
 * @kref: held by the driver and by each open file
 * @misc: /dev/mvgpuN
 * @name: its name
 * @id: N
 * @registers: BAR 2
 * @vram: BAR 0, write-combining
 * @vram_start: its address
 * @vram_pages: its size
 * @vectors: interrupt vectors in use
 * @fences: a page of fences
 * @fences_dma: its address for the device
 * @queue: the queues
 * @lock: protects what follows, and with each queue's lock, @gone
 * @gone: the device must not be touched any more
 * @mapping: of the file that is open, or NULL
 * @buffers: those allocated, by number
 * @bound: for each GTT entry of the user the buffer's number, or 0
 * @gtt: what is in each GTT entry; the driver's own do not change while there
 *	are queues
 * @vram_used: bit for each page of VRAM that a buffer has
 * @resumes: times that the guest was resumed; read without @lock
 */
struct mvgpu_guest {
	struct pci_dev *pdev;
	struct kref kref;
	struct miscdevice misc;
	char name[16];
	int id;
	void __iomem *registers;
	void __iomem *vram;
	resource_size_t vram_start;
	u32 vram_pages;
	unsigned int vectors;
	void *fences;
	dma_addr_t fences_dma;
	struct mvgpu_guest_queue queue[MVGPU_GUEST_QUEUES];

	struct mutex lock;	/* what follows */
	bool gone;
	struct address_space *mapping;
	struct xarray buffers;
	u32 *bound;
	u64 *gtt;
	unsigned long *vram_used;
	u32 resumes;
};

/* guest.c */
struct mvgpu_guest *mvgpu_guest_create(struct pci_dev *pdev,
				       const struct file_operations *fops);
void mvgpu_guest_put(struct mvgpu_guest *guest);
int mvgpu_guest_identify(struct mvgpu_guest *guest);
void mvgpu_guest_say_gone(struct mvgpu_guest *guest);

/* pm.c */
extern const struct dev_pm_ops mvgpu_guest_pm_ops;

/* command.c */
bool mvgpu_guest_command_ok(const void *command);

/* gtt.c */
void mvgpu_guest_gtt_write(struct mvgpu_guest *guest, u32 entry, u64 value);
void mvgpu_guest_gtt_flush(struct mvgpu_guest *guest);
void mvgpu_guest_gtt_restore(struct mvgpu_guest *guest);
int mvgpu_guest_gtt_bind(struct mvgpu_guest *guest,
			 const struct mvgpu_guest_bind *bind);
void mvgpu_guest_gtt_forget(struct mvgpu_guest *guest, u32 number);

/* buffer.c */
int mvgpu_guest_buffer_alloc(struct mvgpu_guest *guest,
			     struct mvgpu_guest_alloc *alloc);
int mvgpu_guest_buffer_free(struct mvgpu_guest *guest, u32 number);
void mvgpu_guest_buffer_free_all(struct mvgpu_guest *guest);
void mvgpu_guest_buffer_detach_all(struct mvgpu_guest *guest);
int mvgpu_guest_buffer_save_all(struct mvgpu_guest *guest);
void mvgpu_guest_buffer_restore_all(struct mvgpu_guest *guest);
void mvgpu_guest_buffer_forget_all(struct mvgpu_guest *guest);
int mvgpu_guest_buffer_mmap(struct mvgpu_guest *guest,
			    struct vm_area_struct *vma);

/* queue.c */
int mvgpu_guest_queue_create_all(struct mvgpu_guest *guest);
void mvgpu_guest_queue_destroy_all(struct mvgpu_guest *guest);
void mvgpu_guest_queue_disable_all(struct mvgpu_guest *guest);
void mvgpu_guest_queue_wake_all(struct mvgpu_guest *guest);
void mvgpu_guest_queue_interrupt(struct mvgpu_guest *guest, unsigned int vector);
int mvgpu_guest_queue_restart(struct mvgpu_guest *guest, u32 number);
void mvgpu_guest_queue_forget_all(struct mvgpu_guest *guest);
void __iomem *mvgpu_guest_queue_registers(struct mvgpu_guest *guest,
					  unsigned int number);
void mvgpu_guest_queue_enable(struct mvgpu_guest *guest, unsigned int number);
int mvgpu_guest_queue_disable(struct mvgpu_guest *guest, unsigned int number);
u64 mvgpu_guest_queue_fence(const struct mvgpu_guest_queue *queue);
int mvgpu_guest_queue_submit(struct mvgpu_guest *guest,
			     struct mvgpu_guest_submit *submit,
			     const void *commands);
int mvgpu_guest_queue_wait(struct mvgpu_guest *guest,
			   struct mvgpu_guest_wait *wait);

/* rest.c */
int mvgpu_guest_queue_rest_all(struct mvgpu_guest *guest);
void mvgpu_guest_queue_go_on_all(struct mvgpu_guest *guest);

/* file.c */
extern const struct file_operations mvgpu_guest_fops;

#endif /* _MVGPU_GUEST_PRIVATE_H */
