// SPDX-License-Identifier: GPL-2.0
/*
 * What the engine's commands do to VRAM and guest memory, compared with a
 * plain model: on a container that vfio_dirty serves, and with the same result
 * on one of the kernel's own type1.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "kselftest_harness.h"
#include "model.h"
#include "rig.h"

#define PAGE RIG_PAGE

FIXTURE(engine)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct rig rig;
	struct model model;
};

FIXTURE_VARIANT(engine)
{
	const char *claim;
};

FIXTURE_VARIANT_ADD(engine, served)
{
	.claim = "users",
};

FIXTURE_VARIANT_ADD(engine, stock)
{
	.claim = "none",
};

/* The model sees memory where the device does. */
static int setup_model(struct model *model, const struct rig *rig)
{
	const __u64 ram = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	__u64 i;
	int ret;

	ret = model_create(model, rig->vmm.gpu.vram_size, RIG_RAM_SIZE,
			   RIG_RAM_IOVA);
	if (ret)
		return ret;
	for (i = 0; i < RIG_RAM_SIZE / PAGE; i++)
		model->gtt[RIG_RAM / PAGE + i] = ram | (RIG_RAM_IOVA + i * PAGE);
	for (i = 0; i < rig->vmm.gpu.vram_size / PAGE; i++)
		model->gtt[RIG_VRAM / PAGE + i] =
			ram | MVGPU_GTT_VRAM | i * PAGE;

	return 0;
}

FIXTURE_SETUP(engine)
{
	ASSERT_EQ(0, fixture_claim(variant->claim, self->claim));
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(!strcmp(variant->claim, "users"),
		  devstate_has_bitmap(self->rig.vmm.vfio.container));
	ASSERT_EQ(0, setup_model(&self->model, &self->rig));
}

FIXTURE_TEARDOWN(engine)
{
	model_destroy(&self->model);
	rig_destroy(&self->rig);
	fixture_claim(self->claim, NULL);
}

/* Bytes of RAM and of VRAM that the tests use and compare. */
#define WINDOW (2 * 1024 * 1024)

/* Give device and model the same bytes to begin with. */
static int scribble(struct rig *rig, struct model *model)
{
	rig_pattern(model->ram, WINDOW, 1);
	rig_pattern(model->vram, WINDOW, 2);
	memcpy(rig->vmm.ram.mem, model->ram, WINDOW);

	return gpu_vram_write(&rig->vmm.gpu, 0, model->vram, WINDOW);
}

/* First byte of VRAM or RAM that is not as the model has it, or -1. */
static long long differs(struct rig *rig, struct model *model)
{
	static unsigned char vram[WINDOW];
	long long i;

	if (gpu_vram_read(&rig->vmm.gpu, 0, vram, WINDOW))
		return -2;
	if (!memcmp(vram, model->vram, WINDOW) &&
	    !memcmp(rig->vmm.ram.mem, model->ram, WINDOW))
		return -1;
	for (i = 0; i < WINDOW; i++)
		if (vram[i] != model->vram[i])
			return RIG_VRAM + i;
	for (i = 0; i < WINDOW; i++)
		if (*(unsigned char *)ram_at(&rig->vmm.ram, i) != model->ram[i])
			break;

	return RIG_RAM + i;
}

/* Run a command on both; 0 if memory is the same afterwards. */
static long long run_both(struct rig *rig, struct model *model,
			  union gpu_command command)
{
	long long where;
	int ret;

	ret = rig_run(rig, command);
	if (ret)
		return ret;
	if (model_run(model, &command))
		return -1000;
	where = differs(rig, model);

	return where == -1 ? 0 : where == 0 ? 1 : where;
}

