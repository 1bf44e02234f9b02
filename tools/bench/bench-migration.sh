#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What a vGPU adds to the live migration of a guest: installs what it needs (DEPS=no
# leaves packages alone), builds, and moves the same guest in a VM, several times,
# with
#
#   none  no vGPU
#   idle  a vGPU that does nothing
#   vram  64 MiB of VRAM, of which the engine rewrites 5 % a second
#   ram   256 MiB of guest memory bound and touched, of which it writes 1 % a second
#
# each by turns
#
#   vfio_dirty  by migration v2 and stock QEMU
#   type1       the same on vfio_iommu_type1
#   region      by the device-state region and the bitmap ioctl of 2018, on vfio_dirty,
#               with the QEMU of samples/qemu/: x-device-state-region=on
#   precopy     the same, but the bitmap by rounds: x-device-state-region=precopy
#
# Prints a table of medians, with the smallest and the greatest;
# build/bench/migration.csv has all figures, and build/bench/migration.png shows
# them. Where QEMU's source cannot be had the last two are left out.
#
#   tools/bench/bench-migration.sh             what "make bench-migration" calls
#   KVER=... tools/bench/bench-migration.sh    on another installed kernel
#   ROUNDS=... tools/bench/bench-migration.sh  other than 5 times each
#
# Exit status 0 only if all migrations ended well, an idle vGPU adds at most 64 KiB
# and no pin while the guest is stopped, what is sent of guest memory with "ram"
# on vfio_dirty is at most 1.1 times one full copy and what was written meanwhile,
# and the downtime of "precopy" with "idle" and "ram" is at most 1.2 times that of
# "vfio_dirty". ("vram" is sent while stopped there: what that costs is told.)
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/bench/lib.sh
. "$top/tools/bench/lib.sh"
csv=$out/migration.csv
rounds=${ROUNDS:-5}

# In the VM: $1 is the build folder, $2 the kernel's and the guest's, $3 the QEMU of
# the region, if there is one.
inside()
{
	[ -d /sys/kernel/tracing/events ] ||
		mount -t tracefs tracefs /sys/kernel/tracing
	modprobe kvm_amd
	modules_load "$1"
	PYTHONDONTWRITEBYTECODE=1 python3 "$top/tools/testing/e2e/bench.py" \
		--results /results/e2e --kernel "/boot/vmlinuz-$2" \
		--initrd "$1/guest.cpio" --rounds "$rounds" \
		${3:+--region-qemu "$3"} >/results/rows.csv
	modules_unload
}

# median COLUMN: a line "load backend median least most" for each kind of row.
medians()
{
	awk -F, -v OFS=, -v name="$1" '
		NR == 1 { for (i = 1; i <= NF; i++) if ($i == name) column = i; next }
		{ print $1, $2, $column }' "$csv" | sort -t, -k1,2 -k3n | awk -F, '
		function put() {
			if (nr)
				print key, figure[int((nr + 1) / 2)], figure[1],
					figure[nr]
		}
		$1 " " $2 != key { put(); nr = 0; key = $1 " " $2 }
		{ figure[++nr] = $3 }
		END { put() }'
}

# value COLUMN LOAD BACKEND: the median.
value()
{
	medians "$1" | awk -v load="$2" -v backend="$3" \
		'$1 == load && $2 == backend { print $3 }'
}

table()
{
	local column

	for column in total_ms downtime_ms stopped_ms ram_bytes device_bytes \
		device_bytes_stopped ioctls faults pins rounds; do
		echo "$column"
		medians "$column" |
			awk '{ printf "  %-5s %-11s %12d  (%d to %d)\n",
				$1, $2, $3, $4, $5 }'
	done
}

plot()
{
	local panels=() column title

	while read -r column title; do
		medians "$column" >"$out/migration-$column.dat"
		panels+=(-e "set title '$title'; plot '$out/migration-$column.dat' \
			using 0:3:4:5:xtic(stringcolumn(1).' '.stringcolumn(2)) \
			with yerrorbars pt 7 notitle")
	done <<-EOF
		downtime_ms downtime by QEMU, ms
		device_bytes_stopped device state sent while stopped, bytes
		ioctls ioctls while stopped
		faults page faults of both QEMUs while stopped
	EOF
	gnuplot -e "set term png size 1200,900 noenhanced; \
		set output '$out/migration.png'; set multiplot layout 2,2; \
		set xtics rotate by -30; set xrange [-1:13]; set yrange [0:*]" \
		"${panels[@]}"
}

# Whether what is asked for is reached.
judge()
{
	local missed=0 backend idle

	for backend in vfio_dirty type1; do
		idle=$(value device_bytes_stopped idle "$backend")
		echo "idle on $backend: $idle bytes of device state while stopped," \
			"$(value pins idle "$backend") pins"
		((idle <= 65536 && $(value pins idle "$backend") == 0)) || missed=1
	done
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		$1 == "ram" && $2 == "vfio_dirty" {
			sent = $at["copy_bytes"] + $at["resent_bytes"]
			ratio = sent / ($at["copy_bytes"] + $at["written_bytes"])
			printf "ram on vfio_dirty, round %d: %.3f times a copy and " \
				"what was written\n", $3, ratio
			missed += ratio > 1.1
		}
		END { exit missed > 0 }' "$csv" || missed=1
	judge_downtime || missed=1

	return "$missed"
}

# The protocols' downtimes beside each other.
judge_downtime()
{
	local missed=0 load v2 precopy limit

	[ -n "$(value rounds idle precopy)" ] || return 0
	for load in idle ram vram; do
		v2=$(value downtime_ms "$load" vfio_dirty)
		precopy=$(value downtime_ms "$load" precopy)
		limit=", at most $((v2 * 6 / 5)) wanted"
		[ "$load" != vram ] || limit=
		echo "$load: downtime of $v2 ms by v2, $precopy ms by precopy$limit;" \
			"$(value downtime_ms "$load" region) ms by the region alone"
		[ -z "$limit" ] || ((precopy * 5 <= v2 * 6)) || missed=1
	done
	return "$missed"
}

outside()
{
	local qemu backends=2

	bench_begin bench-migration
	quietly "$out/modules.log" make KVER="$kver" guest
	# 3: its source cannot be had.
	qemu=$(samples/qemu/build.sh) || [ $? -eq 3 ]
	qemu=${qemu:+$qemu/qemu-system-x86_64}
	[ -z "$qemu" ] || backends=4
	echo "bench-migration: $(((3 * backends + 1) * rounds)) migrations" \
		"(half a minute each)"
	rm -rf "$out/migration"
	quietly "$out/migration.log" tools/testing/vm/run.sh "$kver" --cpus 1 --mem 6144 \
		--timeout 14400 --log "$out/migration" -- \
		env ROUNDS="$rounds" tools/bench/bench-migration.sh --inside \
		"$top/build/$kver" "$kver" "$qemu"
	cp "$out/migration/rows.csv" "$csv"
	table
	plot
	judge
}

if [ "${1:-}" = --inside ]; then
	shift
	inside "$@"
else
	outside
fi
