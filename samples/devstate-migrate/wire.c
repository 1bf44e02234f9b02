// SPDX-License-Identifier: GPL-2.0
/*
 * Frames: see wire.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <unistd.h>

#include "mdev_sample.h"
#include "wire.h"
#include "workload.h"

/* A peer that says nothing for so long is gone. */
#define SILENCE_S	600

#define SOCKET_BUFFER	(16 * 1024 * 1024)

struct header {
	__le32 magic;
	__le16 type;
	__le16 reserved;
	__le32 length;
	__le32 reserved2;
};

/* How long the payloads of each type are. */
static const struct {
	__u32 min;
	__u32 max;
} bounds[WIRE_TYPES] = {
	[WIRE_HELLO]	= { 24, 24 },
	[WIRE_RAM]	= { 8 + WORKLOAD_PAGE,
			    8 + WIRE_RAM_PAGES * WORKLOAD_PAGE },
	[WIRE_CONFIG]	= { WIRE_CONFIG_SIZE, WIRE_CONFIG_SIZE },
	[WIRE_CPU]	= { 32, 32 },
	[WIRE_CONTEXT]	= { 1, WIRE_CONTEXT_MAX },
	[WIRE_GO]	= { 0, 0 },
	[WIRE_CANCEL]	= { 0, 0 },
	[WIRE_STARTED]	= { 0, 0 },
	[WIRE_RESULT]	= { 28, 28 },
	[WIRE_ERROR]	= { 4, 4 },
	[WIRE_TIMER]	= { 8, 8 },
	[WIRE_REGISTERS] = { 4 * MDEV_SAMPLE_REGS, 4 * MDEV_SAMPLE_REGS },
	[WIRE_TIMER_RESULT] = { 8, 8 },
};

/*
 * A Unix socket holds little unless told otherwise, and the two processes
 * would take turns for every few pages. TCP sizes its buffers by itself.
 */
static void make_room(int fd)
{
	const int size = SOCKET_BUFFER;
	socklen_t len = sizeof(int);
	int domain;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) ||
	    domain != AF_UNIX)
		return;
	/* Only root may have all of it. */
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
}

int wire_init(struct wire *wire, int fd)
{
	const struct timeval silence = { .tv_sec = SILENCE_S };

	wire->fd = fd;
	wire->sent = 0;
	wire->buffer = malloc(WIRE_CONTEXT_MAX);
	if (!wire->buffer) {
		close(fd);
		return -ENOMEM;
	}
	make_room(fd);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &silence, sizeof(silence));
	return 0;
}

void wire_close(struct wire *wire)
{
	close(wire->fd);
	free(wire->buffer);
	wire->fd = -1;
	wire->buffer = NULL;
}

static int socket_error(void)
{
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return -ETIMEDOUT;
	return -errno;
}

/* Send all of @parts, which are used up. */
static int send_parts(int fd, struct iovec *parts, size_t count)
{
	while (count) {
		struct msghdr message = {
			.msg_iov = parts,
			.msg_iovlen = count,
		};
		ssize_t done = sendmsg(fd, &message, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return socket_error();
		while (count && (size_t)done >= parts->iov_len) {
			done -= parts->iov_len;
			parts++;
			count--;
		}
		if (count) {
			parts->iov_base = (char *)parts->iov_base + done;
			parts->iov_len -= done;
		}
	}
	return 0;
}

int wire_send_two(struct wire *wire, enum wire_type type, const void *head,
		  size_t head_len, const void *data, size_t len)
{
	struct header header = {
		.magic = htole32(WIRE_MAGIC),
		.type = htole16(type),
		.length = htole32(head_len + len),
	};
	struct iovec parts[] = {
		{ .iov_base = &header, .iov_len = sizeof(header) },
		{ .iov_base = (void *)head, .iov_len = head_len },
		{ .iov_base = (void *)data, .iov_len = len },
	};
	int ret = send_parts(wire->fd, parts, 3);

	if (!ret)
		wire->sent += sizeof(header) + head_len + len;
	return ret;
}

int wire_send(struct wire *wire, enum wire_type type, const void *data,
	      size_t len)
{
	return wire_send_two(wire, type, NULL, 0, data, len);
}

int wire_send_words(struct wire *wire, enum wire_type type,
		    const __u32 *words, size_t count)
{
	__le32 raw[8];
	size_t i;

	if (count > sizeof(raw) / sizeof(*raw))
		return -EINVAL;
	for (i = 0; i < count; i++)
		raw[i] = htole32(words[i]);
	return wire_send(wire, type, raw, count * sizeof(*raw));
}

static int receive_all(int fd, void *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t ret = recv(fd, (char *)data + done, len - done, 0);

		if (ret < 0 && errno == EINTR)
			continue;
		if (ret < 0)
			return socket_error();
		if (!ret)
			return -ECONNRESET;
		done += ret;
	}
	return 0;
}

int wire_receive(struct wire *wire, struct wire_frame *frame)
{
	struct header header;
	int ret;

	ret = receive_all(wire->fd, &header, sizeof(header));
	if (ret)
		return ret;
	frame->type = le16toh(header.type);
	frame->length = le32toh(header.length);
	frame->data = wire->buffer;
	if (le32toh(header.magic) != WIRE_MAGIC || header.reserved ||
	    header.reserved2 || !frame->type || frame->type >= WIRE_TYPES ||
	    frame->length < bounds[frame->type].min ||
	    frame->length > bounds[frame->type].max)
		return -EPROTO;
	return receive_all(wire->fd, wire->buffer, frame->length);
}

__u32 wire_u32(const struct wire_frame *frame, size_t offset)
{
	__le32 raw;

	memcpy(&raw, frame->data + offset, sizeof(raw));
	return le32toh(raw);
}

__u64 wire_u64(const struct wire_frame *frame, size_t offset)
{
	__le64 raw;

	memcpy(&raw, frame->data + offset, sizeof(raw));
	return le64toh(raw);
}
