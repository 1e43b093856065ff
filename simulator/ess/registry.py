"""Groups, hooks and activities of Auto Scaling: seeding and lookup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from simulator.actions import Parameters, Product
from simulator.ecs.tokens import ClientTokens
from simulator.error_catalogue import refusal
from simulator.ess.model import (
    RESULTS,
    SCALE_IN,
    SCALE_OUT,
    LifecycleAction,
    LifecycleHook,
    ScalingActivity,
    ScalingGroup,
)
from simulator.slb.model import VServerGroup
from simulator.wire import ApiError

if TYPE_CHECKING:
    from simulator.cloud import Cloud

Item = TypeVar("Item")


class Registry(Product):
    """State and knobs; times are virtual seconds.

    * ``notifications``: the messages to the hooks' notification targets, in order: the canonical JSON as an object.
    * ``completions``: every accepted CompleteLifecycleAction: ``token``, ``hook_id``, ``result``, ``at``.
    * ``heartbeat_reading``: the effect of RecordLifecycleActionHeartbeat on the timeout, which is not documented:
      ``restart`` sets it to HeartbeatTimeout from now (maybe earlier than before), ``add`` adds to the remaining time.
    * ``actions_visible_after``: seconds until DescribeLifecycleActions shows a new action.
    * ``hooks_wait_for_running``: whether scale-out hooks fire once all instances are Running, as documented, or at
      once: instances may stop or still start when the notification is read.

    All products share one scheduler, so that the changes of an instance happen in the order of their moments.
    """

    def __init__(self, cloud: Cloud) -> None:
        super().__init__()
        self.cloud = cloud
        self.scheduler = cloud.ecs.scheduler
        self.tokens = ClientTokens(cloud.now)
        self.groups: dict[str, ScalingGroup] = {}
        self.activities: list[ScalingActivity] = []
        self.notifications: list[dict[str, Any]] = []
        self.completions: list[dict[str, Any]] = []
        self.heartbeat_reading = "restart"
        self.actions_visible_after = 0.0
        self.hooks_wait_for_running = True

    def now(self) -> float:
        """The virtual moment."""
        return self.cloud.now()

    def progress(self) -> None:
        """Make the changes that are due; instances that are gone leave their groups (the groups' health check)."""
        self.cloud.ecs.progress()
        for group in self.groups.values():
            for gone in group.instances.keys() - self.cloud.ecs.instances.keys():
                del group.instances[gone]

    def add_scaling_group(  # noqa: PLR0913 - the settings of a group
        self,
        name: str = "web",
        *,
        group_id: str | None = None,
        min_size: int = 0,
        max_size: int = 500,
        vserver_group: VServerGroup | None = None,
        port: int = 80,
        weight: int = 50,
    ) -> ScalingGroup:
        """Seed an active, empty group without expected capacity; 50 is Auto Scaling's own default weight."""
        group = ScalingGroup(
            id=group_id or self.cloud.new_id("asg"),
            name=name,
            region=self.cloud.region,
            created_at=self.now(),
            min_size=min_size,
            max_size=max_size,
            vserver_group=vserver_group,
            port=port,
            weight=weight,
        )
        self.groups[group.id] = group
        return group

    def add_lifecycle_hook(  # noqa: PLR0913 - the parameters of CreateLifecycleHook
        self,
        group: ScalingGroup,
        name: str = "check",
        *,
        hook_id: str | None = None,
        transition: str = SCALE_OUT,
        timeout: int = 600,
        default_result: str = "CONTINUE",
        notification_arn: str | None = None,
        metadata: str = "",
    ) -> LifecycleHook:
        """Seed an active hook; values that CreateLifecycleHook refuses raise ValueError."""
        if transition not in (SCALE_OUT, SCALE_IN) or default_result not in RESULTS or not 30 <= timeout <= 21600:
            raise ValueError(f"no hook can have {transition}, {default_result} and {timeout} s")
        identifier = hook_id or self.cloud.new_id("ash")
        hook = LifecycleHook(
            identifier, name, group.id, transition, timeout, default_result, notification_arn, metadata
        )
        group.hooks.append(hook)
        return hook

    @property
    def actions_of_all(self) -> list[LifecycleAction]:
        """The lifecycle actions of all activities."""
        return [action for activity in self.activities for action in activity.actions]

    def region(self, p: Parameters) -> str:
        """The region that a call is for. Other regions than the cloud's own exist and are empty."""
        return self.cloud.ecs.known_region(p)

    def groups_of(self, p: Parameters) -> list[ScalingGroup]:
        """The groups of the call's region, in the order they were made."""
        region = self.region(p)
        return [group for group in self.groups.values() if group.region == region]

    def group(self, p: Parameters) -> ScalingGroup:
        """The group of ``ScalingGroupId``, or the API's refusal."""
        wanted = p["ScalingGroupId"]
        for group in self.groups_of(p):
            if group.id == wanted:
                return group
        raise refusal("InvalidScalingGroupId.NotFound")


def unusable(name: str) -> ApiError:
    """A value that cannot be used, worded as in Auto Scaling's error tables."""
    return refusal("InvalidParameter", f'The specified value of parameter "{name}" is not valid.')


def some(p: Parameters, name: str, most: int = 20) -> list[str]:
    """A repeated parameter of ids or names. 20 is documented for instance and activity ids; the same for the rest."""
    values = [str(value) for value in p.list(name)]
    if len(values) > most:
        raise unusable(name)
    return values


def one_of(p: Parameters, name: str, allowed: Sequence[str]) -> str | None:
    """A parameter with an enumerated value; None where it was not sent."""
    value = p.get(name)
    if value is not None and value not in allowed:
        raise unusable(name)
    return value if value is None else str(value)


def numbered(
    p: Parameters, items: Sequence[Item], *, usual: int = 10, largest: int = 50
) -> tuple[Sequence[Item], dict[str, int]]:
    """The page of PageNumber and PageSize, and the fields that describe it; ``usual`` is the default size."""
    size, number = p.int("PageSize", usual), p.int("PageNumber", 1)
    if not 1 <= size <= largest:
        raise unusable("PageSize")
    if number < 1:
        raise unusable("PageNumber")
    start = (number - 1) * size
    return items[start : start + size], {"TotalCount": len(items), "PageNumber": number, "PageSize": size}
