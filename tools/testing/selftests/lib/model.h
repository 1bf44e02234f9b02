/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A plain model of the engine: what valid commands do to VRAM, guest memory
 * and the GTT. Byte by byte from linux/mvgpu.h, with no thought of speed.
 */
#ifndef _SELFTESTS_MODEL_H
#define _SELFTESTS_MODEL_H

#include <linux/types.h>

struct model {
	unsigned char *vram;
	unsigned char *ram;	/* guest memory from @iova on */
	__u64 vram_size;
	__u64 ram_size;
	__u64 iova;
	__u64 *gtt;
};

int model_create(struct model *model, __u64 vram_size, __u64 ram_size,
		 __u64 iova);
void model_destroy(struct model *model);

/* The byte at a GPU address, or NULL if nothing is bound there. */
unsigned char *model_byte(struct model *model, __u64 address);

/* Run one command of 64 bytes; 0, or enum mvgpu_fault. */
__u32 model_run(struct model *model, const void *command);

/* CRC-32C as in RFC 3720, of bytes that follow those with result @seed. */
__u32 model_crc32c(__u32 seed, const void *data, __u64 len);

#endif /* _SELFTESTS_MODEL_H */
