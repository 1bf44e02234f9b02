/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The stream: numbers of the wire, its writer and its parser. Pure: also
 * compiled in user space. Documentation/stream.rst describes the format.
 */
#ifndef MDEV_MIGRATION_STREAM_H
#define MDEV_MIGRATION_STREAM_H

#include <linux/mdev_migration.h>
#include <linux/types.h>

#define MDEV_MIGRATION_STREAM_MAGIC	"MDEVSTRM"
#define MDEV_MIGRATION_STREAM_MAGIC_LEN	8
#define MDEV_MIGRATION_STREAM_VERSION	1
#define MDEV_MIGRATION_STREAM_HEAD	64
/* Where the checksum of the header is; summed as if it were 0. */
#define MDEV_MIGRATION_STREAM_SUM_AT	12

/* {u32 id, u16 version, u16 flags, u32 length, u32 crc32c} */
#define MDEV_MIGRATION_SECTION_HEAD	16
/* The checksum covers this much of it, then the payload. */
#define MDEV_MIGRATION_SECTION_SUMMED	12

/* The library's own sections, all of version 1 but the first. */
#define MDEV_MIGRATION_SECTION_COMPAT	1
#define MDEV_MIGRATION_SECTION_MEM	2
#define MDEV_MIGRATION_SECTION_END	3
#define MDEV_MIGRATION_SECTION_ROUND	4
#define MDEV_MIGRATION_SECTION_ZERO	5

#define MDEV_MIGRATION_COMPAT_MAX	4096
/* Before the data of a memory section: {u64 offset}. */
#define MDEV_MIGRATION_MEM_HEAD		8
/* {u64 bytes before this section, u32 sections before it} */
#define MDEV_MIGRATION_END_LEN		12
/* {u64 offset, u32 bytes} */
#define MDEV_MIGRATION_ZERO_LEN		12

/* Memory moves in units of this, whatever the kernel's page size is. */
#define MDEV_MIGRATION_PAGE		4096
#define MDEV_MIGRATION_SECTIONS_MAX	32

/**
 * struct mdev_migration_format - what the streams of a device look like
 * @type: name of the device type
 * @compat_version: version of the compatibility section
 * @sections: kinds of state sections
 * @nr_sections: entries of @sections, at most MDEV_MIGRATION_SECTIONS_MAX
 * @state_size: most bytes of their payload
 * @mem_size: bytes of device memory
 */
struct mdev_migration_format {
	const char *type;
	u16 compat_version;
	const struct mdev_migration_section_desc *sections;
	unsigned int nr_sections;
	u32 state_size;
	u64 mem_size;
};

/**
 * struct mdev_migration_writer - the beginning of a stream, being written
 * @format: how it has to look
 * @buf: header, compatibility section and state sections
 * @state_left: payload that may still come
 * @seen: bit per entry of @format->sections
 * @nr_sections: sections written
 */
struct mdev_migration_writer {
	const struct mdev_migration_format *format;
	struct mdev_migration_buf buf;
	u32 state_left;
	u32 seen;
	u32 nr_sections;
};

int mdev_migration_format_find(const struct mdev_migration_format *format,
			       u32 id);
size_t mdev_migration_writer_bound(const struct mdev_migration_format *format);
u64 mdev_migration_stream_bound(const struct mdev_migration_format *format);
void mdev_migration_writer_init(struct mdev_migration_writer *writer,
				const struct mdev_migration_format *format,
				u8 *data, size_t size);
void mdev_migration_writer_head(struct mdev_migration_writer *writer);
int mdev_migration_writer_compat(struct mdev_migration_writer *writer,
				 int (*describe)(void *priv,
						 struct mdev_migration_buf *buf),
				 void *priv);
void mdev_migration_stream_frame(u8 *section, u32 id, u16 version, u16 flags,
				 u32 len);
void mdev_migration_stream_end(u8 *section, u64 total, u32 nr_sections);
bool mdev_migration_chunk_sane(u64 mem_size, u64 from, u64 offset, u32 len);

