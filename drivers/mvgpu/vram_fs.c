// SPDX-License-Identifier: GPL-2.0
/*
 * The file that a VMM maps to have VRAM. It is mvgpu's own, made at open: its
 * address space finds every mapping for a zap, it outlives the device's fd,
 * and there is nothing in it to be punched or truncated under the device.
 */
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/mount.h>
#include <linux/pseudo_fs.h>

#include "mvgpu_private.h"

#define MVGPU_VRAM_FS_MAGIC	0x4d564750	/* "MVGP" */

/*
 * Mounted while there is a file. The superblock pins the module through
 * .owner until the last file is gone for good, and so do mappings, which hold
 * a file each.
 */
static struct vfsmount *mvgpu_vram_fs_mount;
static int mvgpu_vram_fs_mount_count;

static int mvgpu_vram_fs_init_fs_context(struct fs_context *fc)
{
	return init_pseudo(fc, MVGPU_VRAM_FS_MAGIC) ? 0 : -ENOMEM;
}

static struct file_system_type mvgpu_vram_fs_type = {
	.name = "mvgpu",
	.owner = THIS_MODULE,
	.init_fs_context = mvgpu_vram_fs_init_fs_context,
	.kill_sb = kill_anon_super,
};

/* All that is done with the file is to map it, by mvgpu_vram_map(). */
static const struct file_operations mvgpu_vram_fs_fops = {
};

/**
 * mvgpu_vram_fs_file - make a file for mappings
 *
 * Return: a file with an address space of its own, or an error pointer.
 */
struct file *mvgpu_vram_fs_file(void)
{
	struct inode *inode;
	struct file *file;
	int ret;

	ret = simple_pin_fs(&mvgpu_vram_fs_type, &mvgpu_vram_fs_mount,
			    &mvgpu_vram_fs_mount_count);
	if (ret)
		return ERR_PTR(ret);

	inode = alloc_anon_inode(mvgpu_vram_fs_mount->mnt_sb);
	if (IS_ERR(inode)) {
		file = ERR_CAST(inode);
		goto out_release;
	}

	file = alloc_file_pseudo(inode, mvgpu_vram_fs_mount, "mvgpu-vram",
				 O_RDWR, &mvgpu_vram_fs_fops);
	if (IS_ERR(file))
		iput(inode);

out_release:
	/* The file holds the mount itself. */
	simple_release_fs(&mvgpu_vram_fs_mount, &mvgpu_vram_fs_mount_count);
	return file;
}
