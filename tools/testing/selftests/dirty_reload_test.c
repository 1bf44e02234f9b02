// SPDX-License-Identifier: GPL-2.0
/*
 * Vfio_iommu_type1 is loaded again, which puts it in front of vfio_dirty: new
 * containers come to vfio_dirty nevertheless, those that are open live on, and
 * vfio_dirty can be unloaded. Needs pintest.ko, and type1 as a module.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/vfio_device_state.h>

#include "dirty.h"
#include "effort.h"
#include "klog.h"
#include "kselftest_harness.h"
#include "modules.h"
#include "rig.h"

#define PAGE	DIRTY_PAGE
#define TYPE1	"vfio_iommu_type1"
/* The tables that vfio_dirty has for this: one less can be left behind. */
#define TABLES	4
#define RIGS	(TABLES + 1)
#define ROUNDS	10
/* Longer than anything that is awaited takes, also on a debug kernel. */
#define WAIT_MS	30000

#define FRONT	"registered in front of it"
#define BEHIND	"serves new containers ("

FIXTURE(reload)
{
	struct dirty_rig rigs[RIGS];
	void *mem;
};

FIXTURE_SETUP(reload)
{
	int i, ret;

	ret = dirty_rig_create(&self->rigs[0]);
	if (ret == -ENODEV)
		SKIP(return, "pintest is not loaded");
	ASSERT_EQ(0, ret);
	if (access("/sys/module/" TYPE1 "/initstate", F_OK))
		SKIP(return, TYPE1 " is built into this kernel");
	for (i = 1; i < RIGS; i++)
		ASSERT_EQ(0, dirty_rig_create(&self->rigs[i]));
	self->mem = dirty_memory(PAGE);
	ASSERT_NE(NULL, self->mem);
}

FIXTURE_TEARDOWN(reload)
{
	int i;

	for (i = 0; i < RIGS; i++)
		dirty_rig_destroy(&self->rigs[i]);
}

static int type1_load(void)
{
	return system("modprobe " TYPE1) ? -EIO : 0;
}

static int type1_reload(void)
{
	int ret = module_remove_soon(TYPE1);

	return ret ? ret : type1_load();
}

/* Open a container: 1 if vfio_dirty serves it, 0 if type1 does, or -errno. */
static int open_one(struct dirty_rig *rig)
{
	int ret = vfio_open(&rig->vfio, rig->uuid);

	return ret ? ret : vfio_check_extension(rig->vfio.container,
						VFIO_DIRTY_GET_DIRTY_BITMAP_EXT);
}

/* Is a container as good as any? All of a device's ways lead through its table. */
static int works(const struct dirty_rig *rig, void *mem)
{
	int c = rig->vfio.container;
	__u64 bits = 0;
	char byte = 1;
	long ret;

	ret = vfio_map_dma(c, PAGE, mem, PAGE, DIRTY_RW);
	if (!ret)
		ret = dirty_rw(rig, PAGE, &byte, 1, PINTEST_WRITE);
	if (!ret)
		ret = dirty_pin(rig, PAGE, 1, PINTEST_READ);
	ret = ret == 1 ? dirty_written(c, PAGE, 1, &bits) : ret ?: -EIO;
	if (!ret && bits != 1)
		ret = -EIO;
	if (!ret)
		ret = vfio_unmap_dma(c, PAGE, PAGE);
	return ret == PAGE ? 0 : ret ?: -EIO;
}

