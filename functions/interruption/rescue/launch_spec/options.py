"""The launch options in the order in which they are tried, and the settings of the source that each leaves out. Pure.

A launch option is a mapping: ``add`` has the RunInstances parameters that it adds to the launch spec's, ``drops`` the
names of the launch spec's parameters that it leaves out.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from rescue.launch_spec.instance_settings import BOUND_TO_TYPE, DOUBTFUL
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described
from spotkeeper.settings.interruption import InterruptionSettings

Option = dict[str, Any]

ENTRY_DISK = "cloud_essd_entry"
ENTRY_DISK_FAMILIES = ("ecs.u1-", "ecs.e-")
"""The instance types that accept disks of this category (request metadata of RunInstances, SystemDisk.Category)."""

HOUR = 3600.0
LONGEST_DURATION = 1
"""Hours of protection: RunInstances accepts 0 and 1, and older instances have up to 6 (request metadata)."""
SOONEST_RELEASE = 2700.0
"""An AutoReleaseTime that is less than these seconds away is not sent: RunInstances requires 1,800 (request metadata),
and a round of launch options takes its time."""


def launch_options(source: Described, settings: InterruptionSettings, run: Mapping[str, Any]) -> list[Option]:
    """Charge (spot, then on-demand), then vSwitch, then instance type, for the parameters ``run`` of the launch spec.

    Within a charge, all options first keep the ``DOUBTFUL`` parameters, then all leave them out.
    """
    own_vswitch = str((source.get("VpcAttributes") or {}).get("VSwitchId") or "")
    types = list(dict.fromkeys([_own_type(source), *settings.fallback_instance_types]))
    vswitches = list(dict.fromkeys([own_vswitch, *settings.fallback_vswitch_ids]))
    charges = [_spot(source), *([{"SpotStrategy": "NoSpot"}] if settings.fallback_on_demand else [])]
    options: list[Option] = []
    for charge, bare, vswitch, instance_type in itertools.product(charges, (False, True), vswitches, types):
        misfits, disks = _misfits(source, run, instance_type), _other_disks(run, instance_type)
        doubtful = [name for name in DOUBTFUL if name in run and name not in misfits] if bare else []
        if bare and not doubtful:
            continue
        add = {"InstanceType": instance_type, "VSwitchId": vswitch, "InstanceChargeType": "PostPaid", **charge, **disks}
        options.append({"add": add, "drops": [*misfits, *doubtful, *([ENTRY_DISK] if disks else [])]})
    return options


def _own_type(source: Described) -> str:
    return str(source.get("InstanceType") or "")


def _misfits(source: Described, run: Mapping[str, Any], instance_type: str) -> list[str]:
    """The parameters that another instance type, or another family, does not support."""
    own_type = _own_type(source)
    of_the_type = [name for name in BOUND_TO_TYPE if name in run and instance_type != own_type]
    of_the_family = ["CreditSpecification"] if family(instance_type) != family(own_type) else []
    return [*of_the_type, *(name for name in of_the_family if name in run)]


def _other_disks(run: Mapping[str, Any], instance_type: str) -> dict[str, Any]:
    """SystemDisk and DataDisk for an instance type that does not accept the source's disk category; else empty."""
    system, data = run.get("SystemDisk", {}), run.get("DataDisk", [])
    misfits = [disk for disk in (system, *data) if disk.get("Category") == ENTRY_DISK]
    if not misfits or instance_type.startswith(ENTRY_DISK_FAMILIES):
        return {}
    disks = {"SystemDisk": _essd(system), "DataDisk": [_essd(disk) for disk in data]}
    return {name: disk for name, disk in disks.items() if disk}


def _essd(disk: Mapping[str, Any]) -> dict[str, Any]:
    """The disk with the next category, an ESSD of the lowest level."""
    if disk.get("Category") != ENTRY_DISK:
        return dict(disk)
    return {**disk, "Category": "cloud_essd", "PerformanceLevel": "PL0"}


def _spot(source: Described) -> dict[str, Any]:
    """The source's own bid for every type: a price limit is the user's money, and never raised."""
    limited = source.get("SpotStrategy") == "SpotWithPriceLimit"
    spot: dict[str, Any] = {"SpotStrategy": "SpotWithPriceLimit" if limited else "SpotAsPriceGo"}
    if limited and source.get("SpotPriceLimit"):
        spot["SpotPriceLimit"] = round(float(source["SpotPriceLimit"]), 3)  # RunInstances accepts three decimals
    if source.get("SpotDuration") is not None:
        spot["SpotDuration"] = min(int(source["SpotDuration"]), LONGEST_DURATION)
    if source.get("SpotInterruptionBehavior"):
        spot["SpotInterruptionBehavior"] = source["SpotInterruptionBehavior"]
    return spot


def family(instance_type: str) -> str:
    """``ecs.g7.large`` -> ``ecs.g7``."""
    return instance_type.rpartition(".")[0]


def describe_option(option: Mapping[str, Any]) -> str:
    """``spot ecs.g7.large in vsw-…``."""
    add = option["add"]
    charge = "on-demand" if add["SpotStrategy"] == "NoSpot" else "spot"
    return f"{charge} {add['InstanceType']} in {add['VSwitchId']}"


def release_time(wanted: str, at: float) -> str:
    """AutoReleaseTime for a launch at ``at`` (seconds since 1970): the source's, or an hour after the next full hour.

    The source's may be nearer than RunInstances accepts; without any, the replacement would be paid for without end.
    Full hours, so that calls side by side send the same time.
    """
    moment = epoch_seconds(wanted) or 0.0
    if moment - at < SOONEST_RELEASE:
        moment = math.ceil(at / HOUR) * HOUR + HOUR
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def release_moved(spec: Mapping[str, Any], launched: Mapping[str, Any]) -> list[str]:
    """A text about the AutoReleaseTime of the replacement, if it is not the source's."""
    wanted = str(spec.get("release") or "")
    given = release_time(wanted, float(launched.get("requested_at") or launched["at"])) if wanted else ""
    if epoch_seconds(wanted) == epoch_seconds(given):
        return []
    return [f"AutoReleaseTime {wanted}: nearer than RunInstances accepts; the replacement is released at {given}"]
