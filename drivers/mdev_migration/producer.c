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

#include "producer.h"

/* A chunk may have the mark of a new round before it. */
#define MDEV_MIGRATION_PRODUCER_CHUNK_AT				\
	(MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_SECTION_HEAD +	\
	 MDEV_MIGRATION_MEM_HEAD)

#define MDEV_MIGRATION_PRODUCER_BEGIN_MAX				\
	(MDEV_MIGRATION_STREAM_HEAD + MDEV_MIGRATION_SECTION_HEAD +	\
	 MDEV_MIGRATION_COMPAT_MAX)

#define MDEV_MIGRATION_PRODUCER_END					\
	(MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_END_LEN)

/**
 * struct mdev_migration_producer_state - the saved state of a device
 * @data: state sections, or NULL
 * @len: bytes of them
 * @nr_sections: how many they are
 */
struct mdev_migration_producer_state {
	u8 *data;
	size_t len;
	u32 nr_sections;
};

/**
 * struct mdev_migration_producer - a stream on its way out
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
struct mdev_migration_producer {
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
	struct mdev_migration_producer_state state;
	bool state_sent;
	bool ended;
	int error;
	u8 begin[MDEV_MIGRATION_PRODUCER_BEGIN_MAX];
	u8 *chunk;
};

static void mdev_migration_producer_put(struct mdev_migration_producer *producer,
					const u8 *piece, size_t len,
					u32 nr_sections)
{
	producer->piece = piece;
	producer->piece_left = len;
	producer->total += len;
	producer->nr_sections += nr_sections;
}

/**
 * mdev_migration_producer_create - begin a stream
 * @format: what it looks like; has to outlive the producer
 * @ops: the driver's; its memory is tracked from now on
 * @priv: for @ops
 *
 * Return: the producer, or an error pointer: -ENOMEM, or what the driver
 * returned.
 */
struct mdev_migration_producer *
mdev_migration_producer_create(const struct mdev_migration_format *format,
			       const struct mdev_migration_ops *ops, void *priv)
{
	struct mdev_migration_producer *producer;
	struct mdev_migration_writer writer;
	int error = -ENOMEM;

	producer = kvzalloc(sizeof(*producer), GFP_KERNEL_ACCOUNT);
	if (!producer)
		return ERR_PTR(-ENOMEM);
	producer->format = format;
	producer->ops = ops;
	producer->priv = priv;

	if (ops->mem) {
		producer->chunk = kvmalloc(MDEV_MIGRATION_PRODUCER_CHUNK_AT +
					   MDEV_MIGRATION_CHUNK_MAX,
					   GFP_KERNEL_ACCOUNT);
		if (!producer->chunk)
			goto err_free;
		producer->initial = ops->mem->data_estimate(priv, 0);
	}

	mdev_migration_writer_init(&writer, format, producer->begin,
				   sizeof(producer->begin));
	mdev_migration_writer_head(&writer);
	error = mdev_migration_writer_compat(&writer, ops->describe, priv);
	if (error)
		goto err_free;

	mdev_migration_producer_put(producer, producer->begin, writer.buf.len,
				    writer.nr_sections);
	return producer;

err_free:
	mdev_migration_producer_free(producer);
	return ERR_PTR(error < 0 ? error : -EIO);
}

/**
 * mdev_migration_producer_free - forget a stream
 * @producer: may be NULL
 */
void mdev_migration_producer_free(struct mdev_migration_producer *producer)
{
	if (!producer)
		return;
	kvfree(producer->chunk);
	kvfree(producer->state.data);
	kvfree(producer);
}

/* 0, or -errno with the state that was given as it was. */
static int mdev_migration_producer_take(struct mdev_migration_producer *producer,
					struct mdev_migration_producer_state *state)
{
	const struct mdev_migration_format *format = producer->format;
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
	error = producer->ops->save(producer->priv, &writer);
	if (error) {
		kvfree(data);
		return error < 0 ? error : -EIO;
	}

	*state = (struct mdev_migration_producer_state){
		.data = data,
		.len = writer.buf.len,
		.nr_sections = writer.nr_sections,
	};
	return 0;
}

/**
 * mdev_migration_producer_save - the device stands: save its state
 * @producer: of a stream; called once
 *
 * Return: 0, or -errno with the producer as it was.
 */
int mdev_migration_producer_save(struct mdev_migration_producer *producer)
{
	return mdev_migration_producer_take(producer, &producer->state);
}

