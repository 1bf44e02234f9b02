// SPDX-License-Identifier: GPL-2.0
/*
 * A stream that is made while it is read, in two phases. While the device runs
 * there are the header, the compatibility section and device memory: once all
 * that holds data, then, in rounds, what was written since it was sent. Once
 * the device stands, the rest of memory, its state and the end mark follow.
 *
 * One piece at a time is kept: the beginning, a chunk of memory in its frame,
 * the state, or the end mark. Memory is tracked from before the beginning on,
 * so that what changes while its chunk is read is sent again.
 *
 * The device stands, but a VMM may write to it nevertheless. Memory is sent up
 * to the end mark, and the state is saved again as long as none of it was sent;
 * what is written later makes the stream stale. Pure: also compiled in user
 * space.
 */
#include <linux/bug.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "v2_stream.h"

/* A chunk may have the mark of a new round before it. */
#define MDEV_MIGRATION_V2_STREAM_CHUNK_AT				\
	(MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_SECTION_HEAD +	\
	 MDEV_MIGRATION_MEM_HEAD)

#define MDEV_MIGRATION_V2_STREAM_BEGIN_MAX				\
	(MDEV_MIGRATION_STREAM_HEAD + MDEV_MIGRATION_SECTION_HEAD +	\
	 MDEV_MIGRATION_COMPAT_MAX)

#define MDEV_MIGRATION_V2_STREAM_END					\
	(MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_END_LEN)

/**
 * struct mdev_migration_v2_stream_state - the saved state of a device
 * @data: state sections, or NULL
 * @len: bytes of them
 * @nr_sections: how many they are
 */
struct mdev_migration_v2_stream_state {
	u8 *data;
	size_t len;
	u32 nr_sections;
};

/**
 * struct mdev_migration_v2_stream - a stream on its way out
 * @format: what it looks like
 * @ops: the driver's
 * @priv: for @ops
 * @piece: what is read next
 * @piece_left: bytes of it
 * @total: bytes of the stream up to the end of @piece
 * @nr_sections: sections of these
 * @again: all that held data was sent; what follows are rounds
 * @round: this round has its mark
 * @cursor: where in device memory to go on
 * @initial: bytes of memory that the first pass still has, at most
 * @state: state sections, once the device stands
 * @state_sent: they are in @piece, or were
 * @ended: the end mark was made
 * @error: why nothing more is made
 * @begin: header and compatibility section, later the end mark
 * @chunk: a chunk of memory, its frame before it; NULL without memory
 */
struct mdev_migration_v2_stream {
	const struct mdev_migration_format *format;
	const struct mdev_migration_ops *ops;
	void *priv;
	const u8 *piece;
	size_t piece_left;
	u64 total;
	u32 nr_sections;
	bool again;
	bool round;
	u64 cursor;
	u64 initial;
	struct mdev_migration_v2_stream_state state;
	bool state_sent;
	bool ended;
	int error;
	u8 begin[MDEV_MIGRATION_V2_STREAM_BEGIN_MAX];
	u8 *chunk;
};

static void mdev_migration_v2_stream_put(struct mdev_migration_v2_stream *stream,
					 const u8 *piece, size_t len,
					 u32 nr_sections)
{
	stream->piece = piece;
	stream->piece_left = len;
	stream->total += len;
	stream->nr_sections += nr_sections;
}

/**
 * mdev_migration_v2_stream_create - begin a stream
 * @format: what it looks like; has to outlive the stream
 * @ops: the driver's; its memory is tracked from now on
 * @priv: for @ops
 *
 * Return: the stream, or an error pointer: -ENOMEM, or what the driver
 * returned.
 */
struct mdev_migration_v2_stream *
mdev_migration_v2_stream_create(const struct mdev_migration_format *format,
				const struct mdev_migration_ops *ops, void *priv)
{
	struct mdev_migration_v2_stream *stream;
	struct mdev_migration_writer writer;
	int error = -ENOMEM;

	stream = kvzalloc(sizeof(*stream), GFP_KERNEL_ACCOUNT);
	if (!stream)
		return ERR_PTR(-ENOMEM);
	stream->format = format;
	stream->ops = ops;
	stream->priv = priv;

	if (ops->mem) {
		stream->chunk = kvmalloc(MDEV_MIGRATION_V2_STREAM_CHUNK_AT +
					 MDEV_MIGRATION_CHUNK_MAX,
					 GFP_KERNEL_ACCOUNT);
		if (!stream->chunk)
			goto err_free;
		stream->initial = ops->mem->data_estimate(priv, 0);
	}

	mdev_migration_writer_init(&writer, format, stream->begin,
				   sizeof(stream->begin));
	mdev_migration_writer_head(&writer);
	error = mdev_migration_writer_compat(&writer, ops->describe, priv);
	if (error)
		goto err_free;

	mdev_migration_v2_stream_put(stream, stream->begin, writer.buf.len,
				     writer.nr_sections);
	return stream;

err_free:
	mdev_migration_v2_stream_free(stream);
	return ERR_PTR(error < 0 ? error : -EIO);
}

