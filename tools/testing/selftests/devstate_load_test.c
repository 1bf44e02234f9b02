// SPDX-License-Identifier: GPL-2.0
/*
 * Writing a context to a vGPU, bytes 1 and up of the device-state region: any
 * cut loads, half of one or a bad one leaves a device that is stopped and
 * reset, and what was loaded is what was saved.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <linux/pci_regs.h>

#include "kselftest_harness.h"
#include "lib/context.h"
#include "lib/effort.h"
#include "lib/fixture.h"
#include "lib/guest_state.h"
#include "lib/stream_edit.h"

#define START	VFIO_DEVICE_STATE_START
#define STOP	VFIO_DEVICE_STATE_STOP

#define PAGE	MVGPU_PAGE_SIZE
#define WAIT_MS	10000

/*
 * A stopped source with its context, and a target that runs and has another
 * state.
 */
struct pair {
	struct fixture fixture;
	struct fixture_vmm *source;
	struct fixture_vmm *target;
	struct devstate *state;		/* the target's */
	struct context context;		/* the source's */
	struct guest_state wanted;	/* the source's */
	struct guest_state fresh;	/* a device after reset */
};

static int pair_create(struct pair *pair)
{
	int ret;

	pair->source = &pair->fixture.vmm[0];
	pair->target = &pair->fixture.vmm[1];
	pair->state = &pair->target->state;
	ret = fixture_create_open(&pair->fixture);
	if (!ret)
		ret = context_fill_save(pair->source, 7, &pair->context);
	if (!ret)
		ret = guest_state_take(&pair->wanted, pair->source);
	if (!ret)
		ret = guest_state_take(&pair->fresh, pair->target);
	if (!ret)
		ret = guest_state_fill(pair->target, 9);
	return ret;
}

static void pair_destroy(struct pair *pair)
{
	guest_state_free(&pair->wanted);
	guest_state_free(&pair->fresh);
	context_free(&pair->context);
	fixture_destroy(&pair->fixture);
}

/* NULL if the target is what the source was, or what is wrong. */
static const char *pair_is_moved(struct pair *pair)
{
	if (context_run_control(pair->state) != STOP)
		return "it does not say that it is stopped";
	if (!context_is_saved(pair->state, &pair->context))
		return "its context is another";
	return guest_state_check(pair->target, &pair->wanted);
}

/* NULL if the target is stopped, reset, and cannot be started, or why not. */
static const char *pair_is_refused(struct pair *pair)
{
	if (context_run_control(pair->state) != STOP)
		return "it does not say that it is stopped";
	if (devstate_start(pair->state) != -EINVAL)
		return "start is not refused";
	if (context_run_control(pair->state) != STOP)
		return "the start that was refused changed run control";
	return guest_state_check(pair->target, &pair->fresh);
}

FIXTURE(load) {
	struct pair pair;
};

FIXTURE_SETUP(load)
{
	ASSERT_EQ(0, pair_create(&self->pair));
}

FIXTURE_TEARDOWN(load)
{
	pair_destroy(&self->pair);
}

TEST_F(load, stops_a_device_that_nobody_stopped)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(START, context_run_control(pair->state));
	ASSERT_EQ(0, context_write(pair->state, pair->context.data, 1, 1, 1));
	EXPECT_EQ(STOP, context_run_control(pair->state));
	ASSERT_EQ(0, context_write(pair->state, pair->context.data + 1,
				   pair->context.length - 1, 2,
				   CONTEXT_UNCUT));
	EXPECT_EQ(STOP, context_run_control(pair->state));
	ASSERT_EQ(0, devstate_start(pair->state));
	EXPECT_EQ(START, context_run_control(pair->state));
}

