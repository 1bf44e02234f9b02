// SPDX-License-Identifier: GPL-2.0
/*
 * Contexts taken apart and put together again, see stream_edit.h. Written
 * from the documentation, not from the kernel's code, which it is to check.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>

#include "stream_edit.h"

static const char stream_prefix_magic[] = "MDEVCTX1";
static const char stream_magic[] = "MDEVSTRM";

__u16 stream_get16(const __u8 *p)
{
	return p[0] | p[1] << 8;
}

__u32 stream_get32(const __u8 *p)
{
	return stream_get16(p) | (__u32)stream_get16(p + 2) << 16;
}

__u64 stream_get64(const __u8 *p)
{
	return stream_get32(p) | (__u64)stream_get32(p + 4) << 32;
}

void stream_put16(__u8 *p, __u16 value)
{
	p[0] = value;
	p[1] = value >> 8;
}

void stream_put32(__u8 *p, __u32 value)
{
	stream_put16(p, value);
	stream_put16(p + 2, value >> 16);
}

void stream_put64(__u8 *p, __u64 value)
{
	stream_put32(p, value);
	stream_put32(p + 4, value >> 32);
}

static __u32 stream_crc_table[256];

static void stream_crc_init(void)
{
	unsigned int i, bit;

	if (stream_crc_table[1])
		return;
	for (i = 0; i < 256; i++) {
		__u32 crc = i;

		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
		stream_crc_table[i] = crc;
	}
}

__u32 stream_crc32c(__u32 crc, const void *data, size_t length)
{
	const __u8 *p = data;

	stream_crc_init();
	crc = ~crc;
	while (length--)
		crc = crc >> 8 ^ stream_crc_table[(crc ^ *p++) & 0xff];
	return ~crc;
}

static void *stream_alloc(void *old, size_t size)
{
	void *data = realloc(old, size ? size : 1);

	if (!data)
		err(1, "%zu bytes for a stream", size);
	return data;
}

static __u32 stream_header_crc(const __u8 *header)
{
	__u8 copy[STREAM_HEADER];

	memcpy(copy, header, sizeof(copy));
	stream_put32(copy + STREAM_HEADER_CRC, 0);
	return stream_crc32c(0, copy, sizeof(copy));
}

static __u32 stream_section_crc(const __u8 *section)
{
	__u32 crc = stream_crc32c(0, section, 12);

	return stream_crc32c(crc, section + STREAM_SECTION_HEADER,
			     stream_get32(section + 8));
}

void stream_seal_header(__u8 *data)
{
	__u8 *header = data + STREAM_PREFIX;

	stream_put32(header + STREAM_HEADER_CRC, stream_header_crc(header));
}

void stream_seal_section(__u8 *section)
{
	stream_put32(section + 12, stream_section_crc(section));
}

int stream_find(const struct stream *stream, __u32 id, unsigned int from)
{
	unsigned int i;

	for (i = from; i < stream->nr; i++)
		if (stream->sections[i].id == id)
			return i;
	return -1;
}

struct stream_section *stream_insert(struct stream *stream, unsigned int where,
				     __u32 id, __u16 version,
				     __u16 flags, const void *payload,
				     __u32 length)
{
	struct stream_section *section;

	stream->sections = stream_alloc(stream->sections, (stream->nr + 1) *
					sizeof(*stream->sections));
	section = &stream->sections[where];
	memmove(section + 1, section, (stream->nr - where) * sizeof(*section));
	stream->nr++;

	section->id = id;
	section->version = version;
	section->flags = flags;
	section->length = length;
	section->offset = 0;
	section->payload = stream_alloc(NULL, length);
	if (payload)
		memcpy(section->payload, payload, length);
	else
		memset(section->payload, 0, length);
	return section;
}

struct stream_section *stream_append(struct stream *stream, __u32 id,
				     __u16 version, __u16 flags,
				     const void *payload, __u32 length)
{
	return stream_insert(stream, stream->nr, id, version, flags, payload,
			     length);
}

void stream_remove(struct stream *stream, unsigned int where)
{
	struct stream_section *section = &stream->sections[where];

	free(section->payload);
	stream->nr--;
	memmove(section, section + 1, (stream->nr - where) * sizeof(*section));
}

void stream_swap(struct stream *stream, unsigned int a, unsigned int b)
{
	struct stream_section section = stream->sections[a];

	stream->sections[a] = stream->sections[b];
	stream->sections[b] = section;
}

void stream_resize(struct stream_section *section, __u32 length)
{
	section->payload = stream_alloc(section->payload, length);
	if (length > section->length)
		memset(section->payload + section->length, 0,
		       length - section->length);
	section->length = length;
}

struct stream_section *stream_append_memory(struct stream *stream,
					    __u64 offset, __u32 length,
					    __u8 fill)
{
	struct stream_section *section;

	section = stream_append(stream, STREAM_MEM, 1, 0, NULL, 8 + length);
	stream_put64(section->payload, offset);
	memset(section->payload + 8, fill, length);
	return section;
}

void stream_free(struct stream *stream)
{
	while (stream->nr)
		stream_remove(stream, stream->nr - 1);
	free(stream->sections);
	stream->sections = NULL;
}

static const char *stream_parse_header(const __u8 *data, size_t length)
{
	const __u8 *header = data + STREAM_PREFIX;
	unsigned int i;

	if (length < STREAM_PREFIX + STREAM_HEADER)
		return "too short for a header";
	if (memcmp(data, stream_prefix_magic, 8))
		return "no context's magic";
	if (stream_get64(data + 8) != length)
		return "length is not that of the context";
	if (memcmp(header, stream_magic, 8))
		return "no stream's magic";
	if (stream_get16(header + STREAM_HEADER_VERSION) != 1)
		return "not format 1";
	if (stream_get16(header + STREAM_HEADER_RESERVED))
		return "reserved half word of the header is not 0";
	if (stream_get32(header + STREAM_HEADER_CRC) !=
	    stream_header_crc(header))
		return "checksum of the header";
	if (!memchr(header + STREAM_HEADER_TYPE, 0, 32))
		return "device type has no end";
	for (i = STREAM_HEADER_REST; i < STREAM_HEADER; i++)
		if (header[i])
			return "reserved rest of the header is not 0";
	return NULL;
}

static const char *stream_parse_end(const struct stream *stream,
				    const __u8 *section, size_t before,
				    size_t left)
{
	const __u8 *payload = section + STREAM_SECTION_HEADER;

	if (stream_get32(section + 8) != 12)
		return "end mark is not of 12 bytes";
	if (stream_get64(payload) != before)
		return "end mark counts other bytes";
	if (stream_get32(payload + 8) != stream->nr)
		return "end mark counts other sections";
	if (left != STREAM_SECTION_HEADER + 12)
		return "bytes follow the end mark";
	return NULL;
}

static const char *stream_parse_memory(const struct stream_section *section,
				       __u64 *next)
{
	__u64 offset;

	if (section->length < 8 + STREAM_PAGE ||
	    section->length > 8 + STREAM_MEM_MAX ||
	    (section->length - 8) % STREAM_PAGE)
		return "memory section of no whole pages";
	offset = stream_get64(section->payload);
	if (offset % STREAM_PAGE || offset < *next)
		return "memory is not ascending by whole pages";
	*next = offset + section->length - 8;
	return NULL;
}

static const char *stream_check_section(const struct stream *stream,
					unsigned int nr, __u64 *mem_next)
{
	const struct stream_section *section = &stream->sections[nr];

	if (stream_find(stream, STREAM_COMPAT, 0) != 0 ||
	    stream_find(stream, STREAM_COMPAT, 1) >= 0)
		return "compatibility is not the first section";
	if (section->flags & ~STREAM_OPTIONAL)
		return "unknown flags";
	if (!section->version)
		return "section of version 0";
	if (section->id == STREAM_MEM)
		return stream_parse_memory(section, mem_next);
	if (stream_find(stream, section->id, 0) != (int)nr)
		return "section occurs twice";
	return NULL;
}

/* Sections up to the end mark, which has to be the last. */
static const char *stream_parse_sections(struct stream *stream,
					 const __u8 *data, size_t length)
{
	size_t at = STREAM_PREFIX + STREAM_HEADER;
	__u64 mem_next = 0;
	const char *why;

	while (length - at >= STREAM_SECTION_HEADER) {
		const __u8 *section = data + at;
		__u32 bytes = stream_get32(section + 8);

		if (bytes > length - at - STREAM_SECTION_HEADER)
			return "section is cut off";
		if (stream_get32(section + 12) != stream_section_crc(section))
			return "checksum of a section";
		if (stream_get32(section) == STREAM_END)
			return stream_parse_end(stream, section,
						at - STREAM_PREFIX,
						length - at);
		stream_append(stream, stream_get32(section),
			      stream_get16(section + 4),
			      stream_get16(section + 6),
			      section + STREAM_SECTION_HEADER, bytes)->offset =
			at;
		why = stream_check_section(stream, stream->nr - 1, &mem_next);
		if (why)
			return why;
		at += STREAM_SECTION_HEADER + bytes;
	}
	return "no end mark";
}