TEST_F_TIMEOUT(engine, fill_writes_its_rectangle_only, 120)
{
	static const struct {
		__u64 dst;
		__u32 width, height, pitch;
	} cases[] = {
		{ 0, 1, 1, 0 },
		{ PAGE - 1, 2, 1, 0 },
		{ PAGE, PAGE, 1, 0 },
		{ 3, 3 * PAGE + 7, 1, 0 },
		{ 5 * PAGE - 3, 6, 9, PAGE },
		{ 8 * PAGE + 1, 13, 100, 13 },
		{ 8 * PAGE + 1, 4095, 40, 4099 },
		{ 100, 70000, 5, 70001 },
		{ 64 * PAGE, 1, 300, 5000 },
	};
	static const __u64 bases[] = { RIG_RAM, RIG_VRAM };
	size_t i, j;

	ASSERT_EQ(0, scribble(&self->rig, &self->model));
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (j = 0; j < ARRAY_SIZE(bases); j++) {
			union gpu_command fill =
				gpu_fill(bases[j] + cases[i].dst,
					 cases[i].width, cases[i].height,
					 cases[i].pitch, 0x44332211 + i);

			ASSERT_EQ(0, run_both(&self->rig, &self->model, fill))
				TH_LOG("case %zu at %#llx", i,
				       bases[j]);
		}
}

TEST_F_TIMEOUT(engine, copy_moves_a_rectangle_between_any_memories, 120)
{
	static const struct {
		__u64 dst, src;
		__u32 width, height, dst_pitch, src_pitch;
	} cases[] = {
		{ 0, 100 * PAGE, 1, 1, 0, 0 },
		{ PAGE - 1, 100 * PAGE - 1, 2, 1, 0, 0 },
		{ 2 * PAGE, 100 * PAGE, 4 * PAGE, 1, 0, 0 },
		{ 7, 100 * PAGE + 4093, 100001, 1, 0, 0 },
		{ 11, 130 * PAGE + 5, 333, 77, 1000, 4099 },
		{ 11, 130 * PAGE + 5, 9, 200, 9, 4096 },
		{ 3 * PAGE - 1, 300 * PAGE - 1, 65537, 3, 65537, 65540 },
	};
	static const __u64 bases[] = { RIG_RAM, RIG_VRAM };
	size_t i, way;

	ASSERT_EQ(0, scribble(&self->rig, &self->model));
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (way = 0; way < 4; way++) {
			union gpu_command copy =
				gpu_copy(bases[way & 1] + cases[i].dst,
					 bases[way >> 1] + cases[i].src,
					 cases[i].width, cases[i].height,
					 cases[i].dst_pitch,
					 cases[i].src_pitch);

			ASSERT_EQ(0, run_both(&self->rig, &self->model, copy))
				TH_LOG("case %zu, way %zu", i, way);
		}
}

TEST_F_TIMEOUT(engine, overlapping_copies_are_as_memmove, 120)
{
	static const int shifts[] = {
		1, -1, 7, -7, 4095, -4095, 4096, -4096, 4097, -4097, 65536,
		-65536, 65537, -65537, 99999, -99999, 0,
	};
	const __u64 src = 40 * PAGE + 9;
	const __u32 len = 100000;
	size_t i, vram;

	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		ASSERT_EQ(0, scribble(&self->rig, &self->model));
		for (vram = 0; vram < 2; vram++) {
			__u64 base = vram ? RIG_VRAM : RIG_RAM;
			unsigned char *mem = vram ? self->model.vram :
						    self->model.ram;

			union gpu_command copy =
				gpu_copy(base + src + shifts[i], base + src,
					 len, 1, 0, 0);

			ASSERT_EQ(0, rig_run(&self->rig, copy));
			memmove(mem + src + shifts[i], mem + src, len);
		}
		ASSERT_EQ(-1, differs(&self->rig, &self->model))
			TH_LOG("shift by %d", shifts[i]);
	}
}

