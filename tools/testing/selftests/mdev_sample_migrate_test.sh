#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# devstate-migrate moves a device of mdev_sample, which is not an mvgpu and has
# no guest RAM of its own. It compares the registers; here only exit statuses
# are looked at: 0 moved and right, 1 not, 2 bad arguments. $1 is the folder of
# the programs.
#
# shellcheck disable=SC2317 # functions are called by name
set -u

here=$(cd "$(dirname "$0")" && pwd)
program=${1:-$here/../../../build/selftests}/samples/devstate-migrate
devices=/sys/bus/mdev/devices
claim=/sys/module/vfio_dirty/parameters/claim
work=$(mktemp -d)
# shellcheck source=tools/testing/selftests/lib/expect.sh
. "$here/lib/expect.sh"
first=$(cat /proc/sys/kernel/random/uuid)
second=$(cat /proc/sys/kernel/random/uuid)
vgpu=$(cat /proc/sys/kernel/random/uuid)
target_options=(--rounds 10)

cleanup()
{
	local uuid

	echo users >"$claim"
	for uuid in "$first" "$second" "$vgpu"; do
		[ ! -e "$devices/$uuid" ] || echo 1 >"$devices/$uuid/remove"
	done
	rm -rf "$work"
}
trap cleanup EXIT

unserved()
{
	local status

	echo none >"$claim"
	"$program" pair "$first" "$second" --rounds 5
	status=$?
	echo users >"$claim"
	return "$status"
}

# Frames as of samples/devstate-migrate/wire.h: magic, type, length, payload.
hostile()
{
	local target status

	"$program" target --device "$second" --listen "unix:$work/hostile" &
	target=$!
	python3 - "$work/hostile" "$1" <<-'END'
		import socket, struct, sys, time
		def frame(kind, data):
		    return struct.pack("<IHHII", 0x314D5344, kind, 0, len(data), 0) + data
		hello = frame(11, struct.pack("<II", 2, 0))
		registers = frame(12, bytes(4096))
		cases = {
		    "version": frame(11, struct.pack("<II", 1, 0)),
		    "order": registers,
		    "again": hello + hello,
		    "nothing": hello + registers + frame(6, b""),
		    "noise": hello + registers + frame(5, bytes(64)),
		    "half": hello + registers + frame(5, b"MDEVCTX1") + frame(6, b""),
		    "much": hello + registers + frame(5, b"MDEVCTX1" + bytes(65536)),
		}
		for _ in range(500):
		    try:
		        peer = socket.socket(socket.AF_UNIX)
		        peer.connect(sys.argv[1])
		        break
		    except OSError:
		        time.sleep(0.02)
		try:
		    peer.sendall(cases[sys.argv[2]])
		    peer.shutdown(socket.SHUT_WR)
		    while peer.recv(4096):
		        pass
		except OSError:
		    pass
	END
	wait "$target"
	status=$?
	rm -f "$work/hostile"
	return "$status"
}

create()
{
	echo "$2" >"$(echo /sys/class/mdev_bus/*/mdev_supported_types/"$1"/create)" || exit 1
}

create mdev_sample-timer "$first"
create mdev_sample-timer "$second"
create mvgpu-small "$vgpu"

echo "TAP version 13"
expect 0 "moves" "$program" pair "$first" "$second" --seed 1
expect 0 "moves back" "$program" pair "$second" "$first" --seed 99 --rounds 5 --ram 8
expect 0 "goes on at the source when cancelled" "$program" pair "$first" "$second" --cancel --rounds 5
expect 0 "moves over a Unix socket" apart "unix:$work/socket" --rounds 10 --seed 11
expect 0 "moves over TCP" apart tcp:127.0.0.1:7000 --rounds 10 --seed 12
expect 0 "is cancelled over a Unix socket" apart "unix:$work/socket" --rounds 10 --cancel
expect 1 "does not move onto itself" "$program" pair "$first" "$first" --rounds 5
expect 1 "does not move to a vGPU" "$program" pair "$first" "$vgpu" --rounds 5
expect 1 "takes no vGPU" "$program" pair "$vgpu" "$first" --rounds 5
expect 1 "has no program to run" "$program" run --device "$first"
expect 1 "does not move where the dirty bitmap is missing" unserved
for case in version order again nothing noise half much; do
	expect 1 "target refuses what a hostile source sends: $case" hostile "$case"
done
expect 0 "moves after all that" "$program" pair "$first" "$second" --rounds 5
echo "1..$number"
exit "$failed"
