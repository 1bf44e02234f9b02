/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What stock vfio_iommu_type1 of the running kernel does, for tests that run
 * vfio_dirty only. dirty_type1_test compares the two.
 */
#ifndef _SELFTESTS_STOCK_H
#define _SELFTESTS_STOCK_H

/* What it says to a range that wraps around the address space. */
int stock_wraps(void);

#endif /* _SELFTESTS_STOCK_H */
