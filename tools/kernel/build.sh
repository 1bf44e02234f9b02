#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Build a small kernel from Debian's linux-source-6.12 for the tests, and print
# the folder that holds it:
#
#	vmlinuz		the image
#	config		its configuration
#	release		what uname -r says
#	lib/modules	its modules; build/ there builds external modules
#
# usage: build.sh kasan|kcsan
#
# The result is cached, keyed by the source package's version, the compiler, the
# fragments and the scripts here.

# shellcheck source=tools/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

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

# allnoconfig drops what it cannot satisfy without a word.
check_config()
{
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

[ -e "$tarball" ] || kernel_die "$tarball is missing: install linux-source-6.12"
kernel_begin "kernel-$flavour" "$(
	dpkg-query -W -f '${Version}\n' linux-source-6.12
	gcc --version | head -n 1
	cat "${fragments[@]}" "$here/build.sh" "$here/lib.sh"
)" "the $flavour kernel, several minutes"

quietly tar -C "$work/src" --strip-components=1 -xf "$tarball"
cat "${fragments[@]}" >"$work/all.config"
kernel_make KCONFIG_ALLCONFIG="$work/all.config" allnoconfig
check_config
kernel_make bzImage modules

release=$(make -s -C "$work/src" O="$work/obj" kernelrelease)
kernel_make INSTALL_MOD_PATH="$work/out" modules_install
rm -f "$work/out/lib/modules/$release/build" \
	"$work/out/lib/modules/$release/source"
kernel_install_build "$work/out/lib/modules/$release/build"
cp "$work/obj/arch/x86/boot/bzImage" "$work/out/vmlinuz"
cp "$work/obj/.config" "$work/out/config"
echo "$release" >"$work/out/release"
kernel_end
