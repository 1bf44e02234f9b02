// SPDX-License-Identifier: GPL-2.0
/*
 * Probes: dirty tracking.
 */
#include "type1_probe.h"

#define FFS0	"stock computes __ffs(0): undefined"

const struct type1_probe type1_dirty_probes[] = {
	SWEEP("start-argsz", 0, 48, "map 16p 4p; dirty s argsz=i; get 16p 4p"),
	SWEEP("stop-argsz", 0, 48,
	      "map 16p 4p; start; dirty p argsz=i; get 16p 4p"),
	SWEEP("get-argsz", 0, 56, "map 16p 4p; start; get 16p 4p argsz=i"),
	PROBE("argsz-large",
	      "map 16p 4p; dirty s argsz=0xfffffff8; "
	      "get 16p 4p argsz=0x80000001; dirty p argsz=0x7fffffff"),
	PROBE("argsz-pages",
	      "map 16p 4p; dirty s argsz=4096; dirty s argsz=8192; "
	      "dirty s argsz=0x80000000; dirty p argsz=4096; start; "
	      "get 16p 4p argsz=4096"),
	SWEEP("dirty-flags", 0, 17,
	      "map 16p 4p; dirty i; start; dirty i; get 16p 4p"),
	PROBE("dirty-flags-large",
	      "dirty 0x80000000; dirty 0xffffffff; dirty 0x101; "
	      "dirty 0x80000001"),
	SWEEP("get-flags", 0, 17, "map 16p 4p; start; get 16p 4p flags=i"),
	PROBE("dirty-nowhere",
	      "dirty s at=0; dirty s at=hole; dirty s at=none; "
	      "dirty s at=max; dirty s at=0xffff888000000000"),
	PROBE("dirty-read-only",
	      "map 16p 4p; dirty s at=ro; write 16p; get 16p 4p at=ro"),
	SWEEP("start-edge", 0, 10, "map 16p 4p; dirty s at=edge-i; get 16p 4p"),
	SWEEP("get-edge", 0, 50, "map 16p 4p; start; get 16p 4p at=edge-i"),

	/* on and off */
	PROBE("off", "map 16p 4p; write 16p; get 16p 4p; get 0 4p"),
	PROBE("start-twice", "map 16p 4p; start; write 16p; start; get 16p 4p"),
	PROBE("stop-twice", "map 16p 4p; stop; start; stop; stop; get 16p 4p"),
	PROBE("restart",
	      "map 16p 4p; start; write 16p; stop; write 17p; start; "
	      "get 16p 4p; write 18p; get 16p 4p"),
	PROBE("start-empty",
	      "start; get 0 4p; map 16p 4p; write 16p; get 16p 4p"),
	PROBE("start-8t",
	      "map 0 8t vaddr=0; start; get 0 4p; map 16t 4p; start"),

	/* ranges */
	PROBE("get-size",
	      "map 16p 4p; start; get 16p size=0; "
	      "get 16p size=0 bsize=8; get 16p size=1; "
	      "get 16p size=1 bsize=8; get 16p size=4097; "
	      "get 16p size=4p+1 bsize=8; get 16p size=4p-1 bsize=8"),
	PROBE("get-iova",
	      "map 16p 4p; start; get iova=1 size=4p; "
	      "get iova=16p+1 size=4p; get iova=16p+0x800 size=4p; "
	      "get iova=max size=4p"),
	PROBE("get-wrap",
	      "start; get 16p size=-15p bsize=8; "
	      "get 16p size=-14p bsize=8; get -1p 2p; "
	      "get iova=-1p size=max bsize=8; get 16p size=-17p bsize=8"),
	PROBE("get-wrap-order",
	      "get -1p 2p; get iova=-1 size=2; start; "
	      "get iova=-1 size=2; get iova=-1 size=2p; get -1p size=2p+1; "
	      "get -1p 2p pgsize=8k; get -1p 2p pgsize=2m; "
	      "get -1p 2p bsize=0; get -1p 2p data=max; "
	      "get iova=-1 size=0; get -1p 2p argsz=47; "
	      "get -1p 2p flags=6; get iova=-2p+1 size=1p"),
	PROBE("get-top",
	      "start; get -1p 1p; get -64p 64p; "
	      "get 16p size=-16p bsize=8"),
	PROBE("get-top-but-one",
	      "start; get -2p 1p; get -65p 64p; map -2p; write -2p; "
	      "get -2p 1p; get -64p 63p"),
	SWEEP("get-cut", 10, 30, "map 16p 4p; map 24p 4p; start; get ip 4p"),
	SWEEP("get-cut-large", 0, 30,
	      "map 16p 4p; map 24p 4p; start; write 17p; get ip 16p"),
	SWEEP("get-cut-tail", 0, 16,
	      "map 16p 4p; map 24p 4p; start; write 17p; get 16p ip"),
	PROBE("get-cut-both", "map 16p 16p; start; get 20p 4p; get 16p 16p"),
	PROBE("get-hole",
	      "start; get 0 4p data=0; get 0 64p; "
	      "get 1g 512p fill=0xff; get 0 64p data=ro"),
	PROBE("get-hole-large",
	      "start; get 0 8t bsize=256m data=0; "
	      "get 0 8t+1p bsize=256m data=0; "
	      "get 1t 8t bsize=256m data=hole"),
	PROBE("get-sparse",
	      "map 16p 4p; map 1g 4p; start; write 17p; write 1g; "
	      "get 0 1g+64p"),

	/* bitmaps */
	PROBE("get-pgsize",
	      "map 16p 4p; start; get 16p 4p pgsize=1; "
	      "get 16p 4p pgsize=2k; get 16p 4p pgsize=8k; "
	      "get 16p 4p pgsize=3p; get 16p 4p pgsize=4097; "
	      "get 16p 4p pgsize=2m; "
	      "get 16p 4p pgsize=0x8000000000000000; "
	      "get 16p 4p pgsize=max"),
	UNFIT("get-pgsize-0", FFS0, "map 16p 4p; start; get 16p 4p pgsize=0"),
	SWEEP("get-bsize", 0, 20,
	      "map 16p 64p; start; write 17p; get 16p 64p bsize=i"),
	SWEEP("get-bsize-65", 0, 24,
	      "map 16p 65p; start; write 17p; get 16p 65p bsize=i"),
	PROBE("get-bsize-large",
	      "map 16p 4p; start; write 17p; get 16p 4p bsize=256m+1; "
	      "get 16p 4p bsize=256m+8; get 16p 4p bsize=1g; "
	      "get 16p 4p bsize=max; get 16p 4p bsize=256m"),
	PROBE("get-nowhere",
	      "map 16p 4p; start; write 17p; get 16p 4p data=0; "
	      "get 16p 4p data=hole; get 16p 4p data=none; "
	      "get 16p 4p data=ro; get 16p 4p data=max; "
	      "get 16p 4p data=-1p; get 16p 4p data=0xffff888000000000"),
	PROBE("get-order",
	      "map 16p 4p; get 16p 4p data=0; get 16p 2p; "
	      "get 16p 4p bsize=0; start; get 16p 2p data=0; "
	      "get 16p 2p bsize=0; get iova=16p+1 size=4p data=max; "
	      "get 16p 4p pgsize=8k data=0"),
	PROBE("get-unaligned",
	      "map 16p 4p; start; write 17p; get 16p 4p data=bits+1; "
	      "bits 9; write 17p; get 16p 4p data=bits+4; bits 12"),

	/* bits of writes */
	PROBE("get-write",
	      "map 16p 100p; start; write 17p; write 18p 2p; "
	      "write iova=50p+4090 size=12; write iova=60p+4095; "
	      "write 115p; get 16p 100p; get 16p 100p"),
	PROBE("get-write-kthread",
	      "map 16p 4p; start; rw 17p 2p wk; get 16p 4p; get 16p 4p"),
	PROBE("get-read",
	      "map 16p 4p; start; read 17p; rw 17p 2p rk; get 16p 4p"),
	PROBE("get-before-start", "map 16p 4p; write 16p; start; get 16p 4p"),
	PROBE("get-unmapped-written",
	      "map 16p 4p; start; write 17p; unmap 16p 4p; get 16p 4p; "
	      "map 16p 4p; get 16p 4p"),
	PROBE("get-write-two",
	      "map 16p 4p; map 20p 4p; start; write 19p 2p; "
	      "get 16p 8p; get 16p 4p; get 20p 4p"),
	PROBE("get-write-into-hole",
	      "map 16p 4p; start; write 19p 2p; get 16p 4p"),
	PROBE("get-write-fault",
	      "map 16p 2p vaddr=half; start; write 16p 2p; get 16p 2p; "
	      "write 17p; get 16p 2p"),
	PROBE("get-write-fault-kthread",
	      "map 16p 2p vaddr=half; start; rw 16p 2p wk; get 16p 2p"),
	PROBE("get-write-fault-byte",
	      "map 16p 2p vaddr=half; start; "
	      "write iova=16p+4095 size=2; get 16p 2p"),

	/* bits of pins */
	PROBE("get-pin",
	      "map 16p 100p; start; pin 20p 70; get 16p 100p; "
	      "get 16p 100p; unpin 20p 70; get 16p 100p; get 16p 100p"),
	PROBE("get-pin-w",
	      "map 16p 4p; start; pin 17p 1 w; get 16p 4p; unpin 17p; "
	      "get 16p 4p; get 16p 4p"),
	PROBE("get-pin-unpin",
	      "map 16p 4p; start; pin 17p; unpin 17p; get 16p 4p; "
	      "get 16p 4p"),
	PROBE("get-pin-before",
	      "map 16p 4p; pin 17p; start; get 16p 4p; get 16p 4p"),
	PROBE("get-pin-before-unpin",
	      "map 16p 4p; pin 17p; start; unpin 17p; get 16p 4p; "
	      "get 16p 4p"),
	PROBE("get-pin-gone",
	      "map 16p 4p; pin 17p; unpin 17p; start; get 16p 4p"),
	PROBE("get-pin-r",
	      "map 16p 4p; start; pin 17p 1 r; get 16p 4p; unpin 17p; "
	      "get 16p 4p"),
	PROBE("get-pin-r-before", "map 16p 4p; pin 17p 1 r; start; get 16p 4p"),
	PROBE("get-pin-r-map-r",
	      "map 16p 4p r; start; pin 17p 1 r; get 16p 4p"),
	PROBE("get-pin-0",
	      "map 16p 4p; start; pin 17p 1 0; get 16p 4p; unpin 17p"),
	PROBE("get-pin-r-then-w",
	      "map 16p 4p; start; pin 17p 1 r; pin 17p 1 w; "
	      "get 16p 4p; unpin 17p; get 16p 4p; unpin 17p; "
	      "get 16p 4p; get 16p 4p"),
	PROBE("get-pin-twice",
	      "map 16p 4p; start; pin 17p; pin 17p; unpin 17p; "
	      "get 16p 4p; unpin 17p; get 16p 4p"),
	PROBE("get-pin-failed",
	      "map 16p 4p vaddr=half; start; pin 16p 2 w; get 16p 4p; "
	      "get 16p 4p"),
	PROBE("get-pin-failed-end",
	      "map 16p 4p; start; pin 18p 3 w; get 16p 4p"),
	PROBE("get-pin-failed-prot",
	      "map 16p 4p; map 20p 4p r; start; pin 18p 3 w; get 16p 8p"),
	PROBE("get-pin-failed-limit",
	      "memlock 4; map 16p 64p; start; pin 16p 8 w; "
	      "get 16p 64p; pin 16p 4 w; get 16p 64p"),
	PROBE("get-pin-poke",
	      "map 16p 4p; start; pin 17p; poke 17p; peek mem+1p; "
	      "unpin 17p; get 16p 4p"),

	/* bits of user space among ours, and edges within a word */
	PROBE("garbage",
	      "map 0 64p; start; write 1p; get 0 64p fill=0xff; "
	      "get 0 64p"),
	PROBE("garbage-tail",
	      "map 0 4p; start; write 1p; get 0 4p fill=0xff; get 0 4p"),
	PROBE("garbage-head",
	      "map 16p 4p; start; write 17p; get 0 64p fill=0xff; "
	      "get 16p 4p; get 0 64p"),
	PROBE("garbage-holes",
	      "map 3p 5p; map 20p 10p; map 130p 2p; start; write 4p; "
	      "write 21p; get 0 192p fill=0xff; get 0 192p"),
	PROBE("garbage-all-mapped",
	      "map 0 20p; map 20p 44p; start; write 4p; "
	      "get 0 64p fill=0xff; get 0 64p"),
	PROBE("shifted",
	      "map 5p 66p; start; write 5p; write 70p; get 0 128p; "
	      "get 5p 66p; get 0 128p"),
	PROBE("shifted-twice",
	      "map 60p 70p; start; write 61p; get 0 192p; write 61p; "
	      "get 0 192p; get 60p 70p"),
	PROBE("many-in-a-word",
	      "map 0; map 1p; map 2p; map 4p 60p; start; write 1p; "
	      "write 4p; write 63p; get 0 64p; get 0 64p"),

	/* the bits of a GET that failed */
	PROBE("fault",
	      "map 0 64p; start; write 4p; get 0 64p data=0; "
	      "get 0 64p; get 0 64p"),
	PROBE("fault-shifted",
	      "map 3p 61p; start; write 4p; get 0 64p data=0; "
	      "get 0 64p; get 0 64p"),
	PROBE("fault-shifted-twice",
	      "map 3p 61p; start; write 4p; get 0 64p data=0; "
	      "get 0 64p data=ro; get 0 64p"),
	PROBE("fault-second",
	      "map 0 64p; map 64p 64p; start; write 4p; write 65p; "
	      "get 0 128p data=edge-8; get 0 128p; get 0 128p"),
	PROBE("fault-pinned",
	      "map 0 64p; start; pin 4p; get 0 64p data=0; unpin 4p; "
	      "get 0 64p; get 0 64p"),

	/* the proposal's form of the same number */
	PROBE("old",
	      "map 16p 4p; write 17p; old 16p 4; old 0 64; old 0 0; "
	      "old 16p 0x80000000; old max; old 16p at=0; old -1p 1; "
	      "old -1p 2"),
	PROBE("old-like-ours",
	      "old 0x10008 64; old 0x100010008 64; map 16p 4p; "
	      "write 16p; get 16p 4p; old 0x200010008 64; get 16p 4p"),
	PROBE("old-unaligned",
	      "old 1; old 0x801; old 4095; old 16p+1; old 0x7"),
	{}
};
