// SPDX-License-Identifier: GPL-2.0
/*
 * The source: runs the program, stops the device in the middle of it, and
 * hands over guest RAM, CPU and device; or starts it again.
 *
 * The sequence is that of linux/vfio_device_state.h: stop; dirty bitmap and
 * guest RAM; context.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine.h"
#include "migrate.h"
#include "progress.h"
#include "wire.h"

/* Tries to meet the device at work. */
#define TRIES_MAX	8
#define POLL_NS		(500L * 1000)

/**
 * struct source - a move, seen from the source
 * @machine: the guest
 * @wire: to the target
 * @options: of the command line
 * @bitmap: pages of guest RAM that the device wrote
 * @stop_ns: when the device was asked to stop
 * @report: of the move
 */
struct source {
	struct machine machine;
	struct wire wire;
	const struct options *options;
	__u64 *bitmap;
	__u64 stop_ns;
	struct report report;
};

static __u64 now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

static void stood_until_now(struct source *source)
{
	source->report.stood_ms = (now_ns() - source->stop_ns) / 1e6;
}

static int say_hello(struct source *source)
{
	const struct workload *work = &source->machine.work;
	__le32 words[6] = {
		htole32(WIRE_VERSION),
		htole32(work->rounds),
		htole32((__u32)work->seed),
		htole32((__u32)(work->seed >> 32)),
		htole32(work->ram_pages),
		htole32(work->vram_pages),
	};

	return wire_send(&source->wire, WIRE_HELLO, words, sizeof(words));
}

/* Send the pages of guest RAM that have their bit set, in runs. */
static int send_pages(struct source *source, const __u64 *bitmap,
		      __u64 *bytes)
{
	__u32 pages = source->machine.work.ram_pages, page = 0;
	int ret = 0;

	while (page < pages && !ret) {
		__le64 offset = htole64(page * WORKLOAD_PAGE);
		__u32 run = 0;

		while (run < WIRE_RAM_PAGES && page + run < pages &&
		       devstate_bit(bitmap, page + run))
			run++;
		if (!run) {
			page++;
			continue;
		}
		ret = wire_send_two(&source->wire, WIRE_RAM, &offset,
				    sizeof(offset),
				    ram_at(&source->machine.ram,
					   page * WORKLOAD_PAGE),
				    run * WORKLOAD_PAGE);
		*bytes += run * WORKLOAD_PAGE;
		page += run;
	}
	return ret;
}

/* Move the CPU's bits to @to; what it writes from now on is set anew. */
static void take_touched(struct machine *machine, __u64 *to)
{
	__u32 words = (machine->work.ram_pages + 63) / 64, i;

	for (i = 0; i < words; i++)
		to[i] |= __atomic_exchange_n(&machine->touched[i], 0,
					     __ATOMIC_ACQUIRE);
}

/* While all runs: what the CPU wrote so far. */
static int send_while_running(struct source *source)
{
	__u32 words = (source->machine.work.ram_pages + 63) / 64;
	__u64 *pages = calloc(words, sizeof(*pages));
	int ret;

	if (!pages)
		return -ENOMEM;
	take_touched(&source->machine, pages);
	ret = send_pages(source, pages, &source->report.sent_running);
	free(pages);
	return ret;
}

/* Wait until queue 0 has completed @moment commands. */
static int wait_for(struct source *source, __u32 moment)
{
	const struct timespec nap = { .tv_nsec = POLL_NS };
	__u32 completed[WORKLOAD_QUEUES];
	int ret;

	for (;;) {
		ret = machine_completed(&source->machine, completed);
		if (ret || completed[0] >= moment)
			return ret;
		if (source->options->progress)
			progress_show("source", completed[0],
				      workload_commands(&source->machine.work,
							0));
		ret = machine_failed(&source->machine);
		if (ret)
			return ret;
		nanosleep(&nap, NULL);
	}
}

/* Does a queue wait for another, by what it has completed? */
static bool waits(const struct workload *work, unsigned int queue,
		  __u32 completed)
{
	union gpu_command command;

	if (completed == workload_commands(work, queue))
		return false;
	command = workload_command(work, queue, completed);
	return le32toh(command.opcode) == MVGPU_OP_SEMAPHORE;
}

