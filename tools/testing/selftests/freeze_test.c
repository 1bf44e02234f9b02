// SPDX-License-Identifier: GPL-2.0
/*
 * A VMM in a cgroup of its own: the group can be frozen while a vGPU is open, and
 * the vGPU stands still with it, for whoever else has it open; it can be stopped,
 * saved and closed all the same. Who runs the engine pays for it. It outlives the
 * VMM that opened it, and reaches memory that another process has mapped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "context.h"
#include "klog.h"
#include "rig.h"
#include "text.h"
#include "userfault.h"
#include "vmm.h"

#define MIB		(1024 * 1024ULL)
#define CGROUP		"/sys/fs/cgroup/mvgpu-freeze/"
#define FREEZER		"/run/mvgpu-freezer/"
#define NOPS		8
/* Bytes, each a row: as long as a chunk can take. */
#define SLOW		0x10000
/* Bytes of another process, each a copy by a thread of its own; and how often. */
#define COPIES		1000
#define FILLS		4

/**
 * struct view - another process's way to the vGPU of a VMM
 * @vfio: the VMM's fds; after view_take() ours, of the same files
 * @gpu: the BARs
 * @state: the device-state region
 */
struct view {
	struct vfio_client vfio;
	struct gpu gpu;
	struct devstate state;
};

FIXTURE(cgroup)
{
	struct vmm vmm;
	struct rig witness;
	struct view view;
};

/* Shared with the VMM, which fills it in. */
static struct view *theirs;

static int wait_frozen(int frozen)
{
	struct pollfd fd = { .events = POLLPRI };
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	char text[256];
	int ret = 0;

	fd.fd = open(CGROUP "cgroup.events", O_RDONLY);
	if (fd.fd < 0)
		return -errno;
	/* who has read it is told of the next change */
	while (pread(fd.fd, text, sizeof(text), 0) > 0 &&
	       text_number(CGROUP "cgroup.events", "frozen") != frozen && !ret)
		if (poll(&fd, 1, end - rig_now_ms()) != 1)
			ret = -ETIMEDOUT;
	close(fd.fd);
	return ret;
}

static int freeze_group(void)
{
	return text_write(CGROUP "cgroup.freeze", "1") ?: wait_frozen(1);
}

static int thaw_group(void)
{
	return text_write(CGROUP "cgroup.freeze", "0") ?: wait_frozen(0);
}

/* The id of the engine's thread in the cgroup, or 0. */
static pid_t engine(void)
{
	FILE *threads = fopen(CGROUP "cgroup.threads", "r"), *comm;
	char line[64], path[96], name[64];
	pid_t found = 0;

	while (threads && !found && fgets(line, sizeof(line), threads)) {
		snprintf(path, sizeof(path), "/proc/%d/comm", atoi(line));
		comm = fopen(path, "r");
		if (!comm)
			continue;
		if (fgets(name, sizeof(name), comm) &&
		    !strncmp(name, "mvgpu/", 6))
			found = atoi(line);
		fclose(comm);
	}
	if (threads)
		fclose(threads);
	return found;
}

/* Whoever is left in it is killed, and leaves a moment later. */
static int remove_cgroup(void)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;

	text_write(CGROUP "cgroup.kill", "1");
	while (rmdir(CGROUP)) {
		if (errno != EBUSY || rig_now_ms() > end)
			return -errno;
		usleep(1000);
	}
	return 0;
}

FIXTURE_SETUP(cgroup)
{
	memset(self, 0, sizeof(*self));
	self->view.vfio = (struct vfio_client)VFIO_CLIENT_CLOSED;
	theirs = mmap(NULL, sizeof(*theirs), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, theirs);
	/* a test that failed may have left it */
	if (!access(CGROUP, F_OK))
		ASSERT_EQ(0, remove_cgroup());
	ASSERT_EQ(0, mkdir(CGROUP, 0755));
	ASSERT_EQ(0, rig_create(&self->witness));
	ASSERT_EQ(0, rig_open(&self->witness));
}

