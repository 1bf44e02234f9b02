#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the modules with the compiler's further warnings (W=1) and sparse, on
# each kernel. Kbuild turns sparse off by itself when it cannot use it, so
# there has to be one CHECK line for each source.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

# The program beside the guest's module is none of the kernel's.
sources=$(find drivers samples/guest samples/mdev-sample tools/testing/modules \
	-name workload -prune -o -name '*.c' -print | wc -l)

for kver in $(check_kernels); do
	log=$check_work/$kver.log
	make W=1 C=2 CF="-Wsparse-error -D__CHECK_ENDIAN__" KVER="$kver" \
		BUILD="$check_work/build" CONFIG_VFIO_DIRTY_PINTEST=m \
		CONFIG_MDEV_SAMPLE=m CONFIG_MVGPU_GUEST=m >"$log" 2>&1
	status=$?

	check_complaints "$log" "$status" >"$check_work/complaints"
	check_result "$kver builds without a word" "$check_work/complaints"

	checked=$(grep -cE '^ +CHECK ' "$log")
	{
		[ "$checked" -eq "$sources" ] ||
			echo "sparse looked at $checked of $sources sources"
	} >"$check_work/complaints"
	check_result "$kver all sources seen by sparse" "$check_work/complaints"
done
check_end
