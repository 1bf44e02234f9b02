// SPDX-License-Identifier: GPL-2.0
/*
 * What VMMs do, again and again, with the n-th allocation or user copy failing,
 * n = 1 until none fails. Each time the answer is success or an errno that says
 * what failed, no dirty page is lost, and the device works afterwards, at the
 * latest after a reset. Leaks and worse are for the kernel to report.
 *
 * Not every n is tried, except with MVGPU_EFFORT=whole: see effort.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "effort.h"
#include "fault.h"
#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"
#include "tasks.h"
#include "vmm.h"

/* More points than any sequence has. */
#define SWEEP_MAX	20000

FIXTURE(sweep)
{
	struct rig rig;
};

FIXTURE_SETUP(sweep)
{
	if (!fault_available())
		SKIP(return, "needs FAULT_INJECTION: failslab, fail_page_alloc, fail_usercopy");
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
}

FIXTURE_TEARDOWN(sweep)
{
	rig_destroy(&self->rig);
}

/* May a call that met a failing allocation or copy say this? */
static bool sweep_errno_ok(int ret)
{
	switch (ret) {
	case 0:
	case -ENOMEM:
	case -EFAULT:
	case -EAGAIN:
	case -EINTR:
		return true;
	default:
		return false;
	}
}

/* The device does as it is told: copy a pattern through VRAM. */
static int sweep_works(struct rig *rig)
{
	unsigned char *ram = rig->vmm.ram.mem;
	int ret;

	rig_pattern(ram, 8 * RIG_PAGE, 7);
	memset(ram + 16 * RIG_PAGE, 0, 8 * RIG_PAGE);
	ret = rig_run(rig, gpu_copy(RIG_VRAM, RIG_RAM, 8 * RIG_PAGE, 1, 0, 0));
	if (!ret)
		ret = rig_run(rig, gpu_copy(RIG_RAM + 16 * RIG_PAGE, RIG_VRAM,
					    8 * RIG_PAGE, 1, 0, 0));
	if (!ret && !rig_has_pattern(ram + 16 * RIG_PAGE, 8 * RIG_PAGE, 7))
		ret = -EILSEQ;

	return ret;
}

/* Works, if need be after the reset with which a VMM would begin anew. */
static int sweep_recovers(struct rig *rig)
{
	int ret;

	if (!sweep_works(rig))
		return 0;
	ret = vfio_reset(rig->vmm.vfio.device);
	if (!ret)
		ret = rig_setup(rig);

	return ret ?: sweep_works(rig);
}

/* Run a step with each point failing; @tid is where, 0 for this thread. */
#define SWEEP(tid, step, after)						\
	do {								\
		unsigned int nth, hits = 0;				\
		bool fired = true;					\
									\
		for (nth = 1; fired && nth < SWEEP_MAX;			\
		     nth = effort_next(nth)) {				\
			int step_ret;					\
									\
			ASSERT_EQ(0, fault_arm(tid, nth));		\
			step_ret = (step);				\
			ASSERT_EQ(0, fault_disarm(&fired));		\
			hits += fired;					\
			ASSERT_TRUE(sweep_errno_ok(step_ret)) {		\
				TH_LOG("n = %u: errno %d", nth, step_ret); \
			}						\
			if (!fired) {					\
				ASSERT_EQ(0, step_ret);			\
			}						\
			ASSERT_EQ(0, (after)) {				\
				TH_LOG("n = %u, step said %d", nth, step_ret); \
			}						\
		}							\
		ASSERT_FALSE(fired);					\
		ASSERT_LT(0, hits);					\
		TH_LOG("%u points failed", hits);			\
	} while (0)

static int reopen(struct rig *rig)
{
	int ret;

	rig_close(rig);
	ret = rig_open(rig);

	return ret ?: sweep_works(rig);
}

/* Guest RAM is in shmem, which says ENOSPC if it has no memory for an inode. */
static int open_vmm(struct fixture_vmm *vmm)
{
	int ret = fixture_open(vmm);

	return ret == -ENOSPC ? -ENOMEM : ret;
}

TEST_F_TIMEOUT(sweep, open_and_close, 3600)
{
	struct rig *rig = &self->rig;

	rig_close(rig);
	SWEEP(0, open_vmm(&rig->vmm), (fixture_close(&rig->vmm), 0));
	ASSERT_EQ(0, rig_open(rig));
	ASSERT_EQ(0, sweep_works(rig));
}

