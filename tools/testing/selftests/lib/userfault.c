// SPDX-License-Identifier: GPL-2.0
/*
 * Memory whose pages are not there until somebody fills them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "rig.h"
#include "userfault.h"

int userfault_open(void *mem, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (unsigned long)mem, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int ret, fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	/* the one for memory that is shared, the other for that which is not */
	madvise(mem, size, MADV_REMOVE);
	madvise(mem, size, MADV_DONTNEED);
	if (ioctl(fd, UFFDIO_API, &api) ||
	    ioctl(fd, UFFDIO_REGISTER, &range)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

int userfault_wait(int fd, void **page)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&poll_fd, 1, RIG_TIMEOUT_MS) != 1 ||
	    read(fd, &msg, sizeof(msg)) != sizeof(msg))
		return -ETIMEDOUT;
	if (msg.event != UFFD_EVENT_PAGEFAULT)
		return -EINVAL;
	if (page)
		*page = (void *)(unsigned long)msg.arg.pagefault.address;
	return 0;
}

int userfault_fill(int fd, void *page)
{
	struct uffdio_zeropage zero = {
		.range = {
			.start = (unsigned long)page & -RIG_PAGE,
			.len = RIG_PAGE,
		},
	};

	return ioctl(fd, UFFDIO_ZEROPAGE, &zero) ? -errno : 0;
}

int userfault_copy(int fd, void *page, const void *from)
{
	struct uffdio_copy copy = {
		.dst = (unsigned long)page & -RIG_PAGE,
		.src = (unsigned long)from,
		.len = RIG_PAGE,
	};

	return ioctl(fd, UFFDIO_COPY, &copy) ? -errno : 0;
}