TEST_F(load, into_a_stopped_device)
{
	struct pair *pair = &self->pair;
	const char *wrong;

	ASSERT_EQ(0, devstate_stop(pair->state));
	ASSERT_EQ(0, devstate_load(pair->state, pair->context.data,
				   pair->context.length));
	wrong = pair_is_moved(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
}

TEST_F(load, back_into_the_source)
{
	struct pair *pair = &self->pair;
	struct devstate *state = &pair->source->state;
	const char *differs;

	ASSERT_EQ(0, devstate_load(state, pair->context.data,
				   pair->context.length));
	EXPECT_TRUE(context_is_saved(state, &pair->context));
	differs = guest_state_check(pair->source, &pair->wanted);
	EXPECT_EQ(NULL, differs) TH_LOG("%s differs", differs);
}

TEST_F(load, whole_region_in_one_write)
{
	struct pair *pair = &self->pair;
	const __u64 size = pair->state->size - 1;
	const char *wrong;
	__u8 *region;

	ASSERT_EQ(pair->source->state.size, pair->state->size);
	region = malloc(size);
	ASSERT_NE(NULL, region);
	ASSERT_EQ(0, context_read(&pair->source->state, region, size, 1,
				  CONTEXT_UNCUT));
	ASSERT_EQ(0, context_write(pair->state, region, size, 1,
				   CONTEXT_UNCUT));
	free(region);
	wrong = pair_is_moved(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
}

TEST_F(load, bytes_past_length_are_ignored)
{
	struct pair *pair = &self->pair;
	const __u64 length = pair->context.length;
	const __u64 rest = pair->state->size - 1 - length;
	__u8 *garbage = malloc(rest);
	const char *wrong;

	ASSERT_NE(NULL, garbage);
	memset(garbage, 0x5a, rest);
	/* Some behind the context in the same write, all others later. */
	pair->context.data = realloc(pair->context.data, length + 100);
	ASSERT_NE(NULL, pair->context.data);
	memset(pair->context.data + length, 0x5a, 100);
	ASSERT_EQ(0, context_write(pair->state, pair->context.data,
				   length + 100, 1, CONTEXT_UNCUT));
	ASSERT_EQ(0, context_write(pair->state, garbage, rest - 100,
				   1 + length + 100, 1000003));
	free(garbage);
	wrong = pair_is_moved(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
}

TEST_F(load, gap_is_refused)
{
	struct pair *pair = &self->pair;
	const __u8 *data = pair->context.data;
	const char *wrong;

	ASSERT_EQ(0, context_write(pair->state, data, 100, 1, 100));
	EXPECT_EQ(-EINVAL, devstate_pwrite(pair->state, data + 101, 99, 102))
		TH_LOG("a byte was left out");
	EXPECT_EQ(-EINVAL, devstate_pwrite(pair->state, data + 99, 100, 100))
		TH_LOG("a byte was written twice");
	EXPECT_EQ(-EINVAL, devstate_start(pair->state));
	EXPECT_EQ(STOP, context_run_control(pair->state));
	ASSERT_EQ(0, devstate_load(pair->state, data, pair->context.length));
	wrong = pair_is_moved(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
}

TEST_F(load, has_to_begin_at_1)
{
	struct pair *pair = &self->pair;
	const __u8 *data = pair->context.data;

	EXPECT_EQ(-EINVAL, devstate_pwrite(pair->state, data + 1, 99, 2));
	EXPECT_EQ(START, context_run_control(pair->state))
		TH_LOG("a write that loads nothing stopped the device");
	ASSERT_EQ(0, devstate_stop(pair->state));
	EXPECT_EQ(-EINVAL, devstate_pwrite(pair->state, data + 1, 99, 2));
	EXPECT_EQ(0, devstate_start(pair->state));
}

TEST_F(load, write_at_1_starts_over)
{
	struct pair *pair = &self->pair;
	const __u8 *data = pair->context.data;
	const __u64 length = pair->context.length;
	const char *wrong;
	__u64 part;

	/* Each time with more VRAM that was written in place already. */
	for (part = 1; part < length; part += length / 5) {
		ASSERT_EQ(0, context_write(pair->state, data, part, 1,
					   CONTEXT_UNCUT));
	}
	ASSERT_EQ(0, devstate_load(pair->state, data, length));
	wrong = pair_is_moved(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
}

TEST_F(load, what_was_half_written_is_gone_when_it_starts_over)
{
	struct pair *pair = &self->pair;
	struct context idle;
	const char *differs;

	ASSERT_EQ(0, vfio_reset(pair->source->vfio.device));
	ASSERT_EQ(0, devstate_stop(&pair->source->state));
	ASSERT_EQ(0, context_save(&pair->source->state, &idle));
	ASSERT_EQ(0, context_write(pair->state, pair->context.data,
				   pair->context.length - 1, 1,
				   CONTEXT_UNCUT));
	ASSERT_EQ(0, devstate_load(pair->state, idle.data, idle.length));
	differs = guest_state_check(pair->target, &pair->fresh);
	EXPECT_EQ(NULL, differs) TH_LOG("%s is that of the first", differs);
	EXPECT_EQ(0, devstate_start(pair->state));
	context_free(&idle);
}

TEST_F(load, half_a_context_cannot_be_started)
{
	struct pair *pair = &self->pair;
	const __u64 part = pair->context.length - 1;
	const char *wrong;

	ASSERT_EQ(0, context_write(pair->state, pair->context.data, part, 1,
				   CONTEXT_UNCUT));
	EXPECT_EQ(-EINVAL, devstate_start(pair->state));
	EXPECT_EQ(STOP, context_run_control(pair->state));
	/* The rest may still come. */
	ASSERT_EQ(0, context_write(pair->state, pair->context.data + part, 1,
				   1 + part, 1));
	wrong = pair_is_moved(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
	EXPECT_EQ(0, devstate_start(pair->state));
}

TEST_F(load, stop_discards_half_a_context)
{
	struct pair *pair = &self->pair;
	const __u64 part = pair->context.length / 2;
	const char *differs;

	ASSERT_EQ(0, context_write(pair->state, pair->context.data, part, 1,
				   CONTEXT_UNCUT));
	ASSERT_EQ(0, devstate_stop(pair->state));
	EXPECT_EQ(STOP, context_run_control(pair->state));
	differs = guest_state_check(pair->target, &pair->fresh);
	EXPECT_EQ(NULL, differs) TH_LOG("%s is not reset", differs);
	EXPECT_EQ(-EINVAL, devstate_pwrite(pair->state,
					   pair->context.data + part, 1,
					   1 + part))
		TH_LOG("a load that was discarded goes on");
	ASSERT_EQ(0, devstate_start(pair->state));
	EXPECT_EQ(START, context_run_control(pair->state));
	EXPECT_EQ(0, guest_state_fill(pair->target, 3))
		TH_LOG("the device does not work");
}

TEST_F(load, reset_discards_half_a_context)
{
	struct pair *pair = &self->pair;
	const __u64 part = pair->context.length / 2;
	const char *differs;

	ASSERT_EQ(0, context_write(pair->state, pair->context.data, part, 1,
				   CONTEXT_UNCUT));
	ASSERT_EQ(0, vfio_reset(pair->target->vfio.device));
	EXPECT_EQ(START, context_run_control(pair->state));
	differs = guest_state_check(pair->target, &pair->fresh);
	EXPECT_EQ(NULL, differs) TH_LOG("%s is not reset", differs);
	EXPECT_EQ(-EINVAL, devstate_pwrite(pair->state,
					   pair->context.data + part, 1,
					   1 + part))
		TH_LOG("a load that was discarded goes on");
	EXPECT_EQ(0, guest_state_fill(pair->target, 3))
		TH_LOG("the device does not work");
}

TEST_F(load, close_discards_half_a_context)
{
	struct pair *pair = &self->pair;
	const char *differs;

	ASSERT_EQ(0, context_write(pair->state, pair->context.data,
				   pair->context.length / 2, 1,
				   CONTEXT_UNCUT));
	fixture_close(pair->target);
	ASSERT_EQ(0, fixture_open(pair->target));
	EXPECT_EQ(START, context_run_control(pair->state));
	differs = guest_state_check(pair->target, &pair->fresh);
	EXPECT_EQ(NULL, differs) TH_LOG("%s is not reset", differs);
}

TEST_F(load, bad_memory_is_efault_and_completes_nothing)
{
	struct pair *pair = &self->pair;
	const char *wrong;
	ssize_t put;
	__u8 *map;

	map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, map);
	memcpy(map, pair->context.data, PAGE);
	ASSERT_EQ(0, mprotect(map + PAGE, PAGE, PROT_NONE));
	/* What came before the bad page may be taken, or not. */
	put = devstate_pwrite(pair->state, map, 2 * PAGE, 1);
	EXPECT_TRUE(put == -EFAULT || (put > 0 && put <= (ssize_t)PAGE));
	EXPECT_EQ(-EFAULT, devstate_pwrite(pair->state, map + PAGE, 16, 1));
	munmap(map, 2 * PAGE);
	ASSERT_EQ(0, devstate_load(pair->state, pair->context.data,
				   pair->context.length));
	wrong = pair_is_moved(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
}

TEST_F(load, runs_the_commands_that_were_pending)
{
	struct pair *pair = &self->pair;
	struct gpu_ring ring = {
		.gpu = &pair->source->gpu,
		.vram_offset = 3 * PAGE,
		.size = PAGE,
	};
	union gpu_command fill = gpu_fill(gpu_address(6), PAGE, 1, 0,
					  0x600dca5e);
	struct gpu_queue_state queue;
	struct context context;
	__le32 word = 0;

	ASSERT_EQ(0, gpu_queue_state(&pair->source->gpu, 0, &queue));
	ring.tail = queue.tail;
	ASSERT_EQ(0, gpu_ring_put(&ring, &fill));
	ASSERT_EQ(0, gpu_ring_kick(&ring));
	ASSERT_EQ(0, context_save(&pair->source->state, &context));
	ASSERT_EQ(0, devstate_load(pair->state, context.data, context.length));
	ASSERT_EQ(0, gpu_vram_read(&pair->target->gpu, 6 * PAGE, &word, 4));
	EXPECT_EQ(0, word) TH_LOG("it ran before start");
	ASSERT_EQ(0, devstate_start(pair->state));
	ASSERT_EQ(0, gpu_queue_wait(&pair->target->gpu, 0, WAIT_MS));
	ASSERT_EQ(0, gpu_vram_read(&pair->target->gpu, 6 * PAGE, &word, 4));
	EXPECT_EQ(0x600dca5e, word);
	ASSERT_EQ(0, gpu_queue_state(&pair->target->gpu, 0, &queue));
	EXPECT_EQ(ring.tail, queue.head);
	context_free(&context);
}

TEST_F(load, after_pci_config_wins)
{
	struct pair *pair = &self->pair;
	__u8 config[64];

	/* As a VMM restores it, but with values the source does not have. */
	memcpy(config, pair->wanted.config, sizeof(config));
	config[PCI_CACHE_LINE_SIZE] = 0x10;
	config[PCI_INTERRUPT_LINE] = 0x77;
	ASSERT_EQ(0, vfio_config_write(pair->target->vfio.device, 0, config,
				       sizeof(config)));
	ASSERT_EQ(0, devstate_load(pair->state, pair->context.data,
				   pair->context.length));
	ASSERT_EQ(0, vfio_config_read(pair->target->vfio.device, 0, config,
				      sizeof(config)));
	EXPECT_EQ(0, memcmp(config, pair->wanted.config, sizeof(config)))
		TH_LOG("config space is not that of the context");
}

TEST_F(load, before_pci_config_loses)
{
	struct pair *pair = &self->pair;
	const int device = pair->target->vfio.device;
	__u8 config[64], now[64];

	ASSERT_EQ(0, devstate_load(pair->state, pair->context.data,
				   pair->context.length));
	memcpy(config, pair->wanted.config, sizeof(config));
	config[PCI_COMMAND] &= ~PCI_COMMAND_MASTER;
	config[PCI_CACHE_LINE_SIZE] = 0x10;
	config[PCI_INTERRUPT_LINE] = 0x77;
	ASSERT_EQ(0, vfio_config_write(device, 0, config, sizeof(config)));
	ASSERT_EQ(0, vfio_config_read(device, 0, now, sizeof(now)));
	EXPECT_EQ(0, memcmp(now, config, sizeof(config)))
		TH_LOG("a stopped device does not take config space");
	ASSERT_EQ(0, devstate_start(pair->state));
	ASSERT_EQ(0, vfio_config_read(device, 0, now, sizeof(now)));
	EXPECT_EQ(0, memcmp(now, config, sizeof(config)))
		TH_LOG("start brought the context's config space back");
}

/* What a call may give when others change the device meanwhile. */
static bool is_expected(ssize_t ret)
{
	return ret >= 0 || ret == -EINVAL || ret == -EBUSY || ret == -ESTALE;
}

static bool run_and_reset(struct pair *pair)
{
	const int device = pair->target->vfio.device;
	const int rounds = effort_some(300);
	int i;

	for (i = 0; i < rounds; i++) {
		if (!is_expected(devstate_stop(pair->state)) ||
		    !is_expected(devstate_start(pair->state)) ||
		    (i % 10 == 0 && vfio_reset(device)) ||
		    gpu_vram_write(&pair->target->gpu, i * PAGE, "x", 1))
			return false;
	}
	return true;
}

static bool read_and_stop(struct pair *pair)
{
	const int rounds = effort_some(3000);
	__u8 buf[4096];
	__u64 at = 1;
	int i;

	for (i = 0; i < rounds; i++) {
		ssize_t ret = devstate_pread(pair->state, buf, sizeof(buf), at);

		if (!is_expected(ret))
			return false;
		at = ret < 0 ? 1 : at + ret;
		if (ret < 0 && !is_expected(devstate_stop(pair->state)))
			return false;
	}
	return true;
}

/* Call it in a child of the harness. */
static pid_t do_beside(bool (*job)(struct pair *pair), struct pair *pair)
{
	pid_t pid = fork();

	if (!pid)
		_exit(job(pair) ? 0 : 1);
	return pid;
}

TEST_F_TIMEOUT(load, beside_all_other_calls_leaves_a_device_that_works, 300)
{
	struct pair *pair = &self->pair;
	pid_t runner = do_beside(run_and_reset, pair);
	pid_t reader = do_beside(read_and_stop, pair);
	const int rounds = effort_some(100);
	const char *wrong;
	int i, status;

	for (i = 0; i < rounds; i++) {
		EXPECT_TRUE(is_expected(context_write(pair->state,
						      pair->context.data,
						      pair->context.length, 1,
						      65537)));
	}
	ASSERT_EQ(runner, waitpid(runner, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("start, stop or reset gave an odd errno");
	ASSERT_EQ(reader, waitpid(reader, &status, 0));
	EXPECT_EQ(0, status) TH_LOG("a read gave an odd errno");
	ASSERT_EQ(0, devstate_load(pair->state, pair->context.data,
				   pair->context.length));
	wrong = pair_is_moved(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
}

FIXTURE(load_cut) {
	struct pair pair;
};

FIXTURE_VARIANT(load_cut)
{
	size_t cut;
};

FIXTURE_VARIANT_ADD(load_cut, by_1) { .cut = 1, };
FIXTURE_VARIANT_ADD(load_cut, by_7) { .cut = 7, };
FIXTURE_VARIANT_ADD(load_cut, by_4096) { .cut = 4096, };
FIXTURE_VARIANT_ADD(load_cut, by_4097) { .cut = 4097, };
FIXTURE_VARIANT_ADD(load_cut, by_65537) { .cut = 65537, };
FIXTURE_VARIANT_ADD(load_cut, uncut) { .cut = CONTEXT_UNCUT, };

FIXTURE_SETUP(load_cut)
{
	ASSERT_EQ(0, pair_create(&self->pair));
}

FIXTURE_TEARDOWN(load_cut)
{
	pair_destroy(&self->pair);
}

TEST_F_TIMEOUT(load_cut, moves_all, 300)
{
	struct pair *pair = &self->pair;
	const __u64 length = pair->context.length;
	const __u64 part = effort_part(length);
	const char *wrong;

	ASSERT_EQ(0, context_write(pair->state, pair->context.data, part, 1,
				   variant->cut));
	ASSERT_EQ(0, context_write(pair->state, pair->context.data + part,
				   length - part, 1 + part, CONTEXT_UNCUT));
	wrong = pair_is_moved(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
	EXPECT_EQ(0, devstate_start(pair->state));
}

/* A context that is refused by its last byte: all of VRAM came before. */
FIXTURE(load_refused) {
	struct pair pair;
};

FIXTURE_VARIANT(load_refused)
{
	size_t from_end;	/* which byte is wrong */
};

FIXTURE_VARIANT_ADD(load_refused, by_its_last_byte) { .from_end = 1, };
FIXTURE_VARIANT_ADD(load_refused, by_its_last_page) { .from_end = 1000, };

FIXTURE_SETUP(load_refused)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, pair_create(pair));
	pair->context.data[pair->context.length - variant->from_end] ^= 1;
	ASSERT_EQ(-EBADMSG, devstate_load(pair->state, pair->context.data,
					  pair->context.length));
	pair->context.data[pair->context.length - variant->from_end] ^= 1;
}

FIXTURE_TEARDOWN(load_refused)
{
	pair_destroy(&self->pair);
}

TEST_F(load_refused, leaves_it_stopped_and_as_after_reset)
{
	const char *wrong = pair_is_refused(&self->pair);

	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
}

TEST_F(load_refused, does_not_go_on)
{
	struct pair *pair = &self->pair;
	const __u64 length = pair->context.length;
	const char *wrong;

	EXPECT_GT(0, devstate_pwrite(pair->state, "x", 1, 1 + length));
	EXPECT_GT(0, devstate_pwrite(pair->state,
				     pair->context.data + length - 1, 1,
				     length));
	wrong = pair_is_refused(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
}

TEST_F(load_refused, takes_a_good_context)
{
	struct pair *pair = &self->pair;
	const char *wrong;

	ASSERT_EQ(0, devstate_load(pair->state, pair->context.data,
				   pair->context.length));
	wrong = pair_is_moved(pair);
	EXPECT_EQ(NULL, wrong) TH_LOG("%s", wrong);
	EXPECT_EQ(0, devstate_start(pair->state));
}

TEST_F(load_refused, takes_stop)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, devstate_stop(pair->state));
	EXPECT_EQ(STOP, context_run_control(pair->state));
	ASSERT_EQ(0, devstate_start(pair->state));
	EXPECT_EQ(START, context_run_control(pair->state));
	EXPECT_EQ(0, guest_state_fill(pair->target, 3))
		TH_LOG("the device does not work");
}

TEST_F(load_refused, takes_reset)
{
	struct pair *pair = &self->pair;

	ASSERT_EQ(0, vfio_reset(pair->target->vfio.device));
	EXPECT_EQ(START, context_run_control(pair->state));
	EXPECT_EQ(0, guest_state_fill(pair->target, 3))
		TH_LOG("the device does not work");
}

TEST_HARNESS_MAIN
