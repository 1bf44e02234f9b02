// SPDX-License-Identifier: GPL-2.0
/*
 * The ioctls of a container, as probes do them.
 *
 * The argument is put among bytes of a guard, so that all that the kernel wrote
 * is seen. Bitmaps are shown as the bits that are set, "[0,4-6]", and "over" if
 * something behind the bitmap was written.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include <linux/vfio_device_state.h>

#include "type1_script.h"

#define PAGE		4096ULL
#define WINDOW		256
#define GET		VFIO_IOMMU_DIRTY_PAGES_FLAG_GET_BITMAP
#define ALL		VFIO_DMA_UNMAP_FLAG_ALL
#define DIRTY		VFIO_DMA_UNMAP_FLAG_GET_DIRTY_BITMAP

/* Where struct vfio_iommu_type1_info is padded, in words. */
#define INFO_PADDING	5

/* An ioctl whose argument is somewhere. */
static long call_at(struct type1_run *run, unsigned long request, void *arg,
		    size_t len)
{
	__u64 at = type1_value(run, TYPE1_AT, run->arg);
	unsigned char window[WINDOW];
	long ret;

	memset(window, TYPE1_GUARD, sizeof(window));
	memcpy(window, arg, len);
	/* An argument that ends where memory ends has no guard behind it. */
	type1_memory_place(at, window, sizeof(window));
	ret = ioctl(run->devices[0].vfio.container, request, at);
	ret = ret < 0 ? -errno : ret;
	type1_memory_take(at, arg, len);
	return ret;
}

int type1_op_version(struct type1_run *run)
{
	type1_say_result(run, "version",
			 ioctl(run->devices[0].vfio.container,
			       VFIO_GET_API_VERSION));
	return 0;
}

int type1_op_check(struct type1_run *run)
{
	int ret = vfio_check_extension(run->devices[0].vfio.container,
				       type1_value(run, TYPE1_N, 0));

	type1_say_result(run, "check", ret);
	return 0;
}

int type1_op_set(struct type1_run *run)
{
	type1_say_result(run, "set",
			 vfio_set_iommu(run->devices[0].vfio.container,
					type1_value(run, TYPE1_N, 0)));
	return 0;
}

/* Any request of the vfio type, by number; with bytes of 0 to read. */
int type1_op_call(struct type1_run *run)
{
	static const unsigned char zeros[WINDOW];
	unsigned int nr = type1_value(run, TYPE1_N, 0);
	__u64 at = type1_value(run, TYPE1_AT, run->arg);
	int ret;

	type1_memory_place(at, zeros, sizeof(zeros));
	ret = ioctl(run->devices[0].vfio.container, nr > 0xff ? nr :
		    _IO(VFIO_TYPE, VFIO_BASE + nr), at);
	type1_say_result(run, "call", ret < 0 ? -errno : ret);
	return 0;
}

/*
 * All that the kernel wrote, as words of 32 bits, up to the last. The padding,
 * which old kernels leave alone, is shown as "_" unless fill is given.
 */
int type1_op_info(struct type1_run *run)
{
	bool padding = type1_given(run, TYPE1_FILL);
	__u32 words[WINDOW / 4], guard;
	int i, last = 0;
	long ret;

	memset(words, TYPE1_GUARD, sizeof(words));
	memcpy(&guard, words, sizeof(guard));
	words[0] = type1_value(run, TYPE1_ARGSZ, 0);
	ret = call_at(run, VFIO_IOMMU_GET_INFO, words, sizeof(words));
	type1_say_result(run, "info", ret);
	for (i = 0; i < WINDOW / 4; i++) {
		if (words[i] != guard && (padding || i != INFO_PADDING))
			last = i;
	}
	for (i = 0; i <= last; i++) {
		type1_say(run, "%c", i ? ' ' : '[');
		if (i == INFO_PADDING && !padding)
			type1_say(run, "_");
		else
			type1_say(run, "%x", words[i]);
	}
	type1_say(run, "]");
	return 0;
}