/**
 * mdev_migration_v2_stream_free - forget a stream
 * @stream: may be NULL
 */
void mdev_migration_v2_stream_free(struct mdev_migration_v2_stream *stream)
{
	if (!stream)
		return;
	kvfree(stream->chunk);
	kvfree(stream->state.data);
	kvfree(stream);
}

/* 0, or -errno with the state that was given as it was. */
static int mdev_migration_v2_stream_take(struct mdev_migration_v2_stream *stream,
					 struct mdev_migration_v2_stream_state *state)
{
	const struct mdev_migration_format *format = stream->format;
	size_t size = format->state_size +
		      (size_t)format->nr_sections * MDEV_MIGRATION_SECTION_HEAD;
	struct mdev_migration_writer writer;
	int error;
	u8 *data;

	/* A driver may well have no state but its memory. */
	data = kvmalloc(size + 1, GFP_KERNEL_ACCOUNT);
	if (!data)
		return -ENOMEM;

	mdev_migration_writer_init(&writer, format, data, size);
	error = stream->ops->save(stream->priv, &writer);
	if (error) {
		kvfree(data);
		return error < 0 ? error : -EIO;
	}

	*state = (struct mdev_migration_v2_stream_state){
		.data = data,
		.len = writer.buf.len,
		.nr_sections = writer.nr_sections,
	};
	return 0;
}

/**
 * mdev_migration_v2_stream_save - the device stands: save its state
 * @stream: of a stream; called once
 *
 * Return: 0, or -errno with the stream as it was.
 */
int mdev_migration_v2_stream_save(struct mdev_migration_v2_stream *stream)
{
	return mdev_migration_v2_stream_take(stream, &stream->state);
}

/**
 * mdev_migration_v2_stream_renew - the VMM wrote to the device that stands
 * @stream: of a stream; its state was saved
 *
 * Return: 0 if what comes of the stream tells of it; -ESTALE, the same for ever,
 * if what was sent already does not and is not what it should be; or -errno
 * with the stream as it was.
 */
int mdev_migration_v2_stream_renew(struct mdev_migration_v2_stream *stream)
{
	const struct mdev_migration_mem_ops *mem = stream->ops->mem;
	struct mdev_migration_v2_stream_state state;
	int error;

	if (stream->error)
		return stream->error;

	error = mdev_migration_v2_stream_take(stream, &state);
	if (error)
		return error;

	if (!stream->state_sent) {
		swap(stream->state, state);
	} else if (state.len != stream->state.len ||
		   memcmp(state.data, stream->state.data, state.len) ||
		   (stream->ended && mem &&
		    mem->dirty_estimate(stream->priv))) {
		stream->error = -ESTALE;
	}
	kvfree(state.data);
	return stream->error;
}

/**
 * mdev_migration_v2_stream_saved - does the stream have an end?
 * @stream: of a stream
 *
 * Return: true once mdev_migration_v2_stream_save() succeeded.
 */
bool mdev_migration_v2_stream_saved(const struct mdev_migration_v2_stream *stream)
{
	return stream->state.data;
}

