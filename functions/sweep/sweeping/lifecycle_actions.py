"""Pending lifecycle actions whose notification got lost, or whose call died: Auto Scaling lists them.

Only hooks with a NotificationArn of SPOTKEEPER_HOOK_ARNS count. ``lifecycle_hook`` is invoked for an action that is
pending when half of its hook's timeout has passed since its scaling activity began, and again every few minutes. After
a heartbeat the tag with the end of the hook's life (``spotkeeper.hooks``) shows whether a call works on it: such a call
extends the hook well before its end. Each needless invocation costs the hook one of its twenty heartbeats.

Failed instances that should have left their group after CONTINUE are found by their tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from spotkeeper.errors import CloudError, DeadlineReached
from spotkeeper.events.times import epoch_seconds
from spotkeeper.hooks import FAILED_TAG, latest_life, recorded_life
from spotkeeper.instances import Described, describe_instance, describe_instances, tags_of
from spotkeeper.retry import passes_by_itself
from spotkeeper.scaling import DEFAULT_TIMEOUT, describe_hook, describe_members
from sweeping.context import Context

SHORTEST_ROUND = 300.0
"""Seconds between two invocations for an action at least; a tenth of the timeout of a long hook."""
NEGLECTED_SECONDS = 150.0
"""A hook with less time left was not extended: ``lifecycle_hook`` extends it at 180 s."""
MINUTE = 60.0
EVENT_TYPES = {"SCALE_OUT": "ess:LifecycleHook:ScaleOut", "SCALE_IN": "ess:LifecycleHook:ScaleIn"}
"""By the hook's LifecycleTransition."""


