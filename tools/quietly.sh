# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by scripts that build before they show something.

# quietly LOG COMMAND...: shows what a step wrote only if it went wrong, and ends
# the script then.
quietly()
{
	local log=$1
	shift
	if ! "$@" >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		echo "$(basename "$0" .sh): failed, see $log" >&2
		exit 1
	fi
}
