// SPDX-License-Identifier: GPL-2.0
/*
 * The device of fake.h, and streams by hand.
 */
#include <linux/bug.h>
#include <linux/crc32c.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/string.h>
#include <linux/vfio_device_state.h>
#include <stdlib.h>

#include "fake.h"
#include "unit.h"

#define FAKE_PAGE 4096

static int fake_describe(void *priv, struct mdev_migration_buf *buf)
{
	mdev_migration_put_u32(buf, FAKE_MEM);
	mdev_migration_put_bytes(buf, "fake", 4);
	return 0;
}

static int fake_compat_check(void *priv, u16 version,
			     struct mdev_migration_cursor *cur,
			     const char **why)
{
	u32 mem = mdev_migration_get_u32(cur);
	const u8 *name = mdev_migration_get_bytes(cur, 4);

	if (mem != FAKE_MEM || (name && memcmp(name, "fake", 4))) {
		*why = "memory of another size";
		return -EINVAL;
	}
	return 0;
}

static int fake_quiesce(void *priv, enum mdev_migration_quiesce level)
{
	struct fake *fake = priv;

	WARN_ON_ONCE(mdev_migration_stopped(fake->mig));
	if (fake->quiesce_error)
		return fake->quiesce_error;
	fake->still = true;
	fake->stopped |= level == MDEV_MIGRATION_QUIESCE_STOP;
	fake->quiesces++;
	return 0;
}

static int fake_resume_prepare(void *priv)
{
	struct fake *fake = priv;

	return fake->prepare_error;
}

static void fake_resume(void *priv)
{
	struct fake *fake = priv;

	WARN_ON_ONCE(!fake->still);
	fake->stopped = false;
	fake->still = false;
	fake->resumes++;
	fake->running_in_resume = !mdev_migration_stopped(fake->mig);
}

static int fake_save_state(void *priv, struct mdev_migration_writer *writer)
{
	struct fake *fake = priv;
	u8 data[8 * FAKE_REGS];
	struct mdev_migration_buf buf = { .data = data, .size = sizeof(data) };
	unsigned int i;
	int error;

	WARN_ON_ONCE(!fake->stopped);
	fake->saves++;
	if (fake->save_error)
		return fake->save_error;
	for (i = 0; i < FAKE_REGS; i++)
		mdev_migration_put_u64(&buf, fake->regs[i]);
	error = mdev_migration_put_section(writer, FAKE_SECTION_REGS,
					   FAKE_REGS_VERSION, 0, data, buf.len);
	if (error)
		return error;
	if (fake->saves == fake->touch_in_save) {
		fake->regs[1]++;
		mdev_migration_touch(fake->mig);
	}
	return mdev_migration_put_section(writer, FAKE_SECTION_LOG, 1,
					  MDEV_MIGRATION_SECTION_OPTIONAL,
					  fake->log, fake->log_len);
}

static int fake_state_check(void *priv,
			    const struct mdev_migration_section *sections,
			    unsigned int nr, const char **why)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		u32 regs = sections[i].version == 1 ? 3 : FAKE_REGS;

		if (sections[i].id == FAKE_SECTION_REGS &&
		    sections[i].len != 8 * regs) {
			*why = "wrong number of registers";
			return -EINVAL;
		}
	}
	return 0;
}

static void fake_apply(void *priv,
		       const struct mdev_migration_section *sections,
		       unsigned int nr)
{
	struct fake *fake = priv;
	unsigned int i, reg;

	WARN_ON_ONCE(!fake->stopped);
	fake->applies++;
	for (i = 0; i < nr; i++) {
		struct mdev_migration_cursor cur = {
			.data = sections[i].data,
			.left = sections[i].len,
		};

		if (sections[i].id == FAKE_SECTION_LOG) {
			fake->log_len = sections[i].len;
			if (sections[i].len)
				memcpy(fake->log, sections[i].data,
				       sections[i].len);
			continue;
		}
		for (reg = 0; cur.left; reg++)
			fake->regs[reg] = mdev_migration_get_u64(&cur);
	}
}

static int fake_ready(void *priv, const char **why)
{
	struct fake *fake = priv;

	WARN_ON_ONCE(!fake->stopped || !fake->applies);
	fake->readies++;
	if (fake->ready_error)
		*why = "the host has no more of something";
	return fake->ready_error;
}

