"""Reads of the lifecycle action, its hook and its instances. Nothing here writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from checking import audit_records, readiness
from checking.actions import commands
from checking.assignment import Rules
from checking.context import Context
from checking.progress import Progress, Readiness
from checking.state import LifecycleAction, State
from checking.steps import Decision
from spotkeeper.clients import items
from spotkeeper.errors import BadCheck, CloudError
from spotkeeper.events.kinds import Transition
from spotkeeper.events.times import epoch_seconds
from spotkeeper.hooks import LONGEST_LIFE, latest_life, recorded_life
from spotkeeper.instances import describe_instance, tags_of
from spotkeeper.polling import GROWTH, jittered
from spotkeeper.scaling import NOT_THERE, describe_hook

FIRST_SECONDS = 10.0
"""The first delivery comes so soon after the notification; a later delivery may be a retry."""
FRESH_SECONDS = 300.0
"""The time of a notification is trusted up to this age."""
SKEW_SECONDS = 60.0
"""The clocks of Auto Scaling and Function Compute may differ by so much."""
FIRST_PAUSE = 2.0
LONGEST_PAUSE = 15.0


def read(run: Context, state: State, _: Decision) -> State:
    """Read the hook, and estimate the end of its life. Raises ``CloudError``."""
    hook = describe_hook(run.ess, state.event.hook_id)
    shown = (hook or {}).get("LifecycleTransition")
    known = shown in {transition.value for transition in Transition}
    transition = Transition(shown) if known else state.event.transition
    return _with_life(run, state.replace(read=True, hook=hook, transition=transition))


def look(run: Context, state: State, _: Decision) -> State:
    """Read the action with the notification's token. Raises ``CloudError``."""
    if state.looks:
        run.clock.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * GROWTH ** min(state.looks, 10)))
    found = (action for token, action in actions(run, state) if token == state.event.token)
    seen = state.replace(looked=True, looks=state.looks + 1, action=next(found, None))
    if seen.action and seen.check_plan and not seen.ended:  # the instances that the action lists now are checked
        seen = seen.replace(progress=seen.progress.replace(instance_ids=seen.action.instance_ids))
    if seen.action and seen.action.status == "Completed" and state.sent and seen.action.result == state.sent.value:
        return seen.replace(completed=state.sent, verified=True)
    return seen if _life_is_current(seen) else _with_recorded_life(run, seen)


def _life_is_current(state: State) -> bool:
    """Whether no other call can have extended the hook meanwhile: no call came before this call."""
    alone = state.notified_at is not None and state.entered_at - state.notified_at <= FIRST_SECONDS
    return state.extended or (state.life_known and (alone or state.looks > 1))


def _with_recorded_life(run: Context, state: State) -> State:
    """With the end of life in the tag of the last heartbeat."""
    if state.ended or not state.instance_ids:
        return state
    tags = tags_of(describe_instance(run.ecs, min(state.instance_ids)))
    latest = latest_life(state.now, state.began_at, state.timeout)
    alive_until = recorded_life(tags, state.event.hook_id, state.event.token, latest)
    known = alive_until is not None and alive_until > state.now
    return state.replace(alive_until=alive_until, life_known=True) if known else state


def actions(run: Context, state: State) -> Iterator[tuple[str, LifecycleAction]]:
    """Tokens and actions of this hook, of the notification's activity, else of the activities in progress."""
    for activity_id in _activities(run, state):
        try:
            of_activity = {"ScalingActivityId": activity_id}
            found = list(run.ess.listed("DescribeLifecycleActions", activity_id, of_activity, "LifecycleActions"))
        except CloudError as error:
            if error.code.startswith(NOT_THERE):
                continue
            raise
        for action in found:
            if action.get("LifecycleHookId") == state.event.hook_id:
                status, result = action.get("LifecycleActionStatus"), action.get("LifecycleActionResult") or ""
                instance_ids = tuple(dict.fromkeys(map(str, action.get("InstanceIds") or ())))
                yield str(action.get("LifecycleActionToken")), LifecycleAction(str(status), str(result), instance_ids)