TEST_F_TIMEOUT(sweep, close, 3600)
{
	struct rig *rig = &self->rig;

	SWEEP(0, (rig_close(rig), 0), reopen(rig));
}

TEST_F_TIMEOUT(sweep, interrupts, 3600)
{
	const int device = self->rig.vmm.vfio.device;
	const int fds[] = { eventfd(0, 0), -1 };

	ASSERT_LE(0, fds[0]);
	SWEEP(0, vfio_irq_eventfds(device, VFIO_PCI_MSIX_IRQ_INDEX, 0, 2, fds),
	      vfio_irq_disable(device, VFIO_PCI_MSIX_IRQ_INDEX));
	close(fds[0]);
}

#define SWEEP_IOVA	0x900000000ULL

static int map_and_unmap(struct rig *rig)
{
	const int container = rig->vmm.vfio.container;
	long long gone;
	int ret;

	ret = vfio_map_dma(container, SWEEP_IOVA, rig->vmm.ram.mem, 1 << 20,
			   VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	if (ret)
		return ret;
	gone = vfio_unmap_dma(container, SWEEP_IOVA, 1 << 20);

	return gone < 0 ? gone : 0;
}

TEST_F_TIMEOUT(sweep, map, 3600)
{
	struct rig *rig = &self->rig;

	SWEEP(0, map_and_unmap(rig),
	      (vfio_unmap_dma(rig->vmm.vfio.container, SWEEP_IOVA, 1 << 20) < 0));
}

/* Pins and VRAM fail in the worker's thread, and fault the queue. */
static int worker_run(struct rig *rig)
{
	struct gpu_queue_state state;
	int ret;

	ret = rig_run(rig, gpu_fill(RIG_RAM + 64 * RIG_PAGE, 64 * RIG_PAGE, 1,
				    0, 0x5a5a5a5a));
	if (!ret)
		ret = rig_run(rig, gpu_fill(RIG_VRAM + 64 * RIG_PAGE,
					    64 * RIG_PAGE, 1, 0, 0x5a5a5a5a));
	if (ret != -EIO || gpu_queue_state(&rig->vmm.gpu, 0, &state))
		return ret;

	switch (state.fault) {
	case MVGPU_FAULT_IOVA:
	case MVGPU_FAULT_MEMLOCK:
	case MVGPU_FAULT_MEMORY:
		return -ENOMEM;
	default:
		return -EIO;
	}
}

/* What was written before the fault is in the bitmap. */
static int worker_check(struct rig *rig)
{
	const unsigned char *ram = rig->vmm.ram.mem;
	unsigned char bitmap[64];
	unsigned int page;
	int ret;

	ret = devstate_bitmap(rig->vmm.vfio.container, RIG_RAM_IOVA, 512,
			      bitmap);
	for (page = 64; page < 128 && !ret; page++)
		if (ram[page * RIG_PAGE] && !devstate_bit(bitmap, page))
			ret = -EUCLEAN;
	memset(rig->vmm.ram.mem, 0, 128 * RIG_PAGE);
	if (!ret)
		ret = vfio_reset(rig->vmm.vfio.device);

	return ret ?: rig_setup(rig) ?: sweep_works(rig);
}

TEST_F_TIMEOUT(sweep, run_and_pin, 3600)
{
	struct rig *rig = &self->rig;
	pid_t worker = fault_worker(rig->vmm.uuid);

	ASSERT_LT(0, worker);
	SWEEP(worker, worker_run(rig), worker_check(rig));
}

TEST_F_TIMEOUT(sweep, bitmap, 3600)
{
	struct rig *rig = &self->rig;
	unsigned char bitmap[256 / 8];

	ASSERT_EQ(0, rig_run(rig, gpu_fill(RIG_RAM, 256 * RIG_PAGE, 1, 0, 1)));
	SWEEP(0, devstate_bitmap(rig->vmm.vfio.container, RIG_RAM_IOVA, 256,
				 bitmap), 0);
	ASSERT_TRUE(rig_all(bitmap, sizeof(bitmap), 0xff));
}

#define LOGGED_FIRST	16
#define LOGGED_END	24

/* Of pages that sweep_works() left pinned, so that only the log needs memory. */
static int logged_fill(struct rig *rig)
{
	int ret = mig_log_start(rig->vmm.vfio.device, RIG_RAM_IOVA,
				RIG_RAM_SIZE);

	return ret ?: rig_run(rig, gpu_fill(RIG_RAM + LOGGED_FIRST * RIG_PAGE,
					    (LOGGED_END - LOGGED_FIRST) *
					    RIG_PAGE, 1, 0, 1));
}

/* What was written is reported: it alone, or with all else, which is counted. */
static int logged_check(struct rig *rig, unsigned int *all)
{
	static const __u64 written =
		(1ULL << LOGGED_END) - (1ULL << LOGGED_FIRST);
	const int device = rig->vmm.vfio.device;
	__u64 reported = 0;
	int ret;

	ret = mig_log_report(device, RIG_RAM_IOVA, 64 * RIG_PAGE, &reported);
	if (ret)
		return ret;
	if (reported == ~0ULL)
		(*all)++;
	else if (reported != written)
		return -EUCLEAN;
	/* what was reported is known again */
	reported = 0;
	ret = mig_log_report(device, RIG_RAM_IOVA, 64 * RIG_PAGE, &reported);
	if (ret || reported)
		return ret ?: -EUCLEAN;
	ret = mig_log_stop(device);

	return ret ?: sweep_recovers(rig);
}

TEST_F_TIMEOUT(sweep, dma_logging, 3600)
{
	struct rig *rig = &self->rig;
	pid_t worker = fault_worker(rig->vmm.uuid);
	unsigned int all = 0;

	if (!mig_log_available(rig->vmm.vfio.device))
		SKIP(return, "this kernel's vfio core cannot report: no CONFIG_IOMMUFD_DRIVER");
	ASSERT_LT(0, worker);
	ASSERT_EQ(0, sweep_works(rig));
	SWEEP(worker, logged_fill(rig), logged_check(rig, &all));
	EXPECT_LT(0, all);
}

static int stop_and_start(struct rig *rig)
{
	int ret = devstate_stop(&rig->vmm.state);

	return ret ?: devstate_start(&rig->vmm.state);
}

TEST_F_TIMEOUT(sweep, stop_and_start, 3600)
{
	struct rig *rig = &self->rig;

	SWEEP(0, stop_and_start(rig),
	      devstate_start(&rig->vmm.state) ?: sweep_works(rig));
}

static int save(struct rig *rig, void **context, __u64 *length)
{
	free(*context);
	*context = NULL;

	return devstate_save(&rig->vmm.state, context, length);
}

TEST_F_TIMEOUT(sweep, save, 3600)
{
	struct rig *rig = &self->rig;
	void *context = NULL, *good = NULL;
	__u64 length, good_length;

	ASSERT_EQ(0, sweep_works(rig));
	ASSERT_EQ(0, devstate_stop(&rig->vmm.state));
	ASSERT_EQ(0, devstate_save(&rig->vmm.state, &good, &good_length));
	SWEEP(0, save(rig, &context, &length), 0);

	/* The last one, with which nothing failed, is the same. */
	ASSERT_EQ(good_length, length);
	ASSERT_EQ(0, memcmp(good, context, length));
	free(context);
	free(good);
	ASSERT_EQ(0, devstate_start(&rig->vmm.state));
	ASSERT_EQ(0, sweep_works(rig));
}

/* A load that failed is refused or half done: stop gives a reset device. */
static int load_check(struct rig *rig)
{
	int ret = devstate_stop(&rig->vmm.state);

	return ret ?: devstate_start(&rig->vmm.state);
}

TEST_F_TIMEOUT(sweep, load, 3600)
{
	struct rig *rig = &self->rig;
	void *context;
	__u64 length;

	ASSERT_EQ(0, sweep_works(rig));
	ASSERT_EQ(0, devstate_stop(&rig->vmm.state));
	ASSERT_EQ(0, devstate_save(&rig->vmm.state, &context, &length));
	SWEEP(0, devstate_load(&rig->vmm.state, context, length),
	      load_check(rig));
	free(context);
	ASSERT_EQ(0, sweep_works(rig));
}

/* A move to itself by migration v2, with VRAM written in pre-copy. */
static int move2(struct rig *rig)
{
	const int device = rig->vmm.vfio.device;
	struct mig_stream stream = {};
	int fd, ret;

	ret = mig_set(device, MIG_PRE_COPY, &fd);
	if (ret)
		return ret;
	ret = mig_drain(fd, &stream, 8192);
	if (ret == -ENOMSG)
		ret = gpu_vram_write(&rig->vmm.gpu, RIG_PAGE, "x", 1);
	if (!ret)
		ret = mig_set(device, MIG_STOP_COPY, NULL);
	if (!ret)
		ret = mig_drain(fd, &stream, 8192);
	close(fd);
	if (!ret)
		ret = mig_load(device, &stream, 8192);
	if (!ret)
		ret = mig_set(device, MIG_RUNNING, NULL);
	mig_stream_free(&stream);

	return ret;
}

static int reset_and_work(struct rig *rig)
{
	int ret = vfio_reset(rig->vmm.vfio.device);

	return ret ?: rig_setup(rig) ?: sweep_works(rig);
}

TEST_F_TIMEOUT(sweep, move_by_migration_v2, 3600)
{
	struct rig *rig = &self->rig;

	ASSERT_EQ(0, sweep_works(rig));
	SWEEP(0, move2(rig), reset_and_work(rig));
}

/* The reset itself has no point of failure; what a guest does next has. */
static int reset_and_set_up(struct rig *rig)
{
	int ret = vfio_reset(rig->vmm.vfio.device);

	return ret ?: rig_setup(rig);
}

TEST_F_TIMEOUT(sweep, reset, 3600)
{
	struct rig *rig = &self->rig;

	SWEEP(0, reset_and_set_up(rig), sweep_recovers(rig));
}

/* Memory of another process than the one that opened the vGPU. */
FIXTURE(foreign)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct vmm vmm;
};

