// SPDX-License-Identifier: GPL-2.0
/*
 * What is in a context: streams cut off, flipped, put together wrongly or by a
 * newer or hostile sender are refused with the errno of
 * linux/vfio_device_state.h, and leave a device that works.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "lib/context.h"
#include "lib/effort.h"
#include "lib/fixture.h"
#include "lib/guest_state.h"
#include "lib/receiver.h"
#include "lib/stream_edit.h"

#define PAGE	MVGPU_PAGE_SIZE

/* Ids that no device has. */
#define UNKNOWN		0x7fff0001
#define UNKNOWN_LIBRARY	0x80

FIXTURE(stream) {
	struct receiver receiver;
};

FIXTURE_SETUP(stream)
{
	ASSERT_EQ(0, receiver_create(&self->receiver));
	ASSERT_TRUE(receiver_works(&self->receiver))
		TH_LOG("not even a good context loads");
}

FIXTURE_TEARDOWN(stream)
{
	receiver_destroy(&self->receiver);
}

/* Expect this result of the edited stream. */
#define EXPECT_STREAM(expected) \
	EXPECT_EQ(expected, receiver_load_stream(&self->receiver))

/* Cut the good context to @length, with or without telling so in its header. */
static int load_truncated(struct receiver *receiver, size_t length, bool tell)
{
	__u8 *data = malloc(receiver->good.length);
	int ret;

	if (!data)
		return -ENOMEM;
	memcpy(data, receiver->good.data, receiver->good.length);
	if (tell)
		stream_put64(data + 8, length);
	ret = receiver_load(receiver, data, length);
	free(data);
	return ret;
}

/* Cut at, and beside, all offsets at which a part begins. 0, or where not so. */
static int check_edges(struct receiver *receiver, bool tell, int expected)
{
	const __u8 *data = receiver->good.data;
	size_t end = receiver->good.length, at = STREAM_PREFIX + STREAM_HEADER;
	int around, ret;

	while (at < end) {
		size_t payload = at + STREAM_SECTION_HEADER;

		for (around = -1; around <= 1; around++) {
			ret = load_truncated(receiver, at + around, tell);
			if (ret != expected)
				return at + around;
			ret = load_truncated(receiver, payload + around, tell);
			if (ret != expected)
				return payload + around;
		}
		at = payload + stream_get32(data + at + 8);
	}
	return load_truncated(receiver, end - 1, tell) == expected ? 0 : end;
}

TEST_F(stream, that_ends_early_is_refused_at_every_edge)
{
	EXPECT_EQ(0, check_edges(&self->receiver, true, -EINVAL));
	EXPECT_TRUE(receiver_works(&self->receiver));
}

TEST_F(stream, that_stopped_coming_is_incomplete_at_every_edge)
{
	EXPECT_EQ(0, check_edges(&self->receiver, false, RECEIVER_INCOMPLETE));
	EXPECT_TRUE(receiver_works(&self->receiver));
}

TEST_F(stream, length_out_of_range_is_refused)
{
	const __u64 size = self->receiver.state->size;
	const __u64 lengths[] = { 0, 1, 15, 16, 17, 79, size, size + 1,
				  1ULL << 32, 1ULL << 63, ~0ULL };
	__u8 data[4096] = "";
	unsigned int i;

	memcpy(data, self->receiver.good.data, sizeof(data));
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		stream_put64(data + 8, lengths[i]);
		EXPECT_EQ(-EINVAL, receiver_load(&self->receiver, data,
						 sizeof(data)))
			TH_LOG("length %llu", lengths[i]);
	}
	EXPECT_TRUE(receiver_works(&self->receiver));
}

/*
 * Flip bits of one byte of the good context. Zeros follow it, so that a length
 * which grew by less finds them.
 */
static int load_flipped(struct receiver *receiver, size_t at, __u8 bits)
{
	const size_t length = receiver->good.length;
	__u8 *data = calloc(1, length + PAGE);
	int ret;

	if (!data)
		return -ENOMEM;
	memcpy(data, receiver->good.data, length);
	data[at] ^= bits;
	ret = receiver_load_cut(receiver, data, length + PAGE, CONTEXT_UNCUT);
	free(data);
	return ret;
}

