/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What commands do to memory, in plain C, over an array that stands for a range
 * of GPU addresses.
 */
#ifndef GUEST_WORKLOAD_MODEL_H
#define GUEST_WORKLOAD_MODEL_H

#include <stddef.h>
#include <linux/types.h>

#include "gpu.h"

/**
 * struct model - a range of GPU addresses
 * @base: the first of them
 * @size: bytes
 * @mem: what is there
 * @scratch: as much again
 */
struct model {
	__u64 base;
	size_t size;
	__u8 *mem;
	__u8 *scratch;
};

/* 0 or -ENOMEM; all zeros. */
int model_create(struct model *model, __u64 base, size_t size);
void model_destroy(struct model *model);

/* Runs a FILL, COPY, BLEND or CRC32C whose destination is in @to. */
void model_run(struct model *to, const struct model *from,
	       const union gpu_command *command);

#endif /* GUEST_WORKLOAD_MODEL_H */
