"""What is true now of the lifecycle action, its hook and its instances. Nothing here writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from checking import audit_records, commands, machines
from checking.assignment import CheckPlan, Rules
from checking.context import Context
from checking.progress import Progress, Readiness
from checking.state import LONGEST_LIFE, Action, State
from checking.steps import Decision
from spotkeeper.clients import items
from spotkeeper.errors import BadCheck, CloudError
from spotkeeper.events import Transition
from spotkeeper.events.times import epoch_seconds
from spotkeeper.hooks import NOT_THERE, recorded_life
from spotkeeper.instances import Described, describe_instance, tags_of
from spotkeeper.polling import GROWTH, jittered

FIRST_SECONDS = 10.0
"""So soon after the notification its first delivery comes; a later one may be a retry."""
FRESH_SECONDS = 300.0
"""So old a notification may be without being doubted."""
SKEW_SECONDS = 60.0
"""So much the clocks of Auto Scaling and Function Compute may differ."""
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 15.0


def read(run: Context, state: State, _: Decision) -> State:
    """The hook, and for how long it lives at least. Raises ``CloudError``."""
    hook = _hook(run, state)
    return _with_life(run, state.replace(read=True, hook=hook, transition=_transition(state, hook)))


def look(run: Context, state: State, _: Decision) -> State:
    """The action with the notification's token. Raises ``CloudError``."""
    if state.looks:
        run.clock.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * GROWTH ** min(state.looks, 10)))
    found = (action for token, action in actions(run, state, state.hook) if token == state.event.token)
    seen = _listing(state.replace(looked=True, looks=state.looks + 1, action=next(found, None)))
    if seen.action and seen.action.status == "Completed" and state.sent and seen.action.result == state.sent.value:
        return seen.replace(completed=state.sent, verified=True)
    return seen if _knows_best(seen) else _with_recorded_life(run, seen)


def _knows_best(state: State) -> bool:
    """Whether nobody else can have extended the hook since what this call knows: no other call came before it."""
    alone = state.notified_at is not None and state.entered_at - state.notified_at <= FIRST_SECONDS
    return state.extended or (state.life_known and (alone or state.looks > 1))


def _listing(state: State) -> State:
    """With the instances that the action lists now: those are checked, whatever it listed before."""
    if state.action is None or state.progress is None:
        return state
    return state.replace(progress=state.progress.replace(instance_ids=state.action.instance_ids))


def _with_recorded_life(run: Context, state: State) -> State:
    """As the call that has extended it for the last time says by a tag."""
    action = state.action
    if action is None or action.status != "Pending" or not action.instance_ids:
        return state
    tags = tags_of(describe_instance(run.ecs, min(action.instance_ids)))
    alive_until = recorded_life(tags, state.event.hook_id, state.event.token)
    known = alive_until is not None and alive_until > state.now
    return state.replace(alive_until=alive_until, life_known=True) if known else state


def _hook(run: Context, state: State) -> Described | None:
    hook_id = state.event.hook_id
    parameters = {"LifecycleHookIds": [hook_id]}
    try:
        pages = run.ess.pages("DescribeLifecycleHooks", hook_id, parameters)
        found = [one for page in pages for one in items(page, "LifecycleHooks")]
    except CloudError as error:
        if error.code.startswith(NOT_THERE):
            return None
        raise
    return next((one for one in found if one.get("LifecycleHookId") == hook_id), None)


def actions(run: Context, state: State, hook: Described | None) -> Iterator[tuple[str, Action]]:
    """Token and action of this hook's, of the activity that the notification names, else of those under way."""
    for activity_id in _activities(run, state, hook):
        try:
            pages = list(run.ess.pages("DescribeLifecycleActions", activity_id, {"ScalingActivityId": activity_id}))
        except CloudError as error:
            if error.code.startswith(NOT_THERE):
                continue
            raise
        for one in (one for page in pages for one in items(page, "LifecycleActions")):
            if one.get("LifecycleHookId") == state.event.hook_id:
                yield str(one.get("LifecycleActionToken")), _action(one)


def _action(described: Described) -> Action:
    return Action(
        status=str(described.get("LifecycleActionStatus")),
        result=str(described.get("LifecycleActionResult") or ""),
        instance_ids=tuple(dict.fromkeys(str(one) for one in described.get("InstanceIds") or ())),
    )


