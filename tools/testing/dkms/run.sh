#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/dkms/run.sh: installs, upgrades and removes the modules with DKMS
# in a file system of its own, see container.sh, loads what it installed in a VM,
# and prints TAP. KVERS names the two kernels, by default the newest of each
# tested series. The machine's own files have to stay what they are.
set -u

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../../.." && pwd)
in_container=17
number=$in_container
planned=$((in_container + 3))
failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/mvgpu-dkms.XXXXXX")
# The VM does not see what is below /tmp.
out=$top/build/dkms
trap 'rm -rf "$work"' EXIT
trap 'exit 143' INT TERM HUP

# All that DKMS may touch, with sizes and times.
host_files()
{
	find /lib/modules /var/lib/dkms /usr/src -maxdepth 3 \
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

read -ra kernels <<<"${KVERS:-}"
if [ ${#kernels[@]} -eq 0 ]; then
	for series in $("$top/tools/kernels" --tested); do
		kernels+=("$("$top/tools/kernels" --boot "$series")") || exit 1
	done
fi

# A user other than root is root in a namespace of its own.
namespaces=(unshare --mount --propagation private)
[ "$(id -u)" -eq 0 ] || namespaces+=(--user --map-root-user)

echo "TAP version 13"
if ! "${namespaces[@]}" true 2>"$work/why"; then
	echo "1..1"
	echo "ok 1 dkms # SKIP no mount namespaces: $(head -n 1 "$work/why")"
	exit 0
fi
echo "1..$planned"
host_files >"$work/before"
rm -rf "$out"
mkdir -p "$work/root" "$out"
"${namespaces[@]}" "$here/container.sh" "$work/root" "$out" "${kernels[@]}" ||
	failed=1
host_files >"$work/after"
diff "$work/before" "$work/after" >"$work/changes"
verdict host_is_untouched "$work/changes" $?

for kver in "${kernels[@]}"; do
	"$top/tools/testing/vm/run.sh" "$kver" --log "$top/build/logs/vm-dkms-$kver" \
		-- "$here/load.sh" "$out/$kver" "$(cat "$top/VERSION")" \
		>"$work/load.log" 2>&1
	verdict "loads_on_${kver%%-*}" "$work/load.log" $?
done
exit $failed
