// SPDX-License-Identifier: GPL-2.0
/*
 * Random calls against a plain model of what they should do: no dirty page
 * missed, none invented, no page left charged. Each of several threads has a
 * window of IOVAs of its own, and a model of it, in one container with two
 * devices; what concerns all windows is done by one thread while the others
 * wait.
 *
 * MVGPU_MODEL_STEPS and MVGPU_MODEL_SEED say how many calls, and which. A
 * failure names the seed and the last calls of its thread.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dirty.h"
#include "dirty_model.h"
#include "effort.h"
#include "kselftest_harness.h"

#define LANES 4
#define LANE_PAGES 10000 /* more than two leaves */
#define LANE_SIZE (LANE_PAGES * DIRTY_PAGE)
#define STEPS 100000
#define GUARD 0xa5a5a5a5a5a5a5a5ULL
#define LOG_LINES 12
#define LOG_WIDTH 160
#define LANE_STEPS 9 /* kinds of calls */

struct world;

/**
 * struct lane - a window of IOVAs, and who plays in it
 * @world: what the lanes share
 * @nr: number of the lane
 * @model: what should be
 * @mem: memory, of which page n is mapped at page n of the window
 * @iova: first byte of the window
 * @random: state of the random numbers
 * @steps: calls to make
 * @step: calls made
 * @bitmap: the kernel's answer, with a word behind it
 * @expected: the model's
 * @fragile: two pages, of which the second cannot be reached
 * @good: did the last call succeed
 * @successes: calls of each kind that did
 * @log: the last calls
 * @detail: which bit
 * @wrong: what went wrong, or NULL
 */
struct lane {
	struct world *world;
	unsigned int nr;
	struct dirty_model model;
	unsigned char *mem;
	__u64 iova;
	__u64 random;
	unsigned long steps;
	unsigned long step;
	__u64 bitmap[LANE_PAGES / 64 + 2];
	__u64 expected[LANE_PAGES / 64 + 2];
	unsigned char *fragile;
	bool good;
	unsigned long successes[LANE_STEPS];
	char log[LOG_LINES][LOG_WIDTH];
	char detail[LOG_WIDTH];
	const char *wrong;
};

/**
 * struct world - a container
 * @rigs: its devices
 * @container: its fd
 * @shared: what the models share
 * @lock: held for reading over a call in one window, for writing over one that
 *	  concerns all
 * @lanes: the windows
 * @nr_lanes: how many are in use
 * @failed: somebody found something wrong: the others stop
 */
struct world {
	struct dirty_rig rigs[DIRTY_MODEL_DEVICES];
	int container;
	struct dirty_model_shared shared;
	pthread_rwlock_t lock;
	struct lane lanes[LANES];
	unsigned int nr_lanes;
	bool failed;
};

/* splitmix64 */
static __u64 lane_random(struct lane *lane, __u64 below)
{
	__u64 z = lane->random += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return (z ^ z >> 31) % below;
}

/* Where the call that is being made is remembered, for lane_report(). */
static char *lane_line(struct lane *lane)
{
	return lane->log[lane->step % LOG_LINES];
}

static __u64 lane_iova(const struct lane *lane, unsigned int page)
{
	return lane->iova + page * DIRTY_PAGE;
}

/* A range anywhere, mostly small. */
static void lane_range(struct lane *lane, unsigned int most,
		       unsigned int *first, unsigned int *nr)
{
	const unsigned int limit = lane_random(lane, 3) ? 16 : most;

	*first = lane_random(lane, LANE_PAGES);
	*nr = 1 + lane_random(lane, limit);
	if (*nr > LANE_PAGES - *first)
		*nr = LANE_PAGES - *first;
}

/* A range that is one whole mapping, if one is found soon. */
static bool lane_mapping(struct lane *lane, unsigned int *first,
			 unsigned int *nr)
{
	const struct dirty_model_page *pages = lane->model.pages;
	unsigned int begin, end, tries = 16;
	__u32 mapping;

	do {
		begin = lane_random(lane, LANE_PAGES);
		mapping = pages[begin].mapping;
	} while (!mapping && --tries);
	if (!mapping)
		return false;
	end = begin;
	while (begin && pages[begin - 1].mapping == mapping)
		begin--;
	while (end < LANE_PAGES && pages[end].mapping == mapping)
		end++;
	*first = begin;
	*nr = end - begin;
	return true;
}

