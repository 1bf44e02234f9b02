// SPDX-License-Identifier: GPL-2.0
/*
 * The VMM that opened the vGPU was killed, and its engine is still in a read of a
 * file system in user space, which no signal ends. Who else has the vGPU open can
 * be killed, whatever it asks for, and has the engine once that is out.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dirty.h"
#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"
#include "slowfs.h"
#include "tasks.h"
#include "text.h"
#include "vmm.h"

#define SLOW_IOVA	0x300000000ULL
#define CGROUP		"/sys/fs/cgroup/mvgpu-slow-opener/"
#define NOPS		8
/* Nobody's ring but that of this test. */
#define QUEUE		1

/**
 * struct view - a process's way to the vGPU of another
 * @vfio: the opener's fds; after view_take() ours, of the same files
 * @gpu: the BARs
 */
struct view {
	struct vfio_client vfio;
	struct gpu gpu;
};

static struct slowfs slow = { .fd = -1 };
/* Shared with the opener, which fills it in. */
static struct view *theirs;

FIXTURE(slow_opener)
{
	struct vmm vmm;
	struct view view;
};

/* The engine is sent for memory that does not come. */
static int life_of_the_opener(struct vmm *vmm)
{
	union gpu_command fill = gpu_fill(RIG_FREE, 64, 1, 0, 1);
	struct rig *rig = &vmm->rig;
	int fd;
	void *mem;

	close(slow.fd);
	fd = open(slow.file, O_RDWR | O_CLOEXEC);
	mem = mmap(NULL, SLOWFS_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd,
		   0);
	if (mem == MAP_FAILED || rig_open(rig))
		return __LINE__;
	if (vfio_map_dma(rig->vmm.vfio.container, SLOW_IOVA, mem, SLOWFS_SIZE,
			 DIRTY_RW) ||
	    gpu_gtt_bind(&rig->vmm.gpu, RIG_FREE / RIG_PAGE,
			 SLOWFS_SIZE / RIG_PAGE,
			 SLOW_IOVA | MVGPU_GTT_VALID | MVGPU_GTT_WRITE))
		return __LINE__;
	if (gpu_ring_put(&rig->ring, &fill) || gpu_ring_kick(&rig->ring))
		return __LINE__;
	theirs->vfio = rig->vmm.vfio;
	theirs->gpu = rig->vmm.gpu;
	vmm_say(vmm, 'o');
	pause();
	return 0;
}

static int view_fd(int pidfd, int *fd)
{
	*fd = syscall(SYS_pidfd_getfd, pidfd, *fd, 0);

	return *fd < 0 ? -errno : 0;
}

/* Open what the opener has open. */
static int view_take(struct view *view, const struct vmm *vmm)
{
	int ret, pidfd = syscall(SYS_pidfd_open, vmm->pid, 0);

	if (pidfd < 0)
		return -errno;
	*view = *theirs;
	ret = view_fd(pidfd, &view->vfio.device) ?:
	      view_fd(pidfd, &view->vfio.group) ?:
	      view_fd(pidfd, &view->vfio.container);
	view->gpu.device = view->vfio.device;
	close(pidfd);
	return ret;
}

FIXTURE_SETUP(slow_opener)
{
	int ret = slowfs_start_sync(&slow);

	memset(self, 0, sizeof(*self));
	self->view.vfio = (struct vfio_client)VFIO_CLIENT_CLOSED;
	if (ret == -EOPNOTSUPP)
		SKIP(return, "CONFIG_FUSE_FS");
	ASSERT_EQ(0, ret);
	theirs = mmap(NULL, sizeof(*theirs), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, theirs);
	ASSERT_EQ(0, vmm_start(&self->vmm, life_of_the_opener));
	ASSERT_EQ('o', vmm_heard(&self->vmm));
	ASSERT_EQ(0, slowfs_wait(&slow));
	ASSERT_EQ(0, view_take(&self->view, &self->vmm));
	ASSERT_EQ(0, kill(self->vmm.pid, SIGKILL));
}

FIXTURE_TEARDOWN(slow_opener)
{
	slowfs_stop(&slow);
	vfio_close(&self->view.vfio);
	if (self->vmm.go)
		vmm_destroy(&self->vmm);
	munmap(theirs, sizeof(*theirs));
	rmdir(CGROUP);
}

/* What others ask for; the results do not matter. */

static void doorbell(struct view *view)
{
	gpu_queue_doorbell(&view->gpu, QUEUE, NOPS * MVGPU_COMMAND_SIZE);
}

static void master_on(struct view *view)
{
	vfio_bus_master(view->vfio.device, true);
}

static void master_off(struct view *view)
{
	vfio_bus_master(view->vfio.device, false);
}

static void msix_read(struct view *view)
{
	char data[16];

	vfio_pread(view->vfio.device, data, sizeof(data), (off_t)4 << 40);
}

static void config_read(struct view *view)
{
	char data[64];

	vfio_config_read(view->vfio.device, 0, data, sizeof(data));
}

static void stop(struct view *view)
{
	mig_set(view->vfio.device, MIG_STOP, NULL);
}

static void state(struct view *view)
{
	mig_get(view->vfio.device);
}

static void reset(struct view *view)
{
	vfio_reset(view->vfio.device);
}

static void gtt_write(struct view *view)
{
	gpu_gtt_write(&view->gpu, RIG_FREE / RIG_PAGE, 0);
}