static int fake_track_start(void *priv)
{
	struct fake *fake = priv;

	WARN_ON_ONCE(fake->tracked);
	if (fake->track_error)
		return fake->track_error;
	fake->tracked = true;
	memset(fake->dirty, 0, sizeof(fake->dirty));
	return 0;
}

static void fake_track_stop(void *priv)
{
	struct fake *fake = priv;

	WARN_ON_ONCE(!fake->tracked);
	fake->tracked = false;
}

static u64 fake_dirty_estimate(void *priv)
{
	struct fake *fake = priv;
	unsigned int i, pages = 0;

	WARN_ON_ONCE(!fake->tracked);
	for (i = 0; i < FAKE_MEM / FAKE_PAGE; i++)
		pages += fake->dirty[i];
	return (u64)pages * FAKE_PAGE;
}

static bool fake_page_is_zero(const struct fake *fake, u64 offset)
{
	static const u8 zeros[FAKE_PAGE];

	return !memcmp(fake->mem + offset, zeros, FAKE_PAGE);
}

static u64 fake_data_estimate(void *priv, u64 from)
{
	struct fake *fake = priv;
	u64 at, bytes = 0;

	for (at = from; at < FAKE_MEM; at += FAKE_PAGE)
		if (!fake_page_is_zero(fake, at))
			bytes += FAKE_PAGE;
	return bytes;
}

static bool fake_page_travels(const struct fake *fake, bool dirty, u64 offset)
{
	return dirty ? fake->dirty[offset / FAKE_PAGE] :
		       !fake_page_is_zero(fake, offset);
}

static bool fake_next_chunk(void *priv, bool dirty, u64 *offset, u32 *len)
{
	struct fake *fake = priv;
	u64 at = *offset;

	while (at < FAKE_MEM && !fake_page_travels(fake, dirty, at)) {
		at += FAKE_PAGE;
		if (fake->looks_short && at < FAKE_MEM) {
			*offset = at;
			*len = 0;
			return true;
		}
	}
	*offset = at;
	while (at < FAKE_MEM && at - *offset < MDEV_MIGRATION_CHUNK_MAX &&
	       fake_page_travels(fake, dirty, at)) {
		fake->dirty[at / FAKE_PAGE] = false;
		at += FAKE_PAGE;
	}
	*len = at - *offset;
	return *len;
}

static int fake_read_chunk(void *priv, u64 offset, void *data, u32 len)
{
	struct fake *fake = priv;

	WARN_ON_ONCE(!fake->tracked);
	fake->reads++;
	if (fake->read_error)
		return fake->read_error;
	memcpy(data, fake->mem + offset, len);
	if (fake->touch_in_read)
		mdev_migration_touch(fake->mig);
	if (fake->dirty_in_read)
		fake_poke(fake, offset / FAKE_PAGE, fake->reads);
	return 0;
}

static int fake_write_chunk(void *priv, u64 offset, const void *data, u32 len)
{
	struct fake *fake = priv;

	WARN_ON_ONCE(!fake->stopped);
	WARN_ON_ONCE(offset % FAKE_PAGE || len % FAKE_PAGE ||
		     offset + len > FAKE_MEM);
	if (fake->write_error)
		return fake->write_error;
	memcpy(fake->mem + offset, data, len);
	return 0;
}

static void fake_reset(void *priv)
{
	struct fake *fake = priv;

	WARN_ON_ONCE(!fake->stopped);
	fake->resets++;
	memset(fake->regs, 0, sizeof(fake->regs));
	memset(fake->mem, 0, sizeof(fake->mem));
	fake->log_len = 0;
}

static const struct mdev_migration_section_desc fake_sections[] = {
	{
		.id = FAKE_SECTION_REGS,
		.version = FAKE_REGS_VERSION,
		.max_len = 8 * FAKE_REGS,
		.required = true,
	},
	{
		.id = FAKE_SECTION_LOG,
		.version = 1,
		.max_len = FAKE_LOG_MAX,
	},
};

static const struct mdev_migration_mem_ops fake_mem_ops = {
	.track_start = fake_track_start,
	.track_stop = fake_track_stop,
	.dirty_estimate = fake_dirty_estimate,
	.data_estimate = fake_data_estimate,
	.next_chunk = fake_next_chunk,
	.read_chunk = fake_read_chunk,
	.write_chunk = fake_write_chunk,
};

