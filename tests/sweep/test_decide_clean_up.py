"""Which leftovers of a finished rescue may be deleted, with the reason word for word."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import Any

import pytest

from sweeping.decide import DAY, CleanUp, decide_clean_up
from sweeping.state import Leftover
from tests.sweep.test_decide import BROKEN, HELD, NOW, SETTINGS
from tests.tables import answered


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
    (replace(LEFT, held=True), kept(HELD)),
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
    assert clean_up == CleanUp(leftover, reason, image_id, snapshot_ids, disk_ids, due=due, closed=reason == OVER)


def test_a_fraction_of_a_day() -> None:
    """The setting may have one, and is quoted as it was set; a day has 86,400 s."""
    chosen_days = replace(SETTINGS, image_ttl_days=0.5)
    young, old = replace(LEFT, finished_at=NOW - 43_199.9), replace(LEFT, finished_at=NOW - 43_200.0)
    assert decide_clean_up(young, chosen_days, NOW).reason == "finished 0.5 days ago; SPOTKEEPER_IMAGE_TTL_DAYS is 0.5"
    assert decide_clean_up(old, chosen_days, NOW).due


def test_a_decision_stands() -> None:
    """No field is set after it was made."""
    with pytest.raises(FrozenInstanceError):
        decide_clean_up(LEFT, SETTINGS, NOW).image_id = "m-2"  # type: ignore[misc]
