/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Fault injection: make the n-th allocation or user copy of a thread fail.
 * Needs a kernel with FAULT_INJECTION, FAILSLAB, FAIL_PAGE_ALLOC and
 * FAULT_INJECTION_USERCOPY.
 *
 * Functions return 0 or -errno, and print nothing.
 */
#ifndef _SELFTESTS_FAULT_H
#define _SELFTESTS_FAULT_H

#include <stdbool.h>
#include <sys/types.h>

/* Does the kernel have all that is needed? Also readies it. */
bool fault_available(void);

/* Let the @nth point of failure that thread @tid (0: this one) meets fail. */
int fault_arm(pid_t tid, unsigned int nth);

/* Let none fail any more. Sets @fired: has it? */
int fault_disarm(bool *fired);

/* The thread that runs the vGPU's queues, or -ENOENT. */
pid_t fault_worker(const char *uuid);

#endif /* _SELFTESTS_FAULT_H */
