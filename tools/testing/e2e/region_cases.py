# SPDX-License-Identifier: GPL-2.0
"""Cases of the QEMU that moves vGPUs by the device-state region.

See samples/qemu/. Each is a move, or a refusal, with one of the values that its
property x-device-state-region has; most cases exist for both.
"""

import re
import subprocess

import device_cases
import driver_cases
import failure_cases
import move_cases
from channel import Failure
from machine import NotStarted
from migration import hop
from proxy import QUEUES, STREAM
from tracing import Trace
from vgpu import Vgpu, write

CLAIM = "/sys/module/vfio_dirty/parameters/claim"
QUERIES = "vfio_dirty/vfio_dirty_query"

# What the kernel is asked for: what the device wrote, by the ioctl of 2018, or
# what is dirty since the last time, by upstream's.
LAYERS = {"on": {"written"}, "precopy": {"dirty"}}


def by(value, case):
    """The case, with the property set to this."""
    def run(session):
        session.region = value
        case(session)

    run.__name__ = f"{case.__name__}_{value}"
    run.__doc__ = case.__doc__
    return run


def moved(session, info, owners=("region",)):
    """The guest has moved, and its vGPUs have by the region alone."""
    count = 0
    for device in session.machine.vgpus:
        owner = device.attribute("owner")
        count += int(device.attribute("bytes_migrated"))
        if owner not in owners:
            raise Failure(f"the vGPU at the target is owned by {owner}")
    sent = info.get("vfio", {}).get("transferred", 0)
    if not 0 < count <= sent:
        raise Failure(f"{count} bytes of contexts were written; QEMU counts "
                      f"{sent}")


def live(session):
    """A guest at work moves, and notices nothing."""
    session.guest()
    moved(session, hop(session))


def live_with_multifd(session):
    """The same with several connections for the guest's memory."""
    session.guest()
    moved(session, hop(session, capabilities=["multifd"]))


def two_vgpus_move(session):
    """Two vGPUs of different types move with their guest."""
    session.boot(kinds=("small", "medium"))
    moved(session, hop(session))


def asks_by_one_ioctl(session):
    """The container is asked by the ioctl that belongs to the value, alone."""
    session.guest()
    trace = Trace("queries", [QUERIES])
    try:
        hop(session)
        found = {re.search(r"layer=(\w+)", text)[1]
                 for _, _, text in trace.read()}
    finally:
        trace.close()
    if found != LAYERS[session.region]:
        raise Failure(f"the container was asked for what is {found}")


def target_has_the_other_value(session):
    """How the source finds its dirty pages is nothing to the target."""
    session.guest()
    for value in ("precopy", "on"):
        session.region = value
        moved(session, hop(session))


def whole_region_at_once(session):
    """Read and written in one piece, and what was read in pieces before.

    So did the client of the proposal; its PCI config space comes before the
    context. In pieces the context comes first. The target takes either.
    """
    session.guest()
    lengths = []
    for device in (",x-device-state-whole=on", ",x-device-state-whole=on", ""):
        session.device = device
        info = hop(session)
        moved(session, info)
        lengths.append(info["vfio"]["transferred"])
    # The first came from a source that does not send what is not in use.
    if lengths[1] != lengths[2] or lengths[0] >= lengths[1]:
        raise Failure(f"sent were {lengths} bytes")


def moves_by_v2(session):
    """With the property off this QEMU is as any other."""
    session.guest()
    hop(session)
    owner = session.machine.vgpus[0].attribute("owner")
    if owner != "v2":
        raise Failure(f"the vGPU at the target is owned by {owner}")


def paused_source_then_cont(session):
    """A guest that was paused before it moved is paused after it."""
    session.guest().call("stop")
    moved(session, hop(session, paused=True))


def reset_while_paused(session):
    """A reset of the stopped machine makes the vGPU run; it moves all the same.

    The guest begins anew at the target.
    """
    source = session.guest()
    source.may_reboot()
    source.call("stop")
    source.monitor.events.clear()
    source.call("system_reset")
    source.monitor.wait("RESET", session.settings.seconds)
    state = source.vgpus[0].attribute("state")
    if state != "running":
        raise Failure(f"the vGPU is {state} after the reset")
    # Once more it is reset by its firmware, and then nobody's until it stops.
    moved(session, hop(session, paused=True, reset=True), ("region", "none"))
    session.machine.workloads[0].wait_boot()
    session.start_stress()


def driver_comes_after_the_move(session):
    """A vGPU that no driver has touched moves; then a driver finds it good."""
    session.end()
    session.machine = session.spawn(append="driver=later")
    session.others.remove(session.machine)
    session.machine.workloads[0].wait_boot()
    moved(session, hop(session))
    machine = session.machine
    command = "insmod /modules/90-mvgpu_guest.ko"
    driver_cases.judge(command, *machine.shell(command))
    driver_cases.judge(driver_cases.TEST,
                       *machine.shell(driver_cases.TEST, 120))
    session.check_console(machine)
    session.end()


