"""The search itself: it notices what is wrong, counts honestly, and plays the same schedule the same way twice."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

import pytest

from chaos import world
from chaos.fault_classes import classes_of
from chaos.replay import replay
from chaos.report import Tally
from chaos.run import judge, tell
from chaos.scenarios import SCENARIOS
from chaos.schedule import Cell, Deed, Delivery, FaultSpec, Schedule, Verdict
from chaos.search import Combinations, effects, kills
from chaos.shrink import shrink
from tools.bugs import BUGS, ROOT
from tools.bugs.bug import Bug, BugDoesNotFitError, put_into
from tools.cli.main import run

LOST = FaultSpec("ecs:RunInstances", "reset-after")
NEVER = FaultSpec("ecs:DeleteInstance", "reset-before")
CALLS = {
    "plain": [("ecs", "CreateImage"), ("slb", "SetBackendServers"), ("oss", "PutObject"), ("oss", "GetObject")],
    "never-arrives": [("fc", "InvokeFunction"), ("ecs", "RunInstances")],
}


def says_done(_: bytes, __: Any) -> dict[str, Any]:
    """Does nothing and is content."""
    return {"outcome": "done", "reason": "trust me"}


def waits_forever(_: bytes, __: Any) -> dict[str, Any]:
    """Never looks at its deadline."""
    while True:
        time.sleep(1)


def tells_secrets(_: bytes, context: Any) -> dict[str, Any]:
    """Puts its credentials into an error."""
    raise ValueError(context.credentials.access_key_secret)


@pytest.mark.parametrize(
    ("handler", "expected"),
    [
        (says_done, {"data_is_safe", "done_is_true", "every_rescue_ends"}),
        (waits_forever, {"every_wait_ends"}),
        (tells_secrets, {"no_secret_in_any_output", "errors_are_typed", "data_is_safe", "every_rescue_ends"}),
    ],
)
def test_bad_handlers(
    handler: Callable[[bytes, Any], dict[str, Any]], expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A handler that is known to be bad violates what it is bad at."""
    monkeypatch.setitem(world.HANDLERS, "interruption", handler)
    assert judge(Schedule("plain")).names == expected


@pytest.mark.parametrize(("faults", "counts"), [((LOST,), True), ((NEVER,), False), ((LOST, NEVER), False)])
def test_what_counts(faults: tuple[FaultSpec, ...], *, counts: bool) -> None:
    """A schedule counts only where every fault in it fired; neither do the faults that did, where one has not."""
    verdict = judge(Schedule("plain", faults=faults))
    tally = Tally()
    tally.add(verdict)
    assert verdict.counts == counts
    assert (len(tally.distinct), bool(tally.fired)) == (counts, counts)


def test_distinct() -> None:
    """The same schedule with another seed of the jitter is the same schedule."""
    tally = Tally()
    for seed in (1, 2):
        tally.add(Verdict(Schedule("plain", seed=seed), counts=True, fired={}, calls=()))
    assert (tally.played, len(tally.distinct)) == (2, 1)


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule("realistic", (Delivery(1.0, "same", (17, 30)), Delivery(45.0, "bridge")), (LOST,), seed=5),
        Schedule("never-arrives", (), (FaultSpec("*", "kill-after", call=40),), phase=23.0),
        Schedule(
            "neighbours",
            faults=(FaultSpec("slb:*", "code:InvalidParameter", times=None, on="shop/web"),),
            deeds=(Deed("foreign-instance", call=30), Deed("half:usable", at=20.0)),
            runs=1,
            history=3,
        ),
    ],
)
def test_replay(schedule: Schedule) -> None:
    """A schedule read from its line tells the same story, call by call."""
    first, again = tell(schedule), tell(Schedule.parse(schedule.line()))
    assert first.hits
    # the journal's paths are those of the same records; request ids and signatures are not part of a call's parameters
    assert [(one.at, one.action, one.code) for one in again.calls] == [
        (one.at, one.action, one.code) for one in first.calls
    ]
    assert [(run.name, run.ended, run.error) for run in again.runs] == [
        (run.name, run.ended, run.error) for run in first.runs
    ]


