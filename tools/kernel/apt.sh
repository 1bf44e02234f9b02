# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced after lib.sh: packages of another release of Debian, by lists of our
# own. They are downloaded and checked by apt; neither they nor the release are
# made known to the machine. The script sets $suite and $apt, a folder.

# shellcheck disable=SC2154 # set by the script
own_apt()
{
	"$1" -qq -o Dir::Etc::sourcelist="$apt/sources.list" \
		-o Dir::Etc::sourceparts=- -o Dir::State::lists="$apt/lists" \
		-o Dir::Cache="$apt/cache" -o Acquire::Retries=3 \
		-o APT::Sandbox::User=root "${@:2}"
}

# update_lists deb|deb-src: once a day; where there is no network an older list
# will do.
update_lists()
{
	local stamp=$apt/updated release=${suite:?}

	mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
	(
		flock 8
		[ -z "$(find "$stamp" -mmin -1440 2>/dev/null)" ] || exit 0
		echo "$1 [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
			"http://deb.debian.org/debian $release main" \
			>"$apt/sources.list"
		if own_apt apt-get update --error-on=any >"$apt/log" 2>&1; then
			touch "$stamp"
		elif [ ! -e "$stamp" ]; then
			cat "$apt/log" >&2
			exit 1
		fi
	) 8>"$apt/lock"
}
