#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# mkguest.sh KVER BUILD: makes the guest's initramfs BUILD/guest.cpio: a static
# busybox, lspci with its libraries, the kernel's modules for virtio-serial, and
# from BUILD mvgpu_guest.ko, the workload and driver-test. What "make guest" calls.
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
kver=$1
build=$2

work=$(mktemp -d "$build/guest.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root

mkdir -p "$root"/{bin,dev,proc,sys,modules}
cp "$(command -v busybox)" "$root/bin/busybox"
install -m 755 "$here/guest-init.sh" "$root/init"
install -m 755 "$build/workload" "$build/driver-test" "$root/bin"
"$here/../vm/copy-modules.sh" "$kver" "" "$root/modules" \
	virtio_pci virtio_console
cp "$build/samples/guest/mvgpu_guest.ko" "$root/modules/90-mvgpu_guest.ko"
strip --strip-debug "$root/modules/90-mvgpu_guest.ko"

# busybox has an lspci of its own, which tells little.
lspci=$(command -v lspci)
install -m 755 "$lspci" "$root/bin/pciutils"
ldd "$lspci" | grep -oE '/[^ ]+' | while read -r library; do
	install -D -m 755 "$library" "$root$library"
done

(cd "$root" && find . | cpio --quiet -o -H newc) >"$work/image"
mv "$work/image" "$build/guest.cpio"
