// SPDX-License-Identifier: GPL-2.0
/*
 * What mvgpu gives to the migration library: how a vGPU is stopped, described,
 * saved and loaded. The sections of config space, GTT and queues are written
 * and judged by pure code; here they meet the locks of what they describe.
 */
#include <linux/mm.h>
#include <linux/sizes.h>

#include "context_wire.h"
#include "mvgpu_private.h"

/* Versions of the sections; that of config space is in its header. */
#define MVGPU_CONTEXT_COMPAT_VERSION		1
#define MVGPU_CONTEXT_GTT_VERSION		1
#define MVGPU_CONTEXT_QUEUES_VERSION		2
#define MVGPU_CONTEXT_INTERRUPTS_VERSION	1
#define MVGPU_CONTEXT_CLOCK_VERSION		1
#define MVGPU_CONTEXT_REACHED_VERSION		1

#define MVGPU_CONTEXT_CONFIG_MAX	64

static const struct mdev_migration_section_desc mvgpu_context_sections[] = {
	{
		.id = MVGPU_STREAM_CONFIG,
		.version = MVGPU_CONFIG_VERSION,
		.max_len = MVGPU_CONTEXT_CONFIG_MAX,
		.required = true,
	}, {
		.id = MVGPU_STREAM_GTT,
		.version = MVGPU_CONTEXT_GTT_VERSION,
		.max_len = MVGPU_CONTEXT_GTT_MAX,
		.required = true,
	}, {
		.id = MVGPU_STREAM_QUEUES,
		.version = MVGPU_CONTEXT_QUEUES_VERSION,
		.max_len = MVGPU_CONTEXT_QUEUES_LEN(MVGPU_QUEUES),
		.required = true,
	}, {
		/* hardware 1.0 has neither interrupts nor a clock */
		.id = MVGPU_STREAM_INTERRUPTS,
		.version = MVGPU_CONTEXT_INTERRUPTS_VERSION,
		.max_len = MVGPU_MSIX_SECTION_LEN,
	}, {
		.id = MVGPU_STREAM_CLOCK,
		.version = MVGPU_CONTEXT_CLOCK_VERSION,
		.max_len = MVGPU_CONTEXT_CLOCK_LEN,
	}, {
		/* only if there is any; older versions of this driver skip it */
		.id = MVGPU_STREAM_REACHED,
		.version = MVGPU_CONTEXT_REACHED_VERSION,
		.max_len = MVGPU_CONTEXT_REACHED_MAX,
	},
};

/**
 * mvgpu_context_state_size - most bytes of payload in a context
 *
 * Return: bytes, device memory not counted.
 */
u32 mvgpu_context_state_size(void)
{
	u32 size = 0;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mvgpu_context_sections); i++)
		size += mvgpu_context_sections[i].max_len;

	return size;
}

static int mvgpu_context_describe(void *priv, struct mdev_migration_buf *buf)
{
	struct mvgpu_device *dev = priv;

	mdev_migration_put_u64(buf, dev->type->vram_size);
	mdev_migration_put_u32(buf, MVGPU_GTT_ENTRIES);
	mdev_migration_put_u32(buf, MVGPU_QUEUES);
	mdev_migration_put_u32(buf, MVGPU_VERSION);

	return buf->overflow ? -EOVERFLOW : 0;
}

static int mvgpu_context_compat_check(void *priv, u16 version,
				      struct mdev_migration_cursor *cur,
				      const char **why)
{
	struct mvgpu_device *dev = priv;
	u64 vram_size = mdev_migration_get_u64(cur);
	u32 entries = mdev_migration_get_u32(cur);
	u32 queues = mdev_migration_get_u32(cur);
	u32 hardware = mdev_migration_get_u32(cur);

	if (cur->bad || cur->left) {
		*why = "compatibility section has a wrong length";
		return -EINVAL;
	}
	if (vram_size != dev->type->vram_size)
		*why = "the source has another size of VRAM";
	else if (entries != MVGPU_GTT_ENTRIES)
		*why = "the source has another number of GTT entries";
	else if (!queues || queues > MVGPU_QUEUES)
		*why = "the source has more queues, or none";
	else if (hardware >> 16 != MVGPU_VERSION >> 16 ||
		 hardware > MVGPU_VERSION)
		*why = "the source is a newer version of the hardware";
	else
		return 0;

	return -ENODEV;
}

