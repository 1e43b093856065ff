"""How far the checks have come: which command is due on whom, who has passed, who has failed."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checking.progress import InstanceState, Progress, Readiness, Result, Run
from tests.lifecycle_hook.facts import NEVER, NOW, READY, WAITING, plan, progress, result, run

TWO = plan("first", "second")
ABORTED: dict[str, Any] = {"passed": False, "again": True}
BROKEN: dict[str, Any] = {"passed": False}


def due(decision: Progress) -> list[tuple[int, int, tuple[str, ...]]]:
    """Stage, attempt and instances of each command that is due."""
    return [(batch.stage, batch.attempt, batch.instance_ids) for batch in decision.batches(NOW)]


def results(*ended: tuple[int, Result]) -> dict[tuple[int, str], Result]:
    """Results by stage and instance."""
    return {(stage, one.instance_id): one for stage, one in ended}


BOTH = ("i-a", "i-b")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, [(0, 1, BOTH)]),
        ({"instances": {"i-a": READY}}, []),
        ({"instances": {"i-a": READY, "i-b": WAITING}}, []),
        ({"instances": {"i-a": READY, "i-b": NEVER}}, [(0, 1, ("i-a",))]),
        ({"instances": {"i-a": NEVER, "i-b": NEVER}}, []),
        ({"runs": (run(),)}, []),
        ({"runs": (run("i-a"),)}, [(0, 1, ("i-b",))]),
        ({"runs": (run(),), "results": results((0, result("i-a")))}, []),
        ({"runs": (run(),), "results": results((0, result("i-a")), (0, result("i-b")))}, [(1, 1, BOTH)]),
        ({"runs": (run(),), "results": results((0, result("i-a")), (0, result("i-b", **BROKEN)))}, [(1, 1, ("i-a",))]),
        ({"runs": (run(),), "results": results((0, result("i-a", **ABORTED)))}, [(0, 2, ("i-a",))]),
        (
            {"runs": (run(),), "results": results((0, result("i-a", **ABORTED)), (0, result("i-b", **ABORTED)))},
            [(0, 2, BOTH)],
        ),
        ({"runs": (run(), run("i-a", attempt=2)), "results": results((0, result("i-a", **ABORTED)))}, []),
        (
            {"runs": (run(),), "results": results(*((0, result(item, attempt=2, **ABORTED)) for item in BOTH))},
            [(0, 3, BOTH)],
        ),
        (
            {"instances": {"i-a": WAITING, "i-b": READY}, "results": results((0, result("i-a", **ABORTED)))},
            [(0, 1, ("i-b",))],
        ),
        (
            {
                "runs": (run(), run(stage=1)),
                "results": results(*((stage, result(item)) for stage in (0, 1) for item in BOTH)),
            },
            [],
        ),
    ],
)
def test_which_commands_are_due(changes: dict[str, Any], expected: list[Any]) -> None:
    """A check begins on all that are left at once, and again where nothing was delivered."""
    assert due(progress(TWO, **changes)) == expected


def test_as_many_commands_as_their_size_asks_for() -> None:
    """50 instances a command, in the order of their ids."""
    ids = tuple(f"i-{number:03}" for number in range(101))
    crowd = Progress(tuple(reversed(ids)), plan().checks, dict.fromkeys(ids, READY))
    assert due(crowd) == [(0, 1, ids[:50]), (0, 1, ids[50:100]), (0, 1, ids[100:])]


def test_the_state_of_every_instance() -> None:
    """Passed and failed are disjoint, and who waits is in neither."""
    one = progress(
        TWO,
        instances={"i-a": READY, "i-b": WAITING},
        runs=(run("i-a"), run("i-a", stage=1)),
        results=results((0, result("i-a")), (1, result("i-a"))),
    )
    assert (one.passed, one.failures, one.waiting) == (["i-a"], {}, ["i-b"])
    given_up = one.without_waiting("long enough")
    assert given_up.failures == {"i-b": "no heartbeat; long enough"}
    assert (given_up.passed, given_up.waiting) == (["i-a"], [])


@pytest.mark.parametrize("runs", [(), (run("i-a", attempt=2),)])
def test_who_has_passed_waits_for_nothing(runs: tuple[Run, ...]) -> None:
    """Even if its agent is gone by now, or a second command is on its way to it."""
    one = progress(instances=dict.fromkeys(BOTH, WAITING), runs=runs, results=results((0, result("i-a"))))
    assert (one.passed, one.waiting) == (["i-a"], ["i-b"])


def test_who_was_never_looked_at() -> None:
    """It waits, and says so when nobody waits for it any longer."""
    fresh = progress(instances={})
    assert fresh.waiting == list(BOTH)
    assert fresh.without_waiting("enough").failures == dict.fromkeys(BOTH, "it was not looked at; enough")


def test_what_was_never_delivered_waits_for_its_agent() -> None:
    """The instance is looked at again before the next attempt."""
    one = progress(runs=(run(),)).with_results(0, [result("i-a", reason="not delivered", **ABORTED)])
    assert one.instances["i-a"] == InstanceState(Readiness.WAITING, "not delivered")
    assert (one.waiting, one.failures) == (["i-a"], {})
    assert [left.instance_ids for left in one.outstanding()] == [("i-b",)]


def test_the_next_attempt_is_not_made_at_once() -> None:
    """Pauses between attempts grow; one whose time has not come holds up nobody else."""
    one = progress(runs=(run(),), results=results((0, result("i-a", due_at=NOW + 5, **ABORTED))))
    assert (one.batches(NOW + 4.9), one.unreached) == ([], ["i-a"])
    assert [batch.instance_ids for batch in one.batches(NOW + 5)] == [("i-a",)]
    given_up = one.without_waiting("long enough")
    assert given_up.failures == {"i-a": "system-up ended; long enough"}


@pytest.mark.parametrize(("after", "silent"), [(0.0, False), (220.0, False), (220.1, True)])
def test_silence(after: float, *, silent: bool) -> None:
    """Delivery, the check's own timeout of 100 s and a minute more: then something is lost."""
    assert bool(progress(runs=(run(),)).silent(NOW + after)) is silent


