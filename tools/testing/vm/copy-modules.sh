#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# copy-modules.sh KVER FOLDER DEST NAME...: copies modules of a kernel and those
# that they need to DEST, decompressed, with names that sort in the order in
# which they have to be loaded. FOLDER is the root of a kernel of
# tools/kernel/build.sh, or empty. Without DEST ("") it prints their paths.
set -eu -o pipefail

kver=$1
folder=$2
dest=$3
shift 3
PATH=$PATH:/usr/sbin:/sbin

# Each once.
modules=$(for module; do
	modprobe ${folder:+-d "$folder"} -S "$kver" --show-depends "$module"
done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }')

if [ -z "$dest" ]; then
	echo "$modules"
	exit
fi
number=10
for module in $modules; do
	file=$dest/$number-$(basename "${module%%.ko*}").ko
	case $module in
	*.xz) xz -dc "$module" >"$file" ;;
	*.zst) zstd -qdc "$module" >"$file" ;;
	*.gz) gzip -dc "$module" >"$file" ;;
	*) cp "$module" "$file" ;;
	esac
	number=$((number + 1))
done
