"""Throttled reads do not cost a hook its life: the heartbeat comes before anything that waits."""

from __future__ import annotations

import pytest

from tests.lifecycle_hook.stage import NOW, HookStage, stage
from tests.lifecycle_hook.test_waiting import redeliver
from tests.rescue.reading import dies, fault

ACTIONS = (
    "DescribeLifecycleHooks",
    "DescribeLifecycleActions",
    "DescribeScalingActivities",
    "RecordLifecycleActionHeartbeat",
    "CompleteLifecycleAction",
    "DescribeInstances",
    "DescribeCloudAssistantStatus",
    "RunCommand",
    "DescribeInvocationResults",
    "TagResources",
    "UntagResources",
)
TIMEOUTS = (90, 120, 300, 600)
MINUTE_BEGINS = NOW - NOW % 60


def throttled(timeout: int, second: float, minutes: int = 1) -> HookStage:
    """A hook that begins at this second of a minute, where each action is throttled for so many minutes."""
    began = stage(now=MINUTE_BEGINS).cloud.now()
    start = MINUTE_BEGINS + (second - (began - MINUTE_BEGINS)) % 60
    here = stage(hook_timeout=timeout, timeout=1_800, now=start)
    for action in ACTIONS:
        fault(here, action, "throttle", times=minutes)
    assert round(here.cloud.now() % 60) % 60 == round(second)
    return here


@pytest.mark.parametrize("second", [0.0, 20.0, 59.0])
@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_the_first_call_of_each_action_is_throttled(timeout: int, second: float) -> None:
    """By the minute: the hook is extended as soon as the first read is refused, and the checks decide."""
    here = throttled(timeout, second)
    here.completes("CONTINUE")
    assert here.serving() == set(here.ids)


@pytest.mark.parametrize(("timeout", "minutes"), [(120, 2), (300, 2), (300, 4), (600, 4), (600, 8)])
def test_throttled_for_minutes(timeout: int, minutes: int) -> None:
    """Between two tries of a read the heartbeat is tried: one of them is in time."""
    here = throttled(timeout, 20.0, minutes)
    answer = redeliver(here)
    assert (answer["result"], here.action) == ("CONTINUE", ("Completed", "CONTINUE"))


@pytest.mark.parametrize("timeout", [60, *TIMEOUTS])
@pytest.mark.parametrize(
    "effect", ["throttle", "code:LifecycleHookIdAndLifecycleActionToken.Invalid", "code:Forbidden.RAM"]
)
def test_heartbeats_refused_for_ever(effect: str, timeout: int) -> None:
    """Nothing else waits for them: the checks pass in time; a missing permission is a warning."""
    here = stage(hook_timeout=timeout)
    fault(here, "RecordLifecycleActionHeartbeat", effect, times=None)
    answer = here.completes("CONTINUE")
    assert timeout > 60 or ("Forbidden.RAM" in str(answer["warnings"])) == effect.endswith("RAM")


def test_no_heartbeat_gets_through_and_the_agent_does_not_come() -> None:
    """The failure result is said before the hook ends."""
    here = stage(hook_timeout=300, default_result="CONTINUE")
    here.agents(None)
    fault(here, "RecordLifecycleActionHeartbeat", "throttle", times=None)
    here.completes("ABANDON")


@pytest.mark.parametrize("timeout", TIMEOUTS)
def test_nobody_says_how_a_check_ended(timeout: int) -> None:
    """Heartbeats are used up and results are throttled until the end: the failure result, not the hook's default."""
    here = stage(hook_timeout=timeout, timeout=1_800, default_result="CONTINUE")
    fault(here, "RecordLifecycleActionHeartbeat", "code:LifecycleAction.RecordTimesExceeded", times=None)
    fault(here, "DescribeInvocationResults", "throttle", times=None)
    here.completes("ABANDON")


def test_throttling_of_hours_leaves_heartbeats() -> None:
    """A read that is refused for ever costs the hook no heartbeat at each of its tries."""
    here = stage(timeout=3_600)
    fault(here, "DescribeInvocationResults", "throttle", times=None, until=NOW + 3_000)
    here.completes("CONTINUE")
    assert here.fleet.action.heartbeats <= 8


def test_a_hook_that_another_call_has_extended() -> None:
    """The call before has died; its tag says that the hook lives on for longer than its timeout."""
    here = stage(hook_timeout=90)
    here.agents(NOW + 300)
    dies(here, "TagResources", "kill-after")
    fault(here, "RecordLifecycleActionHeartbeat", "throttle", times=None)
    here.advance(20)
    here.completes("CONTINUE")
