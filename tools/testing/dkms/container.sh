#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/dkms/container.sh ROOT OUT KVER...: runs cases.sh in a file system of
# its own; called in a mount namespace of its own, by run.sh.
#
# ROOT becomes the machine's root, but read-only, with memory in place of the
# folders that DKMS writes to; /lib/modules and /usr/src hold the KVERs and their
# headers alone; KVER-again is KVER by another name. OUT is the one folder of the
# machine that stays writable, as /tmp/out. It needs no overlayfs, and works where /
# itself is one.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
root=$1
out=$2
shift 2

read_only()
{
	mkdir -p "$2"
	mount --bind -o ro "$1" "$2"
}

memory()
{
	mount -t tmpfs -o "mode=$2" mvgpu "$root$1"
}

mount --rbind / "$root"
mount -o remount,bind,ro "$root"

modules=$(readlink -f /lib/modules)
memory "$modules" 0755
memory /usr/src 0755
memory /var/lib/dkms 0755
memory /tmp 1777

for kver; do
	original=$modules/${kver%-again}
	mkdir "$root$modules/$kver"
	cp -d "$original"/modules.* "$original"/build "$root$modules/$kver"
	[ ! -L "$original/source" ] || cp -d "$original/source" "$root$modules/$kver"
	read_only "$original/kernel" "$root$modules/$kver/kernel"
done
for folder in /usr/src/linux-*; do
	[ ! -d "$folder" ] || read_only "$folder" "$root$folder"
done

# What "git clone" would give, where nobody can write; no .git, and no build/.
mkdir "$root/tmp/files" "$root/tmp/clone" "$root/tmp/out"
mount --bind "$out" "$root/tmp/out"
cp -r "$top"/{dkms.conf,Kbuild,Kconfig,LICENSE,Makefile,VERSION} \
	"$top"/{drivers,include,tools} "$root/tmp/files"
read_only "$root/tmp/files" "$root/tmp/clone"

# bin/git of cases.sh goes before the real one.
exec chroot "$root" /usr/bin/env -i HOME=/tmp LC_ALL=C "DKMS_TEST_VERBOSE=${DKMS_TEST_VERBOSE:-}" \
	PATH=/tmp/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	/tmp/clone/tools/testing/dkms/cases.sh "$@"
