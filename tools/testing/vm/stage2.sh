#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Process 1 of the VM on the machine's files: mounts what a system has, runs
# the command, and says how it ended on the second serial line, with the word
# (nonce) that only this run knows. On that line it also gives signs of life.
#
# Markers go into the kernel log, where run.sh looks for trouble between them.
# They are printed to a console that shows every level, at once: what is seen
# before a panic is complete.

PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root
export PATH HOME

# Written by run.sh.
nonce=
timeout=
beat=
host_term=
kernel=
# shellcheck disable=SC1091
. /results/.vm/settings

mount_quiet()
{
	mkdir -p "${*: -1}" 2>/dev/null
	mount "$@" 2>/dev/null
}

mount_quiet -t tmpfs tmpfs /run
mount_quiet -t devpts -o gid=5,mode=620,ptmxmode=666 devpts /dev/pts
mount_quiet -t tmpfs tmpfs /dev/shm
mount_quiet -t debugfs debugfs /sys/kernel/debug
mount_quiet -t tracefs tracefs /sys/kernel/tracing
mount_quiet -t cgroup2 cgroup2 /sys/fs/cgroup
ln -sf /proc/self/fd /dev/fd
ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout
ln -sf /proc/self/fd/2 /dev/stderr
if [ -n "$kernel" ]; then
	mkdir -p "/lib/modules/$(uname -r)"
	mount --bind "$kernel/lib/modules/$(uname -r)" "/lib/modules/$(uname -r)"
fi
busybox ip link set lo up
hostname vm

echo 8 >/proc/sys/kernel/printk
echo on >/proc/sys/kernel/printk_devkmsg
echo 60 >/proc/sys/kernel/hung_task_timeout_secs 2>/dev/null
echo 1 >/proc/sys/kernel/panic_on_oops

# Who hangs until the end of the time allowed shows where, in the kernel log.
if [ "$timeout" -gt 30 ]; then
	(
		sleep $((timeout - 15))
		echo "vm: out of time, blocked tasks follow" >/dev/kmsg
		echo w >/proc/sysrq-trigger
		echo l >/proc/sysrq-trigger
	) </dev/null >/dev/null 2>&1 &
fi

# The sign of life that watch.sh waits for; nothing that a test does may end it.
if [ -n "$beat" ]; then
	(
		echo -1000 >/proc/self/oom_score_adj
		exec 9<> <(:)
		while :; do
			echo alive
			read -rt "$beat" -u 9
		done
	) </dev/null >/dev/ttyS1 2>/dev/null &
fi

echo "vm: start $nonce" >/dev/kmsg
read -r taint_before </proc/sys/kernel/tainted

TERM=$host_term MVGPU_VM=1 setsid -w bash /results/.vm/command \
	</dev/null >/results/output.log 2>&1
status=$?

sync
echo "vm: end $nonce" >/dev/kmsg
read -r taint_after </proc/sys/kernel/tainted
echo "$nonce status=$status taint=$taint_before,$taint_after" >/dev/ttyS1
echo o >/proc/sysrq-trigger
while :; do
	sleep 1
done
