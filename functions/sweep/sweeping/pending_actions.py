"""Pending lifecycle actions whose notification got lost, or whose function died: found by asking Auto Scaling.

Only hooks that notify one of SPOTKEEPER_HOOK_ARNS are ours. An action that is pending when half of its hook's timeout
has passed since its scaling activity began is handed to ``lifecycle_hook``, and again every few minutes. Once it was
extended, the tag that says until when it lives (``spotkeeper.hooks``) tells whether somebody works on it: who does
extends it well before its end. Every call that knows no better costs the hook one of its twenty heartbeats.

Failed instances that should have left their group after CONTINUE are found by their tag.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from spotkeeper.clients import chunks, items
from spotkeeper.errors import CloudError, DeadlineReached
from spotkeeper.events import Transition
from spotkeeper.events.times import epoch_seconds
from spotkeeper.hooks import FAILED_TAG, NOT_THERE, recorded_life
from spotkeeper.instances import Described, describe_instance, describe_instances, tags_of
from spotkeeper.retry import passes_by_itself
from sweeping.context import Context
from sweeping.reader import turn

SHORTEST_ROUND = 300.0
"""Seconds between two hand-overs of one action at least; a tenth of the timeout of a long hook."""
NEGLECTED_SECONDS = 150.0
"""A hook that has less left was not extended by anybody: ``lifecycle_hook`` does it at 180 s."""
MINUTE = 60.0
DEFAULT_TIMEOUT = 600.0
"""HeartbeatTimeout of a hook that says nothing else (CreateLifecycleHook)."""
IDS_PER_CALL = 20
TRANSITIONS = frozenset(one.value for one in Transition)


@dataclass(frozen=True)
class PendingAction:
    """A pending lifecycle action; ``began_at``: when its scaling activity began, seconds since 1970.

    ``alive_until``: how long it lives by the last heartbeat, None where nobody has written that down. ``ended``: it is
    over, and has left failed instances behind.
    """

    hook: Described
    action: Described
    activity_id: str
    began_at: float
    alive_until: float | None = None
    ended: bool = False

    @property
    def hook_id(self) -> str:
        """The hook."""
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
        return [str(one) for one in self.action.get("InstanceIds") or ()]

    def left(self, now: float) -> float:
        """Seconds until the hook ends if nobody extends it."""
        return (self.alive_until or self.began_at + self.timeout) - now

    def due(self, now: float) -> bool:
        """Whether it is about to end, or half of the timeout has passed and nobody has extended it."""
        if self.ended or self.left(now) < NEGLECTED_SECONDS:
            return True
        extended = self.alive_until is not None and self.alive_until > now
        return not extended and now - self.began_at >= self.timeout / 2

    def round(self, now: float) -> str:
        """Which hand-over it is; within one, the same task id is submitted once.

        A hook that is about to end is handed over each minute: the call of the last minute may have failed.
        """
        if 0 < self.left(now) < NEGLECTED_SECONDS and not self.ended:
            return f"end-{int(now // MINUTE)}"
        return str(int((now - self.began_at) // max(SHORTEST_ROUND, self.timeout / 10)))

    def __str__(self) -> str:
        hook = self.hook.get("LifecycleHookName") or self.hook_id
        return f"{self.name} ({hook}, {len(self.instance_ids)} instances)"


@dataclass
class Looked:
    """What was found, and what could not be looked at; ``left``: so many groups and marks nobody had time for."""

    actions: list[PendingAction] = field(default_factory=list)
    errors: dict[str, CloudError] = field(default_factory=dict)
    left: int = 0


@dataclass(frozen=True)
class PendingActions:
    """Finds the pending actions of our hooks, and those that left failed instances."""

    run: Context

    def look(self, now: float) -> Looked:
        """Pending actions of our hooks, and those that left failed instances; the least time left first.

        What is found before the time is up, or before APIs are throttled, is handed over; the next sweep looks further.
        Raises ``CloudError`` and ``DeadlineReached`` where not even the groups can be listed.
        """
        looked = Looked()
        places = sorted(self._places(looked), key=lambda one: turn(one[0], now)) if self.run.hooks.hook_arns else []
        for number, (name, actions) in enumerate(places):
            if not self._looked_at(name, actions, looked):
                looked.left = len(places) - number
                break
        looked.actions.sort(key=lambda one: (one.ended, one.left(now)))
        return looked

    def _places(self, looked: Looked) -> list[tuple[str, Iterator[PendingAction]]]:
        """Where actions may be found: groups with an instance that waits, and marks of failed instances."""
        places = [(one, self._of_group(one)) for one in self._groups()]
        try:
            return places + [(mark, self._of_mark(mark, ids)) for mark, ids in self._marks().items()]
        except CloudError as error:
            looked.errors["failed instances"] = error
            return places

    def _looked_at(self, name: str, actions: Iterator[PendingAction], looked: Looked) -> bool:
        """Add what is found; a place that cannot be looked at hides no other. Whether to look any further."""
        try:
            for one in actions:
                looked.actions.append(one if one.ended else self._with_life(one))
        except DeadlineReached:
            return False
        except CloudError as error:
            looked.errors[name] = error
            return not passes_by_itself(error)
        return True

    def _with_life(self, held: PendingAction) -> PendingAction:
        """With the tag that the last heartbeat has left on the first of the instances."""
        if not held.instance_ids:
            return held
        tags = tags_of(describe_instance(self.run.ecs, min(held.instance_ids)))
        return replace(
            held, alive_until=recorded_life(tags, held.hook_id, str(held.action.get("LifecycleActionToken")))
        )

    def _marks(self) -> dict[str, list[str]]:
        """The instances with the tag of a failed check, by its value."""
        marks: dict[str, list[str]] = {}
        for one in describe_instances(self.run.ecs, "failed instances", {"Tag": [{"Key": FAILED_TAG}]}):
            if mark := tags_of(one).get(FAILED_TAG):
                marks.setdefault(mark, []).append(str(one["InstanceId"]))
        return marks

    def _of_mark(self, mark: str, instance_ids: list[str]) -> Iterator[PendingAction]:
        """The action after which failed instances are still members of their group."""
        token, hook_id, activity_id = [*mark.split("/"), "", ""][:3]
        hook = self._hook(hook_id)
        if hook and activity_id and self._members(str(hook.get("ScalingGroupId")), instance_ids):
            action = {"LifecycleActionToken": token, "InstanceIds": instance_ids}
            yield PendingAction(hook, action, activity_id, began_at=0.0, ended=True)

    def _hook(self, hook_id: str) -> Described | None:
        """One of ours; None also where its owner has deleted it meanwhile."""
        pages = (
            self.run.ess.pages("DescribeLifecycleHooks", hook_id, {"LifecycleHookIds": [hook_id]}) if hook_id else ()
        )
        try:
            found = [one for page in pages for one in items(page, "LifecycleHooks")]
        except CloudError as error:
            if error.code.startswith(NOT_THERE):
                return None
            raise
        return next((one for one in found if self._is_ours(one)), None)

    def _members(self, group_id: str, instance_ids: list[str]) -> list[str]:
        """Those of the instances that take traffic in the group."""
        found: list[str] = []
        for ids in chunks(instance_ids, IDS_PER_CALL):
            parameters = {"ScalingGroupId": group_id, "InstanceIds": ids}
            for page in self.run.ess.pages("DescribeScalingInstances", group_id, parameters):
                members = (one for one in items(page, "ScalingInstances") if one.get("LifecycleState") == "InService")
                found += [str(one.get("InstanceId")) for one in members]
        return found

    def _is_ours(self, hook: Described) -> bool:
        """A hook that notifies us, and of which everything is told that is needed."""
        complete = all(hook.get(name) for name in ("LifecycleHookId", "LifecycleTransition", "ScalingGroupId"))
        known = hook.get("LifecycleTransition") in TRANSITIONS
        return complete and known and hook.get("NotificationArn") in self.run.hooks.hook_arns

    def _groups(self) -> Iterator[str]:
        """Groups with an instance that waits; where the API does not count them, every group."""
        for page in self.run.ess.pages("DescribeScalingGroups", "scaling groups", {}):
            for group in items(page, "ScalingGroups"):
                waiting = (group.get("PendingWaitCapacity"), group.get("RemovingWaitCapacity"))
                if None in waiting or any(waiting):
                    yield str(group["ScalingGroupId"])

    def _of_group(self, group_id: str) -> Iterator[PendingAction]:
        of_group = {"ScalingGroupId": group_id}
        pages = self.run.ess.pages("DescribeLifecycleHooks", group_id, of_group)
        hooks = (one for page in pages for one in items(page, "LifecycleHooks"))
        ours = {str(one["LifecycleHookId"]): one for one in hooks if self._is_ours(one)}
        if not ours:
            return
        for page in self.run.ess.pages("DescribeScalingActivities", group_id, {**of_group, "StatusCode": "InProgress"}):
            for activity in items(page, "ScalingActivities"):
                yield from self._of_activity(activity, ours)

    def _of_activity(self, activity: Described, ours: Mapping[str, Described]) -> Iterator[PendingAction]:
        activity_id = str(activity["ScalingActivityId"])
        began_at = epoch_seconds(str(activity.get("StartTime") or ""))
        parameters = {"ScalingActivityId": activity_id, "LifecycleActionStatus": "Pending"}
        for page in self.run.ess.pages("DescribeLifecycleActions", activity_id, parameters):
            for action in items(page, "LifecycleActions"):
                hook = ours.get(str(action.get("LifecycleHookId")))
                # A filter that is not understood would show those that have ended.
                pending = action.get("LifecycleActionStatus") == "Pending" and action.get("LifecycleActionToken")
                if hook is not None and pending:
                    yield PendingAction(hook, action, activity_id, began_at or 0.0)
