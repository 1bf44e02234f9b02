# SPDX-License-Identifier: GPL-2.0
"""Cases of the guest's driver: what it promises to a program, and to the guest.

See driver_test.c, whose results are a case's here.
"""

import time

from channel import Failure

TEST = "driver-test /dev/mvgpu0"

# Where q35's LPC bridge says that the registers of power management are, and
# that they are there. A wakeup resets it, and SeaBIOS 1.16 does not set it
# again: the guest would not be suspended a second time, with or without a vGPU.
LPC = "/sys/bus/pci/devices/0000:00:1f.0/config"
KEEP = f"dd if={LPC} of=/pm bs=1 skip=64 count=5"
BRING_BACK = f"dd if=/pm of={LPC} bs=1 seek=64 conv=notrunc"


def judge(command, status, lines):
    print("\n".join(f"# {line}" for line in lines
                    if line.startswith(("ok ", "# "))))
    if status:
        text = "\n".join(lines)
        raise Failure(f"{command}: {status}\n{text}")


def run_test(session):
    """The tests that leave the guest awake."""
    machine = session.machine
    machine.workloads[0].stop()
    judge(TEST, *machine.shell(TEST, 120))
    session.start_stress()


def driver_keeps_programs_apart(session):
    """What a program sends or leaves reaches nobody else."""
    session.guest()
    run_test(session)


def driver_works_where_memory_bounces(session):
    """With swiotlb=force the device reaches the memory of programs, too."""
    session.boot(append="swiotlb=force")
    run_test(session)


def suspended(machine, seconds):
    """Waits until the guest is; False if its command ends before."""
    end = time.monotonic() + seconds
    while machine.monitor.look("SUSPEND", 1) is None:
        while machine.shell_lines.fill(time.monotonic()):
            pass
        if b"@end " in machine.shell_lines.buffer or time.monotonic() > end:
            return False
    return True


def suspend(machine, command):
    """Runs a command that suspends the guest; wakes it."""
    judge(KEEP, *machine.shell(KEEP))
    machine.monitor.events.clear()
    machine.begin(command)
    # A driver may take a minute to find out that it cannot.
    if not suspended(machine, 2 * machine.settings.seconds):
        try:
            said = machine.answer(command, 1)
        except Failure as failure:
            said = failure
        raise Failure(f"the guest is not suspended: {said}\n{machine.last()}")
    machine.call("system_wakeup")
    machine.monitor.wait("WAKEUP", machine.settings.seconds)
    answer = machine.answer(command, machine.settings.seconds)
    judge(BRING_BACK, *machine.shell(BRING_BACK))
    return answer


def guest_can_suspend(session):
    """To memory: programs go on with all they had, in the middle of work."""
    machine = session.guest()
    command = "echo mem >/sys/power/state"
    judge(command, *suspend(machine, command))
    machine.workloads[0].progress(2)


def suspend_loses_nothing(session):
    """Each byte, fence and fault of a program whose queues differ in all."""
    machine = session.guest()
    machine.workloads[0].stop()
    command = f"{TEST} suspend"
    judge(command, *suspend(machine, command))
    session.start_stress()


def driver_says_that_msi_is_missing(session):
    """Without MSI there is no interrupt, and one line that says so."""
    machine = session.guest()
    machine.workloads[0].stop()
    commands = ("cd /sys/bus/pci/drivers/mvgpu_guest",
                "cd $(readlink -f 0000:*)", "rmmod mvgpu_guest",
                "echo 0 >msi_bus", "insmod /modules/90-mvgpu_guest.ko",
                "test ! -e driver", "rmmod mvgpu_guest", "echo 1 >msi_bus",
                "insmod /modules/90-mvgpu_guest.ko", "test -e driver", "cd /",
                "dmesg | grep 'no MSI-X and no MSI (-.*), and a vGPU has no'")
    for command in commands:
        judge(command, *machine.shell(command))
    session.start_stress()