TEST_F_TIMEOUT(stream, every_bit_flipped_in_headers_is_refused, 120)
{
	const size_t heads = STREAM_PREFIX + STREAM_HEADER +
			     2 * STREAM_SECTION_HEADER +
			     self->receiver.stream.sections[0].length;
	size_t bit;

	for (bit = 0; bit < 8 * heads; bit += effort_step(1)) {
		int ret = load_flipped(&self->receiver, bit / 8, 1 << bit % 8);

		ASSERT_TRUE(receiver_refused(ret))
			TH_LOG("byte %zu, bit %zu: %d", bit / 8, bit % 8, ret);
	}
	EXPECT_TRUE(receiver_works(&self->receiver));
}

TEST_F_TIMEOUT(stream, every_bit_flipped_in_the_end_mark_is_refused, 300)
{
	const size_t length = self->receiver.good.length;
	size_t bit = 8 * (length - STREAM_SECTION_HEADER - 12);

	for (; bit < 8 * length; bit += effort_step(1)) {
		int ret = load_flipped(&self->receiver, bit / 8, 1 << bit % 8);

		ASSERT_TRUE(receiver_refused(ret))
			TH_LOG("byte %zu, bit %zu: %d", bit / 8, bit % 8, ret);
	}
	EXPECT_TRUE(receiver_works(&self->receiver));
}

/* Not every byte of VRAM, it would take too long. */
static unsigned int flip_step(size_t at)
{
	return effort_step(at % PAGE < 1024 ? 1 : 37);
}

TEST_F_TIMEOUT(stream, every_byte_flipped_is_refused, 3600)
{
	const size_t length = self->receiver.good.length;
	size_t at;

	for (at = 0; at < length; at += flip_step(at)) {
		int ret = load_flipped(&self->receiver, at, 0x10);

		ASSERT_TRUE(receiver_refused(ret))
			TH_LOG("byte %zu: %d", at, ret);
	}
	EXPECT_TRUE(receiver_works(&self->receiver));
}

TEST_F(stream, wrong_magic_is_einval)
{
	int at;

	for (at = 0; at < 8; at++) {
		EXPECT_EQ(-EINVAL, load_flipped(&self->receiver, at, 0xff));
		EXPECT_EQ(-EINVAL, load_flipped(&self->receiver,
						STREAM_PREFIX + at, 0xff));
	}
}

TEST_F(stream, wrong_checksum_is_ebadmsg)
{
	struct stream *stream = &self->receiver.stream;
	unsigned int nr;
	int at;

	for (at = 0; at < 4; at++) {
		EXPECT_EQ(-EBADMSG, load_flipped(&self->receiver,
						 STREAM_PREFIX +
						 STREAM_HEADER_CRC + at, 1));
	}
	/* Offsets of the sections that were kept are those of the full one. */
	stream_free(stream);
	ASSERT_EQ(NULL, stream_parse(stream, self->receiver.good.data,
				     self->receiver.good.length));
	for (nr = 0; nr < stream->nr; nr++) {
		struct stream_section *section = &stream->sections[nr];
		size_t payload = section->offset + STREAM_SECTION_HEADER;

		EXPECT_EQ(-EBADMSG, load_flipped(&self->receiver,
						 section->offset + 12, 1));
		EXPECT_EQ(-EBADMSG, load_flipped(&self->receiver, payload, 1))
			TH_LOG("section %#x", section->id);
		EXPECT_EQ(-EBADMSG, load_flipped(&self->receiver, payload +
						 section->length - 1, 0x80))
			TH_LOG("section %#x", section->id);
	}
}