/* Read a chunk and frame it; zeros are only named. */
static int mdev_migration_v2_stream_put_chunk(struct mdev_migration_v2_stream *stream,
					      u64 offset, u32 len)
{
	u8 *data = stream->chunk + MDEV_MIGRATION_V2_STREAM_CHUNK_AT;
	u8 *section = stream->chunk + MDEV_MIGRATION_SECTION_HEAD;
	bool mark = stream->again && !stream->round;
	struct mdev_migration_buf payload = {
		.data = section + MDEV_MIGRATION_SECTION_HEAD,
		.size = MDEV_MIGRATION_ZERO_LEN,
	};
	u32 id = MDEV_MIGRATION_SECTION_MEM;
	u32 size = MDEV_MIGRATION_MEM_HEAD + len;
	int error;

	error = stream->ops->mem->read_chunk(stream->priv, offset, data,
					     len);
	/* EAGAIN is for ourselves */
	if (error)
		return error < 0 && error != -EAGAIN ? error : -EIO;

	mdev_migration_put_u64(&payload, offset);
	if (!memchr_inv(data, 0, len)) {
		mdev_migration_put_u32(&payload, len);
		id = MDEV_MIGRATION_SECTION_ZERO;
		size = MDEV_MIGRATION_ZERO_LEN;
	}
	mdev_migration_stream_frame(section, id, 1, 0, size);
	size += MDEV_MIGRATION_SECTION_HEAD;

	if (mark) {
		section -= MDEV_MIGRATION_SECTION_HEAD;
		mdev_migration_stream_frame(section,
					    MDEV_MIGRATION_SECTION_ROUND, 1, 0,
					    0);
		size += MDEV_MIGRATION_SECTION_HEAD;
		stream->round = true;
	}
	mdev_migration_v2_stream_put(stream, section, size, mark ? 2 : 1);
	return 0;
}

/* Find memory from the cursor on. 1 if there was some, 0, -EAGAIN, or -errno. */
static int mdev_migration_v2_stream_scan(struct mdev_migration_v2_stream *stream)
{
	const struct mdev_migration_mem_ops *mem = stream->ops->mem;
	u64 mem_size = stream->format->mem_size;
	u64 offset = stream->cursor;
	u32 len = 0;
	int error;

	if (offset >= mem_size ||
	    !mem->next_chunk(stream->priv, stream->again, &offset, &len)) {
		stream->cursor = mem_size;
		return 0;
	}
	if (WARN_ON_ONCE(!mdev_migration_chunk_sane(mem_size, stream->cursor,
						    offset, len)))
		return -EIO;

	if (!len) {
		stream->cursor = offset;
		return -EAGAIN;
	}
	error = mdev_migration_v2_stream_put_chunk(stream, offset, len);
	if (error)
		return error;
	stream->cursor = offset + len;
	return 1;
}

/* The next chunk of this round, or the first of another. Same answers. */
static int mdev_migration_v2_stream_memory(struct mdev_migration_v2_stream *stream)
{
	const struct mdev_migration_mem_ops *mem = stream->ops->mem;
	int got;

	if (!mem)
		return 0;

	got = mdev_migration_v2_stream_scan(stream);
	if (got || !mem->dirty_estimate(stream->priv)) {
		/* With the first pass over, nothing is left of it. */
		if (!got)
			stream->initial = 0;
		return got;
	}

	stream->initial = 0;
	stream->again = true;
	stream->round = false;
	stream->cursor = 0;
	return mdev_migration_v2_stream_scan(stream);
}

static void mdev_migration_v2_stream_put_end(struct mdev_migration_v2_stream *stream)
{
	mdev_migration_stream_end(stream->begin, stream->total,
				  stream->nr_sections);
	mdev_migration_v2_stream_put(stream, stream->begin,
				     MDEV_MIGRATION_V2_STREAM_END, 1);
	stream->ended = true;
}

/* Make the next piece. 1 if there is one, 0, -EAGAIN, or -errno. */
static int mdev_migration_v2_stream_next(struct mdev_migration_v2_stream *stream)
{
	int got;

	if (stream->ended)
		return 0;

	/* Also behind the state: what a VMM writes then is not lost. */
	got = mdev_migration_v2_stream_memory(stream);
	if (got || !stream->state.data)
		return got;

	if (!stream->state_sent && stream->state.len)
		mdev_migration_v2_stream_put(stream, stream->state.data,
					     stream->state.len,
					     stream->state.nr_sections);
	else
		mdev_migration_v2_stream_put_end(stream);
	stream->state_sent = true;
	return 1;
}

/* Copy what is left of the piece. */
static size_t mdev_migration_v2_stream_copy(struct mdev_migration_v2_stream *stream,
					    u8 *out, size_t len)
{
	len = min(len, stream->piece_left);
	memcpy(out, stream->piece, len);
	stream->piece += len;
	stream->piece_left -= len;
	return len;
}

