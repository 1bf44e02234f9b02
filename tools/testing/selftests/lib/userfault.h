/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Memory whose pages are not there until somebody fills them.
 */
#ifndef _SELFTESTS_USERFAULT_H
#define _SELFTESTS_USERFAULT_H

#include <stddef.h>

/*
 * Throw the pages of some memory away. Whoever touches one then waits, until it is
 * filled or the fd is closed: the fd, or -errno.
 */
int userfault_open(void *mem, size_t size);

/*
 * Wait until somebody waits for a page, which *@page receives if it
 * is not NULL: 0 or -errno.
 */
int userfault_wait(int fd, void **page);

/* Fill a page with zeros, or with those of @from: 0 or -errno. */
int userfault_fill(int fd, void *page);
int userfault_copy(int fd, void *page, const void *from);

#endif /* _SELFTESTS_USERFAULT_H */
