#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# watch.sh LOG PID SECONDS NONCE NAME: watches the VM of run.sh whose logs are in
# LOG and whose process is PID, from outside: in a VM without a timer nothing runs
# that could notice. Its sign of life is a line every few seconds from a process
# of stage2.sh, on the serial line of the verdict; what the command prints counts
# as well, and the kernel log until the command starts.
#
# A VM that gives no sign for so many seconds is looked at (LOG/NAME.log), and
# ended. Where it does not even print yet, because it is unpacking its kernel, but
# its CPU works, it has three times as long. LOG/.vm/still then says in a word
# whether it is worth another try:
#
#   again  the CPUs wait for an interrupt that does not come, or are stopped, or
#          the command has not begun
#   fault  one works with interrupts off, or the kernel log has trouble: that may
#          be what is tested, and is not to be hidden by another try
set -u

here=$(cd "$(dirname "$0")" && pwd)
log=$1
pid=$2
limit=$3
nonce=$4
report=$log/$5.log
step=5

# QEMU's monitor, in JSON. Both ends of a FIFO are open, so that nobody waits.
exec 8<>"$log/.vm/monitor.in" 9<>"$log/.vm/monitor.out"

started()
{
	grep -aq "vm: start $nonce" "$log/console.log"
}

signs()
{
	local files=("$log/verdict" "$log/output.log")

	started || files+=("$log/console.log")
	stat -c %s "${files[@]}" | xargs
}

# ask COMMAND: what the monitor for people says.
ask()
{
	local line

	printf '{"execute":"human-monitor-command","arguments":{"command-line":"%s"}}\n' \
		"$1" >&8
	while read -rt 10 -u 9 line; do
		case $line in
		'{"return": "'*)
			line=${line#*: \"}
			line=${line%\"*}
			line=${line//\\r/}
			printf '%b\n' "${line//\\\"/\"}"
			return
			;;
		'{"error"'*) break ;;
		esac
	done
	echo "$1: no answer"
}

# All CPUs and their timers.
look()
{
	local registers cpu cpus

	ask "info status"
	registers=$(ask "info registers -a")
	echo "$registers"
	cpus=$(grep -c '^CPU#' <<<"$registers")
	for ((cpu = 0; cpu < cpus; cpu++)); do
		ask "info lapic $cpu"
	done
}

# Reads a look; a line for each CPU.
tell()
{
	local line cpu='' state

	while IFS= read -r line; do
		case $line in
		'CPU#'*) cpu=${line#CPU#} ;;
		'VM status:'*) echo "$line" ;;
		RIP=*)
			[[ $line =~ RIP=([0-9a-f]+)\ RFL=([0-9a-f]+).*CPL=(.).*HLT=(.) ]] || continue
			if [ "${BASH_REMATCH[4]}" = 1 ]; then
				state=halted
			else
				state=working
			fi
			if ((16#${BASH_REMATCH[2]} & 0x200)); then
				state+=", interrupts on"
			else
				state+=", interrupts off"
			fi
			echo "CPU $cpu: $state, RIP ${BASH_REMATCH[1]}, CPL ${BASH_REMATCH[3]}"
			;;
		esac
	done
}

# Lines of a log, without their ends of a serial line.
last()
{
	echo "last on ${1##*/}:"
	tail -n 15 "$1" | tr -d '\r' | sed 's/^/  /'
}

# Whether to wait on: it gave a sign lately, or boots slowly.
lives()
{
	[ "$still" -ge "$limit" ] || return 0
	! started && [ "$still" -lt $((3 * limit)) ] &&
		look | tell | grep -q working
}

echo '{"execute":"qmp_capabilities"}' >&8
still=0
seen=
while kill -0 "$pid" 2>/dev/null && lives; do
	# Nothing is asked, but events may come.
	while read -rt "$step" -u 9; do :; done
	now=$(signs)
	if [ "$now" = "$seen" ]; then
		# So counted, a machine that was suspended does not matter.
		still=$((still + step))
	else
		seen=$now
		still=0
	fi
done
kill -0 "$pid" 2>/dev/null || exit

{
	look
	sleep 2
	echo "two seconds later:"
	look >"$log/.vm/look"
	cat "$log/.vm/look"
	last "$log/console.log"
	last "$log/output.log"
} >"$report"

verdict=again
cpus=$(tell <"$log/.vm/look")
if started && { grep -q 'working, interrupts off.*CPL 0' <<<"$cpus" ||
		sed -n "/vm: start $nonce/,\$p" "$log/console.log" |
			"$here/find-trouble" | grep -q .; }; then
	verdict=fault
fi
{
	echo "no sign of life for $still s; registers are in $report"
	echo "$cpus"
	last "$log/console.log"
	last "$log/output.log"
} | sed 's/^/vm:   /' >"$log/.vm/report"
echo "$verdict" >"$log/.vm/still"
kill "$pid"