FIXTURE_TEARDOWN(cgroup)
{
	text_write(CGROUP "cgroup.freeze", "0");
	text_write(FREEZER "group/freezer.state", "THAWED");
	vfio_close(&self->view.vfio);
	vmm_destroy(&self->vmm);
	rig_destroy(&self->witness);
	EXPECT_EQ(0, remove_cgroup());
	rmdir(FREEZER "group");
	umount(FREEZER);
	rmdir(FREEZER);
	munmap(theirs, sizeof(*theirs));
}

/* In the cgroup, with the vGPU open. */
static int begin(struct vmm *vmm)
{
	char pid[32];

	snprintf(pid, sizeof(pid), "%d", getpid());
	if (text_write(CGROUP "cgroup.procs", pid))
		return __LINE__;
	if (rig_open(&vmm->rig))
		return __LINE__;
	theirs->vfio = vmm->rig.vmm.vfio;
	theirs->gpu = vmm->rig.vmm.gpu;
	theirs->state = vmm->rig.vmm.state;
	return 0;
}

static int begin_at_work(struct vmm *vmm)
{
	int ret = begin(vmm);

	if (ret)
		return ret;
	if (rig_flood(&vmm->rig, gpu_fill(RIG_RAM, 1, SLOW, 1, 1)))
		return __LINE__;
	vmm_say(vmm, 'o');
	return 0;
}

static int life_at_work(struct vmm *vmm)
{
	int ret = begin_at_work(vmm);

	if (ret)
		return ret;
	pause();
	return 0;
}

/* With something to run, for which no doorbell was rung. */
static int life_without_a_doorbell(struct vmm *vmm)
{
	union gpu_command nop = gpu_nop();
	int i, ret = begin(vmm);

	for (i = 0; i < NOPS && !ret; i++)
		if (gpu_ring_put(&vmm->rig.ring, &nop))
			ret = __LINE__;
	if (ret)
		return ret;
	vmm_say(vmm, 'o');
	pause();
	return 0;
}

/* Has nothing of it open, once it says so. */
static int life_that_passes_it_on(struct vmm *vmm)
{
	int ret = begin_at_work(vmm);

	if (ret)
		return ret;
	while (!__atomic_load_n(vmm->go, __ATOMIC_ACQUIRE))
		usleep(1000);
	vfio_close(&theirs->vfio);
	vmm_say(vmm, 'c');
	pause();
	return 0;
}

static int view_fd(int pidfd, int fd, int *ours)
{
	*ours = syscall(SYS_pidfd_getfd, pidfd, fd, 0);

	return *ours < 0 ? -errno : 0;
}

/* Wait until the VMM is ready, and open what it has open. */
static int view_take(struct view *view, struct vmm *vmm)
{
	int pidfd, ret;

	if (vmm_heard(vmm) != 'o')
		return -EPROTO;
	view->gpu = theirs->gpu;
	view->state = theirs->state;
	pidfd = syscall(SYS_pidfd_open, vmm->pid, 0);
	if (pidfd < 0)
		return -errno;
	ret = view_fd(pidfd, theirs->vfio.device, &view->vfio.device) ?:
	      view_fd(pidfd, theirs->vfio.group, &view->vfio.group) ?:
	      view_fd(pidfd, theirs->vfio.container, &view->vfio.container);
	view->gpu.device = view->vfio.device;
	view->state.device = view->vfio.device;
	close(pidfd);
	return ret;
}

static int start(struct vmm *vmm, struct view *view,
		 int (*life)(struct vmm *vmm))
{
	return vmm_start(vmm, life) ?: view_take(view, vmm);
}

/* As much as the witness can do meanwhile. */
static int let_time_pass(struct rig *witness)
{
	return rig_run(witness, gpu_fill(RIG_RAM, 1, SLOW, 1, 7));
}

static __u64 completed(struct view *view)
{
	struct gpu_queue_state state;

	return gpu_queue_state(&view->gpu, 0, &state) ? -1ULL : state.completed;
}