/**
 * mdev_migration_producer_renew - the VMM wrote to the device that stands
 * @producer: of a stream; its state was saved
 *
 * Return: 0 if what comes of the stream tells of it; -ESTALE, the same for ever,
 * if what was sent already does not and is not what it should be; or -errno
 * with the producer as it was.
 */
int mdev_migration_producer_renew(struct mdev_migration_producer *producer)
{
	const struct mdev_migration_mem_ops *mem = producer->ops->mem;
	struct mdev_migration_producer_state state;
	int error;

	if (producer->error)
		return producer->error;

	error = mdev_migration_producer_take(producer, &state);
	if (error)
		return error;

	if (!producer->state_sent) {
		swap(producer->state, state);
	} else if (state.len != producer->state.len ||
		   memcmp(state.data, producer->state.data, state.len) ||
		   (producer->ended && mem &&
		    mem->dirty_estimate(producer->priv))) {
		producer->error = -ESTALE;
	}
	kvfree(state.data);
	return producer->error;
}

/**
 * mdev_migration_producer_saved - does the stream have an end?
 * @producer: of a stream
 *
 * Return: true once mdev_migration_producer_save() succeeded.
 */
bool mdev_migration_producer_saved(const struct mdev_migration_producer *producer)
{
	return producer->state.data;
}

/* Read a chunk and frame it; zeros are only named. */
static int mdev_migration_producer_put_chunk(struct mdev_migration_producer *producer,
					     u64 offset, u32 len)
{
	u8 *data = producer->chunk + MDEV_MIGRATION_PRODUCER_CHUNK_AT;
	u8 *section = producer->chunk + MDEV_MIGRATION_SECTION_HEAD;
	bool mark = producer->again && !producer->round;
	struct mdev_migration_buf payload = {
		.data = section + MDEV_MIGRATION_SECTION_HEAD,
		.size = MDEV_MIGRATION_ZERO_LEN,
	};
	u32 id = MDEV_MIGRATION_SECTION_MEM;
	u32 size = MDEV_MIGRATION_MEM_HEAD + len;
	int error;

	error = producer->ops->mem->read_chunk(producer->priv, offset, data,
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
		producer->round = true;
	}
	mdev_migration_producer_put(producer, section, size, mark ? 2 : 1);
	return 0;
}

/* Find memory from the cursor on. 1 if there was some, 0, -EAGAIN, or -errno. */
static int mdev_migration_producer_scan(struct mdev_migration_producer *producer)
{
	const struct mdev_migration_mem_ops *mem = producer->ops->mem;
	u64 mem_size = producer->format->mem_size;
	u64 offset = producer->cursor;
	u32 len = 0;
	int error;

	if (offset >= mem_size ||
	    !mem->next_chunk(producer->priv, producer->again, &offset, &len)) {
		producer->cursor = mem_size;
		return 0;
	}
	if (WARN_ON_ONCE(!mdev_migration_chunk_sane(mem_size, producer->cursor,
						    offset, len)))
		return -EIO;

	if (!len) {
		producer->cursor = offset;
		return -EAGAIN;
	}
	error = mdev_migration_producer_put_chunk(producer, offset, len);
	if (error)
		return error;
	producer->cursor = offset + len;
	return 1;
}

/* The next chunk of this round, or the first of another. Same answers. */
static int mdev_migration_producer_memory(struct mdev_migration_producer *producer)
{
	const struct mdev_migration_mem_ops *mem = producer->ops->mem;
	int got;

	if (!mem)
		return 0;

	got = mdev_migration_producer_scan(producer);
	if (got || !mem->dirty_estimate(producer->priv)) {
		/* With the first pass over, nothing is left of it. */
		if (!got)
			producer->initial = 0;
		return got;
	}

	producer->initial = 0;
	producer->again = true;
	producer->round = false;
	producer->cursor = 0;
	return mdev_migration_producer_scan(producer);
}

static void mdev_migration_producer_put_end(struct mdev_migration_producer *producer)
{
	mdev_migration_stream_end(producer->begin, producer->total,
				  producer->nr_sections);
	mdev_migration_producer_put(producer, producer->begin,
				    MDEV_MIGRATION_PRODUCER_END, 1);
	producer->ended = true;
}

/* Make the next piece. 1 if there is one, 0, -EAGAIN, or -errno. */
static int mdev_migration_producer_next(struct mdev_migration_producer *producer)
{
	int got;

	if (producer->ended)
		return 0;

	/* Also behind the state: what a VMM writes then is not lost. */
	got = mdev_migration_producer_memory(producer);
	if (got || !producer->state.data)
		return got;

	if (!producer->state_sent && producer->state.len)
		mdev_migration_producer_put(producer, producer->state.data,
					    producer->state.len,
					    producer->state.nr_sections);
	else
		mdev_migration_producer_put_end(producer);
	producer->state_sent = true;
	return 1;
}

