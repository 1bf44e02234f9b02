// SPDX-License-Identifier: GPL-2.0
/*
 * Probes: what drivers do with a container's memory.
 */
#include "type1_probe.h"

#define BELOW	"stock sets a bit far outside of the mapping's bitmap"

/* What can be done with memory of a kind. */
#define USE_RW(kind, again)						\
	"map 16p 2p rw " kind "; pin 16p 2; unpin 16p 2; pin 17p 1 r; "	\
	"read 16p; write 16p; peek " again
#define USE_R(kind)							\
	"map 16p 2p r " kind "; pin 16p 2 r; unpin 16p 2; pin 17p 1 r; "	\
	"pin 17p 1 w; read 16p; write 16p"
#define USE_1(kind)							\
	"map 16p 1p r " kind "; pin 16p 1 r; pin 16p 1 r; unpin 16p; unpin 16p; unmap 16p"

const struct type1_probe type1_pin_probes[] = {
	/* how many */
	SWEEP("pin-count", 0, 18, "map 16p 16p; pin 16p i"),
	PROBE("pin-511", "map 0 4m; pin 0 511"),
	PROBE("pin-512", "map 0 4m; pin 0 512; unpin 0 512"),
	PROBE("pin-513", "map 0 4m; pin 0 513"),
	PROBE("pin-512-twice",
	      "map 0 8m; pin 0 512; pin 256p 512; unpin 0 512; "
	      "unpin 256p 512"),
	PROBE("pin-drop", "map 0 4m; pin 0 512; drop 0 512"),

	/* where */
	SWEEP("pin-where", 14, 21, "map 16p 4p; pin ip"),
	SWEEP("pin-where-3", 12, 21, "map 16p 4p; pin ip 3"),
	PROBE("pin-unmapped", "pin 0; pin 16p 512; pin -1p; pin max"),
	PROBE("pin-wrap",
	      "map -1p; pin -1p 2; pin max; pin iova=-1p+0x800; pin -2p 3; "
	      "pin 0 512; pin -1p 512; map 0; pin -1p 2"),
	PROBE("pin-hole",
	      "map 16p 4p; map 24p 4p; pin 18p 8; pin 19p; pin 24p"),
	PROBE("pin-adjacent",
	      "map 16p 4p; map 20p 4p vaddr=mem+64p; pin 18p 4; "
	      "unpin 18p 4"),
	PROBE("pin-adjacent-drop",
	      "map 16p 4p; map 20p 4p vaddr=mem+64p; pin 18p 4; "
	      "drop 18p 4"),
	PROBE("pin-adjacent-prot",
	      "map 16p 4p; map 20p 4p r; pin 18p 4 r; pin 18p 4 w; "
	      "pin 18p 2 w"),
	PROBE("pin-unaligned",
	      "map 16p 4p; pin iova=16p+0x800; unpin iova=16p+0x800"),
	PROBE("pin-unaligned-two",
	      "map 16p 4p; pin 16p; pin iova=16p+0x800; "
	      "unpin iova=16p+0x800; unpin 16p"),
	PROBE("pin-unaligned-count",
	      "map 16p 4p; pin 16p; pin iova=16p+0x800; locked; "
	      "unpin iova=16p+0x800; locked; unpin 16p; locked"),
	PROBE("pin-unaligned-last",
	      "map 16p 4p; pin iova=19p+0x800; unpin iova=19p+0x800; "
	      "pin iova=19p+0x800 n=2"),
	PROBE("pin-unaligned-span",
	      "map 16p 4p; pin iova=18p+1 n=2; drop iova=18p+1 n=2"),
	PROBE("pin-below",
	      "map 16p 4p vaddr=mem+4p; pin iova=15p+0x800; "
	      "drop iova=15p+0x800; pin iova=15p+1 n=2; "
	      "drop iova=15p+1 n=2; pin iova=14p+0x800"),
	UNFIT("pin-below-tracked", BELOW,
	      "map 16p 4p vaddr=mem+4p; start; pin iova=15p+0x800; "
	      "get 16p 4p"),

	/* rights */
	SWEEP("pin-prot", 0, 3, "map 16p 4p; pin 16p 1 i"),
	SWEEP("pin-prot-r", 0, 3, "map 16p 4p r; pin 16p 1 i"),
	SWEEP("pin-prot-w", 0, 3, "map 16p 4p w; pin 16p 1 i"),
	PROBE("pin-order",
	      "map 16p 4p r vaddr=hole; pin 16p 1 w; pin 16p 0; "
	      "pin 16p 513 w; pin 19p 2 w"),

	/* again, and not any more */
	PROBE("pin-twice",
	      "map 16p 4p; pin 16p 2; pin 17p 2; unpin 17p; unpin 17p; "
	      "unpin 17p"),
	PROBE("pin-many-times",
	      "map 16p 4p; pin 16p; pin 16p; pin 16p; pin 16p; "
	      "unpin 16p; unpin 16p; unpin 16p"),
	PROBE("unpin-never",
	      "map 16p 4p; drop 16p; drop 16p 4; pin 17p; drop 16p 4; "
	      "drop 17p"),
	PROBE("unpin-more", "map 16p 4p; pin 17p 2; drop 16p 4"),
	PROBE("pin-released", "map 16p 4p; pin 16p 4; shut; device; pin 16p"),

	/* the memory goes and comes */
	PROBE("pin-put",
	      "map 16p 4p; touch mem 4; pin 16p; put mem 4; pin 16p; "
	      "poke 16p; peek mem; read 16p; unpin 16p; unpin 16p; "
	      "pin 16p; poke 16p; peek mem"),
	PROBE("pin-poke",
	      "map 16p 4p; touch mem; pin 16p; poke 16p 5; peek mem; "
	      "read 16p"),
	PROBE("pin-untouched",
	      "map 16p 4p; pin 16p 4; poke 17p; peek mem+1p; "
	      "peek mem+2p"),
	PROBE("pin-zero-page", "map 16p 4p r; pin 16p 4 r; unpin 16p 4"),
	PROBE("pin-zero-page-read",
	      "map 16p 4p r; read 16p; peek mem+1p; pin 16p 4 r; "
	      "touch mem; pin 16p 1 r"),
	PROBE("pin-half",
	      "map 16p 2p vaddr=half; pin 16p; pin 16p 2; pin 17p; "
	      "unpin 16p; pin 16p 2"),

	/* memory of all kinds */
	PROBE("kind-ro", USE_RW("ro", "ro")),
	PROBE("kind-ro-r", USE_R("ro")),
	PROBE("kind-none", USE_RW("none", "none")),
	PROBE("kind-none-r", USE_R("none")),
	PROBE("kind-hole", USE_RW("hole", "hole")),
	PROBE("kind-hole-r", USE_R("hole")),
	PROBE("kind-null", USE_RW("0", "0")),
	PROBE("kind-kernel", USE_RW("0xffff888000000000", "0xffff888000000000")),
	PROBE("kind-vsyscall", USE_R("0xffffffffff600000")),
	PROBE("kind-top", USE_RW("0x7fffffffe000", "0x7fffffffe000")),
	PROBE("kind-shmem", USE_RW("shmem", "shmem")),
	PROBE("kind-shmem-r", USE_R("shmem")),
	PROBE("kind-short", USE_RW("short", "short")),
	PROBE("kind-file", USE_RW("file", "file")),
	PROBE("kind-file-r", USE_R("file")),
	PROBE("kind-text", USE_RW("text", "text")),
	PROBE("kind-text-r", USE_R("text")),
	PROBE("kind-cow", USE_RW("cow", "cow")),
	PROBE("kind-cow-r", USE_R("cow")),
	PROBE("kind-huge", USE_RW("huge", "huge")),
	PROBE("kind-huge-r", USE_R("huge")),
	PROBE("kind-huge-512", "map 0 2m rw huge; pin 0 512; drop 0 512"),
	PROBE("kind-uffd",
	      "map 16p 2p rw uffd; pin 16p; pin 16p 2; pin 17p 1 r"),
	PROBE("kind-devmem", USE_1("devmem")),
	PROBE("kind-devmem-rw",
	      "map 16p 1p rw devmem; pin 16p; pin 16p 1 r; write 16p"),
	PROBE("kind-devmem-read",
	      "map 16p 1p r devmem; rw 16p 4 r; rw 16p 4 rk"),

	/* who pays */
	PROBE("memlock",
	      "memlock 8; map 16p 64p; pin 16p 8; pin 24p; pin 16p 9; "
	      "pin 16p 8; unpin 16p 8; unpin 16p 4; pin 24p 4; pin 28p"),
	PROBE("memlock-0",
	      "memlock 0; map 16p 64p; pin 16p; read 16p; write 16p; "
	      "pin 16p 1 r"),
	PROBE("memlock-all", "memlock 8; map 16p 64p; pin 16p 9; pin 16p 8"),
	PROBE("memlock-two",
	      "memlock 8; map 16p 4p; map 32p 4p; pin 16p 4; "
	      "pin 32p 4; unmap 16p 4p; unmap 32p 4p"),
	PROBE("memlock-cap",
	      "map 16p 64p; memlock 4; pin 16p 16; map 128p 8p; "
	      "pin 128p"),

	/* other processes */
	PROBE("fork-pin",
	      "map 16p 4p; fork; pin 16p; read 16p; write 16p; "
	      "rw 16p 1 wk; exit; pin 17p; peek mem"),
	PROBE("fork-dead",
	      "fork; map 16p 4p; pin 16p 2; exit; pin 16p; pin 18p; "
	      "rw 18p 1 r; rw 18p 1 rk; unpin 16p 2; pin 16p; "
	      "unmap 16p 4p"),
	PROBE("fork-dead-unmap",
	      "fork; map 16p 4p; pin 16p 2; exit; unmap 16p 4p"),
	PROBE("fork-own",
	      "map 16p 4p; pin 16p; fork; map 32p 4p; pin 32p 2; "
	      "unpin 16p; exit; unmap 16p 4p; unmap 32p 4p"),
	{}
};

