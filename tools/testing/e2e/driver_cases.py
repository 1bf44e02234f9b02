# SPDX-License-Identifier: GPL-2.0
"""Cases of the guest's driver: what it promises to a program, and to the guest.

See driver_test.c, whose results are a case's here.
"""

from channel import Failure

TEST = "driver-test /dev/mvgpu0"


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


def suspend(machine, command):
    """Runs a command that suspends the guest; wakes it."""
    machine.monitor.events.clear()
    machine.begin(command)
    # A driver may take a minute to find out that it cannot.
    if machine.monitor.look("SUSPEND", 2 * machine.settings.seconds) is None:
        raise Failure(f"the guest is not suspended\n{machine.last()}")
    machine.call("system_wakeup")
    machine.monitor.wait("WAKEUP", machine.settings.seconds)
    return machine.answer(command, machine.settings.seconds)


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
