/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A vGPU that contexts are loaded into, good ones and bad ones.
 *
 * Functions print nothing.
 */
#ifndef _SELFTESTS_RECEIVER_H
#define _SELFTESTS_RECEIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#include "context.h"
#include "fixture.h"
#include "stream_edit.h"

/* Results of receiver_load() beside -errno. */
#define RECEIVER_TAKEN		0	/* and could be started */
#define RECEIVER_INCOMPLETE	1	/* start is EINVAL, no write was */
#define RECEIVER_BROKEN		2	/* none of what may happen */

/**
 * struct receiver - a device, and a context that it takes
 * @fixture: has the device
 * @vmm: of it
 * @state: of it
 * @good: a context with three pages of VRAM and all kinds of state
 * @stream: the same, taken apart, for tests to edit
 */
struct receiver {
	struct fixture fixture;
	struct fixture_vmm *vmm;
	struct devstate *state;
	struct context good;
	struct stream stream;
};

/* 0 or -errno */
int receiver_create(struct receiver *receiver);
void receiver_destroy(struct receiver *receiver);

/* Of the memory sections, keep only so many. */
void receiver_keep_memory(struct stream *stream, unsigned int keep);

/* Load and start: -errno, or one of the results above. */
int receiver_load_cut(struct receiver *receiver, const __u8 *data,
		      size_t length, size_t cut);
/* The same in two cuts, unless it is long; they have to agree. */
int receiver_load(struct receiver *receiver, const __u8 *data, size_t length);
/* The stream as it was edited, with checksums and totals made right. */
int receiver_load_stream(struct receiver *receiver);

/* Is the result an errno by which streams are refused? */
bool receiver_refused(int result);

/* Does the good context load, and the device work? */
bool receiver_works(struct receiver *receiver);

#endif /* _SELFTESTS_RECEIVER_H */
