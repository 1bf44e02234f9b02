// SPDX-License-Identifier: GPL-2.0
/*
 * The workload that shows whether anything is lost: random commands on all four
 * queues, over guest memory and VRAM, of which every byte is known.
 *
 * There are two sets of arenas, one arena a queue, and a quiet one. While the
 * vGPU works on one set, the CPU checks the other one, writes to it and submits
 * again. In a round of a set, queue 0 may wait for the CPU, and each queue waits
 * for a copy by the one before it.
 *
 * Most pages of a queue's arena change in each round. Those of the quiet arena
 * are written once in a while, by the CPU or by the last queue: what a migration
 * misses of them, nobody writes again in time.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "status.h"

#define SETS	2

/* The quiet arena, and how much of it is checked in a round. */
#define QUIET_PAGES	256U
#define QUIET_CHECK	16U

#define SET_SIZE	(QUEUES * ARENA_SIZE + QUIET_PAGES * PAGE + PAGE)

/* Commands of a round and queue, besides those for the others' sake. */
#define LEAST	12
#define MORE	28

/* The words of a set's page. */
#define WORD_DONE(queue)	(queue)
#define WORD_GO			QUEUES
#define WORD_TIME(queue)	(QUEUES + 1 + (queue))

/**
 * struct set - four arenas, and a page of semaphores
 * @arena: one a queue
 * @quiet: the quiet one
 * @words: the page: VRAM for one of the sets
 * @words_base: its GPU address
 * @batch: what was submitted last
 * @sequence: its fences; 0 before the first round
 * @round: counts; the value of semaphores
 * @time: the last timestamp of each queue
 * @resumes: how often the guest had been resumed when this round, and the one
 *	before, were submitted: the vGPU's clock begins anew then
 */
struct set {
	struct arena arena[QUEUES];
	struct arena quiet;
	struct buffer words;
	__u64 words_base;
	struct batch batch[QUEUES];
	__u64 sequence[QUEUES];
	__u64 round;
	__u64 time[QUEUES];
	__u32 resumes[2];
};

struct stress {
	const struct job *job;
	struct random random;
	struct set set[SETS];
};

static __u64 word_address(const struct set *set, __u32 word)
{
	return set->words_base + word * sizeof(__u64);
}

static __u64 read_word(const struct set *set, __u32 index)
{
	const __u64 *words = (const __u64 *)set->words.mem;

	return le64toh(__atomic_load_n(words + index, __ATOMIC_ACQUIRE));
}

static void write_word(const struct set *set, __u32 index, __u64 value)
{
	__u64 *words = (__u64 *)set->words.mem;

	__atomic_store_n(words + index, htole64(value), __ATOMIC_RELEASE);
}

static int create_set(struct stress *stress, __u32 number)
{
	const struct device *device = stress->job->device;
	struct set *set = &stress->set[number];
	__u64 base = number * SET_SIZE;
	__u32 queue;
	int ret;

	for (queue = 0; queue < QUEUES; queue++) {
		ret = arena_create(&set->arena[queue], device, base,
				   ARENA_PAGES, &stress->random);
		if (ret)
			return ret;
		base += ARENA_SIZE;
	}
	ret = arena_create(&set->quiet, device, base, QUIET_PAGES,
			   &stress->random);
	if (ret)
		return ret;
	base += QUIET_PAGES * PAGE;
	ret = device_alloc(device, &set->words, PAGE,
			   number ? MVGPU_GUEST_VRAM : 0);
	if (ret)
		return ret;
	set->words_base = base;
	return device_bind(device, &set->words, base, 0, PAGE);
}

static void destroy_set(struct stress *stress, struct set *set)
{
	__u32 queue;

	for (queue = 0; queue < QUEUES; queue++)
		arena_destroy(&set->arena[queue]);
	arena_destroy(&set->quiet);
	device_free(stress->job->device, &set->words);
}

static void fill_batch(struct stress *stress, struct set *set, __u32 queue)
{
	struct random *random = &stress->random;
	struct arena *arena = &set->arena[queue];
	struct batch *batch = &set->batch[queue];
	const __u64 go = word_address(set, WORD_GO);
	const __u64 done = word_address(set, WORD_DONE(queue));
	const __u64 before = word_address(set, WORD_DONE(queue - 1));
	__u32 count = LEAST + random_below(random, MORE);
	__u32 in = random_below(random, count);
	__u32 out = random_below(random, count), i;

	batch->count = 0;
	batch->bytes = 0;
	for (i = 0; i < count; i++) {
		if (i == in && !queue)
			batch_add(batch,
				  gpu_semaphore(go, MVGPU_COMPARE_GREATER_EQUAL,
						set->round));
		if (i == in && queue) {
			batch_add(batch,
				  gpu_semaphore(before, MVGPU_COMPARE_EQUAL,
						set->round));
			batch_add_import(batch, arena, arena - 1, random);
		}
		if (i == out) {
			batch_add_export(batch, arena, random);
			batch_add(batch, gpu_fence(done, set->round));
		}
		batch_add_random(batch, arena, random);
	}
	if (queue == QUEUES - 1)
		batch_add_touch(batch, &set->quiet, random);
	batch_add(batch, gpu_timestamp(word_address(set, WORD_TIME(queue))));
}

