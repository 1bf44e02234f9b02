/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's harness, on kernels that are slow and behind tests that are ended
 * by their limit: a test may take MVGPU_SLOWNESS times as long as it says, and what
 * an earlier one changed for everybody is put back before it begins.
 */
#ifndef _SELFTESTS_KSELFTEST_HARNESS_H
#define _SELFTESTS_KSELFTEST_HARNESS_H

#include_next <kselftest_harness.h>

#include "effort.h"
#include "leftovers.h"

static inline void harness_prepare(void)
{
	struct __fixture_metadata *fixture;
	struct __test_metadata *test;

	for (fixture = __fixture_list; fixture; fixture = fixture->next)
		for (test = fixture->tests; test; test = test->next)
			test->timeout *= effort_slowness();
	leftovers_begin();
}

#undef TEST_HARNESS_MAIN
#define TEST_HARNESS_MAIN			\
int main(int argc, char **argv)			\
{						\
	harness_prepare();			\
	exit(test_harness_run(argc, argv));	\
}

#endif /* _SELFTESTS_KSELFTEST_HARNESS_H */
