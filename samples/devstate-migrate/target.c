// SPDX-License-Identifier: GPL-2.0
/*
 * The target: receives guest RAM, CPU and device, and lets them go on. What
 * the source sends may be anything; the table below says what may come when.
 *
 * The sequence is that of linux/vfio_device_state.h: context; start. The
 * first byte of the context stops the device.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>
#include <linux/pci_regs.h>

#include "machine.h"
#include "migrate.h"
#include "wire.h"

/**
 * enum phase - how far a move is
 * @PHASE_HELLO: nothing came
 * @PHASE_RAM: guest RAM comes
 * @PHASE_CPU: PCI config space came
 * @PHASE_CONTEXT: the CPU came
 * @PHASE_READY: context comes; may be complete
 * @PHASE_STARTED: the device runs here
 * @PHASE_CANCELLED: the source keeps it
 */
enum phase {
	PHASE_HELLO,
	PHASE_RAM,
	PHASE_CPU,
	PHASE_CONTEXT,
	PHASE_READY,
	PHASE_STARTED,
	PHASE_CANCELLED,
};

/**
 * struct target - a move, seen from the target
 * @machine: the guest
 * @wire: to the source
 * @phase: how far it is
 * @next: the command of each queue that the CPU writes next
 * @pending: interrupts that were pending when the source stopped
 * @clock: the device's clock then
 * @context: bytes of the context that were loaded
 */
struct target {
	struct machine machine;
	struct wire wire;
	enum phase phase;
	__u32 next[WORKLOAD_QUEUES];
	__u32 pending;
	__u64 clock;
	__u64 context;
};

static int take_hello(struct target *target, const struct wire_frame *frame)
{
	const struct workload work = {
		.rounds = wire_u32(frame, 4),
		.seed = wire_u64(frame, 8),
		.ram_pages = wire_u32(frame, 16),
		.vram_pages = wire_u32(frame, 20),
	};

	if (wire_u32(frame, 0) != WIRE_VERSION)
		return machine_error("a source of another version",
				     -EPROTONOSUPPORT);
	if (workload_check(&work))
		return machine_error("numbers out of range", -EPROTO);
	return machine_add_ram(&target->machine, &work);
}

static int take_ram(struct target *target, const struct wire_frame *frame)
{
	struct ram *ram = &target->machine.ram;
	__u64 offset = wire_u64(frame, 0);
	__u32 len = frame->length - sizeof(offset);

	if (offset % WORKLOAD_PAGE || len % WORKLOAD_PAGE || len > ram->size ||
	    offset > ram->size - len)
		return machine_error("guest RAM out of range", -EPROTO);
	memcpy(ram_at(ram, offset), frame->data + sizeof(offset), len);
	return 0;
}

/* As a VMM does: what its guest has set up, COMMAND last. */
static int take_config(struct target *target, const struct wire_frame *frame)
{
	static const struct {
		__u32 offset;
		__u32 len;
	} fields[] = {
		{ PCI_CACHE_LINE_SIZE, 1 },
		{ PCI_BASE_ADDRESS_0, 4 },
		{ PCI_BASE_ADDRESS_1, 4 },
		{ PCI_BASE_ADDRESS_2, 4 },
		{ PCI_BASE_ADDRESS_3, 4 },
		{ PCI_BASE_ADDRESS_4, 4 },
		{ PCI_BASE_ADDRESS_5, 4 },
		{ PCI_INTERRUPT_LINE, 1 },
		{ PCI_COMMAND, 2 },
	};
	size_t i;
	int ret = 0;

	for (i = 0; i < sizeof(fields) / sizeof(*fields) && !ret; i++)
		ret = vfio_config_write(target->machine.vfio.device,
					fields[i].offset,
					frame->data + fields[i].offset,
					fields[i].len);
	return ret ? machine_error("write PCI config space", ret) : 0;
}

static int take_cpu(struct target *target, const struct wire_frame *frame)
{
	unsigned int queue;

	for (queue = 0; queue < WORKLOAD_QUEUES; queue++) {
		target->next[queue] = wire_u32(frame, 4 * queue);
		if (target->next[queue] >
		    workload_commands(&target->machine.work, queue))
			return machine_error("a CPU beyond its program",
					     -EPROTO);
	}
	target->pending = wire_u32(frame, 16);
	target->clock = wire_u64(frame, 24);
	return wire_u32(frame, 20) ? machine_error("a CPU of no kind", -EPROTO) :
				     0;
}

static int take_context(struct target *target, const struct wire_frame *frame)
{
	const struct devstate *state = &target->machine.state;
	__u64 at = VFIO_DEVICE_STATE_CONTEXT_OFFSET + target->context;
	int ret;

	if (frame->length > state->size - at)
		return machine_error("more context than there can be",
				     -EPROTO);
	ret = vfio_pwrite(state->device, frame->data, frame->length,
			  state->offset + (off_t)at);
	if (ret)
		return machine_error("load the context", ret);
	target->context += frame->length;
	return 0;
}

