#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/vm/selfcheck.sh [KVER|SERIES]...: does run.sh see what it
# claims to see? A runner that is green by mistake would make all tests so.
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$here/../../..
# shellcheck source=tools/lanes.sh
. "$top/tools/lanes.sh"
[ $# -gt 0 ] || set -- 6.1 6.12
work=$(mktemp -d "${TMPDIR:-/tmp}/mvgpu-selfcheck.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 143' INT TERM HUP
number=0
failed=0

# expect STATUS NAME KVER ARGUMENTS...
expect()
{
	local want=$1 name=$2 status
	shift 2

	"$here/run.sh" "$@" >"$work/out" 2>&1
	status=$?
	verdict "$((status == want))" "$name" "exit $status instead of $want"
}

# said NAME REGISTERS TEXT...: the last run said all that, and left registers.
said()
{
	local name=$1 text missing=''
	grep -q '^CPU#0' "$2" || missing="registers in $2"
	shift 2

	for text; do
		grep -q "$text" "$work/out" || missing=$text
	done
	verdict "$((!${#missing}))" "$name" "no $missing"
}

verdict()
{
	number=$((number + 1))
	if [ "$1" -eq 1 ]; then
		echo "ok $number vm.$2"
	else
		sed 's/^/# /' "$work/out"
		echo "not ok $number vm.$2 # $3"
		failed=1
	fi
}

echo "TAP version 13"
echo "1..$((14 * $#))"
for kver; do
	log=$work/$kver
	run=("$kver" --log "$log" --timeout 120)

	(cd / && "$here/run.sh" "${run[@]}" -- bash -c \
		'pwd; uname -r; echo "a  b"; echo kept >/results/kept; echo gone >/etc/gone-$$' \
		>"$work/out" 2>&1)
	status=$?
	[ "$status" -eq 0 ] && [ "$(sed -n 1p "$work/out")" = / ] &&
		grep -q "^${kver}" "$work/out" && grep -q '^a  b$' "$work/out" &&
		grep -q kept "$log/kept" && ! compgen -G '/etc/gone-*' >/dev/null
	verdict "$((!$?))" "$kver.runs_a_command" "exit $status, or wrong output"

	expect 1 "$kver.command_fails" "${run[@]}" -- false
	expect 3 "$kver.panic" "${run[@]}" -- bash -c 'echo c >/proc/sysrq-trigger'
	expect 2 "$kver.kernel_warning" "${run[@]}" -- \
		bash -c 'echo "WARNING: CPU: 0 PID: 1 at somewhere" >/dev/kmsg'
	expect 3 "$kver.timeout" "$kver" --log "$log" --timeout 15 -- sleep 1000
	expect 3 "$kver.no_answer" "${run[@]}" -- bash -c 'echo o >/proc/sysrq-trigger; sleep 60'
	# The words are right, the nonce cannot be: it is not in this command.
	expect 3 "$kver.false_answer" "${run[@]}" -- bash -c \
		'echo "0123 status=0 taint=0,0" >/dev/ttyS1; echo o >/proc/sysrq-trigger; sleep 60'

	# It stands still, once or each time, and is looked at.
	still=("${run[@]}" --cpus 1 --still 30 -- bash -c)
	rm -f "$log/tried"
	expect 0 "$kver.stands_still_once" "${still[@]}" "echo 1..2; echo ok 1 one
		[ -e /results/tried ] || { touch /results/tried; $here/lose-timer.sh; }
		echo ok 2 two"
	said "$kver.stands_still_is_looked_at" "$log/still-1.log" \
		'CPU 0: halted, interrupts on' 'once more'
	counts=$(lanes_count "$work/out")
	grep -qx "2 0 0 2" <<<"$counts"
	verdict "$((!$?))" "$kver.results_count_once" "$counts"
	expect 3 "$kver.stands_still_twice" "${still[@]}" "$here/lose-timer.sh"
	said "$kver.stands_still_is_not_tried_for_ever" "$log/still-2.log" \
		'once more' 'no sign of life$'
	# A fault that another try may hide.
	expect 3 "$kver.stands_still_in_trouble" "${still[@]}" \
		"echo BUG: somewhere >/dev/kmsg; $here/lose-timer.sh"
	grep -q 'not begun again' "$work/out" && ! grep -q 'once more' "$work/out"
	verdict "$((!$?))" "$kver.trouble_is_not_tried_again" "it was tried again"
done
exit "$failed"
