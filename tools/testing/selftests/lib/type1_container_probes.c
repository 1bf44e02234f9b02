// SPDX-License-Identifier: GPL-2.0
/*
 * Probes: a container's life, what it says of itself, and mapping.
 */
#include "type1_probe.h"

const struct type1_probe type1_container_probes[] = {
	PROBE_AT(TYPE1_CONTAINER, "version", "version"),
	PROBE("version-served", "version"),

	/* what is said before a backend is chosen, and after */
	SWEEP_AT(TYPE1_CONTAINER, "check-fresh", 0, 40, "check i"),
	SWEEP_AT(TYPE1_GROUP, "check-group", 0, 40, "check i"),
	SWEEP_AT(TYPE1_SERVED, "check-served", 0, 40, "check i"),
	SWEEP("check-device", 0, 40, "check i"),
	SWEEP_AT(TYPE1_GROUP, "check-v1", 0, 40, "set 1; check i"),
	PROBE_AT(TYPE1_CONTAINER, "check-private-fresh",
		 "check 0x4d560000; check 0x4d560001; check 0x4d560002"),
	PROBE("check-private",
	      "check 0x4d560000; check 0x4d560001; check 0x4d560002"),
	PROBE_AT(TYPE1_CONTAINER, "check-large-fresh",
		 "check 0x7fffffff; check 0x80000000; check 0x100000001; "
	      "check 0x100000003; check max; check -2"),
	PROBE("check-large",
	      "check 0x7fffffff; check 0x80000000; check 0x100000001; "
	      "check 0x100000003; check max; check -2"),

	/* choosing one */
	SWEEP_AT(TYPE1_CONTAINER, "set-fresh", 0, 12, "set i"),
	SWEEP_AT(TYPE1_GROUP, "set", 0, 12,
		 "set i; check 3; info argsz=128; device; map 16p 4p; "
	      "unmap 16p 4p"),
	PROBE_AT(TYPE1_GROUP, "set-large",
		 "set max; set 0x100000003; set 0x80000003; set 0x4d560001"),
	PROBE_AT(TYPE1_GROUP, "set-wrong-first",
		 "set 0; set 8; set 3; check 3"),
	PROBE("set-twice", "set 3; set 1; set max"),
	PROBE_AT(TYPE1_GROUP, "set-v1",
		 "set 1; device; map 16p 4p; pin 16p; start; get 16p 4p; "
	      "stop; read 16p; unmap 17p; unmap 16p"),

	/* requests by number, with nothing and with zeros */
	SWEEP_AT(TYPE1_CONTAINER, "call-fresh", 0, 64, "call i at=0"),
	SWEEP("call-null", 0, 64, "call i at=0"),
	SWEEP("call-zeros", 0, 64, "call i"),
	SWEEP("call-hole", 0, 64, "call i at=hole"),
	SWEEP("call-kernel", 3, 64, "call i at=0xffff888000000000"),
	PROBE("call-other",
	      "call 0x1234; call 0x3b00; call 0x80043b70; "
	      "call 0xc0183b71; call 0x5421 at=0; call 0x3cd7"),

	/* without a group, and after the last has left */
	PROBE_AT(TYPE1_CONTAINER, "bare",
		 "info argsz=72; map 16p 4p; unmap 16p 4p; unmap flags=a; "
	      "start; get 16p 4p; stop; old 16p; call 90"),
	PROBE_AT(TYPE1_GROUP, "group-only",
		 "info argsz=72; map 16p 4p; unmap 16p 4p; start; "
	      "get 16p 4p; old 16p; call 90; device"),
	PROBE_AT(TYPE1_SERVED, "served-only",
		 "info argsz=72; map 16p 4p; start; get 16p 4p; stop; "
	      "unmap 16p 4p; device; unset"),
	PROBE("unset-busy", "map 16p 4p; unset; pin 16p; unmap 16p 4p"),
	PROBE("after-unset",
	      "map 16p 4p; start; shut; unset; info argsz=72; "
	      "map 16p 4p; unmap 16p 4p; unmap flags=a; start; stop; "
	      "get 16p 4p; check 3; check 4; check 40; set 3"),
	PROBE("again-after-unset",
	      "map 16p 4p; pin 16p; start; shut; unset; leave; join; "
	      "set 3; device; get 16p 4p; map 16p 4p; start; "
	      "get 16p 4p; pin 16p; get 16p 4p"),
	PROBE("after-leave",
	      "map 16p 4p; pin 16p 2; start; leave; get 16p 4p; "
	      "map 16p 4p; join; device; set 3; device"),
	PROBE("shut-and-open",
	      "map 16p 4p; pin 16p 2; start; shut; get 16p 4p; device; "
	      "get 16p 4p; pin 16p; unmap 16p 4p"),
	PROBE("second",
	      "map 16p 4p; second; info argsz=72; pin 17p dev=1; "
	      "pin 17p; unmap 16p 4p"),
	PROBE("second-leaves",
	      "map 16p 4p; second; pin 17p dev=1; pin 17p; "
	      "leave dev=1; pin 16p; unmap 16p 4p"),
	PROBE("first-leaves",
	      "map 16p 4p; second; pin 17p dev=1; pin 17p; leave; "
	      "pin 16p dev=1; unmap 16p 4p"),
	PROBE("second-unset-busy",
	      "second; unset dev=1; shut dev=1; unset dev=1; check 3; "
	      "map 16p 4p"),

	/* the information, byte for byte */
	SWEEP("info-argsz", 0, 128, "info argsz=i"),
	SWEEP("info-padding", 20, 28, "info argsz=i fill=1"),
	PROBE("info-padding-72", "info argsz=72 fill=1"),
	PROBE_AT(TYPE1_SERVED, "info-served", "info argsz=72"),
	PROBE("info-large",
	      "info argsz=4096; info argsz=65536; "
	      "info argsz=0x7fffffff; info argsz=0xffffffff"),
	PROBE("info-nowhere",
	      "info argsz=72 at=0; info argsz=72 at=hole; "
	      "info argsz=72 at=none; info argsz=72 at=max; "
	      "info argsz=72 at=0xffff888000000000"),
	PROBE("info-read-only", "info argsz=72 at=ro; info argsz=15 at=ro"),
	SWEEP("info-edge", 0, 80, "info argsz=72 at=edge-i"),
	SWEEP("info-edge-short", 0, 32, "info argsz=16 at=edge-i"),
	PROBE("info-unaligned",
	      "info argsz=72 at=arg+1; info argsz=72 at=arg+4"),
	PROBE("info-mappings",
	      "map 0; map 1p; map 3p; info argsz=72; unmap 1p; "
	      "info argsz=72; unmap flags=a; info argsz=72"),
	PROBE("info-tracking", "start; info argsz=72; stop; info argsz=72"),
	{}
};

