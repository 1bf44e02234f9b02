# SPDX-License-Identifier: GPL-2.0
"""Cases of migrations that come to nothing: the guest goes on at the source."""

import contextlib
import io
import subprocess

import program
from channel import Failure
from migration import Migration, check_continuity
from proxy import QUEUES, STREAM, Proxy

# So slow that there is time to do harm: bytes a second, and how long it takes
# for the memory that the guest uses.
SLOW = {"max_bandwidth": 48 << 20}
SLOW_SECONDS = 2.5

# What a source says, with a vGPU or without, whose connection breaks; it breaks
# it itself to cancel. In a command of the monitor it leaves its name out.
BROKEN = (r"(^|: )Unable to (write to|read from|shutdown) socket: ",
          r"(^|: )[Cc]hannel error: ", r"(^|: )Sibling indicated error 1$",
          r"(^|: )[a-z_]+ failed: Input/output error$",
          r"(^|: )failed to save SaveStateEntry with id\(name\): .*: -5$",
          r": cannot save the device: the stream broke in the state, after ",
          r"(^|: )Save of field vfio-device-state/state failed: put failed$")


def begin(session, kinds=None, **options):
    """A migration of the shared guest to a new machine has begun."""
    source = session.guest()
    target = session.spawn(kinds=kinds or [source.vgpus[0].kind],
                           incoming=True, memory=source.memory)
    source.allowed += BROKEN
    migration = Migration(source, target, **options)
    migration.start()
    return migration


def stays(session, migration):
    """The guest works on at the source; the target is let go."""
    source = migration.source
    session.release(migration.target, kill=True, said=False)
    if not source.running():
        raise Failure(f"the source is {source.call('query-status')}")
    for workload in source.workloads:
        workload.progress(1)


def cancel_at_random(session):
    """Cancels at a random moment; whether there was something to cancel."""
    moment = session.random.uniform(0, SLOW_SECONDS)
    migration = begin(session, parameters=SLOW)
    status = migration.watch(moment) or migration.cancel()
    print(f"# cancelled after {moment:.3f} s: {status}", flush=True)
    if status == "cancelled":
        stays(session, migration)
        return True
    if status != "completed":
        raise Failure(f"migration: {status}")
    # It was too late: the guest has moved.
    migration.target.monitor.wait("RESUME", session.settings.seconds)
    check_continuity(migration.source.workloads, migration.target.workloads)
    session.moved_to(migration.target)
    session.others.append(migration.source)
    session.release(migration.source)
    return False


def cancel(session, count):
    done = 0
    for _ in range(3 * count):
        done += cancel_at_random(session)
        if done == count:
            return
    raise Failure(f"only {done} of {3 * count} could be cancelled")


def cancel_once(session):
    """A migration is cancelled at a random moment."""
    cancel(session, 1)


def cancel_three_times(session):
    """A migration is cancelled at three random moments."""
    cancel(session, 3)


def cancel_twenty_times(session):
    """A migration is cancelled at twenty random moments."""
    cancel(session, 20)


def target_killed(session):
    """The target's QEMU is killed at a random moment."""
    migration = begin(session, parameters=SLOW)
    if migration.watch(session.random.uniform(0.1, SLOW_SECONDS / 2)):
        raise Failure("the migration was over too early")
    migration.target.kill()
    migration.expect("failed")
    stays(session, migration)


def move_to_another_type(session):
    """Tries to; the target has to refuse while the guest runs."""
    kind = session.guest().vgpus[0].kind
    migration = begin(session,
                      kinds=["medium" if kind == "small" else "small"])
    source = migration.source
    migration.expect("failed")
    if source.monitor.seen("STOP"):
        raise Failure("the guest was stopped before the target refused")
    return migration


def target_of_another_type(session):
    """A target with a vGPU of another type refuses while the guest runs."""
    migration = move_to_another_type(session)
    log = subprocess.run(["dmesg"], capture_output=True, check=True,
                         text=True).stdout
    device = migration.target.vgpus[0].uuid
    if not any(device in line and "another device type" in line
               for line in log.splitlines()):
        raise Failure("the kernel log does not tell why")
    stays(session, migration)


def spoiled(session, pattern, distance, cut=False, **options):
    """A migration through a proxy that does harm; it has to fail."""
    proxies = []

    def through(port):
        proxies.append(Proxy(port, pattern, distance, cut))
        return proxies[0].port

    migration = begin(session, through=through, **options)
    status = migration.watch(3 * session.settings.seconds)
    if not proxies[0].done:
        raise Failure(f"the proxy has done no harm; migration: {status}")
    print(f"# harm at byte {proxies[0].target}", flush=True)
    if status != "failed":
        raise Failure(f"migration: {status}")
    stays(session, migration)
    return migration


def corrupted_while_running(session):
    """A bit of VRAM flips on its way, while the guest runs."""
    spoiled(session, STREAM, 300 + session.random.randrange(4000))


def corrupted_while_stopped(session):
    """A bit of the queues' state flips on its way, after the guest stopped."""
    spoiled(session, QUEUES, 16 + session.random.randrange(64))


def socket_cut(session):
    """The connection breaks at a random byte."""
    spoiled(session, b"", session.random.randrange(1 << 20, 60 << 20), cut=True)


def source_killed(session):
    """The source's QEMU is killed: the guest is lost, the target ends."""
    migration = begin(session, parameters=SLOW)
    if migration.watch(session.random.uniform(0.1, SLOW_SECONDS / 2)):
        raise Failure("the migration was over too early")
    source, target = migration.source, migration.target
    session.machine = None
    session.others.append(source)
    session.release(source, kill=True)
    target.end("its source was killed")
    session.release(target, kill=True, said=False)


def silent_guest_is_begun_anew(session):
    """What the demo does with a guest that stands still, where tests fail."""
    tries = []

    def work(again):
        tries.append(again.machine)
        if len(tries) == 1:
            again.guest().call("stop")
            again.machine.workloads[0].drain()
            again.machine.workloads[0].ticks(1, seconds=5)
        again.guest()

    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        program.attempt(session, work, 2)
    if len(tries) != 2 or tries[1]:
        raise Failure(f"{len(tries)} tries, not two with a guest each")
    for text in ("no sign of life for 5 s", "RIP=", "'status': 'paused'",
                 "last on the console", "once more"):
        if text not in output.getvalue():
            raise Failure(f"'{text}' is not in: {output.getvalue()}")
