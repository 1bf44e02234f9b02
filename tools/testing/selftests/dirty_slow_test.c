// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that comes from a file system in user space, which does not answer. Who
 * waits for it can be killed, and keeps nobody else from being killed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "dirty.h"
#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"
#include "slowfs.h"
#include "tasks.h"
#include "userfault.h"
#include "vmm.h"

static struct slowfs slow = { .fd = -1 };

FIXTURE(slow_file)
{
	struct vmm vmm;
	struct dirty_rig rig;
};

FIXTURE_SETUP(slow_file)
{
	int ret = slowfs_start(&slow);

	memset(self, 0, sizeof(*self));
	self->rig.vfio = (struct vfio_client)VFIO_CLIENT_CLOSED;
	if (ret == -EOPNOTSUPP)
		SKIP(return, "CONFIG_FUSE_FS");
	ASSERT_EQ(0, ret);
}

FIXTURE_TEARDOWN(slow_file)
{
	slowfs_stop(&slow);
	if (self->vmm.go)
		vmm_destroy(&self->vmm);
	dirty_rig_destroy(&self->rig);
}

#define SLOW_IOVA	0x300000000ULL
#define GTT_RAM		(MVGPU_GTT_VALID | MVGPU_GTT_WRITE)

/* Open the vGPU, with memory of a file whose file system does not answer. */
static int open_on_a_slow_file(struct rig *rig)
{
	int fd;
	void *mem;

	close(slow.fd);
	fd = open(slow.file, O_RDWR | O_CLOEXEC);
	mem = mmap(NULL, SLOWFS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
		   0);
	if (mem == MAP_FAILED)
		return -errno;
	return rig_open(rig) ?:
	       vfio_map_dma(rig->vmm.vfio.container, SLOW_IOVA, mem,
			    SLOWFS_SIZE, DIRTY_RW) ?:
	       gpu_gtt_bind(&rig->vmm.gpu, RIG_FREE / RIG_PAGE,
			    SLOWFS_SIZE / RIG_PAGE, SLOW_IOVA | GTT_RAM);
}

static int life_on_a_slow_file(struct vmm *vmm)
{
	union gpu_command fill = gpu_fill(RIG_FREE, 64, 1, 0, 1);
	struct rig *rig = &vmm->rig;

	if (open_on_a_slow_file(rig))
		return __LINE__;
	if (gpu_ring_put(&rig->ring, &fill) || gpu_ring_kick(&rig->ring))
		return __LINE__;
	while (!__atomic_load_n(vmm->go, __ATOMIC_ACQUIRE))
		usleep(500);
	/* the address space is nobody's meanwhile */
	if (mmap(NULL, RIG_PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0) == MAP_FAILED)
		return __LINE__;
	vmm_say(vmm, 'm');
	pause();
	return 0;
}

TEST_F_TIMEOUT(slow_file, vmm_of_an_engine_that_waits_can_be_killed, 600)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_on_a_slow_file));
	ASSERT_EQ(0, slowfs_wait(&slow));
	__atomic_store_n(self->vmm.go, 1, __ATOMIC_RELEASE);
	EXPECT_EQ('m', vmm_heard(&self->vmm));
	kill(self->vmm.pid, SIGKILL);
	EXPECT_TRUE(task_gone(self->vmm.pid));
}

#define WRITERS		4
/* As many as a step has. */
#define PAGES		64
#define LATE_IOVA	0x400000000ULL
/* Of all writers together: they go on. */
#define WRITES		500

/* Of an entry that the engine does not use, as long as the VMM lives. */
static pid_t write_entries(struct vmm *vmm, unsigned int nr)
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		gpu_gtt_write(&vmm->rig.vmm.gpu, nr, 0);
		__atomic_fetch_add(vmm->go, 1, __ATOMIC_RELAXED);
	}
}

static int writes(const struct vmm *vmm)
{
	return __atomic_load_n(vmm->go, __ATOMIC_RELAXED);
}

/*
 * A row in each of so many pages, the first of which comes when the test likes, and
 * one in the slow file: two steps of one command.
 */
static int begin_two_steps(struct rig *rig, void *late)
{
	const __u64 first = RIG_FREE - PAGES * RIG_PAGE;
	union gpu_command fill = gpu_fill(first, 4, PAGES + 1, RIG_PAGE, 1);

	return vfio_map_dma(rig->vmm.vfio.container, LATE_IOVA, late, RIG_PAGE,
			    DIRTY_RW) ?:
	       gpu_gtt_bind(&rig->vmm.gpu, first / RIG_PAGE, PAGES,
			    RIG_RAM_IOVA | GTT_RAM) ?:
	       gpu_gtt_write(&rig->vmm.gpu, first / RIG_PAGE,
			     LATE_IOVA | GTT_RAM) ?:
	       gpu_ring_put(&rig->ring, &fill) ?: gpu_ring_kick(&rig->ring);
}