const struct mdev_migration_ops fake_ops = {
	.describe = fake_describe,
	.compat_check = fake_compat_check,
	.compat_version = 1,
	.quiesce = fake_quiesce,
	.resume_prepare = fake_resume_prepare,
	.resume = fake_resume,
	.sections = fake_sections,
	.nr_sections = 2,
	.save = fake_save_state,
	.state_check = fake_state_check,
	.apply = fake_apply,
	.ready = fake_ready,
	.mem = &fake_mem_ops,
	.reset = fake_reset,
};

static struct mdev_migration_ops fake_stateless_ops;
static struct device fake_device = { .name = "fake" };

static struct fake *fake_create(const char *type,
				const struct mdev_migration_ops *ops)
{
	struct fake *fake = calloc(1, sizeof(*fake));
	struct mdev_migration_params params = {
		.dev = &fake_device,
		.ops = ops,
		.priv = fake,
		.type = type,
		.state_size = FAKE_STATE_SIZE,
		.mem_size = ops->mem ? FAKE_MEM : 0,
	};

	if (!fake)
		abort();
	fake->mig = mdev_migration_create(&params);
	if (IS_ERR(fake->mig))
		abort();
	mdev_migration_v2_setup(fake->mig, &fake->vdev);
	mdev_migration_open(fake->mig, true);
	return fake;
}

struct fake *fake_new(void)
{
	return fake_create(FAKE_TYPE, &fake_ops);
}

struct fake *fake_new_type(const char *type)
{
	return fake_create(type, &fake_ops);
}

/* Without device memory. */
struct fake *fake_new_stateless(void)
{
	fake_stateless_ops = fake_ops;
	fake_stateless_ops.mem = NULL;
	return fake_create(FAKE_TYPE, &fake_stateless_ops);
}

void fake_free(struct fake *fake)
{
	mdev_migration_close(fake->mig);
	WARN_ON_ONCE(fake->tracked);
	mdev_migration_destroy(fake->mig);
	free(fake);
}

/* Registers, a log, one page, and a run of three: two chunks. */
void fake_fill(struct fake *fake)
{
	unsigned int i;

	for (i = 0; i < FAKE_REGS; i++)
		fake->regs[i] = 0x0102030405060708ULL * (i + 1);
	fake->log_len = 19;
	memcpy(fake->log, "the quick brown fox", fake->log_len);
	for (i = 0; i < FAKE_PAGE; i++)
		fake->mem[2 * FAKE_PAGE + i] = i * 7;
	for (i = 0; i < 3 * FAKE_PAGE; i++)
		fake->mem[13 * FAKE_PAGE + i] = i * 13 + i / 256;
}

bool fake_same(const struct fake *a, const struct fake *b)
{
	return !memcmp(a->regs, b->regs, sizeof(a->regs)) &&
	       a->log_len == b->log_len &&
	       !memcmp(a->log, b->log, a->log_len) &&
	       !memcmp(a->mem, b->mem, sizeof(a->mem));
}

bool fake_is_reset(const struct fake *fake)
{
	static const struct fake fresh;

	return fake_same(fake, &fresh);
}

void fake_poke(struct fake *fake, unsigned int page, u8 fill)
{
	memset(fake->mem + page * FAKE_PAGE, fill, FAKE_PAGE);
	if (!fake->tracked)
		return;
	fake->dirty[page] = true;
	mdev_migration_dirtied(fake->mig);
}

ssize_t fake_read(struct fake *fake, void *data, size_t len, u64 offset)
{
	return mdev_migration_region_read(fake->mig, 0, data, len, offset);
}

ssize_t fake_write(struct fake *fake, const void *data, size_t len, u64 offset)
{
	return mdev_migration_region_write(fake->mig, 0, data, len, offset);
}

int fake_run(struct fake *fake, u8 value)
{
	return fake_write(fake, &value, 1, VFIO_DEVICE_STATE_RUN_OFFSET);
}

int fake_running(struct fake *fake)
{
	u8 value;
	int error = fake_read(fake, &value, 1, VFIO_DEVICE_STATE_RUN_OFFSET);

	return error < 0 ? error : value == VFIO_DEVICE_STATE_START;
}

u64 fake_region_size(struct fake *fake)
{
	struct vfio_region_info info = {};
	struct vfio_info_cap caps = {};

	if (mdev_migration_region_info(fake->mig, 0, &info, &caps))
		abort();
	free(caps.buf);
	return info.size;
}

struct fake_bytes fake_save(struct fake *fake)
{
	struct fake_bytes bytes = {};
	__le64 header[2];

