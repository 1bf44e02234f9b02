// SPDX-License-Identifier: GPL-2.0
/*
 * Reading the serialized context of a vGPU, bytes 1 and up of the device-state
 * region: any cut gives the same bytes, until the VMM changes the device.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/context.h"
#include "lib/effort.h"
#include "lib/fixture.h"
#include "lib/guest_state.h"
#include "lib/stream_edit.h"

#define START	VFIO_DEVICE_STATE_START
#define STOP	VFIO_DEVICE_STATE_STOP

#define PAGE	MVGPU_PAGE_SIZE

/* A stopped device with something in all parts of its state. */
struct source {
	struct fixture fixture;
	struct fixture_vmm *vmm;
	struct devstate *state;
	struct context context;
	__u8 *buf;	/* has room for the region */
};

static int source_create(struct source *source)
{
	int ret;

	source->vmm = &source->fixture.vmm[0];
	source->state = &source->vmm->state;
	ret = fixture_create(&source->fixture);
	if (!ret)
		ret = fixture_open(source->vmm);
	if (ret)
		return ret;
	source->buf = malloc(source->state->size);
	if (!source->buf)
		return -ENOMEM;
	memset(source->buf, 0xa5, source->state->size);
	return context_fill_save(source->vmm, 7, &source->context);
}

static void source_destroy(struct source *source)
{
	free(source->buf);
	context_free(&source->context);
	fixture_destroy(&source->fixture);
}

/* Does the buffer hold the context? */
static bool source_was_read(const struct source *source)
{
	return !memcmp(source->buf, source->context.data,
		       source->context.length);
}

FIXTURE(context_read) {
	struct source source;
};

FIXTURE_SETUP(context_read)
{
	ASSERT_EQ(0, source_create(&self->source));
}

FIXTURE_TEARDOWN(context_read)
{
	source_destroy(&self->source);
}

TEST_F(context_read, whole_region_is_the_context_then_zeros)
{
	struct source *source = &self->source;
	const __u64 size = source->state->size;
	__u64 i, not_zero = 0;

	ASSERT_EQ(0, context_read(source->state, source->buf, size - 1, 1,
				  CONTEXT_UNCUT));
	EXPECT_TRUE(source_was_read(source));
	for (i = source->context.length; i < size - 1; i++)
		not_zero += !!source->buf[i];
	EXPECT_EQ(0, not_zero) TH_LOG("bytes behind the context are not 0");
}

TEST_F(context_read, rest_of_the_region_reads_zeros_alone)
{
	struct source *source = &self->source;
	const __u64 size = source->state->size;
	static const __u8 zeros[4097];
	__u64 offset;

	for (offset = source->context.length + 1; offset < size;
	     offset += 1024 * 1024) {
		size_t piece = size - offset < sizeof(zeros) ? size - offset :
			       sizeof(zeros);

		ASSERT_EQ((ssize_t)piece,
			  devstate_pread(source->state, source->buf, piece,
					 offset));
		ASSERT_EQ(0, memcmp(source->buf, zeros, piece))
			TH_LOG("from offset %llu", offset);
	}
	ASSERT_EQ(1, devstate_pread(source->state, source->buf, 1, size - 1));
	EXPECT_EQ(0, source->buf[0]);
}

TEST_F(context_read, read_from_run_control_goes_on_with_the_context)
{
	struct source *source = &self->source;
	const __u64 length = source->context.length;

	ASSERT_EQ((ssize_t)length + 1,
		  devstate_pread(source->state, source->buf, length + 1, 0));
	EXPECT_EQ(STOP, source->buf[0]);
	EXPECT_EQ(0, memcmp(source->buf + 1, source->context.data, length));
}

TEST_F(context_read, backwards_gives_the_same_bytes)
{
	struct source *source = &self->source;
	__u64 left = source->context.length;

	/* Nobody has read offset 1 since the stop. */
	ASSERT_EQ(0, devstate_start(source->state));
	ASSERT_EQ(0, devstate_stop(source->state));
	while (left) {
		__u64 piece = left < 4093 ? left : 4093;

		left -= piece;
		ASSERT_EQ(0, context_read(source->state, source->buf + left,
					  piece, 1 + left, CONTEXT_UNCUT))
			TH_LOG("%llu bytes from offset %llu", piece, 1 + left);
	}
	/* The clock went on between the stops, and nothing else. */
	EXPECT_TRUE(context_is_saved_later(source->state, &source->context));
	memcpy(source->context.data, source->buf, source->context.length);
	EXPECT_TRUE(context_is_saved(source->state, &source->context));
}

