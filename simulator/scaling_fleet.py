"""A scaling group in the middle of an activity: its instances wait for a lifecycle hook."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from simulator.cloud import Cloud
from simulator.ess.model import SCALE_IN, SCALE_OUT, LifecycleAction, LifecycleHook, ScalingActivity, ScalingGroup
from simulator.slb.model import VServerGroup

HOOK_ARN = "acs:eventbridge:cn-hangzhou:1690701234567830:eventbus/default"
MEMBER = "i-bp1member000000000001"
"""It has been in the group all along: nothing of it may change."""


@dataclass(frozen=True)
class ScalingSpec:
    """Everything that a test may want otherwise; seconds."""

    transition: str = SCALE_OUT
    instance_ids: tuple[str, ...] = ("i-bp1new00000000000001", "i-bp1new00000000000002")
    hook_timeout: int = 600
    default_result: str = "CONTINUE"
    metadata: str = ""
    hook_name: str = "check"
    min_size: int = 0
    second_hook: bool = False
    notification_arn: str = HOOK_ARN
    waits_for_running: bool = True
    """Whether the hook fires once the instances run, as documented."""
    group_id: str | None = None
    hook_id: str | None = None
    activity_id: str | None = None
    token: str | None = None
    """Ids that a sample event names; without them the cloud's own."""
    attributes: dict[str, Any] = field(default_factory=dict)
    """Of the new instances, named like those of ``Instance``."""


@dataclass(frozen=True)
class ScalingFleet:
    """The seeded resources; ``action`` is that of ``hook``."""

    spec: ScalingSpec
    group: ScalingGroup
    hook: LifecycleHook
    activity: ScalingActivity
    vserver_group: VServerGroup

    @property
    def action(self) -> LifecycleAction:
        """The lifecycle action that the hook's notification is about."""
        return next(action for action in self.activity.actions if action.hook is self.hook)


def scaling_fleet(cloud: Cloud, **changes: Any) -> ScalingFleet:
    """Seed ``cloud``; ``changes`` are fields of ``ScalingSpec``.

    The hook waits once the instances run: a new group's member takes a boot's time until then, new instances another.
    """
    spec = ScalingSpec(**changes)
    cloud.ess.hooks_wait_for_running = spec.waits_for_running
    balancer = cloud.slb.add_load_balancer("shop")
    servers = cloud.slb.add_vserver_group(balancer, "web")
    cloud.slb.add_listener(balancer, 80, "http", servers)
    group = cloud.ess.add_scaling_group("web", group_id=spec.group_id, min_size=spec.min_size, vserver_group=servers)
    leaving = spec.transition == SCALE_IN
    ids = list(spec.instance_ids)
    members = {"status": "Running", **(spec.attributes if leaving else {})}
    cloud.ess.scale_out(group, instance_ids=[MEMBER, *(ids if leaving else [])], **members)
    _boot(cloud)
    hook = _hook(cloud, group, spec, spec.hook_name, spec.hook_id)
    if spec.second_hook:
        _hook(cloud, group, spec, "second", None)
    if leaving:
        activity = cloud.ess.scale_in(group, ids)
    else:
        activity = cloud.ess.scale_out(group, instance_ids=ids, **spec.attributes)
        _boot(cloud)
    activity.id = spec.activity_id or activity.id
    fleet = ScalingFleet(spec, group, hook, activity, servers)
    if spec.token:
        fleet.action.token = spec.token
    return fleet


def _boot(cloud: Cloud) -> None:
    cloud.clock.advance(cloud.ecs.timings.boot)
    cloud.progress()


def _hook(cloud: Cloud, group: ScalingGroup, spec: ScalingSpec, name: str, hook_id: str | None) -> LifecycleHook:
    return cloud.ess.add_lifecycle_hook(
        group,
        name,
        hook_id=hook_id,
        transition=spec.transition,
        timeout=spec.hook_timeout,
        default_result=spec.default_result,
        notification_arn=spec.notification_arn,
        metadata=spec.metadata,
    )


def notification_of(cloud: Cloud, action: LifecycleAction) -> bytes:
    """The message to the hook's notification target about an action."""
    sent = {each["content"]["lifecycleActionToken"]: each for each in reversed(cloud.ess.notifications)}
    return json.dumps(sent[action.token]).encode()