const struct type1_probe type1_map_probes[] = {
	SWEEP("map-argsz", 0, 48, "map 16p 4p argsz=i"),
	PROBE("map-argsz-large",
	      "map 16p argsz=4096; map 17p argsz=0x80000000; "
	      "map 18p argsz=0xffffffff"),
	SWEEP("map-flags", 0, 17, "map 16p 4p flags=i; map 16p 4p flags=i"),
	PROBE("map-flags-large",
	      "map 16p 4p flags=0x80000003; "
	      "map 16p 4p flags=0xffffffff; map 16p 4p flags=0x100"),
	PROBE("map-nowhere",
	      "map at=0; map at=hole; map at=none; map at=max; "
	      "map at=0xffff888000000000"),
	SWEEP("map-edge", 0, 34, "map 16p 4p at=edge-i"),
	PROBE("map-read-only", "map 16p 4p at=ro"),
	PROBE("map-size",
	      "map 16p size=0; map 16p size=1; map 16p size=0x800; "
	      "map 16p size=4095; map 16p size=4097; map 16p size=max"),
	PROBE("map-size-wrap",
	      "map 16p size=-1p; map 16p size=-15p; map 16p size=-16p; "
	      "map 16p size=-16p vaddr=0"),
	PROBE("map-iova",
	      "map iova=1; map iova=0x800; map iova=4095; "
	      "map iova=16p+1; map iova=max; map iova=-2048"),
	PROBE("map-iova-wrap",
	      "map -1p 2p; map -2p 3p; map -2p size=max; map -2p 1p"),
	PROBE("map-wrap-order",
	      "map 16p 4p; map -1p 2p flags=0; map -1p 2p flags=rv; "
	      "map iova=-1 size=2; map iova=max size=max vaddr=1; "
	      "map -1p 2p argsz=31; map -1p 2p flags=8; map -1p size=0; "
	      "map iova=max size=0; map 16p size=-15p; "
	      "map 16p 2p vaddr=-1p; map 16p 2p flags=v vaddr=-1p; "
	      "map iova=-2p+1 size=1p; map -2p size=2p-1"),
	PROBE("map-vaddr",
	      "map 16p vaddr=1; map 16p vaddr=mem+1; "
	      "map 16p vaddr=mem+0x800; map 16p vaddr=max"),
	PROBE("map-vaddr-wrap",
	      "map 16p 2p vaddr=-1p; map 16p 3p vaddr=-2p; "
	      "map 16p 1p vaddr=-1p; map 32p 2p vaddr=-2p"),
	PROBE("map-vaddr-wild",
	      "map 0 vaddr=0; map 1p vaddr=hole; "
	      "map 2p vaddr=0xffff888000000000; "
	      "map 3p vaddr=0x7ffffffff000; "
	      "map 4p vaddr=0x800000000000; map 5p vaddr=none"),
	PROBE("map-prot", "map 16p flags=r; map 17p flags=w; map 18p flags=rw"),
	PROBE("map-whole",
	      "map 0 size=-1p vaddr=0; map 16p; unmap flags=a; "
	      "map 0 size=max"),
	PROBE("map-8t",
	      "map 0 8t vaddr=0; map 8t 1024t vaddr=0; unmap 0 8t; "
	      "unmap flags=a"),
	SWEEP("map-overlap", 12, 22, "map 16p 4p; map ip 2p"),
	SWEEP("map-overlap-large", 6, 22, "map 16p 4p; map ip 8p"),
	PROBE("map-overlap-two",
	      "map 16p 4p; map 24p 4p; map 19p 6p; map 20p 4p; "
	      "map 16p 12p"),
	PROBE("map-same-memory",
	      "map 16p 4p; map 32p 4p; pin 16p; pin 32p; unmap 16p 4p; "
	      "unmap 32p 4p"),
	PROBE("map-order",
	      "map 16p 4p; map 16p 4p flags=8; map 16p 4p flags=0; "
	      "map 16p size=0 flags=0; map 16p 4p argsz=31 at=0; "
	      "map iova=16p+1 size=4p; map 16p 4p vaddr=mem+1"),
	PROBE("map-move",
	      "map 16p 4p; map 16p 4p v; map 16p 2p v; map 17p 1p v; "
	      "map 32p 4p v; map 16p size=0 flags=v; "
	      "map iova=16p+1 size=4p flags=v; map 16p 4p rv; "
	      "map 16p size=-1p flags=v"),
	PROBE("map-move-unpinned",
	      "map 16p 4p; pin 16p; map 16p 4p v; map 12p 4p v; "
	      "map 20p 4p v"),

	/* how many */
	SWEEP_AT(TYPE1_GROUP, "limit", 0, 5,
		 "limit i; set 3; map 0; map 2p; map 4p; map 6p; map 0; "
	      "info argsz=72; unmap 0; map 6p; info argsz=72; "
	      "unmap flags=a; info argsz=72"),
	PROBE_AT(TYPE1_GROUP, "limit-order",
		 "limit 1; set 3; map 0; map 0; map 1p 1p v; map iova=1; "
	      "map 1p 0; map 1p"),
	PROBE("limit-later", "limit 2; map 0; map 1p; map 2p; info argsz=72"),
	PROBE_AT(TYPE1_GROUP, "limit-large",
		 "limit 4294967295; set 3; info argsz=72; map 0; "
	      "info argsz=72"),
	PROBE("limit-default",
	      "many 0 65540; info argsz=72; map 0; unmap 0; map 4g; "
	      "info argsz=72; unmap flags=a; info argsz=72"),

	/* with dirty tracking on */
	PROBE("map-tracked",
	      "start; map 16p 4p; get 16p 4p; pin 16p; get 16p 4p"),
	PROBE("map-tracked-8t", "start; map 0 8t vaddr=0; map 16t 4p"),
	PROBE("map-tracked-more",
	      "start; map 0 16t vaddr=0; map 32t 4p; get 32t 4p"),

	/* other processes */
	PROBE("map-fork",
	      "fork; map 16p 4p; pin 16p 2; exit; info argsz=72; "
	      "map 16p 4p; unmap 16p 4p; map 16p 4p"),
	{}
};
