// SPDX-License-Identifier: GPL-2.0
/*
 * Reads a stream that arrives in pieces of any size, from anyone. Nothing is
 * believed before its checksum was seen, except what is needed to get there:
 * a section's length is held against what its kind may have, and memory grows
 * with the bytes that really came.
 *
 * The parser is a table of states; each says how many bytes it wants, what to
 * do with a piece of them, and what to do when all came. The first failure
 * sticks. Pure: also compiled in user space.
 */
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "stream.h"

/* First allocation for a payload; then it doubles. */
#define MDEV_MIGRATION_PARSER_GROW	4096U

/**
 * mdev_migration_parser_fail - refuse the stream
 * @parser: takes nothing any more
 * @error: -errno
 * @why: static text
 *
 * Return: the first error of this parser.
 */
int mdev_migration_parser_fail(struct mdev_migration_parser *parser, int error,
			       const char *why)
{
	if (!parser->error) {
		parser->error = error < 0 ? error : -EINVAL;
		parser->why = why ? why : "the device refused it";
		parser->state = MDEV_MIGRATION_PARSER_FAILED;
	}
	return parser->error;
}

static void mdev_migration_parser_enter(struct mdev_migration_parser *parser,
					enum mdev_migration_parser_state state,
					u32 want)
{
	parser->state = state;
	parser->want = want;
	parser->have = 0;
}

static void mdev_migration_parser_drop_payload(struct mdev_migration_parser *parser)
{
	kvfree(parser->payload);
	parser->payload = NULL;
	parser->payload_size = 0;
}

/* Make room for @need bytes of payload; never more than the section has. */
static int mdev_migration_parser_reserve(struct mdev_migration_parser *parser,
					 u32 need)
{
	u32 size = parser->payload_size;
	u8 *payload;

	if (need <= size)
		return 0;

	size = min(parser->want, max(MDEV_MIGRATION_PARSER_GROW, 2 * size));
	size = max(size, need);
	payload = kvmalloc(size, GFP_KERNEL_ACCOUNT);
	if (!payload)
		return mdev_migration_parser_fail(parser, -ENOMEM,
						  "out of memory");

	if (parser->have)
		memcpy(payload, parser->payload, parser->have);
	kvfree(parser->payload);
	parser->payload = payload;
	parser->payload_size = size;
	return 0;
}

static void mdev_migration_parser_take_head(struct mdev_migration_parser *parser,
					    const u8 *data, u32 len)
{
	memcpy(parser->head + parser->have, data, len);
}

static void mdev_migration_parser_take_payload(struct mdev_migration_parser *parser,
					       const u8 *data, u32 len)
{
	if (mdev_migration_parser_reserve(parser, parser->have + len))
		return;
	memcpy(parser->payload + parser->have, data, len);
	parser->crc = crc32c(parser->crc, data, len);
}

static void mdev_migration_parser_take_skip(struct mdev_migration_parser *parser,
					    const u8 *data, u32 len)
{
	parser->crc = crc32c(parser->crc, data, len);
}

static void mdev_migration_parser_take_excess(struct mdev_migration_parser *parser,
					      const u8 *data, u32 len)
{
	mdev_migration_parser_fail(parser, -EINVAL,
				   "bytes after the end mark");
}

/* Is the name padded with NULs, ended by one at least, and this device's? */
static bool mdev_migration_parser_type_matches(const struct mdev_migration_parser *parser,
					       const u8 *type)
{
	u8 mine[MDEV_MIGRATION_TYPE_MAX] = {};

	memcpy(mine, parser->format->type, strlen(parser->format->type));
	return !memcmp(mine, type, sizeof(mine));
}

