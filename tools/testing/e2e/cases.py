# SPDX-License-Identifier: GPL-2.0
"""The cases, in the order in which they run, and groups of them."""

import device_cases
import driver_cases
import failure_cases
import move_cases
import region_cases

# Where each kernel and backend is tried.
SHORT = [
    move_cases.live_over_tcp,
    failure_cases.cancel_once,
]

# What "make check" runs, on 6.12 with vfio_dirty.
CHECK = [
    device_cases.guest_drives_all_queues,
    device_cases.lspci_finds_nothing_wrong,
    driver_cases.driver_keeps_programs_apart,
    driver_cases.driver_says_that_msi_is_missing,
    driver_cases.guest_can_suspend,
    driver_cases.suspend_loses_nothing,
    move_cases.live_over_tcp,
    failure_cases.cancel_three_times,
    failure_cases.target_killed,
    failure_cases.target_of_another_type,
    failure_cases.corrupted_while_running,
    failure_cases.corrupted_while_stopped,
    failure_cases.silent_guest_is_begun_anew,
    move_cases.ten_hops,
    move_cases.two_vgpus_move,
]

# What "make check-long" runs, everywhere.
LONG = [
    device_cases.guest_drives_all_queues,
    device_cases.lspci_finds_nothing_wrong,
    device_cases.driver_can_be_reloaded,
    device_cases.interrupts_by_msi,
    driver_cases.driver_keeps_programs_apart,
    driver_cases.driver_says_that_msi_is_missing,
    driver_cases.guest_can_suspend,
    driver_cases.suspend_loses_nothing,
    driver_cases.driver_works_where_memory_bounces,
    device_cases.guest_can_reboot,
    move_cases.live_over_tcp,
    move_cases.live_over_unix_socket,
    move_cases.live_with_multifd,
    move_cases.paused_target_then_cont,
    move_cases.savevm_and_loadvm,
    move_cases.guest_reboots_while_moving,
    failure_cases.cancel_twenty_times,
    failure_cases.target_killed,
    failure_cases.target_of_another_type,
    failure_cases.corrupted_while_running,
    failure_cases.corrupted_while_stopped,
    failure_cases.socket_cut,
    failure_cases.source_killed,
    failure_cases.silent_guest_is_begun_anew,
    move_cases.hundred_hops,
    move_cases.two_vgpus_move,
    move_cases.big_loads_converge,
    device_cases.unplug_by_remove,
]

# For nobody but who waits for hours.
SOAK = [
    move_cases.thousand_hops,
]

# With the QEMU of samples/qemu/: where each kernel is tried, what "make check"
# runs, and what "make check-long" does.
REGION_SHORT = [
    region_cases.by("on", region_cases.live),
    region_cases.by("precopy", region_cases.live),
]
REGION_CHECK = [
    region_cases.by("on", region_cases.refuses_without_the_region),
    region_cases.by("on", region_cases.live),
    region_cases.by("on", region_cases.cut_in_the_context),
    region_cases.by("on", region_cases.corrupted_context),
    region_cases.by("on", region_cases.target_has_the_other_value),
]
REGION_ONE_WAY = [
    region_cases.refuses_enable_migration,
    region_cases.refuses_without_the_region,
    region_cases.refuses_an_iommu_in_the_guest,
    region_cases.refuses_iommufd,
    region_cases.refuses_another_value_beside,
    region_cases.refuses_postcopy,
    region_cases.refuses_background_snapshot,
    region_cases.target_has_the_other_value,
    region_cases.whole_region_at_once,
    region_cases.guest_can_reboot,
    region_cases.driver_comes_after_the_move,
    region_cases.unplug_by_remove,
]
REGION_BOTH_WAYS = [
    region_cases.live,
    region_cases.live_with_multifd,
    region_cases.asks_by_one_ioctl,
    region_cases.cancelled,
    region_cases.cut_in_the_context,
    region_cases.corrupted_context,
    region_cases.target_of_another_type,
    region_cases.paused_source_then_cont,
    region_cases.reset_while_paused,
    region_cases.savevm_and_loadvm,
    region_cases.two_vgpus_move,
]
REGION = [
    *(region_cases.by("on", case) for case in REGION_ONE_WAY),
    *(region_cases.by("on", case) for case in REGION_BOTH_WAYS),
    *(region_cases.by("precopy", case) for case in REGION_BOTH_WAYS),
    region_cases.by("off", region_cases.moves_by_v2),
]

GROUPS = {
    "region-short": REGION_SHORT,
    "region-check": REGION_CHECK,
    "region": REGION,
    "soak": SOAK,
    "short": SHORT,
    "check": CHECK,
    "long": LONG,
}


def choose(names):
    """(name, function) of each case that is named, itself or by its group."""
    known = {case.__name__: case
             for group in GROUPS.values() for case in group}
    chosen = []
    for name in names:
        if name not in GROUPS and name not in known:
            raise SystemExit(f"no such case: {name}; there are "
                             f"{' '.join(list(GROUPS) + list(known))}")
        chosen += GROUPS.get(name) or [known[name]]
    return [(case.__name__, case) for case in chosen]
