// SPDX-License-Identifier: GPL-2.0
/*
 * Bitmaps against a model that does everything bit by bit: ranges at every
 * place in a word, and leaves over runs of dirty tracking.
 */
#include <linux/string.h>
#include <stdlib.h>

#include "bitmap.h"
#include "unit.h"

#define WORDS	6
#define BITS	(WORDS * VFIO_DIRTY_WORD_BITS)
#define STEPS	20000

static bool bit(const u64 *map, unsigned long n)
{
	return map[n / 64] >> n % 64 & 1;
}

static void random_words(u64 *map, unsigned int words)
{
	unsigned int i;

	for (i = 0; i < words; i++)
		map[i] = (u64)rand() << 42 ^ (u64)rand() << 21 ^ rand();
}

/* Exactly the bits of the range have the value; the others are as before. */
static void check_range(const u64 *map, const u64 *before, unsigned long first,
			unsigned long nr, bool value)
{
	unsigned long i;

	for (i = 0; i < BITS; i++) {
		bool inside = i >= first && i - first < nr;

		CHECK_EQ(inside ? value : bit(before, i), bit(map, i));
	}
}

UNIT_TEST(set_and_clear_every_range)
{
	u64 map[WORDS], before[WORDS];
	unsigned long first, nr;

	for (first = 0; first < 130; first++) {
		for (nr = 0; first + nr <= 200; nr += 1 + (nr > 70) * 9) {
			random_words(before, WORDS);
			memcpy(map, before, sizeof(map));
			vfio_dirty_bits_set(map, first, nr);
			check_range(map, before, first, nr, true);
			memcpy(map, before, sizeof(map));
			vfio_dirty_bits_clear(map, first, nr);
			check_range(map, before, first, nr, false);
		}
	}
}

UNIT_TEST(set_the_last_bit)
{
	u64 *map = calloc(WORDS, sizeof(u64));

	/* the sanitizer sees a step past the end */
	vfio_dirty_bits_set(map, BITS - 1, 1);
	CHECK_EQ(1, map[WORDS - 1] >> 63);
	vfio_dirty_bits_set(map, 0, BITS);
	vfio_dirty_bits_clear(map, 0, BITS);
	CHECK_EQ(0, map[0] | map[WORDS - 1]);
	free(map);
}

static void check_or(unsigned long to, unsigned long from, unsigned long nr)
{
	u64 *src = malloc(WORDS * sizeof(u64));
	u64 dst[WORDS], before[WORDS];
	unsigned long i;

	random_words(src, WORDS);
	random_words(before, WORDS);
	memcpy(dst, before, sizeof(dst));
	vfio_dirty_bits_or(dst, to, src, from, nr);
	for (i = 0; i < BITS; i++) {
		bool wanted = bit(before, i);

		if (i >= to && i - to < nr)
			wanted |= bit(src, from + i - to);
		CHECK_EQ(wanted, bit(dst, i));
	}
	free(src);
}

UNIT_TEST(or_at_every_shift)
{
	unsigned long to, from;

	for (to = 0; to < 66; to++) {
		for (from = 0; from < 66; from++) {
			check_or(to, from, 1);
			check_or(to, from, 64);
			check_or(to, from, 150);
		}
	}
	check_or(0, 0, BITS);
	check_or(0, BITS - 1, 1);
	check_or(BITS - 1, 0, 1);
	check_or(7, 7, 0);
}

/* A leaf, bit by bit. */
struct model {
	u64 epoch;
	bool written[VFIO_DIRTY_LEAF_PAGES];
	bool dirty[VFIO_DIRTY_LEAF_PAGES];
};

static void model_enter(struct model *model, u64 epoch)
{
	if (epoch && model->epoch != epoch) {
		memset(model->dirty, 0, sizeof(model->dirty));
		model->epoch = epoch;
	}
}

static void check_leaf(const struct vfio_dirty_leaf *leaf,
		       struct model *model, u64 epoch)
{
	static u64 written[VFIO_DIRTY_LEAF_WORDS + 1];
	static u64 dirty[VFIO_DIRTY_LEAF_WORDS + 1];
	unsigned long shift = rand() % 64, i;

