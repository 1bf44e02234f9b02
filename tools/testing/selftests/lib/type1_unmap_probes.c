// SPDX-License-Identifier: GPL-2.0
/*
 * Probes: unmapping, alone and with a dirty bitmap.
 */
#include "type1_probe.h"

#define FFS0	"stock computes __ffs(0): undefined"

const struct type1_probe type1_unmap_probes[] = {
	SWEEP("unmap-argsz", 0, 32,
	      "map 16p 4p; unmap 16p 4p argsz=i; unmap 16p 4p"),
	PROBE("unmap-argsz-large",
	      "map 0; map 1p; map 2p; unmap 0 argsz=4096; "
	      "unmap 1p argsz=0x80000000; unmap 2p argsz=0xffffffff"),
	SWEEP("unmap-flags", 0, 17,
	      "map 16p 4p; unmap 16p 4p flags=i; unmap 16p 4p"),
	SWEEP("unmap-flags-none", 0, 17,
	      "map 16p 4p; unmap 0 0 flags=i; unmap 16p 4p"),
	PROBE("unmap-flags-large",
	      "unmap 16p 4p flags=0x80000000; "
	      "unmap 16p 4p flags=0xffffffff; unmap 16p 4p flags=0x102"),
	PROBE("unmap-nowhere",
	      "map 16p 4p; unmap at=0; unmap at=hole; unmap at=none; "
	      "unmap at=max; unmap 16p 4p at=0xffff888000000000; "
	      "unmap 16p 4p"),
	SWEEP("unmap-edge", 0, 26,
	      "map 16p 4p; unmap 16p 4p at=edge-i; unmap 16p 4p"),
	PROBE("unmap-read-only",
	      "map 16p 4p; unmap 16p 4p at=ro; unmap 16p 4p"),
	PROBE("unmap-size",
	      "map 16p 4p; unmap 16p size=0; unmap 16p size=1; "
	      "unmap 16p size=0x800; unmap 16p size=4p+1; "
	      "unmap 16p size=max; unmap 16p 4p"),
	PROBE("unmap-wrap",
	      "map 16p 4p; unmap 16p size=-1p; unmap 16p size=-15p; "
	      "unmap -1p 2p; unmap -1p 1p; unmap -1p size=-1p; "
	      "unmap 16p size=-16p"),
	PROBE("unmap-wrap-order",
	      "map 16p 4p; unmap iova=-1 size=2p; unmap -1p size=2p+1; "
	      "unmap -1p 2p a; unmap -1p 2p v; unmap -1p 2p av; "
	      "unmap -1p 2p argsz=23; unmap -1p 2p flags=8; "
	      "unmap -1p 2p at=ro; unmap max max; unmap 16p 4p"),
	PROBE("unmap-iova",
	      "map 16p 4p; unmap iova=16p+1 size=4p; "
	      "unmap iova=16p+0x800 size=4p; unmap iova=max; "
	      "unmap iova=15p+4095 size=4p"),
	PROBE("unmap-large",
	      "map 16p 4p; map 1g 4p; unmap 0 size=-1p; map 16p 4p; "
	      "unmap 0 4096t"),

	/* an end in the middle of a mapping, step by step */
	SWEEP("unmap-cut", 10, 30,
	      "map 16p 4p; map 24p 4p; unmap ip 4p; unmap flags=a"),
	SWEEP("unmap-cut-large", 0, 30,
	      "map 16p 4p; map 24p 4p; unmap ip 16p; unmap flags=a"),
	SWEEP("unmap-cut-tail", 0, 16,
	      "map 16p 4p; map 24p 4p; unmap 16p ip; unmap flags=a"),
	SWEEP("unmap-cut-one", 14, 21, "map 16p 4p; unmap ip 1p; unmap 16p 4p"),
	PROBE("unmap-adjacent",
	      "map 16p 4p; map 20p 4p; unmap 18p 4p; unmap 16p 8p; "
	      "unmap 16p 8p"),
	PROBE("unmap-adjacent-each",
	      "map 16p 4p; map 20p 4p; unmap 20p 4p; unmap 16p 8p"),
	PROBE("unmap-many",
	      "many 0 300; unmap 1p 100p; unmap 0 600p; info argsz=72"),
	PROBE("unmap-hole",
	      "map 16p 4p; unmap 0 16p; unmap 20p 16p; unmap 16p 4p; "
	      "unmap 16p 4p"),

	/* everything */
	PROBE("unmap-all",
	      "map 16p 4p; map 1g 4p; map 1t; unmap flags=a; "
	      "unmap flags=a; info argsz=72"),
	PROBE("unmap-all-empty", "unmap 0 0 flags=a"),
	PROBE("unmap-all-range",
	      "map 16p 4p; unmap 16p 4p flags=a; unmap 0 4p flags=a; "
	      "unmap 16p 0 flags=a; unmap 1 0 flags=a; "
	      "unmap 0 1 flags=a; unmap max max flags=a; "
	      "unmap 0 0 flags=a"),
	PROBE("unmap-all-pinned",
	      "map 16p 4p; map 1g 4p; map 1t; pin 16p 4; pin 1t; "
	      "unmap 0 0 a"),

	/* leaving the memory behind, which no mdev can */
	PROBE("unmap-vaddr",
	      "unmap 16p 4p v; map 16p 4p; unmap 16p 4p v; "
	      "unmap iova=1 size=1 flags=v; unmap 0 0 av; "
	      "unmap 16p 4p av; unmap 16p 4p dv; unmap 16p 4p"),
	PROBE_AT(TYPE1_SERVED, "unmap-vaddr-served",
		 "map 16p 4p; unmap 16p 4p v; unmap 0 0 av; unmap 16p 4p"),

	/* what drivers hear */
	PROBE("unmap-pinned",
	      "map 16p 4p; pin 17p 2; unmap 16p 4p; unmap 16p 4p"),
	PROBE("unmap-pinned-cut",
	      "map 16p 4p; pin 17p 2; unmap 16p 2p; unmap 17p 2p; "
	      "unmap 15p 4p"),
	PROBE("unmap-pinned-some",
	      "map 16p 4p; map 20p 4p; map 24p 4p; pin 21p; "
	      "unmap 16p 12p"),
	PROBE("unmap-pinned-each",
	      "map 16p 4p; map 20p 4p; map 24p 4p; pin 16p 12; "
	      "unmap 16p 12p"),
	PROBE("unmap-pinned-twice",
	      "map 16p 4p; pin 16p; pin 16p; pin 16p 1 r; unmap 16p 4p"),
	PROBE("unmap-unpinned", "map 16p 4p; pin 16p; unpin 16p; unmap 16p 4p"),
	PROBE("unmap-two-devices",
	      "second; map 16p 4p; map 20p 4p; pin 16p; pin 21p dev=1; "
	      "unmap 16p 8p"),
	PROBE("unmap-one-device",
	      "second; map 16p 4p; pin 16p; shut; pin 17p dev=1; "
	      "unmap 16p 4p"),
	SWEEP("unmap-stubborn", 1, 3,
	      "map 16p 4p; pin 16p; stubborn i; unmap 16p 4p; pin 16p"),
	PROBE("unmap-stubborn-most",
	      "map 16p 4p; pin 16p; stubborn 10; unmap 16p 4p"),
	UNFIT("unmap-stubborn-ever", "stock runs into a BUG_ON",
	      "map 16p 4p; pin 16p; stubborn 1000; unmap 16p 4p; "
	      "stubborn 0; unmap 16p 4p"),
	PROBE("unmap-then-use",
	      "map 16p 4p; pin 16p; unmap 16p 4p; pin 16p; read 16p; "
	      "write 16p; poke 16p"),
	PROBE("unmap-and-map",
	      "map 16p 4p; pin 16p; write 17p; unmap 16p 4p; "
	      "map 16p 4p vaddr=mem+16p; read 17p; pin 16p"),

	/* the last page of the address space */
	PROBE("last-unmap", "map -1p; unmap -1p; unmap -1p; map -1p"),
	PROBE("last-unmap-two", "map -2p 2p; unmap -2p 2p"),
	PROBE("last-unmap-cut",
	      "map -4p 4p; unmap -1p 1p; unmap -4p 2p; unmap -8p 8p"),
	PROBE("last-unmap-around",
	      "map -4p 1p; map -1p; unmap -16p 16p; map -4p; map -1p"),
	PROBE("last-unmap-all",
	      "map -1p; map 16p 4p; unmap flags=a; map 16p 4p; map -1p"),
	PROBE("last-other",
	      "map -1p; map 16p 4p; unmap 16p 4p; map 32p 4p; pin 32p"),
	PROBE("last-overlap", "map -1p; map -1p; map -2p 2p; map -2p 1p"),
	PROBE("last-use",
	      "map -1p; pin -1p; read -1p; write -1p; write iova=-1; "
	      "write iova=-1 size=2; unpin -1p"),
	PROBE("last-dirty",
	      "map -1p; start; write -1p; get -1p 1p; get -2p 2p; "
	      "get -2p 1p; unmap -1p 1p d"),
	PROBE("last-but-one",
	      "map -2p; pin -2p; write -2p; start; get -2p 1p; "
	      "unmap -2p 1p d"),
	PROBE("whole-use",
	      "map 0 size=-1p vaddr=0; read mem; unmap 0 size=-1p"),

	/* other processes */
	PROBE("unmap-fork",
	      "map 16p 4p; pin 16p; fork; unmap 16p 4p; exit; "
	      "unmap 16p 4p"),
	PROBE("unmap-dead",
	      "fork; map 16p 4p; pin 16p 2; exit; unmap 16p 4p; "
	      "map 16p 4p"),
	{}
};

