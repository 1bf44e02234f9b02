// SPDX-License-Identifier: GPL-2.0
/*
 * Source and target of a timer: see timer.h.
 *
 * The source lets it tick, stops it, asks for the dirty bitmap, which has to be
 * empty, and sends the registers as they are then, and the context. The target
 * loads that, compares the registers, starts the timer and lets it tick again.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "mdev.h"
#include "sample.h"
#include "timer.h"
#include "wire.h"

#define MIB		(1024UL * 1024)
#define TICK_MS		10000	/* a tick has come after so long */

/**
 * struct timer - one side of a move
 * @wire: to the other one
 * @vfio: the device's fds
 * @regs: its registers
 * @state: its device-state region
 * @ram: guest RAM, that the timer must not write to
 * @page: the registers as the source stopped
 */
struct timer {
	struct wire wire;
	struct vfio_client vfio;
	struct sample regs;
	struct devstate state;
	struct ram ram;
	__u32 page[MDEV_SAMPLE_REGS];
};

/* The order of words in a WIRE_TIMER_RESULT. */
enum {
	RESULT_WRONG,
	RESULT_TICKS,
	RESULT_WORDS
};

bool timer_is(const char *uuid)
{
	char api[64];

	return !mdev_api(uuid, api, sizeof(api)) &&
	       !strcmp(api, MDEV_SAMPLE_TYPE);
}

static int open_device(struct timer *timer, const char *uuid,
		       const char **what)
{
	int ret;

	*what = "open the device";
	ret = vfio_open(&timer->vfio, uuid);
	if (ret)
		return ret;
	*what = "reset the device";
	ret = vfio_reset(timer->vfio.device);
	if (ret)
		return ret;
	*what = "not a timer of mdev_sample";
	ret = sample_init(&timer->regs, timer->vfio.device);
	if (ret)
		return ret;
	*what = "find the device-state region";
	ret = devstate_find(&timer->state, timer->vfio.device);
	if (ret)
		return ret;
	*what = "the container cannot tell dirty pages";
	return devstate_has_bitmap(timer->vfio.container) ? 0 : -EOPNOTSUPP;
}

static int add_ram(struct timer *timer, const struct options *options)
{
	int ret = ram_create(&timer->ram, options->ram_mib * MIB);

	if (!ret)
		ret = ram_map(&timer->ram, timer->vfio.container,
			      WORKLOAD_IOVA);
	return ret ? machine_error("guest RAM", ret) : 0;
}

/* Let it tick so often. */
static int let_tick(struct timer *timer, __u32 rounds)
{
	__u32 ticks;
	int ret = 0;

	while (rounds-- && !ret) {
		ret = sample_read(&timer->regs, MDEV_SAMPLE_TICKS, &ticks);
		if (!ret)
			ret = sample_wait(&timer->regs, ticks, TICK_MS);
	}
	return ret ? machine_error("the timer does not tick", ret) : 0;
}

/* Give each scratch register a value of its own, and switch the timer on. */
static int power_on(struct timer *timer, const struct options *options)
{
	unsigned int reg;
	int ret = 0;

	for (reg = MDEV_SAMPLE_SCRATCH; reg < MDEV_SAMPLE_REGS && !ret; reg++)
		ret = sample_write(&timer->regs, reg,
				   (__u32)options->seed * 2654435761U + reg);
	if (!ret)
		ret = sample_write(&timer->regs, MDEV_SAMPLE_CONTROL, 1);
	return ret ? machine_error("set the timer up", ret) : 0;
}

/* Pages that the timer wrote, of which there must be none, or -errno. */
static int dirty_pages(struct timer *timer)
{
	__u32 pages = timer->ram.size / DEVSTATE_PAGE_SIZE;
	__u64 *bitmap = calloc(1, devstate_bitmap_size(pages));
	int ret;

	if (!bitmap)
		return -ENOMEM;
	ret = devstate_bitmap(timer->vfio.container, WORKLOAD_IOVA, pages,
			      bitmap);
	if (!ret)
		ret = verify_count(bitmap, pages);
	free(bitmap);
	return ret;
}

static int send_registers(struct timer *timer)
{
	__le32 raw[MDEV_SAMPLE_REGS];
	unsigned int reg;
	int ret;

	ret = sample_read_all(&timer->regs, timer->page);
	for (reg = 0; reg < MDEV_SAMPLE_REGS; reg++)
		raw[reg] = htole32(timer->page[reg]);
	if (!ret)
		ret = wire_send(&timer->wire, WIRE_REGISTERS, raw, sizeof(raw));
	return ret ? machine_error("send the registers", ret) : 0;
}

