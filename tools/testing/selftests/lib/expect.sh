# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by tests that are scripts: commands whose exit status is the result.
# They print the plan, "1..$number", and exit with $failed. $work is a folder.

number=0
failed=0
target_options=()

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

# COMMAND...: runs a move again whose program was over before the device was
# stopped, as can be on a machine under load.
at_work()
{
	local status

	for _ in 1 2 3 4 5; do
		"$@"
		status=$?
		[ "$status" -eq 3 ] || break
	done
	return "$status"
}

# ADDRESS OPTION...: moves $first to $second, as two processes of $program that
# know nothing of each other but an address. The target has $target_options.
apart()
{
	local address=$1 target status

	shift
	"$program" target --device "$second" --listen "$address" \
		"${target_options[@]}" &
	target=$!
	"$program" source --device "$first" --to "$address" "$@"
	status=$?
	# A target that has nothing to do any more says so.
	wait "$target" || [ "$status" -eq 3 ] || status=$?
	return "$status"
}