@dataclass(frozen=True)
class LifecycleAction:
    """A pending lifecycle action; ``began_at``: when its scaling activity began, seconds since 1970.

    ``alive_until``: the end of its life by the last heartbeat, None where that is not recorded. ``ended``: it is over,
    and failed instances are left in their group.
    """

    hook: Described
    action: Described
    activity_id: str
    began_at: float
    alive_until: float | None = None
    ended: bool = False

    @property
    def hook_id(self) -> str:
        """The hook's id."""
        return str(self.hook["LifecycleHookId"])

    @property
    def name(self) -> str:
        """``<scaling activity>/<hook>``."""
        return f"{self.activity_id}/{self.hook_id}"

    @property
    def timeout(self) -> float:
        """The hook's HeartbeatTimeout, seconds."""
        return float(self.hook.get("HeartbeatTimeout") or DEFAULT_TIMEOUT)

    @property
    def instance_ids(self) -> list[str]:
        """The instances that wait."""
        return [str(instance_id) for instance_id in self.action.get("InstanceIds") or ()]

    def left(self, now: float) -> float:
        """Seconds until the hook ends without a further heartbeat."""
        return (self.alive_until or self.began_at + self.timeout) - now

    def due(self, now: float) -> bool:
        """Whether it is about to end, or half of the timeout has passed without a heartbeat."""
        if self.ended or self.left(now) < NEGLECTED_SECONDS:
            return True
        extended = self.alive_until is not None and self.alive_until > now
        return not extended and now - self.began_at >= self.timeout / 2

    def round(self, now: float) -> str:
        """The round of the invocation: in a round, the task id is accepted once.

        For a hook that is about to end each minute is a round: the call of the last minute may have failed.
        """
        if 0 < self.left(now) < NEGLECTED_SECONDS and not self.ended:
            return f"end-{int(now // MINUTE)}"
        return str(int((now - self.began_at) // max(SHORTEST_ROUND, self.timeout / 10)))

    def __str__(self) -> str:
        hook = self.hook.get("LifecycleHookName") or self.hook_id
        return f"{self.name} ({hook}, {len(self.instance_ids)} instances)"


@dataclass
class Found:
    """The actions, and the errors by group or mark; ``left``: so many groups and marks are left for want of time."""

    actions: list[LifecycleAction] = field(default_factory=list)
    errors: dict[str, CloudError] = field(default_factory=dict)
    left: int = 0


def look(run: Context) -> Found:
    """Pending actions, and ended actions with failed instances; the least time left first.

    The search ends when the time is up, or when APIs are throttled; the next sweep looks further.
    Raises ``CloudError`` and ``DeadlineReached`` where the groups cannot be listed.
    """
    found = Found()
    sources = sorted(_sources(run, found), key=lambda source: run.turn(source[0]))
    for number, (name, actions) in enumerate(sources):
        if not _add(run, name, actions, found):
            found.left = len(sources) - number
            break
    found.actions.sort(key=lambda action: (action.ended, action.left(run.now)))
    return found


def _sources(run: Context, found: Found) -> list[tuple[str, Iterator[LifecycleAction]]]:
    """The actions of each group with a waiting instance, and of each mark of failed instances."""
    if not run.settings.hook_arns:
        return []
    groups = [(group_id, _of_group(run, group_id)) for group_id in _groups(run)]
    try:
        return groups + [(mark, _of_mark(run, mark, ids)) for mark, ids in _marks(run).items()]
    except CloudError as error:
        found.errors["failed instances"] = error
        return groups


def _add(run: Context, name: str, actions: Iterator[LifecycleAction], found: Found) -> bool:
    """Add the actions, or the error; False where the search has to end."""
    try:
        for action in actions:
            found.actions.append(action if action.ended else _with_life(run, action))
    except DeadlineReached:
        return False
    except CloudError as error:
        found.errors[name] = error
        return not passes_by_itself(error)
    return True


def _with_life(run: Context, pending: LifecycleAction) -> LifecycleAction:
    """With the tag that the last heartbeat has left on the first of the instances."""
    if not pending.instance_ids:
        return pending
    tags = tags_of(describe_instance(run.ecs, min(pending.instance_ids)))
    token = str(pending.action.get("LifecycleActionToken"))
    now = run.clock.now()
    latest = latest_life(now, pending.began_at or now, pending.timeout)
    return replace(pending, alive_until=recorded_life(tags, pending.hook_id, token, latest))


def _marks(run: Context) -> dict[str, list[str]]:
    """The instances with the tag of a failed check, by its value."""
    marks: dict[str, list[str]] = {}
    for instance in describe_instances(run.ecs, "failed instances", {"Tag": [{"Key": FAILED_TAG}]}):
        if mark := tags_of(instance).get(FAILED_TAG):
            marks.setdefault(mark, []).append(str(instance["InstanceId"]))
    return marks


def _of_mark(run: Context, mark: str, instance_ids: list[str]) -> Iterator[LifecycleAction]:
    """The ended action whose failed instances are still in service."""
    token, hook_id, activity_id = [*mark.split("/"), "", ""][:3]
    hook = describe_hook(run.ess, hook_id) if hook_id and activity_id else None
    if hook is None or not _is_configured(run, hook):
        return
    members = describe_members(run.ess, str(hook.get("ScalingGroupId")), instance_ids)
    if any(member.get("LifecycleState") == "InService" for member in members):
        action = {"LifecycleActionToken": token, "InstanceIds": instance_ids}
        yield LifecycleAction(hook, action, activity_id, began_at=0.0, ended=True)


def _is_configured(run: Context, hook: Described) -> bool:
    """Whether it notifies ``lifecycle_hook`` and has all needed fields."""
    complete = bool(hook.get("LifecycleHookId")) and bool(hook.get("ScalingGroupId"))
    known = hook.get("LifecycleTransition") in EVENT_TYPES
    return complete and known and hook.get("NotificationArn") in run.settings.hook_arns


def _groups(run: Context) -> Iterator[str]:
    """Groups with a waiting instance; where the API does not count those, every group."""
    for group in run.ess.listed("DescribeScalingGroups", "scaling groups", {}, "ScalingGroups"):
        waiting = (group.get("PendingWaitCapacity"), group.get("RemovingWaitCapacity"))
        if None in waiting or any(waiting):
            yield str(group["ScalingGroupId"])


def _of_group(run: Context, group_id: str) -> Iterator[LifecycleAction]:
    of_group = {"ScalingGroupId": group_id}
    hooks = run.ess.listed("DescribeLifecycleHooks", group_id, of_group, "LifecycleHooks")
    configured = {str(hook["LifecycleHookId"]): hook for hook in hooks if _is_configured(run, hook)}
    if not configured:
        return
    in_progress = {**of_group, "StatusCode": "InProgress"}
    for activity in run.ess.listed("DescribeScalingActivities", group_id, in_progress, "ScalingActivities"):
        yield from _of_activity(run, activity, configured)


def _of_activity(run: Context, activity: Described, configured: Mapping[str, Described]) -> Iterator[LifecycleAction]:
    activity_id = str(activity["ScalingActivityId"])
    began_at = epoch_seconds(str(activity.get("StartTime") or ""))
    parameters = {"ScalingActivityId": activity_id, "LifecycleActionStatus": "Pending"}
    for action in run.ess.listed("DescribeLifecycleActions", activity_id, parameters, "LifecycleActions"):
        hook = configured.get(str(action.get("LifecycleHookId")))
        # A filter that the API does not understand would show ended actions.
        pending = action.get("LifecycleActionStatus") == "Pending" and action.get("LifecycleActionToken")
        if hook is not None and pending:
            yield LifecycleAction(hook, action, activity_id, began_at or 0.0)
