// SPDX-License-Identifier: GPL-2.0
/*
 * driver-test DEVICE [suspend]: what mvgpu_guest.ko promises a program, tried in
 * the guest. Each case is a process or two, which have the device open. With
 * "suspend", the one case that suspends the guest, which somebody has to wake.
 * Prints TAP.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "device.h"

/* A case ends with the first thing that is not so: it has a process for itself. */
#define CHECK(what)	check(what, __LINE__, #what)

static void check(bool good, int line, const char *what)
{
	if (good)
		return;
	printf("# line %d: not %s\n", line, what);
	fflush(stdout);
	_exit(1);
}

/* GPU addresses of the rig's memory, and where nothing is. */
#define RAM		0UL
#define RAM_SIZE	(4 * PAGE)
#define VRAM		0x100000UL
#define VRAM_SIZE	(4UL << 20)
#define NOWHERE		0x8000000UL

/* So long something takes at most that has to come, or is seen not to come. */
#define SOON_MS		60000
#define NEVER_MS	200

/* The page of fences is the driver's last. */
#define FENCE(queue)	((MVGPU_GTT_ENTRIES - 1ULL) * PAGE + 8 * (queue))

static const char *path;

/**
 * struct rig - the device, and memory of both kinds
 * @device: the device
 * @ram: at RAM
 * @vram: at VRAM
 */
struct rig {
	struct device device;
	struct buffer ram;
	struct buffer vram;
};

static void setup(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	CHECK(!device_open(&rig->device, path));
	CHECK(!device_alloc(&rig->device, &rig->ram, RAM_SIZE, 0));
	CHECK(!device_alloc(&rig->device, &rig->vram, VRAM_SIZE,
			    MVGPU_GUEST_VRAM));
	CHECK(!device_bind(&rig->device, &rig->ram, RAM, 0, RAM_SIZE));
	CHECK(!device_bind(&rig->device, &rig->vram, VRAM, 0, VRAM_SIZE));
}

static __u64 *words(const struct buffer *buffer)
{
	return (__u64 *)buffer->mem;
}

/* Submits one command, and waits. */
static int run(const struct rig *rig, __u32 queue, union gpu_command command)
{
	__u64 sequence;
	int ret = device_submit(&rig->device, queue, &command, 1, &sequence);

	return ret ? ret : device_wait(&rig->device, queue, sequence, SOON_MS);
}

/* Submits a wait for a word that nobody writes. */
static int block(const struct rig *rig, __u32 queue, __u64 *sequence)
{
	union gpu_command command =
		gpu_semaphore(RAM + RAM_SIZE - 8, MVGPU_COMPARE_EQUAL, 1);

	return device_submit(&rig->device, queue, &command, 1, sequence);
}

static union gpu_command opcode(__u32 number)
{
	union gpu_command command = gpu_nop();

	command.opcode = htole32(number);
	return command;
}

/* What reaches beyond what can be bound, or cannot be judged. */
static bool refuses_bad_ones(const struct rig *rig)
{
	const __u64 end = rig->device.info.gpu_size;
	const union gpu_command bad[] = {
		gpu_fill(end, 4, 1, 4, 0),
		gpu_fill(end - 2, 4, 1, 4, 0),
		gpu_fill(end - PAGE, 4, 2, PAGE, 0),
		gpu_fill(0, 4, 0xffffffff, 0xffffffff, 0),
		gpu_fill(-2ULL, 4, 1, 4, 0),
		gpu_fill(FENCE(0), 8, 1, 8, 0),
		gpu_copy(end, RAM, 4, 1, 4, 4),
		gpu_copy(RAM, end, 4, 1, 4, 4),
		gpu_copy(RAM, end - PAGE, 4, 2, 4, PAGE),
		gpu_copy(end - PAGE, RAM, 4, 2, PAGE, 4),
		gpu_blend(end, RAM, 4, 1, 4, 4, 255),
		gpu_blend(RAM, end, 4, 1, 4, 4, 255),
		gpu_crc32c(end, RAM, 4, 0),
		gpu_crc32c(RAM, end - 4, 8, 0),
		gpu_crc32c(RAM, PAGE, -1ULL, 0),
		gpu_fence(end, 0),
		gpu_fence(FENCE(1), 1000),
		gpu_semaphore(end, MVGPU_COMPARE_EQUAL, 0),
		gpu_semaphore(-8ULL, MVGPU_COMPARE_EQUAL, 0),
		gpu_timestamp(end),
		gpu_bind(0, 1, MVGPU_GTT_VALID),
		gpu_unbind(0, 1),
		opcode(MVGPU_OP_TIMESTAMP + 1),
		opcode(0xffffffff),
	};
	__u64 sequence;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		union gpu_command both[] = {
			gpu_fill(RAM, PAGE, 1, PAGE, 0xffffffff), bad[i],
		};
		int ret = device_submit(&rig->device, 0, both, 2, &sequence);

		if (ret != -EINVAL) {
			printf("# bad command %zu: %d\n", i, ret);
			return false;
		}
	}
	return true;
}