/* Does nobody write any more? */
static bool stand_back(const struct vmm *vmm, const pid_t *writers)
{
	const int before = writes(vmm);
	unsigned int i;

	for (i = 0; i < WRITERS; i++) {
		while (task_state(writers[i]) != 'D')
			if (writes(vmm) >= before + WRITES)
				return false;
	}
	return true;
}

/*
 * The engine comes from the first step to the second while those who write entries
 * are yet to write them. It has to wait for them, and they then stand back for it;
 * unless they were faster.
 */
static int life_that_stands_back(struct vmm *vmm)
{
	void *page, *late = dirty_memory(RIG_PAGE);
	pid_t writers[WRITERS];
	unsigned int i;
	int fd;

	*vmm->go = 0;
	if (!late || open_on_a_slow_file(&vmm->rig))
		return __LINE__;
	fd = userfault_open(late, RIG_PAGE);
	if (fd < 0 || begin_two_steps(&vmm->rig, late) ||
	    userfault_wait(fd, &page))
		return __LINE__;
	for (i = 0; i < WRITERS; i++) {
		writers[i] = write_entries(vmm, RIG_FREE / RIG_PAGE + 100 + i);
		if (!task_waits(writers[i]))
			return __LINE__;
	}
	if (userfault_fill(fd, page) || slowfs_wait(&slow))
		return __LINE__;
	vmm_say(vmm, stand_back(vmm, writers) ? 'w' : 'g');
	for (i = 0; i < WRITERS; i++) {
		kill(writers[i], SIGKILL);
		if (task_ended(writers[i]) != SIGKILL)
			return __LINE__;
	}
	vmm_say(vmm, 'k');
	pause();
	return 0;
}

TEST_F_TIMEOUT(slow_file, who_stands_back_for_an_engine_that_waits_can_be_killed, 600)
{
	unsigned int tries = 0;
	char heard;

	/* not an error, but a stack trace in the log: it looks like one */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		SKIP(return, "DEBUG_VM reports user faults that may not wait");
	do {
		if (tries++) {
			slowfs_stop(&slow);
			vmm_destroy(&self->vmm);
			ASSERT_EQ(0, slowfs_start(&slow));
		}
		ASSERT_EQ(0, vmm_start(&self->vmm, life_that_stands_back));
		heard = vmm_heard(&self->vmm);
	} while (heard == 'g' && tries < 20);
	ASSERT_EQ('w', heard);
	EXPECT_EQ('k', vmm_heard(&self->vmm));
}

/* What a source saved that had reached the memory. */
static struct mig_stream saved;

static int save_reached(struct rig *rig)
{
	void *mem = dirty_memory(SLOWFS_SIZE);

	if (!mem || vfio_map_dma(rig->vmm.vfio.container, SLOW_IOVA, mem,
				 SLOWFS_SIZE, DIRTY_RW))
		return -ENOMEM;
	return gpu_gtt_bind(&rig->vmm.gpu, RIG_FREE / RIG_PAGE,
			    SLOWFS_SIZE / RIG_PAGE,
			    SLOW_IOVA | MVGPU_GTT_VALID | MVGPU_GTT_WRITE) ?:
	       rig_run(rig, gpu_fill(RIG_FREE, SLOWFS_SIZE, 1, 0, 1)) ?:
	       mig_save(rig->vmm.vfio.device, &saved);
}

/*
 * Its memory is a file's. Whoever writes the context has no more than a data fd, and
 * another closes the vGPU meanwhile: close cannot be killed.
 */
static int life_that_loads_on_a_slow_file(struct vmm *vmm)
{
	struct rig *rig = &vmm->rig;
	int file, fd;
	void *mem;

	close(slow.fd);
	file = open(slow.file, O_RDWR | O_CLOEXEC);
	mem = mmap(NULL, SLOWFS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		   file, 0);
	if (mem == MAP_FAILED || rig_open(rig))
		return __LINE__;
	if (vfio_map_dma(rig->vmm.vfio.container, SLOW_IOVA, mem, SLOWFS_SIZE,
			 DIRTY_RW))
		return __LINE__;
	if (mig_set(rig->vmm.vfio.device, MIG_RESUMING, &fd))
		return __LINE__;
	vmm_say(vmm, 'l');
	if (mig_fill(fd, &saved, 0, 1 << 20))
		return __LINE__;
	/* the ring, which is the kernel's memory */
	if (rig_attribute(rig, "pages_pinned") != 1)
		return __LINE__;
	vmm_say(vmm, 'e');
	return 0;
}

