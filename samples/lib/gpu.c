// SPDX-License-Identifier: GPL-2.0
/*
 * Driving an mvgpu: see gpu.h.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "gpu.h"
#include "vfio.h"

/* A wait looks at the queue this often, and then less and less. */
#define POLL_FIRST_NS	(20L * 1000)
#define POLL_LAST_NS	(2L * 1000 * 1000)

static int bar(int device, __u32 index, off_t *offset, __u64 *size)
{
	struct vfio_region_info *info;
	int ret = vfio_get_region_info(device, index, &info);

	if (ret < 0)
		return ret;
	*offset = (off_t)info->offset;
	*size = info->size;
	free(info);
	return 0;
}

int gpu_init(struct gpu *gpu, int device)
{
	__u64 registers_size;
	__u32 id;
	int ret;

	gpu->device = device;
	ret = bar(device, MVGPU_BAR_REGISTERS, &gpu->registers,
		  &registers_size);
	if (ret < 0)
		return ret;
	ret = bar(device, MVGPU_BAR_VRAM, &gpu->vram, &gpu->vram_size);
	if (ret < 0)
		return ret;
	if (registers_size < MVGPU_REGISTERS_SIZE)
		return -ENODEV;
	ret = gpu_read32(gpu, MVGPU_REG_ID, &id);
	if (ret)
		return ret;
	return id == MVGPU_ID ? 0 : -ENODEV;
}

int gpu_read32(const struct gpu *gpu, __u32 offset, __u32 *value)
{
	__le32 raw;
	int ret;

	ret = vfio_pread(gpu->device, &raw, sizeof(raw),
			 gpu->registers + offset);
	if (!ret)
		*value = le32toh(raw);
	return ret;
}

int gpu_read64(const struct gpu *gpu, __u32 offset, __u64 *value)
{
	__le64 raw;
	int ret;

	ret = vfio_pread(gpu->device, &raw, sizeof(raw),
			 gpu->registers + offset);
	if (!ret)
		*value = le64toh(raw);
	return ret;
}

int gpu_write32(const struct gpu *gpu, __u32 offset, __u32 value)
{
	__le32 raw = htole32(value);

	return vfio_pwrite(gpu->device, &raw, sizeof(raw),
			   gpu->registers + offset);
}

int gpu_write64(const struct gpu *gpu, __u32 offset, __u64 value)
{
	__le64 raw = htole64(value);

	return vfio_pwrite(gpu->device, &raw, sizeof(raw),
			   gpu->registers + offset);
}

int gpu_gtt_read(const struct gpu *gpu, __u32 index, __u64 *entry)
{
	return gpu_read64(gpu, MVGPU_GTT + index * 8, entry);
}

int gpu_gtt_write(const struct gpu *gpu, __u32 index, __u64 entry)
{
	return gpu_write64(gpu, MVGPU_GTT + index * 8, entry);
}

int gpu_gtt_bind(const struct gpu *gpu, __u32 first, __u32 count, __u64 entry)
{
	__u32 i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++)
		ret = gpu_gtt_write(gpu, first + i,
				    entry + (__u64)i * MVGPU_PAGE_SIZE);
	return ret;
}

int gpu_gtt_unbind(const struct gpu *gpu, __u32 first, __u32 count)
{
	__u32 i;
	int ret = 0;

	for (i = 0; i < count && !ret; i++)
		ret = gpu_gtt_write(gpu, first + i, 0);
	return ret;
}

int gpu_vram_read(const struct gpu *gpu, __u64 offset, void *data, size_t len)
{
	return vfio_pread(gpu->device, data, len, gpu->vram + (off_t)offset);
}

int gpu_vram_write(const struct gpu *gpu, __u64 offset, const void *data,
		   size_t len)
{
	return vfio_pwrite(gpu->device, data, len, gpu->vram + (off_t)offset);
}

void *gpu_vram_map(const struct gpu *gpu)
{
	void *mem = mmap(NULL, gpu->vram_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, gpu->device, gpu->vram);

	return mem == MAP_FAILED ? NULL : mem;
}

