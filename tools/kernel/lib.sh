# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the scripts beside it, each of which makes a folder from a kernel's
# source, keeps it under ~/.cache/mvgpu, and prints its path: at once if it is
# there, else after it was built. The script fills $work/out.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mvgpu

# kernel_begin NAME KEY WHAT: ends the script if the result is there already.
kernel_begin()
{
	result=$cache/$1-$(sha256sum <<<"$2" | cut -c 1-16)
	log=$cache/$1.log
	kernel_end_if_built

	mkdir -p "$cache"
	exec 9>"$cache/$1.lock"
	flock 9
	kernel_end_if_built

	work=$(mktemp -d "$cache/$1.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	trap 'exit 143' INT TERM HUP
	mkdir "$work/src" "$work/obj" "$work/out"
	: >"$log"
	echo "building $3; log in $log" >&2
}

kernel_end_if_built()
{
	[ -d "$result" ] || return 0
	echo "$result"
	exit 0
}

kernel_end()
{
	mv -T "$work/out" "$result"
	echo "$result"
}

kernel_die()
{
	echo "$0: $*" >&2
	exit 1
}

quietly()
{
	if ! "$@" >>"$log" 2>&1; then
		tail -n 30 "$log" >&2
		kernel_die "failed: $*"
	fi
}

kernel_make()
{
	quietly make -C "$work/src" O="$work/obj" -j"$(nproc)" "$@"
}

# kernel_install_build DIR: the part of the tree that external modules need,
# without the objects.
kernel_install_build()
{
	# shellcheck disable=SC2016 # expanded by make
	quietly make -C "$work/obj" run-command \
		KBUILD_RUN_COMMAND='+$(srctree)/scripts/package/install-extmod-build '"$1"
}
