#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# tools/testing/dkms/cases.sh KVER KVER: what DKMS does with the modules, on two
# kernels. Called by container.sh, in a file system where it may do anything; each
# case goes on where the one before it stopped.
# shellcheck disable=SC2317 # the cases are called by their names

# shellcheck source=tools/testing/dkms/lib.sh
. "$(dirname "$0")/lib.sh"

newer=99.0.0
first=$1
second=$2

# copy DIR VERSION: a clone that can be changed.
copy()
{
	cp -r "$clone" "$1" && echo "$2" >"$1/VERSION"
}

plant_an_error()
{
	sed -i '$a this_is_the_planted_error;' "$1/drivers/vfio_dirty/bitmap.c"
}

# fake KVER OPTION=VALUE...: a kernel that has headers, of a kind.
fake()
{
	local build=/lib/modules/$1/build
	shift

	mkdir -p "$build/include/config"
	touch "$build/Makefile"
	printf '%s\n' "$@" | tee "$build/.config" >"$build/include/config/auto.conf"
}

failing_build_installs_nothing()
{
	copy /tmp/broken "$version"
	plant_an_error /tmp/broken
	expect 10 /tmp/broken/tools/dkms install "$first" || return
	output_has this_is_the_planted_error && output_has "$state" &&
		grep -q 'bitmap.c.*error.*this_is_the_planted_error' \
			"$state/$version/build/make.log" &&
		has_none "$first" && has_none "$second" &&
		status_is "mvgpu/$version: added"
}

installs()
{
	expect 0 make -C "$clone" dkms-install KVER="$first" && has "$version" "$first" &&
		has_none "$second" && status_is "$(installed "$version" "$first")"
}

source_is_read_only_and_without_git()
{
	if touch "$clone/file" || [ -e "$clone/.git" ]; then
		return 1
	fi
	[ ! -e /tmp/git-was-called ] || return
	diff <(cd "$clone" && find . | sort) /tmp/clone-before
}

installs_no_tests()
{
	local extra

	extra=$(find "/usr/src/mvgpu-$version" -path '*test*' -o -path '*golden*' \
		-o -name '*.o' -o -name build -o -name samples)
	echo "$extra"
	[ -z "$extra" ] && [ -e "/usr/src/mvgpu-$version/dkms.conf" ]
}

new_kernel_is_served_by_itself()
{
	expect 0 /etc/kernel/postinst.d/dkms "$second" && has "$version" "$second" &&
		status_is "$(installed "$version" "$first")" \
			"$(installed "$version" "$second")"
}

# loads_in_order KVER: what modprobe would do.
loads_in_order()
{
	local order

	order=$(modprobe -n -S "$1" --show-depends mvgpu |
		sed -nE 's|.*/([a-z_]+)\.ko.*|\1|p' | xargs)
	echo "$order"
	[[ " $order " =~ " mdev ".*" mvgpu "$ ]] &&
		[[ $order == *vfio_dirty*mvgpu && $order == *mdev_migration*mvgpu ]]
}

modprobe_finds_the_modules()
{
	loads_in_order "$first" && loads_in_order "$second"
}

# For load.sh, with what depmod made of them.
hands_out_the_modules()
{
	local kver

	for kver in "$first" "$second"; do
		mkdir "/tmp/out/$kver"
		cp -r "/lib/modules/$kver"/{updates,modules.*} "/tmp/out/$kver" || return
	done
}

failing_upgrade_keeps_the_old()
{
	copy /tmp/newer "$newer"
	cp -r /tmp/newer /tmp/newer-broken
	plant_an_error /tmp/newer-broken
	expect 10 /tmp/newer-broken/tools/dkms install || return
	has "$version" "$first" && has "$version" "$second"
}

upgrade_leaves_only_the_new()
{
	expect 0 /tmp/newer/tools/dkms install "$first" || return
	has "$newer" "$first" && has "$newer" "$second" &&
		status_is "$(installed "$newer" "$first")" "$(installed "$newer" "$second")" &&
		[ ! -e "/usr/src/mvgpu-$version" ] && [ ! -e "$state/$version" ] &&
		modprobe_finds_the_modules
}

removed_kernel_is_forgotten()
{
	expect 0 /etc/kernel/prerm.d/dkms "$first" && has_none "$first" &&
		has "$newer" "$second" && status_is "$(installed "$newer" "$second")"
}

# refuses KVER MESSAGE: with dkms, with the hook of a new kernel, with our tool.
refuses()
{
	expect 77 dkms build "mvgpu/$newer" -k "$1" && output_has "$2" &&
		expect 77 dkms install "mvgpu/$newer" -k "$1" && output_has "$2" &&
		expect 77 "$clone/tools/dkms" install "$1" && output_has "$2" || return
	# What fails here is apt's failure.
	expect 0 /etc/kernel/postinst.d/dkms "$1" && output_has "$2" &&
		[ ! -e "/lib/modules/$1/updates" ] &&
		status_is "$(installed "$newer" "$second")"
}

