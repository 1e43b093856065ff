"""What an operator reads of a sweep: every reason and warning word for word, and what may be cleaned up."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from spotkeeper.hints import AGAIN, HUMAN
from spotkeeper.settings import SweepSettings
from sweeping.decide import Action, CleanUp, chosen, decide, decide_clean_up, quota_warnings, urgency
from sweeping.facts import Leftover, Rescue
from tests.sweep.test_decide import (
    ALIVE,
    BROKEN,
    DONE,
    DRAINED,
    LOCKED,
    LOST,
    NOW,
    OPEN,
    SILENT,
    STOPPING,
    TABLE,
    instance,
    rescue,
    sign,
    wanting,
)

SETTINGS = SweepSettings.from_env({"SPOTKEEPER_JOURNAL": "oss://bucket/journal"})
DAY = 86_400.0

HANDS_OFF = "the tag spotkeeper:hold says hands off"
OLD = "open for more than 24 hours: look at its last error and finish it by hand"
WORKED_ON = "a call is working on it"
REMEMBERED = "it is drained and remembered; state_change puts it back when it runs again"
GIVEN_UP = (
    "handed over 4 times since a call ended with an error that does not pass by itself: "
    "look at its last error and settle it"
)
HUMANS = "its last call needs a human: it is handed over again at"
NOBODY = "nobody is working on this open rescue"
NOT_BEGUN = "it is under the Recycling lock and no call has begun its rescue"

REASONS = [
    (rescue(locked=True, instance=instance(held=True)), HANDS_OFF),
    (rescue(OPEN, image_held=True, **LOCKED), HANDS_OFF),
    (rescue(OPEN, DONE, **LOCKED), "its rescue is finished"),
    (rescue(OPEN, DONE, LOST), "its rescue is finished"),
    (rescue(OPEN, LOST, **LOCKED), "its rescue was lost"),
    (rescue(OPEN, LOST), "its rescue was lost"),
    (rescue(OPEN, opened_at=NOW - 86_400.5), OLD),
    (rescue(OPEN, opened_at=0.0), OLD),
    (rescue(OPEN, opened_at=NOW - 86_400.0), NOBODY),
    (rescue(OPEN, opened_at=NOW - 86_399.5), NOBODY),
    (rescue(opened_at=NOW - 30 * DAY, **LOCKED), NOT_BEGUN),
    (rescue(OPEN, signs=ALIVE, **LOCKED), WORKED_ON),
    (rescue(OPEN, signs=SILENT, **LOCKED), NOBODY),
    (rescue(OPEN, unreadable=BROKEN), BROKEN),
    (rescue(OPEN, unreadable=BROKEN, opened_at=0.0), BROKEN),
    (rescue(OPEN, unreadable=BROKEN, **LOCKED), NOBODY),
    (rescue(OPEN, DRAINED, **STOPPING), REMEMBERED),
    (rescue(OPEN, DRAINED, opened_at=0.0, signs=ALIVE, **STOPPING), REMEMBERED),
    (rescue(DRAINED, **STOPPING), NOT_BEGUN),
    (rescue(OPEN, **STOPPING), NOBODY),
    (rescue(OPEN), NOBODY),
    (rescue(OPEN, LOST, end={"at": NOW, "reason": "gone"}), "it was lost: gone"),
    (
        rescue(OPEN, signs=(sign(9999, HUMAN),), handed=4),
        GIVEN_UP,
    ),
    (rescue(OPEN, signs=(sign(59, HUMAN),)), f"{HUMANS} 2019-04-09T04:20:01.000Z"),
    (rescue(OPEN, signs=(sign(299, HUMAN),), handed=1), f"{HUMANS} 2019-04-09T04:20:01.000Z"),
    (
        rescue(OPEN, signs=(sign(9, AGAIN),), notice_end=NOW),
        "its last call has just ended: Function Compute tries it again",
    ),
    (rescue(**LOCKED), NOT_BEGUN),
    (rescue(OPEN, DONE, **STOPPING), NOT_BEGUN),
    (rescue(instance=instance()), "there is neither a lock nor an open rescue"),
]


@pytest.mark.parametrize(("given", "reason"), REASONS)
def test_the_reason(given: Rescue, reason: str) -> None:
    """Word for word."""
    assert decide(given, NOW).reason == reason


def test_every_reason_is_here() -> None:
    """No row of the truth table is decided for a reason that nobody reads here."""
    assert {decide(given, NOW).reason for given, _ in TABLE.values()} <= {reason for _, reason in REASONS}


def test_the_actions_in_words() -> None:
    """As the audit records them."""
    assert [action.value for action in Action] == ["hand over", "leave", "report"]


@pytest.mark.parametrize(
    ("notice_end", "sorts_as"),
    [
        (None, (False, 240.0)),
        (NOW + 30.5, (False, 30.5)),
        (NOW + 0.5, (False, 0.5)),
        (NOW, (True, 0.0)),
        (NOW - 5, (True, -5.0)),
    ],
)
def test_urgency(notice_end: float | None, sorts_as: tuple[bool, float]) -> None:
    """The seconds left, and last of all what has none."""
    assert urgency(wanting("i-1", notice_end), NOW) == sorts_as


def test_the_whole_order() -> None:
    """By the time left, those whose notice is over at the end; those beyond the limit wait."""
    ends = {"over": NOW, "wide": NOW + 280, "tight": NOW + 30, "long over": NOW - 900, "unknown": None}
    due, later = chosen([wanting(name, end) for name, end in ends.items()], replace(SETTINGS, limit=3), NOW)
    assert [one.rescue.instance_id for one in due] == ["tight", "unknown", "wide"]
    assert [one.rescue.instance_id for one in later] == ["long over", "over"]


def answered(text: str) -> str:
    """Equal to ``text`` but not the same object, as everything in an API's answer."""
    return "".join(list(text))


