"""Scaling groups, instances, hooks, activities and actions, without a wire format; moments in virtual seconds."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.slb.model import VServerGroup

SCALE_OUT = "SCALE_OUT"
SCALE_IN = "SCALE_IN"
RESULTS = ("CONTINUE", "ABANDON", "ROLLBACK")
PENDING = "Pending"
COMPLETED = "Completed"
TIMEOUT = "Timeout"
IN_PROGRESS = "InProgress"


@dataclass
class ScalingInstance:
    """The membership of an ECS instance in a group; ``lifecycle_state`` as DescribeScalingInstances names it."""

    instance_id: str
    lifecycle_state: str
    since: float
    activity_id: str = ""


@dataclass(eq=False)
class LifecycleHook:
    """A lifecycle hook; ``timeout`` in seconds, ``notification_arn`` None for a hook without a notification target."""

    id: str
    name: str
    group_id: str
    transition: str
    timeout: int
    default_result: str
    notification_arn: str | None
    metadata: str
    status: str = "Active"


@dataclass(eq=False)
class ScalingGroup:
    """An active scaling group; with a ``vserver_group`` its members serve there, on ``port`` with ``weight``."""

    id: str
    name: str
    region: str
    created_at: float
    min_size: int
    max_size: int
    vserver_group: VServerGroup | None
    port: int
    weight: int
    instances: dict[str, ScalingInstance] = field(default_factory=dict)
    hooks: list[LifecycleHook] = field(default_factory=list)

    def count(self, *states: str) -> int:
        """How many instances are in one of these lifecycle states."""
        return len([instance for instance in self.instances.values() if instance.lifecycle_state in states])


@dataclass(eq=False)
class ScalingActivity:
    """One scale-out or scale-in; ``transition`` is that of the hooks that it triggers."""

    id: str
    group: ScalingGroup
    transition: str
    instance_ids: list[str]
    started_at: float
    cause: str
    trigger: str = "Ess"
    hooks_disabled: bool = False
    ignored_hook_ids: list[str] = field(default_factory=list)
    ignored_instances: list[dict[str, str]] = field(default_factory=list)
    """Instances that RemoveInstances left out, in its answer's field names."""
    status: str = IN_PROGRESS
    message: str = ""
    ended_at: float | None = None
    total_capacity: int = 0
    """Of the group, when the activity ended."""
    created: list[str] = field(default_factory=list)
    destroyed: list[str] = field(default_factory=list)
    actions: list[LifecycleAction] = field(default_factory=list)


@dataclass(eq=False)
class LifecycleAction:
    """A lifecycle action: one hook in one activity, one token for all its instances.

    ``result`` is empty while the action is pending; ``heartbeats`` counts the accepted calls.
    """

    token: str
    hook: LifecycleHook
    activity: ScalingActivity
    instance_ids: list[str]
    began_at: float
    expires_at: float
    status: str = PENDING
    result: str = ""
    heartbeats: int = 0
    ended_at: float | None = None