TEST_F(stream, of_another_type_is_enodev)
{
	struct stream *stream = &self->receiver.stream;

	stream->header[STREAM_HEADER_TYPE] ^= 0x20;
	EXPECT_STREAM(-ENODEV);
	stream->header[STREAM_HEADER_TYPE] ^= 0x20;
	/* A name that ours is the beginning of. */
	stream->header[STREAM_HEADER_TYPE +
		       strlen((char *)stream->header + STREAM_HEADER_TYPE)] =
		'x';
	EXPECT_STREAM(-ENODEV);
	memset(stream->header + STREAM_HEADER_TYPE, 'x', 32);
	EXPECT_STREAM(-ENODEV);
}

TEST_F(stream, of_a_newer_format_is_eopnotsupp)
{
	__u8 *header = self->receiver.stream.header;

	stream_put16(header + STREAM_HEADER_VERSION, 2);
	EXPECT_STREAM(-EOPNOTSUPP);
	stream_put16(header + STREAM_HEADER_VERSION, 0xffff);
	EXPECT_STREAM(-EOPNOTSUPP);
}

TEST_F(stream, header_with_reserved_bytes_set_is_einval)
{
	__u8 *header = self->receiver.stream.header;
	int at;

	for (at = STREAM_HEADER_REST; at < STREAM_HEADER; at++) {
		header[at] = 1;
		EXPECT_STREAM(-EINVAL);
		header[at] = 0;
	}
	stream_put16(header + STREAM_HEADER_RESERVED, 1);
	EXPECT_STREAM(-EINVAL);
}

TEST_F(stream, newer_section_is_eopnotsupp)
{
	struct stream *stream = &self->receiver.stream;
	unsigned int nr;

	for (nr = 0; nr < stream->nr; nr++) {
		struct stream_section *section = &stream->sections[nr];

		section->version++;
		EXPECT_STREAM(-EOPNOTSUPP)
			TH_LOG("section %#x", section->id);
		section->version--;
	}
}

TEST_F(stream, section_of_version_0_or_unknown_flags_is_einval)
{
	struct stream *stream = &self->receiver.stream;
	unsigned int nr;

	for (nr = 0; nr < stream->nr; nr++) {
		struct stream_section *section = &stream->sections[nr];
		struct stream_section right = *section;

		section->version = 0;
		EXPECT_STREAM(-EINVAL)
			TH_LOG("section %#x of version 0", section->id);
		*section = right;
		section->flags |= 0x8000;
		EXPECT_STREAM(-EINVAL)
			TH_LOG("section %#x with flags", section->id);
		*section = right;
	}
}

TEST_F(stream, optional_flag_is_the_drivers_alone)
{
	struct stream *stream = &self->receiver.stream;
	unsigned int nr;

	for (nr = 0; nr < stream->nr; nr++) {
		struct stream_section *section = &stream->sections[nr];

		section->flags = STREAM_OPTIONAL;
		EXPECT_STREAM(section->id < 0x100 ? -EINVAL : RECEIVER_TAKEN)
			TH_LOG("section %#x", section->id);
		section->version++;
		EXPECT_STREAM(section->id < 0x100 ? -EINVAL : -EOPNOTSUPP)
			TH_LOG("section %#x, newer", section->id);
		section->version--;
		section->flags = 0;
	}
}

TEST_F(stream, unknown_optional_section_is_skipped)
{
	struct stream *stream = &self->receiver.stream;
	static const __u32 lengths[] = { 0, 1, 4095, 70000, 1024 * 1024 };
	unsigned int where, i;

	for (where = 1; where <= stream->nr; where++) {
		i = where % ARRAY_SIZE(lengths);
		stream_insert(stream, where, UNKNOWN, 9, STREAM_OPTIONAL,
			      NULL, lengths[i]);
		EXPECT_STREAM(RECEIVER_TAKEN)
			TH_LOG("%u bytes before section %u", lengths[i], where);
		ASSERT_EQ(0, devstate_stop(self->receiver.state));
		EXPECT_TRUE(context_is_saved_later(self->receiver.state,
						   &self->receiver.good))
			TH_LOG("it changed what was loaded");
		stream_remove(stream, where);
	}
}