/* The header's layout is the same in all formats, so it is summed first. */
static void mdev_migration_parser_end_head(struct mdev_migration_parser *parser)
{
	static const u8 zeros[MDEV_MIGRATION_STREAM_HEAD];
	struct mdev_migration_cursor cur = {
		.data = parser->head,
		.left = MDEV_MIGRATION_STREAM_HEAD,
	};
	const u8 *magic, *type;
	u16 version, reserved;
	u32 sum;

	magic = mdev_migration_get_bytes(&cur, MDEV_MIGRATION_STREAM_MAGIC_LEN);
	version = mdev_migration_get_u16(&cur);
	reserved = mdev_migration_get_u16(&cur);
	sum = mdev_migration_get_u32(&cur);
	type = mdev_migration_get_bytes(&cur, MDEV_MIGRATION_TYPE_MAX);
	memset(parser->head + MDEV_MIGRATION_STREAM_SUM_AT, 0, sizeof(sum));

	if (memcmp(magic, MDEV_MIGRATION_STREAM_MAGIC,
		   MDEV_MIGRATION_STREAM_MAGIC_LEN))
		mdev_migration_parser_fail(parser, -EINVAL, "not a stream");
	else if (~crc32c(~0U, parser->head, MDEV_MIGRATION_STREAM_HEAD) != sum)
		mdev_migration_parser_fail(parser, -EBADMSG,
					   "wrong checksum of the header");
	else if (version != MDEV_MIGRATION_STREAM_VERSION)
		mdev_migration_parser_fail(parser, -EOPNOTSUPP,
					   "unknown version of the format");
	else if (reserved || memcmp(cur.data, zeros, cur.left))
		mdev_migration_parser_fail(parser, -EINVAL,
					   "reserved bytes are not zero");
	else if (!mdev_migration_parser_type_matches(parser, type))
		mdev_migration_parser_fail(parser, -ENODEV,
					   "it is of another device type");
	else
		mdev_migration_parser_enter(parser,
					    MDEV_MIGRATION_PARSER_SECTION,
					    MDEV_MIGRATION_SECTION_HEAD);
}

/* Count what is not device memory, skipped sections too. */
static int mdev_migration_parser_charge(struct mdev_migration_parser *parser,
					u32 len, u32 max_len)
{
	if (len > max_len)
		return mdev_migration_parser_fail(parser, -EOVERFLOW,
						  "section is too long");
	if (len > MDEV_MIGRATION_STATE_MAX - parser->state_bytes)
		return mdev_migration_parser_fail(parser, -EOVERFLOW,
						  "too much state");
	parser->state_bytes += len;
	return 0;
}

static int mdev_migration_parser_open_library(struct mdev_migration_parser *parser,
					      u32 len)
{
	u16 newest = 1;

	if (parser->id == MDEV_MIGRATION_SECTION_COMPAT)
		newest = parser->format->compat_version;
	if (parser->version > newest)
		return mdev_migration_parser_fail(parser, -EOPNOTSUPP,
						  "unknown section version");

	switch (parser->id) {
	case MDEV_MIGRATION_SECTION_COMPAT:
		if (parser->compat_seen)
			return mdev_migration_parser_fail(parser, -EINVAL,
							  "section comes twice");
		parser->compat_seen = true;
		return mdev_migration_parser_charge(parser, len,
						    MDEV_MIGRATION_COMPAT_MAX);
	case MDEV_MIGRATION_SECTION_MEM:
		if (len <= MDEV_MIGRATION_MEM_HEAD ||
		    len > MDEV_MIGRATION_MEM_HEAD + MDEV_MIGRATION_CHUNK_MAX ||
		    (len - MDEV_MIGRATION_MEM_HEAD) % MDEV_MIGRATION_PAGE)
			return mdev_migration_parser_fail(parser, -EINVAL,
							  "bad length of a memory section");
		return 0;
	case MDEV_MIGRATION_SECTION_ROUND:
		if (len)
			return mdev_migration_parser_fail(parser, -EINVAL,
							  "bad length of a round's mark");
		return 0;
	case MDEV_MIGRATION_SECTION_ZERO:
		if (len != MDEV_MIGRATION_ZERO_LEN)
			return mdev_migration_parser_fail(parser, -EINVAL,
							  "bad length of a section of zeros");
		return 0;
	default:
		if (len != MDEV_MIGRATION_END_LEN)
			return mdev_migration_parser_fail(parser, -EINVAL,
							  "bad length of the end mark");
		return 0;
	}
}

static int mdev_migration_parser_open_state(struct mdev_migration_parser *parser,
					    u32 len)
{
	const struct mdev_migration_section_desc *desc;
	u32 bit = 1U << parser->slot;

	desc = &parser->format->sections[parser->slot];
	if (parser->version > desc->version)
		return mdev_migration_parser_fail(parser, -EOPNOTSUPP,
						  "unknown section version");
	if (parser->seen & bit)
		return mdev_migration_parser_fail(parser, -EINVAL,
						  "section comes twice");
	parser->seen |= bit;

	/* The driver gets this buffer: begin one that is not larger. */
	mdev_migration_parser_drop_payload(parser);
	return mdev_migration_parser_charge(parser, len, desc->max_len);
}

