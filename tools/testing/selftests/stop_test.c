// SPDX-License-Identifier: GPL-2.0
/*
 * Stop against a busy engine: when it returns, what holds still, and that
 * start goes on as if nothing had been.
 */
#define _GNU_SOURCE
#include <endian.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "effort.h"
#include "kselftest_harness.h"
#include "model.h"
#include "rig.h"
#include "trace.h"

#define PAGE RIG_PAGE

FIXTURE(stop)
{
	struct rig rig;
	struct devstate *state;
	void *vram;
};

FIXTURE_SETUP(stop)
{
	ASSERT_EQ(0, rig_create(&self->rig));
	ASSERT_EQ(0, rig_open(&self->rig));
	self->state = &self->rig.vmm.state;
	self->vram = gpu_vram_map(&self->rig.vmm.gpu);
	ASSERT_NE(NULL, self->vram);
}

FIXTURE_TEARDOWN(stop)
{
	munmap(self->vram, self->rig.vmm.gpu.vram_size);
	rig_destroy(&self->rig);
}

/* Long commands over guest memory and VRAM by turns, until the ring is full. */
static int keep_busy(struct rig *rig)
{
	unsigned int i;
	int ret = 0;

	for (i = 1; i < RIG_RING_COMMANDS && !ret; i++) {
		const __u64 dst = i % 2 ? RIG_RAM : RIG_VRAM;
		union gpu_command fill = gpu_fill(dst, 8 << 20, 1, 0, i);

		ret = gpu_ring_put(&rig->ring, &fill);
	}

	return ret ?: gpu_ring_kick(&rig->ring);
}

/* Wait until the engine has begun another command, or is done. */
static int wait_progress(struct rig *rig)
{
	long long end = rig_now_ms() + RIG_TIMEOUT_MS;
	struct gpu_queue_state first, now;
	int ret;

	ret = gpu_queue_state(&rig->vmm.gpu, 0, &first);
	do {
		if (!ret)
			ret = gpu_queue_state(&rig->vmm.gpu, 0, &now);
		if (!ret && rig_now_ms() > end)
			ret = -ETIMEDOUT;
	} while (!ret && now.head == first.head &&
		 now.status == MVGPU_QUEUE_BUSY);

	return ret;
}

static int start_busy(struct rig *rig)
{
	int ret = keep_busy(rig);

	return ret ?: wait_progress(rig);
}

static int is_busy(struct rig *rig)
{
	struct gpu_queue_state state;

	return !gpu_queue_state(&rig->vmm.gpu, 0, &state) &&
	       state.status == MVGPU_QUEUE_BUSY && state.head != state.tail;
}

/* Chunks begun between the last request to stop and its end, and after it. */
struct chunks {
	long requests;
	long after_request;
	long after_done;
};

static int count_chunks(struct trace *trace, const char *uuid,
			struct chunks *chunks)
{
	struct trace_line *lines;
	int done = 0;
	long nr, i;

	memset(chunks, 0, sizeof(*chunks));
	nr = trace_read(trace, uuid, &lines);
	for (i = 0; i < nr; i++) {
		if (!strcmp(lines[i].event, "mvgpu_quiesce")) {
			done = !!strstr(lines[i].text, "done");
			chunks->requests += !done;
		} else if (!strcmp(lines[i].event, "mvgpu_chunk")) {
			if (done)
				chunks->after_done++;
			else if (chunks->requests)
				chunks->after_request++;
		}
	}
	free(lines);

	return nr < 0 ? nr : done ? 0 : -ENODATA;
}

TEST_F_TIMEOUT(stop, at_most_one_chunk_begins_after_the_request, 600)
{
	const char *uuid = self->rig.vmm.uuid;
	struct chunks chunks;
	struct trace trace;
	const int rounds = effort_some(100);
	int round, ret = 0;

	ASSERT_EQ(0, trace_open(&trace, "mvgpu",
				"mvgpu_quiesce mvgpu_chunk mvgpu_resume"));
	ASSERT_EQ(0, start_busy(&self->rig));
	EXPECT_LT(0, trace_count(&trace, "mvgpu_chunk", uuid))
		TH_LOG("chunks are not traced");
	for (round = 0; round < rounds && !ret; round++) {
		ret = wait_progress(&self->rig) ?: trace_clear(&trace) ?:
		      devstate_stop(self->state) ?:
		      count_chunks(&trace, uuid, &chunks);
		EXPECT_EQ(0, ret);
		EXPECT_EQ(1, chunks.requests);
		EXPECT_GE(1, chunks.after_request) TH_LOG("round %d", round);
		EXPECT_EQ(0, chunks.after_done) TH_LOG("round %d", round);
		ret = ret ?: devstate_start(self->state);
		if (!is_busy(&self->rig))
			ret = ret ?: start_busy(&self->rig);
	}
	EXPECT_EQ(0, ret);
	trace_close(&trace);
}

