# SPDX-License-Identifier: GPL-2.0
"""A QEMU process with vGPUs, and the guest's ports."""

import os
import re
import signal
import subprocess
import time

from channel import Failure, Lines, Monitor, Silent
from workload import Workload

# What QEMU says at realize on a kernel without IOMMUFD, once a vGPU, and all
# that it may ever say.
NO_DIRTY_TRACKING = ("warning: {uuid}: VFIO device doesn't support device "
                     "and IOMMU dirty tracking")

# Nothing is nested in the guest. Where KVM is nested itself, on an emulated
# CPU, one migration in hundreds ended in "Failed to set nested state".
CPU = "host,-svm"

# The guest is a Debian kernel with an initramfs; it needs no more than this.
APPEND = "console=ttyS0 quiet panic=-1 mitigations=off"


class NotStarted(Failure):
    """QEMU ended before it had its devices; `said` is why, by line."""

    def __init__(self, machine):
        self.said = machine.said()
        self.vgpus = machine.vgpus
        super().__init__(f"{machine.name} did not start: {self.said}")


class Settings:
    """What is the same for all machines of a run.

    `region_qemu` is the QEMU that moves vGPUs by the device-state region.
    """

    def __init__(self, kernel, initrd, folder, iommufd=False,
                 region_qemu=None):
        self.kernel = kernel
        self.initrd = initrd
        self.folder = folder
        self.iommufd = iommufd
        self.region_qemu = region_qemu
        debug = os.path.exists("/sys/kernel/debug/kmemleak")
        # Where device DMA logging works, QEMU has nothing to say.
        self.warns = not debug and os.uname().release.startswith("6.12.")
        # For QEMU to start, or to end; for a fence, in the guest's time.
        self.seconds = 120 if debug else 60
        self.stall_ms = 30000 if debug else 10000