/*
 * A range for which much depends on where it lies: mostly in a mapping, about
 * an end of it, of a word of bits or of a leaf.
 */
static void lane_pages(struct lane *lane, unsigned int most,
		       unsigned int *first, unsigned int *nr)
{
	static const unsigned int edges[] = { 0, 64, 128, 4096, 8192 };
	unsigned int begin, size, edge;

	lane_range(lane, most, first, nr);
	if (!lane_random(lane, 4) || !lane_mapping(lane, &begin, &size))
		return;
	edge = edges[lane_random(lane, ARRAY_SIZE(edges))];
	if (edge >= size)
		edge = lane_random(lane, size);
	edge += begin;
	*first = edge - lane_random(lane, (*nr < edge ? *nr : edge) + 1);
	if (*nr > LANE_PAGES - *first)
		*nr = LANE_PAGES - *first;
	if (!lane_random(lane, 4))
		return;
	if (*first < begin)
		*first = begin;
	if (*nr > begin + size - *first)
		*nr = begin + size - *first;
}

/* A range that cuts no mapping, for which its bits are rarely aligned. */
static bool lane_uncut(struct lane *lane, unsigned int *first, unsigned int *nr)
{
	const struct dirty_model_page *pages = lane->model.pages;
	unsigned int hole = lane_random(lane, 80);

	if (!lane_mapping(lane, first, nr))
		return false;
	while (hole-- && *first && !pages[*first - 1].mapping) {
		--*first;
		++*nr;
	}
	while (*first + *nr < LANE_PAGES && !pages[*first + *nr].mapping &&
	       lane_random(lane, 40))
		++*nr;
	return true;
}

/* Fill both bitmaps alike, as a caller that did not clear its own. */
static void lane_fill_bitmaps(struct lane *lane, unsigned int nr, bool zero)
{
	const size_t words = dirty_bytes(nr) / sizeof(__u64);
	size_t i;

	for (i = 0; i < words; i++) {
		lane->bitmap[i] = zero ? 0 : lane_random(lane, ~0ULL);
		lane->expected[i] = lane->bitmap[i];
	}
	lane->bitmap[words] = GUARD;
	lane->expected[words] = GUARD;
}

/* Names the first bit that is not as expected, or the word behind them all. */
static const char *lane_compare(struct lane *lane, unsigned int nr,
				const char *what)
{
	const unsigned int bits = dirty_bytes(nr) * 8 + 64;
	unsigned int i;

	for (i = 0; i < bits; i++) {
		if (dirty_bit(lane->bitmap, i) == dirty_bit(lane->expected, i))
			continue;
		snprintf(lane->detail, LOG_WIDTH, "%s: bit %u of %u is not %d",
			 what, i, nr, dirty_bit(lane->expected, i));
		return lane->detail;
	}
	return NULL;
}

static bool lane_is_free(const struct lane *lane, unsigned int first,
			 unsigned int nr)
{
	while (nr--) {
		if (lane->model.pages[first + nr].mapping)
			return false;
	}
	return true;
}

static const char *step_map(struct lane *lane)
{
	static const __u32 flags[] = {
		DIRTY_RW,
		DIRTY_RW,
		DIRTY_RW,
		VFIO_DMA_MAP_FLAG_READ,
		VFIO_DMA_MAP_FLAG_WRITE,
	};
	const __u32 flag = flags[lane_random(lane, ARRAY_SIZE(flags))];
	unsigned int first, nr;
	long ret, expected;

	lane_range(lane, LANE_PAGES, &first, &nr);
	/* The only mapping has several leaves. */
	if (lane_is_free(lane, 0, LANE_PAGES)) {
		first = lane_random(lane, 500);
		nr = LANE_PAGES - first - lane_random(lane, 500);
	}
	while (nr > 1 && lane_random(lane, 8) && !lane_is_free(lane, first, nr))
		nr /= 2;
	expected = dirty_model_map(&lane->model, first, nr, flag);
	ret = vfio_map_dma(lane->world->container, lane_iova(lane, first),
			   lane->mem + first * DIRTY_PAGE, nr * DIRTY_PAGE,
			   flag);
	snprintf(lane_line(lane), LOG_WIDTH, "map %u+%u flags %u: %ld, not %ld",
		 first, nr, flag, ret, expected);
	lane->good = ret >= 0;
	return ret == expected ? NULL : "map";
}

