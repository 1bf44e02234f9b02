/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <trace/define_trace.h> in user space. */
#ifndef UNIT_TRACE_DEFINE_TRACE_H
#define UNIT_TRACE_DEFINE_TRACE_H

/* Nothing is defined: linux/tracepoint.h did it all. */

#endif
