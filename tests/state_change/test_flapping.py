"""An instance that stops 30 seconds after every start: three starts in the window, one report, and again afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.rescue.reading import audited
from tests.rescue.stage import SOURCE
from tests.state_change.stage import RESTART_TAG, StateStage, stage, stopped

if TYPE_CHECKING:
    import pytest

LIFE = 30.0
MINUTE = 60.0


def flap(here: StateStage, seconds: float) -> list[dict[str, Any]]:
    """So long it stops 30 s after each start; every stop has its event, and the sweep comes each minute.

    Returns the answers to the events.
    """
    answers = [here.changed("Stopped")]
    end = here.cloud.now() + seconds
    ran_since = here.cloud.now()
    while here.cloud.now() < end:
        sweep_at = (here.cloud.now() // MINUTE + 1) * MINUTE
        running = here.status == "Running"
        stop_at = ran_since + LIFE if running else end
        here.advance(max(0.0, min(sweep_at, stop_at, end) - here.cloud.now()))
        if running and here.cloud.now() >= stop_at:
            here.shut_down()
            answers.append(here.changed("Stopped"))
        else:
            here.sweep()
        if not running and here.status == "Running":
            ran_since = here.cloud.now()
    return answers


def start_times(here: StateStage) -> list[float]:
    """When starts were accepted, in seconds after the first stop."""
    return [call.at - here.before["now"] for call in here.calls("StartInstance")]


def test_a_flapping_instance(caplog: pytest.LogCaptureFixture) -> None:
    """Three starts with growing pauses, then left alone with one clear report, and again after the window."""
    here = stopped()
    answers = flap(here, 3500)
    first, second, third = start_times(here)
    assert first == 0
    assert 60 <= second <= 120
    assert 120 <= third - second <= 180
    reports = [answer for answer in answers if answer["warnings"]]
    assert len(reports) == 1
    assert len(here.handed_over) == 2  # the second and the third start
    assert "was started again 3 times in the last 3600 s and stopped again each time" in reports[0]["reason"]
    assert len(audited(caplog, "report that the limit is reached")) == 1
    flap(here, 300)
    fourth = start_times(here)[3]
    assert 3600 <= fourth <= 3660
    assert len(here.counted) == len(here.calls("StartInstance"))


def test_the_report_comes_once() -> None:
    """Duplicates of the event that reached the limit say the same, but report nothing."""
    here = stopped(settings={"SPOTKEEPER_RESTART_LIMIT": "1"})
    here.deliver()
    here.advance(LIFE)
    here.shut_down()
    answers = [here.deliver(here.event("Stopped")) for _ in range(3)]
    assert [bool(answer["warnings"]) for answer in answers] == [True, False, False]
    assert len({answer["reason"] for answer in answers}) == 1


def test_what_the_sweep_hands_back() -> None:
    """The event that EventBridge would send, under a task id of the minute."""
    here = stopped()
    here.stock(0)
    here.sweep()
    here.sweep()
    (event,) = here.handed_over
    assert event["type"] == "ecs:Instance:StateChange"
    assert event["data"] == {"resourceId": SOURCE, "resourceType": "ALIYUN::ECS::Instance", "state": "Stopped"}
    assert (here.status, here.counted) == ("Stopped", [])
    here.advance(MINUTE)
    here.stock(1)
    assert here.sweep()["handed_back"] == [f"{SOURCE}/restart-1"]
    assert (here.status, here.counted) == ("Running", ["1"])


def test_what_the_sweep_leaves() -> None:
    """Instances without the tag, held, locked or running; without a tag setting no call lists stopped instances."""
    held = {**RESTART_TAG, "spotkeeper:hold": ""}
    for here in (stopped(tags={}), stopped(tags=held), stopped(locked=True), stage()):
        here.sweep(SPOTKEEPER_MANAGED_TAG="other")
        assert here.handed_over == []
    here = stopped()
    here.sweep(SPOTKEEPER_RESTART_TAG="")
    assert [call.parameters.get("Status") for call in here.calls("DescribeInstances")] == [None]


def test_a_dry_sweep() -> None:
    """It says what it would hand back."""
    here = stopped()
    assert here.sweep(SPOTKEEPER_DRY_RUN="true")["plan"] == [f"invoke state_change for {SOURCE}/restart-1"]
    assert here.handed_over == []
