#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
#
# hostile_source.py PROGRAM UUID SOCKET: sends what no honest source would to
# "PROGRAM target", each case to a target of its own, which has to refuse it
# with exit status 1. samples/devstate-migrate/wire.h has the framing.
import os
import random
import socket
import struct
import subprocess
import sys
import time

MAGIC = 0x314D5344
HELLO, RAM, CONFIG, CPU, CONTEXT, GO = 1, 2, 3, 4, 5, 6
PAGE = 4096


def frame(kind, data, magic=MAGIC, length=None, reserved=0):
    length = len(data) if length is None else length
    return struct.pack("<IHHII", magic, kind, reserved, length, 0) + data


def hello(version=2, rounds=5, seed=1, ram=2048, vram=4096):
    return frame(HELLO, struct.pack("<IIQII", version, rounds, seed, ram, vram))


def ram(offset, pages=1):
    return frame(RAM, struct.pack("<Q", offset) + b"x" * (PAGE * pages))


def cpu(command, last=0, pending=0, reserved=0, clock=0):
    return frame(
        CPU,
        struct.pack("<IIIIIIQ", command, 0, 0, last, pending, reserved, clock),
    )


def context(length, data=b""):
    return frame(CONTEXT, b"MDEVCTX1" + struct.pack("<Q", length) + data)


def cases():
    noise = random.Random(4)
    config = frame(CONFIG, b"\xff" * 64)
    start = hello() + ram(0) + config + cpu(0)
    return {
        "noise": noise.randbytes(5000),
        "zeros": bytes(64),
        "nothing": b"",
        "bad magic": frame(HELLO, b"x" * 24, magic=1),
        "reserved bits": frame(HELLO, b"x" * 24, reserved=1),
        "frame of no kind": frame(0, b""),
        "frame of an unknown kind": frame(99, b""),
        "endless frame": frame(RAM, b"", length=0xFFFFFFFF),
        "short hello": frame(HELLO, b"x" * 23),
        "other version": hello(version=3),
        "version of one queue": hello(version=1),
        "no rounds": hello(rounds=0),
        "endless rounds": hello(rounds=0xFFFFFFFF),
        "no RAM": hello(ram=0),
        "endless RAM": hello(ram=0xFFFFFFFF),
        "other VRAM": hello(vram=2048),
        "hello twice": hello() + hello(),
        "RAM first": ram(0),
        "RAM at the end": hello() + ram(2048 * PAGE),
        "RAM across the end": hello() + ram(2047 * PAGE, 2),
        "RAM that wraps": hello() + ram(0xFFFFFFFFFFFFF000),
        "RAM unaligned": hello() + ram(1),
        "RAM cut": hello() + frame(RAM, struct.pack("<Q", 0) + b"x" * 5000),
        "go without config": hello() + frame(GO, b""),
        "go without context": hello() + config + frame(GO, b""),
        "command out of range": hello() + config + cpu(0xFFFFFFFF),
        "command out of range of the last queue": hello()
        + config
        + cpu(0, last=0xFFFFFFFF),
        "CPU of one queue": hello() + config + frame(CPU, bytes(8)),
        "reserved bits of a CPU": hello() + config + cpu(0, reserved=1),
        "noise for a context": start + frame(CONTEXT, noise.randbytes(1000)),
        "zeros for a context": start + frame(CONTEXT, bytes(16)),
        "half a context": start + context(5000, b"MDEVSTRM") + frame(GO, b""),
        "endless context": start + context(1 << 60),
        "much behind a context": start
        + context(16, bytes(1048000)) * 20
        + frame(GO, b""),
    }


def connect(path, target):
    while target.poll() is None:
        peer = socket.socket(socket.AF_UNIX)
        try:
            peer.connect(path)
            return peer
        except OSError:
            peer.close()
            time.sleep(0.02)
    return None


def send(peer, data):
    try:
        peer.sendall(data)
        peer.shutdown(socket.SHUT_WR)
        while peer.recv(PAGE):
            pass
    except OSError:
        pass  # it hung up on us: what it thinks is its exit status
    finally:
        peer.close()


def refused(program, uuid, path, data):
    target = subprocess.Popen(
        [program, "target", "--device", uuid, "--listen", "unix:" + path],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    peer = connect(path, target)
    if peer:
        send(peer, data)
    errors = target.communicate()[1].decode(errors="replace")
    if os.path.exists(path):
        os.unlink(path)
    return target.returncode == 1 and peer is not None, errors


def main():
    program, uuid, path = sys.argv[1:]
    bad = 0
    for name, data in cases().items():
        good, errors = refused(program, uuid, path, data)
        verdict = "refused" if good else "NOT REFUSED"
        print(f"{verdict}: {name}: {errors.strip()[:120]}")
        bad += not good
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