/* Wait until it has run more: 0 or -errno. */
static int wait_more(struct view *view)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	__u64 before = completed(view);

	while (completed(view) == before) {
		if (rig_now_ms() > end)
			return -ETIMEDOUT;
		usleep(1000);
	}
	return 0;
}

TEST_F(cgroup, freezes_while_the_engine_works)
{
	ASSERT_EQ(0, start(&self->vmm, &self->view, life_at_work));
	ASSERT_EQ(0, freeze_group());
	ASSERT_EQ(0, thaw_group());
	EXPECT_EQ(0, wait_more(&self->view));
}

TEST_F(cgroup, that_is_frozen_has_an_engine_that_hears_no_doorbell)
{
	ASSERT_EQ(0, start(&self->vmm, &self->view, life_without_a_doorbell));
	ASSERT_EQ(0, freeze_group());
	ASSERT_EQ(0, gpu_queue_doorbell(&self->view.gpu, 0,
					NOPS * MVGPU_COMMAND_SIZE));
	ASSERT_EQ(0, let_time_pass(&self->witness));
	EXPECT_EQ(0, completed(&self->view));
	ASSERT_EQ(0, thaw_group());
	EXPECT_EQ(0, gpu_queue_wait(&self->view.gpu, 0, RIG_TIMEOUT_MS));
	EXPECT_EQ(NOPS, completed(&self->view));
}

TEST_F(cgroup, that_is_frozen_lets_others_stop_and_save)
{
	struct context context;
	__u64 before;

	ASSERT_EQ(0, start(&self->vmm, &self->view, life_at_work));
	ASSERT_EQ(0, freeze_group());
	/* the step that it ran when the group froze has ended now */
	ASSERT_EQ(0, devstate_stop(&self->view.state));
	before = completed(&self->view);
	ASSERT_EQ(0, context_save(&self->view.state, &context));
	context_free(&context);
	ASSERT_EQ(0, devstate_start(&self->view.state));
	ASSERT_EQ(0, let_time_pass(&self->witness));
	EXPECT_EQ(before, completed(&self->view));
	ASSERT_EQ(0, thaw_group());
	EXPECT_EQ(0, wait_more(&self->view));
}

TEST_F(cgroup, that_is_frozen_lets_others_close)
{
	ASSERT_EQ(0, start(&self->vmm, &self->view, life_that_passes_it_on));
	__atomic_store_n(self->vmm.go, 1, __ATOMIC_RELEASE);
	ASSERT_EQ('c', vmm_heard(&self->vmm));
	ASSERT_EQ(0, freeze_group());
	vfio_close(&self->view.vfio);
	/* open again at once, and as new */
	ASSERT_EQ(0, rig_open(&self->vmm.rig));
	EXPECT_EQ(0, rig_run(&self->vmm.rig, gpu_fence(RIG_RAM, 1)));
	EXPECT_EQ(0, thaw_group());
}

/* Its parent is told when all of its threads have stopped. */
static int stop_vmm(const struct vmm *vmm)
{
	int status;

	if (kill(vmm->pid, SIGSTOP) ||
	    waitpid(vmm->pid, &status, WUNTRACED) != vmm->pid)
		return -errno;
	return WIFSTOPPED(status) ? 0 : -EPROTO;
}

TEST_F(cgroup, whose_vmm_is_stopped_lets_others_close)
{
	ASSERT_EQ(0, start(&self->vmm, &self->view, life_that_passes_it_on));
	__atomic_store_n(self->vmm.go, 1, __ATOMIC_RELEASE);
	ASSERT_EQ('c', vmm_heard(&self->vmm));
	ASSERT_EQ(0, stop_vmm(&self->vmm));
	vfio_close(&self->view.vfio);
	ASSERT_EQ(0, rig_open(&self->vmm.rig));
	EXPECT_EQ(0, rig_run(&self->vmm.rig, gpu_fence(RIG_RAM, 1)));
}

