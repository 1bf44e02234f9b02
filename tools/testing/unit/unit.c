// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the tests of a program and prints KTAP.
 */
#include <linux/device.h>
#include <linux/mutex.h>
#include <linux/sched/signal.h>
#include <linux/uaccess.h>
#include <setjmp.h>

#include "unit.h"

#define UNIT_TESTS_MAX 200

static struct {
	const char *name;
	void (*run)(void);
} unit_tests[UNIT_TESTS_MAX];

static unsigned int unit_nr;
static bool unit_failed;
static jmp_buf unit_end;

void unit_add(const char *name, void (*run)(void))
{
	if (unit_nr == UNIT_TESTS_MAX)
		abort();
	unit_tests[unit_nr].name = name;
	unit_tests[unit_nr++].run = run;
}

void unit_fail(const char *file, int line, const char *text, long long got,
	       long long wanted)
{
	printf("# %s:%d: %s is %lld, not %lld\n", file, line, text, got,
	       wanted);
	unit_failed = true;
	longjmp(unit_end, 1);
}

int unit_warn(int condition, const char *file, int line, const char *text)
{
	if (condition) {
		printf("# %s:%d: warning: %s\n", file, line, text);
		unit_failed = true;
	}
	return condition;
}

static void unit_run(unsigned int nr)
{
	unit_failed = false;
	unit_alloc_fails_at = 0;
	unit_fault = NULL;
	unit_signal = false;
	unit_alive = -1;
	unit_held = 0;
	unit_logged = 0;

	if (!setjmp(unit_end))
		unit_tests[nr].run();
	printf("%s %u %s\n", unit_failed ? "not ok" : "ok", nr + 1,
	       unit_tests[nr].name);
}

int main(void)
{
	unsigned int nr, failures = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%u\n", unit_nr);
	for (nr = 0; nr < unit_nr; nr++) {
		unit_run(nr);
		failures += unit_failed;
	}
	return failures || !unit_nr ? 1 : 0;
}
