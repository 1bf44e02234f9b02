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