/* Nothing moves by itself at either level. */
static int mvgpu_context_quiesce(void *priv, enum mdev_migration_quiesce level)
{
	return mvgpu_worker_quiesce(priv);
}

/* The thread may be gone with its process. */
static int mvgpu_context_resume_prepare(void *priv)
{
	return mvgpu_worker_revive(priv);
}

static void mvgpu_context_resume(void *priv)
{
	mvgpu_worker_resume(priv);
}

static int mvgpu_context_put(struct mdev_migration_writer *writer, u32 id,
			     u16 version, struct mdev_migration_buf *buf)
{
	size_t len = buf->len;

	if (WARN_ON_ONCE(buf->overflow))
		return -EOVERFLOW;
	buf->len = 0;

	return mdev_migration_put_section(writer, id, version, 0, buf->data,
					  len);
}

static int mvgpu_context_save_config(struct mvgpu_device *dev,
				     struct mdev_migration_writer *writer,
				     struct mdev_migration_buf *buf)
{
	mutex_lock(&dev->config_lock);
	mvgpu_config_save(&dev->config, buf);
	mutex_unlock(&dev->config_lock);

	return mvgpu_context_put(writer, MVGPU_STREAM_CONFIG,
				 MVGPU_CONFIG_VERSION, buf);
}

static int mvgpu_context_save_gtt(struct mvgpu_device *dev,
				  struct mdev_migration_writer *writer,
				  struct mdev_migration_buf *buf)
{
	mutex_lock(&dev->gtt.lock);
	mvgpu_context_wire_put_gtt(buf, dev->gtt.entries);
	mutex_unlock(&dev->gtt.lock);

	return mvgpu_context_put(writer, MVGPU_STREAM_GTT,
				 MVGPU_CONTEXT_GTT_VERSION, buf);
}

static int mvgpu_context_save_queues(struct mvgpu_device *dev,
				     struct mdev_migration_writer *writer,
				     struct mdev_migration_buf *buf)
{
	spin_lock(&dev->lock);
	mvgpu_context_wire_put_queues(buf, dev->queues, MVGPU_QUEUES);
	spin_unlock(&dev->lock);

	return mvgpu_context_put(writer, MVGPU_STREAM_QUEUES,
				 MVGPU_CONTEXT_QUEUES_VERSION, buf);
}

static int mvgpu_context_save_interrupts(struct mvgpu_device *dev,
					 struct mdev_migration_writer *writer,
					 struct mdev_migration_buf *buf)
{
	u32 pending = mvgpu_irq_pending(dev);

	mutex_lock(&dev->config_lock);
	mvgpu_msix_save(&dev->msix, pending, buf);
	mutex_unlock(&dev->config_lock);

	return mvgpu_context_put(writer, MVGPU_STREAM_INTERRUPTS,
				 MVGPU_CONTEXT_INTERRUPTS_VERSION, buf);
}

static int mvgpu_context_save_clock(struct mvgpu_device *dev,
				    struct mdev_migration_writer *writer,
				    struct mdev_migration_buf *buf)
{
	mvgpu_context_wire_put_clock(buf, mvgpu_clock_now(dev));

	return mvgpu_context_put(writer, MVGPU_STREAM_CLOCK,
				 MVGPU_CONTEXT_CLOCK_VERSION, buf);
}

static int mvgpu_context_save_reached(struct mvgpu_device *dev,
				      struct mdev_migration_writer *writer,
				      struct mdev_migration_buf *buf)
{
	u32 len = mvgpu_reach_save(dev, buf->data);

	if (!len)
		return 0;