@pytest.mark.parametrize("order", [BOTH, BOTH[::-1]])
def test_why_each_was_given_up(order: tuple[str, str]) -> None:
    """The last result of this instance, whatever others came in between."""
    ended = results(*((0, result(item, reason=f"{item} was not delivered", **ABORTED)) for item in order))
    one = progress(instances=dict.fromkeys(BOTH, InstanceState(Readiness.WAITING)), results=ended)
    assert one.without_waiting("enough").failures == {name: f"{name} was not delivered; enough" for name in BOTH}
    passed_first = progress(TWO, results=results((0, result("i-a")), (1, result("i-a", reason="lost", **ABORTED))))
    assert passed_first.without_waiting("enough").failures["i-a"] == "lost; enough"
    unheard = progress(instances=dict.fromkeys(BOTH, InstanceState(Readiness.WAITING)))
    assert unheard.without_waiting("enough").failures == dict.fromkeys(BOTH, "; enough")


def test_the_readiness_in_words() -> None:
    """As they stand in a repr."""
    assert [item.value for item in Readiness] == ["ready", "waiting", "never"]


@pytest.mark.parametrize("value", [READY, run(), result("i-a"), progress(), *progress().batches(NOW)])
def test_nothing_is_changed_in_place(value: object) -> None:
    """Observing and acting give new values."""
    with pytest.raises(FrozenInstanceError):
        vars(type(value))["__setattr__"](value, "stage", 1)


def test_a_first_result_is_due_at_once() -> None:
    """Where nobody says when."""
    assert result("i-a").due_at == 0.0


@given(st.lists(st.tuples(st.integers(0, 1), st.sampled_from(BOTH), st.booleans(), st.booleans()), max_size=8))
def test_nobody_is_in_two_states(ended: list[tuple[int, str, bool, bool]]) -> None:
    """In whatever order results come, no instance is passed and failed, and no failed instance is checked again."""
    one = progress(TWO, runs=(run(), run(stage=1)))
    for stage, instance_id, passed, again in ended:
        one = one.with_results(stage, [result(instance_id, passed=passed, again=again and not passed)])
    assert not set(one.passed) & set(one.failures)
    assert not set(one.waiting) & {*one.passed, *one.failures}
    assert not {instance_id for *_, ids in due(one) for instance_id in ids} & set(one.failures)
