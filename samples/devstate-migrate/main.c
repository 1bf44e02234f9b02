// SPDX-License-Identifier: GPL-2.0
/*
 * devstate-migrate: moves a vGPU with work in flight from one process to
 * another, by the device-state region and the dirty bitmap alone.
 */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine.h"
#include "migrate.h"
#include "wire.h"

static const char usage[] =
"usage: devstate-migrate source --device UUID --to ADDR [options]\n"
"       devstate-migrate target --device UUID --listen ADDR [--progress]\n"
"       devstate-migrate pair SOURCE-UUID TARGET-UUID [options]\n"
"       devstate-migrate run --device UUID [options]\n"
"\n"
"Runs programs on all queues of an mvgpu, stops it in the middle of commands,\n"
"moves it to another process, and lets it go on there. ADDR is unix:PATH or\n"
"tcp:HOST:PORT. \"pair\" does both sides on one host, after an undisturbed run\n"
"on the source for comparison; \"run\" is that run alone.\n"
"\n"
"A timer of mdev_sample is moved as well: it ticks --rounds times before and\n"
"after, and takes values from --seed.\n"
"\n"
"  --cancel      save all, but start again on the source\n"
"  --ram MIB     guest RAM, 8 to 128 (default 32)\n"
"  --rounds N    length of the program, 1 to 10000 (default 60)\n"
"  --seed N      another program and another moment (default 1)\n"
"  --progress    show how far it is, on stderr\n"
"\n"
"The exit status is 0 only if guest RAM and VRAM are right in the end, no\n"
"timestamp runs backwards, no interrupt was lost, and the dirty bitmap named\n"
"exactly what the device wrote; of a timer, if all registers are right, no page is\n"
"dirty, and it ticks. It is 1 if not, 2 for bad arguments, and 3 if the program\n"
"ended, right, on the source, as the device was idle whenever it was stopped: a\n"
"short program on a host under load may be over by then.\n";

/**
 * struct command - the whole command line
 * @options: for the roles
 * @device: --device
 * @to: --to
 * @listen: --listen
 */
struct command {
	struct options options;
	const char *device;
	const char *to;
	const char *listen;
};

static int bad_usage(const char *why)
{
	fprintf(stderr, "devstate-migrate: %s\n\n%s", why, usage);
	return 2;
}

static bool number(const char *text, unsigned long long most,
		   unsigned long long *value)
{
	char *end;

	errno = 0;
	*value = strtoull(text, &end, 0);
	return !errno && end != text && !*end && *text != '-' &&
	       *value <= most;
}

static bool parse_option(struct command *command, int option)
{
	struct options *options = &command->options;
	unsigned long long value = 0;

	switch (option) {
	case 'd':
		command->device = optarg;
		return true;
	case 't':
		command->to = optarg;
		return true;
	case 'l':
		command->listen = optarg;
		return true;
	case 'c':
		options->cancel = true;
		return true;
	case 'p':
		options->progress = true;
		return true;
	case 's':
		if (!number(optarg, ULLONG_MAX, &value))
			return false;
		options->seed = value;
		return true;
	case 'm':
		if (!number(optarg, 128, &value))
			return false;
		options->ram_mib = value;
		return true;
	case 'r':
		if (!number(optarg, WORKLOAD_ROUNDS_MAX, &value))
			return false;
		options->rounds = value;
		return true;
	default:
		return false;
	}
}

static int run_source(const struct command *command)
{
	int fd = wire_connect(command->to);

	if (fd < 0)
		return machine_error(command->to, fd);
	return roles_of(command->device)->source(command->device, fd,
						 &command->options);
}

static int run_target(const struct command *command)
{
	int fd = wire_accept(command->listen);

	if (fd < 0)
		return machine_error(command->listen, fd);
	return roles_of(command->device)->target(command->device, fd,
						 &command->options);
}

static int run_undisturbed(const struct command *command)
{
	struct verify_result result;
	struct model model;
	int ret;

	ret = undisturbed_run(command->device, &command->options, &model,
			      &result);
	if (!ret)
		model_destroy(&model);
	return ret;
}

static int run_role(const char *role, const struct command *command,
		    char **rest, int count)
{
	int ret;

	if (!strcmp(role, "pair")) {
		if (count != 2)
			return bad_usage("pair needs two UUIDs");
		ret = pair_run(rest[0], rest[1], &command->options);
	} else if (count || !command->device) {
		return bad_usage("--device, and nothing else, is needed");
	} else if (!strcmp(role, "source") && command->to) {
		ret = run_source(command);
	} else if (!strcmp(role, "target") && command->listen) {
		ret = run_target(command);
	} else if (!strcmp(role, "run")) {
		ret = run_undisturbed(command);
	} else {
		return bad_usage("what is to be done?");
	}
	/* What stop_at_work() gives, and nothing else. */
	if (ret == -EAGAIN)
		return 3;
	return ret ? 1 : 0;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "device", required_argument, NULL, 'd' },
		{ "to", required_argument, NULL, 't' },
		{ "listen", required_argument, NULL, 'l' },
		{ "cancel", no_argument, NULL, 'c' },
		{ "progress", no_argument, NULL, 'p' },
		{ "seed", required_argument, NULL, 's' },
		{ "ram", required_argument, NULL, 'm' },
		{ "rounds", required_argument, NULL, 'r' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct command command = {
		.options = { .seed = 1, .rounds = 60, .ram_mib = 32 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		if (option == 'h') {
			fputs(usage, stdout);
			return 0;
		}
		if (option == '?')
			return 2;
		if (!parse_option(&command, option))
			return bad_usage("a number out of range");
	}
	if (optind >= argc)
		return bad_usage("what is to be done?");
	return run_role(argv[optind], &command, argv + optind + 1,
			argc - optind - 1);
}
