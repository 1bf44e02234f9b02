// SPDX-License-Identifier: GPL-2.0
/*
 * Queries against a model that knows each page: mappings of any size, side by
 * side or with holes between, longer than a leaf and than a chunk of a query,
 * with pages that are written, pinned and let go. Needs pintest.ko.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dirty.h"
#include "kselftest_harness.h"
#include "userfault.h"

#define PAGE	DIRTY_PAGE
#define IOVA	0x140000000ULL
#define PAGES	150000L
#define MAPS	400
#define RW	(PINTEST_READ | PINTEST_WRITE)
#define ROUNDS	6
#define STEPS	120
/* What user space's bitmap holds before a query. */
#define STALE	0xa5

struct map {
	long first;
	long nr;
};

/* What is known of a page. */
struct model {
	bool mapped;
	bool pinned;
	bool held;
	bool dirty;
	bool written;
};

FIXTURE(query)
{
	struct dirty_rig rig;
	int container;
	unsigned char *mem;
	unsigned char *bitmap;
	struct model *page;
	struct map map[MAPS];
	int maps;
};

FIXTURE_SETUP(query)
{
	int ret = dirty_rig_open(&self->rig);

	if (ret == -ENODEV)
		SKIP(return, "pintest is not loaded");
	ASSERT_EQ(0, ret);
	self->container = self->rig.vfio.container;
	self->mem = dirty_memory(PAGES * PAGE);
	self->bitmap = malloc(dirty_bytes(PAGES));
	self->page = calloc(PAGES, sizeof(*self->page));
	ASSERT_NE(NULL, self->mem);
	ASSERT_EQ(0, madvise(self->mem, PAGES * PAGE, MADV_NOHUGEPAGE));
	ASSERT_NE(NULL, self->bitmap);
	ASSERT_NE(NULL, self->page);
	srand(1);
}

FIXTURE_TEARDOWN(query)
{
	dirty_rig_destroy(&self->rig);
	free(self->bitmap);
	free(self->page);
}

/* Few, some, or many pages; of the edges of words every second time. */
static long some_pages(void)
{
	static const long most[] = { 3, 200, 5000, 40000 };
	long nr = 1 + rand() % most[rand() % 4];

	return rand() % 2 ? (nr + 63) / 64 * 64 : nr;
}

/* Fill the space with mappings, of which half have a hole before them. */
static int lay_out(struct _test_data_query *self)
{
	long at = rand() % 100, i;
	int ret = 0;

	for (self->maps = 0; self->maps < MAPS && !ret; self->maps++) {
		struct map *map = &self->map[self->maps];

		if (rand() % 2)
			at += some_pages() / 8;
		map->first = at;
		map->nr = some_pages();
		at += map->nr;
		if (at > PAGES)
			break;
		ret = vfio_map_dma(self->container, IOVA + map->first * PAGE,
				   self->mem + map->first * PAGE,
				   map->nr * PAGE, DIRTY_RW);
		for (i = map->first; i < at; i++)
			self->page[i].mapped = true;
	}
	return ret;
}

/* Some pages of one mapping. */
static struct map pick(const struct _test_data_query *self, long most)
{
	struct map part = self->map[rand() % self->maps];
	long from = rand() % part.nr;

	part.first += from;
	part.nr -= from;
	if (part.nr > most)
		part.nr = most;
	part.nr = 1 + rand() % part.nr;
	return part;
}

static int write_some(struct _test_data_query *self)
{
	static unsigned char data[4 * PAGE];
	struct map part = pick(self, 3);
	__u32 flags = PINTEST_WRITE;
	long i;

	if (rand() % 3 == 0)
		flags |= PINTEST_KTHREAD;
	for (i = part.first; i < part.first + part.nr; i++) {
		self->page[i].dirty = true;
		self->page[i].written = true;
	}
	return dirty_rw(&self->rig, IOVA + part.first * PAGE + 1, data,
			part.nr * PAGE - 1, flags);
}

static int pin_some(struct _test_data_query *self)
{
	struct map part = pick(self, 150);
	bool write = rand() % 2;
	long i;

	for (i = part.first; i < part.first + part.nr; i++) {
		if (self->page[i].pinned)
			return 0;
	}
	for (i = part.first; i < part.first + part.nr; i++) {
		self->page[i].pinned = true;
		self->page[i].held = write;
	}
	return dirty_pin(&self->rig, IOVA + part.first * PAGE, part.nr,
			 write ? RW : PINTEST_READ) == part.nr ? 0 : -1;
}

static int unpin_some(struct _test_data_query *self)
{
	struct map part = pick(self, 400);
	long i;

	for (i = part.first; i < part.first + part.nr; i++) {
		if (self->page[i].held) {
			self->page[i].dirty = true;
			self->page[i].written = true;
		}
		self->page[i].pinned = false;
		self->page[i].held = false;
	}
	return dirty_unpin(&self->rig, IOVA + part.first * PAGE, part.nr);
}

static int act(struct _test_data_query *self)
{
	switch (rand() % 3) {
	case 0:
		return write_some(self);
	case 1:
		return pin_some(self);
	default:
		return unpin_some(self);
	}
}

/* Upstream's query of all from one mapping to another: how many bits are wrong. */
static long check_dirty(struct _test_data_query *self, int from, int to)
{
	long first = self->map[from].first, i, wrong = 0;
	long end = self->map[to].first + self->map[to].nr;

	memset(self->bitmap, STALE, dirty_bytes(PAGES));
	if (dirty_get(self->container, IOVA + first * PAGE,
		      (end - first) * PAGE, self->bitmap))
		return -1;
	for (i = first; i < end; i++) {
		struct model *page = &self->page[i];
		bool want = page->dirty || page->held;

		if (!page->mapped)
			want = STALE >> (i - first) % 8 & 1;
		wrong += want != dirty_bit(self->bitmap, i - first);
		page->dirty = false;
	}
	return wrong;
}

