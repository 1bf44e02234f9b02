// SPDX-License-Identifier: GPL-2.0
/*
 * Devices and modules come and go: removal while in use waits or is refused,
 * and works afterwards; nothing is left behind by doing it often.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "effort.h"
#include "kselftest_harness.h"
#include "migration2.h"
#include "modules.h"
#include "rig.h"
#include "userfault.h"

#define PAGE RIG_PAGE

/* Modules, the one that others need first. */
static const struct {
	const char *name;
	const char *path;
} modules[] = {
	{ "vfio_dirty", "drivers/vfio_dirty/vfio_dirty.ko" },
	{ "mdev_migration", "drivers/mdev_migration/mdev_migration.ko" },
	{ "mvgpu", "drivers/mvgpu/mvgpu.ko" },
};

/* Insert what is not there; the folder is that which run.sh loads from. */
static int insert_all(void)
{
	const char *folder = getenv("MVGPU_MODULES");
	size_t i;
	int ret = 0;

	for (i = 0; i < ARRAY_SIZE(modules) && !ret; i++) {
		ret = module_insert(folder, modules[i].path);
		if (ret == -EEXIST)
			ret = 0;
	}

	return ret;
}

FIXTURE(lifetime)
{
	struct rig rig;
};

FIXTURE_SETUP(lifetime)
{
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
}

FIXTURE_TEARDOWN(lifetime)
{
	rig_destroy(&self->rig);
}

/* The child's exit status, or -errno; -ETIMEDOUT while it runs. */
static int child_ended(pid_t child, long long within_ms)
{
	long long end = rig_now_ms() + within_ms;
	int status;
	pid_t pid;

	for (;;) {
		pid = waitpid(child, &status, WNOHANG);
		if (pid < 0)
			return -errno;
		if (pid)
			return WIFEXITED(status) ? WEXITSTATUS(status) : -EINTR;
		if (rig_now_ms() > end)
			return -ETIMEDOUT;
		nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
	}
}

static pid_t remove_in_child(struct rig *rig)
{
	pid_t child = fork();

	if (child)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Our fds are copies of the parent's: they would keep it open. */
	rig_close(rig);
	_exit(mdev_remove(rig->vmm.uuid) ? 1 : 0);
}

TEST_F_TIMEOUT(lifetime, remove_waits_until_the_device_is_closed, 60)
{
	struct rig *rig = &self->rig;
	pid_t child = remove_in_child(rig);

	ASSERT_LT(0, child);
	EXPECT_EQ(-ETIMEDOUT, child_ended(child, 300))
		TH_LOG("removed under its user");
	/* What is open works on. */
	EXPECT_EQ(0, rig_run(rig, gpu_fill(RIG_RAM, PAGE, 1, 0, 0x01010101)));
	EXPECT_TRUE(rig_all(rig->vmm.ram.mem, PAGE, 1));
	rig_close(rig);
	EXPECT_EQ(0, child_ended(child, 20000));
	EXPECT_FALSE(mdev_exists(rig->vmm.uuid));
	/* The name is free again. */
	ASSERT_EQ(0, mdev_create(MDEV_TYPE_SMALL, rig->vmm.uuid));
	ASSERT_EQ(0, rig_open(rig));
	EXPECT_EQ(0, rig_run(rig, gpu_nop()));
}

TEST_F_TIMEOUT(lifetime, remove_works_beside_an_old_mapping, 60)
{
	struct rig *rig = &self->rig;
	const __u64 size = rig->vmm.gpu.vram_size;
	void *vram = gpu_vram_map(&rig->vmm.gpu);

	ASSERT_NE(NULL, vram);
	memset(vram, 1, size);
	rig_close(rig);
	EXPECT_EQ(0, mdev_remove(rig->vmm.uuid));
	EXPECT_FALSE(mdev_exists(rig->vmm.uuid));
	EXPECT_EQ(0, munmap(vram, size));
	rig->exists = false;
}