TEST_F_TIMEOUT(engine, overlapping_rectangles_are_as_if_all_was_read_first, 120)
{
	static const struct {
		int rows, columns;
	} shifts[] = {
		{ 0, 1 }, { 0, -1 }, { 1, 0 }, { -1, 0 }, { 3, 50 },
		{ 3, -50 }, { -3, 50 }, { -3, -50 }, { 0, 299 }, { 1, -299 },
	};
	const __u64 src = 40 * PAGE + 9;
	const __u32 pitch = 2100;
	size_t i;

	ASSERT_EQ(0, scribble(&self->rig, &self->model));
	for (i = 0; i < ARRAY_SIZE(shifts); i++) {
		__s64 shift = shifts[i].rows * (int)pitch + shifts[i].columns;
		union gpu_command ram =
			gpu_copy(RIG_RAM + src + shift, RIG_RAM + src, 300, 40,
				 pitch, pitch);
		union gpu_command vram =
			gpu_copy(RIG_VRAM + src + shift, RIG_VRAM + src, 300,
				 40, pitch, pitch);

		ASSERT_EQ(0, run_both(&self->rig, &self->model, ram))
			TH_LOG("RAM, case %zu", i);
		ASSERT_EQ(0, run_both(&self->rig, &self->model, vram))
			TH_LOG("VRAM, case %zu", i);
	}
}

TEST_F_TIMEOUT(engine, blend_lays_pixels_over_others, 120)
{
	static const struct {
		__u64 dst, src;
		__u32 width, height, dst_pitch, src_pitch, alpha;
	} cases[] = {
		{ 0, 100 * PAGE, 4, 1, 0, 0, 255 },
		{ PAGE - 4, 100 * PAGE - 8, 16, 1, 0, 0, 200 },
		{ 8, 100 * PAGE + 4092, 100004, 1, 0, 0, 255 },
		{ 12, 130 * PAGE + 4, 332, 77, 1000, 4100, 128 },
		{ 40 * PAGE, 40 * PAGE + 8, 70000, 1, 0, 0, 90 },
		{ 40 * PAGE + 8, 40 * PAGE, 70000, 1, 0, 0, 90 },
		{ 40 * PAGE + 2104, 40 * PAGE, 300, 40, 2100, 2100, 77 },
		{ 40 * PAGE, 40 * PAGE, 5000, 2, 5000, 5000, 255 },
		{ 4, 200 * PAGE, 4096, 2, 4096, 4096, 0 },
	};
	static const __u64 bases[] = { RIG_RAM, RIG_VRAM };
	size_t i, way;

	ASSERT_EQ(0, scribble(&self->rig, &self->model));
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		for (way = 0; way < 4; way++) {
			union gpu_command blend =
				gpu_blend(bases[way & 1] + cases[i].dst,
					  bases[way >> 1] + cases[i].src,
					  cases[i].width, cases[i].height,
					  cases[i].dst_pitch,
					  cases[i].src_pitch, cases[i].alpha);

			ASSERT_EQ(0, run_both(&self->rig, &self->model, blend))
				TH_LOG("case %zu, way %zu", i, way);
		}
}

TEST_F(engine, a_command_runs_across_two_dma_mappings)
{
	const __u64 last = RIG_RAM + RIG_RAM_SIZE - 5 * PAGE;
	struct ram more;
	__u32 i;

	ASSERT_EQ(0, ram_create(&more, 16 * PAGE));
	ASSERT_EQ(0, ram_map(&more, self->rig.vmm.vfio.container,
			     RIG_RAM_IOVA + RIG_RAM_SIZE));
	ASSERT_EQ(0, gpu_gtt_bind(&self->rig.vmm.gpu,
				  (RIG_RAM + RIG_RAM_SIZE) / PAGE, 16,
				  (RIG_RAM_IOVA + RIG_RAM_SIZE) |
				  MVGPU_GTT_VALID | MVGPU_GTT_WRITE));
	EXPECT_EQ(0, rig_run(&self->rig,
			     gpu_fill(last, 10 * PAGE, 1, 0, 0x04030201)));
	for (i = 0; i < 10 * PAGE; i++) {
		const unsigned char *byte = i < 5 * PAGE ?
			ram_at(&self->rig.vmm.ram, RIG_RAM_SIZE - 5 * PAGE + i) :
			ram_at(&more, i - 5 * PAGE);

		ASSERT_EQ(1 + i % 4, *byte) TH_LOG("byte %u", i);
	}
	EXPECT_EQ(0, *(char *)ram_at(&more, 5 * PAGE));
	EXPECT_EQ(0, ram_unmap(&more, self->rig.vmm.vfio.container));
	ram_destroy(&more);
}

