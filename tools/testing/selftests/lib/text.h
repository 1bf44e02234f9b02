/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Files that are a text, as those of sysfs and cgroups.
 */
#ifndef _SELFTESTS_TEXT_H
#define _SELFTESTS_TEXT_H

/* Write all of a text: 0, or -errno of what the file said. */
int text_write(const char *path, const char *text);

/* The number in the line that begins with a word and a blank, or -1. */
long long text_number(const char *path, const char *key);

#endif /* _SELFTESTS_TEXT_H */
