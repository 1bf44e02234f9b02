// SPDX-License-Identifier: GPL-2.0
/*
 * The engine waits for memory that nobody serves, and somebody waits for the
 * engine. Whatever else the VMM's processes ask for meanwhile, each of them can
 * be killed, whether it waits or not.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/pci_regs.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dirty.h"
#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"
#include "tasks.h"
#include "userfault.h"
#include "vmm.h"

#define REGION(index)	((off_t)(index) << 40)

/* What a process of the VMM may ask for; the results do not matter. */

static void msix_read(struct rig *rig)
{
	char data[16];

	vfio_pread(rig->vmm.vfio.device, data, sizeof(data), REGION(4));
}

static void msix_write(struct rig *rig)
{
	const char data[16] = {};

	vfio_pwrite(rig->vmm.vfio.device, data, sizeof(data), REGION(4));
}

static void config_read(struct rig *rig)
{
	char data[64];

	vfio_config_read(rig->vmm.vfio.device, 0, data, sizeof(data));
}

static void config_write(struct rig *rig)
{
	const char line = 1;

	vfio_config_write(rig->vmm.vfio.device, PCI_CACHE_LINE_SIZE, &line, 1);
}

static void master_off(struct rig *rig)
{
	vfio_bus_master(rig->vmm.vfio.device, false);
}

static void gtt_read(struct rig *rig)
{
	__u64 entry;

	gpu_gtt_read(&rig->vmm.gpu, 0, &entry);
}

static void gtt_write(struct rig *rig)
{
	gpu_gtt_write(&rig->vmm.gpu, RIG_FREE / RIG_PAGE, 0);
}

static void queue_off(struct rig *rig)
{
	gpu_queue_disable(&rig->vmm.gpu, 1);
}

static void doorbell(struct rig *rig)
{
	gpu_queue_doorbell(&rig->vmm.gpu, 1, 0);
}

static void vram_read(struct rig *rig)
{
	char byte;

	gpu_vram_read(&rig->vmm.gpu, 0, &byte, 1);
}

static void vram_write(struct rig *rig)
{
	gpu_vram_write(&rig->vmm.gpu, 0, "x", 1);
}

static void vram_touch(struct rig *rig)
{
	char *vram = gpu_vram_map(&rig->vmm.gpu);

	if (vram)
		__atomic_store_n(vram + RIG_PAGE, 1, __ATOMIC_RELAXED);
}

static void interrupts(struct rig *rig)
{
	const int none = -1;

	vfio_irq_eventfds(rig->vmm.vfio.device, VFIO_PCI_MSIX_IRQ_INDEX, 0, 1,
			  &none);
}

static void reset(struct rig *rig)
{
	vfio_reset(rig->vmm.vfio.device);
}

static void region_stop(struct rig *rig)
{
	if (rig->vmm.state.size)
		devstate_stop(&rig->vmm.state);
}

static void region_read(struct rig *rig)
{
	char data[16];

	if (rig->vmm.state.size)
		devstate_pread(&rig->vmm.state, data, sizeof(data), 0);
}

static void region_write(struct rig *rig)
{
	const char data[16] = {};

	if (rig->vmm.state.size)
		devstate_pwrite(&rig->vmm.state, data, sizeof(data), 1);
}

static void state_get(struct rig *rig)
{
	mig_get(rig->vmm.vfio.device);
}

static void state_stop(struct rig *rig)
{
	mig_set(rig->vmm.vfio.device, MIG_STOP, NULL);
}

static void state_stop_copy(struct rig *rig)
{
	int fd;

	if (mig_set(rig->vmm.vfio.device, MIG_STOP_COPY, &fd))
		_exit(1);
}

static void data_size(struct rig *rig)
{
	mig_data_size(rig->vmm.vfio.device);
}

static void dirty_pages(struct rig *rig)
{
	__u64 bitmap[RIG_RAM_SIZE / RIG_PAGE / 64];

	dirty_written(rig->vmm.vfio.container, RIG_RAM_IOVA,
		      RIG_RAM_SIZE / RIG_PAGE, bitmap);
}

static void dma_map(struct rig *rig)
{
	vfio_map_dma(rig->vmm.vfio.container, RIG_RING_IOVA + RIG_RING_SIZE,
		     rig->ring_ram.mem, RIG_PAGE, VFIO_DMA_MAP_FLAG_READ);
}