TEST_F(context_read, again_gives_the_same_bytes)
{
	struct source *source = &self->source;

	EXPECT_TRUE(context_is_saved(source->state, &source->context));
	ASSERT_EQ(0, devstate_stop(source->state));
	EXPECT_TRUE(context_is_saved(source->state, &source->context))
		TH_LOG("after another stop");
	ASSERT_EQ(0, devstate_start(source->state));
	ASSERT_EQ(0, devstate_stop(source->state));
	EXPECT_TRUE(context_is_saved_later(source->state, &source->context))
		TH_LOG("a device with nothing to do changed");
}

TEST_F(context_read, start_drops_the_index)
{
	struct source *source = &self->source;
	const __u64 length = source->context.length;

	ASSERT_EQ(0, context_read(source->state, source->buf, 16, 1,
				  CONTEXT_UNCUT));
	ASSERT_EQ(0, devstate_start(source->state));
	ASSERT_EQ(0, gpu_vram_write(&source->vmm->gpu, 0, "changed", 7));
	ASSERT_EQ(0, devstate_stop(source->state));
	/* Not ESTALE: there is no index that could be. */
	ASSERT_EQ(0, context_read(source->state, source->buf + 16, length - 16,
				  17, CONTEXT_UNCUT));
	EXPECT_FALSE(source_was_read(source))
		TH_LOG("a context from before the start was read");
}

static __u8 peek(const void *byte)
{
	return __atomic_load_n((const __u8 *)byte, __ATOMIC_RELAXED);
}

static void poke(void *byte, __u8 value)
{
	__atomic_store_n((__u8 *)byte, value, __ATOMIC_RELAXED);
}

TEST_F(context_read, reads_by_the_vmm_do_not_make_it_stale)
{
	struct source *source = &self->source;
	__u8 *map = gpu_vram_map(&source->vmm->gpu);
	struct guest_state state;

	ASSERT_NE(NULL, map);
	peek(map);
	ASSERT_EQ(0, context_read(source->state, source->buf, 16, 1, 16));
	peek(map);
	peek(map + 5 * PAGE);
	EXPECT_EQ(0, peek(map + 500 * PAGE));
	ASSERT_EQ(0, guest_state_take(&state, source->vmm));
	guest_state_free(&state);
	EXPECT_EQ(1, devstate_pread(source->state, source->buf, 1, 17))
		TH_LOG("stale after reads only");
	EXPECT_TRUE(context_is_saved(source->state, &source->context))
		TH_LOG("reads changed the context");
	munmap(map, source->vmm->gpu.vram_size);
}

