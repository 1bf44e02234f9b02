// SPDX-License-Identifier: GPL-2.0
/*
 * A device under test with work to do: see rig.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "rig.h"

int rig_create(struct rig *rig)
{
	return rig_create_type(rig, MDEV_TYPE_SMALL);
}

int rig_create_type(struct rig *rig, const char *type)
{
	int ret;

	memset(rig, 0, sizeof(*rig));
	ret = mdev_uuid(rig->vmm.uuid);
	if (!ret)
		ret = mdev_create(type, rig->vmm.uuid);
	rig->exists = !ret;

	return ret;
}

void rig_destroy(struct rig *rig)
{
	rig_close(rig);
	if (rig->exists)
		mdev_remove(rig->vmm.uuid);
	rig->exists = false;
}

int rig_bind_all(struct rig *rig)
{
	const __u64 ram = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	int ret;

	ret = gpu_gtt_bind(&rig->vmm.gpu, RIG_RAM / RIG_PAGE,
			   RIG_RAM_SIZE / RIG_PAGE, RIG_RAM_IOVA | ram);
	if (!ret)
		ret = gpu_gtt_bind(&rig->vmm.gpu, RIG_RING / RIG_PAGE,
				   RIG_RING_SIZE / RIG_PAGE,
				   RIG_RING_IOVA | MVGPU_GTT_VALID);
	if (!ret)
		ret = gpu_gtt_bind(&rig->vmm.gpu, RIG_VRAM / RIG_PAGE,
				   rig->vmm.gpu.vram_size / RIG_PAGE,
				   ram | MVGPU_GTT_VRAM);

	return ret;
}

int rig_enable(struct rig *rig)
{
	return gpu_ring_init(&rig->ring, &rig->vmm.gpu, 0, RIG_RING, RIG_RING_SIZE,
			     rig->ring_ram.mem, 0);
}

int rig_setup(struct rig *rig)
{
	int ret;

	ret = vfio_bus_master(rig->vmm.vfio.device, true);
	if (!ret)
		ret = vfio_memory_decode(rig->vmm.vfio.device, true);
	if (!ret)
		ret = rig_bind_all(rig);

	return ret ?: rig_enable(rig);
}

int rig_open(struct rig *rig)
{
	int ret;

	ret = fixture_open(&rig->vmm);
	if (!ret)
		ret = ram_create(&rig->ring_ram, RIG_RING_SIZE);
	if (!ret)
		ret = ram_map(&rig->ring_ram, rig->vmm.vfio.container,
			      RIG_RING_IOVA);
	if (!ret)
		ret = rig_setup(rig);
	if (ret)
		rig_close(rig);

	return ret;
}

void rig_close(struct rig *rig)
{
	fixture_close(&rig->vmm);
	ram_destroy(&rig->ring_ram);
}

int rig_run(struct rig *rig, union gpu_command command)
{
	return gpu_ring_run(&rig->ring, command, RIG_TIMEOUT_MS);
}

int rig_wait(struct rig *rig)
{
	return gpu_queue_wait(&rig->vmm.gpu, 0, RIG_TIMEOUT_MS);
}

int rig_flood(struct rig *rig, union gpu_command command)
{
	unsigned int i;
	int ret = 0;

	for (i = 1; i < RIG_RING_COMMANDS && !ret; i++)
		ret = gpu_ring_put(&rig->ring, &command);

	return ret ?: gpu_ring_kick(&rig->ring);
}

/* Single bytes: as many pieces as a chunk may have. */
int rig_flood_slow(struct rig *rig, unsigned char value)
{
	unsigned char *mem = rig->vmm.ram.mem;
	unsigned char old = mem[0];
	int ret;

	ret = rig_flood(rig, gpu_fill(RIG_RAM, 1, RIG_SLOW, 1, value));

	return ret ?: rig_wait_change(mem, old);
}

bool rig_stays(struct rig *rig, unsigned char value)
{
	long long end = rig_now_ms() + 20;
	struct gpu_queue_state first, now;

	if (gpu_queue_state(&rig->vmm.gpu, 0, &first))
		return false;
	do {
		if (!rig_all(rig->vmm.ram.mem, RIG_SLOW, value) ||
		    gpu_queue_state(&rig->vmm.gpu, 0, &now) ||
		    now.head != first.head || now.completed != first.completed)
			return false;
	} while (rig_now_ms() < end);

	return true;
}

long long rig_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static void rig_nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 }, NULL);
}

int rig_wait_change(const void *byte, unsigned char old)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;

	while (__atomic_load_n((const unsigned char *)byte,
			       __ATOMIC_ACQUIRE) == old) {
		if (rig_now_ms() > end)
			return -ETIMEDOUT;
		rig_nap();
	}

	return 0;
}

int rig_wait_status(struct rig *rig, __u32 status)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	__u32 now;
	int ret;

	for (;;) {
		ret = gpu_read32(&rig->vmm.gpu, MVGPU_QUEUE(0) + MVGPU_QUEUE_STATUS,
				 &now);
		if (ret || now == status)
			return ret;
		if (rig_now_ms() > end)
			return -ETIMEDOUT;
		rig_nap();
	}
}

static unsigned char rig_pattern_byte(__u64 i, __u32 seed)
{
	return (i ^ i >> 8 ^ i >> 12) * 31 + seed;
}

void rig_pattern(void *data, __u64 len, __u32 seed)
{
	unsigned char *to = data;
	__u64 i;

	for (i = 0; i < len; i++)
		to[i] = rig_pattern_byte(i, seed);
}

bool rig_has_pattern(const void *data, __u64 len, __u32 seed)
{
	const unsigned char *from = data;
	__u64 i;

	for (i = 0; i < len; i++)
		if (from[i] != rig_pattern_byte(i, seed))
			return false;

	return true;
}

long long rig_attribute(const struct rig *rig, const char *name)
{
	long long value = -1;
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "/sys/bus/mdev/devices/%s/mvgpu/%s",
		 rig->vmm.uuid, name);
	file = fopen(path, "re");
	if (file && fscanf(file, "%lld", &value) != 1)
		value = -1;
	if (file)
		fclose(file);
	return value;
}

bool rig_all(const void *data, __u64 len, unsigned char value)
{
	const unsigned char *from = data;

	return !len || (from[0] == value && !memcmp(from, from + 1, len - 1));
}

bool rig_engine_is_the_kernels(void)
{
	return system("grep -qw vhost_task_create /proc/kallsyms");
}
