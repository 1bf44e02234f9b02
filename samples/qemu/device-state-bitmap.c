/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pages that devices with a device-state region have written
 *
 * The proposal of 2018 has an ioctl of the container for them. Its bitmap has
 * all pages that a device wrote since they were mapped, and fetching it clears
 * nothing, so that it says something only once the device is stopped: "on". The
 * proposal ends there; what became of it upstream, tracking that is started and
 * fetched in rounds, is "precopy".
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>
#include <sys/ioctl.h>

#include "qemu/bitmap.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "exec/ram_addr.h"
#include "hw/vfio/vfio-common.h"
#include "migration/misc.h"
#include "pci.h"
#include "device-state.h"
#include "trace.h"

struct vfio_iommu_get_dirty_bitmap {
    __u64 start_addr;
    __u64 page_nr;
    __u8  dirty_bitmap[];
};

/* The number is also that of VFIO_IOMMU_DIRTY_PAGES, which has an argsz. */
#define VFIO_IOMMU_GET_DIRTY_BITMAP     _IO(VFIO_TYPE, VFIO_BASE + 17)

/* Its pages are of this size on each host. */
#define VFIO_DEVSTATE_PAGE_SIZE         (4 * KiB)

/* What one ioctl asks for: the bitmap then has 32 KiB. */
#define VFIO_DEVSTATE_BITMAP_RANGE      (1 * GiB)

/* Pages in @bitmap: up to VFIO_DEVSTATE_BITMAP_RANGE bytes from @iova */
static bool vfio_devstate_get_bitmap(VFIODevState *s, hwaddr iova,
                                     uint64_t pages, unsigned long *bitmap,
                                     Error **errp)
{
    VFIOContainer *container = container_of(s->vdev->vbasedev.bcontainer,
                                            VFIOContainer, bcontainer);
    size_t bytes = DIV_ROUND_UP(pages, 64) * sizeof(uint64_t);
    g_autofree struct vfio_iommu_get_dirty_bitmap *get =
        g_malloc0(sizeof(*get) + bytes);

    get->start_addr = iova;
    get->page_nr = pages;
    if (ioctl(container->fd, VFIO_IOMMU_GET_DIRTY_BITMAP, get)) {
        error_setg_errno(errp, errno, "cannot get the dirty bitmap of %" PRIu64
                         " pages at 0x%" HWADDR_PRIx, pages, iova);
        return false;
    }
    bitmap_from_le(bitmap, (unsigned long *)get->dirty_bitmap, pages);
    return true;
}

static uint64_t vfio_devstate_mark(MemoryRegion *mr, hwaddr offset,
                                   const unsigned long *bitmap, uint64_t pages)
{
    unsigned long begin = find_first_bit(bitmap, pages), end;
    uint64_t dirty = 0;

    while (begin < pages) {
        end = find_next_zero_bit(bitmap, pages, begin);
        memory_region_set_dirty(mr, offset + begin * VFIO_DEVSTATE_PAGE_SIZE,
                                (end - begin) * VFIO_DEVSTATE_PAGE_SIZE);
        dirty += end - begin;
        begin = find_next_bit(bitmap, pages, end);
    }
    return dirty;
}

static bool vfio_devstate_sync_once(VFIODevState *s,
                                    MemoryRegionSection *section, Error **errp)
{
    hwaddr begin = section->offset_within_address_space;
    hwaddr end = begin + int128_get64(section->size);
    hwaddr iova = ROUND_UP(begin, VFIO_DEVSTATE_PAGE_SIZE);
    g_autofree unsigned long *bitmap =
        bitmap_new(VFIO_DEVSTATE_BITMAP_RANGE / VFIO_DEVSTATE_PAGE_SIZE);

    while (iova < end && end - iova >= VFIO_DEVSTATE_PAGE_SIZE) {
        hwaddr offset = section->offset_within_region + (iova - begin);
        uint64_t pages = MIN(end - iova, VFIO_DEVSTATE_BITMAP_RANGE) /
                         VFIO_DEVSTATE_PAGE_SIZE;
        uint64_t dirty;

        if (!vfio_devstate_get_bitmap(s, iova, pages, bitmap, errp)) {
            return false;
        }
        dirty = vfio_devstate_mark(section->mr, offset, bitmap, pages);
        trace_vfio_devstate_bitmap(s->vdev->vbasedev.name, iova, pages, dirty);
        iova += pages * VFIO_DEVSTATE_PAGE_SIZE;
    }
    return true;
}

/* The container's own listener starts and stops it, see log_global_start. */
static bool vfio_devstate_sync_precopy(VFIODevState *s,
                                       MemoryRegionSection *section,
                                       Error **errp)
{
    VFIOContainerBase *bcontainer = s->vdev->vbasedev.bcontainer;
    ram_addr_t ram_addr = memory_region_get_ram_addr(section->mr) +
                          section->offset_within_region;

    if (!bcontainer->dirty_pages_started) {
        return true;
    }
    return !vfio_get_dirty_bitmap(bcontainer,
                REAL_HOST_PAGE_ALIGN(section->offset_within_address_space),
                int128_get64(section->size), ram_addr, errp);
}

