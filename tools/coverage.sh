#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/coverage.sh [TEST]...: which lines and branches the tests reach, a line a
# file and a total: of the modules by the selftests (all, or those named), run
# on the debug kernel, whose gcov keeps what a module reached when it is
# unloaded; and of the pure files by the unit tests. What "make coverage" calls.
#
# Everything is in build/coverage; a source with counts before its lines is
# printed by, for example: gcov -t build/coverage/KVER/drivers/vfio_dirty/pin.o
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
out=$top/build/coverage
gcov_dir=/sys/kernel/debug/gcov

die()
{
	echo "coverage: $*" >&2
	exit 1
}

quietly()
{
	"$@" >>"$out/log" 2>&1 || {
		tail -n 30 "$out/log" >&2
		die "failed: $*"
	}
}

# report TITLE FOLDER WHERE: a line a source, from all that lies below the folder
# and was compiled by a command that ran in WHERE.
report()
{
	local csv=$out/report.csv

	quietly gcovr --root "$3" --object-directory "$2" \
		--gcov-ignore-parse-errors --exclude-throw-branches \
		--filter "$top/(build/.*)?drivers/(dirty|migration|mvgpu)/[a-z_]+\.c\$" \
		--csv "$csv" "$2"
	awk -F, -v title="$1" '
		function show(name, lines, lines_hit, branches, branches_hit) {
			printf "%-44s %5d %6.1f %%  %5d %6.1f %%\n", name,
				lines, lines ? 100 * lines_hit / lines : 100,
				branches, branches ? 100 * branches_hit / branches : 100
		}
		NR == 1 {
			printf "\n%-44s %5s %8s  %5s %8s\n", title, "lines",
				"hit", "branch", "hit"
			next
		}
		{
			sub(/.*drivers\//, "drivers/", $1)
			show($1, $2, $3, $5, $6)
			l += $2; lh += $3; b += $5; bh += $6
		}
		END { show("all", l, lh, b, bh); exit !l }' "$csv" ||
		die "nothing was measured"
}

tools/deps coverage || exit 1
kernel=$(tools/kernel/build.sh kasan) || exit 1
release=$(cat "$kernel/release") || exit 1
rm -rf "$out/log" "$out/vm" "$out/unit"
mkdir -p "$out"

echo "coverage: building"
quietly make -j2 BUILD="$out" KDIR="$kernel/lib/modules/$release/build" \
	GCOV_PROFILE=y CONFIG_VFIO_DIRTY_PINTEST=m CONFIG_MDEV_SAMPLE=m modules
quietly make -j2 selftests
tests=("$@")
[ $# -gt 0 ] || read -ra tests < <(make -s -C tools/testing/selftests \
	OUTPUT="$top/build/selftests" list)

echo "coverage: running the selftests; log in build/coverage/vm"
# shellcheck disable=SC2016 # expanded in the VM
tools/testing/vm/run.sh "$kernel" --quiet --mem 4096 --timeout 7200 \
	--log "$out/vm" -- env MVGPU_EFFORT=quick TEST_TIMEOUT=1800 bash -c '
		"$1" "${@:4}"
		status=$?
		cd "$2/$3" && mkdir -p /results/gcda &&
			find . -name "*.gcda" -exec cp --parents -t /results/gcda {} + &&
			exit "$status"' \
	coverage tools/testing/selftests/run.sh "$gcov_dir" "$out/$release" \
	"$out/$release" "$top/build/selftests" "${tests[@]}" ||
	die "the selftests failed: their log is in build/coverage/vm"
find "$out/$release" -name '*.gcda' -delete
quietly cp -r "$out/vm/gcda/." "$out/$release"

echo "coverage: running the unit tests"
quietly make -C tools/testing/unit OUTPUT="$out/unit" UNIT_SANITIZE=--coverage \
	FUZZ_CC= check

report "modules, by the selftests" "$out/$release" \
	"$kernel/lib/modules/$release/build"
report "pure files, by the unit tests" "$out/unit" "$top/tools/testing/unit"
