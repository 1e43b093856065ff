"""What is true now of the lifecycle action, its hook and its instances. Nothing here writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

from checking import commands, machines
from checking.assignment import Plan, Rules
from checking.decide import APPEAR_SECONDS
from checking.facts import LONGEST_LIFE, Action, Facts
from checking.progress import Progress, Readiness
from checking.tools import Tools
from spotkeeper.clients import items
from spotkeeper.errors import BadCheck, CloudError
from spotkeeper.events import Transition
from spotkeeper.events.times import epoch_seconds
from spotkeeper.hooks import NOT_THERE, remembered_life
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


def read(tools: Tools, facts: Facts) -> Facts:
    """The hook, and for how long it lives at least. Raises ``CloudError``."""
    hook = _hook(tools, facts)
    return _with_life(tools, facts.but(read=True, hook=hook, transition=_transition(facts, hook)))


def look(tools: Tools, facts: Facts) -> Facts:
    """The action with the notification's token. Raises ``CloudError``."""
    if facts.looks:
        tools.clock.sleep(min(LONGEST_PAUSE, FIRST_PAUSE * GROWTH ** min(facts.looks, 10)))
    found = (action for token, action in _actions(tools, facts, facts.hook) if token == facts.event.token)
    seen = _listing(facts.but(looked=True, looks=facts.looks + 1, action=next(found, None)))
    if seen.action and seen.action.status == "Completed" and facts.sent and seen.action.result == facts.sent.value:
        return seen.but(completed=facts.sent, verified=True)
    return seen if _knows_best(seen) else _with_remembered_life(tools, seen)


def _knows_best(facts: Facts) -> bool:
    """Whether nobody else can have extended the hook since what this call knows: no other call came before it."""
    alone = facts.notified_at is not None and facts.entered_at - facts.notified_at <= FIRST_SECONDS
    return facts.extended or (facts.life_known and (alone or facts.looks > 1))


def _listing(facts: Facts) -> Facts:
    """With the instances that the action lists now: those are checked, whatever it listed before."""
    if facts.action is None or facts.progress is None:
        return facts
    return facts.but(progress=facts.progress.but(instance_ids=facts.action.instance_ids))


def _with_remembered_life(tools: Tools, facts: Facts) -> Facts:
    """As the call that has extended it for the last time says by a tag."""
    action = facts.action
    if action is None or action.status != "Pending" or not action.instance_ids:
        return facts
    tags = tags_of(describe_instance(tools.ecs, min(action.instance_ids)))
    alive_until = remembered_life(tags, facts.event.token)
    known = alive_until is not None and alive_until > facts.now
    return facts.but(alive_until=alive_until, life_known=True) if known else facts


def _hook(tools: Tools, facts: Facts) -> Described | None:
    hook_id = facts.event.hook_id
    parameters = {"LifecycleHookIds": [hook_id]}
    try:
        pages = tools.ess.pages("DescribeLifecycleHooks", hook_id, parameters)
        found = [one for page in pages for one in items(page, "LifecycleHooks")]
    except CloudError as error:
        if error.code.startswith(NOT_THERE):
            return None
        raise
    return next((one for one in found if one.get("LifecycleHookId") == hook_id), None)


def _actions(tools: Tools, facts: Facts, hook: Described | None) -> Iterator[tuple[str, Action]]:
    """Token and action of this hook's, of the activity that the notification names, else of those under way."""
    for activity_id in _activities(tools, facts, hook):
        try:
            pages = list(tools.ess.pages("DescribeLifecycleActions", activity_id, {"ScalingActivityId": activity_id}))
        except CloudError as error:
            if error.code.startswith(NOT_THERE):
                continue
            raise
        for one in (one for page in pages for one in items(page, "LifecycleActions")):
            if one.get("LifecycleHookId") == facts.event.hook_id:
                yield str(one.get("LifecycleActionToken")), _action(one)


def _action(described: Described) -> Action:
    return Action(
        status=str(described.get("LifecycleActionStatus")),
        result=str(described.get("LifecycleActionResult") or ""),
        instance_ids=tuple(dict.fromkeys(str(one) for one in described.get("InstanceIds") or ())),
    )


def _activities(tools: Tools, facts: Facts, hook: Described | None) -> Iterator[str]:
    group_id = facts.event.scaling_group_id or str((hook or {}).get("ScalingGroupId") or "")
    if facts.event.scaling_activity_id:
        yield facts.event.scaling_activity_id
    elif group_id:
        parameters = {"ScalingGroupId": group_id, "StatusCode": "InProgress"}
        for page in tools.ess.pages("DescribeScalingActivities", group_id, parameters):
            yield from (str(one["ScalingActivityId"]) for one in items(page, "ScalingActivities"))


