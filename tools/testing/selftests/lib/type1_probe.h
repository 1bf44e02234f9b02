/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Probes of a type1 container: small scripts that a container of stock type1
 * and one of vfio_dirty run in turn, and what came of each as a line of text.
 *
 * A script is a list of operations, "map 16p 4p rw; start; pin 17p 1 w; get
 * 16p 4p". An operation is a name and values in the order of its row in
 * type1_script.c, or name=value. A value is a sum of terms, each a number (with
 * p, k, m, g or t behind it: pages, KiB, ...), i (the sweep's counter), ip (so many
 * pages), max, or the name of memory (see type1_memory.c). Flags are numbers or letters.
 *
 * The line has a word for each operation: its name, and behind it what is not
 * zero or otherwise to be told; see type1_ops.c. At its end "calls=N" is how
 * often dma_unmap was called, "lck=N" the VmLck before the device was closed
 * and "left=N" after.
 */
#ifndef _SELFTESTS_TYPE1_PROBE_H
#define _SELFTESTS_TYPE1_PROBE_H

#include <stdbool.h>
#include <stddef.h>

#include "dirty.h"

#define TYPE1_TEXT	640
#define TYPE1_RESULTS	320

/* How far things are when a script begins. */
enum type1_begin {
	TYPE1_DEVICE,		/* the device is open */
	TYPE1_SERVED,		/* the container has its IOMMU */
	TYPE1_GROUP,		/* the group is in the container */
	TYPE1_CONTAINER,	/* the container is open */
};

/**
 * struct type1_probe - a script
 * @name: unique
 * @script: what to do
 * @begin: from where on
 * @from: first value of i
 * @to: last value of i: each has a container and a result of its own
 * @unfit: why stock type1 must not run it, or NULL
 */
struct type1_probe {
	const char *name;
	const char *script;
	enum type1_begin begin;
	unsigned int from;
	unsigned int to;
	const char *unfit;
};

/* A probe, one for each i, ditto from elsewhere, and one that stock cannot do */
#define PROBE(n, s)		{ .name = (n), .script = (s) }
#define PROBE_AT(b, n, s)	{ .name = (n), .script = (s), .begin = (b) }
#define SWEEP(n, f, t, s)						\
	{ .name = (n), .script = (s), .from = (f), .to = (t) }
#define SWEEP_AT(b, n, f, t, s)						\
	{ .name = (n), .script = (s), .begin = (b), .from = (f), .to = (t) }
#define UNFIT(n, why, s)						\
	{ .name = (n), .script = (s), .unfit = (why) }

/* Each list ends with a probe without a name. */
extern const struct type1_probe type1_container_probes[];
extern const struct type1_probe type1_map_probes[];
extern const struct type1_probe type1_unmap_probes[];
extern const struct type1_probe type1_dirty_probes[];
extern const struct type1_probe type1_bitmap_probes[];
extern const struct type1_probe type1_pin_probes[];
extern const struct type1_probe type1_rw_probes[];

/**
 * enum type1_habit - what stock type1 does on some kernels only
 * @TYPE1_ALWAYS: on all
 * @TYPE1_LEAVES_PADDING: does not fill the padding of the information
 * @TYPE1_LOSES_LAST_PAGE: computes with the byte behind the address space
 *
 * Stock of the running kernel is asked. A release would be wrong as soon as a
 * stable branch takes a backport.
 */
enum type1_habit {
	TYPE1_ALWAYS,
	TYPE1_LEAVES_PADDING,
	TYPE1_LOSES_LAST_PAGE,
	TYPE1_HABITS,
};

/**
 * struct type1_symptom - how a habit shows
 * @probe: a script
 * @stock: stock's line where it has the habit
 */
struct type1_symptom {
	struct type1_probe probe;
	const char *stock;
};

/* By habit; that of TYPE1_ALWAYS is empty. */
extern const struct type1_symptom type1_symptoms[TYPE1_HABITS];

/**
 * struct type1_difference - where vfio_dirty is not as stock type1
 * @name: of the probe, with /i behind it if it has more than one result; may
 *	  be a pattern of fnmatch()
 * @when: the habit of stock that is the reason
 * @stock: what stock's line is, or NULL if it must not run it
 * @ours: what ours is
 * @tag: the section of Documentation/type1-compat.rst that says why
 */
struct type1_difference {
	const char *name;
	enum type1_habit when;
	const char *stock;
	const char *ours;
	const char *tag;
};

extern const struct type1_difference type1_differences[];

/* What came of a probe, for each i from its first on. */
struct type1_results {
	unsigned int count;
	char text[TYPE1_RESULTS][TYPE1_TEXT];
};

#define TYPE1_DEVICES	2

/* How many mappings a new container may have: type1's, which ours follows. */
#define TYPE1_LIMIT	"65535"
int type1_limit_set(const char *value);

/* Why this kernel has not the memory that a script needs, or NULL. */
const char *type1_memory_lacks(const char *script);

/**
 * type1_probe_run - run a probe in a process of its own
 * @probe: the probe
 * @rigs: TYPE1_DEVICES devices that exist and are not open
 * @ours: vfio_dirty is to serve it, not stock type1
 * @results: filled in; memory that is shared with children
 *
 * Return: 0, or -errno if it did not run to its end, for whatever reason.
 */
int type1_probe_run(const struct type1_probe *probe,
		    const struct dirty_rig *rigs, bool ours,
		    struct type1_results *results);

#endif /* _SELFTESTS_TYPE1_PROBE_H */
