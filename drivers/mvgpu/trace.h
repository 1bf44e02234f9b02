/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of vGPUs. A chunk is traced when it begins, a stop when it is
 * asked for and when it is done, so that a trace shows what came between.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM mvgpu

#if !defined(_MVGPU_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _MVGPU_TRACE_H

#include <linux/device.h>
#include <linux/string.h>
#include <linux/tracepoint.h>
#include <linux/uuid.h>

TRACE_EVENT(mvgpu_quiesce,
	    TP_PROTO(struct device *dev, const char *what),
	    TP_ARGS(dev, what),
	    TP_STRUCT__entry(__array(char, dev, UUID_STRING_LEN + 1)
			     __array(char, what, 16)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), UUID_STRING_LEN + 1);
			   strscpy(__entry->what, what, 16);),
	    TP_printk("dev=%s %s", __entry->dev, __entry->what)
);

TRACE_EVENT(mvgpu_resume,
	    TP_PROTO(struct device *dev),
	    TP_ARGS(dev),
	    TP_STRUCT__entry(__array(char, dev, UUID_STRING_LEN + 1)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), UUID_STRING_LEN + 1);),
	    TP_printk("dev=%s", __entry->dev)
);

TRACE_EVENT(mvgpu_command,
	    TP_PROTO(struct device *dev, unsigned int queue, u32 opcode,
		     u32 offset),
	    TP_ARGS(dev, queue, opcode, offset),
	    TP_STRUCT__entry(__array(char, dev, UUID_STRING_LEN + 1)
			     __field(unsigned int, queue)
			     __field(u32, opcode)
			     __field(u32, head)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), UUID_STRING_LEN + 1);
			   __entry->queue = queue;
			   __entry->opcode = opcode;
			   __entry->head = offset;),
	    TP_printk("dev=%s queue=%u opcode=%u head=%#x", __entry->dev,
		      __entry->queue, __entry->opcode, __entry->head)
);

TRACE_EVENT(mvgpu_chunk,
	    TP_PROTO(struct device *dev, unsigned int queue, u64 bytes,
		     unsigned int pages),
	    TP_ARGS(dev, queue, bytes, pages),
	    TP_STRUCT__entry(__array(char, dev, UUID_STRING_LEN + 1)
			     __field(unsigned int, queue)
			     __field(u64, bytes)
			     __field(unsigned int, pages)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), UUID_STRING_LEN + 1);
			   __entry->queue = queue;
			   __entry->bytes = bytes;
			   __entry->pages = pages;),
	    TP_printk("dev=%s queue=%u bytes=%llu pages=%u", __entry->dev,
		      __entry->queue, __entry->bytes, __entry->pages)
);

TRACE_EVENT(mvgpu_pin,
	    TP_PROTO(struct device *dev, u64 iova, unsigned int pages, int ret),
	    TP_ARGS(dev, iova, pages, ret),
	    TP_STRUCT__entry(__array(char, dev, UUID_STRING_LEN + 1)
			     __field(u64, iova)
			     __field(unsigned int, pages)
			     __field(int, ret)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), UUID_STRING_LEN + 1);
			   __entry->iova = iova;
			   __entry->pages = pages;
			   __entry->ret = ret;),
	    TP_printk("dev=%s iova=%#llx pages=%u ret=%d", __entry->dev,
		      __entry->iova, __entry->pages, __entry->ret)
);

TRACE_EVENT(mvgpu_unpin,
	    TP_PROTO(struct device *dev, u64 iova, unsigned int pages),
	    TP_ARGS(dev, iova, pages),
	    TP_STRUCT__entry(__array(char, dev, UUID_STRING_LEN + 1)
			     __field(u64, iova)
			     __field(unsigned int, pages)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), UUID_STRING_LEN + 1);
			   __entry->iova = iova;
			   __entry->pages = pages;),
	    TP_printk("dev=%s iova=%#llx pages=%u", __entry->dev, __entry->iova,
		      __entry->pages)
);

TRACE_EVENT(mvgpu_fault,
	    TP_PROTO(struct device *dev, unsigned int queue, u32 fault,
		     u64 address),
	    TP_ARGS(dev, queue, fault, address),
	    TP_STRUCT__entry(__array(char, dev, UUID_STRING_LEN + 1)
			     __field(unsigned int, queue)
			     __field(u32, fault)
			     __field(u64, address)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), UUID_STRING_LEN + 1);
			   __entry->queue = queue;
			   __entry->fault = fault;
			   __entry->address = address;),
	    TP_printk("dev=%s queue=%u fault=%u address=%#llx", __entry->dev,
		      __entry->queue, __entry->fault, __entry->address)
);

TRACE_EVENT(mvgpu_interrupt,
	    TP_PROTO(struct device *dev, unsigned int queue),
	    TP_ARGS(dev, queue),
	    TP_STRUCT__entry(__array(char, dev, UUID_STRING_LEN + 1)
			     __field(unsigned int, queue)),
	    TP_fast_assign(strscpy(__entry->dev, dev_name(dev), UUID_STRING_LEN + 1);
			   __entry->queue = queue;),
	    TP_printk("dev=%s queue=%u", __entry->dev, __entry->queue)
);

#endif /* _MVGPU_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
