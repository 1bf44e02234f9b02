// SPDX-License-Identifier: GPL-2.0
/*
 * The report of a move: see migrate.h.
 */
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "migrate.h"

#define MIB	(1024.0 * 1024.0)

/* Documentation/stream.rst: the context's header, the stream's, a section's. */
#define CONTEXT_HEADER	16
#define STREAM_HEADER	64
#define SECTION_HEADER	16
#define SECTION_MEMORY	2
/* A memory section begins with its offset. */
#define MEMORY_HEADER	8

/* Documentation/context.rst: a queue of a MVGPU_STREAM_QUEUES. */
#define QUEUE_FIRST	4
#define QUEUE_SIZE	120
#define QUEUE_FLAGS	0
#define QUEUE_DONE	48
#define QUEUE_CURRENT	0x2

static __u32 get_u32(const __u8 *data)
{
	__le32 raw;

	memcpy(&raw, data, sizeof(raw));
	return le32toh(raw);
}

static __u64 get_u64(const __u8 *data)
{
	return get_u32(data) | (__u64)get_u32(data + 4) << 32;
}

static void read_queues(const __u8 *payload, __u32 len,
			struct context *context)
{
	__u32 queue, at = QUEUE_FIRST;

	for (queue = 0; queue < WORKLOAD_QUEUES && len - at >= QUEUE_SIZE;
	     queue++, at += QUEUE_SIZE) {
		context->begun[queue] = get_u32(payload + at + QUEUE_FLAGS) &
					QUEUE_CURRENT;
		context->done[queue] = get_u64(payload + at + QUEUE_DONE);
	}
}

void context_read(const __u8 *data, __u64 length, struct context *context)
{
	__u64 at = CONTEXT_HEADER + STREAM_HEADER;

	memset(context, 0, sizeof(*context));
	while (at < length && length - at >= SECTION_HEADER) {
		const __u8 *payload = data + at + SECTION_HEADER;
		__u32 id = get_u32(data + at), len = get_u32(data + at + 8);

		if (len > length - at - SECTION_HEADER)
			break;
		if (id == SECTION_MEMORY && len > MEMORY_HEADER)
			context->memory += len - MEMORY_HEADER;
		if (id == MVGPU_STREAM_QUEUES && len >= QUEUE_FIRST)
			read_queues(payload, len, context);
		at += SECTION_HEADER + (__u64)len;
	}
}

static bool dirty_good(const struct report *report)
{
	return !report->judgement.missing && !report->judgement.excess;
}

static bool same_as_undisturbed(const struct report *report,
				const struct options *options)
{
	const struct verify_result *reference = options->reference;

	return !reference ||
	       (report->result.ram_crc == reference->ram_crc &&
		report->result.vram_crc == reference->vram_crc);
}

bool report_good(const struct report *report, const struct options *options)
{
	return dirty_good(report) && verify_equal(&report->result) &&
	       same_as_undisturbed(report, options);
}

static void print_dirty(const struct report *report)
{
	const struct verify_dirty *judgement = &report->judgement;

	printf("  written by device  %8u pages, by VFIO_IOMMU_GET_DIRTY_BITMAP\n",
	       report->dirty);
	printf("    the model says   %8u", judgement->least);
	if (judgement->most != judgement->least)
		printf(" to %u", judgement->most);
	if (dirty_good(report))
		printf(": exact\n");
	else
		printf(": WRONG, %u missing, %u too many\n",
		       judgement->missing, judgement->excess);
	printf("  written by CPU     %8u pages since the first pass\n",
	       report->touched);
}

static unsigned int count_bits(__u32 bits)
{
	unsigned int count = 0;

	for (; bits; bits &= bits - 1)
		count++;
	return count;
}