static __u32 ram_word(struct rig *rig, __u64 offset)
{
	__u32 word;

	memcpy(&word, ram_at(&rig->vmm.ram, offset), sizeof(word));
	return le32toh(word);
}

TEST_F(engine, crc32c_gives_the_known_answer)
{
	memcpy(ram_at(&self->rig.vmm.ram, PAGE - 4), "123456789", 9);
	EXPECT_EQ(0, rig_run(&self->rig, gpu_crc32c(RIG_RAM + 8 * PAGE,
						    RIG_RAM + PAGE - 4, 9, 0)));
	EXPECT_EQ(0xe3069283, ram_word(&self->rig, 8 * PAGE));
	EXPECT_EQ(0U, ram_word(&self->rig, 8 * PAGE + 4));
}

TEST_F(engine, crc32c_goes_on_from_a_result)
{
	const __u64 half = 70001, all = 200003;
	__u32 first;

	ASSERT_EQ(0, scribble(&self->rig, &self->model));
	ASSERT_EQ(0, rig_run(&self->rig, gpu_crc32c(RIG_RAM, RIG_VRAM + 3,
						    half, 0)));
	first = ram_word(&self->rig, 0);
	EXPECT_EQ(model_crc32c(0, self->model.vram + 3, half), first);
	ASSERT_EQ(0, rig_run(&self->rig,
			     gpu_crc32c(RIG_RAM + 4, RIG_VRAM + 3 + half,
					all - half, first)));
	EXPECT_EQ(model_crc32c(0, self->model.vram + 3, all),
		  ram_word(&self->rig, 4));
}

TEST_F(engine, vram_reads_as_zeros_until_written)
{
	memset(self->rig.vmm.ram.mem, 0xff, 3 * PAGE);
	ASSERT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM, RIG_VRAM + 5 * PAGE,
						  3 * PAGE, 1, 0, 0)));
	ASSERT_EQ(0, memcmp(self->rig.vmm.ram.mem, self->model.ram, 3 * PAGE));
}

TEST_F(engine, bind_and_unbind_write_consecutive_entries)
{
	const __u64 entry = MVGPU_GTT_VALID | MVGPU_GTT_VRAM | 7 * PAGE;
	const __u32 first = RIG_FREE / PAGE + 5, count = 1000;
	__u32 i;
	__u64 got;

	ASSERT_EQ(0, rig_run(&self->rig, gpu_bind(first, count, entry)));
	for (i = 0; i < count; i++) {
		ASSERT_EQ(0, gpu_gtt_read(&self->rig.vmm.gpu, first + i, &got));
		ASSERT_EQ(entry + i * PAGE, got) TH_LOG("entry %u", i);
	}
	ASSERT_EQ(0, gpu_gtt_read(&self->rig.vmm.gpu, first - 1, &got));
	EXPECT_EQ(0U, got);
	ASSERT_EQ(0, gpu_gtt_read(&self->rig.vmm.gpu, first + count, &got));
	EXPECT_EQ(0U, got);

	ASSERT_EQ(0, rig_run(&self->rig, gpu_unbind(first + 1, count - 2)));
	for (i = 0; i < count; i++) {
		__u64 want = i && i < count - 1 ? 0 : entry + i * PAGE;

		ASSERT_EQ(0, gpu_gtt_read(&self->rig.vmm.gpu, first + i, &got));
		ASSERT_EQ(want, got) TH_LOG("entry %u after unbind", i);
	}
}

