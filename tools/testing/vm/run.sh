#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Boots an installed kernel in QEMU over this machine's own files and runs a
# command there. Whatever it writes goes to a tmpfs and is gone afterwards,
# except in /results, which is the log folder.
#
# The run is good only if the command ended with 0 by the word of process 1
# over a serial line of its own, the kernel log reached its end mark, and holds
# no trouble after its start mark.
#
# A VM that gives no sign of life for a minute is looked at, ended, and tried once
# more, with a word about it: see watch.sh.
#
# Exit: 0 good, 1 the command failed, 2 trouble in the kernel log,
# 3 timeout, panic, or no answer.
set -u

usage()
{
	cat <<-EOF
	usage: run.sh [KVER|SERIES] [options] -- COMMAND...
	  --timeout S   give up after S seconds (300)
	  --mem M       memory of the VM in MiB (2048)
	  --cpus N      CPUs of the VM (2); use one where guests run in it: of two,
	                the emulation of nested paging now and then lets a guest die
	  --still S     take it for dead after S seconds without a sign (60)
	  --iommu       with an IOMMU, and a PCI function (edu) to give away
	  --movable M   M MiB of the memory are such as must move to be pinned
	  --log DIR     keep the logs in DIR, which is /results in the VM
	  --icount      one CPU, whose clock counts instructions: one a nanosecond
	  --quiet       do not show the command's output while it runs
	EOF
	exit 3
}

here=$(cd "$(dirname "$0")" && pwd)
kver=
timeout=300
mem=2048
log=
quiet=
iommu=()
still=60
cpus=(-accel "tcg,thread=multi" -smp 2)
# A machine under load fails the timer check, and an emulated timer needs none.
append="console=ttyS0 panic=-1 log_buf_len=16M mitigations=off no_timer_check"
# Where guests run, QEMU now and then loses an interrupt: leaving a guest, a CPU
# changes its pending interrupts without the lock under which a timer adds to them
# (do_vmexit() in target/i386/tcg/system/svm_helper.c). After a timer that is set
# for once no other comes; after one that is periodic the next does.
tick="nohz=off highres=off"

while [ $# -gt 0 ]; do
	case $1 in
	--timeout) timeout=$2; shift ;;
	--mem) mem=$2; shift ;;
	--cpus) cpus=(-accel "tcg,thread=multi" -smp "$2"); shift ;;
	--movable) append+=" movablecore=${2}M"; shift ;;
	--log) log=$2; shift ;;
	--quiet) quiet=1 ;;
	--still) still=$2; shift ;;
	--icount)
		cpus=(-accel "tcg,thread=single" -smp 1
			-icount "shift=0,align=off,sleep=off")
		# Slabs as big as on a host with 16 CPUs, not as with one.
		append+=" slub_min_objects=24"
		# No guest can run, and nothing else is to be counted.
		tick=
		still=
		;;
	--iommu)
		iommu=(-device "intel-iommu,intremap=on" -device edu)
		append+=" intel_iommu=on"
		;;
	--) shift; break ;;
	-*) usage ;;
	*) kver=$1 ;;
	esac
	shift
