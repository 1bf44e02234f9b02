/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What has to hold for every section of a context, whoever made it: if it is
 * accepted, the state that it is of can be saved, is accepted again, and is the
 * same then; also after the device has gone on from there.
 */
#ifndef UNIT_AGAIN_H
#define UNIT_AGAIN_H

#include <linux/types.h>

/* The number of sections' ids that again_section() knows, from the first on. */
#define AGAIN_SECTIONS	6

/**
 * enum again - what became of a section
 * @AGAIN_REFUSED: it was refused
 * @AGAIN_SAME: it was accepted, and all is well
 * @AGAIN_WRONG: it was accepted, and the device cannot be moved on
 */
enum again {
	AGAIN_REFUSED,
	AGAIN_SAME,
	AGAIN_WRONG,
};

enum again again_section(u32 id, u16 version, const u8 *data, size_t len);

#endif