/* Freeze the VMM as older cgroups do, and suspend: 0 or -errno. */
static int freeze_by_version_1(const struct vmm *vmm)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	char pid[32];
	int ret;

	snprintf(pid, sizeof(pid), "%d", vmm->pid);
	if (mkdir(FREEZER "group", 0700))
		return -errno;
	ret = text_write(FREEZER "group/cgroup.procs", pid) ?:
	      text_write(FREEZER "group/freezer.state", "FROZEN");
	/* it is FREEZING until all have stopped */
	while (!ret && system("grep -qx FROZEN " FREEZER "group/freezer.state"))
		ret = rig_now_ms() > end ? -ETIMEDOUT : 0;
	return ret;
}

TEST_F(cgroup, of_version_1_that_is_frozen_lets_others_close)
{
	mkdir(FREEZER, 0700);
	if (mount("cgroup", FREEZER, "cgroup", 0, "freezer"))
		SKIP(return, "no freezer in cgroups of version 1 (CONFIG_CGROUP_FREEZER)");
	ASSERT_EQ(0, start(&self->vmm, &self->view, life_that_passes_it_on));
	__atomic_store_n(self->vmm.go, 1, __ATOMIC_RELEASE);
	ASSERT_EQ('c', vmm_heard(&self->vmm));
	ASSERT_EQ(0, freeze_by_version_1(&self->vmm));
	vfio_close(&self->view.vfio);
	ASSERT_EQ(0, rig_open(&self->vmm.rig));
	EXPECT_EQ(0, rig_run(&self->vmm.rig, gpu_fence(RIG_RAM, 1)));
}

/* A ring in VRAM: the memory of the VMM goes with it. */
static int run_in_vram(struct view *view, union gpu_command command)
{
	struct gpu_ring ring;

	return gpu_ring_init(&ring, &view->gpu, 1, RIG_VRAM, 4096, NULL, 0) ?:
	       gpu_ring_run(&ring, command, RIG_TIMEOUT_MS);
}

TEST_F(cgroup, whose_vmm_is_killed_leaves_an_engine_to_others)
{
	union gpu_command fill = gpu_fill(RIG_VRAM + MIB, MIB, 1, 0, 1);
	int status;

	ASSERT_EQ(0, start(&self->vmm, &self->view, life_without_a_doorbell));
	ASSERT_EQ(0, kill(self->vmm.pid, SIGKILL));
	status = vmm_wait(&self->vmm);
	ASSERT_TRUE(WIFSIGNALED(status));
	EXPECT_EQ(0, run_in_vram(&self->view, fill));
	EXPECT_EQ(0, devstate_stop(&self->view.state));
	EXPECT_EQ(0, devstate_start(&self->view.state));
	EXPECT_EQ(0, run_in_vram(&self->view, fill));
}

static void hear(int signal)
{
	(void)signal;
}

/* A signal a millisecond, from now on. */
static int begin_signals(timer_t *timer)
{
	struct sigaction action = { .sa_handler = hear, .sa_flags = SA_RESTART };
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1,
	};
	const struct itimerspec period = {
		.it_value.tv_nsec = 1000000, .it_interval.tv_nsec = 1000000,
	};

	if (sigaction(SIGUSR1, &action, NULL) ||
	    timer_create(CLOCK_MONOTONIC, &event, timer))
		return -errno;
	return timer_settime(*timer, 0, &period, NULL) ? -errno : 0;
}

/* Who makes the next thread has to wait for the end of the last. */
TEST_F(cgroup, whose_vmm_is_killed_leaves_an_engine_to_who_hears_signals)
{
	const struct timespec while_they_come = { .tv_nsec = 20000000 };
	timer_t timer;

	ASSERT_EQ(0, start(&self->vmm, &self->view, life_without_a_doorbell));
	ASSERT_EQ(0, kill(self->vmm.pid, SIGKILL));
	vmm_wait(&self->vmm);
	ASSERT_EQ(0, begin_signals(&timer));
	/* one has come, so that more will */
	EXPECT_EQ(-1, nanosleep(&while_they_come, NULL));
	EXPECT_EQ(0, run_in_vram(&self->view, gpu_nop()));
	EXPECT_EQ(0, timer_delete(timer));
	EXPECT_EQ(0, klog_lines(self->vmm.rig.vmm.uuid, "stands still"));
}

