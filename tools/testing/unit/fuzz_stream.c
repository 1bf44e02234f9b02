// SPDX-License-Identifier: GPL-2.0
/*
 * Writes contexts that a fuzzer made to a device. The first byte of the input
 * says how they are cut, and whether checksums and totals are put right first,
 * so that the fuzzer gets past them. What is accepted must survive another
 * move unchanged; what is refused must leave the device reset. The stream alone,
 * through a data fd, must have the same end.
 */
#include <linux/bug.h>
#include <linux/crc32c.h>
#include <linux/device.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/vfio_device_state.h>
#include <string.h>

#include "fake.h"
#include "unit.h"

#define FUZZ_REPAIR	0x80
#define FUZZ_HEADS	(16 + 64)

int unit_warn(int condition, const char *file, int line, const char *text)
{
	if (condition) {
		fprintf(stderr, "%s:%d: warning: %s\n", file, line, text);
		abort();
	}
	return 0;
}

void unit_fail(const char *file, int line, const char *text, long long got,
	       long long wanted)
{
	unit_warn(1, file, line, text);
	exit(1);
}

static u32 fuzz_get32(const u8 *data)
{
	__le32 wire;

	memcpy(&wire, data, 4);
	return le32_to_cpu(wire);
}

static void fuzz_put32(u8 *data, u32 value)
{
	__le32 wire = cpu_to_le32(value);

	memcpy(data, &wire, 4);
}

/* Walk over what looks like sections and make their sums right. */
static void fuzz_repair(struct fake_bytes *context)
{
	size_t at = FUZZ_HEADS, left;
	u32 nr = 0;

	if (context->len < FUZZ_HEADS)
		return;
	memcpy(context->data, "MDEVCTX1", 8);
	fuzz_put32(context->data + 8, context->len);
	fuzz_put32(context->data + 12, 0);
	fake_seal_head(context);

	while (context->len - at >= 16) {
		u8 *section = context->data + at;
		u32 len = fuzz_get32(section + 8);
		u32 crc;

		left = context->len - at - 16;
		if (len > left)
			break;
		if (fuzz_get32(section) == 3 && len == 12) {
			fuzz_put32(section + 16, at - 16);
			fuzz_put32(section + 20, 0);
			fuzz_put32(section + 24, nr);
		}
		crc = crc32c(~0U, section, 12);
		fuzz_put32(section + 12, ~crc32c(crc, section + 16, len));
		at += 16 + len;
		nr++;
	}
}

static void fuzz_move_again(struct fake *source)
{
	struct fake *target = fake_new();
	struct fake_bytes context = fake_save(source);

	if (fake_load(target, &context, context.len) ||
	    !fake_same(source, target))
		abort();
	fake_bytes_free(&context);
	fake_free(target);
}

/* The same stream through a data fd; was it taken? */
static bool fuzz_v2(struct fake *target, const struct fake_bytes *context,
		    size_t cut)
{
	struct file *filp;
	size_t at, len;
	int error;

	if (fake_set(target, VFIO_DEVICE_STATE_RESUMING, &filp))
		abort();
	for (at = 16; at < context->len; at += len) {
		len = context->len - at < cut ? context->len - at : cut;
		if (fake_file_write(filp, context->data + at, len) < 0 &&
		    !fake_is_reset(target))
			abort();
	}
	fput(filp);
	error = fake_set_no_fd(target, VFIO_DEVICE_STATE_STOP);
	if (error && (!fake_is_reset(target) ||
		      fake_state(target) != VFIO_DEVICE_STATE_ERROR))
		abort();
	return !error;
}

static void fuzz_compare(const struct fake *region,
			 const struct fake_bytes *context, size_t cut)
{
	struct fake *target = fake_new();
	bool taken = fuzz_v2(target, context, cut);

	if (taken != !!region->applies || !fake_same(region, target))
		abort();
	fake_free(target);
}

int unit_fuzz(const u8 *data, size_t size)
{
	struct fake_bytes context = {};
	struct fake *target;
	size_t cut;
	ssize_t ret;

	if (size < 2)
		return 0;
	cut = data[0] & ~FUZZ_REPAIR ? (data[0] & ~FUZZ_REPAIR) * 37 : size;
	fake_append(&context, data + 1, size - 1);
	if (data[0] & FUZZ_REPAIR)
		fuzz_repair(&context);

	target = fake_new();
	ret = fake_load(target, &context, cut);
	if (target->applies > 1 || !target->stopped)
		abort();
	if (target->applies)
		fuzz_move_again(target);
	else if (ret && !fake_is_reset(target))
		abort();
	if (ret && fake_run(target, VFIO_DEVICE_STATE_START) != -EINVAL)
		abort();
	/* with a header that is right, it is all about the stream */
	if (data[0] & FUZZ_REPAIR && context.len >= FUZZ_HEADS &&
	    context.len < fake_region_size(target))
		fuzz_compare(target, &context, cut);
	fake_bytes_free(&context);
	fake_free(target);
	if (unit_alloc_bytes)
		abort();
	return 0;
}