TEST_F_TIMEOUT(stop, no_dma_is_in_flight_once_it_returns, 600)
{
	unsigned char *mem = self->rig.vmm.ram.mem;
	const int rounds = effort_some(20);
	int round;

	ASSERT_EQ(0, rig_flood_slow(&self->rig, 1));
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, devstate_stop(self->state));
		memset(mem, 2, RIG_SLOW);
		ASSERT_TRUE(rig_stays(&self->rig, 2))
			TH_LOG("written in round %d", round);
		ASSERT_EQ(0, devstate_start(self->state));
		ASSERT_EQ(0, rig_wait_change(mem, 2));
	}
}

TEST_F_TIMEOUT(stop, nothing_changes_while_stopped, 600)
{
	struct rig *rig = &self->rig;
	struct gpu_queue_state before, after;
	unsigned char *ram = malloc(RIG_RAM_SIZE), *vram = malloc(16 << 20);
	const int looks = effort_some(20);
	int look;

	ASSERT_NE(NULL, ram);
	ASSERT_NE(NULL, vram);
	ASSERT_EQ(0, start_busy(rig));
	ASSERT_EQ(0, devstate_stop(self->state));
	ASSERT_EQ(1, is_busy(rig)) TH_LOG("it was done too early");
	ASSERT_EQ(0, gpu_queue_state(&rig->vmm.gpu, 0, &before));
	memcpy(ram, rig->vmm.ram.mem, RIG_RAM_SIZE);
	memcpy(vram, self->vram, 16 << 20);
	for (look = 0; look < looks; look++) {
		ASSERT_EQ(0, memcmp(ram, rig->vmm.ram.mem, RIG_RAM_SIZE));
		ASSERT_EQ(0, memcmp(vram, self->vram, 16 << 20));
		ASSERT_EQ(0, gpu_queue_state(&rig->vmm.gpu, 0, &after));
		ASSERT_EQ(before.head, after.head);
		ASSERT_EQ(before.completed, after.completed);
	}
	free(ram);
	free(vram);
}

/* A program whose result depends on every byte and on the order. */
static int put_program(struct rig *rig, struct model *model, unsigned int steps)
{
	const __u64 crcs = RIG_RAM + RIG_RAM_SIZE - PAGE;
	const __u32 len = 1 << 20;
	unsigned int i, k;
	int ret = 0;

	for (i = 0; i < steps && !ret; i++) {
		const __u64 ram = RIG_RAM + i % 5 * 777777;
		const __u64 vram = RIG_VRAM + i % 7 * 888888;
		const union gpu_command step[] = {
			gpu_copy(vram, ram, len, 1, 0, 0),
			gpu_fill(vram + 5, 999, 700, 1400, i * 0x01234567),
			gpu_copy(ram + 33333, vram, 999, 900, 1001, 1400),
			gpu_copy(ram + 4097, ram, len, 1, 0, 0),
			gpu_crc32c(crcs + i * 4, ram, len, i),
		};

		for (k = 0; k < ARRAY_SIZE(step) && !ret; k++) {
			ret = gpu_ring_put(&rig->ring, &step[k]);
			if (!ret && model_run(model, &step[k]))
				ret = -1000;
		}
	}

	return ret;
}

static int make_model(struct rig *rig, struct model *model)
{
	const __u64 flags = MVGPU_GTT_VALID | MVGPU_GTT_WRITE;
	__u64 i;
	int ret;

	ret = model_create(model, rig->vmm.gpu.vram_size, RIG_RAM_SIZE,
			   RIG_RAM_IOVA);
	if (ret)
		return ret;
	for (i = 0; i < RIG_RAM_SIZE / PAGE; i++)
		model->gtt[i] = flags | (RIG_RAM_IOVA + i * PAGE);
	for (i = 0; i < model->vram_size / PAGE; i++)
		model->gtt[RIG_VRAM / PAGE + i] = flags | MVGPU_GTT_VRAM |
						  i * PAGE;
	rig_pattern(model->ram, RIG_RAM_SIZE, 9);
	memcpy(rig->vmm.ram.mem, model->ram, RIG_RAM_SIZE);

	return 0;
}

TEST_F_TIMEOUT(stop, start_goes_on_to_the_right_result, 600)
{
	struct rig *rig = &self->rig;
	struct model model;
	int round, met = 0;

	ASSERT_EQ(0, make_model(rig, &model));
	ASSERT_EQ(0, put_program(rig, &model, 20));
	ASSERT_EQ(0, gpu_ring_kick(&rig->ring));
	for (round = 0; round < 10; round++) {
		ASSERT_EQ(0, wait_progress(rig));
		ASSERT_EQ(0, devstate_stop(self->state));
		met += is_busy(rig);
		ASSERT_EQ(0, devstate_start(self->state));
	}
	EXPECT_LT(0, met) TH_LOG("never stopped in the middle");
	ASSERT_EQ(0, rig_wait(rig));
	EXPECT_EQ(0, memcmp(model.ram, rig->vmm.ram.mem, RIG_RAM_SIZE));
	EXPECT_EQ(0, memcmp(model.vram, self->vram, model.vram_size));
	model_destroy(&model);
}