TEST_F(context_read, bad_memory_is_efault_and_spoils_nothing)
{
	struct source *source = &self->source;
	const __u64 half = source->context.length / 2 / PAGE * PAGE;
	__u8 *map = mmap(NULL, 2 * half, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ssize_t got;

	ASSERT_NE(MAP_FAILED, map);
	ASSERT_EQ(0, mprotect(map + half, half, PROT_NONE));
	EXPECT_EQ(-EFAULT, devstate_pread(source->state, map + half, half, 1));
	/* What came before the bad page may be told, or not. */
	got = devstate_pread(source->state, map, 2 * half, 1);
	EXPECT_TRUE(got == -EFAULT || (got > 0 && got <= (ssize_t)half));
	EXPECT_TRUE(got < 0 || !memcmp(map, source->context.data, got));
	EXPECT_TRUE(context_is_saved(source->state, &source->context));
	munmap(map, 2 * half);
}

TEST_F(context_read, is_a_stream_as_documented)
{
	static const __u32 ids[] = {
		STREAM_COMPAT, MVGPU_STREAM_CONFIG, MVGPU_STREAM_GTT,
		MVGPU_STREAM_QUEUES,
	};
	struct context *context = &self->source.context;
	struct stream stream;
	unsigned int i;
	const char *why;

	why = stream_parse(&stream, context->data, context->length);
	EXPECT_EQ(NULL, why) TH_LOG("%s", why);
	for (i = 0; i < ARRAY_SIZE(ids); i++) {
		EXPECT_LE(0, stream_find(&stream, ids[i], 0))
			TH_LOG("no section %#x", ids[i]);
	}
	stream_free(&stream);
}

TEST_F(context_read, holds_the_pages_of_vram_that_are_not_zero)
{
	static const __u8 zeros[PAGE];
	struct context *context = &self->source.context;
	struct guest_state state;
	struct stream stream;
	unsigned int pages = 0;
	int nr = -1;

	ASSERT_EQ(0, guest_state_take(&state, self->source.vmm));
	ASSERT_EQ(NULL, stream_parse(&stream, context->data, context->length));
	while ((nr = stream_find(&stream, STREAM_MEM, nr + 1)) >= 0) {
		__u8 *payload = stream.sections[nr].payload;
		__u64 at = stream_get64(payload);
		__u32 length = stream.sections[nr].length - 8, i;

		ASSERT_LE(at + length, state.vram_size);
		EXPECT_EQ(0, memcmp(state.vram + at, payload + 8, length))
			TH_LOG("VRAM from %#llx is another", at);
		for (i = 0; i < length; i += PAGE) {
			EXPECT_NE(0, memcmp(payload + 8 + i, zeros, PAGE))
				TH_LOG("zeros travel from %#llx", at + i);
			pages++;
		}
	}
	EXPECT_EQ(GUEST_STATE_PAGES, pages);
	stream_free(&stream);
	guest_state_free(&state);
}

FIXTURE(context_read_cut) {
	struct source source;
};

FIXTURE_VARIANT(context_read_cut)
{
	size_t cut;
};

FIXTURE_VARIANT_ADD(context_read_cut, by_1) { .cut = 1, };
FIXTURE_VARIANT_ADD(context_read_cut, by_7) { .cut = 7, };
FIXTURE_VARIANT_ADD(context_read_cut, by_4096) { .cut = 4096, };
FIXTURE_VARIANT_ADD(context_read_cut, by_4097) { .cut = 4097, };
FIXTURE_VARIANT_ADD(context_read_cut, by_65537) { .cut = 65537, };
FIXTURE_VARIANT_ADD(context_read_cut, uncut) { .cut = CONTEXT_UNCUT, };

FIXTURE_SETUP(context_read_cut)
{
	ASSERT_EQ(0, source_create(&self->source));
}

FIXTURE_TEARDOWN(context_read_cut)
{
	source_destroy(&self->source);
}

TEST_F_TIMEOUT(context_read_cut, gives_the_same_bytes, 300)
{
	struct source *source = &self->source;
	const __u64 length = source->context.length;
	const __u64 part = effort_part(length);

	ASSERT_EQ(0, context_read(source->state, source->buf, part, 1,
				  variant->cut));
	ASSERT_EQ(0, context_read(source->state, source->buf + part,
				  length - part, 1 + part, CONTEXT_UNCUT));
	EXPECT_TRUE(source_was_read(source));
}

/* Ways in which a VMM changes a device. */
FIXTURE(context_stale) {
	struct source source;
	__u8 *map;
};

FIXTURE_VARIANT(context_stale)
{
	int (*change)(const struct fixture_vmm *vmm, __u8 *map);
	bool touch_map;		/* before the context is read */
};

static int change_config(const struct fixture_vmm *vmm, __u8 *map)
{
	__u8 line = 0xa8;

	(void)map;
	return vfio_config_write(vmm->vfio.device, PCI_INTERRUPT_LINE, &line,
				 sizeof(line));
}

static int change_registers(const struct fixture_vmm *vmm, __u8 *map)
{
	(void)map;
	return gpu_gtt_write(&vmm->gpu, 200, MVGPU_GTT_VALID | MVGPU_GTT_VRAM);
}

static int change_vram(const struct fixture_vmm *vmm, __u8 *map)
{
	(void)map;
	return gpu_vram_write(&vmm->gpu, 17 * PAGE + 5, "changed", 7);
}

static int change_mapped_vram(const struct fixture_vmm *vmm, __u8 *map)
{
	(void)vmm;
	poke(map + 17 * PAGE + 5, 0x3c);
	return 0;
}

FIXTURE_VARIANT_ADD(context_stale, config) { .change = change_config, };
FIXTURE_VARIANT_ADD(context_stale, registers) { .change = change_registers, };
FIXTURE_VARIANT_ADD(context_stale, vram) { .change = change_vram, };
FIXTURE_VARIANT_ADD(context_stale, mapped_vram) {
	.change = change_mapped_vram,
};

FIXTURE_VARIANT_ADD(context_stale, mapped_vram_written_before) {
	.change = change_mapped_vram,
	.touch_map = true,
};

FIXTURE_SETUP(context_stale)
{
	ASSERT_EQ(0, source_create(&self->source));
	self->map = gpu_vram_map(&self->source.vmm->gpu);
	ASSERT_NE(NULL, self->map);
	if (variant->touch_map)
		poke(self->map + 17 * PAGE + 5, 0x5a);
}

FIXTURE_TEARDOWN(context_stale)
{
	munmap(self->map, self->source.vmm->gpu.vram_size);
	source_destroy(&self->source);
}

TEST_F(context_stale, until_offset_1_is_read_again)
{
	struct source *source = &self->source;
	struct devstate *state = source->state;
	const __u64 last = source->context.length;
	struct context again;

	ASSERT_EQ(0, context_read(state, source->buf, 64, 1, 64));
	ASSERT_EQ(0, variant->change(source->vmm, self->map));
	EXPECT_EQ(-ESTALE, devstate_pread(state, source->buf, 64, 65));
	EXPECT_EQ(-ESTALE, devstate_pread(state, source->buf, 1, last));
	EXPECT_EQ(-ESTALE, devstate_pread(state, source->buf, 1, 2))
		TH_LOG("stale once, then no more");
	EXPECT_EQ(STOP, context_run_control(state));

	ASSERT_EQ(0, context_save(state, &again))
		TH_LOG("cannot be read after offset 1 was read again");
	EXPECT_TRUE(again.length != source->context.length ||
		    memcmp(again.data, source->context.data, again.length))
		TH_LOG("the change is not in the context");
	EXPECT_TRUE(context_is_saved(state, &again));
	context_free(&again);
}

TEST_F(context_stale, after_each_index)
{
	struct source *source = &self->source;
	int i;

	for (i = 0; i < 3; i++) {
		ASSERT_EQ(0, context_read(source->state, source->buf, 16, 1,
					  16));
		ASSERT_EQ(0, context_read(source->state, source->buf, 16, 17,
					  16));
		ASSERT_EQ(0, variant->change(source->vmm, self->map));
		ASSERT_EQ(-ESTALE, devstate_pread(source->state, source->buf,
						  16, 33))
			TH_LOG("write number %d was not noticed", i);
	}
}

/* A device that nobody has given work. */
FIXTURE(context_size) {
	struct fixture fixture;
	struct fixture_vmm *vmm;
	struct context context;
};

FIXTURE_SETUP(context_size)
{
	self->vmm = &self->fixture.vmm[0];
	ASSERT_EQ(0, fixture_create(&self->fixture));
	ASSERT_EQ(0, fixture_open(self->vmm));
}

FIXTURE_TEARDOWN(context_size)
{
	context_free(&self->context);
	fixture_destroy(&self->fixture);
}

TEST_F(context_size, of_an_idle_device_is_at_most_64_kib)
{
	ASSERT_EQ(0, devstate_stop(&self->vmm->state));
	ASSERT_EQ(0, context_save(&self->vmm->state, &self->context));
	EXPECT_GE(64 * 1024, self->context.length);
}

/* Every second page: the most sections that so many pages can make. */
TEST_F(context_size, grows_by_the_pages_that_are_not_zero)
{
	const __u64 pages = self->vmm->gpu.vram_size / PAGE / 2;
	__u64 page;

	for (page = 0; page < pages; page++) {
		ASSERT_EQ(0, gpu_vram_write(&self->vmm->gpu,
					    2 * page * PAGE + page, "x", 1));
	}
	ASSERT_EQ(0, devstate_stop(&self->vmm->state));
	ASSERT_EQ(0, context_save(&self->vmm->state, &self->context));
	EXPECT_LE(pages * PAGE, self->context.length);
	EXPECT_GE(64 * 1024 + pages * PAGE, self->context.length);
}

TEST_F(context_size, does_not_count_pages_that_were_zeroed)
{
	static const __u8 zeros[PAGE];
	int page;

	for (page = 0; page < 256; page++) {
		ASSERT_EQ(0, gpu_vram_write(&self->vmm->gpu, page * PAGE,
					    "x", 1));
		ASSERT_EQ(0, gpu_vram_write(&self->vmm->gpu, page * PAGE,
					    zeros, sizeof(zeros)));
	}
	ASSERT_EQ(0, devstate_stop(&self->vmm->state));
	ASSERT_EQ(0, context_save(&self->vmm->state, &self->context));
	EXPECT_GE(64 * 1024, self->context.length);
}

TEST_F(context_size, fits_the_region_with_all_of_vram)
{
	const __u64 size = self->vmm->gpu.vram_size;
	__u8 *vram = malloc(size);
	struct stream stream;

	ASSERT_NE(NULL, vram);
	memset(vram, 0xc3, size);
	ASSERT_EQ(0, gpu_vram_write(&self->vmm->gpu, 0, vram, size));
	free(vram);
	ASSERT_EQ(0, guest_state_fill(self->vmm, 8));
	ASSERT_EQ(0, devstate_stop(&self->vmm->state));
	ASSERT_EQ(0, context_save(&self->vmm->state, &self->context));
	EXPECT_LT(size, self->context.length);
	EXPECT_EQ(NULL, stream_parse(&stream, self->context.data,
				     self->context.length));
	stream_free(&stream);
}

TEST_HARNESS_MAIN
