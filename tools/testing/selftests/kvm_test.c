// SPDX-License-Identifier: GPL-2.0
/*
 * VRAM as a guest's CPU sees it, through KVM: it writes, while the rounds of
 * pre-copy take its mappings away under it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <linux/kvm.h>

#include "kselftest_harness.h"
#include "effort.h"
#include "migration2.h"
#include "rig.h"

/* Guest physical addresses; code is one page of ordinary memory. */
#define CODE		0x1000ULL
#define VRAM		0x100000ULL
#define TRIALS		6

/*
 * Writes eax to ecx pages, one after the other; to one for ever; or waits for eax in
 * one, and writes ecx there.
 */
static const unsigned char code[] = {
	0x89, 0x03,				/* again: mov [ebx], eax */
	0x81, 0xc3, 0x00, 0x10, 0x00, 0x00,	/* add ebx, 0x1000 */
	0x49,					/* dec ecx */
	0x75, 0xf5,				/* jnz again */
	0xf4,					/* hlt */
	0x89, 0x03,				/* forever: mov [ebx], eax */
	0xeb, 0xfc,				/* jmp forever */
	0x39, 0x03,				/* look: cmp [ebx], eax */
	0x75, 0xfc,				/* jne look */
	0x89, 0x0b,				/* mov [ebx], ecx */
	0xf4,					/* hlt */
};

#define FOREVER		(CODE + 12)
#define LOOK		(CODE + 16)

/**
 * struct guest - one that runs
 * @cpu: its vCPU
 * @thread: runs it
 * @result: what KVM_RUN said in the end: 0 or -errno
 * @ended: it did
 */
struct guest {
	int cpu;
	pthread_t thread;
	int result;
	bool ended;
};

FIXTURE(kvm) {
	struct rig source;
	struct rig target;
	unsigned char *vram;
	unsigned char *code;
	struct mig_stream stream;
	struct kvm_run *run;
	int run_size;
	int vm;
	struct guest guest;
	int fd;
};

static int add_memory(int vm, int slot, __u64 at, void *memory, __u64 size)
{
	struct kvm_userspace_memory_region region = {
		.slot = slot,
		.guest_phys_addr = at,
		.memory_size = size,
		.userspace_addr = (unsigned long)memory,
	};

	return ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region);
}

/* A segment of protected mode, from @base to the end. */
static struct kvm_segment segment(__u64 base, unsigned int selector,
				  unsigned int type)
{
	return (struct kvm_segment) {
		.base = base, .limit = 0xffffffff, .selector = selector,
		.type = type, .s = 1, .present = 1, .db = 1, .g = 1,
	};
}

/* In 32 bits without paging, with the data segment on VRAM. */
static int set_segments(int cpu)
{
	struct kvm_sregs sregs;

	if (ioctl(cpu, KVM_GET_SREGS, &sregs))
		return -1;
	sregs.cr0 |= 1;
	sregs.cs = segment(0, 8, 11);
	sregs.ds = segment(VRAM, 16, 3);
	sregs.ss = sregs.ds;
	return ioctl(cpu, KVM_SET_SREGS, &sregs);
}

static void *run_guest(void *arg)
{
	struct guest *guest = arg;

	guest->result = ioctl(guest->cpu, KVM_RUN, 0) ? -errno : 0;
	__atomic_store_n(&guest->ended, true, __ATOMIC_RELEASE);
	return NULL;
}

/* Has the guest write a value to so many pages, if it is to come to an end. */
static int start_guest(struct guest *guest, __u64 rip, __u32 value,
		       __u32 pages)
{
	struct kvm_regs regs = {
		.rip = rip, .rflags = 2, .rax = value, .rcx = pages,
	};

	guest->ended = false;
	if (ioctl(guest->cpu, KVM_SET_REGS, &regs))
		return -errno;
	return -pthread_create(&guest->thread, NULL, run_guest, guest);
}

FIXTURE_SETUP(kvm)
{
	int kvm;

	memset(&self->stream, 0, sizeof(self->stream));
	self->fd = -1;
	ASSERT_EQ(0, system("modprobe kvm_amd"));
	kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, kvm);
	ASSERT_EQ(0, rig_create(&self->source));
	ASSERT_EQ(0, rig_create(&self->target));
	ASSERT_EQ(0, rig_open(&self->source));
	ASSERT_EQ(0, rig_open(&self->target));
	self->vram = gpu_vram_map(&self->source.vmm.gpu);
	ASSERT_NE(NULL, self->vram);
	self->code = mmap(NULL, RIG_PAGE, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->code);
	memcpy(self->code, code, sizeof(code));

	self->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	ASSERT_LE(0, self->vm);
	ASSERT_EQ(0, add_memory(self->vm, 0, CODE, self->code, RIG_PAGE));
	ASSERT_EQ(0, add_memory(self->vm, 1, VRAM, self->vram,
				self->source.vmm.gpu.vram_size));
	self->guest.cpu = ioctl(self->vm, KVM_CREATE_VCPU, 0);
	ASSERT_LE(0, self->guest.cpu);
	self->run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	self->run = mmap(NULL, self->run_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, self->guest.cpu, 0);
	ASSERT_NE(MAP_FAILED, self->run);
	ASSERT_EQ(0, set_segments(self->guest.cpu));
	close(kvm);
}

