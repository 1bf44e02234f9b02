# SPDX-License-Identifier: GPL-2.0
"""One migration, from a source to a target, over QMP."""

import time

from channel import Failure, Silent

# Always set, and those that a case may want. A machine keeps what it was told
# from one migration to the next, so that all is said each time.
CAPABILITIES = ("events", "return-path")
FURTHER = ("multifd",)
PARAMETERS = {"max_bandwidth": 128 << 20}

ENDED = ("completed", "failed", "cancelled")


class Migration:
    """`start()` begins it; `finish()`, `watch()`, `cancel()` and so on go on.

    `through` is called with the target's port and returns the port to send to.
    """

    def __init__(self, source, target, capabilities=(), parameters=None,
                 uri=None, through=None):
        self.source = source
        self.target = target
        self.capabilities = CAPABILITIES + tuple(capabilities)
        self.parameters = PARAMETERS | (parameters or {})
        self.uri = uri
        self.through = through

    def prepare(self, machine):
        machine.call("migrate-set-capabilities", capabilities=[
            {"capability": name, "state": name in self.capabilities}
            for name in CAPABILITIES + FURTHER])
        machine.call("migrate-set-parameters", **self.parameters)

    def listen(self):
        """Has the target listen; returns where to send to."""
        self.target.call("migrate-incoming",
                         uri=self.uri or "tcp:127.0.0.1:0")
        if self.uri:
            return self.uri
        address = self.target.call("query-migrate")["socket-address"][0]
        port = int(address["port"])
        if self.through:
            port = self.through(port)
        return f"tcp:127.0.0.1:{port}"

    def start(self):
        self.prepare(self.source)
        self.prepare(self.target)
        self.source.monitor.events.clear()
        self.source.call("migrate", uri=self.listen())
        self.started = time.monotonic()

    def watch(self, seconds):
        """How it ended, or None if it has not ended by then."""
        status = self.source.monitor.look(
            "MIGRATION", seconds, lambda data: data["status"] in ENDED)
        return status and status["status"]

    def expect(self, wanted, seconds=None):
        """Waits for its end, which has to be `wanted`."""
        status = self.watch(seconds or 3 * self.source.settings.seconds)
        info = self.source.call("query-migrate")
        if status != wanted:
            raise Failure(f"migration: {status}, not {wanted}: {info}; "
                          f"target said {self.target.said()}\n"
                          f"{self.source.symptoms()}")
        return info

    def finish(self, paused=False):
        """Waits until the guest runs on the target; returns QEMU's figures.

        A target that was started `paused` first has to be told.
        """
        seconds = self.target.settings.seconds
        info = self.expect("completed")
        if paused:
            self.target.monitor.wait("MIGRATION", seconds,
                                     lambda data: data["status"] == "completed")
            if self.target.running():
                raise Failure("the target runs, though it was to be paused")
            self.target.call("cont")
        if self.target.monitor.look("RESUME", seconds) is None:
            raise Silent("the guest does not go on; the source:\n"
                         f"{self.source.symptoms()}\nthe target:\n"
                         f"{self.target.symptoms()}")
        return info

    def cancel(self):
        """Cancels it, and says how it ended.

        QEMU shuts the connection down first, and then only says that it is
        cancelling: a thread that writes in between finds the pipe broken, and
        has the migration end as "failed". It is cancelled all the same; any
        other failure is in what the source said.
        """
        self.source.call("migrate_cancel")
        status = self.watch(self.source.settings.seconds)
        return "cancelled" if status == "failed" else status


def check_continuity(before, after):
    """Each line of the workload came out once, on one side or the other."""
    for old, new in zip(before, after):
        last = old.drain()["tick"]
        first = new.ticks(1)["tick"]
        if first != last + 1:
            raise Failure(f"ticks: {last} on the source, then {first}")


def summary(info):
    """QEMU's figures, in a line."""
    ram = info.get("ram", {})
    vfio = info.get("vfio", {})
    return (f"total {info.get('total-time')} ms, "
            f"downtime {info.get('downtime')} ms, "
            f"RAM {ram.get('transferred', 0) / 2**20:.1f} MiB, "
            f"device {vfio.get('transferred', 0) / 2**20:.1f} MiB, "
            f"{ram.get('dirty-sync-count')} rounds")


def hop(session, paused=False, reset=False, **options):
    """The shared guest moves to a new machine; returns QEMU's figures.

    One that was `reset` before begins anew; the firmware resets it once more.
    """
    source = session.machine
    kinds = [device.kind for device in source.vgpus]
    target = session.spawn(kinds=kinds, incoming=True,
                           memory=source.memory,
                           more=["-S"] if paused else [])
    if reset:
        target.may_reboot()
    migration = Migration(source, target, **options)
    migration.start()
    info = migration.finish(paused)
    if not reset:
        check_continuity(source.workloads, target.workloads)
    session.moved_to(target)
    session.others.append(source)
    print(f"# {summary(info)}", flush=True)
    session.release(source)
    return info