int type1_op_map(struct type1_run *run)
{
	struct vfio_iommu_type1_dma_map map = {
		.argsz = type1_value(run, TYPE1_ARGSZ, sizeof(map)),
		.flags = type1_value(run, TYPE1_FLAGS, DIRTY_RW),
		.iova = type1_value(run, TYPE1_IOVA, 0),
		.size = type1_value(run, TYPE1_SIZE, PAGE),
	}, before;
	int ret = type1_memory("mem", 3, &map.vaddr);

	if (ret)
		return ret;
	map.vaddr = type1_value(run, TYPE1_VADDR, map.vaddr);
	before = map;
	type1_say_result(run, "map", call_at(run, VFIO_IOMMU_MAP_DMA, &map,
					     sizeof(map)));
	if (memcmp(&map, &before, sizeof(map)))
		type1_say(run, "(touched)");
	return 0;
}

/* Where a bitmap goes, which is made ready. */
static void bitmap_begin(struct type1_run *run, __u64 size,
			 struct vfio_bitmap *bitmap)
{
	__u64 n;

	bitmap->pgsize = type1_value(run, TYPE1_PGSIZE, PAGE);
	bitmap->size = type1_value(run, TYPE1_BSIZE,
				   dirty_bytes(size / PAGE));
	bitmap->data = (__u64 *)(unsigned long)
		type1_value(run, TYPE1_DATA, (unsigned long)run->bits);
	n = bitmap->size < TYPE1_BITMAP_BYTES ? bitmap->size :
	    TYPE1_BITMAP_BYTES;
	memset(run->bits, TYPE1_GUARD, TYPE1_BITMAP_BYTES + PAGE);
	memset(run->bits, type1_value(run, TYPE1_FILL, 0), n);
}

static void say_bits(struct type1_run *run, __u64 bytes)
{
	__u64 i, n = bytes * 8, run_of;
	const char *mark = "";

	type1_say(run, "[");
	for (i = 0; i < n; i += run_of) {
		run_of = 1;
		if (!dirty_bit(run->bits, i))
			continue;
		while (i + run_of < n && dirty_bit(run->bits, i + run_of))
			run_of++;
		type1_say(run, "%s%llu", mark, i);
		if (run_of > 1)
			type1_say(run, "-%llu", i + run_of - 1);
		mark = ",";
	}
	type1_say(run, "]");
}

/* Say what is in a bitmap, if it is where bitmaps usually are. */
static void bitmap_end(struct type1_run *run, long ret,
		       const struct vfio_bitmap *bitmap)
{
	__u64 n = bitmap->size, i, touched = 0;

	if (type1_given(run, TYPE1_DATA))
		return;
	if (n > TYPE1_BITMAP_BYTES)
		n = TYPE1_BITMAP_BYTES;
	for (i = 0; i < n; i++)
		touched += run->bits[i] !=
			   (__u8)type1_value(run, TYPE1_FILL, 0);
	if (!ret)
		say_bits(run, n);
	else if (touched)
		type1_say(run, "(touched)");
	for (i = n; i < TYPE1_BITMAP_BYTES + PAGE; i++) {
		if (run->bits[i] != TYPE1_GUARD) {
			type1_say(run, "over");
			break;
		}
	}
}