static const char *step_unmap(struct lane *lane)
{
	const bool dirty = !lane_random(lane, 3);
	unsigned int first, nr;
	long long ret, expected;

	if (!lane_random(lane, 4))
		lane_range(lane, 600, &first, &nr);
	else if (!lane_uncut(lane, &first, &nr))
		return NULL;
	if (!lane_random(lane, 8)) {
		first = 0;
		nr = LANE_PAGES;
	}
	lane_fill_bitmaps(lane, nr, false);
	expected = dirty_model_unmap(&lane->model, first, nr,
				     dirty ? lane->expected : NULL);
	if (dirty)
		ret = dirty_unmap(lane->world->container,
				  lane_iova(lane, first), nr * DIRTY_PAGE,
				  lane->bitmap);
	else
		ret = vfio_unmap_dma(lane->world->container,
				     lane_iova(lane, first), nr * DIRTY_PAGE);
	snprintf(lane_line(lane), LOG_WIDTH,
		 "unmap %u+%u dirty %d: %lld, not %lld", first, nr, dirty, ret,
		 expected);
	lane->good = ret >= 0;
	if (ret != expected)
		return "unmap";
	return lane_compare(lane, nr, "bitmap of unmap");
}

static const char *step_pin(struct lane *lane)
{
	static const __u32 flags[] = {
		PINTEST_READ,
		PINTEST_WRITE,
		PINTEST_READ | PINTEST_WRITE,
	};
	const __u32 flag = flags[lane_random(lane, ARRAY_SIZE(flags))];
	const unsigned int device = lane_random(lane, DIRTY_MODEL_DEVICES);
	unsigned int first, nr;
	long ret, expected;

	lane_pages(lane, DIRTY_MODEL_PIN_MAX + 1, &first, &nr);
	if (!lane_random(lane, 64))
		nr = 0;
	expected = dirty_model_pin(&lane->model, device, first, nr, flag);
	ret = dirty_pin(&lane->world->rigs[device], lane_iova(lane, first), nr,
			flag);
	snprintf(lane_line(lane), LOG_WIDTH,
		 "pin %u+%u flags %u by %u: %ld, not %ld", first, nr, flag,
		 device, ret, expected);
	lane->good = ret >= 0;
	return ret == expected ? NULL : "pin";
}

static const char *step_unpin(struct lane *lane)
{
	const unsigned int device = lane_random(lane, DIRTY_MODEL_DEVICES);
	unsigned int first, nr;
	long ret;

	lane_pages(lane, 1000, &first, &nr);
	dirty_model_unpin(&lane->model, device, first, nr);
	ret = dirty_unpin(&lane->world->rigs[device], lane_iova(lane, first),
			  nr);
	snprintf(lane_line(lane), LOG_WIDTH, "unpin %u+%u by %u: %ld", first,
		 nr, device, ret);
	lane->good = ret >= 0;
	return ret ? "unpin" : NULL;
}

/* Read or write from any byte to any byte; what was copied must be there. */
static const char *step_rw(struct lane *lane)
{
	const bool write = lane_random(lane, 2);
	const __u32 flags = (write ? PINTEST_WRITE : 0) |
			    (lane_random(lane, 2) ? PINTEST_KTHREAD : 0);
	const __u64 len = 1 + lane_random(lane, 4 * DIRTY_PAGE);
	unsigned char data[4 * DIRTY_PAGE];
	unsigned int first, nr;
	int ret, expected;
	__u64 offset, done;

	lane_pages(lane, 4, &first, &nr);
	offset = first * DIRTY_PAGE + lane_random(lane, DIRTY_PAGE);
	if (offset > LANE_SIZE - len)
		offset = LANE_SIZE - len;
	memset(data, lane_random(lane, 256), len);
	expected = dirty_model_rw(&lane->model, offset, len, write, &done);
	ret = dirty_rw(&lane->world->rigs[0], lane->iova + offset, data, len,
		       flags);
	snprintf(lane_line(lane), LOG_WIDTH,
		 "rw %#llx+%llu flags %u: %d, not %d",
		 (unsigned long long)offset, (unsigned long long)len, flags,
		 ret, expected);
	lane->good = ret >= 0;
	if (ret != expected)
		return "rw";
	/* A read that fails copies nothing out of pintest. */
	if (!write && ret)
		return NULL;
	return memcmp(lane->mem + offset, data, done) ? "data of rw" : NULL;
}