TEST_F_TIMEOUT(slow_file, target_waits_for_none_while_it_takes_a_context, 600)
{
	struct rig source;

	ASSERT_EQ(0, rig_create(&source));
	EXPECT_EQ(0, rig_open(&source));
	EXPECT_EQ(0, save_reached(&source));
	rig_destroy(&source);
	ASSERT_NE(NULL, saved.data);
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_loads_on_a_slow_file));
	ASSERT_EQ('l', vmm_heard(&self->vmm));
	EXPECT_EQ('e', vmm_heard(&self->vmm));
	mig_stream_free(&saved);
}

/* What processes want of memory that does not come. */

static void pin(struct dirty_rig *rig)
{
	dirty_pin(rig, 0, 1, PINTEST_READ | PINTEST_WRITE);
}

static void copy(struct dirty_rig *rig)
{
	char byte;

	dirty_rw(rig, 0, &byte, 1, 0);
}

static void unmap(struct dirty_rig *rig)
{
	vfio_unmap_dma(rig->vfio.container, 0, SLOWFS_SIZE);
}

static pid_t ask_for_memory(struct dirty_rig *rig,
			    void (*call)(struct dirty_rig *rig))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(slow.fd);
	call(rig);
	_exit(0);
}

/* Is one gone that waits, when it is killed? */
static bool waits_and_goes(pid_t pid)
{
	if (!task_waits(pid))
		return false;
	kill(pid, SIGKILL);
	return task_gone(pid) && task_ended(pid) == SIGKILL;
}

TEST_F_TIMEOUT(slow_file, pin_and_who_waits_for_it_can_be_killed, 600)
{
	pid_t first, others[3];
	unsigned int i;
	void *mem;

	ASSERT_EQ(0, dirty_rig_open(&self->rig));
	mem = mmap(NULL, SLOWFS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE,
		   open(slow.file, O_RDWR | O_CLOEXEC), 0);
	ASSERT_NE(MAP_FAILED, mem);
	ASSERT_EQ(0, vfio_map_dma(self->rig.vfio.container, 0, mem,
				  SLOWFS_SIZE, DIRTY_RW));
	first = ask_for_memory(&self->rig, pin);
	ASSERT_EQ(0, slowfs_wait(&slow));
	EXPECT_TRUE(task_waits(first));
	others[0] = ask_for_memory(&self->rig, pin);
	EXPECT_TRUE(task_waits(others[0]));
	others[2] = ask_for_memory(&self->rig, unmap);
	EXPECT_TRUE(task_waits(others[2]));
	/* behind the unmap */
	others[1] = ask_for_memory(&self->rig, copy);
	EXPECT_TRUE(task_waits(others[1]));
	for (i = 0; i < 3; i++)
		EXPECT_TRUE(waits_and_goes(others[i])) TH_LOG("%u", i);
	EXPECT_TRUE(waits_and_goes(first));
}

/* A kernel thread copies for it. */
static void copy_by_thread(struct dirty_rig *rig, void *mem)
{
	char byte;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (userfault_open(mem, DIRTY_PAGE) < 0)
		_exit(2);
	dirty_rw(rig, 0, &byte, 1, PINTEST_KTHREAD);
	_exit(0);
}

/* Of the test module, and without a file system. */
TEST(who_has_a_thread_copy_can_be_killed)
{
	struct dirty_rig rig;
	void *mem = dirty_memory(DIRTY_PAGE);
	pid_t pid;

	ASSERT_NE(NULL, mem);
	ASSERT_EQ(0, dirty_rig_open(&rig));
	pid = fork();
	ASSERT_LE(0, pid);
	if (!pid) {
		if (vfio_map_dma(rig.vfio.container, 0, mem, DIRTY_PAGE,
				 DIRTY_RW))
			_exit(1);
		copy_by_thread(&rig, mem);
	}
	EXPECT_TRUE(task_waits(pid));
	kill(pid, SIGKILL);
	EXPECT_TRUE(task_gone(pid));
	EXPECT_EQ(SIGKILL, task_ended(pid));
	dirty_rig_destroy(&rig);
}

TEST_HARNESS_MAIN
