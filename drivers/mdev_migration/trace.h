/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events: what a device's run state does, and what became of contexts.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mdev_migration

#if !defined(MDEV_MIGRATION_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MDEV_MIGRATION_TRACE_H

#include <linux/device.h>
#include <linux/string.h>
#include <linux/tracepoint.h>

#include "fsm.h"

#ifndef MDEV_MIGRATION_TRACE_SIZES
#define MDEV_MIGRATION_TRACE_SIZES

/* Holds the name of an mdev, which is a UUID. */
#define MDEV_MIGRATION_TRACE_DEV	40

/* Holds the name of a state or an event. */
#define MDEV_MIGRATION_TRACE_NAME	16

#endif /* MDEV_MIGRATION_TRACE_SIZES */

TRACE_EVENT(mdev_migration_state,
	    TP_PROTO(struct device *dev, unsigned int event, unsigned int from,
		     unsigned int to),
	    TP_ARGS(dev, event, from, to),
	    TP_STRUCT__entry(__array(char, dev, MDEV_MIGRATION_TRACE_DEV)
			     __array(char, event, MDEV_MIGRATION_TRACE_NAME)
			     __array(char, from, MDEV_MIGRATION_TRACE_NAME)
			     __array(char, to, MDEV_MIGRATION_TRACE_NAME)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), MDEV_MIGRATION_TRACE_DEV);
			   strscpy(__entry->event, mdev_migration_fsm_event_name(event),
				   MDEV_MIGRATION_TRACE_NAME);
			   strscpy(__entry->from, mdev_migration_fsm_name(from),
				   MDEV_MIGRATION_TRACE_NAME);
			   strscpy(__entry->to, mdev_migration_fsm_name(to),
				   MDEV_MIGRATION_TRACE_NAME);),
	    TP_printk("%s %s: %s -> %s", __entry->dev, __entry->event,
		      __entry->from, __entry->to)
);

TRACE_EVENT(mdev_migration_snapshot,
	    TP_PROTO(struct device *dev, int error, u64 length, u32 chunks),
	    TP_ARGS(dev, error, length, chunks),
	    TP_STRUCT__entry(__array(char, dev, MDEV_MIGRATION_TRACE_DEV)
			     __field(int, error)
			     __field(u64, length)
			     __field(u32, chunks)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), MDEV_MIGRATION_TRACE_DEV);
			   __entry->error = error;
			   __entry->length = length;
			   __entry->chunks = chunks;),
	    TP_printk("%s error=%d length=%llu chunks=%u", __entry->dev,
		      __entry->error, __entry->length, __entry->chunks)
);

TRACE_EVENT(mdev_migration_switchover,
	    TP_PROTO(struct device *dev, int error, u64 left),
	    TP_ARGS(dev, error, left),
	    TP_STRUCT__entry(__array(char, dev, MDEV_MIGRATION_TRACE_DEV)
			     __field(int, error)
			     __field(u64, left)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), MDEV_MIGRATION_TRACE_DEV);
			   __entry->error = error;
			   __entry->left = left;),
	    TP_printk("%s error=%d bytes_left=%llu", __entry->dev,
		      __entry->error, __entry->left)
);

TRACE_EVENT(mdev_migration_load,
	    TP_PROTO(struct device *dev, int error, u64 came, u32 section),
	    TP_ARGS(dev, error, came, section),
	    TP_STRUCT__entry(__array(char, dev, MDEV_MIGRATION_TRACE_DEV)
			     __field(int, error)
			     __field(u64, came)
			     __field(u32, section)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), MDEV_MIGRATION_TRACE_DEV);
			   __entry->error = error;
			   __entry->came = came;
			   __entry->section = section;),
	    TP_printk("%s error=%d bytes=%llu section=%#x", __entry->dev,
		      __entry->error, __entry->came, __entry->section)
);

#endif /* MDEV_MIGRATION_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
