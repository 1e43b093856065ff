"""Agents that come late or never, commands that take longer than the hook, and the budget of heartbeats."""

from __future__ import annotations

import pytest

from spotkeeper.errors import DeadlineReached
from tests.lifecycle_hook.conftest import Write
from tests.lifecycle_hook.stage import NOW, REMOVE, HookStage, stage
from tests.rescue.reading import fault
from tests.rescue.walks import attempt

READINGS = ("restart", "add")
SIX_HOURS = 21_600.0


def redeliver(here: HookStage, most: int = 400) -> dict[str, object]:
    """Function Compute and the sweep come again, a minute after each call that left the hook to the next one."""
    for _ in range(most):
        outcome = attempt(here)
        if isinstance(outcome, dict):
            return outcome
        assert isinstance(outcome, DeadlineReached), outcome
        here.advance(60)
    raise AssertionError("it never ends")


@pytest.mark.parametrize("reading", READINGS)
def test_an_agent_that_comes_late(reading: str) -> None:
    """The hook of ten minutes is kept alive until the agent has come after 25, by as many calls as that takes."""
    here = stage()
    here.cloud.ess.heartbeat_reading = reading
    here.agents(NOW + 1_500, here.ids[0])
    answer = redeliver(here)
    assert (answer["result"], here.serving()) == ("CONTINUE", set(here.ids))
    assert 1_500 <= here.cloud.now() - NOW <= 1_600
    assert 1 <= here.fleet.action.heartbeats <= 4


@pytest.mark.parametrize("reading", READINGS)
def test_an_agent_that_never_comes(reading: str) -> None:
    """As long as the hook can be kept alive, then the failure result is said, not left to the default (CONTINUE)."""
    here = stage()
    here.cloud.ess.heartbeat_reading = reading
    here.agents(None, here.ids[0])
    answer = redeliver(here)
    assert (answer["result"], here.action) == ("ABANDON", ("Completed", "ABANDON"))
    assert "no heartbeat" in str(answer["reason"])
    assert here.fleet.action.heartbeats <= 20
    assert 2 * 3_600 <= here.cloud.now() - NOW <= SIX_HOURS


def test_an_agent_that_never_comes_costs_the_others_nothing(hooks: Write) -> None:
    """Under continue_and_remove_failed what is left of the hook's life is enough to check the others."""
    hooks(SCALE_OUT=REMOVE)
    here = stage()
    here.agents(None, here.ids[0])
    answer = redeliver(here)
    here.advance(60)
    assert (answer["removed_instances"], here.serving()) == ([here.ids[0]], {here.ids[1]})


def test_a_limit_to_waiting(hooks: Write) -> None:
    """agent_seconds of the hook's rule, counted from the notification."""
    hooks(SCALE_OUT={"agent_seconds": 120})
    here = stage()
    here.agents(None)
    here.completes("ABANDON")
    assert 120 <= here.cloud.now() - NOW <= 140


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("timeout", [30, 60, 600])
def test_a_command_that_takes_longer_than_the_hook(reading: str, timeout: int) -> None:
    """The hook outlives it."""
    here = stage(hook_timeout=timeout)
    here.cloud.ess.heartbeat_reading = reading
    here.fail(*here.ids, exit_code=0, output=b"ok", seconds=620.0)
    here.completes("CONTINUE")


@pytest.mark.parametrize("reading", READINGS)
@pytest.mark.parametrize("code", ["LifecycleAction.TimeExceeded", "LifecycleAction.RecordTimesExceeded"])
def test_the_budget_is_exhausted(reading: str, code: str) -> None:
    """No heartbeat is accepted any more and the command goes on: the failure result, before the hook ends."""
    here = stage()
    here.cloud.ess.heartbeat_reading = reading
    fault(here, "RecordLifecycleActionHeartbeat", f"code:{code}", times=None)
    here.fail(*here.ids, exit_code=0, seconds=700.0)
    here.completes("ABANDON")
    assert 400 <= here.cloud.now() - NOW < 600


def test_a_call_that_comes_late_without_any_heartbeat_left() -> None:
    """The end of the hook is unknown: a command that ends soon is still waited for."""
    here = stage()
    here.fleet.action.expires_at = NOW + 5_000
    here.advance(700)
    assert here.action == ("Pending", "")
    fault(here, "RecordLifecycleActionHeartbeat", "code:LifecycleAction.RecordTimesExceeded", times=None)
    here.completes("CONTINUE")


def test_polls_grow() -> None:
    """Ten minutes of waiting are not hundreds of calls, and the end is not missed by much."""
    here = stage()
    here.fail(*here.ids, exit_code=0, seconds=600.0)
    here.deliver()
    assert len(here.actions("DescribeInvocationResults")) < 60
    assert here.cloud.now() - NOW < 620


@pytest.mark.parametrize("status", ["Stopped", "Stopping"])
def test_an_instance_that_does_not_run(status: str) -> None:
    """No check can run on it, and nobody waits for what nobody has started."""
    here = stage(attributes={"status": status}, waits_for_running=False)
    here.completes("ABANDON")


def test_an_instance_that_is_gone() -> None:
    """It is looked for until it must have appeared, then it has failed."""
    here = stage()
    gone = here.cloud.ecs.instances[here.ids[0]]
    here.cloud.ecs.release(gone, here.cloud.now(), "test")
    here.completes("ABANDON")
    assert 60 <= here.cloud.now() - NOW <= 90


def test_an_action_that_is_not_shown_yet() -> None:
    """The notification can be faster than DescribeLifecycleActions."""
    here = stage()
    here.cloud.ess.actions_visible_after = 12.0
    here.completes("CONTINUE")


def test_a_token_that_nobody_knows() -> None:
    """Skipped after half a minute, and nothing was written."""
    here = stage()
    answer = here.deliver(here.sent.replace(here.fleet.action.token.encode(), b"no-such-token"))
    assert (answer["outcome"], here.writes()) == ("skipped", [])
    assert here.action == ("Pending", "")