/* What goes to the very end, where a page of RAM is bound. */
static bool takes_good_ones(const struct rig *rig)
{
	const __u64 end = rig->device.info.gpu_size;
	const union gpu_command good[] = {
		gpu_fill(end - 4, 4, 1, 4, 0),
		gpu_copy(end - 4, RAM, 4, 1, 4, 4),
		gpu_copy(RAM, end - 4, 4, 1, 4, 4),
		gpu_blend(end - 4, RAM, 4, 1, 4, 4, 255),
		gpu_crc32c(end - 4, RAM, 4, 0),
		gpu_crc32c(RAM, end - 8, 8, 0),
		gpu_fence(end - 8, 0),
		gpu_semaphore(end - 8, MVGPU_COMPARE_EQUAL, 0),
		gpu_timestamp(end - 8),
		gpu_nop(),
	};
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++) {
		int ret = run(rig, 1, good[i]);

		if (ret) {
			printf("# good command %zu: %d\n", i, ret);
			return false;
		}
	}
	return true;
}

static void commands_stay_within_the_program(void)
{
	struct rig rig;

	setup(&rig);
	CHECK(!device_bind(&rig.device, &rig.ram,
			   rig.device.info.gpu_size - PAGE, 0, PAGE));
	CHECK(refuses_bad_ones(&rig));
	CHECK(takes_good_ones(&rig));
	/* Nothing of those that were refused was begun. */
	CHECK(!run(&rig, 0, gpu_nop()));
	CHECK(words(&rig.ram)[8] == 0);
}

/*
 * Goes, while queue 0 waits, so that the driver drops its fence. The last queue
 * waits for that, and then writes to all fences. Queue 2 has it look all the time.
 */
static void leave_fences(void)
{
	union gpu_command fills[100], fences[100];
	__u64 sequence;
	struct rig rig;
	__u32 i;

	setup(&rig);
	CHECK(!block(&rig, 0, &sequence));
	fills[0] = gpu_semaphore(FENCE(0), MVGPU_COMPARE_NOT_EQUAL,
				 sequence - 1);
	fences[0] = gpu_fence(RAM, 1);
	for (i = 1; i < 100; i++) {
		fills[i] = gpu_fill(FENCE(0), 32, 1, 32, 0x7fffffff);
		fences[i] = fences[0];
	}
	/* Refused, or not: what the next program sees is what counts. */
	device_submit(&rig.device, 3, fills, 100, &sequence);
	munmap(rig.ram.mem, RAM_SIZE);
	munmap(rig.vram.mem, VRAM_SIZE);
	for (i = 0; i < 4; i++)
		device_submit(&rig.device, 2, fences, 100, &sequence);
	device_close(&rig.device);
}

static void waits_are_for_own_fences(void)
{
	__u64 sequence;
	struct rig rig;
	__u32 queue;

	setup(&rig);
	for (queue = 0; queue < QUEUES; queue++) {
		CHECK(!block(&rig, queue, &sequence));
		CHECK(device_wait(&rig.device, queue, sequence, NEVER_MS) ==
		      -ETIMEDOUT);
	}
}

/* Leaves all there can be: bytes, bindings, a queue that waits for ever. */
static void leave_all(void)
{
	__u64 sequence;
	struct rig rig;

	setup(&rig);
	CHECK(!run(&rig, 0, gpu_fill(RAM, RAM_SIZE, 1, RAM_SIZE, 0x5a5a5a5a)));
	CHECK(!run(&rig, 1, gpu_fill(VRAM, VRAM_SIZE, 1, VRAM_SIZE,
				     0x5a5a5a5a)));
	CHECK(!block(&rig, 2, &sequence));
	CHECK(run(&rig, 3, gpu_copy(NOWHERE, RAM, 4, 1, 4, 4)) == -EIO);
}

static bool zeros(const struct buffer *buffer)
{
	size_t i;

	for (i = 0; i < buffer->size / sizeof(__u64); i++)
		if (words(buffer)[i])
			return false;
	return true;
}

