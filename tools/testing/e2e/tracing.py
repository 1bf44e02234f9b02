# SPDX-License-Identifier: GPL-2.0
"""Counts what happens in the kernel between two moments, by trace events."""

import os
import re
import time

INSTANCES = "/sys/kernel/tracing/instances"

# "qemu-system-x86-71  [001] .....   12.345678: mvgpu_pin: dev=..."
LINE = re.compile(r"^.*?\s(\d+\.\d+): (\w+)(.*)$")


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def threads(machines):
    """All threads of some QEMUs."""
    return [thread for machine in machines
            for thread in os.listdir(f"/proc/{machine.process.pid}/task")]


class Trace:
    """Some events, of some threads and those that they start, or of all."""

    def __init__(self, name, events, pids=None):
        self.path = f"{INSTANCES}/{name}"
        if not os.path.isdir("/sys/kernel/tracing/events"):
            raise OSError("there is no tracefs")
        os.mkdir(self.path)
        write(f"{self.path}/trace_clock", "mono")
        write(f"{self.path}/buffer_size_kb", "16384")
        if pids is not None:
            write(f"{self.path}/options/event-fork", "1")
            write(f"{self.path}/set_event_pid", " ".join(pids))
        for event in events:
            write(f"{self.path}/events/{event}/enable", "1")

    def read(self):
        """(time, event, text) of each, and no more are collected."""
        write(f"{self.path}/tracing_on", "0")
        with open(f"{self.path}/trace", encoding="utf-8",
                  errors="replace") as file:
            found = [LINE.match(line) for line in file if line[:1] != "#"]
        return [(float(match[1]), match[2], match[3])
                for match in found if match]

    def close(self):
        os.rmdir(self.path)


def moment(event):
    """When QEMU sent an event, on the trace's clock."""
    stamp = event["timestamp"]
    return (stamp["seconds"] + stamp["microseconds"] / 1e6 -
            time.time() + time.monotonic())