	memset(written, 0, sizeof(written));
	memset(dirty, 0, sizeof(dirty));
	vfio_dirty_leaf_read(leaf, VFIO_DIRTY_WRITTEN, epoch, 0,
			     VFIO_DIRTY_LEAF_PAGES, written, shift);
	vfio_dirty_leaf_read(leaf, VFIO_DIRTY_DIRTY, epoch, 0,
			     VFIO_DIRTY_LEAF_PAGES, dirty, shift);
	model_enter(model, epoch);
	for (i = 0; i < VFIO_DIRTY_LEAF_PAGES; i++) {
		CHECK_EQ(model->written[i], bit(written, i + shift));
		CHECK_EQ(epoch && model->dirty[i], bit(dirty, i + shift));
	}
}

/* Whole words, of a leaf that is not void: it may be so only if it is clean. */
static void check_copy(const struct vfio_dirty_leaf *leaf,
		       struct model *model, u64 epoch)
{
	unsigned long word = rand() % VFIO_DIRTY_LEAF_WORDS, words, i;
	static u64 dirty[VFIO_DIRTY_LEAF_WORDS];
	bool none;

	words = 1 + rand() % (VFIO_DIRTY_LEAF_WORDS - word);
	if (rand() % 2) {
		word = 0;
		words = VFIO_DIRTY_LEAF_WORDS;
	}
	CHECK_EQ(false, vfio_dirty_leaf_void(leaf, VFIO_DIRTY_WRITTEN, epoch));
	none = vfio_dirty_leaf_void(leaf, VFIO_DIRTY_DIRTY, epoch);
	memset(dirty, 0, sizeof(dirty));
	if (!none)
		vfio_dirty_leaf_copy(leaf, VFIO_DIRTY_DIRTY, word, words,
				     dirty);
	model_enter(model, epoch);
	for (i = 0; i < words * 64; i++)
		CHECK_EQ(epoch && model->dirty[word * 64 + i], bit(dirty, i));
	vfio_dirty_leaf_copy(leaf, VFIO_DIRTY_WRITTEN, word, words, dirty);
	for (i = 0; i < words * 64; i++)
		CHECK_EQ(model->written[word * 64 + i], bit(dirty, i));
}

static void step(struct vfio_dirty_leaf *leaf, struct model *model, u64 epoch)
{
	unsigned long first = rand() % VFIO_DIRTY_LEAF_PAGES;
	unsigned long nr = 1 + rand() % (rand() % 8 ? 70 : 4096);
	static u64 bits[VFIO_DIRTY_LEAF_WORDS + 1];
	unsigned long from = rand() % 64, i;
	int what = rand() % 4;

	if (what == 3)
		nr = 1;
	if (rand() % 50 == 0) {
		first = 0;
		nr = VFIO_DIRTY_LEAF_PAGES;
		what %= 3;
	}
	if (nr > VFIO_DIRTY_LEAF_PAGES - first)
		nr = VFIO_DIRTY_LEAF_PAGES - first;
	random_words(bits, VFIO_DIRTY_LEAF_WORDS + 1);
	if (what == 0)
		vfio_dirty_leaf_mark(leaf, first, nr, epoch);
	else if (what == 1)
		vfio_dirty_leaf_clean(leaf, first, nr, epoch);
	else if (what == 3)
		vfio_dirty_leaf_mark_page(leaf, first, epoch);
	else
		vfio_dirty_leaf_restore(leaf, first, nr, epoch, bits, from);

	model_enter(model, epoch);
	for (i = first; i < first + nr; i++) {
		if (what == 0 || what == 3)
			model->written[i] = true;
		if ((what == 0 || what == 3) && epoch)
			model->dirty[i] = true;
		if (what == 1 && epoch)
			model->dirty[i] = false;
		if (what == 2 && epoch)
			model->dirty[i] |= bit(bits, from + i - first);
	}
}

