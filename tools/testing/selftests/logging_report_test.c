// SPDX-License-Identifier: GPL-2.0
/*
 * Reports of DMA logging that a VMM asks for in ways that are not usual: parts of
 * pages, to memory that cannot be written or that somebody has to fetch first,
 * and of what was never asked for; and what a guest only tried to write.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"
#include "userfault.h"

#define PAGE	RIG_PAGE
#define PAGES	(RIG_RAM_SIZE / PAGE)
#define WORDS	(PAGES / 64)
#define BITMAP	(WORDS * sizeof(__u64))
/* Whole pages, and one more than a report may write. */
#define ROOM	(16 * PAGE)

/* Nothing is mapped there. */
#define NOWHERE	0x4000000000ULL

FIXTURE(report)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct rig rig;
	int device;
	__u64 *bitmap;
};

FIXTURE_VARIANT(report)
{
	const char *claim;
};

FIXTURE_VARIANT_ADD(report, served)
{
	.claim = "users",
};

FIXTURE_VARIANT_ADD(report, stock)
{
	.claim = "none",
};

FIXTURE_SETUP(report)
{
	ASSERT_EQ(0, fixture_claim(variant->claim, self->claim));
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->device = self->rig.vmm.vfio.device;
	self->bitmap = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->bitmap);
	if (!mig_log_available(self->device))
		SKIP(return, "this kernel's vfio core cannot report: no CONFIG_IOMMUFD_DRIVER");
}

FIXTURE_TEARDOWN(report)
{
	munmap(self->bitmap, ROOM);
	rig_destroy(&self->rig);
	fixture_claim(self->claim, NULL);
}

static int start(int device)
{
	return mig_log_start(device, RIG_RAM_IOVA, RIG_RAM_SIZE);
}

static int fill(struct rig *rig, __u64 page, __u64 pages)
{
	return rig_run(rig, gpu_fill(RIG_RAM + page * PAGE, pages * PAGE, 1, 0,
				     7));
}

/* How many pages of guest memory are reported as written, or -errno. */
static int reported(int device, __u64 *bitmap)
{
	int bits = 0, ret;
	unsigned int i;

	memset(bitmap, 0, BITMAP);
	ret = mig_log_report(device, RIG_RAM_IOVA, RIG_RAM_SIZE, bitmap);
	if (ret)
		return ret;
	for (i = 0; i < WORDS; i++)
		bits += __builtin_popcountll(bitmap[i]);
	return bits;
}

TEST_F(report, of_parts_of_pages_is_refused_and_loses_nothing)
{
	static const struct {
		__u64 at;
		__u64 length;
	} parts[] = {
		{ 0x800, 0x4000 }, { 0, 0x3800 }, { 0x800, 0x3800 },
		{ 0x1, 0x1000 }, { 0, 0x1 }, { 0, 0xfff }, { 0xfff, 0x1001 },
	};
	unsigned char *bytes = (unsigned char *)self->bitmap;
	unsigned int i;

	ASSERT_EQ(0, start(self->device));
	ASSERT_EQ(0, fill(&self->rig, 0, 4));
	for (i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		memset(bytes, 0, 8192);
		EXPECT_EQ(-EINVAL,
			  mig_log_report(self->device,
					 RIG_RAM_IOVA + parts[i].at,
					 parts[i].length,
					 (__u64 *)(bytes + 4096)))
			TH_LOG("%u", i);
		EXPECT_TRUE(rig_all(bytes, 8192, 0)) TH_LOG("%u", i);
	}
	EXPECT_EQ(4, reported(self->device, self->bitmap));
	EXPECT_EQ(0xf, self->bitmap[0]);
}

TEST_F(report, of_nothing_and_beyond_the_last_page_is_refused)
{
	ASSERT_EQ(0, start(self->device));
	EXPECT_GT(0, mig_log_report(self->device, RIG_RAM_IOVA, 0,
				    self->bitmap));
	EXPECT_GT(0, mig_log_report(self->device, -PAGE, 2 * PAGE,
				    self->bitmap));
	EXPECT_GT(0, mig_log_report(self->device, PAGE, -PAGE, self->bitmap));
}

/* The core of newer kernels does not say that it could not: see vfio_dirty.h. */
TEST_F(report, to_memory_that_cannot_be_written)
{
	int ret;

	ASSERT_EQ(0, start(self->device));
	ASSERT_EQ(0, fill(&self->rig, 5, 3));
	ASSERT_EQ(0, mprotect(self->bitmap, ROOM, PROT_READ));
	ret = mig_log_report(self->device, RIG_RAM_IOVA, RIG_RAM_SIZE,
			     self->bitmap);
	ASSERT_EQ(0, mprotect(self->bitmap, ROOM, PROT_READ | PROT_WRITE));
	if (ret) {
		EXPECT_EQ(-EFAULT, ret);
		EXPECT_EQ(3, reported(self->device, self->bitmap));
	}
	/* and goes on, however it was */
	ASSERT_EQ(0, fill(&self->rig, 64, 2));
	EXPECT_EQ(2, reported(self->device, self->bitmap));
	EXPECT_EQ(3, self->bitmap[1]);
}

TEST_F(report, is_of_what_was_asked_for)
{
	ASSERT_EQ(0, mig_log_start(self->device, RIG_RAM_IOVA + 100 * PAGE,
				   50 * PAGE));
	ASSERT_EQ(0, fill(&self->rig, 90, 100));
	EXPECT_EQ(50, reported(self->device, self->bitmap));
	EXPECT_EQ(~0ULL << 36, self->bitmap[1]);
	EXPECT_EQ((1ULL << 22) - 1, self->bitmap[2]);
	EXPECT_EQ(0, reported(self->device, self->bitmap));
}

