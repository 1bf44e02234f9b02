# SPDX-License-Identifier: GPL-2.0
#
# What the target kernel has, found by looking for the thing itself in its
# headers: a version number lies as soon as a stable branch takes a backport.
# A dot stands for a parenthesis, which make would count. Included by the top
# Kbuild; the result is compat-flags, for every file.
# drivers/compat/golden/ holds the results per kernel series, so that a probe
# that stops matching shows in tools/checks/compat-golden.sh.

compat-has = $(shell grep -qsE '$(2)' $(srctree)/include/linux/$(1) && echo -D$(3))

compat-flags := \
	$(call compat-has,vfio.h,^void vfio_free_device,HAVE_VFIO_FREE_DEVICE) \
	$(call compat-has,vfio.h,.[*]bind_iommufd.,HAVE_VFIO_BIND_IOMMUFD) \
	$(call compat-has,vfio.h,vfio_iommufd_emulated_detach_ioas,HAVE_VFIO_DETACH_IOAS) \
	$(call compat-has,vfio.h,.[*]get_region_info_caps.,HAVE_VFIO_GET_REGION_INFO_CAPS) \
	$(call compat-has,iova_bitmap.h,CONFIG_IOMMUFD_DRIVER,HAVE_IOVA_BITMAP_OF_IOMMUFD) \
	$(call compat-has,vfio.h,.[*]migration_get_data_size.,HAVE_VFIO_MIG_DATA_SIZE) \
	$(call compat-has,module.h,MODULE_INFO.import_ns. ns.$$,HAVE_MODULE_IMPORT_NS_STRING) \
	$(call compat-has,mm.h,void vm_flags_set,HAVE_VM_FLAGS_SET) \
	$(call compat-has,mmap_lock.h,void mm_lock_seqcount_begin,HAVE_MM_LOCK_SEQCOUNT) \
	$(call compat-has,mm.h,struct vm_area_struct [*][*]vmas. int [*]locked,HAVE_GUP_VMAS) \
	$(call compat-has,mm.h,gup_must_unshare.unsigned int flags,HAVE_GUP_READ_SHARES) \
	$(call compat-has,sched/vhost_task.h,void .[*]handle_(sig)?kill..void [*],HAVE_VHOST_TASK) \
	$(call compat-has,eventfd.h,eventfd_signal.struct eventfd_ctx [*]ctx.$$,HAVE_EVENTFD_SIGNAL_ONE_ARG) \
	$(call compat-has,hrtimer.h,\<hrtimer_setup\>,HAVE_HRTIMER_SETUP) \
	$(call compat-has,device/class.h,.[*]dev_uevent..const struct device,HAVE_CLASS_UEVENT_CONST)

# HAVE_VFIO_FREE_DEVICE: up to 6.1; later the core frees the device itself.
# HAVE_VFIO_BIND_IOMMUFD: since 6.2.
# HAVE_VFIO_DETACH_IOAS: since 6.6.
# HAVE_VFIO_GET_REGION_INFO_CAPS: since 7.0; the core copies the answer.
# HAVE_IOVA_BITMAP_OF_IOMMUFD: since 6.7; vfio had it before.
# HAVE_VFIO_MIG_DATA_SIZE: since 6.2; answered by the driver before.
# HAVE_MODULE_IMPORT_NS_STRING: since 6.13; a bare word before.
# HAVE_VM_FLAGS_SET: since 6.3; plain |= before.
# HAVE_MM_LOCK_SEQCOUNT: since 6.13, and in stable branches.
# HAVE_GUP_VMAS: up to 6.4; one argument fewer since.
# HAVE_GUP_READ_SHARES: up to 6.1; a page pinned to be read is unshared since.
# HAVE_VHOST_TASK: since 6.11; older ones do not say that they were killed.
# HAVE_EVENTFD_SIGNAL_ONE_ARG: since 6.8; it took a count before.
# HAVE_HRTIMER_SETUP: since 6.13; the function was set apart before.
# HAVE_CLASS_UEVENT_CONST: since 6.3; the device was not const before.
