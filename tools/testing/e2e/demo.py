#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Moves a guest at work from one QEMU to another, for all to see: see demo.sh.

With --region-qemu it moves by the device-state region, and the demo says which
protocol each byte took.

The exit status is 0 only if the guest noticed nothing.
"""

import sys
import time

import program
from channel import Failure, Silent
from migration import ENDED, Migration, check_continuity
from tracing import Trace
from workload import SILENT

MIB = 2 ** 20

# What QEMU asks the container for; and what migration v2 alone does.
QUERIES = "vfio_dirty/vfio_dirty_query"
STATES = "mdev_migration/mdev_migration_state"

# Slow enough to watch.
PARAMETERS = {"max_bandwidth": 32 * MIB}
STEP = 0.25


def say(text):
    print(f"\n== {text}", flush=True)


def show(status, where):
    print(f"  {where:<7} second {status['tick']:>3}: "
          f"{status['ops']:>9} commands, "
          f"{status['checked'] / MIB:>7.0f} MiB compared, "
          f"{status['errors']} errors, {status['lost']} fences lost",
          flush=True)


def watch(migration):
    """One line every now and then, until the migration ends."""
    source = migration.source
    seen = None
    print(f"  {'phase':<16} {'sent MiB':>9} {'dirty MiB':>10} {'MiB/s':>7}  "
          "workload, commands", flush=True)
    while True:
        ended = migration.watch(STEP)
        info = source.call("query-migrate")
        ram = info.get("ram", {})
        status = source.workloads[0].drain()
        print(f"  {info['status']:<16} {ram.get('transferred', 0) / MIB:9.1f} "
              f"{ram.get('remaining', 0) / MIB:10.1f} "
              f"{ram.get('mbps', 0) / 8.388608:7.1f}  {status['ops']}",
              flush=True)
        if ended in ENDED:
            return
        now = (status["tick"], ram.get("transferred"))
        if now != seen:
            seen = now
            end = time.monotonic() + SILENT
        elif time.monotonic() > end:
            raise Silent("the migration stands still; the source:\n"
                         f"{source.symptoms()}\nthe target:\n"
                         f"{migration.target.symptoms()}")


def table(info, before, after):
    ram = info["ram"]
    device = info["vfio"]["transferred"]
    rows = [
        ("total time", f"{info['total-time']} ms"),
        ("downtime, by QEMU", f"{info['downtime']} ms"),
        ("guest RAM sent", f"{(ram['transferred'] - device) / MIB:.1f} MiB"),
        ("device state sent", f"{device / MIB:.1f} MiB"),
        ("rounds of pre-copy", f"{ram['dirty-sync-count']}"),
        ("workload errors", f"{before['errors']} before, "
                            f"{after['errors']} after"),
        ("fences lost", f"{before['lost']} before, {after['lost']} after"),
        ("slowest fence", f"{before['slowest_ms']} ms before, "
                          f"{after['slowest_ms']} ms after"),
    ]
    for name, value in rows:
        print(f"  {name:<20} {value}")


def protocols(info, source, target, events):
    """What came over by the region, the bitmap of 2018, and migration v2."""
    device = info["vfio"]["transferred"]
    asked = [text for _, event, text in events if "query" in event]
    ioctl = sum("layer=written" in text for text in asked)
    arcs = sum(" set: " in text for _, event, text in events
               if "state" in event)
    read, written = (int(machine.vgpus[0].attribute("bytes_migrated"))
                     for machine in (source, target))
    say("Which protocol each byte took")
    print(f"  guest RAM          {info['ram']['transferred'] - device:>11} "
          "bytes  QEMU's own; what the vGPU had written by the container's\n"
          f"{'':>38} VFIO_IOMMU_GET_DIRTY_BITMAP of 2018, {ioctl} calls")
    print(f"  the vGPU's context {read:>11} bytes  read from the device-state "
          f"region,\n{'':>21}{written:>11} bytes  written to the target's")
    print(f"  migration v2       {0:>11} bytes  {arcs} changes of state, "
          f"{len(asked) - ioctl} queries of its dirty bitmap")
    if arcs or len(asked) != ioctl or not ioctl:
        raise Failure("it did not move by the region and the bitmap alone")


def demo(session):
    if session.settings.region_qemu:
        session.region = "on"
    trace = None
    say("Starting QEMU, and a guest with a vGPU in it")
    session.boot()
    source = session.machine
    for _ in range(3):
        show(source.workloads[0].ticks(1), "source")

    say("Moving it to another QEMU, by TCP, while it works")
    target = session.spawn(incoming=True, memory=source.memory)
    migration = Migration(source, target, parameters=PARAMETERS)
    if session.region:
        trace = Trace("demo", [QUERIES, STATES])
    migration.start()
    watch(migration)
    info = migration.finish()
    events = trace.read() if trace else []
    before = dict(source.workloads[0].drain())
    check_continuity(source.workloads, target.workloads)

    if trace:
        trace.close()
        protocols(info, source, target, events)

    say("It goes on there")
    session.moved_to(target)
    session.others.append(source)
    session.release(source)
    for _ in range(3):
        show(target.workloads[0].ticks(1), "target")
    session.check()
    after = target.workloads[0].stop()
    say("The guest has moved, and all that the vGPU wrote is right")
    table(info, before, after)
    session.end()


def main():
    return program.run(program.parser().parse_args(), int(time.time()), demo,
                       tries=2)


if __name__ == "__main__":
    sys.exit(main())
