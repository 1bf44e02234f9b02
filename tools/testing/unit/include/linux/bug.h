/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/bug.h> in user space: a warning fails the test. */
#ifndef UNIT_LINUX_BUG_H
#define UNIT_LINUX_BUG_H

#include <assert.h>

int unit_warn(int condition, const char *file, int line, const char *text);

#define WARN_ON_ONCE(condition) \
	unit_warn(!!(condition), __FILE__, __LINE__, #condition)
#define WARN_ON(condition) WARN_ON_ONCE(condition)
#define BUILD_BUG_ON(condition) static_assert(!(condition), #condition)

#endif