def disk(disk_id: str, status: str) -> dict[str, Any]:
    """A disk as DescribeDisks shows it."""
    return {"DiskId": disk_id, "Status": answered(status)}


LEFT = Leftover(
    "i-1",
    1,
    finished_at=NOW - 30 * DAY,
    image_id="m-1",
    image={"ImageId": "m-1", "Usage": "none"},
    snapshot_ids=("s-1", "s-2"),
    disks=(disk("d-1", "Available"), disk("d-2", "In_use"), disk("d-3", "Available"), {"DiskId": "d-4"}),
)
GONE = replace(LEFT, image=None, snapshot_ids=(), disks=())
OVER = "nothing is left of it"
FREE = ("m-1", ("s-1", "s-2"), ("d-1", "d-3"), "old and unused")


def kept(reason: str) -> tuple[str, tuple[str, ...], tuple[str, ...], str]:
    """Nothing may be deleted, because."""
    return ("", (), (), reason)


CLEAN_UPS = [
    (LEFT, FREE),
    (replace(LEFT, image={"ImageId": "m-1"}), FREE),
    (replace(LEFT, finished_at=0.0), FREE),
    (replace(LEFT, image=None), ("", *FREE[1:])),
    (replace(LEFT, disks=()), (*FREE[:2], (), FREE[3])),
    (replace(LEFT, held=True), kept("the tag spotkeeper:hold says hands off")),
    (replace(LEFT, unreadable=BROKEN), kept(BROKEN)),
    (replace(GONE, unreadable=BROKEN), kept(BROKEN)),
    (replace(GONE, finished_at=NOW - DAY), kept("finished 1.0 days ago; SPOTKEEPER_IMAGE_TTL_DAYS is 7")),
    (replace(GONE, finished_at=NOW - DAY / 2), kept("finished 0.5 days ago; SPOTKEEPER_IMAGE_TTL_DAYS is 7")),
    (replace(GONE, finished_at=NOW - DAY - 0.1), kept(OVER)),
    (replace(GONE, finished_at=0.0), kept(OVER)),
    (replace(GONE, source_stands=True, held=True), kept(OVER)),
    (replace(GONE, image={"ImageId": "m-1"}), ("m-1", (), (), "old and unused")),
    (replace(GONE, snapshot_ids=("s-1",)), ("", ("s-1",), (), "old and unused")),
    (replace(GONE, disks=({"DiskId": "d-4"},)), ("", (), (), "old and unused")),
    (replace(LEFT, source_stands=True), kept("the source still stands")),
    (replace(LEFT, image={"Usage": answered("instance")}), kept("the image is in use")),
    (replace(LEFT, finished_at=NOW - 7 * DAY), FREE),
    (
        replace(LEFT, finished_at=NOW - 7 * DAY + 1),
        kept("finished 7.0 days ago; SPOTKEEPER_IMAGE_TTL_DAYS is 7"),
    ),
    (replace(LEFT, finished_at=NOW), kept("finished 0.0 days ago; SPOTKEEPER_IMAGE_TTL_DAYS is 7")),
    (replace(LEFT, finished_at=NOW - 5.5 * DAY), kept("finished 5.5 days ago; SPOTKEEPER_IMAGE_TTL_DAYS is 7")),
]


@pytest.mark.parametrize(("leftover", "expected"), CLEAN_UPS)
def test_what_may_be_deleted(leftover: Leftover, expected: tuple[str, tuple[str, ...], tuple[str, ...], str]) -> None:
    """The image and the detached disks of a rescue that is old, unheld and over; or nothing, and why."""
    clean_up = decide_clean_up(leftover, SETTINGS, NOW)
    image_id, snapshot_ids, disk_ids, reason = expected
    due = reason == "old and unused"
    assert clean_up == CleanUp(leftover, image_id, snapshot_ids, disk_ids, due=due, reason=reason, over=reason == OVER)


def test_a_fraction_of_a_day() -> None:
    """The setting may have one, and is quoted as it was set; a day has 86,400 s."""
    chosen_days = replace(SETTINGS, image_ttl_days=0.5)
    young, old = replace(LEFT, finished_at=NOW - 43_199.9), replace(LEFT, finished_at=NOW - 43_200.0)
    assert decide_clean_up(young, chosen_days, NOW).reason == "finished 0.5 days ago; SPOTKEEPER_IMAGE_TTL_DAYS is 0.5"
    assert decide_clean_up(old, chosen_days, NOW).due


def test_the_quota_warning() -> None:
    """Word for word; none below 80 %."""
    assert " ".join(quota_warnings([object()] * 80, SETTINGS)) == (
        "80 of 100 custom images are used (SPOTKEEPER_IMAGE_QUOTA): "
        "delete some or raise the quota, or the next rescue has no image"
    )
    assert quota_warnings([object()] * 79, SETTINGS) == []


def test_a_decision_stands() -> None:
    """Nobody edits it after it was made."""
    with pytest.raises(FrozenInstanceError):
        decide(rescue(OPEN), NOW).reason = "another"  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError):
        decide_clean_up(LEFT, SETTINGS, NOW).image_id = "m-2"  # type: ignore[misc]