/* What no command shows: the clock stood, and no interrupt was lost. */
static int check_device(struct target *target)
{
	struct gpu *gpu = &target->machine.gpu;
	__u32 pending;
	__u64 clock;
	int ret;

	ret = gpu_read32(gpu, MVGPU_REG_PENDING, &pending);
	if (!ret)
		ret = gpu_read64(gpu, MVGPU_REG_CLOCK, &clock);
	if (ret)
		return machine_error("read the registers", ret);
	if (pending != target->pending)
		return machine_error("other interrupts are pending", -EBADMSG);
	if (clock != target->clock)
		return machine_error("the clock shows another time", -EBADMSG);
	return 0;
}

static int take_go(struct target *target, const struct wire_frame *frame)
{
	int ret = check_device(target);

	(void)frame;
	if (!ret)
		ret = machine_arm(&target->machine);
	if (ret)
		return ret;
	ret = devstate_start(&target->machine.state);
	if (ret)
		return machine_error("start the device", ret);
	ret = wire_send(&target->wire, WIRE_STARTED, NULL, 0);
	return ret ? machine_error("the source", ret) : 0;
}

static int take_cancel(struct target *target, const struct wire_frame *frame)
{
	(void)target;
	(void)frame;
	return 0;
}

/* What may come when, who takes it, and what may come then. */
static const struct rule {
	enum phase phase;
	enum wire_type type;
	int (*take)(struct target *target, const struct wire_frame *frame);
	enum phase next;
} rules[] = {
	{ PHASE_HELLO,	 WIRE_HELLO,   take_hello,   PHASE_RAM },
	{ PHASE_RAM,	 WIRE_RAM,     take_ram,     PHASE_RAM },
	{ PHASE_RAM,	 WIRE_CONFIG,  take_config,  PHASE_CPU },
	{ PHASE_CPU,	 WIRE_CPU,     take_cpu,     PHASE_CONTEXT },
	{ PHASE_CONTEXT, WIRE_CONTEXT, take_context, PHASE_READY },
	{ PHASE_READY,	 WIRE_CONTEXT, take_context, PHASE_READY },
	{ PHASE_READY,	 WIRE_GO,      take_go,      PHASE_STARTED },
	{ PHASE_READY,	 WIRE_CANCEL,  take_cancel,  PHASE_CANCELLED },
};

static int take(struct target *target, const struct wire_frame *frame)
{
	size_t i;
	int ret;

	for (i = 0; i < sizeof(rules) / sizeof(*rules); i++) {
		const struct rule *rule = &rules[i];

		if (rule->phase != target->phase || rule->type != frame->type)
			continue;
		ret = rule->take(target, frame);
		if (!ret)
			target->phase = rule->next;
		return ret;
	}
	return machine_error("a frame out of order", -EPROTO);
}

static int receive(struct target *target)
{
	struct wire_frame frame;
	int ret = 0;

	while (!ret && target->phase != PHASE_STARTED &&
	       target->phase != PHASE_CANCELLED) {
		ret = wire_receive(&target->wire, &frame);
		if (ret)
			return machine_error("the source", ret);
		ret = take(target, &frame);
	}
	return ret;
}

static int compare(struct target *target, const struct model *known,
		   struct verify_result *result)
{
	struct model model;
	int ret;

	if (known)
		return verify_machine(&target->machine, known, result);
	ret = verify_model(&model, &target->machine.work);
	if (ret)
		return ret;
	ret = verify_machine(&target->machine, &model, result);
	model_destroy(&model);
	return ret;
}

static int send_result(struct target *target,
		       const struct verify_result *result)
{
	const __u32 words[] = {
		result->ram_wrong, result->vram_wrong, result->stamps_wrong,
		result->interrupts, result->interrupts_wrong, result->ram_crc,
		result->vram_crc,
	};
	int ret = wire_send_words(&target->wire, WIRE_RESULT, words,
				  sizeof(words) / sizeof(*words));

	return ret ? machine_error("the source", ret) : 0;
}

/* The guest is here now: let it end, and see whether it is right. */
static int go_on(struct target *target, const struct options *options)
{
	struct verify_result result;
	int ret;

	ret = machine_start_cpu(&target->machine, target->next,
				workload_commands(&target->machine.work, 0));
	if (!ret)
		ret = machine_finish(&target->machine, options->progress,
				     "target");
	if (!ret)
		ret = compare(target, options->model, &result);
	if (!ret)
		ret = send_result(target, &result);
	if (ret)
		return ret;
	return verify_equal(&result) ? 0 : -EBADMSG;
}

int target_run(const char *uuid, int socket, const struct options *options)
{
	struct target target = { .phase = PHASE_HELLO };
	int ret;

	if (wire_init(&target.wire, socket))
		return machine_error("the connection", -ENOMEM);
	ret = machine_open(&target.machine, uuid);
	if (!ret) {
		ret = receive(&target);
		if (!ret && target.phase == PHASE_STARTED)
			ret = go_on(&target, options);
		machine_close(&target.machine);
	}
	if (ret) {
		const __u32 word = -ret;

		/* The source may be gone; it has its own way to notice. */
		wire_send_words(&target.wire, WIRE_ERROR, &word, 1);
	}
	wire_close(&target.wire);
	return ret;
}