TEST_F(engine, the_next_command_sees_a_bind)
{
	const __u32 slot = RIG_FREE / PAGE;
	__u64 i;

	for (i = 0; i < 20; i++) {
		union gpu_command bind = gpu_bind(slot, 2, MVGPU_GTT_VALID |
				MVGPU_GTT_WRITE | (RIG_RAM_IOVA + i * 2 * PAGE));
		union gpu_command fill = gpu_fill(RIG_FREE, 2 * PAGE, 1, 0,
						  0x01010101 * (i + 1));

		ASSERT_EQ(0, gpu_ring_put(&self->rig.ring, &bind));
		ASSERT_EQ(0, gpu_ring_put(&self->rig.ring, &fill));
	}
	ASSERT_EQ(0, gpu_ring_kick(&self->rig.ring));
	ASSERT_EQ(0, rig_wait(&self->rig));
	for (i = 0; i < 40 * PAGE; i++) {
		ASSERT_EQ(i / PAGE / 2 + 1,
			  *(unsigned char *)ram_at(&self->rig.vmm.ram, i));
	}
}

TEST_F_TIMEOUT(engine, a_fence_comes_after_all_before_it, 60)
{
	const __u64 *fence = ram_at(&self->rig.vmm.ram, 100 * PAGE);
	unsigned char *mem = self->rig.vmm.ram.mem;
	__u64 round;

	for (round = 1; round <= 100; round++) {
		long long end = rig_now_ms() + RIG_TIMEOUT_MS;
		union gpu_command fill = gpu_fill(RIG_RAM, 3 * 65536, 1, 0,
						  0x01010101 * round);
		union gpu_command done = gpu_fence(RIG_RAM + 100 * PAGE, round);

		ASSERT_EQ(0, gpu_ring_put(&self->rig.ring, &fill));
		ASSERT_EQ(0, gpu_ring_put(&self->rig.ring, &done));
		ASSERT_EQ(0, gpu_ring_kick(&self->rig.ring));
		while (__atomic_load_n(fence, __ATOMIC_ACQUIRE) !=
		       htole64(round) && rig_now_ms() < end)
			;
		ASSERT_EQ(round, le64toh(*fence)) TH_LOG("no fence");
		ASSERT_EQ(round, mem[0]);
		ASSERT_EQ(round, mem[65536]);
		ASSERT_EQ(round, mem[3 * 65536 - 1]);
	}
}

struct random_state {
	__u64 seed;
};

/* xorshift64*: the same everywhere, so that a seed names a run. */
static __u32 below(struct random_state *random, __u32 limit)
{
	__u64 x = random->seed;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	random->seed = x;

	return (x * 0x2545f4914f6cdd1dULL >> 32) % limit;
}

/* GPU pages from RIG_FREE on, each bound to another page of RAM or VRAM. */
#define SPACE_PAGES (2 * WINDOW / PAGE)
#define SPACE (SPACE_PAGES * PAGE)

static int bind_space(struct rig *rig, struct model *model)
{
	const __u64 flags = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	__u64 *gtt = model->gtt + RIG_FREE / PAGE;
	__u64 half = SPACE_PAGES / 2, i;
	int ret = 0;

	for (i = 0; i < SPACE_PAGES && !ret; i++) {
		__u64 page = i / 2 * 5 % half * PAGE;

		gtt[i] = flags | (i % 2 ? page | MVGPU_GTT_VRAM :
				  RIG_RAM_IOVA + page);
		ret = gpu_gtt_write(&rig->vmm.gpu, RIG_FREE / PAGE + i, gtt[i]);
	}

	return ret;
}

