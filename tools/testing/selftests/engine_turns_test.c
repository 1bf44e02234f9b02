// SPDX-License-Identifier: GPL-2.0
/*
 * What the engine does at once, and whose turn comes then: chunks, turns of
 * queues, and the turns of the engine among those who write the GTT. Nothing here
 * is measured in time: chunks, commands and writes are counted.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kselftest_harness.h"
#include "migration2.h"
#include "rig.h"
#include "tasks.h"
#include "trace.h"
#include "userfault.h"
#include "vmm.h"

#define PAGE	RIG_PAGE
#define GTT_RAM	(MVGPU_GTT_VALID | MVGPU_GTT_WRITE)
/* Of a chunk, see hardware.rst. */
#define PIECES	1024
/* A chunk's bytes; and the size of a ring in VRAM. */
#define SIZE	0x10000U
#define STOPS	4U
/* What the queues work on, behind the rings. */
#define PART(q)	(RIG_VRAM + ((q) + 1) * 0x200000ULL)

FIXTURE(chunk)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct rig rig;
	struct trace trace;
};

FIXTURE_VARIANT(chunk)
{
	const char *claim;
};

FIXTURE_VARIANT_ADD(chunk, served) { .claim = "users" };
FIXTURE_VARIANT_ADD(chunk, stock) { .claim = "none" };

FIXTURE_SETUP(chunk)
{
	ASSERT_EQ(0, fixture_claim(variant->claim, self->claim));
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	ASSERT_EQ(0, trace_open(&self->trace, "mvgpu", "mvgpu_chunk"));
}

FIXTURE_TEARDOWN(chunk)
{
	trace_close(&self->trace);
	rig_destroy(&self->rig);
	fixture_claim(self->claim, NULL);
}

static long long field(const struct trace_line *line, const char *name)
{
	const char *at = strstr(line->text, name);

	return at ? atoll(at + strlen(name)) : -1;
}

/* Run it: the bytes of its largest chunk, or -errno. */
static long long largest_chunk(struct rig *rig, struct trace *trace,
			       union gpu_command command)
{
	struct trace_line *lines;
	long long most = 0, bytes;
	long nr, i;
	int ret;

	ret = trace_clear(trace) ?: rig_run(rig, command);
	if (ret)
		return ret;
	nr = trace_read(trace, rig->vmm.uuid, &lines);
	for (i = 0; i < nr; i++) {
		bytes = field(&lines[i], "bytes=");
		most = bytes > most ? bytes : most;
	}
	free(lines);

	return nr < 0 ? nr : most;
}

TEST_F(chunk, of_narrow_rows_is_no_more_than_so_many_pieces)
{
	struct rig *rig = &self->rig;
	const __u64 far = RIG_RAM + 0x100000;

	EXPECT_EQ(PIECES, largest_chunk(rig, &self->trace,
					gpu_fill(RIG_RAM, 1, 5000, 1, 7)));
	EXPECT_TRUE(rig_all(rig->vmm.ram.mem, 5000, 7));
	EXPECT_EQ(2 * PIECES, largest_chunk(rig, &self->trace,
					    gpu_copy(far, RIG_RAM, 2, 5000, 3,
						     2)));
	/* from the last row to the first */
	EXPECT_EQ(PIECES, largest_chunk(rig, &self->trace,
					gpu_copy(RIG_RAM + 100, RIG_RAM, 1,
						 5000, 1, 1)));
	EXPECT_EQ(4 * PIECES, largest_chunk(rig, &self->trace,
					    gpu_blend(far, RIG_RAM, 4, 5000,
						      4, 4, 77)));
	/* nor does any other become smaller */
	EXPECT_EQ(SIZE, largest_chunk(rig, &self->trace,
				      gpu_fill(RIG_RAM, 100000, 1, 0, 7)));
	EXPECT_EQ(SIZE, largest_chunk(rig, &self->trace,
				      gpu_fill(RIG_RAM, 64, 2000, 64, 7)));
}

FIXTURE(turns)
{
	char claim[FIXTURE_CLAIM_SIZE];
	struct rig rig;
	struct gpu *gpu;
	struct trace trace;
	struct gpu_ring ring;	/* of queue 2, in VRAM */
	void *page;		/* for the ring of queue 1 */
	int fd;
};

