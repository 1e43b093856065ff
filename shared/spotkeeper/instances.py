"""ECS instances as DescribeInstances shows them, and the meaning of their fields."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from spotkeeper.clients import Api, items
from spotkeeper.clock import TimeLimit
from spotkeeper.errors import CloudError
from spotkeeper.events.times import epoch_seconds

Described = Mapping[str, Any]
"""A resource as its Describe shows it, with the API's field names."""

SPOT_STRATEGIES = frozenset({"SpotWithPriceLimit", "SpotAsPriceGo"})
ALL_STATUSES = "Creating,Waiting,Available,UnAvailable,CreateFailed,Deprecated"
"""Of images: without this parameter DescribeImages shows Available images only."""
HOLD_TAG = "spotkeeper:hold"
"""An operator's tag that stops all changes; its value may be the moment at which that ends."""
HELD = f"the tag {HOLD_TAG} forbids changes"


def describe_instance(ecs: Api, instance_id: str, until: TimeLimit | None = None) -> Described | None:
    """The instance, or None; also where the event's region does not exist.

    For an unknown id DescribeInstances shows an empty list, and for a filter that it does not understand other
    instances.
    """
    body: dict[str, Any] = {}
    with _nothing_in_no_region():
        parameters = {"InstanceIds": json.dumps([instance_id])}
        body = ecs.call("DescribeInstances", instance_id, parameters, until=until)
    found = (instance for instance in items(body, "Instances", "Instance") if instance.get("InstanceId") == instance_id)
    return next(found, None)


def describe_instances(ecs: Api, about: str, parameters: Mapping[str, Any]) -> Iterator[Described]:
    """All instances that DescribeInstances shows with these filters; the caller checks that they match."""
    return ecs.listed("DescribeInstances", about, parameters, "Instances", "Instance")


def instances_by_id(ecs: Api, instance_ids: Sequence[str]) -> dict[str, Described]:
    """Those of at most 100 instances that exist."""
    found = describe_instances(ecs, f"{len(instance_ids)} instances", {"InstanceIds": json.dumps(list(instance_ids))})
    return {str(instance["InstanceId"]): instance for instance in found if instance.get("InstanceId") in instance_ids}


def describe_images(ecs: Api, about: str, parameters: Mapping[str, Any]) -> list[Described]:
    """All images that DescribeImages shows with these filters; none in a region that does not exist."""
    images: list[Described] = []
    with _nothing_in_no_region():
        images += ecs.listed("DescribeImages", about, parameters, "Images", "Image")
    return images


@contextmanager
def _nothing_in_no_region() -> Iterator[None]:
    """An event may name a well-formed region that does not exist: it has no resources."""
    try:
        yield
    except CloudError as error:
        if not error.code.startswith("InvalidRegionId"):
            raise


def server_ids(instance: Described | None, instance_id: str) -> frozenset[str]:
    """The ids under which the instance can be a member of a group: its own and its network cards'."""
    cards = items(instance or {}, "NetworkInterfaces", "NetworkInterface")
    return frozenset({instance_id, *(str(card.get("NetworkInterfaceId")) for card in cards)})


def tags_of(described: Described | None) -> dict[str, str]:
    """Tags of a DescribeInstances or DescribeImages entry as a mapping."""
    entries = ((described or {}).get("Tags") or {}).get("Tag") or []
    return {str(tag.get("TagKey", "")): str(tag.get("TagValue") or "") for tag in entries}


def is_spot(source: Described) -> bool:
    """Whether it is a spot instance."""
    return source.get("SpotStrategy") in SPOT_STRATEGIES


def locked(source: Described | None) -> bool:
    """Whether it is under the ``Recycling`` lock (documents spell it in two ways)."""
    return any(reason.lower() == "recycling" for reason in lock_reasons(source))


def lock_reasons(source: Described | None) -> list[str]:
    """The reasons of its locks (``Recycling``, ``financial``, ``security`` …)."""
    reasons = ((source or {}).get("OperationLocks") or {}).get("LockReason") or []
    return [str(entry.get("LockReason", "")) for entry in reasons]


def held_until(tags: Mapping[str, str]) -> float | None:
    """The end of ``spotkeeper:hold``: its value, infinite where that is no moment; None without the tag."""
    if HOLD_TAG not in tags:
        return None
    end = epoch_seconds(tags[HOLD_TAG])
    return math.inf if end is None else end


def is_held(tags: Mapping[str, str], now: float) -> bool:
    """Whether ``spotkeeper:hold`` applies at this moment."""
    return (held_until(tags) or 0.0) > now


def in_stop_mode(described: Described | None) -> bool:
    """Whether it is stopped instead of released (``SpotInterruptionBehavior=Stop``)."""
    return str((described or {}).get("SpotInterruptionBehavior") or "").lower() == "stop"


def manager_of(tags: Mapping[str, str]) -> str:
    """The service that created the instance, by its tags, and replaces it itself: Auto Scaling or ACK; else empty."""
    if "acs:autoscaling:scalingGroupId" in tags:
        return "Auto Scaling"
    return "ACK" if any(key.startswith("ack.aliyun.com") for key in tags) else ""


def iso(seconds: float) -> str:
    """``2026-01-02T03:04:05.678Z``."""
    moment = datetime.fromtimestamp(seconds, tz=timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"