const struct type1_probe type1_bitmap_probes[] = {
	/* arguments of the unmap that tells what is dirty */
	SWEEP("bitmap-argsz", 0, 56,
	      "map 16p 4p; start; unmap 16p 4p d argsz=i"),
	SWEEP("bitmap-edge", 0, 50,
	      "map 16p 4p; start; unmap 16p 4p d at=edge-i; "
	      "unmap 16p 4p"),
	PROBE("bitmap-read-only",
	      "map 16p 4p; start; write 17p; unmap 16p 4p d at=ro; "
	      "unmap 16p 4p d"),
	PROBE("bitmap-off",
	      "map 16p 4p; unmap 16p 4p d; unmap 0 4p d; start; stop; "
	      "unmap 16p 4p d; unmap 16p 4p"),
	PROBE("bitmap-flags",
	      "map 16p 4p; start; unmap 16p 4p da; unmap 0 0 da; "
	      "unmap 16p 4p dv; unmap 16p 4p dav; unmap 16p 4p"),
	PROBE("bitmap-range",
	      "map 16p 4p; start; unmap 16p size=0 flags=d; "
	      "unmap 16p size=1 flags=d; "
	      "unmap 16p size=4p+1 flags=d bsize=8; "
	      "unmap iova=16p+1 size=4p flags=d; "
	      "unmap 16p size=-15p flags=d bsize=8; unmap -1p 2p d; "
	      "unmap 16p 2p d; unmap 17p 3p d; unmap 16p 4p"),
	PROBE("bitmap-wrap-order",
	      "unmap -1p 2p d; start; unmap -1p 2p d; "
	      "unmap -1p 2p d pgsize=8k; unmap -1p 2p d pgsize=2m; "
	      "unmap -1p 2p d pgsize=1; "
	      "unmap -1p 2p d pgsize=1 bsize=1k; unmap -1p 2p d bsize=0; "
	      "unmap -1p 2p d bsize=7; unmap -1p 2p d data=max; "
	      "unmap -1p 2p d data=0; unmap -1p 2p da; "
	      "unmap -1p 2p d argsz=47; unmap iova=-1 size=2p flags=d"),
	PROBE("bitmap-pgsize",
	      "map 16p 4p; start; unmap 16p 4p d pgsize=1; "
	      "unmap 16p 4p d pgsize=2k; unmap 16p 4p d pgsize=8k; "
	      "unmap 16p 4p d pgsize=3p; unmap 16p 4p d pgsize=4097; "
	      "unmap 16p 4p d pgsize=2m; "
	      "unmap 16p 4p d pgsize=0x8000000000000000; "
	      "unmap 16p 4p d pgsize=max; unmap 16p 4p"),
	UNFIT("bitmap-pgsize-0", FFS0,
	      "map 16p 4p; start; unmap 16p 4p d pgsize=0; unmap 16p 4p"),
	SWEEP("bitmap-size", 0, 20,
	      "map 16p 4p; start; unmap 16p 4p d bsize=i; unmap 16p 4p"),
	SWEEP("bitmap-size-65", 0, 20,
	      "map 16p 65p; start; unmap 16p 65p d bsize=i; "
	      "unmap 16p 65p"),
	PROBE("bitmap-size-large",
	      "map 16p 4p; start; unmap 16p 4p d bsize=256m+1; "
	      "unmap 16p 4p d bsize=256m+8; unmap 16p 4p d bsize=1g; "
	      "unmap 16p 4p d bsize=max; unmap 16p 4p d bsize=256m"),
	PROBE("bitmap-nowhere",
	      "map 16p 4p; start; write 17p; unmap 16p 4p d data=0; "
	      "unmap 16p 4p d data=hole; unmap 16p 4p d data=none; "
	      "unmap 16p 4p d data=ro; unmap 16p 4p d data=max; "
	      "unmap 16p 4p d data=-1p; "
	      "unmap 16p 4p d data=0xffff888000000000; unmap 16p 4p d"),
	PROBE("bitmap-nothing",
	      "map 16p 4p; start; unmap 0 16p d data=0; "
	      "unmap 0 16p d data=ro; unmap 0 16p d; "
	      "unmap 20p 512p d fill=0xff"),
	PROBE("bitmap-no-memory-order",
	      "map 16p 4p; unmap 16p 4p d data=0; "
	      "unmap 16p 4p d bsize=0; unmap 16p 4p d pgsize=8k; "
	      "unmap 16p 2p d; unmap 16p 4p d argsz=47"),

	/* bits */
	PROBE("bitmap-clean", "map 16p 4p; start; unmap 16p 4p d"),
	PROBE("bitmap-written",
	      "map 16p 100p; start; write 17p; write 18p 2p; "
	      "write iova=50p+4090 size=12; write 115p; "
	      "unmap 16p 100p d"),
	PROBE("bitmap-before-start",
	      "map 16p 4p; write 16p; pin 17p; unpin 17p; start; "
	      "unmap 16p 4p d"),
	PROBE("bitmap-pinned",
	      "map 16p 100p; start; pin 20p 70; unmap 16p 100p d"),
	PROBE("bitmap-pinned-before",
	      "map 16p 100p; pin 20p 3; start; unmap 16p 100p d"),
	PROBE("bitmap-unpinned",
	      "map 16p 100p; start; pin 20p 3; unpin 20p 3; "
	      "unmap 16p 100p d"),
	PROBE("bitmap-read-pin",
	      "map 16p 4p; start; pin 17p 1 r; unmap 16p 4p d"),
	PROBE("bitmap-below", "map 16p 4p; start; write 17p; unmap 0 64p d"),
	PROBE("bitmap-many",
	      "map 3p 5p; map 10p 60p; map 70p 3p; map 130p 2p; start; "
	      "write 3p; write 7p; write 10p; write 69p; write 70p; "
	      "write 131p; unmap 0 192p d"),
	PROBE("bitmap-again",
	      "map 16p 4p; start; write 17p; get 16p 4p; "
	      "unmap 16p 4p d; map 16p 4p; unmap 16p 4p d"),
	PROBE("bitmap-lost",
	      "map 16p 4p; start; write 17p; unmap 16p 4p; map 16p 4p; "
	      "get 16p 4p"),

	/* bits of user space among ours */
	PROBE("bitmap-garbage",
	      "map 16p 64p; start; write 17p; unmap 16p 64p d fill=0xff"),
	PROBE("bitmap-garbage-tail",
	      "map 16p 4p; start; write 17p; unmap 16p 4p d fill=0xff"),
	PROBE("bitmap-garbage-head",
	      "map 16p 4p; start; write 17p; unmap 0 64p d fill=0xff"),
	PROBE("bitmap-garbage-holes",
	      "map 3p 5p; map 130p 2p; start; write 4p; "
	      "unmap 0 192p d fill=0xff"),

	/* no room for the bits of the second mapping */
	PROBE("bitmap-half",
	      "map 0 64p; map 64p 64p; start; write 1p; write 65p; "
	      "unmap 0 128p d data=edge-8; unmap 64p 64p d; map 0"),
	PROBE("bitmap-fault-shifted",
	      "map 16p 4p; start; write 18p; unmap 0 64p d data=0; "
	      "unmap 16p 4p d"),
	PROBE("bitmap-fault-pinned",
	      "map 16p 4p; start; pin 18p; unmap 16p 4p d data=0; "
	      "pin 17p; unmap 16p 4p d"),
	{}
};
