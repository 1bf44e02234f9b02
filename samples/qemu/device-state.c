/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Migration of VFIO devices by the device-state region
 *
 * A client of the interface that was proposed in 2018 as "vfio: Introduce Live
 * migration capability to vfio_mdev device". The device has a region whose
 * byte 0 stops and starts it, and whose bytes from 1 are its state. The
 * container has an ioctl that tells which pages the device has written.
 *
 * Source: stop the device; fetch the bitmap, so that RAM ends with the pages
 * the device wrote; read the state. Target: write the state; start the device.
 *
 * Nothing here is shared with migration.c, which has the device instead where
 * the property x-device-state-region is off.
 */

#include "qemu/osdep.h"
#include <linux/vfio.h>

#include "qemu/cutils.h"
#include "qemu/error-report.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/visitor.h"
#include "hw/vfio/vfio-common.h"
#include "migration/misc.h"
#include "migration/qemu-file.h"
#include "migration/register.h"
#include "migration/vmstate.h"
#include "pci.h"
#include "device-state.h"
#include "trace.h"

#define VFIO_REGION_TYPE_DEVICE_STATE      (1 << 30)
#define VFIO_REGION_SUBTYPE_DEVICE_STATE   1

/* Run control, one byte at the beginning of the region */
#define VFIO_DEVICE_STATE_RUN_OFFSET       0
#define VFIO_DEVICE_STATE_RUN_START        0
#define VFIO_DEVICE_STATE_RUN_STOP         1

/* The state, which begins with a header */
#define VFIO_DEVICE_STATE_CONTEXT_OFFSET   1
#define VFIO_DEVICE_STATE_MAGIC            0x315854435645444dULL

struct vfio_device_state_header {
    uint64_t magic;  /* little-endian */
    uint64_t length; /* of the state, with this header; little-endian */
};

/* The state is moved in pieces of this size. */
#define VFIO_DEVSTATE_PIECE                (1 * MiB)

/* How the state lies in the stream */
#define VFIO_DEVSTATE_CONFIG_FIRST         (1U << 0)

static const char *vfio_devstate_name(const VFIODevState *s)
{
    return s->vdev->vbasedev.name;
}

/* The property ------------------------------------------------------------ */

static const QEnumLookup vfio_devstate_mode_lookup = {
    .array = (const char *const[]) {
        [VFIO_DEVSTATE_OFF] = "off",
        [VFIO_DEVSTATE_ON] = "on",
        [VFIO_DEVSTATE_PRECOPY] = "precopy",
    },
    .size = VFIO_DEVSTATE_PRECOPY + 1,
};

/* Getting and setting are the same to a visitor. */
static void vfio_devstate_visit_mode(Object *obj, Visitor *v, const char *name,
                                     void *opaque, Error **errp)
{
    const Property *prop = opaque;
    int *mode = object_field_prop_ptr(obj, prop);

    visit_type_enum(v, name, mode, prop->info->enum_table, errp);
}

const PropertyInfo vfio_devstate_mode_prop = {
    .type = "VFIODevStateMode",
    .description = "off/on/precopy",
    .enum_table = &vfio_devstate_mode_lookup,
    .get = vfio_devstate_visit_mode,
    .set = vfio_devstate_visit_mode,
};

/* Access to the region ---------------------------------------------------- */

/* A short access is not the end: an error may be behind it. */
static bool vfio_devstate_access(VFIODevState *s, bool write, void *data,
                                 size_t length, uint64_t at, Error **errp)
{
    int fd = s->vdev->vbasedev.fd;
    size_t done = 0;

    while (done < length) {
        off_t offset = s->offset + at + done;
        void *from = (uint8_t *)data + done;
        ssize_t ret = write ? pwrite(fd, from, length - done, offset) :
                              pread(fd, from, length - done, offset);

        if (ret <= 0) {
            error_setg_errno(errp, ret ? errno : EIO,
                             "cannot %s the device-state region at %" PRIu64,
                             write ? "write" : "read", at + done);
            return false;
        }
        done += ret;
    }
    return true;
}

/* Run control ------------------------------------------------------------- */

static bool vfio_devstate_set_run(VFIODevState *s, uint8_t run, Error **errp)
{
    bool ok = vfio_devstate_access(s, true, &run, sizeof(run),
                                   VFIO_DEVICE_STATE_RUN_OFFSET, errp);

    trace_vfio_devstate_set_run(vfio_devstate_name(s), run, ok);
    return ok;
}

