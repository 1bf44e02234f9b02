# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by the benches, which set $top: what they have in common.

out=$top/build/bench
# shellcheck source=tools/quietly.sh
. "$top/tools/quietly.sh"
# shellcheck source=tools/testing/vm/modules.sh
. "$top/tools/testing/vm/modules.sh"

# bench_begin PROFILE: installs what a bench needs, and chooses its kernel, $kver.
bench_begin()
{
	cd "$top" || exit 1
	mkdir -p "$out"
	tools/deps "$1"
	kver=${KVER:-$(tools/kernels --boot 6.12 || true)}
	if [ -z "$kver" ]; then
		echo "$(basename "$0" .sh): no kernel 6.12 with headers is installed" >&2
		exit 1
	fi
}

# The modules and the programs that count in the VM.
bench_build()
{
	quietly "$out/modules.log" make KVER="$kver" CONFIG_VFIO_DIRTY_PINTEST=m modules
	quietly "$out/program.log" make -C tools/bench OUTPUT="$out"
}
