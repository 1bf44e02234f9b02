// SPDX-License-Identifier: GPL-2.0
/*
 * A saved context: what a stopped device would send, readable at any offset
 * and in any cut, always with the same bytes.
 *
 * All but device memory is written once, into one buffer. Of memory only an
 * index is kept: which chunks travel, and where in the context each begins. A
 * chunk is framed when it is read; the last one stays in a cache, so that a
 * client that reads byte by byte does not make the device copy each time.
 * Pure: also compiled in user space. Whoever calls sees to it that the device
 * stays as it is.
 */
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vfio_device_state.h>

#include "region_stream.h"

/* A memory section is this much longer than its data. */
#define MDEV_MIGRATION_CHUNK_FRAME \
	(MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_MEM_HEAD)

/* First allocation of the index; then it doubles. */
#define MDEV_MIGRATION_REGION_STREAM_ROOM	64U

/**
 * struct mdev_migration_chunk - device memory that travels as one section
 * @at: offset of its section in the context
 * @offset: in device memory
 * @len: bytes of memory
 */
struct mdev_migration_chunk {
	u64 at;
	u64 offset;
	u32 len;
};

/**
 * struct mdev_migration_region_stream - the context of a stopped device
 * @format: what its stream looks like
 * @ops: the driver's
 * @priv: for @ops
 * @front: the context up to device memory
 * @front_len: bytes of it
 * @chunks: device memory, ascending
 * @nr_chunks: entries of @chunks
 * @room: entries allocated
 * @end_at: offset of @end in the context
 * @end: the end mark
 * @length: bytes of the context; what follows reads as zeros
 * @cache: the section of one chunk, ready to be copied
 * @cached: index of that chunk plus 1, or 0
 */
struct mdev_migration_region_stream {
	const struct mdev_migration_format *format;
	const struct mdev_migration_ops *ops;
	void *priv;
	u8 *front;
	size_t front_len;
	struct mdev_migration_chunk *chunks;
	u32 nr_chunks;
	u32 room;
	u64 end_at;
	u8 end[MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_END_LEN];
	u64 length;
	u8 *cache;
	u32 cached;
};

/* Write everything but memory. */
static int mdev_migration_region_stream_front(struct mdev_migration_region_stream *stream,
					      struct mdev_migration_writer *writer)
{
	const struct mdev_migration_ops *ops = stream->ops;
	size_t bound = mdev_migration_writer_bound(stream->format);
	int error;

	stream->front = kvmalloc(MDEV_MIGRATION_CONTEXT_HEAD + bound,
				 GFP_KERNEL_ACCOUNT);
	if (!stream->front)
		return -ENOMEM;

	mdev_migration_writer_init(writer, stream->format,
				   stream->front + MDEV_MIGRATION_CONTEXT_HEAD,
				   bound);
	mdev_migration_writer_head(writer);
	error = mdev_migration_writer_compat(writer, ops->describe,
					     stream->priv);
	if (error)
		return error;
	error = ops->save(stream->priv, writer);
	if (error)
		return error;

	stream->front_len = MDEV_MIGRATION_CONTEXT_HEAD + writer->buf.len;
	return 0;
}

static int mdev_migration_region_stream_add(struct mdev_migration_region_stream *stream,
					    u64 at, u64 offset, u32 len)
{
	struct mdev_migration_chunk *chunks;
	u32 room;

	if (stream->nr_chunks == stream->room) {
		room = max(MDEV_MIGRATION_REGION_STREAM_ROOM, 2 * stream->room);
		chunks = kvmalloc_array(room, sizeof(*chunks),
					GFP_KERNEL_ACCOUNT);
		if (!chunks)
			return -ENOMEM;
		if (stream->nr_chunks)
			memcpy(chunks, stream->chunks,
			       stream->nr_chunks * sizeof(*chunks));
		kvfree(stream->chunks);
		stream->chunks = chunks;
		stream->room = room;
	}

	stream->chunks[stream->nr_chunks++] = (struct mdev_migration_chunk){
		.at = at,
		.offset = offset,
		.len = len,
	};
	return 0;
}

/* Find the memory that travels; sets the offset at which the end mark goes. */
static int mdev_migration_region_stream_index(struct mdev_migration_region_stream *stream)
{
	const struct mdev_migration_mem_ops *mem = stream->ops->mem;
	u64 mem_size = stream->format->mem_size;
	u64 at = stream->front_len;
	u64 from = 0;

	while (mem && from < mem_size) {
		u64 offset = from;
		u32 len = 0;
		int error;

		if (!mem->next_chunk(stream->priv, false, &offset, &len))
			break;
		if (WARN_ON_ONCE(!mdev_migration_chunk_sane(mem_size, from,
							    offset, len)))
			return -EIO;
		if (len) {
			error = mdev_migration_region_stream_add(stream, at,
								 offset, len);
			if (error)
				return error;
			at += MDEV_MIGRATION_CHUNK_FRAME + len;
		}
		from = offset + len;
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}

	stream->end_at = at;
	if (!stream->nr_chunks)
		return 0;
	stream->cache = kvmalloc(MDEV_MIGRATION_CHUNK_FRAME +
				 MDEV_MIGRATION_CHUNK_MAX,
				 GFP_KERNEL_ACCOUNT);
	return stream->cache ? 0 : -ENOMEM;
}

/* Now that all lengths are known: the end mark, and the region's header. */
static void mdev_migration_region_stream_seal(struct mdev_migration_region_stream *stream,
					      const struct mdev_migration_writer *writer)
{
	struct mdev_migration_buf head = {
		.data = stream->front,
		.size = MDEV_MIGRATION_CONTEXT_HEAD,
	};

	stream->length = stream->end_at + sizeof(stream->end);
	mdev_migration_stream_end(stream->end,
				  stream->end_at - MDEV_MIGRATION_CONTEXT_HEAD,
				  writer->nr_sections + stream->nr_chunks);
	mdev_migration_put_u64(&head, VFIO_DEVICE_STATE_MAGIC);
	mdev_migration_put_u64(&head, stream->length);
}