	return mdev_migration_put_section(writer, MVGPU_STREAM_REACHED,
					  MVGPU_CONTEXT_REACHED_VERSION,
					  MDEV_MIGRATION_SECTION_OPTIONAL,
					  buf->data, len);
}

static int mvgpu_context_save(void *priv, struct mdev_migration_writer *writer)
{
	struct mdev_migration_buf buf = { .size = MVGPU_CONTEXT_GTT_MAX };
	int ret;

	buf.data = kvmalloc(buf.size, GFP_KERNEL_ACCOUNT);
	if (!buf.data)
		return -ENOMEM;

	ret = mvgpu_context_save_config(priv, writer, &buf);
	if (!ret)
		ret = mvgpu_context_save_gtt(priv, writer, &buf);
	if (!ret)
		ret = mvgpu_context_save_queues(priv, writer, &buf);
	if (!ret)
		ret = mvgpu_context_save_interrupts(priv, writer, &buf);
	if (!ret)
		ret = mvgpu_context_save_clock(priv, writer, &buf);
	if (!ret)
		ret = mvgpu_context_save_reached(priv, writer, &buf);
	kvfree(buf.data);

	return ret;
}

/* Only the GTT's part is ever much less than it may be. */
static u32 mvgpu_context_state_estimate(void *priv)
{
	struct mvgpu_device *dev = priv;
	u32 len;

	mutex_lock(&dev->gtt.lock);
	len = mvgpu_context_wire_gtt_len(dev->gtt.entries);
	mutex_unlock(&dev->gtt.lock);

	return mvgpu_context_state_size() - MVGPU_CONTEXT_GTT_MAX + len;
}

static struct mdev_migration_cursor
mvgpu_context_cursor(const struct mdev_migration_section *section)
{
	return (struct mdev_migration_cursor) {
		.data = section->data,
		.left = section->len,
	};
}

static int mvgpu_context_check_one(struct mvgpu_device *dev,
				   const struct mdev_migration_section *section,
				   const char **why)
{
	struct mdev_migration_cursor cur = mvgpu_context_cursor(section);

	switch (section->id) {
	case MVGPU_STREAM_CONFIG:
		return mvgpu_config_check(&dev->config, section->version, &cur,
					  why);
	case MVGPU_STREAM_GTT:
		return mvgpu_context_wire_check_gtt(&cur, why);
	case MVGPU_STREAM_QUEUES:
		return mvgpu_context_wire_check_queues(&cur, section->version,
						       MVGPU_QUEUES, why);
	case MVGPU_STREAM_INTERRUPTS:
		return mvgpu_msix_check(&cur, why);
	case MVGPU_STREAM_CLOCK:
		return mvgpu_context_wire_check_clock(&cur, why);
	case MVGPU_STREAM_REACHED:
		/* together with the GTT, once that is known to be right */
		return 0;
	default:
		*why = "unknown section";
		return -EINVAL;
	}
}

static const struct mdev_migration_section *
mvgpu_context_find(const struct mdev_migration_section *sections,
		   unsigned int nr, u32 id)
{
	unsigned int i;

	for (i = 0; i < nr; i++) {
		if (sections[i].id == id)
			return &sections[i];
	}

	return NULL;
}

/* Of guest memory only that may be reached for which there are entries. */
static int
mvgpu_context_check_reached(const struct mdev_migration_section *sections,
			    unsigned int nr, const char **why)
{
	const struct mdev_migration_section *reached, *gtt;
	struct mdev_migration_cursor bits, cur;

	reached = mvgpu_context_find(sections, nr, MVGPU_STREAM_REACHED);
	if (!reached)
		return 0;
	gtt = mvgpu_context_find(sections, nr, MVGPU_STREAM_GTT);
	bits = mvgpu_context_cursor(reached);
	cur = mvgpu_context_cursor(gtt);

	return mvgpu_context_wire_check_reached(&bits, &cur, why);
}

static int
mvgpu_context_state_check(void *priv,
			  const struct mdev_migration_section *sections,
			  unsigned int nr, const char **why)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < nr && !ret; i++)
		ret = mvgpu_context_check_one(priv, &sections[i], why);

	return ret ?: mvgpu_context_check_reached(sections, nr, why);
}