FIXTURE_TEARDOWN(kvm)
{
	if (self->fd >= 0)
		close(self->fd);
	munmap(self->run, self->run_size);
	close(self->guest.cpu);
	close(self->vm);
	munmap(self->code, RIG_PAGE);
	munmap(self->vram, self->source.vmm.gpu.vram_size);
	mig_stream_free(&self->stream);
	rig_destroy(&self->target);
	rig_destroy(&self->source);
}

/* Rounds of pre-copy, until the guest has ended. */
static int drain_rounds(int fd, struct mig_stream *stream,
			const struct guest *guest)
{
	int ret = -ENOMSG;

	while (!__atomic_load_n(&guest->ended, __ATOMIC_ACQUIRE) &&
	       (ret == 1 || ret == -ENOMSG))
		ret = mig_drain_some(fd, stream, 1 << 20, 1 << 20);
	return ret == 1 ? -ENOMSG : ret;
}

/*
 * Each page is written once a move, so that nothing makes good for a write that
 * was not noticed.
 */
TEST_F_TIMEOUT(kvm, a_guest_writes_in_pre_copy_and_nothing_is_lost, 1200)
{
	const __u64 size = self->source.vmm.gpu.vram_size;
	const int from = self->source.vmm.vfio.device;
	const int to = self->target.vmm.vfio.device;
	const unsigned int trials = effort_rounds(TRIALS);
	unsigned char *copy = gpu_vram_map(&self->target.vmm.gpu);
	unsigned int i;

	ASSERT_NE(NULL, copy);
	for (i = 1; i <= trials; i++) {
		ASSERT_EQ(0, mig_set(from, MIG_PRE_COPY, &self->fd));
		ASSERT_EQ(0, start_guest(&self->guest, CODE, i,
					 size / RIG_PAGE));
		EXPECT_EQ(-ENOMSG, drain_rounds(self->fd, &self->stream,
						&self->guest));
		ASSERT_EQ(0, pthread_join(self->guest.thread, NULL));
		ASSERT_EQ(0, self->guest.result);
		ASSERT_EQ(KVM_EXIT_HLT, self->run->exit_reason);
		ASSERT_EQ(0, mig_set(from, MIG_STOP_COPY, NULL));
		ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 1 << 20));
		ASSERT_EQ(0, mig_set(from, MIG_RUNNING, NULL));
		close(self->fd);
		self->fd = -1;
		ASSERT_EQ(0, mig_load(to, &self->stream, 1 << 20));
		ASSERT_EQ(0, memcmp(self->vram, copy, size))
			TH_LOG("move %u", i);
		mig_stream_free(&self->stream);
	}
	munmap(copy, size);
}

/* KVM has a page of VRAM once there is one in the process's own mapping. */
static int wait_mapped(void *page)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	unsigned char there = 0;

	while (!(there & 1)) {
		if (rig_now_ms() > end)
			return -ETIMEDOUT;
		if (mincore(page, RIG_PAGE, &there))
			return -errno;
	}
	return 0;
}

/*
 * A guest that has read VRAM which nobody had written is shown what is written,
 * and writes where it read.
 */
TEST_F(kvm, a_guest_sees_what_comes_where_there_was_nothing)
{
	const __u64 at = 3 * RIG_PAGE;
	struct rig *rig = &self->source;

	ASSERT_EQ(0, start_guest(&self->guest, LOOK, 0x5a5a5a5a, 0x77));
	EXPECT_EQ(0, wait_mapped(self->vram));
	ASSERT_EQ(0, rig_run(rig, gpu_fill(RIG_VRAM + at, 4, 1, 0, 1)));
	EXPECT_FALSE(__atomic_load_n(&self->guest.ended, __ATOMIC_ACQUIRE));
	ASSERT_EQ(0, rig_run(rig, gpu_fill(RIG_VRAM, 4, 1, 0, 0x5a5a5a5a)));
	ASSERT_EQ(0, pthread_join(self->guest.thread, NULL));
	ASSERT_EQ(0, self->guest.result);
	EXPECT_EQ(KVM_EXIT_HLT, self->run->exit_reason);
	EXPECT_EQ(0x77, *(__u32 *)self->vram);
}

/* Of a device that is closed, nothing is left in the guest. */
TEST_F(kvm, a_guest_stands_when_its_vram_is_gone)
{
	ASSERT_EQ(0, start_guest(&self->guest, FOREVER, 1, 0));
	EXPECT_EQ(0, rig_wait_change(self->vram, 0));
	rig_close(&self->source);
	ASSERT_EQ(0, pthread_join(self->guest.thread, NULL));
	EXPECT_EQ(-EFAULT, self->guest.result);
}

TEST_HARNESS_MAIN