void report_program(const struct workload *work)
{
	__u32 counts[WORKLOAD_OPCODES], all = workload_count(work, counts);
	unsigned int opcode, column = 0;

	printf("program              %8u commands for %u queues\n", all,
	       WORKLOAD_QUEUES);
	for (opcode = 0; opcode < WORKLOAD_OPCODES; opcode++) {
		if (!counts[opcode])
			continue;
		printf("%s%-9s %8u", column % 3 ? "   " : "  ",
		       workload_name(opcode), counts[opcode]);
		if (++column % 3 == 0)
			printf("\n");
	}
	if (column % 3)
		printf("\n");
}

void report_wrong(const struct verify_result *result)
{
	if (result->ram_wrong || result->vram_wrong)
		printf("  differs from the model in %u pages of RAM, %u of VRAM\n",
		       result->ram_wrong, result->vram_wrong);
	if (result->stamps_wrong)
		printf("  %u timestamps run backwards\n",
		       result->stamps_wrong);
	if (result->interrupts_wrong)
		printf("  %u interrupts lost, or too many\n",
		       result->interrupts_wrong);
}

static void print_result(const struct report *report,
			 const struct options *options)
{
	const struct verify_result *result = &report->result;

	printf("interrupts           %8u since, %u of them pending at the stop\n",
	       result->interrupts, count_bits(report->pending));
	printf("memory at the end    RAM crc32c %08x, VRAM crc32c %08x\n",
	       result->ram_crc, result->vram_crc);
	if (options->reference)
		printf("  undisturbed run    RAM crc32c %08x, VRAM crc32c %08x\n",
		       options->reference->ram_crc,
		       options->reference->vram_crc);
	report_wrong(result);
	printf("result               %s\n",
	       report_good(report, options) ? "RIGHT" : "WRONG");
}

static void print_queue(const struct report *report,
			const struct workload *work, unsigned int queue)
{
	__u32 at = report->completed[queue];
	union gpu_command command = workload_command(work, queue, at);
	__u32 opcode = le32toh(command.opcode);

	printf("  queue %u, command   %8u of %u: a %s, ", queue, at,
	       workload_commands(work, queue), workload_name(opcode));
	if (!report->context.begun[queue])
		printf("not begun");
	else if (opcode == MVGPU_OP_SEMAPHORE)
		printf("waiting");
	else
		printf("%llu %s into it", report->context.done[queue],
		       opcode == MVGPU_OP_BIND || opcode == MVGPU_OP_UNBIND ?
		       "entries" : "bytes");
	printf("; %u behind it\n", report->queued[queue] - 1);
}

static void print_memory(const struct report *report,
			 const struct workload *work)
{
	printf("guest RAM            %8.1f MiB, %u pages\n",
	       work->ram_pages * WORKLOAD_PAGE / MIB, work->ram_pages);
	print_dirty(report);
	printf("  sent while running %8.1f MiB\n", report->sent_running / MIB);
	printf("  sent while stopped %8.1f MiB\n",
	       report->sent_standing / MIB);
	printf("device context       %8.1f KiB\n", report->context_size / 1024.0);
	printf("  of them VRAM       %8.1f KiB, of %.1f MiB\n",
	       report->context.memory / 1024.0,
	       work->vram_pages * WORKLOAD_PAGE / MIB);
}

void report_print(const struct report *report, const struct workload *work,
		  const struct options *options)
{
	unsigned int queue;

	if (!options->reference)
		report_program(work);
	printf("\n%s in the middle of its work\n",
	       options->cancel ? "Stopped, and started again on the source," :
				 "Moved");
	for (queue = 0; queue < WORKLOAD_QUEUES; queue++)
		print_queue(report, work, queue);
	if (report->tries > 1)
		printf("  stops needed       %8u (the moment had passed before)\n",
		       report->tries);
	print_memory(report, work);
	printf("stood still          %8.1f ms\n", report->stood_ms);
	printf("device clock         %8.1f ms at the stop\n",
	       report->clock / 1e6);
	print_result(report, options);
	fflush(stdout);
}
