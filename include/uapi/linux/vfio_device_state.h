/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * Device state of VFIO mediated devices: the region that stops, saves, loads
 * and starts a device, and the container ioctl that tells which pages of
 * guest memory the device has written.
 *
 * The numbers are those of the 2018 proposal "vfio: Introduce Live migration
 * capability to vfio_mdev device".
 */
#ifndef _UAPI_LINUX_VFIO_DEVICE_STATE_H
#define _UAPI_LINUX_VFIO_DEVICE_STATE_H

#include <linux/types.h>
#include <linux/vfio.h>

/**
 * DOC: the device-state region
 *
 * A device that can be moved has one region of this type, found through
 * VFIO_REGION_INFO_CAP_TYPE. It is read-write and trapped (never mmapped), and
 * its size is fixed for the life of the device fd.
 *
 * Byte 0 is run control. Write one byte: VFIO_DEVICE_STATE_START or
 * VFIO_DEVICE_STATE_STOP. A read gives the current value. Stop returns once no
 * DMA is in flight and the device changes nothing by itself.
 *
 * A reset of the device starts it, also one that a stopped device is given
 * (VFIO_DEVICE_RESET, FLR). So any client that has stopped a device writes
 * VFIO_DEVICE_STATE_STOP again after each reset, at the latest before it reads
 * the bitmap or the context. If it cannot know of resets, it reads byte 0, and
 * writes it if the device runs: the same write would drop a context that is
 * half loaded.
 *
 * Bytes from 1 are the serialized context: struct vfio_device_state_header,
 * then the stream (Documentation/stream.rst). All that follows reads as 0.
 *
 * Errors of read and write:
 *  - EINVAL: run control that is neither 0 nor 1, or start while a context is
 *    half written or was refused; a write that leaves a gap; an access past
 *    the end of the region; a stream that breaks the format.
 *  - EBUSY: a read of the context from a running device or while one is half
 *    written, or any write to a device that another of its interfaces owns.
 *  - ESTALE: the VMM wrote to the device after the read of offset 1; read
 *    from offset 1 again.
 *  - EBADMSG: a checksum of the stream is wrong.
 *  - ENODEV: the stream is of another device type.
 *  - EOPNOTSUPP: a format, section version or mandatory section that this
 *    device does not know.
 *  - EOVERFLOW: more state than any device of this type has.
 *  - ENOMEM, EFAULT, EINTR: as always. With the last byte of a context ENOMEM and
 *    EINTR may also mean that it was refused: the host does not let the device
 *    have what it had, such as pinned memory. Then start is EINVAL.
 */
#define VFIO_REGION_TYPE_DEVICE_STATE		(1 << 30)
#define VFIO_REGION_SUBTYPE_DEVICE_STATE	(1)

/* Run control, one byte at offset 0 of the region. */
#define VFIO_DEVICE_STATE_RUN_OFFSET		0
#define VFIO_DEVICE_STATE_START			0
#define VFIO_DEVICE_STATE_STOP			1

/* The context begins here. */
#define VFIO_DEVICE_STATE_CONTEXT_OFFSET	1

/* "MDEVCTX1" when its bytes are read in the order they lie in the region. */
#define VFIO_DEVICE_STATE_MAGIC			0x315854435645444dULL

/**
 * struct vfio_device_state_header - the first 16 bytes of the context
 * @magic: VFIO_DEVICE_STATE_MAGIC, little-endian
 * @length: bytes in use from offset 1 of the region, this header included,
 *	    little-endian
 */
struct vfio_device_state_header {
	__le64	magic;
	__le64	length;
};

/**
 * struct vfio_iommu_get_dirty_bitmap - argument of VFIO_IOMMU_GET_DIRTY_BITMAP
 * @start_addr: first IOVA of the range, aligned to 4 KiB
 * @page_nr: pages of 4 KiB in the range, 1 to 2^31 - 1; the range may not wrap
 * @dirty_bitmap: out: bit n of the little-endian array is page n of the range
 *
 * Container ioctl. Sets a bit for each page that a device of the container
 * wrote since the page was mapped, or has pinned for writing (pins of drivers
 * that mark their own writes do not count). Unmapped pages read 0. Nothing is
 * cleared. Exactly ``(page_nr + 63) / 64 * 8`` bytes of @dirty_bitmap are
 * written, zeros too.
 *
 * The number is also upstream's VFIO_IOMMU_DIRTY_PAGES. The low 12 bits of the
 * first word tell them apart: 0 (a page-aligned address) is this structure,
 * anything else is the argsz of struct vfio_iommu_type1_dirty_bitmap. So an
 * argsz of 0, which stock answers with EINVAL, and one that is a multiple of
 * 4096, which stock takes, are read as this structure.
 *
 * Errors: EINVAL for a bad range, EFAULT for memory that cannot be written.
 */
struct vfio_iommu_get_dirty_bitmap {
	__u64	start_addr;
	__u64	page_nr;
	__u8	dirty_bitmap[];
};

#define VFIO_IOMMU_GET_DIRTY_BITMAP	_IO(VFIO_TYPE, VFIO_BASE + 17)

/* VFIO_CHECK_EXTENSION of this number is 1 where the structure above works. */
#define VFIO_DIRTY_GET_DIRTY_BITMAP_EXT	0x4d560001

#endif /* _UAPI_LINUX_VFIO_DEVICE_STATE_H */
