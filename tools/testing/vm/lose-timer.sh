#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# lose-timer.sh: for selfcheck.sh, inside a VM with one CPU: switches its local
# APIC off, so that no interrupt comes any more and nothing runs.
set -u

modprobe msr || exit
# The MSR 0x1b (27) is the APIC's base; its bit 11 would be that it is on.
printf '\0\0\xe0\xfe\0\0\0\0' | dd of=/dev/cpu/0/msr bs=8 count=1 seek=27 \
	oflag=seek_bytes conv=notrunc status=none
sleep 1000
