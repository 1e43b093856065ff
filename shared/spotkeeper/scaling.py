"""Reads of Auto Scaling that ``lifecycle_hook`` and ``sweep`` share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spotkeeper.clients import Api, chunks, items
from spotkeeper.errors import CloudError
from spotkeeper.instances import Described

DEFAULT_TIMEOUT = 600.0
"""HeartbeatTimeout of a hook that names none (CreateLifecycleHook)."""
NOT_THERE = ("InvalidScalingActivity", "InvalidRegionId", "InvalidScalingGroupId", "InvalidParameter")
"""Beginnings of the codes for a resource that does not exist. An unknown activity id is an InvalidParameter."""
INSTANCES_PER_CALL = 20


def describe_hook(ess: Api, hook_id: str) -> Described | None:
    """The lifecycle hook, or None."""
    try:
        hooks = list(ess.listed("DescribeLifecycleHooks", hook_id, {"LifecycleHookIds": [hook_id]}, "LifecycleHooks"))
    except CloudError as error:
        if error.code.startswith(NOT_THERE):
            return None
        raise
    return next((hook for hook in hooks if hook.get("LifecycleHookId") == hook_id), None)


def describe_members(ess: Api, group_id: str, instance_ids: Sequence[str]) -> Iterator[Described]:
    """Those of the instances that are in the scaling group."""
    for ids in chunks(instance_ids, INSTANCES_PER_CALL):
        for page in ess.pages("DescribeScalingInstances", group_id, {"ScalingGroupId": group_id, "InstanceIds": ids}):
            yield from (member for member in items(page, "ScalingInstances") if member.get("InstanceId") in ids)