static void nothing_is_left(void)
{
	union gpu_command nop = gpu_nop();
	struct device device;
	__u64 sequence;
	struct rig rig;
	__u32 queue;

	CHECK(!device_open(&device, path));
	rig.device = device;
	for (queue = 0; queue < QUEUES; queue++) {
		CHECK(!device_submit(&device, queue, &nop, 1, &sequence));
		CHECK(sequence == 1);
		CHECK(!device_wait(&device, queue, 1, SOON_MS));
	}
	CHECK(run(&rig, 0, gpu_crc32c(RAM, RAM + 8, 8, 0)) == -EIO);
	CHECK(run(&rig, 1, gpu_crc32c(VRAM, VRAM + 8, 8, 0)) == -EIO);
	device_close(&device);
	setup(&rig);
	CHECK(zeros(&rig.ram) && zeros(&rig.vram));
}

static void all_restarts_are_remembered(void)
{
	__u64 done[40], dropped[40], more;
	struct rig rig;
	int i;

	setup(&rig);
	for (i = 0; i < 40; i++) {
		union gpu_command nop = gpu_nop();

		/* At times one restart goes on where the last one ended. */
		done[i] = 0;
		if (i % 4) {
			CHECK(!device_submit(&rig.device, 1, &nop, 1, done + i));
			CHECK(!device_wait(&rig.device, 1, done[i], SOON_MS));
		}
		CHECK(!block(&rig, 1, dropped + i));
		CHECK(!block(&rig, 1, &more));
		CHECK(!device_restart(&rig.device, 1));
	}
	for (i = 0; i < 40; i++) {
		if (done[i])
			CHECK(!device_wait(&rig.device, 1, done[i], 0));
		CHECK(device_wait(&rig.device, 1, dropped[i], 0) == -ECANCELED);
		CHECK(device_wait(&rig.device, 1, dropped[i] + 1, 0) ==
		      -ECANCELED);
	}
	CHECK(!run(&rig, 1, gpu_nop()));
}

/**
 * struct toucher - a thread that touches what another one frees
 * @mem: the memory
 * @pages: its size
 * @pipe: to write to: what is not there is EFAULT then, and no signal
 * @start: both begin at a time
 */
struct toucher {
	__u8 *mem;
	size_t pages;
	int pipe[2];
	pthread_barrier_t start;
};

static bool touch(const struct toucher *toucher, size_t page)
{
	char byte;

	return write(toucher->pipe[1], toucher->mem + page * PAGE, 1) == 1 &&
	       read(toucher->pipe[0], &byte, 1) == 1;
}

static void *touch_all(void *data)
{
	struct toucher *toucher = data;
	size_t i;

	pthread_barrier_wait(&toucher->start);
	for (i = 0; i < toucher->pages; i++)
		touch(toucher, i);
	return NULL;
}

/* One round; the mapping stays when the buffer goes. */
static void free_while_touched(const struct rig *rig, struct toucher *toucher)
{
	struct buffer buffer;
	pthread_t thread;
	bool found = false;
	size_t i;

	CHECK(!device_alloc(&rig->device, &buffer, toucher->pages * PAGE, 0));
	toucher->mem = buffer.mem;
	CHECK(!pthread_create(&thread, NULL, touch_all, toucher));
	pthread_barrier_wait(&toucher->start);
	CHECK(!ioctl(rig->device.fd, MVGPU_GUEST_FREE, &buffer.number));
	CHECK(!pthread_join(thread, NULL));
	for (i = 0; i < toucher->pages; i++)
		found |= touch(toucher, i);
	munmap(buffer.mem, buffer.size);
	CHECK(!found);
}

static void freed_memory_is_not_mapped(void)
{
	struct toucher toucher = { .pages = 64 };
	struct rig rig;
	int i;

	setup(&rig);
	CHECK(!pipe(toucher.pipe));
	CHECK(!pthread_barrier_init(&toucher.start, NULL, 2));
	for (i = 0; i < 50; i++)
		free_while_touched(&rig, &toucher);
}

static bool suspend(void)
{
	int fd = open("/sys/power/state", O_WRONLY | O_CLOEXEC);
	ssize_t ret = write(fd, "mem", 3);

	close(fd);
	return ret == 3;
}

/*
 * What the device does while the guest is suspended: queue 0 moves all of VRAM
 * on by a page, again and again, which cannot be done twice; queue 1 waits for
 * the CPU; queue 2 has faulted.
 */
#define MOVES	100