TEST_F_TIMEOUT(stop, storm_of_stops_leaves_the_result_right, 600)
{
	const int rounds = effort_some(2000);
	struct rig *rig = &self->rig;
	struct model model;
	int round, met = 0;

	ASSERT_EQ(0, make_model(rig, &model));
	ASSERT_EQ(0, put_program(rig, &model, rounds / 10));
	ASSERT_EQ(0, gpu_ring_kick(&rig->ring));
	for (round = 0; round < rounds; round++) {
		ASSERT_EQ(0, devstate_stop(self->state));
		met += is_busy(rig);
		ASSERT_EQ(0, devstate_start(self->state));
	}
	EXPECT_LT(rounds / 2, met) TH_LOG("%d stops met work", met);
	ASSERT_EQ(0, rig_wait(rig));
	EXPECT_EQ(0, memcmp(model.ram, rig->vmm.ram.mem, RIG_RAM_SIZE));
	EXPECT_EQ(0, memcmp(model.vram, self->vram, model.vram_size));
	model_destroy(&model);
}

TEST_F(stop, a_doorbell_while_stopped_waits_for_start)
{
	struct rig *rig = &self->rig;
	union gpu_command fence = gpu_fence(RIG_RAM, 0x77);
	struct gpu_queue_state state;
	int look;

	ASSERT_EQ(0, devstate_stop(self->state));
	ASSERT_EQ(0, gpu_ring_put(&rig->ring, &fence));
	ASSERT_EQ(0, gpu_ring_kick(&rig->ring));
	for (look = 0; look < 1000; look++) {
		ASSERT_EQ(0, gpu_queue_state(&rig->vmm.gpu, 0, &state));
		ASSERT_EQ(0U, state.completed);
		ASSERT_EQ((__u32)MVGPU_COMMAND_SIZE, state.tail);
	}
	EXPECT_EQ(0, *(unsigned char *)rig->vmm.ram.mem);
	ASSERT_EQ(0, devstate_start(self->state));
	EXPECT_EQ(0, rig_wait(rig));
	EXPECT_EQ(0x77, *(unsigned char *)rig->vmm.ram.mem);
}

TEST_F(stop, bus_mastering_changed_while_stopped_counts_from_start)
{
	const int device = self->rig.vmm.vfio.device;
	struct rig *rig = &self->rig;
	union gpu_command fence = gpu_fence(RIG_RAM, 0x77);
	struct gpu_queue_state state;
	int look;

	ASSERT_EQ(0, vfio_bus_master(device, false));
	ASSERT_EQ(0, gpu_ring_put(&rig->ring, &fence));
	ASSERT_EQ(0, gpu_ring_kick(&rig->ring));
	ASSERT_EQ(0, devstate_stop(self->state));
	ASSERT_EQ(0, vfio_bus_master(device, true));
	for (look = 0; look < 1000; look++) {
		ASSERT_EQ(0, gpu_queue_state(&rig->vmm.gpu, 0, &state));
		ASSERT_EQ(0U, state.completed)
			TH_LOG("bus mastering made a stopped device run");
	}
	ASSERT_EQ(0, devstate_start(self->state));
	EXPECT_EQ(0, rig_wait(rig));
	EXPECT_EQ(0x77, *(unsigned char *)rig->vmm.ram.mem);
}

static void ignore(int signal)
{
	(void)signal;
}

TEST_F_TIMEOUT(stop, signals_do_not_disturb_it, 600)
{
	const struct itimerval often = { { 0, 300 }, { 0, 300 } }, never = { 0 };
	struct sigaction action = { .sa_handler = ignore };
	const int rounds = effort_some(500);
	int round, ret = 0;

	ASSERT_EQ(0, start_busy(&self->rig));
	ASSERT_EQ(0, sigaction(SIGVTALRM, &action, NULL));
	ASSERT_EQ(0, sigaction(SIGPROF, &action, NULL));
	ASSERT_EQ(0, setitimer(ITIMER_PROF, &often, NULL));
	for (round = 0; round < rounds && !ret; round++)
		ret = devstate_stop(self->state) ?: devstate_start(self->state);
	ASSERT_EQ(0, setitimer(ITIMER_PROF, &never, NULL));
	EXPECT_EQ(0, ret);
}

TEST_F_TIMEOUT(stop, a_killed_client_dies_in_the_middle_of_it, 600)
{
	const int rounds = effort_some(20);
	int round, status;
	pid_t child;

	ASSERT_EQ(0, start_busy(&self->rig));
	for (round = 0; round < rounds; round++) {
		int pipes[2];
		char go;

		ASSERT_EQ(0, pipe(pipes));
		child = fork();
		ASSERT_LE(0, child);
		if (!child) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			while (!devstate_stop(self->state) &&
			       !devstate_start(self->state))
				if (write(pipes[1], "", 1) != 1)
					break;
			_exit(1);
		}
		close(pipes[1]);
		ASSERT_EQ(1, read(pipes[0], &go, 1));
		ASSERT_EQ(0, kill(child, SIGKILL));
		ASSERT_EQ(child, waitpid(child, &status, 0));
		EXPECT_EQ(SIGKILL, WTERMSIG(status));
		close(pipes[0]);
	}
	ASSERT_EQ(0, devstate_start(self->state));
	EXPECT_EQ(0, wait_progress(&self->rig));
}

TEST_HARNESS_MAIN
