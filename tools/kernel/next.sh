#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Prepare the source of a kernel that this Debian release does not have, 7.3 of
# trixie-backports, so that modules can be compiled for it, and print the folder
# to give as KDIR. It has Debian's configuration and list of exported symbols.
#
# The packages are downloaded, checked by apt, and taken apart; neither they nor
# the release that they come from are made known to the machine. The result is
# cached, keyed by their version, the compiler and the scripts here.

# shellcheck source=tools/kernel/lib.sh
. "$(dirname "$0")/lib.sh"

SERIES=7.3
SUITE=trixie-backports
apt=$cache/apt-$SUITE

own_apt()
{
	"$1" -qq -o Dir::Etc::sourcelist="$apt/sources.list" \
		-o Dir::Etc::sourceparts=- -o Dir::State::lists="$apt/lists" \
		-o Dir::Cache="$apt/cache" -o Acquire::Retries=3 \
		-o APT::Sandbox::User=root "${@:2}"
}

# Once a day; where there is no network an older list will do.
update_lists()
{
	local stamp=$apt/updated

	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	exec 8>"$apt/lock"
	flock 8
	[ -z "$(find "$stamp" -mmin -1440 2>/dev/null)" ] || return 0
	echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
		"http://deb.debian.org/debian $SUITE main" >"$apt/sources.list"
	if own_apt apt-get update >"$apt/log" 2>&1; then
		touch "$stamp"
	elif [ ! -e "$stamp" ]; then
		cat "$apt/log" >&2
		kernel_die "cannot get the package list of $SUITE"
	fi
}

# extract PACKAGE MEMBER: a file of a downloaded package, to standard output.
extract()
{
	dpkg-deb --fsys-tarfile "$work/$1"_*.deb | tar -xO "./usr/src/$2"
}

update_lists
version=$(own_apt apt-cache policy "linux-source-$SERIES" |
	sed -n 's/^  Candidate: \([0-9].*\)/\1/p')
[ -n "$version" ] || kernel_die "$SUITE has no linux-source-$SERIES"
headers=$(own_apt apt-cache pkgnames "linux-headers-$SERIES." |
	grep -E '^linux-headers-[0-9.]+\+deb[0-9]+-amd64$' | sort -V | tail -n 1)
[ -n "$headers" ] || kernel_die "$SUITE has no headers of $SERIES"

kernel_begin "headers-$SERIES" "$version $headers
$(gcc --version | head -n 1)
$(cat "$here/next.sh" "$here/lib.sh")" "what modules for $SERIES need"

cd "$work"
quietly own_apt apt-get download "linux-source-$SERIES" "$headers"
extract "linux-source-$SERIES" "linux-source-$SERIES.tar.xz" |
	tar -xJ -C "$work/src" --strip-components=1
extract "$headers" "$headers/.config" >"$work/obj/.config"
extract "$headers" "$headers/Module.symvers" >"$work/Module.symvers"
kernel_make olddefconfig
kernel_make modules_prepare
cp "$work/Module.symvers" "$work/obj"
kernel_install_build "$work/out"
grep -q '^CONFIG_VFIO_MDEV=' "$work/out/include/config/auto.conf" ||
	kernel_die "Debian's configuration of $SERIES has no mdev"
kernel_end
