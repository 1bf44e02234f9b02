#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/vm/mkinitramfs.sh KVER: prints the path of an initramfs that
# can mount this machine's files in a VM. It holds a static busybox and the
# kernel's own modules, decompressed; kept below the user's cache under the
# hash of all that went in.
set -eu -o pipefail

here=$(cd "$(dirname "$0")" && pwd)
kver=$1
folder=${2:-}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/mvgpu
needed=(virtio_pci 9pnet_virtio 9p overlay)

modules=$("$here/copy-modules.sh" "$kver" "$folder" "" "${needed[@]}")
busybox=$(command -v busybox)

hash=$({
	cat "$0" "$here/copy-modules.sh" "$here/init.sh"
	# shellcheck disable=SC2086 # a list of paths without blanks
	stat -L -c '%n %s %Y' "$busybox" $modules
} | sha256sum | cut -c1-16)
image=$cache/initramfs-$kver-$hash.cpio

if [ ! -s "$image" ]; then
	mkdir -p "$cache"
	work=$(mktemp -d "$cache/initramfs.XXXXXX")
	trap 'rm -rf "$work"' EXIT

	mkdir -p "$work"/root/{bin,dev,proc,sys,modules}
	cp "$busybox" "$work/root/bin/busybox"
	install -m 755 "$here/init.sh" "$work/root/init"
	"$here/copy-modules.sh" "$kver" "$folder" "$work/root/modules" "${needed[@]}"
	(cd "$work/root" && find . | cpio --quiet -o -H newc) >"$work/image"
	mv "$work/image" "$image"
fi
echo "$image"