static void mvgpu_context_apply_config(struct mvgpu_device *dev, u16 version,
				       struct mdev_migration_cursor *cur)
{
	bool master;

	mutex_lock(&dev->config_lock);
	mvgpu_config_apply(&dev->config, version, cur);
	master = mvgpu_config_bus_master(&dev->config);
	/* stopped: there is nothing to wait for */
	mvgpu_worker_set_bus_master(dev, master);
	mutex_unlock(&dev->config_lock);
}

static void mvgpu_context_apply_gtt(struct mvgpu_device *dev,
				    struct mdev_migration_cursor *cur)
{
	u32 count = mvgpu_context_wire_get_count(cur);
	struct mvgpu_context_run run;

	/* the VMM may have written entries since the reset */
	mvgpu_gtt_clear(dev);
	while (count--) {
		mvgpu_context_wire_get_run(cur, &run);
		mvgpu_gtt_write(dev, run.first, run.count, run.entry,
				MVGPU_PAGE_SIZE);
		cond_resched();
	}
}

static void mvgpu_context_apply_queues(struct mvgpu_device *dev,
				       struct mdev_migration_cursor *cur)
{
	/* a source of an older version has fewer of them */
	mvgpu_queue_reset(dev);
	spin_lock(&dev->lock);
	mvgpu_context_wire_get_queues(cur, dev->queues);
	spin_unlock(&dev->lock);
}

static void mvgpu_context_apply_interrupts(struct mvgpu_device *dev,
					   struct mdev_migration_cursor *cur)
{
	u32 pending;

	mutex_lock(&dev->config_lock);
	pending = mvgpu_msix_apply(&dev->msix, cur);
	mutex_unlock(&dev->config_lock);
	mvgpu_irq_set_pending(dev, pending);
}

static void mvgpu_context_apply_one(struct mvgpu_device *dev,
				    const struct mdev_migration_section *section)
{
	struct mdev_migration_cursor cur = mvgpu_context_cursor(section);

	switch (section->id) {
	case MVGPU_STREAM_CONFIG:
		mvgpu_context_apply_config(dev, section->version, &cur);
		break;
	case MVGPU_STREAM_GTT:
		mvgpu_context_apply_gtt(dev, &cur);
		break;
	case MVGPU_STREAM_QUEUES:
		mvgpu_context_apply_queues(dev, &cur);
		break;
	case MVGPU_STREAM_INTERRUPTS:
		mvgpu_context_apply_interrupts(dev, &cur);
		break;
	case MVGPU_STREAM_CLOCK:
		mvgpu_clock_set(dev, mdev_migration_get_u64(&cur));
		break;
	}
}

static void mvgpu_context_apply(void *priv,
				const struct mdev_migration_section *sections,
				unsigned int nr)
{
	const struct mdev_migration_section *reached;
	unsigned int i;

	for (i = 0; i < nr; i++)
		mvgpu_context_apply_one(priv, &sections[i]);
	/* when the entries are there, wherever it was */
	reached = mvgpu_context_find(sections, nr, MVGPU_STREAM_REACHED);
	if (reached)
		mvgpu_reach_load(priv, reached->data, reached->len);
}

/* Who mapped memory may lock less than its guest needs: say how much of both. */
static const char *mvgpu_context_say_limit(struct mvgpu_device *dev)
{
	unsigned long limit = vfio_dirty_memlock(dev->dirty, dev->refused_iova);
	unsigned int needed, pinned;

	if (mvgpu_reach_count(dev, &needed, &pinned))
		return "it needs more guest memory pinned than RLIMIT_MEMLOCK allows";
	snprintf(dev->refusal, sizeof(dev->refusal),
		 "it needs %u pages of guest memory pinned, RLIMIT_MEMLOCK (%lu KiB) allows %u: raise that of the process that mapped it",
		 needed, limit / SZ_1K, pinned);

	return dev->refusal;
}