/* A moment to stop: by the seed, a queue beside the first waits, or works. */
static bool right_moment(const struct source *source,
			 const __u32 completed[WORKLOAD_QUEUES])
{
	const struct workload *work = &source->machine.work;
	unsigned int queue;
	bool found = false;

	for (queue = 1; queue < WORKLOAD_QUEUES; queue++)
		found = found || waits(work, queue, completed[queue]) ==
				 (source->options->seed % 2);
	return found;
}

/*
 * Take interrupts away from the CPU, and wait until one is pending, and for the
 * right moment. Without interrupts the CPU would sleep when all rings are full,
 * and the queues run dry.
 */
static int wait_for_pending(struct source *source)
{
	const struct timespec nap = { .tv_nsec = POLL_NS };
	struct machine *machine = &source->machine;
	__u32 end = workload_commands(&machine->work, 0), pending = 0;
	__u32 completed[WORKLOAD_QUEUES] = { 0 };
	__u64 late = now_ns() + MACHINE_STUCK_MS * 1000000ULL;
	int ret;

	ret = machine_disarm(machine);
	while (!ret && completed[0] < end &&
	       !(pending && right_moment(source, completed))) {
		nanosleep(&nap, NULL);
		machine_wake_cpu(machine);
		ret = machine_failed(machine);
		if (!ret)
			ret = machine_completed(machine, completed);
		if (!ret && gpu_read32(&machine->gpu, MVGPU_REG_PENDING,
				       &pending))
			ret = machine_error("read what is pending", -EIO);
		if (!ret && now_ns() > late)
			ret = machine_error("the moment to stop never came",
					    -ETIMEDOUT);
	}
	return ret;
}

/*
 * How the device stands. 1 if it is as stop_at_work() wants it, 0 if not, or
 * -errno.
 */
static int look_at_queues(struct source *source)
{
	struct report *report = &source->report;
	struct gpu *gpu = &source->machine.gpu;
	struct gpu_queue_state state;
	unsigned int queue;
	int ret, busy = 1;

	for (queue = 0; queue < WORKLOAD_QUEUES; queue++) {
		ret = gpu_queue_state(gpu, queue, &state);
		if (ret)
			return machine_error("read the queues", ret);
		report->completed[queue] = state.completed;
		report->queued[queue] = (state.tail - state.head) %
					WORKLOAD_RING_SIZE / MVGPU_COMMAND_SIZE;
		busy = busy && state.head != state.tail &&
		       state.status == MVGPU_QUEUE_BUSY;
	}
	ret = gpu_read32(gpu, MVGPU_REG_PENDING, &report->pending);
	if (!ret)
		ret = gpu_read64(gpu, MVGPU_REG_CLOCK, &report->clock);
	if (ret)
		return machine_error("read the registers", ret);
	return busy && report->pending &&
	       right_moment(source, report->completed);
}

/* Stop CPU and device. 1 if that met the device at work, 0 if not, or -errno. */
static int stop_once(struct source *source)
{
	struct machine *machine = &source->machine;
	int ret;

	source->stop_ns = now_ns();
	machine_pause_cpu(machine);
	ret = devstate_stop(&machine->state);
	if (ret)
		return machine_error("stop the device", ret);
	source->report.tries++;
	return look_at_queues(source);
}

static int start_again(struct source *source)
{
	int ret = machine_arm(&source->machine);

	if (ret)
		return ret;
	ret = devstate_start(&source->machine.state);
	if (ret)
		return machine_error("start the device again", ret);
	machine_resume_cpu(&source->machine);
	return 0;
}

/* The command to stop at: somewhere between 30 and 60 percent. */
static __u32 first_moment(struct source *source)
{
	__u64 end = workload_commands(&source->machine.work, 0);

	return end * (30 + source->options->seed % 31) / 100;
}

/*
 * Stop the device while all its queues are busy, an interrupt is pending, and
 * right_moment() agrees.
 */