static void vfio_devstate_sync(VFIODevState *s, MemoryRegionSection *section,
                               bool stopped)
{
    Error *err = NULL;
    bool ok;

    if (s->mode == VFIO_DEVSTATE_PRECOPY) {
        ok = vfio_devstate_sync_precopy(s, section, &err);
    } else {
        ok = (!stopped || vfio_devstate_ensure_stopped(s, &err)) &&
             vfio_devstate_sync_once(s, section, &err);
    }
    if (!ok) {
        error_prepend(&err, VFIO_MSG_PREFIX, s->vdev->vbasedev.name);
        migration_file_set_error(-EIO, err);
    }
}

/* What devices cannot write is not in a bitmap. */
static bool vfio_devstate_in_bitmap(const MemoryRegionSection *section)
{
    return memory_region_is_ram(section->mr) &&
           !memory_region_is_ram_device(section->mr) &&
           !memory_region_is_protected(section->mr) &&
           !section->readonly;
}

/*
 * The proposal's bitmap is fetched once for each time that the device is
 * stopped. If it were in each round, the migration of a paused VM, in which the
 * same pages are dirty for ever, would not end.
 */
static void vfio_devstate_log_sync(MemoryListener *listener,
                                   MemoryRegionSection *section)
{
    VFIODevState *s = container_of(listener, VFIODevState, listener);

    if (vfio_devstate_in_bitmap(section) &&
        (s->mode == VFIO_DEVSTATE_PRECOPY ||
         (!s->running && s->bitmap_due))) {
        vfio_devstate_sync(s, section, true);
    }
}

/* Not as log_global_after_sync, which a display calls as well. */
static int vfio_devstate_synced(NotifierWithReturn *notifier, void *data,
                                Error **errp)
{
    VFIODevState *s = container_of(notifier, VFIODevState, synced);
    PrecopyNotifyData *pnd = data;

    if (pnd->reason == PRECOPY_NOTIFY_AFTER_BITMAP_SYNC) {
        s->bitmap_due &= s->running;
    }
    return 0;
}

/*
 * Memory that is unmapped, as when the firmware of a guest that reboots sorts
 * it anew, takes with it what is known of its pages. This listener is called
 * before that of the container, which unmaps it.
 */
static void vfio_devstate_region_del(MemoryListener *listener,
                                     MemoryRegionSection *section)
{
    VFIODevState *s = container_of(listener, VFIODevState, listener);

    if (global_dirty_tracking & GLOBAL_DIRTY_MIGRATION &&
        vfio_devstate_in_bitmap(section)) {
        vfio_devstate_sync(s, section, false);
    }
}

/* Devices of one container share what is known of the pages they wrote. */
static bool vfio_devstate_check_container(VFIODevState *s, Error **errp)
{
    VFIOContainerBase *bcontainer = s->vdev->vbasedev.bcontainer;
    VFIODevice *other;

    QLIST_FOREACH(other, &bcontainer->device_list, container_next) {
        VFIOPCIDevice *peer = container_of(other, VFIOPCIDevice, vbasedev);

        if (other->type == VFIO_DEVICE_TYPE_PCI && peer != s->vdev &&
            peer->devstate_mode != s->mode) {
            error_setg(errp, "x-device-state-region is not what it is for %s; "
                       "give all devices of the VM the same", other->name);
            return false;
        }
    }
    return true;
}

static bool vfio_devstate_try_bitmap(VFIODevState *s, Error **errp)
{
    VFIOContainerBase *bcontainer = s->vdev->vbasedev.bcontainer;
    unsigned long bit[BITS_TO_LONGS(1)];

    if (s->mode == VFIO_DEVSTATE_PRECOPY) {
        if (!bcontainer->dirty_pages_supported) {
            error_setg(errp, "the container does not track dirty pages, which "
                       "x-device-state-region=precopy needs");
        }
        return bcontainer->dirty_pages_supported;
    }
    if (!vfio_devstate_get_bitmap(s, 0, 1, bit, errp)) {
        error_prepend(errp, "x-device-state-region=on needs the ioctl "
                      "VFIO_IOMMU_GET_DIRTY_BITMAP, and so vfio_dirty to serve "
                      "the container: ");
        return false;
    }
    /* There is nothing that would have to be started and stopped. */
    s->tracking = bcontainer->dirty_pages_supported;
    bcontainer->dirty_pages_supported = false;
    return true;
}

bool vfio_devstate_bitmap_realize(VFIODevState *s, Error **errp)
{
    ERRP_GUARD();

    if (!vfio_devstate_check_container(s, errp) ||
        !vfio_devstate_try_bitmap(s, errp)) {
        return false;
    }
    /* A device that is plugged in hears of the next change of the VM's state. */
    s->running = runstate_is_live(runstate_get());
    s->bitmap_due = true;
    s->listener = (MemoryListener) {
        .name = "vfio-device-state",
        .region_del = vfio_devstate_region_del,
        .log_sync = vfio_devstate_log_sync,
    };
    s->synced.notify = vfio_devstate_synced;
    precopy_add_notifier(&s->synced);
    memory_listener_register(&s->listener, &address_space_memory);
    return true;
}

void vfio_devstate_bitmap_exit(VFIODevState *s)
{
    memory_listener_unregister(&s->listener);
    precopy_remove_notifier(&s->synced);
    s->vdev->vbasedev.bcontainer->dirty_pages_supported |= s->tracking;
}