FIXTURE_SETUP(foreign)
{
	memset(self, 0, sizeof(*self));
	if (!fault_available())
		SKIP(return, "needs FAULT_INJECTION: failslab, fail_page_alloc, fail_usercopy");
	ASSERT_EQ(0, fixture_claim("none", self->claim));
}

FIXTURE_TEARDOWN(foreign)
{
	vmm_destroy(&self->vmm);
	fixture_claim(self->claim, NULL);
}

/* One command more, after a reset: 1 if it faulted for memory, 0 or -errno. */
static int foreign_run(struct rig *rig, pid_t worker, unsigned int nth,
		       bool *fired)
{
	struct gpu_queue_state state;
	int ret, disarmed;

	ret = vfio_reset(rig->vmm.vfio.device) ?: rig_setup(rig) ?:
	      fault_arm(worker, nth);
	if (ret)
		return ret;
	ret = rig_run(rig, gpu_fill(RIG_RAM, RIG_PAGE, 1, 0, 1));
	disarmed = fault_disarm(fired);
	if (ret != -EIO || disarmed)
		return ret ?: disarmed;
	ret = gpu_queue_state(&rig->vmm.gpu, 0, &state);

	return ret ?: state.fault == MVGPU_FAULT_MEMORY ? 1 : -EIO;
}

