// SPDX-License-Identifier: GPL-2.0
/*
 * Runs scripts of probes: see type1_probe.h.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kselftest.h"
#include "type1_script.h"

#define LINE	256

/**
 * struct operation - what a script can do
 * @name: how it says so
 * @run: does it
 * @args: the values that it takes, in this order
 * @letters: the names of bits of the flags, from bit 0; - for none
 */
struct operation {
	const char *name;
	type1_op run;
	const char *args;
	const char *letters;
};

static const char * const arg_names[] = {
	[TYPE1_N] = "n",
	[TYPE1_IOVA] = "iova",
	[TYPE1_SIZE] = "size",
	[TYPE1_FLAGS] = "flags",
	[TYPE1_VADDR] = "vaddr",
	[TYPE1_ARGSZ] = "argsz",
	[TYPE1_AT] = "at",
	[TYPE1_PGSIZE] = "pgsize",
	[TYPE1_BSIZE] = "bsize",
	[TYPE1_DATA] = "data",
	[TYPE1_FILL] = "fill",
	[TYPE1_DEV] = "dev",
};

/* Any other value can be given by name. */
static const struct operation operations[] = {
	/* ioctls of the container */
	{ "version", type1_op_version, "", "" },
	{ "check", type1_op_check, "n", "" },
	{ "set", type1_op_set, "n", "" },
	{ "info", type1_op_info, "argsz at", "" },
	{ "map", type1_op_map, "iova size flags vaddr", "rwv" },
	{ "unmap", type1_op_unmap, "iova size flags", "dav" },
	{ "dirty", type1_op_dirty, "flags", "spg" },
	{ "start", type1_op_start, "", "" },
	{ "stop", type1_op_stop, "", "" },
	{ "get", type1_op_get, "iova size", "spg" },
	{ "old", type1_op_old, "iova n", "" },
	{ "call", type1_op_call, "n at", "" },
	/* what drivers do */
	{ "pin", type1_op_pin, "iova n flags", "rw" },
	{ "unpin", type1_op_unpin, "iova n", "" },
	{ "drop", type1_op_drop, "iova n", "" },
	{ "rw", type1_op_rw, "iova size flags", "rwk" },
	{ "read", type1_op_read, "iova size", "" },
	{ "write", type1_op_write, "iova size", "" },
	{ "poke", type1_op_poke, "iova n", "" },
	{ "stubborn", type1_op_stubborn, "n", "" },
	/* descriptors */
	{ "join", type1_op_join, "", "" },
	{ "device", type1_op_device, "", "" },
	{ "second", type1_op_second, "", "" },
	{ "shut", type1_op_shut, "dev", "" },
	{ "unset", type1_op_unset, "dev", "" },
	{ "leave", type1_op_leave, "dev", "" },
	/* the process and its memory */
	{ "limit", type1_op_limit, "n", "" },
	{ "memlock", type1_op_memlock, "n", "" },
	{ "locked", type1_op_locked, "", "" },
	{ "many", type1_op_many, "iova n", "" },
	{ "touch", type1_op_touch, "vaddr n", "" },
	{ "put", type1_op_put, "vaddr n", "" },
	{ "peek", type1_op_peek, "vaddr", "" },
	{ "bits", type1_op_bits, "bsize", "" },
};

void type1_say(struct type1_run *run, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(run->text + run->len, TYPE1_TEXT - run->len, format,
		      args);
	va_end(args);
	if (n > 0)
		run->len += n;
	if (run->len >= TYPE1_TEXT)
		run->len = TYPE1_TEXT - 1;
}

void type1_say_result(struct type1_run *run, const char *name, long ret)
{
	type1_say(run, "%s%s", run->len ? " " : "", name);
	if (ret < 0)
		type1_say(run, ":%s", strerrorname_np(-ret));
	else if (ret)
		type1_say(run, ":%ld", ret);
}

bool type1_given(const struct type1_run *run, enum type1_arg arg)
{
	return run->given & 1U << arg;
}

__u64 type1_value(const struct type1_run *run, enum type1_arg arg,
		  __u64 otherwise)
{
	return type1_given(run, arg) ? run->value[arg] : otherwise;
}

/* A number with its unit. */
static int parse_number(const char **at, __u64 *value)
{
	static const char units[] = "pkmgt";
	static const unsigned int shifts[] = { 12, 10, 20, 30, 40 };
	const char *unit;
	char *end;

	errno = 0;
	*value = strtoull(*at, &end, 0);
	if (errno || end == *at)
		return -EINVAL;
	unit = *end ? strchr(units, *end) : NULL;
	if (unit) {
		*value <<= shifts[unit - units];
		end++;
	}
	*at = end;
	return 0;
}

