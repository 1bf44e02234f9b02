// SPDX-License-Identifier: GPL-2.0
/*
 * Writes the parts of a stream: its header, the frame of a section around a
 * payload that is already in place, the end mark. Also says how long a stream
 * can get. Pure: also compiled in user space.
 */
#include <linux/bug.h>
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/string.h>

#include "stream.h"

/**
 * mdev_migration_format_find - look a kind of section up
 * @format: of a device
 * @id: of the section
 *
 * Return: index in @format->sections, or -1.
 */
int mdev_migration_format_find(const struct mdev_migration_format *format,
			       u32 id)
{
	unsigned int i;

	for (i = 0; i < format->nr_sections; i++) {
		if (format->sections[i].id == id)
			return i;
	}
	return -1;
}

/**
 * mdev_migration_writer_bound - most bytes of all that is not device memory
 * @format: of the device
 *
 * Return: header, compatibility section and state sections; no end mark.
 */
size_t mdev_migration_writer_bound(const struct mdev_migration_format *format)
{
	return MDEV_MIGRATION_STREAM_HEAD +
	       MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_COMPAT_MAX +
	       format->state_size +
	       (size_t)format->nr_sections * MDEV_MIGRATION_SECTION_HEAD;
}

/**
 * mdev_migration_stream_bound - most bytes of a device's stream
 * @format: of the device
 *
 * Return: the length of a stream in which everything is as large as it may be
 * and every page of memory is a section of its own.
 */
u64 mdev_migration_stream_bound(const struct mdev_migration_format *format)
{
	u64 pages = format->mem_size / MDEV_MIGRATION_PAGE;

	return mdev_migration_writer_bound(format) + format->mem_size +
	       pages * (MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_MEM_HEAD) +
	       MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_END_LEN;
}

/**
 * mdev_migration_writer_init - begin a stream
 * @writer: filled in
 * @format: how it has to look
 * @data: storage
 * @size: bytes of it, mdev_migration_writer_bound() or more
 */
void mdev_migration_writer_init(struct mdev_migration_writer *writer,
				const struct mdev_migration_format *format,
				u8 *data, size_t size)
{
	memset(writer, 0, sizeof(*writer));
	writer->format = format;
	writer->buf.data = data;
	writer->buf.size = size;
	writer->state_left = format->state_size;
}

/**
 * mdev_migration_writer_head - write the header of the stream
 * @writer: a new one
 */
void mdev_migration_writer_head(struct mdev_migration_writer *writer)
{
	struct mdev_migration_buf *buf = &writer->buf;
	u8 type[MDEV_MIGRATION_TYPE_MAX] = {};
	u8 *head = mdev_migration_buf_room(buf, MDEV_MIGRATION_STREAM_HEAD);
	struct mdev_migration_buf field = {
		.data = head,
		.size = MDEV_MIGRATION_STREAM_HEAD,
	};

	if (WARN_ON_ONCE(!head))
		return;

	memset(head, 0, MDEV_MIGRATION_STREAM_HEAD);
	memcpy(type, writer->format->type, strlen(writer->format->type));

	mdev_migration_put_bytes(&field, MDEV_MIGRATION_STREAM_MAGIC,
				 MDEV_MIGRATION_STREAM_MAGIC_LEN);
	mdev_migration_put_u16(&field, MDEV_MIGRATION_STREAM_VERSION);
	mdev_migration_put_u16(&field, 0);
	mdev_migration_put_u32(&field, 0);
	mdev_migration_put_bytes(&field, type, sizeof(type));

	field.len = MDEV_MIGRATION_STREAM_SUM_AT;
	mdev_migration_put_u32(&field,
			       ~crc32c(~0U, head, MDEV_MIGRATION_STREAM_HEAD));
}

/**
 * mdev_migration_stream_frame - write the header of a section
 * @section: the section: room for its header, then the payload, in place
 * @id: of the section
 * @version: of its payload
 * @flags: MDEV_MIGRATION_SECTION_OPTIONAL or 0
 * @len: bytes of payload
 */
void mdev_migration_stream_frame(u8 *section, u32 id, u16 version, u16 flags,
				 u32 len)
{
	struct mdev_migration_buf head = {
		.data = section,
		.size = MDEV_MIGRATION_SECTION_HEAD,
	};
	u32 crc;

	mdev_migration_put_u32(&head, id);
	mdev_migration_put_u16(&head, version);
	mdev_migration_put_u16(&head, flags);
	mdev_migration_put_u32(&head, len);

	crc = crc32c(~0U, section, MDEV_MIGRATION_SECTION_SUMMED);
	crc = crc32c(crc, section + MDEV_MIGRATION_SECTION_HEAD, len);
	mdev_migration_put_u32(&head, ~crc);
}

