# SPDX-License-Identifier: GPL-2.0
"""Cases of a guest that moves."""

import os

import snapshot
from channel import Failure
from failure_cases import SLOW, begin
from migration import hop


def live_over_tcp(session):
    """A guest at work moves, and notices nothing."""
    session.guest()
    hop(session)


def live_over_unix_socket(session):
    """The same over a Unix socket."""
    session.guest()
    hop(session, uri="unix:/run/mvgpu-migration")


def live_with_multifd(session):
    """With several connections; the device's state has one of its own."""
    session.guest()
    hop(session, capabilities=["multifd"])


def paused_target_then_cont(session):
    """The target is left paused, so that QEMU lets go of the data fd early."""
    session.guest()
    hop(session, paused=True)


def two_vgpus_move(session):
    """Two vGPUs of different types move with their guest."""
    session.boot(kinds=("small", "medium"))
    hop(session)


def big_loads_converge(session):
    """64 MiB of VRAM of which the engine rewrites 5 % a second, 256 MiB of
    guest memory of which it writes 1 %: no migration goes on for ever."""
    session.boot(kinds=("medium",), memory=640)
    for kind, mib, percent in (("vram", 64, 5), ("ram", 256, 1)):
        workload = session.machine.workloads[0]
        workload.stop()
        workload.run(kind, mib=mib, percent=percent,
                     stall_ms=session.settings.stall_ms)
        workload.wait_running(4 * session.settings.seconds)
        hop(session)
        session.machine.workloads[0].stop()
    session.start_stress()


def hops(session, count):
    session.guest()
    for _ in range(count):
        hop(session)
        session.machine.workloads[0].check()


def ten_hops(session):
    """Ten times in a row."""
    hops(session, 10)


def hundred_hops(session):
    """A hundred times in a row."""
    hops(session, 100)


def thousand_hops(session):
    """A thousand times in a row."""
    hops(session, 1000)


def guest_reboots_while_moving(session):
    """This may fail; the guest starts anew in any case, where it is."""
    migration = begin(session, parameters=SLOW)
    source, target = migration.source, migration.target
    # The reset ends the data fd.
    source.allowed += (r"failed to save SaveStateEntry .*/vfio\): -19$",)
    source.may_reboot()
    target.may_reboot()
    source.shell_lines.send("reboot -f\n")
    status = migration.watch(3 * session.settings.seconds)
    print(f"# a reboot on the way: {status}", flush=True)
    if status == "completed":
        target.monitor.wait("RESUME", session.settings.seconds)
        session.moved_to(target)
        session.others.append(source)
        session.release(source)
    elif status == "failed":
        session.release(target, kill=True, said=False)
    else:
        raise Failure(f"migration: {status}")
    # It may be that it only reboots now, and reports until then.
    while session.machine.workloads[0].wait_boot()["kind"] != "none":
        pass
    session.start_stress()


def savevm_and_loadvm(session):
    """Back to a snapshot, in the same QEMU and in another one."""
    machine = session.guest()
    path = "/run/mvgpu-snapshots.qcow2"
    try:
        snapshot.attach(machine, path, create=True)
        machine.workloads[0].progress()
        snapshot.save(machine, "one")
        machine.workloads[0].progress()
        snapshot.load(machine, "one")
        machine.workloads[0].progress()

        other = session.spawn(kinds=[machine.vgpus[0].kind],
                              memory=machine.memory, more=["-S"])
        session.machine = None
        session.others.append(machine)
        session.release(machine)
        snapshot.attach(other, path, create=False)
        snapshot.load(other, "one")
        other.call("cont")
        session.moved_to(other)
    finally:
        if os.path.exists(path):
            os.unlink(path)