/* What the vGPU is doing meanwhile. A queue reads what the one before wrote. */
static void run_model(struct set *set, __u32 queue)
{
	struct arena *arena = &set->arena[queue];
	const struct batch *batch = &set->batch[queue];
	__u32 i;

	for (i = 0; i < batch->count; i++) {
		const union gpu_command *command = &batch->command[i];
		const struct model *from = &arena->model;
		struct model *to = &arena->model;

		if (le32toh(command->opcode) == MVGPU_OP_COPY &&
		    le64toh(command->copy.src) < arena->model.base)
			from = &arena[-1].model;
		if (le32toh(command->opcode) == MVGPU_OP_FILL &&
		    le64toh(command->fill.dst) >= set->quiet.model.base)
			to = &set->quiet.model;
		model_run(to, from, command);
	}
}

static int submit(struct stress *stress, struct set *set)
{
	struct random *random = &stress->random;
	bool late = random_below(random, 2);
	__u32 queue;
	int ret;

	set->round++;
	set->resumes[1] = set->resumes[0];
	ret = device_resumes(stress->job->device, &set->resumes[0]);
	if (ret)
		return ret;
	if (!late)
		write_word(set, WORD_GO, set->round);
	arena_cpu_write(&set->quiet, random);
	for (queue = 0; queue < QUEUES; queue++) {
		arena_cpu_write(&set->arena[queue], random);
		if (!random_below(random, 4)) {
			ret = arena_swap(&set->arena[queue], random);
			if (ret)
				return ret;
		}
		fill_batch(stress, set, queue);
	}
	for (queue = 0; queue < QUEUES; queue++) {
		ret = device_submit(stress->job->device, queue,
				    set->batch[queue].command,
				    set->batch[queue].count,
				    &set->sequence[queue]);
		if (ret)
			return ret;
	}
	if (late)
		write_word(set, WORD_GO, set->round);
	for (queue = 0; queue < QUEUES; queue++)
		run_model(set, queue);
	return 0;
}

static unsigned long check_words(struct set *set, __u32 number, __u32 queue,
				 bool same_clock)
{
	__u64 done = read_word(set, WORD_DONE(queue));
	__u64 time = read_word(set, WORD_TIME(queue));
	unsigned long wrong = 0;

	if (done != set->round) {
		fprintf(stderr,
			"workload: set %u, queue %u: semaphore is %llu, not %llu\n",
			number, queue, done, set->round);
		wrong += sizeof(done);
	}
	if (same_clock && time < set->time[queue]) {
		fprintf(stderr,
			"workload: set %u, queue %u: time was %llu, is %llu\n",
			number, queue, set->time[queue], time);
		wrong += sizeof(time);
	}
	set->time[queue] = time;
	return wrong;
}

static int check(struct stress *stress, __u32 number)
{
	const __u32 part = QUIET_PAGES / QUIET_CHECK;
	struct status *status = stress->job->status;
	struct set *set = &stress->set[number];
	__u32 queue, resumes;
	char name[64];
	int ret;

	ret = device_resumes(stress->job->device, &resumes);
	if (ret)
		return ret;
	for (queue = 0; queue < QUEUES; queue++) {
		snprintf(name, sizeof(name), "set %u, queue %u, round %llu",
			 number, queue, set->round);
		status->errors += arena_check(&set->arena[queue], 0,
					      ARENA_PAGES, name) +
				  check_words(set, number, queue,
					      resumes == set->resumes[1]);
		status->checked += ARENA_SIZE + 2 * sizeof(__u64);
	}
	snprintf(name, sizeof(name), "set %u, quiet arena, round %llu", number,
		 set->round);
	status->errors += arena_check(&set->quiet,
				      set->round % part * QUIET_CHECK,
				      QUIET_CHECK, name);
	status->checked += QUIET_CHECK * PAGE;
	return 0;
}

/* Waits for a round's end, and looks at every byte. */
static int finish(struct stress *stress, __u32 number)
{
	struct status *status = stress->job->status;
	struct set *set = &stress->set[number];
	__u32 queue;
	int ret;

	if (!set->round)
		return 0;
	for (queue = 0; queue < QUEUES; queue++) {
		ret = status_wait(stress->job, queue, set->sequence[queue]);
		if (ret)
			return ret;
		status->ops += set->batch[queue].count + 1;
		status->bytes += set->batch[queue].bytes;
	}
	return check(stress, number);
}

static int run(struct stress *stress)
{
	struct status *status = stress->job->status;
	__u32 number;
	int ret;

	for (number = 0; number < SETS; number++) {
		ret = create_set(stress, number);
		if (ret)
			return ret;
	}
	status->state = STATE_RUNNING;
	for (number = 0; !status->stop; number = (number + 1) % SETS) {
		ret = finish(stress, number);
		if (!ret)
			ret = submit(stress, &stress->set[number]);
		if (ret)
			return ret;
	}
	for (number = 0; number < SETS; number++) {
		ret = finish(stress, number);
		if (ret)
			return ret;
	}
	return 0;
}

int stress_run(const struct job *job)
{
	struct stress *stress = calloc(1, sizeof(*stress));
	__u32 number;
	int ret;

	if (!stress)
		return -ENOMEM;
	stress->job = job;
	stress->random = random_from(job->seed);
	ret = run(stress);
	for (number = 0; number < QUEUES && ret; number++)
		device_restart(job->device, number);
	for (number = 0; number < SETS; number++)
		destroy_set(stress, &stress->set[number]);
	free(stress);
	return ret;
}