static const char *step_mark(struct lane *lane)
{
	const unsigned int device = lane_random(lane, DIRTY_MODEL_DEVICES);
	unsigned int first, nr;
	long ret;

	lane_pages(lane, 64, &first, &nr);
	while (nr > 1 && !dirty_model_can_mark(&lane->model, first, nr))
		nr /= 2;
	if (!lane->world->shared.marks[device] ||
	    !dirty_model_can_mark(&lane->model, first, nr))
		return NULL;
	dirty_model_mark(&lane->model, first, nr);
	ret = dirty_mark(&lane->world->rigs[device],
			 lane_iova(lane, first) + lane_random(lane, 4096),
			 (nr - 1) * DIRTY_PAGE + 1);
	snprintf(lane_line(lane), LOG_WIDTH, "mark %u+%u by %u: %ld", first, nr,
		 device, ret);
	lane->good = ret >= 0;
	return ret ? "mark" : NULL;
}

static const char *step_get(struct lane *lane)
{
	unsigned int first, nr;
	long ret, expected;

	if (!lane_random(lane, 3))
		lane_range(lane, LANE_PAGES, &first, &nr);
	else if (!lane_uncut(lane, &first, &nr))
		return NULL;
	lane_fill_bitmaps(lane, nr, false);
	expected = dirty_model_get(&lane->model, first, nr, lane->expected);
	ret = dirty_get(lane->world->container, lane_iova(lane, first),
			nr * DIRTY_PAGE, lane->bitmap);
	snprintf(lane_line(lane), LOG_WIDTH, "get %u+%u: %ld, not %ld", first,
		 nr, ret, expected);
	lane->good = ret >= 0;
	if (ret != expected)
		return "get";
	return lane_compare(lane, nr, "bitmap of get");
}

/* The bitmap ends where nothing is: nothing becomes clean. */
static const char *step_get_fails(struct lane *lane)
{
	unsigned int first, nr, words;
	unsigned char *bitmap;
	long ret, expected;

	if (!lane_mapping(lane, &first, &nr) || nr < 65)
		return NULL;
	words = dirty_bytes(nr) / sizeof(__u64);
	expected = dirty_model_check_get(&lane->model, first, nr);
	if (!expected)
		expected = -EFAULT;
	bitmap = lane->fragile + DIRTY_PAGE -
		 (1 + lane_random(lane, words - 1)) * sizeof(__u64);
	ret = dirty_get(lane->world->container, lane_iova(lane, first),
			nr * DIRTY_PAGE, bitmap);
	snprintf(lane_line(lane), LOG_WIDTH, "get %u+%u in vain: %ld, not %ld",
		 first, nr, ret, expected);
	lane->good = ret == -EFAULT;
	return ret == expected ? NULL : "get in vain";
}

static const char *step_written(struct lane *lane)
{
	unsigned int first, nr;
	int ret;

	lane_pages(lane, LANE_PAGES, &first, &nr);
	lane_fill_bitmaps(lane, nr, true);
	dirty_model_written(&lane->model, first, nr, lane->expected);
	ret = dirty_written(lane->world->container, lane_iova(lane, first), nr,
			    lane->bitmap);
	snprintf(lane_line(lane), LOG_WIDTH, "written %u+%u: %d", first, nr,
		 ret);
	lane->good = ret >= 0;
	return ret ? "written" : lane_compare(lane, nr, "bitmap of written");
}

static const struct {
	const char *name;
	const char *(*step)(struct lane *lane);
	unsigned int weight;
} steps[LANE_STEPS] = {
	{ "map", step_map, 10 },	{ "unmap", step_unmap, 4 },
	{ "pin", step_pin, 25 },	{ "unpin", step_unpin, 15 },
	{ "rw", step_rw, 15 },		{ "mark", step_mark, 10 },
	{ "get", step_get, 8 },		{ "get in vain", step_get_fails, 4 },
	{ "written", step_written, 4 },
};

