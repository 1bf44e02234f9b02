#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The sample devstate-migrate from end to end: over each kind of socket, back
# and forth, cancelled, and against what it must refuse. It checks its own
# result against a model; here only exit statuses are looked at: 0 moved and
# right, 1 not, 2 bad arguments, 3 over before it could be stopped. $1 is the
# folder of the programs.
#
# shellcheck disable=SC2317 # functions are called by name
set -u

here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../../../build/selftests}/samples/devstate-migrate
types=/sys/class/mvgpu/mvgpu/mdev_supported_types
devices=/sys/bus/mdev/devices
claim=/sys/module/vfio_dirty/parameters/claim
work=$(mktemp -d)
many=60 rounds=20 much=128 ram=32
if [[ ${MVGPU_EFFORT:-} =~ ^(brief|quick)$ ]]; then
	many=16 rounds=6 much=32 ram=8
fi
long=(--rounds "$many" --ram "$ram")
short=(--rounds "$rounds" --ram "$ram")
# shellcheck source=tools/testing/selftests/lib/expect.sh
. "$here/lib/expect.sh"
first=$(cat /proc/sys/kernel/random/uuid)
second=$(cat /proc/sys/kernel/random/uuid)
# Of the other types: two medium ones, two large ones.
larger=()
for _ in 0 1 2 3; do
	larger+=("$(cat /proc/sys/kernel/random/uuid)")
done

cleanup()
{
	local uuid

	echo users >"$claim"
	for uuid in "$first" "$second" "${larger[@]}"; do
		[ ! -e "$devices/$uuid" ] || echo 1 >"$devices/$uuid/remove"
	done
	rm -rf "$work"
}
trap cleanup EXIT

# SEED: moves, and keeps the report. An odd seed stops while a queue beside the
# first waits for a semaphore, an even one while one of them works.
reported()
{
	local status

	at_work "$program" pair "$first" "$second" --seed "$1" \
		"${short[@]}" >"$work/report"
	status=$?
	cat "$work/report"
	return "$status"
}

# 17 commands of queue 0 and 8 of each other in a round, and 8 at
# the start and the end, with some of each kind.
drove_all()
{
	local kind

	grep -q "$((8 + 41 * rounds)) commands for 4 queues" "$work/report" || return 1
	for kind in FILL COPY BLEND CRC32C BIND UNBIND FENCE SEMAPHORE TIMESTAMP; do
		grep -Eq "\b$kind +[1-9]" "$work/report" || return 1
	done
}

# PATTERN SEED...: is that how a queue stood in the report, or in one of a move
# with such a seed? A command that is next need not have begun when all stops.
stood()
{
	local pattern=$1 seed
	shift

	grep -Eq "$pattern" "$work/report" && return
	for seed; do
		reported "$seed" || return 1
		grep -Eq "$pattern" "$work/report" && return
	done
	return 1
}

# SOURCE TARGET: both ways.
both_ways()
{
	at_work "$program" pair "$1" "$2" --seed 8 "${short[@]}" &&
		at_work "$program" pair "$2" "$1" --seed 9 "${short[@]}" --ram 8
}

# A second target at an address says so and ends, and the first goes on.
second_target()
{
	local address=unix:$work/socket target refused status

	"$program" target --device "$second" --listen "$address" &
	target=$!
	until [ -S "$work/socket" ]; do
		kill -0 "$target" || return 1
	done
	"$program" target --device "$second" --listen "$address" 2>"$work/said"
	refused=$?
	"$program" source --device "$first" --to "$address" --seed 15 "${short[@]}"
	status=$?
	wait "$target" || [ "$status" -eq 3 ] || status=1
	[ "$refused" -eq 1 ] &&
		grep -q "$address: Address already in use" "$work/said" || return 1
	return "$status"
}

# A socket that a target left is replaced.
stale_socket()
{
	local target

	"$program" target --device "$second" --listen "unix:$work/socket" &
	target=$!
	until [ -S "$work/socket" ]; do
		kill -0 "$target" || return 1
	done
	kill -KILL "$target"
	wait "$target"
	[ -S "$work/socket" ] && apart "unix:$work/socket" --seed 16 "${short[@]}"
}

