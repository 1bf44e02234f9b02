#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# What make does with paths: one that it would take apart is refused in words,
# before any recipe; what others have put somewhere is neither written to nor
# removed; and the kernel's own make builds and installs the modules, too.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

folders=". samples tools/bench tools/testing/selftests tools/testing/unit"
unset BUILD KDIR KVER OUTPUT INSTALL_MOD_PATH MAKEFLAGS
# As a user has it: tools/check.sh asks for more modules than those that are installed.
unset CONFIG_MDEV_SAMPLE CONFIG_VFIO_DIRTY_PINTEST CONFIG_MVGPU_GUEST

# copy_to DIR: the tree, as "git clone" would make it.
copy_to()
{
	mkdir -p "$1"
	cp -r Documentation Kbuild Kconfig Makefile VERSION dkms.conf drivers include \
		samples tools "$1"
}

# All that is there, to see whether anything came or went.
listing()
{
	find "$check_work/area" -printf '%p %y %s\n' | sort
}

# refuses ARGUMENT...: make ends before its first recipe, and says why.
refuses()
{
	make "$@" >"$check_work/said" 2>&1 && echo "accepted: make $*"
	grep -q '\*\*\* mvgpu: ' "$check_work/said" || echo "no words: make $*"
	grep -qw 'rm\|clean "\|mkdir' "$check_work/said" && echo "went on: make $*"
	[ ! -s "$check_work/said" ] || sed 's/^/  /' "$check_work/said" >>"$check_work/all-said"
}

# judge NAME: ends a group of such lines: a result, and nothing came or went.
judge()
{
	listing | diff "$check_work/before" - >>"$check_work/complaints"
	[ ! -s "$check_work/complaints" ] || cat "$check_work/all-said" >>"$check_work/complaints"
	check_result "$1" "$check_work/complaints"
	: >"$check_work/complaints"
	: >"$check_work/all-said"
}

: >"$check_work/complaints"
: >"$check_work/all-said"
area=$check_work/area
mkdir -p "$area/a/build" "$area/a b" "$area/not-ours" "$area/empty"
echo "a neighbour's" | tee "$area/a/build/file" >"$area/not-ours/file"
copy_to "$area/tree"
copy_to "$area/a b/tree"
listing >"$check_work/before"

for folder in $folders; do
	for goal in all clean; do
		[ "$folder $goal" != ". all" ] || goal=modules
		refuses -n -C "$area/a b/tree/$folder" "$goal"
		refuses -C "$area/a b/tree/$folder" "$goal"
	done
done >"$check_work/complaints"
judge "a tree in a path with a space is refused"

for name in BUILD KDIR INSTALL_MOD_PATH KVER; do
	for character in ' ' '	' '#' '%' '*' '?' ':' ';' '&' '|' '<' '(' "'" '"' \
			'=' ',' '`' $'\\' '['; do
		refuses -n -C "$area/tree" modules "$name=$area/a${character}b"
		[ "$name" = KVER ] || refuses -C "$area/tree" clean "$name=$area/a${character}b"
	done
done >"$check_work/complaints"
for kver in .. . ../a a/b; do
	refuses -C "$area/tree" modules KVER=$kver
done >>"$check_work/complaints"
for folder in samples tools/bench tools/testing/selftests tools/testing/unit; do
	refuses -C "$area/tree/$folder" clean OUTPUT="$area/a b"
done >>"$check_work/complaints"
judge "a folder that make would take apart is refused"

# not_ours ARGUMENT...: a recipe may run, and refuses. Should it not, nothing is
# removed here for that.
mkdir "$check_work/bin"
printf '%s\n' '#!/bin/sh' "echo \"rm \$*\" >>$check_work/removed" >"$check_work/bin/rm"
chmod +x "$check_work/bin/rm"
: >"$check_work/removed"
not_ours()
{
	PATH=$check_work/bin:$PATH make "$@" >"$check_work/said" 2>&1 &&
		echo "accepted: make $*"
	grep -q 'mvgpu: .*has not made' "$check_work/said" || echo "no words: make $*"
	cat "$check_work/said" >>"$check_work/all-said"
}

