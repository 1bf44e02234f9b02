/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between kernels in <linux/eventfd.h>.
 */
#ifndef _COMPAT_EVENTFD_H
#define _COMPAT_EVENTFD_H

#include <linux/eventfd.h>

/**
 * compat_eventfd_signal - add one to an eventfd
 * @ctx: the eventfd
 */
static inline void compat_eventfd_signal(struct eventfd_ctx *ctx)
{
#ifdef HAVE_EVENTFD_SIGNAL_ONE_ARG
	eventfd_signal(ctx);
#else
	eventfd_signal(ctx, 1);
#endif
}

#endif /* _COMPAT_EVENTFD_H */
