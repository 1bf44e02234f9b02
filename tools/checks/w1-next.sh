#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Builds the modules with W=1 for the kernel of tools/kernel/next.sh, which
# nobody here runs: they compile without a word, and use no symbol that it does
# not export.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

kdir=$(tools/kernel/next.sh) || exit 1
release=$(cat "$kdir/include/config/kernel.release")
log=$check_work/log
make W=1 KDIR="$kdir" BUILD="$check_work/build" LAYOUT=unchecked CONFIG_VFIO_DIRTY_PINTEST=m \
	CONFIG_MDEV_SAMPLE=m CONFIG_MVGPU_GUEST=m >"$log" 2>&1
status=$?

check_complaints "$log" "$status" >"$check_work/complaints"
check_result "$release builds without a word" "$check_work/complaints"

find drivers samples/guest samples/mdev-sample tools/testing/modules \
	-name workload -prune -o -name '*.c' -print | wc -l >"$check_work/sources"
grep -cE '^ +CC \[M\] +(drivers|samples|tools)/.*[a-z0-9]\.o$' <(grep -v '\.mod\.o$' "$log") \
	>"$check_work/compiled"
diff "$check_work/sources" "$check_work/compiled" >"$check_work/complaints"
check_result "$release all sources compiled" "$check_work/complaints"
check_end
