"""Many rescues at once, and a cloud in a bad mood."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest

from simulator import proof
from spotkeeper.errors import BatchFailed, CloudError, JournalUnavailable
from tests.rescue import reading
from tests.rescue.stage import SOURCE
from tests.rescue.walks import outcome_of
from tests.sweep.stage import FUNCTION, MINUTE, SweepStage, stage


def crowd(size: int, **changes: Any) -> SweepStage:
    """So many locked instances beside a healthy source."""
    here = stage(locked=False, **changes)
    for number in range(size):
        here.add_spot(name(number))
    return here


def name(number: int) -> str:
    """The n-th instance."""
    return f"i-bp1crowd{number:04}"


def begun(here: SweepStage, instance_id: str, notice_left: float | None) -> None:
    """An earlier call opened the episode and died; so many seconds of the notice are left."""
    now = here.cloud.now()
    event = {"time": now - 200, "notice_end": None if notice_left is None else now + notice_left}
    here.write(instance_id, 1, "event", event)
    here.sign(instance_id, 1, now - 200)


def test_all_pages() -> None:
    """201 locked instances are three pages of a hundred: each is handed over, once; a notice waits for no limit."""
    here = crowd(201)
    answer = here.sweep(SPOTKEEPER_SWEEP_LIMIT="1")
    every = [name(number) for number in range(201)]
    assert sorted(here.handed_over) == every
    assert sorted(answer["handed_over"]) == [f"{item}/1" for item in every]


def test_all_pages_of_open_rescues() -> None:
    """101 open rescues whose sources are gone, and as many finished ones, are all found."""
    here = stage(locked=False)
    for number in range(101):
        begun(here, name(number), 10)
        here.write(f"i-bp1done{number:04}", 1, "event", {})
        here.write(f"i-bp1done{number:04}", 1, "done", {"at": here.cloud.now(), "answer": {}})
    answer = here.sweep(SPOTKEEPER_SWEEP_LIMIT="1000")
    assert sorted(here.handed_over) == [name(number) for number in range(101)]
    assert len(answer["clean_up"]) == 50
    assert [len(here.sweep()["clean_up"]) for _ in range(3)] == [50, 1, 0]


def test_fifty_a_run() -> None:
    """The default limit after the notice; the others have a warning each, and their turn in the next minute."""
    here = stage(locked=False)
    for number in range(60):
        begun(here, name(number), -10)
    here.cloud.fc.register(FUNCTION, lambda payload: begun_by(here, payload))
    first = here.tick()
    assert len(first["handed_over"]) == 50
    assert len([warning for warning in first["warnings"] if "SPOTKEEPER_SWEEP_LIMIT" in warning]) == 10
    second, third = here.minutes(2)
    assert len(second["handed_over"]) == 10
    assert third["outcome"] == "skipped"
    assert sorted(here.handed_over) == [name(number) for number in range(60)]


def begun_by(here: SweepStage, payload: bytes) -> None:
    """A call that begins the rescue and works on it for long."""
    instance_id = payload.decode().partition('"instanceId": "')[2].partition('"')[0]
    now = here.cloud.now()
    here.write(instance_id, 1, "event", {"time": now, "notice_end": now + 300})
    here.sign(instance_id, 1, now + MINUTE)


def test_the_least_time_left_first() -> None:
    """Of more than may be handed over it is the most urgent ones, in that order, and all under the lock."""
    here = crowd(0)
    left = {0: 250.0, 1: 20.0, 2: -10.0, 3: 100.0, 4: 30.0}
    for number, seconds in left.items():
        here.add_spot(name(number), locked=number in (0, 1))
        begun(here, name(number), seconds)
    here.add_spot(name(5))  # nobody knows; it cannot be older than the last sweep
    here.sweep(SPOTKEEPER_SWEEP_LIMIT="4")
    assert here.handed_over == [name(1), name(5), name(0), name(4)]
    here.advance(MINUTE)
    here.sweep(SPOTKEEPER_SWEEP_LIMIT="6")
    assert here.handed_over[4:] == [name(0), name(5), name(1), name(3), name(2), name(4)]


def test_one_failure_does_not_stop_the_others() -> None:
    """Two of five invocations are refused: the others are made, then the sweep fails and names the two."""
    here = crowd(5)
    reading.fault(here, "InvokeFunction", "code:AccessDenied", skip=1, times=2)
    caught = here.sweep_fails(BatchFailed)
    assert len(here.handed_over) == 3
    refused = {name(number) for number in range(5)} - set(here.handed_over)
    assert [result["outcome"] for result in caught.results].count("failed") == 2
    assert [word in str(caught) for word in ("2 of 5", *refused, "AccessDenied")] == [True] * 4
    assert here.handed_over[0] not in str(caught)
    here.advance(MINUTE)
    here.sweep()
    assert refused <= set(here.handed_over)


def test_no_such_function() -> None:
    """A wrong SPOTKEEPER_INTERRUPTION_FUNCTION is an error each minute, with the API's code."""
    here = stage()
    here.sweep_fails(BatchFailed, match="FunctionNotFound", SPOTKEEPER_INTERRUPTION_FUNCTION="nobody")


