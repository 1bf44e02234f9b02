#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/check-debug.sh: the selftests on a kernel with KASAN, lockdep, UBSAN,
# kmemleak and fault injection, which tools/kernel/build.sh builds when it is
# absent; what "make check-debug" calls. MVGPU_FAULT_ALL=1 fails every point of
# failure there is rather than a sample. Logs: build/logs/vm-debug.
set -u

top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top" || exit 1
logs=$top/build/logs
log=$logs/selftests-debug.log
mkdir -p "$logs"

tools/deps debug || exit 1
kernel=$(tools/kernel/build.sh kasan) || exit 1
kver=$(cat "$kernel/release")
echo "building for $kver"
if ! { make KDIR="$kernel/lib/modules/$kver/build" \
		CONFIG_VFIO_DIRTY_PINTEST=m modules &&
		make selftests; } >"$logs/build.log" 2>&1; then
	tail -n 30 "$logs/build.log"
	exit 1
fi

echo "running the selftests, a quarter of an hour"
read -ra tests < <(make -s -C tools/testing/selftests OUTPUT="$top/build/selftests" list)
tools/testing/vm/run.sh "$kernel" --mem 4096 --timeout 2400 --quiet \
	--log "$logs/vm-debug" -- env TEST_TIMEOUT=900 \
	MVGPU_FAULT_ALL="${MVGPU_FAULT_ALL:-}" \
	tools/testing/selftests/run.sh "$top/build/$kver" \
	"$top/build/selftests" "${tests[@]}"
status=$?

cp "$logs/vm-debug/output.log" "$log"
grep -a '^not ok' "$log"
awk '/^ok [0-9]+/ { if (/# SKIP/) skipped++; else passed++ }
	/^not ok [0-9]+/ { failed++ }
	END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$log"
exit "$status"
