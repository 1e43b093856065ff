"""An event that never arrives: the sweep alone finds the instance, in time."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator import proof
from simulator.ecs import Timings
from spotkeeper.events.envelopes import unwrap
from spotkeeper.events.kinds import Interruption
from spotkeeper.events.notification import Notification
from tests.function_stage import ROOT, TIMER
from tests.rescue import reading
from tests.rescue.stage import READY, REALISTIC, SOURCE, event
from tests.sweep.stage import FUNCTION, MINUTE, PHASES, SweepStage, half_done, stage

SAMPLE = (ROOT / "events" / "interruption.eventbridge.json").read_bytes()
MOST = 90.0
"""Seconds from the lock's appearance to CreateImage."""


def rescued_through_the_sweep(phase: float, **changes: Any) -> SweepStage:
    """The lock appears ``phase`` seconds after the timer went off; nothing but the timer calls anything."""
    here = stage(changes.pop("timings", READY), locked=False, **changes)
    here.advance(MINUTE - here.cloud.now() % MINUTE)
    assert here.sweep()["outcome"] == "skipped"
    here.advance(phase)
    here.cloud.ecs.reclaim(SOURCE)
    here.before = here.state
    here.minutes(1)
    return here


def asked_after(here: SweepStage) -> float:
    """Seconds from the lock's appearance to the first CreateImage."""
    return reading.moment(here, "CreateImage")


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize(
    "timings", [READY, pytest.param(REALISTIC, marks=pytest.mark.full)], ids=["ready", "realistic"]
)
def test_the_image_is_asked_for_in_time(phase: float, timings: Timings) -> None:
    """At any second of the timer's minute: CreateImage 90 s after the lock at most, and the rescue is complete."""
    here = rescued_through_the_sweep(phase, timings=timings)
    assert asked_after(here) <= MOST
    assert here.shortcomings() == []


def test_a_lock_that_shows_late() -> None:
    """The seconds count from the moment when Describe shows the lock."""
    here = stage(lock_delay=70)
    here.minutes(1)
    assert here.handed_over == []
    here.minutes(1)
    assert asked_after(here) - 70 <= MOST
    assert here.shortcomings() == []


def test_nothing_to_do() -> None:
    """No lock, no journal record: skipped, and nothing is written."""
    here = stage(locked=False)
    answer = here.idle()
    assert answer["reason"]
    assert (answer["rescues"], answer["clean_up"], answer["warnings"]) == ([], [], [])


def test_the_answer() -> None:
    """It says in JSON what was handed over and why; the sweep itself changes neither cloud nor journal."""
    here = stage()
    answer = json.loads(json.dumps(here.sweep()))
    assert (answer["outcome"], answer["handed_over"], answer["deleted"]) == ("done", [f"{SOURCE}/1"], [])
    assert len(answer["rescues"]) == 1
    assert here.writes() == ["InvokeFunction"]
    assert proof.untouched(here.before, here.state) == []


def test_a_dry_run() -> None:
    """The plan has the hand-overs, and none is made."""
    here = stage()
    assert here.idle(SPOTKEEPER_DRY_RUN="true")["plan"] == [f"invoke interruption for {SOURCE}/1"]
    assert here.handed_over == []


def test_two_sweeps_in_one_minute() -> None:
    """Both say that it is handed over; Function Compute refuses the task id of the second with 409."""
    here = stage()
    here.advance(MINUTE - here.cloud.now() % MINUTE + 1)
    first = here.sweep()
    here.advance(MINUTE - 2)
    assert here.sweep()["handed_over"] == first["handed_over"] == [f"{SOURCE}/1"]
    assert [call.status for call in here.calls("InvokeFunction")] == [202, 409]
    assert here.handed_over == [SOURCE]
    here.run()
    assert here.shortcomings() == []


def test_the_next_minute() -> None:
    """A rescue that was not begun is handed over again."""
    here = stage()
    here.sweep()
    here.advance(MINUTE)
    here.sweep()
    assert here.handed_over == [SOURCE, SOURCE]
    here.run()
    assert here.shortcomings() == []
    assert len(here.calls("CreateImage", "RunInstances")) == 2


def test_another_function_name() -> None:
    """The function of ``SPOTKEEPER_INTERRUPTION_FUNCTION`` is invoked."""
    here = stage()
    here.cloud.fc.register("other", here.call, 1)
    here.sweep(SPOTKEEPER_INTERRUPTION_FUNCTION="other")
    assert [invocation.function for invocation in here.cloud.fc.pending] == ["other"]


def interruption(raw: bytes) -> Interruption:
    """An event as the interruption function reads it."""
    (one,) = unwrap(raw)
    assert isinstance(one, Notification)
    return Interruption.of(one, "xx-function-region")


def test_the_payload_is_what_eventbridge_would_have_sent() -> None:
    """The same interruption, but for id and time: nobody knows when the notice began. The task's id has the minute."""
    here = stage()
    here.sweep()
    (pending,) = here.cloud.fc.pending
    sent, sample = interruption(pending.payload), interruption(SAMPLE)
    assert vars(sent) == {**vars(sample), "id": sent.id, "time": None}
    assert sent.id
    # it begins with a letter and has no other characters than Function Compute takes
    assert pending.task_id == f"{SOURCE}-1-{int(here.cloud.now() // 60)}"


def test_the_payload_of_a_rescue_that_was_begun() -> None:
    """There the notice's beginning is known, to the millisecond."""
    here = half_done("CreateImage", notice=3600)
    here.sweep()
    sent = interruption(here.cloud.fc.pending[0].payload)
    assert vars(sent) == {**vars(interruption(SAMPLE)), "id": sent.id}


def test_the_payload_has_the_attributes_of_the_sample() -> None:
    """All that CloudEvents demands and all that Alibaba Cloud's events have, but for what only the bus knows."""
    here = stage()
    here.sweep()
    sent = json.loads(here.cloud.fc.pending[0].payload)
    sample = json.loads(SAMPLE)
    bus_only = {"aliyunpublishtime", "aliyuneventbusname", "aliyunpublishaddr"}
    assert set(sample) - set(sent) == bus_only | {"time"}
    assert {name: sent[name] for name in ("source", "specversion", "type", "datacontenttype", "data")} == {
        name: sample[name] for name in ("source", "specversion", "type", "datacontenttype", "data")
    }


def test_other_events_are_skipped() -> None:
    """An interruption is not the sweep's, and does not make it sweep."""
    here = stage()
    assert here.sweep(event())["outcome"] == "skipped"
    assert here.cloud.calls == []
    assert FUNCTION in here.cloud.fc.functions


def test_a_context_without_an_account() -> None:
    """On one's own machine there may be none: the rescue works all the same."""
    here = stage()
    here.cloud.fc.register(FUNCTION, lambda item: here.invoke("interruption", item, name="handed over", account_id=""))
    with here.playing():
        here.invoke("sweep", TIMER, name="sweep", account_id="")
    here.run()
    assert here.shortcomings() == []
