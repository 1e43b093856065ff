"""The proof of a rescue: two states of the cloud, before and after, compared without asking the function.

States are what ``Cloud.state()`` and ``GET /-/state`` answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

State = Mapping[str, Any]
Described = Mapping[str, Any]

CARRIED = (
    "InstanceName",
    "HostName",
    "Description",
    "KeyPairName",
    "RamRoleName",
    "UserData",
    "ResourceGroupId",
    "SecurityGroupIds",
    "MetadataOptions",
    "InternetChargeType",
    "InternetMaxBandwidthOut",
)
"""What the replacement has exactly as the source had it."""

DISK_FIELDS = (
    *("Device", "Type", "Category", "Size", "PerformanceLevel", "DeleteWithInstance"),
    *("Encrypted", "KMSKeyId", "DiskName", "Description"),
)


def shortcomings(before: State, after: State, source_id: str) -> list[str]:
    """What keeps ``after`` from being a rescue of ``source_id``; empty for a proven one.

    The replacement may differ in its charge, as the ladder says; in type and vSwitch only where the fallbacks of the
    settings allow it, which is for the caller to check (``elsewhere``).
    """
    replacements = [one for one in after["ecs"]["instances"] if one["InstanceId"] not in ids(before)]
    images = new_images(before, after)
    found = [
        *([] if len(replacements) == 1 else [f"{len(replacements)} replacements instead of 1"]),
        *([] if len(images) == 1 else [f"{len(images)} images instead of 1"]),
        *bystanders_changed(before, after, source_id),
        *flags_not_restored(before, after, source_id),
    ]
    if len(replacements) == 1:
        replacement = replacements[0]
        found += memberships_wrong(before, after, source_id, replacement["InstanceId"])
        found += not_like_source(before, after, source_id, replacement)
        if replacement["Status"] != "Running":
            found.append(f"the replacement is {replacement['Status']}")
        if len(images) == 1:
            found += image_wrong(before, images[0], source_id, replacement)
    return found


def untouched(before: State, after: State) -> list[str]:
    """What was changed, where nothing may be: calls that write do nothing else than that."""
    parts = ("ecs", "slb", "ess", "oss")
    return [f"{part} changed" for part in parts if _timeless(before[part]) != _timeless(after[part])]


def ids(state: State) -> set[str]:
    """The ids of all instances."""
    return {one["InstanceId"] for one in state["ecs"]["instances"]}


def instance(state: State, instance_id: str) -> Described | None:
    """An instance, or None."""
    return next((one for one in state["ecs"]["instances"] if one["InstanceId"] == instance_id), None)


def disks(state: State, instance_id: str) -> list[Described]:
    """The disks attached to an instance, by device."""
    attached = [one for one in state["ecs"]["disks"] if one["InstanceId"] == instance_id]
    return sorted(attached, key=lambda one: str(one["Device"]))


def new_images(before: State, after: State) -> list[Described]:
    """The images that were not there before."""
    known = {one["ImageId"] for one in before["ecs"]["images"]}
    return [one for one in after["ecs"]["images"] if one["ImageId"] not in known]


def memberships(state: State) -> dict[str, list[tuple[Any, ...]]]:
    """Per group (CLB id for its default group, else vServer group id) its members as comparable tuples."""
    groups: dict[str, list[tuple[Any, ...]]] = {}
    for balancer in state["slb"]["LoadBalancers"]:
        groups[balancer["LoadBalancerId"]] = _members(balancer)
        groups.update({group["VServerGroupId"]: _members(group) for group in balancer["VServerGroups"]})
    return groups


def _members(group: Described) -> list[tuple[Any, ...]]:
    names = ("ServerId", "Port", "Weight", "Type", "Description")
    return sorted((tuple(member.get(name) for name in names) for member in group["BackendServers"]), key=repr)


def memberships_wrong(before: State, after: State, source_id: str, replacement_id: str) -> list[str]:
    """Groups that are not as they were but for the replacement in the source's places."""
    now = memberships(after)
    expected = {
        group: sorted(((replacement_id if one[0] == source_id else one[0], *one[1:]) for one in members), key=repr)
        for group, members in memberships(before).items()
    }
    return [
        f"group {group} has {now.get(group)} instead of {want}"
        for group, want in expected.items()
        if now.get(group) != want
    ]


