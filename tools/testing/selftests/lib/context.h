/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Saving and loading contexts in the ways that tests want.
 *
 * Functions return 0 or -errno, and print nothing.
 */
#ifndef _SELFTESTS_CONTEXT_H
#define _SELFTESTS_CONTEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>

#include "fixture.h"
#include "guest_state.h"

/* All in one call. */
#define CONTEXT_UNCUT	SIZE_MAX

/**
 * struct context - a saved context
 * @data: as it lies in the region from offset 1; malloc()ed
 * @length: bytes in use
 */
struct context {
	__u8 *data;
	__u64 length;
};

/* What byte 0 reads, or -errno. */
int context_run_control(const struct devstate *state);

int context_save(const struct devstate *state, struct context *context);
void context_free(struct context *context);

/* Stop a device with guest_state_fill() of @seed, and save. */
int context_fill_save(const struct fixture_vmm *vmm, __u32 seed,
		      struct context *context);

/* Would a save now give these bytes? */
bool context_is_saved(const struct devstate *state,
		      const struct context *context);

/* The same, but that the device's clock may have gone on in between. */
bool context_is_saved_later(const struct devstate *state,
			    const struct context *context);

/*
 * Move @length bytes from @offset of the region on, @cut at a time. A short
 * read or write is -EIO.
 */
int context_read(const struct devstate *state, void *data, __u64 length,
		 __u64 offset, size_t cut);
int context_write(const struct devstate *state, const void *data, __u64 length,
		  __u64 offset, size_t cut);

#endif /* _SELFTESTS_CONTEXT_H */
