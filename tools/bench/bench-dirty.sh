#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What vfio_dirty costs beside the kernel's own vfio_iommu_type1: installs what
# it needs (DEPS=no leaves packages alone), builds, and runs bench-dirty in two
# VMs. One counts guest instructions, which repeat to a percent whatever else
# the machine does; the other measures time, and has the two CPUs that some rows
# need. Prints one table; build/bench/dirty.csv has all figures.
#
#   tools/bench/bench-dirty.sh             what "make bench-dirty" calls
#   KVER=... tools/bench/bench-dirty.sh    on another installed kernel
#
# Exit status 0 only if no row takes vfio_dirty more than 10 % more instructions.
set -euo pipefail

top=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tools/bench/lib.sh
. "$top/tools/bench/lib.sh"
csv=$out/dirty.csv

# In the VM: $1 holds the modules, $2 is bench-dirty.
inside()
{
	modules_insert "$1/drivers/vfio_dirty/vfio_dirty.ko" \
		"$1/tools/testing/modules/pintest.ko"
	shift
	"$@" >/results/rows.csv
}

# run VIEW [run.sh option]... -- [group of rows]...
run()
{
	local view=$1 options=()
	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	echo "bench-dirty: measuring $view (some minutes)"
	quietly "$out/$view.log" tools/testing/vm/run.sh "$kver" --mem 4096 \
		--timeout 3600 --log "$out/$view" "${options[@]}" -- \
		tools/bench/bench-dirty.sh --inside "$top/build/$kver" \
		"$out/bench-dirty" "$@"
}

# A line a row of both views: the ratios say how many times as fast we are.
merge()
{
	awk -F, -v OFS=, '
		function ratio(a, b) { return a == "" ? "" : sprintf("%.2f", a / b) }
		BEGIN {
			print "row,unit,stock_instructions,ours_instructions," \
				"ratio,stock_ns,ours_ns,ratio_ns,spread"
		}
		!($1 in unit) { order[++rows] = $1; unit[$1] = $2 }
		FILENAME ~ /instructions/ {
			stock[$1] = $3; ours[$1] = $4; spread[$1] = $5
			next
		}
		{
			stock_ns[$1] = $3; ours_ns[$1] = $4
			if (!($1 in spread))
				spread[$1] = $5
		}
		END {
			for (i = 1; i <= rows; i++) {
				r = order[i]
				print r, unit[r], stock[r], ours[r],
					ratio(stock[r], ours[r]), stock_ns[r], ours_ns[r],
					ratio(stock_ns[r], ours_ns[r]), spread[r]
			}
		}' "$out/instructions/rows.csv" "$out/time/rows.csv"
}

# The table, and whether a row is too slow.
report()
{
	awk -F, '
		NR == 1 {
			printf "%-28s %-6s %14s %14s %7s %14s %14s %7s\n", "row",
				"unit", "stock instr.", "vfio_dirty", "ratio",
				"stock ns", "vfio_dirty", "ratio"
			next
		}
		{
			slow = $5 != "" && $4 > $3 * 1.1
			printf "%-28s %-6s %14s %14s %7s %14s %14s %7s%s\n", $1, $2,
				$3, $4, $5, $6, $7, $8, slow ? "  SLOWER" : ""
			slower += slow
		}
		END {
			printf "%d rows, %d of them more than 10 %% slower than stock\n",
				NR - 1, slower
			exit slower || NR < 2
		}' "$csv"
}

outside()
{
	bench_begin bench
	bench_build
	run instructions --icount -- pins copies mappings queries
	run time --
	merge >"$csv"
	report
}

if [ "${1:-}" = --inside ]; then
	shift
	inside "$@"
else
	outside
fi