/**
 * mdev_migration_v2_stream_read - read on in the stream
 * @stream: of a stream
 * @out: where to
 * @len: bytes wanted, 1 at least
 *
 * Makes one piece at most, as a few bytes may stand for a lot of memory: whoever
 * calls looks whether there is something more urgent to do.
 *
 * Return: bytes copied, which may be fewer than @len; 0 if there is no more: for
 * now, or, once the state was saved, at all. -EAGAIN if it is not known yet
 * whether there is: call again. Or another -errno, the same for ever.
 */
ssize_t mdev_migration_v2_stream_read(struct mdev_migration_v2_stream *stream,
				      u8 *out, size_t len)
{
	size_t done;
	int got;

	if (stream->error)
		return stream->error;

	done = mdev_migration_v2_stream_copy(stream, out, len);
	if (done == len)
		return done;

	got = mdev_migration_v2_stream_next(stream);
	if (got < 0 && got != -EAGAIN)
		stream->error = got;
	if (got > 0)
		done += mdev_migration_v2_stream_copy(stream, out + done,
						      len - done);
	return done || got > 0 ? done : got;
}

/* What it takes to send so much memory, if no page has a neighbour. */
static u64 mdev_migration_v2_stream_framed(u64 bytes)
{
	return bytes + bytes / MDEV_MIGRATION_PAGE *
		       (MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_MEM_HEAD);
}

/**
 * mdev_migration_v2_stream_precopy - what there is before the device stands
 * @stream: of a stream
 * @info: filled in
 */
void mdev_migration_v2_stream_precopy(struct mdev_migration_v2_stream *stream,
				      struct mdev_migration_precopy *info)
{
	const struct mdev_migration_mem_ops *mem = stream->ops->mem;
	u64 left;

	*info = (struct mdev_migration_precopy){};
	if (mem) {
		left = mem->data_estimate(stream->priv, stream->cursor);
		if (!stream->again)
			stream->initial = min(stream->initial, left);
		info->initial = mdev_migration_v2_stream_framed(stream->initial);
		info->dirty = mem->dirty_estimate(stream->priv);
		info->dirty = mdev_migration_v2_stream_framed(info->dirty);
	}
	if (stream->again)
		info->dirty += stream->piece_left;
	else
		info->initial += stream->piece_left;
}

/**
 * mdev_migration_v2_stream_ready - is there something to read?
 * @stream: of a stream
 *
 * Return: true also if reading gives an error, or the end.
 */
bool mdev_migration_v2_stream_ready(struct mdev_migration_v2_stream *stream)
{
	struct mdev_migration_precopy info;

	if (stream->error || stream->state.data)
		return true;
	mdev_migration_v2_stream_precopy(stream, &info);
	return info.initial || info.dirty;
}

/* Most bytes that the state of a device takes now. */
static u64 mdev_migration_v2_stream_most(const struct mdev_migration_format *format,
					 const struct mdev_migration_ops *ops,
					 void *priv)
{
	u32 len = format->state_size;

	if (ops->state_estimate)
		len = min(len, ops->state_estimate(priv));
	return len + format->nr_sections * MDEV_MIGRATION_SECTION_HEAD;
}

/**
 * mdev_migration_v2_stream_left - what is left if the device stood now
 * @stream: of a stream
 *
 * Return: bytes.
 */
u64 mdev_migration_v2_stream_left(struct mdev_migration_v2_stream *stream)
{
	struct mdev_migration_precopy info;
	u64 left;

	if (stream->ended)
		return stream->piece_left;

	mdev_migration_v2_stream_precopy(stream, &info);
	if (stream->state_sent)
		left = 0;
	else if (stream->state.data)
		left = stream->state.len;
	else
		left = mdev_migration_v2_stream_most(stream->format,
						     stream->ops,
						     stream->priv);
	return info.initial + info.dirty + left + MDEV_MIGRATION_V2_STREAM_END;
}

/**
 * mdev_migration_v2_stream_estimate - what a stream takes that begins now
 * @format: what it looks like
 * @ops: the driver's
 * @priv: for @ops
 *
 * Return: bytes.
 */
u64 mdev_migration_v2_stream_estimate(const struct mdev_migration_format *format,
				      const struct mdev_migration_ops *ops,
				      void *priv)
{
	u64 bytes = MDEV_MIGRATION_V2_STREAM_BEGIN_MAX +
		    mdev_migration_v2_stream_most(format, ops, priv) +
		    MDEV_MIGRATION_V2_STREAM_END;

	if (ops->mem)
		bytes += mdev_migration_v2_stream_framed(ops->mem->data_estimate(priv, 0));
	return bytes;
}