static int stop_at_work(struct source *source)
{
	__u32 end = workload_commands(&source->machine.work, 0);
	__u32 moment = first_moment(source);
	int ret, i;

	for (i = 0; i < TRIES_MAX; i++) {
		ret = wait_for(source, moment);
		if (!ret)
			ret = wait_for_pending(source);
		if (ret)
			return ret;
		ret = stop_once(source);
		if (ret)
			return ret < 0 ? ret : 0;
		ret = start_again(source);
		if (ret)
			return ret;
		moment += end / 20 + 1;
		if (moment > end)
			moment = end;
	}
	return machine_error("the device was idle whenever it was stopped",
			     -EAGAIN);
}

static int send_ram(struct source *source)
{
	struct machine *machine = &source->machine;
	__u32 pages = machine->work.ram_pages, i;
	__u64 *send = calloc((pages + 63) / 64, sizeof(*send));
	int ret;

	if (!send)
		return -ENOMEM;
	take_touched(machine, send);
	source->report.touched = verify_count(send, pages);
	for (i = 0; i < (pages + 63) / 64; i++)
		send[i] |= le64toh(source->bitmap[i]);
	ret = send_pages(source, send, &source->report.sent_standing);
	free(send);
	return ret;
}

static int send_config_and_cpu(struct source *source)
{
	const struct report *report = &source->report;
	const __u32 *next = source->machine.cpu.next;
	const __u32 cpu[] = {
		next[0], next[1], next[2], next[3], report->pending, 0,
		(__u32)report->clock, (__u32)(report->clock >> 32),
	};
	__u8 config[WIRE_CONFIG_SIZE];
	int ret;

	ret = vfio_config_read(source->machine.vfio.device, 0, config,
			       sizeof(config));
	if (!ret)
		ret = wire_send(&source->wire, WIRE_CONFIG, config,
				sizeof(config));
	if (!ret)
		ret = wire_send_words(&source->wire, WIRE_CPU, cpu,
				      sizeof(cpu) / sizeof(*cpu));
	return ret;
}

static int send_context(struct source *source)
{
	struct report *report = &source->report;
	__u64 at, length;
	void *context;
	int ret;

	ret = devstate_save(&source->machine.state, &context, &length);
	if (ret)
		return machine_error("read the context", ret);
	report->context_size = length;
	context_read(context, length, &report->context);
	for (at = 0; at < length && !ret; at += WIRE_CONTEXT_MAX) {
		__u64 left = length - at;

		ret = wire_send(&source->wire, WIRE_CONTEXT,
				(const __u8 *)context + at,
				left < WIRE_CONTEXT_MAX ? left :
							  WIRE_CONTEXT_MAX);
	}
	free(context);
	return ret;
}

/* Everything that the target needs, up to the word that it is its own. */
static int hand_over(struct source *source)
{
	struct machine *machine = &source->machine;
	int ret;

	ret = devstate_bitmap(machine->vfio.container, WORKLOAD_IOVA,
			      machine->work.ram_pages, source->bitmap);
	if (ret)
		return machine_error("VFIO_IOMMU_GET_DIRTY_BITMAP", ret);
	source->report.dirty = verify_count(source->bitmap,
					    machine->work.ram_pages);
	ret = send_ram(source);
	if (!ret)
		ret = send_config_and_cpu(source);
	if (!ret)
		ret = send_context(source);
	if (!ret)
		ret = wire_send(&source->wire,
				source->options->cancel ? WIRE_CANCEL : WIRE_GO,
				NULL, 0);
	return ret ? machine_error("hand over", ret) : 0;
}

int migrate_answer(struct wire *wire, enum wire_type type,
		   struct wire_frame *frame)
{
	int ret = wire_receive(wire, frame);

	if (ret)
		return machine_error("the target", ret);
	if (frame->type == WIRE_ERROR)
		return machine_error("the target refused",
				     -(int)(wire_u32(frame, 0) & 0xfff));
	return frame->type == type ? 0 : machine_error("the target", -EPROTO);
}

