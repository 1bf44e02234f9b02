// SPDX-License-Identifier: GPL-2.0
/*
 * The program that a machine is to run, from what the user wants.
 */
#include <errno.h>

#include "machine.h"
#include "migrate.h"

int workload_of(const struct options *options, const struct machine *machine,
		struct workload *work)
{
	*work = (struct workload) {
		.seed = options->seed,
		.rounds = options->rounds,
		.ram_pages = options->ram_mib * (1024 * 1024 / WORKLOAD_PAGE),
		.vram_pages = machine->gpu.vram_size / WORKLOAD_PAGE,
	};
	return workload_check(work) ?
	       machine_error("--ram, --rounds or VRAM out of range", -EINVAL) :
	       0;
}