TEST_F(stream, unknown_optional_section_has_its_checksum_looked_at)
{
	struct stream *stream = &self->receiver.stream;
	struct stream_bytes bytes;

	stream_append(stream, UNKNOWN, 1, STREAM_OPTIONAL, "skip me", 7);
	bytes = stream_build(stream);
	/* It lies before the end mark. */
	bytes.data[bytes.length - STREAM_SECTION_HEADER - 12 - 1] ^= 1;
	EXPECT_EQ(-EBADMSG, receiver_load(&self->receiver, bytes.data,
					  bytes.length));
	free(bytes.data);
}

TEST_F(stream, unknown_mandatory_section_is_eopnotsupp)
{
	struct stream *stream = &self->receiver.stream;
	unsigned int where;

	for (where = 1; where <= stream->nr; where++) {
		stream_insert(stream, where, where % 2 ? UNKNOWN :
			      UNKNOWN_LIBRARY, 1, 0, "needed", 6);
		EXPECT_STREAM(-EOPNOTSUPP)
			TH_LOG("before section %u", where);
		stream_remove(stream, where);
	}
}

TEST_F(stream, section_that_comes_twice_is_einval)
{
	struct stream *stream = &self->receiver.stream;
	unsigned int nr, last = stream->nr;

	for (nr = 0; nr < last; nr++) {
		struct stream_section section = stream->sections[nr];

		stream_append(stream, section.id, section.version,
			      section.flags, section.payload, section.length);
		EXPECT_STREAM(-EINVAL)
			TH_LOG("section %#x", section.id);
		stream_remove(stream, last);
	}
}

TEST_F(stream, compatibility_that_is_not_first_is_einval)
{
	struct stream *stream = &self->receiver.stream;
	unsigned int nr;

	for (nr = 1; nr < stream->nr; nr++) {
		stream_swap(stream, 0, nr);
		EXPECT_STREAM(-EINVAL)
			TH_LOG("it is section %u", nr);
		stream_swap(stream, 0, nr);
	}
	stream_insert(stream, 0, UNKNOWN, 1, STREAM_OPTIONAL, "skip me", 7);
	EXPECT_STREAM(-EINVAL);
}

TEST_F(stream, without_a_required_section_is_einval)
{
	static const __u32 ids[] = {
		STREAM_COMPAT, MVGPU_STREAM_CONFIG, MVGPU_STREAM_GTT,
		MVGPU_STREAM_QUEUES,
	};
	struct stream *stream = &self->receiver.stream;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		int nr = stream_find(stream, ids[i], 0);
		struct stream_section lost;

		ASSERT_LE(0, nr);
		lost = stream->sections[nr];
		lost.payload = malloc(lost.length);
		memcpy(lost.payload, stream->sections[nr].payload, lost.length);
		stream_remove(stream, nr);
		EXPECT_STREAM(-EINVAL)
			TH_LOG("without %#x", ids[i]);
		stream_insert(stream, nr, lost.id, lost.version, lost.flags,
			      lost.payload, lost.length);
		free(lost.payload);
	}
	EXPECT_STREAM(RECEIVER_TAKEN);
}

TEST_F(stream, state_may_come_in_any_order)
{
	struct stream *stream = &self->receiver.stream;
	const unsigned int rounds = effort_some(50);
	unsigned int i, a, b;

	srand(1);
	for (i = 0; i < rounds; i++) {
		a = 1 + rand() % (stream->nr - 1);
		b = 1 + rand() % (stream->nr - 1);
		/* Memory is ascending, whatever is between. */
		if (stream->sections[a].id == STREAM_MEM &&
		    stream->sections[b].id == STREAM_MEM)
			continue;
		stream_swap(stream, a, b);
		receiver_keep_memory(stream, 1);
		EXPECT_STREAM(RECEIVER_TAKEN)
			TH_LOG("round %u", i);
	}
}

TEST_F(stream, without_memory_is_taken)
{
	receiver_keep_memory(&self->receiver.stream, 0);
	EXPECT_STREAM(RECEIVER_TAKEN);
}

