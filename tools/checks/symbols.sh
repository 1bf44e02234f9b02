#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every function of a module begins with the module's name, so that a stack
# trace says whose it is. Names that compilers and tracepoints make up are
# left out.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

made_up='^(init_module|cleanup_module|__pfx_.*|__cfi_.*|__(s|t)rcu_.*'
made_up+='|__(traceiter|bpf_trace|probestub|SCT__tp_func|SCK__tp_func|tracepoint)_.*'
made_up+='|(trace|trace_raw|perf_trace|trace_event_raw|trace_raw_output)_(event|output|.*)_?.*'
# Attributes of sysfs have the names that DEVICE_ATTR_RO() and its like want.
made_up+='|(state|owner|vram_used|pages_pinned|commands|faults|bytes_migrated)_(show|store)'
made_up+='|.*\.(cold|part|constprop|isra)\.?[0-9.]*|__(init|exit)_.*|_sub_[ID]_.*)$'

for kver in $(check_kernels); do
	make KVER="$kver" BUILD="${BUILD:-$top/build}" CONFIG_MDEV_SAMPLE=m \
		CONFIG_MVGPU_GUEST=m >"$check_work/log" 2>&1 || {
		cp "$check_work/log" "$check_work/complaints"
		check_result "$kver builds" "$check_work/complaints"
		continue
	}
	for module in drivers/vfio_dirty/vfio_dirty drivers/mdev_migration/mdev_migration \
			drivers/mvgpu/mvgpu samples/guest/mvgpu_guest \
			samples/mdev-sample/mdev_sample; do
		name=${module##*/}
		nm "${BUILD:-$top/build}/$kver/$module.ko" |
			awk '$2 ~ /^[tTwW]$/ { print $3 }' |
			grep -vE "^(__)?${name}_|^$name\$" |
			grep -vE "$made_up" >"$check_work/complaints"
		check_result "$kver $name" "$check_work/complaints"
	done
done
check_end
