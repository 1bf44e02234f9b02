# SPDX-License-Identifier: GPL-2.0
"""The guest that the cases share, wherever it is."""

import random
import re

import vgpu
from channel import Failure
from machine import Machine

# What no guest may find in its log.
TROUBLE = re.compile(r"WARNING:|BUG:|Call Trace|Oops|Kernel panic|"
                     r"general protection|blocked for more than|"
                     r"nobody cared|mvgpu_guest .* (not|odd)")


class Session:
    """A guest at work: `machine` runs it, `vgpus` are its own.

    `region` and `device` say how machines are started from now on: see Machine.
    """

    def __init__(self, settings, seed):
        self.settings = settings
        self.seed = seed
        self.random = random.Random(seed)
        self.plain()
        self.machine = None
        # Machines of which the case has to let go.
        self.others = []

    def plain(self):
        """Machines are of stock QEMU from now on."""
        self.region = None
        self.device = ""

    def spawn(self, count=1, kinds=None, **options):
        """A machine with fresh vGPUs, of which the case has to let go."""
        kinds = ["small"] * count if kinds is None else kinds
        vgpus = [vgpu.Vgpu(kind) for kind in kinds]
        try:
            machine = Machine(self.settings, vgpus,
                              **{"region": self.region,
                                 "device": self.device} | options)
        except Failure:
            for device in vgpus:
                device.remove()
            raise
        self.others.append(machine)
        return machine

    def boot(self, kinds=("small",), **options):
        """Starts a guest, and its workloads."""
        self.end()
        self.machine = self.spawn(kinds=list(kinds), **options)
        self.others.remove(self.machine)
        for workload in self.machine.workloads:
            workload.wait_boot()
        self.start_stress()

    def start_stress(self):
        for workload in self.machine.workloads:
            workload.run("stress", seed=self.random.randrange(1 << 31),
                         stall_ms=self.settings.stall_ms)
        for workload in self.machine.workloads:
            workload.wait_running()

    def guest(self):
        """The machine that runs the guest with one vGPU, at work."""
        machine = self.machine
        if not machine or len(machine.vgpus) != 1 or \
                (machine.region, machine.device) != (self.region, self.device):
            self.boot()
        return self.machine

    def release(self, machine, kill=False, said=True):
        """Ends a machine, looks at what it `said`, removes its vGPUs."""
        if machine in self.others:
            self.others.remove(machine)
        if kill:
            machine.kill()
        else:
            machine.quit()
        if said:
            machine.check_said()
        for device in machine.vgpus:
            device.remove()

    def moved_to(self, machine):
        """The guest is there now."""
        self.others.remove(machine)
        self.machine = machine

    def check(self):
        """After a case: the guest works, all is said, nothing is left over."""
        if self.others:
            raise Failure(f"left running: {[m.name for m in self.others]}")
        expected = []
        if self.machine:
            for workload in self.machine.workloads:
                workload.progress()
            self.machine.check_said()
            self.check_console(self.machine)
            expected = [device.uuid for device in self.machine.vgpus]
        if vgpu.left() != sorted(expected):
            raise Failure(f"vGPUs left over: {vgpu.left()}")

    def check_console(self, machine):
        found = TROUBLE.search(machine.console())
        if found:
            start = max(0, found.start() - 200)
            raise Failure("the guest's console: "
                          f"{machine.console()[start:found.end() + 1000]}")

    def end(self, force=False):
        """Ends all machines, and checks what they leave behind."""
        machines = self.others + ([self.machine] if self.machine else [])
        good = self.machine
        self.machine = None
        self.others = []
        if force:
            for machine in machines:
                machine.kill()
                for device in machine.vgpus:
                    if device.exists():
                        device.remove()
            return
        for machine in machines:
            if machine is good:
                for workload in machine.workloads:
                    workload.stop()
            self.release(machine)