int gpu_queue_state(const struct gpu *gpu, unsigned int queue,
		    struct gpu_queue_state *state)
{
	const __u32 base = MVGPU_QUEUE(queue);
	int ret;

	ret = gpu_read32(gpu, base + MVGPU_QUEUE_CONTROL, &state->control);
	if (!ret)
		ret = gpu_read32(gpu, base + MVGPU_QUEUE_STATUS,
				 &state->status);
	if (!ret)
		ret = gpu_read32(gpu, base + MVGPU_QUEUE_HEAD, &state->head);
	if (!ret)
		ret = gpu_read32(gpu, base + MVGPU_QUEUE_TAIL, &state->tail);
	if (!ret)
		ret = gpu_read32(gpu, base + MVGPU_QUEUE_FAULT, &state->fault);
	if (!ret)
		ret = gpu_read64(gpu, base + MVGPU_QUEUE_FAULT_ADDRESS,
				 &state->fault_address);
	if (!ret)
		ret = gpu_read64(gpu, base + MVGPU_QUEUE_COMPLETED,
				 &state->completed);
	return ret;
}

int gpu_queue_disable(const struct gpu *gpu, unsigned int queue)
{
	return gpu_write32(gpu, MVGPU_QUEUE(queue) + MVGPU_QUEUE_CONTROL, 0);
}

int gpu_queue_enable(const struct gpu *gpu, unsigned int queue, __u64 base,
		     __u32 size)
{
	__u32 registers = MVGPU_QUEUE(queue);
	int ret;

	ret = gpu_queue_disable(gpu, queue);
	if (!ret)
		ret = gpu_write64(gpu, registers + MVGPU_QUEUE_RING_BASE, base);
	if (!ret)
		ret = gpu_write32(gpu, registers + MVGPU_QUEUE_RING_SIZE, size);
	if (!ret)
		ret = gpu_write32(gpu, registers + MVGPU_QUEUE_CONTROL,
				  MVGPU_QUEUE_ENABLE);
	return ret;
}

int gpu_queue_doorbell(const struct gpu *gpu, unsigned int queue, __u32 tail)
{
	return gpu_write32(gpu, MVGPU_QUEUE(queue) + MVGPU_QUEUE_TAIL, tail);
}

static long long now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int gpu_queue_wait(const struct gpu *gpu, unsigned int queue,
		   unsigned int timeout_ms)
{
	const __u32 reg = MVGPU_QUEUE(queue) + MVGPU_QUEUE_STATUS;
	struct timespec nap = { .tv_nsec = POLL_FIRST_NS };
	long long end = now_ms() + timeout_ms;
	__u32 status;
	int ret;

	for (;;) {
		bool late = now_ms() > end;

		ret = gpu_read32(gpu, reg, &status);
		if (ret)
			return ret;
		if (status == MVGPU_QUEUE_IDLE)
			return 0;
		if (status == MVGPU_QUEUE_FAULTED)
			return -EIO;
		if (status == MVGPU_QUEUE_DISABLED)
			return -ESHUTDOWN;
		if (late)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < POLL_LAST_NS)
			nap.tv_nsec *= 2;
	}
}

union gpu_command gpu_nop(void)
{
	return (union gpu_command) { .opcode = htole32(MVGPU_OP_NOP) };
}

union gpu_command gpu_fill(__u64 dst, __u32 width, __u32 height, __u32 pitch,
			   __u32 value)
{
	return (union gpu_command) {
		.fill = {
			.opcode = htole32(MVGPU_OP_FILL),
			.dst = htole64(dst),
			.width = htole32(width),
			.height = htole32(height),
			.pitch = htole32(pitch),
			.value = htole32(value),
		},
	};
}

union gpu_command gpu_copy(__u64 dst, __u64 src, __u32 width, __u32 height,
			   __u32 dst_pitch, __u32 src_pitch)
{
	return (union gpu_command) {
		.copy = {
			.opcode = htole32(MVGPU_OP_COPY),
			.dst = htole64(dst),
			.width = htole32(width),
			.height = htole32(height),
			.dst_pitch = htole32(dst_pitch),
			.src_pitch = htole32(src_pitch),
			.src = htole64(src),
		},
	};
}

