// SPDX-License-Identifier: GPL-2.0
/*
 * Where vfio_dirty is not as stock type1, and what Documentation/type1-compat.rst
 * calls it. All else has to be the same.
 */
#include "type1_probe.h"

const struct type1_difference type1_differences[] = {
	{}
};
