// SPDX-License-Identifier: GPL-2.0
/*
 * P2P: guest memory that is VRAM, of the vGPU itself or of another, as VMMs map
 * BARs into the container beside RAM. It is written and read like any other, is
 * never pinned, and is in the stream of the vGPU that it belongs to.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"

#define PAGE		RIG_PAGE
#define IOVA		0x200000000ULL
#define OWN_IOVA	0x300000000ULL
#define LEN		(16 * PAGE)
#define GTT_RAM		(MVGPU_GTT_VALID | MVGPU_GTT_WRITE)
#define MAP_RW		(VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE)

/**
 * struct p2p - who writes, and whose VRAM
 * @rig: writes
 * @peer: exists for its vGPU, which is opened on the container of @rig
 * @other: that vGPU, if it is the one that is written
 * @target: the one that is written moves to it
 * @written: the BARs of the one that is written, and its fd
 * @vram: its VRAM, mapped at IOVA
 * @claim: what was served before
 * @claimed: there is something in it
 * @stream: of the one that is written
 * @fd: it comes from there
 */
struct p2p {
	struct rig rig;
	struct rig peer;
	struct vfio_client other;
	struct rig target;
	struct gpu written;
	unsigned char *vram;
	char claim[FIXTURE_CLAIM_SIZE];
	bool claimed;
	struct mig_stream stream;
	int fd;
};

/* Who writes is open: 0 or -errno. */
static int p2p_create(struct p2p *p, const char *claim)
{
	int ret;

	memset(p, 0, sizeof(*p));
	p->other = (struct vfio_client)VFIO_CLIENT_CLOSED;
	p->fd = -1;
	ret = fixture_claim(claim, p->claim);
	p->claimed = !ret;
	if (!ret)
		ret = rig_create(&p->rig);
	if (!ret)
		ret = rig_open(&p->rig);
	p->written = p->rig.vmm.gpu;
	return ret;
}

/* The vGPU that is written is to be the other one. */
static int p2p_open_other(struct p2p *p)
{
	int ret;

	ret = rig_create(&p->peer);
	if (!ret)
		ret = vfio_open_shared(&p->other, p->rig.vmm.vfio.container,
				       p->peer.vmm.uuid);
	return ret ?: gpu_init(&p->written, p->other.device);
}

/* Its VRAM is guest memory of who writes. */
static int p2p_map(struct p2p *p)
{
	int ret;

	p->vram = gpu_vram_map(&p->written);
	if (!p->vram)
		return -ENOMEM;
	ret = vfio_map_dma(p->rig.vmm.vfio.container, IOVA, p->vram,
			   p->written.vram_size, MAP_RW);
	return ret ?: gpu_gtt_bind(&p->rig.vmm.gpu, RIG_FREE / PAGE, LEN / PAGE,
				   IOVA | GTT_RAM);
}

static void p2p_destroy(struct p2p *p)
{
	if (p->fd >= 0)
		close(p->fd);
	mig_stream_free(&p->stream);
	if (p->vram)
		munmap(p->vram, p->written.vram_size);
	vfio_close_device(&p->other);
	rig_destroy(&p->target);
	rig_destroy(&p->peer);
	rig_destroy(&p->rig);
	if (p->claimed)
		fixture_claim(p->claim, NULL);
}

FIXTURE(p2p)
{
	struct p2p p;
};

FIXTURE_VARIANT(p2p)
{
	const char *claim;
	bool own;
};

FIXTURE_VARIANT_ADD(p2p, own) { .claim = "users", .own = true };
FIXTURE_VARIANT_ADD(p2p, other) { .claim = "users" };
FIXTURE_VARIANT_ADD(p2p, own_on_stock) { .claim = "none", .own = true };
FIXTURE_VARIANT_ADD(p2p, other_on_stock) { .claim = "none" };

FIXTURE_SETUP(p2p)
{
	ASSERT_EQ(0, p2p_create(&self->p, variant->claim));
	if (!variant->own)
		ASSERT_EQ(0, p2p_open_other(&self->p));
	ASSERT_EQ(0, p2p_map(&self->p));
}

FIXTURE_TEARDOWN(p2p)
{
	p2p_destroy(&self->p);
}

/* Two vGPUs of a guest, and what becomes of one. */
FIXTURE(pair)
{
	struct p2p p;
};

