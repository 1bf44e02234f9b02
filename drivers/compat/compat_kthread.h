/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in <linux/kthread.h>.
 */
#ifndef _COMPAT_KTHREAD_H
#define _COMPAT_KTHREAD_H

#include <linux/kthread.h>

/* A worker that runs already; kthread_destroy_worker() ends it everywhere. */
#ifdef HAVE_KTHREAD_RUN_WORKER
#define compat_kthread_run_worker(flags, ...) \
	kthread_run_worker(flags, __VA_ARGS__)
#else
#define compat_kthread_run_worker(flags, ...) \
	kthread_create_worker(flags, __VA_ARGS__)
#endif

#endif /* _COMPAT_KTHREAD_H */
