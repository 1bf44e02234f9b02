/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Takes a context apart and puts it together again, as Documentation/stream.rst
 * describes it and knowing nothing else: what the kernel writes has to be
 * readable by this, and every wrong stream that a test wants is made here.
 */
#ifndef _SELFTESTS_STREAM_EDIT_H
#define _SELFTESTS_STREAM_EDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define STREAM_PREFIX		16	/* magic and length, before the stream */
#define STREAM_HEADER		64
#define STREAM_SECTION_HEADER	16

#define STREAM_COMPAT		1
#define STREAM_MEM		2
#define STREAM_END		3

#define STREAM_OPTIONAL		0x0001

#define STREAM_PAGE		4096
#define STREAM_MEM_MAX		(64 * 1024)
#define STREAM_STATE_MAX	(2 * 1024 * 1024)

/* Offsets in the stream header. */
#define STREAM_HEADER_VERSION	8
#define STREAM_HEADER_RESERVED	10
#define STREAM_HEADER_CRC	12
#define STREAM_HEADER_TYPE	16
#define STREAM_HEADER_REST	48

/**
 * struct stream_section - a section of a stream taken apart
 * @id: what it is
 * @version: of its payload
 * @flags: STREAM_OPTIONAL
 * @length: bytes of @payload
 * @payload: malloc()ed
 * @offset: of its header in the context it was read from
 */
struct stream_section {
	__u32 id;
	__u16 version;
	__u16 flags;
	__u32 length;
	__u8 *payload;
	size_t offset;
};

/**
 * struct stream - a context taken apart
 * @header: the stream's header
 * @sections: in order, without the end mark
 * @nr: number of @sections
 */
struct stream {
	__u8 header[STREAM_HEADER];
	struct stream_section *sections;
	unsigned int nr;
};

/**
 * struct stream_bytes - a context as it lies in the region from offset 1
 * @data: malloc()ed
 * @length: bytes, all of them in use
 */
struct stream_bytes {
	__u8 *data;
	size_t length;
};

__u16 stream_get16(const __u8 *p);
__u32 stream_get32(const __u8 *p);
__u64 stream_get64(const __u8 *p);
void stream_put16(__u8 *p, __u16 value);
void stream_put32(__u8 *p, __u32 value);
void stream_put64(__u8 *p, __u64 value);

/* CRC-32C as in RFC 3720; @crc is 0 or the result over the bytes before. */
__u32 stream_crc32c(__u32 crc, const void *data, size_t length);

/*
 * NULL, or what is wrong with the context. Nothing the format allows only to
 * receivers to tolerate is accepted: this judges what a device saved.
 */
const char *stream_parse(struct stream *stream, const __u8 *data,
			 size_t length);
void stream_free(struct stream *stream);

/* First section of that id at or after @from; -1 if there is none. */
int stream_find(const struct stream *stream, __u32 id, unsigned int from);
/* The payload is copied, and zeros if @payload is NULL. */
struct stream_section *stream_insert(struct stream *stream, unsigned int where,
				     __u32 id, __u16 version,
				     __u16 flags, const void *payload,
				     __u32 length);
struct stream_section *stream_append(struct stream *stream, __u32 id,
				     __u16 version, __u16 flags,
				     const void *payload, __u32 length);
void stream_remove(struct stream *stream, unsigned int where);
/* Exchange two sections. */
void stream_swap(struct stream *stream, unsigned int a, unsigned int b);
/* A new size of the payload; bytes that come are zeros. */
void stream_resize(struct stream_section *section, __u32 length);
/* A MEM section of @length bytes of memory, all @fill, at @offset. */
struct stream_section *stream_append_memory(struct stream *stream,
					    __u64 offset, __u32 length,
					    __u8 fill);

/* All sections, the right end mark, right checksums and length. */
struct stream_bytes stream_build(const struct stream *stream);
/* The same, but with this end mark. */
struct stream_bytes stream_build_end(const struct stream *stream,
				     __u64 total, __u32 nr);
/* Right checksums again in a context edited as bytes. */
void stream_seal_header(__u8 *data);
void stream_seal_section(__u8 *section);

#endif /* _SELFTESTS_STREAM_EDIT_H */
