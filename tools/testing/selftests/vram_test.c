// SPDX-License-Identifier: GPL-2.0
/*
 * VRAM that was never written, through mappings: reading it takes no memory, and
 * whoever writes it, by whatever way, is seen by all who have read it before.
 */
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"

#define PAGE		RIG_PAGE
#define PAGES		64U

/* Reads one byte of each of some pages, and again, until told to end. */
struct reader {
	pthread_t thread;
	const unsigned char *vram;
	bool started;
	bool end;
	unsigned int sum;
};

/* What a byte is now. */
static unsigned char see(const unsigned char *byte)
{
	return __atomic_load_n(byte, __ATOMIC_RELAXED);
}

FIXTURE(holes)
{
	struct rig rig;
	__u64 size;
	unsigned char *vram;
	unsigned char *again;
	struct reader reader;
};

FIXTURE_SETUP(holes)
{
	memset(&self->reader, 0, sizeof(self->reader));
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->size = self->rig.vmm.gpu.vram_size;
	self->vram = gpu_vram_map(&self->rig.vmm.gpu);
	self->again = gpu_vram_map(&self->rig.vmm.gpu);
	ASSERT_NE(NULL, self->vram);
	ASSERT_NE(NULL, self->again);
}

static void end_reader(struct reader *reader)
{
	__atomic_store_n(&reader->end, true, __ATOMIC_RELAXED);
	if (reader->started)
		pthread_join(reader->thread, NULL);
	reader->started = false;
}

FIXTURE_TEARDOWN(holes)
{
	end_reader(&self->reader);
	munmap(self->again, self->size);
	munmap(self->vram, self->size);
	rig_destroy(&self->rig);
}

static void *read_pages(void *arg)
{
	struct reader *reader = arg;
	unsigned int i;

	while (!__atomic_load_n(&reader->end, __ATOMIC_RELAXED))
		for (i = 0; i < PAGES; i++)
			reader->sum += see(reader->vram + i * PAGE);
	return NULL;
}

/* Bytes of host memory that VRAM takes, or -1. */
static long long used(const struct rig *rig)
{
	return rig_attribute(rig, "vram_used");
}

TEST_F(holes, reading_them_takes_no_memory)
{
	ASSERT_EQ(0, used(&self->rig));
	EXPECT_TRUE(rig_all(self->vram, self->size, 0));
	EXPECT_EQ(0, used(&self->rig));
}

/* While somebody reads them all the time, so that mappings come back at once. */
TEST_F(holes, what_the_engine_writes_is_seen)
{
	unsigned int i;

	self->reader.vram = self->vram;
	ASSERT_EQ(0, pthread_create(&self->reader.thread, NULL, read_pages,
				    &self->reader));
	self->reader.started = true;
	for (i = 0; i < PAGES; i++) {
		ASSERT_EQ(0, rig_run(&self->rig,
				     gpu_fill(RIG_VRAM + i * PAGE, PAGE, 1, 0,
					      0x5a5a5a5a)));
		ASSERT_TRUE(rig_all(self->vram + i * PAGE, PAGE, 0x5a))
			TH_LOG("page %u", i);
	}
	EXPECT_EQ((long long)(PAGES * PAGE), used(&self->rig));
}

TEST_F(holes, what_the_vmm_writes_through_the_fd_is_seen)
{
	unsigned char byte = 0x11;

	EXPECT_EQ(0, see(self->vram + PAGE));
	ASSERT_EQ(0, gpu_vram_write(&self->rig.vmm.gpu, PAGE + 7, &byte, 1));
	EXPECT_EQ(0x11, see(self->vram + PAGE + 7));
	EXPECT_EQ((long long)PAGE, used(&self->rig));
}

TEST_F(holes, what_another_mapping_writes_is_seen)
{
	EXPECT_EQ(0, see(self->vram));
	EXPECT_EQ(0, see(self->again));
	self->vram[0] = 1;
	EXPECT_EQ(1, see(self->vram));
	EXPECT_EQ(1, see(self->again));
	self->again[1] = 2;
	EXPECT_EQ(2, see(self->vram + 1));
	EXPECT_EQ((long long)PAGE, used(&self->rig));
}