static const char *lane_step(struct lane *lane)
{
	unsigned int i, sum = 0, pick;
	const char *wrong;

	for (i = 0; i < LANE_STEPS; i++)
		sum += steps[i].weight;
	pick = lane_random(lane, sum);
	for (i = 0; pick >= steps[i].weight; i++)
		pick -= steps[i].weight;
	lane->good = false;
	wrong = steps[i].step(lane);
	lane->successes[i] += lane->good;
	return wrong;
}

/* What concerns all windows; they stand still meanwhile. */
static const char *world_step(struct world *world, struct lane *lane)
{
	const unsigned int device = lane_random(lane, DIRTY_MODEL_DEVICES);
	struct dirty_model_shared *shared = &world->shared;
	unsigned int i;
	long pinned = 0;

	snprintf(lane_line(lane), LOG_WIDTH, "all: tracking %d",
		 shared->tracking);
	switch (lane_random(lane, 6)) {
	case 0:
		if (dirty_stop(world->container))
			return "stop";
		shared->tracking = false;
		return NULL;
	case 1:
		shared->marks[device] = !shared->marks[device];
		return dirty_set(&world->rigs[device], PINTEST_EXPLICIT,
				 shared->marks[device])
			       ? "explicit"
			       : NULL;
	case 2:
		for (i = 0; i < world->nr_lanes; i++)
			pinned += dirty_model_pinned(&world->lanes[i].model);
		snprintf(lane_line(lane), LOG_WIDTH,
			 "all: %ld KiB locked, not %ld", dirty_locked(),
			 pinned * 4);
		return dirty_locked() == pinned * 4 ? NULL : "locked memory";
	default:
		/* Once more changes nothing. */
		for (i = 0; i < world->nr_lanes && !shared->tracking; i++)
			dirty_model_start(&world->lanes[i].model);
		shared->tracking = true;
		return dirty_start(world->container) ? "start" : NULL;
	}
}

static void *lane_play(void *data)
{
	struct lane *lane = data;
	struct world *world = lane->world;

	for (; lane->step < lane->steps && !lane->wrong; lane->step++) {
		if (__atomic_load_n(&world->failed, __ATOMIC_RELAXED))
			break;
		if (lane_random(lane, 100)) {
			pthread_rwlock_rdlock(&world->lock);
			lane->wrong = lane_step(lane);
		} else {
			pthread_rwlock_wrlock(&world->lock);
			lane->wrong = world_step(world, lane);
		}
		pthread_rwlock_unlock(&world->lock);
	}
	if (lane->wrong)
		__atomic_store_n(&world->failed, true, __ATOMIC_RELAXED);
	return NULL;
}

