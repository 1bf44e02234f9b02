#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs end-to-end tests, inside the VM: guests with vGPUs, on stock QEMU, or with
# --region-qemu on that of samples/qemu/build.sh.
#
#   run.sh [--claim none] [--iommufd] [--region-qemu FILE] MODULES GUEST KVER CASE...
#
# MODULES is the build folder of the running kernel, GUEST that of the guest's,
# KVER (which "make guest" filled). The cases are those of cases.py, by name or
# by group. One TAP stream comes out; what QEMU and the guests said is in
# /results/e2e/.
set -u

here=$(cd "$(dirname "$0")" && pwd)
find_trouble=$here/../vm/find-trouble
results=${RESULTS:-/results}/e2e
kmemleak=/sys/kernel/debug/kmemleak
claim=users
options=()
while [[ ${1:-} = --* ]]; do
	case $1 in
	--claim) claim=$2; shift ;;
	--iommufd) options+=(--iommufd) ;;
	--region-qemu) options+=("$1" "$2"); shift ;;
	esac
	shift
done
modules=$1
guest=$2
kver=$3
shift 3

# shellcheck source=tools/testing/vm/modules.sh
. "$here/../vm/modules.sh"

load()
{
	modprobe kvm_amd && modules_load "$modules" &&
		echo "$claim" >/sys/module/vfio_dirty/parameters/claim
}

# What is counted from here on is printed by judge.
number=0
failed=0
judge()
{
	number=$((number + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $number $2"
	else
		echo "not ok $number $2"
		failed=1
	fi
}

rm -rf "$results"
mkdir -p "$results"
echo "e2e: begin" >/dev/kmsg
if ! load; then
	echo "TAP version 13"
	judge 1 "the modules can be loaded"
	echo "1..1"
	exit 1
fi
[ ! -w "$kmemleak" ] || echo clear >"$kmemleak"

# Its plan is left out: more results follow.
PYTHONDONTWRITEBYTECODE=1 python3 "$here/main.py" --results "$results" \
	--kernel "/boot/vmlinuz-$kver" --initrd "$guest/guest.cpio" \
	"${options[@]}" "$@" |
while IFS= read -r line; do
	[[ $line != 1..* ]] || { echo "${line#1..}" >"$results/plan"; continue; }
	echo "$line"
done
[ "${PIPESTATUS[0]}" -eq 0 ] || failed=1
number=$(cat "$results/plan" 2>/dev/null || echo 0)

modules_unload
judge $? "the modules can be unloaded"
dmesg | sed -n '/e2e: begin$/,$p' | "$find_trouble" | head -n 5 |
	sed 's/^/# /' | grep .
judge $((!$?)) "the kernel log is clean"
if [ -w "$kmemleak" ]; then
	# It reports what is older than 5 seconds when it sees it again.
	echo scan >"$kmemleak"
	sleep 6
	echo scan >"$kmemleak"
	head -n 30 "$kmemleak" | sed 's/^/# /' | grep .
	judge $((!$?)) "nothing leaked"
fi
echo "1..$number"
[ "$failed" -eq 0 ]