/* Copy what is left of the piece. */
static size_t mdev_migration_producer_copy(struct mdev_migration_producer *producer,
					   u8 *out, size_t len)
{
	len = min(len, producer->piece_left);
	memcpy(out, producer->piece, len);
	producer->piece += len;
	producer->piece_left -= len;
	return len;
}

/**
 * mdev_migration_producer_read - read on in the stream
 * @producer: of a stream
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
ssize_t mdev_migration_producer_read(struct mdev_migration_producer *producer,
				     u8 *out, size_t len)
{
	size_t done;
	int got;

	if (producer->error)
		return producer->error;

	done = mdev_migration_producer_copy(producer, out, len);
	if (done == len)
		return done;

	got = mdev_migration_producer_next(producer);
	if (got < 0 && got != -EAGAIN)
		producer->error = got;
	if (got > 0)
		done += mdev_migration_producer_copy(producer, out + done,
						     len - done);
	return done || got > 0 ? done : got;
}

/* What it takes to send so much memory, if no page has a neighbour. */
static u64 mdev_migration_producer_framed(u64 bytes)
{
	return bytes + bytes / MDEV_MIGRATION_PAGE *
		       (MDEV_MIGRATION_SECTION_HEAD + MDEV_MIGRATION_MEM_HEAD);
}

/**
 * mdev_migration_producer_precopy - what there is before the device stands
 * @producer: of a stream
 * @info: filled in
 */
void mdev_migration_producer_precopy(struct mdev_migration_producer *producer,
				     struct mdev_migration_precopy *info)
{
	const struct mdev_migration_mem_ops *mem = producer->ops->mem;
	u64 left;

	*info = (struct mdev_migration_precopy){};
	if (mem) {
		left = mem->data_estimate(producer->priv, producer->cursor);
		if (!producer->again)
			producer->initial = min(producer->initial, left);
		info->initial = mdev_migration_producer_framed(producer->initial);
		info->dirty = mem->dirty_estimate(producer->priv);
		info->dirty = mdev_migration_producer_framed(info->dirty);
	}
	if (producer->again)
		info->dirty += producer->piece_left;
	else
		info->initial += producer->piece_left;
}

/**
 * mdev_migration_producer_ready - is there something to read?
 * @producer: of a stream
 *
 * Return: true also if reading gives an error, or the end.
 */
bool mdev_migration_producer_ready(struct mdev_migration_producer *producer)
{
	struct mdev_migration_precopy info;

	if (producer->error || producer->state.data)
		return true;
	mdev_migration_producer_precopy(producer, &info);
	return info.initial || info.dirty;
}

/* Most bytes that the state of a device takes now. */
static u64 mdev_migration_producer_most(const struct mdev_migration_format *format,
					const struct mdev_migration_ops *ops,
					void *priv)
{
	u32 len = format->state_size;

	if (ops->state_estimate)
		len = min(len, ops->state_estimate(priv));
	return len + format->nr_sections * MDEV_MIGRATION_SECTION_HEAD;
}

/**
 * mdev_migration_producer_left - what is left if the device stood now
 * @producer: of a stream
 *
 * Return: bytes.
 */
u64 mdev_migration_producer_left(struct mdev_migration_producer *producer)
{
	struct mdev_migration_precopy info;
	u64 left;

	if (producer->ended)
		return producer->piece_left;

	mdev_migration_producer_precopy(producer, &info);
	if (producer->state_sent)
		left = 0;
	else if (producer->state.data)
		left = producer->state.len;
	else
		left = mdev_migration_producer_most(producer->format,
						    producer->ops,
						    producer->priv);
	return info.initial + info.dirty + left + MDEV_MIGRATION_PRODUCER_END;
}

/**
 * mdev_migration_producer_estimate - what a stream takes that begins now
 * @format: what it looks like
 * @ops: the driver's
 * @priv: for @ops
 *
 * Return: bytes.
 */
u64 mdev_migration_producer_estimate(const struct mdev_migration_format *format,
				     const struct mdev_migration_ops *ops,
				     void *priv)
{
	u64 bytes = MDEV_MIGRATION_PRODUCER_BEGIN_MAX +
		    mdev_migration_producer_most(format, ops, priv) +
		    MDEV_MIGRATION_PRODUCER_END;

	if (ops->mem)
		bytes += mdev_migration_producer_framed(ops->mem->data_estimate(priv, 0));
	return bytes;
}