/**
 * mdev_migration_writer_compat - write the compatibility section
 * @writer: the header was written
 * @describe: writes the payload
 * @priv: for @describe
 *
 * Return: 0, -EOVERFLOW for a payload that is too long, or what @describe
 * returned.
 */
int mdev_migration_writer_compat(struct mdev_migration_writer *writer,
				 int (*describe)(void *priv,
						 struct mdev_migration_buf *buf),
				 void *priv)
{
	u8 *section = mdev_migration_buf_room(&writer->buf,
					      MDEV_MIGRATION_SECTION_HEAD +
					      MDEV_MIGRATION_COMPAT_MAX);
	struct mdev_migration_buf payload = {
		.data = section + MDEV_MIGRATION_SECTION_HEAD,
		.size = MDEV_MIGRATION_COMPAT_MAX,
	};
	int error;

	if (WARN_ON_ONCE(!section))
		return -EOVERFLOW;

	error = describe(priv, &payload);
	if (error)
		return error;
	if (payload.overflow)
		return -EOVERFLOW;

	mdev_migration_stream_frame(section, MDEV_MIGRATION_SECTION_COMPAT,
				    writer->format->compat_version, 0,
				    payload.len);
	writer->buf.len -= MDEV_MIGRATION_COMPAT_MAX - payload.len;
	writer->nr_sections++;
	return 0;
}

/* A driver that breaks what its own descriptor says could never be loaded. */
static bool mdev_migration_writer_allows(struct mdev_migration_writer *writer,
					 int slot, u16 version, u16 flags,
					 u32 len)
{
	const struct mdev_migration_section_desc *desc;

	if (slot < 0 || writer->seen & 1U << slot)
		return false;
	desc = &writer->format->sections[slot];
	return version && version <= desc->version && len <= desc->max_len &&
	       !(flags & ~MDEV_MIGRATION_SECTION_OPTIONAL);
}

int mdev_migration_put_section(struct mdev_migration_writer *writer, u32 id,
			       u16 version, u16 flags, const void *data,
			       u32 len)
{
	int slot = mdev_migration_format_find(writer->format, id);
	u8 *section;

	if (WARN_ON_ONCE(!mdev_migration_writer_allows(writer, slot, version,
						       flags, len)))
		return -EINVAL;
	if (len > writer->state_left)
		return -EOVERFLOW;

	section = mdev_migration_buf_room(&writer->buf,
					  MDEV_MIGRATION_SECTION_HEAD + len);
	if (!section)
		return -EOVERFLOW;

	if (len)
		memcpy(section + MDEV_MIGRATION_SECTION_HEAD, data, len);
	mdev_migration_stream_frame(section, id, version, flags, len);
	writer->seen |= 1U << slot;
	writer->state_left -= len;
	writer->nr_sections++;
	return 0;
}
EXPORT_SYMBOL_GPL(mdev_migration_put_section);

/**
 * mdev_migration_stream_end - write the end mark
 * @section: room for it
 * @total: bytes of the stream before it
 * @nr_sections: sections before it
 */
void mdev_migration_stream_end(u8 *section, u64 total, u32 nr_sections)
{
	struct mdev_migration_buf payload = {
		.data = section + MDEV_MIGRATION_SECTION_HEAD,
		.size = MDEV_MIGRATION_END_LEN,
	};

	mdev_migration_put_u64(&payload, total);
	mdev_migration_put_u32(&payload, nr_sections);
	mdev_migration_stream_frame(section, MDEV_MIGRATION_SECTION_END, 1, 0,
				    MDEV_MIGRATION_END_LEN);
}

/**
 * mdev_migration_chunk_sane - could what a driver gave be loaded again?
 * @mem_size: bytes of device memory
 * @from: where the driver was told to begin to look
 * @offset: where it found the chunk
 * @len: bytes of it, or 0 if it only got so far
 *
 * Return: that.
 */
bool mdev_migration_chunk_sane(u64 mem_size, u64 from, u64 offset, u32 len)
{
	return offset >= from && offset < mem_size &&
	       offset % MDEV_MIGRATION_PAGE == 0 &&
	       (len || offset > from) && len % MDEV_MIGRATION_PAGE == 0 &&
	       len <= MDEV_MIGRATION_CHUNK_MAX && len <= mem_size - offset;
}
