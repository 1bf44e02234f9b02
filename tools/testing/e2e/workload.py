# SPDX-License-Identifier: GPL-2.0
"""The workload in the guest, by its port: see samples/guest/workload/main.c."""

import time

from channel import Failure, Silent

# A guest that boots, on a debug kernel, or on a machine that has much to do.
BOOT = 240

# So long without a sign of life, a guest is taken for dead.
SILENT = 60


class Workload:
    """What a workload says of itself. `status` is its last line."""

    def __init__(self, lines, machine):
        self.lines = lines
        self.machine = machine
        self.status = None

    def silent(self, seconds):
        return Silent(f"{self.machine.name}: no sign of life for {seconds} s; "
                      f"its workload said {self.status}\n"
                      f"{self.machine.symptoms()}")

    def next(self, seconds, *starts):
        """The next line that begins with one of `starts`, as a dictionary."""
        end = time.monotonic() + seconds
        while True:
            line = self.lines.line(end)
            if line is None:
                raise self.silent(seconds)
            start = line.partition("=")[0]
            fields = dict(word.partition("=")[::2] for word in line.split())
            if "state" not in fields:
                continue
            fields["tick"] = fields.pop(start)
            self.status = {name: int(value) if value.isdigit() else value
                           for name, value in fields.items()}
            if start in starts:
                return self.status

    def wait_boot(self):
        """Until it says something.

        A guest has no other sign of life by then than that its CPU works.
        """
        end = time.monotonic() + BOOT
        while time.monotonic() < end:
            worked = self.machine.cpu_seconds()
            if self.lines.fill(time.monotonic() + SILENT):
                return self.next(SILENT, "tick")
            if self.machine.cpu_seconds() - worked < SILENT / 20:
                raise self.silent(SILENT)
        raise self.silent(BOOT)

    def run(self, kind, **options):
        words = [kind] + [f"{name}={value}" for name, value in options.items()]
        self.lines.send(f"run {' '.join(words)}\n")
        self.next(SILENT, "run")

    def wait_running(self, seconds=60):
        """Until it works: memory was bound, and touched once."""
        end = time.monotonic() + seconds
        while self.next(SILENT, "tick")["state"] == "starting":
            if time.monotonic() > end:
                raise Failure("the workload does not start")
        if self.status["state"] != "running":
            raise Failure(f"the workload does not run: {self.status}")
        return self.status

    def stop(self, seconds=120):
        """Ends it; returns and judges what it says last."""
        self.lines.send("stop\n")
        return self.check(self.next(seconds, "final"))

    def ticks(self, count, seconds=None):
        """Waits for so many lines more; returns the last."""
        for _ in range(count):
            self.next(seconds or SILENT, "tick")
        return self.status

    def drain(self):
        """What has come in already; returns the last of it."""
        while self.lines.fill(0):
            pass
        while b"\n" in self.lines.buffer:
            self.next(1, "tick", "run", "final")
        return self.status

    def check(self, status=None):
        """Nothing was lost, nothing wrong, nothing late."""
        status = status or self.status
        if any(status[name] for name in ("errors", "lost", "stalls")) or \
                status["state"] not in ("running", "stopped"):
            raise Failure(f"the workload: {status}; the guest's console: "
                          f"{self.machine.console()[-2000:]}")
        return status

    def progress(self, count=2):
        """From now on, it does more in some seconds, and all is well."""
        self.drain()
        before = dict(self.ticks(1))
        after = self.check(self.ticks(count))
        if after["kind"] == "stress" and after["ops"] <= before["ops"]:
            raise Failure(f"the workload stands still: {after}")
        return after
