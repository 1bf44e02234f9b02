#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# Build a QEMU that migrates vGPUs by the device-state region, and print the
# folder that its qemu-system-x86_64 is in.
#
#   build.sh                   fetch Debian's source of QEMU, patch and build it
#   build.sh --source SUITE    only fetch it, unpack what the patches touch, and
#                              print that folder
#
# The source is that of Debian 13, or of SUITE, by lists of packages of our own.
# Each patch is built before the next is applied. The result is cached, keyed by
# source, files and compiler. Exit status 3: the source cannot be had.

qemu=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tools/kernel/lib.sh
. "$qemu/../../tools/kernel/lib.sh"
# shellcheck source=tools/kernel/apt.sh
. "$qemu/../../tools/kernel/apt.sh"

suite=trixie
only_source=
if [ "${1:-}" = --source ]; then
	only_source=yes
	suite=${2:-trixie}
fi
apt=$cache/apt-source-$suite

# Only what the tests need; what is left out need not be installed either.
configure=(--python=/usr/bin/python3 --target-list=x86_64-softmmu
	--without-default-features --without-default-devices
	--with-devices-x86_64=mvgpu --disable-user --enable-system --enable-kvm
	--disable-tcg --disable-tools --disable-docs --disable-download
	--disable-install-blobs --disable-werror --disable-debug-info
	--enable-trace-backends=log
	--firmwarepath=/usr/share/qemu:/usr/share/seabios:/usr/lib/ipxe/qemu)

no_source()
{
	echo "$0: $*" >&2
	exit 3
}

# unpack KIND [PATH...]: of the orig or debian archive
unpack()
{
	quietly tar -xJf "$work"/qemu_*."$1".tar.xz -C "$work/src" --no-same-owner \
		"${@:2}"
}

download()
{
	cd "$work"
	own_apt apt-get source --download-only --only-source \
		"qemu=$version" >>"$log" 2>&1 ||
		no_source "cannot download the source of QEMU $version"
}

# The newest that the suite has, 1:10.0.13+ds-0+deb13u1 for one
find_version()
{
	update_lists deb-src || no_source "cannot get the package list of $suite"
	version=$({ own_apt apt-cache showsrc qemu 2>/dev/null || :; } |
		sed -n 's/^Version: //p' | sort -V | tail -n 1)
	[ -n "$version" ] || no_source "$suite has no source of QEMU"
}

fetch_source()
{
	kernel_begin "qemu-source-$suite" "$version $(cat "$qemu/build.sh")" \
		"the source of QEMU $version that the patches touch"
	download
	unpack orig --strip-components=1 --wildcards '*/hw/vfio'
	mv "$work/src/hw" "$work/out"
	echo "$version" >"$work/out/version"
	kernel_end
}

debian_patch()
{
	quietly patch -p1 -F0 -d "$work/src" -i "$work/src/debian/patches/$1"
}

build_qemu()
{
	local patch

	download
	unpack orig --strip-components=1
	unpack debian
	# Their files are not in Debian's archive.
	debian_patch disable-pycotap.patch
	debian_patch skip-unpack-edk2-blobs.patch
	cp "$qemu/mvgpu.mak" "$work/src/configs/devices/x86_64-softmmu"

	cd "$work/obj"
	for patch in "$qemu"/patches/*.patch; do
		quietly patch -p1 -F0 -d "$work/src" -i "$patch"
		[ -e build.ninja ] || quietly "$work/src/configure" "${configure[@]}"
		quietly ninja qemu-system-x86_64
	done
	# In its own folder it would look for firmware in the source.
	install -s qemu-system-x86_64 "$work/out"
	"$work/out/qemu-system-x86_64" -device vfio-pci,help >"$work/help"
	grep -q x-device-state-region "$work/help" ||
		kernel_die "the QEMU that was built has no x-device-state-region"
}

find_version
if [ "$only_source" ]; then
	fetch_source
	exit
fi
kernel_begin qemu "$version
$(gcc --version | head -n 1)
$(cat "$qemu"/build.sh "$qemu"/mvgpu.mak "$qemu"/patches/*.patch)" "QEMU"
build_qemu
kernel_end
