// SPDX-License-Identifier: GPL-2.0
/*
 * The trace events of vfio_dirty.
 */
#include "vfio_dirty_private.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