/* What the source had reached is pinned now, or the guest stays there. */
static int mvgpu_context_ready(void *priv, const char **why)
{
	struct mvgpu_device *dev = priv;
	int ret;

	ret = dev->dirty ? mvgpu_reach_pin_all(dev) : 0;
	if (ret == -ENOMEM)
		*why = mvgpu_context_say_limit(dev);
	else if (ret)
		*why = "interrupted while guest memory was pinned";

	return ret;
}

static int mvgpu_context_track_start(void *priv)
{
	struct mvgpu_device *dev = priv;

	return mvgpu_vram_track_start(dev->vram);
}

static void mvgpu_context_track_stop(void *priv)
{
	struct mvgpu_device *dev = priv;

	mvgpu_vram_track_stop(dev->vram);
}

static u64 mvgpu_context_dirty_estimate(void *priv)
{
	struct mvgpu_device *dev = priv;

	return mvgpu_vram_dirty_bytes(dev->vram);
}

static u64 mvgpu_context_data_estimate(void *priv, u64 from)
{
	struct mvgpu_device *dev = priv;

	return mvgpu_vram_data_bytes(dev->vram, from);
}

static bool mvgpu_context_next_chunk(void *priv, bool dirty, u64 *offset,
				     u32 *len)
{
	struct mvgpu_device *dev = priv;

	return mvgpu_vram_next_chunk(dev->vram, dirty, offset, len);
}

static int mvgpu_context_read_chunk(void *priv, u64 offset, void *data, u32 len)
{
	struct mvgpu_device *dev = priv;

	return mvgpu_vram_read(dev->vram, offset, data, len);
}

static int mvgpu_context_write_chunk(void *priv, u64 offset, const void *data,
				     u32 len)
{
	struct mvgpu_device *dev = priv;

	return mvgpu_vram_write(dev->vram, offset, data, len);
}

static const struct mdev_migration_mem_ops mvgpu_context_mem_ops = {
	.track_start = mvgpu_context_track_start,
	.track_stop = mvgpu_context_track_stop,
	.dirty_estimate = mvgpu_context_dirty_estimate,
	.data_estimate = mvgpu_context_data_estimate,
	.next_chunk = mvgpu_context_next_chunk,
	.read_chunk = mvgpu_context_read_chunk,
	.write_chunk = mvgpu_context_write_chunk,
};

/* All state and memory have their reset values; the device is stopped. */
static void mvgpu_context_reset(void *priv)
{
	struct mvgpu_device *dev = priv;

	mutex_lock(&dev->config_lock);
	mvgpu_config_reset(&dev->config, dev->type->vram_size);
	mvgpu_msix_reset(&dev->msix);
	/* Stopped, so that there is nothing to wait for. */
	mvgpu_worker_set_bus_master(dev, false);
	mutex_unlock(&dev->config_lock);

	/* eventfds stay: they are the VMM's way to listen, not the guest's */
	mvgpu_irq_set_pending(dev, 0);
	mvgpu_clock_set(dev, 0);
	mvgpu_queue_reset(dev);
	mvgpu_gtt_clear(dev);
	mvgpu_vram_clear(dev->vram);
}

const struct mdev_migration_ops mvgpu_context_ops = {
	.describe = mvgpu_context_describe,
	.compat_check = mvgpu_context_compat_check,
	.compat_version = MVGPU_CONTEXT_COMPAT_VERSION,
	.quiesce = mvgpu_context_quiesce,
	.resume_prepare = mvgpu_context_resume_prepare,
	.resume = mvgpu_context_resume,
	.sections = mvgpu_context_sections,
	.nr_sections = ARRAY_SIZE(mvgpu_context_sections),
	.save = mvgpu_context_save,
	.state_estimate = mvgpu_context_state_estimate,
	.state_check = mvgpu_context_state_check,
	.apply = mvgpu_context_apply,
	.ready = mvgpu_context_ready,
	.mem = &mvgpu_context_mem_ops,
	.reset = mvgpu_context_reset,
};