union gpu_command gpu_blend(__u64 dst, __u64 src, __u32 width, __u32 height,
			    __u32 dst_pitch, __u32 src_pitch, __u32 alpha)
{
	return (union gpu_command) {
		.blend = {
			.opcode = htole32(MVGPU_OP_BLEND),
			.dst = htole64(dst),
			.width = htole32(width),
			.height = htole32(height),
			.dst_pitch = htole32(dst_pitch),
			.src_pitch = htole32(src_pitch),
			.src = htole64(src),
			.alpha = htole32(alpha),
		},
	};
}

union gpu_command gpu_crc32c(__u64 dst, __u64 src, __u64 length, __u32 seed)
{
	return (union gpu_command) {
		.crc32c = {
			.opcode = htole32(MVGPU_OP_CRC32C),
			.src = htole64(src),
			.length = htole64(length),
			.dst = htole64(dst),
			.seed = htole32(seed),
		},
	};
}

static union gpu_command bind_command(__u32 opcode, __u32 first, __u32 count,
				      __u64 entry)
{
	return (union gpu_command) {
		.bind = {
			.opcode = htole32(opcode),
			.entry = htole64(entry),
			.first = htole32(first),
			.count = htole32(count),
		},
	};
}

union gpu_command gpu_bind(__u32 first, __u32 count, __u64 entry)
{
	return bind_command(MVGPU_OP_BIND, first, count, entry);
}

union gpu_command gpu_unbind(__u32 first, __u32 count)
{
	return bind_command(MVGPU_OP_UNBIND, first, count, 0);
}

union gpu_command gpu_fence(__u64 dst, __u64 value)
{
	return (union gpu_command) {
		.fence = {
			.opcode = htole32(MVGPU_OP_FENCE),
			.dst = htole64(dst),
			.value = htole64(value),
		},
	};
}

union gpu_command gpu_fence_interrupt(__u64 dst, __u64 value)
{
	union gpu_command command = gpu_fence(dst, value);

	command.fence.flags = htole32(MVGPU_FENCE_INTERRUPT);
	return command;
}

union gpu_command gpu_semaphore(__u64 src, __u32 compare, __u64 value)
{
	return (union gpu_command) {
		.semaphore = {
			.opcode = htole32(MVGPU_OP_SEMAPHORE),
			.src = htole64(src),
			.value = htole64(value),
			.compare = htole32(compare),
		},
	};
}

union gpu_command gpu_timestamp(__u64 dst)
{
	return (union gpu_command) {
		.timestamp = {
			.opcode = htole32(MVGPU_OP_TIMESTAMP),
			.dst = htole64(dst),
		},
	};
}

int gpu_ring_init(struct gpu_ring *ring, const struct gpu *gpu,
		  unsigned int queue, __u64 base, __u32 size, void *mem,
		  __u64 vram_offset)
{
	ring->gpu = gpu;
	ring->queue = queue;
	ring->mem = mem;
	ring->vram_offset = vram_offset;
	ring->size = size;
	ring->tail = 0;
	return gpu_queue_enable(gpu, queue, base, size);
}

int gpu_ring_put(struct gpu_ring *ring, const union gpu_command *command)
{
	int ret = 0;

	if (ring->mem)
		memcpy((char *)ring->mem + ring->tail, command,
		       sizeof(*command));
	else
		ret = gpu_vram_write(ring->gpu, ring->vram_offset + ring->tail,
				     command, sizeof(*command));
	if (!ret)
		ring->tail = (ring->tail + sizeof(*command)) % ring->size;
	return ret;
}

int gpu_ring_kick(const struct gpu_ring *ring)
{
	return gpu_queue_doorbell(ring->gpu, ring->queue, ring->tail);
}

int gpu_ring_run(struct gpu_ring *ring, union gpu_command command,
		 unsigned int timeout_ms)
{
	int ret = gpu_ring_put(ring, &command);

	if (!ret)
		ret = gpu_ring_kick(ring);
	if (!ret)
		ret = gpu_queue_wait(ring->gpu, ring->queue, timeout_ms);
	return ret;
}
