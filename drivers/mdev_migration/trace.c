// SPDX-License-Identifier: GPL-2.0
/*
 * The trace events of mdev_migration.
 */
#include "mdev_migration_private.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