def savevm_and_loadvm(session):
    """Back to a snapshot, in the same QEMU and in another one."""
    move_cases.savevm_and_loadvm(session)


def cancelled(session):
    """A migration is cancelled at three random moments."""
    failure_cases.cancel_three_times(session)


def cut_in_the_context(session):
    """The connection breaks while the context is sent."""
    failure_cases.spoiled(session, STREAM, session.random.randrange(1 << 20),
                          cut=True)


def names_the_vgpu(machine):
    """What a QEMU said of its vGPU: one line."""
    device = machine.vgpus[0].uuid
    lines = [line for line in machine.said() if device in line]
    if len(lines) != 1:
        raise Failure(f"{machine.name} said {machine.said()}")
    return lines[0]


def corrupted_context(session):
    """A bit of the queues' state flips on its way; the target says so."""
    migration = failure_cases.spoiled(session, QUEUES,
                                      16 + session.random.randrange(64))
    print(f"# {names_the_vgpu(migration.target)}", flush=True)
    device = migration.target.vgpus[0].uuid
    log = subprocess.run(["dmesg"], capture_output=True, check=True,
                         text=True).stdout
    if not any(device in line and "refused" in line
               for line in log.splitlines()):
        raise Failure("the kernel log does not tell why")


def target_of_another_type(session):
    """A target with a vGPU of another type refuses while the guest runs."""
    migration = failure_cases.move_to_another_type(session)
    print(f"# {names_the_vgpu(migration.target)}", flush=True)
    failure_cases.stays(session, migration)


def guest_can_reboot(session):
    """A reset of the machine takes the vGPU along."""
    device_cases.guest_can_reboot(session)
    moved(session, hop(session))


def unplug_by_remove(session):
    """Removing the vGPU unplugs it from a guest that uses it."""
    device_cases.unplug_by_remove(session)


def does_not_start(session, *words, **options):
    """QEMU ends, and says why in one line that names the vGPU."""
    try:
        machine = session.spawn(**options)
    except NotStarted as refusal:
        said = refusal.said
        device = refusal.vgpus[0].uuid
    else:
        session.release(machine, said=False)
        raise Failure("QEMU starts")
    # The option comes before, with its path, and with these words, too.
    text = "".join(said).partition(f": vfio {device}: ")[2]
    if len(said) != 1 or not all(word in text for word in words):
        raise Failure(f"QEMU said {said}, and nothing of {words}")
    print(f"# {said[0]}", flush=True)


def refuses_enable_migration(session):
    """One of the two protocols has to be chosen."""
    does_not_start(session, "does not work with enable-migration=on",
                   device=",enable-migration=on")


def refuses_without_the_region(session):
    """On stock type1 nobody could tell what the vGPU wrote: no region."""
    write(CLAIM, "none")
    try:
        does_not_start(session, "no device-state region", "vfio_dirty")
    finally:
        write(CLAIM, "users")


def refuses_an_iommu_in_the_guest(session):
    """What a vIOMMU maps is not what the bitmap is about."""
    does_not_start(session, "does not work with a vIOMMU",
                   more=["-device", "intel-iommu"])


def refuses_iommufd(session):
    """There is no container to ask."""
    does_not_start(session, "does not work with iommufd",
                   device=",iommufd=iommufd0",
                   more=["-object", "iommufd,id=iommufd0"])


def refuses_another_value_beside(session):
    """All vGPUs of a container share what is known of its pages."""
    other = Vgpu()
    path = f"vfio-pci,sysfsdev={other.path},x-device-state-region=precopy"
    try:
        does_not_start(session, other.uuid, "same", more=["-device", path])
    finally:
        other.remove()


def does_not_begin(session, capability, word):
    """The guest stays, as it cannot be moved in this way."""
    source = session.guest()
    state = {"return-path": False, "multifd": False, capability: True}

    def set_capabilities():
        source.call("migrate-set-capabilities", capabilities=[
            {"capability": name, "state": on} for name, on in state.items()])

    set_capabilities()
    try:
        source.call("migrate", uri="exec:cat >/dev/null")
    except Failure as refusal:
        said = str(refusal)
    else:
        raise Failure("the migration begins")
    finally:
        state[capability] = False
        set_capabilities()
    if source.vgpus[0].uuid not in said or word not in said:
        raise Failure(f"QEMU said {said}")
    print(f"# {said}", flush=True)
    source.workloads[0].progress(1)


def refuses_postcopy(session):
    """The vGPU cannot wait for pages."""
    does_not_begin(session, "postcopy-ram", "postcopy")


def refuses_background_snapshot(session):
    """Nor do its writes fault."""
    does_not_begin(session, "background-snapshot", "background")
