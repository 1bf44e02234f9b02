/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Little-endian writing and reading of section payloads. Pure: also compiled
 * in user space. Both cursors remember the first failure, so that a caller
 * checks once, at the end.
 */
#ifndef _LINUX_MDEV_MIGRATION_WIRE_H
#define _LINUX_MDEV_MIGRATION_WIRE_H

#include <linux/string.h>
#include <linux/types.h>
#include <asm/byteorder.h>

/**
 * struct mdev_migration_buf - payload being written
 * @data: storage
 * @len: bytes written
 * @size: bytes of storage
 * @overflow: something did not fit and was left out
 */
struct mdev_migration_buf {
	u8 *data;
	size_t len;
	size_t size;
	bool overflow;
};

static inline u8 *mdev_migration_buf_room(struct mdev_migration_buf *buf,
					  size_t len)
{
	u8 *room = buf->data + buf->len;

	if (buf->overflow || len > buf->size - buf->len) {
		buf->overflow = true;
		return NULL;
	}
	buf->len += len;
	return room;
}

static inline void mdev_migration_put_bytes(struct mdev_migration_buf *buf,
					    const void *data, size_t len)
{
	u8 *room = mdev_migration_buf_room(buf, len);

	if (room)
		memcpy(room, data, len);
}

static inline void mdev_migration_put_u8(struct mdev_migration_buf *buf, u8 v)
{
	mdev_migration_put_bytes(buf, &v, sizeof(v));
}

static inline void mdev_migration_put_u16(struct mdev_migration_buf *buf, u16 v)
{
	__le16 wire = cpu_to_le16(v);

	mdev_migration_put_bytes(buf, &wire, sizeof(wire));
}

static inline void mdev_migration_put_u32(struct mdev_migration_buf *buf, u32 v)
{
	__le32 wire = cpu_to_le32(v);

	mdev_migration_put_bytes(buf, &wire, sizeof(wire));
}

static inline void mdev_migration_put_u64(struct mdev_migration_buf *buf, u64 v)
{
	__le64 wire = cpu_to_le64(v);

	mdev_migration_put_bytes(buf, &wire, sizeof(wire));
}

/**
 * struct mdev_migration_cursor - payload being read
 * @data: next byte
 * @left: bytes that follow
 * @bad: a read went past the end; all reads since gave 0
 */
struct mdev_migration_cursor {
	const u8 *data;
	size_t left;
	bool bad;
};

static inline const u8 *
mdev_migration_get_bytes(struct mdev_migration_cursor *cur, size_t len)
{
	const u8 *data = cur->data;

	if (cur->bad || len > cur->left) {
		cur->bad = true;
		return NULL;
	}
	cur->data += len;
	cur->left -= len;
	return data;
}

static inline u8 mdev_migration_get_u8(struct mdev_migration_cursor *cur)
{
	const u8 *data = mdev_migration_get_bytes(cur, sizeof(u8));

	return data ? *data : 0;
}

static inline u16 mdev_migration_get_u16(struct mdev_migration_cursor *cur)
{
	const u8 *data = mdev_migration_get_bytes(cur, sizeof(__le16));
	__le16 wire = 0;

	if (data)
		memcpy(&wire, data, sizeof(wire));
	return le16_to_cpu(wire);
}

static inline u32 mdev_migration_get_u32(struct mdev_migration_cursor *cur)
{
	const u8 *data = mdev_migration_get_bytes(cur, sizeof(__le32));
	__le32 wire = 0;

	if (data)
		memcpy(&wire, data, sizeof(wire));
	return le32_to_cpu(wire);
}

static inline u64 mdev_migration_get_u64(struct mdev_migration_cursor *cur)
{
	const u8 *data = mdev_migration_get_bytes(cur, sizeof(__le64));
	__le64 wire = 0;

	if (data)
		memcpy(&wire, data, sizeof(wire));
	return le64_to_cpu(wire);
}

#endif /* _LINUX_MDEV_MIGRATION_WIRE_H */
