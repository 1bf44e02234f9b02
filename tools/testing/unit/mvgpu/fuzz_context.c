// SPDX-License-Identifier: GPL-2.0
/*
 * Sections that a fuzzer made, see again.h. The first byte of the input says
 * which of them it is, and of which version.
 */
#include <linux/mvgpu.h>

#include "again.h"
#include "unit.h"

int unit_warn(int condition, const char *file, int line, const char *text)
{
	if (condition) {
		fprintf(stderr, "%s:%d: warning: %s\n", file, line, text);
		abort();
	}
	return 0;
}

void unit_fail(const char *file, int line, const char *text, long long got,
	       long long wanted)
{
	unit_warn(1, file, line, text);
	exit(1);
}

int unit_fuzz(const u8 *data, size_t size)
{
	if (!size)
		return 0;
	if (again_section(MVGPU_STREAM_CONFIG + data[0] % AGAIN_SECTIONS,
			  data[0] & 0x80 ? 2 : 1, data + 1, size - 1) ==
	    AGAIN_WRONG)
		abort();
	return 0;
}