TEST_F(stream, memory_of_zeros_is_taken)
{
	struct stream *stream = &self->receiver.stream;
	const __u64 size = self->receiver.vmm->gpu.vram_size;

	stream_append_memory(stream, size - 16 * PAGE, 16 * PAGE, 0);
	EXPECT_STREAM(RECEIVER_TAKEN);
	ASSERT_EQ(0, devstate_stop(self->receiver.state));
	EXPECT_TRUE(context_is_saved_later(self->receiver.state,
					   &self->receiver.good));
}

TEST_F(stream, memory_that_the_device_does_not_have_is_einval)
{
	const __u64 size = self->receiver.vmm->gpu.vram_size;
	const struct {
		__u64 offset;
		__u32 length;
	} bad[] = {
		{ size, PAGE }, { size - PAGE, 2 * PAGE },
		{ size + PAGE, PAGE }, { ~0ULL - PAGE + 1, PAGE },
		{ ~0ULL - PAGE + 1, 2 * PAGE }, { 1ULL << 32, PAGE },
		{ 1ULL << 63, PAGE }, { 512, PAGE }, { 1, PAGE },
		{ size - 1, PAGE },
	};
	struct stream *stream = &self->receiver.stream;
	unsigned int i;

	receiver_keep_memory(stream, 0);
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		stream_append_memory(stream, bad[i].offset, bad[i].length, 1);
		EXPECT_STREAM(-EINVAL)
			TH_LOG("%#x bytes at %#llx", bad[i].length,
			       bad[i].offset);
		stream_remove(stream, stream->nr - 1);
	}
}

TEST_F(stream, memory_of_no_whole_pages_or_too_long_is_einval)
{
	static const __u32 lengths[] = {
		0, 4, 7, 8, 9, 8 + 1, 8 + PAGE - 1, 8 + PAGE + 1,
		8 + 65536 + PAGE, 8 + 65536 + 1,
	};
	struct stream *stream = &self->receiver.stream;
	unsigned int i;

	receiver_keep_memory(stream, 0);
	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		stream_append(stream, STREAM_MEM, 1, 0, NULL, lengths[i]);
		EXPECT_STREAM(-EINVAL)
			TH_LOG("%u bytes", lengths[i]);
		stream_remove(stream, stream->nr - 1);
	}
}

TEST_F(stream, memory_that_does_not_ascend_is_einval)
{
	struct stream *stream = &self->receiver.stream;

	receiver_keep_memory(stream, 0);
	stream_append_memory(stream, 8 * PAGE, 4 * PAGE, 1);
	EXPECT_STREAM(RECEIVER_TAKEN);
	stream_append_memory(stream, 12 * PAGE, PAGE, 2);
	EXPECT_STREAM(RECEIVER_TAKEN);
	stream_append_memory(stream, 12 * PAGE, PAGE, 3);
	EXPECT_STREAM(-EINVAL);
	stream_put64(stream->sections[stream->nr - 1].payload, 11 * PAGE);
	EXPECT_STREAM(-EINVAL);
	stream_put64(stream->sections[stream->nr - 1].payload, 0);
	EXPECT_STREAM(-EINVAL);
}

TEST_F(stream, section_behind_the_end_mark_is_einval)
{
	struct stream_bytes bytes = stream_build(&self->receiver.stream);
	const size_t end = STREAM_SECTION_HEADER + 12;
	__u8 *data = calloc(1, bytes.length + end);

	ASSERT_NE(NULL, data);
	memcpy(data, bytes.data, bytes.length);
	memcpy(data + bytes.length, bytes.data + bytes.length - end, end);
	stream_put64(data + 8, bytes.length + end);
	EXPECT_EQ(-EINVAL, receiver_load(&self->receiver, data,
					 bytes.length + end));
	stream_put64(data + 8, bytes.length + 1);
	EXPECT_EQ(-EINVAL, receiver_load(&self->receiver, data,
					 bytes.length + 1));
	free(data);
	free(bytes.data);
}

