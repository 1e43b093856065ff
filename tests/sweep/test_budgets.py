"""Each job of a sweep has a limit and a time of its own; work that was cut goes on in the next sweep."""

from __future__ import annotations

import pytest

from spotkeeper.errors import BatchFailed
from tests.rescue import reading
from tests.rescue.stage import SOURCE
from tests.state_change.stage import TAGS
from tests.sweep.stage import DAY, FUNCTION, MINUTE, STATE_CHANGE, SweepStage, back_from_stop_mode, stage

LIMIT = 55.0
"""The sweep's timeout as it is deployed, seconds."""
SECONDS_A_CALL = 0.1


def add_stopped(here: SweepStage, count: int) -> None:
    """So many stopped instances with the restart tag."""
    for number in range(count):
        instance_id = f"i-bp1stopped{number:04}"
        here.add_spot(instance_id, locked=False, tags=TAGS, spot_strategy="NoSpot", status="Stopped")


def test_stopped_instances_do_not_starve_one_that_runs_again() -> None:
    """Fifty stopped instances fill the limit of restarts; an instance in stop mode is handed back all the same."""
    here = back_from_stop_mode()
    add_stopped(here, 60)
    answer = here.sweep()
    assert f"{SOURCE}/running-1" in answer["handed_back"]
    assert len(answer["handed_back"]) == 51
    assert len([warning for warning in answer["warnings"] if "SPOTKEEPER_SWEEP_LIMIT" in warning]) == 10


def slow(here: SweepStage, timeout: float = LIMIT) -> None:
    """Every call takes its time, as with a small vCPU, and the sweep has the timeout that is deployed."""
    here.sweep_timeout = timeout
    here.seconds_a_call = SECONDS_A_CALL


@pytest.mark.parametrize("count", [150, pytest.param(500, marks=pytest.mark.full)])
def test_stopped_instances_are_cut_at_the_deadline(count: int) -> None:
    """The sweep ends in time with a warning, and within some sweeps each of them had its turn."""
    here = stage(locked=False)
    here.cloud.fc.register(STATE_CHANGE, lambda _: None)
    add_stopped(here, count)
    slow(here)
    seen: set[str] = set()
    for _ in range(60):
        began = here.cloud.now()
        answer = here.sweep()
        assert here.cloud.now() - began <= LIMIT
        seen |= {item.partition("/")[0] for item in answer["restarts"]}
        here.advance(MINUTE)
        if len(seen) == count:
            break
    assert len(seen) == count


@pytest.mark.parametrize("count", [120, pytest.param(500, marks=pytest.mark.full)])
def test_rescues_are_cut_at_the_deadline(count: int) -> None:
    """So many open rescues of gone instances: the sweep ends in time, says what is left, and others go on with it."""
    here = stage(locked=False)
    here.cloud.fc.register(FUNCTION, lambda _: None)
    for number in range(count):
        here.write(f"i-bp1dead{number:04}", 1, "event", {})
    slow(here)
    here.seconds_a_call = 60.0 / count
    began = here.cloud.now()
    answer = here.sweep()
    assert here.cloud.now() - began <= LIMIT
    assert answer["handed_over"] != []
    assert any("the time of this sweep was up" in warning for warning in answer["warnings"])
    for _ in range(80):
        here.advance(MINUTE)
        here.sweep()
        if len(set(here.handed_over)) == count:
            break
    assert len(set(here.handed_over)) == count


def test_the_lock_comes_first() -> None:
    """Of more than a sweep has time for, the instance under the lock that nobody began is handed over."""
    here = stage()
    here.cloud.fc.register(FUNCTION, lambda _: None)
    for number in range(200):
        here.write(f"i-bp1dead{number:04}", 1, "event", {})
    slow(here)
    here.seconds_a_call = 0.3
    assert f"{SOURCE}/1" in here.sweep()["handed_over"]


@pytest.mark.parametrize(
    ("action", "skip", "rest"), [("DescribeImages", 0, []), ("DescribeInstances", 1, ["i-bp1notlocked"])]
)
def test_a_throttled_look_at_others(action: str, skip: int, rest: list[str]) -> None:
    """Instances under the lock without an image are handed over before anybody waits for the next minute."""
    here = stage(locked=False)
    here.cloud.fc.register(FUNCTION, lambda _: None)
    here.advance(MINUTE - here.cloud.now() % MINUTE + 38.0)
    now = here.cloud.now()
    names = [f"i-bp1locked{number:02}" for number in range(20)]
    for name in ["i-bp1hasimage", *names]:
        here.add_spot(name)
    for item in ("i-bp1hasimage", "i-bp1notlocked"):
        here.write(item, 1, "event", {})
        here.write(item, 1, "image-1", {"at": now})
    slow(here)
    reading.fault(here, action, "throttle", times=None, skip=skip)
    here.sweep_fails(BatchFailed, match="Throttling")
    sent = [call.at - now for call in here.calls("InvokeFunction")]
    assert sorted(here.handed_over[:20]) == names
    assert sent[19] <= 10.0
    assert here.handed_over[20:] == ["i-bp1hasimage", *rest]


def human(here: SweepStage, minutes: int) -> list[float]:
    """Sweeps for so many minutes; when the rescue was handed over, in minutes after the first error."""
    reading.fault(here, "RunInstances", "code:InvalidImageId.NotFound", times=None)
    here.deliver_asynchronously()
    here.run(here.cloud.fc.run_due)
    began = here.cloud.now()
    here.cloud.fc.pending.clear()
    here.register(attempts=1)
    here.minutes(minutes)
    sent = [call.at - began for call in here.calls("InvokeFunction") if call.status == 202]
    return [round(item / MINUTE, 1) for item in sent]


def test_an_error_that_needs_a_human() -> None:
    """Handed over after 1, 5, 15 and 60 minutes, then only reported."""
    here = stage(notice=DAY)
    sent = human(here, 90)
    assert [due <= at <= due + 1.5 for due, at in zip([1, 5, 15, 60], sent, strict=True)] == [True] * 4, sent
    (warning,) = [warning for warning in here.sweep()["warnings"] if SOURCE in warning]
    assert "look at its last error" in warning
    assert here.hints("open") == [f"rescues/{SOURCE}/1"]


def test_the_clean_up_is_cut_at_the_deadline() -> None:
    """Fifty leftovers that are due and slow answers: the sweep ends in time, and the next ones look at the rest."""
    here = stage(locked=False)
    for number in range(50):
        here.write(f"i-bp1done{number:04}", 1, "event", {})
        here.write(f"i-bp1done{number:04}", 1, "done", {"at": here.cloud.now(), "answer": {}})
    slow(here)
    here.seconds_a_call = 0.4
    seen = 0
    for _ in range(20):
        began = here.cloud.now()
        seen += len(here.sweep()["clean_up"])
        assert here.cloud.now() - began <= LIMIT
        here.advance(MINUTE)
    assert seen == 50


@pytest.mark.parametrize("text", ["oops", "{}", '{"at": "soon"}'])
def test_a_stale_entry_of_the_index(text: str) -> None:
    """Of a rescue that never began, or has a successor: removed, and nothing else happens."""
    here = stage(locked=False)
    here.put("open/rescues/i-bp1nobody/1", text)
    here.write("i-bp1twice", 1, "event", {})
    here.write("i-bp1twice", 2, "event", {})
    here.write("i-bp1twice", 2, "attempt-1", {})
    here.write("i-bp1twice", 2, "done", {"at": here.cloud.now(), "answer": {}})
    here.sweep()
    assert [item for item in here.hints("open") if item.startswith("rescues/")] == []
