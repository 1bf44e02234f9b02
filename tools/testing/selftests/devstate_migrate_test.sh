#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The sample devstate-migrate from end to end: over each kind of socket, back
# and forth, cancelled, and against what it must refuse. It checks its own
# result against a model; here only exit statuses are looked at: 0 moved and
# right, 1 not, 2 bad arguments. $1 is the folder of the programs.
#
# shellcheck disable=SC2317 # functions are called by name
set -u

here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../../../build/selftests}/samples/devstate-migrate
types=/sys/class/mvgpu/mvgpu/mdev_supported_types
devices=/sys/bus/mdev/devices
claim=/sys/module/vfio_dirty/parameters/claim
work=$(mktemp -d)
number=0
failed=0
first=$(cat /proc/sys/kernel/random/uuid)
second=$(cat /proc/sys/kernel/random/uuid)

cleanup()
{
	local uuid

	echo users >"$claim"
	for uuid in "$first" "$second"; do
		[ ! -e "$devices/$uuid" ] || echo 1 >"$devices/$uuid/remove"
	done
	rm -rf "$work"
}
trap cleanup EXIT

# expect STATUS NAME COMMAND...
expect()
{
	local want=$1 name=$2 status

	shift 2
	"$@" >"$work/log" 2>&1
	status=$?
	number=$((number + 1))
	if [ "$status" -eq "$want" ]; then
		echo "ok $number $name"
	else
		sed 's/^/# /' "$work/log" | tail -n 20
		echo "# FAIL: exit status $status instead of $want"
		echo "not ok $number $name"
		failed=1
	fi
}

# Two processes that know nothing of each other but an address.
apart()
{
	local address=$1 target status

	shift
	"$program" target --device "$second" --listen "$address" &
	target=$!
	"$program" source --device "$first" --to "$address" "$@"
	status=$?
	wait "$target" || status=$?
	return "$status"
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

echo "TAP version 13"
expect 0 "moves" "$program" pair "$first" "$second" --seed 1
expect 0 "moves back" "$program" pair "$second" "$first" --seed 99 --ram 8 --rounds 20
expect 0 "moves with 128 MiB of RAM" "$program" pair "$first" "$second" --seed 5 --ram 128 --rounds 20
expect 0 "goes on at the source when cancelled" "$program" pair "$first" "$second" --cancel --seed 3
expect 0 "moves over a Unix socket" apart "unix:$work/socket" --seed 11 --rounds 30
expect 0 "moves over TCP" apart tcp:127.0.0.1:7000 --seed 12 --rounds 30
if [ -e /proc/net/if_inet6 ]; then
	expect 0 "moves over TCP on IPv6" apart "tcp:[::1]:7001" --seed 13 --rounds 30
else
	number=$((number + 1))
	echo "ok $number moves over TCP on IPv6 # SKIP this kernel has no IPv6"
fi
expect 0 "is cancelled over a Unix socket" apart "unix:$work/socket" --cancel --seed 14 --rounds 30
expect 1 "does not move a vGPU onto itself" "$program" pair "$first" "$first"
expect 1 "does not move to a vGPU that does not exist" \
	"$program" pair "$first" aaaaaaaa-0000-0000-0000-000000000000 --rounds 20
expect 1 "does not run where the dirty bitmap is missing" unserved
expect 2 "refuses one device" "$program" pair "$first"
expect 2 "refuses more RAM than it can bind" "$program" pair "$first" "$second" --ram 129
expect 0 "target refuses what a hostile source sends" \
	python3 "$here/hostile_source.py" "$program" "$second" "$work/hostile"
expect 0 "moves after all that" "$program" pair "$first" "$second" --seed 21 --rounds 20 --ram 16
echo "1..$number"
exit "$failed"
