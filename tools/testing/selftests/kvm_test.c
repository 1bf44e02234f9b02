// SPDX-License-Identifier: GPL-2.0
/*
 * VRAM as a guest's CPU sees it, through KVM: it writes at full speed, while
 * the rounds of pre-copy take its mappings away under it.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
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
/* So large that the guest never comes to an end with its faults. */
#define WINDOW		0x400000ULL
/* The byte that changes in the last page: there the count is n * 1024. */
#define LAST		(WINDOW - RIG_PAGE + 1)
#define ROUNDS		2000

/* Counts, and writes the count to one page after the other, round and round. */
static const unsigned char code[] = {
	0x40,					/* again: inc eax */
	0x89, 0x03,				/* mov [ebx], eax */
	0x81, 0xc3, 0x00, 0x10, 0x00, 0x00,	/* add ebx, 0x1000 */
	0x81, 0xe3, 0xff, 0xff, 0x3f, 0x00,	/* and ebx, WINDOW - 1 */
	0xeb, 0xef,				/* jmp again */
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
	int cpu;
	pthread_t thread;
	int fd;
};

/* Signals get a vCPU out of the guest; there is nothing else to do. */
static void ignore(int sig)
{
	(void)sig;
}

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

/* At the code, in 32 bits without paging, with the data segment on VRAM. */
static int set_registers(int cpu)
{
	struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
	struct kvm_sregs sregs;

	if (ioctl(cpu, KVM_GET_SREGS, &sregs))
		return -1;
	sregs.cr0 |= 1;
	sregs.cs = segment(0, 8, 11);
	sregs.ds = segment(VRAM, 16, 3);
	sregs.ss = sregs.ds;
	if (ioctl(cpu, KVM_SET_SREGS, &sregs))
		return -1;
	return ioctl(cpu, KVM_SET_REGS, &regs);
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
	ASSERT_EQ(0, add_memory(self->vm, 1, VRAM, self->vram, WINDOW));
	self->cpu = ioctl(self->vm, KVM_CREATE_VCPU, 0);
	ASSERT_LE(0, self->cpu);
	self->run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	self->run = mmap(NULL, self->run_size, PROT_READ | PROT_WRITE,
			 MAP_SHARED, self->cpu, 0);
	ASSERT_NE(MAP_FAILED, self->run);
	ASSERT_EQ(0, set_registers(self->cpu));
	close(kvm);
}

FIXTURE_TEARDOWN(kvm)
{
	if (self->fd >= 0)
		close(self->fd);
	munmap(self->run, self->run_size);
	close(self->cpu);
	close(self->vm);
	munmap(self->code, RIG_PAGE);
	munmap(self->vram, self->source.vmm.gpu.vram_size);
	mig_stream_free(&self->stream);
	rig_destroy(&self->target);
	rig_destroy(&self->source);
}

/* Until KVM has a reason to come back. Returns errno, 0 for an exit. */
static void *run_guest(void *arg)
{
	const int cpu = *(int *)arg;

	return (void *)(long)(ioctl(cpu, KVM_RUN, 0) ? errno : 0);
}

static int start_guest(pthread_t *thread, int *cpu)
{
	const struct sigaction action = { .sa_handler = ignore };

	if (sigaction(SIGUSR1, &action, NULL))
		return -errno;
	return -pthread_create(thread, NULL, run_guest, cpu);
}

/* What KVM_RUN said in the end: EINTR, if all went well. */
static long stop_guest(pthread_t thread, struct kvm_run *run)
{
	void *result;

	__atomic_store_n(&run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(thread, SIGUSR1);
	pthread_join(thread, &result);
	return (long)result;
}

TEST_F_TIMEOUT(kvm, a_guest_writes_on_through_pre_copy_and_loses_nothing, 600)
{
	const __u64 size = self->source.vmm.gpu.vram_size;
	const int from = self->source.vmm.vfio.device;
	const int to = self->target.vmm.vfio.device;
	const unsigned int rounds = effort_rounds(ROUNDS);
	unsigned char *copy;
	unsigned int i;
	int ret = 0;

	ASSERT_EQ(0, mig_set(from, MIG_PRE_COPY, &self->fd));
	ASSERT_EQ(0, start_guest(&self->thread, &self->cpu));
	EXPECT_EQ(0, rig_wait_change(&self->vram[LAST], 0));
	for (i = 0; i < rounds && (!ret || ret == 1 || ret == -ENOMSG); i++)
		ret = mig_drain_some(self->fd, &self->stream, 1 << 20, WINDOW);
	EXPECT_EQ(rounds, i) TH_LOG("round %u: %d", i, ret);
	EXPECT_EQ(EINTR, stop_guest(self->thread, self->run));

	ASSERT_EQ(0, mig_set(from, MIG_STOP_COPY, NULL));
	ASSERT_EQ(0, mig_drain(self->fd, &self->stream, 1 << 20));
	ASSERT_EQ(0, mig_set(from, MIG_STOP, NULL));
	ASSERT_EQ(0, mig_load(to, &self->stream, 1 << 20));
	copy = gpu_vram_map(&self->target.vmm.gpu);
	ASSERT_NE(NULL, copy);
	EXPECT_EQ(0, memcmp(self->vram, copy, size));
	munmap(copy, size);
}

/* Of a device that is closed, nothing is left in the guest. */
TEST_F(kvm, a_guest_stands_when_its_vram_is_gone)
{
	void *result;

	ASSERT_EQ(0, start_guest(&self->thread, &self->cpu));
	EXPECT_EQ(0, rig_wait_change(&self->vram[LAST], 0));
	rig_close(&self->source);
	ASSERT_EQ(0, pthread_join(self->thread, &result));
	EXPECT_EQ(EFAULT, (long)result);
}

TEST_HARNESS_MAIN