/*
 * A reset makes the device run, also while the VM is stopped. It is stopped
 * again here, before anything is read from it.
 */
bool vfio_devstate_ensure_stopped(VFIODevState *s, Error **errp)
{
    uint8_t run;

    if (!vfio_devstate_access(s, false, &run, sizeof(run),
                              VFIO_DEVICE_STATE_RUN_OFFSET, errp)) {
        return false;
    }
    return run == VFIO_DEVICE_STATE_RUN_STOP ||
           vfio_devstate_set_run(s, VFIO_DEVICE_STATE_RUN_STOP, errp);
}

static void vfio_devstate_vm_change(void *opaque, bool running, RunState state)
{
    VFIODevState *s = opaque;
    Error *err = NULL;

    s->running = running;
    s->bitmap_due = true;
    if (vfio_devstate_set_run(s, running ? VFIO_DEVICE_STATE_RUN_START :
                                           VFIO_DEVICE_STATE_RUN_STOP, &err)) {
        return;
    }

    error_prepend(&err, VFIO_MSG_PREFIX "cannot %s the device: ",
                  vfio_devstate_name(s), running ? "start" : "stop");
    if (running) {
        error_append_hint(&err, "The guest runs without it until the machine "
                          "is reset (system_reset).\n");
        error_report_err(err);
    } else {
        /* vm_state_notify() cannot fail; a migration can. */
        migration_file_set_error(-EIO, err);
    }
}

/* The state --------------------------------------------------------------- */

static size_t vfio_devstate_piece(VFIODevState *s)
{
    uint64_t all = s->size - VFIO_DEVICE_STATE_CONTEXT_OFFSET;

    return s->vdev->devstate_whole ? all : MIN(all, VFIO_DEVSTATE_PIECE);
}

/* The length that a state says it has, whose first piece is at @data */
static bool vfio_devstate_length(const void *data, uint64_t max,
                                 uint64_t *length, Error **errp)
{
    struct vfio_device_state_header header;

    memcpy(&header, data, sizeof(header));
    *length = le64_to_cpu(header.length);
    if (le64_to_cpu(header.magic) != VFIO_DEVICE_STATE_MAGIC ||
        *length < sizeof(header) || *length > max) {
        error_setg(errp, "what is there is not a device's state of at most %"
                   PRIu64 " bytes", max);
        return false;
    }
    return true;
}

static bool vfio_devstate_save_context(VFIODevState *s, QEMUFile *f,
                                       Error **errp)
{
    uint64_t max = s->size - VFIO_DEVICE_STATE_CONTEXT_OFFSET;
    size_t piece = vfio_devstate_piece(s);
    g_autofree uint8_t *data = g_try_malloc(piece);
    uint64_t length, done;

    if (!data) {
        error_setg(errp, "no memory for %zu bytes of state", piece);
        return false;
    }
    if (!vfio_devstate_ensure_stopped(s, errp) ||
        !vfio_devstate_access(s, false, data, piece,
                              VFIO_DEVICE_STATE_CONTEXT_OFFSET, errp) ||
        !vfio_devstate_length(data, max, &length, errp)) {
        return false;
    }
    if (s->vdev->devstate_whole) {
        length = max;
    }

    /* Where the stream breaks, the migration fails without being told. */
    qemu_put_be64(f, length);
    qemu_put_buffer(f, data, MIN(piece, length));
    for (done = piece; done < length && !qemu_file_get_error(f);
         done += piece) {
        size_t n = MIN(piece, length - done);

        if (!vfio_devstate_access(s, false, data, n,
                                  VFIO_DEVICE_STATE_CONTEXT_OFFSET + done,
                                  errp)) {
            return false;
        }
        qemu_put_buffer(f, data, n);
    }
    vfio_mig_add_bytes_transferred(length);
    trace_vfio_devstate_save(vfio_devstate_name(s), length);
    return true;
}