/* The VMM itself sleeps: all but a little of the time is the engine's. */
TEST_F(cgroup, pays_for_the_time_of_the_engine)
{
	long long used, time;

	ASSERT_EQ(0, start(&self->vmm, &self->view, life_without_a_doorbell));
	if (rig_engine_is_the_kernels())
		SKIP(return, "the kernel has no vhost_task_create()");
	ASSERT_NE(0, engine());
	used = text_number(CGROUP "cpu.stat", "usage_usec");
	time = rig_now_ms();
	ASSERT_EQ(0, run_in_vram(&self->view,
				 gpu_fill(RIG_VRAM + MIB, 1, SLOW, 1, 1)));
	time = rig_now_ms() - time;
	used = text_number(CGROUP "cpu.stat", "usage_usec") - used;
	EXPECT_LT(0, used);
	EXPECT_LE(time * 1000 / 4, used);
}

FIXTURE(foreign)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct vmm vmm;
};

FIXTURE_SETUP(foreign)
{
	memset(self, 0, sizeof(*self));
	ASSERT_EQ(0, fixture_claim("none", self->claim));
}

FIXTURE_TEARDOWN(foreign)
{
	vmm_destroy(&self->vmm);
	fixture_claim(self->claim, NULL);
}

/* Opens the vGPU, which was closed, and writes a page of its parent's memory. */
static int life_of_the_opener(struct vmm *vmm)
{
	struct fixture_vmm *view = &vmm->rig.vmm;
	struct gpu_ring ring;
	int device;

	device = vfio_open_device(view->vfio.group, view->uuid);
	if (device < 0 || gpu_init(&view->gpu, device))
		return __LINE__;
	if (vfio_bus_master(device, true) || vfio_memory_decode(device, true))
		return __LINE__;
	if (rig_bind_all(&vmm->rig))
		return __LINE__;
	if (gpu_ring_init(&ring, &view->gpu, 1, RIG_VRAM, 4096, NULL, 0))
		return __LINE__;
	if (gpu_ring_run(&ring, gpu_fill(RIG_RAM, RIG_PAGE, 1, 0, 0x5a5a5a5a),
			 RIG_TIMEOUT_MS))
		return __LINE__;
	return 0;
}

static int life_of_the_mapper(struct vmm *vmm)
{
	pid_t pid;
	int status;

	if (rig_open(&vmm->rig))
		return __LINE__;
	close(vmm->rig.vmm.vfio.device);
	vmm->rig.vmm.vfio.device = -1;
	pid = fork();
	if (!pid)
		_exit(life_of_the_opener(vmm) ? 1 : 0);
	if (waitpid(pid, &status, 0) != pid || status)
		return __LINE__;
	if (!rig_all(vmm->rig.vmm.ram.mem, RIG_PAGE, 0x5a))
		return __LINE__;
	return 0;
}

/* Sets up the vGPU that it opens, has it write its parent's memory, and waits. */
static int life_of_an_opener_at_work(struct vmm *vmm, int *device)
{
	struct fixture_vmm *view = &vmm->rig.vmm;
	union gpu_command fill = gpu_fill(RIG_RAM, 1, COPIES, 1, 0x5a5a5a5a);
	struct gpu_ring ring;
	int i, fd;

	fd = vfio_open_device(view->vfio.group, view->uuid);
	if (fd < 0 || gpu_init(&view->gpu, fd))
		return __LINE__;
	if (vfio_bus_master(fd, true) || vfio_memory_decode(fd, true))
		return __LINE__;
	if (rig_bind_all(&vmm->rig))
		return __LINE__;
	if (gpu_ring_init(&ring, &view->gpu, 1, RIG_VRAM, 4096, NULL, 0))
		return __LINE__;
	for (i = 0; i < FILLS; i++)
		if (gpu_ring_put(&ring, &fill))
			return __LINE__;
	if (gpu_ring_kick(&ring))
		return __LINE__;
	__atomic_store_n(device, fd, __ATOMIC_RELEASE);
	pause();
	return 0;
}