UNIT_TEST(leaf_over_runs_of_tracking)
{
	struct vfio_dirty_leaf *leaf = calloc(1, sizeof(*leaf));
	struct model *model = calloc(1, sizeof(*model));
	u64 last = 0, epoch = 0;
	unsigned int i;

	for (i = 0; i < STEPS; i++) {
		if (rand() % 200 == 0)
			epoch = epoch ? 0 : ++last;
		step(leaf, model, epoch);
		if (rand() % 20 == 0)
			check_leaf(leaf, model, epoch);
		if (rand() % 20 == 0)
			check_copy(leaf, model, epoch);
	}
	free(leaf);
	free(model);
}

UNIT_TEST(a_leaf_that_was_cleaned_is_void)
{
	struct vfio_dirty_leaf *leaf = calloc(1, sizeof(*leaf));

	vfio_dirty_leaf_mark(leaf, 0, VFIO_DIRTY_LEAF_PAGES, 7);
	CHECK_EQ(false, vfio_dirty_leaf_void(leaf, VFIO_DIRTY_DIRTY, 7));
	vfio_dirty_leaf_clean(leaf, 0, VFIO_DIRTY_LEAF_PAGES, 7);
	CHECK_EQ(true, vfio_dirty_leaf_void(leaf, VFIO_DIRTY_DIRTY, 7));
	/* and a mark that comes then is the only one */
	vfio_dirty_leaf_mark_page(leaf, 70, 7);
	CHECK_EQ(false, vfio_dirty_leaf_void(leaf, VFIO_DIRTY_DIRTY, 7));
	CHECK_EQ(0, leaf->dirty[0]);
	CHECK_EQ(1 << 6, leaf->dirty[1]);
	free(leaf);
}

UNIT_TEST(clean_all_but_one_page_of_a_leaf)
{
	struct vfio_dirty_leaf *leaf = calloc(1, sizeof(*leaf));
	u64 bits[VFIO_DIRTY_LEAF_WORDS] = {};

	vfio_dirty_leaf_mark(leaf, 0, VFIO_DIRTY_LEAF_PAGES, 7);
	vfio_dirty_leaf_clean(leaf, 0, VFIO_DIRTY_LEAF_PAGES - 1, 7);
	vfio_dirty_leaf_read(leaf, VFIO_DIRTY_DIRTY, 7, 0,
			     VFIO_DIRTY_LEAF_PAGES, bits, 0);
	CHECK_EQ(0, bits[0]);
	CHECK_EQ(1ULL << 63, bits[VFIO_DIRTY_LEAF_WORDS - 1]);
	memset(bits, 0, sizeof(bits));
	vfio_dirty_leaf_mark(leaf, 0, VFIO_DIRTY_LEAF_PAGES, 7);
	vfio_dirty_leaf_clean(leaf, 1, VFIO_DIRTY_LEAF_PAGES - 1, 7);
	vfio_dirty_leaf_read(leaf, VFIO_DIRTY_DIRTY, 7, 0,
			     VFIO_DIRTY_LEAF_PAGES, bits, 0);
	CHECK_EQ(1, bits[0]);
	CHECK_EQ(0, bits[VFIO_DIRTY_LEAF_WORDS - 1]);
	free(leaf);
}

UNIT_TEST(a_former_run_leaves_nothing)
{
	struct vfio_dirty_leaf *leaf = calloc(1, sizeof(*leaf));
	u64 bits[VFIO_DIRTY_LEAF_WORDS] = {};

	vfio_dirty_leaf_mark(leaf, 5, 3, 1);
	vfio_dirty_leaf_read(leaf, VFIO_DIRTY_DIRTY, 2, 0, 64, bits, 0);
	CHECK_EQ(0, bits[0]);
	vfio_dirty_leaf_mark(leaf, 6, 1, 2);
	vfio_dirty_leaf_read(leaf, VFIO_DIRTY_DIRTY, 2, 0, 64, bits, 0);
	CHECK_EQ(1 << 6, bits[0]);
	vfio_dirty_leaf_read(leaf, VFIO_DIRTY_WRITTEN, 2, 0, 64, bits, 0);
	CHECK_EQ(7 << 5, bits[0]);
	free(leaf);
}