static bool vfio_devstate_load_context(VFIODevState *s, QEMUFile *f,
                                       Error **errp)
{
    uint64_t max = s->size - VFIO_DEVICE_STATE_CONTEXT_OFFSET;
    uint64_t length = qemu_get_be64(f), said, done;
    g_autofree uint8_t *data = NULL;
    size_t piece;

    if (length < sizeof(struct vfio_device_state_header) || length > max) {
        error_setg(errp, "the stream has %" PRIu64 " bytes of state, and the "
                   "device has room for %" PRIu64, length, max);
        return false;
    }
    piece = MIN(vfio_devstate_piece(s), length);
    data = g_try_malloc(piece);
    if (!data) {
        error_setg(errp, "no memory for %zu bytes of state", piece);
        return false;
    }

    for (done = 0; done < length; done += piece) {
        size_t n = MIN(piece, length - done);

        if (qemu_get_buffer(f, data, n) != n) {
            error_setg(errp, "the stream ended in the state, after %" PRIu64
                       " of %" PRIu64 " bytes", done, length);
            return false;
        }
        if (!done && !vfio_devstate_length(data, length, &said, errp)) {
            return false;
        }
        if (!vfio_devstate_access(s, true, data, n,
                                  VFIO_DEVICE_STATE_CONTEXT_OFFSET + done,
                                  errp)) {
            return false;
        }
    }
    trace_vfio_devstate_load(vfio_devstate_name(s), length);
    return true;
}

static bool vfio_devstate_save_config(VFIODevState *s, QEMUFile *f,
                                      Error **errp)
{
    VFIODevice *vbasedev = &s->vdev->vbasedev;
    int ret = vbasedev->ops->vfio_save_config(vbasedev, f, errp);

    trace_vfio_devstate_save_config(vfio_devstate_name(s), ret);
    return !ret;
}

static bool vfio_devstate_load_config(VFIODevState *s, QEMUFile *f,
                                      Error **errp)
{
    VFIODevice *vbasedev = &s->vdev->vbasedev;
    int ret = vbasedev->ops->vfio_load_config(vbasedev, f);

    trace_vfio_devstate_load_config(vfio_devstate_name(s), ret);
    if (ret) {
        error_setg(errp, "cannot load PCI config space");
    }
    return !ret;
}

static int vfio_devstate_put(QEMUFile *f, void *pv, size_t size,
                             const VMStateField *field, JSONWriter *vmdesc)
{
    VFIODevState *s = pv;
    uint32_t flags = s->vdev->devstate_whole ? VFIO_DEVSTATE_CONFIG_FIRST : 0;
    Error *err = NULL;
    bool ok;

    qemu_put_be32(f, flags);
    if (flags & VFIO_DEVSTATE_CONFIG_FIRST) {
        ok = vfio_devstate_save_config(s, f, &err) &&
             vfio_devstate_save_context(s, f, &err);
    } else {
        ok = vfio_devstate_save_context(s, f, &err) &&
             vfio_devstate_save_config(s, f, &err);
    }
    if (!ok) {
        error_reportf_err(err, VFIO_MSG_PREFIX "cannot save the device: ",
                          vfio_devstate_name(s));
        return -EIO;
    }
    return 0;
}

static int vfio_devstate_get(QEMUFile *f, void *pv, size_t size,
                             const VMStateField *field)
{
    VFIODevState *s = pv;
    uint32_t flags = qemu_get_be32(f);
    Error *err = NULL;
    bool ok;

    if (flags & ~VFIO_DEVSTATE_CONFIG_FIRST) {
        error_setg(&err, "the stream has flags 0x%x that are not known here",
                   flags);
        ok = false;
    } else if (flags & VFIO_DEVSTATE_CONFIG_FIRST) {
        ok = vfio_devstate_load_config(s, f, &err) &&
             vfio_devstate_load_context(s, f, &err);
    } else {
        ok = vfio_devstate_load_context(s, f, &err) &&
             vfio_devstate_load_config(s, f, &err);
    }
    if (!ok) {
        error_reportf_err(err, VFIO_MSG_PREFIX "cannot load the device: ",
                          vfio_devstate_name(s));
        return -EINVAL;
    }
    return 0;
}

static const VMStateInfo vfio_devstate_info = {
    .name = "device-state region",
    .put = vfio_devstate_put,
    .get = vfio_devstate_get,
};

static const VMStateDescription vmstate_vfio_devstate = {
    .name = "vfio-device-state",
    .version_id = 1,
    .minimum_version_id = 1,
    .fields = (const VMStateField[]) {
        {
            .name = "state",
            .info = &vfio_devstate_info,
            .flags = VMS_SINGLE,
            .offset = 0,
        },
        VMSTATE_END_OF_LIST()
    },
};

/* What a target must know while the guest still runs on the source -------- */

