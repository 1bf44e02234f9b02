// SPDX-License-Identifier: GPL-2.0
/*
 * Who pays for pinned memory, and for how long: the process that mapped it, as
 * with vfio_iommu_type1. Each test runs on both.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dirty.h"
#include "kselftest_harness.h"

#define PAGE	DIRTY_PAGE
#define PAGES	16
#define RW	(PINTEST_READ | PINTEST_WRITE)

FIXTURE(account)
{
	struct dirty_rig rig;
	char claim[64];
	unsigned char *mem;
	int container;
};

FIXTURE_VARIANT(account)
{
	bool is_type1;
};

FIXTURE_VARIANT_ADD(account, vfio_dirty) { .is_type1 = false };
FIXTURE_VARIANT_ADD(account, type1) { .is_type1 = true };

FIXTURE_SETUP(account)
{
	self->mem = dirty_memory(PAGES * PAGE);
	ASSERT_NE(NULL, self->mem);
	memset(self->mem, 1, PAGES * PAGE);
	ASSERT_EQ(0, dirty_param("claim", variant->is_type1 ? "none" : "all",
				 self->claim));
	ASSERT_EQ(0, dirty_rig_open(&self->rig));
	self->container = self->rig.vfio.container;
	ASSERT_EQ(0, vfio_map_dma(self->container, 0, self->mem, PAGES * PAGE,
				  DIRTY_RW));
}

FIXTURE_TEARDOWN(account)
{
	dirty_rig_destroy(&self->rig);
	dirty_param("claim", self->claim, NULL);
	EXPECT_EQ(0, dirty_locked());
}

#define INVERTS_LOCKS	"type1 inverts two locks, which lockdep would see"

/* type1 that is asked to unmap what is pinned inverts two locks. */
static bool lockdep_is_on(void)
{
	return !access("/proc/lockdep", F_OK);
}

/* VmLck of another process in KiB, or -errno. */
static long locked_of(pid_t pid)
{
	char path[64], line[256];
	long locked = -ENOENT;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "r");
	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "VmLck: %ld kB", &locked) == 1)
			break;
	}
	fclose(file);
	return locked;
}

TEST_F(account, a_page_counts_once_however_often_it_is_pinned)
{
	EXPECT_EQ(4, dirty_pin(&self->rig, 0, 4, RW));
	EXPECT_EQ(4, dirty_pin(&self->rig, 2 * PAGE, 4, PINTEST_READ));
	EXPECT_EQ(6 * 4, dirty_locked());
	dirty_unpin(&self->rig, 0, 4);
	EXPECT_EQ(4 * 4, dirty_locked());
	dirty_unpin(&self->rig, 2 * PAGE, 4);
	EXPECT_EQ(0, dirty_locked());
}

TEST_F(account, a_page_at_two_iovas_counts_twice)
{
	if (variant->is_type1 && lockdep_is_on())
		SKIP(return, INVERTS_LOCKS);
	ASSERT_EQ(0, vfio_map_dma(self->container, 1 << 30, self->mem, PAGE,
				  DIRTY_RW));
	EXPECT_EQ(1, dirty_pin(&self->rig, 0, 1, RW));
	EXPECT_EQ(1, dirty_pin(&self->rig, 1 << 30, 1, RW));
	EXPECT_EQ(2 * 4, dirty_locked());
	EXPECT_EQ(PAGE, vfio_unmap_dma(self->container, 1 << 30, PAGE));
	EXPECT_EQ(4, dirty_locked());
}

TEST_F(account, a_page_in_two_containers_counts_twice)
{
	struct dirty_rig other;

	if (variant->is_type1 && lockdep_is_on())
		SKIP(return, INVERTS_LOCKS);
	ASSERT_EQ(0, dirty_rig_open(&other));
	ASSERT_EQ(0, vfio_map_dma(other.vfio.container, 0, self->mem, PAGE,
				  DIRTY_RW));
	EXPECT_EQ(1, dirty_pin(&self->rig, 0, 1, RW));
	EXPECT_EQ(1, dirty_pin(&other, 0, 1, RW));
	EXPECT_EQ(2 * 4, dirty_locked());
	/* an unmap is no business of the other container's device */
	EXPECT_EQ(PAGES * PAGE, vfio_unmap_dma(self->container, 0,
					       PAGES * PAGE));
	EXPECT_EQ(0, dirty_set(&other, PINTEST_CALLS, 0));
	EXPECT_EQ(4, dirty_locked());
	dirty_rig_destroy(&other);
	EXPECT_EQ(0, dirty_locked());
}

TEST_F(account, a_device_that_closes_pays_back)
{
	struct dirty_rig other;

	ASSERT_EQ(0, dirty_rig_create(&other));
	ASSERT_EQ(0, vfio_open_shared(&other.vfio, self->container,
				      other.uuid));
	EXPECT_EQ(4, dirty_pin(&self->rig, 0, 4, RW));
	EXPECT_EQ(4, dirty_pin(&other, 2 * PAGE, 4, RW));
	EXPECT_EQ(6 * 4, dirty_locked());
	vfio_close_device(&other.vfio);
	/* what both had pinned stays pinned */
	EXPECT_EQ(4 * 4, dirty_locked());
	other.vfio.container = -1;
	dirty_rig_destroy(&other);
}

