/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What travels between source and target: frames over a stream socket.
 *
 * A frame is a header of 16 bytes and a payload, all little-endian:
 *
 *	u32 magic	WIRE_MAGIC, "DSM1"
 *	u16 type	enum wire_type
 *	u16 reserved	0
 *	u32 length	bytes of payload, within the type's bounds
 *	u32 reserved	0
 *
 * The source sends HELLO, any number of RAM, then CONFIG, CPU, one or more
 * CONTEXT, and GO or CANCEL. The target answers GO with STARTED, and with
 * RESULT once the program has ended; instead of any answer it may send ERROR
 * and hang up. The receiver of a frame trusts nothing of it.
 *
 * For a timer, which has no RAM, config space or CPU, the source sends TIMER,
 * REGISTERS, CONTEXT, and GO or CANCEL; the answers to GO are STARTED and
 * TIMER_RESULT.
 */
#ifndef DEVSTATE_MIGRATE_WIRE_H
#define DEVSTATE_MIGRATE_WIRE_H

#include <stddef.h>
#include <linux/types.h>

#define WIRE_MAGIC	0x314d5344U
#define WIRE_VERSION	2

/* Pieces that bulk data is cut into. */
#define WIRE_RAM_PAGES		64
#define WIRE_CONTEXT_MAX	(1024 * 1024)

/* Enough of PCI config space: BARs and COMMAND. */
#define WIRE_CONFIG_SIZE	64

/**
 * enum wire_type - kinds of frames
 * @WIRE_HELLO: u32 version, u32 rounds, u64 seed, u32 pages of guest RAM, u32
 *	pages of VRAM
 * @WIRE_RAM: u64 offset in guest RAM, then whole pages
 * @WIRE_CONFIG: the first WIRE_CONFIG_SIZE bytes of PCI config space
 * @WIRE_CPU: u32 command that the CPU writes next, for each of four queues;
 *	u32 the device's PENDING, u32 0, u64 its CLOCK, as it was stopped
 * @WIRE_CONTEXT: the next bytes of the context
 * @WIRE_GO: all is there; the target owns the device from here on
 * @WIRE_CANCEL: forget it; the source goes on
 * @WIRE_STARTED: the device runs on the target
 * @WIRE_RESULT: the members of struct verify_result, u32 each
 * @WIRE_ERROR: u32 errno
 * @WIRE_TIMER: u32 version, u32 0
 * @WIRE_REGISTERS: all registers of a timer, u32 each, as it was stopped
 * @WIRE_TIMER_RESULT: u32 registers that are wrong, u32 ticks since it was
 *	started
 * @WIRE_TYPES: one more than the last
 */
enum wire_type {
	WIRE_HELLO	= 1,
	WIRE_RAM	= 2,
	WIRE_CONFIG	= 3,
	WIRE_CPU	= 4,
	WIRE_CONTEXT	= 5,
	WIRE_GO		= 6,
	WIRE_CANCEL	= 7,
	WIRE_STARTED	= 8,
	WIRE_RESULT	= 9,
	WIRE_ERROR	= 10,
	WIRE_TIMER	= 11,
	WIRE_REGISTERS	= 12,
	WIRE_TIMER_RESULT = 13,
	WIRE_TYPES
};

/**
 * struct wire_frame - a frame that was received
 * @type: enum wire_type
 * @length: bytes of payload, within the bounds of @type
 * @data: payload, until the next frame
 */
struct wire_frame {
	__u32 type;
	__u32 length;
	const __u8 *data;
};

/**
 * struct wire - one end of a connection
 * @fd: the socket
 * @buffer: where payloads are received
 * @sent: bytes sent, headers included
 */
struct wire {
	int fd;
	__u8 *buffer;
	__u64 sent;
};

/* Take over a socket. 0 or -ENOMEM, with the socket closed. */
int wire_init(struct wire *wire, int fd);
void wire_close(struct wire *wire);

/* Send a frame whose payload is @head, then @data. */
int wire_send_two(struct wire *wire, enum wire_type type, const void *head,
		  size_t head_len, const void *data, size_t len);
int wire_send(struct wire *wire, enum wire_type type, const void *data,
	      size_t len);

/* Send a frame of 32-bit words. */
int wire_send_words(struct wire *wire, enum wire_type type,
		    const __u32 *words, size_t count);

/*
 * Receive a frame: 0, -EPROTO for one that breaks the rules, -ECONNRESET at
 * the end of the stream, -ETIMEDOUT if nothing comes for too long, or -errno.
 */
int wire_receive(struct wire *wire, struct wire_frame *frame);

/* Little-endian number at @offset of a payload that is long enough. */
__u32 wire_u32(const struct wire_frame *frame, size_t offset);
__u64 wire_u64(const struct wire_frame *frame, size_t offset);

/**
 * wire_connect - connect to a target
 * @address: unix:PATH or tcp:HOST:PORT; tried for some seconds
 *
 * Return: a socket, or -errno; -EINVAL for an address of another form,
 * -EHOSTUNREACH for a host that is not known.
 */
int wire_connect(const char *address);

/**
 * wire_accept - wait for one source
 * @address: as above; a socket at PATH that nobody has open any more is replaced
 *
 * Return: a connected socket, or -errno as above; -EADDRINUSE if somebody has
 * the address, or if PATH is no socket. Who listens there is not disturbed.
 */
int wire_accept(const char *address);

#endif /* DEVSTATE_MIGRATE_WIRE_H */
