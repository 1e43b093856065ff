"""The source of a rescue without a lock: nobody but its rescue starts it, and nobody once it is replaced."""

from __future__ import annotations

from itertools import count

import pytest

from simulator import proof
from simulator.transport import Invocation, Killed
from spotkeeper.episode import EPISODE_TAG
from tests.rescue.reading import fault, heal, records, replacements
from tests.rescue.stage import EVENT, REALISTIC, SOURCE
from tests.rescue.walks import SAMPLE_OR_ALL, sample
from tests.state_change.stage import TAGS, StateStage, stage

NO_LOCK = {"SPOTKEEPER_REQUIRE_RECYCLING_LOCK": "false"}
STOPPED_FIRST = {**NO_LOCK, "SPOTKEEPER_STOP_SOURCE": "before-relaunch"}


def dying_rescue(**settings: str) -> StateStage:
    """A rescue that stopped the source dies before it launches anything."""
    here = stage(settings={**STOPPED_FIRST, **settings})
    fault(here, "RunInstances", "kill-before")
    with pytest.raises(Killed):
        here.rescue()
    heal(here)
    assert (here.status, "event" in records(here)) == ("Stopped", True)
    return here


def left_alone(here: StateStage) -> str:
    """Neither its event nor the sweep starts the source; the reason in the answer."""
    here.sweep()
    before = here.state
    answer = here.changed("Stopped")
    swept = here.sweep()
    assert (answer["outcome"], here.status, here.starts) == ("skipped", "Stopped", 0), answer
    assert swept["handed_back"] == []
    assert proof.untouched({**before, "fc": 0}, {**here.state, "fc": 0}) == []
    return str(answer["reason"])


def test_an_open_rescue() -> None:
    """The source that its rescue has stopped stays stopped, so that it never runs beside its replacement."""
    here = dying_rescue()
    assert f"rescue {SOURCE}/1 is not finished" in left_alone(here)
    here.rescue()
    assert [item["Status"] for item in replacements(here)] == ["Running"]
    assert here.status == "Stopped"


@pytest.mark.parametrize("stop", ["before-relaunch", "before-image"])
def test_a_source_that_was_replaced(stop: str) -> None:
    """Its rescue is done and it still stands: its replacement serves in its place."""
    here = stage(settings={**NO_LOCK, "SPOTKEEPER_STOP_SOURCE": stop})
    here.rescue()
    (replacement,) = replacements(here)
    assert f"{replacement['InstanceId']} has replaced it" in left_alone(here)


def test_a_source_that_was_saved_for_good() -> None:
    """Without a relaunch nobody replaced it; its rescue has given it up all the same."""
    here = stage(settings={**STOPPED_FIRST, "SPOTKEEPER_RELAUNCH": "none", "SPOTKEEPER_STOP_SOURCE": "before-image"})
    here.rescue()
    assert f"rescue {SOURCE}/1 is finished" in left_alone(here)


@pytest.mark.parametrize("copied", [{}, {EPISODE_TAG: f"{SOURCE}/1"}], ids=["its own tags", "the tag of the rescue"])
def test_another_instance_is_started_all_the_same(copied: dict[str, str]) -> None:
    """A rescue keeps its own source from a start and nothing else, whatever somebody has tagged a day ago."""
    here = dying_rescue()
    other = here.add_stopped("i-bp1otherone00000001", tags={**TAGS, **copied})
    event = here.event("Stopped").replace(SOURCE.encode(), other.encode())
    here.finishes(event)


def both_run(here: StateStage) -> bool:
    """Whether the source runs beside its replacement."""
    return here.status == "Running" and any(item["Status"] == "Running" for item in replacements(here))


def told_at(number: int) -> list[str]:
    """What goes wrong where the event of the source's stop arrives at the n-th call of its rescue."""
    here = stage(REALISTIC, STOPPED_FIRST)
    calls, wrong = count(1), []

    def stopped(of: Invocation | None, _: str) -> None:
        if of is not None and of.name == "rescue" and next(calls) == number:
            here.invoke("state_change", here.event("Stopped"), name="state")
            wrong.extend(["both run"] if both_run(here) else [])

    with here.playing(stopped):
        here.invoke("interruption", EVENT, name="rescue")
    here.changed("Stopped")
    here.sweep()
    wrong += ["both run in the end"] if both_run(here) else []
    wrong += [f"{here.starts} starts"] if here.starts else []
    return [*wrong, *([] if here.status == "Stopped" else [f"the source is {here.status}"])]


@pytest.mark.parametrize("most", SAMPLE_OR_ALL)
def test_at_every_call_of_its_rescue(most: int | None) -> None:
    """Whenever the event of its stop comes, the source is not started; chaos kills the rescue before the event."""
    whole = stage(REALISTIC, STOPPED_FIRST)
    whole.rescue()
    numbers = sample(range(1, len(whole.cloud.calls) + 1), most)
    assert [f"at call {number}: {text}" for number in numbers for text in told_at(number)] == []