static void mdev_migration_parser_open_unknown(struct mdev_migration_parser *parser,
					       u16 flags, u32 len)
{
	if (!(flags & MDEV_MIGRATION_SECTION_OPTIONAL))
		mdev_migration_parser_fail(parser, -EOPNOTSUPP,
					   "unknown mandatory section");
	else if (!mdev_migration_parser_charge(parser, len,
					       MDEV_MIGRATION_STATE_MAX))
		mdev_migration_parser_enter(parser, MDEV_MIGRATION_PARSER_SKIP,
					    len);
}

/* The header of a section came: judge it and choose where its payload goes. */
static void mdev_migration_parser_end_section(struct mdev_migration_parser *parser)
{
	struct mdev_migration_cursor cur = {
		.data = parser->head,
		.left = MDEV_MIGRATION_SECTION_HEAD,
	};
	bool library;
	u16 flags;
	u32 len;

	parser->section_at = parser->consumed - MDEV_MIGRATION_SECTION_HEAD;
	parser->id = mdev_migration_get_u32(&cur);
	parser->version = mdev_migration_get_u16(&cur);
	flags = mdev_migration_get_u16(&cur);
	len = mdev_migration_get_u32(&cur);
	parser->sum = mdev_migration_get_u32(&cur);
	parser->crc = crc32c(~0U, parser->head, MDEV_MIGRATION_SECTION_SUMMED);
	parser->slot = mdev_migration_format_find(parser->format, parser->id);
	library = parser->id >= MDEV_MIGRATION_SECTION_COMPAT &&
		  parser->id <= MDEV_MIGRATION_SECTION_ZERO;

	if (flags & ~MDEV_MIGRATION_SECTION_OPTIONAL || (flags && library)) {
		mdev_migration_parser_fail(parser, -EINVAL,
					   "unknown section flags");
	} else if (!parser->version) {
		mdev_migration_parser_fail(parser, -EINVAL,
					   "section version 0");
	} else if (!parser->compat_seen &&
		   parser->id != MDEV_MIGRATION_SECTION_COMPAT) {
		mdev_migration_parser_fail(parser, -EINVAL,
					   "compatibility section is not first");
	} else if (library) {
		if (!mdev_migration_parser_open_library(parser, len))
			mdev_migration_parser_enter(parser,
						    MDEV_MIGRATION_PARSER_PAYLOAD,
						    len);
	} else if (parser->slot >= 0) {
		if (!mdev_migration_parser_open_state(parser, len))
			mdev_migration_parser_enter(parser,
						    MDEV_MIGRATION_PARSER_PAYLOAD,
						    len);
	} else {
		mdev_migration_parser_open_unknown(parser, flags, len);
	}
}

/* Is it memory that the device has and that did not come in this round? */
static int mdev_migration_parser_claim(struct mdev_migration_parser *parser,
				       u64 offset, u64 len)
{
	u64 mem_size = parser->format->mem_size;

	if (offset % MDEV_MIGRATION_PAGE || offset > mem_size ||
	    len > mem_size - offset)
		return mdev_migration_parser_fail(parser, -EINVAL,
						  "memory that the device does not have");
	if (offset < parser->mem_next)
		return mdev_migration_parser_fail(parser, -EINVAL,
						  "memory out of order");
	parser->mem_next = offset + len;
	return 0;
}

static int mdev_migration_parser_put_mem(struct mdev_migration_parser *parser,
					 u64 offset, const u8 *data, u32 len)
{
	const char *why = NULL;
	int error = parser->sink->mem(parser->arg, offset, data, len, &why);

	return error ? mdev_migration_parser_fail(parser, error, why) : 0;
}

static int mdev_migration_parser_close_mem(struct mdev_migration_parser *parser)
{
	struct mdev_migration_cursor cur = {
		.data = parser->payload,
		.left = parser->want,
	};
	u64 offset = mdev_migration_get_u64(&cur);
	int error = mdev_migration_parser_claim(parser, offset, cur.left);

	return error ? error : mdev_migration_parser_put_mem(parser, offset,
							     cur.data,
							     cur.left);
}

