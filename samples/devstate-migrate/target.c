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
 * @next: the command that the CPU writes next
 * @context: bytes of the context that were loaded
 */
struct target {
	struct machine machine;
	struct wire wire;
	enum phase phase;
	__u32 next;
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
	target->next = wire_u32(frame, 0);
	if (target->next > workload_commands(&target->machine.work))
		return machine_error("a CPU beyond its program", -EPROTO);
	return 0;
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

static int take_go(struct target *target, const struct wire_frame *frame)
{
	int ret = devstate_start(&target->machine.state);

	(void)frame;
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
		return verify_memory(&target->machine, known, result);
	ret = verify_model(&model, &target->machine.work);
	if (ret)
		return ret;
	ret = verify_memory(&target->machine, &model, result);
	model_destroy(&model);
	return ret;
}

/* The guest is here now: let it end, and see whether it is right. */
static int go_on(struct target *target, const struct options *options)
{
	struct verify_result result;
	__u32 words[4];
	int ret;

	ret = machine_start_cpu(&target->machine, target->next,
				workload_commands(&target->machine.work));
	if (!ret)
		ret = machine_finish(&target->machine, options->progress,
				     "target");
	if (!ret)
		ret = compare(target, options->model, &result);
	if (ret)
		return ret;
	words[0] = result.ram_wrong;
	words[1] = result.vram_wrong;
	words[2] = result.ram_crc;
	words[3] = result.vram_crc;
	ret = wire_send_words(&target->wire, WIRE_RESULT, words, 4);
	if (ret)
		return machine_error("the source", ret);
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
