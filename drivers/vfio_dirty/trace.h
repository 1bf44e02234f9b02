/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Trace events of vfio_dirty. Ranges are given by first and last byte;
 * container is the number of a container since the module was loaded.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM vfio_dirty

#if !defined(_VFIO_DIRTY_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define _VFIO_DIRTY_TRACE_H

#include <linux/tracepoint.h>

TRACE_EVENT(vfio_dirty_map,
	    TP_PROTO(unsigned long container, u64 iova, u64 last, int prot,
		     int ret),
	    TP_ARGS(container, iova, last, prot, ret),
	    TP_STRUCT__entry(__field(unsigned long, container)
			     __field(u64, iova)
			     __field(u64, last)
			     __field(int, prot)
			     __field(int, ret)),
	    TP_fast_assign(__entry->container = container;
			   __entry->iova = iova;
			   __entry->last = last;
			   __entry->prot = prot;
			   __entry->ret = ret;),
	    TP_printk("container=%lu iova=%#llx last=%#llx prot=%d ret=%d",
		      __entry->container, __entry->iova, __entry->last,
		      __entry->prot, __entry->ret)
);

TRACE_EVENT(vfio_dirty_unmap,
	    TP_PROTO(unsigned long container, u64 iova, u64 last),
	    TP_ARGS(container, iova, last),
	    TP_STRUCT__entry(__field(unsigned long, container)
			     __field(u64, iova)
			     __field(u64, last)),
	    TP_fast_assign(__entry->container = container;
			   __entry->iova = iova;
			   __entry->last = last;),
	    TP_printk("container=%lu iova=%#llx last=%#llx",
		      __entry->container, __entry->iova, __entry->last)
);

TRACE_EVENT(vfio_dirty_pin,
	    TP_PROTO(unsigned long container, u64 iova, int npage, int prot,
		     int ret),
	    TP_ARGS(container, iova, npage, prot, ret),
	    TP_STRUCT__entry(__field(unsigned long, container)
			     __field(u64, iova)
			     __field(int, npage)
			     __field(int, prot)
			     __field(int, ret)),
	    TP_fast_assign(__entry->container = container;
			   __entry->iova = iova;
			   __entry->npage = npage;
			   __entry->prot = prot;
			   __entry->ret = ret;),
	    TP_printk("container=%lu iova=%#llx npage=%d prot=%d ret=%d",
		      __entry->container, __entry->iova, __entry->npage,
		      __entry->prot, __entry->ret)
);

TRACE_EVENT(vfio_dirty_unpin,
	    TP_PROTO(unsigned long container, u64 iova, int npage),
	    TP_ARGS(container, iova, npage),
	    TP_STRUCT__entry(__field(unsigned long, container)
			     __field(u64, iova)
			     __field(int, npage)),
	    TP_fast_assign(__entry->container = container;
			   __entry->iova = iova;
			   __entry->npage = npage;),
	    TP_printk("container=%lu iova=%#llx npage=%d",
		      __entry->container, __entry->iova, __entry->npage)
);

TRACE_EVENT(vfio_dirty_mark,
	    TP_PROTO(unsigned long container, u64 iova, u64 len, int ret),
	    TP_ARGS(container, iova, len, ret),
	    TP_STRUCT__entry(__field(unsigned long, container)
			     __field(u64, iova)
			     __field(u64, len)
			     __field(int, ret)),
	    TP_fast_assign(__entry->container = container;
			   __entry->iova = iova;
			   __entry->len = len;
			   __entry->ret = ret;),
	    TP_printk("container=%lu iova=%#llx len=%#llx ret=%d",
		      __entry->container, __entry->iova, __entry->len,
		      __entry->ret)
);

TRACE_EVENT(vfio_dirty_query,
	    TP_PROTO(unsigned long container, u64 iova, u64 last, int layer,
		     int ret),
	    TP_ARGS(container, iova, last, layer, ret),
	    TP_STRUCT__entry(__field(unsigned long, container)
			     __field(u64, iova)
			     __field(u64, last)
			     __field(int, layer)
			     __field(int, ret)),
	    TP_fast_assign(__entry->container = container;
			   __entry->iova = iova;
			   __entry->last = last;
			   __entry->layer = layer;
			   __entry->ret = ret;),
	    TP_printk("container=%lu iova=%#llx last=%#llx layer=%s ret=%d",
		      __entry->container, __entry->iova, __entry->last,
		      __entry->layer ? "dirty" : "written", __entry->ret)
);

#endif /* _VFIO_DIRTY_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
