# SPDX-License-Identifier: GPL-2.0
"""A proxy between source and target that harms what it passes on."""

import socket
import struct
import threading

# How the streams of our devices begin, and the section of their queues, which
# comes when the device has stopped: Documentation/stream.rst, context.rst. Id,
# version, flags and length, 4 and 4 times 120: nothing in guest memory is that.
STREAM = b"MDEVSTRM"
QUEUES = struct.pack("<IHHI", 0x102, 2, 0, 4 + 4 * 120)


class Proxy:
    """Passes bytes on to `port`, until `distance` bytes behind the first
    `pattern` (with none: behind the start). There it flips a bit or cuts."""

    def __init__(self, port, pattern, distance, cut=False):
        self.pattern = pattern
        self.distance = distance
        self.cut = cut
        self.target = None if pattern else distance
        self.done = False
        self.passed = 0
        self.tail = b""
        self.to = port
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        """One connection, and the way back beside it."""
        source = self.server.accept()[0]
        self.server.close()
        target = socket.create_connection(("127.0.0.1", self.to))
        back = threading.Thread(target=self.copy, daemon=True,
                                args=(target, source, lambda data: data))
        back.start()
        self.copy(source, target, self.harm)

    def copy(self, source, target, change):
        """Until one of them closes; then neither can send any more."""
        try:
            while True:
                data = source.recv(65536)
                changed = change(data)
                if not changed:
                    break
                target.sendall(changed)
        except OSError:
            pass
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def find(self, data):
        """Where to do harm, once the pattern was seen; it may come in parts."""
        seen = self.tail + data
        at = seen.find(self.pattern)
        if at >= 0:
            self.target = (self.passed - len(self.tail) + at +
                           len(self.pattern) + self.distance)
        self.tail = seen[-(len(self.pattern) - 1):]

    def harm(self, data):
        if self.target is None:
            self.find(data)
        if self.target is not None and not self.done:
            at = self.target - self.passed
            if at < len(data):
                self.done = True
                if self.cut:
                    return b""
                data = data[:at] + bytes([data[at] ^ 1]) + data[at + 1:]
        self.passed += len(data)
        return data
