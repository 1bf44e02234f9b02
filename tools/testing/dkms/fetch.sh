#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/dkms/fetch.sh: downloads what apt_cases.sh installs, into the
# user's cache, and prints the folder:
#
#	dkms-bookworm.deb, dkms-trixie.deb	DKMS 3.0 and 3.2
#	kernel/					a kernel of this Debian release
#						that has no mdev (cloud flavour)
#
# apt is given lists of its own: what the machine knows and has stays as it is.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/mvgpu/dkms
mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9

# shellcheck disable=SC1091
release=$(. /etc/os-release && echo "$VERSION_CODENAME")

# own_apt SUITE COMMAND...
own_apt()
{
	local folder=$cache/$1

	"$2" -qq -o Dir::Etc::sourcelist="$folder/sources.list" \
		-o Dir::Etc::sourceparts=- -o Dir::State::lists="$folder/lists" \
		-o Dir::Cache="$folder/cache" -o Dir::Cache::archives="$folder/debs" \
		-o Acquire::Retries=3 -o APT::Sandbox::User=root "${@:3}"
}

# Once a day; where there is no network what came before will do.
update()
{
	local suite=$1 folder=$cache/$1 keys
	keys=signed-by=/usr/share/keyrings/debian-archive-keyring.gpg

	mkdir -p "$folder"/{lists,debs}/partial "$folder/cache"
	[ -z "$(find "$folder/updated" -mmin -1440 2>/dev/null)" ] || return 0
	{
		echo "deb [$keys] http://deb.debian.org/debian $suite main"
		echo "deb [$keys] http://deb.debian.org/debian-security $suite-security main"
	} >"$folder/sources.list"
	if own_apt "$suite" apt-get update >"$folder/log" 2>&1 &&
			download "$suite" >>"$folder/log" 2>&1; then
		touch "$folder/updated"
	elif [ ! -e "$folder/updated" ]; then
		tail -n 5 "$folder/log" >&2
		exit 1
	fi
}

# needed_by SUITE PACKAGE: the one that a name without a version stands for.
needed_by()
{
	own_apt "$1" apt-cache depends "$2" | sed -n 's/^ *Depends: \([^<]*\)$/\1/p' |
		grep cloud | head -n 1
}

# What the cloud kernel needs and the machine lacks comes with it.
download()
{
	local image headers

	(cd "$cache/$1" && rm -f dkms_*.deb && own_apt "$1" apt-get download dkms) &&
		mv "$cache/$1"/dkms_*.deb "$cache/dkms-$1.deb" || return
	[ "$1" = "$release" ] || return 0
	image=$(needed_by "$1" linux-image-cloud-amd64)
	headers=$(needed_by "$1" linux-headers-cloud-amd64)
	own_apt "$1" apt-get autoclean
	own_apt "$1" apt-get install -y --no-install-recommends --download-only \
		--reinstall "$image" "$headers" || return
	rm -rf "$cache/kernel"
	mkdir "$cache/kernel"
	cp "$cache/$1"/debs/*.deb "$cache/kernel"
}

for suite in bookworm trixie; do
	update "$suite"
done
ls "$cache"/kernel/linux-image-*-cloud-amd64_*.deb \
	"$cache"/kernel/linux-headers-*-cloud-amd64_*.deb >/dev/null
echo "$cache"