static void unmap(struct view *view)
{
	vfio_unmap_dma(view->vfio.container, RIG_RAM_IOVA, RIG_RAM_SIZE);
}

static const struct request {
	void (*call)(struct view *view);
} requests[] = {
#define REQUEST(call)	{ call }
	REQUEST(master_off), REQUEST(doorbell), REQUEST(master_on),
	REQUEST(msix_read), REQUEST(config_read), REQUEST(stop), REQUEST(state),
	REQUEST(reset), REQUEST(gtt_write), REQUEST(unmap),
};

#define REQUESTS	(sizeof(requests) / sizeof(*requests))

static pid_t ask(struct view *view, void (*call)(struct view *view))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(slow.fd);
	call(view);
	_exit(0);
}

TEST_F_TIMEOUT(slow_opener, leaves_a_vgpu_whose_users_can_be_killed, 600)
{
	pid_t pids[REQUESTS];
	unsigned int i;

	/* each beside all before, which wait */
	for (i = 0; i < REQUESTS; i++) {
		pids[i] = ask(&self->view, requests[i].call);
		ASSERT_LE(0, pids[i]);
		task_waits(pids[i]);
	}
	for (i = 0; i < REQUESTS; i++)
		kill(pids[i], SIGKILL);
	for (i = 0; i < REQUESTS; i++)
		ASSERT_TRUE(task_gone(pids[i])) TH_LOG("request %u", i);
	for (i = 0; i < REQUESTS; i++)
		task_ended(pids[i]);
}

/* A ring in VRAM, as the opener's memory goes with it. */
static int put_nops(struct view *view)
{
	union gpu_command nop = gpu_nop();
	struct gpu_ring ring;
	int i, ret;

	ret = gpu_ring_init(&ring, &view->gpu, QUEUE, RIG_VRAM, 4096, NULL, 0);
	for (i = 0; i < NOPS && !ret; i++)
		ret = gpu_ring_put(&ring, &nop);
	return ret;
}

static __u64 completed(struct view *view)
{
	struct gpu_queue_state state;

	return gpu_queue_state(&view->gpu, QUEUE, &state) ? -1ULL :
							    state.completed;
}

/* One that was killed while it waited rang, and made no thread. */
static void ring_and_be_killed(struct view *view)
{
	pid_t pid = ask(view, doorbell);

	task_waits(pid);
	kill(pid, SIGKILL);
	task_ended(pid);
}

TEST_F_TIMEOUT(slow_opener, leaves_an_engine_to_the_next_when_it_is_out, 600)
{
	ASSERT_EQ(0, put_nops(&self->view));
	ring_and_be_killed(&self->view);
	slowfs_stop(&slow);
	doorbell(&self->view);
	EXPECT_EQ(0, gpu_queue_wait(&self->view.gpu, QUEUE, RIG_TIMEOUT_MS));
	EXPECT_EQ(NOPS, completed(&self->view));
}

static bool group_is(const char *what)
{
	char text[256] = "";
	int fd = open(CGROUP "cgroup.events", O_RDONLY | O_CLOEXEC);
	ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
	struct pollfd poll_fd = { .fd = fd, .events = POLLPRI };

	/* who has read it is told of the next change */
	while (got > 0 && !strstr(text, what) &&
	       poll(&poll_fd, 1, RIG_TIMEOUT_MS) == 1)
		got = pread(fd, text, sizeof(text) - 1, 0);
	close(fd);
	return got > 0 && strstr(text, what);
}

/* In the group: asks, and has the engine until it has run. */
static pid_t ask_in_group(struct view *view, void (*call)(struct view *view))
{
	char text[32];
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(slow.fd);
	snprintf(text, sizeof(text), "%d", getpid());
	if (text_write(CGROUP "cgroup.procs", text))
		_exit(1);
	call(view);
	_exit(gpu_queue_wait(&view->gpu, QUEUE, RIG_TIMEOUT_MS) ? 2 : 0);
}

/* It waits for the old engine, and may make no other before it is thawed. */
static int freeze_while_it_waits(struct view *view,
				 void (*call)(struct view *view))
{
	pid_t pid;
	int ret;

	ret = put_nops(view);
	if (ret)
		return ret;
	ring_and_be_killed(view);
	pid = ask_in_group(view, call);
	task_waits(pid);
	ret = text_write(CGROUP "cgroup.freeze", "1");
	slowfs_stop(&slow);
	if (!ret && !group_is("frozen 1"))
		ret = -ETIMEDOUT;
	return text_write(CGROUP "cgroup.freeze", "0") ?: task_ended(pid) ?:
	       ret;
}

TEST_F_TIMEOUT(slow_opener, leaves_an_engine_to_who_rang_before_a_freeze, 600)
{
	/* it goes on without the opener, and nobody has to make another */
	if (rig_engine_is_the_kernels())
		SKIP(return, "the kernel has no vhost_task_create()");
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	EXPECT_EQ(0, freeze_while_it_waits(&self->view, doorbell));
	EXPECT_EQ(NOPS, completed(&self->view));
}

/* Bus Master was on before, as it is when the write is made again. */
TEST_F_TIMEOUT(slow_opener, leaves_an_engine_to_who_allowed_dma_before_one, 600)
{
	if (rig_engine_is_the_kernels())
		SKIP(return, "the kernel has no vhost_task_create()");
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	EXPECT_EQ(0, freeze_while_it_waits(&self->view, master_on));
	EXPECT_EQ(NOPS, completed(&self->view));
}

TEST_HARNESS_MAIN