static void dma_unmap(struct rig *rig)
{
	vfio_unmap_dma(rig->vmm.vfio.container, RIG_RAM_IOVA, RIG_RAM_SIZE);
}

static void attributes(struct rig *rig)
{
	static const char * const names[] = {
		"state", "owner", "vram_used", "pages_pinned", "commands",
		"faults", "bytes_migrated",
	};
	char path[128], data[64];
	unsigned int i;
	int fd;

	for (i = 0; i < sizeof(names) / sizeof(*names); i++) {
		snprintf(path, sizeof(path),
			 "/sys/bus/mdev/devices/%s/mvgpu/%s", rig->vmm.uuid,
			 names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0 || read(fd, data, sizeof(data)) < 1)
			_exit(1);
		close(fd);
	}
}

static const struct request {
	const char *name;
	void (*call)(struct rig *rig);
	bool container;
} requests[] = {
#define REQUEST(call)	{ #call, call, false }
	REQUEST(msix_read), REQUEST(msix_write), REQUEST(config_read),
	REQUEST(config_write), REQUEST(master_off), REQUEST(gtt_read),
	REQUEST(gtt_write), REQUEST(queue_off), REQUEST(doorbell),
	REQUEST(vram_read), REQUEST(vram_write), REQUEST(vram_touch),
	REQUEST(interrupts), REQUEST(reset), REQUEST(region_stop),
	REQUEST(region_read), REQUEST(region_write), REQUEST(state_get),
	REQUEST(state_stop), REQUEST(data_size), REQUEST(attributes),
	/* vfio_iommu_type1 copies under a lock that these take */
	{ "dirty_pages", dirty_pages, true },
	{ "dma_map", dma_map, true },
	{ "dma_unmap", dma_unmap, true },
};

#define REQUESTS	(sizeof(requests) / sizeof(*requests))

FIXTURE(killable)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct vmm vmm;
};

FIXTURE_SETUP(killable)
{
	const char *claim = "users";

	memset(&self->vmm, 0, sizeof(self->vmm));
	self->claim[0] = 0;
	/* vfio_dirty pins, and DEBUG_VM reports user faults that may not wait */
	if (!access("/sys/kernel/debug/kmemleak", F_OK))
		claim = "none";
	ASSERT_EQ(0, fixture_claim(claim, self->claim));
}

FIXTURE_TEARDOWN(killable)
{
	vmm_destroy(&self->vmm);
	if (self->claim[0])
		fixture_claim(self->claim, NULL);
}

/* Have the engine wait for memory: the fd that serves it, or less than 0. */
static int stick(struct rig *rig, void **page)
{
	union gpu_command fill = gpu_fill(RIG_RAM, 64, 1, 0, 1);
	int fd = userfault_open(rig->vmm.ram.mem, RIG_RAM_SIZE);

	if (fd < 0 || gpu_ring_put(&rig->ring, &fill) ||
	    gpu_ring_kick(&rig->ring) || userfault_wait(fd, page))
		return -1;
	return fd;
}

/* A process of the VMM that asks for something. */
static pid_t ask(struct rig *rig, void (*call)(struct rig *rig))
{
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	call(rig);
	_exit(0);
}

/* Says who it is, asks, is killed, and is gone. */
static int ask_and_be_killed(struct vmm *vmm, unsigned int nr)
{
	pid_t pid;

	*vmm->go = nr;
	pid = ask(&vmm->rig, requests[nr].call);
	if (pid < 0)
		return __LINE__;
	task_waits(pid);
	kill(pid, SIGKILL);
	if (waitpid(pid, NULL, 0) != pid)
		return __LINE__;
	vmm_say(vmm, 'k');
	return 0;
}

/* Each asks beside one that waits, and goes on to wait when they are killed. */
static int life_beside(struct vmm *vmm, void (*call)(struct rig *rig))
{
	unsigned int nr;
	pid_t waiter;
	int ret;

	if (rig_open(&vmm->rig) || stick(&vmm->rig, NULL) < 0)
		return __LINE__;
	waiter = ask(&vmm->rig, call);
	if (waiter < 0 || !task_waits(waiter))
		return __LINE__;
	for (nr = 0; nr < REQUESTS; nr++) {
		/* only vfio_dirty offers the region */
		if (requests[nr].container && !vmm->rig.vmm.state.size)
			continue;
		ret = ask_and_be_killed(vmm, nr);
		if (ret || !task_waits(waiter))
			return ret ?: __LINE__;
	}
	kill(waiter, SIGKILL);
	if (task_ended(waiter) != SIGKILL)
		return __LINE__;
	vmm_say(vmm, 'e');
	return 0;
}

