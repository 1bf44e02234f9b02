#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs the unit tests and fuzzers that the Makefile beside it built; prints
# KTAP. Usage: run.sh OUTPUT "TESTS" "FUZZERS" FUZZER-OPTION...

set -u
output=$1
read -ra tests <<< "$2"
read -ra fuzzers <<< "$3"
shift 3
here=$(dirname "$(readlink -f "$0")")
failed=0

for test in "${tests[@]}"; do
	echo "# $test"
	"$output/$test" || failed=1
done

# Its findings are left in the output folder, with the whole log.
fuzz() {
	local corpus=$output/$1.corpus

	mkdir -p "$corpus"
	"$output/$1" -artifact_prefix="$output/$1-" -max_len=65536 -seed=1 \
		"${@:2}" "$corpus" "$here/golden" > "$output/$1.log" 2>&1
}

echo "KTAP version 1"
if [ ${#fuzzers[@]} -eq 0 ]; then
	echo "1..1"
	echo "ok 1 fuzz # SKIP clang is not installed"
else
	echo "1..${#fuzzers[@]}"
fi
nr=0
for fuzzer in "${fuzzers[@]}"; do
	nr=$((nr + 1))
	if fuzz "$fuzzer" "$@"; then
		echo "ok $nr $fuzzer"
	else
		echo "# see $output/$fuzzer.log"
		tail -n 20 "$output/$fuzzer.log" | sed 's/^/# /'
		echo "not ok $nr $fuzzer"
		failed=1
	fi
done

exit $failed
