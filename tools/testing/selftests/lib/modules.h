/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Kernel modules, loaded and unloaded by tests. Functions return 0 or -errno.
 */
#ifndef _SELFTESTS_MODULES_H
#define _SELFTESTS_MODULES_H

/* -EAGAIN for a module in use. */
int module_remove(const char *name);

/* The same, but wait a while for it: the last fput may come a moment later. */
int module_remove_soon(const char *name);

/* Insert a file of a folder; -EEXIST if it is there. */
int module_insert(const char *folder, const char *path);

/* Set a parameter; the old value, with its newline, is kept. 0 or -errno. */
int module_param(const char *module, const char *name, const char *value,
		 char old[64]);

#endif /* _SELFTESTS_MODULES_H */
