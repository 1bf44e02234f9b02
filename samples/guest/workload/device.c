// SPDX-License-Identifier: GPL-2.0
/*
 * The calls of /dev/mvgpuN: see device.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "device.h"

static int call(const struct device *device, unsigned long request, void *arg)
{
	int ret;

	do {
		ret = ioctl(device->fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

int device_open(struct device *device, const char *path)
{
	int ret;

	device->fd = open(path, O_RDWR | O_CLOEXEC);
	if (device->fd < 0)
		return -errno;
	ret = call(device, MVGPU_GUEST_INFO, &device->info);
	if (!ret && device->info.queues < QUEUES)
		ret = -ENODEV;
	if (ret)
		device_close(device);
	return ret;
}

void device_close(struct device *device)
{
	close(device->fd);
	device->fd = -1;
}

int device_alloc(const struct device *device, struct buffer *buffer,
		 size_t size, __u32 flags)
{
	struct mvgpu_guest_alloc alloc = { .size = size, .flags = flags };
	int ret = call(device, MVGPU_GUEST_ALLOC, &alloc);
	void *mem;

	if (ret)
		return ret;
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, device->fd,
		   (off_t)alloc.offset);
	if (mem == MAP_FAILED) {
		ret = -errno;
		call(device, MVGPU_GUEST_FREE, &alloc.buffer);
		return ret;
	}
	buffer->number = alloc.buffer;
	buffer->size = size;
	buffer->mem = mem;
	return 0;
}

int device_free(const struct device *device, struct buffer *buffer)
{
	if (!buffer->mem)
		return 0;
	munmap(buffer->mem, buffer->size);
	buffer->mem = NULL;
	return call(device, MVGPU_GUEST_FREE, &buffer->number);
}

int device_bind(const struct device *device, const struct buffer *buffer,
		__u64 address, size_t offset, size_t size)
{
	struct mvgpu_guest_bind bind = {
		.address = address,
		.offset = offset,
		.size = size,
		.buffer = buffer->number,
		.flags = MVGPU_GUEST_WRITE,
	};

	return call(device, MVGPU_GUEST_BIND, &bind);
}

int device_submit(const struct device *device, __u32 queue,
		  const union gpu_command *commands, __u32 count,
		  __u64 *sequence)
{
	struct mvgpu_guest_submit submit = {
		.commands = (uintptr_t)commands,
		.count = count,
		.queue = queue,
	};
	int ret = call(device, MVGPU_GUEST_SUBMIT, &submit);

	*sequence = submit.sequence;
	return ret;
}

int device_wait(const struct device *device, __u32 queue, __u64 sequence,
		__u32 timeout_ms)
{
	struct mvgpu_guest_wait wait = {
		.sequence = sequence,
		.queue = queue,
		.timeout_ms = timeout_ms,
	};
	int ret = call(device, MVGPU_GUEST_WAIT, &wait);

	if (ret == -EIO)
		fprintf(stderr, "workload: queue %u: fault %u at %#llx\n",
			queue, wait.fault, wait.fault_address);
	if (ret)
		return ret;
	return wait.flags & MVGPU_GUEST_NO_INTERRUPT ? 1 : 0;
}

int device_resumes(const struct device *device, __u32 *count)
{
	return call(device, MVGPU_GUEST_RESUMES, count);
}

int device_restart(const struct device *device, __u32 queue)
{
	return call(device, MVGPU_GUEST_RESTART, &queue);
}