static int send_context(struct timer *timer)
{
	void *context;
	__u64 length;
	int ret;

	ret = devstate_save(&timer->state, &context, &length);
	if (ret)
		return machine_error("read the context", ret);
	ret = length > WIRE_CONTEXT_MAX ? -EOVERFLOW :
	      wire_send(&timer->wire, WIRE_CONTEXT, context, length);
	free(context);
	if (ret)
		return machine_error("send the context", ret);
	printf("device context       %8llu bytes\n", length);
	return 0;
}

/* Stop; dirty bitmap; context. */
static int hand_over(struct timer *timer, const struct options *options)
{
	int ret, dirty;

	ret = devstate_stop(&timer->state);
	if (ret)
		return machine_error("stop the device", ret);
	dirty = dirty_pages(timer);
	if (dirty < 0)
		return machine_error("VFIO_IOMMU_GET_DIRTY_BITMAP", dirty);
	if (dirty)
		return machine_error("the timer wrote guest RAM", -EBADMSG);
	ret = send_registers(timer);
	if (!ret)
		ret = send_context(timer);
	if (ret)
		return ret;
	ret = wire_send(&timer->wire,
			options->cancel ? WIRE_CANCEL : WIRE_GO, NULL, 0);
	return ret ? machine_error("the target", ret) : 0;
}

/* Registers of @is, but for those that tick, that are not those of the source. */
static __u32 wrong_registers(const struct timer *timer, const __u32 *is,
			     unsigned int first)
{
	__u32 wrong = 0;
	unsigned int reg;

	for (reg = first; reg < MDEV_SAMPLE_REGS; reg++)
		wrong += is[reg] != timer->page[reg];
	return wrong;
}

/* The timer runs again: all is kept, and it counts on. @more are its ticks. */
static int counts_on(struct timer *timer, const struct options *options,
		     __u32 *wrong, __u32 *more)
{
	__u32 page[MDEV_SAMPLE_REGS];
	int ret = let_tick(timer, options->rounds);

	if (!ret && sample_read_all(&timer->regs, page))
		ret = machine_error("read the registers", -EIO);
	if (ret)
		return ret;
	*wrong += wrong_registers(timer, page, MDEV_SAMPLE_SCRATCH);
	*more = page[MDEV_SAMPLE_TICKS] - timer->page[MDEV_SAMPLE_TICKS];
	return 0;
}

static int judge(const struct timer *timer, const char *where, __u32 wrong,
		 __u32 more)
{
	const bool right = !wrong && more;

	printf("ticks before         %8u\n", timer->page[MDEV_SAMPLE_TICKS]);
	printf("ticks after          %8u, on the %s\n", more, where);
	printf("registers            %8u of %u differ\n", wrong,
	       MDEV_SAMPLE_REGS);
	printf("result               %s\n", right ? "RIGHT" : "WRONG");
	fflush(stdout);
	return right ? 0 : -EBADMSG;
}

/* Nothing was moved, for @error or as it was asked for. */
static int stay(struct timer *timer, const struct options *options, int error)
{
	__u32 page[MDEV_SAMPLE_REGS], wrong, more;
	int ret;

	ret = sample_read_all(&timer->regs, page);
	if (!ret)
		ret = devstate_start(&timer->state);
	if (ret)
		return machine_error("start the device again", ret);
	wrong = wrong_registers(timer, page, 0);
	ret = counts_on(timer, options, &wrong, &more);
	if (ret)
		return ret;
	ret = judge(timer, "source", wrong, more);
	return error ? error : ret;
}

static int move(struct timer *timer, const struct options *options)
{
	const __u32 hello[2] = { WIRE_VERSION };
	struct wire_frame frame;
	int ret;

	ret = add_ram(timer, options);
	if (!ret)
		ret = power_on(timer, options);
	if (!ret)
		ret = let_tick(timer, options->rounds);
	if (ret)
		return ret;
	ret = wire_send_words(&timer->wire, WIRE_TIMER, hello, 2);
	if (ret)
		return machine_error("the target", ret);
	ret = hand_over(timer, options);
	if (!ret && !options->cancel)
		ret = migrate_answer(&timer->wire, WIRE_STARTED, &frame);
	if (ret || options->cancel)
		return stay(timer, options, ret);
	vfio_close(&timer->vfio);
	ret = migrate_answer(&timer->wire, WIRE_TIMER_RESULT, &frame);
	if (ret)
		return ret;
	return judge(timer, "target", wire_u32(&frame, 4 * RESULT_WRONG),
		     wire_u32(&frame, 4 * RESULT_TICKS));
}

