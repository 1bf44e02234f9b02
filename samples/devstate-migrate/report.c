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

/* Documentation/hardware.rst: the first queue of a MVGPU_STREAM_QUEUES. */
#define QUEUE_FLAGS	4
#define QUEUE_DONE	52
#define QUEUE_END	124
#define QUEUE_CURRENT	0x2

static __u32 get_u32(const __u8 *data)
{
	__le32 raw;

	memcpy(&raw, data, sizeof(raw));
	return le32toh(raw);
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
		if (id == MVGPU_STREAM_QUEUES && len >= QUEUE_END) {
			context->begun = get_u32(payload + QUEUE_FLAGS) &
					 QUEUE_CURRENT;
			context->done = get_u32(payload + QUEUE_DONE) |
				(__u64)get_u32(payload + QUEUE_DONE + 4) << 32;
		}
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

static void print_result(const struct report *report,
			 const struct options *options)
{
	const struct verify_result *result = &report->result;

	printf("memory at the end    RAM crc32c %08x, VRAM crc32c %08x\n",
	       result->ram_crc, result->vram_crc);
	if (options->reference)
		printf("  undisturbed run    RAM crc32c %08x, VRAM crc32c %08x\n",
		       options->reference->ram_crc,
		       options->reference->vram_crc);
	if (!verify_equal(result))
		printf("  differs from the model in %u pages of RAM, %u of VRAM\n",
		       result->ram_wrong, result->vram_wrong);
	printf("result               %s\n",
	       report_good(report, options) ? "RIGHT" : "WRONG");
}

static void print_command(const struct report *report,
			  const struct workload *work)
{
	union gpu_command command = workload_command(work, report->completed);
	const struct context *context = &report->context;

	printf("  at command         %8u of %u: a %s, ", report->completed,
	       workload_commands(work), workload_name(&command));
	if (context->begun)
		printf("%llu %s into it\n", context->done,
		       command.opcode == htole32(MVGPU_OP_BIND) ||
		       command.opcode == htole32(MVGPU_OP_UNBIND) ?
		       "entries" : "bytes");
	else
		printf("not begun\n");
	printf("  behind it          %8u more in the ring\n",
	       report->queued - 1);
}

void report_print(const struct report *report, const struct workload *work,
		  const struct options *options)
{
	printf("\n%s in the middle of its work\n",
	       options->cancel ? "Stopped, and started again on the source," :
				 "Moved");
	print_command(report, work);
	if (report->tries > 1)
		printf("  stops needed       %8u (the queue was empty before)\n",
		       report->tries);
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
	printf("stood still          %8.1f ms\n", report->stood_ms);
	print_result(report, options);
	fflush(stdout);
}