int type1_op_unmap(struct type1_run *run)
{
	__u32 flags = type1_value(run, TYPE1_FLAGS, 0);
	__u64 size = type1_value(run, TYPE1_SIZE, flags & ALL ? 0 : PAGE);
	struct {
		struct vfio_iommu_type1_dma_unmap unmap;
		struct vfio_bitmap bitmap;
	} arg = {
		.unmap.argsz = flags & DIRTY ? sizeof(arg) : sizeof(arg.unmap),
		.unmap.flags = flags,
		.unmap.iova = type1_value(run, TYPE1_IOVA, 0),
		.unmap.size = size,
	}, before;
	long ret;

	arg.unmap.argsz = type1_value(run, TYPE1_ARGSZ, arg.unmap.argsz);
	bitmap_begin(run, size, &arg.bitmap);
	before = arg;
	ret = call_at(run, VFIO_IOMMU_UNMAP_DMA, &arg, flags & DIRTY ?
		      sizeof(arg) : sizeof(arg.unmap));
	type1_say_result(run, "unmap", ret);
	if (!ret)
		type1_say(run, "(%llu)", arg.unmap.size / PAGE);
	if (arg.unmap.size & (PAGE - 1) && arg.unmap.size != size)
		type1_say(run, "+%llu", arg.unmap.size & (PAGE - 1));
	before.unmap.size = ret ? before.unmap.size : arg.unmap.size;
	if (memcmp(&arg, &before, sizeof(arg)))
		type1_say(run, "(touched)");
	if (flags & DIRTY)
		bitmap_end(run, ret, &arg.bitmap);
	return 0;
}

static int dirty_pages(struct type1_run *run, const char *name, __u32 flags)
{
	struct vfio_iommu_type1_dirty_bitmap arg = {
		.argsz = type1_value(run, TYPE1_ARGSZ, sizeof(arg)),
		.flags = flags,
	};

	type1_say_result(run, name, call_at(run, VFIO_IOMMU_DIRTY_PAGES, &arg,
					    sizeof(arg)));
	return 0;
}

int type1_op_dirty(struct type1_run *run)
{
	return dirty_pages(run, "dirty", type1_value(run, TYPE1_FLAGS, 0));
}

int type1_op_start(struct type1_run *run)
{
	return dirty_pages(run, "start",
			   VFIO_IOMMU_DIRTY_PAGES_FLAG_START);
}

int type1_op_stop(struct type1_run *run)
{
	return dirty_pages(run, "stop", VFIO_IOMMU_DIRTY_PAGES_FLAG_STOP);
}

int type1_op_get(struct type1_run *run)
{
	__u64 size = type1_value(run, TYPE1_SIZE, PAGE);
	struct {
		struct vfio_iommu_type1_dirty_bitmap head;
		struct vfio_iommu_type1_dirty_bitmap_get range;
	} arg = {
		.head.argsz = type1_value(run, TYPE1_ARGSZ, sizeof(arg)),
		.head.flags = type1_value(run, TYPE1_FLAGS, GET),
		.range.iova = type1_value(run, TYPE1_IOVA, 0),
		.range.size = size,
	}, before;
	long ret;

	bitmap_begin(run, size, &arg.range.bitmap);
	before = arg;
	ret = call_at(run, VFIO_IOMMU_DIRTY_PAGES, &arg, sizeof(arg));
	type1_say_result(run, "get", ret);
	if (memcmp(&arg, &before, sizeof(arg)))
		type1_say(run, "(touched)");
	bitmap_end(run, ret, &before.range.bitmap);
	return 0;
}

/* The proposal's form; the bitmap follows the argument. */
int type1_op_old(struct type1_run *run)
{
	__u64 pages = type1_value(run, TYPE1_N, 64);
	struct {
		struct vfio_iommu_get_dirty_bitmap head;
		__u8 bitmap[128];
	} arg = { .head.page_nr = pages };
	long ret;

	arg.head.start_addr = type1_value(run, TYPE1_IOVA, 0);
	memset(arg.bitmap, type1_value(run, TYPE1_FILL, 0),
	       sizeof(arg.bitmap));
	ret = call_at(run, VFIO_IOMMU_GET_DIRTY_BITMAP, &arg, sizeof(arg));
	type1_say_result(run, "old", ret);
	memcpy(run->bits, arg.bitmap, sizeof(arg.bitmap));
	if (!ret)
		say_bits(run, sizeof(arg.bitmap));
	return 0;
}

/* What is in the bitmap's memory now. */
int type1_op_bits(struct type1_run *run)
{
	type1_say_result(run, "bits", 0);
	say_bits(run, type1_value(run, TYPE1_BSIZE, 8));
	return 0;
}