def not_like_source(before: State, after: State, source_id: str, replacement: Described) -> list[str]:
    """Fields, tags and disks in which the replacement differs from what the source was."""
    source = instance(before, source_id) or {}
    wrong = [
        f"{name} is {replacement.get(name)!r}, was {source.get(name)!r}"
        for name in CARRIED
        if replacement.get(name) != source.get(name)
    ]
    tags = {
        key: value
        for key, value in source.get("Tags", {}).items()
        if not key.startswith(("acs:", "spotkeeper:episode"))
    }
    wrong += [f"tag {key} is missing" for key, value in tags.items() if replacement["Tags"].get(key) != value]
    had = [tuple(one.get(name) for name in DISK_FIELDS) for one in disks(before, source_id)]
    has = [tuple(one.get(name) for name in DISK_FIELDS) for one in disks(after, replacement["InstanceId"])]
    return wrong + ([] if had == has else [f"disks are {has}, were {had}"])


def elsewhere(before: State, after: State, source_id: str) -> list[str]:
    """A replacement of another type or in another vSwitch: right only where fallbacks are set."""
    source = instance(before, source_id) or {}
    places = ("InstanceType", "ZoneId", "VpcAttributes.VSwitchId")
    return [
        f"{name} is {_at(one, name)}, was {_at(source, name)}"
        for one in after["ecs"]["instances"]
        if one["InstanceId"] not in ids(before)
        for name in places
        if _at(one, name) != _at(source, name)
    ]


def _at(described: Described, path: str) -> Any:
    found: Any = described
    for name in path.split("."):
        found = found.get(name)
    return found


def image_wrong(before: State, image: Described, source_id: str, replacement: Described) -> list[str]:
    """An image that is not usable, not of all disks, or not what the replacement was launched from."""
    mappings = image["DiskDeviceMappings"]["DiskDeviceMapping"]
    expected = len(disks(before, source_id))
    made_of = image.get("SourceInstanceId", source_id)
    return [
        *([] if made_of == source_id else [f"the image is of {made_of}"]),
        *([] if image["Status"] == "Available" or image.get("Usable") else [f"the image is {image['Status']}"]),
        *([] if len(mappings) == expected else [f"the image has {len(mappings)} disks instead of {expected}"]),
        *([] if replacement["ImageId"] == image["ImageId"] else ["the replacement was not launched from the image"]),
    ]


def bystanders_changed(before: State, after: State, source_id: str) -> list[str]:
    """Other instances that are not exactly as they were."""
    others = [one for one in before["ecs"]["instances"] if one["InstanceId"] != source_id]
    return [f"{one['InstanceId']} was changed" for one in others if instance(after, one["InstanceId"]) != one]


def flags_not_restored(before: State, after: State, source_id: str) -> list[str]:
    """Disks that outlive the source although they did not before, or the other way round."""
    now = {one["DiskId"]: one for one in after["ecs"]["disks"]}
    wrong = []
    for disk in disks(before, source_id):
        left = now.get(disk["DiskId"])
        if left is not None and left["DeleteWithInstance"] != disk["DeleteWithInstance"]:
            wrong.append(f"DeleteWithInstance of {disk['DiskId']} is {left['DeleteWithInstance']}")
        if left is None and not disk["DeleteWithInstance"]:
            wrong.append(f"{disk['DiskId']} is gone")
    return wrong


def _timeless(part: Any) -> Any:
    """Without what time alone changes."""
    if isinstance(part, Mapping):
        return {name: _timeless(value) for name, value in part.items() if name != "stock"}
    return [_timeless(value) for value in part] if isinstance(part, list) else part
