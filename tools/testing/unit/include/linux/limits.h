/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/limits.h> in user space. */
#ifndef UNIT_LINUX_LIMITS_H
#define UNIT_LINUX_LIMITS_H

#include_next <linux/limits.h>
#include <stdint.h>

#ifndef U64_MAX
#define U64_MAX		UINT64_MAX
#define U32_MAX		UINT32_MAX
#endif

#endif