/* No more than a chunk at once: a few bytes shall not be much work. */
static int mdev_migration_parser_close_zero(struct mdev_migration_parser *parser)
{
	static const u8 zeros[MDEV_MIGRATION_PAGE];
	struct mdev_migration_cursor cur = {
		.data = parser->payload,
		.left = parser->want,
	};
	u64 offset = mdev_migration_get_u64(&cur);
	u32 len = mdev_migration_get_u32(&cur);
	int error;

	if (!len || len > MDEV_MIGRATION_CHUNK_MAX || len % MDEV_MIGRATION_PAGE)
		return mdev_migration_parser_fail(parser, -EINVAL,
						  "bad number of zeros");
	error = mdev_migration_parser_claim(parser, offset, len);
	for (; !error && len; len -= MDEV_MIGRATION_PAGE) {
		error = mdev_migration_parser_put_mem(parser, offset, zeros,
						      MDEV_MIGRATION_PAGE);
		offset += MDEV_MIGRATION_PAGE;
	}
	return error;
}

static int mdev_migration_parser_close_end(struct mdev_migration_parser *parser)
{
	struct mdev_migration_cursor cur = {
		.data = parser->payload,
		.left = parser->want,
	};
	const struct mdev_migration_format *format = parser->format;
	u64 total = mdev_migration_get_u64(&cur);
	u32 nr = mdev_migration_get_u32(&cur);
	unsigned int i;

	if (total != parser->section_at || nr != parser->nr_seen)
		return mdev_migration_parser_fail(parser, -EINVAL,
						  "end mark of another stream");

	for (i = 0; i < format->nr_sections; i++) {
		if (format->sections[i].required && !(parser->seen & 1U << i))
			return mdev_migration_parser_fail(parser, -EINVAL,
							  "a required section is missing");
	}
	return 0;
}

/* Hand the payload over to the list of state sections. */
static void mdev_migration_parser_close_state(struct mdev_migration_parser *parser)
{
	parser->sections[parser->nr_sections++] = (struct mdev_migration_section){
		.id = parser->id,
		.version = parser->version,
		.len = parser->want,
		.data = parser->payload,
	};
	parser->payload = NULL;
	parser->payload_size = 0;
}

static int mdev_migration_parser_close_compat(struct mdev_migration_parser *parser)
{
	const char *why = NULL;
	int error = parser->sink->compat(parser->arg, parser->version,
					 parser->payload, parser->want, &why);

	return error ? mdev_migration_parser_fail(parser, error, why) : 0;
}

static void mdev_migration_parser_end_payload(struct mdev_migration_parser *parser)
{
	int error = 0;

	if (~parser->crc != parser->sum) {
		mdev_migration_parser_fail(parser, -EBADMSG,
					   "wrong checksum of a section");
		return;
	}

	if (parser->state == MDEV_MIGRATION_PARSER_PAYLOAD) {
		switch (parser->id) {
		case MDEV_MIGRATION_SECTION_COMPAT:
			error = mdev_migration_parser_close_compat(parser);
			break;
		case MDEV_MIGRATION_SECTION_MEM:
			error = mdev_migration_parser_close_mem(parser);
			break;
		case MDEV_MIGRATION_SECTION_ROUND:
			parser->mem_next = 0;
			break;
		case MDEV_MIGRATION_SECTION_ZERO:
			error = mdev_migration_parser_close_zero(parser);
			break;
		case MDEV_MIGRATION_SECTION_END:
			error = mdev_migration_parser_close_end(parser);
			break;
		default:
			mdev_migration_parser_close_state(parser);
			break;
		}
	}
	if (error)
		return;

	parser->nr_seen++;
	if (parser->id == MDEV_MIGRATION_SECTION_END)
		mdev_migration_parser_enter(parser, MDEV_MIGRATION_PARSER_DONE,
					    1);
	else
		mdev_migration_parser_enter(parser,
					    MDEV_MIGRATION_PARSER_SECTION,
					    MDEV_MIGRATION_SECTION_HEAD);
}

