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
needed="virtio_pci 9pnet_virtio 9p overlay"
PATH=$PATH:/usr/sbin:/sbin

# In the order in which they have to be loaded, each once.
modules=$(for module in $needed; do
	modprobe ${folder:+-d "$folder"} -S "$kver" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }')
busybox=$(command -v busybox)

hash=$({
	cat "$0" "$here/init.sh"
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
	number=10
	for module in $modules; do
		file=$work/root/modules/$number-$(basename "${module%%.ko*}").ko
		case $module in
		*.xz) xz -dc "$module" >"$file" ;;
		*.zst) zstd -qdc "$module" >"$file" ;;
		*.gz) gzip -dc "$module" >"$file" ;;
		*) cp "$module" "$file" ;;
		esac
		number=$((number + 1))
	done
	(cd "$work/root" && find . | cpio --quiet -o -H newc) >"$work/image"
	mv "$work/image" "$image"
fi
echo "$image"
