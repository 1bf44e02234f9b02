/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Driving an mvgpu as its guest driver does: registers, GTT, VRAM, a ring of
 * commands. See linux/mvgpu.h.
 *
 * Functions return 0 or -errno, and print nothing.
 */
#ifndef SAMPLES_LIB_GPU_H
#define SAMPLES_LIB_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/mvgpu.h>
#include <linux/types.h>

/**
 * struct gpu - the BARs of an open device
 * @device: device fd
 * @registers: offset of the register BAR in the device fd
 * @vram: offset of the VRAM BAR in the device fd
 * @vram_size: bytes of the VRAM BAR
 */
struct gpu {
	int device;
	off_t registers;
	off_t vram;
	__u64 vram_size;
};

/**
 * gpu_init - find the BARs of a device and check that it is an mvgpu
 * @gpu: filled in
 * @device: device fd
 *
 * Return: 0, -ENODEV for another kind of device, or -errno.
 */
int gpu_init(struct gpu *gpu, int device);

/* Registers, in the register BAR. */
int gpu_read32(const struct gpu *gpu, __u32 offset, __u32 *value);
int gpu_read64(const struct gpu *gpu, __u32 offset, __u64 *value);
int gpu_write32(const struct gpu *gpu, __u32 offset, __u32 value);
int gpu_write64(const struct gpu *gpu, __u32 offset, __u64 value);

/* GTT entries. */
int gpu_gtt_read(const struct gpu *gpu, __u32 index, __u64 *entry);
int gpu_gtt_write(const struct gpu *gpu, __u32 index, __u64 entry);

/**
 * gpu_gtt_bind - write consecutive entries
 * @gpu: the device
 * @first: index of the first entry
 * @count: of entries
 * @entry: written to @first; each that follows is a page further
 *
 * Return: 0 or -errno.
 */
int gpu_gtt_bind(const struct gpu *gpu, __u32 first, __u32 count, __u64 entry);
int gpu_gtt_unbind(const struct gpu *gpu, __u32 first, __u32 count);

/* GPU address of the page that GTT entry @index maps. */
static inline __u64 gpu_address(__u32 index)
{
	return (__u64)index * MVGPU_PAGE_SIZE;
}

/* VRAM through the fd. */
int gpu_vram_read(const struct gpu *gpu, __u64 offset, void *data, size_t len);
int gpu_vram_write(const struct gpu *gpu, __u64 offset, const void *data,
		   size_t len);

/* VRAM mapped, read-write; vram_size bytes for munmap(). NULL with errno. */
void *gpu_vram_map(const struct gpu *gpu);

/**
 * struct gpu_queue_state - the read-only side of a queue
 * @control: MVGPU_QUEUE_ENABLE or 0
 * @status: enum mvgpu_queue_status
 * @head: offset of the command that is run or comes next
 * @tail: offset behind the last command
 * @fault: enum mvgpu_fault
 * @fault_address: GPU address that faulted
 * @completed: commands since the queue was enabled
 */
struct gpu_queue_state {
	__u32 control;
	__u32 status;
	__u32 head;
	__u32 tail;
	__u32 fault;
	__u64 fault_address;
	__u64 completed;
};

int gpu_queue_state(const struct gpu *gpu, unsigned int queue,
		    struct gpu_queue_state *state);

/* Disable a queue, set its ring, enable it. */
int gpu_queue_enable(const struct gpu *gpu, unsigned int queue, __u64 base,
		     __u32 size);
int gpu_queue_disable(const struct gpu *gpu, unsigned int queue);

/* Write the tail. */
int gpu_queue_doorbell(const struct gpu *gpu, unsigned int queue, __u32 tail);

/**
 * gpu_queue_wait - wait until a queue has run all that it was given
 * @gpu: the device
 * @queue: which
 * @timeout_ms: how long
 *
 * Return: 0, -EIO if the queue faulted, -ESHUTDOWN if it is disabled,
 * -ETIMEDOUT, or -errno of an access.
 */