const struct type1_probe type1_rw_probes[] = {
	PROBE("rw-length",
	      "map 16p 4p; write 16p 0; read 16p 0; rw 16p 0 rk; "
	      "rw 16p 0 wk; write 16p 1; read 16p 1"),
	PROBE("rw-unmapped",
	      "write 16p; read 16p; rw 16p 1 wk; rw 16p 1 rk; "
	      "read max; read -1p"),
	PROBE("rw-unmapped-order",
	      "read 16p 0; map 16p 4p w; read 16p; read 20p"),
	PROBE("rw-sizes",
	      "map 16p 64p; write 16p 64p; read 16p 64p; "
	      "read iova=16p+1 size=64p-1; "
	      "write iova=16p+4095 size=1p+2; "
	      "read iova=16p+4094 size=1p+4"),
	SWEEP("rw-where", 14, 21, "map 16p 4p; touch mem 4; read ip; write ip"),
	PROBE("rw-edge",
	      "map 16p 4p; write iova=15p+4095; "
	      "write iova=15p+4095 size=2; write iova=19p+4095; "
	      "write iova=19p+4095 size=2; peek mem+3p+4095"),
	PROBE("rw-span",
	      "map 16p 4p; map 20p 4p vaddr=mem+64p; write 19p 2p; "
	      "peek mem+3p; peek mem+64p; peek mem+4p; read 19p 2p"),
	PROBE("rw-span-hole",
	      "map 16p 4p; map 21p 4p; write 19p 3p; peek mem+3p; "
	      "peek mem; read 19p 3p"),
	SWEEP("rw-prot", 1, 3,
	      "map 16p 1p flags=i; read 16p; write 16p; rw 16p 1 rk; "
	      "rw 16p 1 wk"),
	PROBE("rw-prot-span",
	      "map 16p; map 17p 1p r; map 18p 1p w; write 16p 2p; "
	      "peek mem; read 16p 2p; read 16p 3p; write 18p"),
	PROBE("rw-fault",
	      "map 16p 2p vaddr=half; write 16p 2p; peek half; "
	      "read 16p 2p; read 16p; read 17p; write 17p; "
	      "rw 17p 1 rk; rw 17p 1 wk"),
	PROBE("rw-fault-kthread",
	      "map 16p 2p vaddr=half; rw 16p 2p wk; peek half; "
	      "rw 16p 2p rk; rw 16p 1p rk"),
	PROBE("rw-fault-span",
	      "map 16p 1p vaddr=hole; map 17p; write 16p 2p; peek mem; "
	      "map 18p 1p vaddr=hole; write 17p 2p; peek mem"),
	PROBE("rw-kernel",
	      "map 16p 4p vaddr=0xffff888000000000; write 16p; "
	      "read 16p; rw 16p 1 wk; rw 16p 1 rk"),
	PROBE("rw-ro",
	      "map 16p 4p vaddr=ro; read 16p; write 16p; rw 16p 1 rk; "
	      "rw 16p 1 wk"),
	PROBE("rw-kthread",
	      "map 16p 4p; rw 16p 4p wk; peek mem; rw 16p 4p rk; "
	      "peek mem+3p"),
	PROBE("rw-shmem",
	      "map 16p 4p vaddr=shmem; write 16p; peek shmem; "
	      "rw 17p 1 wk; peek shmem+1p; read 16p"),
	PROBE("rw-short",
	      "map 16p 2p vaddr=short; write 16p; write 17p; read 17p; "
	      "write 16p 2p; peek short"),
	PROBE("rw-huge",
	      "map 0 2m rw huge; write 16p 4p; peek huge+16p; read 511p"),
	PROBE("rw-untouched",
	      "map 16p 4p; read 16p 4p; read 16p; put mem 4; read 16p"),
	PROBE("rw-put", "map 16p 4p; write 16p; put mem 4; read 16p; peek mem"),
	PROBE("rw-shut", "map 16p 4p; write 16p; shut; device; read 16p"),
	PROBE("rw-second",
	      "second; map 16p 4p; write 16p; read 16p dev=1; "
	      "rw 17p 1 w dev=1; read 17p"),
	PROBE("rw-fork",
	      "map 16p 4p; fork; write 16p; read 16p; rw 16p 1 wk; "
	      "rw 16p 1 rk; exit; peek mem"),
	PROBE("rw-dead",
	      "fork; map 16p 4p; exit; write 16p; read 16p; "
	      "rw 16p 1 wk; rw 16p 1 rk"),
	{}
};
