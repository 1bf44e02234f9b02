/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A small device on the migration library: four registers, a log and 16 pages
 * of memory; and streams put together by hand, to be written to it.
 */
#ifndef FAKE_H
#define FAKE_H

#include <linux/mdev_migration.h>
#include <linux/vfio.h>

#define FAKE_TYPE		"fake-device"
#define FAKE_MEM		(16 * 4096)
#define FAKE_REGS		4
#define FAKE_LOG_MAX		5000

/* Registers: four u64; version 1 had three. Required. */
#define FAKE_SECTION_REGS	0x100
#define FAKE_REGS_VERSION	2
/* Log: text. */
#define FAKE_SECTION_LOG	0x101

#define FAKE_STATE_SIZE		(8 * FAKE_REGS + FAKE_LOG_MAX)

struct fake {
	/* what travels */
	u64 regs[FAKE_REGS];
	char log[FAKE_LOG_MAX];
	u32 log_len;
	u8 mem[FAKE_MEM];

	/* what the library did */
	bool stopped;
	bool still;
	bool dirty[FAKE_MEM / 4096];
	bool tracked;
	unsigned int quiesces;
	unsigned int resumes;
	unsigned int resets;
	unsigned int saves;
	unsigned int applies;
	unsigned int readies;
	unsigned int reads;
	bool running_in_resume;

	/* what goes wrong */
	int quiesce_error;
	int prepare_error;
	int track_error;
	int save_error;
	int read_error;
	int write_error;
	int ready_error;
	/* it goes through one page at a time to find memory */
	bool looks_short;
	/* the VMM writes while a chunk is read */
	bool touch_in_read;
	/* the VMM writes a register behind the back of this save; the first is 1 */
	unsigned int touch_in_save;
	/* the device writes the chunk that was just read */
	bool dirty_in_read;

	struct mdev_migration *mig;
	struct vfio_device vdev;
};

/* Bytes that grow. */
struct fake_bytes {
	u8 *data;
	size_t len;
	u32 nr_sections;
};

struct fake *fake_new(void);
struct fake *fake_new_type(const char *type);
struct fake *fake_new_stateless(void);
void fake_free(struct fake *fake);
void fake_fill(struct fake *fake);
bool fake_same(const struct fake *a, const struct fake *b);
bool fake_is_reset(const struct fake *fake);
/* The device fills a page of its memory. */
void fake_poke(struct fake *fake, unsigned int page, u8 fill);

extern const struct mdev_migration_ops fake_ops;

/* Through the region, as a client would. */
ssize_t fake_read(struct fake *fake, void *data, size_t len, u64 offset);
ssize_t fake_write(struct fake *fake, const void *data, size_t len, u64 offset);
int fake_run(struct fake *fake, u8 value);
int fake_running(struct fake *fake);
u64 fake_region_size(struct fake *fake);
/* A whole context: exact length, and written in pieces of @cut bytes. */
struct fake_bytes fake_save(struct fake *fake);
ssize_t fake_load(struct fake *fake, const struct fake_bytes *context,
		  size_t cut);

/*
 * Through migration v2, as the vfio core would: -errno, or 0 and the data fd,
 * NULL if there is none. Only fake_set_no_fd() may be told not to expect one.
 */
int fake_set(struct fake *fake, unsigned int state, struct file **filp);
int fake_set_no_fd(struct fake *fake, unsigned int state);
int fake_state(struct fake *fake);
u64 fake_data_size(struct fake *fake);
ssize_t fake_file_read(struct file *filp, void *data, size_t len);
ssize_t fake_file_write(struct file *filp, const void *data, size_t len);
unsigned int fake_file_poll(struct file *filp);
int fake_precopy_info(struct file *filp, u64 *initial, u64 *dirty);
/* Read until there is no more, @cut bytes at a time; how that was told. */
ssize_t fake_file_drain(struct file *filp, struct fake_bytes *bytes,
			size_t cut);

/* Streams by hand. The context's header comes first, fixed up by the end. */
void fake_begin(struct fake_bytes *bytes, const char *type);
void fake_section(struct fake_bytes *bytes, u32 id, u16 version, u16 flags,
		  const void *payload, u32 len);
void fake_compat(struct fake_bytes *bytes);
void fake_regs(struct fake_bytes *bytes);
void fake_memory(struct fake_bytes *bytes, u64 offset, u32 len, u8 fill);
void fake_end(struct fake_bytes *bytes);
void fake_end_with(struct fake_bytes *bytes, u64 total, u32 nr);
void fake_seal_head(struct fake_bytes *bytes);
void fake_append(struct fake_bytes *bytes, const void *data, size_t len);
void fake_bytes_free(struct fake_bytes *bytes);

#endif
