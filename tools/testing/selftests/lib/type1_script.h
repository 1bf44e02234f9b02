/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts that run a script share: see type1_probe.h.
 */
#ifndef _SELFTESTS_TYPE1_SCRIPT_H
#define _SELFTESTS_TYPE1_SCRIPT_H

#include "type1_probe.h"

#define TYPE1_BITMAP_BYTES	(64 * 1024)
#define TYPE1_DATA_BYTES	(64 * 4096)
#define TYPE1_GUARD		0xee

/* Values that an operation takes. */
enum type1_arg {
	TYPE1_N,
	TYPE1_IOVA,
	TYPE1_SIZE,
	TYPE1_FLAGS,
	TYPE1_VADDR,
	TYPE1_ARGSZ,
	TYPE1_AT,
	TYPE1_PGSIZE,
	TYPE1_BSIZE,
	TYPE1_DATA,
	TYPE1_FILL,
	TYPE1_DEV,
	TYPE1_ARGS,
};

/**
 * struct type1_run - a script on its way
 * @devices: the devices and what is open of them; the container is the first's
 * @i: the sweep's counter
 * @text: the line so far
 * @len: its length
 * @given: bit for each value that the operation at hand was given
 * @value: the values
 * @arg: where the argument of an ioctl is, unless the script says where
 * @bits: where bitmaps go, ditto; there is a page behind it
 * @data: what is written and read
 */
struct type1_run {
	struct dirty_rig devices[TYPE1_DEVICES];
	unsigned int i;
	char *text;
	size_t len;
	unsigned int given;
	__u64 value[TYPE1_ARGS];
	__u64 arg;
	unsigned char *bits;
	unsigned char *data;
};

/* An operation says what came of it in run->text; -errno if it cannot run. */
typedef int (*type1_op)(struct type1_run *run);

/* type1_ops.c, type1_devices.c */
int type1_op_bits(struct type1_run *run);
int type1_op_call(struct type1_run *run);
int type1_op_check(struct type1_run *run);
int type1_op_device(struct type1_run *run);
int type1_op_dirty(struct type1_run *run);
int type1_op_drop(struct type1_run *run);
int type1_op_get(struct type1_run *run);
int type1_op_info(struct type1_run *run);
int type1_op_join(struct type1_run *run);
int type1_op_leave(struct type1_run *run);
int type1_op_limit(struct type1_run *run);
int type1_op_locked(struct type1_run *run);
int type1_op_map(struct type1_run *run);
int type1_op_many(struct type1_run *run);
int type1_op_memlock(struct type1_run *run);
int type1_op_old(struct type1_run *run);
int type1_op_peek(struct type1_run *run);
int type1_op_pin(struct type1_run *run);
int type1_op_poke(struct type1_run *run);
int type1_op_put(struct type1_run *run);
int type1_op_read(struct type1_run *run);
int type1_op_rw(struct type1_run *run);
int type1_op_second(struct type1_run *run);
int type1_op_set(struct type1_run *run);
int type1_op_shut(struct type1_run *run);
int type1_op_start(struct type1_run *run);
int type1_op_stop(struct type1_run *run);
int type1_op_stubborn(struct type1_run *run);
int type1_op_touch(struct type1_run *run);
int type1_op_unmap(struct type1_run *run);
int type1_op_unpin(struct type1_run *run);
int type1_op_unset(struct type1_run *run);
int type1_op_version(struct type1_run *run);
int type1_op_write(struct type1_run *run);

/* type1_script.c */
int type1_script_run(struct type1_run *run, const char *script);
void type1_say(struct type1_run *run, const char *format, ...);
/* "name", "name:ERRNO" or "name:number" */
void type1_say_result(struct type1_run *run, const char *name, long ret);
bool type1_given(const struct type1_run *run, enum type1_arg arg);
__u64 type1_value(const struct type1_run *run, enum type1_arg arg,
		  __u64 otherwise);

/* type1_memory.c */
/* Address of memory by name; it is made at its first use. -errno */
int type1_memory(const char *name, size_t len, __u64 *addr);
/* Put what is passed to an ioctl somewhere, as much of it as can be there. */
void type1_memory_place(__u64 at, const void *from, size_t len);
/* Take back what can be read; how many bytes. */
size_t type1_memory_take(__u64 at, void *to, size_t len);

#endif /* _SELFTESTS_TYPE1_SCRIPT_H */
