# SPDX-License-Identifier: GPL-2.0
"""Lines over sockets, with deadlines: QEMU's monitor, ports of the guest.

QEMU inherits the other ends, so that they are connected from the beginning, and
closed when it ends. Nothing here sleeps: who waits, waits for the socket.
"""

import json
import select
import socket
import time


class Failure(Exception):
    """A test saw what it must not see."""


class Silent(Failure):
    """A guest, or QEMU, gives no sign of life."""


class Lines:
    """Lines that come from a socket."""

    def __init__(self):
        self.socket, self.other = socket.socketpair()
        self.buffer = b""
        self.closed = False

    def inherited(self):
        """There is a process now that has the other end."""
        self.other.close()

    def send(self, text):
        self.socket.sendall(text.encode())

    def fill(self, end):
        """Waits until `end` for something to come; False at that time."""
        if self.closed:
            return False
        left = max(0, end - time.monotonic())
        if not select.select([self.socket], [], [], left)[0]:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self.closed = not data
        self.buffer += data
        return True

    def take(self):
        """The next line that has come in whole, or None."""
        line, newline, rest = self.buffer.partition(b"\n")
        if not newline:
            return None
        self.buffer = rest
        return line.decode(errors="replace").rstrip("\r")

    def line(self, end):
        """The next line; None at `end`, or when the other side has closed."""
        while True:
            line = self.take()
            if line is not None:
                return line
            if not self.fill(end):
                return None

    def close(self):
        self.socket.close()
        self.closed = True


class Monitor:
    """QEMU's monitor: commands and events."""

    def __init__(self, lines):
        self.lines = lines
        self.events = []

    def begin(self, seconds):
        """QEMU speaks first, once it has realized its devices."""
        self.next(time.monotonic() + seconds, "greeting")
        self.call("qmp_capabilities")

    def next(self, end, what):
        line = self.lines.line(end)
        if line is None:
            raise Silent(f"QEMU's monitor: no {what}")
        return json.loads(line)

    def call(self, command, seconds=60, **arguments):
        """Runs a command; an error of QEMU is a Failure."""
        message = {"execute": command}
        if arguments:
            message["arguments"] = {
                name.replace("_", "-"): value
                for name, value in arguments.items()}
        self.lines.send(json.dumps(message) + "\n")
        end = time.monotonic() + seconds
        while True:
            reply = self.next(end, f"answer to {command}")
            if "event" in reply:
                self.events.append(reply)
            elif "error" in reply:
                raise Failure(f"{command}: {reply['error']['desc']}")
            else:
                return reply["return"]

    def look(self, event, seconds, accept=lambda data: True):
        """Waits for an event; its data, or None if it did not come in time.

        Events stay in `events` until they are cleared.
        """
        end = time.monotonic() + seconds
        seen = 0
        while True:
            for message in self.events[seen:]:
                data = message.get("data", {})
                if message["event"] == event and accept(data):
                    return data
            seen = len(self.events)
            line = self.lines.line(end)
            if line is None:
                return None
            self.events.append(json.loads(line))

    def wait(self, event, seconds, accept=lambda data: True):
        """The same for one that has to come."""
        data = self.look(event, seconds, accept)
        if data is None:
            raise Failure(f"QEMU's monitor: no event {event}")
        return data

    def seen(self, event):
        return any(message["event"] == event for message in self.events)

    def close(self):
        self.lines.close()