@pytest.mark.parametrize("effect", ["code:AccessDenied", "code:ServiceUnavailable"])
@pytest.mark.parametrize("prefix", ["open/rescues/", "alive/", f"rescues/{SOURCE}/"])
def test_the_journal_is_down(effect: str, prefix: str) -> None:
    """Instances under the lock are handed over in each minute, but for the held; then the sweep fails."""
    here = crowd(3)
    here.cloud.ecs.reclaim(SOURCE)
    here.cloud.ecs.instances[name(2)].tags.set("spotkeeper:hold", "", here.cloud.now())
    begun(here, "i-bp1gone", -10)
    reading.fault(here, "ListObjectsV2", effect, times=None, resource=prefix)
    for minute in range(1, 3):
        here.sweep_fails(JournalUnavailable, match="SPOTKEEPER_JOURNAL")
        assert sorted(set(here.handed_over)) == [name(0), name(1), SOURCE]
        assert len(here.handed_over) == 3 * minute
        here.advance(MINUTE - here.cloud.now() % MINUTE)
    reading.heal(here)
    assert "i-bp1gone/1" in here.sweep()["handed_over"]


def test_the_journal_is_down_for_everybody() -> None:
    """The interruption function that is invoked retains the disks and makes the image without the journal."""
    here = stage()
    reading.fault(here, "ListObjectsV2", "code:AccessDenied", times=None)
    here.sweep_fails(JournalUnavailable)
    here.run(here.cloud.fc.run_due)
    assert len(reading.images(here)) == 1
    assert not any(reading.source_disks(here).values())


def test_images_cannot_be_seen() -> None:
    """An instance under the lock is handed over all the same: its data cannot wait. The sweep fails and says why."""
    here = stage()
    reading.fault(here, "DescribeImages", "code:Forbidden.RAM", times=None)
    here.sweep_fails(BatchFailed, match="Forbidden")
    assert here.handed_over == [SOURCE]


def test_instances_cannot_be_seen() -> None:
    """It fails with the API's code, and the next sweep goes on."""
    here = stage()
    reading.fault(here, "DescribeInstances", "code:Forbidden.RAM", times=None)
    here.sweep_fails(CloudError, match="Forbidden")
    assert here.writes() == []
    reading.heal(here)
    here.minutes(1)
    assert here.shortcomings() == []


READS = ("DescribeInstances", "DescribeImages", "ListObjectsV2")
OF_READS = ("reset-before", "reset-after", "code:InternalError")
OF_CALLS = (
    *("throttle", "refused", "reset-before", "reset-after", "slow", "garbage"),
    *("code:ResourceThrottled", "code:InternalServerError", "code:Throttling.User", "code:ResourceExhausted"),
)
MOMENTS = [*product(READS, OF_READS), *product(READS[:2], ["throttle"]), *product(["InvokeFunction"], OF_CALLS)]


@pytest.mark.parametrize(("action", "effect"), MOMENTS)
def test_a_bad_moment(action: str, effect: str) -> None:
    """Refused for a while, or nobody knows whether it was acted upon: handed over exactly once, in the same sweep."""
    here = stage()
    reading.fault(here, action, effect, times=2 if effect.startswith("code:") else 1)
    assert here.sweep()["outcome"] == "done"
    assert here.handed_over == [SOURCE]
    here.run()
    assert here.shortcomings() == []


def test_cleaning_up_never_holds_up_a_rescue() -> None:
    """Looking for leftovers of finished rescues is refused: what is under the lock is handed over all the same."""
    here = stage()
    here.write("i-bp1done", 1, "event", {})
    here.write("i-bp1done", 1, "done", {"at": here.cloud.now(), "answer": {"retained_disks": ["d-bp1left"]}})
    reading.fault(here, "DescribeDisks", "code:Forbidden.RAM", times=None)
    outcome_of(here.sweep)
    assert here.handed_over == [SOURCE]


@pytest.mark.parametrize(
    "key",
    ["README", "rescues/i-bp1x/notes", "rescues/i-bp1x/1/deep/er", "rescues/i-bp1x/old/event"],
)
def test_a_strange_object_in_the_journal(key: str) -> None:
    """Foreign objects beside the episodes stop no rescue."""
    here = stage()
    here.put(key, {})
    here.sweep()
    assert here.handed_over == [SOURCE]


def test_other_regions_and_accounts_are_not_swept() -> None:
    """Their open rescues are in the same journal, under their own names."""
    here = stage(locked=False)
    for home in ("1690701234567830/cn-hangzhou-2", "1690701234567831/cn-hangzhou", "1690701234567830/cn-shanghai"):
        here.put("rescues/i-bp1other/1/event", {}, home=f"rescues/{home}")
    assert here.sweep()["rescues"] == []
    assert all(text.startswith("oss.") for text in proof.untouched(here.before, here.state))  # by this test


def test_the_image_quota() -> None:
    """At 80 % of the quota a warning, with or without anything to do; public images do not count."""
    here = stage(locked=False)
    for number in range(8):
        here.cloud.ecs.add_public_image(f"m-own{number}").owner_alias = "self"
    assert here.sweep(SPOTKEEPER_IMAGE_QUOTA="11")["warnings"] == []
    (warning,) = here.sweep(SPOTKEEPER_IMAGE_QUOTA="10")["warnings"]
    assert "8 of 10 custom images" in warning
    assert here.sweep(SPOTKEEPER_IMAGE_QUOTA="10", SPOTKEEPER_DRY_RUN="true")["warnings"] == [warning]


def test_images_in_any_state_count() -> None:
    """One in creation takes a place of the quota, and so do more than a page of them."""
    here = stage(locked=False)
    for number in range(101):
        here.cloud.ecs.add_public_image(f"m-own{number}").owner_alias = "self"
        here.cloud.ecs.images[f"m-own{number}"].status = "Creating" if number % 2 else "Available"
    (warning,) = here.sweep()["warnings"]
    assert "101 of 100 custom images" in warning