def _transition(facts: Facts, hook: Described | None) -> Transition:
    told = (hook or {}).get("LifecycleTransition")
    return Transition(told) if told in {one.value for one in Transition} else facts.event.transition


def _with_life(tools: Tools, facts: Facts) -> Facts:
    """When the hook began to wait: the notification's time, else the scaling activity's, which is earlier.

    An older time is checked: a hook cannot have begun before its activity.
    """
    if facts.extended:
        return facts
    notified = facts.notified_at
    fresh = notified is not None and facts.entered_at - notified <= FRESH_SECONDS
    started = None if fresh else _started_at(tools, facts)
    earliest = max((one for one in (notified, started) if one is not None), default=None)
    if notified is not None and earliest is not None:
        facts = facts.but(began_at=min(earliest, facts.entered_at))
    alive_until = -math.inf if earliest is None else min(earliest, facts.entered_at) + facts.timeout
    known = alive_until > facts.now
    return facts.but(alive_until=alive_until if known else facts.now, life_known=known)


def _started_at(tools: Tools, facts: Facts) -> float | None:
    activity_id = facts.event.scaling_activity_id
    if not activity_id:
        return None
    answer = tools.ess.call("DescribeScalingActivities", activity_id, {"ScalingActivityIds": [activity_id]})
    started = (epoch_seconds(str(one.get("StartTime"))) for one in items(answer, "ScalingActivities"))
    return next((one for one in started if one is not None), None)


def notified_at(event_time: float | None, now: float) -> float | None:
    """The notification's time; none where no hook can have begun then: in the future, or more than six hours ago.

    A sender's clock may be set to another time zone, and what the cloud says of the action counts.
    """
    possible = event_time is not None and now - LONGEST_LIFE <= event_time <= now + SKEW_SECONDS
    return event_time if possible else None


def choose(facts: Facts, rules: Callable[[], Rules]) -> Facts:
    """Which checks the hook wants. Raises ``BadCheck``, unless all is over anyway."""
    action, facts = facts.action, facts.but(planned=True)
    try:
        plan = _plan(facts, rules())
    except BadCheck:
        if action is None or action.status == "Pending":
            raise
        return facts
    return facts.but(plan=plan, progress=Progress(action.instance_ids if action else (), plan.checks))


def _plan(facts: Facts, rules: Rules) -> Plan:
    """By the hook itself: an event could choose a weaker check, or another bucket for the logs."""
    hook: dict[str, Any] = dict(facts.hook or {})
    return rules.plan(
        facts.transition,
        str(hook.get("LifecycleHookName") or ""),
        str(hook.get("ScalingGroupId") or ""),
        hook.get("NotificationMetadata"),
    )


def observe(tools: Tools, facts: Facts) -> Facts:
    """Wait a little, then ask how commands have ended and which instances can be reached by now."""
    if facts.progress is None:
        return facts
    if facts.observed:
        tools.clock.sleep(_pause(facts))
    asked_at = tools.clock.now()
    under_way = any(facts.progress.outstanding())
    progress = commands.poll(tools, facts.progress)
    progress = machines.look(tools, progress) if progress.waiting else progress
    news = progress != facts.progress
    return facts.but(
        progress=progress,
        # Who does not stand any more may have been sent away by whoever has completed the action meanwhile.
        looked=not _vanished(facts.progress, progress),
        observed=True,
        asked_at=asked_at,
        polled=facts.polled or under_way or bool(progress.unreached),
        pause=FIRST_PAUSE if news else min(LONGEST_PAUSE, max(FIRST_PAUSE, facts.pause * GROWTH)),
    )


def _vanished(before: Progress, after: Progress) -> bool:
    return any(
        machine.readiness is Readiness.NEVER and one not in before.failures for one, machine in after.machines.items()
    )


def _pause(facts: Facts) -> float:
    """Growing, and never past the next thing that has to be done in time."""
    return max(0.5, min(jittered(facts.pause), facts.next_moment() - facts.now))


def wait(tools: Tools, facts: Facts) -> Facts:
    """Until something else may be done, or a refused call tried again."""
    tools.clock.sleep(facts.next_moment() - facts.now)
    return facts


def verify(tools: Tools, facts: Facts) -> Facts:
    """Whether the cloud shows what it has accepted; it is accepted all the same where that takes long."""
    deadline = tools.deadline.sooner(APPEAR_SECONDS)
    while True:
        found = dict(_actions(tools, facts, facts.hook)).get(facts.event.token)
        if (found and found.status != "Pending") or deadline.remaining() <= FIRST_PAUSE:
            return facts.but(action=found or facts.action, verified=True)
        tools.clock.sleep(FIRST_PAUSE)