def _activities(run: Context, state: State) -> Iterator[str]:
    group_id = state.event.scaling_group_id or str((state.hook or {}).get("ScalingGroupId") or "")
    if state.event.scaling_activity_id:
        yield state.event.scaling_activity_id
    elif group_id:
        parameters = {"ScalingGroupId": group_id, "StatusCode": "InProgress"}
        for activity in run.ess.listed("DescribeScalingActivities", group_id, parameters, "ScalingActivities"):
            yield str(activity["ScalingActivityId"])


def _with_life(run: Context, state: State) -> State:
    """With the time when the hook began to wait: the notification's, else the scaling activity's, which is earlier.

    The time of an old notification is checked: a hook cannot have begun before its activity.
    """
    if state.extended:
        return state
    notified = state.notified_at
    fresh = notified is not None and state.entered_at - notified <= FRESH_SECONDS
    started, activity_id = None, state.event.scaling_activity_id
    if activity_id and not fresh:
        answer = run.ess.call("DescribeScalingActivities", activity_id, {"ScalingActivityIds": [activity_id]})
        times = (epoch_seconds(str(activity.get("StartTime"))) for activity in items(answer, "ScalingActivities"))
        started = next((time for time in times if time is not None), None)
    earliest = max((moment for moment in (notified, started) if moment is not None), default=None)
    if notified is not None and earliest is not None:
        state = state.replace(began_at=min(earliest, state.entered_at))
    alive_until = -math.inf if earliest is None else min(earliest, state.entered_at) + state.timeout
    known = alive_until > state.now
    return state.replace(alive_until=alive_until if known else state.now, life_known=known)


def notified_at(event_time: float | None, now: float) -> float | None:
    """The notification's time; None for a time in the future, or more than six hours ago.

    The sender's clock may be set to another time zone.
    """
    possible = event_time is not None and now - LONGEST_LIFE <= event_time <= now + SKEW_SECONDS
    return event_time if possible else None


def choose(state: State, rules: Callable[[], Rules]) -> State:
    """Choose the checks of the hook. Raises ``BadCheck``, unless the action has ended."""
    state = state.replace(chosen=True)
    # By the hook itself: an event could choose a weaker check, or another bucket for the logs.
    hook: dict[str, Any] = dict(state.hook or {})
    name, group_id = str(hook.get("LifecycleHookName") or ""), str(hook.get("ScalingGroupId") or "")
    try:
        plan = rules().plan(state.transition, name, group_id, hook.get("NotificationMetadata"))
    except BadCheck:
        if not state.ended:
            raise
        return state
    return state.replace(check_plan=plan, progress=Progress(state.instance_ids, plan.checks))


def observe(run: Context, state: State, _: Decision) -> State:
    """Wait a little, then read the results of commands and which instances a command can reach."""
    if state.observed:
        # Never past the next moment at which something has to be done in time.
        run.clock.sleep(max(0.5, min(jittered(state.pause), state.next_moment() - state.now)))
    asked_at = run.clock.now()
    under_way = any(state.progress.outstanding())
    progress = readiness.look(run, commands.poll(run, state.progress))
    news = progress != state.progress
    never = (name for name, instance in progress.instances.items() if instance.readiness is Readiness.NEVER)
    vanished = any(name not in state.progress.failures for name in never)
    audit_records.ended(run, state.progress, progress, audit_records.hook(state))
    return state.replace(
        progress=progress,
        # Another call may have completed the action, so that the instance was released.
        looked=not vanished,
        observed=True,
        asked_at=asked_at,
        polled=state.polled or under_way or bool(progress.unreached),
        pause=FIRST_PAUSE if news else min(LONGEST_PAUSE, max(FIRST_PAUSE, state.pause * GROWTH)),
    )


def wait(run: Context, state: State, _: Decision) -> State:
    """Wait until another step is due, or a refused call can be tried again."""
    run.clock.sleep(state.next_moment() - state.now)
    return state.replace(now=run.clock.now())
