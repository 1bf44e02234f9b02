#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Every file names its licence in the form and place that its kind has, and
# user space may include the headers of the ABI.

# shellcheck source=tools/checks/lib.sh
. "$(dirname "$0")/lib.sh"

# What line 1, or line 2 after "#!", has to be.
expected()
{
	case $1 in
	include/uapi/*)
		echo '/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */'
		;;
	samples/qemu/*.[ch]) echo '/* SPDX-License-Identifier: GPL-2.0-or-later */' ;;
	samples/qemu/README.rst) echo '.. SPDX-License-Identifier: GPL-2.0-or-later' ;;
	samples/qemu/*) echo '# SPDX-License-Identifier: GPL-2.0-or-later' ;;
	*.c) echo '// SPDX-License-Identifier: GPL-2.0' ;;
	*.h) echo '/* SPDX-License-Identifier: GPL-2.0 */' ;;
	*.rst) echo '.. SPDX-License-Identifier: GPL-2.0' ;;
	*) echo '# SPDX-License-Identifier: GPL-2.0' ;;
	esac
}

find . \( -path ./.git -o -path ./build -o -path '*/golden' \) -prune -o \
	-type f -print | sed 's|^\./||' |
	grep -vE '^(LICENSE|VERSION|README.md|\.gitignore|.*\.(bin|hex|png))$|^tools/testing/vm/trouble$|^samples/qemu/patches/|ABI/' |
	sort >"$check_work/files"

while read -r file; do
	line=$(head -n 1 "$file" | tr -d '\0')
	[[ $line != '#!'* ]] || line=$(sed -n 2p "$file")
	[ "$line" = "$(expected "$file")" ] ||
		echo "$file: $line"
done <"$check_work/files" >"$check_work/complaints"
check_result "$(wc -l <"$check_work/files") files" "$check_work/complaints"
check_end
