// SPDX-License-Identifier: GPL-2.0
/*
 * What probes do besides ioctls of the container: what drivers do to its
 * memory, descriptors, and the process itself.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "type1_script.h"

#define PAGE		4096ULL
#define BOTH		(PINTEST_READ | PINTEST_WRITE)
#define PATTERN		0x77

static struct dirty_rig *device(struct type1_run *run)
{
	return &run->devices[type1_value(run, TYPE1_DEV, 0) % TYPE1_DEVICES];
}

int type1_op_pin(struct type1_run *run)
{
	type1_say_result(run, "pin",
			 dirty_pin(device(run), type1_value(run, TYPE1_IOVA, 0),
				   type1_value(run, TYPE1_N, 1),
				   type1_value(run, TYPE1_FLAGS, BOTH)));
	return 0;
}

int type1_op_unpin(struct type1_run *run)
{
	type1_say_result(run, "unpin",
			 dirty_unpin(device(run),
				     type1_value(run, TYPE1_IOVA, 0),
				     type1_value(run, TYPE1_N, 1)));
	return 0;
}

/* One call for all pages, whether they are pinned or not. */
int type1_op_drop(struct type1_run *run)
{
	type1_say_result(run, "drop",
			 dirty_drop(device(run), type1_value(run, TYPE1_IOVA, 0),
				    type1_value(run, TYPE1_N, 1)));
	return 0;
}

/* What was read is told by its first and last byte. */
static int copy(struct type1_run *run, __u32 flags)
{
	__u64 len = type1_value(run, TYPE1_SIZE, 1);
	long ret;

	if (len > TYPE1_DATA_BYTES)
		return -E2BIG;
	memset(run->data, flags & PINTEST_WRITE ? PATTERN : TYPE1_GUARD,
	       TYPE1_DATA_BYTES);
	ret = dirty_rw(device(run), type1_value(run, TYPE1_IOVA, 0), run->data,
		       len, flags);
	type1_say_result(run, flags & PINTEST_WRITE ? "write" : "read", ret);
	if (!ret && !(flags & PINTEST_WRITE))
		type1_say(run, "(%x..%x)", run->data[0], run->data[len - 1]);
	return 0;
}

int type1_op_rw(struct type1_run *run)
{
	return copy(run, type1_value(run, TYPE1_FLAGS, 0));
}

int type1_op_read(struct type1_run *run)
{
	return copy(run, PINTEST_READ);
}

int type1_op_write(struct type1_run *run)
{
	return copy(run, PINTEST_WRITE);
}

int type1_op_poke(struct type1_run *run)
{
	type1_say_result(run, "poke",
			 dirty_poke(device(run),
				    type1_value(run, TYPE1_IOVA, 0),
				    type1_value(run, TYPE1_N, PATTERN)));
	return 0;
}

int type1_op_stubborn(struct type1_run *run)
{
	return dirty_set(device(run), PINTEST_STUBBORN,
			 type1_value(run, TYPE1_N, 1));
}

/* Open the group and put it into the container. */
int type1_op_join(struct type1_run *run)
{
	struct dirty_rig *rig = device(run);

	if (rig->vfio.group >= 0)
		return -EBUSY;
	rig->vfio.group = vfio_open_group(rig->uuid);
	if (rig->vfio.group < 0)
		return rig->vfio.group;
	type1_say_result(run, "join",
			 vfio_group_set_container(rig->vfio.group,
						  run->devices[0].vfio.container));
	return 0;
}

int type1_op_device(struct type1_run *run)
{
	struct dirty_rig *rig = device(run);
	int fd;

	if (rig->vfio.device >= 0)
		return -EBUSY;
	fd = vfio_open_device(rig->vfio.group, rig->uuid);
	rig->vfio.device = fd < 0 ? -1 : fd;
	type1_say_result(run, "device", fd < 0 ? fd : 0);
	return 0;
}

/* The second device, in the same container. */
int type1_op_second(struct type1_run *run)
{
	struct dirty_rig *rig = &run->devices[1];
	int ret = vfio_open_shared(&rig->vfio, run->devices[0].vfio.container,
				   rig->uuid);

	rig->vfio.container = -1;
	type1_say_result(run, "second", ret);
	return 0;
}

/* Close the device. */
int type1_op_shut(struct type1_run *run)
{
	struct dirty_rig *rig = device(run);

	close(rig->vfio.device);
	rig->vfio.device = -1;
	return 0;
}

int type1_op_unset(struct type1_run *run)
{
	type1_say_result(run, "unset",
			 vfio_group_unset_container(device(run)->vfio.group));
	return 0;
}

/* Close the device and the group. */
int type1_op_leave(struct type1_run *run)
{
	vfio_close_device(&device(run)->vfio);
	return 0;
}

/* For the containers that are served from now on. */
int type1_op_limit(struct type1_run *run)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", type1_value(run, TYPE1_N, 0));
	return type1_limit_set(text);
}

/* So many pages, also for root. For good. */
int type1_op_memlock(struct type1_run *run)
{
	return dirty_limit_memlock(type1_value(run, TYPE1_N, 0) * PAGE);
}

int type1_op_locked(struct type1_run *run)
{
	type1_say_result(run, "locked", dirty_locked());
	return 0;
}

/* Mappings of one page, every other page: how many could be made. */
int type1_op_many(struct type1_run *run)
{
	__u64 iova = type1_value(run, TYPE1_IOVA, 0), i, mem;
	int ret = type1_memory("mem", 3, &mem);

	if (ret)
		return ret;
	for (i = 0; !ret && i < type1_value(run, TYPE1_N, 0); i++)
		ret = vfio_map_dma(run->devices[0].vfio.container,
				   iova + 2 * i * PAGE,
				   (void *)(unsigned long)mem, PAGE, DIRTY_RW);
	type1_say_result(run, "many", i - !!ret);
	if (ret)
		type1_say(run, ",%s", strerrorname_np(-ret));
	return 0;
}

/* Write to pages of memory. */
int type1_op_touch(struct type1_run *run)
{
	__u8 *at;
	__u64 i;

	at = (void *)(unsigned long)type1_value(run, TYPE1_VADDR, 0);
	for (i = 0; i < type1_value(run, TYPE1_N, 1); i++)
		at[i * PAGE] = 0x22;
	return 0;
}

/* Give pages of memory back, as a balloon does. */
int type1_op_put(struct type1_run *run)
{
	return madvise((void *)(unsigned long)type1_value(run, TYPE1_VADDR, 0),
		       type1_value(run, TYPE1_N, 1) * PAGE, MADV_DONTNEED) ?
	       -errno : 0;
}

/* A byte of memory, if it can be read. */
int type1_op_peek(struct type1_run *run)
{
	__u8 byte;

	type1_say_result(run, "peek", 0);
	if (type1_memory_take(type1_value(run, TYPE1_VADDR, 0), &byte, 1))
		type1_say(run, "(%x)", byte);
	else
		type1_say(run, "(-)");
	return 0;
}