static int take_registers(struct timer *timer, const struct wire_frame *frame)
{
	unsigned int reg;

	for (reg = 0; reg < MDEV_SAMPLE_REGS; reg++)
		timer->page[reg] = wire_u32(frame, 4 * reg);
	return 0;
}

static int take_context(struct timer *timer, const struct wire_frame *frame,
			__u64 *at)
{
	int ret;

	if (frame->length > timer->state.size - *at)
		return machine_error("more context than there can be", -EPROTO);
	ret = vfio_pwrite(timer->vfio.device, frame->data, frame->length,
			  timer->state.offset + (off_t)*at);
	*at += frame->length;
	return ret ? machine_error("load the context", ret) : 0;
}

/* Receive all that a source sends: 0 if it says go, 1 if it thinks otherwise. */
static int receive(struct timer *timer)
{
	static const enum wire_type order[] = {
		WIRE_TIMER, WIRE_REGISTERS, WIRE_CONTEXT,
	};
	const unsigned int last = sizeof(order) / sizeof(*order);
	__u64 at = VFIO_DEVICE_STATE_CONTEXT_OFFSET;
	struct wire_frame frame;
	unsigned int step = 0;
	int ret = 0;

	while (!ret) {
		ret = wire_receive(&timer->wire, &frame);
		if (ret)
			return machine_error("the source", ret);
		if (step == last && frame.type == WIRE_GO)
			return 0;
		if (step == last && frame.type == WIRE_CANCEL)
			return 1;
		/* Any number of pieces of a context. */
		if (step == last)
			step--;
		if (frame.type != order[step++])
			return machine_error("a frame out of order", -EPROTO);
		if (frame.type == WIRE_TIMER &&
		    wire_u32(&frame, 0) != WIRE_VERSION)
			return machine_error("a source of another version",
					     -EPROTONOSUPPORT);
		if (frame.type == WIRE_REGISTERS)
			ret = take_registers(timer, &frame);
		else if (frame.type == WIRE_CONTEXT)
			ret = take_context(timer, &frame, &at);
	}
	return ret;
}

/* All is here: compare before anything can change, and start. */
static int go_on(struct timer *timer, const struct options *options)
{
	__u32 page[MDEV_SAMPLE_REGS], words[RESULT_WORDS];
	int ret;

	ret = sample_read_all(&timer->regs, page);
	if (!ret)
		ret = devstate_start(&timer->state);
	if (ret)
		return machine_error("start the device", ret);
	words[RESULT_WRONG] = wrong_registers(timer, page, 0);
	ret = wire_send(&timer->wire, WIRE_STARTED, NULL, 0);
	if (ret)
		return machine_error("the source", ret);
	ret = counts_on(timer, options, &words[RESULT_WRONG],
			&words[RESULT_TICKS]);
	if (ret)
		return ret;
	ret = wire_send_words(&timer->wire, WIRE_TIMER_RESULT, words,
			      RESULT_WORDS);
	if (ret)
		return machine_error("the source", ret);
	return words[RESULT_WRONG] || !words[RESULT_TICKS] ? -EBADMSG : 0;
}

static int serve(struct timer *timer, const struct options *options)
{
	int ret = receive(timer);
	__u32 word;

	if (!ret)
		ret = go_on(timer, options);
	if (ret < 0) {
		word = -ret;
		/* The source may be gone; it has its own way to notice. */
		wire_send_words(&timer->wire, WIRE_ERROR, &word, 1);
	}
	return ret > 0 ? 0 : ret;
}

static int run(const char *uuid, int socket, const struct options *options,
	       int (*role)(struct timer *timer, const struct options *options))
{
	struct timer timer = { .vfio = VFIO_CLIENT_CLOSED };
	const char *what = "";
	int ret;

	if (wire_init(&timer.wire, socket))
		return machine_error("the connection", -ENOMEM);
	if (options->rounds && options->ram_mib) {
		ret = open_device(&timer, uuid, &what);
	} else {
		what = "--ram or --rounds";
		ret = -EINVAL;
	}
	ret = ret ? machine_error(what, ret) : role(&timer, options);
	vfio_close(&timer.vfio);
	ram_destroy(&timer.ram);
	wire_close(&timer.wire);
	return ret;
}

int timer_source_run(const char *uuid, int socket,
		     const struct options *options)
{
	return run(uuid, socket, options, move);
}

int timer_target_run(const char *uuid, int socket,
		     const struct options *options)
{
	return run(uuid, socket, options, serve);
}
