"""The launch spec: all settings of the source that RunInstances can give to the replacement. Pure.

Shape of the ``launch-spec`` record::

    {"run": {RunInstances parameters without image and launch option}, "launch_options": [{launch options}],
     "release": "AutoReleaseTime of the source, or empty", "not_carried": ["..."], "own_image": "m-...",
     "source_type": "ecs.g7.large"}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rescue.launch_spec import disk_settings, instance_settings
from rescue.launch_spec.instance_settings import applying
from rescue.launch_spec.options import LONGEST_DURATION, launch_options, release_time
from rescue.launch_spec.tags import carried_tags
from spotkeeper.episode import EPISODE_TAG
from spotkeeper.events.times import epoch_seconds
from spotkeeper.instances import Described, tags_of
from spotkeeper.settings.interruption import InterruptionSettings, UserData

LARGEST_BANDWIDTH = 100
"""Outbound Mbit/s (request metadata of RunInstances)."""


def launch_spec(
    source: Described, disks: Sequence[Described], user_data: str, ram_role: str, settings: InterruptionSettings
) -> dict[str, Any]:
    """The ``launch-spec`` record (see the module's text for its shape)."""
    security_groups = (source.get("SecurityGroupIds") or {}).get("SecurityGroupId") or []
    run: dict[str, Any] = {"Amount": 1, "SecurityGroupIds": list(security_groups)}
    run.update(instance_settings.plain_parameters(source))
    # Without the key pair, and without the password in the image, nobody could log in.
    key_pair = source.get("KeyPairName")
    run.update({"KeyPairName": key_pair} if key_pair else {"PasswordInherit": True})
    run.update(_internet(source))
    run.update(disk_settings.disk_parameters(disks, settings.relaunch))
    run.update({"RamRoleName": ram_role} if ram_role else {})
    run.update({"UserData": user_data} if user_data and settings.user_data is UserData.KEEP else {})
    tags, dropped = carried_tags(tags_of(source), settings.managed_tag)
    release = str(source.get("AutoReleaseTime") or "")
    listed = [*instance_settings.listed(source), *disk_settings.listed(source, disks, settings.relaunch)]
    return {
        "run": {**run, "Tag": [{"Key": key, "Value": value} for key, value in tags.items()]},
        "launch_options": launch_options(source, settings, run),
        "release": release if epoch_seconds(release) is not None else "",
        "not_carried": [*listed, *_not_accepted(source, run, release), *dropped],
        "own_image": str(source.get("ImageId") or ""),
        "source_type": str(source.get("InstanceType") or ""),
    }


def _internet(source: Described) -> dict[str, Any]:
    """The public bandwidth of the instance; the bandwidth of an EIP belongs to the EIP.

    DescribeInstances shows larger inbound bandwidths than RunInstances accepts; its default is the largest accepted.
    """
    outgoing, incoming = (int(source.get(f"InternetMaxBandwidth{way}") or 0) for way in ("Out", "In"))
    if (source.get("EipAddress") or {}).get("AllocationId") or outgoing <= 0:
        return {}
    sent = min(outgoing, LARGEST_BANDWIDTH)
    charge = {"InternetChargeType": source["InternetChargeType"]} if source.get("InternetChargeType") else {}
    limited = {"InternetMaxBandwidthIn": incoming} if 0 < incoming <= max(10, sent) else {}
    return {**charge, "InternetMaxBandwidthOut": sent, **limited}


def _not_accepted(source: Described, run: Mapping[str, Any], release: str) -> list[str]:
    """The texts about settings that RunInstances does not accept as the source has them."""
    outgoing, sent = int(source.get("InternetMaxBandwidthOut") or 0), run.get("InternetMaxBandwidthOut")
    protected, password = int(source.get("SpotDuration") or 0), not source.get("KeyPairName")
    return applying(
        {
            "password: it cannot be read; the password in the image stays valid (PasswordInherit)": password,
            f"public bandwidth {outgoing} Mbit/s: RunInstances accepts {sent}": sent and outgoing > sent,
            f"SpotDuration {protected}: RunInstances accepts {LONGEST_DURATION}": protected > LONGEST_DURATION,
            f"AutoReleaseTime {release}: Spotkeeper cannot read this time": release and epoch_seconds(release) is None,
        }
    )


def run_parameters(
    spec: Mapping[str, Any], option: Mapping[str, Any], image_id: str, episode: str, at: float
) -> dict[str, Any]:
    """The RunInstances parameters of a launch option, requested at ``at`` (seconds since 1970).

    They depend only on the recorded launch spec and a recorded moment, so that every call sends the same parameters.
    """
    run = {name: value for name, value in spec["run"].items() if name not in option["drops"]}
    tags = [*run.pop("Tag"), {"Key": EPISODE_TAG, "Value": episode}]
    release = {"AutoReleaseTime": release_time(spec["release"], at)} if spec.get("release") else {}
    return {**run, **option["add"], **release, "ImageId": image_id, "Tag": tags}
