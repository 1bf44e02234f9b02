// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel that code under test sees.
 */
#include <linux/anon_inodes.h>
#include <linux/atomic.h>
#include <linux/bug.h>
#include <linux/crc32c.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/errno.h>
#include <linux/file.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vfio.h>
#include <stdarg.h>
#include <string.h>

#include "unit.h"

char unit_log[512];
unsigned int unit_logged;
int unit_held;
bool unit_signal;
int unit_alive = -1;
const void *unit_fault;
unsigned int unit_alloc_fails_at;
size_t unit_alloc_bytes;
size_t unit_alloc_peak;

void unit_warn_line(const struct device *dev, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(unit_log, sizeof(unit_log), format, args);
	va_end(args);
	unit_logged++;
}

/* The size is kept in front, so that what is freed can be counted. */
void *unit_alloc(size_t nr, size_t size, int fill)
{
	size_t bytes = nr * size;
	size_t *ptr;

	if (unit_alloc_fails_at && !--unit_alloc_fails_at)
		return NULL;
	ptr = malloc(bytes + 16);
	if (!ptr)
		abort();
	*ptr = bytes;
	memset((u8 *)ptr + 16, fill, bytes);
	unit_alloc_bytes += bytes;
	if (unit_alloc_bytes > unit_alloc_peak)
		unit_alloc_peak = unit_alloc_bytes;
	return (u8 *)ptr + 16;
}

void unit_free(const void *ptr)
{
	size_t *start;

	if (!ptr)
		return;
	start = (size_t *)((u8 *)ptr - 16);
	unit_alloc_bytes -= *start;
	free(start);
}

void unit_lock(struct mutex *mutex)
{
	WARN_ON_ONCE(mutex->held);
	mutex->held = true;
	unit_held++;
}

void unit_unlock(struct mutex *mutex)
{
	WARN_ON_ONCE(!mutex->held);
	mutex->held = false;
	unit_held--;
}

int unit_lock_killable(struct mutex *mutex)
{
	if (unit_signal) {
		unit_signal = false;
		return -EINTR;
	}
	unit_lock(mutex);
	return 0;
}

static unsigned long unit_copy(void *to, const void *from, const void *user,
			       size_t len)
{
	WARN_ON_ONCE(unit_held);
	if (unit_fault && (const u8 *)user + len > (const u8 *)unit_fault)
		return len;
	memcpy(to, from, len);
	return 0;
}

unsigned long copy_to_user(void *to, const void *from, size_t len)
{
	return unit_copy(to, from, to, len);
}

unsigned long copy_from_user(void *to, const void *from, size_t len)
{
	return unit_copy(to, from, from, len);
}

int vfio_info_add_capability(struct vfio_info_cap *caps,
			     struct vfio_info_cap_header *cap, size_t size)
{
	caps->buf = realloc(caps->buf, caps->size + size);
	if (!caps->buf)
		abort();
	memcpy((u8 *)caps->buf + caps->size, cap, size);
	caps->size += size;
	return 0;
}

int vfio_check_feature(u32 flags, size_t argsz, u32 supported, size_t minsz)
{
	if ((flags & (VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET)) &
	    ~supported)
		return -EINVAL;
	if (flags & VFIO_DEVICE_FEATURE_PROBE)
		return 0;
	if (!(flags & (VFIO_DEVICE_FEATURE_GET | VFIO_DEVICE_FEATURE_SET)) ||
	    argsz < minsz)
		return -EINVAL;
	return 1;
}

struct file *anon_inode_getfile(const char *name,
				const struct file_operations *fops, void *priv,
				int flags)
{
	struct file *filp = unit_alloc(1, sizeof(*filp), 0);

	if (!filp)
		return ERR_PTR(-ENFILE);
	filp->f_op = fops;
	filp->private_data = priv;
	return filp;
}

void fput(struct file *filp)
{
	filp->f_op->release(NULL, filp);
	unit_free(filp);
}

u32 crc32c(u32 crc, const void *data, unsigned int len)
{
	static u32 table[256];
	const u8 *byte = data;
	unsigned int i, bit;

	for (i = 0; !table[255] && i < 256; i++) {
		u32 value = i;

		for (bit = 0; bit < 8; bit++)
			value = value >> 1 ^ (value & 1 ? 0x82f63b78 : 0);
		table[i] = value;
	}
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *byte++) & 0xff];
	return crc;
}