class Machine:
    """One QEMU. `vgpus` may be empty; `incoming` waits for a migration.

    `region` is the value of x-device-state-region, None for stock QEMU, which
    has no such property; `device` are more properties of the vGPUs.
    """

    count = 0

    def __init__(self, settings, vgpus, incoming=False, memory=256, more=(),
                 append="", region=None, device=""):
        Machine.count += 1
        self.settings = settings
        self.vgpus = list(vgpus)
        self.memory = memory
        self.append = f"{APPEND} {append}"
        self.region = region
        self.device = device
        self.name = f"qemu-{Machine.count}"
        self.folder = os.path.join(settings.folder, self.name)
        self.ended = False
        # Lines that match one of these may be among what it says.
        self.allowed = ()
        self.judged = 0
        os.makedirs(self.folder)
        self.monitor = Monitor(Lines())
        self.shell_lines = Lines()
        self.workloads = [Workload(Lines(), self)
                          for _ in self.vgpus or [None]]
        self.spawn(self.command(incoming, list(more)))
        try:
            self.monitor.begin(settings.seconds)
        except (Failure, OSError):
            self.kill()
            raise NotStarted(self) from None

    def command(self, incoming, more):
        settings = self.settings
        ports = {"shell": self.shell_lines}
        ports |= {f"workload{number}": workload.lines
                  for number, workload in enumerate(self.workloads)}
        program = "qemu-system-x86_64"
        if self.region:
            program = settings.region_qemu
            if not program:
                raise Failure("there is no --region-qemu")
        line = [program, "-machine", "q35,accel=kvm",
                "-cpu", CPU, "-smp", "1", "-m", str(self.memory),
                "-nodefaults", "-no-user-config", "-display", "none",
                "-action", "reboot=shutdown,shutdown=pause",
                "-kernel", settings.kernel, "-initrd", settings.initrd,
                "-append", self.append,
                "-chardev", f"file,id=console,path={self.folder}/console.log",
                "-serial", "chardev:console",
                "-chardev",
                f"socket,id=qmp,fd={self.monitor.lines.other.fileno()}",
                "-mon", "chardev=qmp,mode=control",
                "-device", "virtio-serial-pci,id=serial"]
        for port, lines in ports.items():
            line += ["-chardev",
                     f"socket,id={port},fd={lines.other.fileno()}",
                     "-device", f"virtserialport,chardev={port},name={port}"]
        if settings.iommufd and not self.by_region():
            line += ["-object", "iommufd,id=iommufd0"]
        # An IOMMU of the guest has to come before what is behind it.
        line += more
        for number, vgpu in enumerate(self.vgpus):
            line += ["-device", f"pcie-root-port,id=root{number},"
                     f"chassis={number + 1}",
                     "-device", f"vfio-pci,sysfsdev={vgpu.path},"
                     f"id=gpu{number},bus=root{number}{self.properties()}"]
        if incoming:
            line += ["-incoming", "defer"]
        return line

    def properties(self):
        """Of each vGPU, with a comma before each."""
        text = self.device
        if self.region:
            text += f",x-device-state-region={self.region}"
        if self.by_region():
            return text
        if self.settings.iommufd:
            text += ",iommufd=iommufd0"
        # Where QEMU has nothing to say, the default does.
        return text + (",enable-migration=on" if self.settings.warns else "")

    def by_region(self):
        return self.region not in (None, "off")

    def spawn(self, line):
        with open(f"{self.folder}/command", "w", encoding="utf-8") as file:
            file.write(" ".join(line) + "\n")
        lines = self.open_lines()
        with open(f"{self.folder}/stderr", "wb") as errors:
            self.process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                pass_fds=[end.other.fileno() for end in lines])
        for end in lines:
            end.inherited()

    def call(self, command, seconds=60, **arguments):
        try:
            return self.monitor.call(command, seconds, **arguments)
        except Silent as failure:
            raise Silent(f"{self.name}: {failure}\n{self.last()}") from None

    def shell(self, command, seconds=30):
        """Runs a command in the guest; returns its exit status and output."""
        self.begin(command)
        return self.answer(command, seconds)

    def begin(self, command):
        """Begins to run a command in the guest."""
        self.shell_lines.send(f"{command}\necho \"@end $?\"\n")

    def answer(self, command, seconds=30):
        """What came of a command that was begun."""
        end = time.monotonic() + seconds
        output = []
        while True:
            line = self.shell_lines.line(end)
            if line is None:
                raise Failure(f"the guest does not answer: {command}")
            if line.startswith("@end "):
                return int(line.split()[1]), output
            output.append(line)

    def may_reboot(self):
        """From now on. Before, a guest that resets itself only stops."""
        self.call("set-action", reboot="reset")

    def symptoms(self):
        """For a log: what the CPU, its timer and the vGPUs are at, twice.

        And what the guest and QEMU said last.
        """
        text = [self.name]
        try:
            text += self.look()
        except (Failure, OSError) as failure:
            text.append(f"nothing can be seen: {failure}")
        text.append(self.last())
        return "\n".join(text)

    def last(self):
        """The end of what the guest and QEMU said."""
        return "\n".join(["last on the console:"] +
                         self.console().splitlines()[-15:] +
                         [f"{self.name} said {self.said()[-15:]}"])

    def look(self):
        text = [str(self.monitor.call("query-status", seconds=10))]
        text += [str(event) for event in self.monitor.events
                 if event["event"] in ("SHUTDOWN", "RESET", "STOP")]
        for _ in range(2):
            for command in ("registers", "lapic", "pic"):
                text.append(self.monitor.call(
                    "human-monitor-command", seconds=10,
                    **{"command-line": f"info {command}"}))
            for vgpu in self.vgpus:
                text += [f"{name}: {vgpu.attribute(name)}"
                         for name in ("state", "commands", "faults")]
            time.sleep(1)
        return text

    def cpu_seconds(self):
        """The time that its threads, that is the guest's CPU, have had."""
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii",
                  errors="replace") as file:
            fields = file.read().rpartition(")")[2].split()
        return ((int(fields[11]) + int(fields[12])) /
                os.sysconf("SC_CLK_TCK"))

    def running(self):
        return self.call("query-status")["status"] == "running"

    def console(self):
        with open(f"{self.folder}/console.log", encoding="utf-8",
                  errors="replace") as file:
            return file.read()

    def said(self):
        """All that QEMU printed."""
        with open(f"{self.folder}/stderr", encoding="utf-8",
                  errors="replace") as file:
            return file.read().splitlines()

    def check_said(self):
        """QEMU printed what it must, and what is `allowed`, and no more.

        Each line is judged once: what is allowed is so until then.
        """
        said = self.said()
        expected = []
        if not self.judged and self.settings.warns and not self.by_region():
            expected = [f": {NO_DIRTY_TRACKING.format(uuid=vgpu.uuid)}"
                        for vgpu in self.vgpus]
        lines = [line for line in said[self.judged:]
                 if not any(re.search(text, line) for text in self.allowed)]
        self.judged = len(said)
        self.allowed = ()
        good = len(lines) == len(expected) and all(
            line.endswith(text) for line, text in zip(lines, expected))
        if not good:
            raise Failure(f"{self.name} said {lines}, not {expected}")

    def end(self, how):
        """Waits for the process, and lets go of its vGPUs."""
        if self.ended:
            return
        self.ended = True
        try:
            self.process.wait(self.settings.seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise Failure(f"{self.name} did not end: {how}") from None
        finally:
            for lines in self.open_lines():
                lines.close()

    def open_lines(self):
        return [self.monitor.lines, self.shell_lines] + [
            workload.lines for workload in self.workloads]

    def quit(self):
        """An orderly end. The vGPUs are free afterwards."""
        if self.ended:
            return
        try:
            self.call("quit")
        except OSError:
            pass
        self.end("quit")
        if self.process.returncode:
            raise Failure(f"{self.name}: exit status "
                          f"{self.process.returncode}")

    def kill(self, number=signal.SIGKILL):
        if not self.ended:
            self.process.send_signal(number)
            self.end("kill")
