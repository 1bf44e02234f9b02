/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One line on stderr that tells how far a program is.
 */
#ifndef DEVSTATE_MIGRATE_PROGRESS_H
#define DEVSTATE_MIGRATE_PROGRESS_H

#include <linux/types.h>

/* @who has done @done of @all. Writes only what is news. */
void progress_show(const char *who, __u64 done, __u64 all);

/* End the line, if there is one. */
void progress_end(void);

#endif /* DEVSTATE_MIGRATE_PROGRESS_H */