/* A child that holds the fds can do all but copy to and from the parent. */
static int child_uses_parents_mapping(const struct dirty_rig *rig, int container)
{
	char byte = 3;

	if (dirty_locked() != 0)
		return 1;
	if (dirty_pin(rig, 8 * PAGE, 2, RW) != 2 || dirty_locked() != 0)
		return 2;
	if (dirty_rw(rig, 0, &byte, 1, PINTEST_WRITE) != -EFAULT)
		return 3;
	if (dirty_rw(rig, 0, &byte, 1, PINTEST_WRITE | PINTEST_KTHREAD))
		return 4;
	if (vfio_map_dma(container, 1 << 30, dirty_memory(PAGE), PAGE,
			 DIRTY_RW))
		return 5;
	if (dirty_pin(rig, 1 << 30, 1, RW) != 1 || dirty_locked() != 4)
		return 6;
	return 0;
}

TEST_F(account, a_child_pins_at_the_expense_of_who_mapped)
{
	int status;
	pid_t pid;

	if (variant->is_type1 && lockdep_is_on())
		SKIP(return, INVERTS_LOCKS);
	ASSERT_EQ(4, dirty_pin(&self->rig, 0, 4, RW));
	pid = fork();
	if (!pid)
		_exit(child_uses_parents_mapping(&self->rig, self->container));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(6 * 4, dirty_locked());
	EXPECT_EQ(3, self->mem[0]);
	/* the child is gone, and its pin with its memory */
	dirty_unpin(&self->rig, 1 << 30, 1);
	EXPECT_EQ(PAGE, vfio_unmap_dma(self->container, 1 << 30, PAGE));
	EXPECT_EQ(6 * 4, dirty_locked());
}

TEST_F(account, a_child_unmaps_and_the_parent_is_paid_back)
{
	int status;
	pid_t pid;

	if (variant->is_type1 && lockdep_is_on())
		SKIP(return, INVERTS_LOCKS);
	ASSERT_EQ(4, dirty_pin(&self->rig, 0, 4, RW));
	pid = fork();
	if (!pid)
		_exit(vfio_unmap_dma(self->container, 0, PAGES * PAGE) !=
		      PAGES * PAGE || dirty_locked());
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(0, dirty_locked());
}

/* The child maps, pins and becomes another program, which waits for input. */
static void child_maps_and_execs(const struct dirty_rig *rig, int container,
				 int input)
{
	if (vfio_map_dma(container, 1 << 30, dirty_memory(4 * PAGE), 4 * PAGE,
			 DIRTY_RW) ||
	    dirty_pin(rig, 1 << 30, 2, RW) != 2 || dirty_locked() != 2 * 4 ||
	    dup2(input, 0))
		_exit(1);
	execlp("cat", "cat", NULL);
	_exit(2);
}

TEST_F(account, exec_takes_the_memory_and_the_charge_away)
{
	int input[2], ready[2], status;
	char byte;
	pid_t pid;

	if (variant->is_type1 && lockdep_is_on())
		SKIP(return, INVERTS_LOCKS);
	ASSERT_EQ(0, pipe2(input, O_CLOEXEC));
	ASSERT_EQ(0, pipe2(ready, O_CLOEXEC));
	pid = fork();
	if (!pid)
		child_maps_and_execs(&self->rig, self->container, input[0]);
	close(ready[1]);
	/* exec closes the other end */
	ASSERT_EQ(0, read(ready[0], &byte, 1));
	EXPECT_EQ(0, locked_of(pid));
	EXPECT_EQ(-ENODEV, dirty_pin(&self->rig, (1 << 30) + 2 * PAGE, 1, RW));
	EXPECT_EQ(-EPERM, dirty_rw(&self->rig, 1 << 30, &byte, 1,
				   PINTEST_READ | PINTEST_KTHREAD));
	dirty_unpin(&self->rig, 1 << 30, 1);
	EXPECT_EQ(0, locked_of(pid));
	EXPECT_EQ(4 * PAGE, vfio_unmap_dma(self->container, 1 << 30,
					   4 * PAGE));
	EXPECT_EQ(0, locked_of(pid));
	close(input[1]);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	close(input[0]);
	close(ready[0]);
}

/* The limit is that of who mapped, with the rights of then. */
TEST_F(account, the_limit_is_met_in_the_middle_of_a_call)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		int ret = dirty_limit_memlock(4 * PAGE);

		if (!ret)
			ret = vfio_map_dma(self->container, 1 << 30, self->mem,
					   PAGES * PAGE, DIRTY_RW);
		if (!ret && dirty_pin(&self->rig, 1 << 30, 5, RW) != -ENOMEM)
			ret = 1;
		if (!ret && (dirty_locked() ||
			     dirty_pin(&self->rig, 1 << 30, 4, RW) != 4))
			ret = 2;
		/* mapped before the right was given up, and by another */
		if (!ret && dirty_pin(&self->rig, 0, 8, RW) != 8)
			ret = 3;
		_exit(ret < 0 ? 4 : ret);
	}
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
	EXPECT_EQ(8 * 4, dirty_locked());
}

TEST_HARNESS_MAIN
