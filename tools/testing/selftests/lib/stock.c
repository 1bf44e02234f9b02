// SPDX-License-Identifier: GPL-2.0
/*
 * Stock vfio_iommu_type1: see stock.h.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "stock.h"

int stock_wraps(void)
{
	unsigned int major, minor;
	struct utsname name;

	if (uname(&name) ||
	    sscanf(name.release, "%u.%u", &major, &minor) != 2)
		return 0;
	return major > 6 || (major == 6 && minor >= 18) ? -EOVERFLOW : -EINVAL;
}
