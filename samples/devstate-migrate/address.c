// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses of source and target, unix:PATH and tcp:HOST:PORT: see wire.h.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE	/* accept4() */
#endif
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "wire.h"

/* The target may be started a little after the source. */
#define CONNECT_TRIES	100
#define CONNECT_NAP_NS	(100L * 1000 * 1000)

/* bind() and listen(), or connect(). */
typedef int attach_fn(int fd, const struct sockaddr *to, socklen_t len);

static int attach_listener(int fd, const struct sockaddr *to, socklen_t len)
{
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, to, len))
		return -1;
	return listen(fd, 1);
}

static int attach(int type, const struct sockaddr *to, socklen_t len,
		  attach_fn *how)
{
	int fd = socket(to->sa_family, type | SOCK_CLOEXEC, 0);
	int err;

	if (fd < 0)
		return -errno;
	if (!how(fd, to, len))
		return fd;
	err = errno;
	close(fd);
	return -err;
}

static int open_unix(const char *path, attach_fn *how)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };

	if (!*path || strlen(path) >= sizeof(to.sun_path))
		return -EINVAL;
	memcpy(to.sun_path, path, strlen(path));
	return attach(SOCK_STREAM, (struct sockaddr *)&to, sizeof(to), how);
}

static int open_tcp(const char *name, attach_fn *how)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found, *one;
	const char *port = strrchr(name, ':');
	int ret = -EHOSTUNREACH;
	char host[256];
	size_t len;

	if (!port || port == name)
		return -EINVAL;
	len = port - name;
	if (name[0] == '[' && name[len - 1] == ']') {
		name++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, name, len);
	host[len] = '\0';
	if (getaddrinfo(host, port + 1, &hints, &found))
		return -EHOSTUNREACH;
	for (one = found; one && ret < 0; one = one->ai_next)
		ret = attach(SOCK_STREAM, one->ai_addr, one->ai_addrlen, how);
	freeaddrinfo(found);
	return ret;
}

static int open_address(const char *address, attach_fn *how)
{
	if (!strncmp(address, "unix:", 5))
		return open_unix(address + 5, how);
	if (!strncmp(address, "tcp:", 4))
		return open_tcp(address + 4, how);
	return -EINVAL;
}

int wire_connect(const char *address)
{
	const struct timespec nap = { .tv_nsec = CONNECT_NAP_NS };
	int i, fd = -ETIMEDOUT;

	for (i = 0; i < CONNECT_TRIES; i++) {
		fd = open_address(address, connect);
		if (fd != -ENOENT && fd != -ECONNREFUSED)
			break;
		nanosleep(&nap, NULL);
	}
	return fd;
}

/*
 * Locks the folder of a socket against other targets, of which one must not take
 * away the socket that another has just made. Returns what to close, or -errno.
 */
static int lock_folder(const char *path)
{
	const char *name = strrchr(path, '/');
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path)] = ".";
	size_t len = name ? name - path + 1 : 0;
	int fd;

	if (len >= sizeof(folder))
		return -EINVAL;
	if (len) {
		memcpy(folder, path, len);
		folder[len] = '\0';
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX)) {
		close(fd);
		return -EADDRINUSE;
	}
	return fd;
}

/*
 * Removes a socket that an earlier target left behind, and nothing else. Who
 * listens must not notice that somebody asks: a socket of another kind is not
 * connected, but the error tells whether there is anybody.
 */
static int remove_stale(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EADDRINUSE;
	memcpy(to.sun_path, path, strlen(path));
	fd = attach(SOCK_DGRAM, (struct sockaddr *)&to, sizeof(to), connect);
	if (fd >= 0)
		close(fd);
	if (fd != -ECONNREFUSED)
		return fd == -EACCES ? fd : -EADDRINUSE;
	return unlink(path) ? -errno : 0;
}

static int listen_unix(const char *path)
{
	int folder, fd;

	if (!*path || strlen(path) >= sizeof(((struct sockaddr_un *)0)->sun_path))
		return -EINVAL;
	folder = lock_folder(path);
	if (folder < 0)
		return folder;
	fd = remove_stale(path);
	if (!fd)
		fd = open_unix(path, attach_listener);
	close(folder);
	return fd;
}

int wire_accept(const char *address)
{
	const bool is_unix = !strncmp(address, "unix:", 5);
	int listener, fd;

	listener = is_unix ? listen_unix(address + 5) :
			     open_address(address, attach_listener);
	if (listener < 0)
		return listener;
	do {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0)
		fd = -errno;
	/* While it listens, nobody takes the path for stale: it is still ours. */
	if (is_unix)
		unlink(address + 5);
	close(listener);
	return fd;
}
