# SPDX-License-Identifier: GPL-2.0
"""Cases of a guest that stays where it is."""

from channel import Failure
from migration import hop


def guest_drives_all_queues(session):
    """The workload runs clean for ten seconds."""
    machine = session.guest()
    status = machine.workloads[0].progress(10)
    print(f"# {status['ops'] // status['tick']} commands a second, slowest "
          f"fence {status['slowest_ms']} ms")


def lspci_finds_nothing_wrong(session):
    """Nothing is unknown, downgraded, or does not work."""
    machine = session.guest()
    status, lines = machine.shell("pciutils -vv -d 1234:4d56")
    text = "\n".join(lines)
    wanted = ("MSI-X: Enable+", "Kernel driver in use: mvgpu_guest",
              "FLReset+", "BusMaster+")
    bad = ("unknown", "downgraded", "!!!", "<access denied>", "<MAbort+",
           ">SERR+", "<PERR+", "unassigned", "disabled]")
    if status or not all(word in text for word in wanted) or \
            any(word in text for word in bad):
        raise Failure(f"lspci: {status}\n{text}")


def reload(session, parameters=""):
    machine = session.machine
    machine.workloads[0].stop()
    status, lines = machine.shell("rmmod mvgpu_guest")
    if status:
        raise Failure(f"rmmod: {lines}")
    pinned = machine.vgpus[0].attribute("pages_pinned")
    status, lines = machine.shell(
        f"insmod /modules/90-mvgpu_guest.ko {parameters}")
    if status or pinned != "0":
        raise Failure(f"insmod: {lines}; {pinned} pages pinned before")
    session.start_stress()


def driver_can_be_reloaded(session):
    """The guest's module goes and comes back, and all memory is unpinned."""
    session.guest()
    reload(session)


def interrupts_by_msi(session):
    """With MSI, of which there are fewer vectors, all works and moves, too."""
    session.guest()
    reload(session, "msix=N")
    text = "\n".join(session.machine.shell("pciutils -vv -d 1234:4d56")[1])
    if "MSI: Enable+" not in text or "MSI-X: Enable-" not in text:
        raise Failure(f"lspci: {text}")
    hop(session)
    reload(session)


def guest_can_reboot(session):
    """The workload runs again after a reset of the machine."""
    machine = session.guest()
    machine.may_reboot()
    machine.shell_lines.send("reboot -f\n")
    machine.monitor.wait("RESET", 30, lambda data: data.get("guest"))
    while machine.workloads[0].wait_boot()["tick"] > 2:
        pass
    session.start_stress()


# QEMU closes the device before it takes the group out of the container. If the
# kernel is done with the removal in between, that has been done already.
CONTAINER_GONE = (r": vfio_container_dma_unmap\(.*\) = -22 ",
                  r": vfio: error disconnecting group \d+ from container$")


def unplug_by_remove(session):
    """Removing the vGPU unplugs it from a guest that uses it."""
    session.boot()
    machine = session.machine
    machine.allowed += CONTAINER_GONE
    device = machine.vgpus.pop()
    device.ask_to_remove()
    machine.monitor.wait("DEVICE_DELETED", 60,
                         lambda data: data.get("device") == "gpu0")
    device.wait_removed()
    while machine.workloads[0].ticks(1)["state"] == "running":
        pass
    if machine.workloads[0].status["state"] != "gone":
        raise Failure(f"the workload: {machine.workloads[0].status}")
    status, lines = machine.shell("rmmod mvgpu_guest")
    if status:
        raise Failure(f"rmmod: {lines}")
    machine.vgpus.append(device)
    session.machine = None
    session.others.append(machine)
    session.check_console(machine)
    session.release(machine)


def two_vgpus_work(session):
    """A guest with two vGPUs of different types."""
    session.boot(kinds=("small", "medium"))
    for workload in session.machine.workloads:
        workload.progress(5)