static union gpu_command random_fill(struct random_state *random)
{
	__u32 height = 1 + below(random, 12);
	__u32 width = 1 + below(random, 9000);
	__u32 pitch = width + below(random, 5000);
	__u64 dst = below(random, SPACE - height * pitch);

	return gpu_fill(RIG_FREE + dst, width, height, pitch,
			below(random, UINT32_MAX));
}

static union gpu_command random_copy(struct random_state *random)
{
	__u32 height = 1 + below(random, 12);
	__u32 width = 1 + below(random, 9000);
	__u32 pitch = width + below(random, 5000);
	__u32 src_pitch = width + below(random, 5000);
	__u64 dst = below(random, SPACE - height * pitch);
	__u64 src = below(random, SPACE - height * src_pitch);
	__u32 near = below(random, 3);

	/* Every third is near its source, and may overlap it. */
	if (!near && dst > SPACE / 4 && dst < SPACE / 2)
		src = dst + below(random, 20000) - 10000;
	if (src < dst + height * pitch && dst < src + height * src_pitch)
		src_pitch = pitch;
	if (src + height * src_pitch > SPACE)
		src = SPACE - height * src_pitch;
	if (src < dst + height * pitch && dst < src + height * src_pitch)
		src_pitch = pitch;

	return gpu_copy(RIG_FREE + dst, RIG_FREE + src, width, height, pitch,
			src_pitch);
}

/* Up to two commands; returns how many. */
static int random_commands(struct random_state *random, struct model *model,
			   union gpu_command command[2])
{
	const __u32 first = RIG_FREE / PAGE;
	__u32 a, b;

	switch (below(random, 8)) {
	case 0:		/* swap two pages of the space */
		a = first + below(random, SPACE_PAGES);
		b = first + below(random, SPACE_PAGES);
		command[0] = gpu_bind(a, 1, model->gtt[b]);
		command[1] = gpu_bind(b, 1, model->gtt[a]);
		return 2;
	case 1:
		a = 1 + below(random, 100000);
		command[0] = gpu_crc32c(RIG_FREE + below(random, SPACE / 4) * 4,
					RIG_FREE + below(random, SPACE - a), a,
					below(random, UINT32_MAX));
		return 1;
	case 2:
		command[0] = gpu_fence(RIG_FREE + below(random, SPACE / 8) * 8,
				       random->seed);
		return 1;
	case 3:
	case 4:
		command[0] = random_fill(random);
		return 1;
	default:
		command[0] = random_copy(random);
		return 1;
	}
}

/* 64 random steps, run as one submission. */
static int random_batch(struct rig *rig, struct model *model,
			struct random_state *random)
{
	union gpu_command command[2];
	int step, nr, i, ret = 0;

	for (step = 0; step < 64; step++) {
		nr = random_commands(random, model, command);
		for (i = 0; i < nr && !ret; i++)
			ret = gpu_ring_put(&rig->ring, &command[i]);
		for (i = 0; i < nr && !ret; i++)
			ret = model_run(model, &command[i]);
	}
	if (!ret)
		ret = gpu_ring_kick(&rig->ring);

	return ret ?: rig_wait(rig);
}

TEST_F_TIMEOUT(engine, random_commands_do_what_the_model_does, 240)
{
	struct random_state random = { .seed = 0x6d76677075 };
	__u64 seed;
	int batch;

	ASSERT_EQ(0, scribble(&self->rig, &self->model));
	ASSERT_EQ(0, bind_space(&self->rig, &self->model));
	for (batch = 0; batch < 12; batch++) {
		seed = random.seed;
		ASSERT_EQ(0, random_batch(&self->rig, &self->model, &random))
			TH_LOG("batch %d, seed %#llx", batch,
			       seed);
		ASSERT_EQ(-1, differs(&self->rig, &self->model))
			TH_LOG("batch %d, seed %#llx", batch,
			       seed);
	}
}

TEST_HARNESS_MAIN
