"""Restarts and lifecycle hooks: what is undisturbed violates nothing, and what is bad is found out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chaos import reference, world
from chaos.invariants import hooks, restarts, same_end
from chaos.run import judge, tell
from chaos.scenario import Kind
from chaos.scenarios import SCENARIOS
from chaos.scenarios.hooks import FIRST
from chaos.schedule import Delivery, FaultSpec, Schedule
from chaos.story import Story
from tests.chaos.test_fault_classes import skips
from tests.chaos.test_found import FOUND

OTHERS = [one for one in SCENARIOS.values() if one.kind is not Kind.RESCUE]
TOLD = Schedule("stop-mode-told", SCENARIOS["stop-mode-told"].deliveries)
AGAIN = Schedule("stops-again", SCENARIOS["stops-again"].deliveries)
FAILING = Schedule("hook-failing", SCENARIOS["hook-failing"].deliveries)


@pytest.mark.parametrize("scenario", OTHERS, ids=lambda one: one.name)
def test_undisturbed(scenario: Any) -> None:
    """Nothing is violated, also where the sweep has to find everything by itself."""
    assert judge(Schedule(scenario.name, scenario.deliveries)).violations == ()
    assert judge(Schedule(scenario.name, (), runs=1)).names <= {"completed_by_the_function", "ends_as_undisturbed"}


@pytest.mark.parametrize(
    ("function", "schedule", "expected"),
    [
        ("state_change", AGAIN, {"ends_as_undisturbed"}),
        ("state_change", TOLD, {"ends_as_undisturbed", "stop_mode_returns_exactly"}),
        ("lifecycle_hook", FAILING, {"completed_by_the_function", "the_bad_never_serve", "ends_as_undisturbed"}),
    ],
    ids=["never started", "never returned", "never checked"],
)
def test_a_function_that_does_nothing(
    function: str, schedule: Schedule, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It violates what it is there for."""
    reference.ending(schedule.scenario)  # kept from now on: the real function's, not this one's
    monkeypatch.setitem(world.HANDLERS, function, skips)
    assert judge(schedule).names == expected


def test_too_many_starts() -> None:
    """A start more than the limit within the window is one too many."""
    story = tell(AGAIN)
    assert list(restarts.within_limit_and_window(story)) == []
    first = story.starts[0]
    assert list(restarts.within_limit_and_window(replace(story, starts=tuple(first + at for at in range(4)))))
    assert list(restarts.started_once_per_stop(replace(story, starts=tuple(first + at for at in range(9)))))


def test_started_under_the_lock() -> None:
    """A start that is asked for while the lock is there."""
    story = tell(TOLD)
    assert list(restarts.nothing_started_that_may_not_be(story)) == []
    asked = next(one for one in story.calls if one.action == restarts.START)
    story.calls[asked.number - 1] = replace(asked, at=story.start + 300)
    assert list(restarts.nothing_started_that_may_not_be(story))


def test_a_search_that_no_call_could_finish() -> None:
    """The rescue may stay open where every call failed and the error says so, and only there."""
    story = tell(Schedule.parse(FOUND["in stop mode, no call can finish the search before the stop"]))
    assert list(restarts.stop_mode_returns_exactly(story)) == []
    assert all("done" not in records for records in story.journal.values())
    story.runs_of("interruption")[0].answer = {"outcome": "done"}
    assert list(restarts.stop_mode_returns_exactly(story)) == ["rescue 1 is open"]


def test_a_hook_whose_last_call_got_no_answer_to_a_heartbeat() -> None:
    """It may end with the failure result, and only there."""
    story = tell(Schedule.parse(FOUND["no heartbeat of the last two calls gets an answer"]))
    assert list(same_end.ends_as_undisturbed(story)) == []
    story = replace(story, hits={})
    assert list(same_end.ends_as_undisturbed(story))


def twice(story: Story) -> None:
    """A second completion of the token is accepted."""
    story.after["ess"]["completions"] *= 2


def serving(story: Story) -> None:
    """The bad machine took traffic for a moment."""
    object.__setattr__(story, "served", frozenset({FIRST}))


def repeated(story: Story) -> None:
    """The check ran once more."""
    story.after["ecs"]["invocations"] *= 2


def tagged(story: Story) -> None:
    """A tag of a function at work is left."""
    story.after["ecs"]["instances"][0]["Tags"]["spotkeeper:hook-alive-until"] = "x"


@pytest.mark.parametrize(
    ("change", "invariant"),
    [
        (twice, hooks.one_completion_per_token),
        (serving, hooks.the_bad_never_serve),
        (repeated, hooks.no_command_twice),
        (tagged, same_end.ends_as_undisturbed),
    ],
    ids=lambda one: one.__name__,
)
def test_what_the_invariants_of_hooks_see(change: Callable[[Story], None], invariant: Callable[[Story], Any]) -> None:
    """A story that is made worse in one thing."""
    story = tell(FAILING)
    assert list(invariant(story)) == []
    change(story)
    assert list(invariant(story))


@pytest.mark.parametrize("effect", ["kill-before", "code:InvalidSecurityToken.Expired"])
def test_a_tag_that_nobody_comes_to_remove(effect: str) -> None:
    """It may stay where the last call failed, and only there."""
    untag = FaultSpec("ecs:UntagResources", effect)
    told = (Delivery(1.0, "notification"),)
    alone = tell(Schedule("hook-late-agent", told, (untag,), runs=1))
    assert alone.ending["tags"]
    assert list(same_end.ends_as_undisturbed(alone)) == []
    retried = tell(Schedule("hook-late-agent", told, (untag,)))
    assert (retried.ending["tags"], list(same_end.ends_as_undisturbed(retried))) == ([], [])
    alone.runs_of("lifecycle_hook")[-1].error = ""
    assert list(same_end.ends_as_undisturbed(alone))


def test_a_tag_that_may_not_be_removed() -> None:
    """It may stay where that was said, and only there."""
    refused = FaultSpec("ecs:UntagResources", "code:Forbidden.RAM")
    story = tell(Schedule("hook-late-agent", (Delivery(1.0, "notification"),), (refused,)))
    assert story.ending["tags"]
    assert list(same_end.ends_as_undisturbed(story)) == []
    story.outputs.clear()
    assert list(same_end.ends_as_undisturbed(story))
