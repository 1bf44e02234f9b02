// SPDX-License-Identifier: GPL-2.0
/*
 * A file system in user space with one file, whose reads are never answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "rig.h"
#include "slowfs.h"

#define SLOWFS_NODE	2

static void attributes(struct fuse_attr *attr, __u64 node)
{
	attr->ino = node;
	attr->mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0600;
	attr->nlink = 1;
	attr->size = node == FUSE_ROOT_ID ? 0 : SLOWFS_SIZE;
}

static void answer(struct slowfs *fs, const struct fuse_in_header *in,
		   int error, const void *data, size_t size)
{
	struct fuse_out_header out = {
		.len = sizeof(out) + size,
		.error = error,
		.unique = in->unique,
	};
	struct iovec iov[2] = {
		{ .iov_base = &out, .iov_len = sizeof(out) },
		{ .iov_base = (void *)data, .iov_len = size },
	};

	/* who asked may be gone */
	if (writev(fs->fd, iov, 2) < 0)
		return;
}

static void answer_init(struct slowfs *fs, const struct fuse_in_header *in)
{
	struct fuse_init_out init = {
		.major = FUSE_KERNEL_VERSION,
		.minor = FUSE_KERNEL_MINOR_VERSION,
		/* of what is read ahead, nobody waits for the answer itself */
		.flags = fs->sync ? 0 : FUSE_ASYNC_READ,
		.max_readahead = SLOWFS_SIZE,
		.max_write = RIG_PAGE,
	};

	answer(fs, in, 0, &init, sizeof(init));
}

static void serve_one(struct slowfs *fs, const struct fuse_in_header *in)
{
	struct fuse_entry_out entry = {
		.nodeid = SLOWFS_NODE, .attr_valid = 3600, .entry_valid = 3600,
	};
	struct fuse_attr_out attr = { .attr_valid = 3600 };
	struct fuse_open_out open = {};

	switch (in->opcode) {
	case FUSE_INIT:
		answer_init(fs, in);
		break;
	case FUSE_LOOKUP:
		attributes(&entry.attr, SLOWFS_NODE);
		answer(fs, in, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		attributes(&attr.attr, in->nodeid);
		answer(fs, in, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		answer(fs, in, 0, &open, sizeof(open));
		break;
	case FUSE_READ:
		if (write(fs->pipe[1], "r", 1) != 1)
			abort();
		break;
	case FUSE_RELEASE:
		answer(fs, in, 0, NULL, 0);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		break;
	default:
		answer(fs, in, -EOPNOTSUPP, NULL, 0);
	}
}

/* Ends with an error when it is unmounted. */
static void *serve(void *arg)
{
	struct slowfs *fs = arg;
	union {
		struct fuse_in_header header;
		char data[FUSE_MIN_READ_BUFFER + 0x1000];
	} in;
	ssize_t got;

	for (;;) {
		got = read(fs->fd, &in, sizeof(in));
		if (got >= (ssize_t)sizeof(in.header))
			serve_one(fs, &in.header);
		else if (got >= 0 || (errno != EINTR && errno != ENOENT))
			return NULL;
	}
}

static int mount_it(struct slowfs *fs)
{
	char options[96];

	snprintf(fs->dir, sizeof(fs->dir), "/tmp/slowfs-XXXXXX");
	if (!mkdtemp(fs->dir)) {
		fs->dir[0] = 0;
		return -errno;
	}
	snprintf(fs->file, sizeof(fs->file), "%s/file", fs->dir);
	snprintf(options, sizeof(options),
		 "fd=%d,rootmode=40000,user_id=0,group_id=0", fs->fd);
	return mount("slowfs", fs->dir, "fuse", MS_NOSUID | MS_NODEV, options) ?
	       -errno : 0;
}

static int start(struct slowfs *fs, bool sync)
{
	int ret;

	memset(fs, 0, sizeof(*fs));
	fs->fd = -1;
	fs->sync = sync;
	/* a module of the kernel's, or not even that */
	if (access("/dev/fuse", F_OK) &&
	    (system("modprobe -q fuse") || access("/dev/fuse", F_OK)))
		return -EOPNOTSUPP;
	if (pipe(fs->pipe))
		return -errno;
	fs->fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (fs->fd < 0) {
		ret = errno == ENODEV || errno == ENXIO ? -EOPNOTSUPP : -errno;
		slowfs_stop(fs);
		return ret;
	}
	ret = mount_it(fs);
	if (!ret)
		ret = -pthread_create(&fs->thread, NULL, serve, fs);
	if (ret) {
		fs->thread = 0;
		slowfs_stop(fs);
	}
	return ret;
}

int slowfs_start(struct slowfs *fs)
{
	return start(fs, false);
}

int slowfs_start_sync(struct slowfs *fs)
{
	return start(fs, true);
}

int slowfs_wait(struct slowfs *fs)
{
	struct pollfd poll_fd = { .fd = fs->pipe[0], .events = POLLIN };
	char byte;

	if (poll(&poll_fd, 1, RIG_TIMEOUT_MS) != 1 ||
	    read(fs->pipe[0], &byte, 1) != 1)
		return -ETIMEDOUT;
	return 0;
}

void slowfs_stop(struct slowfs *fs)
{
	if (fs->dir[0]) {
		/* aborts what is under way; the thread reads ENODEV then */
		umount2(fs->dir, MNT_FORCE | MNT_DETACH);
		if (fs->thread)
			pthread_join(fs->thread, NULL);
		rmdir(fs->dir);
	}
	if (fs->fd >= 0)
		close(fs->fd);
	if (fs->pipe[1]) {
		close(fs->pipe[0]);
		close(fs->pipe[1]);
	}
	memset(fs, 0, sizeof(*fs));
	fs->fd = -1;
}
