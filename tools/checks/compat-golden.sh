#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What the header probes find on each kernel is what it was when somebody last
# looked: a probe that no longer matches would choose the wrong branch in
# silence. drivers/compat/golden/SERIES is what is expected.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

next=$(tools/kernel/next.sh) || exit 1
for kver in $(check_kernels) "$(cat "$next/include/config/kernel.release")"; do
	series=$(cut -d. -f1,2 <<<"$kver")
	kdir=/lib/modules/$kver/build
	[ -e "$kdir" ] || kdir=$next
	mkdir -p "$check_work/$kver"
	cat >"$check_work/$kver/Kbuild" <<-EOF
		include $top/drivers/compat/probe.mk
		\$(foreach flag,\$(compat-flags),\$(info found \$(flag)))
		obj-m :=
	EOF
	make -C "$kdir" M="$check_work/$kver" modules \
		>"$check_work/log" 2>&1
	sed -n 's/^found -D//p' "$check_work/log" | sort -u >"$check_work/found"
	diff -u "drivers/compat/golden/$series" "$check_work/found" \
		>"$check_work/complaints" 2>&1
	check_result "$kver" "$check_work/complaints"
done

grep -o 'HAVE_[A-Z_]*' drivers/compat/probe.mk | sort -u >"$check_work/probes"
: >"$check_work/complaints"
[ "$(wc -l <"$check_work/probes")" -le 15 ] ||
	echo "more than 15 probes" >"$check_work/complaints"
check_result "few probes" "$check_work/complaints"

grep -ohE 'HAVE_[A-Z_]+' drivers/compat/*.h | sort -u >"$check_work/used"
diff "$check_work/probes" "$check_work/used" >"$check_work/complaints"
check_result "probes and their uses agree" "$check_work/complaints"

grep -rnE 'LINUX_VERSION_CODE|KERNEL_VERSION|\bHAVE_(VFIO|MM|GUP|VM|MODULE|KTHREAD|EVENTFD)' \
	drivers include --include='*.[ch]' | grep -v '^drivers/compat/' \
	>"$check_work/complaints"
check_result "differences between kernels stay in compat" "$check_work/complaints"
check_end