no_socket()
{
	local status

	echo precious >"$work/file"
	timeout 10 "$program" target --device "$second" --listen "unix:$work/file"
	status=$?
	[ "$(cat "$work/file")" = precious ] && return "$status"
}

unserved()
{
	local status

	echo none >"$claim"
	"$program" run --device "$first" --rounds 5
	status=$?
	echo users >"$claim"
	return "$status"
}

for uuid in "$first" "$second"; do
	echo "$uuid" >"$types/mvgpu-small/create" || exit 1
done
for i in 0 1 2 3; do
	type=medium
	[ "$i" -lt 2 ] || type=large
	echo "${larger[$i]}" >"$types/mvgpu-$type/create" || exit 1
done

echo "TAP version 13"
expect 0 "moves" at_work "$program" pair "$first" "$second" --seed 1 "${long[@]}"
expect 0 "moves all queues" reported 7
expect 0 "drove commands of all kinds" drove_all
expect 0 "moved a semaphore that waits" \
	stood "queue [1-3].*a SEMAPHORE, waiting" 17 27 37 47
expect 0 "moved a pending interrupt" \
	grep -Eq "[1-4] of them pending at the stop" "$work/report"
expect 0 "moves while other queues work" reported 16
expect 0 "moved a second queue at work" \
	stood "queue [1-3].*a [A-RT-Z]" 26 36 46 56
expect 0 "moves a medium vGPU" both_ways "${larger[0]}" "${larger[1]}"
expect 0 "moves a large vGPU" both_ways "${larger[2]}" "${larger[3]}"
expect 0 "runs without a move" "$program" run --device "$first" --seed 2 "${short[@]}"
expect 0 "runs a program of one round" "$program" run --device "$second" --seed 4 --rounds 1
expect 0 "moves back" at_work "$program" pair "$second" "$first" --seed 99 "${short[@]}" --ram 8
expect 0 "moves with $much MiB of RAM" at_work "$program" pair "$first" "$second" --seed 5 "${short[@]}" --ram "$much"
expect 0 "goes on at the source when cancelled" at_work "$program" pair "$first" "$second" --cancel --seed 3 "${long[@]}"
expect 0 "moves over a Unix socket" at_work apart "unix:$work/socket" --seed 11 "${short[@]}"
expect 0 "moves over TCP" at_work apart tcp:127.0.0.1:7000 --seed 12 "${short[@]}"
if [ -e /proc/net/if_inet6 ]; then
	expect 0 "moves over TCP on IPv6" at_work apart "tcp:[::1]:7001" --seed 13 "${short[@]}"
else
	number=$((number + 1))
	echo "ok $number moves over TCP on IPv6 # SKIP this kernel has no IPv6"
fi
expect 0 "is cancelled over a Unix socket" at_work apart "unix:$work/socket" --cancel --seed 14 "${short[@]}"
expect 0 "a second target leaves the first alone" at_work second_target
expect 0 "a socket that nobody has is replaced" at_work stale_socket
expect 1 "a file that is no socket is left alone" no_socket
expect 1 "does not move a vGPU onto itself" "$program" pair "$first" "$first" "${short[@]}"
expect 1 "does not move to a vGPU that does not exist" \
	"$program" pair "$first" aaaaaaaa-0000-0000-0000-000000000000 "${short[@]}"
expect 1 "does not run where the dirty bitmap is missing" unserved
expect 2 "refuses one device" "$program" pair "$first"
expect 2 "refuses more RAM than it can bind" "$program" pair "$first" "$second" --ram 129
expect 0 "target refuses what a hostile source sends" \
	python3 "$here/hostile_source.py" "$program" "$second" "$work/hostile"
expect 0 "moves after all that" at_work "$program" pair "$first" "$second" --seed 21 "${short[@]}" --ram 16
echo "1..$number"
exit "$failed"
