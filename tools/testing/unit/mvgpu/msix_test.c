// SPDX-License-Identifier: GPL-2.0
/*
 * The MSI-X BAR of a vGPU: reset values, what can be written, pending bits, and
 * its section in a stream.
 */
#include <linux/errno.h>
#include <linux/string.h>

#include "msix.h"
#include "unit.h"

static struct mvgpu_msix msix;

static u32 read_u32(u32 offset, u32 pending)
{
	u8 data[4];

	mvgpu_msix_read(&msix, pending, offset, data, sizeof(data));
	return data[0] | data[1] << 8 | data[2] << 16 | (u32)data[3] << 24;
}

static void write_ones(void)
{
	u8 ones[MVGPU_MSIX_SIZE];

	memset(ones, 0xff, sizeof(ones));
	mvgpu_msix_write(&msix, 0, ones, sizeof(ones));
}

UNIT_TEST(reset_masks_every_vector)
{
	u32 vector, word;

	write_ones();
	mvgpu_msix_reset(&msix);
	for (vector = 0; vector < MVGPU_VECTORS; vector++)
		for (word = 0; word < 4; word++)
			CHECK_EQ(word == 3, read_u32(vector * 16 + word * 4,
						     0));
}

UNIT_TEST(ones_everywhere_change_writable_bits_only)
{
	u32 vector;

	mvgpu_msix_reset(&msix);
	write_ones();
	for (vector = 0; vector < MVGPU_VECTORS; vector++) {
		CHECK_EQ(0xfffffffc, read_u32(vector * 16, 0));
		CHECK_EQ(0xffffffff, read_u32(vector * 16 + 4, 0));
		CHECK_EQ(0xffffffff, read_u32(vector * 16 + 8, 0));
		CHECK_EQ(1, read_u32(vector * 16 + 12, 0));
	}
	CHECK_EQ(0, read_u32(MVGPU_VECTORS * 16, 0));
	CHECK_EQ(0, read_u32(MVGPU_MSIX_PBA, 0));
}

UNIT_TEST(pending_bits_are_where_the_capability_says)
{
	mvgpu_msix_reset(&msix);
	CHECK_EQ(0xa, read_u32(MVGPU_MSIX_PBA, 0xa));
	CHECK_EQ(0, read_u32(MVGPU_MSIX_PBA + 4, 0xa));
	CHECK_EQ(0, read_u32(MVGPU_MSIX_PBA - 4, 0xa));
	CHECK_EQ(0, read_u32(MVGPU_MSIX_SIZE - 4, 0xa));
}

static int check(const u8 *data, size_t len)
{
	struct mdev_migration_cursor cur = { .data = data, .left = len };
	const char *why = NULL;
	int ret = mvgpu_msix_check(&cur, &why);

	CHECK_EQ(!!ret, !!why);
	return ret;
}

static size_t save(u8 *data, size_t size, u32 pending)
{
	struct mdev_migration_buf buf = { .data = data, .size = size };

	mvgpu_msix_save(&msix, pending, &buf);
	CHECK(!buf.overflow);
	return buf.len;
}

UNIT_TEST(section_round_trip)
{
	struct mdev_migration_cursor cur;
	static struct mvgpu_msix source;
	u8 data[128];

	mvgpu_msix_reset(&msix);
	write_ones();
	source = msix;
	CHECK_EQ(MVGPU_MSIX_SECTION_LEN, save(data, sizeof(data), 5));
	mvgpu_msix_reset(&msix);
	CHECK_EQ(0, check(data, MVGPU_MSIX_SECTION_LEN));
	cur = (struct mdev_migration_cursor){
		.data = data, .left = MVGPU_MSIX_SECTION_LEN,
	};
	CHECK_EQ(5, mvgpu_msix_apply(&msix, &cur));
	CHECK(!memcmp(&source, &msix, sizeof(source)));
}

UNIT_TEST(check_refuses_every_other_length)
{
	u8 data[128] = {};
	size_t len;

	mvgpu_msix_reset(&msix);
	save(data, sizeof(data), 0);
	for (len = 0; len <= sizeof(data); len++)
		CHECK_EQ(len == MVGPU_MSIX_SECTION_LEN ? 0 : -EINVAL,
			 check(data, len));
}

UNIT_TEST(check_refuses_every_bit_that_cannot_be_set)
{
	u8 data[128], mask[128];
	u32 bit;

	write_ones();
	save(mask, sizeof(mask), (1 << MVGPU_VECTORS) - 1);
	for (bit = 0; bit < MVGPU_MSIX_SECTION_LEN * 8; bit++) {
		memset(data, 0, sizeof(data));
		data[bit / 8] = 1 << bit % 8;
		CHECK_EQ(mask[bit / 8] & 1 << bit % 8 ? 0 : -EINVAL,
			 check(data, MVGPU_MSIX_SECTION_LEN));
	}
}