done
[ $# -gt 0 ] || usage

# A folder is a kernel of tools/kernel/build.sh; a series, such as 6.12, stands
# for its newest installed kernel.
folder=
if [ -d "$kver" ]; then
	folder=$(cd "$kver" && pwd)
	kver=$(cat "$folder/release") || exit 3
elif [ -z "$kver" ]; then
	kver=$("$here/../../kernels" --boot | head -n 1)
elif [ ! -e "/boot/vmlinuz-$kver" ]; then
	kver=$("$here/../../kernels" --boot "$kver")
fi
vmlinuz=${folder:+$folder/vmlinuz}
vmlinuz=${vmlinuz:-/boot/vmlinuz-$kver}
if [ -z "$kver" ] || [ ! -r "$vmlinuz" ]; then
	echo "vm: no such kernel; installed: $("$here/../../kernels" --boot | xargs)" >&2
	exit 3
fi

keep=1
if [ -z "$log" ]; then
	log=$(mktemp -d "${TMPDIR:-/tmp}/mvgpu-vm.XXXXXX")
	keep=
fi
rm -rf "$log/.vm" "$log"/still*.log
mkdir -p "$log/.vm"
log=$(cd "$log" && pwd)
qemu_pid=
tail_pid=
watch_pid=

# shellcheck disable=SC2317 # called by the trap
cleanup()
{
	trap '' INT TERM HUP
	[ -z "$qemu_pid" ] || kill "$qemu_pid" 2>/dev/null
	[ -z "$tail_pid" ] || kill "$tail_pid" 2>/dev/null
	[ -z "$watch_pid" ] || kill "$watch_pid" 2>/dev/null
	wait
	rm -rf "$log/.vm"
	[ -n "$keep" ] || rm -rf "$log"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

image=$("$here/mkinitramfs.sh" "$kver" "$folder") || exit 3
nonce=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
cp "$here/stage2.sh" "$log/.vm/stage2"
{
	echo "nonce=$nonce"
	echo "timeout=$timeout"
	echo "beat=${still:+5}"
	printf 'kernel=%q\n' "$folder"
	printf 'host_term=%q\n' "${TERM:-dumb}"
} >"$log/.vm/settings"
{
	printf 'cd %q || exit 1\n' "$PWD"
	printf 'exec'
	printf ' %q' "$@"
	echo
} >"$log/.vm/command"
commas=${log//,/,,}
mkfifo "$log/.vm/monitor.in" "$log/.vm/monitor.out" || exit 3
boot()
{
	: >"$log/console.log"
	: >"$log/output.log"
	: >"$log/verdict"
	timeout --foreground -k 5 "$timeout" qemu-system-x86_64 \
		-machine q35 "${cpus[@]}" \
		-cpu max,-erms,-fsrm,-fsrs,-fsrc,-fzrm,-smap,-smep,-la57 \
		-m "$mem" -nodefaults -no-user-config -display none -no-reboot \
		-serial file:"$commas/console.log" -serial file:"$commas/verdict" \
		-kernel "$vmlinuz" -initrd "$image" \
		-append "$append $tick" "${iommu[@]}" \
		-chardev pipe,id=monitor,path="$commas/.vm/monitor" \
		-mon chardev=monitor,mode=control \
		-virtfs local,path=/,mount_tag=mount_root,security_model=none,readonly=on,multidevs=remap \
		-virtfs local,path="$commas",mount_tag=mount_results,security_model=none,multidevs=remap \
		</dev/null >"$log/qemu.log" 2>&1 &
	qemu_pid=$!
}

# attempt NUMBER: runs it until it ends, or stands still: then watch.sh has looked
# at it (still-NUMBER.log), and ended it.
attempt()
{
	boot
	if [ -n "$still" ]; then
		"$here/watch.sh" "$log" "$qemu_pid" "$still" "$nonce" "still-$1" &
		watch_pid=$!
	fi
	if [ -z "$quiet" ]; then
		tail -q -n +1 -s 0.1 --pid="$qemu_pid" -f "$log/output.log" &
		tail_pid=$!
	fi

	wait "$qemu_pid"
	qemu_status=$?
	qemu_pid=
	if [ -n "$watch_pid" ]; then
		kill "$watch_pid" 2>/dev/null
		wait "$watch_pid"
		watch_pid=
	fi
	if [ -n "$tail_pid" ]; then
		wait "$tail_pid"
		tail_pid=
	fi
	[ ! -e "$log/.vm/still" ] || cat "$log/.vm/report" >&2
}

attempt 1
if grep -qs again "$log/.vm/still"; then
	rm "$log/.vm/still"
	# tools/lanes.sh knows this line.
	echo "vm: $kver stood still: once more, from the beginning" >&2
	attempt 2
fi

# Prints what is wrong, if anything, and returns our exit code.
judge()
{
	local verdict status taint trouble

	if [ -e "$log/.vm/still" ]; then
		echo "vm: $kver: no sign of life"
		! grep -q fault "$log/.vm/still" ||
			echo "vm: not begun again: what is tested may be at fault"
		return 3
	fi
	if [ "$qemu_status" -eq 124 ] || [ "$qemu_status" -eq 137 ]; then
		echo "vm: $kver: no end within $timeout seconds"
		return 3
	fi
	verdict=$(tr -d '\r' <"$log/verdict" | grep -a "^$nonce status=")
	if [ -z "$verdict" ] || ! grep -aq "vm: end $nonce" "$log/console.log"; then
		echo "vm: $kver: panic or no answer"
		return 3
	fi

	trouble=$(sed -n "/vm: start $nonce/,\$p" "$log/console.log" |
		"$here/find-trouble")
	if [ -n "$trouble" ]; then
		echo "vm: $kver: trouble in the kernel log:"
		echo "$trouble" | head -n 5
		return 2
	fi
	# Bad page, died, warned, soft lockup: in case the words went unseen.
	taint=${verdict##*taint=}
	if (((${taint#*,} & ~${taint%,*}) & (1 << 5 | 1 << 7 | 1 << 9 | 1 << 14))); then
		echo "vm: $kver: the kernel is tainted: $taint"
		return 2
	fi

	status=${verdict#*status=}
	status=${status%% *}
	if [ "$status" -ne 0 ]; then
		echo "vm: $kver: the command failed ($status)"
		return 1
	fi
}

judge >&2
result=$?
if [ "$result" -ne 0 ]; then
	keep=1
	echo "vm: logs are in $log" >&2
fi
exit "$result"