const char *stream_parse(struct stream *stream, const __u8 *data,
			 size_t length)
{
	const char *why;

	memset(stream, 0, sizeof(*stream));
	why = stream_parse_header(data, length);
	if (why)
		return why;
	memcpy(stream->header, data + STREAM_PREFIX, STREAM_HEADER);
	return stream_parse_sections(stream, data, length);
}

static size_t stream_emit(__u8 *at, __u32 id, __u16 version,
			  __u16 flags, const void *payload, __u32 length)
{
	stream_put32(at, id);
	stream_put16(at + 4, version);
	stream_put16(at + 6, flags);
	stream_put32(at + 8, length);
	memcpy(at + STREAM_SECTION_HEADER, payload, length);
	stream_seal_section(at);
	return STREAM_SECTION_HEADER + length;
}

/* Bytes of the stream before the end mark. */
static size_t stream_total(const struct stream *stream)
{
	size_t total = STREAM_HEADER;
	unsigned int i;

	for (i = 0; i < stream->nr; i++)
		total += STREAM_SECTION_HEADER + stream->sections[i].length;
	return total;
}

struct stream_bytes stream_build_end(const struct stream *stream,
				     __u64 total, __u32 nr)
{
	struct stream_bytes bytes;
	__u8 end[12];
	unsigned int i;
	size_t at;

	bytes.length = STREAM_PREFIX + stream_total(stream) +
		       STREAM_SECTION_HEADER + sizeof(end);
	bytes.data = stream_alloc(NULL, bytes.length);
	memcpy(bytes.data, stream_prefix_magic, 8);
	stream_put64(bytes.data + 8, bytes.length);
	memcpy(bytes.data + STREAM_PREFIX, stream->header, STREAM_HEADER);
	stream_seal_header(bytes.data);
	at = STREAM_PREFIX + STREAM_HEADER;
	for (i = 0; i < stream->nr; i++) {
		const struct stream_section *section = &stream->sections[i];

		at += stream_emit(bytes.data + at, section->id,
				  section->version, section->flags,
				  section->payload, section->length);
	}
	stream_put64(end, total);
	stream_put32(end + 8, nr);
	stream_emit(bytes.data + at, STREAM_END, 1, 0, end, sizeof(end));
	return bytes;
}

struct stream_bytes stream_build(const struct stream *stream)
{
	return stream_build_end(stream, stream_total(stream), stream->nr);
}