static int parse_term(const struct type1_run *run, const char **at,
		      __u64 *value)
{
	const char *begin = *at;
	size_t len = 0;

	if (isdigit(*begin))
		return parse_number(at, value);
	while (isalpha(begin[len]))
		len++;
	*at += len;
	if (len == 1 && *begin == 'i')
		*value = run->i;
	else if (len == 2 && !strncmp(begin, "ip", 2))
		*value = (__u64)run->i << 12;
	else if (len == 3 && !strncmp(begin, "max", 3))
		*value = ~0ULL;
	else
		return type1_memory(begin, len, value);
	return 0;
}

/* Terms with + and - between; a - may be the first. */
static int parse_sum(const struct type1_run *run, const char *text,
		     __u64 *value)
{
	bool minus = *text == '-';
	__u64 term;
	int ret;

	*value = 0;
	if (minus)
		text++;
	for (;;) {
		ret = parse_term(run, &text, &term);
		if (ret)
			return ret;
		*value += minus ? -term : term;
		if (!*text)
			return 0;
		minus = *text == '-';
		if (!minus && *text != '+')
			return -EINVAL;
		text++;
	}
}

static int parse_flags(const struct type1_run *run, const struct operation *op,
		       const char *text, __u64 *value)
{
	const char *letter;

	if (isdigit(*text) || !strcmp(text, "i"))
		return parse_sum(run, text, value);
	for (*value = 0; *text; text++) {
		letter = strchr(op->letters, *text);
		if (!letter)
			return -EINVAL;
		*value |= 1ULL << (letter - op->letters);
	}
	return 0;
}

static int parse_named(struct type1_run *run, const struct operation *op,
		       const char *name, size_t len, const char *text)
{
	int i;

	for (i = 0; i < TYPE1_ARGS; i++) {
		if (strlen(arg_names[i]) != len ||
		    strncmp(arg_names[i], name, len))
			continue;
		run->given |= 1U << i;
		if (i == TYPE1_FLAGS)
			return parse_flags(run, op, text, &run->value[i]);
		return parse_sum(run, text, &run->value[i]);
	}
	return -EINVAL;
}

/* Parse the values of an operation. */
static int parse_args(struct type1_run *run, const struct operation *op,
		      char *rest)
{
	const char *next = op->args;
	char *word, *save = NULL;
	int ret = 0;

	run->given = 0;
	for (word = strtok_r(rest, " ", &save); word && !ret;
	     word = strtok_r(NULL, " ", &save)) {
		char *value = strchr(word, '=');
		size_t len;

		if (value) {
			ret = parse_named(run, op, word, value - word,
					  value + 1);
			continue;
		}
		len = strcspn(next, " ");
		if (!len)
			return -EINVAL;
		ret = parse_named(run, op, next, len, word);
		next += len;
		next += *next == ' ';
	}
	return ret;
}

static int run_line(struct type1_run *run, char *line)
{
	unsigned long i;
	char *rest;
	int ret;

	line += strspn(line, " ");
	rest = line + strcspn(line, " ");
	if (*rest)
		*rest++ = '\0';
	for (i = 0; i < ARRAY_SIZE(operations); i++) {
		const struct operation *op = &operations[i];

		if (strcmp(op->name, line))
			continue;
		ret = parse_args(run, op, rest);
		return ret ? ret : op->run(run);
	}
	return -ENOTTY;
}

/* The next operation of a script, up to ";" or the end. */
static int next_line(const char **script, char line[LINE])
{
	size_t len = strcspn(*script, ";");

	if (len >= LINE)
		return -E2BIG;
	memcpy(line, *script, len);
	line[len] = '\0';
	*script += len;
	*script += **script == ';';
	*script += strspn(*script, " ");
	return 0;
}

/* A child goes on up to "exit"; when it has ended, its parent goes on there. */
static int run_fork(struct type1_run *run, const char **script)
{
	const char *end = strstr(*script, "exit");
	char child_script[LINE];
	int status;
	pid_t pid;

	if (!end || end - *script >= LINE)
		return -EINVAL;
	snprintf(child_script, LINE, "%.*s", (int)(end - *script), *script);
	*script = end + strcspn(end, ";");
	*script += **script == ';';
	*script += strspn(*script, " ");

	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		_exit(-type1_script_run(run, child_script));
	if (waitpid(pid, &status, 0) != pid)
		return -errno;
	/* The text is shared with the child. */
	run->len += strlen(run->text + run->len);
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EINTR;
}

int type1_script_run(struct type1_run *run, const char *script)
{
	char line[LINE];
	int ret = 0;

	script += strspn(script, " ");
	while (*script && !ret) {
		ret = next_line(&script, line);
		if (ret)
			break;
		if (!strcmp(line, "fork"))
			ret = run_fork(run, &script);
		else
			ret = run_line(run, line);
		if (ret)
			type1_say(run, " [%s: %s]", line,
				  strerrorname_np(-ret));
	}
	return ret;
}