/* Opens the vGPU anew; its ring and what it writes are its parent's. */
static int life_of_the_opener(struct vmm *vmm)
{
	struct fixture_vmm *view = &vmm->rig.vmm;
	unsigned int nth, hits = 0;
	bool fired = true;
	pid_t worker;
	int ret;

	view->vfio.device = vfio_open_device(view->vfio.group, view->uuid);
	if (view->vfio.device < 0 || gpu_init(&view->gpu, view->vfio.device))
		return __LINE__;
	worker = fault_worker(view->uuid);
	for (nth = 1; fired && nth < SWEEP_MAX; nth++) {
		ret = foreign_run(&vmm->rig, worker, nth, &fired);
		if (ret < 0)
			return __LINE__;
		hits += ret;
	}

	return hits ? 0 : __LINE__;
}

static int life_of_the_mapper(struct vmm *vmm)
{
	pid_t pid;

	if (rig_open(&vmm->rig))
		return __LINE__;
	close(vmm->rig.vmm.vfio.device);
	vmm->rig.vmm.vfio.device = -1;
	pid = fork();
	if (!pid)
		_exit(life_of_the_opener(vmm) ? 1 : 0);

	return task_ended(pid) ? __LINE__ : 0;
}

/* Its copies take a thread, for which there may be no memory. */
TEST_F(foreign, memory_without_a_thread_is_a_fault_for_memory)
{
	ASSERT_EQ(0, vmm_start(&self->vmm, life_of_the_mapper));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

TEST_HARNESS_MAIN