static int receive_result(struct source *source)
{
	struct verify_result *result = &source->report.result;
	struct wire_frame frame;
	int ret = migrate_answer(&source->wire, WIRE_RESULT, &frame);

	if (ret)
		return ret;
	*result = (struct verify_result) {
		.ram_wrong = wire_u32(&frame, 0),
		.vram_wrong = wire_u32(&frame, 4),
		.stamps_wrong = wire_u32(&frame, 8),
		.interrupts = wire_u32(&frame, 12),
		.interrupts_wrong = wire_u32(&frame, 16),
		.ram_crc = wire_u32(&frame, 20),
		.vram_crc = wire_u32(&frame, 24),
	};
	return 0;
}

/* The guest ends here, whose device and CPU run. */
static int stay(struct source *source)
{
	const struct options *options = source->options;
	struct model model;
	int ret;

	machine_release_cpu(&source->machine);
	ret = machine_finish(&source->machine, options->progress, "source");
	if (ret)
		return ret;
	if (options->model)
		return verify_machine(&source->machine, options->model,
				      &source->report.result);
	ret = verify_model(&model, &source->machine.work);
	if (ret)
		return ret;
	ret = verify_machine(&source->machine, &model, &source->report.result);
	model_destroy(&model);
	return ret;
}

/*
 * Nothing moved for @error, which is returned unless the guest suffered, which
 * it must not.
 */
static int stay_after(struct source *source, int error)
{
	int ret = stay(source);
	bool right;

	if (ret)
		return ret;
	right = verify_equal(&source->report.result);
	fprintf(stderr,
		"devstate-migrate: the program ended on the source, %s\n",
		right ? "right" : "WRONG");
	return right ? error : -EBADMSG;
}

static int prepare(struct source *source)
{
	static const __u32 start[WORKLOAD_QUEUES];
	struct machine *machine = &source->machine;
	struct workload work;
	int ret;

	ret = workload_of(source->options, machine, &work);
	if (!ret)
		ret = machine_add_ram(machine, &work);
	if (ret)
		return ret;
	source->bitmap = calloc((work.ram_pages + 63) / 64,
				sizeof(*source->bitmap));
	if (!source->bitmap)
		return machine_error("the bitmap", -ENOMEM);
	ret = machine_power_on(machine);
	if (!ret)
		ret = machine_start_cpu(machine, start,
					first_moment(source) / 2);
	return ret;
}

static int send_first_pass(struct source *source)
{
	int ret = say_hello(source);

	if (!ret)
		ret = send_while_running(source);
	/* However long that took, the moment to stop is still to come. */
	machine_release_cpu(&source->machine);
	return ret ? machine_error("send guest RAM", ret) : 0;
}

/* Both sides agree that the target has it, or it starts again here. */
static int conclude(struct source *source)
{
	const bool cancel = source->options->cancel;
	struct wire_frame frame;
	int ret, started;

	ret = hand_over(source);
	if (!ret && !cancel)
		ret = migrate_answer(&source->wire, WIRE_STARTED, &frame);
	if (!ret && !cancel) {
		stood_until_now(source);
		machine_close(&source->machine);
		return receive_result(source);
	}
	started = start_again(source);
	stood_until_now(source);
	if (started)
		return started;
	return ret ? stay_after(source, ret) : stay(source);
}

static int move(struct source *source)
{
	int ret;

	ret = prepare(source);
	if (ret)
		return ret;
	ret = send_first_pass(source);
	if (!ret)
		ret = stop_at_work(source);
	if (ret)
		return stay_after(source, ret);
	progress_end();
	ret = conclude(source);
	if (ret)
		return ret;
	return verify_bitmap(&source->machine.work, source->report.completed,
			     source->bitmap, &source->report.judgement);
}

int source_run(const char *uuid, int socket, const struct options *options)
{
	struct source source = { .options = options };
	int ret;

	if (wire_init(&source.wire, socket))
		return machine_error("the connection", -ENOMEM);
	ret = machine_open(&source.machine, uuid);
	if (!ret) {
		ret = move(&source);
		machine_close(&source.machine);
	}
	wire_close(&source.wire);
	if (!ret) {
		report_print(&source.report, &source.machine.work, options);
		ret = report_good(&source.report, options) ? 0 : -EBADMSG;
	}
	free(source.bitmap);
	return ret;
}