FIXTURE_SETUP(turns)
{
	ASSERT_EQ(0, fixture_claim("none", self->claim));
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->gpu = &self->rig.vmm.gpu;
	ASSERT_EQ(0, gpu_ring_init(&self->ring, self->gpu, 2, RIG_VRAM, SIZE,
				   NULL, 0));
	self->page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->page);
	self->fd = -1;
	ASSERT_EQ(0, trace_open(&self->trace, "mvgpu", "mvgpu_chunk"));
}

FIXTURE_TEARDOWN(turns)
{
	trace_close(&self->trace);
	if (self->fd >= 0)
		close(self->fd);
	rig_destroy(&self->rig);
	munmap(self->page, PAGE);
	fixture_claim(self->claim, NULL);
}

/* Queues of the chunks that were begun, in their order; how many. */
static long chunk_queues(struct trace *trace, const char *uuid,
			 unsigned int *queues, long most)
{
	struct trace_line *lines;
	long nr, i;

	nr = trace_read(trace, uuid, &lines);
	for (i = 0; i < nr && i < most; i++)
		queues[i] = field(&lines[i], "queue=");
	free(lines);

	return i;
}

/* Also of commands that could go on for several chunks of one step. */
TEST_F(turns, are_one_chunk_while_another_queue_has_something_to_run)
{
	const int device = self->rig.vmm.vfio.device;
	union gpu_command fill[2] = {
		gpu_fill(PART(0), 16 * SIZE, 1, 0, 1),
		gpu_fill(PART(2), 16 * SIZE, 1, 0, 2),
	};
	unsigned int queues[32];
	long i;

	ASSERT_EQ(0, vfio_bus_master(device, false));
	ASSERT_EQ(0, gpu_ring_put(&self->rig.ring, &fill[0]));
	ASSERT_EQ(0, gpu_ring_put(&self->ring, &fill[1]));
	ASSERT_EQ(0, gpu_ring_kick(&self->rig.ring));
	ASSERT_EQ(0, gpu_ring_kick(&self->ring));
	ASSERT_EQ(0, vfio_bus_master(device, true));
	ASSERT_EQ(0, rig_wait(&self->rig));
	ASSERT_EQ(0, gpu_queue_wait(self->gpu, 2, RIG_TIMEOUT_MS));
	ASSERT_EQ(32, chunk_queues(&self->trace, self->rig.vmm.uuid, queues,
				   32));
	for (i = 1; i < 32; i++)
		ASSERT_NE(queues[i - 1], queues[i]) TH_LOG("chunk %ld", i);
}

/* Queue 1 has a ring whose one page is not there. */
static int enable_late_ring(struct rig *rig, void *page)
{
	const __u64 iova = 0x900000000ULL;
	int ret;

	ret = vfio_map_dma(rig->vmm.vfio.container, iova, page, PAGE,
			   VFIO_DMA_MAP_FLAG_READ | VFIO_DMA_MAP_FLAG_WRITE);
	ret = ret ?: gpu_gtt_write(&rig->vmm.gpu, RIG_FREE / PAGE,
				   iova | GTT_RAM);
	ret = ret ?: gpu_queue_enable(&rig->vmm.gpu, 1, RIG_FREE, PAGE);

	return ret ?: gpu_queue_doorbell(&rig->vmm.gpu, 1, MVGPU_COMMAND_SIZE);
}

struct stopper {
	pthread_t thread;
	int device;
	pid_t tid;
	int ret;
};

static void *stop(void *arg)
{
	struct stopper *stopper = arg;

	__atomic_store_n(&stopper->tid, syscall(SYS_gettid), __ATOMIC_RELEASE);
	stopper->ret = vfio_bus_master(stopper->device, false);
	return NULL;
}

/* Until it waits for the engine, which waits for the test. */
static bool comes_to_wait(struct stopper *stopper)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	pid_t tid;

	do {
		usleep(500);
		tid = __atomic_load_n(&stopper->tid, __ATOMIC_ACQUIRE);
	} while ((!tid || task_state(tid) != 'D') && rig_now_ms() < end);

	return tid && task_state(tid) == 'D';
}