	if (fake_read(fake, header, 16, 1) != 16)
		return bytes;
	bytes.len = le64_to_cpu(header[1]);
	bytes.data = malloc(bytes.len);
	if (!bytes.data ||
	    fake_read(fake, bytes.data, bytes.len, 1) != (ssize_t)bytes.len)
		abort();
	return bytes;
}

ssize_t fake_load(struct fake *fake, const struct fake_bytes *context,
		  size_t cut)
{
	size_t at;

	for (at = 0; at < context->len; at += cut) {
		size_t len = context->len - at < cut ? context->len - at : cut;
		ssize_t ret = fake_write(fake, context->data + at, len, 1 + at);

		if (ret < 0)
			return ret;
		if (ret != (ssize_t)len)
			return -EIO;
	}
	return 0;
}

void fake_append(struct fake_bytes *bytes, const void *data, size_t len)
{
	bytes->data = realloc(bytes->data, bytes->len + len + 1);
	if (!bytes->data)
		abort();
	if (len)
		memcpy(bytes->data + bytes->len, data, len);
	bytes->len += len;
}

/* The checksum as Documentation/stream.rst has it. */
static u32 fake_sum(u32 crc, const void *data, size_t len)
{
	return ~crc32c(~crc, data, len);
}

void fake_seal_head(struct fake_bytes *bytes)
{
	__le32 sum = 0;

	memcpy(bytes->data + 16 + 12, &sum, 4);
	sum = cpu_to_le32(fake_sum(0, bytes->data + 16, 64));
	memcpy(bytes->data + 16 + 12, &sum, 4);
}

void fake_begin(struct fake_bytes *bytes, const char *type)
{
	u8 head[16 + 64] = {};

	memset(bytes, 0, sizeof(*bytes));
	memcpy(head, "MDEVCTX1", 8);
	memcpy(head + 16, "MDEVSTRM\1", 9);
	memcpy(head + 16 + 16, type, strlen(type));
	fake_append(bytes, head, sizeof(head));
	fake_seal_head(bytes);
}

void fake_section(struct fake_bytes *bytes, u32 id, u16 version, u16 flags,
		  const void *payload, u32 len)
{
	u8 head[16];
	struct mdev_migration_buf buf = { .data = head, .size = sizeof(head) };

	mdev_migration_put_u32(&buf, id);
	mdev_migration_put_u16(&buf, version);
	mdev_migration_put_u16(&buf, flags);
	mdev_migration_put_u32(&buf, len);
	mdev_migration_put_u32(&buf, fake_sum(fake_sum(0, head, 12), payload,
					      len));
	fake_append(bytes, head, sizeof(head));
	fake_append(bytes, payload, len);
	bytes->nr_sections++;
}

void fake_compat(struct fake_bytes *bytes)
{
	u8 payload[8];
	struct mdev_migration_buf buf = { .data = payload, .size = 8 };

	fake_describe(NULL, &buf);
	fake_section(bytes, 1, 1, 0, payload, sizeof(payload));
}

void fake_regs(struct fake_bytes *bytes)
{
	u8 payload[8 * FAKE_REGS] = { 1 };

	fake_section(bytes, FAKE_SECTION_REGS, 2, 0, payload, sizeof(payload));
}

void fake_memory(struct fake_bytes *bytes, u64 offset, u32 len, u8 fill)
{
	u8 *payload = malloc(8 + len);
	__le64 wire = cpu_to_le64(offset);

	if (!payload)
		abort();
	memcpy(payload, &wire, 8);
	memset(payload + 8, fill, len);
	fake_section(bytes, 2, 1, 0, payload, 8 + len);
	free(payload);
}

void fake_end_with(struct fake_bytes *bytes, u64 total, u32 nr)
{
	u8 payload[12];
	struct mdev_migration_buf buf = { .data = payload, .size = 12 };
	__le64 length;

	mdev_migration_put_u64(&buf, total);
	mdev_migration_put_u32(&buf, nr);
	fake_section(bytes, 3, 1, 0, payload, sizeof(payload));
	length = cpu_to_le64(bytes->len);
	memcpy(bytes->data + 8, &length, 8);
}

void fake_end(struct fake_bytes *bytes)
{
	fake_end_with(bytes, bytes->len - 16, bytes->nr_sections);
}

void fake_bytes_free(struct fake_bytes *bytes)
{
	free(bytes->data);
	memset(bytes, 0, sizeof(*bytes));
}