/* Of many ranges at once, some empty, some next to each other. */
TEST_F(report, is_of_each_range_that_was_asked_for)
{
	struct mig_range ranges[200];
	unsigned int i;

	for (i = 0; i < 200; i++) {
		ranges[i].iova = RIG_RAM_IOVA + i * 4 * PAGE;
		ranges[i].length = i % 3 * 2 * PAGE;
	}
	ASSERT_EQ(0, mig_log_start_ranges(self->device, ranges, 200));
	ASSERT_EQ(0, fill(&self->rig, 0, 800));
	EXPECT_EQ(67 * 2 + 66 * 4, reported(self->device, self->bitmap));
	/* of 12 pages 4 to 5, and 8 to 11 */
	EXPECT_EQ(0xf30f30, self->bitmap[0] & 0xffffff);
	EXPECT_EQ(0, mig_log_stop(self->device));
}

/* A guest may try to write wherever it likes. It takes no memory. */
TEST_F(report, is_not_of_what_could_not_be_written)
{
	const __u64 entry = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	__u64 where, word;

	ASSERT_EQ(0, mig_log_start(self->device, 0, 1ULL << 47));
	for (where = NOWHERE; where < NOWHERE + (64ULL << 24);
	     where += 1ULL << 24) {
		ASSERT_EQ(0, gpu_gtt_bind(&self->rig.vmm.gpu,
					  RIG_FREE / PAGE, 1, where | entry));
		EXPECT_EQ(-EIO, rig_run(&self->rig,
					gpu_fill(RIG_FREE, 64, 1, 0, 1)));
		ASSERT_EQ(0, rig_enable(&self->rig));
		word = 0;
		ASSERT_EQ(0, mig_log_report(self->device, where, 64 * PAGE,
					    &word));
		EXPECT_EQ(0, word);
	}
	ASSERT_EQ(0, fill(&self->rig, 1, 1));
	EXPECT_EQ(1, reported(self->device, self->bitmap));
}

struct reporter {
	int device;
	__u64 *bitmap;
	int ret;
};

static void *report(void *arg)
{
	struct reporter *r = arg;

	r->ret = mig_log_report(r->device, RIG_RAM_IOVA, RIG_RAM_SIZE,
				r->bitmap);
	return NULL;
}

/* fill() gives up after a while, if the engine waits for the report. */
TEST_F(report, that_waits_for_memory_holds_nobody_up)
{
	struct reporter r = { self->device, self->bitmap, 0 };
	pthread_t thread;
	int uffd;

	ASSERT_EQ(0, start(self->device));
	ASSERT_EQ(0, fill(&self->rig, 0, 1));
	uffd = userfault_open(self->bitmap, ROOM);
	ASSERT_LE(0, uffd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, report, &r));
	ASSERT_EQ(0, userfault_wait(uffd, NULL));
	EXPECT_EQ(0, fill(&self->rig, 8, 2));
	EXPECT_EQ(0, fill(&self->rig, 2000, 40));
	close(uffd);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(0, r.ret);
	/* what was written meanwhile is in this report or the next */
	EXPECT_EQ(1, self->bitmap[0] & 1);
	EXPECT_LE(0, reported(self->device, self->bitmap));
	EXPECT_EQ(0, mig_log_stop(self->device));
}

/* A log can be stopped, and the device reset and closed, beside such a report. */
TEST_F(report, that_waits_for_memory_may_be_of_a_log_that_ends)
{
	struct reporter r = { self->device, self->bitmap, 0 };
	pthread_t thread;
	int uffd;

	ASSERT_EQ(0, start(self->device));
	ASSERT_EQ(0, fill(&self->rig, 0, 1));
	uffd = userfault_open(self->bitmap, ROOM);
	ASSERT_LE(0, uffd);
	ASSERT_EQ(0, pthread_create(&thread, NULL, report, &r));
	ASSERT_EQ(0, userfault_wait(uffd, NULL));
	EXPECT_EQ(0, mig_log_stop(self->device));
	EXPECT_EQ(0, vfio_reset(self->device));
	ASSERT_EQ(0, rig_setup(&self->rig));
	EXPECT_EQ(0, start(self->device));
	EXPECT_EQ(0, fill(&self->rig, 10, 1));
	close(uffd);
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_TRUE(r.ret == 0 || r.ret == -EINVAL);
	EXPECT_LE(0, reported(self->device, self->bitmap));
}

/* Who waits can be killed, and where it waits in vain nothing is forgotten. */
TEST_F(report, that_waits_for_memory_can_be_killed)
{
	int uffd, status = 0;
	pid_t child;

	ASSERT_EQ(0, start(self->device));
	ASSERT_EQ(0, fill(&self->rig, 3, 2));
	uffd = userfault_open(self->bitmap, ROOM);
	ASSERT_LE(0, uffd);
	child = fork();
	ASSERT_LE(0, child);
	if (!child) {
		/* its own memory, which its own fd stands for */
		void *bitmap = mmap(NULL, ROOM, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		int own = userfault_open(bitmap, ROOM);
		struct reporter r = { self->device, bitmap, 0 };
		pthread_t thread;

		if (own < 0 || pthread_create(&thread, NULL, report, &r) ||
		    userfault_wait(own, NULL))
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	close(uffd);
	EXPECT_EQ(2, reported(self->device, self->bitmap));
	EXPECT_EQ(0x18, self->bitmap[0]);
}

TEST_HARNESS_MAIN
