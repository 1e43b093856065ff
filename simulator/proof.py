"""The proof of a rescue: two states of the cloud, before and after, compared without asking the function.

A state is the answer of ``Cloud.state()`` and of ``GET /-/state``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
"""The settings that the replacement has exactly as the source had them."""
MEMBER_FIELDS = ("Weight", "Type", "Description")

DISK_FIELDS = (
    *("Device", "Type", "Category", "Size", "PerformanceLevel", "DeleteWithInstance"),
    *("Encrypted", "KMSKeyId", "DiskName", "Description"),
)


def shortcomings(before: State, after: State, source_id: str) -> list[str]:
    """The differences between ``after`` and a complete rescue of ``source_id``; empty for a proven rescue.

    The replacement may differ in its charge, as the launch options say; in type and vSwitch only where the fallbacks of
    the settings allow it, which is for the caller to check (``elsewhere``).
    """
    replacements = [instance for instance in after["ecs"]["instances"] if instance["InstanceId"] not in ids(before)]
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
    """Every difference between the states, in which nothing may be changed."""
    parts = ("ecs", "slb", "ess", "oss")
    return [text for part in parts for text in differences(part, _timeless(before[part]), _timeless(after[part]))]


def differences(path: str, before: Any, after: Any) -> Iterator[str]:
    """A line for each value that differs, with the path that leads to it; list elements by their id or index."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in dict.fromkeys((*before, *after)):
            if name not in after:
                yield f"{path}.{name} is gone"
            elif name not in before:
                yield f"{path}.{name} is new: {after[name]}"
            else:
                yield from differences(f"{path}.{name}", before[name], after[name])
    elif isinstance(before, list) and isinstance(after, list):
        yield from differences(path, _by_id(before), _by_id(after))
    elif before != after:
        yield f"{path} is {after!r}, was {before!r}"


def _by_id(elements: list[Any]) -> dict[str, Any]:
    """The elements under their first field where that is an id of its own, else under their index."""
    named = [str(next(iter(each.values()))) if isinstance(each, Mapping) and each else "" for each in elements]
    unique = all(named) and len(set(named)) == len(named)
    return dict(zip(named if unique else map(str, range(len(elements))), elements, strict=True))


def ids(state: State) -> set[str]:
    """The ids of all instances."""
    return {instance["InstanceId"] for instance in state["ecs"]["instances"]}


def instance(state: State, instance_id: str) -> Described | None:
    """An instance, or None."""
    return next((instance for instance in state["ecs"]["instances"] if instance["InstanceId"] == instance_id), None)


def disks(state: State, instance_id: str) -> list[Described]:
    """The disks attached to an instance, by device."""
    attached = [disk for disk in state["ecs"]["disks"] if disk["InstanceId"] == instance_id]
    return sorted(attached, key=lambda disk: str(disk["Device"]))


def new_images(before: State, after: State) -> list[Described]:
    """The images that were not there before."""
    known = {image["ImageId"] for image in before["ecs"]["images"]}
    return [image for image in after["ecs"]["images"] if image["ImageId"] not in known]


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
    """A line for each member that is not as it was, with the replacement in the source's place."""
    now = memberships(after)
    wrong: list[str] = []
    for group, members in memberships(before).items():
        expected = [(replacement_id if server == source_id else server, *rest) for server, *rest in members]
        wrong += _members_wrong(f"group {group}", expected, now.get(group, []))
    return wrong


def _members_wrong(group: str, expected: list[tuple[Any, ...]], found: list[tuple[Any, ...]]) -> Iterator[str]:
    wanted, there = ({member[:2]: member[2:] for member in members} for members in (expected, found))
    for server, port in dict.fromkeys((*wanted, *there)):
        member = f"{group}: {server}" + (f" port {port}" if port is not None else "")
        if (server, port) not in there:
            yield f"{member} is missing"
        elif (server, port) not in wanted:
            yield f"{member} does not belong there"
        else:
            fields = zip(MEMBER_FIELDS, wanted[server, port], there[server, port], strict=True)
            yield from (f"{member} has {name} {has!r}, expected {want!r}" for name, want, has in fields if has != want)
    if len(found) != len(there):
        yield f"{group}: a member is listed twice"


def not_like_source(before: State, after: State, source_id: str, replacement: Described) -> list[str]:
    """Fields, tags and disks in which the replacement differs from the source."""
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
    had, has = _disk_fields(before, source_id), _disk_fields(after, replacement["InstanceId"])
    return [*wrong, *differences("disks", had, has)]


def _disk_fields(state: State, instance_id: str) -> list[dict[str, Any]]:
    return [{name: disk.get(name) for name in DISK_FIELDS} for disk in disks(state, instance_id)]


def elsewhere(before: State, after: State, source_id: str) -> list[str]:
    """A replacement of another type or in another vSwitch: right only where fallbacks are set."""
    source = instance(before, source_id) or {}
    paths = ("InstanceType", "ZoneId", "VpcAttributes.VSwitchId")
    return [
        f"{name} is {_at(instance, name)}, was {_at(source, name)}"
        for instance in after["ecs"]["instances"]
        if instance["InstanceId"] not in ids(before)
        for name in paths
        if _at(instance, name) != _at(source, name)
    ]


def _at(described: Described, path: str) -> Any:
    found: Any = described
    for name in path.split("."):
        found = found.get(name)
    return found


def image_wrong(before: State, image: Described, source_id: str, replacement: Described) -> list[str]:
    """An image that is not usable, lacks a disk, or is not the image of the replacement."""
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
    """Every difference of another instance."""
    others = [(other["InstanceId"], other) for other in before["ecs"]["instances"]]
    return [
        text
        for name, other in others
        if name != source_id
        for text in differences(name, other, instance(after, name) or "released")
    ]


def flags_not_restored(before: State, after: State, source_id: str) -> list[str]:
    """Disks that outlive the source although they did not before, or the other way round."""
    now = {disk["DiskId"]: disk for disk in after["ecs"]["disks"]}
    wrong = []
    for disk in disks(before, source_id):
        left = now.get(disk["DiskId"])
        if left is not None and left["DeleteWithInstance"] != disk["DeleteWithInstance"]:
            wrong.append(f"DeleteWithInstance of {disk['DiskId']} is {left['DeleteWithInstance']}")
        if left is None and not disk["DeleteWithInstance"]:
            wrong.append(f"{disk['DiskId']} is gone")
    return wrong


def _timeless(part: Any) -> Any:
    """Without values that time alone changes."""
    if isinstance(part, Mapping):
        return {name: _timeless(value) for name, value in part.items() if name != "stock"}
    return [_timeless(value) for value in part] if isinstance(part, list) else part
