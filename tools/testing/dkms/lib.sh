# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Sourced by cases.sh and apt_cases.sh, which run as root in a file system where
# they may do anything: how a case says what came of it, and what it looks at.

set -u
clone=/tmp/clone
state=/var/lib/dkms/mvgpu
version=$(cat $clone/VERSION)
failed=0
number=${DKMS_TEST_NUMBER:-0}
prefix=${DKMS_TEST_PREFIX:-dkms}

# result NAME: runs the function NAME; what it prints is shown if it fails.
result()
{
	number=$((number + 1))
	if "$1" >/tmp/said 2>&1; then
		echo "ok $number $prefix.$1"
		[ -z "${DKMS_TEST_VERBOSE:-}" ] || sed 's/^/# /' /tmp/said
	else
		tail -n 40 /tmp/said | sed 's/^/# /'
		echo "not ok $number $prefix.$1"
		failed=1
	fi
}

# expect STATUS COMMAND...
expect()
{
	local want=$1 got
	shift

	"$@" 2>&1 | tee /tmp/output
	got=${PIPESTATUS[0]}
	[ "$got" -eq "$want" ] || { echo "'$*' ended with $got, not $want"; return 1; }
}

output_has()
{
	grep -qF -- "$1" /tmp/output || { echo "it does not say: $1"; return 1; }
}

modules_on()
{
	find "/lib/modules/$1" -regextype egrep \
		-regex '.*/(vfio_dirty|mdev_migration|mvgpu)\.ko.*' | sort
}

# has VERSION KVER: all three modules, in the place that DKMS has for them.
has()
{
	local name

	[ "$(modules_on "$2" | wc -l)" -eq 3 ] || { modules_on "$2"; return 1; }
	for name in vfio_dirty mdev_migration mvgpu; do
		if [ "$(modinfo -k "$2" -F version "$name")" != "$1" ] ||
				[[ $(modinfo -k "$2" -n "$name") != */updates/dkms/* ]]; then
			modinfo -k "$2" "$name"
			return 1
		fi
	done
}

has_none()
{
	modules_on "$1"
	[ -z "$(modules_on "$1")" ] && [ ! -e "/lib/modules/$1/updates" ]
}

# status_is LINE...: all that "dkms status" has to say.
status_is()
{
	diff <([ $# -eq 0 ] || printf '%s\n' "$@" | sort) <(dkms status | sort)
}

installed()
{
	echo "mvgpu/$1, $2, x86_64: installed"
}
