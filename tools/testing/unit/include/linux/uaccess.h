/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/uaccess.h> in user space: a page that cannot be reached, and no lock. */
#ifndef UNIT_LINUX_UACCESS_H
#define UNIT_LINUX_UACCESS_H

#include <linux/types.h>

/* Memory from here on cannot be reached; NULL: all can. */
extern const void *unit_fault;

unsigned long copy_to_user(void *to, const void *from, size_t len);
unsigned long copy_from_user(void *to, const void *from, size_t len);

#endif
