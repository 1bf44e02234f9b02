// SPDX-License-Identifier: GPL-2.0
/*
 * A container of vfio_dirty behaves as one of stock type1: both run the same
 * probes in the same boot, and what came of them must be the same but for a
 * list of differences, which has to be exact. Documentation/type1-compat.rst
 * has the reason for each. Needs pintest.ko.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "type1_probe.h"
#include "kselftest_harness.h"

#define NAME		64
#define DIFFERENCES	512
#define HUGE_PAGES	"8"

FIXTURE(type1)
{
	struct dirty_rig rigs[TYPE1_DEVICES];
	struct type1_results *stock;
	struct type1_results *ours;
	char claim[64];
	bool habits[TYPE1_HABITS];
	unsigned int seen[DIFFERENCES];
	unsigned int compared;
};

FIXTURE_VARIANT(type1)
{
	const struct type1_probe *probes;
};

FIXTURE_VARIANT_ADD(type1, container) { .probes = type1_container_probes };
FIXTURE_VARIANT_ADD(type1, map) { .probes = type1_map_probes };
FIXTURE_VARIANT_ADD(type1, unmap) { .probes = type1_unmap_probes };
FIXTURE_VARIANT_ADD(type1, unmap_bitmap) { .probes = type1_bitmap_probes };
FIXTURE_VARIANT_ADD(type1, dirty_pages) { .probes = type1_dirty_probes };
FIXTURE_VARIANT_ADD(type1, pin) { .probes = type1_pin_probes };
FIXTURE_VARIANT_ADD(type1, rw) { .probes = type1_rw_probes };

static void *shared(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static int huge_pages(void)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY | O_CLOEXEC);
	ssize_t len = write(fd, HUGE_PAGES, strlen(HUGE_PAGES));

	close(fd);
	return len > 0 ? 0 : -errno;
}

/* Ask stock of the running kernel which of its habits it has. */
static int find_habits(FIXTURE_DATA(type1) * self)
{
	int i, ret = 0;

	self->habits[TYPE1_ALWAYS] = true;
	for (i = TYPE1_ALWAYS + 1; i < TYPE1_HABITS && !ret; i++) {
		ret = type1_probe_run(&type1_symptoms[i].probe, self->rigs,
				      false, self->stock);
		self->habits[i] = !strcmp(self->stock->text[0],
					  type1_symptoms[i].stock);
		printf("# %s: %s\n", type1_symptoms[i].probe.name,
		       self->stock->text[0]);
	}
	return ret;
}

FIXTURE_SETUP(type1)
{
	int i, ret;

	ret = dirty_rig_create(&self->rigs[0]);
	if (ret == -ENODEV)
		SKIP(return, "pintest is not loaded");
	ASSERT_EQ(0, ret);
	for (i = 1; i < TYPE1_DEVICES; i++)
		ASSERT_EQ(0, dirty_rig_create(&self->rigs[i]));
	ASSERT_EQ(0, dirty_param("claim", "users", self->claim));
	ASSERT_EQ(0, huge_pages());
	self->stock = shared(sizeof(*self->stock));
	self->ours = shared(sizeof(*self->ours));
	ASSERT_NE(MAP_FAILED, self->stock);
	ASSERT_NE(MAP_FAILED, self->ours);
	ASSERT_EQ(0, find_habits(self));
}

FIXTURE_TEARDOWN(type1)
{
	int i;

	dirty_param("claim", self->claim, NULL);
	type1_limit_set(TYPE1_LIMIT);
	for (i = 0; i < TYPE1_DEVICES; i++)
		dirty_rig_destroy(&self->rigs[i]);
}

/* The entry for a result on this kernel, or NULL. */
static const struct type1_difference *
expected(const char *name, const bool *habits, unsigned int *index)
{
	const struct type1_difference *d;

	for (d = type1_differences; d->name; d++) {
		if (!habits[d->when])
			continue;
		if (fnmatch(d->name, name, 0))
			continue;
		*index = d - type1_differences;
		return d;
	}
	return NULL;
}

/* Is a result as it is to be? The log gets all of them. */
static bool good(const char *name, const char *stock, const char *ours,
		 const struct type1_difference *d)
{
	if (d && !strcmp(d->ours, ours) &&
	    (d->stock && stock ? !strcmp(d->stock, stock) :
	     d->stock == stock)) {
		printf("# %s (%s)\n#   stock: %s\n#   ours:  %s\n", name, d->tag,
		       stock ? stock : "not run", ours);
		return true;
	}
	if (!d && stock && !strcmp(stock, ours)) {
		printf("# %s: %s\n", name, ours);
		return true;
	}

	printf("# Expected %s: %s\n", name, d ? "another difference" :
	       "the same");
	printf("# Expected stock: %s\n#   ours: %s\n", stock ? stock :
	       "not run", ours);
	return false;
}

