#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/dkms/apt_container.sh ROOT DEBS OUT SUITE KVER KVER: runs
# apt_cases.sh with the DKMS of SUITE on a copy of the machine where apt may do
# anything; called in a mount namespace of its own, by run.sh. ROOT is an empty
# folder, DEBS what fetch.sh printed, OUT has the modules that cases.sh installed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
base=$1
root=$1/root
debs=$2
out=$3
shift 3

# What is written lands in memory.
mount -t tmpfs mvgpu "$base"
mkdir "$base/upper" "$base/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$base/upper,workdir=$base/work" mvgpu "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs mvgpu "$root/run"
mount -t tmpfs -o mode=1777 mvgpu "$root/tmp"

mkdir "$root/tmp/clone" "$root/tmp/debs" "$root/tmp/out"
cp -r "$top"/{dkms.conf,Kbuild,Kconfig,LICENSE,Makefile,VERSION} \
	"$top"/{drivers,include,tools} "$root/tmp/clone"
mount --bind -o ro "$debs" "$root/tmp/debs"
mount --bind -o ro "$out" "$root/tmp/out"

for kver in "${@:2}"; do
	[ -e "$root/lib/modules/$kver" ] ||
		cp -r "$root/lib/modules/${kver%-again}" "$root/lib/modules/$kver"
done

# A package's scripts start nothing, and the other hooks of kernels cost minutes.
printf '%s\n' '#!/bin/sh' 'exit 101' >"$root/usr/sbin/policy-rc.d"
chmod +x "$root/usr/sbin/policy-rc.d"
find "$root/etc/kernel" -type f ! -name dkms -delete
rm -rf "$root"/var/lib/dkms/* "$root"/etc/dkms/*.conf "$root"/usr/src/mvgpu-*

exec chroot "$root" /usr/bin/env -i HOME=/tmp LC_ALL=C DEBIAN_FRONTEND=noninteractive \
	"DKMS_TEST_VERBOSE=${DKMS_TEST_VERBOSE:-}" "DKMS_TEST_NUMBER=$DKMS_TEST_NUMBER" \
	"DKMS_TEST_PREFIX=dkms.apt.$1" \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	/tmp/clone/tools/testing/dkms/apt_cases.sh "$@"
