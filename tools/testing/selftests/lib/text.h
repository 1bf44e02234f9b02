/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files that take a text at once, as those of sysfs and cgroups do.
 */
#ifndef _SELFTESTS_TEXT_H
#define _SELFTESTS_TEXT_H

/* Write all of a text: 0, or -errno of what the file said. */
int text_write(const char *path, const char *text);

#endif /* _SELFTESTS_TEXT_H */