static int vfio_devstate_setup_pre_save(void *opaque)
{
    VFIODevState *s = opaque;

    s->peer_size = s->size;
    strpadcpy((char *)s->peer_type, sizeof(s->peer_type), s->type, 0);
    trace_vfio_devstate_save_setup(vfio_devstate_name(s), s->size, s->type);
    return 0;
}

static int vfio_devstate_setup_post_load(void *opaque, int version_id)
{
    VFIODevState *s = opaque;
    g_autofree char *type = g_strndup((char *)s->peer_type,
                                      sizeof(s->peer_type));
    g_autofree char *printable = g_strescape(type, NULL);

    trace_vfio_devstate_load_setup(vfio_devstate_name(s), s->peer_size,
                                   printable);
    if (strncmp(type, s->type, sizeof(s->peer_type))) {
        error_report(VFIO_MSG_PREFIX "the source has a device of type '%s', "
                     "and this is one of type '%s'; create one of the same "
                     "type", vfio_devstate_name(s), printable, s->type);
        return -EINVAL;
    }
    if (s->peer_size > s->size) {
        error_report(VFIO_MSG_PREFIX "the source's device may have %" PRIu64
                     " bytes of state, and this one has room for %" PRIu64 "; "
                     "use a driver that is not older than the source's",
                     vfio_devstate_name(s), s->peer_size, s->size);
        return -EINVAL;
    }
    return 0;
}

static const VMStateDescription vmstate_vfio_devstate_setup = {
    .name = "vfio-device-state-setup",
    .version_id = 1,
    .minimum_version_id = 1,
    .early_setup = true,
    .pre_save = vfio_devstate_setup_pre_save,
    .post_load = vfio_devstate_setup_post_load,
    .fields = (const VMStateField[]) {
        VMSTATE_UINT64(peer_size, VFIODevState),
        VMSTATE_BUFFER(peer_type, VFIODevState),
        VMSTATE_END_OF_LIST()
    },
};

/* Migrations that cannot be ----------------------------------------------- */

static int vfio_devstate_save_prepare(void *opaque, Error **errp)
{
    VFIODevState *s = opaque;

    /* Both may be on for a snapshot, which uses neither. */
    if (runstate_check(RUN_STATE_SAVE_VM)) {
        return 0;
    }
    if (migrate_postcopy_ram()) {
        error_setg(errp, VFIO_MSG_PREFIX "x-device-state-region does not "
                   "work with postcopy; switch the capability postcopy-ram off",
                   vfio_devstate_name(s));
        return -EOPNOTSUPP;
    }
    if (migrate_background_snapshot()) {
        error_setg(errp, VFIO_MSG_PREFIX "x-device-state-region does not work "
                   "with background snapshots; switch the capability "
                   "background-snapshot off", vfio_devstate_name(s));
        return -EOPNOTSUPP;
    }
    return 0;
}

/* The handlers below are never saved, but a stream may have their name. */
static int vfio_devstate_load_never(QEMUFile *f, void *opaque, int version_id)
{
    VFIODevState *s = opaque;

    error_report(VFIO_MSG_PREFIX "the stream has a section that is never saved",
                 vfio_devstate_name(s));
    return -EINVAL;
}

static const SaveVMHandlers vfio_devstate_handlers = {
    .save_prepare = vfio_devstate_save_prepare,
    .load_state = vfio_devstate_load_never,
};

#define VFIO_DEVSTATE_PREPARE "vfio-device-state-prepare"

/* Realize ----------------------------------------------------------------- */

/* Refuse what cannot be, before anything of the device is touched. */
bool vfio_devstate_check(VFIOPCIDevice *vdev, Error **errp)
{
    VFIODevice *vbasedev = &vdev->vbasedev;
    const char *why = NULL;

    if (vdev->devstate_mode == VFIO_DEVSTATE_OFF) {
        return true;
    }
    if (vbasedev->enable_migration == ON_OFF_AUTO_ON) {
        why = "enable-migration=on; leave one of them out";
    } else if (vbasedev->iommufd) {
        why = "iommufd; leave the property iommufd out";
    } else if (pci_device_iommu_address_space(&vdev->pdev) !=
               &address_space_memory) {
        why = "a vIOMMU; leave the vIOMMU out";
    } else if (vdev->pdev.failover_pair_id) {
        why = "failover_pair_id, which unplugs the device; leave one of them "
              "out";
    }
    if (why) {
        error_setg(errp, "x-device-state-region does not work with %s", why);
    }
    return !why;
}