/* Wait until the log has this many such lines. */
static int await_lines(const char *text, int lines)
{
	long long end = rig_now_ms() + WAIT_MS;

	while (klog_lines("vfio_dirty:", text) < lines) {
		if (rig_now_ms() > end)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
	return klog_lines("vfio_dirty:", text) == lines ? 0 : -EIO;
}

/* More often than there are tables, beside a container that stays. */
TEST_F_TIMEOUT(reload, new_containers_are_ours, 280)
{
	const int rounds = 2 * TABLES;
	int before = klog_lines("vfio_dirty:", FRONT), i;

	ASSERT_EQ(1, open_one(&self->rigs[0]));
	for (i = 1; i <= rounds; i++) {
		ASSERT_EQ(0, type1_reload());
		EXPECT_EQ(before + i, klog_lines("vfio_dirty:", FRONT));
		ASSERT_EQ(1, open_one(&self->rigs[1])) TH_LOG("round %d", i);
		EXPECT_EQ(0, works(&self->rigs[1], self->mem));
		EXPECT_EQ(0, works(&self->rigs[0], self->mem));
		vfio_close(&self->rigs[1].vfio);
	}
}

/* One container through each of three tables, and closed in either order. */
TEST_F_TIMEOUT(reload, containers_are_closed_in_any_order, 280)
{
	static const int orders[][3] = { { 0, 1, 2 }, { 2, 1, 0 }, { 1, 2, 0 } };
	size_t o;
	int i;

	for (o = 0; o < ARRAY_SIZE(orders); o++) {
		for (i = 0; i < 3; i++) {
			ASSERT_EQ(1, open_one(&self->rigs[i]));
			ASSERT_EQ(0, type1_reload());
		}
		for (i = 0; i < 3; i++)
			EXPECT_EQ(0, works(&self->rigs[i], self->mem));
		for (i = 0; i < 3; i++) {
			struct dirty_rig *rig = &self->rigs[orders[o][i]];

			EXPECT_EQ(0, works(rig, self->mem));
			vfio_close(&rig->vfio);
			ASSERT_EQ(1, open_one(&self->rigs[3]));
			EXPECT_EQ(0, works(&self->rigs[3], self->mem));
			vfio_close(&self->rigs[3].vfio);
		}
	}
}

/* Then type1 is in front, which is said, until a container is closed. */
TEST_F_TIMEOUT(reload, when_all_tables_are_in_use, 280)
{
	int front, behind = klog_lines("vfio_dirty:", BEHIND), i;

	for (i = 0; i < TABLES; i++) {
		ASSERT_EQ(1, open_one(&self->rigs[i])) TH_LOG("%d", i);
		EXPECT_EQ(behind, klog_lines("vfio_dirty:", BEHIND));
		ASSERT_EQ(0, type1_reload());
	}
	EXPECT_EQ(behind + 1, klog_lines("vfio_dirty:", BEHIND));
	EXPECT_EQ(0, open_one(&self->rigs[TABLES]));
	vfio_close(&self->rigs[TABLES].vfio);

	/* Nobody is in front of us while it is not there. */
	ASSERT_EQ(0, module_remove_soon(TYPE1));
	EXPECT_EQ(1, open_one(&self->rigs[TABLES]));
	vfio_close(&self->rigs[TABLES].vfio);
	ASSERT_EQ(0, type1_load());
	EXPECT_EQ(behind + 2, klog_lines("vfio_dirty:", BEHIND));
	EXPECT_EQ(0, open_one(&self->rigs[TABLES]));
	vfio_close(&self->rigs[TABLES].vfio);

	front = klog_lines("vfio_dirty:", FRONT);
	vfio_close(&self->rigs[1].vfio);
	EXPECT_EQ(0, await_lines(FRONT, front + 1));
	EXPECT_EQ(1, open_one(&self->rigs[TABLES]));
	for (i = 0; i < RIGS; i++) {
		if (i != 1)
			EXPECT_EQ(0, works(&self->rigs[i], self->mem));
	}

	/* The table that was last in front is as good when it is empty. */
	ASSERT_EQ(0, type1_reload());
	EXPECT_EQ(behind + 3, klog_lines("vfio_dirty:", BEHIND));
	EXPECT_EQ(0, open_one(&self->rigs[1]));
	vfio_close(&self->rigs[1].vfio);
	vfio_close(&self->rigs[TABLES].vfio);
	EXPECT_EQ(0, await_lines(FRONT, front + 2));
	EXPECT_EQ(1, open_one(&self->rigs[1]));
	EXPECT_EQ(0, works(&self->rigs[1], self->mem));
}

/* The limit follows type1's, also while that is away and when it is new. */
TEST_F_TIMEOUT(reload, the_limit_is_that_of_the_new_one, 120)
{
	struct {
		struct vfio_iommu_type1_info info;
		struct vfio_iommu_type1_info_cap_migration migration;
		struct vfio_iommu_type1_info_dma_avail avail;
	} arg = { .info.argsz = sizeof(arg) };

	ASSERT_EQ(0, module_remove_soon(TYPE1));
	ASSERT_EQ(1, open_one(&self->rigs[0]));
	EXPECT_EQ(0, ioctl(self->rigs[0].vfio.container, VFIO_IOMMU_GET_INFO,
			   &arg));
	EXPECT_EQ(65535, arg.avail.avail);
	ASSERT_EQ(0, system("modprobe " TYPE1 " dma_entry_limit=7"));
	ASSERT_EQ(1, open_one(&self->rigs[1]));
	arg.info.argsz = sizeof(arg);
	EXPECT_EQ(0, ioctl(self->rigs[1].vfio.container, VFIO_IOMMU_GET_INFO,
			   &arg));
	EXPECT_EQ(7, arg.avail.avail);
	ASSERT_EQ(0, type1_reload());
}

/* Asks a container that loses its table all the time. */
struct asker {
	int container;
	atomic_bool stop;
	atomic_ulong asked;
};

static void *ask(void *data)
{
	struct asker *asker = data;

	while (!atomic_load(&asker->stop)) {
		struct vfio_iommu_type1_info info = { .argsz = sizeof(info) };

		ioctl(asker->container, VFIO_IOMMU_GET_INFO, &info);
		atomic_fetch_add(&asker->asked, 1);
	}
	return NULL;
}

/* The last group leaves, its table goes, and ioctls are under way. */
TEST_F_TIMEOUT(reload, ioctls_beside_a_table_that_goes, 280)
{
	const unsigned int rounds = effort_rounds(ROUNDS);
	struct dirty_rig *rig = &self->rigs[0];
	struct asker asker = {};
	pthread_t thread;
	unsigned int i;

	ASSERT_EQ(1, open_one(rig));
	asker.container = rig->vfio.container;
	ASSERT_EQ(0, pthread_create(&thread, NULL, ask, &asker));
	for (i = 0; i < rounds; i++) {
		unsigned long asked = atomic_load(&asker.asked);

		ASSERT_EQ(0, type1_reload());
		vfio_close_device(&rig->vfio);
		rig->vfio.group = vfio_open_group(rig->uuid);
		ASSERT_LE(0, rig->vfio.group);
		ASSERT_EQ(0, vfio_group_set_container(rig->vfio.group,
						      asker.container));
		ASSERT_EQ(0, vfio_set_iommu(asker.container,
					    VFIO_TYPE1v2_IOMMU));
		EXPECT_EQ(1, vfio_check_extension(asker.container,
						  VFIO_DIRTY_GET_DIRTY_BITMAP_EXT));
		rig->vfio.device = vfio_open_device(rig->vfio.group, rig->uuid);
		EXPECT_EQ(0, works(rig, self->mem));
		while (atomic_load(&asker.asked) == asked)
			sched_yield();
	}
	atomic_store(&asker.stop, true);
	EXPECT_EQ(0, pthread_join(thread, NULL));
}

/* A process that reloads type1 for as long as it lives, and ends well. */
static pid_t reloader(unsigned int rounds)
{
	pid_t child = fork();

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (rounds--) {
		if (type1_reload())
			_exit(1);
	}
	_exit(0);
}

/* 1 while a child runs, then 0 if it ended well, or -EIO. */
static int running(pid_t child)
{
	int status;
	pid_t pid = waitpid(child, &status, WNOHANG);

	if (!pid)
		return 1;
	return pid == child && WIFEXITED(status) && !WEXITSTATUS(status) ? 0 :
									   -EIO;
}

/* In the moment before we have noticed a container may be type1's. */
TEST_F_TIMEOUT(reload, containers_come_and_go_beside_it, 280)
{
	pid_t child = reloader(effort_rounds(ROUNDS));
	int ret, i = 0;

	ASSERT_LT(0, child);
	while ((ret = running(child)) == 1) {
		struct dirty_rig *rig = &self->rigs[i++ % RIGS];

		vfio_close(&rig->vfio);
		EXPECT_LE(0, open_one(rig));
		vfio_close(&rig->vfio);
	}
	EXPECT_EQ(0, ret);
	ASSERT_EQ(1, open_one(&self->rigs[0]));
	EXPECT_EQ(0, works(&self->rigs[0], self->mem));
}

/* With tables that have just been left behind, and beside another reload. */
TEST_F_TIMEOUT(reload, vfio_dirty_comes_and_goes_beside_it, 280)
{
	static const char vfio_dirty[] = "drivers/vfio_dirty/vfio_dirty.ko";
	const char *folder = getenv("MVGPU_MODULES");
	int ret, i;
	pid_t child;

	if (!folder)
		SKIP(return, "MVGPU_MODULES does not say where modules are");
	for (i = 0; i < 2; i++) {
		ASSERT_EQ(1, open_one(&self->rigs[i]));
		ASSERT_EQ(0, type1_reload());
	}
	EXPECT_EQ(-EAGAIN, module_remove("vfio_dirty"));
	for (i = 0; i < RIGS; i++)
		dirty_rig_destroy(&self->rigs[i]);
	ASSERT_EQ(0, module_remove_soon("pintest"));
	ASSERT_EQ(0, module_remove_soon("mvgpu"));
	ASSERT_EQ(0, module_remove_soon("vfio_dirty"));

	child = reloader(effort_rounds(ROUNDS));
	ASSERT_LT(0, child);
	while ((ret = running(child)) == 1) {
		ASSERT_EQ(0, module_insert(folder, vfio_dirty));
		ASSERT_EQ(0, module_remove_soon("vfio_dirty"));
	}
	EXPECT_EQ(0, ret);

	ASSERT_EQ(0, module_insert(folder, vfio_dirty));
	ASSERT_EQ(0, module_insert(folder, "drivers/mvgpu/mvgpu.ko"));
	ASSERT_EQ(0, module_insert(folder, "tools/testing/modules/pintest.ko"));
	ASSERT_EQ(0, dirty_rig_create(&self->rigs[0]));
	EXPECT_EQ(1, open_one(&self->rigs[0]));
	EXPECT_EQ(0, works(&self->rigs[0], self->mem));
}

TEST_HARNESS_MAIN
