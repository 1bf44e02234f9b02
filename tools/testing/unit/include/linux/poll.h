/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/poll.h> in user space. */
#ifndef UNIT_LINUX_POLL_H
#define UNIT_LINUX_POLL_H

#include <linux/fs.h>
#include <linux/wait.h>
#include <sys/epoll.h>

static inline void poll_wait(struct file *filp, wait_queue_head_t *wait,
			     struct poll_table_struct *table)
{
}

#endif
