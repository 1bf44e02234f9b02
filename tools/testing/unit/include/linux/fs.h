/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/fs.h> in user space: files that have no number. */
#ifndef UNIT_LINUX_FS_H
#define UNIT_LINUX_FS_H

#include <fcntl.h>
#include <linux/types.h>

#define __poll_t	unsigned int

struct inode;
struct poll_table_struct;

struct file {
	const struct file_operations *f_op;
	void *private_data;
	struct inode *f_inode;
	bool is_stream;
};

struct file_operations {
	void *owner;
	ssize_t (*read)(struct file *filp, char __user *buf, size_t count,
			loff_t *pos);
	ssize_t (*write)(struct file *filp, const char __user *buf,
			 size_t count, loff_t *pos);
	__poll_t (*poll)(struct file *filp, struct poll_table_struct *table);
	long (*unlocked_ioctl)(struct file *filp, unsigned int cmd,
			       unsigned long arg);
	long (*compat_ioctl)(struct file *filp, unsigned int cmd,
			     unsigned long arg);
	int (*release)(struct inode *inode, struct file *filp);
};

#define compat_ptr_ioctl	NULL

static inline int stream_open(struct inode *inode, struct file *filp)
{
	filp->is_stream = true;
	return 0;
}

#endif