FIXTURE_VARIANT(pair)
{
	const char *claim;
};

FIXTURE_VARIANT_ADD(pair, served) { .claim = "users" };
FIXTURE_VARIANT_ADD(pair, on_stock) { .claim = "none" };

FIXTURE_SETUP(pair)
{
	ASSERT_EQ(0, p2p_create(&self->p, variant->claim));
	ASSERT_EQ(0, p2p_open_other(&self->p));
	ASSERT_EQ(0, p2p_map(&self->p));
}

FIXTURE_TEARDOWN(pair)
{
	p2p_destroy(&self->p);
}

/* Write all of it with a byte. */
static int fill(struct rig *rig, unsigned char value)
{
	return rig_run(rig, gpu_fill(RIG_FREE, LEN, 1, 0, value * 0x01010101U));
}

static unsigned int pinned(const struct rig *rig)
{
	return rig_attribute(rig, "pages_pinned");
}

TEST_F(p2p, vram_is_written_and_read_without_a_pin)
{
	struct p2p *p = &self->p;
	unsigned char *ram = p->rig.vmm.ram.mem;
	unsigned int before;

	ASSERT_EQ(0, rig_run(&p->rig, gpu_fill(RIG_RAM, LEN, 1, 0, 0)));
	before = pinned(&p->rig);
	ASSERT_EQ(0, fill(&p->rig, 0x5a));
	EXPECT_TRUE(rig_all(p->vram, LEN, 0x5a));
	memset(p->vram + 100, 0xa5, 5000);
	ASSERT_EQ(0, rig_run(&p->rig, gpu_copy(RIG_RAM, RIG_FREE, LEN, 1, 0,
					       0)));
	EXPECT_EQ(0, memcmp(ram, p->vram, LEN));
	EXPECT_EQ(before, pinned(&p->rig));
}

/* Also where the container lets the device read it only. */
TEST_F(p2p, vram_that_may_be_read_is_read_without_a_pin)
{
	struct p2p *p = &self->p;
	unsigned char *ram = p->rig.vmm.ram.mem;
	unsigned int before;

	ASSERT_EQ(0, vfio_map_dma(p->rig.vmm.vfio.container, OWN_IOVA,
				  p->vram, LEN, VFIO_DMA_MAP_FLAG_READ));
	ASSERT_EQ(0, gpu_gtt_bind(&p->rig.vmm.gpu, RIG_FREE / PAGE,
				  LEN / PAGE, OWN_IOVA | MVGPU_GTT_VALID));
	ASSERT_EQ(0, rig_run(&p->rig, gpu_fill(RIG_RAM, LEN, 1, 0, 1)));
	before = pinned(&p->rig);
	memset(p->vram, 0xa5, LEN);
	ASSERT_EQ(0, rig_run(&p->rig, gpu_copy(RIG_RAM, RIG_FREE, LEN, 1, 0,
					       0)));
	EXPECT_TRUE(rig_all(ram, LEN, 0xa5));
	EXPECT_EQ(before, pinned(&p->rig));
}