def _activities(run: Context, state: State, hook: Described | None) -> Iterator[str]:
    group_id = state.event.scaling_group_id or str((hook or {}).get("ScalingGroupId") or "")
    if state.event.scaling_activity_id:
        yield state.event.scaling_activity_id
    elif group_id:
        parameters = {"ScalingGroupId": group_id, "StatusCode": "InProgress"}
        for page in run.ess.pages("DescribeScalingActivities", group_id, parameters):
            yield from (str(one["ScalingActivityId"]) for one in items(page, "ScalingActivities"))


def _transition(state: State, hook: Described | None) -> Transition:
    told = (hook or {}).get("LifecycleTransition")
    return Transition(told) if told in {one.value for one in Transition} else state.event.transition


def _with_life(run: Context, state: State) -> State:
    """When the hook began to wait: the notification's time, else the scaling activity's, which is earlier.

    An older time is checked: a hook cannot have begun before its activity.
    """
    if state.extended:
        return state
    notified = state.notified_at
    fresh = notified is not None and state.entered_at - notified <= FRESH_SECONDS
    started = None if fresh else _started_at(run, state)
    earliest = max((one for one in (notified, started) if one is not None), default=None)
    if notified is not None and earliest is not None:
        state = state.replace(began_at=min(earliest, state.entered_at))
    alive_until = -math.inf if earliest is None else min(earliest, state.entered_at) + state.timeout
    known = alive_until > state.now
    return state.replace(alive_until=alive_until if known else state.now, life_known=known)


def _started_at(run: Context, state: State) -> float | None:
    activity_id = state.event.scaling_activity_id
    if not activity_id:
        return None
    answer = run.ess.call("DescribeScalingActivities", activity_id, {"ScalingActivityIds": [activity_id]})
    started = (epoch_seconds(str(one.get("StartTime"))) for one in items(answer, "ScalingActivities"))
    return next((one for one in started if one is not None), None)


def notified_at(event_time: float | None, now: float) -> float | None:
    """The notification's time; none where no hook can have begun then: in the future, or more than six hours ago.

    A sender's clock may be set to another time zone, and what the cloud says of the action counts.
    """
    possible = event_time is not None and now - LONGEST_LIFE <= event_time <= now + SKEW_SECONDS
    return event_time if possible else None


def choose(state: State, rules: Callable[[], Rules]) -> State:
    """Which checks the hook wants. Raises ``BadCheck``, unless all is over anyway."""
    action, state = state.action, state.replace(chosen=True)
    try:
        plan = _plan(state, rules())
    except BadCheck:
        if action is None or action.status == "Pending":
            raise
        return state
    return state.replace(check_plan=plan, progress=Progress(action.instance_ids if action else (), plan.checks))


def _plan(state: State, rules: Rules) -> CheckPlan:
    """By the hook itself: an event could choose a weaker check, or another bucket for the logs."""
    hook: dict[str, Any] = dict(state.hook or {})
    return rules.plan(
        state.transition,
        str(hook.get("LifecycleHookName") or ""),
        str(hook.get("ScalingGroupId") or ""),
        hook.get("NotificationMetadata"),
    )


def observe(run: Context, state: State, _: Decision) -> State:
    """Wait a little, then ask how commands have ended and which instances can be reached by now."""
    if state.progress is None:
        return state
    if state.observed:
        run.clock.sleep(_pause(state))
    asked_at = run.clock.now()
    under_way = any(state.progress.outstanding())
    progress = commands.poll(run, state.progress)
    progress = machines.look(run, progress) if progress.waiting else progress
    news = progress != state.progress
    audit_records.ended(run, state.progress, progress, audit_records.hook(state))
    return state.replace(
        progress=progress,
        # Who does not stand any more may have been sent away by whoever has completed the action meanwhile.
        looked=not _vanished(state.progress, progress),
        observed=True,
        asked_at=asked_at,
        polled=state.polled or under_way or bool(progress.unreached),
        pause=FIRST_PAUSE if news else min(LONGEST_PAUSE, max(FIRST_PAUSE, state.pause * GROWTH)),
    )


def _vanished(before: Progress, after: Progress) -> bool:
    return any(
        machine.readiness is Readiness.NEVER and one not in before.failures for one, machine in after.machines.items()
    )


def _pause(state: State) -> float:
    """Growing, and never past the next thing that has to be done in time."""
    return max(0.5, min(jittered(state.pause), state.next_moment() - state.now))


def wait(run: Context, state: State, _: Decision) -> State:
    """Until something else may be done, or a refused call tried again."""
    run.clock.sleep(state.next_moment() - state.now)
    return state.replace(now=run.clock.now())