/**
 * struct mdev_migration_sink - who takes what a parser found
 * @compat: judge the compatibility section. 0, or -errno with *@why set.
 * @mem: take a chunk of device memory. 0, or -errno with *@why set.
 *	Zeros come page by page.
 */
struct mdev_migration_sink {
	int (*compat)(void *arg, u16 version, const u8 *data, u32 len,
		      const char **why);
	int (*mem)(void *arg, u64 offset, const u8 *data, u32 len,
		   const char **why);
};

/**
 * enum mdev_migration_parser_state - what the next byte belongs to
 * @MDEV_MIGRATION_PARSER_HEAD: header of the stream
 * @MDEV_MIGRATION_PARSER_SECTION: header of a section
 * @MDEV_MIGRATION_PARSER_PAYLOAD: payload that is kept
 * @MDEV_MIGRATION_PARSER_SKIP: payload that is only summed
 * @MDEV_MIGRATION_PARSER_DONE: nothing; the stream has ended
 * @MDEV_MIGRATION_PARSER_FAILED: nothing; the stream was refused
 * @MDEV_MIGRATION_PARSER_NR_STATES: entries of the table
 */
enum mdev_migration_parser_state {
	MDEV_MIGRATION_PARSER_HEAD,
	MDEV_MIGRATION_PARSER_SECTION,
	MDEV_MIGRATION_PARSER_PAYLOAD,
	MDEV_MIGRATION_PARSER_SKIP,
	MDEV_MIGRATION_PARSER_DONE,
	MDEV_MIGRATION_PARSER_FAILED,
	MDEV_MIGRATION_PARSER_NR_STATES,
};

/**
 * struct mdev_migration_parser - reads a stream, in whatever pieces it comes
 * @format: how it has to look
 * @sink: who takes memory and the compatibility section
 * @arg: for @sink
 * @error: 0, or why nothing more is taken
 * @why: text for @error
 * @state: enum mdev_migration_parser_state
 * @want: bytes until @state is complete
 * @have: bytes of these that came
 * @consumed: bytes of the stream that came
 * @section_at: offset of the present section's header
 * @head: header being collected
 * @id: the present section, as its header says
 * @version: same
 * @sum: same, the checksum
 * @crc: running checksum, not inverted
 * @slot: entry of @format->sections, or -1
 * @payload: what came of the present section
 * @payload_size: bytes allocated for @payload
 * @nr_seen: sections that came, the present one not counted
 * @compat_seen: the compatibility section came
 * @seen: bit per entry of @format->sections
 * @state_bytes: payload announced so far, device memory not counted
 * @mem_next: lowest offset that the next chunk of this round may have
 * @sections: state sections whose checksum was right; @data is allocated
 * @nr_sections: entries of @sections
 */
struct mdev_migration_parser {
	const struct mdev_migration_format *format;
	const struct mdev_migration_sink *sink;
	void *arg;
	int error;
	const char *why;
	unsigned int state;
	u32 want;
	u32 have;
	u64 consumed;
	u64 section_at;
	u8 head[MDEV_MIGRATION_STREAM_HEAD];
	u32 id;
	u16 version;
	u32 sum;
	u32 crc;
	int slot;
	u8 *payload;
	u32 payload_size;
	u32 nr_seen;
	bool compat_seen;
	u32 seen;
	u32 state_bytes;
	u64 mem_next;
	struct mdev_migration_section sections[MDEV_MIGRATION_SECTIONS_MAX];
	unsigned int nr_sections;
};

void mdev_migration_parser_init(struct mdev_migration_parser *parser,
				const struct mdev_migration_format *format,
				const struct mdev_migration_sink *sink,
				void *arg);
size_t mdev_migration_parser_push(struct mdev_migration_parser *parser,
				  const u8 *data, size_t len);
int mdev_migration_parser_finish(struct mdev_migration_parser *parser);
int mdev_migration_parser_fail(struct mdev_migration_parser *parser, int error,
			       const char *why);
void mdev_migration_parser_fini(struct mdev_migration_parser *parser);

#endif /* MDEV_MIGRATION_STREAM_H */
