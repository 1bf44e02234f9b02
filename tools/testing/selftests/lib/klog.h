/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the kernel's log says.
 */
#ifndef _SELFTESTS_KLOG_H
#define _SELFTESTS_KLOG_H

/* Lines that have both words, so far; or -1. */
int klog_lines(const char *one, const char *other);

#endif /* _SELFTESTS_KLOG_H */
