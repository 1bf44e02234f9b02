#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/dkms/apt_cases.sh SUITE KVER KVER: what apt has to say when a
# kernel comes that mvgpu refuses, with the DKMS of a Debian release, on two
# kernels that it does not. Called by apt_container.sh, in a file system where it
# may do anything; each case goes on where the one before it stopped.
# shellcheck disable=SC2317 # the cases are called by their names

# shellcheck source=tools/testing/dkms/lib.sh
. "$(dirname "$0")/lib.sh"

suite=$1
first=$2
second=$3
image=$(dpkg-deb -f /tmp/debs/kernel/linux-image-*-cloud-amd64_*.deb Package)
headers=$(dpkg-deb -f /tmp/debs/kernel/linux-headers-*-cloud-amd64_*.deb Package)
refused=${image#linux-image-}

# It knows what is installed and the packages given, and no servers.
apt()
{
	mkdir -p /tmp/lists/partial
	expect 0 apt-get -y -q --no-install-recommends --allow-downgrades \
		-o Dir::State::lists=/tmp/lists -o Dir::Etc::sourcelist=/dev/null \
		-o Dir::Etc::sourceparts=/dev/null \
		-o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confnew \
		-o Dpkg::Options::=--force-unsafe-io -o APT::Sandbox::User=root "$@"
}

# Nothing is half installed, which each later run of apt would stumble over.
all_is_configured()
{
	dpkg --audit | tee /tmp/audit
	[ ! -s /tmp/audit ] && [ "$(dpkg-query -W -f '${db:Status-Status}' "$image")" = installed ]
}

# repack DEB SCRIPT OUT: with its control file edited by sed.
repack()
{
	rm -rf /tmp/package
	dpkg-deb -R "$1" /tmp/package && sed -i "$2" /tmp/package/DEBIAN/control &&
		dpkg-deb -Znone -b /tmp/package "$3" >/dev/null
}

# What it was built for does not count here, nor what it would like to have.
has_the_dkms_of_the_release()
{
	repack "/tmp/debs/dkms-$suite.deb" '/^\(Pre-\)\?Depends:\|^Breaks:\|^Recommends:/d' \
		/tmp/dkms.deb && apt install /tmp/dkms.deb || return
	dkms --version | tee /tmp/output
	case $suite in
	bookworm) output_has dkms-3.0 ;;
	*) output_has dkms-3.2 ;;
	esac
}

# Compiling is tested elsewhere, and takes a minute.
prebuilt()
{
	local folder=/tmp/out/$1/updates/dkms build=$state/$version/build/build/$1 name

	for name in vfio_dirty mdev_migration mvgpu; do
		mkdir -p "$build/drivers/$name"
		case $(echo "$folder/$name".ko*) in
		*.xz) xz -dc "$folder/$name.ko.xz" ;;
		*) cat "$folder/$name.ko" ;;
		esac >"$build/drivers/$name/$name.ko" || return
	done
}

installs_mvgpu()
{
	{
		echo '#!/bin/bash'
		declare -p state version
		declare -f prebuilt
		# shellcheck disable=SC2016 # by that script
		echo 'prebuilt "$1"'
	} >/tmp/prebuilt
	chmod +x /tmp/prebuilt
	mkdir -p /etc/dkms
	# shellcheck disable=SC2016 # by dkms
	echo 'MAKE[0]="/tmp/prebuilt ${kernelver}"' >/etc/dkms/mvgpu.conf
	expect 0 "$clone/tools/dkms" install "$first" && has "$version" "$first" &&
		status_is "$(installed "$version" "$first")"
}

serves_a_new_kernel()
{
	expect 0 /etc/kernel/postinst.d/dkms "$second" && has "$version" "$second" &&
		status_is "$(installed "$version" "$first")" \
			"$(installed "$version" "$second")"
}

apt_installs_a_refused_kernel()
{
	apt install /tmp/debs/kernel/*.deb && all_is_configured && has_none "$refused" &&
		output_has "without CONFIG_VFIO_MDEV, which mvgpu needs"
}

apt_installs_another_package()
{
	mkdir -p /tmp/other/DEBIAN
	printf '%s\n' 'Package: mvgpu-test' 'Version: 1' 'Architecture: all' \
		'Maintainer: nobody' 'Description: nothing' >/tmp/other/DEBIAN/control
	dpkg-deb -b /tmp/other /tmp/other.deb && apt install /tmp/other.deb &&
		all_is_configured
}

dkms_still_refuses_and_says_why()
{
	local action

	for action in build install; do
		expect 77 dkms "$action" "mvgpu/$version" -k "$refused" &&
			output_has "without CONFIG_VFIO_MDEV, which mvgpu needs" || return
	done
	has_none "$refused"
}

apt_upgrades_a_refused_kernel()
{
	local name

	for name in "$image" "$headers"; do
		repack "$(echo "/tmp/debs/kernel/${name}"_*.deb)" 's/^Version: .*/&+upgrade/' \
			"/tmp/$name.deb" || return
	done
	# The headers have to be of the same version as what they share.
	apt install "/tmp/$image.deb" "/tmp/$headers.deb" && all_is_configured &&
		dpkg-query -W "$image" | grep -F +upgrade && has_none "$refused"
}

apt_removes_a_refused_kernel()
{
	apt purge "$image" "$headers" && [ ! -e "/boot/vmlinuz-$refused" ] || return
	dpkg --audit | tee /tmp/audit
	[ ! -s /tmp/audit ] && has "$version" "$first" && has "$version" "$second" &&
		status_is "$(installed "$version" "$first")" \
			"$(installed "$version" "$second")"
}

dpkg --purge --force-all "$image" "$headers" >/dev/null 2>&1
result has_the_dkms_of_the_release
result installs_mvgpu
result serves_a_new_kernel
result apt_installs_a_refused_kernel
result apt_installs_another_package
result dkms_still_refuses_and_says_why
result apt_upgrades_a_refused_kernel
result apt_removes_a_refused_kernel
exit "$failed"
