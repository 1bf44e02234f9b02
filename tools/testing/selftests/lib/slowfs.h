/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A file system in user space with one file, whose reads are never answered: who
 * touches its memory waits until it is gone.
 */
#ifndef _SELFTESTS_SLOWFS_H
#define _SELFTESTS_SLOWFS_H

#include <pthread.h>
#include <stdbool.h>

#define SLOWFS_SIZE	0x10000UL

/**
 * struct slowfs - the file system
 * @fd: /dev/fuse, or -1
 * @pipe: a byte comes out for each read of the file
 * @sync: whoever waits for a read waits for the answer
 * @thread: answers all else
 * @dir: where it is mounted
 * @file: its file
 */
struct slowfs {
	int fd;
	int pipe[2];
	bool sync;
	pthread_t thread;
	char dir[64];
	char file[80];
};

/* 0; -EOPNOTSUPP if the kernel has no FUSE; or another -errno. */
int slowfs_start(struct slowfs *fs);

/* The same, but no signal ends the wait of who reads. */
int slowfs_start_sync(struct slowfs *fs);

/* Wait until somebody reads: 0 or -ETIMEDOUT. */
int slowfs_wait(struct slowfs *fs);

/* Ends all reads with an error. Also of what did not start. */
void slowfs_stop(struct slowfs *fs);

#endif /* _SELFTESTS_SLOWFS_H */
