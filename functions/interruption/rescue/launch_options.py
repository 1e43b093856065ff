"""The ladder: in which order which launch options are asked for, and what of the source each of them drops. Pure.

A launch option is a mapping: ``add`` are the RunInstances parameters that it has beside the launch spec's, ``drops``
the names of those of the launch spec that it leaves out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from rescue.carried import BOUND_TO_TYPE, SOME_ONLY
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described
from spotkeeper.settings import InterruptionSettings

Option = dict[str, Any]

ENTRY_DISK = "cloud_essd_entry"
ENTRY_DISK_FAMILIES = ("ecs.u1-", "ecs.e-")
"""The instance types that disks of this category are for (request metadata of RunInstances, SystemDisk.Category)."""

HOUR = 3600.0
LONGEST_DURATION = 1
"""Hours of protection: RunInstances takes 0 and 1, and older instances have up to 6 (request metadata)."""
SOONEST_RELEASE = 2700.0
"""Seconds before AutoReleaseTime from which on it is no longer sent: RunInstances wants 1,800 (request metadata), and a
round of the ladder takes its time."""


def launch_options(source: Described, settings: InterruptionSettings, run: Mapping[str, Any]) -> list[Option]:
    """Charge (spot, then on-demand), then vSwitch, then instance type, for the parameters ``run`` of the launch spec.

    Within a charge all options keep what may not be accepted (``SOME_ONLY``) first, then all leave it out.
    """
    own_vswitch = str((source.get("VpcAttributes") or {}).get("VSwitchId") or "")
    types = list(dict.fromkeys([_own_type(source), *settings.fallback_instance_types]))
    vswitches = list(dict.fromkeys([own_vswitch, *settings.fallback_vswitch_ids]))
    charges = [True, False] if settings.fallback_on_demand else [True]
    return [
        _option(source, run, spot=spot, vswitch=vswitch, instance_type=instance_type, bare=bare)
        for spot in charges
        for bare in (False, True)
        for vswitch in vswitches
        for instance_type in types
        if not bare or _doubtful(source, run, instance_type)
    ]


def _own_type(source: Described) -> str:
    return str(source.get("InstanceType") or "")


def _doubtful(source: Described, run: Mapping[str, Any], instance_type: str) -> list[str]:
    """What this instance type is asked for and may refuse."""
    return [name for name in SOME_ONLY if name in run and name not in _misfits(source, run, instance_type)]


def _misfits(source: Described, run: Mapping[str, Any], instance_type: str) -> list[str]:
    """What another instance type, or another family, cannot have."""
    own_type = _own_type(source)
    of_the_type = [name for name in BOUND_TO_TYPE if name in run and instance_type != own_type]
    of_the_family = ["CreditSpecification"] if family(instance_type) != family(own_type) else []
    return [*of_the_type, *(name for name in of_the_family if name in run)]


def _option(  # noqa: PLR0913 - what makes an option
    source: Described, run: Mapping[str, Any], *, spot: bool, vswitch: str, instance_type: str, bare: bool
) -> Option:
    charge = _spot(source) if spot else {"SpotStrategy": "NoSpot"}
    drops = _misfits(source, run, instance_type) + (_doubtful(source, run, instance_type) if bare else [])
    add = {"InstanceType": instance_type, "VSwitchId": vswitch, "InstanceChargeType": "PostPaid", **charge}
    disks = _other_disks(run, instance_type)
    return {"add": {**add, **disks}, "drops": [*drops, *([ENTRY_DISK] if disks else [])]}


def _other_disks(run: Mapping[str, Any], instance_type: str) -> dict[str, Any]:
    """SystemDisk and DataDisk where an instance type has no disks of the source's category; empty where it has."""
    system, data = run.get("SystemDisk", {}), run.get("DataDisk", [])
    misfits = [one for one in (system, *data) if one.get("Category") == ENTRY_DISK]
    if not misfits or instance_type.startswith(ENTRY_DISK_FAMILIES):
        return {}
    disks = {"SystemDisk": _essd(system), "DataDisk": [_essd(one) for one in data]}
    return {name: disk for name, disk in disks.items() if disk}


def _essd(disk: Mapping[str, Any]) -> dict[str, Any]:
    """The next category: an ESSD of the lowest level."""
    if disk.get("Category") != ENTRY_DISK:
        return dict(disk)
    return {**disk, "Category": "cloud_essd", "PerformanceLevel": "PL0"}


def _spot(source: Described) -> dict[str, Any]:
    """The source's own bid, whatever the type: a price limit is the user's money, and never exceeded as spot."""
    limited = source.get("SpotStrategy") == "SpotWithPriceLimit"
    spot: dict[str, Any] = {"SpotStrategy": "SpotWithPriceLimit" if limited else "SpotAsPriceGo"}
    if limited and source.get("SpotPriceLimit"):
        spot["SpotPriceLimit"] = round(float(source["SpotPriceLimit"]), 3)  # what RunInstances takes
    if source.get("SpotDuration") is not None:
        spot["SpotDuration"] = min(int(source["SpotDuration"]), LONGEST_DURATION)
    if source.get("SpotInterruptionBehavior"):
        spot["SpotInterruptionBehavior"] = source["SpotInterruptionBehavior"]
    return spot


def family(instance_type: str) -> str:
    """``ecs.g7.large`` -> ``ecs.g7``."""
    return instance_type.rpartition(".")[0]


def release_time(wanted: str, at: float) -> str:
    """AutoReleaseTime for a launch at ``at`` (seconds since 1970): the source's, or an hour after the next full hour.

    The source's may be nearer than RunInstances accepts; without any, the replacement would be paid for without end.
    Full hours, so that calls side by side send the same.
    """
    moment = epoch_seconds(wanted) or 0.0
    if moment - at < SOONEST_RELEASE:
        moment = math.ceil(at / HOUR) * HOUR + HOUR
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def release_moved(plan: Mapping[str, Any], launched: Mapping[str, Any]) -> list[str]:
    """What has to be said of the AutoReleaseTime of the ``replacement`` record, where it is not the source's."""
    wanted = str(plan.get("release") or "")
    given = release_time(wanted, float(launched.get("asked_at") or launched["at"])) if wanted else ""
    if epoch_seconds(wanted) == epoch_seconds(given):
        return []
    return [f"AutoReleaseTime {wanted}: nearer than RunInstances accepts; the replacement is released at {given}"]