static int life_beside_master_off(struct vmm *vmm)
{
	return life_beside(vmm, master_off);
}

static int life_beside_state_stop(struct vmm *vmm)
{
	return life_beside(vmm, state_stop);
}

static int life_beside_gtt_write(struct vmm *vmm)
{
	return life_beside(vmm, gtt_write);
}

static bool each_is_killed(struct vmm *vmm, int (*life)(struct vmm *vmm))
{
	char heard;

	if (vmm_start(vmm, life))
		return false;
	do {
		heard = vmm_heard(vmm);
	} while (heard == 'k');
	if (heard != 'e')
		fprintf(stderr, "# not gone when killed: %s\n",
			requests[*vmm->go].name);
	return heard == 'e' && !vmm_wait(vmm);
}

TEST_F_TIMEOUT(killable, whoever_asks_beside_one_that_forbids_dma, 600)
{
	EXPECT_TRUE(each_is_killed(&self->vmm, life_beside_master_off));
}

TEST_F_TIMEOUT(killable, whoever_asks_beside_one_that_stops_the_device, 600)
{
	EXPECT_TRUE(each_is_killed(&self->vmm, life_beside_state_stop));
}

TEST_F_TIMEOUT(killable, whoever_asks_beside_one_that_writes_the_gtt, 600)
{
	EXPECT_TRUE(each_is_killed(&self->vmm, life_beside_gtt_write));
}

/* There is nothing to wait for any more. */
static int life_that_allows_again(struct vmm *vmm)
{
	pid_t waiter;

	if (rig_open(&vmm->rig) || stick(&vmm->rig, NULL) < 0)
		return __LINE__;
	waiter = ask(&vmm->rig, master_off);
	if (waiter < 0 || !task_waits(waiter))
		return __LINE__;
	if (vfio_bus_master(vmm->rig.vmm.vfio.device, true))
		return __LINE__;
	if (task_ended(waiter))
		return __LINE__;
	vmm_say(vmm, 'e');
	return 0;
}

TEST_F_TIMEOUT(killable, who_forbids_dma_waits_until_it_is_allowed_again, 600)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_allows_again));
	EXPECT_EQ('e', vmm_heard(&self->vmm));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

/*
 * An epoll instance has a lock of its own, which it holds while it polls: a data
 * fd that waited then would have all others wait who use the instance.
 */
static int life_that_polls(struct vmm *vmm)
{
	struct epoll_event event = { .events = EPOLLIN };
	int device, fd, uffd, epoll = epoll_create1(EPOLL_CLOEXEC);
	struct rig *rig = &vmm->rig;
	struct mig_stream stream = {};
	pid_t stopper;
	void *page;

	if (epoll < 0 || rig_open(rig))
		return __LINE__;
	device = rig->vmm.vfio.device;
	if (mig_set(device, MIG_PRE_COPY, &fd) ||
	    mig_drain(fd, &stream, 1 << 20) != -ENOMSG)
		return __LINE__;
	uffd = stick(rig, &page);
	if (uffd < 0)
		return __LINE__;
	stopper = ask(rig, state_stop_copy);
	if (stopper < 0 || !task_waits(stopper))
		return __LINE__;
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) ||
	    epoll_wait(epoll, &event, 1, 0))
		return __LINE__;
	vmm_say(vmm, 'p');
	/* the stop ends, and what it saved can be read */
	if (userfault_fill(uffd, page) ||
	    epoll_wait(epoll, &event, 1, RIG_TIMEOUT_MS) != 1 ||
	    task_ended(stopper) || mig_drain(fd, &stream, 1 << 20))
		return __LINE__;
	vmm_say(vmm, 'e');
	return 0;
}

TEST_F_TIMEOUT(killable, whoever_polls_a_data_fd_waits_for_nobody, 600)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_that_polls));
	ASSERT_EQ('p', vmm_heard(&self->vmm));
	EXPECT_EQ('e', vmm_heard(&self->vmm));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

TEST_HARNESS_MAIN
