// SPDX-License-Identifier: GPL-2.0
/*
 * Sets of pages against a model that has a flag for each page.
 */
#include <linux/string.h>
#include <stdlib.h>

#include "span.h"
#include "unit.h"

#define PAGES	200
#define ROOM	40
#define STEPS	20000

struct set {
	struct vfio_dirty_span span[ROOM + 1];
	struct vfio_dirty_spans spans;
	bool model[PAGES];
};

static void set_init(struct set *set, unsigned int room)
{
	memset(set, 0, sizeof(*set));
	set->spans.span = set->span;
	set->spans.room = room;
	/* a span too many would be seen here */
	set->span[room].first = 12345;
}

static void add(struct set *set, unsigned long first, unsigned long last)
{
	vfio_dirty_spans_add(&set->spans, first, last);
	for (; first <= last; first++)
		set->model[first] = true;
}

static void cut(struct set *set, unsigned long first, unsigned long last)
{
	vfio_dirty_spans_cut(&set->spans, first, last);
	for (; first <= last; first++)
		set->model[first] = false;
}

/* Ascending, apart, and the pages of the model. */
static void check(const struct set *set)
{
	bool pages[PAGES] = {};
	unsigned long page, before = 0;
	unsigned int i;

	CHECK(set->spans.nr <= set->spans.room);
	CHECK_EQ(12345, set->span[set->spans.room].first);
	for (i = 0; i < set->spans.nr; i++) {
		CHECK(set->span[i].first <= set->span[i].last);
		CHECK(!i || set->span[i].first > before + 1);
		before = set->span[i].last;
		for (page = set->span[i].first; page <= before; page++)
			pages[page] = true;
	}
	CHECK(!memcmp(pages, set->model, sizeof(pages)));
}

static void check_next(const struct set *set, unsigned long first,
		       unsigned long last)
{
	struct vfio_dirty_span part;
	unsigned long from, to;

	for (from = first; from <= last && !set->model[from]; from++)
		;
	for (to = from; to <= last && set->model[to]; to++)
		;
	CHECK_EQ(from <= last,
		 vfio_dirty_spans_next(&set->spans, first, last, &part));
	if (from > last)
		return;
	CHECK_EQ(from, part.first);
	CHECK_EQ(to - 1, part.last);
}

UNIT_TEST(span_neighbours_are_one)
{
	struct set set;

	set_init(&set, 4);
	add(&set, 3, 5);
	add(&set, 5, 6);
	add(&set, 7, 7);
	CHECK_EQ(1, set.spans.nr);
	add(&set, 9, 9);
	CHECK_EQ(2, set.spans.nr);
	add(&set, 9, 9);
	check(&set);
}

UNIT_TEST(span_the_last_page_of_all)
{
	struct vfio_dirty_span span[2], part;
	struct vfio_dirty_spans spans = { .span = span, .room = 2 };
	unsigned long end = ~0UL >> 12;

	vfio_dirty_spans_add(&spans, 0, end);
	CHECK(vfio_dirty_spans_next(&spans, end, end, &part));
	CHECK_EQ(end, part.first);
	vfio_dirty_spans_cut(&spans, end, end);
	CHECK(!vfio_dirty_spans_next(&spans, end, end, &part));
	vfio_dirty_spans_cut(&spans, 0, end);
	CHECK_EQ(0, spans.nr);
}

UNIT_TEST(span_cut_every_range)
{
	unsigned long first, last;

	for (first = 0; first < 40; first++) {
		for (last = first; last < 40; last++) {
			struct set set;

			set_init(&set, 6);
			add(&set, 2, 9);
			add(&set, 11, 11);
			add(&set, 20, 30);
			add(&set, 33, 34);
			cut(&set, first, last);
			check(&set);
			check_next(&set, first, 39);
			check_next(&set, 0, last);
		}
	}
}

UNIT_TEST(span_without_room_a_hole_is_not_made)
{
	struct set set;

	set_init(&set, 1);
	add(&set, 10, 20);
	vfio_dirty_spans_cut(&set.spans, 12, 13);
	check(&set);
	cut(&set, 10, 11);
	check(&set);
	cut(&set, 18, 20);
	check(&set);
	cut(&set, 0, 100);
	check(&set);
	CHECK_EQ(0, set.spans.nr);
}

UNIT_TEST(span_noise)
{
	struct set set, copy;
	unsigned long first, last;
	unsigned int i;

	set_init(&set, ROOM);
	set_init(&copy, ROOM);
	for (i = 0; i < STEPS; i++) {
		if (!(i % 20)) {
			set_init(&set, ROOM);
			for (first = 0; first < PAGES; first += 1 + rand() % 40) {
				last = first + rand() % 30;
				add(&set, first, last < PAGES ? last : PAGES - 1);
			}
			vfio_dirty_spans_copy(&copy.spans, &set.spans);
			memcpy(copy.model, set.model, sizeof(set.model));
			check(&copy);
		}
		first = rand() % PAGES;
		last = first + rand() % (PAGES - first);
		check_next(&set, first, last);
		if (rand() % 2)
			last = first;
		cut(&set, first, last);
		check(&set);
	}
}