TEST_F(stream, end_mark_that_counts_wrongly_is_einval)
{
	struct stream *stream = &self->receiver.stream;
	const __u64 total = self->receiver.good.length - STREAM_PREFIX -
			    STREAM_SECTION_HEADER - 12;
	const struct {
		__u64 total;
		__u32 nr;
	} bad[] = {
		{ total + 1, stream->nr }, { total - 1, stream->nr },
		{ 0, stream->nr }, { total + (1ULL << 32), stream->nr },
		{ total, stream->nr + 1 }, { total, stream->nr - 1 },
		{ total, 0 },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		struct stream_bytes bytes;

		bytes = stream_build_end(stream, bad[i].total, bad[i].nr);
		EXPECT_EQ(-EINVAL, receiver_load(&self->receiver, bytes.data,
						 bytes.length))
			TH_LOG("%llu bytes, %u sections", bad[i].total,
			       bad[i].nr);
		free(bytes.data);
	}
}

TEST_F(stream, of_a_device_that_differs_is_refused)
{
	struct stream_section *compat = &self->receiver.stream.sections[0];
	__u32 i;
	int ret;

	for (i = 0; i < compat->length; i++) {
		compat->payload[i] ^= 0x04;
		ret = receiver_load_stream(&self->receiver);
		EXPECT_TRUE(receiver_refused(ret))
			TH_LOG("byte %u of the compatibility section: %d", i,
			       ret);
		compat->payload[i] ^= 0x04;
	}
	stream_resize(compat, compat->length + 1);
	ret = receiver_load_stream(&self->receiver);
	EXPECT_TRUE(receiver_refused(ret)) TH_LOG("a byte more: %d", ret);
	stream_resize(compat, 0);
	ret = receiver_load_stream(&self->receiver);
	EXPECT_TRUE(receiver_refused(ret)) TH_LOG("empty: %d", ret);
}

TEST_F(stream, with_too_much_state_is_eoverflow)
{
	struct stream *stream = &self->receiver.stream;
	struct stream_bytes bytes;
	int i;

	for (i = 0; i < 3; i++) {
		stream_append(stream, UNKNOWN + i, 1, STREAM_OPTIONAL, NULL,
			      1024 * 1024);
	}
	EXPECT_STREAM(-EOVERFLOW) TH_LOG("three sections of 1 MiB");
	for (i = 0; i < 3; i++)
		stream_remove(stream, stream->nr - 1);

	stream_resize(&stream->sections[stream_find(stream, MVGPU_STREAM_QUEUES,
						    0)],
		      1024 * 1024);
	EXPECT_STREAM(-EOVERFLOW) TH_LOG("queues of 1 MiB");

	/* A section says that it is endless: told at once. */
	bytes = stream_build(stream);
	stream_put32(bytes.data + STREAM_PREFIX + STREAM_HEADER + 8, ~0U);
	EXPECT_EQ(-EOVERFLOW, receiver_load(&self->receiver, bytes.data,
					    bytes.length));
	free(bytes.data);
	EXPECT_TRUE(receiver_works(&self->receiver));
}

TEST_F(stream, that_was_refused_left_nothing)
{
	struct receiver *receiver = &self->receiver;
	struct guest_state fresh;
	const char *differs;

	ASSERT_EQ(0, vfio_reset(receiver->vmm->vfio.device));
	ASSERT_EQ(0, guest_state_take(&fresh, receiver->vmm));
	/* All of it comes, and the end mark is wrong. */
	receiver->good.data[receiver->good.length - 12] ^= 1;
	stream_seal_section(receiver->good.data + receiver->good.length -
			    STREAM_SECTION_HEADER - 12);
	EXPECT_EQ(-EINVAL, receiver_load(receiver, receiver->good.data,
					 receiver->good.length));
	differs = guest_state_check(receiver->vmm, &fresh);
	EXPECT_EQ(NULL, differs) TH_LOG("%s is not reset", differs);
	guest_state_free(&fresh);
}

TEST_HARNESS_MAIN