/* The probe of a difference, or NULL. */
static const struct type1_probe *
probe_of(const struct type1_probe *probes, const struct type1_difference *d)
{
	size_t len = strcspn(d->name, "/");

	for (; probes->name; probes++) {
		if (strlen(probes->name) == len &&
		    !strncmp(probes->name, d->name, len))
			return probes;
	}
	return NULL;
}

/* Is a difference one of these probes, and one that can be run here? */
static bool concerns(const struct type1_probe *probes,
		     const struct type1_difference *d)
{
	const struct type1_probe *probe = probe_of(probes, d);

	return probe && !type1_memory_lacks(probe->script);
}

/*
 * Stock type1 takes two of its locks in either order when it tells devices of
 * an unmap and when they open. A kernel with lockdep would say so, once, and
 * then say nothing of anybody any more.
 */
static bool lockdep_objects(const struct type1_results *ours)
{
	unsigned int n;

	if (access("/proc/lockdep", F_OK))
		return false;
	for (n = 0; n < ours->count; n++) {
		if (strstr(ours->text[n], " calls"))
			return true;
	}
	return false;
}

static unsigned int compare(const struct type1_probe *probe, bool stock,
			    FIXTURE_DATA(type1) * self)
{
	bool sweep = probe->to > probe->from;
	unsigned int n, index, bad = 0;

	for (n = 0; n < self->ours->count; n++) {
		const char *ours = self->ours->text[n];
		const struct type1_difference *d;
		char name[NAME];

		snprintf(name, sizeof(name), sweep ? "%s/%u" : "%s",
			 probe->name, probe->from + n);
		d = expected(name, self->habits, &index);
		if (d)
			self->seen[index]++;
		if (stock)
			bad += !good(name, self->stock->text[n], ours, d);
		else if (probe->unfit)
			bad += !good(name, NULL, ours, d);
		else if (d)
			bad += !good(name, d->stock, ours, d);
	}
	return bad;
}

/* Run a probe on both, and compare; how many results are not as they should. */
static unsigned int run_both(struct __test_metadata *_metadata,
			     const struct type1_probe *probe,
			     FIXTURE_DATA(type1) * self)
{
	bool stock = !probe->unfit;

	if (type1_memory_lacks(probe->script)) {
		TH_LOG("%s: left out, %s", probe->name,
		       type1_memory_lacks(probe->script));
		return 0;
	}
	EXPECT_EQ(0, type1_probe_run(probe, self->rigs, true, self->ours))
		TH_LOG("%s: %s", probe->name, self->ours->text[0]);
	if (stock && lockdep_objects(self->ours)) {
		TH_LOG("%s: not run on stock, because of lockdep",
		       probe->name);
		stock = false;
	}
	if (stock) {
		EXPECT_EQ(0, type1_probe_run(probe, self->rigs, false,
					     self->stock))
			TH_LOG("%s: %s", probe->name, self->stock->text[0]);
		EXPECT_EQ(self->stock->count, self->ours->count);
		self->compared += self->ours->count;
	}
	return compare(probe, stock, self);
}

/* The same results on both, but for the differences that are listed. */
TEST_F_TIMEOUT(type1, compares, 900)
{
	const struct type1_difference *d;
	const struct type1_probe *probe;
	unsigned int bad = 0;

	for (probe = variant->probes; probe->name; probe++)
		bad += run_both(_metadata, probe, self);
	TH_LOG("%u results compared", self->compared);
	EXPECT_EQ(0, bad);

	for (d = type1_differences; d->name; d++) {
		if (!self->habits[d->when])
			continue;
		if (concerns(variant->probes, d))
			EXPECT_NE(0, self->seen[d - type1_differences])
				TH_LOG("%s no longer differs", d->name);
	}
}

/* One whose probe was renamed would never be looked for. */
TEST(differences_are_those_of_probes)
{
	static const struct type1_probe * const lists[] = {
		type1_container_probes, type1_map_probes, type1_unmap_probes,
		type1_bitmap_probes, type1_dirty_probes, type1_pin_probes,
		type1_rw_probes,
	};
	const struct type1_difference *d;
	unsigned int i;

	for (d = type1_differences; d->name; d++) {
		bool found = false;

		for (i = 0; i < ARRAY_SIZE(lists); i++)
			found |= !!probe_of(lists[i], d);
		EXPECT_TRUE(found)
			TH_LOG("there is no probe %s", d->name);
	}
	EXPECT_LE(d - type1_differences, DIFFERENCES);
}

TEST_HARNESS_MAIN
