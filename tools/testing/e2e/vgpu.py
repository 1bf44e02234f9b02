# SPDX-License-Identifier: GPL-2.0
"""vGPUs of this machine, by sysfs."""

import os
import subprocess
import uuid

from channel import Failure

TYPES = "/sys/class/mvgpu/mvgpu/mdev_supported_types"
DEVICES = "/sys/bus/mdev/devices"

# What a vGPU that nobody has open looks like.
AT_REST = {"owner": "none", "pages_pinned": "0", "state": "closed",
           "vram_used": "0"}


def write(path, text):
    with open(path, "w", encoding="ascii") as file:
        file.write(text)


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read().strip()


class Vgpu:
    """A vGPU, from creation to removal."""

    def __init__(self, kind="small"):
        self.kind = kind
        self.uuid = str(uuid.uuid4())
        self.path = f"{DEVICES}/{self.uuid}"
        write(f"{TYPES}/mvgpu-{kind}/create", self.uuid)

    def attribute(self, name):
        return read(f"{self.path}/mvgpu/{name}")

    def iommufd_device(self):
        """/dev/vfio/devices/vfioN, where the kernel has it, else None."""
        folder = f"{self.path}/vfio-dev"
        if not os.path.isdir(folder):
            return None
        path = f"/dev/vfio/devices/{os.listdir(folder)[0]}"
        return path if os.path.exists(path) else None

    def exists(self):
        return os.path.exists(self.path)

    def ask_to_remove(self):
        """Removes a vGPU that is in use; this takes until it is not."""
        self.removing = subprocess.Popen(
            ["sh", "-c", f"echo 1 >{self.path}/remove"],
            stdin=subprocess.DEVNULL)

    def wait_removed(self, seconds=30):
        if self.removing.wait(seconds) or self.exists():
            raise Failure("the vGPU is still there")

    def remove(self):
        """Removes a vGPU that nobody has open any more, and left as it was."""
        if not self.exists():
            return
        found = {name: self.attribute(name) for name in AT_REST}
        write(f"{self.path}/remove", "1")
        if found != AT_REST:
            raise Failure(f"a vGPU that was closed: {found}")


def left():
    """UUIDs of all vGPUs there are."""
    return sorted(os.listdir(DEVICES)) if os.path.isdir(DEVICES) else []