static void submit_work(const struct rig *rig, __u64 sequence[QUEUES])
{
	const size_t size = VRAM_SIZE - PAGE;
	union gpu_command moves[MOVES], waits[2];
	int i;

	for (i = 0; i < MOVES; i++)
		moves[i] = gpu_copy(VRAM + PAGE, VRAM, size, 1, size, size);
	waits[0] = gpu_semaphore(RAM, MVGPU_COMPARE_EQUAL, 1);
	waits[1] = gpu_fill(RAM + PAGE, 8, 1, 8, 0x11111111);
	CHECK(!device_submit(&rig->device, 3, waits, 2, sequence + 3));
	CHECK(!device_restart(&rig->device, 3));
	CHECK(!device_submit(&rig->device, 1, waits, 2, sequence + 1));
	CHECK(run(rig, 2, gpu_crc32c(RAM, NOWHERE, 4, 0)) == -EIO);
	sequence[2] = 1;
	CHECK(!device_submit(&rig->device, 0, moves, MOVES, sequence));
}

static void check_work(const struct rig *rig, const __u64 sequence[QUEUES])
{
	const size_t step = PAGE / sizeof(__u64);
	size_t i;

	/* That of queue 0 first, and no interrupt was lost. */
	CHECK(!device_wait(&rig->device, 0, sequence[0], SOON_MS));
	for (i = 0; i < VRAM_SIZE / PAGE; i++)
		CHECK(words(&rig->vram)[i * step] ==
		      (i < MOVES ? 0 : i - MOVES) + 1000);
	CHECK(device_wait(&rig->device, 1, sequence[1], NEVER_MS) ==
	      -ETIMEDOUT);
	CHECK(!words(&rig->ram)[step]);
	__atomic_store_n(words(&rig->ram), 1, __ATOMIC_RELEASE);
	CHECK(!device_wait(&rig->device, 1, sequence[1], SOON_MS));
	CHECK(words(&rig->ram)[step] == 0x1111111111111111);
	CHECK(device_wait(&rig->device, 2, sequence[2], 0) == -EIO);
	CHECK(!device_restart(&rig->device, 2));
	CHECK(!run(rig, 2, gpu_nop()));
	CHECK(device_wait(&rig->device, 3, sequence[3], 0) == -ECANCELED);
	CHECK(!run(rig, 3, gpu_nop()));
}

static void suspend_loses_nothing(void)
{
	__u64 sequence[QUEUES];
	__u32 before, after;
	struct rig rig;
	size_t i;

	setup(&rig);
	for (i = 0; i < VRAM_SIZE / PAGE; i++)
		words(&rig.vram)[i * PAGE / sizeof(__u64)] = 1000 + i;
	submit_work(&rig, sequence);
	CHECK(!device_resumes(&rig.device, &before));
	CHECK(suspend());
	printf("# queue 0 was %s done\n",
	       device_wait(&rig.device, 0, sequence[0], 0) ? "not yet" : "already");
	check_work(&rig, sequence);
	CHECK(!device_resumes(&rig.device, &after));
	CHECK(after == before + 1);
}

/* Runs it in a process of its own, with which all ends that it has. */
static bool apart(void (*what)(void))
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (!child) {
		what();
		fflush(stdout);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return false;
	if (WIFSIGNALED(status))
		printf("# %s\n", strsignal(WTERMSIG(status)));
	return !status;
}

/**
 * struct test_case - a case
 * @name: of @run
 * @before: a program that had the device before; or NULL
 * @run: the program that looks
 */
struct test_case {
	const char *name;
	void (*before)(void);
	void (*run)(void);
};

static int run_cases(const struct test_case *cases, int count)
{
	int i, failed = 0;

	printf("TAP version 13\n1..%d\n", count);
	for (i = 0; i < count; i++) {
		bool good = !cases[i].before || apart(cases[i].before);

		good = good && apart(cases[i].run);
		printf("%s %d %s\n", good ? "ok" : "not ok", i + 1,
		       cases[i].name);
		failed += !good;
	}
	return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
#define CASE(before, run)	{ #run, before, run }
	static const struct test_case awake[] = {
		CASE(NULL, commands_stay_within_the_program),
		CASE(leave_fences, waits_are_for_own_fences),
		CASE(leave_all, nothing_is_left),
		CASE(NULL, all_restarts_are_remembered),
		CASE(NULL, freed_memory_is_not_mapped),
	};
	static const struct test_case asleep[] = {
		CASE(NULL, suspend_loses_nothing),
	};

	if (argc < 2) {
		fprintf(stderr, "usage: driver-test DEVICE [suspend]\n");
		return 2;
	}
	path = argv[1];
	if (argc > 2)
		return run_cases(asleep, sizeof(asleep) / sizeof(*asleep));
	return run_cases(awake, sizeof(awake) / sizeof(*awake));
}
