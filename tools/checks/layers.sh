#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Data flows one way: the objects of a module or program, or of the library that
# programs share, use only symbols of those that are named before them in the list
# which stands at the head of a header of theirs.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

build=${BUILD:-$top/build}

# layers_order HEADER: the files that it names, in order.
layers_order()
{
	awk '/layers\.sh/ { found = 1 }
		found && /^ \*\t/ { names = names " " substr($0, 4); next }
		found && names != "" { exit }
		END { gsub(",", " ", names); print names }' "$1"
}

# layers_symbols FOLDER NAME...: a line "KIND FILE SYMBOL" for each global symbol,
# of which KIND is d where it is defined and u where it is used.
layers_symbols()
{
	local folder=$1 name
	shift

	for name; do
		nm -g "$folder/$name.o" | awk -v name="$name" '
			$NF ~ /^__(SC[TK]__|tracepoint_|traceiter_|probestub_)/ { next }
			{ print (/ U / ? "u" : "d"), name, $NF }'
	done
}

# layers_up NAME...: the calls to a file that is named after the caller.
layers_up()
{
	awk -v order="$*" 'BEGIN {
			n = split(order, names, " ")
			for (i = 1; i <= n; i++)
				place[names[i]] = i
		}
		$1 == "d" { owner[$3] = $2; next }
		{ caller[++calls] = $2; callee[calls] = $3 }
		END {
			for (i = 1; i <= calls; i++) {
				if (!(callee[i] in owner))
					continue
				to = owner[callee[i]]
				if (place[to] > place[caller[i]])
					print caller[i] ".c uses " callee[i] " of " to ".c"
			}
		}'
}

# layers_unnamed FOLDER NAME...: objects that have no place.
layers_unnamed()
{
	local folder=$1 object name
	shift

	for object in "$folder"/*.o; do
		name=$(basename "$object" .o)
		# what kbuild makes of all the others
		[[ $name =~ ^(vfio_dirty|mdev_migration|mvgpu|mvgpu_guest)(\.mod)?$ ]] ||
			[[ " $* " == *" $name "* ]] || echo "$name.c has no place"
	done
	for name; do
		[ -e "$folder/$name.o" ] || echo "there is no $name.c"
	done
}

# layers_check WHAT HEADER FOLDER
layers_check()
{
	local order

	read -ra order < <(layers_order "$2")
	if [ "${#order[@]}" -lt 2 ]; then
		echo "$2 names no order" >"$check_work/complaints"
	else
		{
			layers_unnamed "$3" "${order[@]}"
			layers_symbols "$3" "${order[@]}" | layers_up "${order[@]}"
		} >"$check_work/complaints" 2>&1
	fi
	check_result "$1" "$check_work/complaints"
}

for kver in $(check_kernels); do
	make KVER="$kver" BUILD="$build" CONFIG_MVGPU_GUEST=m >"$check_work/log" 2>&1 || {
		cp "$check_work/log" "$check_work/complaints"
		check_result "$kver builds" "$check_work/complaints"
		continue
	}
	for module in vfio_dirty mdev_migration mvgpu; do
		layers_check "$kver $module" "drivers/$module/${module}_private.h" \
			"$build/$kver/drivers/$module"
	done
	layers_check "$kver mvgpu_guest" samples/guest/guest_private.h \
		"$build/$kver/samples/guest"
done

make -C samples OUTPUT="$check_work/samples" >"$check_work/log" 2>&1 || {
	cp "$check_work/log" "$check_work/complaints"
	check_result "the samples build" "$check_work/complaints"
}
layers_check samples/lib samples/lib/vfio.h "$check_work/samples/lib"
layers_check devstate-migrate samples/devstate-migrate/machine.h \
	"$check_work/samples/devstate-migrate.o.d"
layers_check workload samples/guest/workload/device.h \
	"$check_work/samples/workload.o.d"
check_end
