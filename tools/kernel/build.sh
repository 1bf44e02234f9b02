#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Build a small kernel from Debian's linux-source-6.12 for the tests, and print
# the directory that holds it:
#
#	vmlinuz		the image
#	config		its configuration
#	release		what uname -r says
#	lib/modules	its modules; build/ there builds external modules
#
# usage: build.sh kasan|kcsan
#
# The result is cached under ~/.cache/mvgpu, keyed by the source package's
# version, the compiler and the fragments, and built when absent.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
flavour=${1:-}
case $flavour in
kasan | kcsan) ;;
*)
	echo "usage: $0 kasan|kcsan" >&2
	exit 2
	;;
esac

fragments=("$here/base.config" "$here/debug.config" "$here/$flavour.config")
tarball=/usr/src/linux-source-6.12.tar.xz
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mvgpu

if [ ! -e "$tarball" ]; then
	echo "$0: $tarball is missing: install linux-source-6.12" >&2
	exit 1
fi

# What the result depends on. This script is part of it.
key=$({
	dpkg-query -W -f '${Version}\n' linux-source-6.12
	gcc --version | head -n 1
	cat "${fragments[@]}" "$here/build.sh"
} | sha256sum | cut -c 1-16)
result=$cache/kernel-$flavour-$key

if [ -e "$result/release" ]; then
	echo "$result"
	exit 0
fi

mkdir -p "$cache"
exec 9>"$cache/kernel-$flavour.lock"
flock 9
if [ -e "$result/release" ]; then
	echo "$result"
	exit 0
fi

work=$(mktemp -d "$cache/kernel-build.XXXXXX")
trap 'rm -rf "$work"' EXIT
log=$cache/kernel-$flavour.log

echo "building the $flavour kernel, several minutes; log in $log" >&2
: >"$log"

quietly() {
	if ! "$@" >>"$log" 2>&1; then
		echo "$0: failed: $*" >&2
		tail -n 30 "$log" >&2
		exit 1
	fi
}

# allnoconfig drops what it cannot satisfy without a word.
check_config() {
	local want name have bad=0

	while read -r want; do
		name=${want%%=*}
		have=$(grep "^$name=" "$work/obj/.config" || true)
		case $want in
		*=n) [ -z "$have" ] && continue ;;
		*) [ "$have" = "$want" ] && continue ;;
		esac
		echo "$0: wanted $want, got ${have:-$name=n}" >&2
		bad=1
	done < <(grep -h '^CONFIG_' "${fragments[@]}")
	return "$bad"
}

mkdir "$work/src" "$work/obj" "$work/out"
quietly tar -C "$work/src" --strip-components=1 -xf "$tarball"
cat "${fragments[@]}" >"$work/all.config"
quietly make -C "$work/src" O="$work/obj" \
	KCONFIG_ALLCONFIG="$work/all.config" allnoconfig
check_config
quietly make -C "$work/src" O="$work/obj" -j"$(nproc)" bzImage modules

release=$(make -s -C "$work/src" O="$work/obj" kernelrelease)
quietly make -C "$work/src" O="$work/obj" INSTALL_MOD_PATH="$work/out" \
	modules_install
rm -f "$work/out/lib/modules/$release/build" \
	"$work/out/lib/modules/$release/source"
# The part of the tree that external modules need, without the objects.
(
	cd "$work/src"
	# shellcheck disable=SC2016 # expanded by the inner shell
	quietly make O="$work/obj" run-command KBUILD_RUN_COMMAND='+$(srctree)/scripts/package/install-extmod-build '"$work/out/lib/modules/$release/build"
)
cp "$work/obj/arch/x86/boot/bzImage" "$work/out/vmlinuz"
cp "$work/obj/.config" "$work/out/config"
echo "$release" >"$work/out/release"

rm -rf "$result"
mv "$work/out" "$result"
echo "$result"
