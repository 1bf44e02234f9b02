/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tests in user space that print KTAP. A test is a function; the first check
 * that does not hold ends it. Warnings of the code under test fail it too.
 */
#ifndef UNIT_H
#define UNIT_H

#include <linux/types.h>
#include <stdio.h>
#include <stdlib.h>

void unit_add(const char *name, void (*run)(void));
void unit_fail(const char *file, int line, const char *text, long long got,
	       long long wanted);

/* What a fuzzer calls; 0. The name is the one that it looks for. */
int unit_fuzz(const u8 *data, size_t size) __asm__("LLVMFuzzerTestOneInput");

/* The n-th allocation from now fails; 0: none does. */
extern unsigned int unit_alloc_fails_at;

/* Bytes allocated, and the most that were since this was last set to 0. */
extern size_t unit_alloc_bytes;
extern size_t unit_alloc_peak;

#define UNIT_TEST(name)							\
	static void test_##name(void);					\
	static void __attribute__((constructor)) add_##name(void)	\
	{								\
		unit_add(#name, test_##name);				\
	}								\
	static void test_##name(void)

#define CHECK(condition)						\
	((condition) ? (void)0 :					\
	 unit_fail(__FILE__, __LINE__, #condition, 0, 1))

#define CHECK_EQ(wanted, got)						\
	do {								\
		long long _wanted = (wanted), _got = (got);		\
									\
		if (_wanted != _got)					\
			unit_fail(__FILE__, __LINE__, #got, _got,	\
				  _wanted);				\
	} while (0)

#endif
