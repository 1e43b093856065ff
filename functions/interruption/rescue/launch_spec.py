"""The launch spec: everything of the source that RunInstances can give to its replacement. Pure.

Shape of the ``launch-spec`` record::

    {"run": {RunInstances parameters without image and launch option}, "rungs": [{launch options}],
     "release": "AutoReleaseTime of the source, or empty", "not_carried": ["..."], "own_image": "m-...",
     "source_type": "ecs.g7.large"}

``carried``, ``carried_disks`` and ``carried_tags`` say what becomes of each setting; ``launch_options`` has the ladder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rescue import carried, carried_disks
from rescue.carried_tags import carried_tags
from rescue.launch_options import LONGEST_DURATION, launch_options, release_time
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described, tags_of
from spotkeeper.settings import InterruptionSettings, UserData

LARGEST_BANDWIDTH = 100
"""Outbound Mbit/s (request metadata of RunInstances)."""


def launch_spec(
    source: Described, disks: Sequence[Described], user_data: str, ram_role: str, settings: InterruptionSettings
) -> dict[str, Any]:
    """The ``launch-spec`` record (see the module's text for its shape)."""
    run: dict[str, Any] = {"Amount": 1, "SecurityGroupIds": security_groups(source)}
    run.update(carried.plain_parameters(source))
    run.update(_login(source))
    run.update(_internet(source))
    run.update(carried_disks.disk_parameters(disks, settings.relaunch))
    run.update({"RamRoleName": ram_role} if ram_role else {})
    run.update({"UserData": user_data} if user_data and settings.user_data is UserData.KEEP else {})
    tags, dropped = carried_tags(tags_of(source))
    release, unread = _release(source)
    listed = [*carried.listed(source), *carried_disks.listed(source, disks, settings.relaunch)]
    return {
        "run": {**run, "Tag": [{"Key": key, "Value": value} for key, value in tags.items()]},
        "rungs": launch_options(source, settings, run),
        "release": release,
        "not_carried": [*_password(source), *listed, *_beyond_the_limits(source, run), *dropped, *unread],
        "own_image": str(source.get("ImageId") or ""),
        "source_type": str(source.get("InstanceType") or ""),
    }


def security_groups(source: Described) -> list[str]:
    """The ids of its security groups."""
    return list((source.get("SecurityGroupIds") or {}).get("SecurityGroupId") or [])


def _login(source: Described) -> dict[str, Any]:
    """Its key pair, or the password that the image keeps: without either nobody could log in any more."""
    key_pair = source.get("KeyPairName")
    return {"KeyPairName": key_pair} if key_pair else {"PasswordInherit": True}


def _password(source: Described) -> list[str]:
    if source.get("KeyPairName"):
        return []
    return ["password: it cannot be read; the one inside the image stays valid (PasswordInherit)"]


def _internet(source: Described) -> dict[str, Any]:
    """Public bandwidth of its own; that of an EIP belongs to the EIP.

    DescribeInstances shows inbound bandwidths beyond what RunInstances takes; the most that it takes is its default.
    """
    outgoing, incoming = (int(source.get(f"InternetMaxBandwidth{way}") or 0) for way in ("Out", "In"))
    if (source.get("EipAddress") or {}).get("AllocationId") or outgoing <= 0:
        return {}
    sent = min(outgoing, LARGEST_BANDWIDTH)
    charge = {"InternetChargeType": source["InternetChargeType"]} if source.get("InternetChargeType") else {}
    limited = {"InternetMaxBandwidthIn": incoming} if 0 < incoming <= max(10, sent) else {}
    return {**charge, "InternetMaxBandwidthOut": sent, **limited}


def _beyond_the_limits(source: Described, run: Mapping[str, Any]) -> list[str]:
    """What RunInstances takes less of than the source has."""
    outgoing, sent = source.get("InternetMaxBandwidthOut"), run.get("InternetMaxBandwidthOut")
    protected = int(source.get("SpotDuration") or 0)
    return [
        *(
            [f"public bandwidth {outgoing} Mbit/s: RunInstances takes {sent}"]
            if sent and int(outgoing or 0) > sent
            else []
        ),
        *([f"SpotDuration {protected}: RunInstances takes {LONGEST_DURATION}"] if protected > LONGEST_DURATION else []),
    ]


def _release(source: Described) -> tuple[str, list[str]]:
    """AutoReleaseTime where it is a moment, and what has to be said where it is none."""
    text = str(source.get("AutoReleaseTime") or "")
    if text and epoch_seconds(text) is None:
        return "", [f"AutoReleaseTime {text}: it is no moment that Spotkeeper can read"]
    return text, []


def run_parameters(
    plan: Mapping[str, Any], option: Mapping[str, Any], image_id: str, episode: str, at: float
) -> dict[str, Any]:
    """The RunInstances parameters of a launch option, asked for at ``at`` (seconds since 1970).

    They are made of the recorded plan and a recorded moment alone, so that every call sends the same.
    """
    run = {name: value for name, value in plan["run"].items() if name not in option["drops"]}
    tags = [*run.pop("Tag"), {"Key": EPISODE_TAG, "Value": episode}]
    release = {"AutoReleaseTime": release_time(plan["release"], at)} if plan.get("release") else {}
    return {**run, **option["add"], **release, "ImageId": image_id, "Tag": tags}