/* The proposal's query, which knows no holes. */
static long check_written(struct _test_data_query *self)
{
	long first = rand() % 200, i, wrong = 0;

	memset(self->bitmap, STALE, dirty_bytes(PAGES));
	if (dirty_written(self->container, IOVA + first * PAGE, PAGES - first,
			  self->bitmap))
		return -1;
	for (i = first; i < PAGES; i++) {
		struct model *page = &self->page[i];

		wrong += (page->written || page->held) !=
			 dirty_bit(self->bitmap, i - first);
	}
	return wrong;
}

static void forget_dirty(struct _test_data_query *self)
{
	long i;

	for (i = 0; i < PAGES; i++)
		self->page[i].dirty = false;
}

TEST_F(query, any_layout_of_mappings)
{
	int round, step, from;

	ASSERT_EQ(0, lay_out(self));
	ASSERT_GT(self->maps, 5);
	for (round = 0; round < ROUNDS; round++) {
		forget_dirty(self);
		ASSERT_EQ(0, dirty_start(self->container));
		for (step = 0; step < STEPS; step++) {
			ASSERT_EQ(0, act(self));
			if (rand() % 20)
				continue;
			from = rand() % self->maps;
			ASSERT_EQ(0, check_dirty(self, from, from + rand() %
						 (self->maps - from)));
		}
		ASSERT_EQ(0, check_dirty(self, 0, self->maps - 1));
		ASSERT_EQ(0, check_dirty(self, 0, self->maps - 1));
		ASSERT_EQ(0, check_written(self));
		ASSERT_EQ(0, dirty_stop(self->container));
	}
}

/* A query of three pages of bitmap, the second of which comes late. */
#define LATE_PAGES	(3 * DIRTY_PAGE * 8)

FIXTURE(late)
{
	struct dirty_rig rig;
	int container;
	unsigned char *mem;
	unsigned char *bitmap;
	int fd;
	pthread_t thread;
	int ret;
};

static void *ask(void *arg)
{
	struct _test_data_late *self = arg;

	self->ret = dirty_get(self->container, 0, LATE_PAGES * DIRTY_PAGE,
			      self->bitmap);
	return NULL;
}

/* It has taken a page's bit, and waits for the memory of the next. */
FIXTURE_SETUP(late)
{
	unsigned char byte = 1;

	ASSERT_EQ(0, dirty_rig_open(&self->rig));
	self->container = self->rig.vfio.container;
	self->mem = mmap(NULL, LATE_PAGES * DIRTY_PAGE, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	self->bitmap = dirty_memory(3 * DIRTY_PAGE);
	ASSERT_NE(MAP_FAILED, (void *)self->mem);
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem,
				  LATE_PAGES * DIRTY_PAGE, DIRTY_RW));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, dirty_rw(&self->rig, 5 * DIRTY_PAGE, &byte, 1,
			      PINTEST_WRITE));
	self->fd = userfault_open(self->bitmap + DIRTY_PAGE, DIRTY_PAGE);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, pthread_create(&self->thread, NULL, ask, self));
	ASSERT_EQ(0, userfault_wait(self->fd, NULL));
}

FIXTURE_TEARDOWN(late)
{
	dirty_rig_destroy(&self->rig);
}

/* It fails: what it has taken is dirty again. */
TEST_F(late, that_fails_takes_nothing)
{
	__u64 *bits = calloc(3, DIRTY_PAGE);

	ASSERT_EQ(0, munmap(self->bitmap + DIRTY_PAGE, DIRTY_PAGE));
	/* wakes who waits for it */
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(0, pthread_join(self->thread, NULL));
	EXPECT_EQ(-EFAULT, self->ret);
	ASSERT_EQ(0, dirty_get(self->container, 0, LATE_PAGES * DIRTY_PAGE,
			       bits));
	EXPECT_EQ(1ULL << 5, bits[0]);
	free(bits);
}

/* A run of dirty tracking that has begun meanwhile knows nothing of it. */
TEST_F(late, that_fails_leaves_another_run_alone)
{
	__u64 *bits = calloc(3, DIRTY_PAGE);

	ASSERT_EQ(0, dirty_stop(self->container));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, munmap(self->bitmap + DIRTY_PAGE, DIRTY_PAGE));
	ASSERT_EQ(0, close(self->fd));
	ASSERT_EQ(0, pthread_join(self->thread, NULL));
	EXPECT_EQ(-EFAULT, self->ret);
	ASSERT_EQ(0, dirty_get(self->container, 0, LATE_PAGES * DIRTY_PAGE,
			       bits));
	EXPECT_EQ(0, bits[0]);
	free(bits);
}

/* Nor is it asked: a query is of one run. */
TEST_F(late, that_meets_another_run_is_refused)
{
	ASSERT_EQ(0, dirty_stop(self->container));
	ASSERT_EQ(0, dirty_start(self->container));
	ASSERT_EQ(0, userfault_fill(self->fd, self->bitmap + DIRTY_PAGE));
	ASSERT_EQ(0, pthread_join(self->thread, NULL));
	EXPECT_EQ(-EINVAL, self->ret);
	close(self->fd);
}

TEST_HARNESS_MAIN
