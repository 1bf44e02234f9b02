/* SPDX-License-Identifier: GPL-2.0 */
/* Stands in for <linux/tracepoint.h> in user space: events that go nowhere. */
#ifndef UNIT_LINUX_TRACEPOINT_H
#define UNIT_LINUX_TRACEPOINT_H

#define TP_PROTO(...)	__VA_ARGS__
#define TP_ARGS(...)	__VA_ARGS__
#define TRACE_EVENT(name, proto, ...) \
	static inline void trace_##name(proto) \
	{ \
	}

#endif