for name in "$area/not-ours" "$area/tree" "$area/tree/drivers" "$area/tree/build/.." \
		"$area" / /etc; do
	not_ours -C "$area/tree" clean BUILD="$name"
	for folder in samples tools/bench tools/testing/selftests tools/testing/unit; do
		not_ours -C "$area/tree/$folder" clean OUTPUT="$name"
	done
done >"$check_work/complaints"
not_ours -C "$area/tree" modules BUILD="$area/not-ours" >>"$check_work/complaints"
cat "$check_work/removed" >>"$check_work/complaints"
judge "make writes to no folder of others, and removes none"

{
	make -C "$area/tree" clean BUILD="$area/empty"
	make -C "$area/tree" clean BUILD="$area/nothing"
} >"$check_work/complaints.log" 2>&1 || cp "$check_work/complaints.log" "$check_work/complaints"
judge "what is not there needs no cleaning"

kver=$(check_kernels | head -n 1)
make -n -C "$area/tree" KVER="$kver" >"$check_work/all-said" 2>&1 ||
	echo "make -n failed" >"$check_work/complaints"
judge "make -n does nothing"

kdir=/lib/modules/$kver/build
modules=$'mdev_migration.ko\nmvgpu.ko\nvfio_dirty.ko'

# has_modules FOLDER: these three, and no others.
has_modules()
{
	diff <(echo "$modules") \
		<(find "$1" -name '[!.]*.ko*' -printf '%f\n' | sed 's/\.ko\..*/.ko/' | sort)
}

make -j2 -C "$area/tree" KVER="$kver" BUILD="$area/empty" \
	INSTALL_MOD_PATH="$area/root" install >"$check_work/all-said" 2>&1 ||
	echo "make install failed" >"$check_work/complaints"
{
	has_modules "$area/root"
	[ -e "$area/empty/.mvgpu-build" ] || echo "the folder is not marked"
	[ ! -e "$area/tree/build" ] || echo "there is a build/, too"
	make -C "$area/tree" clean BUILD="$area/empty" >/dev/null
	[ ! -e "$area/empty" ] || echo "make clean left something"
} >>"$check_work/complaints" 2>&1
rm -rf "$area/root"
mkdir -p "$area/empty"
judge "make install installs, and make clean removes what was made"

make -j2 -C "$kdir" M="$area/tree" >"$check_work/all-said" 2>&1 ||
	echo "make -C KDIR M= failed" >"$check_work/complaints"
has_modules "$area/tree" >>"$check_work/complaints"
make -C "$kdir" M="$area/tree" INSTALL_MOD_PATH="$check_work/root" modules_install \
	>>"$check_work/all-said" 2>&1 || echo "modules_install failed" >>"$check_work/complaints"
has_modules "$check_work/root" >>"$check_work/complaints"
"$area/tree/tools/farm" "$check_work/farm"
find "$check_work/farm" -name '*.o' -o -name '*.mod.c' -o -name '*.cmd' \
	>>"$check_work/complaints"
make -C "$kdir" M="$area/tree" clean >>"$check_work/all-said" 2>&1 ||
	echo "make -C KDIR M= clean failed" >>"$check_work/complaints"
judge "the kernel's make builds, installs and cleans"

# unquoted FILE: lines of recipes with a folder or file that no quotes are around.
# What make lists, as $^, has names that were checked. Lines that go on are joined,
# as a definition may go on behind a tab, too.
# shellcheck disable=SC2016 # literally
unquoted()
{
	sed -e ':more' -e '/\\$/ { N; s/\\\n//; b more' -e '}' "$1" | grep '^	' |
		sed 's/"[^"]*"//g' |
		grep -E '\$(@|<|\(@D\)|\((OUTPUT|BUILD|FARM|KDIR|CURDIR|ROOT|top|here|harness)\))'
}

find . -path ./build -prune -o \( -name Makefile -o -name '*.mk' \) -print |
	while read -r file; do
		unquoted "$file" | sed "s|^|$file:|"
	done >"$check_work/complaints"
check_result "every path in a recipe is quoted" "$check_work/complaints"
check_end