TEST_F(p2p, vram_is_written_in_pre_copy_and_arrives)
{
	struct p2p *p = &self->p;
	const int from = p->written.device;
	unsigned char *copy, i;

	ASSERT_EQ(0, rig_create(&p->target));
	ASSERT_EQ(0, rig_open(&p->target));
	ASSERT_EQ(0, fill(&p->rig, 1));
	ASSERT_EQ(0, mig_set(from, MIG_PRE_COPY, &p->fd));
	ASSERT_EQ(-ENOMSG, mig_drain(p->fd, &p->stream, 1 << 20));
	for (i = 2; i < 4; i++) {
		struct mig_info info = { .argsz = sizeof(info) };

		ASSERT_EQ(0, fill(&p->rig, i));
		ASSERT_EQ(0, mig_info(p->fd, &info));
		EXPECT_LE(LEN, info.dirty);
		ASSERT_EQ(-ENOMSG, mig_drain(p->fd, &p->stream, 1 << 20));
	}
	ASSERT_EQ(0, fill(&p->rig, 0x77));
	ASSERT_EQ(0, mig_set(from, MIG_STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(p->fd, &p->stream, 1 << 20));
	mig_seal(&p->stream);
	ASSERT_EQ(0, mig_load(p->target.vmm.vfio.device, &p->stream,
			      1 << 20));
	copy = gpu_vram_map(&p->target.vmm.gpu);
	ASSERT_NE(NULL, copy);
	EXPECT_TRUE(rig_all(copy, LEN, 0x77));
	EXPECT_EQ(0, memcmp(p->vram, copy, p->written.vram_size));
	munmap(copy, p->written.vram_size);
}

/* After a reset there are other pages, of which the writer learns. */
TEST_F(pair, vram_is_written_after_a_reset)
{
	struct p2p *p = &self->p;

	ASSERT_EQ(0, fill(&p->rig, 1));
	ASSERT_EQ(0, vfio_reset(p->other.device));
	EXPECT_TRUE(rig_all(p->vram, LEN, 0));
	ASSERT_EQ(0, fill(&p->rig, 2));
	EXPECT_TRUE(rig_all(p->vram, LEN, 2));
}

TEST_F(pair, vram_of_a_closed_vgpu_is_a_fault)
{
	struct p2p *p = &self->p;
	struct gpu_queue_state state;

	ASSERT_EQ(0, fill(&p->rig, 1));
	vfio_close_device(&p->other);
	EXPECT_EQ(-EIO, fill(&p->rig, 2));
	ASSERT_EQ(0, gpu_queue_state(&p->rig.vmm.gpu, 0, &state));
	EXPECT_EQ(MVGPU_FAULT_IOVA, state.fault);
	EXPECT_EQ(RIG_FREE, state.fault_address);
}

/* Have the other vGPU write the VRAM of the first, from a ring in its VRAM. */
static int flood_back(struct gpu *gpu, struct gpu_ring *ring)
{
	const union gpu_command command = gpu_fill(RIG_FREE, PAGE, 1, 0,
						   0x02020202);
	unsigned int i;
	int ret;

	ret = vfio_bus_master(gpu->device, true);
	if (!ret)
		ret = gpu_gtt_bind(gpu, RIG_FREE / PAGE, LEN / PAGE,
				   OWN_IOVA | GTT_RAM);
	if (!ret)
		ret = gpu_gtt_bind(gpu, RIG_RING / PAGE, 16, LEN | GTT_RAM |
				   MVGPU_GTT_VRAM);
	if (!ret)
		ret = gpu_ring_init(ring, gpu, 0, RIG_RING, 16 * PAGE, NULL,
				    LEN);
	for (i = 1; i < 16 * PAGE / MVGPU_COMMAND_SIZE && !ret; i++)
		ret = gpu_ring_put(ring, &command);
	return ret ?: gpu_ring_kick(ring);
}

/* Each is in the fault handler of the other, and waits for nobody. */
TEST_F(pair, two_that_write_each_other_can_be_stopped)
{
	struct p2p *p = &self->p;
	const int devices[] = { p->rig.vmm.vfio.device, p->other.device };
	struct gpu_ring ring;
	unsigned char *vram;
	unsigned int i;
	int fd;

	vram = gpu_vram_map(&p->rig.vmm.gpu);
	ASSERT_NE(NULL, vram);
	ASSERT_EQ(0, vfio_map_dma(p->rig.vmm.vfio.container, OWN_IOVA, vram,
				  p->rig.vmm.gpu.vram_size, MAP_RW));
	ASSERT_EQ(0, rig_flood(&p->rig, gpu_fill(RIG_FREE, PAGE, 1, 0,
						 0x01010101)));
	ASSERT_EQ(0, flood_back(&p->written, &ring));
	EXPECT_EQ(0, rig_wait_change(p->vram, 0));
	EXPECT_EQ(0, rig_wait_change(vram, 0));
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(0, mig_set(devices[i], MIG_PRE_COPY, &fd));
		EXPECT_EQ(0, mig_set(devices[i], MIG_STOP_COPY, NULL));
		EXPECT_EQ(0, mig_set(devices[i], MIG_RUNNING, NULL));
		close(fd);
	}
	EXPECT_EQ(0, rig_wait(&p->rig));
	EXPECT_EQ(0, gpu_queue_wait(&p->written, 0, RIG_TIMEOUT_MS));
	EXPECT_TRUE(rig_all(p->vram, PAGE, 1));
	EXPECT_TRUE(rig_all(vram, PAGE, 2));
	munmap(vram, p->rig.vmm.gpu.vram_size);
}

TEST_HARNESS_MAIN
