/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The roles of devstate-migrate, and what they report.
 */
#ifndef DEVSTATE_MIGRATE_MIGRATE_H
#define DEVSTATE_MIGRATE_MIGRATE_H

#include <stdbool.h>

#include "model.h"
#include "verify.h"
#include "wire.h"

/**
 * struct options - what the command line said
 * @cancel: stop, save, and start again on the source
 * @progress: show a progress line
 * @seed: of the program
 * @rounds: of the program
 * @ram_mib: guest RAM
 * @model: the program's end, if it is known already
 * @reference: an undisturbed run on a device, if there was one
 */
struct options {
	bool cancel;
	bool progress;
	__u64 seed;
	__u32 rounds;
	__u32 ram_mib;
	const struct model *model;
	const struct verify_result *reference;
};

/**
 * struct context - what a context has for people
 * @memory: bytes of device memory
 * @begun: the command at the head of each queue was begun
 * @done: how much of it was done, in bytes or entries
 */
struct context {
	__u64 memory;
	bool begun[WORKLOAD_QUEUES];
	__u64 done[WORKLOAD_QUEUES];
};

/**
 * struct report - what a move was like
 * @completed: commands that each queue had completed when the device stood
 * @queued: commands in the rings then, those being run included
 * @pending: bit for each queue whose interrupt was pending then
 * @clock: the device's clock then
 * @tries: stops that it took to meet all queues at work
 * @dirty: pages of guest RAM in the bitmap
 * @judgement: of the bitmap
 * @touched: pages that the CPU had written and that were not sent yet
 * @sent_running: bytes of guest RAM sent while the guest ran
 * @sent_standing: bytes of guest RAM sent while it stood
 * @context_size: bytes of the context
 * @context: what is in it
 * @stood_ms: from the request to stop until the device was started again
 * @result: the guest at the end
 */
struct report {
	__u32 completed[WORKLOAD_QUEUES];
	__u32 queued[WORKLOAD_QUEUES];
	__u32 pending;
	__u64 clock;
	__u32 tries;
	__u32 dirty;
	struct verify_dirty judgement;
	__u32 touched;
	__u64 sent_running;
	__u64 sent_standing;
	__u64 context_size;
	struct context context;
	double stood_ms;
	struct verify_result result;
};

/*
 * The roles. Each takes over @socket, says on stderr what went wrong, and
 * returns 0 only if the guest is right in the end.
 */
int source_run(const char *uuid, int socket, const struct options *options);
int target_run(const char *uuid, int socket, const struct options *options);

/**
 * struct roles - how a kind of device is moved
 * @source: one of the above, or the same for another kind
 * @target: likewise
 */
struct roles {
	int (*source)(const char *uuid, int socket,
		      const struct options *options);
	int (*target)(const char *uuid, int socket,
		      const struct options *options);
};

/* By the kind of the device; those of an mvgpu if it is of no known kind. */
const struct roles *roles_of(const char *uuid);

/* Numbers of the program for a device. 0 or -EINVAL, said on stderr. */
int workload_of(const struct options *options, const struct machine *machine,
		struct workload *work);

/* Run the program on a device that is not moved. */
int undisturbed_run(const char *uuid, const struct options *options,
		    struct model *model, struct verify_result *result);

/*
 * First on @source, undisturbed, if it is an mvgpu; then moved from @source to
 * @target.
 */
int pair_run(const char *source, const char *target,
	     const struct options *options);

/* Say on stdout what the programs of the queues consist of. */
void report_program(const struct workload *work);

/* Say on stdout what is wrong with a guest, if anything is. */
void report_wrong(const struct verify_result *result);

/* Write a report to stdout. */
void report_print(const struct report *report, const struct workload *work,
		  const struct options *options);

/* Was the move right: the guest, dirty pages, and the same as undisturbed? */
bool report_good(const struct report *report, const struct options *options);

/* Look into @length bytes of a context; what is cut short is left out. */
void context_read(const __u8 *data, __u64 length, struct context *context);

/*
 * Receive a frame of one type from the target; what it complains of is an error.
 * 0 or -errno, said on stderr.
 */
int migrate_answer(struct wire *wire, enum wire_type type,
		   struct wire_frame *frame);

#endif /* DEVSTATE_MIGRATE_MIGRATE_H */
