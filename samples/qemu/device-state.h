/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration of VFIO devices by the device-state region
 *
 * This is the region and the container ioctl of the proposal of 2018, "vfio:
 * Introduce Live migration capability to vfio_mdev device".
 */
#ifndef HW_VFIO_DEVICE_STATE_H
#define HW_VFIO_DEVICE_STATE_H

#include "exec/memory.h"
#include "hw/qdev-properties.h"
#include "qemu/notify.h"
#include "system/runstate.h"

typedef struct VFIOPCIDevice VFIOPCIDevice;

/* Values of the property x-device-state-region */
typedef enum VFIODevStateMode {
    VFIO_DEVSTATE_OFF,     /* migration.c has the device */
    VFIO_DEVSTATE_ON,      /* by the region, RAM by the proposal's ioctl */
    VFIO_DEVSTATE_PRECOPY, /* by the region, RAM by upstream's ioctl */
} VFIODevStateMode;

typedef struct VFIODevState {
    VFIOPCIDevice *vdev;
    VFIODevStateMode mode;
    off_t offset;          /* of the region in the device fd */
    uint64_t size;         /* of the region */
    char *type;            /* of the device */
    /* What the other side has, in the first section of a stream */
    uint64_t peer_size;
    uint8_t peer_type[64];
    VMChangeStateEntry *vm_change;
    MemoryListener listener;
    NotifierWithReturn synced;
    bool running;          /* also while the guest sleeps, which ends unseen */
    bool bitmap_due;       /* it may have written since that was fetched */
    bool tracking;         /* by the container, which has to have it back */
} VFIODevState;

extern const PropertyInfo vfio_devstate_mode_prop;

bool vfio_devstate_check(VFIOPCIDevice *vdev, Error **errp);
bool vfio_devstate_realize(VFIOPCIDevice *vdev, Error **errp);
void vfio_devstate_exit(VFIOPCIDevice *vdev);

bool vfio_devstate_ensure_stopped(VFIODevState *s, Error **errp);
bool vfio_devstate_bitmap_realize(VFIODevState *s, Error **errp);
void vfio_devstate_bitmap_exit(VFIODevState *s);

#endif /* HW_VFIO_DEVICE_STATE_H */