TEST_F(lifetime, modules_stay_while_a_device_is_open)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(modules); i++) {
		EXPECT_EQ(-EAGAIN, module_remove(modules[i].name))
			TH_LOG("%s", modules[i].name);
	}
	EXPECT_EQ(0, rig_run(&self->rig, gpu_nop()));
}

TEST_F(lifetime, mvgpu_stays_while_vram_is_mapped_and_goes_after)
{
	struct rig *rig = &self->rig;
	const __u64 size = rig->vmm.gpu.vram_size;
	void *vram = gpu_vram_map(&rig->vmm.gpu);

	if (!getenv("MVGPU_MODULES"))
		SKIP(return, "MVGPU_MODULES does not say where modules are");
	ASSERT_NE(NULL, vram);
	memset(vram, 1, size);
	rig_close(rig);
	ASSERT_EQ(0, mdev_remove(rig->vmm.uuid));
	rig->exists = false;
	EXPECT_EQ(-EAGAIN, module_remove("mvgpu"))
		TH_LOG("its code is gone under a mapping");
	ASSERT_EQ(0, munmap(vram, size));
	EXPECT_EQ(0, module_remove_soon("mvgpu"));
	ASSERT_EQ(0, insert_all());
}

/* All that a data fd needs is the library, and that its device is gone. */
TEST_F(lifetime, mdev_migration_stays_while_a_data_fd_is_open_and_goes_after)
{
	struct rig *rig = &self->rig;
	unsigned char byte;
	int fd;

	if (!getenv("MVGPU_MODULES"))
		SKIP(return, "MVGPU_MODULES does not say where modules are");
	ASSERT_EQ(0, mig_set(rig->vmm.vfio.device, MIG_PRE_COPY, &fd));
	rig_close(rig);
	ASSERT_EQ(0, mdev_remove(rig->vmm.uuid));
	rig->exists = false;
	EXPECT_EQ(0, module_remove_soon("mvgpu"));
	EXPECT_EQ(-EAGAIN, module_remove("mdev_migration"))
		TH_LOG("its code is gone under a data fd");
	EXPECT_EQ(-ENODEV, mig_read(fd, &byte, 1));
	close(fd);
	EXPECT_EQ(0, module_remove_soon("mdev_migration"));
	ASSERT_EQ(0, insert_all());
}

TEST_F(lifetime, vfio_dirty_stays_while_a_container_uses_it)
{
	struct rig *rig = &self->rig;
	int container, group;

	if (!getenv("MVGPU_MODULES"))
		SKIP(return, "MVGPU_MODULES does not say where modules are");
	rig_close(rig);
	container = vfio_open_container();
	group = vfio_open_group(rig->vmm.uuid);
	ASSERT_LE(0, container);
	ASSERT_LE(0, group);
	ASSERT_EQ(0, vfio_group_set_container(group, container));
	ASSERT_EQ(0, vfio_set_iommu(container, VFIO_TYPE1v2_IOMMU));
	ASSERT_EQ(1, devstate_has_bitmap(container));
	EXPECT_EQ(-EAGAIN, module_remove("vfio_dirty"));
	close(group);
	close(container);
	ASSERT_EQ(0, mdev_remove(rig->vmm.uuid));
	rig->exists = false;
	EXPECT_EQ(-EAGAIN, module_remove("vfio_dirty"))
		TH_LOG("mvgpu needs it");
	EXPECT_EQ(-EAGAIN, module_remove("mdev_migration"))
		TH_LOG("mvgpu needs it");
	EXPECT_EQ(0, module_remove_soon("mvgpu"));
	EXPECT_EQ(0, module_remove_soon("vfio_dirty"));
	EXPECT_EQ(0, module_remove_soon("mdev_migration"));
	ASSERT_EQ(0, insert_all());
}

