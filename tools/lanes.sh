# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced: runs commands that print TAP beside each other, and sums them up. A
# command is a lane; its log is build/logs/LANE.log. All of them say what is wrong
# in comments above a "not ok".

lanes_at_once=2
lanes_started=$SECONDS
logs=$top/build/logs

say()
{
	printf '[%4d s] %s\n' "$((SECONDS - lanes_started))" "$*"
}

# shellcheck disable=SC2317 # called by the trap
lanes_stop()
{
	trap - EXIT
	jobs -p | xargs -r kill 2>/dev/null
	wait
}

lanes_begin()
{
	trap lanes_stop EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mkdir -p "$logs"
	rm -f "$logs"/*.log "$logs"/*.sum
}

# What a log says, if it was begun once more because the VM stood still: from there.
lanes_log()
{
	awk '/^vm: .* once more, from the beginning$/ { nr = 0; next }
		{ line[++nr] = $0 }
		END { for (i = 1; i <= nr; i++) print line[i] }' "$1"
}

# Passed, failed, skipped and planned by a TAP log, which may hold several plans.
lanes_count()
{
	lanes_log "$1" | awk '/^1\.\.[0-9]+/ { split($1, plan, /\.\./); planned += plan[2] }
		/^ok [0-9]+/ { if (/# SKIP/) skipped++; else passed++ }
		/^not ok [0-9]+/ { failed++ }
		END { print passed + 0, failed + 0, skipped + 0, planned + 0 }'
}

# Runs in the background; leaves LANE.log and LANE.sum.
lane()
{
	local name=$1 log=$logs/$1.log status from=$SECONDS
	local passed failed skipped planned
	shift

	# In a session of its own, to be ended with all its children.
	setsid "$@" >"$log" 2>&1 </dev/null &
	trap 'kill -- -$! 2>/dev/null; wait; exit 143' TERM
	wait $!
	status=$?

	read -r passed failed skipped planned < <(lanes_count "$log")
	if [ $((passed + failed + skipped)) -ne "$planned" ] || [ "$planned" -eq 0 ] ||
			{ [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; }; then
		failed=$((failed + 1))
		echo "not ok - $name: ran all it planned (exit status $status)" >>"$log"
	fi
	! grep -aq '^vm: .* stood still: once more' "$log" ||
		say "$name: a VM stood still and was begun once more, see ${log#"$top"/}"
	echo "$passed $failed $skipped" >"$logs/$name.sum"
	if [ "$failed" -eq 0 ]; then
		say "$name: $passed passed, $skipped skipped, in $((SECONDS - from)) s"
	else
		say "$name: $failed FAILED, $passed passed, see ${log#"$top"/}"
		lanes_log "$log" | grep -a '^not ok' | head -n 20 | sed 's/^/           /'
	fi
}

# start NAME COMMAND...: waits for a free place, then runs a lane.
start()
{
	while [ "$(jobs -rp | wc -l)" -ge "$lanes_at_once" ]; do
		wait -n
	done
	lane "$@" &
}

# e2e LANE KERNEL SECONDS ARGUMENT...: starts a lane of end-to-end tests, all in
# one VM. KERNEL is a release, or a folder of tools/kernel/build.sh; the arguments
# are options of tools/testing/e2e/run.sh, then --, then cases or groups of them.
# The guest's kernel is $guest_kver, for which "make guest" was called.
e2e()
{
	local name=$1 kernel=$2 seconds=$3 kver=$2 options=()
	shift 3

	[ ! -d "$kernel" ] || kver=$(cat "$kernel/release")
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	start "$name-$kver" tools/testing/vm/run.sh "$kernel" --cpus 1 --mem 6144 \
		--timeout "$seconds" --log "$logs/vm-$name-$kver" -- \
		tools/testing/e2e/run.sh "${options[@]}" "$top/build/$kver" \
		"$top/build/$guest_kver" "$guest_kver" "$@"
}

# What failed in a log, and of the comments before each the first 25.
lanes_tell()
{
	lanes_log "$1" | awk -v name="$(basename "$1" .log)" '
		/^# / { if (said++ < 25) text = text "      " $0 "\n" }
		/^ok / { said = 0; text = "" }
		/^not ok / {
			sub(/^not ok [0-9-]* */, "")
			printf "  %s: %s\n%s", name, $0, text
			said = 0; text = ""
		}'
}

# Waits for all lanes and prints the sum; nonzero unless it is green.
lanes_end()
{
	local passed=0 failed=0 skipped=0 sum log p f s

	while [ "$(jobs -rp | wc -l)" -gt 0 ]; do
		wait -n
	done
	for sum in "$logs"/*.sum; do
		read -r p f s <"$sum"
		passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	done
	if [ "$failed" -ne 0 ]; then
		echo "failed:"
		for log in "$logs"/*.log; do
			lanes_tell "$log"
		done
	fi
	say "done; logs are in build/logs"
	echo "$passed passed, $failed failed, $skipped skipped"
	[ "$passed" -gt 0 ] && [ "$failed" -eq 0 ]
}
