#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The kernel's checkpatch, strict, on all C of the project. What is ignored,
# and why, is in .checkpatch.conf. What is for QEMU has QEMU's style.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

linux=$(tools/linux-files) || exit 1

# Many files in one go: most of the time is spent on reading its own tables.
check_files .c .h | grep -v '^samples/qemu/' >"$check_work/files"
xargs -P 2 -n 12 perl "$linux/scripts/checkpatch.pl" --terse --no-summary -f \
	<"$check_work/files" >"$check_work/all" 2>&1

while read -r file; do
	grep -F "$file:" "$check_work/all" >"$check_work/complaints"
	check_result "$file" "$check_work/complaints"
done <"$check_work/files"

grep -vE '^[^ :]+\.[ch]:[0-9]+: ' "$check_work/all" | grep . >"$check_work/complaints"
check_result "nothing else said" "$check_work/complaints"
check_end