TEST_F_TIMEOUT(lifetime, mvgpu_goes_with_devices_that_nobody_uses, 60)
{
	if (!getenv("MVGPU_MODULES"))
		SKIP(return, "MVGPU_MODULES does not say where modules are");
	ASSERT_EQ(0, rig_run(&self->rig, gpu_fill(RIG_RAM, PAGE, 1, 0, 1)));
	rig_close(&self->rig);
	ASSERT_EQ(0, module_remove_soon("mvgpu"));
	EXPECT_FALSE(mdev_exists(self->rig.vmm.uuid));
	ASSERT_EQ(0, insert_all());
	ASSERT_EQ(0, mdev_create(MDEV_TYPE_SMALL, self->rig.vmm.uuid));
	ASSERT_EQ(0, rig_open(&self->rig));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_nop()));
}

TEST_F_TIMEOUT(lifetime, modules_come_and_go_again_and_again, 60)
{
	const int rounds = effort_some(10);
	int i;

	if (!getenv("MVGPU_MODULES"))
		SKIP(return, "MVGPU_MODULES does not say where modules are");
	rig_destroy(&self->rig);
	for (i = 0; i < rounds; i++) {
		ASSERT_EQ(0, module_remove_soon("mvgpu")) TH_LOG("round %d", i);
		ASSERT_EQ(0, module_remove_soon("mdev_migration"));
		ASSERT_EQ(0, module_remove_soon("vfio_dirty"));
		ASSERT_EQ(0, insert_all()) TH_LOG("round %d", i);
	}
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	EXPECT_EQ(0, rig_run(&self->rig, gpu_nop()));
}

TEST_F(lifetime, no_more_devices_than_the_budget_allows)
{
	int available = mdev_available(MDEV_TYPE_SMALL), i, made = 0;
	char uuid[256][MDEV_UUID_SIZE];
	int ret = 0;

	ASSERT_LT(0, available);
	ASSERT_GT(256, available);
	for (i = 0; i <= available && !ret; i++) {
		ASSERT_EQ(0, mdev_uuid(uuid[i]));
		ret = mdev_create(MDEV_TYPE_SMALL, uuid[i]);
		made += !ret;
	}
	EXPECT_NE(0, ret) TH_LOG("%d of %d could be made", made, available);
	EXPECT_EQ(available, made);
	EXPECT_EQ(0, mdev_available(MDEV_TYPE_SMALL));
	for (i = 0, ret = 0; i < made; i++)
		ret |= mdev_remove(uuid[i]);
	EXPECT_EQ(0, ret);
	EXPECT_EQ(available, mdev_available(MDEV_TYPE_SMALL));
}

TEST_F_TIMEOUT(lifetime, two_containers_at_once_do_not_meet, 60)
{
	struct rig *one = &self->rig, two;
	const int rounds = effort_some(20);
	int round;

	ASSERT_EQ(0, rig_create(&two));
	ASSERT_EQ(0, rig_open(&two));
	for (round = 0; round < rounds; round++) {
		union gpu_command command[] = {
			gpu_fill(RIG_RAM, 1 << 20, 1, 0, 0x11111111),
			gpu_fill(RIG_RAM, 1 << 20, 1, 0, 0x22222222),
		};

		ASSERT_EQ(0, gpu_ring_put(&one->ring, &command[0]));
		ASSERT_EQ(0, gpu_ring_put(&two.ring, &command[1]));
		ASSERT_EQ(0, gpu_ring_kick(&one->ring));
		ASSERT_EQ(0, gpu_ring_kick(&two.ring));
		ASSERT_EQ(0, rig_wait(one));
		ASSERT_EQ(0, rig_wait(&two));
		EXPECT_TRUE(rig_all(one->vmm.ram.mem, 1 << 20, 0x11));
		EXPECT_TRUE(rig_all(two.vmm.ram.mem, 1 << 20, 0x22));
		memset(one->vmm.ram.mem, 0, 1 << 20);
		memset(two.vmm.ram.mem, 0, 1 << 20);
	}
	rig_destroy(&two);
}

