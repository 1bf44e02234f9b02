/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that a guest can see of its vGPU, to compare: the whole of config space
 * and VRAM, every register, and a part of the GTT that covers what
 * guest_state_fill() binds.
 *
 * Functions return 0 or -errno, and print nothing.
 */
#ifndef _SELFTESTS_GUEST_STATE_H
#define _SELFTESTS_GUEST_STATE_H

#include <linux/types.h>

#include "fixture.h"

#define GUEST_STATE_REGISTERS	17
#define GUEST_STATE_GTT		320

/* Pages of VRAM that guest_state_fill() leaves with more than zeros. */
#define GUEST_STATE_PAGES	71

/**
 * struct guest_state - what a guest sees
 * @config: PCI config space
 * @registers: all registers, each by 4 bytes
 * @gtt: the first 256 entries, then others from everywhere to the last
 * @vram: malloc()ed
 * @vram_size: bytes of @vram
 */
struct guest_state {
	__u8 config[VFIO_CONFIG_SIZE];
	__u32 registers[GUEST_STATE_REGISTERS];
	__u64 gtt[GUEST_STATE_GTT];
	__u8 *vram;
	__u64 vram_size;
};

int guest_state_take(struct guest_state *state, const struct fixture_vmm *vmm);
void guest_state_free(struct guest_state *state);

/* NULL, or the first part that differs. */
const char *guest_state_differs(const struct guest_state *a,
				const struct guest_state *b);

/* Take it, and compare with @expected: NULL, or the first that differs. */
const char *guest_state_check(const struct fixture_vmm *vmm,
			      const struct guest_state *expected);

/*
 * Give every part of a running device values that depend on @seed, by the way
 * of a guest driver: config space, pages of VRAM (scattered, in a row, first
 * and last), GTT entries of each kind, and a queue that is enabled and has run
 * some commands.
 */
int guest_state_fill(const struct fixture_vmm *vmm, __u32 seed);

#endif /* _SELFTESTS_GUEST_STATE_H */
