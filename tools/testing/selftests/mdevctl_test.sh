#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# udev with the rules of mdevctl starts vGPUs when the module is loaded: once for
# the parent, and not before the parent is ready. In mdevctl's place is a script
# here that creates one vGPU, and notes at which event it was called, whether the
# types were there, and whether another had been faster. $1 is not used.
#
# shellcheck disable=SC2317 # functions are called by name
set -u

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
rules=/run/udev/rules.d
udevd=/lib/systemd/systemd-udevd
module=$MVGPU_MODULES/drivers/mvgpu/mvgpu.ko
export uuid=c56bc0de-0d4a-4d56-8a53-000000000002
parent=/sys/class/mvgpu/mvgpu
# shellcheck source=tools/testing/selftests/lib/expect.sh
. "$here/lib/expect.sh"

echo "TAP version 13"
if [ ! -x "$udevd" ]; then
	echo "ok 1 # SKIP no systemd-udevd"
	echo "1..1"
	exit 4
fi

cleanup()
{
	udevadm control --exit
	rm -rf "$work" "$rules"/5?-mvgpu.rules "$rules/60-mdevctl.rules" \
		/etc/mdevctl.d/mvgpu
	[ ! -e "/sys/bus/mdev/devices/$uuid" ] ||
		echo 1 >"/sys/bus/mdev/devices/$uuid/remove"
	[ -e /sys/module/mvgpu ] || insmod "$module"
}
trap cleanup EXIT

# load: removes and loads the module, and waits until all that udev does for it is
# done. What was started is in $work/started.
load()
{
	[ ! -e "/sys/bus/mdev/devices/$uuid" ] ||
		echo 1 >"/sys/bus/mdev/devices/$uuid/remove"
	[ ! -e /sys/module/mvgpu ] || rmmod mvgpu || return
	udevadm settle --timeout=60 || return
	: >"$work/started"
	insmod "$module" && udevadm settle --timeout=60 || return
	cat "$work/started"
	[ -e "/sys/bus/mdev/devices/$uuid" ]
}

starts_once_when_the_parent_is_ready()
{
	load && echo "change /devices/virtual/mvgpu/mvgpu ready created" |
		diff - "$work/started"
}

# The rest of them find no parent, or that it was done.
starts_the_parent_once_without_our_rule()
{
	local vain

	rm "$rules/59-mvgpu.rules"
	udevadm control --reload && load || return
	vain=$(grep -c '^add /\(module\|class\|bus\)/' "$work/started")
	[ "$vain" -eq 3 ] && [ "$(wc -l <"$work/started")" -eq 4 ] &&
		grep -q '^change /devices/virtual/mvgpu/mvgpu ready ' "$work/started" &&
		[ "$(grep -c ' created$' "$work/started")" -eq 1 ]
}

# As at boot, when the module was loaded before there was a udev.
starts_when_devices_are_announced_again()
{
	echo 1 >"/sys/bus/mdev/devices/$uuid/remove"
	: >"$work/started"
	udevadm trigger --action=add --settle "$parent" || return
	echo "add /devices/virtual/mvgpu/mvgpu ready created" | diff - "$work/started"
}

goes_with_the_module()
{
	echo 1 >"/sys/bus/mdev/devices/$uuid/remove"
	: >"$work/started"
	rmmod mvgpu && udevadm settle --timeout=60 && [ ! -e "$parent" ] &&
		[ ! -s "$work/started" ]
}

cat >"$work/mdevctl" <<END
#!/bin/bash
create=$parent/mdev_supported_types/mvgpu-small/create
ready=early result=in-vain
[ ! -e \$create ] || ready=ready
{ echo $uuid >\$create; } 2>/dev/null && result=created
echo "\$ACTION \$DEVPATH \$ready \$result" >>$work/started
END
chmod +x "$work/mdevctl"
mkdir -p "$rules" /etc/mdevctl.d/mvgpu
cp "$here/../../udev/59-mvgpu.rules" "$rules"
# As in mdevctl 1.2 to 1.4, but for the program.
cat >"$rules/60-mdevctl.rules" <<END
ACTION=="change", ENV{MDEV_STATE}=="registered", TEST=="/etc/mdevctl.d/\$kernel", RUN+="$work/mdevctl start-parent-mdevs %k"
ACTION=="add", TEST=="/etc/mdevctl.d/\$kernel", RUN+="$work/mdevctl start-parent-mdevs %k"
END
"$udevd" --daemon
udevadm control --ping

expect 0 "starts once, when the parent is ready" starts_once_when_the_parent_is_ready
expect 0 "starts when devices are announced again" starts_when_devices_are_announced_again
expect 0 "starts the parent once without our rule" starts_the_parent_once_without_our_rule
expect 0 "goes with the module" goes_with_the_module
echo "1..$number"
exit "$failed"
