#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/vm/selfcheck.sh [KVER|SERIES]...: does run.sh see what it
# claims to see? A runner that is green by mistake would make all tests so.
set -u

here=$(cd "$(dirname "$0")" && pwd)
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

	"$here/run.sh" --quiet "$@" >"$work/out" 2>&1
	status=$?
	verdict "$((status == want))" "$name" "exit $status instead of $want"
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
echo "1..$((7 * $#))"
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
done
exit "$failed"
