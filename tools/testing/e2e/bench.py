#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a vGPU adds to the migration of a guest: see bench-migration.sh.

Prints a line of CSV for each migration. All loads and backends take turns, so
that what the machine does meanwhile is the same for all of them.
"""

import re
import sys
from dataclasses import dataclass

import program
from channel import Failure
from migration import Migration, check_continuity
from tracing import Trace, moment, threads, write

# How it moves, what serves the container, and QEMU's property: see Machine.
BACKENDS = (
    ("vfio_dirty", "users", None),
    ("type1", "none", None),
    ("region", "users", "on"),
    ("precopy", "users", "precopy"),
)

CLAIM = "/sys/module/vfio_dirty/parameters/claim"
CALLS = ("syscalls/sys_enter_ioctl", "exceptions/page_fault_user")
DEVICE = ("mvgpu/mvgpu_pin", "mdev_migration/mdev_migration_switchover",
          "mdev_migration/mdev_migration_snapshot")
PAGE = 4096

COLUMNS = ("load", "backend", "round", "total_ms", "downtime_ms", "stopped_ms",
           "ram_bytes", "device_bytes", "device_bytes_stopped", "ioctls",
           "faults", "pins", "rounds", "copy_bytes", "resent_bytes",
           "written_bytes")


@dataclass
class Load:
    """What the guest does while it moves."""

    name: str
    kinds: tuple
    run: tuple
    memory: int = 640


LOADS = (
    Load("none", (), ()),
    Load("idle", ("medium",), ("idle",)),
    Load("vram", ("medium",), ("vram", 64, 5)),
    Load("ram", ("medium",), ("ram", 256, 1)),
)


def start(session, load):
    """A guest that does what the load says."""
    session.end()
    session.machine = session.spawn(kinds=list(load.kinds),
                                    memory=load.memory)
    session.others.remove(session.machine)
    workload = session.machine.workloads[0]
    workload.wait_boot()
    if not load.run:
        return
    kind, *sizes = load.run
    sizes = dict(zip(("mib", "percent"), sizes))
    workload.run(kind, **sizes)
    workload.wait_running(4 * session.settings.seconds)


def move(session, load):
    """Moves the guest; what QEMU and the traces counted."""
    source = session.machine
    target = session.spawn(kinds=list(load.kinds), memory=load.memory,
                           incoming=True)
    calls = Trace("calls", CALLS, threads([source, target]))
    device = Trace("device", DEVICE)
    try:
        before = dict(source.workloads[0].drain() or {})
        target.monitor.events.clear()
        migration = Migration(source, target)
        migration.start()
        info = migration.finish()
        after = dict(source.workloads[0].drain() or {})
        if load.run:
            check_continuity(source.workloads, target.workloads)
        figures = measure(info, source, target, calls, device)
    finally:
        calls.close()
        device.close()
    figures["written_bytes"] = after.get("bytes", 0) - before.get("bytes", 0)
    session.moved_to(target)
    session.others.append(source)
    session.release(source)
    return figures


def event_time(machine, name):
    times = [moment(event) for event in machine.monitor.events
             if event["event"] == name]
    if not times:
        raise Failure(f"{machine.name} sent no event {name}")
    return times[-1]


def measure(info, source, target, calls, device):
    """The figures of a migration that is over."""
    begin = event_time(source, "STOP")
    end = event_time(target, "RESUME")

    def stopped(trace, pattern):
        return [text for when, event, text in trace
                if begin <= when <= end and re.search(pattern, event)]

    called = calls.read()
    seen = device.read()
    # The region has no switchover: its whole context is sent while stopped.
    left, name = (("length", "snapshot") if source.by_region() else
                  ("bytes_left", "switchover"))
    left = [int(re.search(rf"{left}=(\d+)", text)[1])
            for _, event, text in seen if event.endswith(name)]
    ram = info["ram"]
    moved = info.get("vfio", {}).get("transferred", 0)
    copy = ram["total"] - ram["duplicate"] * PAGE
    return {
        "total_ms": info["total-time"],
        "downtime_ms": info["downtime"],
        "stopped_ms": round((end - begin) * 1000),
        "ram_bytes": ram["transferred"] - moved,
        "device_bytes": moved,
        "device_bytes_stopped": sum(left),
        "ioctls": len(stopped(called, "ioctl")),
        "faults": len(stopped(called, "fault")),
        "pins": len(stopped(seen, "pin")),
        "rounds": ram["dirty-sync-count"],
        "copy_bytes": copy,
        "resent_bytes": ram["normal"] * PAGE - copy,
    }


def bench(session, rounds):
    print(",".join(COLUMNS), flush=True)
    for number in range(1, rounds + 1):
        for load in LOADS:
            backends = BACKENDS
            if not load.kinds:
                backends = (("-", "users", None),)
            for backend, claim, session.region in backends:
                if session.region and not session.settings.region_qemu:
                    continue
                write(CLAIM, claim)
                start(session, load)
                row = {"load": load.name, "backend": backend, "round": number}
                row |= move(session, load)
                print(",".join(str(row[name]) for name in COLUMNS), flush=True)
    session.end()


def main():
    options = program.parser()
    options.add_argument("--rounds", type=int, default=5)
    arguments = options.parse_args()
    return program.run(arguments, 1,
                       lambda session: bench(session, arguments.rounds))


if __name__ == "__main__":
    sys.exit(main())