/**
 * mdev_migration_region_stream_take - save a device
 * @format: what its stream looks like; has to outlive the stream
 * @ops: the driver's; the device is stopped
 * @priv: for @ops
 *
 * Return: the stream, or an error pointer: -ENOMEM, or what the driver
 * returned.
 */
struct mdev_migration_region_stream *
mdev_migration_region_stream_take(const struct mdev_migration_format *format,
				  const struct mdev_migration_ops *ops, void *priv)
{
	struct mdev_migration_region_stream *stream;
	struct mdev_migration_writer writer;
	int error;

	stream = kzalloc(sizeof(*stream), GFP_KERNEL_ACCOUNT);
	if (!stream)
		return ERR_PTR(-ENOMEM);
	stream->format = format;
	stream->ops = ops;
	stream->priv = priv;

	error = mdev_migration_region_stream_front(stream, &writer);
	if (error)
		goto err_free;
	error = mdev_migration_region_stream_index(stream);
	if (error)
		goto err_free;

	mdev_migration_region_stream_seal(stream, &writer);
	return stream;

err_free:
	mdev_migration_region_stream_free(stream);
	return ERR_PTR(error < 0 ? error : -EIO);
}

/**
 * mdev_migration_region_stream_free - forget a saved context
 * @stream: may be NULL
 */
void mdev_migration_region_stream_free(struct mdev_migration_region_stream *stream)
{
	if (!stream)
		return;
	kvfree(stream->cache);
	kvfree(stream->chunks);
	kvfree(stream->front);
	kfree(stream);
}

/**
 * mdev_migration_region_stream_length - how long the context is
 * @stream: of a device
 *
 * Return: bytes, the header included.
 */
u64 mdev_migration_region_stream_length(const struct mdev_migration_region_stream *stream)
{
	return stream->length;
}

/**
 * mdev_migration_region_stream_chunks - how much device memory travels
 * @stream: of a device
 *
 * Return: memory sections in the context.
 */
u32 mdev_migration_region_stream_chunks(const struct mdev_migration_region_stream *stream)
{
	return stream->nr_chunks;
}

/* The chunk whose section holds offset @at, which is known to exist. */
static u32 mdev_migration_region_stream_find(const struct mdev_migration_region_stream *stream,
					     u64 at)
{
	u32 low = 0, high = stream->nr_chunks - 1;

	while (low < high) {
		u32 middle = low + (high - low + 1) / 2;

		if (stream->chunks[middle].at <= at)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

/* Put the section of a chunk into the cache. */
static int mdev_migration_region_stream_fill(struct mdev_migration_region_stream *stream,
					     u32 nr)
{
	const struct mdev_migration_chunk *chunk = &stream->chunks[nr];
	struct mdev_migration_buf head = {
		.data = stream->cache + MDEV_MIGRATION_SECTION_HEAD,
		.size = MDEV_MIGRATION_MEM_HEAD,
	};
	int error;

	if (stream->cached == nr + 1)
		return 0;

	stream->cached = 0;
	mdev_migration_put_u64(&head, chunk->offset);
	error = stream->ops->mem->read_chunk(stream->priv, chunk->offset,
					     stream->cache +
					     MDEV_MIGRATION_CHUNK_FRAME,
					     chunk->len);
	if (error)
		return error < 0 ? error : -EIO;

	mdev_migration_stream_frame(stream->cache,
				    MDEV_MIGRATION_SECTION_MEM, 1, 0,
				    MDEV_MIGRATION_MEM_HEAD + chunk->len);
	stream->cached = nr + 1;
	return 0;
}

/* The bytes from @at on that lie in one place; none there means zeros. */
static int mdev_migration_region_stream_piece(struct mdev_migration_region_stream *stream,
					      u64 at, const u8 **data, u64 *len)
{
	const struct mdev_migration_chunk *chunk;
	u32 nr;
	int error;

	if (at < stream->front_len) {
		*data = stream->front + at;
		*len = stream->front_len - at;
		return 0;
	}
	if (at >= stream->length) {
		*data = NULL;
		*len = U64_MAX;
		return 0;
	}
	if (at >= stream->end_at) {
		*data = stream->end + (at - stream->end_at);
		*len = stream->length - at;
		return 0;
	}

	nr = mdev_migration_region_stream_find(stream, at);
	error = mdev_migration_region_stream_fill(stream, nr);
	if (error)
		return error;
	chunk = &stream->chunks[nr];
	*data = stream->cache + (at - chunk->at);
	*len = chunk->at + MDEV_MIGRATION_CHUNK_FRAME + chunk->len - at;
	return 0;
}

/**
 * mdev_migration_region_stream_read - copy a part of the context
 * @stream: of a device
 * @at: offset in the context
 * @out: where to
 * @len: bytes; those past the context's length are zeros
 *
 * Return: 0, or what the driver's read_chunk returned.
 */
int mdev_migration_region_stream_read(struct mdev_migration_region_stream *stream,
				      u64 at, u8 *out, size_t len)
{
	while (len) {
		const u8 *data;
		size_t piece;
		u64 left;
		int error;

		error = mdev_migration_region_stream_piece(stream, at, &data,
							   &left);
		if (error)
			return error;

		piece = min_t(u64, len, left);
		if (data)
			memcpy(out, data, piece);
		else
			memset(out, 0, piece);
		at += piece;
		out += piece;
		len -= piece;
	}
	return 0;
}