TEST_F(turns, are_given_back_where_only_the_command_was_read)
{
	struct stopper stopper = { .device = self->rig.vmm.vfio.device };
	union gpu_command late = gpu_fill(PART(1), SIZE, 1, 0, 1);
	union gpu_command fill = gpu_fill(PART(2), SIZE, 1, 0, 2);
	unsigned char page[PAGE] = {};
	unsigned int first = ~0U;

	memcpy(page, &late, sizeof(late));
	self->fd = userfault_open(self->page, PAGE);
	ASSERT_LE(0, self->fd);
	ASSERT_EQ(0, vfio_bus_master(stopper.device, false));
	ASSERT_EQ(0, enable_late_ring(&self->rig, self->page));
	ASSERT_EQ(0, gpu_ring_put(&self->ring, &fill));
	ASSERT_EQ(0, gpu_ring_kick(&self->ring));
	ASSERT_EQ(0, vfio_bus_master(stopper.device, true));
	ASSERT_EQ(0, userfault_wait(self->fd, NULL));
	ASSERT_EQ(0, pthread_create(&stopper.thread, NULL, stop, &stopper));
	EXPECT_TRUE(comes_to_wait(&stopper));
	EXPECT_EQ(0, userfault_copy(self->fd, self->page, page));
	ASSERT_EQ(0, pthread_join(stopper.thread, NULL));
	ASSERT_EQ(0, stopper.ret);
	EXPECT_EQ(0, chunk_queues(&self->trace, self->rig.vmm.uuid, &first, 1));
	ASSERT_EQ(0, vfio_bus_master(stopper.device, true));
	ASSERT_EQ(0, gpu_queue_wait(self->gpu, 1, RIG_TIMEOUT_MS));
	ASSERT_EQ(0, gpu_queue_wait(self->gpu, 2, RIG_TIMEOUT_MS));
	ASSERT_EQ(1, chunk_queues(&self->trace, self->rig.vmm.uuid, &first, 1));
	EXPECT_EQ(1U, first);
}

#define WRITERS		24
#define COMMANDS	40U
#define ROUNDS		5U
/* A command and its fence take the engine's turn four times. */
#define WRITES		(4 * 4 * WRITERS)
/* Counts the commands that are done, in a byte. */
#define FENCE		(RIG_RAM + 100 * PAGE)

FIXTURE(writers)
{
	struct rig rig;
	pthread_t threads[WRITERS];
	int nr;
};

/* How many entries were written after so many commands; and in all. */
static struct {
	struct gpu *gpu;
	const unsigned char *done;
	int end;
	unsigned int all;
	unsigned int after[ROUNDS * COMMANDS + 1];
} writers;