refuses_series_that_nobody_tested()
{
	local series

	for series in 6.6 6.11 6.120 7.3; do
		fake "$series.0-test" CONFIG_X86_64=y CONFIG_VFIO_MDEV=m
		refuses "$series.0-test" "Linux $series is not among the tested series" ||
			return
	done
}

refuses_kernel_without_mdev()
{
	fake 6.12.0-nomdev CONFIG_X86_64=y '# CONFIG_VFIO_MDEV is not set'
	refuses 6.12.0-nomdev "without CONFIG_VFIO_MDEV"
}

refuses_kernel_of_another_machine()
{
	fake 6.12.0-arm64 CONFIG_VFIO_MDEV=m
	refuses 6.12.0-arm64 "without CONFIG_X86_64"
}

# As after "apt-get install linux-headers-KVER" alone.
refuses_kernel_that_is_not_there()
{
	fake 6.12.0-headers CONFIG_X86_64=y CONFIG_VFIO_MDEV=m
	refuses 6.12.0-headers "install linux-image-6.12.0-headers"
}

# One whose table of type1 has a member that ours lacks: the source calls it so.
refuses_kernel_with_another_layout()
{
	local kernel=/lib/modules/6.12.0-layout

	fake 6.12.0-layout CONFIG_X86_64=y CONFIG_VFIO_MDEV=m
	mkdir -p "$kernel/kernel/drivers/vfio"
	gcc -fno-pie -c -x c -o "$kernel/kernel/drivers/vfio/vfio_iommu_type1.ko" - \
		<<<'static void vfio_iommu_type1_planted(void) { }
		__attribute__((used)) static const struct { void (*member)(void); }
		vfio_iommu_driver_ops_type1 = { vfio_iommu_type1_planted };' || return
	refuses 6.12.0-layout "struct vfio_iommu_driver_ops is not the one that mvgpu knows"
}

plain_make_refuses_kernel_without_mdev()
{
	expect 2 make -C /tmp/newer KVER=6.12.0-nomdev &&
		output_has "without CONFIG_VFIO_MDEV"
}

refuses_beside_modules_installed_by_hand()
{
	local folder=/lib/modules/$first/updates/drivers/mvgpu

	mkdir -p "$folder"
	touch "$folder/mvgpu.ko"
	expect 77 /tmp/newer/tools/dkms install "$first" &&
		output_has "$folder/mvgpu.ko" || return
	rm -r "/lib/modules/$first/updates"
	status_is "$(installed "$newer" "$second")"
}

no_headers_is_an_error()
{
	local kver status

	for kver in "$first" "$second"; do
		mv "/lib/modules/$kver/build" "/tmp/build-$kver"
	done
	expect 77 "$clone/tools/dkms" install && output_has "no kernel to install on" &&
		output_has "$second: no headers"
	status=$?
	for kver in "$first" "$second"; do
		mv "/tmp/build-$kver" "/lib/modules/$kver/build"
	done
	return "$status"
}

removal_leaves_nothing()
{
	rm -r /lib/modules/*-{test,nomdev,arm64,headers,layout}
	expect 0 make -C "$clone" dkms-remove || return
	has_none "$first" && has_none "$second" && status_is || return
	find /var/lib/dkms /usr/src /lib/modules -iname '*mvgpu*' | tee /tmp/left
	[ ! -s /tmp/left ] || return
	! modprobe -n -S "$second" mvgpu || return
	diff <(find /lib/modules | sort) /tmp/modules-before
}

mkdir /tmp/bin
printf '%s\n' '#!/bin/sh' 'touch /tmp/git-was-called' >/tmp/bin/git
chmod +x /tmp/bin/git
find /lib/modules | sort >/tmp/modules-before
(cd "$clone" && find . | sort) >/tmp/clone-before

result failing_build_installs_nothing
result installs
result source_is_read_only_and_without_git
result installs_no_tests
result new_kernel_is_served_by_itself
result modprobe_finds_the_modules
result hands_out_the_modules
result failing_upgrade_keeps_the_old
result upgrade_leaves_only_the_new
result removed_kernel_is_forgotten
result refuses_series_that_nobody_tested
result refuses_kernel_without_mdev
result refuses_kernel_of_another_machine
result refuses_kernel_that_is_not_there
result refuses_kernel_with_another_layout
result plain_make_refuses_kernel_without_mdev
result refuses_beside_modules_installed_by_hand
result no_headers_is_an_error
result removal_leaves_nothing
exit "$failed"
