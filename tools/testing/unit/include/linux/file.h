/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/file.h> in user space. */
#ifndef UNIT_LINUX_FILE_H
#define UNIT_LINUX_FILE_H

#include <linux/fs.h>

void fput(struct file *filp);

#endif