/* Of an entry that the engine does not use. */
static void *write_entries(void *arg)
{
	const __u32 entry = RIG_FREE / PAGE + (__u32)(unsigned long)arg;
	unsigned int done;

	while (!__atomic_load_n(&writers.end, __ATOMIC_RELAXED) &&
	       !gpu_gtt_write(writers.gpu, entry, GTT_RAM)) {
		done = __atomic_load_n(writers.done, __ATOMIC_ACQUIRE);
		__atomic_fetch_add(&writers.after[done], 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(&writers.all, 1, __ATOMIC_RELAXED);
	}

	return NULL;
}

FIXTURE_SETUP(writers)
{
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	memset(&writers, 0, sizeof(writers));
	writers.gpu = &self->rig.vmm.gpu;
	writers.done = ram_at(&self->rig.vmm.ram, FENCE - RIG_RAM);
	for (self->nr = 0; self->nr < WRITERS; self->nr++)
		ASSERT_EQ(0, pthread_create(&self->threads[self->nr], NULL,
					    write_entries,
					    (void *)(unsigned long)self->nr));
}

FIXTURE_TEARDOWN(writers)
{
	__atomic_store_n(&writers.end, 1, __ATOMIC_RELAXED);
	while (self->nr)
		pthread_join(self->threads[--self->nr], NULL);
	rig_destroy(&self->rig);
}

static int compare(const void *a, const void *b)
{
	const unsigned int *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* @first is the number of its first command. */
static int run_round(struct rig *rig, unsigned int first)
{
	union gpu_command fill = gpu_fill(RIG_RAM, SIZE, 1, 0, 1);
	union gpu_command fence;
	unsigned int i;
	int ret = 0;

	for (i = first; i < first + COMMANDS && !ret; i++) {
		fence = gpu_fence(FENCE, i);
		ret = gpu_ring_put(&rig->ring, &fill);
		ret = ret ?: gpu_ring_put(&rig->ring, &fence);
	}
	ret = ret ?: gpu_ring_kick(&rig->ring);

	return ret ?: rig_wait(rig);
}

/*
 * The median: while the engine has no CPU, writers may go on as they like, which is
 * the scheduler's doing.
 */
TEST_F_TIMEOUT(writers, of_the_gtt_let_the_engine_have_its_turn, 240)
{
	unsigned int *after = writers.after;
	unsigned int round, first;

	/* all of them are at it */
	while (__atomic_load_n(&writers.all, __ATOMIC_RELAXED) < 10 * WRITERS)
		usleep(100);
	for (round = 0; round < ROUNDS; round++) {
		first = 1 + round * COMMANDS;
		ASSERT_EQ(0, run_round(&self->rig, first));
		/* without what came after the last */
		qsort(after + first, COMMANDS - 1, sizeof(*after), compare);
		EXPECT_GT((unsigned int)WRITES, after[first + COMMANDS / 2])
			TH_LOG("round %u", round);
	}
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
	ASSERT_EQ(0, fixture_claim("none", self->claim));
}

FIXTURE_TEARDOWN(foreign)
{
	vmm_destroy(&self->vmm);
	fixture_claim(self->claim, NULL);
}

/* Rows that were written, each of a byte of memory that was 0. */
static unsigned int rows_written(const unsigned char *mem, unsigned int from)
{
	while (from < SIZE && __atomic_load_n(mem + from, __ATOMIC_RELAXED))
		from++;

	return from;
}

/* Rows that are yet written once a stop is asked for, of some stops. */
static int rows_behind_stops(struct rig *rig, unsigned int *behind)
{
	const unsigned char *mem = rig->vmm.ram.mem;
	unsigned int begun, before, after = 0, i;
	int device = rig->vmm.vfio.device;

	*behind = 0;
	for (i = 0; i < STOPS; i++) {
		begun = after;
		do
			before = rows_written(mem, begun);
		while (before == begun);
		if (before == SIZE || mig_set(device, MIG_STOP, NULL))
			return __LINE__;
		after = rows_written(mem, before);
		*behind += after - before;
		if (mig_set(device, MIG_RUNNING, NULL))
			return __LINE__;
	}

	return 0;
}

/* Opens the vGPU anew, to write memory of its parent, which it shares. */
static int life_of_the_opener(struct vmm *vmm)
{
	struct fixture_vmm *view = &vmm->rig.vmm;
	union gpu_command fill = gpu_fill(RIG_RAM, 1, SIZE, 1, 0x5a5a5a5a);
	unsigned int behind;
	struct gpu_ring ring;
	int line;

	view->vfio.device = vfio_open_device(view->vfio.group, view->uuid);
	if (view->vfio.device < 0 || gpu_init(&view->gpu, view->vfio.device))
		return __LINE__;
	if (vfio_bus_master(view->vfio.device, true) ||
	    vfio_memory_decode(view->vfio.device, true))
		return __LINE__;
	if (rig_bind_all(&vmm->rig))
		return __LINE__;
	if (gpu_ring_init(&ring, &view->gpu, 1, RIG_VRAM, PAGE, NULL, 0))
		return __LINE__;
	if (gpu_ring_put(&ring, &fill) || gpu_ring_kick(&ring))
		return __LINE__;
	line = rows_behind_stops(&vmm->rig, &behind);
	if (line)
		return line;

	return behind < STOPS * PIECES / 2 ? 0 : __LINE__;
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

/* Each of its pieces is a copy by another thread, or several of them. */
TEST_F(foreign, chunk_ends_early_for_who_waits)
{
	/* there the engine is a kernel's thread, which reaches all memory itself */
	if (rig_engine_is_the_kernels())
		SKIP(return, "the kernel has no vhost_task_create()");
	ASSERT_EQ(0, vmm_start(&self->vmm, life_of_the_mapper));
	EXPECT_EQ(0, vmm_wait(&self->vmm));
}

TEST_HARNESS_MAIN
