/* SPDX-License-Identifier: GPL-2.0 */
/*
 * /dev/mvgpuN, as mvgpu_guest.h has it: the calls, and memory.
 *
 * Data flows one way: a file calls only files named before it here, which
 * tools/checks/layers.sh proves of the objects.
 *
 *	device, model, arena, batch, status, stress, rewrite, main
 */
#ifndef GUEST_WORKLOAD_DEVICE_H
#define GUEST_WORKLOAD_DEVICE_H

#include <stddef.h>
#include <linux/types.h>

#include "../mvgpu_guest.h"
#include "gpu.h"

#define PAGE	4096UL
#define QUEUES	4

/**
 * struct device - an open vGPU
 * @fd: of /dev/mvgpuN
 * @info: what it is
 */
struct device {
	int fd;
	struct mvgpu_guest_info info;
};

/**
 * struct buffer - memory that both the vGPU and this program see
 * @number: the driver's
 * @size: bytes
 * @mem: where it is mapped
 */
struct buffer {
	__u32 number;
	size_t size;
	__u8 *mem;
};

/* All return 0 or -errno. */
int device_open(struct device *device, const char *path);
void device_close(struct device *device);

int device_alloc(const struct device *device, struct buffer *buffer,
		 size_t size, __u32 flags);
int device_free(const struct device *device, struct buffer *buffer);

/* @size bytes of a buffer from @offset on, for the vGPU to read and write. */
int device_bind(const struct device *device, const struct buffer *buffer,
		__u64 address, size_t offset, size_t size);

/* -EAGAIN if the ring is full. */
int device_submit(const struct device *device, __u32 queue,
		  const union gpu_command *commands, __u32 count,
		  __u64 *sequence);

/**
 * device_wait - wait for a fence
 * @device: the vGPU
 * @queue: which queue
 * @sequence: that of device_submit()
 * @timeout_ms: how long
 *
 * Return: 0; 1 if the fence is there, but no interrupt came in all that time;
 * -ETIMEDOUT if the fence is not there; or another -errno.
 */
int device_wait(const struct device *device, __u32 queue, __u64 sequence,
		__u32 timeout_ms);

int device_restart(const struct device *device, __u32 queue);

/* How often the guest was resumed: TIMESTAMPs begin anew each time. */
int device_resumes(const struct device *device, __u32 *count);

#endif /* GUEST_WORKLOAD_DEVICE_H */
