// SPDX-License-Identifier: GPL-2.0
/*
 * Streams of released formats, kept in golden/, load for ever; and today's
 * writer still writes the newest of them. With UNIT_GOLDEN_WRITE set, the
 * newest is written anew: only for a format that was not released yet.
 */
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>
#include <linux/vfio_device_state.h>
#include <string.h>

#include "fake.h"
#include "unit.h"

#define GOLDEN_1 UNIT_DATA "/golden/format-1.bin"
/* The same format with all that only pre-copy writes. */
#define GOLDEN_1_ROUNDS UNIT_DATA "/golden/format-1-rounds.bin"

static struct fake *golden_source(void)
{
	struct fake *fake = fake_new();

	fake_fill(fake);
	CHECK_EQ(1, fake_run(fake, VFIO_DEVICE_STATE_STOP));
	return fake;
}

static struct fake_bytes golden_file(const char *path)
{
	static u8 data[1 << 20];
	struct fake_bytes bytes = {};
	FILE *file = fopen(path, "rb");

	CHECK(file);
	fake_append(&bytes, data, fread(data, 1, sizeof(data), file));
	fclose(file);
	CHECK(bytes.len);
	return bytes;
}

/* Its stream, with the header of a context in front. */
static struct fake *golden_rounds_source(struct fake_bytes *context)
{
	struct fake *fake = fake_new();
	__le64 head[2];
	struct file *filp;

	memset(context, 0, sizeof(*context));
	memcpy(head, "MDEVCTX1", 8);
	fake_append(context, head, sizeof(head));
	fake_fill(fake);
	CHECK_EQ(0, fake_set(fake, 6 /* PRE_COPY */, &filp));
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, context, 4096));
	fake_poke(fake, 3, 0x55);
	fake_poke(fake, 14, 0);
	CHECK_EQ(-ENOMSG, fake_file_drain(filp, context, 4096));
	fake_poke(fake, 2, 0x66);
	CHECK_EQ(0, fake_set_no_fd(fake, VFIO_DEVICE_STATE_STOP_COPY));
	CHECK_EQ(0, fake_file_drain(filp, context, 4096));
	fput(filp);
	head[1] = cpu_to_le64(context->len);
	memcpy(context->data, head, sizeof(head));
	return fake;
}

static void golden_put(const char *path, const struct fake_bytes *context)
{
	FILE *file = fopen(path, "wb");

	CHECK(file);
	CHECK_EQ(context->len, fwrite(context->data, 1, context->len, file));
	CHECK_EQ(0, fclose(file));
}

static void golden_write(void)
{
	struct fake *source = golden_source();
	struct fake_bytes context = fake_save(source);

	golden_put(GOLDEN_1, &context);
	fake_bytes_free(&context);
	fake_free(source);
	source = golden_rounds_source(&context);
	golden_put(GOLDEN_1_ROUNDS, &context);
	fake_bytes_free(&context);
	fake_free(source);
}

UNIT_TEST(golden_format_1_loads)
{
	struct fake *source, *target;
	struct fake_bytes golden;

	if (getenv("UNIT_GOLDEN_WRITE"))
		golden_write();

	golden = golden_file(GOLDEN_1);
	source = golden_source();
	target = fake_new();
	CHECK_EQ(0, fake_load(target, &golden, 1000));
	CHECK(fake_same(source, target));
	CHECK_EQ(1, fake_run(target, VFIO_DEVICE_STATE_START));
	fake_bytes_free(&golden);
	fake_free(source);
	fake_free(target);
}

UNIT_TEST(golden_format_1_is_what_is_written)
{
	struct fake_bytes golden = golden_file(GOLDEN_1), context;
	struct fake *source = golden_source();

	context = fake_save(source);
	CHECK_EQ(golden.len, context.len);
	CHECK(!memcmp(golden.data, context.data, context.len));
	fake_bytes_free(&context);
	fake_bytes_free(&golden);
	fake_free(source);
}

UNIT_TEST(golden_format_1_rounds_load_and_are_what_is_written)
{
	struct fake_bytes golden, context;
	struct fake *source, *target = fake_new();

	golden = golden_file(GOLDEN_1_ROUNDS);
	source = golden_rounds_source(&context);
	CHECK_EQ(golden.len, context.len);
	CHECK(!memcmp(golden.data, context.data, context.len));
	CHECK_EQ(0, fake_load(target, &golden, 1000));
	CHECK(fake_same(source, target));
	fake_bytes_free(&context);
	fake_bytes_free(&golden);
	fake_free(source);
	fake_free(target);
}