int gpu_queue_wait(const struct gpu *gpu, unsigned int queue,
		   unsigned int timeout_ms);

/**
 * union gpu_command - a command as it lies in a ring
 * @bytes: all of it
 * @opcode: enum mvgpu_opcode, little-endian
 * @fill: MVGPU_OP_FILL
 * @copy: MVGPU_OP_COPY
 * @blend: MVGPU_OP_BLEND
 * @crc32c: MVGPU_OP_CRC32C
 * @bind: MVGPU_OP_BIND, MVGPU_OP_UNBIND
 * @fence: MVGPU_OP_FENCE
 * @semaphore: MVGPU_OP_SEMAPHORE
 * @timestamp: MVGPU_OP_TIMESTAMP
 */
union gpu_command {
	__u8 bytes[MVGPU_COMMAND_SIZE];
	__le32 opcode;
	struct mvgpu_fill fill;
	struct mvgpu_copy copy;
	struct mvgpu_blend blend;
	struct mvgpu_crc32c crc32c;
	struct mvgpu_bind bind;
	struct mvgpu_fence fence;
	struct mvgpu_semaphore semaphore;
	struct mvgpu_timestamp timestamp;
};

/* Command builders: see the structures in linux/mvgpu.h for the arguments. */
union gpu_command gpu_nop(void);
union gpu_command gpu_fill(__u64 dst, __u32 width, __u32 height, __u32 pitch,
			   __u32 value);
union gpu_command gpu_copy(__u64 dst, __u64 src, __u32 width, __u32 height,
			   __u32 dst_pitch, __u32 src_pitch);
union gpu_command gpu_blend(__u64 dst, __u64 src, __u32 width, __u32 height,
			    __u32 dst_pitch, __u32 src_pitch, __u32 alpha);
union gpu_command gpu_crc32c(__u64 dst, __u64 src, __u64 length, __u32 seed);
union gpu_command gpu_bind(__u32 first, __u32 count, __u64 entry);
union gpu_command gpu_unbind(__u32 first, __u32 count);
union gpu_command gpu_fence(__u64 dst, __u64 value);
/* The same, and the queue's interrupt. */
union gpu_command gpu_fence_interrupt(__u64 dst, __u64 value);
union gpu_command gpu_semaphore(__u64 src, __u32 compare, __u64 value);
union gpu_command gpu_timestamp(__u64 dst);

/**
 * struct gpu_ring - the writing side of a queue
 * @gpu: the device
 * @queue: which of its queues
 * @mem: the ring in guest RAM, or NULL: it is in VRAM
 * @vram_offset: the ring in VRAM
 * @size: bytes
 * @tail: offset behind the last command written
 */
struct gpu_ring {
	const struct gpu *gpu;
	unsigned int queue;
	void *mem;
	__u64 vram_offset;
	__u32 size;
	__u32 tail;
};

/**
 * gpu_ring_init - set up a queue with a ring
 * @ring: filled in
 * @gpu: the device
 * @queue: which of its queues
 * @base: GPU address of the ring; the caller bound its pages
 * @size: bytes
 * @mem: where this process sees the ring, or NULL if it is in VRAM
 * @vram_offset: where in VRAM, without @mem
 *
 * Return: 0 or -errno.
 */
int gpu_ring_init(struct gpu_ring *ring, const struct gpu *gpu,
		  unsigned int queue, __u64 base, __u32 size, void *mem,
		  __u64 vram_offset);

/* Write a command behind the last one; the device sees it with the kick. */
int gpu_ring_put(struct gpu_ring *ring, const union gpu_command *command);

/* Ring the doorbell. */
int gpu_ring_kick(const struct gpu_ring *ring);

/* Put one command, kick, wait. */
int gpu_ring_run(struct gpu_ring *ring, union gpu_command command,
		 unsigned int timeout_ms);

#endif /* SAMPLES_LIB_GPU_H */