/* The engine reads it where the CPU wrote it. */
TEST_F(holes, what_is_written_after_it_was_read_is_real)
{
	EXPECT_TRUE(rig_all(self->vram, 4 * PAGE, 0));
	rig_pattern(self->vram, 4 * PAGE, 3);
	ASSERT_EQ(0, rig_run(&self->rig, gpu_copy(RIG_RAM, RIG_VRAM, 4 * PAGE,
						  1, 0, 0)));
	EXPECT_TRUE(rig_has_pattern(self->rig.vmm.ram.mem, 4 * PAGE, 3));
	EXPECT_EQ(0, self->vram[4 * PAGE]);
	EXPECT_EQ((long long)(4 * PAGE), used(&self->rig));
}

/* A child has the mappings of its parent, with what they showed. */
static int see_as_child(const unsigned char *vram, int go)
{
	char byte;

	if (read(go, &byte, 1) != 1)
		return 1;
	return see(vram) == 0x22 && !see(vram + PAGE) ? 0 : 2;
}

TEST_F(holes, what_comes_is_seen_by_a_child)
{
	int go[2], status;
	pid_t child;

	ASSERT_EQ(0, pipe(go));
	EXPECT_TRUE(rig_all(self->vram, 2 * PAGE, 0));
	child = fork();
	ASSERT_LE(0, child);
	if (!child)
		_exit(see_as_child(self->vram, go[0]));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_VRAM, PAGE, 1, 0,
						  0x22222222)));
	EXPECT_EQ(1, write(go[1], "", 1));
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_EQ(0, status);
	close(go[0]);
	close(go[1]);
}

/* What there was is gone, and takes no memory when it is looked for. */
TEST_F(holes, a_reset_makes_them)
{
	memset(self->vram, 0x33, 8 * PAGE);
	EXPECT_EQ((long long)(8 * PAGE), used(&self->rig));
	ASSERT_EQ(0, vfio_reset(self->rig.vmm.vfio.device));
	EXPECT_TRUE(rig_all(self->vram, 8 * PAGE, 0));
	EXPECT_EQ(0, used(&self->rig));
	self->vram[PAGE] = 0x44;
	EXPECT_EQ(0x44, see(self->again + PAGE));
	EXPECT_EQ((long long)PAGE, used(&self->rig));
}

TEST_F(holes, what_is_written_in_pre_copy_after_it_was_read_arrives)
{
	const int device = self->rig.vmm.vfio.device;
	struct mig_stream stream = {};
	unsigned char *copy;
	struct rig target;
	int fd;

	ASSERT_EQ(0, rig_create(&target));
	ASSERT_EQ(0, rig_open(&target));
	EXPECT_TRUE(rig_all(self->vram, 8 * PAGE, 0));
	ASSERT_EQ(0, mig_set(device, MIG_PRE_COPY, &fd));
	EXPECT_EQ(-ENOMSG, mig_drain(fd, &stream, 1 << 20));
	EXPECT_TRUE(rig_all(self->vram, 8 * PAGE, 0));
	rig_pattern(self->vram, 4 * PAGE, 5);
	EXPECT_EQ(-ENOMSG, mig_drain(fd, &stream, 1 << 20));
	rig_pattern(self->vram + 2 * PAGE, 4 * PAGE, 6);
	EXPECT_EQ(0, mig_set(device, MIG_STOP_COPY, NULL));
	EXPECT_EQ(0, mig_drain(fd, &stream, 1 << 20));
	close(fd);
	mig_seal(&stream);
	EXPECT_EQ(0, mig_load(target.vmm.vfio.device, &stream, 1 << 20));
	copy = gpu_vram_map(&target.vmm.gpu);
	EXPECT_NE(NULL, copy);
	if (copy) {
		EXPECT_EQ(0, memcmp(self->vram, copy, self->size));
		munmap(copy, self->size);
	}
	mig_stream_free(&stream);
	rig_destroy(&target);
}

TEST_HARNESS_MAIN
