// SPDX-License-Identifier: GPL-2.0
/*
 * Source and target as two processes on one host, after an undisturbed run
 * that both are measured by.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "migrate.h"
#include "timer.h"

const struct roles *roles_of(const char *uuid)
{
	static const struct roles gpu = { source_run, target_run };
	static const struct roles timer = { timer_source_run, timer_target_run };

	return timer_is(uuid) ? &timer : &gpu;
}

static int run_to_the_end(struct machine *machine,
			  const struct options *options, struct model *model,
			  struct verify_result *result)
{
	static const __u32 start[WORKLOAD_QUEUES];
	struct workload work;
	int ret;

	ret = workload_of(options, machine, &work);
	if (!ret)
		ret = machine_add_ram(machine, &work);
	if (!ret)
		ret = machine_power_on(machine);
	if (!ret)
		ret = machine_start_cpu(machine, start,
					workload_commands(&work, 0));
	if (!ret)
		ret = machine_finish(machine, options->progress, "undisturbed");
	if (!ret)
		ret = verify_model(model, &work);
	if (ret)
		return ret;
	ret = verify_machine(machine, model, result);
	if (ret)
		model_destroy(model);
	return ret;
}

int undisturbed_run(const char *uuid, const struct options *options,
		    struct model *model, struct verify_result *result)
{
	struct machine machine;
	int ret = machine_open(&machine, uuid);

	if (ret)
		return ret;
	ret = run_to_the_end(&machine, options, model, result);
	machine_close(&machine);
	if (ret)
		return ret;
	report_program(&machine.work);
	printf("undisturbed run      RAM crc32c %08x, VRAM crc32c %08x: %s\n",
	       result->ram_crc, result->vram_crc,
	       verify_equal(result) ? "as the model" : "NOT as the model");
	printf("  interrupts         %8u\n", result->interrupts);
	report_wrong(result);
	if (verify_equal(result))
		return 0;
	model_destroy(model);
	return -EBADMSG;
}

static int wait_for_target(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	fprintf(stderr, "devstate-migrate: the target failed\n");
	return -ECHILD;
}

static int move(const char *source, const char *target,
		const struct options *options)
{
	int sockets[2], ret, target_ret;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets))
		return machine_error("a socket pair", -errno);
	fflush(stdout);
	child = fork();
	if (child < 0) {
		ret = -errno;
		close(sockets[0]);
		close(sockets[1]);
		return machine_error("fork", ret);
	}
	if (!child) {
		close(sockets[0]);
		_exit(roles_of(target)->target(target, sockets[1], options) ?
		      1 : 0);
	}
	close(sockets[1]);
	ret = roles_of(source)->source(source, sockets[0], options);
	target_ret = wait_for_target(child);
	return ret ? ret : target_ret;
}

int pair_run(const char *source, const char *target,
	     const struct options *options)
{
	struct options with_reference = *options;
	struct verify_result reference;
	struct model model;
	int ret;

	/* How a timer ticks is no matter of what it did before. */
	if (timer_is(source))
		return move(source, target, options);
	ret = undisturbed_run(source, options, &model, &reference);
	if (ret)
		return ret;
	with_reference.model = &model;
	with_reference.reference = &reference;
	ret = move(source, target, &with_reference);
	model_destroy(&model);
	return ret;
}