/* Take the opener's vGPU when it has something to run. */
static int take_from_opener(struct vmm *vmm, pid_t pid, const int *device)
{
	int pidfd, ret;

	while (!__atomic_load_n(device, __ATOMIC_ACQUIRE))
		usleep(100);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	if (pidfd < 0)
		return -errno;
	ret = view_fd(pidfd, *device, &vmm->rig.vmm.vfio.device);
	close(pidfd);
	return ret ?: gpu_init(&vmm->rig.vmm.gpu, vmm->rig.vmm.vfio.device);
}

/* Another process opens the vGPU and has something to run, and so do we; or -1. */
static pid_t begin_as_opener(struct vmm *vmm)
{
	int *device = mmap(NULL, sizeof(*device), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;

	if (device == MAP_FAILED)
		return -1;
	pid = fork();
	if (!pid)
		_exit(life_of_an_opener_at_work(vmm, device) ? 1 : 0);
	return take_from_opener(vmm, pid, device) ? -1 : pid;
}

/* Without the vGPU. */
static int open_container(struct vmm *vmm)
{
	int ret = rig_open(&vmm->rig);

	close(vmm->rig.vmm.vfio.device);
	vmm->rig.vmm.vfio.device = -1;
	return ret;
}

/* All that there was to run is run, by another thread than that of the opener. */
static int run_the_rest(struct vmm *vmm)
{
	struct gpu *gpu = &vmm->rig.vmm.gpu;
	struct gpu_queue_state state;

	if (gpu_queue_doorbell(gpu, 1, FILLS * MVGPU_COMMAND_SIZE))
		return __LINE__;
	if (gpu_queue_wait(gpu, 1, RIG_TIMEOUT_MS))
		return __LINE__;
	if (gpu_queue_state(gpu, 1, &state) || state.completed != FILLS)
		return __LINE__;
	return rig_all(vmm->rig.vmm.ram.mem, COPIES, 0x5a) ? 0 : __LINE__;
}

static int life_that_outlives_the_opener(struct vmm *vmm)
{
	const unsigned char *mem;
	pid_t pid;

	if (open_container(vmm))
		return __LINE__;
	pid = begin_as_opener(vmm);
	mem = vmm->rig.vmm.ram.mem;
	while (pid > 0 && __atomic_load_n(mem, __ATOMIC_RELAXED) != 0x5a)
		usleep(100);
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		return __LINE__;
	return run_the_rest(vmm);
}

/* The first byte does not come before the opener is killed, and gone. */
static int life_that_serves_nothing(struct vmm *vmm)
{
	pid_t pid;
	int fd;

	if (open_container(vmm))
		return __LINE__;
	fd = userfault_open(vmm->rig.vmm.ram.mem, RIG_RAM_SIZE);
	if (fd < 0)
		return __LINE__;
	pid = begin_as_opener(vmm);
	if (pid < 0 || userfault_wait(fd, NULL))
		return __LINE__;
	if (kill(pid, SIGKILL) || waitpid(pid, NULL, 0) != pid)
		return __LINE__;
	close(fd);
	return run_the_rest(vmm);
}

TEST_F(foreign, memory_that_does_not_come_lets_the_opener_be_killed)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_serves_nothing));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/* Whose thread was killed faults nobody's queue. */
TEST_F(foreign, memory_is_written_on_when_the_opener_is_killed)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_outlives_the_opener));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

TEST_F(foreign, memory_of_another_process_than_the_opener_is_reached)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_of_the_mapper));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

TEST_HARNESS_MAIN
