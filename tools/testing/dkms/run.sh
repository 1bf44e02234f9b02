#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/dkms/run.sh: installs, upgrades and removes the modules with DKMS
# in a file system of its own, see container.sh, lets apt install a kernel that they
# refuse, with the DKMS of each Debian release, see apt_container.sh, loads what was
# installed in a VM, and prints TAP. KVERS names two kernels, by default the newest
# of each tested series; of one kernel there is a second name. The machine's own
# files have to stay what they are.
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
in_container=19
in_apt=8
suites="bookworm trixie"
number=0
failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/mvgpu-dkms.XXXXXX")
# The VM does not see what is below /tmp.
out=$top/build/dkms
trap 'rm -rf "$work"' EXIT
trap 'exit 143' INT TERM HUP

# All that DKMS and the packages may touch, with sizes and times.
host_files()
{
	find /boot /etc/dkms /etc/kernel /lib/modules /usr/sbin/dkms /usr/src \
		/var/lib/dkms /var/lib/dpkg/status -maxdepth 3 \
		-printf '%p %y %s %T@ %C@\n' 2>/dev/null | sort
	find /lib/modules -path '*/updates*' -printf '%p %s\n' | sort
}

# verdict NAME FILE STATUS: FILE is shown if the case failed.
verdict()
{
	number=$((number + 1))
	if [ "$3" -eq 0 ]; then
		echo "ok $number dkms.$1"
		return
	fi
	tail -n 40 "$2" | sed 's/^/# /'
	echo "not ok $number dkms.$1"
	failed=1
}

# For apt_container.sh; called in a mount namespace.
probe_overlay()
{
	mount -t tmpfs mvgpu "$1" && mkdir "$1/upper" "$1/work" "$1/root" &&
		mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" \
			mvgpu "$1/root" && [ -e "$1/root/var/lib/dpkg/status" ]
}

if [ "${1:-}" = --probe-overlay ]; then
	trap - EXIT
	rmdir "$work"
	probe_overlay "$2"
	exit
fi

read -ra kernels <<<"${KVERS:-}"
if [ ${#kernels[@]} -eq 0 ]; then
	for series in $("$top/tools/kernels" --tested); do
		! kver=$("$top/tools/kernels" --boot "$series") || kernels+=("$kver")
	done
fi
[ ${#kernels[@]} -gt 0 ] || { echo "no kernel to test on" >&2; exit 1; }
pair=("${kernels[@]}")
[ ${#pair[@]} -gt 1 ] || pair+=("${kernels[0]}-again")

# A user other than root is root in a namespace of its own.
namespaces=(unshare --mount --propagation private)
[ "$(id -u)" -eq 0 ] || namespaces+=(--user --map-root-user)

echo "TAP version 13"
if ! "${namespaces[@]}" true 2>"$work/why"; then
	echo "1..1"
	echo "ok 1 dkms # SKIP no mount namespaces: $(head -n 1 "$work/why")"
	exit 0
fi
debs=
mkdir "$work/root"
if [ "$(id -u)" -ne 0 ]; then
	no_apt="apt needs root"
elif ! "${namespaces[@]}" "$0" --probe-overlay "$work/root" 2>"$work/why"; then
	no_apt="no overlayfs of /: $(tail -n 1 "$work/why")"
elif ! debs=$("$here/fetch.sh" 2>"$work/why"); then
	no_apt="nothing to install: $(tail -n 1 "$work/why")"
fi

host_files >"$work/before"
rm -rf "$out"
mkdir -p "$out"
"${namespaces[@]}" "$here/container.sh" "$work/root" "$out" "${pair[@]}" ||
	failed=1
number=$in_container

for suite in $suites; do
	if [ -z "$debs" ]; then
		number=$((number + 1))
		echo "ok $number dkms.apt.$suite # SKIP $no_apt"
		continue
	fi
	DKMS_TEST_NUMBER=$number "${namespaces[@]}" "$here/apt_container.sh" \
		"$work/root" "$debs" "$out" "$suite" "${pair[@]}" || failed=1
	number=$((number + in_apt))
done
host_files >"$work/after"
diff "$work/before" "$work/after" >"$work/changes"
verdict host_is_untouched "$work/changes" $?

for kver in "${kernels[@]}"; do
	"$top/tools/testing/vm/run.sh" "$kver" --log "$top/build/logs/vm-dkms-$kver" \
		-- "$here/load.sh" "$out/$kver" "$(cat "$top/VERSION")" \
		>"$work/load.log" 2>&1
	verdict "loads_on_${kver%%-*}" "$work/load.log" $?
done
echo "1..$number"
exit $failed
