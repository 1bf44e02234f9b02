/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What vfio_dirty offers to mdev vendor drivers: having their groups served,
 * and reporting exactly which pages of guest memory their devices wrote.
 */
#ifndef _LINUX_VFIO_DIRTY_H
#define _LINUX_VFIO_DIRTY_H

#include <linux/bits.h>
#include <linux/types.h>

/*
 * Beside IOMMU_READ and IOMMU_WRITE for vfio_pin_pages(), of a device for which
 * vfio_dirty_open() returned a client: wait for nobody in user space, neither a
 * file system nor a process that waits for one. Memory that is the kernel's is
 * brought in; of a file, only pages are pinned that the process has for itself
 * already. For others the error is -EFAULT, or -EAGAIN where it may be another a
 * moment later: those can be pinned without this.
 */
#define VFIO_DIRTY_NOWAIT	BIT(30)

struct device_driver;
struct vfio_device;
struct vfio_dirty_client;
struct vfio_dirty_log;

/**
 * vfio_dirty_register_driver - have the groups of a driver's devices served
 * @drv: driver of mediated devices
 *
 * With claim=users (the default) a new container is served by vfio_dirty only
 * if every device of its groups is bound to a registered driver.
 *
 * Return: 0, -EEXIST if @drv is registered already, or -ENOMEM.
 */
int vfio_dirty_register_driver(struct device_driver *drv);

/**
 * vfio_dirty_unregister_driver - undo vfio_dirty_register_driver()
 * @drv: the driver
 *
 * Containers that are served already stay so.
 */
void vfio_dirty_unregister_driver(struct device_driver *drv);

/**
 * vfio_dirty_open - attach to the dirty bitmaps of a device's container
 * @vdev: a device; call from its open_device op, before its first pin
 *
 * From here on the device's pins no longer make pages dirty by themselves:
 * the driver calls vfio_dirty_mark() for what the device really wrote.
 * vfio_dma_rw() goes on to mark by itself.
 *
 * Return: the client, NULL if vfio_dirty does not serve the container, or -EBUSY
 * as an error pointer if the device is open already.
 */
struct vfio_dirty_client *vfio_dirty_open(struct vfio_device *vdev);

/**
 * vfio_dirty_close - undo vfio_dirty_open()
 * @client: the client, or NULL; call from close_device, after the last unpin
 */
void vfio_dirty_close(struct vfio_dirty_client *client);

/**
 * vfio_dirty_memlock - what a pin may have failed for with -ENOMEM
 * @client: the client
 * @iova: first byte of the pin
 *
 * Return: RLIMIT_MEMLOCK, in bytes, of the process that mapped that byte, which
 * need not be the one that has the device open; 0 if it is mapped no more.
 */
unsigned long vfio_dirty_memlock(struct vfio_dirty_client *client, u64 iova);

/**
 * vfio_dirty_mark - the device wrote to guest memory
 * @client: the client
 * @iova: first byte written
 * @len: bytes written, at least 1; the range may span mappings
 *
 * Call after the write, while the pages are pinned for writing: the bitmaps
 * were allocated by that pin, so that marking cannot fail. May sleep.
 *
 * Return: 0, or -EINVAL if part of the range is not mapped, or was never
 * pinned for writing since it was mapped (the rest is marked).
 */
int vfio_dirty_mark(struct vfio_dirty_client *client, u64 iova, u64 len);

/**
 * vfio_dirty_log_create - let a device log its writes to guest memory itself
 * @vdev: the device; not registered yet
 *
 * Sets the device's log_ops (VFIO_DEVICE_FEATURE_DMA_LOGGING_*), which work on
 * every container and on iommufd, for pages of 4 KiB. A log cannot be started
 * twice (-EINVAL) nor be read unless it is started (-EINVAL), nor for what is
 * not whole pages (-EINVAL, and nothing is forgotten).
 *
 * Of what the VMM asked for at the start, as many 16 MiB as the device wrote to
 * take about 1 KiB each, charged to who started it. If there is no memory, or
 * for more than 65536 of them, all that was asked for counts as written; each
 * page is known exactly again once it was reported.
 *
 * A report that cannot write to the VMM's bitmap fails with -EFAULT before the
 * log is asked, and forgets nothing, where the core pins the bitmap first, as
 * that of Linux 6.1 does. That of 6.12 does so in iova_bitmap_set(), which
 * returns nothing: a report to memory that cannot be written then says 0, and
 * what it was to say is forgotten. Only if the caller is being killed it is not.
 *
 * Return: the log; NULL where the kernel has no bitmap to report with, which
 * the other functions accept; or -ENOMEM as an error pointer.
 */
struct vfio_dirty_log *vfio_dirty_log_create(struct vfio_device *vdev);

/**
 * vfio_dirty_log_destroy - free a log
 * @log: closed; the device is never used again
 */
void vfio_dirty_log_destroy(struct vfio_dirty_log *log);

/**
 * vfio_dirty_log_close - the device is closed: nothing is logged any more
 * @log: the log
 */
void vfio_dirty_log_close(struct vfio_dirty_log *log);

/**
 * vfio_dirty_log_mark - the device wrote to guest memory
 * @log: the log
 * @iova: first byte written
 * @len: bytes written, at least 1
 *
 * Call after each write that succeeded, also by vfio_dma_rw(): what a guest only
 * tries to write must not take memory. May sleep, but waits for no user memory.
 *
 * Return: 0, or -EINVAL for a range that is empty or wraps.
 */
int vfio_dirty_log_mark(struct vfio_dirty_log *log, u64 iova, u64 len);

#endif /* _LINUX_VFIO_DIRTY_H */