static bool vfio_devstate_find_region(VFIODevState *s, Error **errp)
{
    const uint32_t rw = VFIO_REGION_INFO_FLAG_READ |
                        VFIO_REGION_INFO_FLAG_WRITE;
    g_autofree struct vfio_region_info *info = NULL;

    if (vfio_get_dev_region_info(&s->vdev->vbasedev,
                                 VFIO_REGION_TYPE_DEVICE_STATE,
                                 VFIO_REGION_SUBTYPE_DEVICE_STATE, &info)) {
        error_setg(errp, "the device has no device-state region; its driver "
                   "has to offer one, and vfio_dirty to serve its container");
        return false;
    }
    if ((info->flags & rw) != rw || info->size <=
        VFIO_DEVICE_STATE_CONTEXT_OFFSET +
        sizeof(struct vfio_device_state_header)) {
        error_setg(errp, "the device-state region has flags 0x%x and %" PRIu64
                   " bytes, which cannot be", info->flags,
                   (uint64_t)info->size);
        return false;
    }
    s->offset = info->offset;
    s->size = info->size;
    return true;
}

/* What must be the same on both sides */
static char *vfio_devstate_type(VFIOPCIDevice *vdev)
{
    g_autofree char *link = g_strdup_printf("%s/mdev_type",
                                            vdev->vbasedev.sysfsdev);
    g_autofree char *target = g_file_read_link(link, NULL);

    if (target) {
        return g_path_get_basename(target);
    }
    return g_strdup_printf("%04x:%04x", vdev->vendor_id, vdev->device_id);
}

static void vfio_devstate_unregister(VFIODevState *s)
{
    VMStateIf *obj = VMSTATE_IF(s->vdev);

    unregister_savevm(obj, VFIO_DEVSTATE_PREPARE, s);
    vmstate_unregister(obj, &vmstate_vfio_devstate, s);
    vmstate_unregister(obj, &vmstate_vfio_devstate_setup, s);
}

static bool vfio_devstate_register(VFIODevState *s, Error **errp)
{
    VMStateIf *obj = VMSTATE_IF(s->vdev);
    g_autofree char *oid = vmstate_if_get_id(obj);
    g_autofree char *id = g_strdup_printf("%s%s" VFIO_DEVSTATE_PREPARE,
                                          oid ?: "", oid ? "/" : "");

    if (vmstate_register_any(obj, &vmstate_vfio_devstate_setup, s) ||
        vmstate_register_any(obj, &vmstate_vfio_devstate, s)) {
        error_setg(errp, "cannot register the device's state");
        vfio_devstate_unregister(s);
        return false;
    }
    register_savevm_live(id, VMSTATE_INSTANCE_ID_ANY, 1,
                         &vfio_devstate_handlers, s);
    return true;
}

static void vfio_devstate_free(VFIODevState *s)
{
    g_free(s->type);
    g_free(s);
}

bool vfio_devstate_realize(VFIOPCIDevice *vdev, Error **errp)
{
    VFIODevState *s = g_new0(VFIODevState, 1);

    s->vdev = vdev;
    s->mode = vdev->devstate_mode;
    s->type = vfio_devstate_type(vdev);
    if (!vfio_devstate_find_region(s, errp) ||
        !vfio_devstate_register(s, errp)) {
        goto free;
    }
    if (!vfio_devstate_bitmap_realize(s, errp)) {
        goto unregister;
    }
    s->vm_change = qdev_add_vm_change_state_handler(DEVICE(vdev),
                                                    vfio_devstate_vm_change, s);
    vdev->devstate = s;
    trace_vfio_devstate_realize(vfio_devstate_name(s),
                                vfio_devstate_mode_lookup.array[s->mode],
                                s->size, s->type);
    return true;

unregister:
    vfio_devstate_unregister(s);
free:
    vfio_devstate_free(s);
    return false;
}

void vfio_devstate_exit(VFIOPCIDevice *vdev)
{
    VFIODevState *s = vdev->devstate;

    if (!s) {
        return;
    }
    vdev->devstate = NULL;
    qemu_del_vm_change_state_handler(s->vm_change);
    vfio_devstate_bitmap_exit(s);
    vfio_devstate_unregister(s);
    vfio_devstate_free(s);
}
