# SPDX-License-Identifier: GPL-2.0
"""Snapshots of a machine, as savevm and loadvm make them."""

from channel import Failure

# Room for all of a guest's memory, and some.
SIZE = 2 << 30
NODE = "snapshots"


def job(machine, command, name, **arguments):
    """Runs a job of QEMU to its end."""
    machine.monitor.events.clear()
    machine.call(command, job_id=name, **arguments)
    machine.monitor.wait(
        "JOB_STATUS_CHANGE", machine.settings.seconds,
        lambda data: data["id"] == name and data["status"] == "concluded")
    jobs = {found["id"]: found for found in machine.call("query-jobs")}
    machine.call("job-dismiss", id=name)
    if "error" in jobs[name]:
        raise Failure(f"{command}: {jobs[name]['error']}")


def attach(machine, path, create):
    """Gives the machine a qcow2 file, which its guest does not see.

    QEMU 10.0 crashes in savevm while it has the capability multifd, which a
    migration before this may have left.
    """
    machine.call("migrate-set-capabilities", capabilities=[
        {"capability": "multifd", "state": False}])
    if create:
        job(machine, "blockdev-create", "create-file",
            options={"driver": "file", "filename": path, "size": 0})
    machine.call("blockdev-add", driver="file", filename=path,
                 node_name="snapshots-file")
    if create:
        job(machine, "blockdev-create", "create-image",
            options={"driver": "qcow2", "file": "snapshots-file",
                     "size": SIZE})
    machine.call("blockdev-add", driver="qcow2", file="snapshots-file",
                 node_name=NODE)


def save(machine, tag):
    job(machine, "snapshot-save", f"save-{tag}", tag=tag, vmstate=NODE,
        devices=[NODE])


def load(machine, tag):
    """The guest is as it was; it runs on if it ran when this was called."""
    job(machine, "snapshot-load", f"load-{tag}", tag=tag, vmstate=NODE,
        devices=[NODE])