/* What to do with a piece of what a state wants, and when it has it all. */
static const struct mdev_migration_parser_step {
	void (*take)(struct mdev_migration_parser *parser, const u8 *data,
		     u32 len);
	void (*end)(struct mdev_migration_parser *parser);
} mdev_migration_parser_steps[MDEV_MIGRATION_PARSER_NR_STATES] = {
	[MDEV_MIGRATION_PARSER_HEAD] = {
		.take = mdev_migration_parser_take_head,
		.end = mdev_migration_parser_end_head,
	},
	[MDEV_MIGRATION_PARSER_SECTION] = {
		.take = mdev_migration_parser_take_head,
		.end = mdev_migration_parser_end_section,
	},
	[MDEV_MIGRATION_PARSER_PAYLOAD] = {
		.take = mdev_migration_parser_take_payload,
		.end = mdev_migration_parser_end_payload,
	},
	[MDEV_MIGRATION_PARSER_SKIP] = {
		.take = mdev_migration_parser_take_skip,
		.end = mdev_migration_parser_end_payload,
	},
	/* Wants a byte that must not come. */
	[MDEV_MIGRATION_PARSER_DONE] = {
		.take = mdev_migration_parser_take_excess,
	},
};

/* Does the payload that is being collected write device memory? */
static bool mdev_migration_parser_in_memory(const struct mdev_migration_parser *parser)
{
	return parser->state == MDEV_MIGRATION_PARSER_PAYLOAD &&
	       (parser->id == MDEV_MIGRATION_SECTION_MEM ||
		parser->id == MDEV_MIGRATION_SECTION_ZERO);
}

/**
 * mdev_migration_parser_init - expect a stream
 * @parser: filled in; ended by mdev_migration_parser_fini()
 * @format: how it has to look
 * @sink: who takes memory and the compatibility section
 * @arg: for @sink
 */
void mdev_migration_parser_init(struct mdev_migration_parser *parser,
				const struct mdev_migration_format *format,
				const struct mdev_migration_sink *sink,
				void *arg)
{
	memset(parser, 0, sizeof(*parser));
	parser->format = format;
	parser->sink = sink;
	parser->arg = arg;
	mdev_migration_parser_enter(parser, MDEV_MIGRATION_PARSER_HEAD,
				    MDEV_MIGRATION_STREAM_HEAD);
}

/**
 * mdev_migration_parser_push - the next bytes of the stream came
 * @parser: of the stream
 * @data: the bytes
 * @len: how many
 *
 * Stops behind a section of device memory, as a few bytes may stand for a lot of
 * it: whoever calls looks whether there is something more urgent to do.
 *
 * Return: bytes taken. Fewer than @len if it stopped, or, with @parser->error
 * set, if the stream is refused.
 */
size_t mdev_migration_parser_push(struct mdev_migration_parser *parser,
				  const u8 *data, size_t len)
{
	bool written = false;
	size_t taken = 0;

	while (!parser->error && !written) {
		const struct mdev_migration_parser_step *step;
		u32 piece;

		step = &mdev_migration_parser_steps[parser->state];
		if (parser->have == parser->want) {
			written = mdev_migration_parser_in_memory(parser);
			step->end(parser);
			continue;
		}
		if (taken == len)
			break;

		piece = min_t(size_t, len - taken, parser->want - parser->have);
		step->take(parser, data + taken, piece);
		parser->have += piece;
		parser->consumed += piece;
		taken += piece;
	}
	return taken;
}

/**
 * mdev_migration_parser_finish - no more bytes will come
 * @parser: of the stream
 *
 * Return: 0 if the stream was whole, or -errno.
 */
int mdev_migration_parser_finish(struct mdev_migration_parser *parser)
{
	if (parser->state == MDEV_MIGRATION_PARSER_DONE)
		return 0;
	return mdev_migration_parser_fail(parser, -EINVAL,
					  "it ends before its end mark");
}

/**
 * mdev_migration_parser_fini - free what was kept
 * @parser: not to be used any more
 */
void mdev_migration_parser_fini(struct mdev_migration_parser *parser)
{
	unsigned int i;

	mdev_migration_parser_drop_payload(parser);
	for (i = 0; i < parser->nr_sections; i++)
		kvfree(parser->sections[i].data);
	parser->nr_sections = 0;
}