static int lane_create(struct lane *lane, struct world *world, unsigned int nr,
		       __u64 seed)
{
	int ret;

	memset(lane, 0, sizeof(*lane));
	lane->world = world;
	lane->nr = nr;
	lane->random = seed * LANES + nr;
	/* The last one ends where the address space does. */
	lane->iova = -(__u64)LANE_SIZE * (world->nr_lanes - nr);
	ret = dirty_model_init(&lane->model, &world->shared, LANE_PAGES);
	if (ret)
		return ret;
	lane->mem = mmap(NULL, LANE_SIZE, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	lane->fragile = dirty_memory(2 * DIRTY_PAGE);
	if (lane->mem == MAP_FAILED || !lane->fragile ||
	    mprotect(lane->fragile + DIRTY_PAGE, DIRTY_PAGE, PROT_NONE))
		return -errno;
	return 0;
}

static void lane_destroy(struct lane *lane)
{
	if (lane->fragile)
		munmap(lane->fragile, 2 * DIRTY_PAGE);
	if (lane->mem && lane->mem != MAP_FAILED)
		munmap(lane->mem, LANE_SIZE);
	dirty_model_free(&lane->model);
}

static unsigned long number_from(const char *name, unsigned long otherwise)
{
	const char *value = getenv(name);

	return value && *value ? strtoul(value, NULL, 0) : otherwise;
}

FIXTURE(model)
{
	struct world *world;
	__u64 seed;
};

FIXTURE_VARIANT(model)
{
	unsigned int lanes;
	unsigned int share; /* of the steps, in percent */
};

FIXTURE_VARIANT_ADD(model, one_thread) { .lanes = 1, .share = 40 };
FIXTURE_VARIANT_ADD(model, threads) { .lanes = LANES, .share = 60 };

FIXTURE_SETUP(model)
{
	const unsigned long all =
		number_from("MVGPU_MODEL_STEPS", effort_rounds(STEPS));
	struct world *world = calloc(1, sizeof(*world));
	unsigned int i;

	ASSERT_NE(NULL, world);
	self->world = world;
	self->seed = number_from("MVGPU_MODEL_SEED", 1);
	world->nr_lanes = variant->lanes;
	world->shared.marks[1] = true;
	pthread_rwlock_init(&world->lock, NULL);
	ASSERT_EQ(0, dirty_rig_open(&world->rigs[0]));
	world->container = world->rigs[0].vfio.container;
	ASSERT_EQ(0, dirty_rig_create(&world->rigs[1]));
	ASSERT_EQ(0, vfio_open_shared(&world->rigs[1].vfio, world->container,
				      world->rigs[1].uuid));
	ASSERT_EQ(0, dirty_set(&world->rigs[1], PINTEST_EXPLICIT, 1));
	for (i = 0; i < variant->lanes; i++) {
		ASSERT_EQ(0,
			  lane_create(&world->lanes[i], world, i, self->seed));
		world->lanes[i].steps =
			all / 100 * variant->share / variant->lanes;
	}
}

FIXTURE_TEARDOWN(model)
{
	struct world *world = self->world;
	unsigned int i;

	vfio_close_device(&world->rigs[1].vfio);
	world->rigs[1].vfio.container = -1;
	dirty_rig_destroy(&world->rigs[1]);
	dirty_rig_destroy(&world->rigs[0]);
	EXPECT_EQ(0, dirty_locked());
	for (i = 0; i < world->nr_lanes; i++)
		lane_destroy(&world->lanes[i]);
	pthread_rwlock_destroy(&world->lock);
	free(world);
}

/* What went wrong, and what every kind of call came to. */
static void lane_report(struct __test_metadata *_metadata,
			const struct lane *lane, __u64 seed)
{
	unsigned int i;

	EXPECT_EQ(NULL, lane->wrong)
	{
		TH_LOG("seed %llu, lane %u, step %lu: %s",
		       (unsigned long long)seed, lane->nr, lane->step,
		       lane->wrong ?: "");
		for (i = LOG_LINES; i > 0; i--)
			TH_LOG("  %s", lane->log[(lane->step + LOG_LINES - i) %
						 LOG_LINES]);
	}
	TH_LOG("seed %llu, window %u: %lu calls, of which succeeded",
	       (unsigned long long)seed, lane->nr, lane->step);
	for (i = 0; i < LANE_STEPS; i++)
		TH_LOG("  %s: %lu", steps[i].name, lane->successes[i]);
}

/* Of a short run a window may have none of a kind that seldom succeeds. */
static void world_report(struct __test_metadata *_metadata,
			 const struct world *world)
{
	unsigned long successes;
	unsigned int i, nr;

	for (i = 0; i < LANE_STEPS; i++) {
		successes = 0;
		for (nr = 0; nr < world->nr_lanes; nr++)
			successes += world->lanes[nr].successes[i];
		EXPECT_LT(0, successes)
		{
			TH_LOG("no %s succeeded", steps[i].name);
		}
	}
}

TEST_F_TIMEOUT(model, is_what_happens, 86400)
{
	struct world *world = self->world;
	pthread_t threads[LANES];
	unsigned int i;

	for (i = 0; i < world->nr_lanes; i++)
		ASSERT_EQ(0, pthread_create(&threads[i], NULL, lane_play,
					    &world->lanes[i]));
	for (i = 0; i < world->nr_lanes; i++)
		pthread_join(threads[i], NULL);
	for (i = 0; i < world->nr_lanes; i++)
		lane_report(_metadata, &world->lanes[i], self->seed);
	world_report(_metadata, world);
}

TEST_HARNESS_MAIN
