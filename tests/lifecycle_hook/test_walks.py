"""Disturbed at every call: killed, side by side. One completion, no command twice, and the same end."""

from __future__ import annotations

import functools
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest

from simulator.faults import Fault
from simulator.transport import Killed
from tests.lifecycle_hook.conftest import Write
from tests.lifecycle_hook.stage import HookStage, stage
from tests.rescue.walks import Outcome, attempt, describe, killed, sample, side_by_side, spoiled

REMOVE = {"on_partial_failure": "continue_and_remove_failed"}


def passing() -> HookStage:
    """Both instances pass."""
    return stage()


def failing() -> HookStage:
    """One of them fails."""
    here = stage()
    here.fail(here.ids[0])
    return here


def late() -> HookStage:
    """An agent comes late enough for a heartbeat."""
    here = stage()
    here.agents(here.cloud.now() + 500, here.ids[0])
    return here


def leaving() -> HookStage:
    """They are on their way out."""
    return stage(transition="SCALE_IN")


SCENES: dict[str, Callable[[], HookStage]] = {
    "passing": passing,
    "failing": failing,
    "removing": failing,  # under the other policy
    "late": late,
    "leaving": leaving,
}
EFFECTS = ("kill-before", "kill-after")
ALL = pytest.param(None, id="all", marks=pytest.mark.full)


def play(name: str, hooks: Write) -> HookStage:
    """A new stage of a scene."""
    hooks(SCALE_OUT=REMOVE if name == "removing" else {})
    return SCENES[name]()


@functools.cache
def reference(name: str, hooks: Write) -> tuple[int, dict[str, Any]]:
    """The undisturbed delivery of a scene: how many calls it makes, and what it leaves behind."""
    here = play(name, hooks)
    assert here.deliver()["outcome"] == "done"
    return len(here.cloud.calls), end_state(here)


def end_state(here: HookStage) -> dict[str, Any]:
    """What is left, the same for every two deliveries that came to the same end."""
    completions = here.accepted()
    action = here.action
    here.advance(120)
    return {
        "action": action,
        "completions": completions,
        "serving": here.serving(),
        "instances": set(here.cloud.ecs.instances),
        "commands": len(here.cloud.ecs.assistant.commands),
        "notifications": len(here.cloud.ess.notifications),
    }


def differences(here: HookStage, expected: dict[str, Any]) -> list[str]:
    """In what it is another end."""
    found = end_state(here)
    return [f"{key}: {found[key]} instead of {expected[key]}" for key in expected if found[key] != expected[key]]


@pytest.mark.parametrize("most", [pytest.param(6, id="sample"), ALL])
@pytest.mark.parametrize("name", SCENES)
def test_killed_at_every_call(name: str, most: int | None, hooks: Write) -> None:
    """Whichever call it dies at, the next delivery comes to the end that an undisturbed one comes to."""
    calls, expected = reference(name, hooks)
    wrong = {}
    for number, effect in sample(product(range(1, calls + 1), EFFECTS), most or 10**6):
        here = killed(play(name, hooks), number, effect)
        again = attempt(here)
        problems = [] if isinstance(again, dict) else [describe(again)]
        problems += spoiled(here, again) + differences(here, expected)
        if problems:
            wrong[f"{effect} {number}"] = problems
    assert not wrong


@pytest.mark.parametrize("most", [pytest.param(6, id="sample"), ALL])
@pytest.mark.parametrize("name", SCENES)
def test_side_by_side(name: str, most: int | None, hooks: Write) -> None:
    """Two deliveries at once, whoever is faster and for how long: one end, and neither of them fails."""
    calls, expected = reference(name, hooks)
    wrong = {}
    for first, second in sample(product(range(calls + 1), range(1, calls + 1)), most or 10**6):
        here = play(name, hooks)
        outcomes = side_by_side(here, ("one", first), ("two", second))
        problems = [f"{who}: {describe(one)}" for who, one in outcomes.items() if not isinstance(one, dict)]
        problems += [] if any(_done(item) for item in outcomes.values()) else ["nobody says that it is done"]
        problems += differences(here, expected)
        if problems:
            wrong[f"{first}, {second}"] = problems
    assert not wrong


def _done(outcome: Outcome) -> bool:
    return isinstance(outcome, dict) and outcome["outcome"] == "done"


@pytest.mark.parametrize("effect", ["reset-before", "reset-after", "slow", "code:ServiceUnavailable", "throttle"])
@pytest.mark.parametrize("name", SCENES)
def test_a_lost_answer_at_every_call(name: str, effect: str, hooks: Write) -> None:
    """One call of each action gets no answer, or a bad one: the same end, with at most one more delivery."""
    _, expected = reference(name, hooks)
    here = play(name, hooks)
    here.deliver()
    wrong = {}
    for action in sorted({call.action for call in here.cloud.calls}):
        here = play(name, hooks)
        here.cloud.faults.add(Fault(action, effect))
        outcome = attempt(here)
        if not isinstance(outcome, dict):
            assert not isinstance(outcome, Killed)
            outcome = attempt(here)
        problems = [] if isinstance(outcome, dict) else [describe(outcome)]
        if problems := problems + differences(here, expected):
            wrong[action] = problems
    assert not wrong