def test_lines() -> None:
    """Every schedule that the search makes up comes back from its line, which fits between single quotes."""
    combinations = Combinations(CALLS, seed=3)
    made = [one for _ in range(10) for one in (*combinations.batch(20), *kills(CALLS))]
    assert [Schedule.parse(one.line()) for one in made] == made
    assert not any("'" in one.line() for one in made)


def test_nothing_aims_at_a_call_that_only_a_disturbed_scenario_makes() -> None:
    """A fault on any call may hit it, and no scenario is known to make it."""
    combinations = Combinations(CALLS, seed=3)
    combinations.fired.update(dict.fromkeys(combinations.fired, 5))
    combinations.fired[Cell("ecs", "DeleteInstance", "kill-before")] = 0
    assert len(combinations.batch(8)) == 8


def test_the_rarest_first() -> None:
    """A batch aims at the cells that were hit least."""
    combinations = Combinations(CALLS, seed=4)
    rare = Cell("ecs", "CreateImage", "garbage")
    combinations.fired.update(dict.fromkeys(combinations.fired, 5))
    combinations.fired[rare] = 0
    faults = [(one.action, one.effect) for schedule in combinations.batch(1) for one in schedule.faults]
    assert ("ecs:CreateImage", "garbage") in faults


def test_alone_at_first() -> None:
    """What was never hit is hit alone, with the scenario's own deliveries; later in company."""
    combinations = Combinations(CALLS, seed=4)
    own = {name: SCENARIOS[name].deliveries for name in CALLS}
    alone = [one for one in combinations.batch(2 * len(combinations.fired)) if not classes_of(one)]
    assert {(len(one.faults), one.deliveries == own[one.scenario]) for one in alone} == {(1, True)}
    assert len({(one.faults[0].action, one.faults[0].effect, one.faults[0].retry_after_ms) for one in alone}) == len(
        alone
    )
    combinations.fired.update(dict.fromkeys(combinations.fired, 1))
    assert {len(one.faults) for one in combinations.batch(100)} > {1}


def test_kills_everywhere() -> None:
    """Every call of every scenario is killed before the cloud acts, and every call that writes afterwards too."""
    places = {(one.scenario, fault.call, fault.effect) for one in kills(CALLS) for fault in one.faults}
    assert {(name, number) for name, number, effect in places if effect == "kill-before"} == {
        (name, number) for name, calls in CALLS.items() for number in range(1, 1 + len(calls))
    }
    assert len([1 for *_, effect in places if effect == "kill-after"]) == 5


def test_shrink() -> None:
    """What a violation does not need is left out."""
    draw = random.Random(6)
    many = tuple(FaultSpec("ecs:*", effect, skip=draw.randrange(9)) for effect in effects("ecs", "RunInstances"))
    big = Schedule("plain", (Delivery(), Delivery(45.0, "bridge")), (*many, LOST), pause=400.0, phase=7.0, seed=9)
    assert shrink(big, lambda one: LOST in one.faults) == Schedule("plain", (), (LOST,))


def test_replay_command(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """One command plays a schedule again: 0 where all is well, 1 with what is violated, 2 for what is no schedule."""
    line = Schedule("plain").line()
    assert replay(line) == 0
    assert "0 violations" in capsys.readouterr().out
    monkeypatch.setitem(world.HANDLERS, "interruption", says_done)
    assert replay(line) == 1
    assert "VIOLATED data_is_safe" in capsys.readouterr().out
    assert run(["chaos", "--replay", '{"scenario":"plain","colour":"red"}']) == 2


@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_bugs_fit(bug: Bug) -> None:
    """Each of the deliberate bugs still finds its place, and what it makes of the file is a program."""
    source = (ROOT / bug.path).read_text()
    assert put_into(bug, source) != source
    compile(put_into(bug, source), bug.path, "exec")
    with pytest.raises(BugDoesNotFitError):
        put_into(bug, source.replace(bug.before, bug.after))


def test_scenarios_are_played() -> None:
    """No scenario has the name of another, and each can be written into a line."""
    assert all(Schedule.parse(Schedule(name).line()).scenario == name for name in SCENARIOS)
