#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# How fast the engine of a vGPU is beside the kernel's own memset() and memcpy(),
# and a fence beside an eventfd: installs what it needs (DEPS=no leaves packages
# alone), builds, and runs bench-engine in two VMs. One counts guest
# instructions, which repeat to a percent whatever else the machine does; the
# other measures time. Prints one table; build/bench/engine.csv has all figures.
#
#   tools/bench/bench-engine.sh             what "make bench-engine" calls
#   KVER=... tools/bench/bench-engine.sh    on another installed kernel
#
# Exit status 0 only if the engine takes at most 1/0.9 times the instructions from
# 64 KiB up of memset() and memcpy(), and a fence at most 1.5 times as long, and as
# many. Patterns beside memset64() are for information, and so are times: those of
# the very same instructions differ by a quarter on an emulated CPU, by where its
# translation lies and what its TLB holds.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/bench/lib.sh
. "$top/tools/bench/lib.sh"
csv=$out/engine.csv

# In the VM: $1 holds the modules, what follows is bench-engine.
inside()
{
	modules_insert "$1/drivers/vfio_dirty/vfio_dirty.ko" \
		"$1/drivers/mdev_migration/mdev_migration.ko" \
		"$1/drivers/mvgpu/mvgpu.ko" \
		"$1/tools/testing/modules/membench.ko"
	shift
	"$@" >/results/rows.csv
}

# run VIEW REPEATS ROUNDS [run.sh option]...
run()
{
	local view=$1 repeats=$2 rounds=$3
	shift 3
	echo "bench-engine: measuring $view (some minutes)"
	quietly "$out/engine-$view.log" tools/testing/vm/run.sh "$kver" \
		--mem 2048 --timeout 3600 --log "$out/engine-$view" "$@" -- \
		tools/bench/bench-engine.sh --inside "$top/build/$kver" \
		"$out/bench-engine" "$repeats" "$rounds"
}

# A line a row of both views. A ratio says how many times as fast the engine is;
# that of the latency, how many times as long it takes.
merge()
{
	awk -F, -v OFS=, '
		function ratio(row, kernel, engine) {
			if (row ~ /^latency/)
				return sprintf("%.2f", engine / kernel)
			return sprintf("%.2f", kernel / engine)
		}
		BEGIN {
			print "operation,memory,size,kernel_instructions," \
				"engine_instructions,ratio,flat_instructions," \
				"kernel_ns,engine_ns,ratio_ns,flat_ns,spread"
		}
		{ row = $1 OFS $2 OFS $3 }
		FILENAME ~ /instructions/ {
			order[++rows] = row
			counted[row] = $4 OFS $5 OFS ratio(row, $4, $5) OFS $6
			next
		}
		{
			timed[row] = $4 OFS $5 OFS ratio(row, $4, $5) OFS $6 OFS $7
		}
		END {
			for (i = 1; i <= rows; i++)
				print order[i], counted[order[i]], timed[order[i]]
		}' "$out/engine-instructions/rows.csv" "$out/engine-time/rows.csv"
}

# The table, and whether a row misses what is asked for.
report()
{
	awk -F, '
		NR == 1 {
			printf "%-9s %-9s %9s %12s %12s %6s %12s %12s %6s\n", $1,
				$2, $3, "kernel inst.", "engine", "ratio",
				"kernel ns", "engine", "ratio"
			next
		}
		{
			missed = $3 >= 65536 && $6 < 0.9 && $1 != "pattern"
			if ($1 == "latency")
				missed = $6 > 1.5 || $10 > 1.5
			printf "%-9s %-9s %9d %12.0f %12.0f %6s %12.0f %12.0f %6s%s\n",
				$1, $2, $3, $4, $5, $6, $8, $9, $10,
				missed ? "  MISSED" : ""
			all += missed
		}
		END {
			printf "%d rows, %d of them miss what is asked for\n",
				NR - 1, all
			exit all || NR < 2
		}' "$csv"
}

outside()
{
	bench_begin bench
	bench_build
	run instructions 3 500 --icount
	run time 11 5000
	merge >"$csv"
	report
}

if [ "${1:-}" = --inside ]; then
	shift
	inside "$@"
else
	outside
fi