TEST_F_TIMEOUT(lifetime, two_devices_share_a_container, 60)
{
	struct rig *one = &self->rig, two;

	ASSERT_EQ(0, rig_create(&two));
	ASSERT_EQ(0, vfio_open_shared(&two.vmm.vfio, one->vmm.vfio.container,
				      two.vmm.uuid));
	ASSERT_EQ(0, gpu_init(&two.vmm.gpu, two.vmm.vfio.device));
	/* The ring of the other lies at its end of the shared page. */
	two.ring_ram = one->ring_ram;
	ASSERT_EQ(0, rig_run(one, gpu_fill(RIG_RAM, PAGE, 1, 0, 0x11111111)));
	ASSERT_EQ(0, rig_setup(&two));
	ASSERT_EQ(0, rig_run(&two, gpu_fill(RIG_RAM + PAGE, PAGE, 1, 0,
					    0x22222222)));
	EXPECT_TRUE(rig_all(one->vmm.ram.mem, PAGE, 0x11));
	EXPECT_TRUE(rig_all(ram_at(&one->vmm.ram, PAGE), PAGE, 0x22));
	vfio_close_device(&two.vmm.vfio);
	ASSERT_EQ(0, rig_enable(one));
	EXPECT_EQ(0, rig_run(one, gpu_fill(RIG_RAM, PAGE, 1, 0, 0x33333333)));
	EXPECT_TRUE(rig_all(one->vmm.ram.mem, PAGE, 0x33));
	two.ring_ram.mem = NULL;
	rig_destroy(&two);
}

/* A query whose bitmap, which lies in the second of two pages, nobody fills. */
struct query {
	int container;
	unsigned char *mem;
	struct vfio_iommu_get_dirty_bitmap *arg;
	int ret;
};

static void *ask(void *arg)
{
	struct query *query = arg;

	query->ret = ioctl(query->container, VFIO_IOMMU_GET_DIRTY_BITMAP,
			   query->arg) ? -errno : 0;
	return NULL;
}

static int stuck_query(struct query *query, pthread_t *thread)
{
	int fd;

	query->mem = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	query->arg = (void *)(query->mem + PAGE - sizeof(*query->arg));
	query->arg->start_addr = RIG_RAM_IOVA;
	query->arg->page_nr = RIG_RAM_SIZE / PAGE;
	fd = userfault_open(query->mem + PAGE, PAGE);
	if (fd < 0 || pthread_create(thread, NULL, ask, query) ||
	    userfault_wait(fd, NULL))
		return -EIO;
	return fd;
}

/* The core has let go of the container: who unloads the module is not to wait. */
TEST_F(lifetime, vfio_dirty_stays_while_a_query_waits_and_goes_after)
{
	struct query query = { .container = self->rig.vmm.vfio.container };
	pthread_t thread;
	int fd;

	if (!getenv("MVGPU_MODULES"))
		SKIP(return, "MVGPU_MODULES does not say where modules are");
	fd = stuck_query(&query, &thread);
	ASSERT_LE(0, fd);
	rig_close(&self->rig);
	ASSERT_EQ(0, mdev_remove(self->rig.vmm.uuid));
	self->rig.exists = false;
	ASSERT_EQ(0, module_remove_soon("mvgpu"));
	ASSERT_EQ(0, module_remove("mdev_migration"));
	EXPECT_EQ(-EAGAIN, module_remove("vfio_dirty"));
	ASSERT_EQ(0, munmap(query.mem + PAGE, PAGE));
	/* wakes who waits for it */
	ASSERT_EQ(0, close(fd));
	ASSERT_EQ(0, pthread_join(thread, NULL));
	EXPECT_EQ(-EFAULT, query.ret);
	EXPECT_EQ(0, module_remove_soon("vfio_dirty"));
	ASSERT_EQ(0, insert_all());
}

TEST_HARNESS_MAIN
